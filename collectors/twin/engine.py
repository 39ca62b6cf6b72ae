"""The SNMPv3 side of a simulated device: an authoritative engine before its responder.

Whoever asks first learns the engine's name, then its clock, from reports; whoever cannot prove who
he is learns only what he did wrong (RFC 3414 §3.2). What is asked is answered by the same responder
as v1 and v2c, which go past the engine.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from collectors.snmp.ber import BerError, Tag, integer, tlv
from collectors.snmp.message import ErrorStatus, PduType, decode_pdu
from collectors.snmp.report import REPORT, opened, report_pdu, request_id_of
from collectors.snmp.secured import Flag, Message, decode, is_v3, scope
from collectors.snmp.usm import LEVEL, Authority, Complaint, Security, User, UsmError

ENTERPRISE: Final = 62960  # stands in an engine's name; of nobody, as our devices are
UNKNOWN_CONTEXTS: Final = "1.3.6.1.6.3.12.1.5.0"  # RFC 3413 §4.1.2
UNKNOWN_PDU_HANDLERS: Final = "1.3.6.1.6.3.11.2.1.3.0"  # RFC 3412 §5
NOT_TO_BE_ASKED: Final = {REPORT, PduType.RESPONSE}


def engine_id(device: str, enterprise: int = ENTERPRISE) -> bytes:
    """Name an engine after its device (RFC 3411 §5: text, at most 27 octets).

    >>> engine_id("feedA").hex()
    '8000f5f0046665656441'
    """
    return (enterprise | 1 << 31).to_bytes(4, "big") + b"\x04" + device.encode()[:27]


class Responder(Protocol):
    """What answers for a device: see collectors/twin/responder.py."""

    def answer(self, datagram: bytes) -> bytes | None:
        """Return the answer to a datagram of v1 or v2c."""
        raise NotImplementedError

    def respond(self, pdu: bytes) -> bytes | None:
        """Return the answer to a PDU of v2c. Raises: BerError."""
        raise NotImplementedError


class Engine:
    """One device: its name, its clock, its users, and what answers for it.

    No user: the device speaks no v3. `strict`: it speaks nothing else.
    """

    def __init__(  # noqa: PLR0913 -- what an administrator configures
        self,
        name: bytes,
        responder: Responder,
        users: Iterable[User] = (),
        *,
        clock: Authority,
        salt: int,
        strict: bool = False,
    ) -> None:
        self.name = name
        self.clock = clock
        self.users: Mapping[bytes, Security] = {user.name: user.at(name) for user in users}
        self.counted: dict[str, int] = {}  # what was complained of, by the counter's name
        self._responder = responder
        self._salt = salt
        self._strict = strict

    def answer(self, datagram: bytes, now: float) -> bytes | None:
        """Return the answer to a datagram of any version; None to what deserves none."""
        try:
            if not is_v3(datagram):
                return None if self._strict else self._responder.answer(datagram)
            return self._secured(decode(datagram), datagram, now) if self.users else None
        except BerError:
            return None

    def seal(self, security: Security, pdu: bytes, number: int, now: float) -> bytes:
        """Return a datagram in which this engine speaks of itself, for a trap. Cost: 30 µs."""
        return self._sealed(security, pdu, number, now, level=LEVEL)

    def _secured(self, message: Message, datagram: bytes, now: float) -> bytes | None:
        """Prove, open and answer; or report in which step that failed. Raises: BerError."""
        try:
            security = self._security(message)
            security.prove(message, datagram)
            if message.flags & Flag.AUTH:
                self.clock.check(message, now)
            body = security.decrypted(message)
            engine, context, pdu = opened(body, encrypted=bool(message.flags & Flag.PRIV))
        except UsmError as error:
            return self._complain(message, error.complaint, now)
        if pdu[0] in NOT_TO_BE_ASKED:
            return None
        if engine != self.name or context:
            counter = UNKNOWN_CONTEXTS if engine == self.name else UNKNOWN_PDU_HANDLERS
            report = self._report(counter, decode_pdu(pdu).request_id)
            return self._reply(message, security, report, now)
        return self._reply(message, security, self._asked(message, security, pdu), now)

    def _security(self, message: Message) -> Security:
        """Return who speaks, if he says that he may speak so. Raises: UsmError."""
        if message.engine != self.name:
            raise UsmError(Complaint.UNKNOWN_ENGINE)
        known = self.users.get(message.user)
        if known is None:
            raise UsmError(Complaint.UNKNOWN_USER)
        if message.flags & LEVEL & ~known.level:
            raise UsmError(Complaint.UNSUPPORTED_LEVEL)
        return known

    def _asked(self, message: Message, security: Security, pdu: bytes) -> bytes | None:
        """Answer a PDU, unless its level is too low or the answer is too big for the asker."""
        if message.flags & LEVEL != security.level:
            return _refusal(pdu, ErrorStatus.AUTHORIZATION_ERROR)
        found = self._responder.respond(pdu)
        if found is None:
            return None
        fits = len(found) + _overhead(message) <= message.size_max
        return found if fits else _refusal(pdu, ErrorStatus.TOO_BIG)

    def _complain(self, message: Message, complaint: Complaint, now: float) -> bytes | None:
        """Report what is wrong; only of its clock does an engine speak under its keys."""
        if not message.flags & Flag.REPORTABLE:
            self._count(complaint.counter)
            return None
        known = self.users.get(message.user)
        late = complaint is Complaint.NOT_IN_TIME_WINDOW
        signed = late and known is not None
        security = known if signed and known else Security(message.user, self.name, None, None)
        report = self._report(complaint.counter, request_id_of(message))
        level = Flag.AUTH * signed
        return self._sealed(security, report, message.number, now, level=level)

    def _reply(
        self, message: Message, security: Security, pdu: bytes | None, now: float
    ) -> bytes | None:
        """Send back under the level of the request."""
        if pdu is None:
            return None
        level = message.flags & LEVEL
        return self._sealed(security, pdu, message.number, now, level=level)

    def _sealed(
        self, security: Security, pdu: bytes, number: int, now: float, *, level: int
    ) -> bytes:
        """Seal in this engine's name, at its time; it never asks for reports."""
        self._salt += 1
        return security.seal(
            scope(self.name, b"", pdu),
            number=number,
            boots=self.clock.boots,
            seconds=self.clock.seconds(now),
            salt=self._salt,
            level=level,
            reportable=False,
        )

    def _report(self, counter: str, request_id: int) -> bytes:
        """Count a complaint, and encode the report that names it."""
        return report_pdu(counter, self._count(counter), request_id)

    def _count(self, counter: str) -> int:
        """Add one to a counter."""
        self.counted[counter] = (self.counted.get(counter, 0) + 1) % (1 << 32)
        return self.counted[counter]


def _overhead(message: Message) -> int:
    """Return how many octets an answer needs around its PDU, generously."""
    return 128 + 2 * len(message.engine) + len(message.user) + len(message.digest)


def _refusal(pdu: bytes, status: int) -> bytes:
    """Answer a request with nothing but an error. Raises: BerError."""
    request = decode_pdu(pdu).request_id
    fields = b"".join(tlv(Tag.INTEGER, integer(number)) for number in (request, status, 0))
    return tlv(PduType.RESPONSE, fields + tlv(Tag.SEQUENCE, b""))
