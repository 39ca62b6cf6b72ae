"""SNMP v1 and v2c: messages, values, learnt layouts, and whole talks with a hostile agent."""

import struct
from collections.abc import Iterable, Iterator
from math import isnan, nan
from typing import Final

from collectors.snmp.ber import (
    OPAQUE_NUMBERS,
    WIDTHS,
    BerError,
    Tag,
    Value,
    dotted,
    integer,
    oid,
    tlv,
    to_int,
    to_value,
)
from collectors.snmp.message import (
    VARBINDS_MAX,
    Community,
    MismatchError,
    Pdu,
    PduType,
    decode_pdu,
    request_id,
    unwrap,
)
from collectors.snmp.shape import Shape, number
from fuzz.target import DATAGRAM_OCTETS_MAX, Target

WORD: Final = b"public"
NUMBER: Final = 0x00C0FFEE
NAMES: Final = tuple(oid(f"1.3.6.1.4.1.99.1.{n}.0") for n in range(4))
ENVELOPE: Final = Community("2c", WORD)
VALUES: Final = (  # one of each form in which values come
    b"\x02\x01\x2a",
    b"\x02\x05\x00\x7f\xff\xff\xff",
    b"\x02\x03\x12\x34\x56",
    b"\x41\x04\xff\xff\xff\xff",
    b"\x41\x05\x00\xff\xff\xff\xff",
    b"\x42\x02\x12\x34",
    b"\x43\x03\x12\x34\x56",
    b"\x46\x08\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\x46\x09\x00\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x46\x06\x12\x34\x56\x78\x9a\xbc",
    b"\x04\x04\x32\x33\x2e\x35",
    b"\x04\x00",
    b"\x06\x03\x2b\x06\x01",
    b"\x40\x04\x0a\x00\x00\x01",
    tlv(Tag.OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", 23.5)),
    tlv(Tag.OPAQUE, b"\x9f\x79\x08" + struct.pack(">d", 23.5)),
    tlv(Tag.OPAQUE, b"\x04\x01a"),
    b"\x05\x00",
    b"\x80\x00",
    b"\x81\x00",
    b"\x82\x00",
)


def pdu(values: Iterable[bytes], *, status: int = 0, index: int = 0, kind: int = 0xA2) -> bytes:
    """Encode an answer about `NAMES`, one value after the other."""
    named = zip(NAMES, values, strict=False)
    varbinds = b"".join(tlv(Tag.SEQUENCE, tlv(Tag.OID, name) + value) for name, value in named)
    return answer(varbinds, status=status, index=index, kind=kind)


def answer(varbinds: bytes, *, status: int = 0, index: int = 0, kind: int = 0xA2) -> bytes:
    """Encode an answer that holds these octets as its varbinds."""
    fields = b"".join(tlv(Tag.INTEGER, integer(n)) for n in (NUMBER, status, index))
    return tlv(kind, fields + tlv(Tag.SEQUENCE, varbinds))


def messages() -> Iterator[bytes]:
    """Yield honest datagrams: each form of value, an error, requests, both versions."""
    for at in range(0, len(VALUES), 3):
        yield ENVELOPE.seal(pdu(VALUES[at : at + 3]))
    yield ENVELOPE.seal(pdu([], status=2, index=1))
    yield Community("1", WORD).seal(pdu(VALUES[:2], kind=PduType.GET))
    yield Community("1", b"").seal(pdu(VALUES[:1], kind=PduType.GET_BULK))


def giant_messages() -> Iterator[bytes]:
    """Yield datagrams as large as there are: many varbinds, long names, deep nesting, one value."""
    small = tlv(Tag.SEQUENCE, tlv(Tag.OID, b"\x2b") + b"\x05\x00")
    yield ENVELOPE.seal(answer(small * VARBINDS_MAX))
    yield ENVELOPE.seal(answer(small * 8000))
    wide = tlv(Tag.SEQUENCE, tlv(Tag.OID, b"\x2b" + b"\x8f\xff\xff\xff\x7f" * 11) + b"\x05\x00")
    yield ENVELOPE.seal(answer(wide * 1000))
    bomb = tlv(Tag.OID, b"\x2b" + b"\x01" * 20_000)
    yield ENVELOPE.seal(answer(tlv(Tag.SEQUENCE, bomb + b"\x02\x01\x2a")))
    yield ENVELOPE.seal(answer(tlv(Tag.SEQUENCE, tlv(Tag.OID, b"\x2b") + bomb)))
    octets = b""
    while len(octets) < DATAGRAM_OCTETS_MAX - 50:
        octets = tlv(Tag.SEQUENCE, octets)
    yield ENVELOPE.seal(answer(octets))
    for tag in (Tag.OCTET_STRING, Tag.INTEGER, Tag.COUNTER64, Tag.OPAQUE):
        value = tlv(tag, b"7" * 65_000)
        yield ENVELOPE.seal(answer(tlv(Tag.SEQUENCE, tlv(Tag.OID, NAMES[0]) + value)))
    yield bytes(DATAGRAM_OCTETS_MAX)
    yield b"\x30" * DATAGRAM_OCTETS_MAX


def message(data: bytes) -> None:
    """Decode a datagram to its last value; a second way in finds the same."""
    try:
        _, _, inner = unwrap(data)
        decoded = decode_pdu(inner)
        values = [to_value(span.tag, inner[span.start : span.stop]) for span in decoded.spans]
        names = [dotted(inner[span.name_start : span.name_stop]) for span in decoded.spans]
    except BerError:
        return
    assert len(names) <= VARBINDS_MAX
    for span, name, value in zip(decoded.spans, names, values, strict=True):
        assert dotted(oid(name)) == name
        if span.tag in WIDTHS:
            assert isinstance(value, int)
            assert to_int(span.tag, integer(value)) == value
    try:
        assert ENVELOPE.open(data) == inner
        assert (request_id(inner) - decoded.request_id) % (1 << 32) == 0  # ours have no sign
    except MismatchError:
        pass


def strictly(inner: bytes, decoded: Pdu) -> list[tuple[int, Value]]:
    """Return type and value of every varbind. Raises: BerError."""
    return [(s.tag, to_value(s.tag, inner[s.start : s.stop])) for s in decoded.spans]


def as_number(tag: int, value: Value) -> float:
    """Return what a poll may make of a value."""
    if tag in WIDTHS or isinstance(value, float):
        assert isinstance(value, int | float)
        return float(value)
    return number(value) if tag == Tag.OCTET_STRING and isinstance(value, bytes) else nan


def _learnt() -> tuple[list[bytes], Shape]:
    """Learn the layouts of answers, as many as there are forms of values."""
    layouts, answers = [], []
    for at in range(0, len(VALUES), 4):
        answers.append(pdu(VALUES[at : at + 4]))
        shape = Shape(NAMES[: len(VALUES[at : at + 4])])
        layouts.append(shape.learn(answers[-1], decode_pdu(answers[-1])))
    shape = Shape(NAMES)
    shape.layouts = layouts
    return answers, shape


ANSWERS, SHAPE = _learnt()


def shape(data: bytes) -> None:
    """Whatever a learnt layout takes, the strict decoder takes too, and reads the same numbers.

    The first octet picks an answer, each two that follow change one octet of it.
    """
    if not data:
        return
    base = ANSWERS[data[0] % len(ANSWERS)]
    changed = bytearray(base)
    for at in range(1, len(data) - 1, 2):
        changed[data[at] % len(base)] = data[at + 1]
    inner = bytes(changed)
    layout = SHAPE.find(inner)
    if layout is None:
        return
    decoded = decode_pdu(inner)
    assert (decoded.type, decoded.status, decoded.index) == (PduType.RESPONSE, 0, 0)
    names = [inner[span.name_start : span.name_stop] for span in decoded.spans]
    assert names == [*NAMES[: len(names)]]
    values, texts = layout.read(inner)
    strict = strictly(inner, decoded)
    for value, (tag, told) in zip(values, strict, strict=True):
        wanted = as_number(tag, told)
        assert float(value) == wanted or (isnan(value) and isnan(wanted))
    assert dict(texts) == {
        n: told for n, (tag, told) in enumerate(strict) if tag == Tag.OCTET_STRING
    }


def patches() -> Iterator[bytes]:
    """Yield each answer as it is, and with one octet changed."""
    for pick in range(len(ANSWERS)):
        yield bytes((pick,))
        yield bytes((pick, len(ANSWERS[pick]) - 1, 0x55))


TARGETS: Final = (
    Target(
        name="message",
        run=message,
        seeds=messages,
        giants=giant_messages,
        words=(*VALUES, WORD, *OPAQUE_NUMBERS, b"\x30\x80", b"\x30\x84", b"\xa2\x82"),
        size_max=1472,
    ),
    Target(name="shape", run=shape, seeds=patches, size_max=64),
)
