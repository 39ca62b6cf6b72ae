"""What happens in racks and their bays: heat, coolant and current, of R racks at once.

A small physical state, advanced by steps of at most two seconds. Heat comes from current and ends
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
from collectors.twin.heat import LOOP, PLATES, START_DEGC, Heat
from collectors.twin.hydraulics import DRIVE_S, FLOW_S, RESERVOIR_L, Hydraulics
from collectors.twin.network import MODULE_K, Network
from collectors.twin.point import Point
from collectors.twin.signals import Signals

Bools = NDArray[np.bool_]
STEP_S: Final = 2.0  # the fastest lag is 1.5 s, and such lags are exact
RTD_S: Final = 6.0
PRIMARY_S: Final = 10.0
PRESSURE_S: Final = 20.0
SHELF_S: Final = 60.0  # heat leaves supplies
AIR_S: Final = 15.0  # heat leaves the rack's air
WARM_S: Final = 60.0  # cases and modules follow the load
DOOR_SHARE: Final = 0.94  # of the heat in air; the rest goes through the walls
PUMP_KW: Final = 0.95  # into the coolant, at the design flow
ROOM_DEGC: Final = 24.0
ROOM_HUMIDITY: Final = 45.0
PIPE_K: Final = 0.1  # the rack's own probes sit behind a pump
CDU_METER: Final = 1.005  # two flow meters never agree
PACES_MAX: Final = 64  # lengths of steps whose lags are kept
# Slow and exact lags, in columns of one array: probes, water, warmth, speed, flow, pressure.
SUPPLY, RETURN, PRIMARY, WARM, SPEED, FLOW, PRESSURE, SHELVES = range(8)
LAGS_S: Final = (RTD_S, RTD_S, PRIMARY_S, WARM_S, DRIVE_S, FLOW_S, PRESSURE_S)
ROOM, WATER, RIPPLE, DAMP = range(4)  # what wanders by itself
WANDER_S: Final = (900.0, 120.0, 30.0, 1800.0)
WANDER_SD: Final = (0.085, 0.08, 0.002, 1.0)  # K, K, share of the load, %RH


class Change(NamedTuple):
    """What just happened to parts of racks. Shapes: where bool[R, ...], by the parts' place."""

    what: str
    where: Bools


class Plant:
    """R racks and their bays: what people set, what is broken, what is stored."""

    def __init__(self, build: Build, seeds: Sequence[int], points: Sequence[Point] = ()) -> None:
        racks, shelves, psus = len(seeds), build.shelves, build.psus
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
        self._switches, self._seen = switches.all, ~switches.all
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
        self.air = np.zeros(racks)  # kW that leave the rack with its air
        self._goal = self._slow.copy()
        self._lags_s = np.array([*LAGS_S, *[SHELF_S] * build.shelves])
        self._wander = np.zeros((racks, len(WANDER_S)))
        self._noise = Noise(seeds, "weather", len(WANDER_S))
        self._pace: dict[float, tuple[Floats, Floats, Floats]] = {}
        self.entered, self.carried = np.zeros((2, racks))  # kJ since the start
        self.changes: list[Change] = []  # since they were last fetched

    @property
    def flow(self) -> Floats:
        """Return L/min through the racks. Shapes: [R]."""
        flow: Floats = self._slow[:, FLOW] * self.build.flow_lpm
        return flow

    @property
    def pressure(self) -> Floats:
        """Return kPa in the loops, of coolant or of test gas. Shapes: [R]."""
        gas = self.hydraulics.gas_kpa(self.room)
        return np.where(self.gas, gas, self._slow[:, PRESSURE])

    @property
    def room(self) -> Floats:
        """Return degC around the racks. Shapes: [R]."""
        room: Floats = self._wander[:, ROOM] + ROOM_DEGC
        return room

    @property
    def stored(self) -> Floats:
        """Return kJ in metal, coolant and air, more than at the start. Shapes: [R]."""
        slow = self._slow
        shelves: Floats = slow[:, SHELVES:].sum(axis=1) * SHELF_S
        return shelves + self.air * AIR_S + self.heat.stored

    def touch(self) -> None:
        """Take note that something was broken or mended."""
        self._seen = ~self._switches

    def advance(self, seconds: float) -> None:
        """Go on by some seconds."""
        if seconds <= 0.0:
            return
        if not np.array_equal(self._switches, self._seen):
            self._switched()
        steps = math.ceil(seconds / STEP_S)
        for _ in range(steps):
            self._step(seconds / steps)
        opened = self.electricity.meter(seconds) & self.feeds & ~self.tripped
        if opened.any():
            self.tripped |= opened
            self.changes.append(Change("breaker opened", opened))
        self.network.step(self._slow[:, WARM], seconds)

    def _switched(self) -> None:
        """Work out what follows from switches and faults until the next of them moves."""
        closed = self.feeds & ~self.tripped
        lost, back = self.electricity.switched(
            closed, self.phases, self.seated, self.psu_dead, self.swapped
        )
        turning = self.pumps & ~self.pump_dead
        dip = self.hydraulics.switched(turning.sum(axis=1), self.filled)
        self._slow[:, FLOW] *= dip
        for what, where in (("input lost", lost), ("input back", back)):
            if where.any():
                self.changes.append(Change(what, where))
        self._seen = self._switches.copy()

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
        electricity, hydraulics, heat, slow = (
            self.electricity,
            self.hydraulics,
            self.heat,
            self._slow,
        )
        goal, wander = self._goal, self._wander
        wander *= wander_keeps
        wander += wander_new * self._noise.draw()
        wanted = np.maximum(self.load, IDLE) * (wander[:, RIPPLE] + 1.0)
        wanted *= electricity.overload
        slowed = heat.slowed()
        electricity.step(wanted if slowed is None else wanted * slowed, dt)
        room = wander[:, ROOM] + ROOM_DEGC
        primary, flow = slow[:, PRIMARY], slow[:, FLOW] * self.build.flow_lpm
        heat.control(slow[:, SUPPLY], slow[:, RETURN], primary, self.supply_set, flow, dt)
        liquid = electricity.out * self.build.liquid_share
        pumping = slow[:, FLOW] ** 3 * (PUMP_KW * self.build.size)
        heat.step(liquid, pumping, flow, primary, hydraulics.leak_lpm, room, dt)
        hydraulics.step(slow[:, PRESSURE], self.gas, dt)
        degc = heat.degc
        goal[:, SUPPLY], goal[:, RETURN] = degc[:, LOOP], degc[:, PLATES]
        np.add(self.primary_set, wander[:, WATER], out=goal[:, PRIMARY])
        goal[:, WARM], goal[:, SPEED] = electricity.level, hydraulics.speed_wanted
        reach = hydraulics.flow_for_speed * slow[:, SPEED]
        goal[:, FLOW] = reach
        goal[:, PRESSURE] = hydraulics.rest_kpa(slow[:, FLOW])
        goal[:, SHELVES:] = electricity.loss
        before = slow[:, SHELVES:].sum(axis=1)
        slow -= goal
        slow *= keeps
        slow += goal
        freed = electricity.loss.sum(axis=1) * dt
        freed -= (slow[:, SHELVES:].sum(axis=1) - before) * SHELF_S
        outside = self.air * dt + electricity.meters * (dt * (1.0 - 1.0 / WIRING))
        self.carried += (heat.removed + heat.spilt) * dt + outside
        self.entered += (electricity.meters + heat.heater + pumping) * dt
        self.air += ((electricity.out - liquid) * dt + freed - self.air * dt) / AIR_S

    def show(self) -> Floats:
        """Let all signals show what is. Shapes: [R, K]."""
        at, slow, flow = self.signals.at, self._slow, self.flow
        hydraulics, room = self.hydraulics, self.room
        share = slow[:, FLOW]
        square = share * share
        warm = slow[:, WARM]
        self.electricity.show(at, slow[:, SHELVES:], room)
        self.network.show(at, room + MODULE_K)
        at["rack.supply_temp"][:] = slow[:, SUPPLY] + PIPE_K
        at["rack.return_temp"][:] = slow[:, RETURN] + PIPE_K
        at["rack.flow"][:] = flow
        at["rack.dp"][:] = hydraulics.plates_kpa * square
        at["rack.pressure"][:] = self.pressure
        at["nvlink_switch.asic_temp"][:] = slow[:, SUPPLY] + 8.0 + 22.0 * warm
        at["mgmt_switch.inlet_temp"][:] = room + 4.0
        at["cdu.supply_temp"][:] = slow[:, SUPPLY]
        at["cdu.primary_in_temp"][:] = slow[:, PRIMARY]
        at["cdu.flow"][:] = flow * CDU_METER + hydraulics.leak_lpm
        at["cdu.valve"][:] = self.heat.valve * 100.0
        at["cdu.filter_dp"][:] = hydraulics.strainer_kpa * square
        turning = self.pumps & ~self.pump_dead
        at["cdu.pump_speed"][:] = turning * (slow[:, SPEED] * 100.0)[:, None]
        at["cdu.pump_ok"][:] = np.where(self.pump_dead, 2, ~self.pumps)
        at["cdu.level"][:] = hydraulics.litres * (100.0 / RESERVOIR_L)
        at["cdu.power"][:] = (300.0 + 2700.0 * square * share) * self.build.size
        at["rear_door.heat"][:] = self.air * (1000.0 * DOOR_SHARE)
        at["rear_door.air_out_temp"][:] = room - 1.0
        at["room.temp"][:] = room
        at["room.humidity"][:] = self._wander[:, DAMP] + ROOM_HUMIDITY
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
