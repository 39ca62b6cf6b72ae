"""What SNMPv3 proves of a notification: a trap under its sender's engine, an inform under ours.

Whoever sends a trap keeps the clock that it is proven by (RFC 3414 §1.6.1); whoever sends an inform
asks first who we are and what our clock shows, and is answered, if he may speak at all.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from collectors.snmp.message import MismatchError
from collectors.snmp.notification import INFORM, TRAP_V2, acknowledgement
from collectors.snmp.report import opened, report_pdu, request_id_of
from collectors.snmp.secured import Flag, Message, decode, scope
from collectors.snmp.speaker import Speaker
from collectors.snmp.usm import LEVEL, Acquaintance, Authority, Complaint, Security, User, UsmError

MayTry = Callable[[], bool]

ENGINES_MAX: Final = 4  # of one device: it has one, and another after its board was changed


class Proven(NamedTuple):
    """What a message says, and who is proven to say it."""

    speaker: Speaker
    engine: bytes  # under which it was proven
    pdu: bytes
    reply: bytes = b""  # what says to its sender that we have it


class ComplaintError(UsmError):
    """A message that proves nothing, and what its sender is told of it."""

    def __init__(self, complaint: Complaint, report: bytes) -> None:
        super().__init__(complaint)
        self.report = report


class _Met(NamedTuple):
    """An engine that has proven itself as one user's."""

    security: Security
    clock: Acquaintance


class Proof:
    """Proves notifications, as far as their senders' users allow."""

    def __init__(self, engine: bytes, clock: Authority, *, salt: int) -> None:
        self.engine = engine
        self.clock = clock
        self._salt = salt  # random at the start, so that none is used twice (RFC 3826 §3.1.1.1)
        self._met: dict[str, dict[tuple[bytes, bytes], _Met]] = {}  # device -> engine, user
        self._complaints: dict[Complaint, int] = dict.fromkeys(Complaint, 0)

    def open(
        self, datagram: bytes, speakers: Sequence[Speaker], now: float, *, may_try: MayTry
    ) -> Proven:
        """Return what a datagram says; `may_try`: whether one more new engine may prove itself.

        Raises: BerError, MismatchError, UsmError; ComplaintError where its sender is to be told.
        """
        message = decode(datagram)
        asked = bool(message.flags & Flag.REPORTABLE) or message.engine == self.engine
        if not asked:
            return self._trap(message, datagram, speakers, now, may_try=may_try)
        try:
            return self._inform(message, datagram, speakers, now)
        except ComplaintError:
            raise
        except UsmError as error:
            raise self._complained(message, error.complaint, None, now) from None

    def forget(self) -> None:
        """Forget all engines, for users may have changed."""
        self._met.clear()

    # -- traps: the sender's engine ------------------------------------------------------------

    def _trap(
        self,
        message: Message,
        datagram: bytes,
        speakers: Sequence[Speaker],
        now: float,
        *,
        may_try: MayTry,
    ) -> Proven:
        """Prove a trap by the clock of its sender. Raises: UsmError, BerError, MismatchError."""
        if not message.engine:
            raise UsmError(Complaint.UNKNOWN_ENGINE)
        speaker, user, met = self._sender(message, datagram, speakers, may_try=may_try)
        if message.flags & Flag.AUTH:
            met.clock.check(message.boots, message.seconds, now)
        self._keep(speaker.device, (message.engine, user.name), met)
        body = met.security.decrypted(message)
        _, _, pdu = opened(body, encrypted=bool(message.flags & Flag.PRIV))
        if pdu[0] != TRAP_V2:
            raise MismatchError("type")
        return Proven(speaker, message.engine, pdu)

    def _sender(
        self, message: Message, datagram: bytes, speakers: Sequence[Speaker], *, may_try: MayTry
    ) -> tuple[Speaker, User, _Met]:
        """Return whose keys a message was signed with. Raises: UsmError."""
        why = Complaint.UNKNOWN_USER
        for speaker, user in _candidates(message, speakers):
            if message.flags & LEVEL != user.level:
                why = Complaint.UNSUPPORTED_LEVEL
                continue
            met = self._met.get(speaker.device, {}).get((message.engine, user.name))
            if met is None:
                if not may_try():
                    raise UsmError(Complaint.UNKNOWN_ENGINE)
                met = _Met(user.made(message.engine), Acquaintance())
            try:
                met.security.prove(message, datagram)
            except UsmError as error:
                why = error.complaint
                continue
            return speaker, user, met
        raise UsmError(why)

    def _keep(self, device: str, key: tuple[bytes, bytes], met: _Met) -> None:
        """Remember an engine that has proven itself, and forget the one met first."""
        engines = self._met.setdefault(device, {})
        if key not in engines and len(engines) >= ENGINES_MAX:
            del engines[next(iter(engines))]
        engines[key] = met

    # -- informs: our engine -------------------------------------------------------------------

    def _inform(
        self, message: Message, datagram: bytes, speakers: Sequence[Speaker], now: float
    ) -> Proven:
        """Prove an inform by our own clock. Raises: UsmError, BerError, MismatchError."""
        if message.engine != self.engine:
            raise UsmError(Complaint.UNKNOWN_ENGINE)
        speaker, security = self._asker(message, datagram, speakers)
        if message.flags & Flag.AUTH:
            try:
                self.clock.check(message, now)
            except UsmError as error:
                raise self._complained(message, error.complaint, security, now) from None
        body = security.decrypted(message)
        engine, context, pdu = opened(body, encrypted=bool(message.flags & Flag.PRIV))
        if pdu[0] != INFORM:
            raise MismatchError("type")
        scoped = scope(engine, context, acknowledgement(pdu))
        reply = self._sealed(security, scoped, message.number, now, level=security.level)
        return Proven(speaker, self.engine, pdu, reply)

    def _asker(
        self, message: Message, datagram: bytes, speakers: Sequence[Speaker]
    ) -> tuple[Speaker, Security]:
        """Return whose keys a message to us was signed with. Raises: UsmError."""
        why = Complaint.UNKNOWN_USER
        for speaker, user in _candidates(message, speakers):
            if message.flags & LEVEL != user.level:
                why = Complaint.UNSUPPORTED_LEVEL
                continue
            security = user.at(self.engine)
            try:
                security.prove(message, datagram)
            except UsmError as error:
                why = error.complaint
                continue
            return speaker, security
        raise UsmError(why)

    def _complained(
        self, message: Message, complaint: Complaint, known: Security | None, now: float
    ) -> UsmError:
        """Return what is wrong, with the report that tells it; under keys if only of our clock."""
        count = self._complaints[complaint] = (self._complaints[complaint] + 1) % (1 << 32)
        if not message.flags & Flag.REPORTABLE:
            return UsmError(complaint)
        security = known or Security(message.user, self.engine, None, None)
        pdu = report_pdu(complaint.counter, count, request_id_of(message))
        level = Flag.AUTH if known else 0
        scoped = scope(self.engine, b"", pdu)
        sealed = self._sealed(security, scoped, message.number, now, level=level)
        return ComplaintError(complaint, sealed)

    def _sealed(
        self, security: Security, scoped: bytes, number: int, now: float, *, level: int
    ) -> bytes:
        """Seal in our engine's name, at its time."""
        self._salt += 1
        return security.seal(
            scoped,
            number=number,
            boots=self.clock.boots,
            seconds=self.clock.seconds(now),
            salt=self._salt,
            level=level,
            reportable=False,
        )


def _candidates(message: Message, speakers: Sequence[Speaker]) -> list[tuple[Speaker, User]]:
    """Return who may have sent a message, by what it says of itself."""
    return [(s, user) for s in speakers for user in s.users if user.name == message.user]
