"""Instruments of simulated devices without physics: every one shows what a test says."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from collectors.quantity import Quantity
from collectors.twin.point import Point, devices_of
from collectors.twin.skeletons import SKELETONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

UPTIME_S = 5000.0
PORTS = ("swp1", "swp49")
ROLES = {
    "feed_meter": {
        "power": Quantity.POWER,
        "power_factor": Quantity.POWER_FACTOR,
        "frequency": Quantity.FREQUENCY,
        "current_thd": Quantity.RATIO,
        "breaker": Quantity.STATE,
        **{f"line_voltage[phase{n}]": Quantity.VOLTAGE for n in (1, 2, 3)},
        **{f"line_current[phase{n}]": Quantity.CURRENT for n in (1, 2, 3)},
    },
    "rear_door": {
        "heat": Quantity.POWER,
        "air_out_temp": Quantity.TEMPERATURE,
        "flow": Quantity.FLOW,
        "leak": Quantity.LEAK,
        "valve": Quantity.RATIO,
        **{f"fan_ok[fan{n}]": Quantity.STATE for n in range(1, 6)},
    },
    "mgmt_switch": {
        "inlet_temp": Quantity.TEMPERATURE,
        "psu_ok[psu1]": Quantity.STATE,
        "psu_ok[psu2]": Quantity.STATE,
        **{f"fan_speed[fan{n}]": Quantity.SPEED for n in range(1, 5)},
    },
}
PORT = {
    "link": Quantity.STATE,
    "speed": Quantity.STATE,
    "flaps": Quantity.COUNT,
    "errors": Quantity.COUNT,
    "in_octets": Quantity.COUNT,
    "module_temp": Quantity.TEMPERATURE,
    "rx_power": Quantity.OPTICAL_POWER,
}
ROLE_OF = {
    **dict.fromkeys(SKELETONS, "feed_meter"),
    **dict.fromkeys(("apc_inrow", "rittal_cmc3"), "rear_door"),
    "sonic": "mgmt_switch",
}


class Instruments:
    """Racks without physics."""

    def __init__(self, points: Sequence[Point], racks: int = 1) -> None:
        self.points = tuple(points)
        self.devices: Mapping[str, NDArray[np.intp]] = {
            device: np.array(columns, np.intp) for device, columns in devices_of(points).items()
        }
        self.shown = np.zeros((racks, len(points)))
        self.good = np.ones((racks, len(points)), np.bool_)
        shape = racks, len(self.devices)
        self.silent, self.twice = np.zeros((2, *shape), np.bool_)
        self.late, self.jumbled = np.zeros((2, *shape))
        self.crossed: list[dict[tuple[str, str], tuple[str, str]]] = [{} for _ in range(racks)]
        self.up = UPTIME_S

    def uptime(self, _rack: int, _device: str) -> float:
        """Return how long all devices have been running."""
        return self.up


def points_of(family: str, device: str = "device") -> list[Point]:
    """Return all that a spec may ask of a family's role."""
    role = ROLE_OF[family]
    part = {name: name.partition("[")[2].rstrip("]") or None for name in ROLES[role]}
    found = [
        Point(device, name, f"{role}.{name.partition('[')[0]}", part[name], quantity)
        for name, quantity in ROLES[role].items()
    ]
    for port in PORTS if role == "mgmt_switch" else ():
        for what, quantity in PORT.items():
            label = f"{port},lane1" if what == "rx_power" else port
            row = f"port.{what}"
            found.append(Point(device, f"{what}[{label}]", row, label, quantity, mbits=1000.0))
    return found
