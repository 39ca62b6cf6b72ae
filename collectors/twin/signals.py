"""The true values that instruments look at: a row for each rack, and where each signal stands.

A point finds its signal by its row of the spec, then by which device of its role and which part it
is. A row that nobody knows gets a constant that is sensible for its quantity.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from collectors.quantity import Quantity
from collectors.twin.build import Build
from collectors.twin.chance import Floats
from collectors.twin.network import BER, RX_DBM
from collectors.twin.point import Point, parts_of, roles_of

COMPUTED: Final = MappingProxyType(  # row -> what it counts, outermost first
    {
        "feed_meter.power": "F",
        "feed_meter.line_voltage": "F3",
        "feed_meter.line_current": "F3",
        "feed_meter.power_factor": "F",
        "feed_meter.current_thd": "F",
        "feed_meter.frequency": "F",
        "feed_meter.breaker": "F",
        "power_shelf.input_power": "S",
        "power_shelf.output_power": "S",
        "power_shelf.output_voltage": "S",
        "power_shelf.input_current": "S3",
        "power_shelf.psu_ok": "SU",
        "power_shelf.psu_faults": "SU",
        "power_shelf.ac_outages": "SU",
        "power_shelf.psu_share": "SU",
        "power_shelf.fan_speed": "SU",
        "power_shelf.psu_temp": "SU",
        "power_shelf.busclip_temp": "S",
        "rack.supply_temp": "",
        "rack.return_temp": "",
        "rack.flow": "",
        "rack.dp": "",
        "rack.pressure": "",
        "nvlink_switch.asic_temp": "",
        "mgmt_switch.inlet_temp": "",
        "cdu.supply_temp": "",
        "cdu.primary_in_temp": "",
        "cdu.flow": "",
        "cdu.valve": "",
        "cdu.filter_dp": "",
        "cdu.pump_ok": "M",
        "cdu.pump_speed": "M",
        "cdu.level": "",
        "cdu.power": "",
        "rear_door.heat": "",
        "rear_door.air_out_temp": "",
        "room.temp": "",
        "room.humidity": "",
        "port.speed": "P",
        "port.link": "P",
        "port.flaps": "P",
        "port.errors": "P",
        "port.in_octets": "P",
        "port.out_octets": "P",
        "port.pre_fec_ber": "P",
        "port.fec_uncorrectable": "P",
        "port.rx_power": "P",
        "port.module_temp": "P",
        "leak": "L",  # of any role
    }
)
STEADY: Final = MappingProxyType(
    {  # what healthy instruments show whatever the rack does
        "rack.valve": 62.0,
        "rack.leak_sensor_fault": 0.0,
        "rear_door.fan_ok": 0.0,
        "compute_tray.present": 0.0,
        "compute_tray.resets": 0.0,
        "nvlink_switch.psu_or_busbar_ok": 0.0,
        "mgmt_switch.psu_ok": 0.0,
        "mgmt_switch.psu_power": 55.0,
        "mgmt_switch.fan_speed": 9000.0,
        "cdu.conductivity": 2800.0,
        "agent.clock_offset": 0.01,
        "agent.poll_late": 0.1,
    }
)
INVENTED: Final = MappingProxyType(
    {  # what a row shows that nobody knows; states and counts show 0
        Quantity.TEMPERATURE: 30.0,
        Quantity.TEMPERATURE_DELTA: 5.0,
        Quantity.VOLTAGE: 230.0,
        Quantity.CURRENT: 1.0,
        Quantity.POWER: 100.0,
        Quantity.APPARENT_POWER: 100.0,
        Quantity.FREQUENCY: 50.0,
        Quantity.RATIO: 50.0,
        Quantity.LEVEL: 80.0,
        Quantity.HUMIDITY: 45.0,
        Quantity.POWER_FACTOR: 0.99,
        Quantity.BER: BER,
        Quantity.PRESSURE: 200.0,
        Quantity.FLOW: 10.0,
        Quantity.AIR_FLOW: 0.5,
        Quantity.SPEED: 8000.0,
        Quantity.OPTICAL_POWER: RX_DBM,
        Quantity.CONDUCTIVITY: 2800.0,
        Quantity.DURATION: 0.01,
    }
)


class Signals:
    """Every signal of R racks. `truth` [R, K]; `at[row]` is a view of one row's part of it."""

    at: Mapping[str, Floats]

    def __init__(self, points: Sequence[Point], build: Build, racks: int) -> None:
        self._roles, self._parts = roles_of(points), parts_of(points)
        leaks = [(p.device, p.part) for p in points if p.row.endswith(".leak")]
        self.leaks = {where: place for place, where in enumerate(dict.fromkeys(leaks))}
        self.ports: dict[tuple[str, str], float] = {}  # with the speed each is cabled for
        for point in points:
            if port := _port(point):
                self.ports[port] = max(point.mbits, self.ports.get(port, 0.0))
        sizes = {
            "F": build.feeds,
            "S": build.shelves,
            "U": build.psus,
            "M": build.pumps,
            "3": 3,
            "P": len(self.ports),
            "L": len(self.leaks),
        }
        shapes = {row: tuple(sizes[axis] for axis in axes) for row, axes in COMPUTED.items()}
        unknown = {p.row: p.quantity for p in points if self._key(p) not in {*shapes, *STEADY}}
        self.invented = tuple(unknown)
        constant = dict(STEADY) | {row: INVENTED.get(q, 0.0) for row, q in unknown.items()}
        shapes |= dict.fromkeys(constant, ())
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
        self.truth = np.zeros((racks, int(ends[-1])))
        parts = np.split(self.truth, ends[:-1], axis=1)
        at = dict(zip(shapes, parts, strict=True))
        self.at = {row: at[row].reshape(racks, *shape) for row, shape in shapes.items()}
        places = np.split(np.arange(int(ends[-1])), ends[:-1])
        self._places = {
            row: place.reshape(shape)
            for (row, shape), place in zip(shapes.items(), places, strict=True)
        }
        for row, value in constant.items():
            self.at[row][:] = value
        self.at["port.speed"][:] = list(self.ports.values())

    @staticmethod
    def _key(point: Point) -> str:
        """Return the row that a point's signal stands under."""
        return "leak" if point.row.endswith(".leak") else point.row

    def place(self, point: Point) -> int:
        """Return where in `truth` a point looks."""
        key = self._key(point)
        where = self._places[key]
        if not where.size:
            return 0
        device = self._roles[point.role].index(point.device)
        part = self._parts[point.row].index(point.part) if point.part is not None else 0
        port = _port(point)
        number = {
            "F": device,
            "S": device,
            "P": list(self.ports).index(port) if port else 0,
            "L": self.leaks.get((point.device, point.part), 0),
        }
        axes = COMPUTED.get(key, "")
        index = [number.get(axis, part) for axis in axes]
        inside = tuple(i % size for i, size in zip(index, where.shape, strict=True))
        return int(where[inside])


def _port(point: Point) -> tuple[str, str] | None:
    """Return the port that a point is about: its device and name."""
    if point.role != "port" or not point.part:
        return None
    return point.device, point.part.partition(",")[0]
