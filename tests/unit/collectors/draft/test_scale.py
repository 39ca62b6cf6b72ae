"""Scales of drafts: what a text, a row or one power of ten alone bears out, and nothing else."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from collectors.draft.profile import draft
from collectors.mib.library import Library
from collectors.rows import Value

ROOT = "1.3.6.1.4.1.99998"
Told = tuple[str, str, str]  # an object's name, UNITS and DESCRIPTION


def drafted(folder: Path, objects: Sequence[Told], values: Sequence[Sequence[Value]]) -> str:
    """Draft a device with one table of these columns, each with its values row by row.

    What is called `Alone` is no column.
    """
    lines = ["ODD-MIB DEFINITIONS ::= BEGIN", "odd OBJECT IDENTIFIER ::= { enterprises 99998 }",
             "oddEntry OBJECT-TYPE SYNTAX OddEntry ACCESS not-accessible STATUS mandatory",
             "INDEX { oddIndex } ::= { odd 9 }"]  # fmt: skip
    rows: dict[str, Value] = {"1.3.6.1.2.1.1.2.0": ROOT}
    for number, (name, units, prose) in enumerate(objects, 1):
        under = "odd" if name.endswith("Alone") else "oddEntry"
        lines.append(f'{name} OBJECT-TYPE SYNTAX Integer32 UNITS "{units}" ACCESS read-only')
        lines.append(f'STATUS mandatory DESCRIPTION "{prose}" ::= {{ {under} {number} }}')
        if under == "odd":
            rows[f"{ROOT}.{number}.0"] = values[number - 1][0]
            continue
        rows |= {f"{ROOT}.9.{number}.{n}": v for n, v in enumerate(values[number - 1], 1)}
    (folder / "ODD-MIB").write_text("\n".join([*lines, "END"]))
    return draft(rows, Library.open(folder)).text


def line(text: str, name: str) -> str:
    """Return what a draft says of the one channel, or of what it left out."""
    lines = text.splitlines()
    left = [each for each in lines if each.startswith("# left out:") and name in each]
    at = [n for n, each in enumerate(lines) if f"ODD-MIB {name}" in each and each not in left]
    return left[0] if left else lines[at[0] + 2]


@pytest.mark.parametrize(
    ("name", "units", "raw", "says"),
    [
        ("oddTemperature", "", 391, "scale: 0.1,"),
        ("oddHumidity", "", 452, "scale: 0.1,"),
        ("oddFrequency", "Hz", 5998, "scale: 0.01,"),
        ("oddPowerFactor", "", 98, "scale: 0.01,"),
        ("oddOutletVoltage", "", 2301, "scale: 0.1,"),
        ("oddBatteryVoltage", "V", 5444, "scale: 0.01,"),
        ("oddVoltage", "", 2301, "# left out:"),  # 230.1 V or 23.01 V
        ("oddLevelPercent", "", 970, "# left out:"),  # 97 % or 9.7 %
        ("oddTemperature", "", 5, "unit: degC, drafted"),
    ],
)
def test_values_set_a_scale_only_where_one_power_of_ten_makes_them_credible(
    tmp_path: Path, name: str, units: str, raw: int, says: str
) -> None:
    """Where two would do, or none, nothing is claimed, and the draft tells it."""
    text = drafted(tmp_path, [(name, units, "")], [[raw]])

    assert says in line(text, name)


@pytest.mark.parametrize("name", ["oddFlowValue", "oddAmpValue", "oddPower", "oddPressure"])
def test_a_number_with_no_unit_and_no_bounds_is_not_claimed(tmp_path: Path, name: str) -> None:
    """A flow of 1413 may be 141.3; only a name that is like a quantity says nothing of it."""
    text = drafted(tmp_path, [(name, "N/A", "The value.")], [[1413]])

    assert "nothing says how much 1413 is" in line(text, name)


def test_what_a_text_says_and_all_values_deny_is_not_claimed(tmp_path: Path) -> None:
    """Neither the text nor the value is believed; a person decides."""
    factor = "In thousandths, for example 0.958 would be returned as 958."
    text = drafted(
        tmp_path,
        [("oddPowerFactor", "", factor), ("oddTemperature", "degrees Celsius in tenths", "")],
        [[98], [23000]],
    )

    assert "0.098" in line(text, "oddPowerFactor")
    assert line(text, "oddPowerFactor").startswith("# left out:")
    assert line(text, "oddTemperature").startswith("# left out:")


@pytest.mark.parametrize(
    ("prose", "scales", "raw", "found"),
    [
        ("Scale factor as power of 10.", [-1, -2], [391, 5444], "{-2: 0.01, -1: 0.1}"),
        ("The scale.", [-2, -3], [391, 5444], "{-3: 0.001, -2: 0.01}"),
        ("The scale.", [-10, -100], [391, 5444], "{-100: 0.01, -10: 0.1}"),
        ("The scale.", [-1, 10], [391, 5], "{10: 10.0}"),  # a tenth, or divided by one: unread
    ],
)
def test_a_scale_column_is_an_exponent_or_a_divisor_by_text_or_by_its_numbers(
    tmp_path: Path, prose: str, scales: list[int], raw: list[int], found: str
) -> None:
    """No divisor is a 2; a lone -1 can be two things, and is not read."""
    text = drafted(
        tmp_path,
        [("oddValue", "", "Unscaled."), ("oddScale", "", prose), ("oddUnit", "", "")],
        [raw, scales, [b"degC", b"V"]],
    )

    assert found in line(text, "oddValue")


def test_watts_without_a_unit_are_believed_by_volts_times_amperes(tmp_path: Path) -> None:
    """Of the same row, of the device's one voltage, or of the rows below the one power."""
    row = [("oddVoltage", "V", ""), ("oddCurrent", "0.1 A", ""), ("oddPower", "", "")]

    assert "unit: W" in line(drafted(tmp_path, row, [[230], [20], [450]]), "oddPower")
    assert "scale: 0.1" in line(drafted(tmp_path, row, [[230], [20], [4500]]), "oddPower")
    (tmp_path / "ODD-MIB").unlink()
    feed = [("oddVoltageAlone", "V", ""), *row[1:]]
    assert "unit: W" in line(drafted(tmp_path, feed, [[230], [20], [450]]), "oddPower")
    assert "# left out" in line(drafted(tmp_path, feed, [[230], [20], [4500]]), "oddPower")
    total = [*row[:2], ("oddPowerAlone", "", "")]
    some = [[230, 230], [20, 10]]
    assert "unit: W" in line(drafted(tmp_path, total, [*some, [700]]), "oddPowerAlone")
    assert "# left out" in line(drafted(tmp_path, total, [*some, [7000]]), "oddPowerAlone")


def test_states_that_only_a_description_lists_are_a_guess(tmp_path: Path) -> None:
    """They are read where the list has no gap and every value of the device is in it."""
    prose = "Availability: 0 = Unavailable 1 = Available 2 = Partially Unavailable"
    text = drafted(tmp_path, [("oddMainStatus", "", prose)], [[1]])
    other = drafted(tmp_path, [("oddMainStatus", "", prose)], [[7]])

    assert "states: {0: unavailable, 1: available, 2: partially_unavailable}" in text
    assert "# guess: states by DESCRIPTION" in text
    assert "quantity: state" not in other
