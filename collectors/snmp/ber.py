"""BER as SNMP uses it (RFC 3417 §8): definite lengths, every size bounded, one exception.

Strict where a mistake could change a value, lenient where agents are known to be clumsy but clear:
a length may use more octets than it needs, an integer may be padded within its type's width.

>>> tlv(Tag.INTEGER, integer(300)).hex(" ")
'02 02 01 2c'
>>> oid("1.3.6.1.4.1.13742.6").hex(" ")
'2b 06 01 04 01 eb 2e 06'
>>> dotted(bytes.fromhex("2b 06 01 04 01 eb 2e 06"))
'1.3.6.1.4.1.13742.6'
"""

import enum
import struct
from typing import Final

Value = int | float | bytes | str | None

LENGTH_OCTETS_MAX: Final = 4  # 4 GiB; a datagram has 64 KiB, so more octets are an attack
ARCS_MAX: Final = 128  # RFC 2578 §3.5
ARC_OCTETS_MAX: Final = 5  # 32 bits, seven an octet
OID_OCTETS_MAX: Final = ARCS_MAX * ARC_OCTETS_MAX  # refused by size before any arc is read


class BerError(ValueError):
    """Octets that SNMP does not allow, or a name that is no OID; nothing else is raised."""


class Tag(enum.IntEnum):
    """The identifier octets of SNMP that a reader of devices needs (RFC 2578, RFC 3416 §3)."""

    INTEGER = 0x02
    OCTET_STRING = 0x04
    NULL = 0x05
    OID = 0x06
    SEQUENCE = 0x30
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    GAUGE32 = 0x42
    TIME_TICKS = 0x43
    OPAQUE = 0x44
    COUNTER64 = 0x46
    NO_SUCH_OBJECT = 0x80
    NO_SUCH_INSTANCE = 0x81
    END_OF_MIB_VIEW = 0x82


WIDTHS: Final = {  # octets of each integer type
    Tag.INTEGER: 4,
    Tag.COUNTER32: 4,
    Tag.GAUGE32: 4,
    Tag.TIME_TICKS: 4,
    Tag.COUNTER64: 8,
}
OPAQUE_NUMBERS: Final = {  # how net-snmp wraps floating point in Opaque: lead, then IEEE 754
    b"\x9f\x78\x04": struct.Struct(">f"),
    b"\x9f\x79\x08": struct.Struct(">d"),
}
ABSENT: Final = {  # RFC 3416 §3: instead of a value
    Tag.NO_SUCH_OBJECT: "noSuchObject",
    Tag.NO_SUCH_INSTANCE: "noSuchInstance",
    Tag.END_OF_MIB_VIEW: "endOfMibView",
}
_EMPTY: Final = {Tag.NULL, *ABSENT}


def tlv(tag: int, content: bytes) -> bytes:
    """Return tag, definite length and content (X.690 §8.1)."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def integer(value: int) -> bytes:
    """Encode the content of an integer in the fewest octets (X.690 §8.3)."""
    return value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True)


def oid(name: str) -> bytes:
    """Encode the content of an object identifier (X.690 §8.19). Raises: BerError."""
    arcs = [int(a) if a.isdecimal() and len(a) <= 10 else -1 for a in name.split(".")]
    sound = 2 <= len(arcs) <= ARCS_MAX and min(arcs) >= 0 and max(arcs) < 1 << 32
    if not sound or arcs[0] > 2 or arcs[1] > (39 if arcs[0] < 2 else (1 << 32) - 81):
        raise BerError(f"OID {name!r}: want 2 to {ARCS_MAX} numbers below 2**32, dots between")
    return b"".join(map(_base128, (arcs[0] * 40 + arcs[1], *arcs[2:])))


def _base128(number: int) -> bytes:
    """Seven bits an octet, high bit set on all but the last (X.690 §8.19.2)."""
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(0x80 | number & 0x7F)
    return bytes(reversed(octets))


def read(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return tag, start and stop of the element at `at`, all of it before `end`. Raises: BerError.

    Cost: 0.25 µs
    """
    start = at + 2
    if start > end:
        raise BerError(f"cut short at octet {at}")
    size = data[at + 1]
    if size & 0x80:
        octets = size & 0x7F
        if not 1 <= octets <= LENGTH_OCTETS_MAX:
            raise BerError(f"length of {octets} octets at octet {at}; want 1 to 4, definite")
        start += octets
        size = int.from_bytes(data[at + 2 : start], "big")
    if start + size > end:
        raise BerError(f"{size} octets at octet {at} go beyond octet {end}")
    return data[at], start, start + size


def expect(tag: int, data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return start and stop of an element that must be of type `tag`. Raises: BerError."""
    found, start, stop = read(data, at, end)
    if found != tag:
        raise BerError(f"type 0x{found:02x} at octet {at}; want 0x{tag:02x}")
    return start, stop


def to_int(tag: int, content: bytes) -> int:
    """Decode an integer within the width of its type. Raises: BerError.

    Unsigned types may have a leading zero octet, and may use all their octets without it. An
    INTEGER may repeat its sign in one octet more, as some agents do for the least number.
    """
    width = WIDTHS.get(tag)  # type: ignore[call-overload]
    size = len(content)
    if width is None or size == 0:
        raise BerError(f"integer of type 0x{tag:02x} and {size} octets")
    if tag == Tag.INTEGER:
        number = int.from_bytes(content, "big", signed=True)
        if size > width + 1 or (size > width and not -(1 << 31) <= number < 1 << 31):
            raise BerError(f"INTEGER of {size} octets; at most {width}")
        return number
    if (
        size > width + 1
        or (size == width + 1 and content[0])
        or (size < width and content[0] > 127)
    ):
        raise BerError(f"type 0x{tag:02x} outside 0 to 2**{8 * width} - 1")
    return int.from_bytes(content, "big")


def dotted(content: bytes) -> str:
    """Decode an object identifier. Raises: BerError. Cost: 1 µs for 16 arcs, bounded by size."""
    if not content or len(content) > OID_OCTETS_MAX or content[-1] & 0x80:
        raise BerError(f"OID of {len(content)} octets, or cut short")
    arcs = []
    arc = 0
    for octet in content:
        if octet == 0x80 and not arc:
            raise BerError("OID with a padded number")
        arc = arc << 7 | octet & 0x7F
        if octet < 0x80:
            arcs.append(arc)
            arc = 0
    if len(arcs) >= ARCS_MAX or max(arcs) >> 32:
        raise BerError(f"OID of more than {ARCS_MAX} numbers, or one beyond 2**32")
    top = min(arcs[0] // 40, 2)
    arcs[0] -= 40 * top
    return f"{top}." + ".".join(map(str, arcs))


def to_value(tag: int, content: bytes) -> Value:
    """Decode any value a device may send; absent is None, as NULL is. Raises: BerError."""
    if tag in WIDTHS:
        return to_int(tag, content)
    if tag == Tag.OCTET_STRING:
        return content
    if tag == Tag.OID:
        return dotted(content)
    if tag == Tag.OPAQUE:
        return _opaque(content)
    if (tag == Tag.IP_ADDRESS and len(content) == 4) or (tag in _EMPTY and not content):
        return content or None
    raise BerError(f"no value has type 0x{tag:02x} and {len(content)} octets")


def _opaque(content: bytes) -> float | bytes:
    """Return the number that net-snmp puts inside Opaque, or what else there is, as octets."""
    form = OPAQUE_NUMBERS.get(content[:3])
    if form is None:
        return content
    if len(content) != 3 + form.size:
        raise BerError(f"floating point of {len(content) - 3} octets; want {form.size}")
    number: float = form.unpack_from(content, 3)[0]
    return number
