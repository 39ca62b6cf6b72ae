"""While a plan is on, alerts follow its limits: what a stage wants is no alarm in that stage."""

import math

import numpy as np

from tests.unit.agent.burnin.floor import Floor


def test_another_stage_has_other_limits() -> None:
    """45 degC is a fault in the soak, and the set point of the hot corner."""
    floor = Floor()
    floor.at("soak")
    for _ in range(4):
        floor.read(supply=45.0)
    assert floor.status["cdu.supply"] == 2
    floor.at("hot")
    assert floor.status["cdu.supply"] == 0
    floor.read(supply=45.0)
    assert floor.status["cdu.supply"] == 0
    floor.at("soak")
    assert floor.status["cdu.supply"] == 0
    for _ in range(3):
        floor.read(supply=45.0)
    assert floor.status["cdu.supply"] == 2


def test_a_state_that_is_wanted_is_no_fault() -> None:
    """An open breaker is what losing a feed looks like, from the moment that it must be lost."""
    floor = Floor()
    floor.at("soak")
    for _ in range(12):
        floor.read(breaker=2.0)
    assert floor.status["feed.breaker"] == 2
    floor.at("feed_loss", "breaking", 0)
    assert floor.status["feed.breaker"] == 0
    floor.at("feed_loss", "broken", 0)
    assert floor.status["feed.breaker"] == 0
    for _ in range(12):
        floor.read(breaker=1.0)
    assert floor.status["feed.breaker"] == 2
    floor.at("feed_loss", "mended", 0)
    assert floor.status["feed.breaker"] == 0


def test_what_is_not_judged_is_inside_while_it_is_known() -> None:
    """Skipped, not named by `only`, or below its load: no alarm; but silence stays silence."""
    floor = Floor()
    floor.at("hot")
    floor.read(leak=1.0, supply=45.0)
    assert floor.status["cdu.leak"] == 0
    assert not floor.sight.trips(floor.now)
    floor.at("idle")
    floor.read(power=20_000.0)
    assert floor.status["feed.power"] == 0
    assert floor.status["derived.load_error"] == 0
    for _ in range(20):
        floor.read("feed")
    assert floor.status["feed.power"] == -1


def test_without_a_plan_the_spec_holds_again() -> None:
    """When a run is over, so are its stages' limits and its load; the rows never change."""
    floor = Floor()
    rows, before = floor.live.rows, floor.live.design
    floor.at("hot")
    floor.read(supply=45.0)
    assert floor.live.load == 1.0
    floor.live.adopt(None)
    assert floor.live.design is before
    assert floor.live.stage_load is None
    assert floor.live.rows == rows
    for _ in range(4):
        floor.read(supply=45.0)
    assert floor.status["cdu.supply"] == 2


def test_a_trip_of_another_stage_is_none_here() -> None:
    """52 degC ends the soak at once, and not the hot corner."""
    floor = Floor()
    floor.at("hot")
    floor.read(supply=52.0)
    assert not floor.sight.trips(floor.now)
    floor.at("soak")
    floor.live.judge(floor.now)
    [trip] = floor.sight.trips(floor.now)
    assert trip == {"channel": "cdu.supply", "value": 52.0, "limit": 50.0}


def test_values_outlive_every_change_of_limits() -> None:
    """However the plan goes, what was read last is what it was."""
    floor = Floor()
    floor.read(breaker=2.0, pump1=3.0)
    before = floor.live.values.copy()
    for stage, phase, step in (
        ("idle", "dwell", None),
        ("feed_loss", "broken", 0),
        ("failover", "broken", 0),
        ("hot", "dwell", None),
    ):
        floor.at(stage, phase, step)
    floor.live.adopt(None)
    assert np.array_equal(floor.live.values, before, equal_nan=True)
    assert not math.isnan(before[0])


def test_a_rack_on_its_way_to_a_stage_is_no_alarm() -> None:
    """While nothing is judged only trips show; what is still outside then has its hold anew."""
    floor = Floor()
    floor.at("soak")
    floor.live.follow("none")
    for _ in range(8):
        floor.read(supply=45.0)
    assert floor.status["cdu.supply"] == 0
    floor.read(supply=52.0)
    assert floor.status["cdu.supply"] == 3
    floor.read(supply=45.0)
    floor.live.follow("qualified")
    floor.read(supply=45.0)
    assert floor.status["cdu.supply"] == 0
    for _ in range(3):
        floor.read(supply=45.0)
    assert floor.status["cdu.supply"] == 2
