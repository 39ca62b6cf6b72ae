"""One raw value to one value: units, sentinels, ranges and states."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt.decode import Decoder
from collectors.mqtt.mapping import Meaning
from collectors.readings import Quality

TEMPERATURE: Mapping[str, object] = {
    "quantity": "temperature",
    "range": [-20, 80],
    "sentinels": [85, "err"],
}


def decoder(given: Mapping[str, object], unit: str | None = None) -> Decoder:
    """Make a decoder of what a profile would say."""
    meaning = Meaning.model_validate(given)
    return Decoder(meaning, meaning.quantities[0], unit=unit, states=meaning.states)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (25.5, None, 25.5),
        (25.5, "°C", 25.5),
        ("104,0", "°F", 40.0),
        (298.65, "K", Quality.MALFORMED),  # kelvin is a difference here, never a level
        (25.5, "bar", Quality.MALFORMED),
        (25.5, "furlong", Quality.MALFORMED),
        (25.5, 7, Quality.MALFORMED),
        (85, None, Quality.SENTINEL),
        ("85", None, Quality.SENTINEL),
        ("err", None, Quality.SENTINEL),
        (None, None, Quality.SENTINEL),
        (1e38, None, Quality.OUT_OF_RANGE),
        ("warm", None, Quality.MALFORMED),
        ({"v": 1}, None, Quality.MALFORMED),
    ],
)
def test_a_temperature(value: object, unit: object, expected: float | Quality) -> None:
    """The message's own unit wins; what cannot be read has its reason."""
    found, quality, _ = decoder(TEMPERATURE, "degC").read(value, unit)

    if isinstance(expected, Quality):
        assert (math.isnan(found), quality) == (True, expected)
    else:
        assert (round(found, 9), quality) == (expected, Quality.GOOD)


def test_without_any_unit_there_is_no_value() -> None:
    """A profile that relies on the message's unit does not guess when the message has none."""
    assert decoder(TEMPERATURE).read(25.5)[1] == Quality.MALFORMED


def test_the_raw_value_is_kept_whatever_becomes_of_it() -> None:
    """Evidence of what the device said, as the device said it."""
    assert decoder({"quantity": "flow", "scale": 0.1}, "m3/h").read("103,5")[2] == 103.5
    assert decoder(TEMPERATURE, "degC").read(85)[2] == 85


@pytest.mark.parametrize(("value", "expected"), [(2, 1.0), (True, 0.0), ("wet", 1.0)])
def test_a_leak_is_dry_or_wet_in_our_numbers(value: object, expected: float) -> None:
    """Whatever numbers the device has for them, 0 is dry and 1 is wet."""
    given = {"quantity": "leak", "states": {1: "dry", 2: "wet"}, "texts": {"wet": 2}}

    assert decoder(given).read(value)[:2] == (expected, Quality.GOOD)


def test_any_other_state_of_a_leak_detector_is_a_fault_of_its() -> None:
    """Neither dry nor wet must not read as dry."""
    given = {"quantity": "leak", "states": {0: "dry", 1: "wet"}}

    assert decoder(given).read(3)[1] == Quality.SENSOR_FAULT
    assert decoder(given).read(0.5)[1] == Quality.MALFORMED
    assert decoder({"quantity": "state"}).read(1e300)[1] == Quality.MALFORMED


@given(st.lists(st.text(max_size=3), max_size=200), st.floats(0, 100))
def test_units_that_a_device_invents_are_forgotten_again(units: list[str], value: float) -> None:
    """A device that sends a new unit with each message costs nobody memory, and gives no value."""
    flow = decoder({"quantity": "flow"}, "L/min")
    for unit in units:
        flow.read(value, f"unit {unit}")

    assert flow.read(value, "l/min") == (value, Quality.GOOD, value)
