"""Messages are what other managers send, and nothing but an answer to us is opened."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.snmp import message
from collectors.snmp.ber import BerError, Tag, integer, oid, tlv, to_value
from collectors.snmp.message import (
    Community,
    ErrorStatus,
    MismatchError,
    PduType,
    decode_pdu,
    encode_pdu,
    request_id,
)
from collectors.snmp.plan import DATAGRAM_BYTES_MAX, REQUEST_ID_MIN, Planned, encode_names, split

# snmpget, snmpgetnext and snmpbulkget -Cn0 -Cr12 of sysUpTime.0, Net-SNMP 5.9.3 on loopback, all
# put to one request-id.
REQUEST_ID = 0x2FED16E5
CAPTURED = {
    ("1", PduType.GET, 0): "3029020100 04067075626c6963 a01c02042fed16e5 020100 020100",
    ("2c", PduType.GET, 0): "3029020101 04067075626c6963 a01c02042fed16e5 020100 020100",
    ("2c", PduType.GET_NEXT, 0): "3029020101 04067075626c6963 a11c02042fed16e5 020100 020100",
    ("2c", PduType.GET_BULK, 12): "3029020101 04067075626c6963 a51c02042fed16e5 020100 02010c",
}
VARBIND = "300e300c06082b060102010103000500"

ENVELOPE = Community("2c", b"public")
NAMES = [oid("1.3.6.1.2.1.1.3.0"), oid("1.3.6.1.4.1.13742.6.5.2.3.1.4.1.1.1")]


def answer(values: list[bytes], names: list[bytes] = NAMES, number: int = REQUEST_ID) -> bytes:
    """Encode a response PDU."""
    pairs = zip(names, values, strict=True)
    listed = b"".join(tlv(Tag.SEQUENCE, tlv(Tag.OID, name) + value) for name, value in pairs)
    fields = b"".join(tlv(Tag.INTEGER, integer(field)) for field in (number, 0, 0))
    return tlv(PduType.RESPONSE, fields + tlv(Tag.SEQUENCE, listed))


PDU = answer([tlv(Tag.TIME_TICKS, b"\x01\x00"), tlv(Tag.OCTET_STRING, b"x" * 200)])
DATAGRAM = ENVELOPE.seal(PDU)


@pytest.mark.parametrize(("case", "head"), CAPTURED.items(), ids=str)
def test_requests_are_what_net_snmp_sends(
    case: tuple[message.Version, PduType, int], head: str
) -> None:
    """Byte for byte, so any device that answers Net-SNMP answers us."""
    version, kind, repetitions = case
    planned = Planned.of(kind, NAMES[:1], repetitions)

    sent = Community(version, b"public").seal(planned.pdu(REQUEST_ID))

    assert sent == bytes.fromhex(head + VARBIND)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=80), st.integers(1, 99))
def test_requests_fit_a_datagram_and_ask_for_everything_once(tails: list[int], limit: int) -> None:
    """However the objects are cut into requests, none is lost, doubled or out of order."""
    names = encode_names([f"1.3.6.1.4.1.{tail}.{'1.' * (tail % 90)}0" for tail in tails])
    word = b"public" * 4

    parts = [names[part] for part in split(names, len(word), limit)]

    assert [name for part in parts for name in part] == names
    for part in parts:
        planned = Planned.of(PduType.GET, part)
        sealed = Community("2c", word).seal(planned.pdu(REQUEST_ID_MIN))
        assert len(part) <= limit
        assert len(sealed) <= DATAGRAM_BYTES_MAX
        assert planned.names == tuple(part)


@given(st.integers(REQUEST_ID_MIN, 2**31 - 1))
def test_only_the_request_id_of_a_planned_request_changes(number: int) -> None:
    """It is encoded once for months, so each datagram must differ in four octets alone."""
    planned = Planned.of(PduType.GET, NAMES)
    decoded = decode_pdu(planned.pdu(number))

    assert decoded.request_id == number
    assert len(planned.pdu(number)) == len(planned.pdu(REQUEST_ID_MIN))
    assert decoded.type == PduType.GET


def test_an_answer_is_decoded_where_it_lies() -> None:
    """Spans point into the PDU; values are decoded by whoever needs them."""
    pdu = ENVELOPE.open(DATAGRAM)
    decoded = decode_pdu(pdu)

    assert request_id(pdu) == decoded.request_id == REQUEST_ID
    assert decoded.status == ErrorStatus.NO_ERROR
    assert [pdu[s.name_start : s.name_stop] for s in decoded.spans] == NAMES
    assert [to_value(s.tag, pdu[s.start : s.stop]) for s in decoded.spans] == [256, b"x" * 200]


@pytest.mark.parametrize(
    ("other", "reason"),
    [(Community("1", b"public"), "version"), (Community("2c", b"public2"), "community")],
)
def test_an_envelope_that_is_not_ours_is_told_apart(other: Community, reason: str) -> None:
    """Net-SNMP accepts any community in an answer; we do not."""
    with pytest.raises(MismatchError, match=reason):
        ENVELOPE.open(other.seal(PDU))


def test_a_known_envelope_is_still_checked() -> None:
    """That answers of a size were good before says nothing of the next one of that size."""
    assert ENVELOPE.open(DATAGRAM) == ENVELOPE.open(DATAGRAM) == PDU
    with pytest.raises(MismatchError, match="community"):
        ENVELOPE.open(DATAGRAM.replace(b"public", b"publik"))


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        DATAGRAM + b"\xde\xad",
        b"\x30\x80" + DATAGRAM[4:] + b"\x00\x00",
        ENVELOPE.seal(PDU + b"\x00"),
        tlv(Tag.SEQUENCE, DATAGRAM),
        tlv(0x31, DATAGRAM[4:]),
        tlv(Tag.SEQUENCE, tlv(Tag.INTEGER, b"") + tlv(Tag.OCTET_STRING, b"public") + PDU),
    ],
    ids=["empty", "trailing", "indefinite", "inner trailing", "nested", "set", "no version"],
)
def test_malformed_datagrams_are_refused(datagram: bytes) -> None:
    """Somewhere on the way from datagram to spans, and always with the same exception."""
    with pytest.raises(BerError):
        decode_pdu(ENVELOPE.open(datagram))


@pytest.mark.parametrize(
    "varbinds",
    [
        b"\x31\x05\x06\x01\x2b\x05\x00",
        b"\x30\x05\x04\x01\x2b\x05\x00",
        b"\x30\x07\x06\x01\x2b\x05\x00\x05\x00",
        b"\x30\x03\x06\x01\x2b",
        b"\x30\x00",
    ],
    ids=["no sequence", "no name", "two values", "no value", "nothing"],
)
def test_varbinds_are_a_name_and_a_value(varbinds: bytes) -> None:
    """Neither less nor more, nor in other types."""
    fields = b"".join(tlv(Tag.INTEGER, integer(field)) for field in (REQUEST_ID, 0, 0))
    with pytest.raises(BerError):
        decode_pdu(tlv(PduType.RESPONSE, fields + tlv(Tag.SEQUENCE, varbinds)))
    with pytest.raises(BerError):
        decode_pdu(tlv(PduType.RESPONSE, fields + tlv(Tag.SEQUENCE, b"") + b"\x05\x00"))


@given(st.integers(0, len(DATAGRAM) - 1))
def test_a_truncated_datagram_is_refused(size: int) -> None:
    """Wherever it is cut."""
    with pytest.raises(BerError):
        decode_pdu(ENVELOPE.open(DATAGRAM[:size]))


@given(
    st.lists(
        st.tuples(st.integers(0, len(DATAGRAM) - 1), st.integers(0, 255)), min_size=1, max_size=4
    )
)
def test_damage_is_refused_with_the_documented_exceptions_only(
    damage: list[tuple[int, int]],
) -> None:
    """Flipped octets give a refusal or a well-formed answer; nothing else can happen."""
    octets = bytearray(DATAGRAM)
    for position, octet in damage:
        octets[position] = octet
    with contextlib.suppress(BerError, MismatchError):
        pdu = ENVELOPE.open(bytes(octets))
        request_id(pdu)
        for span in decode_pdu(pdu).spans:
            to_value(span.tag, pdu[span.start : span.stop])


@given(st.binary(max_size=300))
def test_garbage_is_refused_with_the_documented_exceptions_only(octets: bytes) -> None:
    """Random octets, with and without a plausible beginning."""
    for datagram in (octets, tlv(Tag.SEQUENCE, octets), ENVELOPE.seal(octets)):
        with contextlib.suppress(BerError, MismatchError):
            decode_pdu(ENVELOPE.open(datagram))


def test_no_answer_can_name_more_varbinds_than_a_datagram_needs() -> None:
    """A datagram of 64 KiB could hold 9,000 empty names; the list ends before."""
    listed = b"\x30\x05\x06\x01\x00\x05\x00" * (message.VARBINDS_MAX + 1)
    fields = b"".join(tlv(Tag.INTEGER, integer(field)) for field in (REQUEST_ID, 0, 0))
    with pytest.raises(BerError, match="more than"):
        decode_pdu(tlv(PduType.RESPONSE, fields + tlv(Tag.SEQUENCE, listed)))


def test_other_pdus_are_no_answers() -> None:
    """A request that comes back, a trap or a report is not what was asked for."""
    for kind in (PduType.GET, PduType.GET_BULK, 0xA7, 0xA8):
        with pytest.raises(MismatchError, match="type"):
            request_id(bytes([kind]) + PDU[1:])


def test_there_is_no_way_to_ask_for_a_change() -> None:
    """Every request type is one that reads (RFC 3416 §3); SET, 0xA3, is not among them."""
    assert sorted(PduType) == [0xA0, 0xA1, 0xA2, 0xA5]
    assert encode_pdu(PduType.GET, NAMES)[0] == 0xA0
