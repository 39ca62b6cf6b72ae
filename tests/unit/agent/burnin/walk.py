"""A plan that walks on a false clock: what it is shown, and people who do as they are asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Self

from agent.burnin.course import Course
from agent.burnin.deeds import Deeds
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.expand import expand
from agent.burnin.progress import Progress
from agent.burnin.spec import load_spec
from agent.burnin.terms import Moment

SPEC: Final = """\
spec: rackproof.spec/1
id: small
revision: A
status: draft
title: A rack with two feeds and a short plan
design: {rack_power: 10 kW}
decision: {rule: simple}
defaults: {every: 1 s, hold: 2 s, budget: 1 %, applies: always}
roles:
  feed_meter:
    count: 2
    names: [feedA, feedB]
    channels:
      power: {q: power, fail: max 11 kW, trip: max 15 kW}
      voltage: {q: voltage, fail: min 200 V}
plan:
  clock: qualified
  coverage: {min: 99 %}
  stages:
    - id: inventory
      duration: 10 s
      load: 0 %
      needs: [bom_scanned, signatures 2]
    - id: soak
      duration: 30 s
      load: 100 %
      entry: {all: [feed_meter.power min 1 kW], for: 5 s, timeout: 30 s}
    - id: feed_loss
      load: 100 %
      steps: {lose: [feedA, feedB], each: 20 s, restore: 10 s}
      affected:
        feed_meter.voltage: {fail: max 20 V}
    - id: cool_down
      duration: 5 s
      load: 0 %
      exit: {all: [feed_meter.power max 1 kW], for: 5 s, timeout: 20 s}
"""


@dataclass
class Seen:
    """What a plan is shown: all well, unless a test says otherwise."""

    conditions: bool | None = True
    load: bool | None = True
    is_steady: bool | None = True
    shown: Sequence[bool | None] = (True,)
    tripped: Sequence[Mapping[str, Any]] = ()
    asked: list[Moment] = field(default_factory=list)

    def holds(self, condition: str, at: float) -> bool | None:
        """Say so."""
        del condition, at
        return self.conditions

    def steady(self, at: float) -> bool | None:
        """Say so."""
        del at
        return self.is_steady

    def loaded(self, at: float) -> bool | None:
        """Say so."""
        del at
        return self.load

    def affected(self, moment: Moment, at: float) -> Sequence[bool | None]:
        """Say so, and remember what was asked."""
        del at
        self.asked.append(moment)
        return self.shown

    def trips(self, at: float) -> Sequence[Mapping[str, Any]]:
        """Say so."""
        del at
        return self.tripped


class Walk:
    """A plan, its clock, and people who answer whatever is asked.

    `lag_s`: how long after its end an attempt is judged; it passes if it was completed, unless
    it is in `failing`.
    """

    def __init__(
        self,
        design: Design,
        seen: Seen | None = None,
        tick_s: float = 1.0,
        *,
        lag_s: float = 0.0,
        failing: Iterable[tuple[str, int]] = (),
    ) -> None:
        self.course = Course(design)
        self.progress = Progress(self.course)
        self.deeds = Deeds(self.course)
        self.seen = seen or Seen()
        self.tick_s = tick_s
        self.lag_s = lag_s
        self.failing = frozenset(failing)
        self.at = 0.0
        self.events: list[Event] = []
        self.answering = True
        self.note(Event(0.0, Kind.RUN_STARTED, {}))

    def rebuilt(self, events: Sequence[Event]) -> Self:
        """Return the same plan as a journal of it says."""
        other = type(self)(
            self.course.design, tick_s=self.tick_s, lag_s=self.lag_s, failing=self.failing
        )
        for event in events[1:]:
            other.note(event)
        other.at = self.at
        return other

    def note(self, event: Event) -> None:
        """Note what somebody else noticed."""
        self.course.note(event)
        self.events.append(event)

    def go(self, until: str | None = None, ticks: int = 100_000) -> list[Event]:
        """Let time pass until a phase begins, `"soak dwell"`, or the run is over."""
        for _ in range(ticks):
            if self.course.over:
                break
            self.at += self.tick_s
            new = self.progress.tick(self.at, self.seen)
            self.take(new)
            self.judge()
            if self.answering:
                self.answer()
            if until and until in map(phase_name, new):
                break
        return self.events

    def take(self, new: Sequence[Event]) -> None:
        """Keep what happened."""
        self.events += new

    def judge(self) -> None:
        """Give attempts that are over their verdicts, once it is time."""
        if self.course.judged:
            return
        for event in [*self.events]:
            if event.kind is not Kind.STAGE_OVER or event.at + self.lag_s > self.at:
                continue
            stage, attempt = of = event.data["stage"], event.data["attempt"]
            if self.course.verdicts[of] is None:
                good = event.data["outcome"] == "completed" and of not in self.failing
                data = {"stage": stage, "attempt": attempt, "verdict": "PASS" if good else "FAIL"}
                self.note(Event(self.at, Kind.STAGE_JUDGED, {**data, "text": ""}))

    def answer(self) -> None:
        """Answer what is asked, by as many people as it wants."""
        now = self.course.now
        for need in self.course.standing(self.at).needs:
            for person in ("ann", "bob")[: int(need.partition(" ")[2] or 1)]:
                if now is not None and person not in now.answers.get(need, {}):
                    self.take(self.deeds.answer(self.at, need, "yes", person, None))

    @property
    def phases(self) -> list[str]:
        """Return the phases so far."""
        return [name for name in map(phase_name, self.events) if name]

    def over(self, stage: str) -> Mapping[str, Any]:
        """Return how the last attempt of a stage ended."""
        found = [e for e in self.events if e.kind is Kind.STAGE_OVER and e.data["stage"] == stage]
        return found[-1].data


def phase_name(event: Event) -> str:
    """Return what a phase is called here."""
    if event.kind is not Kind.PHASE:
        return ""
    step = "" if event.data["step"] is None else f" {event.data['step']}"
    return f"{event.data['stage']} {event.data['phase']}{step}"


@cache
def small() -> Design:
    """Return the small design."""
    return expand(load_spec(SPEC.encode(), "small.yaml"))
