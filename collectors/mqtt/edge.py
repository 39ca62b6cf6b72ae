"""One Sparkplug edge node as its messages show it: born or not, and whether any message is missing.

A node counts its messages through 256 numbers, and those of its devices with them. One that is out
of turn waits for the missing ones, for a while; meanwhile, nothing of the node is believed. When
they do not come, or anything else shows that we did not hear it all, the node is unknown until it
is born again. Time is the monotonic clock's, as an argument.

Source: Sparkplug 3.0, §5.7 (deaths), §5.9 (order of messages), §6.4 (sequence, bdSeq).
"""

import math
from collections import deque
from typing import Final, NamedTuple, Protocol

from collectors.mqtt.access import REORDER_S
from collectors.mqtt.device import Heard
from collectors.mqtt.payload import PayloadError
from collectors.mqtt.sparkplug import NAMESPACE, SEQUENCE, Payload, read

AHEAD_MAX: Final = 16  # messages that wait for a missing one; more missing are lost, not late
SESSIONS_MAX: Final = 8  # earlier ones remembered, whose deaths may still come
KINDS_OF_NODE: Final = ("NBIRTH", "NDATA", "NDEATH")
KINDS_OF_DEVICE: Final = ("DBIRTH", "DDATA", "DDEATH")


class Topic(NamedTuple):
    """A topic of a node or of a device of it."""

    group: str
    kind: str
    node: str
    device: str  # "": the node itself


def split(topic: str) -> Topic | None:
    """Take a topic apart; None if it is none that a host listens to (§4).

    >>> split("spBv1.0/hall/DDATA/bay-01/cdu")
    Topic(group='hall', kind='DDATA', node='bay-01', device='cdu')
    """
    namespace, _, rest = topic.partition("/")
    levels = rest.split("/")
    if namespace != NAMESPACE or not 3 <= len(levels) <= 4:
        return None
    group, kind, node, device = (*levels, "")[:4]
    known = kind in (KINDS_OF_NODE if len(levels) == 3 else KINDS_OF_DEVICE)
    return Topic(group, kind, node, device) if known else None


class Member(Protocol):
    """A device of the node, or the node itself, that somebody wants to know of."""

    def born(self, payload: Payload, heard: Heard) -> str:
        """Take in a birth; return why it is refused, or nothing."""
        ...

    def data(self, payload: Payload, heard: Heard) -> str:
        """Take in data; return why anything in it is not taken, or nothing."""
        ...

    def died(self) -> None:
        """Believe nothing any more, until the next birth."""
        ...

    def doubted(self) -> None:
        """Take note that the node's soundness changed."""
        ...


class _Came(NamedTuple):
    """A message, read."""

    topic: Topic
    payload: Payload
    heard: Heard
    digest: int

    @property
    def seq(self) -> int:
        """Return its number."""
        assert self.payload.seq is not None
        return self.payload.seq


class EdgeNode:
    """What is known of one node. Cost: 2 µs a message, and what its members do with it."""

    def __init__(self, group: str, name: str, reorder_s: float = REORDER_S) -> None:
        self.group = group
        self.name = name
        self.reorder_s = reorder_s
        self.members: dict[str, Member] = {}  # by device; "" is the node itself
        self.listening = False
        self.born = False
        self.wanting = "not_born"  # why it should be born again; "": it need not
        self.asked_at = -math.inf  # for its birth, and how long to wait before asking again
        self.patience_s = 0.0
        self._session: int | None = None  # bdSeq of the birth
        self._earlier: deque[int] = deque(maxlen=SESSIONS_MAX)
        self._birth = 0  # digest of the birth, to know it again
        self._birth_time = 0
        self._next = 0
        self._waiting: dict[int, _Came] = {}
        self._early: deque[_Came] = deque(maxlen=AHEAD_MAX)  # may be of a birth yet to come
        self._gap_since: float | None = None
        self._recent: deque[tuple[int, int]] = deque(maxlen=AHEAD_MAX)
        self._last: Heard | None = None  # one message is heard once for each member

    @property
    def sound(self) -> bool:
        """Say whether all that the node has said is known."""
        return self.born and self._gap_since is None

    def listen(self, *, there: bool) -> None:
        """Take note whether the broker is there: what is said meanwhile, we do not hear."""
        if there != self.listening:
            self.listening, self._session = there, None
            self._earlier.clear()
            self.lose("not_born")
            self._early.clear()

    def lose(self, why: str) -> None:
        """Believe nothing of the node until it is born again."""
        self.born = False
        self.wanting = why
        self._early.extend(self._waiting.values())
        self._waiting.clear()
        self._recent.clear()
        self._gap_since = None
        for member in self.members.values():
            member.died()

    def tick(self, now: float) -> None:
        """Give up waiting for what is missing, when its time is over."""
        if self._gap_since is not None and now - self._gap_since >= self.reorder_s:
            self.lose("gap")

    def hear(self, heard: Heard) -> str:
        """Take in a message, once; return why it is refused, or nothing."""
        if heard is self._last:
            return ""
        self._last = heard
        topic = split(heard.topic)
        if heard.retained or topic is None:  # a retained one is of any age: none should be (§4)
            return "retained" if topic else "unknown_topic"
        self.tick(heard.now)
        try:
            payload = read(heard.payload, counted=topic.kind != "NDEATH")
        except PayloadError as error:
            self.lose(str(error))  # whatever it said, we did not get it
            return str(error)
        came = _Came(topic, payload, heard, hash((heard.topic, heard.payload)))
        return {"NDEATH": self._die, "NBIRTH": self._bear}.get(topic.kind, self._in_turn)(came)

    def _bear(self, came: _Came) -> str:
        """Take in a birth of the node: every device of it is yet to be born."""
        session, time = came.payload.session, came.payload.time or 0
        if came.digest == self._birth and (self.born or time):  # none is told twice in a ms
            return "duplicate"
        if time < self._birth_time and session in self._earlier:
            return "older_session"
        if time < self._birth_time and session == self._session:  # which of the two was the last?
            self.lose("clock")
            return "clock"
        if self._session is not None and self._session != session:
            self._earlier.append(self._session)
        self.lose("")
        self._session, self._birth, self._birth_time = session, came.digest, time
        self._next = (came.seq + 1) % SEQUENCE
        self.born = True
        self._tell()
        node = self.members.get("")
        reason = node.born(came.payload, came.heard) if node else ""
        self._overtaken(came.heard.now)
        return reason

    def _overtaken(self, now: float) -> None:
        """Take in, after a birth, what was said after it and came before it."""
        early = [each for each in self._early if (each.payload.time or 0) > self._birth_time]
        self._early.clear()
        for each in early:
            self._in_turn(each)
        if self._gap_since is not None:
            self._gap_since = now

    def _die(self, came: _Came) -> str:
        """Take in a death, unless it is of an earlier session (§5.7)."""
        session = came.payload.session
        if session is not None and session != self._session:
            if session in self._earlier:
                return "older_session"
            if self.born:  # we missed the birth that this death belongs to
                self.lose("unknown_session")
                return "unknown_session"
        self.lose("")
        return ""

    def _in_turn(self, came: _Came) -> str:
        """Take in a message whose turn it is, with those that waited for it; let others wait."""
        if not self.born:
            self.wanting = self.wanting or "not_born"
            self._early.append(came)
            return "before_birth"
        if (came.payload.time or 0) < self._birth_time:  # of before its birth, or its clock jumped
            self.lose("clock")
            return "clock"
        if came.seq != self._next:
            return self._out_of_turn(came)
        reason = self._give(came)
        while self.born and (waiting := self._waiting.pop(self._next, None)):
            reason = self._give(waiting) or reason
        if self._gap_since is not None and not self._waiting:
            self._gap_since = None
            self._tell()
        return reason

    def _out_of_turn(self, came: _Came) -> str:
        """Keep a message until those before it have come, or find that too many are missing."""
        known = self._waiting.get(came.seq)
        if (came.seq, came.digest) in self._recent or (known and known.digest == came.digest):
            return "duplicate"
        if (came.seq - self._next) % SEQUENCE > AHEAD_MAX or known:
            self.lose("gap")
            self._early.append(came)
            return "gap"
        self._waiting[came.seq] = came
        if self._gap_since is None:
            self._gap_since = came.heard.now
            self._tell()
        return "out_of_turn"

    def _give(self, came: _Came) -> str:
        """Hand a message to the device that it is of."""
        self._next = (came.seq + 1) % SEQUENCE
        self._recent.append((came.seq, came.digest))
        member = self.members.get(came.topic.device)
        if member is None:
            return ""
        if came.topic.kind == "DDEATH":
            member.died()
            return ""
        if came.topic.kind == "DBIRTH":
            self.wanting = ""
            return member.born(came.payload, came.heard)
        return member.data(came.payload, came.heard)

    def _tell(self) -> None:
        """Tell every member that what is believed of the node changed."""
        for member in self.members.values():
            member.doubted()
