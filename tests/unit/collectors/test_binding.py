"""From a walk to channels, and from an answer to readings: on a made-up device with every trap."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.binding import bind
from collectors.layout import Layout
from collectors.profile import SYS_UP_TIME, load_profiles
from collectors.readings import Quality
from collectors.recording import answer
from collectors.rows import Value

E = "1.3.6.1.4.1.99999"
PROFILE = """\
profile: rackproof.profile/1
name: acme
kind: cooling
vendor: Acme
title: Acme units
prefix: 1.3.6.1.4.1.99999
objects: {temperature_unit: .1.1.0}
channels:
  temperature: {value: .1.2.0, quantity: temperature, scale: 0.1, sentinels: [-1, "Unavailable"],
                unit_from: {column: temperature_unit, map: {0: degF, 1: degC}}}
  leak: {value: .1.3.0, quantity: leak, states: {1: dry, 2: wet, 3: broken}}
  flow: {value: .1.4.0, quantity: flow, unit: m3/h, pattern: "^([0-9.]+) m", range: [0, 100]}
  pump: {value: .1.5.0, quantity: state, states: {0: stopped, 1: ok}, texts: {running: 1}}
  power: {value: .1.6.0, quantity: power, unit: W, conversion: signed32}
  missing: {value: .1.7.0, quantity: number}
cases:
  kinds:
    volt: {name: voltage, quantity: voltage, unit: mV}
    light: {name: rx_power, quantity: optical_power, unit: mW}
tables:
  reading:
    index: [unit, name:text]
    columns:
      kind: .2.1.2
      digits: .2.1.3
      status: .2.1.4
      slot: .2.1.6
      card: {oid: .3.1.2, index: [slot]}
    words: {unit: {1: main}}
    channels:
      "{unit}/{card|name}/{case}":
        value: .2.1.5
        by: kind
        cases_from: kinds
        digits_from: digits
        available: {column: status, is: ["ok", 1]}
"""
A, B = "1.2.97.49", "2.1.98"  # unit 1 "a1", unit 2 "b"
ROWS: Mapping[str, Value] = {
    SYS_UP_TIME: 5000,
    f"{E}.1.1.0": 0,
    f"{E}.1.2.0": 770,
    f"{E}.1.3.0": 2,
    f"{E}.1.4.0": b"6.0 m3/h",
    f"{E}.1.5.0": b"running",
    f"{E}.1.6.0": 2**32 - 40,
    f"{E}.2.1.2.{A}": b"volt",
    f"{E}.2.1.2.{B}": b"light",
    f"{E}.2.1.3.{A}": 1,
    f"{E}.2.1.3.{B}": 2,
    f"{E}.2.1.4.{A}": b"ok",
    f"{E}.2.1.4.{B}": 1,
    f"{E}.2.1.5.{A}": 120000,
    f"{E}.2.1.5.{B}": 50,
    f"{E}.2.1.6.{A}": 7,
    f"{E}.3.1.2.7": b"Card #7",
}


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Bind the made-up device."""
    return bound(tmp_path_factory.mktemp("profiles"), ROWS)


def bound(folder: Path, rows: Mapping[str, Value]) -> Layout:
    """Bind these rows to the made-up profile."""
    (folder / "acme.yaml").write_text(PROFILE)
    return bind(load_profiles(folder)[0], rows)


def read(layout: Layout, **changes: Value) -> dict[str, float | Quality]:
    """Return what a poll reads, by channel: the value if it is good, else the quality."""
    rows = {**ROWS, **{E + oid.replace("_", "."): value for oid, value in changes.items()}}
    values, quality, _ = layout.convert(*answer(layout, rows))
    return {
        c.name: float(v) if q == Quality.GOOD else Quality(int(q))
        for c, v, q in zip(layout.channels, values, quality, strict=True)
    }


def test_every_way_of_saying_a_value_comes_to_its_canonical_unit(layout: Layout) -> None:
    """Fahrenheit by another object, text with a unit, words, two's complement, light in mW."""
    found = read(layout)
    assert found == {
        "temperature": pytest.approx(25.0),
        "leak": 1.0,
        "flow": pytest.approx(100.0),
        "pump": 1.0,
        "power": -40.0,
        "main/card-7/voltage": pytest.approx(12.0),
        "2/b/rx_power": pytest.approx(10 * math.log10(0.5)),
        "2/b/rx_light": 1.0,
    }


@pytest.mark.parametrize(
    ("oid", "value", "channel", "quality"),
    [
        ("_1_2_0", -1, "temperature", Quality.SENTINEL),
        ("_1_2_0", b"Unavailable", "temperature", Quality.SENTINEL),
        ("_1_2_0", b"garbage", "temperature", Quality.MALFORMED),
        ("_1_3_0", 3, "leak", Quality.SENSOR_FAULT),
        ("_1_3_0", 0, "leak", Quality.SENSOR_FAULT),
        ("_1_4_0", b"99.0 m3/h", "flow", Quality.OUT_OF_RANGE),
        (f"_2_1_4_{A}", b"failed", "main/card-7/voltage", Quality.SENSOR_FAULT),
        (f"_2_1_4_{B}", 2, "2/b/rx_power", Quality.SENSOR_FAULT),
        (f"_2_1_5_{B}", 0, "2/b/rx_power", Quality.OUT_OF_RANGE),
    ],
)
def test_each_absence_keeps_its_reason_and_spares_the_others(
    layout: Layout, oid: str, value: Value, channel: str, quality: Quality
) -> None:
    """A sentinel, a fault and nonsense are three things, and no neighbour pays for them."""
    before, after = read(layout), read(layout, **{oid: value})
    assert after.pop(channel) == quality
    assert before.pop(channel) != quality
    if channel == "2/b/rx_power":  # none at all is known to be dark
        told, beside = after.pop("2/b/rx_light"), before.pop("2/b/rx_light")
        assert (told, beside) == (0.0 if quality == Quality.OUT_OF_RANGE else quality, 1.0)
    assert after == before


def test_an_object_that_is_not_there_is_unread_and_no_channel(layout: Layout) -> None:
    """What a profile promises and a device lacks is told, not filled in."""
    assert layout.unread == {f"{E}.1.7.0": "noSuchInstance"}


def test_channels_know_where_their_value_lies(layout: Layout) -> None:
    """Every reading can be traced to the object that it came from."""
    *own, beside = [channel.source for channel in layout.channels]
    assert own == list(layout.objects[: len(own)])
    assert beside == own[-1], "the state of light is told by the object of its power"


def test_a_restart_or_a_changed_unit_asks_for_a_new_binding(tmp_path: Path) -> None:
    """After either, an index or a factor may mean something else."""
    layout = bound(tmp_path, ROWS)
    calm = answer(layout, {**ROWS, SYS_UP_TIME: 6000})
    assert layout.changed(*calm) is None
    assert "temperature" not in (layout.changed(*calm) or "")
    assert f"{E}.1.1.0" in (
        layout.changed(*answer(layout, {**ROWS, SYS_UP_TIME: 6001, f"{E}.1.1.0": 1})) or ""
    )
    assert "restarted" in (layout.changed(*answer(layout, ROWS)) or "")


def test_the_end_of_the_uptime_counter_is_no_restart(tmp_path: Path) -> None:
    """Hundredths of a second overflow 32 bits after 497 days."""
    layout = bound(tmp_path, {**ROWS, SYS_UP_TIME: 2**32 - 100})
    assert layout.changed(*answer(layout, {**ROWS, SYS_UP_TIME: 300})) is None


def test_rows_of_one_name_are_told_apart_by_their_index(tmp_path: Path) -> None:
    """Labels are given by people and repeat; a channel's name must not."""
    other = "1.2.97.50"
    twin = {f"{E}.2.1.{column}.{other}": ROWS[f"{E}.2.1.{column}.{A}"] for column in range(2, 7)}
    names = [c.name for c in bound(tmp_path, {**ROWS, **twin}).channels]
    assert "main/card-7/voltage-1-2-97-49" in names
    assert "main/card-7/voltage-1-2-97-50" in names


@given(
    raw=st.lists(st.floats() | st.integers(-(2**63), 2**64), min_size=40, max_size=40),
    fault=st.lists(st.sampled_from([*Quality]), min_size=40, max_size=40),
    texts=st.dictionaries(st.integers(0, 11), st.binary(max_size=12)),
)
def test_whatever_a_device_answers_a_value_is_good_or_nan(
    layout: Layout, raw: list[float], fault: list[Quality], texts: dict[int, bytes]
) -> None:
    """No answer raises, none is changed in place, and NaN and quality never disagree."""
    size = len(layout.objects)
    sent, wrong = np.array(raw[:size], float), np.array(fault[:size], np.uint8)
    kept = sent.copy()
    with np.errstate(all="ignore"):
        values, quality, told = layout.convert(sent, wrong, texts)
        layout.changed(sent, wrong, texts)
    assert values.shape == quality.shape == told.shape == (len(layout.channels),)
    assert np.array_equal(quality == Quality.GOOD, np.isfinite(values))
    assert np.isnan(values[quality != Quality.GOOD]).all()
    assert np.array_equal(sent, kept, equal_nan=True)
