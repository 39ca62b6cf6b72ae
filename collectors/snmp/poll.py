"""Talks made of GETs: the poll of a watched device, and the fetch of a few objects once.

Both cope with what agents do instead of answering: tooBig halves the requests, noSuchName and
genErr cost one object each, silence ends the poll unless only this size of request is not answered.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collectors.readings import Quality
from collectors.snmp.ber import ABSENT, Value, to_value
from collectors.snmp.exchange import Learnt, Outcome, Target
from collectors.snmp.message import ErrorStatus, Pdu, decode_pdu
from collectors.snmp.plan import Planned, encode_names, planned_get, split
from collectors.snmp.shape import Shape, check_names

ABSENT_POLLS: Final = 60  # then objects that a v1 agent did not have are asked for again

REFUSALS: Final = {  # error-status -> what it says of the object that error-index points at
    ErrorStatus.NO_SUCH_NAME: (Quality.ABSENT, "noSuchName"),
    ErrorStatus.NO_ACCESS: (Quality.ABSENT, "noAccess"),
    ErrorStatus.AUTHORIZATION_ERROR: (Quality.ABSENT, "authorizationError"),
    ErrorStatus.GEN_ERR: (Quality.SENSOR_FAULT, "genErr"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One planned request and the positions of its objects in the poll."""

    planned: Planned
    positions: Sequence[int]
    where: slice | Sequence[int]  # the same, as numpy likes it best
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What one poll of V objects brought. Shapes: raw float64[V], fault uint8[V]."""

    raw: NDArray[np.float64]  # NaN where not a number
    fault: NDArray[np.uint8]  # Quality
    texts: Mapping[int, bytes]  # position -> octets, for OCTET STRING only
    outcome: Outcome
    requests: int
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """What a fetch brought: each object asked for is in one of the two mappings."""

    values: dict[str, Value]
    unread: dict[str, str]  # object -> why not
    outcome: Outcome
    requests: int


class Watch:
    """The objects that are asked for again and again, cut into requests."""

    def __init__(self, target: Target, objects: Sequence[str], learnt: Learnt) -> None:
        self.target = target
        self.envelope = learnt.envelope(target)
        self.objects = tuple(objects)
        self.learnt = learnt
        self.no_values = np.full(len(objects), np.nan)
        self.all_lost = np.full(len(objects), Quality.COMM_LOST, np.uint8)
        self.absent: set[int] = set()  # positions of what a v1 agent does not have
        self._names = encode_names(objects)
        self._polls = 0
        self._cut_for: tuple[int, int] | None = None
        self._questions: list[Question] = []

    def questions(self) -> list[Question]:
        """Return what to ask at the next poll."""
        self._polls += 1
        if self._polls % ABSENT_POLLS == 0:
            self.absent.clear()
        key = (self.learnt.varbinds_max, len(self.absent))
        if key != self._cut_for:
            wanted = (at for at in range(len(self._names)) if at not in self.absent)
            self._questions = self.cut(wanted)
            self._cut_for = key
        return self._questions

    def cut(self, positions: Iterable[int]) -> list[Question]:
        """Plan the requests that ask for the objects at `positions`."""
        wanted = list(positions)
        names = [self._names[at] for at in wanted]
        questions = []
        who = self.learnt.overhead(self.target)
        for part in split(names, who, self.learnt.varbinds_max):
            planned = planned_get(tuple(names[part]))
            here = wanted[part]
            first, last = here[0], here[-1]
            if last - first + 1 == len(here):
                positions, where = range(first, last + 1), slice(first, last + 1)
                questions.append(Question(planned, positions, where, Shape(planned.names)))
            else:
                questions.append(Question(planned, here, here, Shape(planned.names)))
        return questions


class _Gets(ABC):
    """A talk that works through questions."""

    def __init__(self, watch: Watch) -> None:
        self.target = watch.target
        self.envelope = watch.envelope
        self.time_s = watch.target.deadline_s
        self.requests = 0
        self._watch = watch
        self._questions = watch.questions()
        self._at = 0
        self._heard = 0  # answers, errors included
        self._read = 0  # answers with values
        self._missed: Outcome | None = None
        self._suspect = 0  # varbinds of a request that may have been too large to be answered

    def ask(self) -> Planned | None:
        """Return the next request, or None when there is no more to ask."""
        if self._at >= len(self._questions):
            return None
        self.requests += 1
        return self._questions[self._at].planned

    def hear(self, pdu: bytes) -> None:
        """Take in the answer, if it is one. Raises: BerError, MismatchError."""
        question = self._questions[self._at]
        error = self._take(question, pdu)
        self._heard += 1
        if error is not None:
            self._cope(question, error)
            return
        self._at += 1
        self._read += 1
        learnt = self._watch.learnt
        learnt.varbinds_answered = max(learnt.varbinds_answered, len(question.positions))
        if self._suspect:
            self._halve(self._suspect)

    def miss(self, why: Outcome) -> None:
        """Go on without this answer; end when the device is silent.

        Some agents drop requests that are too large for them without a word. So when a size that
        was never answered is not answered, one object alone is asked for: if that is answered,
        the requests are halved.
        """
        question = self._questions[self._at]
        size = len(question.positions)
        if why is Outcome.TIMEOUT and size > max(1, self._watch.learnt.varbinds_answered):
            if self._heard:
                self._halve(size)
            else:
                self._suspect = size
                self._ask_instead(self._watch.cut(question.positions[:1]) + self._rest())
            return
        self._missed = why
        if why is Outcome.MALFORMED:
            self._give_up(question.positions, Quality.MALFORMED, "bad response")
        self._at = self._at + 1 if self._heard else len(self._questions)

    def outcome(self) -> Outcome:
        """Say how it went."""
        if self._missed is None and self._at >= len(self._questions):
            return Outcome.OK
        return Outcome.PARTIAL if self._read else self._missed or Outcome.TIMEOUT

    def end(self, seconds: float) -> None:
        """Hand over what was heard."""
        raise NotImplementedError

    @abstractmethod
    def _take(self, question: Question, pdu: bytes) -> Pdu | None:
        """Store the values, or return the error. Raises: BerError, MismatchError."""

    @abstractmethod
    def _give_up(self, positions: Sequence[int], quality: Quality, reason: str) -> None:
        """Note why these objects will not be read."""

    def _cope(self, question: Question, error: Pdu) -> None:
        """Go on after an error: smaller, without the object at fault, or without the request."""
        here = question.positions
        if error.status == ErrorStatus.TOO_BIG and len(here) > 1:
            self._halve(len(here))
        elif error.status != ErrorStatus.TOO_BIG and 1 <= error.index <= len(here):
            fallback = (Quality.MALFORMED, f"error-status {error.status}")
            quality, reason = REFUSALS.get(error.status, fallback)  # type: ignore[call-overload]
            culprit = here[error.index - 1]
            self._give_up([culprit], quality, reason)
            if quality is Quality.ABSENT:
                self._watch.absent.add(culprit)
            others = [at for at in here if at != culprit]
            self._ask_instead(self._watch.cut(others) + self._rest()[1:])
        else:
            reason = f"error-status {error.status}, error-index {error.index}"
            self._give_up(here, Quality.MALFORMED, reason)
            self._missed = Outcome.MALFORMED
            self._at += 1

    def _halve(self, varbinds: int) -> None:
        """Ask for the rest in requests of at most half as many varbinds, from now on."""
        self._suspect = 0
        self._watch.learnt.varbinds_max = max(1, varbinds // 2)
        self._ask_instead(self._watch.cut(at for q in self._rest() for at in q.positions))

    def _rest(self) -> list[Question]:
        """Return the questions without answer, the present one included."""
        return self._questions[self._at :]

    def _ask_instead(self, questions: list[Question]) -> None:
        """Ask these instead of the rest; the watch keeps its own list."""
        self._questions = questions
        self._at = 0


class Poll(_Gets):
    """One poll of a watched device, read by learnt layouts into arrays."""

    def __init__(self, watch: Watch, on_answer: Callable[[Answer], None]) -> None:
        super().__init__(watch)
        self._raw = watch.no_values.copy()
        self._fault = watch.all_lost.copy()
        self._texts: dict[int, bytes] = {}
        self._on_answer = on_answer
        if watch.absent:
            self._fault[list(watch.absent)] = Quality.ABSENT

    def end(self, seconds: float) -> None:
        """Hand over the answer; what claims to be good must be a finite number."""
        raw = self._raw
        fault = self._fault
        if not isfinite(raw.dot(raw)):  # the cheapest question that any NaN answers
            odd = ~np.isfinite(raw)
            raw[odd] = np.nan
            fault[odd & (fault == Quality.GOOD)] = Quality.MALFORMED
        outcome = self.outcome()
        self._on_answer(Answer(raw, fault, self._texts, outcome, self.requests, seconds))

    def _take(self, question: Question, pdu: bytes) -> Pdu | None:
        """Store the values, or return the error. Raises: BerError, MismatchError."""
        layout = question.shape.find(pdu)
        if layout is None:
            decoded = decode_pdu(pdu)
            if decoded.status:
                return decoded
            layout = question.shape.learn(pdu, decoded)
        values, texts = layout.read(pdu)
        where = question.where
        if isinstance(where, slice):
            layout.pack(self._raw, 8 * where.start, *values)  # three times as fast as numpy
        else:
            self._raw[where] = values
        self._fault[where] = layout.fault
        for at, octets in texts:
            self._texts[question.positions[at]] = octets
        return None

    def _give_up(self, positions: Sequence[int], quality: Quality, reason: str) -> None:  # noqa: ARG002 -- the array holds the quality
        """Note why these objects will not be read."""
        self._fault[positions] = quality


class Fetch(_Gets):
    """Objects read once, each with its value or the reason why not."""

    def __init__(self, watch: Watch, on_fetched: Callable[[Fetched], None]) -> None:
        super().__init__(watch)
        self._values: dict[str, Value] = {}
        self._unread: dict[str, str] = {}
        self._on_fetched = on_fetched

    def end(self, seconds: float) -> None:  # noqa: ARG002 -- part of the protocol of talks
        """Hand over what was read."""
        for name in self._watch.objects:
            if name not in self._values:
                self._unread.setdefault(name, "no answer")
        outcome = self.outcome()
        self._on_fetched(Fetched(self._values, self._unread, outcome, self.requests))

    def _take(self, question: Question, pdu: bytes) -> Pdu | None:
        """Store the values, or return the error. Raises: BerError, MismatchError."""
        decoded = decode_pdu(pdu)
        if decoded.status:
            return decoded
        check_names(pdu, decoded, question.planned.names)
        values = [to_value(span.tag, pdu[span.start : span.stop]) for span in decoded.spans]
        for at, span, value in zip(question.positions, decoded.spans, values, strict=True):
            name = self._watch.objects[at]
            if span.tag in ABSENT:
                self._unread[name] = ABSENT[span.tag]  # type: ignore[index]
            else:
                self._values[name] = value
        return None

    def _give_up(self, positions: Sequence[int], quality: Quality, reason: str) -> None:  # noqa: ARG002 -- the reason says more
        """Note why these objects will not be read."""
        for at in positions:
            self._unread[self._watch.objects[at]] = reason
