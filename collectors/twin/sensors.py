"""Instruments: what they make of the truth, before anything in them is broken.

Each has its own small error from the day it was made, its own noise, a resolution, and a device
whose agent looks only every so often. Noise stays well within the uncertainty of instruments that
a design spec asks for.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collectors.quantity import Quantity
from collectors.twin.chance import Floats, Noise, each, generator
from collectors.twin.point import Point, devices_of
from collectors.twin.signals import Signals

NOISE: Final = {  # standard deviation: absolute, relative
    Quantity.TEMPERATURE: (0.04, 0.0),
    Quantity.FLOW: (0.0, 0.003),
    Quantity.PRESSURE: (0.25, 0.0),
    Quantity.POWER: (0.0, 0.001),
    Quantity.VOLTAGE: (0.0, 0.0003),
    Quantity.CURRENT: (0.0, 0.001),
    Quantity.FREQUENCY: (0.008, 0.0),
    Quantity.RATIO: (0.0, 0.0004),
    Quantity.POWER_FACTOR: (0.0005, 0.0),
    Quantity.SPEED: (0.0, 0.003),
    Quantity.HUMIDITY: (0.2, 0.0),
    Quantity.LEVEL: (0.2, 0.0),
    Quantity.CONDUCTIVITY: (0.0, 0.003),
    Quantity.OPTICAL_POWER: (0.1, 0.0),
    Quantity.BER: (0.0, 0.02),
    Quantity.DURATION: (0.002, 0.0),
}
ERROR: Final = {  # at most, from the day it was made: absolute, relative
    Quantity.TEMPERATURE: (0.04, 0.0),
    Quantity.FLOW: (0.0, 0.003),
    Quantity.PRESSURE: (0.3, 0.0),
    Quantity.POWER: (0.0, 0.0015),
    Quantity.VOLTAGE: (0.0, 0.0005),
    Quantity.CURRENT: (0.0, 0.0015),
    Quantity.HUMIDITY: (0.5, 0.0),
    Quantity.LEVEL: (0.3, 0.0),
    Quantity.OPTICAL_POWER: (0.3, 0.0),
}
DECIMALS: Final = {  # that devices send
    Quantity.TEMPERATURE: 2,
    Quantity.TEMPERATURE_DELTA: 2,
    Quantity.FLOW: 2,
    Quantity.PRESSURE: 2,
    Quantity.POWER: 0,
    Quantity.APPARENT_POWER: 0,
    Quantity.VOLTAGE: 2,
    Quantity.CURRENT: 2,
    Quantity.FREQUENCY: 2,
    Quantity.POWER_FACTOR: 3,
    Quantity.RATIO: 2,
    Quantity.LEVEL: 1,
    Quantity.HUMIDITY: 1,
    Quantity.SPEED: 0,
    Quantity.CONDUCTIVITY: 0,
    Quantity.OPTICAL_POWER: 2,
    Quantity.BER: 12,
    Quantity.DURATION: 3,
    Quantity.AIR_FLOW: 3,
}
AGENT_S: Final = {"feed_meter": 1.0, "mgmt_switch": 5.0, "rear_door": 2.0, "room": 5.0}
QUICK_S: Final = 1.0  # between two looks of any other device's agent
COUNTS: Final = (3, 9)  # what counters show when they are first looked at


class Sensors:
    """The instruments of R racks. Shapes: [R, C] for C points; [R, D] for D devices."""

    def __init__(self, points: Sequence[Point], signals: Signals, seeds: Sequence[int]) -> None:
        count, racks = len(points), len(seeds)
        self.looks_at = np.array([signals.place(point) for point in points], np.intp)
        kinds = [point.quantity for point in points]
        self.absolute, self.relative = _table(kinds, NOISE)
        absolute, relative = _table(kinds, ERROR)
        amount = each(seeds, "error", (count,), 1.0) - 1.0
        self.times, self.plus = 1.0 + amount * relative, amount * absolute
        self.steps = 10.0 ** np.array([DECIMALS.get(kind, 0) for kind in kinds])
        self.noisy: dict[object, tuple[int, int, float]] = {}  # rack, column, times its noise
        counter = np.array([point.counter for point in points], np.bool_)
        counts = [generator(seed, "counts").integers(*COUNTS, size=count) for seed in seeds]
        self.plus += np.array(counts).reshape(racks, count) * counter
        self.counter = counter
        self._noise = Noise(seeds, "sensors", count)
        devices = devices_of(points)
        self.device_of = np.zeros(count, np.intp)
        for number, columns in enumerate(devices.values()):
            self.device_of[columns] = number
        self.refresh_s = np.array(
            [AGENT_S.get(points[columns[0]].role, QUICK_S) for columns in devices.values()]
        )
        drawn = [generator(seed, "agents").uniform(size=len(devices)) for seed in seeds]
        self._phase = np.array(drawn).reshape(racks, len(devices)) * self.refresh_s
        self._looked = np.full((racks, len(devices)), -1.0)
        self.fresh, self._scatter = np.zeros((2, racks, count))

    def look(self, truth: Floats, seconds: float) -> Floats:
        """Return what every instrument would show now. Shapes: truth [R, K]; returns [R, C]."""
        fresh, noise = self.fresh, self._scatter
        np.take(truth, self.looks_at, axis=1, out=fresh, mode="clip")
        np.abs(fresh, out=noise)
        noise *= self.relative
        noise += self.absolute
        noise *= self._noise.at(int(seconds))
        for rack, column, times in self.noisy.values():
            noise[rack, column] *= times
        fresh *= self.times
        fresh += self.plus
        fresh += noise
        return fresh

    def restart(self, rack: int, columns: NDArray[np.intp], truth: Floats) -> None:
        """Let a device's counters start anew, and its agent look at once. Shapes: truth [K].

        What it remembered is gone: no answer under its new uptime shows an old count.
        """
        counters = columns[self.counter[columns]]
        self.plus[rack, counters] = -truth[self.looks_at[counters]]
        self._looked[rack, self.device_of[columns]] = -1.0

    def settle(self, fresh: Floats) -> None:
        """Round as the devices do. Shapes: [R, C]."""
        fresh *= self.steps
        np.rint(fresh, out=fresh)
        fresh /= self.steps

    def due(self, seconds: float) -> NDArray[np.bool_]:
        """Return whose agent has looked since it was last asked. Shapes: bool[R, D]."""
        looked = np.floor((seconds + self._phase) / self.refresh_s)
        due: NDArray[np.bool_] = looked != self._looked
        self._looked = looked
        return due


def _table(kinds: Sequence[Quantity], table: dict[Quantity, tuple[float, float]]) -> Floats:
    """Return the absolute and the relative part of each. Shapes: [2, C]."""
    return np.array([table.get(kind, (0.0, 0.0)) for kind in kinds]).reshape(-1, 2).T.copy()
