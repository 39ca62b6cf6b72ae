"""Notifications: what devices say without being asked, in the one form of v2 for every version.

Nothing here says who spoke, or whether he may.

>>> coldStart = bytes.fromhex("a41b06072b06010401823e4004c0000201020100020100430204d23000")
>>> told = decode("1", coldStart)
>>> told.name, told.ticks
('1.3.6.1.6.3.1.1.5.1', 1234)
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from collectors.snmp.ber import BerError, Tag, Value, dotted, expect, read, to_int, to_value
from collectors.snmp.message import MismatchError, PduType, Span, decode_pdu, spans

TRAP_V1: Final = 0xA4  # RFC 1157 §4.1.6
INFORM: Final = 0xA6  # RFC 3416 §4.2.7
TRAP_V2: Final = 0xA7  # RFC 3416 §4.2.6
UPTIME: Final = "1.3.6.1.2.1.1.3.0"
TRAP_OID: Final = "1.3.6.1.6.3.1.1.4.1.0"
TRAP_ENTERPRISE: Final = "1.3.6.1.6.3.1.1.4.3.0"
TRAP_ADDRESS: Final = "1.3.6.1.6.3.18.1.3.0"
STANDARD: Final = "1.3.6.1.6.3.1.1.5"  # snmpTraps: 1 coldStart to 6 (RFC 3418)
SPECIFIC: Final = 6  # enterpriseSpecific: the name is the vendor's own
OBJECTS_MAX: Final = 64  # of one notification; the longest of the vendors' MIBs has 30

NAMES_KNOWN: Final = 4096  # objects whose names are kept as text: those of a floor's traps

Spoken = Literal["1", "2c", "3"]


@dataclass(frozen=True, slots=True)
class Notification:
    """What happened, by its name in a MIB, with the objects that tell more of it."""

    name: str  # the OID of its NOTIFICATION-TYPE
    ticks: int  # since its sender was started, in hundredths of a second
    objects: tuple[tuple[str, Value], ...]
    inform: bool = False  # its sender waits until somebody says that he has it


def decode(version: Spoken, pdu: bytes) -> Notification:
    """Decode the PDU of a trap or an inform. Cost: 15 µs for six objects.

    Raises: BerError when malformed, MismatchError when it is something else.
    """
    kind = pdu[0] if pdu else 0
    if kind != TRAP_V1 and kind not in {INFORM, TRAP_V2}:
        raise MismatchError("type")
    if (kind == TRAP_V1) != (version == "1"):
        raise MismatchError("type")
    return _v1(pdu) if kind == TRAP_V1 else _v2(pdu)


_name = lru_cache(NAMES_KNOWN)(dotted)  # of at most 640 octets each


def acknowledgement(pdu: bytes) -> bytes:
    """Return the Response-PDU to an inform: the same, but for its type (RFC 3416 §4.2.7)."""
    return bytes((PduType.RESPONSE,)) + pdu[1:]


def _v2(pdu: bytes) -> Notification:
    """Decode what tells uptime and name in its first two objects. Raises: BerError."""
    told = decode_pdu(pdu)
    if told.status or told.index:
        raise BerError("an error in what is no answer")
    objects = _objects(pdu, told.spans)
    head = dict(objects[:2])
    name, ticks = head.get(TRAP_OID), head.get(UPTIME)
    if not isinstance(name, str) or not isinstance(ticks, int):
        raise BerError("no name and uptime in the first two objects")
    return Notification(name, ticks, objects[2:], inform=told.type == INFORM)


def _v1(pdu: bytes) -> Notification:
    """Decode a Trap-PDU, and call it by the name that v2 has for it (RFC 3584 §3.1).

    Raises: BerError
    """
    end = len(pdu)
    _, at, stop = read(pdu, 0, end)
    if stop != end:
        raise BerError(f"{end - stop} octets after the PDU")
    start, at = expect(Tag.OID, pdu, at, end)
    enterprise = dotted(pdu[start:at])
    start, at = expect(Tag.IP_ADDRESS, pdu, at, end)
    host = to_value(Tag.IP_ADDRESS, pdu[start:at])
    numbers = []
    for tag in (Tag.INTEGER, Tag.INTEGER, Tag.TIME_TICKS):
        start, at = expect(tag, pdu, at, end)
        numbers.append(to_int(tag, pdu[start:at]))
    generic, specific, ticks = numbers
    start, stop = expect(Tag.SEQUENCE, pdu, at, end)
    if stop != end:
        raise BerError(f"{end - stop} octets after the objects")
    if not 0 <= generic <= SPECIFIC or specific < 0:
        raise BerError(f"no trap is of kind {generic}, {specific}")
    vendors = generic == SPECIFIC
    name = f"{enterprise}.0.{specific}" if vendors else f"{STANDARD}.{generic + 1}"
    more = ((TRAP_ADDRESS, host), (TRAP_ENTERPRISE, enterprise))
    return Notification(name, ticks, _objects(pdu, spans(pdu, start, end)) + more)


def _objects(pdu: bytes, found: list[Span]) -> tuple[tuple[str, Value], ...]:
    """Decode names and values. Raises: BerError."""
    if len(found) > OBJECTS_MAX:
        raise BerError(f"{len(found)} objects; at most {OBJECTS_MAX}")
    return tuple(
        (_name(pdu[s.name_start : s.name_stop]), to_value(s.tag, pdu[s.start : s.stop]))
        for s in found
    )
