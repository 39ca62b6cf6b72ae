"""What evidence comes to, told as small stories: windows, pauses, ends, attempts and reasons."""

import math

import numpy as np
import pytest

from agent.burnin.block import Block
from agent.burnin.event import Kind
from agent.burnin.result import StageResult
from agent.burnin.verdict import Reason, Verdict
from collectors.readings import Quality
from tests.unit.agent.burnin.docket import STAGE, Case, design

PASS, INCONCLUSIVE, ABORTED, FAIL = Verdict
WARM = "t: {q: temperature, fail: max 44 degC, u: 0.5 K, hysteresis: 1 K, hold: 2 s, budget: 5 s}"
STRICT = "t: {q: temperature, fail: max 44 degC, u: 0.5 K, hold: 1 s, budget: 0 s}"


def soaked(case: Case, *values: float, start: int = 0) -> Case:
    """Put one reading into each of some slots of 1 s."""
    for n, value in enumerate(values, start):
        case.put(n + 0.5, value)
    return case


def why(result: StageResult, of: str = "unit.t") -> Reason:
    """Return why a channel has its verdict."""
    return next(part for part in result.reason.parts if part.of.startswith(of))


def test_a_slot_that_straddles_an_edge_is_judged_by_nobody() -> None:
    """Half of it belongs to another phase; its excursion is nobody's."""
    case = Case(design(STRICT))
    soaked(case, 40, 40, 60, 40, 40)
    case.window(2.4, "none")
    case.window(3.0, "qualified")

    result = case.result(5.0)

    assert result.verdict is PASS
    assert result.judged[0] == 4


def test_an_edge_between_two_slots_costs_none() -> None:
    """A phase that begins where a slot begins has all of it."""
    case = Case(design(STRICT))
    soaked(case, 40, 60, 60, 40)
    case.window(1.0, "none")
    case.window(3.0, "qualified")

    result = case.result(4.0)

    assert result.verdict is PASS
    assert result.judged[0] == 2


def test_a_pause_does_not_end_an_excursion() -> None:
    """Two slots before it and one behind it are three."""
    case = soaked(Case(design(WARM)), 40, 50, 50, 40, 50, 40)
    case.window(3.0, "none")
    case.window(4.0, "qualified")

    assert case.result(6.0).verdict is FAIL


def test_an_excursion_ends_with_its_phase() -> None:
    """What follows is judged by other limits, and only the total goes on."""
    case = soaked(Case(design(WARM)), 40, 50, 50, 50, 50, 40)
    case.phase(3.0, "exit")

    assert case.result(6.0).verdict is PASS


def test_what_applies_always_is_judged_while_time_is_not_qualified() -> None:
    """The others wait until load and conditions are as the plan wants them."""
    always = (
        "a: {q: temperature, fail: max 44 degC, u: 0 K, hold: 2 s, budget: 1 h, applies: always}"
    )
    case = Case(design(f"{WARM}\n{always}"))
    for n in range(10):
        case.put(n + 0.5, 40, 40)
    case.window(4.0, "always")

    result = case.result(10.0)

    assert result.judged.tolist() == [4, 10]


def test_the_order_of_polls_matters_to_nobody_while_they_are_in_time() -> None:
    """A device that answers slowly is judged by when it was asked."""
    case = Case(design(WARM))
    for n in (4, 1, 3, 0, 2):
        case.put(n + 0.5, 40.0 + n)

    result = case.result(5.0)

    assert result.verdict is PASS
    assert (result.minimum[0], result.mean[0], result.maximum[0]) == (40.0, 42.0, 44.0)


def test_an_answer_behind_the_watermark_is_no_evidence() -> None:
    """It is kept with the samples, but the slot was closed without it."""
    case = Case(design(WARM))
    told = {
        "name": "t",
        "channel": "t",
        "quantity": "temperature",
        "source": "",
        "kind": "gauge",
        "states": {},
        "good_states": [],
    }
    case.tell(0.0, Kind.BOUND, device="unit", binding=0, interval_s=1.0, columns=[told])
    asked = np.arange(0.5, 20)
    case.trial.take(
        Block(
            device="unit",
            binding=0,
            asked=asked,
            taken=asked + np.where(np.arange(20) == 7, 15.1, 14.9),
            values=np.full((20, 1), 40.0),
            quality=np.full((20, 1), Quality.GOOD, np.uint8),
            raw=np.full((20, 1), 40.0),
        )
    )

    result = case.result(20.0)

    assert (result.judged[0], result.complete[0]) == (20, 19)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_reading(value: float) -> None:
    """Whatever its quality says."""
    result = soaked(Case(design(WARM)), 40, value, 40).result(3.0)

    assert result.complete[0] == 2
    assert result.maximum[0] == 40.0


def test_channels_read_at_different_paces_keep_their_own_slots() -> None:
    """One of 2 s and one of 15 s on the same device: 15 and 2 slots in half a minute."""
    slow = "s: {q: temperature, fail: max 44 degC, u: 0 K, every: 15 s, hold: 15 s}"
    fast = "t: {q: temperature, fail: max 44 degC, u: 0 K, every: 2 s, hold: 2 s}"
    case = Case(design(f"{slow}\n{fast}"))
    for at in range(0, 30, 2):
        case.put(float(at), 40.0, 40.0)

    assert case.result(30.0).judged.tolist() == [2, 15]


def test_a_state_outside_every_rung_trips() -> None:
    """Three rungs are left at once."""
    leak = "t: {q: leak, fail: is dry, trip: is dry, latched: true, hold: 0 s, gap: 3 s}"
    case = Case(design(leak.replace("gap: 3 s", "gap: 3 s, every: 1 s")))
    soaked(case, 0, 3, 0)

    result = case.result(3.0)

    assert result.verdict is FAIL
    assert "not dry at 0:00:01" in why(result).text


def test_a_latched_sensor_vouches_for_a_gap_and_not_for_a_restart() -> None:
    """What it shows later is the worst of what was, unless it began anew."""
    leak = "t: {q: leak, fail: is dry, trip: is dry, latched: true, hold: 0 s, gap: 3 s}"
    case = soaked(soaked(Case(design(leak)), 0, 0), 0, 0, start=4)
    restarted = soaked(soaked(Case(design(leak)), 0, 0), 0, 0, start=4)
    restarted.tell(3.2, Kind.REBOOT, device="unit", why="its uptime fell")
    silent = soaked(soaked(Case(design(leak)), 0, 0), 0, 0, start=6)

    assert case.result(6.0).verdict is PASS
    assert restarted.result(6.0).verdict is INCONCLUSIVE
    assert silent.result(8.0).verdict is INCONCLUSIVE


def test_a_gap_in_listening_is_a_gap_in_the_evidence() -> None:
    """Downtime is no pause: what happened meanwhile, nobody knows."""
    case = soaked(soaked(Case(design(WARM)), 40, 40, 40), 40, 40, start=9)
    case.tell(9.0, Kind.GAP, start=3.0, end=9.0, why="the agent was not running")
    case.window(9.0, "qualified")

    result = case.result(11.0)

    assert result.verdict is INCONCLUSIVE
    assert why(result).text == "no complete reading for 6 s from 0:00:03, longest tolerated 2 s"


def test_nothing_is_judged_after_a_gap_until_somebody_looks_again() -> None:
    """The window that was open before the agent stopped is no longer known to hold."""
    case = soaked(Case(design(WARM)), 40, 40, 40, 40, 60, 60, 60)
    case.tell(4.0, Kind.GAP, start=3.5, end=4.0, why="the agent was not running")

    assert case.result(7.0).judged[0] == 4


def test_reasons_name_the_limit_the_time_and_the_peak() -> None:
    """A quality engineer reads what happened without looking at samples."""
    result = soaked(Case(design(WARM)), 40, 40, 46, 46.1, 46, 40).result(6.0)

    text = (
        "was above 44 degC for 3 s from 0:00:02, longest tolerated 2 s; peak 46.1 degC at 0:00:03"
    )
    reason = why(result)
    assert reason.text == text
    assert (reason.at, reason.value, reason.limit, reason.unit) == (2.0, 46.1, 44.0, "degC")
    assert result.reason.text == f"unit.t: {text}"


def test_a_reading_within_its_uncertainty_of_a_limit_is_not_decided() -> None:
    """Neither inside nor outside is proven."""
    result = soaked(Case(design(WARM)), 40, 43.9, 43.9, 43.9, 40).result(5.0)

    assert result.verdict is INCONCLUSIVE
    want = "was nearer to 44 degC than its uncertainty of 0.5 K for 3 s from 0:00:01"
    assert why(result).text == f"{want}, longest tolerated 2 s"
    assert result.margin[0] == pytest.approx(-0.8)


def test_without_guard_band_the_reading_decides() -> None:
    """decision: simple leaves the uncertainty out."""
    case = soaked(Case(design(WARM, rule="simple")), 40, 43.9, 43.9, 43.9, 40)

    assert case.result(5.0).verdict is PASS


def test_many_short_excursions_use_up_the_budget() -> None:
    """Each is tolerated, all of them are not."""
    result = soaked(Case(design(WARM)), *[50, 50, 40] * 3).result(9.0)

    assert result.verdict is FAIL
    assert "for 6 s in total, tolerated 5 s" in why(result).text
    assert (result.excursions[0], result.total[0]) == (3, 6.0)


def test_a_share_is_of_the_time_that_was_judged() -> None:
    """10 % of 20 s are two slots."""
    share = "t: {q: temperature, fail: max 44 degC, u: 0 K, hold: 1 s, budget: 10 %}"

    assert soaked(Case(design(share)), *[50, 40] * 2, *[40] * 16).result(20.0).verdict is PASS
    assert soaked(Case(design(share)), *[50, 40] * 2, *[40] * 15).result(19.0).verdict is FAIL


def test_a_warning_is_counted_and_decides_nothing() -> None:
    """It is for attention."""
    warned = "t: {q: temperature, warn: max 42 degC, fail: max 44 degC, u: 0 K, hold: 1 s}"
    result = soaked(Case(design(warned)), 40, 43, 43, 40).result(4.0)

    assert result.verdict is PASS
    assert result.warned[0] == 2


LIGHT = "    - {id: soak, duration: 1 h, load: 20 %}"
LOADED = "p: {q: power, fail: max 5 kW, u: 0 W, hold: 1 s, min_load: 50 %}"


def test_a_channel_is_judged_from_its_load_on() -> None:
    """Below, the stage does not ask for it."""
    case = Case(design(f"{STRICT}\n{LOADED}", stages=LIGHT))
    for n in range(4):
        case.put(n + 0.5, 40, 9000.0)

    result = case.result(4.0)

    assert result.verdict is PASS
    assert result.judged.tolist() == [4, 0]


def test_a_stage_that_asks_for_nothing_passes_nothing() -> None:
    """Nothing seen decides nothing."""
    case = Case(design(LOADED, stages=LIGHT))
    for n in range(4):
        case.put(n + 0.5, 100.0)

    result = case.result(4.0)

    assert result.verdict is INCONCLUSIVE
    assert result.reason.text == "soak: no channel was judged"


def test_a_channel_that_was_never_judged_keeps_its_stage_from_passing() -> None:
    """It was asked for, so its silence counts."""
    slow = "s: {q: temperature, fail: max 44 degC, u: 0 K, every: 15 s, hold: 15 s}"
    case = Case(design(f"{STRICT}\n{slow}"))
    for n in range(10):
        case.put(n + 0.5, 40, 40)

    result = case.result(10.0)

    assert result.verdicts.tolist() == [PASS, INCONCLUSIVE]
    assert why(result, "unit.s").text == "was not judged in a single slot"


def test_a_stage_may_ask_for_some_channels_only() -> None:
    """The others are not even reported as judged."""
    only = "    - {id: soak, duration: 1 h, load: 100 %, only: [unit.t]}"
    case = Case(
        design(f"{STRICT}\np: {{q: power, fail: max 5 kW, u: 0 W, hold: 1 s}}", stages=only)
    )
    for n in range(4):
        case.put(n + 0.5, 40, 9000.0)

    result = case.result(4.0)

    assert result.verdict is PASS
    assert result.judged.tolist() == [4, 0]


def test_what_is_not_required_is_reported_and_does_not_count() -> None:
    """It may fail and the stage passes."""
    beside = "p: {q: power, fail: max 5 kW, u: 0 W, hold: 1 s, required: false}"
    case = Case(design(f"{STRICT}\n{beside}"))
    for n in range(4):
        case.put(n + 0.5, 40, 9000.0)

    result = case.result(4.0)

    assert result.verdict is PASS
    assert result.verdicts.tolist() == [PASS, FAIL]
    assert why(result, "unit.p").of == "unit.p (not required)"


@pytest.mark.parametrize(
    ("outcome", "complete", "verdict"),
    [
        ("completed", True, PASS),
        ("timed_out", True, FAIL),
        ("timed_out", False, INCONCLUSIVE),
        ("not_shown", True, FAIL),
        ("not_mended", False, INCONCLUSIVE),
        ("stood", True, INCONCLUSIVE),
        ("tripped", False, FAIL),
        ("refused", True, FAIL),
        ("aborted", True, ABORTED),
    ],
)
def test_how_a_stage_ends_counts(*, outcome: str, complete: bool, verdict: Verdict) -> None:
    """A gate that was waited for in vain fails only where all of it was known."""
    case = soaked(Case(design(STRICT)), 40, 40)
    case.over(2.0, outcome, complete=complete)
    case.trial.advance(3.0)

    assert case.trial.result(STAGE, 1).verdict is verdict


def test_an_abort_hides_no_failure() -> None:
    """The worse of both counts."""
    case = soaked(Case(design(STRICT)), 40, 50, 50)
    case.over(3.0, "aborted")
    case.trial.advance(4.0)

    assert case.trial.result(STAGE, 1).verdict is FAIL


def test_a_need_that_was_answered_no_fails_its_stage() -> None:
    """Somebody looked and said so."""
    case = soaked(Case(design(STRICT)), 40, 40)
    case.tell(1.0, Kind.ANSWERED, need="visual_dry_check", answer="no", by="kim", note="wet")

    result = case.result(2.0)

    assert result.verdict is FAIL
    assert result.reason.text == "visual_dry_check: visual_dry_check was answered no"


def test_a_stage_that_goes_on_is_not_decided() -> None:
    """Its dwell is not reached."""
    case = soaked(Case(design(STRICT)), 40, 40)
    case.trial.advance(2.0)

    assert case.trial.result(STAGE, 1).verdict is INCONCLUSIVE


def attempts(case: Case, *verdicts: Verdict) -> None:
    """Let a stage be attempted until it has these verdicts."""
    for number, verdict in enumerate(verdicts, 1):
        start = (number - 1) * 10
        case.start(float(start), attempt=number)
        soaked(case, *[60.0 if verdict is FAIL else 40.0] * 5, start=start)
        over = {"stage": STAGE, "attempt": number, "complete": True}
        case.tell(start + 5.0, Kind.STAGE_OVER, outcome="completed", **over)
    case.trial.advance(100.0)


def dispose(case: Case, attempt: int, decision: str) -> None:
    """Decide on an attempt."""
    told = {"stage": STAGE, "attempt": attempt, "decision": decision, "text": "deviation 17"}
    case.tell(99.0, Kind.DISPOSITION, **told)


def test_a_failed_attempt_is_superseded_by_a_signed_decision_alone() -> None:
    """A second try that passes hides nothing by itself."""
    case = Case(design(STRICT), begun=False)
    attempts(case, FAIL, PASS)

    assert case.trial.reason().verdict is FAIL
    dispose(case, 1, "repaired")
    assert case.trial.reason().verdict is PASS


def test_a_decision_does_not_pass_what_was_not_tried_again() -> None:
    """Repaired is not proven; waived is a decision to ship, and shown."""
    case = Case(design(STRICT), begun=False)
    attempts(case, FAIL)
    dispose(case, 1, "repaired")
    assert case.trial.reason().verdict is FAIL

    dispose(case, 1, "waived")
    reason = case.trial.reason()

    assert reason.verdict is PASS
    assert reason.parts[0].text.startswith("waived: deviation 17; it was FAIL: unit.t: was above")


def test_a_stage_that_was_never_attempted_keeps_the_run_from_passing() -> None:
    """The plan has it."""
    two = "    - {id: soak, duration: 1 h, load: 100 %}\n    - {id: cool, duration: 1 h, load: 0 %}"
    case = Case(design(STRICT, stages=two), begun=False)
    attempts(case, PASS)

    reason = case.trial.reason()

    assert reason.verdict is INCONCLUSIVE
    assert reason.text == "not decided: cool: never attempted"


def test_a_run_that_was_aborted_is_aborted() -> None:
    """Whatever its stages were."""
    case = Case(design(STRICT), begun=False)
    attempts(case, PASS)
    case.tell(90.0, Kind.RUN_OVER, outcome="aborted", by="kim", reason="wrong rack")

    assert case.trial.reason().verdict is ABORTED


def test_a_stage_that_the_plan_does_not_have_is_judged_by_nobody() -> None:
    """A run is judged again by another revision of its spec."""
    case = Case(design(STRICT), begun=False)
    case.start(0.0, stage="burn")
    soaked(case, 40, 40)
    case.over(2.0, stage="burn")
    case.trial.advance(3.0)

    assert case.trial.reason().text == "not decided: soak: never attempted"


def test_memory_does_not_grow_with_a_run() -> None:
    """Two hours leave what one leaves."""
    count = "n: {q: count, kind: counter, fail: max 0 per min, hold: 2 s, gap: 5 s}"
    case = Case(design(f"{STRICT}\n{count}"))

    def held() -> tuple[int, ...]:
        """Return how much of each thing is held."""
        ledger = case.trial._ledger  # noqa: SLF001 -- what nobody sees from outside
        rows = sum(len(group.rows) for group in ledger.groups)
        seen = sum(len(source.seen) for source in ledger._sources.values())  # noqa: SLF001
        return rows, seen // 1024, len(case.trial._events)  # noqa: SLF001

    sizes = []
    for n in range(7200):
        case.put(n + 0.5, 40, 0)
        case.trial.advance(n - 15.0)
        if n in {3599, 7199}:
            sizes.append(held())

    assert sizes[0] == sizes[1]
