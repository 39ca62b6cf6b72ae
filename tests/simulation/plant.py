"""What happens in the rack of the example spec and its bay: heat, coolant and current.

A small physical state, advanced by steps of at most two seconds. Heat comes from current and ends
in coolant or air, so that what the instruments show agrees with itself in every stage of the plan,
also while something breaks. Units: kW, K, degC, L/min, kPa, V, A; loads are shares of full power.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

STEP_S: Final = 2.0  # the fastest lag is 1.5 s, and all lags are exact
RACK_KW: Final = 132.0
LIQUID_SHARE: Final = 0.90  # as built; the design asks for 0.87
DOOR_SHARE: Final = 0.94  # of the heat in air; the rest goes through the walls
WIRING: Final = 1.003  # what the meters see that no shelf does
FLOW_LPM: Final = 172.5
LOOP_KJ_K: Final = 800.0
VALVE_KW_K: Final = 14.0  # what the exchanger takes away, fully open, for each K over its water
OPEN_MAX: Final = 0.7  # of that is as far as its controller goes
SLEW_S: Final = 2 / RACK_KW  # of the load: jobs start and end tray by tray
PUMP_KPA: Final = 320.0
DIP: Final = 0.7  # of the flow stays when one of two pumps stops
CHECK_VALVE_S: Final = 1.5  # until the other has made up for it
ETA: Final = ((0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 1.3), (0.80, 0.9, 0.935, 0.96, 0.975, 0.965, 0.955))


class Electric(NamedTuple):
    """Shapes: shelf_in, shelf_out [8] kW; share [8, 6]; phase_kw [2, 3]; psu_in [8, 6] kW."""

    shelf_in: NDArray[np.float64]
    shelf_out: NDArray[np.float64]
    share: NDArray[np.float64]
    psu_in: NDArray[np.float64]
    phase_kw: NDArray[np.float64]


@dataclass(slots=True)
class Plant:
    """The rack and its bay at one moment: what people set, what is broken, what is stored."""

    rng: random.Random
    # what people set
    load: float = 0.0
    supply_set: float = 25.0
    primary_set: float = 25.0
    feeds: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(2, np.bool_))
    seated: NDArray[np.bool_] = field(default_factory=lambda: np.ones((8, 6), np.bool_))
    pumps: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(2, np.bool_))
    gas: bool = False
    filled: bool = False
    swapped_feeds: bool = False  # the cords of A and B are in each other's place
    # what is broken
    phases: NDArray[np.bool_] = field(default_factory=lambda: np.ones((2, 3), np.bool_))
    psu_dead: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((8, 6), np.bool_))
    pump_dead: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(2, np.bool_))
    overload: float = 1.0
    strainer: float = 1.0  # times its clean resistance
    plates: float = 1.0  # likewise, the rack's own channels
    stuck_kw_k: float | None = None  # what the exchanger takes away, whatever is asked of it
    leak_lpm: float = 0.0
    # what is stored
    level: float = 0.0  # share of full power drawn
    warm: float = 0.0  # the same, as cases and fans follow it
    chips_kw: float = 0.0  # that enters the coolant
    removed_kw: float = 0.0
    supply: float = 25.0
    supply_rtd: float = 25.0
    return_rtd: float = 25.0
    primary: float = 25.0
    flow: float = 0.0
    door_kw: float = 0.0
    litres: float = 20.0  # in the reservoir, of 40
    pressure: float = 0.0
    room: float = 24.0
    outages: NDArray[np.int64] = field(default_factory=lambda: np.zeros((8, 6), np.int64))
    faults: NDArray[np.int64] = field(default_factory=lambda: np.zeros((8, 6), np.int64))
    running: int = 0
    fed: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((8, 6), np.bool_))
    _powered: bool = False
    shelf_weight: NDArray[np.float64] = field(default_factory=lambda: np.ones(8))
    psu_weight: NDArray[np.float64] = field(default_factory=lambda: np.ones((8, 6)))

    def __post_init__(self) -> None:
        """Give every shelf and supply its own share; no two are built alike."""
        self.shelf_weight *= [1 + self.rng.uniform(-0.008, 0.008) for _ in range(8)]
        self.psu_weight *= [
            [1 + self.rng.uniform(-0.008, 0.008) for _ in range(6)] for _ in "8" * 8
        ]

    def advance(self, seconds: float) -> None:
        """Go on by some seconds."""
        self._feed()
        steps = max(1, math.ceil(seconds / STEP_S))
        for _ in range(steps):
            self._heat(seconds / steps)
            self._coolant(seconds / steps)

    def _feed(self) -> None:
        """Let current into the supplies that are connected; each counts when it loses it."""
        lines = self.phases & self.feeds[:, None]
        if self.swapped_feeds:
            lines = lines[::-1]
        inlets = np.repeat(np.repeat(lines, 2, axis=1), 4, axis=0)  # two supplies on each phase
        fed = inlets & self.seated
        if self.feeds.any():  # while all is off nobody counts
            self.outages += self.fed & ~fed & self.seated
        self.fed = fed
        self._powered = bool(fed.any())

    @property
    def electric(self) -> Electric:
        """Return how the load is shared: by shelf, then by supply of a shelf that works."""
        works = self.fed & ~self.psu_dead
        share = self.psu_weight * works
        each = share.sum(axis=1)
        alive = each > 0
        share = np.divide(share, each[:, None], out=np.zeros((8, 6)), where=alive[:, None])
        weight = self.shelf_weight * alive
        usual = RACK_KW / WIRING * self.level  # at the inlets, with all shelves alive
        usual *= np.interp(usual / 8 / 33.0, *ETA)
        out = usual * weight / max(weight.sum(), 1e-9)
        shelf_in = out / np.interp(out / 33.0, *ETA)
        psu_in = shelf_in[:, None] * share
        phase = psu_in.reshape(2, 4, 3, 2).sum(axis=(1, 3)) * WIRING
        return Electric(shelf_in, out, share, psu_in, phase[::-1] if self.swapped_feeds else phase)

    @property
    def speed(self) -> float:
        """Return the pump speed that holds the flow, as if one pump did all."""
        return FLOW_LPM * math.sqrt(self._resistance / PUMP_KPA)

    @property
    def _resistance(self) -> float:
        """Return kPa a (L/min)^2 of pump, rack, exchanger and strainer."""
        return 0.00300 + 0.00370 * self.plates + 0.00084 + 0.00050 * self.strainer

    def _heat(self, dt: float) -> None:
        """Let the load follow its set point, and its heat follow the load."""
        wanted = (self.load or 0.01) * self.overload if self._powered else 0.0
        self.level += max(-SLEW_S * dt, min(SLEW_S * dt, wanted - self.level))
        self.warm = _lag(self.warm, self.level, 60.0, dt)
        self.chips_kw = _lag(self.chips_kw, RACK_KW * LIQUID_SHARE * self.level, 10.0, dt)
        air = RACK_KW * (1 - LIQUID_SHARE) * self.level
        self.door_kw = _lag(self.door_kw, DOOR_SHARE * air, 15.0, dt)
        self.room += (24.0 - self.room) * dt / 900.0 + self.rng.gauss(0, 0.004) * math.sqrt(dt)

    def _coolant(self, dt: float) -> None:
        """Move the coolant, and take its heat away as far as valve and water allow."""
        running = int((self.pumps & ~self.pump_dead).sum())
        if running < self.running:
            self.flow *= DIP if running else 0.1
        self.running = running
        reach = min(FLOW_LPM, math.sqrt(PUMP_KPA / self._resistance)) if self.filled else 0.0
        self.flow = _lag(self.flow, reach if running else 0.0, CHECK_VALVE_S, dt)
        carrier = max(self.flow, 3.0) * kw_per_lpm_k(self.supply)
        outlet = self.supply + self.chips_kw / carrier
        self.primary = _lag(self.primary, self.primary_set, 10.0, dt)
        over = outlet - self.primary
        wish = max(-0.1, min(0.1, (self.supply_set - self.supply) / 25.0))
        wanted = min(self.chips_kw - LOOP_KJ_K * wish, OPEN_MAX * VALVE_KW_K * max(over, 0.0))
        if self.stuck_kw_k is not None:
            wanted = self.stuck_kw_k * max(over, 0.0)
        self.removed_kw = _lag(self.removed_kw, max(wanted, -80.0), 8.0, dt)  # it can heat too
        self.supply += (self.chips_kw - self.removed_kw) / LOOP_KJ_K * dt
        self.supply += self.rng.gauss(0, 0.002) * math.sqrt(dt)
        self.supply_rtd = _lag(self.supply_rtd, self.supply, 6.0, dt)
        self.return_rtd = _lag(self.return_rtd, outlet, 6.0, dt)
        self.litres = max(0.0, self.litres - self.leak_lpm * dt / 60.0)
        if self.filled:
            self.litres = min(34.0, self.litres + (0.0 if self.leak_lpm else 0.02 * dt))
        rest = 200.0 + 50.0 * self.flow / FLOW_LPM - 10.0 * max(0.0, 34.0 - self.litres)
        self.pressure = _lag(self.pressure, max(rest, 0.0) if self.filled else 0.0, 20.0, dt)
        if self.gas:  # a closed volume: its pressure follows the air's temperature
            self.pressure = 350.0 + (350.0 + 101.3) * (self.room - 24.0) / 297.0

    @property
    def valve(self) -> float:
        """Return the opening of the primary valve in %."""
        capacity = VALVE_KW_K * max(self.return_rtd - self.primary, 1.0)
        return 100.0 * math.sqrt(min(1.0, max(0.01, self.removed_kw / capacity)))


def kw_per_lpm_k(degc: float) -> float:
    """Return the heat that one litre a minute of PG25 carries for each K (fit, 15 to 65 degC)."""
    density = 1027.31 - 0.31696 * degc - 0.0026412 * degc * degc
    return density * (3863.97 + 2.41695 * degc) / 60e6


def _lag(value: float, target: float, seconds: float, dt: float) -> float:
    """Move towards a target with one time constant; exact for any step."""
    return target + (value - target) * math.exp(-dt / seconds)


Act = Callable[[Plant], None]  # something done to a plant
