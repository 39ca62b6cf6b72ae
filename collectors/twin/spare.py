"""Instruments that devices have whether or not a spec asks for them."""

from collections.abc import Iterable
from typing import Final

from collectors.quantity import Quantity
from collectors.twin.point import Point

OCTETS: Final = ("in_octets", "out_octets")


def spare(points: Iterable[Point]) -> list[Point]:
    """Return what the devices of these points count besides: the octets of every port."""
    ports = {
        (point.device, point.part.partition(",")[0]): point.mbits
        for point in points
        if point.role == "port" and point.part
    }
    return [
        Point(device, f"{what}[{port}]", f"port.{what}", port, Quantity.COUNT, True, mbits)  # noqa: FBT003 -- a counter
        for (device, port), mbits in ports.items()
        for what in OCTETS
    ]
