"""The example spec's plan, run on a rack that is simulated down to each of its 683 channels.

A healthy rack passes the plan of 34 hours. One that is not fails where the fault shows, and the
reasons name the channels that show it. Most faults are tried in a plan cut to the stage in which
they begin; by the nightly target in the whole of it.

What no channel of this spec can tell, and is therefore not tried here:

- A stuck value whose time stamp goes on: no limit asks for the noise of a healthy sensor, so that
  it fails only where what is computed from it leaves its limits.
- A probe that drifts by less than its own uncertainty, or with both probes of a pair together.
- FEC decay alone: `pre_fec_ber` and `fec_uncorrectable` are `required: false`. They are reported,
  and the rack fails once the port counts errors.
- Crossed cables: LLDP is no channel. What compares it answers the need `cabling_match`.
- Degrees Fahrenheit after a new firmware: a profile converts units before there is a channel. A
  reading in the wrong unit is a scale or an offset here, which is tried.
- Demand and feedback of a valve that differ: the spec has one opening for each valve.
- A step of the wall clock: run seconds come from a clock that has no steps. That nothing of the
  wall clock enters a verdict is tried by events that speak of one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.expand import expand
from agent.burnin.format import Spec
from agent.burnin.rerun import rerun
from agent.burnin.spec import load_spec
from agent.burnin.trial import Trial
from agent.burnin.verdict import Reason, Verdict
from tests.simulation.cases import CASES, DRIFT, Case
from tests.simulation.plans import cut
from tests.simulation.rig import Simulation

CALM_S: Final = 30.0  # between two looks at a soak; its samples are all taken in whatever happens
CLOCK: Final = [  # set an hour forth, an hour back, and then not kept at all
    Event(3000.0, Kind.CLOCK, {"state": "synchronised", "offset_s": 0.0, "step_s": 3600.0}),
    Event(6000.0, Kind.CLOCK, {"state": "unsynchronised", "offset_s": None, "step_s": -3600.0}),
]
NUMBERS: Final = ("verdicts", "judged", "complete", "total", "margin", "minimum", "mean", "maximum")
SHORT: Final[
    dict[str, float | None]
] = {  # every stage of the plan, and how long it lasts when cut short
    "inventory": 60.0,
    "pressure_decay": None,
    "fill_flush": 300.0,
    "power_on": 120.0,
    "idle_soak": 120.0,
    "ramp": 300.0,
    "full_soak": 900.0,
    "hot_coolant": 600.0,
    "load_steps": 300.0,
    "feed_loss": 300.0,
    "psu_pull": 300.0,
    "pump_failover": 300.0,
    "network": 600.0,
    "cool_down": 300.0,
    "sign_off": 60.0,
}


@pytest.fixture(scope="module")
def spec(shared: Path) -> Spec:
    """Return the example spec."""
    file = shared / "examples" / "nvl72-lc-132kw.yaml"
    return load_spec(file.read_bytes(), file.name)


@pytest.fixture(scope="module")
def whole(spec: Spec) -> Design:
    """Return the design with the whole plan."""
    return expand(spec)


@pytest.fixture(scope="module")
def short(spec: Spec) -> Simulation:
    """Return a run through every stage of the plan, cut short, with all that was seen in it."""
    run = Simulation(cut(spec, SHORT), keep=True)
    run.go()
    return run


def told(reason: Reason) -> Iterator[Reason]:
    """Yield what a verdict rests on, at the bottom of its reasons."""
    for part in reason.parts:
        if part.parts:
            yield from told(part)
        else:
            yield part


def proofs(trial: Trial) -> list[Any]:
    """Return all that a trial proves: its reasons, and the numbers of every channel."""
    found: list[Any] = [trial.reason().document]
    for key in trial.attempts:
        result = trial.result(*key)
        numbers = (getattr(result, name) for name in NUMBERS)
        found += [key, result.reason.document, *(np.nan_to_num(each).tolist() for each in numbers)]
    return found


def test_a_healthy_rack_passes_the_whole_plan(whole: Design) -> None:
    """34 h of 683 channels, every reading of them judged."""
    run = Simulation(whole, calm_s=CALM_S)
    reason = run.go()

    assert reason.verdict is Verdict.PASS, reason.text
    over = [event.data for event in run.events if event.kind is Kind.STAGE_OVER]
    assert [data["stage"] for data in over] == [*SHORT]
    assert {data["outcome"] for data in over} == {"completed"}
    assert sum(data["qualified_s"] for data in over) > 33.9 * 3600
    judged = max(run.run.trial.result(*key).judged.max() for key in run.run.trial.attempts)
    assert judged > 24 * 3600 / 5


def test_every_stage_cut_short_is_passed_as_well(short: Simulation) -> None:
    """Which is what the tests below take for granted."""
    assert short.run.trial.reason().verdict is Verdict.PASS, short.run.trial.reason().text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fault.name)
def test_a_fault_is_judged_and_named(spec: Spec, case: Case) -> None:
    """As the fault table says."""
    run = Simulation(cut(spec, case.stages), case.fault, says_no=case.says_no)
    check(case, run.go())


@pytest.mark.nightly  # a minute for each fault
@pytest.mark.parametrize("case", [*CASES, DRIFT], ids=lambda case: case.fault.name)
def test_a_fault_is_judged_the_same_in_the_whole_plan(whole: Design, case: Case) -> None:
    """A longer soak excuses no fault."""
    run = Simulation(whole, case.fault, calm_s=CALM_S, says_no=case.says_no)
    check(case, run.go())


def test_what_an_entry_waited_for_in_vain_is_named(spec: Spec) -> None:
    """So that whoever reads the certificate knows which probe to look at."""
    case = next(case for case in CASES if case.fault.name == "probe is noisy")
    reason = Simulation(cut(spec, case.stages), case.fault).go()
    end = next(part for part in told(reason) if part.of == "end")

    assert "rack.return_temp and rack.supply_temp steady" in end.text


def check(case: Case, reason: Reason) -> None:
    """Compare a verdict and what it rests on with what must come of a fault."""
    assert reason.verdict is case.verdict, reason.text
    named = {part.of: part.verdict for part in told(reason)}
    for name in case.names:
        assert named.get(name) is case.verdict, f"{name} is not among {named}"
    for name in case.undecided:
        assert named.get(name) is Verdict.INCONCLUSIVE, f"{name} is not among {named}"
    if case.within:
        failed = {of for of, verdict in named.items() if verdict is Verdict.FAIL}
        assert failed <= set(case.within), "a limit that should have stayed green"


def test_a_rack_is_judged_the_same_twice(spec: Spec) -> None:
    """The same seed gives the same events, and proves the same of every channel."""
    design = cut(spec, {"full_soak": 300.0, "feed_loss": 300.0})
    one, other = Simulation(design), Simulation(design)
    one.go()
    other.go()

    assert one.events == other.events
    assert proofs(one.run.trial) == proofs(other.run.trial)


@pytest.mark.nightly  # a minute each
@pytest.mark.parametrize("seed", range(2, 6))
def test_no_healthy_rack_depends_on_luck(whole: Design, seed: int) -> None:
    """Other noise, other shelves: the whole plan is passed, and proven again from its samples."""
    run = Simulation(whole, seed=seed, calm_s=CALM_S, keep=True)
    reason = run.go()

    assert reason.verdict is Verdict.PASS, reason.text
    assert proofs(rerun(whole, run.events, run.blocks(3600.0))) == proofs(run.run.trial)


@pytest.mark.parametrize(("seconds", "clock"), [(60.0, []), (7200.0, CLOCK)])
def test_what_was_stored_proves_the_same(
    short: Simulation, seconds: float, clock: list[Event]
) -> None:
    """However the samples are cut into segments, and whatever the wall clock did meanwhile."""
    trial = rerun(short.design, [*short.events, *clock], short.blocks(seconds))

    assert proofs(trial) == proofs(short.run.trial)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.fault.on_the_way or case.fault.lost or case.fault.reboots],
    ids=lambda case: case.fault.name,
)
def test_what_came_late_twice_or_never_proves_the_same_later(spec: Spec, case: Case) -> None:
    """The way to the agent leaves its marks in what is stored, and nothing else."""
    run = Simulation(cut(spec, case.stages), case.fault, keep=True)
    run.go()
    trial = rerun(run.design, run.events, run.blocks(300.0))

    assert proofs(trial) == proofs(run.run.trial)
