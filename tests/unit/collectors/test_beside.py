"""Light and limits: a lane is dark by its state, and a module's own limits are told and judged."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.beside import DARK, LIT
from collectors.binding import bind
from collectors.layout import Layout
from collectors.profile import load_profiles
from collectors.quantity import Quantity
from collectors.readings import Channel, Limits, Quality
from collectors.recording import answer, identified, read
from collectors.rows import Value

PROFILES = {profile.name: profile for profile in load_profiles()}
SENSOR = "1.3.6.1.2.1.99.1.1.1"
ARISTA: dict[str, Value] = {  # a power in units of 0.1 uW, with limits of 0.1 mW and 1 mW
    "1.3.6.1.2.1.47.1.1.1.1.2.5": b"DOM RX Power Sensor for Ethernet1",
    f"{SENSOR}.1.5": 6,
    f"{SENSOR}.2.5": 8,
    f"{SENSOR}.3.5": 4,
    f"{SENSOR}.4.5": 5310,
    f"{SENSOR}.5.5": 1,
    "1.3.6.1.4.1.30065.3.12.1.1.1.1.5": 2000,
    "1.3.6.1.4.1.30065.3.12.1.1.1.2.5": 1000,
    "1.3.6.1.4.1.30065.3.12.1.1.1.3.5": 8000,
    "1.3.6.1.4.1.30065.3.12.1.1.1.4.5": 10000,
}
MISTAKEN = {  # what the other product has wrong about limits, by device
    "nxos_n9k-c93180yc-fx3": "a low warning at 0 degC is taken for -1",
    "ocnos_s9600-32x": "warning and alarm of temperatures and voltages are taken for each other",
}


def told(layout: Layout, rows: dict[str, Value]) -> dict[str, float | Quality]:
    """Return the values of a device's channels, or why there is none."""
    values, quality, _ = layout.convert(*answer(layout, rows))
    return {
        channel.name: float(value) if good == Quality.GOOD else Quality(int(good))
        for channel, value, good in zip(layout.channels, values, quality, strict=True)
    }


@given(raw=st.integers(-5, 2**31 - 1).filter(lambda raw: raw != 10**9), status=st.integers(1, 3))
def test_a_lane_is_dark_lit_or_not_known_and_its_limits_are_its_modules(
    raw: int, status: int
) -> None:
    """No light has no level; where the sensor is not to be believed, nothing is known."""
    rows: dict[str, Value] = {**ARISTA, f"{SENSOR}.4.5": raw, f"{SENSOR}.5.5": status}
    found = told(bind(PROFILES["arista_eos"], ARISTA), rows)
    power, light = found["port/ethernet1/rx_power"], found["port/ethernet1/rx_light"]
    kept = found["port/ethernet1/rx_power_limits"]
    if status != 1:
        assert {power, light, kept} == {Quality.SENSOR_FAULT}
        return
    assert light == (LIT if raw > 1 else DARK)
    assert power == (Quality.OUT_OF_RANGE if raw <= 0 else pytest.approx(math.log10(raw) * 10 - 40))
    inside = {raw < 1000: 3, raw > 10000: 4, 1000 <= raw < 2000: 1, 8000 < raw <= 10000: 2}
    assert kept == inside.get(True, 0)


def test_a_spec_may_ask_for_both_by_name() -> None:
    """Their good states are `lit` and `inside`; the limits themselves are there to be shown."""
    layout = bind(PROFILES["arista_eos"], ARISTA)
    power, light, kept = layout.channels
    assert [*light.good_states, *kept.good_states] == ["lit", "inside"]
    assert {light.quantity, kept.quantity} == {Quantity.STATE}
    assert power.limits is not None
    assert power.limits == pytest.approx([-10.0, 10 * math.log10(0.2), 10 * math.log10(0.8), 0.0])


@given(alarms=st.binary(min_size=1, max_size=3))
def test_where_a_device_says_by_itself_that_there_is_no_light_it_is_believed(alarms: bytes) -> None:
    """Junos: the first bit of the module's alarms is loss of signal, whatever its power says."""
    dom = "1.3.6.1.4.1.2636.3.60.1.1.1.1"
    rows: dict[str, Value] = {
        "1.3.6.1.2.1.31.1.1.1.1.530": b"xe-0/0/4",
        f"{dom}.1.530": b"\0\0\0",
        f"{dom}.5.530": -230,
        f"{dom}.9.530": 100,
    }
    layout = bind(PROFILES["junos"], rows)
    found = told(layout, {**rows, f"{dom}.1.530": alarms})
    (light,) = [c for c in layout.channels if c.name == "port/xe-0-0-4/rx_light"]
    lost = alarms[0] >= 128
    assert light.states[int(found[light.name])] == ("dark" if lost else "lit")
    assert found["port/xe-0-0-4/rx_power"] == -2.3


@pytest.mark.parametrize("raws", [(0, 0, 0, 0), (5, 4, 3, 2), (-(10**9), -(10**9), 10**9, 10**9)])
def test_limits_that_make_no_sense_are_none(raws: tuple[int, int, int, int]) -> None:
    """A module that keeps none says 0, or a word for none; nonsense judges nothing."""
    threshold = "1.3.6.1.4.1.30065.3.12.1.1.1"
    limits = {f"{threshold}.{n}.5": raw for n, raw in zip((2, 1, 3, 4), raws, strict=True)}
    layout = bind(PROFILES["arista_eos"], {**ARISTA, **limits})
    assert [channel.limits for channel in layout.channels] == [None, None]


@pytest.mark.parametrize(
    ("name", "many"),
    [
        ("arista_eos", 131),
        ("junos_qfx5100", 8),
        ("nxos_n9k-c93180yc-fx3", 35),
        ("ocnos_s9600-32x", 144),
    ],
)
def test_modules_limits_are_those_that_another_product_read(
    shared: Path, name: str, many: int
) -> None:
    """Bias in A or mA, power in W or dBm; all differences are of one kind a device."""
    path = shared / "recordings" / "switch" / f"{name}.snmprec"
    rows = read(path)
    layout = bind(identified(rows, [*PROFILES.values()]), rows)
    listed = json.loads(path.with_suffix(".expected.json").read_bytes())["sensors"]
    sensors = {sensor["sensor_oid"].lstrip("."): sensor for sensor in listed}
    limited = [c for c in layout.channels if c.limits is not None and c.source in sensors]
    unlike = {c.name for c in limited if not same(c, sensors[c.source])}
    assert len(limited) == many
    if name not in MISTAKEN:
        assert not unlike
    assert all(part.endswith(("module_temp", "module_voltage")) for part in unlike)


def same(channel: Channel, sensor: dict[str, float | str | None]) -> bool:
    """Compare a channel's limits with what another product read."""
    keys = ("sensor_limit_low", "sensor_limit_low_warn", "sensor_limit_warn", "sensor_limit")
    raws = [math.nan if sensor[key] is None else float(sensor[key] or 0) for key in keys]
    theirs = np.array(raws)
    if channel.quantity is Quantity.OPTICAL_POWER and sensor["sensor_class"] == "power":
        with np.errstate(divide="ignore"):
            theirs = 10 * np.log10(theirs * 1e3)
    if channel.quantity is Quantity.CURRENT and np.nanmax(theirs) > 1:
        theirs = theirs / 1e3
    ours = np.array(channel.limits or Limits())
    return bool(np.all(np.isnan(ours) | np.isclose(ours, theirs, rtol=0.01, atol=1e-6)))
