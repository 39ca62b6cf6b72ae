"""The example spec's plan, rehearsed: what a newcomer tries must end as it is told."""

import pytest

from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.demo.script import timed
from agent.demo.site import example
from agent.rehearsal.rehearsal import Rehearsed, rehearse
from agent.rehearsal.rig import Planned
from agent.twin.faults import Reader
from collectors.twin.faults import KINDS


@pytest.fixture(scope="module")
def design() -> Design:
    """Return the design that the demo is built after."""
    return expand(load_spec(example().read_bytes(), "spec"))


def broken(design: Design, text: str) -> Rehearsed:
    """Rehearse the plan with a fault at the time at which a demo has it."""
    (placed,) = Reader(design, 1).said([timed(text)])
    return rehearse(design, [Planned(fault=placed.fault, stage=placed.stage)])


def test_a_healthy_rack_passes_and_raises_no_alarm(design: Design) -> None:
    """Every stage, whatever the rack's small movements."""
    for seed in (1, 2):
        seen = rehearse(design, seed=seed)
        assert seen.verdict.name == "PASS", seen.reason
        assert not seen.alerts


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("leak zone=3", "rack.leak[zone3]"),
        pytest.param(
            *("psu_failure shelf=4 psu=1", "power_shelf4.psu_ok[psu1]"), marks=pytest.mark.nightly
        ),
        pytest.param(*("sensor_offset", "derived.energy_residual"), marks=pytest.mark.nightly),
        ("sensor_drift", "derived.energy_residual"),
        pytest.param(*("wrong_coolant", "rack.dp"), marks=pytest.mark.nightly),
        ("miscabling", "cabling_match"),
        pytest.param(*("late", ""), marks=pytest.mark.nightly),
    ],
)
def test_a_fault_ends_in_the_verdict_that_is_due_and_is_named(
    design: Design, text: str, names: str
) -> None:
    """The first reason that a newcomer reads is the right one."""
    seen = broken(design, text)
    assert seen.verdict.name == KINDS[text.split(maxsplit=1)[0]].verdict, seen.reason
    assert names in seen.reason.text or any(names in part.text for part in seen.reason.parts)
