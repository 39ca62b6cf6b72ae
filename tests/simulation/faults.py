"""What goes wrong in simulated runs: in the rack, in its instruments, on the way from them.

A fault begins some seconds after a stage of the plan began to count, so that one fault means the
same in a plan of 34 hours and in one of half an hour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.simulation.rack import Rack, Vector

Bools = NDArray[np.bool_]
Happen = Callable[[Rack], None]  # once, in the rack or the bay
Distort = Callable[[Rack, Vector, Bools, float], None]  # each reading, with seconds since the onset
FOR_EVER: Final = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    stage: str
    after: float = 120.0  # seconds since the stage began to count
    lasts: float = FOR_EVER
    happen: Happen | None = None
    distort: Distort | None = None
    lost: tuple[str, ...] = ()  # devices whose polls bring nothing
    reboots: tuple[str, ...] = ()  # devices that start anew, once
    on_the_way: tuple[str, ...] = ()  # devices whose answers are delayed or sent twice
    delays: tuple[float, ...] = (0.0,)  # seconds, one after the other: unequal ones reorder
    twice: bool = False

    def delay(self, at: float) -> float:
        """Return how long an answer is on its way."""
        return self.delays[int(at) % len(self.delays)]


def offset(device: str, name: str, by: float, times: float = 1.0) -> Distort:
    """Show a channel wrongly."""

    def distort(rack: Rack, values: Vector, _good: Bools, _since: float) -> None:
        place = rack.where(device, name)
        values[place] = values[place] * times + by

    return distort


def drift(device: str, name: str, per_hour: float) -> Distort:
    """Show a channel more and more wrongly."""

    def distort(rack: Rack, values: Vector, _good: Bools, since: float) -> None:
        values[rack.where(device, name)] += per_hour * since / 3600.0

    return distort


def stale(device: str, name: str) -> Distort:
    """Freeze a channel together with its time stamp, so that its readings are known to be old."""

    def distort(rack: Rack, _values: Vector, good: Bools, _since: float) -> None:
        good[rack.where(device, name)] = False

    return distort


def shown(device: str, name: str, value: float) -> Distort:
    """Show one value, whatever there is: a state, or a fan that stands."""

    def distort(rack: Rack, values: Vector, _good: Bools, _since: float) -> None:
        values[rack.where(device, name)] = value

    return distort


def together(*distortions: Distort) -> Distort:
    """Let several things be wrong at once."""

    def distort(rack: Rack, values: Vector, good: Bools, since: float) -> None:
        for each in distortions:
            each(rack, values, good, since)

    return distort


def noisy(device: str, name: str, times: float) -> Happen:
    """Make one channel's noise worse."""

    def happen(rack: Rack) -> None:
        rack.absolute[rack.where(device, name)] *= times
        rack.relative[rack.where(device, name)] *= times

    return happen


def plant(**what: float) -> Happen:
    """Set fields of the plant."""

    def happen(rack: Rack) -> None:
        for name, value in what.items():
            assert hasattr(rack.plant, name)
            setattr(rack.plant, name, value)

    return happen


def leak(zone: int, lpm: float) -> Fault:
    """Let go a coupling; the rope of that zone gets wet and stays so."""
    return Fault(
        name="leak",
        stage="full_soak",
        happen=plant(leak_lpm=lpm),
        distort=shown("rack", f"leak[zone{zone}]", 1.0),
    )


def pump_dies(number: int) -> Happen:
    """Stop a pump that nobody stopped."""

    def happen(rack: Rack) -> None:
        rack.plant.pump_dead[number - 1] = True

    return happen


def phase_lost(feed: int, phase: int) -> Happen:
    """Open one phase of one feed."""

    def happen(rack: Rack) -> None:
        rack.plant.phases[feed, phase - 1] = False

    return happen


def psu_dies(shelf: int, psu: int) -> Happen:
    """Let a supply fail: its shelf counts one fault."""

    def happen(rack: Rack) -> None:
        rack.plant.psu_dead[shelf - 1, psu - 1] = True
        rack.plant.faults[shelf - 1, psu - 1] += 1

    return happen


def valve_sticks(rack: Rack) -> None:
    """Leave the primary valve where it takes away the heat of four fifths of the load."""
    plant = rack.plant
    plant.stuck_kw_k = 0.8 * plant.removed_kw / (plant.return_rtd - plant.primary)


def counted(device: str, name: str, by: int) -> Happen:
    """Let a counter go on."""

    def happen(rack: Rack) -> None:
        place = rack.where(device, name)
        rack.counts[place] = rack.counts.get(place, 0) + by

    return happen


def fec_decays(device: str, port: str) -> Distort:
    """Let a link get worse: ten times the bit errors in 5 minutes, until FEC cannot mend it."""

    def distort(rack: Rack, values: Vector, _good: Bools, since: float) -> None:
        rate = 2e-8 * 10 ** (since / 300.0)
        values[rack.where(device, f"pre_fec_ber[{port}]")] = min(rate, 1e-3)
        beyond = max(0.0, since - 900.0)
        values[rack.where(device, f"fec_uncorrectable[{port}]")] += int(beyond)
        values[rack.where(device, f"errors[{port}]")] += int(beyond / 4.0)

    return distort
