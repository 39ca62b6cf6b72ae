"""One engine of SNMPv3, spoken to as one user: found, asked, and believed when it proves itself.

Its name is taken from whoever answers first, for without it there are no keys; its clock only from
a message under those keys (RFC 3414 §4). So three exchanges come before the first answer, and one
more after each start of the device.
"""

from typing import Final, NamedTuple

from collectors.snmp.ber import BerError, dotted
from collectors.snmp.message import MismatchError, PduType, decode_pdu, encode_pdu
from collectors.snmp.secured import Flag, Message, decode, scope, unscope
from collectors.snmp.usm import LEVEL, Acquaintance, Complaint, Security, User, UsmError

REPORT: Final = 0xA8  # RFC 3416 §3
COUNTERS: Final = {complaint.counter: complaint for complaint in Complaint}


class Heard(NamedTuple):
    """What an engine said to message `number`: a PDU, or what it complains of."""

    number: int
    pdu: bytes = b""
    complaint: Complaint | None = None


class Peer:
    """What is known of one engine. `engine` given: no other is taken for it."""

    def __init__(self, user: User, *, salt: int, engine: bytes = b"") -> None:
        self.user = user
        self.clock = Acquaintance()
        self._salt = salt  # random at the start, so that none is used twice (RFC 3826 §3.1.1.1)
        self._pinned = bool(engine)
        self._security: Security | None = user.at(engine) if engine else None

    @property
    def engine(self) -> bytes:
        """Return the engine's name, or nothing as long as it is not known."""
        return self._security.engine if self._security else b""

    def seal(self, pdu: bytes, number: int, now: float) -> bytes:
        """Return the datagram that carries a request, or first the one that asks who is there."""
        if self._security is None:
            body = scope(b"", b"", encode_pdu(PduType.GET, []))
            return Message(number=number, flags=Flag.REPORTABLE, body=body).encode()
        self._salt += 1
        return self._security.seal(
            scope(self.engine, b"", pdu),
            number=number,
            boots=self.clock.boots,
            seconds=self.clock.seconds(now),
            salt=self._salt,
        )

    def open(self, datagram: bytes, now: float) -> Heard:
        """Return what is said and proven; learn the engine's name and clock from it.

        Raises: BerError when malformed, MismatchError when it is not from whom we asked.
        """
        message = decode(datagram)
        if self._security is None:
            return self._met(message)
        if message.engine != self.engine or message.user not in {self.user.name, b""}:
            return self._stranger(message)
        body = self._security.open(message, datagram)
        if message.flags & Flag.AUTH:
            self.clock.check(message, now)
        _, _, pdu = unscope(body)
        if pdu[0] == REPORT:
            return Heard(message.number, complaint=_complaint(pdu))
        if message.flags & LEVEL != self.user.level:
            raise MismatchError("security level")
        return Heard(message.number, pdu)

    def _met(self, message: Message) -> Heard:
        """Take an engine's name from its report that it does not know ours."""
        _, _, pdu = unscope(message.body)
        if pdu[0] != REPORT or not message.engine or message.flags & LEVEL:
            raise MismatchError("type")
        self._security = self.user.at(message.engine)
        return Heard(message.number, complaint=_complaint(pdu))

    def _stranger(self, message: Message) -> Heard:
        """Forget an engine that another one answers for, unless only that one will do."""
        if message.flags & LEVEL or self._pinned:
            raise UsmError(Complaint.UNKNOWN_ENGINE)
        _, _, pdu = unscope(message.body)
        complaint = _complaint(pdu) if pdu[0] == REPORT else None
        if complaint is not Complaint.UNKNOWN_ENGINE:
            raise UsmError(Complaint.UNKNOWN_ENGINE)
        self._security, self.clock = None, Acquaintance()
        return Heard(message.number, complaint=complaint)


def _complaint(pdu: bytes) -> Complaint | None:
    """Return what a report counts, if it is one of USM's. Raises: BerError."""
    spans = decode_pdu(pdu).spans
    if not spans:
        raise BerError("a report of nothing")
    return COUNTERS.get(dotted(pdu[spans[0].name_start : spans[0].name_stop]))
