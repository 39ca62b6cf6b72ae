"""What happens when in a demo, without waiting for any of it."""

import pytest

from agent.demo.alerts import Alert
from agent.demo.script import (
    AFTER_SECONDS,
    BASELINE_SECONDS,
    FAULT_SECONDS,
    LIVE_SECONDS,
    Cue,
    Script,
    Wish,
)
from agent.demo.snapshot import FAIL, INSIDE, UNKNOWN, Snapshot

LEAK = ("rack", "leak")
NOTHING = Snapshot()
HEALTHY = Snapshot(status={LEAK: INSIDE, ("rack", "flow"): INSIDE})
WET = Snapshot(status={LEAK: FAIL, ("rack", "flow"): INSIDE})
ALERT = Alert("RackproofLeak", "critical", "Leak")
OLD = Alert("Watchdog", "warning", "always there")


def script(*, fault: str | None = "leak", leave: bool = True, alerting: bool = True) -> Script:
    """Return the script of a demo that began at 0."""
    wish = Wish(fault=fault, leave=leave)
    return Script(wish=wish, started=0.0, known_share=0.9, alerting=alerting)


def test_a_demo_ends_content_once_the_alert_has_been_looked_at() -> None:
    """Live, baseline, fault, change, alert, end: in this order."""
    play = script()
    assert play.step(NOTHING, [], 1.0) is None
    assert play.step(HEALTHY, [], 5.0) is Cue.LIVE
    assert play.step(HEALTHY, [], 6.0) is None
    assert play.step(HEALTHY, [], 5.0 + BASELINE_SECONDS) is Cue.BREAK
    assert play.step(WET, [], 20.0) is None
    assert not play.all_seen
    assert not play.is_over(20.0)
    play.step(WET, [ALERT], 24.0)
    assert play.all_seen
    assert not play.is_over(24.0)
    assert play.is_over(24.0 + AFTER_SECONDS)


def test_an_alert_that_fired_before_the_fault_is_not_its_doing() -> None:
    """Otherwise a broken baseline would pass for a detected fault."""
    play = script()
    play.step(HEALTHY, [OLD], 0.0)
    play.step(HEALTHY, [OLD], BASELINE_SECONDS)
    play.step(WET, [OLD], BASELINE_SECONDS + 1)
    assert not play.all_seen
    assert play.news([OLD]) == []
    assert play.news([OLD, ALERT]) == [ALERT]
    assert play.news([OLD, ALERT]) == []


def test_a_channel_that_was_not_inside_before_proves_nothing() -> None:
    """The fault must move something that was well."""
    play = script(alerting=False)
    unwell = Snapshot(status={LEAK: FAIL, ("rack", "flow"): INSIDE})
    play.step(unwell, [], 0.0)
    play.step(unwell, [], BASELINE_SECONDS)
    play.step(unwell, [], BASELINE_SECONDS + 1)
    assert not play.all_seen


def test_without_prometheus_the_change_is_enough() -> None:
    """There is nobody to raise an alert."""
    play = script(alerting=False)
    play.step(HEALTHY, [], 0.0)
    play.step(HEALTHY, [], BASELINE_SECONDS)
    play.step(WET, [], 12.0)
    assert play.is_over(12.0)
    assert play.all_seen


def test_a_bay_that_never_becomes_live_fails_in_time() -> None:
    """A script in a pipeline must not hang."""
    play = script()
    play.step(Snapshot(status={LEAK: UNKNOWN}), [], 1.0)
    assert not play.is_over(LIVE_SECONDS - 1)
    assert play.is_over(LIVE_SECONDS)
    assert not play.all_seen


def test_a_fault_that_nobody_notices_fails_in_time() -> None:
    """The worst result there is, so it is not waited for for ever."""
    play = script()
    play.step(HEALTHY, [], 0.0)
    play.step(HEALTHY, [], BASELINE_SECONDS)
    assert play.is_over(BASELINE_SECONDS + FAULT_SECONDS)
    assert not play.all_seen


@pytest.mark.parametrize("fault", [None, "leak"])
def test_a_person_who_watches_is_not_thrown_out(fault: str | None) -> None:
    """Without --exit or --seconds only Ctrl-C ends it."""
    play = script(fault=fault, leave=False)
    play.step(HEALTHY, [], 0.0)
    play.step(HEALTHY, [], BASELINE_SECONDS)
    play.step(WET, [ALERT], 20.0)
    assert not play.is_over(1e6)


def test_live_metrics_are_all_that_a_demo_without_fault_owes() -> None:
    """And they are shown for a moment."""
    play = script(fault=None)
    play.step(HEALTHY, [], 3.0)
    assert play.all_seen
    assert not play.is_over(4.0)
    assert play.is_over(3.0 + BASELINE_SECONDS)


def test_seconds_end_it_whatever_has_been_seen() -> None:
    """The person said so."""
    wish = Wish(fault="leak", seconds=8.0)
    play = Script(wish=wish, started=100.0, known_share=0.9, alerting=True)
    assert not play.is_over(107.0)
    assert play.is_over(108.0)
