"""Drafts: whatever a walk and a MIB hold, what comes out is a profile that reads and binds."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.binding import bind
from collectors.draft.profile import draft
from collectors.mib.library import Library
from collectors.profile import Profile, is_draft, load_profile, parse_profile
from collectors.recording import answer, read
from collectors.rows import Value

ACME = Path(__file__).parents[3] / "oracles" / "acme"
ROOT = "1.3.6.1.4.1.99998"
WORDS = ("outlet", "Current", "Voltage", "Temp", "Max", "Status", "value", "Units", "Type", "Name",
         "decimal", "Digits", "Scale", "Power", "Factor", "humidity", "Fan", "Speed", "Index",
         "kWh", "x10", "alarm", "42", "THD", "Percent", "label")  # fmt: skip
UNITS = ("", "0.1 Volts", "V", "%", "tenths of degrees", "x10 C", "mA", "0.001 kWh", "units",
         "watt-hours", "weeks", "Ah", "dBm", "1/10 percent RH", "rev/min",
         "\u00b0F", "dB")  # fmt: skip
PROSE = ("", "In hundredths of amps, -1 if not supported.", "Divided by 10.", "5400 = 54.00 V",
         "The number of things: 'a' {b} # c", "Temperature in degrees. Multiply by 0.1.",
         "0 means none; multiplied by acmeScale.")  # fmt: skip
SYNTAX = ("INTEGER", "Integer32", "OCTET STRING", "Gauge32", "Counter32", "TimeTicks", "IpAddress",
          "INTEGER { ok(1), on(2), off(3), notSupported(-1) }", "INTEGER { notAvailable(255) }",
          "INTEGER { celsius(0), fahrenheit(1) }", "INTEGER { current(1), power(2), voltsAC(3) }",
          "INTEGER { milli(8), units(9), kilo(10) }")  # fmt: skip
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.integers(-5, 300),
    st.sampled_from([2301, 65535, -1, 2**31 - 1, 2**32 - 1, -9999]),
    st.sampled_from([b"", b"23.4 C", b"12.5", b"A: 1", b"\xff\x00", b"degC", b"front", b"%", b"W"]),
    st.none(),
    st.floats(allow_nan=False, width=32),
)


@st.composite
def devices(draw: st.DrawFn) -> tuple[str, dict[str, Value]]:
    """Make up a MIB of single objects and one table, and a walk of a device that has them."""
    lines = ["ODD-MIB DEFINITIONS ::= BEGIN", "odd OBJECT IDENTIFIER ::= { enterprises 99998 }"]
    rows: dict[str, Value] = {"1.3.6.1.2.1.1.2.0": ROOT}
    lines.append("oddEntry OBJECT-TYPE SYNTAX OddEntry ACCESS not-accessible STATUS mandatory")
    lines.append("INDEX { oddIndex } ::= { odd 9 }")
    names: set[str] = set()
    for number in range(draw(st.integers(1, 8))):
        name = "odd" + "".join(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)))
        if name in names:
            continue
        names.add(name)
        column = draw(st.booleans())
        access = draw(st.sampled_from(["read-only", "read-write"]))
        lines.append(f"{name} OBJECT-TYPE SYNTAX {draw(st.sampled_from(SYNTAX))}")
        lines.append(f'UNITS "{draw(st.sampled_from(UNITS))}" ACCESS {access} STATUS mandatory')
        lines.append(f'DESCRIPTION "{draw(st.sampled_from(PROSE))}"')
        lines.append(f"::= {{ {'oddEntry' if column else 'odd'} {number + 1} }}")
        place = f"{ROOT}.9.{number + 1}" if column else f"{ROOT}.{number + 1}"
        suffixes = draw(st.sampled_from([("1", "2"), ("1.5", "7"), ("3",)])) if column else ("0",)
        rows |= {f"{place}.{suffix}": draw(VALUES) for suffix in suffixes}
    return "\n".join([*lines, "END"]), rows


def drafted(mib: str, rows: Mapping[str, Value]) -> Profile:
    """Draft a profile by one MIB and read it as any other."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "ODD-MIB").write_text(mib)
        text = draft(rows, Library.open(Path(folder))).text
    return parse_profile(text.encode(), "odd.yaml")


@settings(max_examples=60)
@given(devices())
def test_any_draft_is_a_profile_that_binds(device: tuple[str, dict[str, Value]]) -> None:
    """No name, unit, text or number makes a file that our own reader refuses."""
    mib, rows = device

    profile = drafted(mib, rows)

    layout = bind(profile, rows)
    layout.convert(*answer(layout, rows))
    assert is_draft(layout.identity.profile)


def test_a_draft_says_of_each_channel_how_sure_it_is(tmp_path: Path) -> None:
    """For a program as for a person; what is a limit or a setting is not there at all."""
    made = draft(read(ACME / "acme.snmprec"), Library.open(ACME))
    (tmp_path / "acme.yaml").write_text(made.text)

    document = load_profile(tmp_path / "acme.yaml").document.data

    assert isinstance(document, dict)
    outlet = document["tables"]["acme_outlet_entry"]["channels"]
    sure = {name.rpartition("/")[2]: each["drafted"]["sure"] for name, each in outlet.items()}
    assert sure == {"current": "sure", "voltage": "guess", "state": "likely"}
    assert "# guess: the name says voltage; scale by the values, 2301 is 230.1 V" in made.text
    assert made.channels == {"sure": 3, "likely": 2, "guess": 2}
