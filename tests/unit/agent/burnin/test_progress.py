"""A plan goes on as its spec says, on a false clock, with a rack that does as it is told."""

from collections.abc import Sequence
from typing import Final

import pytest

from agent.burnin.attempt import SETTLED_S, STOOD_S
from agent.burnin.deeds import ActError
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from tests.unit.agent.burnin.walk import Walk, small

TICK_S: Final = 5.0


def each(phases: str, steps: int) -> list[str]:
    """Return the phases of so many steps."""
    return [f"{phase} {step}" for step in range(steps) for phase in phases.split()]


EXAMPLE: Final = {  # stage -> its phases
    "inventory": ["needs", "dwell"],
    "pressure_decay": ["needs", "dwell"],
    "fill_flush": ["needs", "dwell", "exit"],
    "power_on": ["needs", "entry", "dwell"],
    "idle_soak": ["needs", "dwell"],
    "ramp": ["needs", *each("dwell", 4)],
    "full_soak": ["needs", "entry", "dwell"],
    "hot_coolant": ["needs", "entry", "dwell"],
    "load_steps": ["needs", *each("dwell", 6)],
    "feed_loss": ["needs", *each("breaking broken mending mended", 2)],
    "psu_pull": ["needs", *each("breaking broken mending mended", 2)],
    "pump_failover": ["needs", *each("breaking broken mending mended", 2)],
    "network": ["needs", "dwell"],
    "cool_down": ["needs", "dwell", "exit"],
    "sign_off": ["needs", "dwell"],
}


@pytest.fixture(scope="module")
def design() -> Design:
    """Return the small design."""
    return small()


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


def test_the_example_plan_takes_its_time_and_no_more(rack: Design) -> None:
    """34 hours, and half an hour for what has to be waited for; every stage as it is written."""
    walk = Walk(rack, tick_s=TICK_S)
    walk.go()
    assert walk.phases == [
        f"{stage} {phase}" for stage, all_of in EXAMPLE.items() for phase in all_of
    ]
    over = [e.data for e in walk.events if e.kind is Kind.STAGE_OVER]
    assert {data["outcome"] for data in over} == {"completed"}
    asked = [e.data["required_s"] for e in walk.events if e.kind is Kind.STAGE_STARTED]
    for data, required in zip(over, asked, strict=True):
        assert required <= data["qualified_s"] <= required + TICK_S * 8
    assert sum(asked) == 2038 * 60
    assert 34 * 3600 < walk.at < 34.5 * 3600


def test_qualified_time_waits_for_the_load(design: Design) -> None:
    """Time without the load is no soak, and it is said why."""
    walk = Walk(design)
    walk.go("soak dwell")
    walk.go(ticks=10)
    walk.seen.load = None
    walk.go(ticks=500)
    standing = walk.course.standing(walk.at)
    assert (standing.stage, standing.judging) == ("soak", "always")
    assert standing.qualified_s == 0.0  # ten seconds are too short to judge in
    assert standing.why == ("load as the plan sets it: not known",)
    walk.seen.load = True
    walk.go("feed_loss needs")
    assert walk.over("soak")["qualified_s"] == pytest.approx(30.0, abs=2.0)


def test_time_that_flickers_is_no_soak(design: Design) -> None:
    """Stretches too short to judge in do not add up."""
    walk = Walk(design)
    walk.go("soak dwell")
    for _ in range(200):
        walk.seen.load = not walk.seen.load
        walk.go(ticks=3)
    assert walk.course.standing(walk.at).qualified_s <= 4.0
    walk.seen.load = True
    began = walk.at
    walk.go("feed_loss needs")
    assert walk.at - began >= SETTLED_S + 26.0


@pytest.mark.parametrize("load", [None, False])
def test_a_clock_that_stands_does_not_hold_a_bay_for_ever(
    design: Design, *, load: bool | None
) -> None:
    """What is never mended ends the stage, with what it waited for; the plan goes on."""
    walk = Walk(design)
    walk.go("soak dwell")
    walk.seen.load = load
    stood = walk.at
    walk.go("feed_loss needs")
    over = walk.over("soak")
    assert over["outcome"] == "stood"
    assert "load as the plan sets it" in over["text"]
    assert walk.at - stood == pytest.approx(STOOD_S, abs=5.0)


def test_a_clock_that_was_mended_stands_anew(design: Design) -> None:
    """Neither a pause nor a time in which nobody listened counts as time to mend something."""
    walk = Walk(design)
    walk.go("soak dwell")
    walk.seen.load = None
    walk.go(ticks=int(STOOD_S) - 60)
    walk.note(Event(walk.at, Kind.GAP, {"start": walk.at - 20.0, "end": walk.at}))
    walk.go(ticks=60)
    walk.take(walk.deeds.pause(walk.at, "a", "lunch"))
    walk.go(ticks=int(STOOD_S))
    walk.take(walk.deeds.resume(walk.at, "a", None))
    walk.go(ticks=int(STOOD_S) - 80)
    assert walk.course.standing(walk.at).stage == "soak"
    walk.go(ticks=40)
    assert walk.over("soak")["outcome"] == "stood"


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


def test_what_tripped_is_decided_before_anything_is_repeated(design: Design) -> None:
    """No way around the hold leads over another stage; and a repetition is asked for once."""
    walk = Walk(design)
    walk.go("soak dwell")
    walk.seen.tripped = [{"channel": "feedA.power", "value": 16.0, "limit": 15.0}]
    walk.go(ticks=1)
    walk.seen.tripped = []
    with pytest.raises(ActError, match="soak failed; say first what became of attempt 1"):
        walk.deeds.repeat(walk.at, "inventory", "ann", "again")
    data = {"stage": "soak", "attempt": 1, "decision": "test_fault", "text": "fuse", "by": "ann"}
    walk.take(walk.deeds.dispose(walk.at, data))
    with pytest.raises(ActError, match="was decided already: test_fault"):
        walk.deeds.dispose(walk.at, data)
    walk.take(walk.deeds.repeat(walk.at, "inventory", "ann", "again"))
    with pytest.raises(ActError, match="is to be repeated already"):
        walk.deeds.repeat(walk.at, "inventory", "ann", "again")
    walk.go(ticks=2)
    assert walk.phases[-1] == "inventory dwell"


def test_a_waived_trip_lets_the_plan_go_on(design: Design) -> None:
    """Whoever answers for it may accept a stage as it was."""
    walk = Walk(design)
    walk.go("soak dwell")
    walk.seen.tripped = [{"channel": "feedA.power", "value": 16.0, "limit": 15.0}]
    walk.go(ticks=1)
    walk.seen.tripped = []
    data = {"stage": "soak", "attempt": 1, "decision": "waived", "text": "known", "by": "ann"}
    with pytest.raises(ActError, match="number of its deviation"):
        walk.deeds.dispose(walk.at, data)
    data["deviation"] = "DEV-17"
    walk.take(walk.deeds.dispose(walk.at, data))
    walk.go()
    assert walk.events[-1].data == {"outcome": "completed", "by": None, "reason": ""}
    assert walk.phases.count("soak dwell") == 1


def test_an_earlier_stage_again_and_then_where_the_plan_was(design: Design) -> None:
    """Its people are asked again, and nothing between is done twice."""
    walk = Walk(design)
    walk.go("cool_down dwell")
    walk.take(walk.deeds.repeat(walk.at, "inventory", "ann", "a tray was changed"))
    walk.go()
    assert walk.phases[-4:] == [
        "cool_down dwell",
        "cool_down exit",
        "inventory needs",
        "inventory dwell",
    ]
    answered = [e.data["need"] for e in walk.events if e.kind is Kind.ANSWERED]
    assert answered == ["bom_scanned", "signatures 2", "signatures 2"] * 2
    begun = [e.data for e in walk.events if e.kind is Kind.STAGE_STARTED]
    assert (begun[-1]["stage"], begun[-1]["attempt"]) == ("inventory", 2)


def test_a_trip_during_a_pause_is_not_missed(design: Design) -> None:
    """A pause rests the plan, not the danger."""
    walk = Walk(design)
    walk.go("soak dwell")
    walk.take(walk.deeds.pause(walk.at, "ann", "lunch"))
    walk.seen.tripped = [{"channel": "feedA.power", "value": 16.0, "limit": 15.0}]
    walk.go(ticks=1)
    assert walk.over("soak")["outcome"] == "tripped"
    with pytest.raises(ActError, match="not paused"):
        walk.deeds.resume(walk.at, "ann", None)


@pytest.mark.parametrize(
    ("shown", "complete"), [((True, False), True), ((False, False), True), ((True, None), False)]
)
def test_a_part_that_does_not_come_back_is_noticed(
    design: Design, *, shown: Sequence[bool | None], complete: bool
) -> None:
    """What was whole before must be whole again."""
    walk = Walk(design)
    walk.go("feed_loss mending 0")
    walk.seen.shown = shown
    walk.go("cool_down needs")
    over = walk.over("feed_loss")
    assert (over["outcome"], over["complete"]) == ("not_mended", complete)


def test_what_nobody_listened_to_is_held_against_nobody(design: Design) -> None:
    """A part that went during a gap may have shown it there."""
    walk = Walk(design)
    walk.go("feed_loss breaking 0")
    walk.note(Event(walk.at, Kind.GAP, {"start": walk.at - 2, "end": walk.at, "why": "stopped"}))
    walk.seen.shown = (True, False)
    walk.go("cool_down needs")
    over = walk.over("feed_loss")
    assert (over["outcome"], over["complete"]) == ("not_shown", False)


def test_steady_is_a_condition_like_any_other(rack: Design) -> None:
    """The soak begins when the rack is steady, and its clock stops while it is not."""
    walk = Walk(rack, tick_s=TICK_S)
    walk.go("hot_coolant needs")
    walk.take(walk.deeds.repeat(walk.at, "full_soak", "ann", "again"))
    walk.seen.is_steady = None
    walk.go("full_soak entry")
    walk.go(ticks=100)
    assert walk.course.standing(walk.at).waiting_for == ("steady",)
    walk.seen.is_steady = True
    walk.go("full_soak dwell")
    walk.seen.is_steady = False
    walk.go(ticks=2)
    assert walk.course.standing(walk.at).why == ("rack.return_temp and rack.supply_temp steady",)


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


def test_a_person_does_not_overrule_what_the_agent_sees_without_a_deviation(
    design: Design,
) -> None:
    """Say yes to what is seen to be wrong only under a number that allows it."""
    walk = Walk(design)
    walk.answering = False
    walk.go("inventory needs")
    found = {"need": "bom_scanned", "right": 3, "unknown": [], "todo": []}
    walk.take(walk.deeds.checked(walk.at, {**found, "found": "no", "wrong": ["tray 4 is odd"]}))
    told = walk.course.standing(walk.at).waiting_for
    assert "answer: bom_scanned (wrong: tray 4 is odd)" in told
    with pytest.raises(ActError, match="tray 4 is odd; mend it, or answer with the number"):
        walk.deeds.answer(walk.at, "bom_scanned", "yes", "ann", None)
    walk.take(walk.deeds.answer(walk.at, "bom_scanned", "yes", "ann", None, "D-17"))
    assert "bom_scanned" not in walk.course.standing(walk.at).needs


def test_what_the_agent_cannot_know_waits_for_a_person_with_the_reason(design: Design) -> None:
    """Show why nobody but a person can answer; any of them may."""
    walk = Walk(design)
    walk.answering = False
    walk.go("inventory needs")
    found = {"need": "bom_scanned", "right": 3, "wrong": [], "todo": []}
    unknown = ["tray 4 is silent", "tray 5 is"]
    walk.take(walk.deeds.checked(walk.at, {**found, "found": "unknown", "unknown": unknown}))
    told = walk.course.standing(walk.at).waiting_for
    assert "answer: bom_scanned (not known: tray 4 is silent; and 1 more)" in told
    walk.take(walk.deeds.answer(walk.at, "bom_scanned", "yes", "ann", None))
    assert "bom_scanned" not in walk.course.standing(walk.at).needs


def test_a_pause_counts_for_nothing_and_keeps_no_timer_running(design: Design) -> None:
    """The entry has its whole timeout after the pause."""
    walk = Walk(design)
    walk.go("soak entry")
    walk.seen.conditions = False
    walk.take(walk.deeds.pause(walk.at, "ann", "lunch"))
    walk.go(ticks=1000)
    assert walk.course.standing(walk.at).state == "paused"
    assert walk.course.standing(walk.at).why == ("paused",)
    walk.take(walk.deeds.resume(walk.at, "ann", None))
    walk.go(ticks=20)
    assert walk.course.standing(walk.at).why == ()
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
