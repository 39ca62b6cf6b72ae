"""The plant of the twin keeps the laws that the agent will check it by."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.twin.plant import (
    Design,
    Faults,
    State,
    advance,
    coolant_j_per_litre_k,
    dew_point_degc,
    settled,
)

DESIGN = Design()
ANY_FAULTS = st.builds(
    Faults,
    leak_lpm=st.floats(0, 5),
    strainer_times=st.floats(1, 40),
    feed_lost=st.sampled_from([(False, False), (False, True), (True, False), (True, True)]),
    primary_rise_k=st.floats(-5, 15),
    sensor_dead=st.booleans(),
)


def stored_j(state: State) -> float:
    """Return the heat in chips and coolant, above 0 degC."""
    litre = coolant_j_per_litre_k(45.0)
    return (
        DESIGN.chip_j_per_k * state.chip_degc
        + litre * DESIGN.plates_litres * state.return_degc
        + litre * DESIGN.loop_litres * state.supply_degc
    )


@settings(max_examples=20, deadline=None)
@given(faults=ANY_FAULTS, seed=st.integers(0, 1 << 32))
def test_no_joule_is_lost_or_found_whatever_breaks(faults: Faults, seed: int) -> None:
    """What the feeds put into the liquid is what the exchanger took out plus what stayed."""
    rng = random.Random(seed)
    start = state = State()
    came = went = 0.0
    for _ in range(240):
        state = advance(DESIGN, state, faults, 0.5, rng)
        came += state.power_w * DESIGN.liquid_share * 0.5
        went += state.removed_w * 0.5
    stored = stored_j(state) - stored_j(start)
    assert stored == pytest.approx(came - went, abs=1e-6 * (came + went) + 1.0)


def test_a_long_step_is_cut_so_that_the_model_stays_stable() -> None:
    """A twin that was stopped for a minute comes back to sane temperatures, not to infinity."""
    state = advance(DESIGN, State(), Faults(), 60.0, random.Random(1))
    assert 39.0 < state.supply_degc < 41.0


def test_at_rest_flow_times_rise_is_the_heat_of_the_rack() -> None:
    """57 kW at 86 L/min is a rise of 10 K, the figure the rack is designed for."""
    state = settled(DESIGN, random.Random(2))
    assert state.flow_lpm == pytest.approx(86.25, rel=0.001)
    assert state.return_degc - state.supply_degc == pytest.approx(10.0, abs=0.2)
    assert state.removed_w == pytest.approx(state.power_w * DESIGN.liquid_share, rel=0.01)


def test_the_same_seed_is_the_same_bay() -> None:
    """A failure seen once can be seen again."""
    runs = [advance(DESIGN, State(), Faults(), 30.0, random.Random(9)) for _ in range(2)]
    assert runs[0] == runs[1]


def test_a_clogged_strainer_shows_in_the_pumps_before_it_shows_in_the_flow() -> None:
    """Flow control hides a clog until the pumps have nothing left."""
    state = settled(DESIGN, random.Random(3))
    clogged = advance(DESIGN, state, Faults(strainer_times=4.0), 60.0, random.Random(3))
    assert clogged.flow_lpm == pytest.approx(86.25, rel=0.01)
    assert clogged.pump > state.pump * 1.05
    blocked = advance(DESIGN, state, Faults(strainer_times=24.0), 60.0, random.Random(3))
    assert blocked.pump == 1.0
    assert blocked.flow_lpm < 0.8 * 86.25


def test_a_lost_feed_moves_its_load_to_the_other() -> None:
    """Two feeds, either of which can carry the rack."""
    state = advance(DESIGN, State(), Faults(feed_lost=(False, True)), 1.0, random.Random(4))
    assert state.feed_w[1] == 0.0
    assert state.feed_w[0] == pytest.approx(DESIGN.power_w, rel=0.05)


def test_coolant_carries_what_the_published_table_says() -> None:
    """At 40 degC: 1010.4 kg/m3 times 3961 J/kgK."""
    assert coolant_j_per_litre_k(40.0) == pytest.approx(1010.4 * 3.961, rel=1e-3)


@given(degc=st.floats(-20, 50), humidity=st.floats(5, 100))
def test_air_never_condenses_above_its_own_temperature(degc: float, humidity: float) -> None:
    """The dew point reaches the air temperature at saturation and stays below it otherwise."""
    assert dew_point_degc(degc, humidity) <= degc + 1e-9
    assert dew_point_degc(degc, 100.0) == pytest.approx(degc)


def test_a_leak_takes_coolant_and_a_repair_does_not_bring_it_back() -> None:
    """What is on the floor stays on the floor."""
    leaking = advance(DESIGN, State(), Faults(leak_lpm=0.6), 60.0, random.Random(5))
    assert leaking.leaked_litres == pytest.approx(0.6)
    repaired = advance(DESIGN, replace(leaking), Faults(), 60.0, random.Random(5))
    assert repaired.leaked_litres == leaking.leaked_litres
