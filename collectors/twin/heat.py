"""Where the heat goes: from chips through the plates into the loop, and out by exchanger and air.

What leaves one store enters another within the same step, so that no heat is lost or made, however
long the run. Units: kW, kJ, K, degC. Shapes: [R]; `degc` [R, 3]: chips, plates, loop.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collectors.twin.build import Build
from collectors.twin.chance import Floats

CHIPS_KJ_K: Final = 35.0
PLATES_KJ_K: Final = 80.0  # 20 litres in plates and manifold: 7 s of flow
LOOP_KJ_K: Final = 685.0  # 120 litres in the unit, and its metal: 0.8 MJ/K with the others
CHIPS_K_KW: Final = 0.3  # from chips to coolant
UA_KW_K: Final = 30.0  # of an exchanger for 250 kW; half of it would run wide open here
PRIMARY_KW_K: Final = 20.9  # 300 L/min of water, valve wide open
VALVE_LN: Final = math.log(50.0)  # equal-percentage, 50 to 1
SHUT: Final = 0.005  # of its stroke: below, it is tight
STROKE_S: Final = 60.0
GAIN_KW_K: Final = 24.0  # 4 to 6 % of the stroke for each K, by load
RESET_S: Final = 90.0
NEAR_K: Final = 2.0  # of the set point; farther away the controller does not integrate
TRIM_KW: Final = 40.0  # as far as it integrates
HEATER_KW: Final = 80.0  # tempers a loop before the rack can
THROTTLE_DEGC: Final = (98.0, 108.0)  # where chips begin to slow down, and are at their slowest
SLOWEST: Final = 0.2
START_DEGC: Final = 25.0
CHIPS, PLATES, LOOP = 0, 1, 2


def kw_per_lpm_k(degc: Floats) -> Floats:
    """Return the heat that one litre a minute of PG25 carries for each K (fit, 15 to 65 degC)."""
    density = 1027.31 - (0.31696 + 0.0026412 * degc) * degc
    carried: Floats = density * (3863.97 + 2.41695 * degc) * (1 / 60e6)
    return carried


def exchanged(hot: Floats, cold: Floats, ua: float) -> Floats:
    """Return kW for each K between the inlets of a counterflow exchanger, by effectiveness-NTU.

    `hot` and `cold` are the capacity rates of both sides, in kW/K.
    """
    small = np.minimum(hot, cold)
    ratio = np.minimum(small / np.maximum(np.maximum(hot, cold), 1e-6), 0.999)
    rest = 1.0 - ratio
    falls = np.exp(-ua * rest / np.maximum(small, 1e-3))
    effect: Floats = small * (1.0 - falls) / (1.0 - ratio * falls)
    return effect


class Heat:
    """The heat in R racks and their bays."""

    def __init__(self, build: Build, racks: int) -> None:
        self.size = build.size
        self.design_lpm = build.flow_lpm
        stores = np.array([CHIPS_KJ_K, PLATES_KJ_K, LOOP_KJ_K])
        self.capacity = stores * self.size  # [3] kJ/K
        self.degc = np.full((racks, 3), START_DEGC)
        self._start = self.degc.copy()
        self.valve, self.trim, self.wish = np.zeros((3, racks))
        self.stuck = np.full(racks, np.nan)  # where a valve cannot leave
        self.removed, self.heater, self.spilt = np.zeros((3, racks))
        self.coolant = np.ones(racks)  # heat carried, over that of the coolant it was built for
        curve = np.concatenate([[0.0], np.linspace(SHUT, 1.0, 60)])
        opened = np.exp(VALVE_LN * (curve - 1.0)) * PRIMARY_KW_K * self.size * (curve >= SHUT)
        hot = np.full_like(opened, 0.0667 * build.flow_lpm)
        self._curve = exchanged(hot, opened, UA_KW_K * self.size), curve
        self._any_stuck = False
        self._flux = np.zeros((racks, 3))

    def sticks(self, rack: int, where: float) -> None:
        """Let the valve of one rack stand there, a share of its stroke; NaN lets it go."""
        self.stuck[rack] = where
        self._any_stuck = not np.isnan(self.stuck).all()

    @property
    def stored(self) -> Floats:
        """Return kJ in chips, plates and loop, more than at the start. Shapes: [R]."""
        kept: Floats = ((self.degc - self._start) * self.capacity).sum(axis=1)
        return kept

    def control(
        self, supply: Floats, back: Floats, primary: Floats, want: Floats, flow: Floats, dt: float
    ) -> None:
        """Move the valve by what the probes of the unit show, or heat. Shapes: [R]."""
        error = supply - want
        near = (np.abs(error) < NEAR_K) * (GAIN_KW_K * self.size * dt / RESET_S)
        self.trim += error * near
        limit = TRIM_KW * self.size
        np.clip(self.trim, -limit, limit, out=self.trim)
        load = (back - supply) * flow
        load *= 0.0667
        self.wish = load + self.trim + GAIN_KW_K * self.size * error
        span = np.maximum(back - primary, 0.5)
        move = np.interp(self.wish / span, *self._curve)
        move -= self.valve
        stroke = dt / STROKE_S
        self.valve += np.clip(move, -stroke, stroke, out=move)
        if self._any_stuck:
            self.valve = np.where(np.isnan(self.stuck), self.valve, self.stuck)
        self.heater = np.clip(-self.wish, 0.0, HEATER_KW * self.size)

    def step(
        self,
        chips_kw: Floats,
        pump_kw: Floats,
        flow: Floats,
        primary: Floats,
        leak_lpm: Floats,
        room: Floats,
        dt: float,
    ) -> None:
        """Move the heat of one step. Shapes: [R]; flow in L/min."""
        degc, flux = self.degc, self._flux
        chips, plates, loop = degc[:, CHIPS], degc[:, PLATES], degc[:, LOOP]
        unit = kw_per_lpm_k((plates + loop) * 0.5)
        unit *= self.coolant
        hot = unit * flow
        into = (chips - plates) * (self.size / CHIPS_K_KW)
        back = (plates - loop) * hot
        opened = np.exp(VALVE_LN * (self.valve - 1.0))
        opened *= PRIMARY_KW_K * self.size * (self.valve >= SHUT)
        self.removed = exchanged(hot, opened, UA_KW_K * self.size) * (plates - primary)
        self.spilt = unit * leak_lpm * (loop - room)  # made up for from the reservoir
        np.subtract(chips_kw, into, out=flux[:, CHIPS])
        np.subtract(into, back, out=flux[:, PLATES])
        flux[:, LOOP] = back - self.removed + self.heater + pump_kw - self.spilt
        flux *= dt / self.capacity
        degc += flux

    def slowed(self) -> Floats | None:
        """Return the share of the wanted load that hot chips still do; None: none is hot."""
        chips = self.degc[:, CHIPS]
        begin, end = THROTTLE_DEGC
        if (chips < begin).all():
            return None
        return np.clip((end - chips) / (end - begin), SLOWEST, 1.0)
