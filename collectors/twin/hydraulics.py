"""Where the coolant goes: pumps against what resists them, the reservoir, and what leaks.

Flow is told as a share of the design flow, so that one set of curves serves racks of any size. The
pumps hold the flow: what clogs shows in their speed first. Shapes: R racks, L places that can leak.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collectors.twin.build import Build
from collectors.twin.chance import Floats

Bools = NDArray[np.bool_]
HEAD_KPA: Final = 320.0  # of the pumps at full speed, against nothing
PUMPS_KPA: Final = 89.3  # lost in two pumps and their pipes at the design flow
ONE_PUMP_KPA: Final = 116.0  # the same when one of them does it all
PLATES_KPA: Final = 110.0  # lost in the rack
EXCHANGER_KPA: Final = 25.0
STRAINER_KPA: Final = 14.9
DIP: Final = 0.7  # of the flow stays when one of two pumps stops, until its check valve is shut
FLOW_S: Final = 1.5  # of inertia
DRIVE_S: Final = 2.0  # until a drive has its new speed
FULL_L: Final = 34.0  # in the reservoir, once filled
RESERVOIR_L: Final = 40.0
EMPTY_L: Final = 20.0  # what stays in it when the loop is drained
FILL_L_S: Final = 0.02
REST_KPA: Final = 200.0  # of a full loop without flow
FLOW_KPA: Final = 50.0  # that the pumps add at the rack
LITRE_KPA: Final = 10.0  # lost for each litre that is missing
WORKING_KPA: Final = 250.0  # at which a leak is as large as it is said to be
GAS_KPA: Final = 350.0  # of the test
AIR_KPA: Final = 101.3
GAS_L: Final = 60.0  # volume under test
GAS_FACTOR: Final = 30.0  # gas gets through a hole faster than coolant, by volume
ROPE_L: Final = 0.05  # wets a rope or a tray


class Hydraulics:
    """The coolant of R racks. Its `pace` is kept by the plant: drive speed and flow lag there."""

    def __init__(self, build: Build, seeds: Sequence[int], leaks: int) -> None:
        racks = len(seeds)
        self.build = build
        self.strainer, self.plates, self.thick = np.ones((3, racks))  # times the clean resistance
        self.holes = np.zeros((racks, leaks))  # L/min at working pressure
        self.leaked = np.zeros((racks, leaks))  # litres so far
        self.litres = np.full(racks, EMPTY_L)
        self.escaped = np.zeros(racks)  # share of the test gas
        self.leak_lpm = np.zeros(racks)
        self.running = np.zeros(racks, np.int64)
        self.speed_wanted = np.zeros(racks)
        self.flow_for_speed = np.zeros(racks)  # share of design flow at full speed
        self.filled = np.zeros(racks)
        self.plates_kpa, self.strainer_kpa = np.zeros((2, racks))  # at the design flow
        self.rest_kpa, self.flow_kpa = np.zeros((2, racks))  # at rest; more with the design flow
        self.leaking = False
        self.moving = True  # litres, somewhere

    def switched(self, running: NDArray[np.int64], filled: Bools) -> Floats:
        """Find the new curves; return what the flow is multiplied by at once. Shapes: [R]."""
        build = self.build
        plates = PLATES_KPA * build.rack_dp_kpa / 110.0 * self.plates * self.thick
        strainer = STRAINER_KPA * self.strainer * self.thick
        lost = np.where(running > 1, PUMPS_KPA, ONE_PUMP_KPA)
        total = lost + plates + strainer + EXCHANGER_KPA * self.thick
        self.plates_kpa, self.strainer_kpa = plates, strainer
        turns = (running > 0).astype(np.float64)
        self.speed_wanted = np.minimum(np.sqrt(total / HEAD_KPA), 1.0) * turns
        self.filled = filled.astype(np.float64)
        self.flow_for_speed = np.sqrt(HEAD_KPA / total) * turns * self.filled
        self.moving = True
        self.leaking = bool(self.holes.any())
        self.leak_lpm = np.zeros_like(self.leak_lpm)  # until the next step
        self.leaked *= self.holes > 0.0  # what is mended is wiped dry
        dip = np.where((running < self.running) & (running > 0), DIP, 1.0)
        self.running = running
        return dip

    def step(self, pressure: Floats, gas: Bools, dt: float) -> None:
        """Fill the reservoir or let it run out. Shapes: [R]."""
        if not self.moving:
            return
        if self.leaking:
            self._leak(pressure, gas, dt)
        filling = np.minimum(np.maximum(FULL_L - self.litres, 0.0), FILL_L_S * dt)
        filling *= self.filled * (self.leak_lpm == 0.0)
        self.litres += filling
        self._rest()
        self.moving = self.leaking or bool(filling.any())

    def _rest(self) -> None:
        """Work out the pressure of loops at rest, and what flow adds to it."""
        missing = np.maximum(FULL_L - self.litres, 0.0)
        self.rest_kpa = np.maximum(REST_KPA - LITRE_KPA * missing, 0.0) * self.filled
        self.flow_kpa = FLOW_KPA * self.filled * np.minimum(self.litres, 1.0)

    def _leak(self, pressure: Floats, gas: Bools, dt: float) -> None:
        """Let coolant go by the root of what drives it, or test gas by the pressure itself."""
        root = np.sqrt(np.maximum(pressure, 0.0) / WORKING_KPA)
        root *= self.filled * (self.litres > 0.0)
        each = self.holes * root[:, None]
        self.leaked += each * (dt / 60.0)
        self.leak_lpm = each.sum(axis=1)
        self.litres = np.maximum(self.litres - self.leak_lpm * (dt / 60.0), 0.0)
        lost = self.holes.sum(axis=1) * (GAS_FACTOR * dt / 60.0 / GAS_L)
        self.escaped = np.where(gas, self.escaped + lost * (1.0 - self.escaped), 0.0)

    @property
    def wet(self) -> Bools:
        """Say which ropes and trays have seen coolant: they stay wet. Shapes: [R, L]."""
        wet: Bools = self.leaked > ROPE_L
        return wet

    def gas_kpa(self, room: Floats) -> Floats:
        """Return the pressure of the test gas, a closed volume. Shapes: [R]."""
        kelvin = (room + 273.15) / 297.15
        return (GAS_KPA + AIR_KPA) * (1.0 - self.escaped) * kelvin - AIR_KPA
