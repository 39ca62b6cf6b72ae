"""A plan goes on as its spec says, on a false clock, with a rack that does as it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.burnin.course import Course
from agent.burnin.deeds import ActError, Deeds
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.expand import expand
from agent.burnin.progress import Progress
from agent.burnin.spec import load_spec
from agent.burnin.terms import Moment

TICK_S: Final = 5.0
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
    """A plan, its clock, and people who answer whatever is asked."""

    def __init__(self, design: Design, seen: Seen | None = None, tick_s: float = 1.0) -> None:
        self.course = Course(design)
        self.progress = Progress(self.course)
        self.deeds = Deeds(self.course)
        self.seen = seen or Seen()
        self.tick_s = tick_s
        self.at = 0.0
        self.events = [Event(0.0, Kind.RUN_STARTED, {})]
        self.course.note(self.events[0])
        self.answering = True

    def go(self, until: str | None = None, ticks: int = 100_000) -> list[Event]:
        """Let time pass until a phase begins, `"soak dwell"`, or the run is over."""
        for _ in range(ticks):
            self.at += self.tick_s
            new = self.progress.tick(self.at, self.seen)
            self.take(new)
            if self.answering:
                self.answer()
            if self.course.over or (until and until in map(phase_name, new)):
                return self.events
        return self.events

    def take(self, new: Sequence[Event]) -> None:
        """Note events, and judge at once whatever is over."""
        self.events += new
        for event in new:
            if event.kind is Kind.STAGE_OVER:
                good = event.data["outcome"] == "completed"
                self.judge(event.data["stage"], event.data["attempt"], "PASS" if good else "FAIL")

    def judge(self, stage: str, attempt: int, verdict: str) -> None:
        """Give an attempt its verdict."""
        data = {"stage": stage, "attempt": attempt, "verdict": verdict, "text": ""}
        self.events.append(Event(self.at, Kind.STAGE_JUDGED, data))
        self.course.note(self.events[-1])

    def answer(self) -> None:
        """Answer what is asked, by as many people as it wants."""
        standing = self.course.standing(self.at)
        for need in standing.needs:
            for person in ("ann", "bob")[: int(need.partition(" ")[2] or 1)]:
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


@pytest.fixture(scope="module")
def design() -> Design:
    """Return the small design."""
    return expand(load_spec(SPEC.encode(), "small.yaml"))


def test_a_plan_runs_from_its_first_stage_to_its_last(design: Design) -> None:
    """Phases come in their natural order, and the run ends by itself."""
    walk = Walk(design)
    walk.go()
    assert walk.phases == [
        "inventory needs",
        "inventory dwell",
        "soak needs",
        "soak entry",
        "soak dwell",
        "feed_loss needs",
        "feed_loss breaking 0",
        "feed_loss broken 0",
        "feed_loss mending 0",
        "feed_loss mended 0",
        "feed_loss breaking 1",
        "feed_loss broken 1",
        "feed_loss mending 1",
        "feed_loss mended 1",
        "cool_down needs",
        "cool_down dwell",
        "cool_down exit",
    ]
    assert walk.events[-1].kind is Kind.RUN_OVER
    assert walk.over("soak")["qualified_s"] == pytest.approx(30.0, abs=2.0)


def test_the_example_plan_takes_its_time_and_no_more(shared: Path) -> None:
    """34 hours, and a minute or two for what has to be waited for."""
    path = shared / "examples" / "nvl72-lc-132kw.yaml"
    walk = Walk(expand(load_spec(path.read_bytes(), str(path))), tick_s=TICK_S)
    walk.go()
    stages = [e.data["stage"] for e in walk.events if e.kind is Kind.STAGE_STARTED]
    assert len(stages) == len(set(stages)) == 15
    assert {e.data["outcome"] for e in walk.events if e.kind is Kind.STAGE_OVER} == {"completed"}
    assert 34 * 3600 < walk.at < 35.5 * 3600


def test_qualified_time_waits_for_the_load(design: Design) -> None:
    """Time without the load is no soak, and it is said why."""
    walk = Walk(design)
    walk.go("soak dwell")
    walk.go(ticks=10)
    walk.seen.load = None
    walk.go(ticks=500)
    standing = walk.course.standing(walk.at)
    assert (standing.stage, standing.judging) == ("soak", "always")
    assert standing.qualified_s == pytest.approx(10.0, abs=1.0)
    assert standing.why == ("load as the plan sets it: not known",)
    walk.seen.load = True
    walk.go("feed_loss needs")
    assert walk.over("soak")["qualified_s"] == pytest.approx(30.0, abs=2.0)


@pytest.mark.parametrize(("truth", "complete"), [(False, True), (None, False)])
def test_an_entry_that_never_comes_ends_the_stage(
    design: Design, *, truth: bool | None, complete: bool
) -> None:
    """Seen and not met is one thing, not seen is another."""
    walk = Walk(design)
    walk.go("soak entry")
    walk.seen.conditions = truth
    walk.go("feed_loss needs")
    over = walk.over("soak")
    assert (over["outcome"], over["complete"]) == ("timed_out", complete)


@pytest.mark.parametrize(
    ("shown", "complete"), [((True, False), True), ((False, False), False), ((True, None), False)]
)
def test_a_part_that_is_not_taken_away_is_noticed(
    design: Design, *, shown: Sequence[bool | None], complete: bool
) -> None:
    """Half of it gone is a fault; nothing gone means that nobody did it."""
    walk = Walk(design)
    walk.go("feed_loss breaking 0")
    walk.seen.shown = shown
    walk.go("cool_down needs")
    over = walk.over("feed_loss")
    assert (over["outcome"], over["complete"]) == ("not_shown", complete)


def test_a_trip_ends_the_stage_at_once_and_holds_the_plan(design: Design) -> None:
    """Nothing more begins until a person has decided and asks for it."""
    walk = Walk(design)
    walk.go("soak dwell")
    walk.seen.tripped = [{"channel": "feedA.power", "value": 16.0, "limit": 15.0}]
    walk.go(ticks=1)
    assert walk.over("soak")["outcome"] == "tripped"
    walk.seen.tripped = []
    walk.go(ticks=1000)
    assert walk.course.standing(walk.at).state == "held"
    with pytest.raises(ActError, match="say first what became of attempt 1"):
        walk.deeds.repeat(walk.at, "soak", "ann", "again")
    data = {"stage": "soak", "attempt": 1, "decision": "repaired", "text": "psu", "by": "ann"}
    walk.take(walk.deeds.dispose(walk.at, data))
    walk.take(walk.deeds.repeat(walk.at, "soak", "ann", "repaired"))
    walk.go()
    assert walk.course.over
    assert walk.phases.count("soak dwell") == 2
    assert walk.phases.count("inventory dwell") == 1


def test_a_need_is_answered_by_as_many_people_as_it_wants(design: Design) -> None:
    """One person's second signature is none."""
    walk = Walk(design)
    walk.answering = False
    walk.go("inventory needs")
    walk.take(walk.deeds.answer(walk.at, "bom_scanned", "yes", "ann", None))
    walk.take(walk.deeds.answer(walk.at, "signatures", "yes", "ann", None))
    with pytest.raises(ActError, match="somebody else must"):
        walk.deeds.answer(walk.at, "signatures 2", "yes", "ann", None)
    walk.go(ticks=100)
    assert walk.course.standing(walk.at).needs == ("signatures 2",)
    walk.take(walk.deeds.answer(walk.at, "signatures", "yes", "bob", None))
    walk.go(ticks=2)
    assert walk.phases[-1] == "inventory dwell"


def test_no_for_an_answer_ends_the_stage(design: Design) -> None:
    """A wrong part is not burnt in."""
    walk = Walk(design)
    walk.answering = False
    walk.go("inventory needs")
    walk.take(walk.deeds.answer(walk.at, "bom_scanned", "no", "ann", "wrong tray"))
    walk.go(ticks=1)
    assert walk.over("inventory")["outcome"] == "refused"


def test_a_pause_counts_for_nothing_and_keeps_no_timer_running(design: Design) -> None:
    """The entry has its whole timeout after the pause."""
    walk = Walk(design)
    walk.go("soak entry")
    walk.seen.conditions = False
    walk.take(walk.deeds.pause(walk.at, "ann", "lunch"))
    walk.go(ticks=1000)
    assert walk.course.standing(walk.at).state == "paused"
    walk.take(walk.deeds.resume(walk.at, "ann", None))
    walk.go(ticks=20)
    walk.seen.conditions = True
    walk.go("feed_loss needs")
    assert walk.over("soak")["outcome"] == "completed"


def test_a_run_that_did_not_pass_waits_for_a_person(design: Design) -> None:
    """Nobody has to hurry with a repair; and closing it is an act with a name."""
    walk = Walk(design)
    walk.go("soak entry")
    walk.seen.conditions = False
    walk.go("feed_loss needs")
    walk.seen.conditions = True
    walk.go(ticks=1000)
    standing = walk.course.standing(walk.at)
    assert standing.state == "waiting"
    assert "repeat a stage, or finish" in standing.waiting_for[0]
    walk.take(walk.deeds.finish(walk.at, "ann"))
    assert walk.course.over
    with pytest.raises(ActError, match="start another"):
        walk.deeds.abort(walk.at, "ann", "too late")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_what_a_plan_does_is_a_function_of_its_events(design: Design, data: st.DataObject) -> None:
    """A plan rebuilt from the journal stands where the first one stood."""
    walk = Walk(design)
    for _ in range(data.draw(st.integers(1, 40))):
        walk.seen.load = data.draw(st.sampled_from([True, True, False, None]))
        walk.seen.conditions = data.draw(st.sampled_from([True, True, False, None]))
        walk.seen.shown = data.draw(st.sampled_from([(True,), (True,), (False,), (None, True)]))
        walk.go(ticks=data.draw(st.integers(1, 15)))
    whole = Course(design)
    for event in walk.events:
        whole.note(event)
    assert whole.standing(walk.at) == walk.course.standing(walk.at)
