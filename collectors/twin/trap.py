"""What a simulated device says without being asked: traps and informs, to whom it is told to.

A `Herald` speaks for one device. It has no socket: it gives datagrams and where they go, and takes
what comes back, for an inform is repeated until somebody says that he has it.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from collectors.snmp.ber import WIDTHS, BerError, Tag, integer, oid, tlv
from collectors.snmp.message import Community, MismatchError, PduType, decode_pdu
from collectors.snmp.notification import (
    INFORM,
    SPECIFIC,
    STANDARD,
    TRAP_OID,
    TRAP_V1,
    TRAP_V2,
    UPTIME,
)
from collectors.snmp.peer import Peer
from collectors.snmp.secured import is_v3
from collectors.snmp.usm import Complaint, User
from collectors.twin.engine import Engine

Address = tuple[str, int]
Sent = tuple[bytes, Address]

REPEAT_SECONDS: Final = 2.0  # until an inform is said again
TRIES_MAX: Final = 6  # of one inform, with those that find and meet its receiver
WAITING_MAX: Final = 64  # informs of one device that nobody has acknowledged yet
LEARNT: Final = {Complaint.UNKNOWN_ENGINE, Complaint.NOT_IN_TIME_WINDOW}  # say it again at once


class Field(NamedTuple):
    """One object of a notification: its instance, type and value."""

    oid: str
    tag: Tag
    value: int | str | bytes

    def encoded(self) -> bytes:
        """Return the varbind."""
        if isinstance(self.value, int):
            assert self.tag in WIDTHS
            content = integer(self.value)
        elif isinstance(self.value, str):
            content = oid(self.value) if self.tag == Tag.OID else self.value.encode()
        else:
            content = self.value
        return tlv(Tag.SEQUENCE, tlv(Tag.OID, oid(self.oid)) + tlv(self.tag, content))


class Notice(NamedTuple):
    """What a device says: the notification's name in its MIB, and its objects."""

    oid: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """Somebody who wants to be told. v3 needs `user`; v1 knows no informs."""

    address: Address
    version: Literal["1", "2c", "3"] = "2c"
    community: bytes = field(default=b"public", repr=False)
    user: User | None = None
    inform: bool = False


@dataclass(slots=True)
class _Inform:
    """An inform that is not acknowledged."""

    sink: Sink
    pdu: bytes
    tries: int
    due: float


class Herald:
    """Speaks for one device, in all versions."""

    def __init__(
        self,
        sinks: Sequence[Sink],
        *,
        host: str,
        sys_object_id: str,
        engine: Engine | None = None,
        salt: int = 0,
    ) -> None:
        if any(sink.version == "3" and not (engine and sink.user) for sink in sinks):
            raise ValueError("a trap of v3 needs an engine and a user")
        self.sinks = tuple(sinks)
        self.lost = 0  # informs that nobody acknowledged in time
        self._host = bytes(int(part) for part in host.split("."))
        self._sys_object_id = sys_object_id
        self._engine = engine
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Inform] = {}
        self._peers = {
            sink: Peer(sink.user, salt=salt) for sink in sinks if sink.user and sink.inform
        }

    @property
    def waiting(self) -> int:
        """Return how many informs are not acknowledged yet."""
        return len(self._waiting)

    def tell(self, notice: Notice, uptime: float, now: float) -> list[Sent]:
        """Return what is to be sent to whom; `uptime` is the device's, in seconds."""
        ticks = int(uptime * 100) % (1 << 32)
        sent: list[Sent] = []
        for sink in self.sinks:
            number = next(self._numbers)
            if sink.version == "1":
                pdu = trap_v1(notice, self._sys_object_id, self._host, ticks)
                sent.append((Community("1", sink.community).seal(pdu), sink.address))
                continue
            pdu = trap_v2(notice, ticks, number, kind=INFORM if sink.inform else TRAP_V2)
            if not sink.inform:
                sent.append((self._sealed(sink, pdu, number, now), sink.address))
            elif len(self._waiting) < WAITING_MAX:
                self._waiting[number] = _Inform(sink, pdu, 0, now)
                sent += self._said([number], now)
            else:
                self.lost += 1
        return sent

    def hear(self, datagram: bytes, address: Address, now: float) -> list[Sent]:
        """Take an acknowledgement, or what a receiver asks for first; garbage is passed over."""
        for sink in self.sinks:
            if sink.inform and sink.address == address:
                try:
                    return self._heard(sink, datagram, now)
                except (BerError, MismatchError):
                    continue
        return []

    def late(self, now: float) -> list[Sent]:
        """Return what is to be said again, and give up what was said often enough."""
        return self._said([n for n, inform in self._waiting.items() if inform.due <= now], now)

    def _heard(self, sink: Sink, datagram: bytes, now: float) -> list[Sent]:
        """Take what one receiver says. Raises: BerError, MismatchError."""
        peer = self._peers.get(sink)
        if peer is None or not is_v3(datagram):
            pdu = Community("2c", sink.community).open(datagram)
        else:
            heard = peer.open(datagram, now)
            if heard.complaint in LEARNT:
                return self._said([n for n, i in self._waiting.items() if i.sink is sink], now)
            pdu = heard.pdu
        answer = decode_pdu(pdu)
        if answer.type == PduType.RESPONSE and answer.status == 0:
            self._waiting.pop(answer.request_id, None)
        return []

    def _said(self, numbers: Iterable[int], now: float) -> list[Sent]:
        """Say informs once more, each at most so often."""
        sent: list[Sent] = []
        for number in numbers:
            inform = self._waiting[number]
            if inform.tries == TRIES_MAX:
                del self._waiting[number]
                self.lost += 1
                continue
            inform.tries += 1
            inform.due = now + REPEAT_SECONDS
            sealed = self._sealed(inform.sink, inform.pdu, next(self._numbers), now)
            sent.append((sealed, inform.sink.address))
        return sent

    def _sealed(self, sink: Sink, pdu: bytes, number: int, now: float) -> bytes:
        """Put a PDU into its envelope: a trap in our engine's name, an inform in the receiver's."""
        if sink.user is None:
            return Community("2c", sink.community).seal(pdu)
        if sink.inform:
            return self._peers[sink].seal(pdu, number, now)
        assert self._engine is not None
        return self._engine.seal(sink.user.at(self._engine.name), pdu, number, now)


def trap_v2(notice: Notice, ticks: int, number: int, *, kind: int = TRAP_V2) -> bytes:
    """Encode an SNMPv2-Trap-PDU or InformRequest-PDU (RFC 3416 §4.2.6): uptime and name first."""
    fields = (Field(UPTIME, Tag.TIME_TICKS, ticks), Field(TRAP_OID, Tag.OID, notice.oid))
    varbinds = b"".join(field.encoded() for field in (*fields, *notice.fields))
    head = b"".join(tlv(Tag.INTEGER, integer(value)) for value in (number, 0, 0))
    return tlv(kind, head + tlv(Tag.SEQUENCE, varbinds))


def trap_v1(notice: Notice, sys_object_id: str, host: bytes, ticks: int) -> bytes:
    """Encode a Trap-PDU, whose name is in two parts (RFC 1157 §4.1.6, RFC 3584 §3.2)."""
    head, _, last = notice.oid.rpartition(".")
    if head == STANDARD:
        enterprise, generic, specific = sys_object_id, int(last) - 1, 0
    else:
        enterprise, generic, specific = head.removesuffix(".0"), SPECIFIC, int(last)
    numbers = tlv(Tag.INTEGER, integer(generic)) + tlv(Tag.INTEGER, integer(specific))
    varbinds = b"".join(field.encoded() for field in notice.fields)
    return tlv(
        TRAP_V1,
        tlv(Tag.OID, oid(enterprise))
        + tlv(Tag.IP_ADDRESS, host)
        + numbers
        + tlv(Tag.TIME_TICKS, integer(ticks))
        + tlv(Tag.SEQUENCE, varbinds),
    )
