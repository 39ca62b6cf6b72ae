"""Units in prose: however a factor and a unit are written, they are read as what they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.draft.phrase import said, told

PARTS = {"": 1.0, "tenths of ": 0.1, "tenth ": 0.1, "hundredths of ": 0.01, "0.1 ": 0.1,
         "0.01 ": 0.01, "1/10 ": 0.1, "1/100 of a ": 0.01, "thousandths of ": 0.001}  # fmt: skip
NAMED = {"volts": ("V", "voltage"), "Volts": ("V", "voltage"), "amps": ("A", "current"),
         "Amperes": ("A", "current"), "watts": ("W", "power"), "hertz": ("Hz", "frequency"),
         "degrees Celsius": ("degC", "temperature"), "percent": ("%", "ratio"),
         "volt-amps": ("VA", "apparent_power"), "watt-hours": ("Wh", "energy"),
         "kilowatts": ("kW", "power"), "liters per minute": ("L/min", "flow")}  # fmt: skip


@given(st.sampled_from(sorted(PARTS)), st.sampled_from(sorted(NAMED)))
def test_a_factor_and_a_unit_are_read_in_a_clause_and_in_prose(part: str, unit: str) -> None:
    """As `tenths of volts`, and as `The level, measured in tenths of volts, of the line.`."""
    symbol, quantity = NAMED[unit]

    clause = said(part + unit)
    (prose,) = told(f"The level of the line, measured in {part}{unit}, at present.")

    for found in (clause, prose):
        assert found is not None
        assert (found.unit, found.quantity) == (symbol, quantity)
        assert found.scale == pytest.approx(PARTS[part])


@pytest.mark.parametrize(
    ("prose", "scale", "unit"),
    [
        ("Amperes; 54 = 5.4 A", 0.1, "A"),
        ("The voltage in volts. The value is multiplied by 10.", 0.1, "V"),
        ("Volts. This must be multiplied by 10.", 10.0, "V"),
        ("Units are percentage, for example 80.9 % will be returned as 809.", 0.1, "%"),
        ("The current, in Amps, divided by 100.", 0.01, "A"),
        ("centiamps (rms)", 0.01, "A"),
        ("in mA", 1.0, "mA"),
    ],
)
def test_a_factor_may_stand_apart_from_its_unit(prose: str, scale: float, unit: str) -> None:
    """As an example, or as what is done to the value."""
    found = told(prose)[0]
    assert found.scale == pytest.approx(scale)
    assert found.unit == unit


@given(st.text(max_size=200))
def test_any_text_can_be_looked_at(text: str) -> None:
    """What vendors write in a description is no surprise to anybody."""
    said(text)
    told(text)


@pytest.mark.parametrize("prose", ["A name of a thing.", "The value as it was.", "Is it h or s?"])
def test_letters_of_prose_are_no_units(prose: str) -> None:
    """`a` is not an ampere, nor is `was` a watt."""
    assert told(prose) == []
