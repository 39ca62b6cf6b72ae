"""What the numbers of states mean, row by row, as devices tell them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from collectors.quantity import Quantity
from collectors.twin.point import Point

LEAK: Final = MappingProxyType({0: "dry", 1: "wet"})
OTHER: Final = MappingProxyType({0: "ok", 1: "failed"})
STATES: Final = MappingProxyType(
    {
        "feed_meter.breaker": {0: "closed", 1: "open"},
        "power_shelf.psu_ok": {0: "ok", 1: "input_lost", 2: "failed"},
        "compute_tray.present": {0: "present", 1: "absent"},
        "port.link": {0: "up", 1: "down"},
        "cdu.pump_ok": {0: "ok", 1: "stopped", 2: "failed"},
    }
)


def states_of(point: Point) -> Mapping[int, str]:
    """Return what the numbers of a point mean; none where it shows an amount.

    The speed of a port is an amount: the number of its Mbit/s is what it was cabled for.
    """
    if point.quantity is Quantity.LEAK:
        return LEAK
    if point.quantity is not Quantity.STATE or point.row == "port.speed":
        return {}
    return STATES.get(point.row, OTHER)
