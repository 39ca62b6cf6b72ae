"""pysnmp as the other side: it reads what we ask, and we read what it answers."""

import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v1, v2c  # type: ignore[import-untyped]

from collectors.snmp.ber import Value, dotted, to_value
from collectors.snmp.message import Community, PduType, Version, decode_pdu, request_id
from collectors.snmp.plan import REQUEST_ID_MIN, Planned, encode_names
from collectors.snmp.shape import Shape

PROTOCOLS: dict[str, Any] = {"1": v1, "2c": v2c}
REQUESTS = {
    PduType.GET: "GetRequestPDU",
    PduType.GET_NEXT: "GetNextRequestPDU",
    PduType.GET_BULK: "GetBulkRequestPDU",
}

oids = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20).map(
    lambda tail: "1.3." + ".".join(map(str, tail))
)
versions = st.sampled_from(["1", "2c"])
ids = st.integers(REQUEST_ID_MIN, 2**31 - 1)
small = st.integers(0, 32).flatmap(lambda bits: st.integers(0, 2**bits - 1))
large = st.integers(0, 64).flatmap(lambda bits: st.integers(0, 2**bits - 1))
signed = st.integers(0, 31).flatmap(lambda bits: st.integers(-(2**bits), 2**bits - 1))
floats = st.floats(allow_nan=False)
quads = st.tuples(*[st.integers(0, 255)] * 4).map(bytes)

# pysnmp's value and what it must become here, for each type that SNMP has.
both_versions = st.one_of(
    signed.map(lambda n: ("Integer", n, n)),
    st.binary(max_size=300).map(lambda octets: ("OctetString", octets, octets)),
    oids.map(lambda name: ("ObjectIdentifier", name, name)),
    quads.map(lambda octets: ("IpAddress", ".".join(map(str, octets)), octets)),
    small.map(lambda n: ("TimeTicks", n, n)),
    floats.map(lambda x: ("Opaque", b"\x9f\x79\x08" + struct.pack(">d", x), x)),
    st.just(("Null", "", None)),
)
of_v1 = st.one_of(
    both_versions, small.map(lambda n: ("Counter", n, n)), small.map(lambda n: ("Gauge", n, n))
)
of_v2c = st.one_of(
    both_versions,
    small.map(lambda n: ("Counter32", n, n)),
    small.map(lambda n: ("Gauge32", n, n)),
    small.map(lambda n: ("Unsigned32", n, n)),
    large.map(lambda n: ("Counter64", n, n)),
    st.sampled_from(["NoSuchObject", "NoSuchInstance", "EndOfMibView"]).map(
        lambda kind: (kind, "", None)
    ),
)


@pytest.mark.parametrize("kind", REQUESTS)
@given(
    version=versions,
    names=st.lists(oids, min_size=1, max_size=10),
    word=st.binary(max_size=64),
    numbers=st.tuples(ids, st.integers(0, 1000)),
)
def test_pysnmp_reads_what_we_ask(
    kind: PduType, *, version: Version, names: list[str], word: bytes, numbers: tuple[int, int]
) -> None:
    """Version, community, type, id, repetitions and names in their order, and nothing behind."""
    number, repetitions = numbers
    bulk = kind is PduType.GET_BULK
    version = "2c" if bulk else version
    protocol = PROTOCOLS[version]
    planned = Planned.of(kind, encode_names(names), repetitions if bulk else 0)

    datagram = Community(version, word).seal(planned.pdu(number))
    message, trailing = decoder.decode(datagram, asn1Spec=protocol.Message())
    pdu = protocol.apiMessage.get_pdu(message)

    assert not trailing
    assert int(protocol.apiMessage.get_version(message)) == (version == "2c")
    assert bytes(protocol.apiMessage.get_community(message)) == word
    assert type(pdu).__name__ == REQUESTS[kind]
    assert int(protocol.apiPDU.get_request_id(pdu)) == number
    assert [str(name) for name, _ in protocol.apiPDU.get_varbinds(pdu)] == names
    if bulk:
        assert int(protocol.apiBulkPDU.get_non_repeaters(pdu)) == 0
        assert int(protocol.apiBulkPDU.get_max_repetitions(pdu)) == repetitions


def answered(
    version: Version, word: bytes, number: int, rows: list[tuple[str, tuple[str, Any, Value]]]
) -> bytes:
    """Let pysnmp encode an answer."""
    protocol = PROTOCOLS[version]
    pdu = protocol.GetResponsePDU()
    protocol.apiPDU.set_defaults(pdu)
    protocol.apiPDU.set_request_id(pdu, number)
    values = [(name, getattr(protocol, kind)(value)) for name, (kind, value, _) in rows]
    protocol.apiPDU.set_varbinds(pdu, values)
    message = protocol.Message()
    protocol.apiMessage.set_defaults(message)
    protocol.apiMessage.set_community(message, word)
    protocol.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


@given(
    exchange=st.one_of(
        st.tuples(st.just("1"), st.lists(st.tuples(oids, of_v1), max_size=10)),
        st.tuples(st.just("2c"), st.lists(st.tuples(oids, of_v2c), max_size=10)),
    ),
    word=st.binary(max_size=64),
    number=ids,
)
def test_we_read_what_pysnmp_answers(
    exchange: tuple[Version, list[tuple[str, tuple[str, Any, Value]]]], word: bytes, number: int
) -> None:
    """All types of both versions, by the strict decoder and by a learnt layout alike."""
    version, rows = exchange
    pdu = Community(version, word).open(answered(version, word, number, rows))
    decoded = decode_pdu(pdu)
    expected = [value for _, (_, _, value) in rows]

    assert request_id(pdu) == decoded.request_id == number
    assert [dotted(pdu[s.name_start : s.name_stop]) for s in decoded.spans] == [n for n, _ in rows]
    assert [to_value(s.tag, pdu[s.start : s.stop]) for s in decoded.spans] == expected

    shape = Shape(tuple(encode_names([name for name, _ in rows])))
    shape.learn(pdu, decoded)
    layout = shape.find(pdu)
    assert layout is not None
    values, texts = layout.read(pdu)
    numbers = [value if isinstance(value, int | float) else math.nan for value in expected]
    octets = {at: row[1][2] for at, row in enumerate(rows) if row[1][0] == "OctetString"}
    assert dict(texts) == octets
    for at, (got, wanted) in enumerate(zip(values, numbers, strict=True)):
        assert at in octets or np.array_equal(got, wanted, equal_nan=True)


@given(version=versions, status=st.integers(0, 5), index=st.integers(0, 9), number=ids)
def test_we_read_the_errors_that_pysnmp_reports(
    version: Version, status: int, index: int, number: int
) -> None:
    """Status and index, and the objects that were asked for."""
    protocol = PROTOCOLS[version]
    pdu = protocol.GetResponsePDU()
    protocol.apiPDU.set_defaults(pdu)
    protocol.apiPDU.set_request_id(pdu, number)
    protocol.apiPDU.set_error_status(pdu, status)
    protocol.apiPDU.set_error_index(pdu, index)

    decoded = decode_pdu(bytes(encoder.encode(pdu)))

    assert (decoded.type, decoded.request_id) == (PduType.RESPONSE, number)
    assert (decoded.status, decoded.index, decoded.spans) == (status, index, [])
