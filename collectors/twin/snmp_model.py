"""One make of SNMP device in R racks: what its objects show, brought up to date for all at once.

Instruments are converted to what the device sends for every rack together; octets are made only of
what is asked for, and of what has changed since. Shapes: R racks, L objects that follow instruments
or say whether others can be believed, the last of them sysUpTime.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from collectors.snmp.ber import Tag, integer, oid, tlv
from collectors.twin.objects import Object, Tree, arcs, varbind
from collectors.twin.reverse import Live, Reversed
from collectors.twin.skeletons.body import SYS_UP_TIME

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

EVERY: Final = slice(None)
STATES_MAX: Final = 8  # of an instrument; none has more than three
TICKS: Final = 100.0  # a second
UP_TICKS: Final = 3000  # after its start, a switch has its ports up
LIMITS: Final = {  # the least and greatest of each type; what counts wraps instead
    Tag.INTEGER: (-(1 << 31), (1 << 31) - 1),
    Tag.GAUGE32: (0, (1 << 32) - 1),
    Tag.COUNTER32: (0, (1 << 62)),
    Tag.TIME_TICKS: (0, (1 << 62)),
    Tag.COUNTER64: (0, (1 << 62)),
}
WRAPS: Final = (Tag.COUNTER32, Tag.TIME_TICKS)  # a double is exact up to 2^53, so no 64 bits wrap


class Racks(Protocol):
    """What a model needs of the racks: see collectors/twin/racks.py."""

    shown: Floats
    good: NDArray[np.bool_]

    def uptime(self, rack: int, device: str) -> float:
        """Return how long a device's agent has been running, in seconds."""
        raise NotImplementedError


class Look:
    """What one device of a model said last. It is brought up to date when it is asked."""

    __slots__ = ("rack", "raws", "seen", "varbinds")

    def __init__(self, rack: int, varbinds: list[bytes]) -> None:
        self.rack = rack
        self.varbinds = varbinds  # by position; empty: to be encoded again
        self.seen = -1  # the look of the model that it is of
        self.raws: Whole = np.empty(0, np.int64)


class Model:
    """Every device of one name: of one make, with the same objects in each rack."""

    def __init__(
        self,
        device: str,
        parts: Reversed,
        columns: Sequence[int],
        racks: Racks,
        rows: slice = EVERY,
    ) -> None:
        """`columns` are those of the points that `parts` were made of; `rows`, which racks."""
        self.device = device
        self._rows = rows
        self._racks = racks
        live = parts.live
        uptime = Object(oid=SYS_UP_TIME, tag=Tag.TIME_TICKS)
        self._moving = [*(e.object for e in live), *(e.object for e in parts.alive), uptime]
        still = [each for each in parts.fixed if each.oid != SYS_UP_TIME]
        self.tree = Tree([*self._moving, *still])
        self._still = {self._position(each): each for each in still}
        self._places = np.array([self._position(each) for each in self._moving], np.intp)
        self._slot = {int(place): slot for slot, place in enumerate(self._places)}
        self._columns = np.array([columns[each.point] for each in live], np.intp)
        self._factor = np.array([each.factor for each in live])
        self._zero = np.array([each.zero for each in live])
        self._light = np.flatnonzero([each.light for each in live])
        self._states = np.flatnonzero([bool(each.states) for each in live])
        self._raw_states = _table([each for each in live if each.states])
        absent = [np.nan if each.absent is None else each.absent for each in live]
        self._absent = np.array(absent, np.float64)
        self._moments = np.flatnonzero([each.moment for each in live])
        self._signed = np.array([1 << e.signed if e.signed else 0 for e in live], np.int64)
        self._alive = parts.alive
        self._limit(live)
        self.looks = 0
        self.raws: Whole = np.empty((0, 0), np.int64)  # [R, L]
        self.counts: Floats | None = None  # [R, M] what the counts behind moments were
        self.since: Whole = np.empty((0, 0), np.int64)  # [R, M] ticks at which they changed
        self.look()

    def _position(self, each: Object) -> int:
        """Return where an object stands."""
        return self.tree.positions[arcs(each.oid)]

    def _limit(self, live: Sequence[Live]) -> None:
        """Find out what the types of the objects can hold."""
        limits = [LIMITS[each.object.tag] for each in live]
        self._low = np.array(
            [-(1 << 31) if e.signed else low for e, (low, _) in zip(live, limits, strict=True)],
            np.float64,
        )
        self._high = np.array([high for _, high in limits], np.float64)
        self._wraps = np.flatnonzero([each.object.tag in WRAPS for each in live])

    def look(self) -> None:
        """Take in what instruments show now, in every rack. Cost: 20 µs, and 10 ns an object."""
        shown = self._racks.shown[self._rows, self._columns]
        empty = np.isnan(shown)
        doubted = empty | ~self._racks.good[self._rows, self._columns]
        values = np.where(empty, 0.0, shown)
        ticks = np.array(
            [
                self._racks.uptime(rack, self.device) * TICKS
                for rack in range(len(self._racks.shown))[self._rows]
            ]
        ).astype(np.int64) % (1 << 32)
        moments = self._changed(shown[:, self._moments], ticks)
        values[:, self._light] = 10.0 ** (values[:, self._light] / 10.0)
        numbers = np.rint((values - self._zero) / self._factor)
        if self._states.size:
            number = np.clip(values[:, self._states], 0, STATES_MAX - 1).astype(np.intp)
            numbers[:, self._states] = self._raw_states[np.arange(self._states.size), number]
        wordless = np.isnan(self._absent)
        numbers = np.where(doubted & ~wordless, self._absent, numbers)
        numbers = np.where(empty & wordless, 0.0, numbers)
        raws = np.clip(numbers, self._low, self._high).astype(np.int64)
        raws += np.where(raws < 0, self._signed, 0)
        raws[:, self._wraps] %= 1 << 32
        raws[:, self._moments] = moments
        told = [
            np.where(doubted[:, list(each.over)].all(axis=1), each.bad, each.good)
            for each in self._alive
        ]
        self.raws = np.column_stack([raws, *told, ticks])
        self.looks += 1

    def _changed(self, counts: Floats, ticks: Whole) -> Whole:
        """Return when each count changed last; after a restart: not since then (RFC 2863)."""
        if self.counts is None:
            self.since = np.repeat(np.minimum(ticks, UP_TICKS)[:, None], counts.shape[1], axis=1)
        else:
            counts = np.where(np.isnan(counts), self.counts, counts)
            self.since = np.where(counts > self.counts, ticks[:, None], self.since)
        self.since = np.where(self.since > ticks[:, None], 0, self.since)
        self.counts = counts
        return self.since

    def device_of(self, rack: int, bay: str) -> Look:
        """Return what one device shows, with its own texts."""
        varbinds: list[bytes] = [b""] * len(self.tree.order)
        for position, each in self._still.items():
            varbinds[position] = varbind(self.tree.names[position], self._text(each, bay))
        return Look(rack, varbinds)

    def remember(self, other: "Model") -> None:
        """Go on from when ports changed last by another model, which has these racks too."""
        if self.counts is not None and other.counts is not None:
            self.counts, self.since = other.counts[self._rows], other.since[self._rows]
            self.look()

    def _text(self, each: Object, bay: str) -> bytes:
        """Encode an object that never changes; a text may name the bay and the device."""
        if isinstance(each.value, int):
            return tlv(each.tag, integer(each.value))
        if isinstance(each.value, bytes):
            return tlv(each.tag, each.value)
        said = each.value.replace("{bay}", bay).replace("{device}", self.device)
        return tlv(each.tag, oid(said) if each.tag == Tag.OID else said.encode())

    def varbinds(self, positions: Sequence[int], look: Look) -> list[bytes]:
        """Return name and value of each of these, as they are now."""
        if look.seen != self.looks:
            self._refresh(look)
        known = look.varbinds
        found = [known[position] for position in positions]
        if b"" in found:
            for place, position in enumerate(positions):
                if not found[place]:
                    found[place] = known[position] = self._encoded(look, position)
        return found

    def _refresh(self, look: Look) -> None:
        """Forget what has changed since this device was asked last."""
        now = self.raws[look.rack]
        moved = self._places if look.seen < 0 else self._places[now != look.raws]
        for position in moved.tolist():
            look.varbinds[position] = b""
        look.raws, look.seen = now, self.looks

    def _encoded(self, look: Look, position: int) -> bytes:
        """Encode one object that moves. Cost: 0.6 µs."""
        number = int(look.raws[self._slot[position]])
        size = (number + (number < 0)).bit_length() // 8 + 1
        name = self.tree.names[position]
        value = number.to_bytes(size, "big", signed=True)
        tag = self.tree.tags[position]
        return bytes((0x30, len(name) + size + 4, 6, len(name))) + name + bytes((tag, size)) + value


def _table(live: Sequence[Live]) -> Floats:
    """Return the raws of states by number. Shapes: [S, STATES_MAX]."""
    table = np.zeros((len(live), STATES_MAX))
    for row, each in zip(table, live, strict=True):
        for number, raw in each.states.items():
            row[number] = raw
    return table
