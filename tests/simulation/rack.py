"""The instruments of the example rack: all that its design measures, as one vector.

Values are as the devices would send them, in the canonical unit of each quantity; a state is a
number, and `STATES` says what it means. Noise stays well within the spec's own uncertainty.
"""

import random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.burnin.cabling import mbits
from agent.burnin.design import Design
from collectors.quantity import Quantity
from collectors.readings import Channel, Kind
from tests.simulation.plant import FLOW_LPM, Plant

Vector = NDArray[np.float64]
POOL: Final = 509  # rows of noise made beforehand; prime, so that no pattern meets the polling
STATES: Final = {
    "feed_meter.breaker": {0: "closed", 1: "open"},
    "power_shelf.psu_ok": {0: "ok", 1: "input_lost", 2: "failed"},
    "compute_tray.present": {0: "present", 1: "absent"},
    "port.link": {0: "up", 1: "down"},
    "cdu.pump_ok": {0: "ok", 1: "stopped", 2: "failed"},
}
LEAK_STATES: Final = {0: "dry", 1: "wet"}
OTHER_STATES: Final = {0: "ok", 1: "failed"}
NOISE: Final = {  # standard deviation: absolute, relative
    Quantity.TEMPERATURE: (0.04, 0.0),
    Quantity.FLOW: (0.0, 0.003),
    Quantity.PRESSURE: (0.25, 0.0),
    Quantity.POWER: (0.0, 0.001),
    Quantity.VOLTAGE: (0.0, 0.0003),
    Quantity.CURRENT: (0.0, 0.001),
    Quantity.FREQUENCY: (0.008, 0.0),
    Quantity.RATIO: (0.02, 0.0),
    Quantity.POWER_FACTOR: (0.0005, 0.0),
    Quantity.SPEED: (0.0, 0.003),
    Quantity.HUMIDITY: (0.2, 0.0),
    Quantity.LEVEL: (0.2, 0.0),
    Quantity.CONDUCTIVITY: (0.0, 0.003),
    Quantity.OPTICAL_POWER: (0.1, 0.0),
    Quantity.BER: (0.0, 0.02),
    Quantity.DURATION: (0.002, 0.0),
}
STEADY: Final = {  # what healthy instruments show whatever the rack does
    "feed_meter.frequency": 50.0,
    "power_shelf.fan_speed": 8000.0,
    "rack.valve": 62.0,
    "mgmt_switch.fan_speed": 9000.0,
    "mgmt_switch.inlet_temp": 28.0,
    "port.pre_fec_ber": 2e-8,
    "port.rx_power": -1.5,
    "port.module_temp": 46.0,
    "cdu.conductivity": 2800.0,
    "room.humidity": 45.0,
    "agent.clock_offset": 0.01,
    "agent.poll_late": 0.1,
}


class Rack:
    """A plant with instruments. `places` finds the channels of a row of the spec."""

    def __init__(self, design: Design, seed: int) -> None:
        self.design = design
        self.rng = random.Random(seed)
        self.plant = Plant(self.rng)
        measured = design.channels[: design.measured]
        keys = np.array([channel.row.key for channel in measured])
        self.places = {key: np.flatnonzero(keys == key) for key in dict.fromkeys(keys.tolist())}
        self.steady = np.zeros(design.measured)
        for key, value in STEADY.items():
            self.steady[self.places[key]] = value
        for place in self.places["port.speed"]:
            self.steady[place] = mbits(measured[place].cabled or "0M")
        quantities = [channel.row.quantity for channel in measured]
        noise = np.array([NOISE.get(q, (0.0, 0.0)) if q else (0.0, 0.0) for q in quantities])
        self.absolute, self.relative = noise.T.copy()
        pool = np.random.default_rng(seed).standard_normal((POOL, design.measured))
        self.pool = np.clip(pool, -3.5, 3.5)
        self.reads = 0
        self.counts: dict[int, int] = {}  # place -> what a counter counted
        counted = np.array([channel.row.kind is Kind.COUNTER for channel in measured])
        self.before = counted * float(self.rng.randrange(3, 9))  # what counters showed at first
        self.named = {(c.device, c.name): n for n, c in enumerate(measured)}

    def where(self, device: str, name: str) -> int:
        """Return the place of one channel."""
        return self.named[device, name]

    def reboot(self, device: str) -> None:
        """Let a device's counters start anew."""
        where = self.design.places[device]
        self.before[where] -= (self.read() * (self.before != 0))[where]

    def read(self, *, electric: bool = True) -> Vector:
        """Read every instrument once. Shapes: float64[measured]. Cost: about 100 us.

        `electric`: meters and shelves too; without them it costs half.
        """
        shown = self.steady.copy()
        if electric:
            self._electric(shown)
        self._thermal(shown)
        self._hydraulic(shown)
        for place, count in self.counts.items():
            shown[place] = count
        shown += self.before
        self.reads += 1
        row = self.pool[self.reads % POOL]
        shown += row * (self.absolute + self.relative * np.abs(shown))
        return shown

    def _electric(self, shown: Vector) -> None:
        """Fill in meters and shelves."""
        plant, places = self.plant, self.places
        flows = plant.electric
        lines = plant.phases & plant.feeds[:, None]
        load = float(plant.level)
        factor = float(np.interp(load, (0.0, 0.1, 0.2, 0.5, 1.0), (0.9, 0.92, 0.97, 0.99, 0.99)))
        amps = 1000 * flows.phase_kw / (240.0 * factor)
        volts = 240.0 * (1 - 0.01 * amps / 250.0) * lines
        amps = np.divide(1000 * flows.phase_kw, volts * factor, out=amps * 0.0, where=lines)
        shown[places["feed_meter.line_voltage"]] = volts.ravel()
        shown[places["feed_meter.line_current"]] = amps.ravel()
        shown[places["feed_meter.power"]] = 1000 * (flows.phase_kw * lines).sum(axis=1)
        shown[places["feed_meter.power_factor"]] = factor * plant.feeds
        shown[places["feed_meter.current_thd"]] = float(np.interp(load, (0.1, 0.5), (14.0, 4.0)))
        shown[places["feed_meter.frequency"]] *= plant.feeds
        shown[places["feed_meter.breaker"]] = ~plant.feeds
        fed = plant.fed
        drop = 0.5 * flows.shelf_out.max() / 33.0
        shown[places["power_shelf.input_power"]] = 1000 * flows.shelf_in
        shown[places["power_shelf.output_power"]] = 1000 * flows.shelf_out
        shown[places["power_shelf.output_voltage"]] = (50.0 - drop) * bool(fed.any())
        by_phase = flows.psu_in.reshape(8, 3, 2).sum(axis=2)
        shown[places["power_shelf.input_current"]] = (1000 * by_phase / (239.0 * factor)).ravel()
        shown[places["power_shelf.psu_ok"]] = np.where(plant.psu_dead, 2, ~fed).ravel()
        shown[places["power_shelf.psu_faults"]] = plant.faults.ravel()
        shown[places["power_shelf.ac_outages"]] = plant.outages.ravel()
        shown[places["power_shelf.psu_share"]] = 100 * flows.share.ravel()
        shown[places["power_shelf.fan_speed"]] *= (fed & ~plant.psu_dead).ravel()
        heat = plant.warm * 12.0
        shown[places["power_shelf.psu_temp"]] = (plant.room + 14.0 + heat * (fed + 0.0)).ravel()
        shown[places["power_shelf.busclip_temp"]] = plant.room + 16.0 + flows.shelf_out * 0.4

    def _thermal(self, shown: Vector) -> None:
        """Fill in what is warm: both ends of the loop, the chips, the air."""
        plant, places = self.plant, self.places
        supply = plant.supply_rtd
        shown[places["rack.supply_temp"]] = supply + 0.1
        shown[places["rack.return_temp"]] = plant.return_rtd + 0.1
        shown[places["nvlink_switch.asic_temp"]] = supply + 8.0 + 22.0 * plant.warm
        shown[places["cdu.supply_temp"]] = supply
        shown[places["cdu.primary_in_temp"]] = plant.primary
        shown[places["cdu.valve"]] = plant.valve
        shown[places["rear_door.heat"]] = 1000 * plant.door_kw
        shown[places["rear_door.air_out_temp"]] = plant.room - 1.0
        shown[places["room.temp"]] = plant.room

    def _hydraulic(self, shown: Vector) -> None:
        """Fill in what flows."""
        plant, places = self.plant, self.places
        flow = plant.flow
        shown[places["rack.flow"]] = flow
        shown[places["rack.dp"]] = 0.00370 * plant.plates * flow * flow
        shown[places["rack.pressure"]] = plant.pressure
        shown[places["cdu.flow"]] = flow * 1.005 + plant.leak_lpm
        shown[places["cdu.filter_dp"]] = 0.00050 * plant.strainer * flow * flow
        running = plant.pumps & ~plant.pump_dead
        alone = 106.0 if plant.running == 1 else 75.0
        shown[places["cdu.pump_speed"]] = min(100.0, alone * plant.speed) * running
        shown[places["cdu.pump_ok"]] = np.where(plant.pump_dead, 2, ~plant.pumps)
        shown[places["cdu.level"]] = plant.litres / 0.4
        shown[places["cdu.power"]] = 300.0 + 2700.0 * (flow / FLOW_LPM) ** 3 * (plant.running > 0)


def device_channels(design: Design, device: str) -> tuple[Channel, ...]:
    """Return the channels that a device has: those that the spec asks for, by the same names."""
    found = []
    for channel in design.channels[design.places[device]]:
        quantity = channel.row.quantity
        assert quantity is not None
        if channel.row.key == "port.speed":
            found.append(Channel(channel.name, Quantity.NUMBER, "simulated"))
            continue
        states = STATES.get(channel.row.key, OTHER_STATES) if quantity is Quantity.STATE else {}
        states = LEAK_STATES if quantity is Quantity.LEAK else states
        good = frozenset(text for text in states.values() if text in {"ok", "dry"})
        found.append(
            Channel(
                channel.name,
                quantity,
                "simulated",
                kind=channel.row.kind,
                states=states,
                good_states=good,
            )
        )
    return tuple(found)
