"""Where the current goes: feeds, phases, shelves and their supplies, and what is lost on the way.

What people and faults switch changes seldom; how the load is shared follows from it once, and each
step only scales it. Shapes: R racks, F feeds, S shelves of U supplies, three phases.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collectors.twin.build import Build
from collectors.twin.chance import Floats, each

Bools = NDArray[np.bool_]
WIRING: Final = 1.003  # what the meters see that no shelf does
ETA: Final = np.array(
    [(0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 1.3), (0.80, 0.9, 0.935, 0.96, 0.975, 0.965, 0.955)]
)
FACTOR: Final = np.array(
    [(0.0, 0.1, 0.2, 0.5, 1.0), (0.9, 0.92, 0.97, 0.99, 0.99)]
)  # power factor by load
THD: Final = np.array([(0.1, 0.2, 0.5), (14.0, 8.0, 4.0)])  # % of the current, by load
SAG: Final = 0.01  # of the voltage, at the breaker's rating
BUS_SAG_V: Final = 0.5  # at a shelf's full load
IDLE: Final = 0.01  # of full load: what a powered rack draws that does nothing
TRIP: Final = 1.277  # of the rating, squared: 1.13 of it is carried for ever
BREAKER_S: Final = 3000.0  # its heat: 1.45 of the rating trips it in 47 minutes
MAGNETIC: Final = 7.0  # of the rating trips it at once
FAN_RPM: Final = 8000.0
PSU_K: Final = 12.0  # over the room, with nothing to lose
PSU_K_W: Final = 0.1  # more for each watt that a supply loses
CLIP_K: Final = 16.0
CLIP_K_KW: Final = 0.4
MATCH: Final = 0.004  # by which shelves and supplies differ: four carry eight within their breakers


class Electricity:
    """The electric side of R racks. Powers are in kW."""

    def __init__(self, build: Build, seeds: Sequence[int]) -> None:
        racks, shelves, psus, feeds = len(seeds), build.shelves, build.psus, build.feeds
        self.build = build
        self.shelf_weight: Floats = each(seeds, "shelf", (shelves,), MATCH)
        self.psu_weight = each(seeds, "psu", (shelves, psus), MATCH)
        self.overload = np.ones(racks)
        self.asked = np.zeros(racks)  # share of full power that jobs ask for by now
        self.level = np.zeros(racks)  # and that chips draw
        self.lines = np.zeros((racks, feeds, 3), np.bool_)  # that are live, at the meters
        self.fed = np.zeros((racks, shelves, psus), np.bool_)
        self.outages = np.zeros((racks, shelves, psus))
        self.failures = np.zeros((racks, shelves, psus))
        self.powered: Floats = np.zeros(racks)
        self.open = np.ones((racks, feeds), np.bool_)  # breakers
        self.status, self.blowing = np.zeros((2, racks, shelves, psus))  # state, rpm
        self.share: Floats = np.zeros((racks, shelves, psus))  # of a shelf's power
        self.weight: Floats = np.zeros((racks, shelves))  # of the rack's
        self.shelf_out, self.shelf_in = np.zeros((2, racks, shelves))
        self.shelf_phase = np.zeros((racks, shelves, 3))  # share of a shelf's power
        self.phase_kw = np.zeros((racks, feeds, 3))
        self.out, self.drawn = np.zeros((2, racks))  # all shelves
        self.factor = np.full(racks, FACTOR[1][0])
        self.heat = np.zeros((racks, feeds, 3))  # of breakers: (current / rating)^2, slowly
        self._lines = np.zeros((racks, feeds, shelves, 3))  # share of a shelf's power, by line
        self._live: Bools = np.zeros((racks, feeds), np.bool_)
        self._feed_of = np.arange(shelves) * feeds // shelves
        self._phase_of = np.arange(psus) * 3 // psus
        self._usual_kw = build.rack_kw / WIRING
        self._of_shelf = 1.0 / build.shelf_kw
        self._of_shelves = 1.0 / (build.shelf_kw * shelves)
        self._volts = np.full((1, 1, 1), build.feed_volts)

    def switched(
        self, closed: Bools, phases: Bools, seated: Bools, dead: Bools, swapped: Bools
    ) -> tuple[Bools, Bools]:
        """Find out anew how the load is shared; return which supplies lost and got their input.

        Shapes: closed [R, F], phases [R, F, 3], seated and dead [R, S, U], swapped [R].
        """
        self.lines = phases & closed[:, :, None]
        crossed = swapped[:, None, None]
        behind = np.where(crossed, self.lines[:, ::-1], self.lines)
        fed = behind[:, self._feed_of][:, :, self._phase_of] & seated
        lost, back = self.fed & ~fed, fed & ~self.fed
        told = np.logical_or.reduce(closed, axis=1)[:, None, None]  # while all is off nobody counts
        self.outages += lost & seated & told
        self.fed = fed
        self.powered = np.logical_or.reduce(fed, axis=(1, 2)).astype(np.float64)
        share = self.psu_weight * (fed & ~dead)
        total = np.add.reduce(share, axis=2, keepdims=True)
        self.share[:] = share / np.maximum(total, 1e-9)
        self.open = ~closed
        self.status = np.where(dead, 2.0, ~fed)
        self.blowing = np.where(fed & ~dead, FAN_RPM, 0.0)
        alive = self.shelf_weight * (total[:, :, 0] > 0)
        self.weight = alive / np.maximum(np.add.reduce(alive, axis=1, keepdims=True), 1e-9)
        for phase in range(3):
            self.shelf_phase[:, :, phase] = self.share[:, :, self._phase_of == phase].sum(axis=2)
        feeds = np.arange(self.build.feeds)
        straight = (feeds[:, None] == self._feed_of) & np.ones_like(crossed)
        hangs = np.where(crossed, straight[:, ::-1], straight)[:, :, :, None]
        self._lines = hangs * self.shelf_phase[:, None] * WIRING
        self._live = np.logical_or.reduce(self.lines, axis=2)
        return lost & seated & told, back & told

    def step(self, wanted: Floats, slowed: Floats | None, dt: float) -> None:
        """Follow the load that is wanted, through shelves that work.

        Shapes: [R]; slowed: the share of it that hot chips still do, at once.
        """
        slew = self.build.ramp_kw_s / self.build.rack_kw * dt
        change = np.minimum(np.maximum(wanted - self.asked, -slew), slew)
        self.asked = (self.asked + change) * self.powered
        self.level = self.asked if slowed is None else self.asked * slowed
        usual = self.level * self._usual_kw
        self.out = usual * np.interp(usual * self._of_shelves, *ETA) * self.powered
        self.shelf_out = self.out[:, None] * self.weight
        self.shelf_in = self.shelf_out / np.interp(self.shelf_out * self._of_shelf, *ETA)
        self.drawn = np.add.reduce(self.shelf_in, axis=1)

    def meter(self) -> None:
        """Share the load among feeds and phases."""
        lines = self.shelf_in[:, None, :, None] * self._lines
        self.phase_kw = np.add.reduce(lines, axis=2)

    def breakers(self, dt: float) -> Bools:
        """Warm the breakers; return which feeds' open by themselves. Shapes: bool[R, F]."""
        self.meter()
        rating = self.build.feed_volts * self.build.feed_breaker_a / 1000.0
        ratio = self.phase_kw / rating
        self.heat += (ratio * ratio - self.heat) * (1.0 - math.exp(-dt / BREAKER_S))
        opens: Bools = np.logical_or.reduce((self.heat > TRIP) | (ratio > MAGNETIC), axis=2)
        return opens

    def show_parts(self, at: Mapping[str, Floats]) -> None:
        """Let signals show what changes by switching only."""
        at["feed_meter.frequency"][:] = self.build.feed_hz * self._live
        at["feed_meter.breaker"][:] = self.open
        at["power_shelf.psu_ok"][:] = self.status
        at["power_shelf.psu_faults"][:] = self.failures
        at["power_shelf.ac_outages"][:] = self.outages
        at["power_shelf.psu_share"][:] = self.share * 100.0
        at["power_shelf.fan_speed"][:] = self.blowing

    def show(self, at: Mapping[str, Floats], losses: Floats, room: Floats) -> None:
        """Let the signals of meters and shelves show what is.

        Shapes: losses [R, S], the kW that warm each shelf by now; room [R, 1].
        """
        self.meter()
        volts = self.build.feed_volts
        level, watts = self.level, self.phase_kw * 1000.0
        self.factor = np.interp(level, *FACTOR)
        factor = self.factor[:, None, None]
        volt_amps = watts / factor
        line = self._volts - volt_amps * (SAG / self.build.feed_breaker_a)
        line *= self.lines
        at["feed_meter.line_voltage"][:] = line
        at["feed_meter.line_current"][:] = volt_amps / np.maximum(line, 1.0)
        at["feed_meter.power"][:] = np.add.reduce(watts, axis=2)
        at["feed_meter.power_factor"][:] = self.factor[:, None] * self._live
        at["feed_meter.current_thd"][:] = np.interp(level, *THD)[:, None]
        shelf_in = self.shelf_in * 1000.0
        at["power_shelf.input_power"][:] = shelf_in
        at["power_shelf.output_power"][:] = self.shelf_out * 1000.0
        sag = np.maximum.reduce(self.shelf_out, axis=1) * (BUS_SAG_V / self.build.shelf_kw)
        bus = (self.build.bus_volts - sag) * self.powered
        at["power_shelf.output_voltage"][:] = bus[:, None]
        by_volts = shelf_in / (self.factor * (volts - 1.0))[:, None]
        at["power_shelf.input_current"][:] = self.shelf_phase * by_volts[:, :, None]
        warm = losses * (1000.0 / self.build.psus * PSU_K_W) + (room + PSU_K)
        at["power_shelf.psu_temp"][:] = warm[:, :, None]
        clip = self.shelf_out * (CLIP_K_KW * 33.0 / self.build.shelf_kw) + (room + CLIP_K)
        at["power_shelf.busclip_temp"][:] = clip
