"""A plan sees what a person at the instruments would see, and knows what it does not know."""

import numpy as np
import pytest

from agent.burnin.terms import Moment
from tests.unit.agent.burnin.floor import Floor

SILENCE_READINGS = 5  # polls missed until a channel is unknown


@pytest.fixture
def floor() -> Floor:
    """Return a bay in its soak, read once."""
    made = Floor()
    made.at("soak")
    made.read()
    return made


@pytest.mark.parametrize(
    ("text", "well", "values"),
    [
        ("cdu.flow min 90 lpm", True, {"flow": 89.0}),
        ("cdu.supply 39..41 degC", True, {"supply": 41.5}),
        ("cdu.leak is dry", True, {"leak": 1.0}),
        ("cdu.pump is ok", True, {"pump2": 3.0}),
        ("cdu.supply - 30 degC max 11 K", True, {"supply": 42.0}),
        ("rack_power min 9 kW", True, {"power": 8000.0}),
        ("cdu.flow max 90 lpm", False, {"flow": 89.0}),
    ],
)
def test_a_condition_holds_or_not_as_values_are(
    floor: Floor, text: str, *, well: bool, values: dict[str, float]
) -> None:
    """Levels, states of all parts, and what is computed."""
    assert floor.sight.holds(text, floor.now) is well
    floor.read(**values)
    assert floor.sight.holds(text, floor.now) is not well


@pytest.mark.parametrize("text", ["cdu.flow min 90 lpm", "cdu.supply - 30 degC max 11 K"])
def test_a_silent_device_answers_no_condition(floor: Floor, text: str) -> None:
    """The last value of what is silent is not what it is now."""
    for _ in range(SILENCE_READINGS):
        floor.read("cdu")
    assert floor.sight.holds(text, floor.now) is None
    floor.read()
    assert floor.sight.holds(text, floor.now) is True


def test_one_part_that_is_not_so_decides_whatever_is_not_known(floor: Floor) -> None:
    """With a failed pump seen, the silence of the other changes nothing."""
    for _ in range(SILENCE_READINGS):
        floor.read(pump1=3.0, pump2=np.nan)
    assert floor.sight.holds("cdu.pump is ok", floor.now) is False
    for _ in range(SILENCE_READINGS):
        floor.read(pump2=np.nan)
    assert floor.sight.holds("cdu.pump is ok", floor.now) is None


def test_a_condition_that_looks_back_needs_its_time(floor: Floor) -> None:
    """A fall over 20 s is known after 20 s of asking, not before."""
    text = "drop(cdu.flow, 20 s) max 1 %"
    seen = []
    for second in range(0, 60, 2):
        floor.read(flow=100.0 if second < 40 else 95.0)
        seen.append(floor.sight.holds(text, floor.now))
    assert seen[:9] == [None] * 9
    assert set(seen[12:20]) == {True}
    assert seen[25] is False


def test_the_load_is_there_or_not_or_not_known(floor: Floor) -> None:
    """Judged by the spec's own load_error; where that is not judged nothing is asked."""
    assert floor.sight.loaded(floor.now) is True
    floor.read(power=9_000.0)
    assert floor.sight.loaded(floor.now) is False
    for _ in range(SILENCE_READINGS):
        floor.read("feed")
    assert floor.sight.loaded(floor.now) is None
    floor.at("idle")
    assert floor.sight.loaded(floor.now) is True


def test_a_part_that_goes_is_seen_channel_by_channel() -> None:
    """Power falls, the breaker opens, the outage is counted; and all of that is undone again."""
    floor, moment = Floor(), Moment("feed_loss", 0, "broken")
    floor.at("feed_loss", "breaking", 0)
    floor.live.count_anew()
    floor.read()
    assert floor.sight.affected(moment, floor.now) == [False, False, False]
    floor.read(power=0.0)
    assert floor.sight.affected(moment, floor.now) == [True, False, False]
    floor.read(power=0.0, breaker=2.0, outages=8.0)
    assert floor.sight.affected(moment, floor.now) == [True, True, True]

    floor.at("feed_loss", "broken", 0)
    floor.at("feed_loss", "mending", 0)
    floor.live.count_anew()
    back = moment._replace(phase="mended")
    floor.read(power=0.0, breaker=2.0, outages=8.0)
    assert floor.sight.affected(back, floor.now) == [True, False, True]
    floor.read(outages=8.0)
    assert floor.sight.affected(back, floor.now) == [True, True, True]


def test_a_part_that_falls_silent_as_it_goes_is_not_known_to_be_gone() -> None:
    """No answer may mean anything."""
    floor = Floor()
    floor.at("failover", "breaking", 0)
    floor.read()
    for _ in range(SILENCE_READINGS):
        floor.read("cdu")
    assert floor.sight.affected(Moment("failover", 0, "broken"), floor.now) == [None]


def test_a_trip_names_channel_value_and_limit(floor: Floor) -> None:
    """Levels with their numbers, states with the state that should be."""
    assert not floor.sight.trips(floor.now)
    floor.read(supply=51.0, leak=1.0, power=16_000.0)
    assert list(floor.sight.trips(floor.now)) == [
        {"channel": "feed.power", "value": 16_000.0, "limit": 15_000.0},
        {"channel": "cdu.supply", "value": 51.0, "limit": 50.0},
        {"channel": "cdu.leak", "value": None, "limit": "dry"},
    ]


def test_what_is_broken_on_purpose_does_not_trip() -> None:
    """On its way out and back nobody judges it."""
    floor = Floor()
    floor.at("feed_loss", "breaking", 0)
    floor.read(power=16_000.0)
    assert not floor.sight.trips(floor.now)


def test_steady_is_seen_over_its_window_only() -> None:
    """Two minutes of readings; a drift of 6 K/h is none; and silence is not steadiness."""
    floor = Floor()
    floor.at("soak")
    seen = []
    for _ in range(70):
        floor.read()
        seen.append(floor.sight.steady(floor.now))
    assert seen[:58] == [None] * 58
    assert seen[-1] is True
    for n in range(70):
        floor.read(supply=40.0 + n / 300)
    assert floor.sight.steady(floor.now) is False
    for _ in range(20):
        floor.read("cdu")
    assert floor.sight.steady(floor.now) is None
