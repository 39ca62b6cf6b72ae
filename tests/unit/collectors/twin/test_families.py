"""What each imitated device shows is what its profile reads: two descriptions of one family."""

import numpy as np
import pytest

from collectors.binding import bind
from collectors.profile import load_profiles
from collectors.readings import Quality
from collectors.recording import identified
from collectors.snmp.ber import Tag, Value
from collectors.twin.bay import Bay
from collectors.twin.families import DEVICES
from collectors.twin.instruments import Shown
from collectors.twin.objects import Object

PROFILES = load_profiles()
WANTED = {  # profile, and for some of its channels: the instrument, its factor, the device's step
    "feedA": (
        "raritan_pdu2",
        {
            "inlet/1/power": ("feedA.watts", 1.0, 1.0),
            "inlet/1/energy": ("feedA.kwh", 1.0, 0.001),
            "inlet/1/frequency": ("feedA.hertz", 1.0, 0.1),
            "inlet/1/line/2/current": ("feedA.amps.2", 1.0, 0.01),
            "inlet/1/line/3/voltage_ln": ("feedA.volts.3", 1.0, 0.1),
            "inlet/1/line/3/voltage": ("feedA.volts.3", 3**0.5, 1.0),
            "breaker/1/breaker": ("feedA.breaker_closed", 1.0, 0.0),
        },
    ),
    "feedB": (
        "sentry4",
        {
            "unit/1/inlet/1/power": ("feedB.watts", 1.0, 1.0),
            "unit/1/inlet/1/frequency": ("feedB.hertz", 1.0, 0.1),
            "unit/1/inlet/1/phase/3/voltage": ("feedB.volts.3", 1.0, 0.1),
            "unit/1/inlet/1/line/1/current": ("feedB.amps.1", 1.0, 0.01),
        },
    ),
    "rear_door": (
        "apc_inrow",
        {
            "cooling": ("door.watts", 1.0, 100.0),
            "temperature/supply_air": ("door.air_out_degc", 1.0, 0.1),
            "temperature/return_air": ("door.air_in_degc", 1.0, 0.1),
            "water/flow": ("door.water_lpm", 1.0, 0.6),
            "water/temperature/out": ("door.water_out_degc", 1.0, 0.1),
        },
    ),
    "mgmt_switch": (
        "standard",
        {
            "temperature/inlet-temp": ("switch.inlet_degc", 1.0, 0.1),
            "power/psu2": ("switch.psu_watts.2", 1.0, 0.1),
            "fan/fan4": ("switch.fan_rpm.4", 1.0, 1.0),
            "port/swp8/in_octets": ("switch.in_octets.8", 1.0, 1.0),
        },
    ),
}


def as_walked(objects: list[Object], shown: Shown) -> dict[str, Value]:
    """Return what a walk over the device would bring."""
    rows: dict[str, Value] = {}
    for each in objects:
        value = each.now(shown)
        rows[each.oid] = str(value).encode() if each.tag == Tag.OCTET_STRING else value
    return rows


@pytest.mark.parametrize("device", WANTED)
def test_a_profile_reads_back_what_the_instruments_show(device: str) -> None:
    """Units, decimals and scales of the device are undone, to within its smallest step."""
    name, channels = WANTED[device]
    shown = Bay(seed=6).shown
    rows = as_walked(DEVICES[device][1](device), shown)
    profile = identified(rows, PROFILES)
    assert profile.name == name
    layout = bind(profile, rows)
    numbers = [v if isinstance(v := rows.get(oid), int) else np.nan for oid in layout.objects]
    texts = {
        place: value
        for place, oid in enumerate(layout.objects)
        if isinstance(value := rows.get(oid), bytes)
    }
    nothing_wrong = np.zeros(len(numbers), np.uint8)
    values, quality, _ = layout.convert(np.array(numbers, np.float64), nothing_wrong, texts)
    read = dict(zip([channel.name for channel in layout.channels], values, strict=True))
    assert set(quality) <= {Quality.GOOD, Quality.SENTINEL}
    for channel, (instrument, factor, step) in channels.items():
        assert read[channel] == pytest.approx(shown[instrument] * factor, abs=step / 2 + 1e-9)


@pytest.mark.parametrize("device", WANTED)
def test_a_device_says_who_it_is_and_that_it_is_simulated(device: str) -> None:
    """Its model must not be one that can be bought."""
    rows = as_walked(DEVICES[device][1](device), Bay(seed=6).shown)
    identity = bind(identified(rows, PROFILES), rows).identity
    assert "SIM" in identity.model
    assert identity.serial == f"SIM-{device}"
