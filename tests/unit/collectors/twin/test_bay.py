"""What the instruments of the simulated bay show, healthy and broken."""

import math
from collections.abc import Callable

import pytest

from collectors.twin.bay import FAULTS, Bay
from collectors.twin.instruments import Shown
from collectors.twin.plant import coolant_j_per_litre_k

SIGNS: dict[str, Callable[[Shown], bool]] = {
    "leak": lambda shown: shown["rack.leak"] == 1.0,
    "flow_low": lambda shown: shown["rack.flow_lpm"] < 70.0,
    "feed_loss": lambda shown: shown["feedB.volts.1"] == 0.0 and shown["feedA.amps.1"] > 80.0,
    "hot": lambda shown: shown["cdu.primary_in_degc"] > 38.0,
    "silent": lambda shown: shown["feedB.watts"] > 30_000.0,
    "sensor_fault": lambda shown: shown["rack.leak_fault"] == 1.0,
}


def after(fault: str, seconds: int) -> Bay:
    """Return a bay that has stood a fault for some time."""
    bay = Bay(seed=7)
    bay.raise_fault(fault)
    for _ in range(seconds):
        bay.step(1.0)
    return bay


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_shows_itself_within_a_minute(fault: str) -> None:
    """Somebody at a demo does not wait longer."""
    assert SIGNS[fault](after(fault, 45).shown)


def test_instruments_close_the_energy_balance_within_two_percent() -> None:
    """Power in by the meters is heat out by flow, temperatures and door."""
    bay = Bay(seed=8)
    for _ in range(120):
        bay.step(1.0)
        shown = bay.shown
        rise = shown["rack.return_degc"] - shown["rack.supply_degc"]
        liquid = coolant_j_per_litre_k(45.0) * shown["rack.flow_lpm"] / 60.0 * rise
        power = shown["feedA.watts"] + shown["feedB.watts"]
        assert liquid + shown["door.watts"] == pytest.approx(power, rel=0.02)


def test_a_healthy_bay_has_every_value_and_a_broken_probe_has_none() -> None:
    """No instrument invents a number for a sensor that is open."""
    assert not any(math.isnan(value) for value in Bay(seed=9).shown.values())
    assert math.isnan(after("sensor_fault", 1).shown["rack.return_degc"])


def test_a_silent_device_is_named_and_a_repair_lets_it_speak() -> None:
    """Silence is a fault of the device, not of the plant."""
    bay = after("silent", 1)
    assert bay.silent == {"feedB"}
    bay.repair()
    assert not bay.silent


def test_a_wet_rope_stays_wet_after_the_repair() -> None:
    """Leak ropes latch: somebody has to dry them."""
    bay = after("leak", 10)
    bay.repair()
    bay.step(60.0)
    assert bay.shown["rack.leak"] == 1.0


def test_a_broken_rope_reads_dry_and_says_that_it_is_broken() -> None:
    """Dry and faulty is not dry; the reader has to look at both."""
    bay = after("sensor_fault", 1)
    bay.raise_fault("leak")
    for _ in range(10):
        bay.step(1.0)
    assert bay.shown["rack.leak"] == 0.0
    assert bay.shown["rack.leak_fault"] == 1.0
