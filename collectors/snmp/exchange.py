"""Requests in flight: ask, hear, due, expire. No socket, no clock; `now` and bytes go in and out.

Each address has a lane. A lane carries one talk at a time and one request of it at a time, which
is what the small agents of PDUs bear best. An answer counts only when it comes from the address
and port asked, in the envelope used, with an id that is outstanding there; all else is dropped
and counted by reason. Nothing in here is created a reading; little is created a request.
"""

import heapq
import ipaddress
import random
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, Protocol

from collectors.snmp.ber import BerError
from collectors.snmp.engines import Engines
from collectors.snmp.message import Community, MismatchError, Version, request_id, unwrap
from collectors.snmp.peer import Keys, Peer
from collectors.snmp.plan import (
    REQUEST_ID_BITS,
    REQUEST_ID_MIN,
    ROWS_MAX,
    VARBINDS_MAX,
    Planned,
)
from collectors.snmp.secured import ENGINE_OCTETS, is_v3, number_of
from collectors.snmp.usm import Complaint, Security, User

Address = tuple[str, int]

PROMPT_S: Final = 0.1  # an answer later than this is not counted on when the socket is paced
RESYNCS_MAX: Final = 4  # times a request is put again at once: engines found, or lied about
CLOCKS_MAX: Final = 2  # times more for an engine's clock, which nobody else can prove
RECENT_IDS: Final = 8192  # how far back a late answer is told from one we never asked for


class Outcome(StrEnum):
    """How a talk with a device ended."""

    OK = "ok"
    PARTIAL = "partial"  # some requests were answered, some were not
    TIMEOUT = "timeout"
    REFUSED = "refused"  # the network says that nobody listens there
    MALFORMED = "malformed"  # it answers, but not what was asked
    UNSUPPORTED_LEVEL = "unsupported_level"  # as the device reports of USM (RFC 3414 §5)
    NOT_IN_TIME_WINDOW = "not_in_time_window"
    UNKNOWN_USER = "unknown_user"
    UNKNOWN_ENGINE = "unknown_engine"
    WRONG_DIGEST = "wrong_digest"
    DECRYPTION = "decryption"


DENIALS: Final = {complaint: Outcome[complaint.name] for complaint in Complaint}
LOST: Final = frozenset({Outcome.TIMEOUT, Outcome.REFUSED, *DENIALS.values()})  # nothing was heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a device is and how it may be asked: by a community, or in version 3 by a user."""

    address: Address
    community: bytes = field(default=b"public", repr=False)
    version: Version | Literal["3"] = "2c"
    user: User | None = None
    timeout_s: float = 2.0
    retries: int = 1
    deadline_s: float = 8.0  # for all requests of a poll, so that a slow device delays nobody

    def __post_init__(self) -> None:
        """Bring the address into the form that sockets report. Raises: ValueError."""
        host, port = self.address
        if not 0 < port < 1 << 16:
            raise ValueError(f"port {port}; want 1 to 65535")
        if (self.version == "3") != (self.user is not None):
            raise ValueError("version 3 goes with a user, and no other does")
        object.__setattr__(self, "address", (str(ipaddress.ip_address(host)), port))


@dataclass(slots=True)
class Learnt:
    """What a device has taught us about asking it, kept for as long as it is known."""

    varbinds_max: int = VARBINDS_MAX
    varbinds_answered: int = 0  # the largest GET that it ever answered
    rows_max: int = ROWS_MAX
    rows_answered: int = 0  # the largest GETBULK likewise
    salt: int = 0  # where the counting of messages to it begins, at random
    keys: Keys = User.at
    peer: Peer | None = None

    def overhead(self, target: Target) -> int:
        """Return how many octets of a datagram go to saying who asks; the engine is there twice."""
        if target.user is None:
            return len(target.community)
        engine = self.peer.engine if self.peer else b""
        return target.user.octets + 2 * (len(engine) or ENGINE_OCTETS[-1])

    def envelope(self, target: Target) -> "Community | Peer":
        """Return what our messages travel in; what is known of an engine is kept."""
        user = target.user
        if user is None:
            return Community("1" if target.version == "1" else "2c", target.community)
        if self.peer is None or self.peer.user is not user:
            self.peer = Peer(user, salt=self.salt, keys=self.keys)
        return self.peer


class Talk(Protocol):
    """A poll, a fetch or a walk: what it asks next depends on what it heard."""

    target: Target
    envelope: Community | Peer
    time_s: float  # how long all of it may take

    def ask(self) -> Planned | None:
        """Return the next request, or None when there is no more to ask."""

    def hear(self, pdu: bytes) -> None:
        """Take in the answer, if it is one. Raises: BerError, MismatchError."""

    def miss(self, why: Outcome) -> None:
        """Learn that the request just asked will have no answer."""

    def end(self, seconds: float) -> None:
        """Hand over what was heard: all is asked, or time is up. Called outside of Exchange."""


class _Lane:
    """The way to one address: the talk under way, its request, and the talks that wait."""

    __slots__ = (
        *("address", "waiting", "talk", "since", "deadline"),
        *("planned", "ids", "serial", "prompt", "answered_wrongly", "resyncs", "denied"),
    )

    def __init__(self, address: Address) -> None:
        self.address = address
        self.waiting: deque[Talk] = deque()
        self.ids: list[int] = []  # one a try of the present request; any of them satisfies it
        self.serial = 0  # of the latest datagram
        self.prompt = False  # counts among the answers expected any moment
        self.answered_wrongly = False
        self.resyncs = 0  # times that it was put again because something was learnt
        self.denied: Outcome | None = None  # what the device says of us, perhaps not it
        self.talk: Talk
        self.planned: Planned
        self.since = self.deadline = 0.0


class Exchange:
    """All talks with all devices."""

    def __init__(self, rng: random.Random, window: int = 64) -> None:
        self.outbox: deque[tuple[bytes, Address]] = deque()  # to be sent, in this order
        self.ended: deque[tuple[Talk, float]] = deque()  # and seconds taken; to be called `end`
        self.engines = Engines()
        self.drops: Counter[str] = Counter()
        self.window = window  # answers that the socket can hold if all come at once
        self._rng = rng
        self._lanes: dict[Address, _Lane] = {}
        self._serial = 0
        self._timers: list[tuple[float, int, _Lane]] = []
        self._recent: dict[int, Address] = {}  # two generations of ids that were ours
        self._older: dict[int, Address] = {}
        self._backlog: OrderedDict[_Lane, None] = OrderedDict()
        self._prompt: deque[tuple[float, int, _Lane]] = deque()
        self._prompt_count = 0

    @property
    def awaited(self) -> int:
        """Return how many answers may come any moment."""
        return self._prompt_count

    def start(self, talk: Talk, now: float) -> None:
        """Begin a talk, or let it wait for the talk under way at its address."""
        lane = self._lanes.get(talk.target.address)
        if lane is None:
            lane = self._lanes[talk.target.address] = _Lane(talk.target.address)
            self._begin(lane, talk, now)
        else:
            lane.waiting.append(talk)

    def cancel(self, talk: Talk, now: float) -> None:
        """Drop a talk wherever it stands; its answers will count as late."""
        lane = self._lanes.get(talk.target.address)
        if lane is not None and talk in lane.waiting:
            lane.waiting.remove(talk)
        elif lane is not None and lane.talk is talk:
            self._leave(lane, now)
            self._release(now)

    def hear(self, datagram: bytes, address: Address, now: float) -> None:
        """Take in a datagram: the answer to what is outstanding there, or one more drop."""
        lane = self._lanes.get(address)
        try:
            if lane is None:
                number = number_of(datagram) if is_v3(datagram) else request_id(unwrap(datagram)[2])
                self.drops["late" if self._was_ours(number, address) else "source"] += 1
                return
            envelope = lane.talk.envelope
            number = envelope.number(datagram)
            if number not in lane.ids:
                if self._was_ours(number, address):
                    self.drops["late"] += 1
                else:
                    self._drop("request_id", lane)
                return
            pdu = self._opened(lane, envelope, datagram, now)
            if pdu is None:
                return
            lane.talk.hear(pdu)
        except BerError:
            self._drop("malformed", lane)
        except MismatchError as error:
            self._drop(str(error), lane)
        else:
            self._settle(lane)
            self._advance(lane, now)
            self._release(now)

    def refuse(self, address: Address, now: float) -> None:
        """Learn from the network that nobody listens at `address`."""
        lane = self._lanes.get(address)
        if lane is None or not lane.ids:
            return
        lane.talk.miss(Outcome.REFUSED)
        self._settle(lane)
        self._end(lane, now)
        self._release(now)

    def due(self) -> float | None:
        """Return when `expire` must be called next, or None while nothing is outstanding."""
        timers = self._timers
        while timers and not _current(timers[0]):
            heapq.heappop(timers)
        head = timers[0][0] if timers else None
        if self._backlog and self._prompt:
            turn = self._prompt[0][0]
            return turn if head is None else min(head, turn)
        return head

    def expire(self, now: float) -> None:
        """Ask again, or give up, whatever has waited too long; let the backlog move on."""
        timers = self._timers
        while timers and timers[0][0] <= now:
            timer = heapq.heappop(timers)
            if not _current(timer):
                continue
            lane = timer[2]
            target = lane.talk.target
            self._settle(lane, keep_ids=True)
            if lane.denied is not None:  # nobody else answered either: ask once an interval
                lane.talk.miss(lane.denied)
                self._settle(lane)
                self._end(lane, now)
                continue
            if now < lane.deadline and len(lane.ids) - lane.resyncs <= target.retries:
                self._send(lane, now)
                continue
            self._settle(lane)
            lane.talk.miss(Outcome.MALFORMED if lane.answered_wrongly else Outcome.TIMEOUT)
            self._advance(lane, now)
        self._release(now)

    def keyed(self, security: Security, user: User, now: float) -> None:
        """Take the keys of an engine, made elsewhere, and ask whoever waited for them."""
        self.engines.made(user, security)
        for lane in [*self._lanes.values()]:
            peer = lane.talk.envelope
            asks = isinstance(peer, Peer) and peer.user is user and peer.pending == security.engine
            if asks and lane.ids:
                self._again(lane, now)

    def _opened(
        self, lane: _Lane, envelope: Community | Peer, datagram: bytes, now: float
    ) -> bytes | None:
        """Return the PDU of an answer, or cope with a report. Raises: BerError, MismatchError."""
        if isinstance(envelope, Community):
            return envelope.open(datagram)
        heard = envelope.open(datagram, now)
        if envelope.notices:
            self.engines.note(lane.address, envelope)
        if heard.complaint is None:
            if request_id(heard.pdu) != heard.number:
                raise MismatchError("request_id")
            return heard.pdu
        proven = heard.complaint is Complaint.NOT_IN_TIME_WINDOW
        if heard.again and lane.resyncs < RESYNCS_MAX + CLOCKS_MAX * proven:
            lane.resyncs += 1
            if not envelope.pending:
                self._again(lane, now)
        else:  # nobody proves such a report, so the answer may yet come
            self.drops[f"report_{heard.complaint.name.lower()}"] += 1
            lane.denied = DENIALS[heard.complaint]
        return None

    def _again(self, lane: _Lane, now: float) -> None:
        """Put a request again at once; any answer to it counts."""
        self._settle(lane, keep_ids=True)
        self._send(lane, now)

    def _begin(self, lane: _Lane, talk: Talk, now: float) -> None:
        """Put a talk on its lane and ask its first request."""
        lane.talk = talk
        lane.since = now
        lane.deadline = now + talk.time_s
        self._advance(lane, now)

    def _advance(self, lane: _Lane, now: float) -> None:
        """Ask what the talk wants to know next, or end it."""
        planned = lane.talk.ask() if now < lane.deadline else None
        if planned is None:
            self._end(lane, now)
            return
        lane.planned = planned
        lane.answered_wrongly = False
        lane.resyncs = 0
        lane.denied = None
        self._send(lane, now)

    def _end(self, lane: _Lane, now: float) -> None:
        """Finish the talk of a lane."""
        self.ended.append((lane.talk, now - lane.since))
        self._leave(lane, now)

    def _leave(self, lane: _Lane, now: float) -> None:
        """Let the next talk of a lane begin; without one the lane is taken up."""
        self._settle(lane)
        if lane.waiting:
            self._begin(lane, lane.waiting.popleft(), now)
        else:
            del self._lanes[lane.address]

    def _send(self, lane: _Lane, now: float) -> None:
        """Send the lane's request under a fresh id, unless too many answers are due already."""
        if self._prompt_count >= self.window:
            self._backlog[lane] = None
            return
        self._serial += 1
        lane.serial = self._serial
        number = REQUEST_ID_MIN + self._rng.getrandbits(REQUEST_ID_BITS)
        lane.ids.append(number)
        lane.prompt = True
        self._prompt_count += 1
        self._prompt.append((now + PROMPT_S, lane.serial, lane))
        self._recent[number] = lane.address
        if len(self._recent) > RECENT_IDS:
            self._older, self._recent = self._recent, {}
        when = min(now + lane.talk.target.timeout_s, lane.deadline)
        heapq.heappush(self._timers, (when, lane.serial, lane))
        datagram = lane.talk.envelope.seal(lane.planned.pdu(number), number, now)
        self.outbox.append((datagram, lane.address))

    def _settle(self, lane: _Lane, *, keep_ids: bool = False) -> None:
        """No answer is expected on this lane any moment; without `keep_ids`, none at all."""
        if lane.prompt:
            lane.prompt = False
            self._prompt_count -= 1
        if not keep_ids:
            lane.ids = []
            self._backlog.pop(lane, None)

    def _release(self, now: float) -> None:
        """Send what had to wait, as far as answers have come in or are overdue."""
        while self._prompt and (not _current(self._prompt[0]) or self._prompt[0][0] <= now):
            _, serial, lane = self._prompt.popleft()
            if lane.serial == serial:
                self._settle(lane, keep_ids=True)
        while self._backlog and self._prompt_count < self.window:
            lane, _ = self._backlog.popitem(last=False)
            if now < lane.deadline:
                self._send(lane, now)
            else:
                self._end(lane, now)

    def _drop(self, reason: str, lane: _Lane | None) -> None:
        """Count a datagram that is of no use; the request it seems to answer stays outstanding."""
        self.drops[reason] += 1
        if lane is not None:
            lane.answered_wrongly = True

    def _was_ours(self, number: int, address: Address) -> bool:
        """Say whether a request-id was sent to `address` not long ago."""
        return address in (self._recent.get(number), self._older.get(number))


def _current(timer: tuple[float, int, _Lane]) -> bool:
    """Say whether a timer belongs to the latest try of a request that is still outstanding."""
    return timer[2].serial == timer[1] and bool(timer[2].ids)
