"""One device of SNMPv3, spoken to as one user: found, asked, and believed when it proves itself.

Its engine's name is taken from whoever answers, for without it there are no keys; its clock only
from a message under those keys (RFC 3414 §4). So two exchanges come before the first answer, and
one after each start of the device. A device whose clock was set back says the same as somebody who
repeats an old message; it is refused for `ROLLBACK_S`, which a person is told, and then believed.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from collectors.snmp.ber import BerError, dotted
from collectors.snmp.message import MismatchError, PduType, decode_pdu, encode_pdu
from collectors.snmp.prepared import Form
from collectors.snmp.secured import Flag, Message, decode, is_v3, number_of, scope, unscope
from collectors.snmp.usm import BOOTS_MAX, LEVEL, Acquaintance, Complaint, Security, User, UsmError

REPORT: Final = 0xA8  # RFC 3416 §3
RESPONSE: Final = b"\xa2"
COUNTERS: Final = {complaint.counter: complaint for complaint in Complaint}
ENGINES_MAX: Final = 4  # names under which one device is remembered; it should have one
FORMS_MAX: Final = 64  # sizes of answers of one device whose form is remembered
ROLLBACK_S: Final = 300.0  # a clock set back is refused so long: a person sees it, a replay ends
ROLLBACK_PROOFS: Final = 3  # answers to different questions of ours that must show such a clock
NOTICES_MAX: Final = 16  # told and not fetched; the oldest go

Keys = Callable[[User, bytes], Security | None]


class Heard(NamedTuple):
    """What an engine said to message `number`: a PDU, or what it complains of.

    `again`: something was learnt, so that the same question will be understood now.
    """

    number: int
    pdu: bytes = b""
    complaint: Complaint | None = None
    again: bool = False


class Notice(NamedTuple):
    """Something a person should know of a device."""

    event: str
    detail: str


class _Engine:
    """One engine as far as this device is known under its name."""

    __slots__ = ("clock", "forms", "proven", "refused", "scopes", "security", "since")

    def __init__(self, security: Security) -> None:
        self.security = security
        self.clock = Acquaintance()
        self.proven = not security.level
        self.forms: dict[int, Form] = {}  # size of an answer -> how it looks
        self.scopes: dict[int, bytes] = {}  # size of a question -> what goes before it
        self.refused: set[int] = set()  # our messages that were answered by a clock set back
        self.since = 0.0  # when the first of them was

    def scoped(self, pdu: bytes) -> bytes:
        """Put a PDU in its scope."""
        size = len(pdu)
        before = self.scopes.get(size)
        if before is None:
            if len(self.scopes) >= FORMS_MAX:
                self.scopes.clear()
            before = scope(self.security.engine, b"", pdu)[:-size]
            self.scopes[size] = before
        return before + pdu


class Peer:
    """What is known of one device. `engine` given: no other is taken for it.

    `keys` makes a user's keys at an engine, or says None while that is under way elsewhere; then
    `pending` is the engine's name.
    """

    def __init__(self, user: User, *, salt: int, engine: bytes = b"", keys: Keys = User.at) -> None:
        self.user = user
        self.pending = b""
        self.notices: deque[Notice] = deque(maxlen=NOTICES_MAX)
        self._keys = keys
        self._salt = salt  # random at the start, so that none is used twice (RFC 3826 §3.1.1.1)
        self._pinned = engine
        self._engines: dict[bytes, _Engine] = {}
        self._there: _Engine | None = None  # whom we ask
        if engine:
            self._turn_to(engine)

    @property
    def engine(self) -> bytes:
        """Return the engine's name, or nothing as long as it is not known."""
        return self._there.security.engine if self._there else b""

    @property
    def clock(self) -> Acquaintance:
        """Return what is known of the engine's clock."""
        return self._there.clock if self._there else Acquaintance()

    def seal(self, pdu: bytes, number: int, now: float) -> bytes:
        """Return the datagram that carries a request, or first the one that asks who is there."""
        if self.pending:
            self._turn_to(self.pending)
        there = self._there
        if there is None:
            body = scope(b"", b"", encode_pdu(PduType.GET, []))
            return Message(number=number, flags=Flag.REPORTABLE, body=body).encode()
        self._salt += 1
        return there.security.seal(
            there.scoped(pdu),
            number=number,
            boots=there.clock.boots,
            seconds=there.clock.seconds(now),
            salt=self._salt,
        )

    def number(self, datagram: bytes) -> int:
        """Return which message a datagram says to answer. Raises: BerError, MismatchError."""
        there = self._there
        form = there.forms.get(len(datagram)) if there else None
        if form is not None:
            return int.from_bytes(datagram[form.number : form.number_stop], "big")
        if not is_v3(datagram):
            raise MismatchError("version")
        return number_of(datagram)

    def open(self, datagram: bytes, now: float) -> Heard:
        """Return what is said and proven; learn the engine's name and clock from it.

        Raises: BerError when malformed, MismatchError when it is not from whom we asked.
        """
        there = self._there
        form = there.forms.get(len(datagram)) if there else None
        if there is not None and form is not None and form.fits(datagram):
            security, boots = there.security, form.boots
            seconds = int.from_bytes(datagram[form.seconds : form.seconds_stop], "big")
            security.compare(datagram, form.digest)
            if self.user.level:
                self._set(there, boots, seconds, now)
            body = security.clear(datagram[form.body :], boots, seconds, datagram[form.salt])
            if body.startswith(form.scope):
                number = int.from_bytes(datagram[form.number : form.number_stop], "big")
                return Heard(number, body[form.pdu])
        message = decode(datagram)
        if self._pinned and message.engine != self._pinned:
            raise UsmError(Complaint.UNKNOWN_ENGINE)
        if not message.flags & LEVEL and (self.user.level or _is_report(message)):
            return self._told(message)
        known = self._engines.get(message.engine)
        if known is None or message.user != self.user.name:
            raise UsmError(Complaint.UNKNOWN_ENGINE if known is None else Complaint.UNKNOWN_USER)
        return self._proven(known, message, datagram, now)

    def _proven(self, known: _Engine, message: Message, datagram: bytes, now: float) -> Heard:
        """Take in a message under the keys of an engine that we have asked."""
        body = known.security.open(message, datagram)
        engine, context, pdu = unscope(body)
        report = _complaint(pdu) if pdu[0] == REPORT else None
        if message.flags & Flag.AUTH:
            before = known.clock.boots, known.clock.latest
            try:
                self._set(known, message.boots, message.seconds, now)
            except UsmError:
                if pdu[0] != REPORT or message.boots == BOOTS_MAX:
                    raise
                return self._set_back(known, message, now)
            if report is not None:
                moved = (known.clock.boots, known.clock.latest) != before
                again = moved and report is Complaint.NOT_IN_TIME_WINDOW
                return Heard(message.number, complaint=report, again=again)
        if pdu[0] == REPORT:
            return self._told(message)
        if message.flags & LEVEL != self.user.level:
            raise MismatchError("security level")
        if engine != message.engine or context:
            raise MismatchError("context")
        if len(known.forms) >= FORMS_MAX:
            known.forms.clear()
        if pdu[:1] == RESPONSE:
            known.forms[len(datagram)] = Form(datagram, message, body, pdu)
        return Heard(message.number, pdu)

    def _set(self, known: _Engine, boots: int, seconds: int, now: float) -> None:
        """Set our idea of a proven clock; the engine that it belongs to is there. Raises: UsmError.

        A start that we had not heard of makes all forms void, for they hold its number.
        """
        clock = known.clock
        if boots != clock.boots:
            known.forms.clear()
            if clock.latest >= 0 and boots > clock.boots:
                detail = f"it has been started {boots} times, {clock.boots} when last heard"
                self.notices.append(Notice("device_restarted", detail))
        clock.check(boots, seconds, now)
        if known.refused:
            known.refused.clear()
        if not known.proven or known is not self._there or self.pending:
            known.proven = True
            self._there = known
            self.pending = b""
            self.notices.append(Notice("engine", known.security.engine.hex()))

    def _set_back(self, known: _Engine, message: Message, now: float) -> Heard:
        """Refuse a clock that was set back, until it has shown long enough that it is one."""
        clock, refused = known.clock, known.refused
        if not refused:
            known.since = now
            detail = (
                f"its clock is set back to start {message.boots}, {message.seconds} s; known were "
                f"start {clock.boots}, {clock.latest} s. Old messages repeated look the same, so "
                f"it is refused for {ROLLBACK_S:.0f} s and then believed; to believe it at once, "
                "start the agent again"
            )
            self.notices.append(Notice("clock_set_back", detail))
        if len(refused) < ROLLBACK_PROOFS:
            refused.add(message.number)
        if now - known.since < ROLLBACK_S or len(refused) < ROLLBACK_PROOFS:
            return Heard(message.number, complaint=Complaint.NOT_IN_TIME_WINDOW)
        known.clock = Acquaintance()
        known.refused = set()
        self._set(known, message.boots, message.seconds, now)
        detail = f"believed from now on: start {message.boots}, {message.seconds} s"
        self.notices.append(Notice("clock_accepted", detail))
        return Heard(message.number, complaint=Complaint.NOT_IN_TIME_WINDOW, again=True)

    def _told(self, message: Message) -> Heard:
        """Take in a report that nobody proves: it may name an engine, and set no clock."""
        _, _, pdu = unscope(message.body)
        if pdu[0] != REPORT:
            raise MismatchError("security level" if pdu[:1] == RESPONSE else "type")
        complaint = _complaint(pdu)
        if complaint is None:
            raise MismatchError("report")
        again = (
            complaint is Complaint.UNKNOWN_ENGINE
            and bool(message.engine)
            and message.engine != self.engine
        )
        if again:
            self._turn_to(message.engine)
        return Heard(message.number, complaint=complaint, again=again)

    def _turn_to(self, engine: bytes) -> None:
        """Ask an engine from now on; what is known of others is kept, for they may yet answer."""
        known = self._engines.get(engine)
        if known is None:
            security = self._keys(self.user, engine)
            self.pending = engine if security is None else b""
            if security is None:
                return
            if len(self._engines) >= ENGINES_MAX:
                self._forget_one()
            known = self._engines[engine] = _Engine(security)
        self.pending = b""
        self._there = known

    def _forget_one(self) -> None:
        """Forget an engine that we do not ask: before all, one that never proved itself."""
        others = [name for name in self._engines if name != self.engine]
        unproven = [name for name in others if not self._engines[name].proven]
        del self._engines[(unproven or others)[0]]


def _is_report(message: Message) -> bool:
    """Say whether a message in the clear carries a report. Raises: BerError."""
    return unscope(message.body)[2][0] == REPORT


def _complaint(pdu: bytes) -> Complaint | None:
    """Return what a report counts, if it is one of USM's. Raises: BerError."""
    spans = decode_pdu(pdu).spans
    if not spans:
        raise BerError("a report of nothing")
    return COUNTERS.get(dotted(pdu[spans[0].name_start : spans[0].name_stop]))
