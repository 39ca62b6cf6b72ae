"""Where the heat goes: from chips through the plates into the loop, and out by exchanger and air.

What leaves one store enters another within the same step, so that no heat is lost or made, however
long the run. Units: kW, kJ, K, degC. Shapes: [R]; `degc` [R, 3]: chips, plates, loop.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from collectors.twin.build import Build
from collectors.twin.chance import Floats

CHIPS_KJ_K: Final = 35.0
PLATES_KJ_K: Final = 80.0  # 20 litres in plates and manifold: 7 s of flow
LOOP_KJ_K: Final = 685.0  # 120 litres in the unit, and its metal: 0.8 MJ/K with the others
CHIPS_K_KW: Final = 0.3  # from chips to coolant
FILM: Final = 3.0  # below a third of the design flow less heat gets into the coolant
STILL: Final = 0.02  # of it that standing coolant takes up
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
THROTTLE_DEGC: Final = (98.0, 108.0)  # where chips begin to slow down, and where they stop
START_DEGC: Final = 25.0
CARRIES: Final = 0.0667  # kW for each L/min and K: what the controller reckons with
PUMP_KW: Final = 0.95  # into the coolant, at the design flow
CHIPS, PLATES, LOOP = 0, 1, 2


def kw_per_lpm_k(degc: Floats) -> Floats:
    """Return the heat that one litre a minute of PG25 carries for each K, 15 to 65 degC.

    Fitted to density and heat capacity by Melinder 2010, within 0.01 %.
    """
    return (-1.96425e-07 * degc + 2.147920e-05) * degc + 6.615297e-02


def exchanged(hot: Floats, cold: Floats, ua: float) -> Floats:
    """Return kW for each K between the inlets of a counterflow exchanger, by effectiveness-NTU.

    `hot` and `cold` are the capacity rates of both sides, in kW/K.
    """
    small = np.minimum(hot, cold) + 1e-3
    ratio = np.minimum(small / (np.maximum(hot, cold) + 1e-3), 0.999)
    falls = np.exp((ratio - 1.0) * ua / small)
    return small * (1.0 - falls) / (1.0 - ratio * falls) - 1e-3


class Probes(NamedTuple):
    """What the unit's own probes show, in degC. Shapes: [R]."""

    supply: Floats
    back: Floats
    primary: Floats


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
        self.removed, self.heater, self.pumping = np.zeros((3, racks))
        self._nothing = self.spilt = np.zeros(racks)
        self.coolant = np.ones(racks)  # heat carried, over that of the coolant it was built for
        curve = np.concatenate([[0.0], np.linspace(SHUT, 1.0, 60)])
        opened = np.exp(VALVE_LN * (curve - 1.0)) * PRIMARY_KW_K * self.size * (curve >= SHUT)
        hot = np.full_like(opened, CARRIES * build.flow_lpm)
        self._curve = exchanged(hot, opened, UA_KW_K * self.size), curve
        self._any_stuck = False
        self._chips, self._plates, self._loop = self.degc.T  # views

    def sticks(self, rack: int, where: float) -> None:
        """Let the valve of one rack stand there, a share of its stroke; NaN lets it go."""
        self.stuck[rack] = where
        self._any_stuck = not np.isnan(self.stuck).all()

    @property
    def stored(self) -> Floats:
        """Return kJ in chips, plates and loop, more than at the start. Shapes: [R]."""
        kept: Floats = ((self.degc - self._start) * self.capacity).sum(axis=1)
        return kept

    def control(self, probes: Probes, want: Floats, flow: Floats, dt: float) -> None:
        """Move the valve by what the probes of the unit show, or heat. Shapes: [R]."""
        size, (supply, back, primary) = self.size, probes
        error = supply - want
        trim = self.trim + error * ((np.abs(error) < NEAR_K) * (GAIN_KW_K * size * dt / RESET_S))
        limit = TRIM_KW * size
        self.trim = np.minimum(np.maximum(trim, -limit), limit)
        span = back - primary
        wish = (back - supply) * flow * CARRIES + self.trim + error * (GAIN_KW_K * size)
        move = np.interp(wish / np.maximum(span, 0.5), *self._curve) - self.valve
        stroke = dt / STROKE_S
        self.valve += np.minimum(np.maximum(move, -stroke), stroke)
        if self._any_stuck:
            self.valve = np.where(np.isnan(self.stuck), self.valve, self.stuck)
        self.heater = np.minimum(np.maximum(-wish, 0.0), HEATER_KW * size)

    def step(
        self,
        chips_kw: Floats,
        flow: Floats,
        primary: Floats,
        spills: tuple[Floats, Floats] | None,
        dt: float,
    ) -> None:
        """Move the heat of one step; `spills`: what leaks in L/min, and degC of what replaces it.

        Shapes: [R]; flow in L/min.
        """
        chips, plates, loop = self._chips, self._plates, self._loop
        unit = kw_per_lpm_k((plates + loop) * 0.5) * self.coolant
        hot = unit * flow
        share = flow / self.design_lpm
        wetted = np.minimum(share * FILM + STILL, 1.0)
        into = (chips - plates) * wetted * (self.size / CHIPS_K_KW)
        back = (plates - loop) * hot
        opened = np.exp((self.valve - 1.0) * VALVE_LN) * (self.valve >= SHUT)
        cold = opened * (PRIMARY_KW_K * self.size)
        self.removed = exchanged(hot, cold, UA_KW_K * self.size) * (plates - primary)
        self.pumping = share * share * share * (PUMP_KW * self.size)
        gain = back + self.heater + self.pumping - self.removed
        self.spilt = self._nothing
        if spills is not None:
            self.spilt = unit * spills[0] * (loop - spills[1])
            gain = gain - self.spilt
        kj_k = self.capacity
        chips += (chips_kw - into) * (dt / kj_k[CHIPS])
        plates += (into - back) * (dt / kj_k[PLATES])
        loop += gain * (dt / kj_k[LOOP])

    def slowed(self) -> Floats | None:
        """Return the share of the wanted load that hot chips still do; None: none is hot."""
        begin, end = THROTTLE_DEGC
        if self._chips.max() < begin:
            return None
        return np.clip((end - self._chips) / (end - begin), 0.0, 1.0)
