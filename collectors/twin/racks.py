"""Racks that are not there: a plant, instruments that look at it, and what is broken in both.

Faces show what is in `shown` when they are asked; none of them computes physics. Everything
follows from the seeds, and what one rack does depends on no other.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collectors.twin import breaking
from collectors.twin.build import Build
from collectors.twin.chance import Floats, generator
from collectors.twin.effect import Begin, Effect
from collectors.twin.faults import Fault, FaultError
from collectors.twin.physics import Plant
from collectors.twin.point import Point, devices_of, roles_of
from collectors.twin.sensors import Sensors

Bools = NDArray[np.bool_]
TELLS: Final = {  # what happens: the role that tells it, and what its parts are called
    "breaker opened": ("feed_meter", ""),
    "input lost": ("power_shelf", "psu"),
    "input back": ("power_shelf", "psu"),
    "pump stopped": ("cdu", "pump"),
}
UPTIME_S: Final = (1e5, 3e6)  # of devices when a simulation begins


class Happening(NamedTuple):
    """What a device may tell of itself, once."""

    seconds: float
    rack: int
    device: str
    what: str  # one of `TELLS`, or: supply failed, leak, link down, link up, reboot
    part: str | None = None


@dataclass(slots=True)
class Broken:
    """A fault of one rack, and what it does since it began."""

    rack: int
    fault: Fault
    begin: Begin
    effect: Effect | None = None


class Racks:
    """R racks. Shapes: C points, D devices, both in the order of `points`."""

    def __init__(self, points: Sequence[Point], build: Build, seeds: Sequence[int]) -> None:
        self.points = tuple(points)
        self.build = build
        self.seeds = tuple(seeds)
        racks, count = len(seeds), len(points)
        self.plant: Plant = Plant(build, seeds, points)
        self.sensors: Sensors = Sensors(points, self.plant.signals, seeds)
        self.column: Mapping[tuple[str, str], int] = {
            (point.device, point.name): column for column, point in enumerate(points)
        }
        self.devices: Mapping[str, NDArray[np.intp]] = {
            device: np.array(columns, np.intp) for device, columns in devices_of(points).items()
        }
        self.invented = self.plant.signals.invented  # rows that no physics stands behind
        self.seconds = 0.0
        self.shown: Floats = np.full((racks, count), np.nan)
        self.good: Bools = np.ones((racks, count), np.bool_)
        shape = racks, len(self.devices)
        self.silent: Bools = np.zeros(shape, np.bool_)
        self.late, self.jumbled = np.zeros((2, *shape))  # seconds: all answers; every other one
        self.twice: Bools = np.zeros(shape, np.bool_)
        self.clock_offset = np.zeros(shape)  # seconds that a device's clock is ahead
        self.crossed: list[dict[tuple[str, str], tuple[str, str]]] = [{} for _ in seeds]
        drawn = [generator(seed, "uptime").uniform(*UPTIME_S, shape[1]) for seed in seeds]
        self._booted = -np.array(drawn).reshape(shape)
        self._number = {device: number for number, device in enumerate(self.devices)}
        self.roles = roles_of(points)
        self._broken: list[Broken] = []
        self.next = math.inf  # when a fault begins or ends
        self._happened: list[Happening] = []
        self._dry = np.ones_like(self.plant.hydraulics.leaked, np.bool_)
        self._dirty = False
        self.read()

    def number(self, device: str) -> int:
        """Return a device's place in arrays [R, D]. Raises: FaultError."""
        if device not in self._number:
            raise FaultError(f"there is no device {device!r}; there are {', '.join(self.devices)}")
        return self._number[device]

    def advance(self, seconds: float) -> None:
        """Let time pass: physics, and faults that begin and end. Instruments do not look yet."""
        end = self.seconds + seconds
        while True:
            if self.seconds >= self.next:
                self._begin_and_end()
            if self.seconds >= end:
                break
            stop = min(end, self.next)
            self.plant.advance(stop - self.seconds)
            self.seconds = stop
            for broken in self._broken:
                if broken.effect and broken.effect.go:
                    broken.effect.go(self.seconds - broken.fault.onset_s)
        self._notice()

    def read(self) -> Floats:
        """Let instruments look, where their device's agent does by now. Shapes: [R, C]."""
        fresh = self.sensors.look(self.plant.show(), self.seconds)
        if self._dirty:
            self.good[:] = True
            self._dirty = False
        for broken in self._broken:
            if broken.effect and broken.effect.distort:
                since = self.seconds - broken.fault.onset_s
                broken.effect.distort(fresh[broken.rack], self.good[broken.rack], since)
                self._dirty = True
        self.sensors.settle(fresh)
        due = self.sensors.due(self.seconds)
        if due.all():
            np.copyto(self.shown, fresh)
        else:
            np.copyto(self.shown, fresh, where=due[:, self.sensors.device_of])
        return self.shown

    def healthy(self, rack: int) -> bool:
        """Say whether nothing is broken in a rack, and no coolant has got out."""
        dry = not self.plant.hydraulics.wet[rack].any()
        return dry and not any(b.rack == rack and b.effect for b in self._broken)

    def inflict(self, rack: int, fault: Fault) -> None:
        """Break something, now or at its onset. Raises: FaultError if there is no such place."""
        if fault.onset_s < self.seconds:
            fault = replace(fault, onset_s=self.seconds)
        begin = breaking.plan(self, fault)
        if any(b.rack == rack and b.fault.name == fault.name for b in self._broken):
            raise FaultError(f"{fault.name}: there is one of that name; give this another name=")
        self._broken.append(Broken(rack, fault, begin))
        self._begin_and_end()

    def mend(self, rack: int, name: str | None = None) -> None:
        """Mend one fault by its name, or all of a rack."""
        for broken in list(self._broken):
            if broken.rack == rack and name in (None, broken.fault.name):
                self._end(broken)
        self._begin_and_end()

    def faults(self, rack: int) -> dict[str, Fault]:
        """Return what is broken in a rack or will be, by name."""
        return {b.fault.name: b.fault for b in self._broken if b.rack == rack}

    def uptime(self, rack: int, device: str) -> float:
        """Return how long a device's agent has been running, in seconds."""
        return float(self.seconds - self._booted[rack, self.number(device)])

    def reboot(self, rack: int, device: str) -> None:
        """Let a device's agent start anew: its counters too."""
        number = self.number(device)
        self._booted[rack, number] = self.seconds
        self.sensors.restart(rack, self.devices[device], self.plant.show()[rack])
        self.tell(rack, device, "reboot")

    def tell(self, rack: int, device: str, what: str, part: str | None = None) -> None:
        """Take note of what a device may tell of itself."""
        self._happened.append(Happening(self.seconds, rack, device, what, part))

    def happened(self) -> list[Happening]:
        """Return what happened since this was last asked."""
        happened, self._happened = self._happened, []
        return happened

    def _begin_and_end(self) -> None:
        """Let faults begin and end whose time has come; find out when the next one does."""
        for broken in list(self._broken):
            if broken.effect is None and broken.fault.onset_s <= self.seconds:
                broken.effect = broken.begin(broken.rack)
            if broken.fault.ends_s <= self.seconds:
                self._end(broken)
        times = [b.fault.ends_s if b.effect else b.fault.onset_s for b in self._broken]
        self.next = min(times, default=math.inf)

    def _end(self, broken: Broken) -> None:
        """Let a fault be over."""
        self._broken.remove(broken)
        if broken.effect:
            broken.effect.undo()

    def _notice(self) -> None:
        """Take note of what physics did by itself."""
        plant = self.plant
        changes, plant.changes = plant.changes, []
        for what, where in changes:
            role, piece = TELLS[what]
            names = self.roles.get(role, [])
            for rack, device, *part in np.argwhere(where).tolist():
                if device < len(names):
                    self.tell(rack, names[device], what, f"{piece}{part[0] + 1}" if part else None)
        if plant.hydraulics.leaking:
            wet = plant.hydraulics.wet
            leaks = list(plant.signals.leaks)
            for rack, place in np.argwhere(wet & self._dry).tolist():
                self.tell(rack, leaks[place][0], "leak", leaks[place][1])
            self._dry = ~wet
