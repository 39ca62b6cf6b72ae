"""A crew does what a plan asks for at the bay of its own rack, in its own time, and no more."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.burnin.design import Design
from agent.rehearsal.crew import DRY_AFTER_S, Crew, Standing, feeds_of, first_load, setups


@dataclass
class Bays:
    """What people set at the bays of two racks."""

    load: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    supply_set: NDArray[np.float64] = field(default_factory=lambda: np.full(2, 20.0))
    primary_set: NDArray[np.float64] = field(default_factory=lambda: np.full(2, 20.0))
    gas: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(2, np.bool_))
    filled: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(2, np.bool_))
    feeds: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((2, 2), np.bool_))
    pumps: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((2, 2), np.bool_))
    seated: NDArray[np.bool_] = field(default_factory=lambda: np.ones((2, 8, 6), np.bool_))


def crew(design: Design, bays: Bays, says_no: frozenset[str] = frozenset()) -> Crew:
    """Return the crew of the second rack."""
    return Crew(setups(design), feeds_of(design), bays, 1, says_no)


def dwelling(stage: str, load: float | None = None) -> Standing:
    """Return how a plan stands in the dwell of a stage."""
    return Standing(stage, None, "dwell", load, None, ())


def test_a_loop_is_tested_with_gas_before_it_is_filled(rack: Design) -> None:
    """Nothing is powered before there is coolant; what is filled and powered stays so."""
    bays = Bays()
    people = crew(rack, bays)
    seen = []
    assert rack.spec.plan is not None
    for stage in rack.spec.plan.stages:
        at = people.since + 1e6
        for moment in (at, at + DRY_AFTER_S):
            people.look(moment, dwelling(stage.id, first_load(rack, stage.id)))
        seen.append((bool(bays.gas[1]), bool(bays.filled[1]), bool(bays.feeds[1].all())))
    assert seen[:4] == [
        (True, False, False),  # inventory: gas comes in at its end
        (True, False, False),  # pressure decay
        (False, True, False),  # fill and flush
        (False, True, True),  # power on
    ]
    assert set(seen[4:]) == {(False, True, True)}


def test_set_points_are_those_of_the_stages_limits(rack: Design) -> None:
    """Of a stage that overrides them, and of the spec elsewhere."""
    found = {stage: setup.supply for stage, setup in setups(rack).items()}
    assert (found["fill_flush"], found["full_soak"], found["hot_coolant"]) == (25.0, 40.0, 45.0)
    assert found["cool_down"] == 30.0


@pytest.mark.parametrize(
    ("part", "settings", "place"),
    [
        ("feedB", "feeds", (1, 1)),
        ("cdu.pump2", "pumps", (1, 1)),
        ("power_shelf5.psu4", "seated", (1, 4, 3)),
    ],
)
def test_a_part_is_taken_away_when_that_is_asked_for_and_brought_back(
    rack: Design, part: str, settings: str, place: tuple[int, ...]
) -> None:
    """After the time that hands take; nothing else is touched, at no other rack."""
    bays = Bays()
    people = crew(rack, bays)
    people.settle("full_soak", 1.0)
    there = getattr(bays, settings)
    whole = there.copy()
    for phase, expected in (("breaking", False), ("broken", False), ("mending", True)):
        standing = Standing("feed_loss", 0, phase, 1.0, part, ())
        people.look(100.0, standing)
        people.look(105.0, standing)
        assert there[place] == expected
        changed = there != whole
        changed[place] = False
        assert not changed.any()


def test_nobody_acts_at_another_rack(rack: Design) -> None:
    """Each crew has its own bay."""
    bays, untouched = Bays(), Bays()
    people = crew(rack, bays)
    people.settle("full_soak", 1.0)
    people.look(0.0, dwelling("hot_coolant", 0.6))
    people.look(10.0, dwelling("hot_coolant", 0.6))
    for name in vars(bays):
        assert np.array_equal(getattr(bays, name)[0], getattr(untouched, name)[0])


def test_needs_are_answered_in_time_and_not_at_once(rack: Design) -> None:
    """With yes, unless a crew is to say no."""
    people = crew(rack, Bays(), frozenset({"cabling_match"}))
    asked = Standing("power_on", None, "needs", 0.2, None, ("firmware_match", "cabling_match"))
    assert people.look(0.0, asked) == []
    assert people.look(people.patience, asked) == [
        ("firmware_match", "yes"),
        ("cabling_match", "no"),
    ]


@pytest.mark.parametrize("phase", ["needs", "breaking"])
def test_what_a_stage_took_away_that_ended_early_is_put_back(rack: Design, phase: str) -> None:
    """The next stage begins with a whole rack."""
    bays = Bays()
    people = crew(rack, bays)
    people.settle("full_soak", 1.0)
    bays.feeds[1, 0] = False
    bays.seated[1, 0, 0] = False
    people.look(0.0, Standing("psu_pull", None, phase, 1.0, None, ()))
    assert bays.feeds[1].all()
    assert bays.seated[1].all()
