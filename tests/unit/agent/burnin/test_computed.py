"""Derived channels and checks as evidence: known only where all that they read is."""

from agent.burnin.verdict import Verdict
from tests.unit.agent.burnin.docket import Case, design

PASS, INCONCLUSIVE, _, FAIL = Verdict
TWO = """
a: {q: power, hold: 1 s}
b: {q: power, hold: 1 s}
"""
SUM = 'both: {expr: "unit.a + unit.b", unit: kW, fail: max 3 kW, u: 0.1 kW, hold: 1 s}'
MEAN = (
    'both: {expr: "unit.a + unit.b", unit: kW, window: 20 s, fail: 1..3 kW, u: 0.1 kW, hold: 5 s}'
)
CHECKED = """    - id: soak
      duration: 1 h
      load: 100 %
      check: {calm: "drop(unit.a, 20 s) max 1 %"}"""
NARROW = (
    "both: {expr: 'unit.a', unit: kW, window: 20 s, fail: 0..2 kW, u: 0 kW, hold: 5 s, budget: 0 s}"
)


def put(case: Case, seconds: int, *, a: float = 1000.0, b: float = 1000.0, lost: int = -1) -> None:
    """Put a reading of both into each second but one."""
    for n in range(seconds):
        case.put(n + 0.5, a, b, good=n != lost)


def test_a_derived_channel_is_judged_by_slots_of_its_own() -> None:
    """One value a slot, of what its inputs showed in theirs."""
    case = Case(design(TWO, derived=SUM))
    put(case, 10, b=2500.0)

    result = case.result(10.0)

    assert result.verdict is FAIL
    assert result.maximum[2] == 3500.0
    assert result.reason.text.startswith("derived.both: was above 3000 W for 10 s from 0:00:00")


def test_losing_an_input_makes_what_is_derived_of_it_unknown() -> None:
    """Or deleting the input's bad sample could pass the rack."""
    case = Case(design(TWO, derived=SUM))
    for n in range(10):
        case.put(n + 0.5, 1000.0, 1000.0, good=[True, n not in {4, 5}])

    result = case.result(10.0)

    assert result.verdict is INCONCLUSIVE
    assert result.judged[2] - result.complete[2] == 2
    assert "not known for 2 s from 0:00:04, longest tolerated 1 s" in result.reason.text


def test_a_window_is_unknown_until_most_of_it_is_seen() -> None:
    """Its first 18 s say nothing yet of 20."""
    case = Case(design(TWO, derived=MEAN))
    put(case, 40)

    result = case.result(40.0)

    assert result.complete[2] == 40 - 18
    assert result.mean[2] == 2000.0


def test_what_a_window_lacks_makes_it_less_certain() -> None:
    """A twentieth of the window missing may move the mean by a twentieth of the band."""
    verdicts = []
    for level in (1500.0, 1950.0):
        case = Case(design(TWO, derived=NARROW))
        case.window(0.0, "none")
        case.window(25.0, "qualified")
        for n in range(60):
            case.put(n + 0.5, level, level, good=n != 40)
        case.window(40.0, "none")
        case.window(41.0, "qualified")
        result = case.result(55.0)
        assert result.judged[2] == result.complete[2] == 29
        verdicts.append(result.verdict)

    assert verdicts == [PASS, INCONCLUSIVE]


def test_a_check_is_answered_at_the_end_of_its_dwell() -> None:
    """By what the last 20 s say."""
    falls = [1000.0] * 20 + [980.0] * 20
    case, still = Case(design(TWO, stages=CHECKED)), Case(design(TWO, stages=CHECKED))
    for n, value in enumerate(falls):
        case.put(n + 0.5, value, 0.0)
        still.put(n + 0.5, 1000.0, 0.0)

    assert case.result(35.0).verdict is FAIL
    assert still.result(35.0).verdict is PASS
    assert "check calm" in case.trial.result("soak", 1).reason.text


def test_a_check_wants_complete_data() -> None:
    """A fall is not monotone: a lost reading could hide it."""
    verdicts = []
    for lost in (10, 30):
        case = Case(design(TWO, stages=CHECKED))
        put(case, 40, lost=lost)
        verdicts.append(case.result(40.0).verdict)

    assert verdicts == [PASS, INCONCLUSIVE]


def test_a_check_of_states_asks_for_their_names() -> None:
    """A state inside the limit that has the same name is so."""
    stages = CHECKED.replace("drop(unit.a, 20 s) max 1 %", "unit.leak is dry")
    leak = "leak: {q: leak, fail: is dry, trip: is dry, latched: true, hold: 0 s, gap: 3 s}"
    verdicts = []
    for state in (0.0, 3.0):
        case = Case(design(leak, stages=stages))
        for n in range(5):
            case.put(n + 0.5, state)
        case.over(5.0)
        case.trial.advance(6.0)
        checks = [r for r in case.trial.result("soak", 1).reason.parts if r.of == "check calm"]
        verdicts.append(checks[0].verdict)

    assert verdicts == [PASS, FAIL]
