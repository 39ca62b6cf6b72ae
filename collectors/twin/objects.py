"""Objects of a simulated SNMP device: a sorted table whose values are read when they are asked for.

An object either has a fixed value, or names an instrument of the bay and how the device scales it.
"""

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from collectors.snmp.ber import WIDTHS, Tag, integer, oid, tlv

Arcs = tuple[int, ...]
Shown = Mapping[str, float]  # what instruments show, by name

UPTIME: Final = "uptime"  # seconds since a device's agent was started

WRAPS: Final = {Tag.COUNTER32: 1 << 32, Tag.TIME_TICKS: 1 << 32, Tag.COUNTER64: 1 << 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """One object: fixed, or `reads` an instrument and multiplies by `scale`."""

    oid: str
    tag: Tag = Tag.INTEGER
    value: int | str | bytes = 0
    reads: str = ""
    scale: float = 1.0

    def now(self, shown: Shown) -> int | str | bytes:
        """Return the value to send. A counter wraps as the type does (RFC 2578 §7.1.6)."""
        if not self.reads:
            return self.value
        scaled = round(shown[self.reads] * self.scale)
        return scaled % WRAPS[self.tag] if self.tag in WRAPS else scaled


def fixed(oid: str, value: int | str | bytes) -> Object:
    """Make an object that never changes: a text, octets or an integer."""
    tag = Tag.INTEGER if isinstance(value, int) else Tag.OCTET_STRING
    return Object(oid=oid, tag=tag, value=value)


def system(sys_object_id: str, descr: str, name: str) -> list[Object]:
    """Make the system group that every agent has (RFC 3418)."""
    group = "1.3.6.1.2.1.1"
    return [
        fixed(f"{group}.1.0", descr),
        Object(oid=f"{group}.2.0", tag=Tag.OID, value=sys_object_id),
        Object(oid=f"{group}.3.0", tag=Tag.TIME_TICKS, reads=UPTIME, scale=100.0),
        fixed(f"{group}.4.0", "nobody: this device is simulated"),
        fixed(f"{group}.5.0", name),
        fixed(f"{group}.6.0", "simulated bay"),
        fixed(f"{group}.7.0", 72),
    ]


class Tree:
    """The names of one device's objects in the order of GETNEXT; devices of one make share it.

    A position is where an object stands in that order.
    """

    def __init__(self, objects: Iterable[Object]) -> None:
        tags = {arcs(each.oid): each.tag for each in objects}
        self.order = sorted(tags)
        self.positions = {where: position for position, where in enumerate(self.order)}
        self.names = [oid(".".join(map(str, where))) for where in self.order]
        self.tags = [tags[where] for where in self.order]
        self.prepared: dict[bytes, Any] = {}  # what requests come to, kept by the responders

    def after(self, where: Arcs) -> int | None:
        """Return the first position behind a name, or None at the end."""
        position = bisect.bisect_right(self.order, where)
        return None if position == len(self.order) else position

    def has_column(self, where: Arcs) -> bool:
        """Say whether the object has other instances, where it has not this one."""
        near = bisect.bisect_left(self.order, where[:-1])
        if near == len(self.order):
            return False
        other = self.order[near]
        return len(other) == len(where) and other[:-1] == where[:-1]


class Table:
    """The objects of one device, each read when it is asked for."""

    def __init__(self, objects: Iterable[Object]) -> None:
        known = {arcs(each.oid): each for each in objects}
        self.tree = Tree(known.values())
        self._objects = [known[where] for where in self.tree.order]

    def varbinds(self, positions: Sequence[int], shown: Shown) -> list[bytes]:
        """Return name and value of each of these, as they are now."""
        names = self.tree.names
        return [varbind(names[n], value_of(self._objects[n], shown)) for n in positions]


def varbind(name: bytes, value: bytes) -> bytes:
    """Encode a name, content octets of an OID, with a value that is encoded whole."""
    return tlv(Tag.SEQUENCE, tlv(Tag.OID, name) + value)


def value_of(each: Object, shown: Shown) -> bytes:
    """Encode what an object shows."""
    value = each.now(shown)
    if each.tag in WIDTHS:
        assert isinstance(value, int)
        return tlv(each.tag, integer(value))
    if isinstance(value, bytes):
        return tlv(each.tag, value)
    return tlv(each.tag, oid(str(value)) if each.tag == Tag.OID else str(value).encode())


def arcs(oid: str) -> Arcs:
    """Split a dotted OID."""
    return tuple(int(arc) for arc in oid.split("."))
