"""The example spec's plan, run on a rack that is simulated down to each of its 683 channels.

A healthy rack passes the plan of 34 hours. One that is not fails where the fault shows, and the
reasons name the channels that show it. Most faults are tried in a plan cut to the stage in which
they begin; by the nightly target in the whole of it.

What no channel of this spec can tell, and is therefore not tried here:

- A stuck value whose time stamp goes on, while what it measures stands still: no limit asks for the
  noise of a healthy sensor, so that it fails only where what is computed from it leaves its limits.
- A probe that drifts by less than its own uncertainty, or with both probes of a pair together.
- FEC decay alone: `pre_fec_ber` and `fec_uncorrectable` are `required: false`. They are reported,
  and the rack fails once the port counts errors.
- Crossed cables: LLDP is no channel. What compares it answers the need `cabling_match`.
- Demand and feedback of a valve that differ: the spec has one opening for each valve.
- A step of the wall clock: run seconds come from a clock that has no steps. That nothing of the
  wall clock enters a verdict is tried by events that speak of one.
"""

from collections.abc import Iterator, Sequence
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
from agent.rehearsal.points import build, points
from agent.rehearsal.rehearsal import Rehearsal, rehearse, result
from agent.rehearsal.rig import Planned, Rig
from collectors.twin.racks import Racks
from tests.simulation.cases import CASES, DRIFT, INSTRUMENTS, SHORT, Case
from tests.simulation.kept import blocks
from tests.simulation.plans import cut

CALM_S: Final = 30.0  # between two looks at a soak; its samples are all taken in whatever happens
CLOCK: Final = [  # set an hour forth, an hour back, and then not kept at all
    Event(3000.0, Kind.CLOCK, {"state": "synchronised", "offset_s": 0.0, "step_s": 3600.0}),
    Event(6000.0, Kind.CLOCK, {"state": "unsynchronised", "offset_s": None, "step_s": -3600.0}),
]
NUMBERS: Final = ("verdicts", "judged", "complete", "total", "margin", "minimum", "mean", "maximum")


@pytest.fixture(scope="module")
def spec(shared: Path) -> Spec:
    """Return the example spec."""
    file = shared / "examples" / "nvl72-lc-132kw.yaml"
    return load_spec(file.read_bytes(), file.name)


@pytest.fixture(scope="module")
def whole(spec: Spec) -> Design:
    """Return the design with the whole plan."""
    return expand(spec)


def rigged(
    design: Design, faults: Sequence[Planned] = (), *, seed: int = 1, keep: bool = False
) -> Rig:
    """Return a run that is over, with all that was seen in it."""
    racks = Racks(points(design), build(design), [seed])
    rig = Rig(design, racks, 0, faults, calm_s=CALM_S, keep=keep)
    Rehearsal([rig]).go()
    return rig


@pytest.fixture(scope="module")
def short(spec: Spec) -> Rig:
    """Return a run through every stage of the plan, cut short."""
    return rigged(cut(spec, SHORT), keep=True)


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
    """34 h of 683 channels, every reading of them judged, and nothing that alarms anybody."""
    rig = rigged(whole)
    found = result(rig)

    assert found.verdict is Verdict.PASS, found.reason.text
    assert found.alerts == ()
    assert [stage.stage for stage in found.stages] == [*SHORT]
    assert {stage.outcome for stage in found.stages} == {"completed"}
    assert sum(stage.qualified_s for stage in found.stages) > 33.9 * 3600
    judged = max(rig.run.trial.result(*key).judged.max() for key in rig.run.trial.attempts)
    assert judged > 24 * 3600 / 5


def test_every_stage_cut_short_is_passed_as_well(short: Rig) -> None:
    """Which is what the tests below take for granted."""
    found = result(short)
    assert found.verdict is Verdict.PASS, found.reason.text
    assert found.alerts == ()


@pytest.mark.parametrize("case", [*CASES, *INSTRUMENTS], ids=lambda case: case.name)
def test_a_fault_is_judged_and_named(spec: Spec, case: Case) -> None:
    """As the fault table says."""
    check(case, rehearse(cut(spec, case.stages), case.planned()).reason)


@pytest.mark.nightly  # a minute for each fault
@pytest.mark.parametrize("case", [*CASES, DRIFT], ids=lambda case: case.name)
def test_a_fault_is_judged_the_same_in_the_whole_plan(whole: Design, case: Case) -> None:
    """A longer soak excuses no fault."""
    check(case, rehearse(whole, case.planned()).reason)


def test_what_an_entry_waited_for_in_vain_is_named(spec: Spec) -> None:
    """So that whoever reads the certificate knows which probe to look at."""
    case = next(case for case in CASES if case.name == "probe is noisy")
    reason = rehearse(cut(spec, case.stages), case.planned()).reason
    end = next(part for part in told(reason) if part.of == "end")

    assert "rack.return_temp and rack.supply_temp steady" in end.text


def test_a_clock_that_stands_alarms_with_what_keeps_it(spec: Spec) -> None:
    """A meter with a dead transformer never shows the load: that must not wait for the verdict."""
    case = next(case for case in INSTRUMENTS if case.name == "dead current transformer")
    alerts = rehearse(cut(spec, case.stages), case.planned()).alerts

    assert [alert.channel for alert in alerts] == ["derived.load_error"]


def check(case: Case, reason: Reason) -> None:
    """Compare a verdict and what it rests on with what must come of a fault."""
    assert reason.verdict is case.verdict, reason.text
    named = {part.of: part.verdict for part in told(reason)}
    for name in case.names:
        assert named.get(name) is case.verdict, f"{name} is not among {named}"
    if case.within:
        failed = {of for of, verdict in named.items() if verdict is Verdict.FAIL}
        assert failed <= set(case.within), "a limit that should have stayed green"


def test_a_rack_is_judged_the_same_twice(spec: Spec) -> None:
    """The same seed gives the same events, and proves the same of every channel."""
    design = cut(spec, {"full_soak": 300.0, "feed_loss": 300.0})
    one, other = rigged(design), rigged(design)

    assert one.events == other.events
    assert proofs(one.run.trial) == proofs(other.run.trial)


def test_racks_beside_each_other_are_judged_as_if_alone(spec: Spec) -> None:
    """One with a fault, one without, and whatever seed the other has."""
    design = cut(spec, {"full_soak": 300.0})
    leak = next(case for case in CASES if case.name == "leak").planned()
    racks = Racks(points(design), build(design), [1, 2])
    rigs = [Rig(design, racks, 0, calm_s=CALM_S), Rig(design, racks, 1, leak, calm_s=CALM_S)]
    Rehearsal(rigs).go()

    assert [rig.run.trial.reason().verdict for rig in rigs] == [Verdict.PASS, Verdict.FAIL]
    assert rigs[0].events == rigged(design).events
    assert rigs[1].events == rigged(design, leak, seed=2).events


@pytest.mark.nightly  # a minute each
@pytest.mark.parametrize("seed", range(2, 6))
def test_no_healthy_rack_depends_on_luck(whole: Design, seed: int) -> None:
    """Other noise, other shelves: the whole plan is passed, and proven again from its samples."""
    rig = rigged(whole, seed=seed, keep=True)
    found = result(rig)

    assert found.verdict is Verdict.PASS, found.reason.text
    assert proofs(rerun(whole, rig.events, blocks(rig, 3600.0))) == proofs(rig.run.trial)


@pytest.mark.parametrize(("seconds", "clock"), [(60.0, []), (7200.0, CLOCK)])
def test_what_was_stored_proves_the_same(short: Rig, seconds: float, clock: list[Event]) -> None:
    """However the samples are cut into segments, and whatever the wall clock did meanwhile."""
    trial = rerun(short.design, [*short.events, *clock], blocks(short, seconds))

    assert proofs(trial) == proofs(short.run.trial)


ON_THE_WAY: Final = ("late", "duplicate", "reorder", "drop_out", "reboot")


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.faults[0].startswith(ON_THE_WAY)],
    ids=lambda case: case.name,
)
def test_what_came_late_twice_or_never_proves_the_same_later(spec: Spec, case: Case) -> None:
    """The way to the agent leaves its marks in what is stored, and nothing else."""
    rig = rigged(cut(spec, case.stages), case.planned(), keep=True)
    trial = rerun(rig.design, rig.events, blocks(rig, 300.0))

    assert proofs(trial) == proofs(rig.run.trial)
