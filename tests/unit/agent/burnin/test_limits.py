"""The limit language says one thing in one way, and refuses what could mean two."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.burnin.limits import Amount, Bounds, Limit, Scale, Tolerance
from collectors.quantity import Quantity, UnitError

CONSTANTS: dict[str, Amount | str] = {"breaker": Amount(60.0, "A"), "coolant": "PG25"}


def bounds(text: str, quantity: Quantity, nominal: float | None = None) -> Bounds:
    """Read a limit as a spec would."""
    return Limit.parse(text).bounds(Scale.of(quantity), nominal=nominal, constants=CONSTANTS)


@pytest.mark.parametrize(
    ("text", "quantity", "nominal", "low", "high"),
    [
        ("18..45 degC", Quantity.TEMPERATURE, None, 18, 45),
        ("-5..3 dBm", Quantity.OPTICAL_POWER, None, -5, 3),
        ("-0.8..0.8 K", Quantity.TEMPERATURE_DELTA, None, -0.8, 0.8),
        ("min 150 lpm", Quantity.FLOW, None, 150, math.inf),
        ("max 73 kW", Quantity.POWER, None, -math.inf, 73_000),
        ("max 80 % of breaker", Quantity.CURRENT, None, -math.inf, 48),
        ("+-5 %", Quantity.VOLTAGE, 240.0, 228, 252),
        ("+-8 %", Quantity.RATIO, 20.0, 18.4, 21.6),
        ("+-2 K", Quantity.TEMPERATURE, 40.0, 38, 42),
        ("+-1 dB", Quantity.OPTICAL_POWER, -3.0, -4, -2),
        ("max 1e-5 1", Quantity.BER, None, -math.inf, 1e-5),
        ("8..80 %RH", Quantity.HUMIDITY, None, 8, 80),
        ("exactly 6", Quantity.NUMBER, None, 6, 6),
        ("max 0", Quantity.COUNT, None, -math.inf, 0),
        ("min  3000\n  rpm", Quantity.SPEED, None, 3000, math.inf),
    ],
)
def test_each_form_is_read_in_the_unit_of_what_is_measured(
    text: str, quantity: Quantity, nominal: float | None, low: float, high: float
) -> None:
    """Whatever unit a limit is written in, the numbers come out in the canonical one."""
    found = bounds(text, quantity, nominal)

    assert (found.low, found.high, found.names) == (low, high, None)


def test_states_are_compared_by_name_and_rates_over_a_time() -> None:
    """`is ok` allows one name; `per h` counts over an hour, `per min` over a minute."""
    assert bounds("is input_lost", Quantity.STATE).names == frozenset({"input_lost"})
    assert bounds("max 10 per h", Quantity.COUNT).per_s == 3600
    assert bounds("max 2 per min", Quantity.COUNT).per_s == 60


@pytest.mark.parametrize(
    ("text", "quantity", "nominal", "remedy"),
    [
        ("max 5", Quantity.CURRENT, None, "has no unit; write it in A"),
        ("max 5 degC", Quantity.TEMPERATURE_DELTA, None, "write it in K"),
        ("max 5 K", Quantity.TEMPERATURE, None, "write it in degC"),
        ("+-5 degC", Quantity.TEMPERATURE, 40.0, "difference of temperature; write it in K"),
        ("max 5 dB", Quantity.OPTICAL_POWER, None, "write it in dBm"),
        ("+-5 %", Quantity.VOLTAGE, None, "add nominal"),
        ("+-5 %", Quantity.VOLTAGE, 0.0, "empty"),
        ("44..36 degC", Quantity.TEMPERATURE, None, "write the lower end first"),
        ("max 80 % of braker", Quantity.CURRENT, None, "write one of breaker"),
        ("max 80 % of coolant", Quantity.CURRENT, None, "write one of breaker"),
        ("max 80 % of breaker", Quantity.VOLTAGE, None, "cannot measure voltage"),
        ("is ok", Quantity.CURRENT, None, "does not fit a current"),
        ("max 5 A", Quantity.STATE, None, "'is' and the name of a state"),
        ("max 5 per h", Quantity.NUMBER, None, "only a count has"),
        ("max 5 A", Quantity.COUNT, None, "leave it bare"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(
    text: str, quantity: Quantity, nominal: float | None, remedy: str
) -> None:
    """A limit of another dimension, or without what it is relative to, is never guessed at."""
    with pytest.raises(ValueError, match=remedy):
        bounds(text, quantity, nominal)


@pytest.mark.parametrize(
    "text",
    [">= 5 A", "< 5 A", "5 A", "max", "max A", "12:30", "on", "max 5 A 6", "is", "is Ok", "+-", ""],
)
def test_what_is_not_a_limit_is_answered_with_the_forms(text: str) -> None:
    """Whoever writes a comparison sign is shown how it is done here."""
    with pytest.raises(ValueError, match=r"is not a limit; write for example"):
        Limit.parse(text)


@pytest.mark.parametrize("value", [True, 5, None, ["max 5 A"], "max 5 furlong", "x" * 10_000])
def test_a_limit_is_a_short_text_in_known_units(value: object) -> None:
    """Neither a bare number nor an unknown unit nor a long text is a limit."""
    with pytest.raises(ValueError, match=r"limit|unknown"):
        Limit.parse(value)


@given(st.floats(-1e6, 1e6), st.sampled_from([("degC", "degF"), ("lpm", "gpm"), ("kPa", "psi")]))
def test_the_unit_a_limit_is_written_in_changes_nothing(
    value: float, units: tuple[str, str]
) -> None:
    """A spec in degF and one in degC that mean the same give the same numbers."""
    quantity = {"degC": Quantity.TEMPERATURE, "lpm": Quantity.FLOW, "kPa": Quantity.PRESSURE}
    scale = Scale.of(quantity[units[0]])
    factor = {"degF": 9 / 5, "gpm": 1 / 3.785411784, "psi": 1 / 6.894757293168}[units[1]]
    other = value * factor + (32.0 if units[1] == "degF" else 0.0)

    there = scale.level(Amount(other, units[1]))

    assert there == pytest.approx(scale.level(Amount(value, units[0])), rel=1e-9, abs=1e-6)


def test_a_tolerance_is_a_share_except_where_the_channel_is_in_percent() -> None:
    """2 % of a flow grows with it; 2 % of a level are points."""
    assert Tolerance.of(Amount(2, "%"), Scale.of(Quantity.FLOW)).at(150.0) == 3.0
    assert Tolerance.of(Amount(2, "%"), Scale.of(Quantity.LEVEL)).at(50.0) == 2.0
    assert Tolerance.of(Amount(0.5, "K"), Scale.of(Quantity.TEMPERATURE)).at(99.0) == 0.5


def test_an_amount_is_a_number_with_a_known_unit() -> None:
    """Booleans, infinities and words are no amounts."""
    for text in (True, "fast", "1e999 kW", "5 kW 6", None):
        with pytest.raises(ValueError, match="not a number with its unit"):
            Amount.parse(text)
    with pytest.raises(UnitError, match="unknown"):
        Amount.parse("5 kWatts")
