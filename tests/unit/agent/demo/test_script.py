"""What happens when in a demo, without waiting for any of it."""

import pytest

from agent.demo.alerts import Alert
from agent.demo.progress import Progress, progress
from agent.demo.script import LOOK_S, PATIENCE, Script, Wish, timed
from agent.twin.faults import Placed
from collectors.twin.faults import Fault
from tests.unit.agent.demo.told import run

ALERT = Alert("RackproofLeak", "critical", "rack leak[zone2]")
OLD = Alert("Watchdog", "warning", "always there")
PLAN_S = 150.0


def script(
    kind: str | None = "leak",
    *,
    rack: int = 0,
    leave: bool = True,
    alerting: bool = True,
    n: int = 1,
) -> Script:
    """Return the script of a demo that began at 0."""
    fault = Placed(rack, Fault(kind=kind, onset_s=90.0), "soak") if kind else None
    wish = Wish(fault=fault, leave=leave)
    names = [f"bay-{number:02}" for number in range(1, n + 1)]
    return Script(wish=wish, started=0.0, plan_s=PLAN_S, bays=names, alerting=alerting)


def bays(*runs: dict[str, object]) -> dict[str, Progress]:
    """Return what was seen of some bays."""
    return {f"bay-{n:02}": progress(each) for n, each in enumerate(runs, 1)}


BEFORE, SOAK = bays(run(qualified_s=10.0)), bays(run(qualified_s=91.0))
FAILED, PASSED = bays(run(over="FAIL")), bays(run(over="PASS"))


def test_a_fault_is_told_once_when_the_soak_has_come_to_it() -> None:
    """A healthy rack is seen before."""
    play = script()
    assert not play.step({}, [], 0.0)
    assert not play.step(BEFORE, [], 1.0)
    assert play.step(SOAK, [], 2.0)
    assert not play.step(SOAK, [], 3.0)


def test_a_demo_ends_content_once_verdict_and_alert_were_looked_at() -> None:
    """Soak, fault, alert, verdict, end: in this order."""
    play = script()
    play.step(SOAK, [], 60.0)
    play.step(SOAK, [ALERT], 62.0)
    assert not play.all_seen
    play.step(FAILED, [ALERT], 64.0)
    assert play.all_seen
    assert not play.is_over(64.0)
    assert play.is_over(64.0 + LOOK_S)


def test_an_alert_that_fired_before_the_fault_is_not_its_doing() -> None:
    """Otherwise a broken baseline would pass for a detected fault."""
    play = script()
    play.step(BEFORE, [OLD], 0.0)
    assert play.news([OLD]) == [OLD]
    play.step(SOAK, [OLD], 60.0)
    play.step(FAILED, [OLD], 64.0)
    assert not play.all_seen
    assert play.news([OLD, ALERT]) == [ALERT]
    assert play.news([OLD, ALERT]) == []


@pytest.mark.parametrize(
    ("kind", "verdict", "content"),
    [
        (None, "PASS", True),
        (None, "FAIL", False),
        ("leak", "PASS", False),
        ("leak", "FAIL", True),
        ("drop_out", "INCONCLUSIVE", True),
        ("drop_out", "FAIL", False),
        ("late", "PASS", True),
    ],
)
def test_only_the_verdict_that_is_due_is_a_good_end(
    kind: str | None, verdict: str, *, content: bool
) -> None:
    """A fault that is not found is the worst there is; one that is invented is no better."""
    play = script(kind, alerting=False)
    play.step(SOAK, [], 60.0)
    play.step(bays(run(over=verdict)), [], 64.0)
    assert play.all_seen is content


def test_on_a_floor_the_broken_bay_alone_may_fail() -> None:
    """The others have nothing to do with it."""
    for second, content in (("FAIL", True), ("PASS", False)):
        play = script(rack=1, alerting=False, n=2)
        play.step(bays(run(), run(qualified_s=91.0)), [], 60.0)
        ends = bays(run(over="PASS"), run(over=second))
        play.step({"bay-02": ends["bay-02"]}, [], 64.0)
        assert not play.all_seen, "the other one is still on"
        play.step(dict(reversed(ends.items())), [], 65.0)
        assert play.all_seen is content


def test_a_run_that_does_not_end_fails_in_time() -> None:
    """A script in a pipeline must not hang."""
    play = script()
    play.step(SOAK, [], 1.0)
    assert not play.is_over(PATIENCE * PLAN_S - 1)
    assert play.is_over(PATIENCE * PLAN_S)
    assert not play.all_seen


def test_a_person_who_watches_is_not_thrown_out() -> None:
    """Without --exit or --seconds only Ctrl-C ends it: the certificate is there to be opened."""
    play = script(None, leave=False)
    play.step(PASSED, [], 150.0)
    assert not play.is_over(1e6)


def test_seconds_end_it_whatever_has_been_seen() -> None:
    """The person said so."""
    wish = Wish(seconds=8.0)
    play = Script(wish=wish, started=100.0, plan_s=PLAN_S, bays=["bay-01"], alerting=True)
    assert not play.is_over(107.0)
    assert play.is_over(108.0)


def test_a_fault_is_in_the_soak_unless_somebody_says_when() -> None:
    """What people would see before it is there from the beginning."""
    assert timed("leak") == "leak stage=soak at=90s"
    assert timed("leak at=10min") == "leak at=10min"
    assert timed("leak stage=ramp") == "leak stage=ramp"
    assert timed("bay=2 miscabling") == "bay=2 miscabling"
