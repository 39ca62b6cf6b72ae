"""Derived channels compute what physics says, and only what units allow."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.burnin.conditions import condition
from agent.burnin.design import Design
from agent.burnin.expression import ExpressionError
from agent.burnin.fluid import COOLANTS, dew_point, rho_cp
from agent.burnin.formula import EXTRAS, Inputs
from collectors.document import DocumentError

ROLES = """
roles:
  meter:
    count: 2
    channels:
      power: {q: power}
      current: {q: current, per: phase 3}
  loop:
    count: 1
    channels:
      supply: {q: temperature}
      return: {q: temperature}
      flow: {q: flow}
      pressure: {q: pressure}
      rh: {q: humidity}
      rx: {q: optical_power}
      ok: {q: state, fail: is ok}
"""
VALUES = {
    "power": (3000.0, 5000.0),
    "current": (10.0, 12.0, 11.0, 20.0, 20.0, 20.0),
    "supply": (40.0,),
    "return": (50.0,),
    "flow": (150.0,),
    "pressure": (200.0,),
    "rh": (50.0,),
    "rx": (-3.0,),
    "ok": (0.0,),
}


def evaluated(design: Design) -> list[float]:
    """Return the derived channels of a design, in their own units, from VALUES."""
    size = len(design.channels)
    given_ = {name: iter(values) for name, values in VALUES.items()}
    values = np.ones(size + EXTRAS)
    for n, channel in enumerate(design.channels[: design.measured]):
        values[n] = next(given_[channel.row.key.partition(".")[2]])
    values[:size] = values[:size] * design.si_factor + design.si_zero
    inputs = Inputs(values)
    for derivation in design.derivations:
        values[derivation.place] = derivation.evaluate(inputs)
    values[:size] = (values[:size] - design.si_zero) / design.si_factor
    return [float(value) for value in values[design.measured : size]]


@pytest.mark.parametrize(
    ("expr", "unit", "value"),
    [
        ("sum(meter[*].power)", "kW", 8000.0),
        ("meter1.power + meter2.power", "W", 8000.0),
        ("meter[meter2].power - meter[meter1].power", "W", 2000.0),
        ("mean(meter[*].power) / design.rack_power", "%", 40.0),
        ("max(meter[*].power) - min(meter[*].power)", "kW", 2000.0),
        ("max_deviation(meter1.current[*])", "%", 100 / 11),
        ("sum(meter[*].current[phase1])", "A", 30.0),
        ("sum(meter1.current[phase2], meter1.current[phase3])", "A", 23.0),
        ("loop.return - loop.supply", "K", 10.0),
        ("loop.supply + 2 K", "degC", 42.0),
        ("mean(loop.supply, loop.return)", "degC", 45.0),
        ("loop.rx - -5 dBm * 1 - 0 dB", "dB", None),
        ("loop.flow / meter1.power", "lpm/kW", 50.0),
        ("(loop.flow / design.flow)^2", "%", 225.0),
        ("absolute(loop.supply) / absolute(loop.return)", "%", 100 * 313.15 / 323.15),
        ("absolute(loop.pressure)", "kPa", 301.325),
        ("dew_point(loop.supply, loop.rh)", "degC", 27.6),
        ("rho_cp(coolant, mean(loop.supply, loop.return)) * loop.flow * 10 K", "kW", 100_083),
        ("-meter1.power", "W", -3000.0),
        ("2 * 3 + 4", "1", 1000.0),
    ],
)
def test_expressions_compute_in_whatever_units(
    small: Callable[[str], Design], expr: str, unit: str, value: float | None
) -> None:
    """Channels in kW, lpm and degC meet in one expression; the result is in its own unit."""
    text = f'{ROLES}\nderived:\n  x: {{expr: "{expr}", unit: "{unit}"}}\n'
    if value is None:
        with pytest.raises(DocumentError, match="means nothing"):
            small(text)
        return

    assert evaluated(small(text)) == [pytest.approx(value, rel=1e-3)]


@pytest.mark.parametrize(
    ("expr", "unit", "about"),
    [
        ("loop.supply + loop.return", "degC", "degC . degC means nothing"),
        ("2 * loop.supply", "degC", "means nothing"),
        ("loop.return / loop.supply", "1", "means nothing"),
        ("sum(loop.supply, loop.return)", "degC", "a sum of degC means nothing"),
        ("max_deviation(loop.supply, loop.return)", "%", "a share of degC means nothing"),
        ("-loop.supply", "degC", "a negative of degC means nothing"),
        ("drop(loop.supply, 5 min)", "%", "a share of degC means nothing"),
        ("loop.rx + loop.rx", "dBm", "dBm . dBm means nothing"),
        ("meter1.power + loop.flow", "kW", "means nothing"),
        ("mean(meter1.power, loop.flow)", "kW", "cannot stand together"),
        ("meter[*].power + 1 kW", "kW", "put sum, mean"),
        ("meter.power", "kW", "is 2 channels; name one"),
        ("meter[this].power", "kW", "add 'per'"),
        ("loop.ok + 1", "1", "is a state"),
        ("loop.flow ^ 2.5", "1", "a whole number from 1"),
        ("loop.flow ^ 0", "1", "a whole number from 1"),
        ("slope(loop.flow, 3)", "lpm", "a duration is wanted"),
        ("rho_cp(flow, loop.supply)", "1", "PG25"),
        ("dew_point(loop.rh, loop.supply)", "degC", "dew_point wants degC, here is %RH"),
        ("absolute(loop.flow)", "lpm", "absolute wants a temperature"),
        ("median(loop.flow)", "lpm", "write one of sum, mean"),
        ("slope(loop.flow)", "lpm", "takes 2 arguments, here are 1"),
        ("loop.nothing + loop.never", "1", "there is no channel or constant 'loop.nothing'"),
        ("meter3.power", "kW", "'meter3.power'"),
        ("design.nothing", "1", "'design.nothing'"),
        ("stage.nothing", "1", "'stage.nothing'"),
        ("loop.flow", "kW", "the expression gives m3/s, not kW"),
        ("coolant * 1", "1", "a coolant, not 1"),
    ],
)
def test_what_would_mean_nothing_is_refused(
    small: Callable[[str], Design], expr: str, unit: str, about: str
) -> None:
    """A formula whose units do not fit is wrong, whatever it would compute."""
    with pytest.raises(DocumentError, match=about):
        small(f'{ROLES}\nderived:\n  x: {{expr: "{expr}", unit: "{unit}"}}\n')


def test_a_channel_for_each_device_reads_its_own(small: Callable[[str], Design]) -> None:
    """Its `this` is the device that the channel exists for."""
    design = small(
        ROLES
        + """
derived:
  all: {expr: "sum(x[*])", unit: A}
  x: {expr: "mean(meter[this].current[*])", per: meter, unit: A}
  one: {expr: "x[meter2]", unit: A}
"""
    )

    assert [c.name for c in design.channels[design.measured :]] == [
        "all",
        "x[meter1]",
        "x[meter2]",
        "one",
    ]
    assert evaluated(design) == [31.0, 11.0, 20.0, 20.0]


@pytest.mark.parametrize(
    ("celsius", "factor"),
    [(15, 0.06642), (25, 0.06657), (35, 0.06667), (45, 0.06673), (55, 0.06674), (60, 0.06673)],
)
def test_the_coolant_carries_what_the_table_says(celsius: float, factor: float) -> None:
    """PG25 in kW for each L/min and K, within 0.05 % of CoolProp's evaluation of Melinder."""
    found = rho_cp(COOLANTS["PG25"], np.float64(celsius)) / 60e6

    assert found == pytest.approx(factor, rel=5e-4)


@pytest.mark.parametrize(
    ("celsius", "humidity", "dew"),
    [(20.0, 0.5, 9.3), (25.0, 1.0, 25.0), (30.0, 0.2, 4.6), (40.0, 0.8, 35.9)],
)
def test_dew_points_are_those_of_psychrometric_tables(
    celsius: float, humidity: float, dew: float
) -> None:
    """Within a tenth of a kelvin."""
    assert dew_point(np.float64(celsius), np.float64(humidity)) == pytest.approx(dew, abs=0.1)


@given(seed=st.integers(0, 2**32), unknown=st.sets(st.integers(0, 682), max_size=9))
def test_a_derived_channel_is_known_exactly_when_all_that_it_reads_is(
    rack: Design, seed: int, unknown: set[int]
) -> None:
    """NaN goes through every formula, and none makes one of its own from numbers."""
    values = np.random.default_rng(seed).uniform(10.0, 60.0, len(rack.channels) + EXTRAS)
    values[list(unknown)] = np.nan
    for derivation in rack.derivations:
        values[derivation.place] = derivation.evaluate(Inputs(values))
        if not derivation.windows:
            reads = values[list(derivation.reads)]
            assert np.isnan(values[derivation.place]) == np.isnan(reads).any()


def test_one_formula_serves_many_times_at_once(rack: Design) -> None:
    """Evaluated on rows of T values, it gives what it gives one by one."""
    rng = np.random.default_rng(1)
    many = rng.uniform(10.0, 20.0, (len(rack.channels) + EXTRAS, 5))
    for derivation in rack.derivations:
        if derivation.windows:
            continue
        together = np.asarray(derivation.evaluate(Inputs(many)))
        apart = [float(derivation.evaluate(Inputs(many[:, t]))) for t in range(5)]

        assert together == pytest.approx(apart, rel=1e-9)


def test_conditions_of_a_plan_are_read_with_the_channels_units(rack: Design) -> None:
    """A gate may speak of every zone at once, and a check of something computed."""
    leak = condition(rack, "rack.leak is dry")
    flow = condition(rack, "rack.flow min 9.9 m3/h")
    check = condition(rack, "drop(absolute(rack.pressure) / absolute(room.temp), 20 min) max 0.6 %")

    assert len(leak.places) == 4
    assert leak.bounds.names == frozenset({"dry"})
    assert flow.bounds.low == pytest.approx(165.0)
    assert (check.formula is None, check.windows) == (False, (1200.0,))
    assert check.bounds.high == pytest.approx(0.6)
    with pytest.raises(ExpressionError, match=r"no channel 'rack\.flows'"):
        condition(rack, "rack.flows min 160 lpm")
