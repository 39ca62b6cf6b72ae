"""What happens in racks and their bays: heat, coolant and current, of R racks at once.

A small physical state, advanced by steps of a few seconds. Heat comes from current and ends
in coolant or air, so that what the instruments show agrees with itself in every stage of a plan,
also while something breaks. Units: kW, kJ, K, degC, L/min, kPa, V, A; loads are shares of full
power. No step depends on how many racks there are.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collectors.twin.build import Build
from collectors.twin.chance import Floats, Noise
from collectors.twin.electricity import IDLE, WIRING, Electricity
from collectors.twin.heat import LOOP, PLATES, START_DEGC, Heat, Probes
from collectors.twin.hydraulics import DRIVE_S, FLOW_S, RESERVOIR_L, Hydraulics
from collectors.twin.network import MODULE_K, Network
from collectors.twin.point import Point
from collectors.twin.signals import Signals

Bools = NDArray[np.bool_]
STEP_S: Final = 2.5  # the fastest store takes 6 s; lags, of 1.5 s and more, are exact
RTD_S: Final = 6.0
PRIMARY_S: Final = 10.0
PRESSURE_S: Final = 20.0
SHELF_S: Final = 60.0  # heat leaves supplies
AIR_S: Final = 15.0  # heat leaves the rack's air
WARM_S: Final = 60.0  # cases and modules follow the load
DOOR_SHARE: Final = 0.94  # of the heat in air; the rest goes through the walls
ROOM_DEGC: Final = 24.0
ROOM_HUMIDITY: Final = 45.0
PIPE_K: Final = 0.1  # the rack's own probes sit behind a pump
CDU_METER: Final = 1.005  # two flow meters never agree
PACES_MAX: Final = 64  # lengths of steps whose lags are kept
# Slow and exact lags, in columns of one array: probes, water, warmth, speed, flow, pressure.
SUPPLY, RETURN, PRIMARY, WARM, SPEED, FLOW, PRESSURE, LOSING, SHELVES = range(9)
LAGS_S: Final = (RTD_S, RTD_S, PRIMARY_S, WARM_S, DRIVE_S, FLOW_S, PRESSURE_S, SHELF_S)
# What wanders by itself: room in K, primary water in K, load as a share of it, damp in %RH.
WANDER_S: Final = (900.0, 120.0, 30.0, 1800.0)
WANDER_SD: Final = (0.085, 0.08, 0.002, 1.0)
BREAKER_S: Final = 10.0  # between two looks at what warms in an hour


class Change(NamedTuple):
    """What just happened. Shapes: where bool[R, devices] or bool[R, devices, parts]."""

    what: str
    where: Bools


class Plant:
    """R racks and their bays: what people set, what is broken, what is stored."""

    def __init__(self, build: Build, seeds: Sequence[int], points: Sequence[Point] = ()) -> None:
        racks = len(seeds)
        self.build = build
        self.signals = Signals(points, build, racks)
        self.electricity = Electricity(build, seeds)
        self.hydraulics = Hydraulics(build, seeds, len(self.signals.leaks))
        self.heat = Heat(build, racks)
        self.network = Network(list(self.signals.ports), list(self.signals.ports.values()), seeds)
        self.load = np.zeros(racks)  # what people set, as are feeds, seated, pumps, gas and filled
        self.supply_set = np.full(racks, START_DEGC)
        self.primary_set = np.full(racks, START_DEGC)
        switches = _switches(build, racks)
        self._switches, self._seen = switches.all, b""
        self.feeds, self.seated, self.pumps = switches.feeds, switches.seated, switches.pumps
        self.gas, self.filled = switches.gas, switches.filled
        self.phases, self.tripped, self.swapped = (
            switches.phases,
            switches.tripped,
            switches.swapped,
        )
        self.psu_dead, self.pump_dead = switches.psu_dead, switches.pump_dead
        self.seated[:] = self.phases[:] = True
        self._slow = np.zeros((racks, SHELVES + build.shelves))
        self._slow[:, : PRIMARY + 1] = START_DEGC
        self._supply, self._return, self._primary, self._warm = self._slow.T[:SPEED]  # views
        self._speed, self._flow, self._pressure, self._losing = self._slow.T[SPEED:SHELVES]
        self._probes = Probes(self._supply, self._return, self._primary)
        self.air = np.zeros(racks)  # kW that leave the rack with its air
        self._goal = self._slow.copy()
        self._lags_s = np.array([*LAGS_S, *[SHELF_S] * build.shelves])
        self._wander = np.zeros((racks, len(WANDER_S)))
        self._warmer, self._water, self._ripple, self._damp = self._wander.T  # views
        self._unwatched_s = 0.0  # since breakers were last looked at
        self._noise = Noise(seeds, "weather", len(WANDER_S))
        self._pace: dict[float, tuple[Floats, Floats, Floats]] = {}
        self.entered, self.carried = np.zeros((2, racks))  # kJ since the start
        self.changes: list[Change] = []  # since they were last fetched
        self._turning = self.pumps & ~self.pump_dead
        self._switched()

    @property
    def flow(self) -> Floats:
        """Return L/min through the racks. Shapes: [R]."""
        flow: Floats = self._flow * self.build.flow_lpm
        return flow

    @property
    def pressure(self) -> Floats:
        """Return kPa in the loops, of coolant or of test gas. Shapes: [R]."""
        if not self.gas.any():
            return np.array(self._pressure)
        pressure: Floats = np.where(self.gas, self.hydraulics.gas_kpa(self.room), self._pressure)
        return pressure

    @property
    def room(self) -> Floats:
        """Return degC around the racks. Shapes: [R]."""
        room: Floats = self._warmer + ROOM_DEGC
        return room

    @property
    def stored(self) -> Floats:
        """Return kJ in metal, coolant and air, more than at the start. Shapes: [R]."""
        stored: Floats = self._losing * SHELF_S + self.air * AIR_S + self.heat.stored
        return stored

    def touch(self) -> None:
        """Take note that something was broken or mended."""
        self._seen = b""

    def advance(self, seconds: float) -> None:
        """Go on by some seconds."""
        if seconds <= 0.0:
            return
        steps = math.ceil(seconds / STEP_S)
        dt = seconds / steps
        for _ in range(steps):
            if self._switches.tobytes() != self._seen:
                self._switched()
            self._step(dt)
            self._unwatched_s += dt
            if self._unwatched_s >= BREAKER_S:
                self._watch_breakers()
        self.network.step(self._warm, seconds)

    def _watch_breakers(self) -> None:
        """Let breakers open that carried too much for too long."""
        opened = self.electricity.breakers(self._unwatched_s) & self.feeds & ~self.tripped
        self._unwatched_s = 0.0
        if opened.any():
            self.tripped |= opened
            self.changes.append(Change("breaker opened", opened))

    def _switched(self) -> None:
        """Work out what follows from switches and faults until the next of them moves."""
        closed = self.feeds & ~self.tripped
        lost, back = self.electricity.switched(
            closed, self.phases, self.seated, self.psu_dead, self.swapped
        )
        turned, self._turning = self._turning, self.pumps & ~self.pump_dead
        stopped = (turned & ~self._turning)[:, None]
        self.signals.at["cdu.pump_ok"][:] = np.where(self.pump_dead, 2, ~self.pumps)
        dip = self.hydraulics.switched(self._turning.sum(axis=1), self.filled)
        self._slow[:, FLOW] *= dip
        for what, where in (("input lost", lost), ("input back", back), ("pump stopped", stopped)):
            if where.any():
                self.changes.append(Change(what, where))
        self.signals.at["leak"][:] = self.hydraulics.wet
        self.electricity.show_parts(self.signals.at)
        self._seen = self._switches.tobytes()

    def _paced(self, dt: float) -> tuple[Floats, Floats, Floats]:
        """Return what lags keep in a step, what wanders keeps, and what is new in it."""
        known = self._pace.get(dt)
        if known is None:
            kept = np.exp(-dt / np.array(WANDER_S))
            new = np.array(WANDER_SD) * np.sqrt(1.0 - kept * kept)
            if len(self._pace) > PACES_MAX:
                self._pace.clear()
            known = self._pace[dt] = np.exp(-dt / self._lags_s), kept, new
        return known

    def _step(self, dt: float) -> None:
        """Go on by one short step."""
        keeps, wander_keeps, wander_new = self._paced(dt)
        electricity, hydraulics, heat = self.electricity, self.hydraulics, self.heat
        slow, goal = self._slow, self._goal
        self._wander *= wander_keeps
        self._wander += self._noise.draw() * wander_new
        wanted = np.maximum(self.load, IDLE) * (self._ripple + 1.0) * electricity.overload
        electricity.step(wanted, heat.slowed(), dt)
        flow = self._flow * self.build.flow_lpm
        heat.control(self._probes, self.supply_set, flow, dt)
        liquid = electricity.out * self.build.liquid_share
        spills = (hydraulics.leak_lpm, self.room) if hydraulics.leaking else None
        heat.step(liquid, flow, self._primary, spills, dt)
        hydraulics.step(self._pressure, self.gas, dt)
        losing = electricity.drawn - electricity.out
        goal[:, SUPPLY], goal[:, RETURN] = heat.degc[:, LOOP], heat.degc[:, PLATES]
        goal[:, PRIMARY] = self.primary_set + self._water
        goal[:, WARM], goal[:, SPEED] = electricity.level, hydraulics.speed_wanted
        goal[:, FLOW] = hydraulics.flow_for_speed * self._speed
        goal[:, PRESSURE] = hydraulics.rest_kpa + hydraulics.flow_kpa * self._flow
        goal[:, LOSING] = losing
        np.subtract(electricity.shelf_in, electricity.shelf_out, out=goal[:, SHELVES:])
        before = self._losing * SHELF_S
        slow -= goal
        slow *= keeps
        slow += goal
        wires = electricity.drawn * (WIRING - 1.0)
        freed = (losing + electricity.out - liquid) * dt + before - self._losing * SHELF_S
        self.carried += (heat.removed + heat.spilt + self.air + wires) * dt
        self.entered += (electricity.drawn + wires + heat.heater + heat.pumping) * dt
        self.air += (freed - self.air * dt) * (1.0 / AIR_S)

    def show(self) -> Floats:
        """Let all signals show what is. Shapes: [R, K]."""
        at, room, share = self.signals.at, self.room, self._flow
        hydraulics, flow, square = self.hydraulics, self.flow, share * share
        self.electricity.show(at, self._slow[:, SHELVES:], room[:, None])
        self.network.show(at, room + self._warm * MODULE_K[1] + MODULE_K[0])
        at["rack.supply_temp"][:] = self._supply + PIPE_K
        at["rack.return_temp"][:] = self._return + PIPE_K
        at["rack.flow"][:] = flow
        at["rack.dp"][:] = hydraulics.plates_kpa * square
        at["rack.pressure"][:] = self.pressure
        at["nvlink_switch.asic_temp"][:] = self._supply + 8.0 + self._warm * 22.0
        at["mgmt_switch.inlet_temp"][:] = room + 4.0
        at["cdu.supply_temp"][:] = self._supply
        at["cdu.primary_in_temp"][:] = self._primary
        at["cdu.flow"][:] = flow * CDU_METER + hydraulics.leak_lpm
        at["cdu.valve"][:] = self.heat.valve * 100.0
        at["cdu.filter_dp"][:] = hydraulics.strainer_kpa * square
        at["cdu.pump_speed"][:] = self._turning * (self._speed * 100.0)[:, None]
        at["cdu.level"][:] = hydraulics.litres * (100.0 / RESERVOIR_L)
        at["cdu.power"][:] = (square * share * 2700.0 + 300.0) * self.build.size
        at["rear_door.heat"][:] = self.air * (1000.0 * DOOR_SHARE)
        at["rear_door.air_out_temp"][:] = room - 1.0
        at["room.temp"][:] = room
        at["room.humidity"][:] = self._damp + ROOM_HUMIDITY
        if hydraulics.leaking:
            at["leak"][:] = hydraulics.wet
        return self.signals.truth


class Switches(NamedTuple):
    """All that is on or off: `all` [R, N], and views of its parts."""

    all: Bools
    feeds: Bools  # [R, F] closed by people
    phases: Bools  # [R, F, 3] that are there
    tripped: Bools  # [R, F] opened by themselves
    seated: Bools  # [R, S, U]
    psu_dead: Bools  # [R, S, U]
    pumps: Bools  # [R, M] switched on
    pump_dead: Bools  # [R, M]
    gas: Bools  # [R] the loop is under test gas
    filled: Bools  # [R] with coolant
    swapped: Bools  # [R] the cords of the feeds are in each other's place


def _switches(build: Build, racks: int) -> Switches:
    """Lay out the switches of all racks in one array, so that one look tells what moved."""
    psus = (build.shelves, build.psus)
    feeds, pumps = (build.feeds,), (build.pumps,)
    shapes = (feeds, (*feeds, 3), feeds, psus, psus, pumps, pumps, (), (), ())
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    all_ = np.zeros((racks, int(ends[-1])), np.bool_)
    parts = np.split(all_, ends[:-1], axis=1)
    views = (part.reshape(racks, *shape) for part, shape in zip(parts, shapes, strict=True))
    return Switches(all_, *views)
