"""What a skeleton is made for: one device of a spec, and the rows that all families are made of."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from collectors.snmp.ber import Tag
from collectors.twin.lldp import Cable
from collectors.twin.objects import Object, fixed
from collectors.twin.point import Point

FIRMWARE: Final = "1.0-simulated"
SERIAL: Final = "SIM-{bay}-{device}"  # both are filled in for each bay
DEVICE_ROWS: Final = "1.3.6.1.2.1.1"
SYS_UP_TIME: Final = f"{DEVICE_ROWS}.3.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One device: its name, its instruments, and for a switch what is at the far ends."""

    device: str
    points: tuple[Point, ...]
    cables: Mapping[str, Cable] = field(default_factory=dict)  # by the port of a switch

    def numbers(self, row: str) -> list[int]:
        """Return the numbers of the parts that a row is told of: `phase3` is 3."""
        parts = (point.part for point in self.points if point.row == row and point.part)
        found = (re.search(r"(\d+)$", part) for part in parts)
        return sorted({int(match[1]) for match in found if match})

    @property
    def lines(self) -> list[int]:
        """Return the phases of a meter."""
        rows = ("feed_meter.line_voltage", "feed_meter.line_current")
        return sorted({number for row in rows for number in self.numbers(row)})

    @property
    def ports(self) -> dict[str, Point]:
        """Return the ports of a switch by name, each with a point that knows its speed."""
        return {
            point.part.partition(",")[0]: point
            for point in self.points
            if point.role == "port" and point.part
        }


def shown(oid: str, tag: Tag = Tag.INTEGER, like: int | str = 4) -> Object:
    """Mark an object as one that an instrument fills; `like` is a value that it could have."""
    return Object(oid=oid, tag=tag, value=like, reads="*")


def gauges(*oids: str) -> list[Object]:
    """Mark objects of type Gauge32."""
    return [shown(oid, Tag.GAUGE32) for oid in oids]


def integers(*oids: str) -> list[Object]:
    """Mark objects of type INTEGER."""
    return [shown(oid) for oid in oids]


def under(entry: str, rows: Mapping[str, int | str]) -> list[Object]:
    """Make objects below one OID that never change, by what follows it."""
    return [fixed(f"{entry}.{rest}", value) for rest, value in rows.items()]


def row(entry: str, index: str, columns: Mapping[int, int | str]) -> list[Object]:
    """Make one row of a table that never changes: its columns by number."""
    return [fixed(f"{entry}.{column}.{index}", value) for column, value in columns.items()]


def system(sys_object_id: str, descr: str) -> list[Object]:
    """Make the system group that every agent has (RFC 3418)."""
    return [
        fixed(f"{DEVICE_ROWS}.1.0", descr),
        Object(oid=f"{DEVICE_ROWS}.2.0", tag=Tag.OID, value=sys_object_id),
        Object(oid=SYS_UP_TIME, tag=Tag.TIME_TICKS),
        fixed(f"{DEVICE_ROWS}.4.0", "nobody: this device is simulated"),
        fixed(f"{DEVICE_ROWS}.5.0", "{bay}-{device}"),
        fixed(f"{DEVICE_ROWS}.6.0", "{bay}, simulated"),
        fixed(f"{DEVICE_ROWS}.7.0", 72),
    ]


def number(oid: str, value: int, tag: Tag = Tag.GAUGE32) -> Object:
    """Make a number of another type than INTEGER that never changes."""
    return Object(oid=oid, tag=tag, value=value)
