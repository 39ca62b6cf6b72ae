"""One instrument of a simulated rack: where it is, and what it measures."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from collectors.quantity import Quantity


class Point(NamedTuple):
    """One instrument, by the names of the design spec."""

    device: str  # "power_shelf3"
    name: str  # "psu_temp[psu2]"
    row: str  # what it shows, by role and channel of the spec: "power_shelf.psu_temp"
    part: str | None
    quantity: Quantity
    counter: bool = False
    mbits: float = 0.0  # speed of the port, as cabled

    @property
    def role(self) -> str:
        """Return what its row is for: the device's role, or "port"."""
        return self.row.partition(".")[0]


def devices_of(points: Iterable[Point]) -> dict[str, list[int]]:
    """Return where the points of each device stand, in the order in which devices appear."""
    places: dict[str, list[int]] = {}
    for column, point in enumerate(points):
        places.setdefault(point.device, []).append(column)
    return places


def roles_of(points: Iterable[Point]) -> dict[str, list[str]]:
    """Return the devices of each role, in the order in which they appear."""
    found: dict[str, dict[str, None]] = {}
    for point in points:
        found.setdefault(point.role, {})[point.device] = None
    return {role: list(devices) for role, devices in found.items()}


def parts_of(points: Iterable[Point]) -> Mapping[str, list[str]]:
    """Return the parts that each row is told of, in the order in which they appear."""
    found: dict[str, dict[str, None]] = {}
    for point in points:
        if point.part is not None:
            found.setdefault(point.row, {})[point.part] = None
    return {row: list(parts) for row, parts in found.items()}
