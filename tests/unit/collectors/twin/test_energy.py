"""No heat is lost or made in a simulated rack, whatever is done to it.

Two ledgers meet: what entered as current, and what left with water and air or is still there.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.burnin.attempt import required_s
from agent.burnin.design import Design
from collectors.twin.faults import Fault
from collectors.twin.physics import Plant
from tests.unit.collectors.twin.cold_racks import SMALL, at_work, design_of, racks_of

DESIGN: Final = design_of(SMALL)
SUPPLY: Final = {"hot_coolant": 45.0, "cool_down": 30.0}  # degC; in other stages 40
DRY: Final = ("inventory", "pressure_decay")
BREAKS: Final = (
    "leak size=5",
    "pump_failure",
    "filter_clog size=30",
    "stuck_valve size=20",
    "stuck_valve size=95",
    "phase_loss",
    "overload size=60",
    "psu_failure shelf=1 psu=1",
    "wrong_coolant",
)


def imbalance(plant: Plant) -> float:
    """Return the largest share of a rack's energy that no ledger knows of."""
    missing = plant.entered - plant.carried - plant.stored
    return float(np.abs(missing / np.maximum(plant.entered, 1.0)).max())


def loads(design: Design) -> Iterator[tuple[str, float, float]]:
    """Yield what a plan asks for: stage, load, and for how many seconds."""
    assert design.spec.plan is not None
    for stage in design.spec.plan.stages:
        if stage.steps and stage.steps.load:
            yield from ((stage.id, load, stage.steps.each) for load in stage.steps.load)
        else:
            yield stage.id, stage.load or 0.0, required_s(stage)


def test_energy_is_conserved_to_a_thousandth_over_a_plan_of_34_hours(large: Design) -> None:
    """Current, water and air agree for several racks, and the meters with the ledger."""
    racks = racks_of(large, [1, 22, 333])
    plant = racks.plant
    hours, metered, drawn = 0.0, np.zeros(3), np.zeros(3)
    for stage, load, seconds in loads(large):
        if stage not in DRY:
            plant.filled[:] = plant.pumps[:] = True
        plant.feeds[:] = plant.feeds | (load > 0.0)
        plant.load[:] = load
        plant.supply_set[:] = SUPPLY.get(stage, 40.0)
        plant.primary_set[:] = plant.supply_set - 10.0
        for _ in range(int(seconds / 60.0)):
            before = plant.entered.copy()
            plant.advance(60.0)
            power = plant.show()[:, racks.sensors.looks_at[racks.column["feedA", "power"]]]
            drawn += plant.entered - before
            metered += 2 * power * 0.06
        hours += seconds / 3600.0
        assert imbalance(plant) < 1e-3, stage
    assert hours > 30.0
    assert np.abs(metered / drawn - 1.0).max() < 0.02  # pumps and heaters are on no meter


@settings(max_examples=20)
@given(
    seeds=st.lists(st.integers(0, 2**32), min_size=1, max_size=4),
    breaks=st.lists(st.sampled_from(BREAKS), min_size=1, max_size=4, unique=True),
    load=st.floats(0.0, 1.3),
    step=st.floats(0.1, 30.0),
)
def test_energy_is_conserved_while_things_break(
    seeds: list[int], breaks: list[str], load: float, step: float
) -> None:
    """Several at once, begun and ended; also when pumps and feeds are gone."""
    racks = at_work(DESIGN, seeds, 300.0)
    for number, words in enumerate(breaks):
        fault = Fault.parse(f"{words} name=f{number} at={310 + 40 * number}s for=200s")
        racks.inflict(len(seeds) - 1, fault)
    for phase in range(6):
        racks.plant.load[0] = load * (phase % 2)
        racks.plant.pumps[0] = phase != 3
        racks.plant.feeds[0, 0] = phase != 4
        for _ in range(20):
            racks.advance(step)
        assert imbalance(racks.plant) < 1e-3


def test_chips_without_flow_stop_within_seconds_and_do_not_burn() -> None:
    """Nobody takes their heat away: three kelvin a second, until they do less."""
    racks = at_work(DESIGN, [1], 900.0)
    racks.plant.pumps[:] = False
    racks.advance(15.0)
    assert racks.plant.electricity.level[0] < 0.9
    hottest = 0.0
    for _ in range(300):
        racks.advance(2.0)
        hottest = max(hottest, float(racks.plant.heat.degc[0, 0]))
    assert 98.0 < hottest < 130.0
    assert racks.plant.electricity.level[0] < 0.1
