"""What a rack might get a PASS by that it should not have, each tried once."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from agent.burnin.block import Block
from agent.burnin.event import Kind
from agent.burnin.verdict import Verdict
from collectors.document import DocumentError
from collectors.readings import Quality
from tests.unit.agent.burnin.docket import SOAK, Case, design

PASS, INCONCLUSIVE, ABORTED, FAIL = Verdict
T = "t: {q: temperature, fail: max 44 degC, u: 0.5 K, hold: 1 s}"
BESIDE = "t: {q: temperature, fail: max 44 degC, u: 0 K, hold: 1 s, required: false}"
COUNT = "n: {q: count, fail: max 0, hold: 0 s, gap: 3 s}"
LEAK = "l: {q: leak, fail: is dry, hold: 0 s, gap: 5 s, latched: true}"
TRIP = "t: {q: temperature, fail: max 44 degC, trip: max 60 degC, u: 0 K, hold: 3 s, budget: 9 s}"
STAGES = """
    - {id: soak, duration: 1 h, load: 100 %}
    - {id: sign_off, duration: 1 h, load: 0 %, needs: [signatures 2]}
"""


def column(name: str, states: Mapping[str, str] | None = None) -> dict[str, object]:
    """Return a column of a temperature, as a binding tells it."""
    return {
        "name": name,
        "channel": name,
        "quantity": "temperature",
        "source": "",
        "kind": "gauge",
        "states": states or {},
        "good_states": [],
    }


def bound(case: Case, at: float, binding: int, *names: str, every: float | None = 1.0) -> None:
    """Bind the device to these columns."""
    columns = [column(name) for name in names]
    case.tell(at, Kind.BOUND, device="unit", binding=binding, interval_s=every, columns=columns)


def block(
    asked: Sequence[float],
    *values: float,
    binding: int = 0,
    late: float = 0.0,
    quality: Quality = Quality.GOOD,
) -> Block:
    """Return polls that all brought the same."""
    times = np.array(asked, np.float64)
    rows = np.tile(np.array(values, np.float64), (len(times), 1))
    return Block(
        device="unit",
        binding=binding,
        asked=times,
        taken=times + late,
        values=rows,
        quality=np.full(rows.shape, quality, np.uint8),
        raw=rows,
    )


def every(first: float, until: float, step: float = 1.0) -> list[float]:
    """Return the turns of a device."""
    return [float(at) for at in np.arange(first + step / 2, until, step)]


def fed(case: Case, *values: float, first: int = 0) -> Case:
    """Put one poll into each of some slots; NaN is put as such."""
    for n, value in enumerate(values, first):
        case.put(n + 0.5, value)
    return case


# -- nothing seen, or not what was asked for ---------------------------------------------------


def test_a_device_that_was_never_bound_passes_nothing() -> None:
    """Its samples may be there: nobody knows what they are of."""
    case = Case(design(T))
    case.trial.take(block(every(0, 20), 40.0))
    assert case.result(20).verdict is INCONCLUSIVE


def test_where_nothing_is_required_nothing_is_passed() -> None:
    """All is well, and none of it counts."""
    case = fed(Case(design(BESIDE)), *[40.0] * 20)
    assert case.result(20).verdict is INCONCLUSIVE
    assert case.trial.reason().verdict is INCONCLUSIVE


def test_a_stage_that_asks_for_other_channels_only_passes_nothing() -> None:
    """`only` with what decides nothing leaves nothing to judge."""
    of = design(f"{T}\nw: {{q: voltage, hold: 1 s}}", stages=f"{SOAK[:-1]}, only: [unit.w]}}")
    case = Case(of)
    for at in every(0, 20):
        case.put(at, 40.0, 230.0)
    assert case.result(20).verdict is INCONCLUSIVE


def test_a_stage_below_the_least_load_of_all_its_channels_passes_nothing() -> None:
    """`min_load` excuses a channel, and with it the proof."""
    of = design(T.replace("hold", "min_load: 50 %, hold"), stages=SOAK.replace("100", "20"))
    assert fed(Case(of), *[40.0] * 20).result(20).verdict is INCONCLUSIVE


def test_a_stage_shorter_than_a_slot_passes_nothing() -> None:
    """No slot lies wholly in it."""
    case = fed(Case(design(T), begun=False), *[40.0] * 9)
    case.start(4.3)
    assert case.result(5.1).verdict is INCONCLUSIVE


def test_not_a_number_is_no_reading_however_good_it_is_called() -> None:
    """A driver's mistake; infinity likewise."""
    for value in (math.nan, math.inf, -math.inf):
        assert fed(Case(design(T)), 40, 40, value, value, 40).result(5).verdict is INCONCLUSIVE


@pytest.mark.parametrize("names", [(), ("v",), ("t[2]",)])
def test_a_device_bound_anew_without_its_channel_loses_it(names: tuple[str, ...]) -> None:
    """A firmware that names it otherwise, or has it no more."""
    case = Case(design(T))
    bound(case, 0.0, 0, "t")
    bound(case, 10.0, 1, *names)
    case.trial.take(block(every(0, 10), 40.0))
    case.trial.take(block(every(10, 20), *[40.0] * len(names), binding=1))
    assert case.result(20).verdict is INCONCLUSIVE


def test_columns_that_changed_places_stay_who_they_are() -> None:
    """Bound anew, the hot one comes first."""
    case = Case(design(f"{T}\n{T.replace('t:', 'u:')}"))
    bound(case, 0.0, 0, "t", "u")
    bound(case, 10.0, 1, "u", "t")
    case.trial.take(block(every(0, 10), 40.0, 41.0))
    case.trial.take(block(every(10, 20), 50.0, 40.0, binding=1))
    result = case.result(20)
    assert result.maximum.tolist() == [40.0, 50.0]
    assert result.verdict is FAIL


def test_samples_of_an_older_binding_do_not_speak_for_the_newer_one() -> None:
    """Of another width they fit nothing."""
    case = Case(design(T))
    bound(case, 0.0, 0, "t")
    bound(case, 5.0, 1, "t")
    case.trial.take(block(every(0, 5), 40.0))
    case.trial.take(block(every(5, 20), 40.0, 40.0, binding=1))
    assert case.result(20).verdict is INCONCLUSIVE


# -- polls that are not there ------------------------------------------------------------------


def test_a_device_polled_more_seldom_than_it_was_said_is_not_proven() -> None:
    """Two polls a slot were owed, and one comes."""
    case = Case(design(T))
    case.owe(2)
    assert fed(case, *[40.0] * 20).result(20).verdict is INCONCLUSIVE


def test_a_poll_that_is_delivered_twice_fills_no_hole() -> None:
    """Neither in one piece nor in two."""
    case = Case(design(T))
    case.owe(2)
    bound(case, 0.0, 0, "t", every=0.5)
    for _ in range(2):
        case.trial.take(block(sorted(every(0, 20) * 2), 40.0))
    assert case.result(20).verdict is INCONCLUSIVE


def test_answers_behind_the_watermark_are_no_evidence() -> None:
    """Whoever answers all of it afterwards proves nothing."""
    case = Case(design(T))
    bound(case, 0.0, 0, "t")
    case.trial.take(block(every(0, 20), 40.0, late=15.5))
    assert case.result(20).verdict is INCONCLUSIVE


def test_a_good_poll_does_not_hide_a_bad_one_in_its_slot() -> None:
    """Every attempt counts, whatever else was read."""
    case = Case(design(T))
    for n in range(20):
        case.put(n + 0.2, 40.0)
        case.put(n + 0.7, math.nan, good=False)
    assert case.result(20).verdict is INCONCLUSIVE


def test_a_gap_longer_than_hold_is_a_gap_though_the_budget_is_large() -> None:
    """Two seconds are missing, one is tolerated at a time."""
    case = Case(design(T.replace("hold", "budget: 10 s, hold")))
    fed(case, *[40.0] * 10)
    fed(case, *[40.0] * 8, first=12)
    assert case.result(20).verdict is INCONCLUSIVE


def test_a_slot_that_nobody_saw_may_hide_a_trip() -> None:
    """Though hold and budget would tolerate it."""
    case = fed(Case(design(TRIP)), *[40.0] * 5)
    fed(case, *[40.0] * 5, first=6)
    assert case.result(11).verdict is INCONCLUSIVE


# -- pauses and edges --------------------------------------------------------------------------


def test_pauses_between_two_halves_of_an_excursion_do_not_make_two_of_it() -> None:
    """It goes on, whatever it did meanwhile, and so does the total."""
    case = fed(Case(design(T)), 40, 40, 50, 40, 50, 40)
    case.window(3.0, "none")
    case.window(4.0, "qualified")
    assert case.result(6).verdict is FAIL


def test_a_phase_edge_every_few_seconds_does_not_renew_the_total() -> None:
    """One second of each phase is out; in all it is more than may be."""
    case = fed(Case(design(T)), *[40, 50, 40, 40] * 5)
    for n in range(1, 5):
        case.phase(4.0 * n, "dwell")
    assert case.result(20).verdict is FAIL


def test_a_dwell_of_which_no_slot_was_judged_is_not_vouched_for_by_another() -> None:
    """One step of load was watched, the next one never for a whole slot."""
    stages = "    - {id: soak, steps: {load: [50 %, 100 %], each: 10 s}}"
    case = fed(Case(design(T, stages=stages), begun=False), *[40.0] * 20)
    case.tell(0.0, Kind.STAGE_STARTED, stage="soak", attempt=1)
    case.phase(0.0, "dwell", step=0)
    case.phase(10.0, "dwell", step=1, judging="always")
    for n in range(10, 20):
        case.window(n + 0.1, "qualified")
        case.window(n + 0.9, "always")
    result = case.result(20)
    assert result.verdict is INCONCLUSIVE
    assert "single slot" in result.reason.text


def test_what_is_counted_in_a_pause_is_counted() -> None:
    """The pause ends, and what was counted is there."""
    case = Case(design(COUNT))
    fed(case, *[7.0] * 5, *[8.0] * 5)
    case.window(4.0, "none")
    case.window(7.0, "qualified")
    assert case.result(10).verdict is FAIL


def test_what_is_counted_in_the_first_slot_of_a_phase_is_counted() -> None:
    """Its first reading comes late, and shows one more than the last one before it."""
    case = Case(design(COUNT), begun=False)
    fed(case, *[7.0] * 5)
    fed(case, *[8.0] * 5, first=6)
    case.start(5.0)
    assert case.result(11).verdict is FAIL


def test_a_counter_that_is_reset_at_the_edge_of_a_phase_hides_no_count() -> None:
    """It shows nought again; what it counted up to then is nobody's knowledge."""
    case = Case(design(COUNT), begun=False)
    fed(case, *[7.0] * 4)
    fed(case, *[0.0] * 6, first=6)
    case.start(5.0)
    assert case.result(12).verdict is INCONCLUSIVE


def test_a_counter_that_is_read_first_at_the_end_proves_nothing() -> None:
    """What it counted before nobody knows."""
    case = Case(design(COUNT))
    fed(case, *[7.0] * 2, first=8)
    assert case.result(10).verdict is INCONCLUSIVE


def test_three_a_minute_are_three_though_a_gap_lies_between() -> None:
    """What was counted while nobody read is shown afterwards, and lies within the minute."""
    case = fed(Case(design("n: {q: count, fail: max 2 per min, hold: 0 s, gap: 3 s}")), 0, 0, 1, 2)
    assert fed(case, 3, 3, 3, first=6).result(9).verdict is FAIL


def test_a_leak_that_dried_after_a_reboot_is_not_vouched_for() -> None:
    """Its relay lost its memory while nobody looked."""
    case = fed(Case(design(LEAK)), *[0.0] * 5)
    case.tell(6.0, Kind.REBOOT, device="unit", why="its uptime fell")
    fed(case, *[0.0] * 5, first=8)
    assert case.result(13).verdict is INCONCLUSIVE


def test_a_leak_gap_that_outlasts_its_phase_is_not_bridged() -> None:
    """The next phase's first reading speaks for its own phase."""
    case = fed(Case(design(LEAK)), *[0.0] * 5)
    fed(case, *[0.0] * 5, first=8)
    case.phase(7.0, "exit")
    assert case.result(13).verdict is INCONCLUSIVE


# -- limits and uncertainty --------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "verdict"), [("guarded", INCONCLUSIVE), ("simple", PASS)])
def test_a_value_at_its_limit_is_proven_by_nobody_who_is_guarded(
    rule: str, verdict: Verdict
) -> None:
    """At 44 degC of 44 degC the truth may be above."""
    assert fed(Case(design(T, rule)), *[44.0] * 20).result(20).verdict is verdict


def test_a_guarded_spec_says_how_uncertain_its_channels_are() -> None:
    """Without that a guard band would be of no width."""
    with pytest.raises(DocumentError, match="guarded"):
        design(T.replace(" u: 0.5 K,", ""))


def test_a_derived_channel_does_not_outlive_its_slower_input() -> None:
    """Once a slot of the slow one is missing, what is derived of it is unknown."""
    slow = "s: {q: temperature, every: 10 s, hold: 10 s, budget: 20 s, u: 0.1 K, required: false}"
    derived = "d: {expr: unit.t - unit.s, unit: K, fail: max 5 K, hold: 1 s, budget: 0 s, u: 1 K}"
    case = Case(design(f"{T}\n{slow}", derived=derived))
    for at in every(0, 40):
        there = at < 15
        case.put(at, 40.0, 40.0 if there else math.nan, good=[True, there])
    result = case.result(40)
    assert result.verdicts[0] == PASS
    assert result.verdict is INCONCLUSIVE


# -- stages, attempts, dispositions ------------------------------------------------------------


def passed(trial_stages: str = STAGES) -> Case:
    """Return a case whose first stage passed."""
    case = fed(Case(design(T, stages=trial_stages)), *[40.0] * 10)
    assert case.result(10).verdict is PASS
    return case


def test_a_stage_that_was_never_attempted_is_not_passed() -> None:
    """Somebody finished the run without it."""
    case = passed()
    case.tell(10.0, Kind.RUN_OVER, outcome="completed", by="ann", reason="")
    assert case.trial.reason().verdict is INCONCLUSIVE


@pytest.mark.parametrize("decision", ["ntf", "repaired", "test_fault"])
def test_a_decision_without_another_attempt_passes_nothing(decision: str) -> None:
    """It says what the failure was, and does not take it away."""
    case = fed(Case(design(T)), *[60.0] * 10)
    assert case.result(10).verdict is FAIL
    case.tell(11.0, Kind.DISPOSITION, stage="soak", attempt=1, decision=decision, text="")
    assert case.trial.reason().verdict is FAIL


@pytest.mark.parametrize(("stage", "attempt"), [("soak", 2), ("soak", 7), ("sign_off", 1)])
def test_a_decision_about_another_attempt_supersedes_nothing(stage: str, attempt: int) -> None:
    """Attempt 1 failed, attempt 2 passed, and nobody said what became of attempt 1."""
    case = fed(Case(design(T)), *[60.0] * 10, *[40.0] * 10)
    case.over(10.0)
    case.start(10.0, attempt=2)
    case.tell(
        20.0, Kind.STAGE_OVER, stage="soak", attempt=2, outcome="completed", complete=True, text=""
    )
    case.trial.advance(21.0)
    assert case.trial.result("soak", 2).verdict is PASS
    case.tell(20.0, Kind.DISPOSITION, stage=stage, attempt=attempt, decision="ntf", text="")
    assert case.trial.reason().verdict is FAIL


def test_a_waiver_of_an_attempt_does_not_pass_the_next_one() -> None:
    """It was for that one."""
    case = fed(Case(design(T)), *[60.0] * 20)
    case.over(10.0)
    case.tell(10.0, Kind.DISPOSITION, stage="soak", attempt=1, decision="waived", text="")
    case.start(10.0, attempt=2)
    case.trial.advance(21.0)
    assert case.trial.reason().verdict is FAIL


def test_a_passed_stage_that_is_repeated_counts_as_it_went_the_second_time() -> None:
    """Whoever tries again must pass again."""
    case = passed(SOAK)
    case.start(10.0, attempt=2)
    case.trial.advance(30.0)
    assert case.trial.reason().verdict is INCONCLUSIVE


def test_a_stage_that_is_not_over_is_not_passed() -> None:
    """However well it goes."""
    case = fed(Case(design(T)), *[40.0] * 20)
    case.trial.advance(20.0)
    assert case.trial.reason().verdict is INCONCLUSIVE


def test_a_check_that_nothing_was_read_for_is_not_passed() -> None:
    """The channel beside it is well, and that is not what was to be checked."""
    stages = f"""{SOAK[:-1]}, check: {{fall: "drop(absolute(unit.p), 5 s) max 1 %"}}}}"""
    case = Case(design(f"{T}\np: {{q: pressure, hold: 1 s}}", stages=stages))
    for at in every(0, 20):
        case.put(at, 40.0, math.nan, good=[True, False])
    assert case.result(20).verdict is INCONCLUSIVE


def test_a_check_of_a_stage_without_a_dwell_would_never_be_answered() -> None:
    """So no spec may ask for it."""
    stages = """
    - id: soak
      load: 100 %
      steps: {lose: [unit], each: 20 s, restore: 10 s}
      affected: {unit.t: {fail: min 50 degC}}
      check: {fall: "drop(absolute(unit.t), 10 s) max 1 %"}
"""
    with pytest.raises(DocumentError, match="dwell"):
        design(T, stages=stages)
