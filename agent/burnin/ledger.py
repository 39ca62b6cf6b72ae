"""The ledger: which readings every slot of every channel must hold, and what those held.

A channel's time is cut into slots as long as its `every`. Slots that are still open are kept in a
ring; a slot is closed once no answer can come any more that belongs into it, so a run of any
length needs the same memory.
"""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.burnin.design import Design, Floats
from collectors.readings import Kind

WATERMARK_S: Final = 15.0  # an answer later than that is no evidence: a poll's deadline is 8 s
AHEAD_S: Final = 120.0  # of slots that may be open besides, so that many polls can enter at once
EDGE_S: Final = 1e-6  # a grid computed in floating point hits a slot's edge only so well
SEEN_MIN: Final = 512  # identities of a device remembered before the old ones are dropped

_ROUNDING: Final = 1e-9  # 0.3 s are three turns of 0.1 s

Bools = NDArray[np.bool_]
Slots = NDArray[np.int64]  # numbers of slots, counted from run second 0


class Slot(NamedTuple):
    """What one slot of K channels held. Shapes: [K]; NaN where no reading was good.

    `known`: all readings that the ledger expects are there, and all are good.
    """

    low: Floats
    high: Floats
    known: Bools
    more_u: Floats | None = None  # uncertainty beside that of the channel
    reset: Bools | None = None  # of counters: started anew in this slot


class Row(NamedTuple):
    """What one poll brought of a group's counters: those in `where`, NaN where not good."""

    at: float
    where: slice
    values: Floats

    def order(self) -> tuple[float, int, bytes]:
        """Return what rows are sorted by, so that no two orders of arrival differ."""
        return self.at, self.where.start, self.values.tobytes()


class Group:
    """Channels that are cut into slots together: K of them. `places`: where in the design."""

    def __init__(self, every: float, places: NDArray[np.intp], counted: Bools) -> None:
        size = len(places)
        self.every = every
        self.places = places
        self.counted = np.flatnonzero(counted)  # which of the K are counters
        self.head = 0  # the slot to be closed next
        self.depth = math.ceil((AHEAD_S + 2 * WATERMARK_S) / every) + 2
        self.high, self.low = np.full((2, self.depth, size), np.nan)
        self.readings = np.zeros((self.depth, size))  # -inf with one that was not good
        self.latest = np.full((self.depth, size), -np.inf)  # turn of those that there are
        self.before = np.full(size, np.nan)  # the latest turn in a slot that is closed
        self.interval = np.full(size, np.nan)  # seconds between turns; NaN: it has none
        self._owed_always = np.ones(size)  # turns in any slot; one where there are none
        self._uneven = np.zeros(0, np.intp)  # channels with more turns in some slots
        self.rows: dict[int, list[Row]] = {}  # of slots that are open

    def owe(self, where: slice, interval: float) -> None:
        """Expect a poll of some channels at an interval; NaN: they have no turns."""
        self.interval[where] = interval
        turns = self.every / self.interval
        whole = np.floor(turns + _ROUNDING)
        self._owed_always = np.fmax(1.0, whole)
        self._uneven = np.flatnonzero(np.abs(turns - whole) > _ROUNDING)

    @property
    def end(self) -> float:
        """Return when the next slot to be closed ends."""
        return (self.head + 1) * self.every

    def add_one(self, where: slice, slot: int, at: float, known: Floats, count: Floats) -> None:
        """Take in one poll. Shapes: known, count float64[K']; NaN and -inf where not good."""
        row = slot % self.depth
        latest = self.latest[row, where]
        np.maximum(latest, at, out=latest)
        high, low = self.high[row, where], self.low[row, where]
        np.fmax(high, known, out=high)
        np.fmin(low, known, out=low)
        self.readings[row, where] += count

    def add(self, where: slice, slots: Slots, asked: Floats, known: Floats, count: Floats) -> None:
        """Take in T polls in the order of their turns. Shapes: known, count float64[T, K']."""
        first = np.concatenate(([0], np.flatnonzero(slots[1:] != slots[:-1]) + 1))
        rows = slots[first] % self.depth
        latest = np.maximum.reduceat(asked, first)[:, None]
        self.latest[rows, where] = np.maximum(self.latest[rows, where], latest)
        high, low = known, known
        if len(first) < len(slots):
            high = np.fmax.reduceat(known, first, axis=0)
            low = np.fmin.reduceat(known, first, axis=0)
            count = np.add.reduceat(count, first, axis=0)
        self.high[rows, where] = np.fmax(self.high[rows, where], high)
        self.low[rows, where] = np.fmin(self.low[rows, where], low)
        self.readings[rows, where] += count

    def close(self) -> tuple[Slot, list[Row]]:
        """Return the next slot, and the rows of its counters in the order they were asked for."""
        row = self.head % self.depth
        known = self.readings[row] >= self._owed()
        slot = Slot(self.low[row].copy(), self.high[row].copy(), known)
        rows = sorted(self.rows.pop(self.head, ()), key=Row.order)
        self.before = np.fmax(self.before, self.latest[row])
        self.high[row] = self.low[row] = np.nan
        self.readings[row], self.latest[row] = 0.0, -np.inf
        self.head += 1
        return slot, rows

    def _owed(self) -> Floats:
        """Return how many polls the next slot to be closed must hold: the turns that lie in it.

        A device that has no turns owes one, as does one that was never heard of.
        """
        if not len(self._uneven):
            return self._owed_always
        uneven = self._uneven
        latest, before = self.latest[self.head % self.depth, uneven], self.before[uneven]
        anchor = np.where(np.isfinite(before), before, latest)
        anchor[np.isinf(anchor)] = 0.0  # nothing came yet
        start, end = self.head * self.every - EDGE_S, self.end - EDGE_S
        interval = self.interval[uneven]
        turns = np.ceil((end - anchor) / interval) - np.ceil((start - anchor) / interval)
        owed = self._owed_always.copy()
        owed[uneven] = np.fmax(owed[uneven], turns)
        return owed


class _Part(NamedTuple):
    """How a stretch of the design enters one group."""

    group: Group
    columns: slice | NDArray[np.intp]  # of the stretch
    where: slice  # of the group's channels
    counters: NDArray[np.intp]  # which of these columns are counters
    counted: slice  # of the group's counters

    def keep(self, at: float, slot: int, known: Floats) -> None:
        """Keep the counters of one poll, whose order matters. Shapes: known float64[K']."""
        row = Row(at, self.counted, known[self.counters])
        self.group.rows.setdefault(slot, []).append(row)


@dataclass(slots=True)
class _Source:
    """Readings that come together: whatever is asked for at one time is one attempt."""

    parts: list[_Part]
    seen: set[float]
    many: int = SEEN_MIN


class Ledger:
    """Every reading that should exist, and what came. `groups`: the measured channels."""

    def __init__(self, design: Design) -> None:
        self.late = 0  # polls whose slot was closed already
        every = np.array([channel.row.every for channel in design.channels])
        counted = [channel.row.kind is Kind.COUNTER for channel in design.channels]
        self._counted = np.array(counted, np.bool_)
        self._group = np.zeros(design.measured, np.intp)
        self.groups: list[Group] = []
        for number, seconds in enumerate(np.unique(every[: design.measured])):
            places = np.flatnonzero(every[: design.measured] == seconds)
            self._group[places] = number
            self.groups.append(Group(float(seconds), places, self._counted[places]))
        self._sources: dict[tuple[int, int], _Source] = {}

    def owe(self, where: slice, interval: float | None) -> None:
        """Expect a device's polls at an interval; None: it reports by itself, once a slot."""
        for part in self._source(where).parts:
            part.group.owe(part.where, math.nan if interval is None else interval)

    def put(self, where: slice, asked: Floats, values: Floats, good: Bools) -> None:
        """Take in T polls of K channels. Shapes: asked float64[T]; values, good [T, K].

        What was asked for at the same time counts once, however often it is delivered.
        """
        source = self._source(where)
        if len(asked) > 1 and (np.diff(asked) < 0).any():
            order = np.argsort(asked, kind="stable")
            asked, values, good = asked[order], values[order], good[order]
        good = good & np.isfinite(values)
        known = np.where(good, values, np.nan)
        again = np.array([self._again(source, at) for at in asked.tolist()])
        count = np.where(good, 1.0 - again[:, None], -np.inf)
        if len(asked) == 1:
            self._put_one(source, float(asked[0]), known[0], count[0])
        else:
            self._put_many(source, asked, known, count)

    def _put_one(self, source: _Source, at: float, known: Floats, count: Floats) -> None:
        """Take in one poll; the same as many, only faster."""
        for part in source.parts:
            group, slot = part.group, math.floor((at + EDGE_S) / part.group.every)
            if slot < group.head:
                self.late += 1
                continue
            assert slot < group.head + group.depth, "close slots before such late readings"
            some = known[part.columns]
            group.add_one(part.where, slot, at, some, count[part.columns])
            if len(part.counters):
                part.keep(at, slot, some)

    def _put_many(self, source: _Source, asked: Floats, known: Floats, count: Floats) -> None:
        """Take in polls in the order of their turns."""
        for part in source.parts:
            group = part.group
            slots = np.floor((asked + EDGE_S) / group.every).astype(np.int64)
            first = int(np.searchsorted(slots, group.head))
            self.late += first
            if first == len(slots):
                continue
            assert slots[-1] < group.head + group.depth, "close slots before such late readings"
            some = known[first:, part.columns]
            group.add(part.where, slots[first:], asked[first:], some, count[first:, part.columns])
            if len(part.counters):
                for n, (at, slot) in enumerate(
                    zip(asked[first:].tolist(), slots[first:].tolist(), strict=True)
                ):
                    part.keep(at, slot, some[n])

    def _again(self, source: _Source, at: float) -> bool:
        """Say whether a poll came before, and remember it."""
        if at in source.seen:
            return True
        if len(source.seen) >= source.many:
            oldest = min(group.head * group.every for group in self.groups)
            source.seen = {one for one in source.seen if one >= oldest - WATERMARK_S}
            source.many = max(SEEN_MIN, 2 * len(source.seen))
        source.seen.add(at)
        return False

    def _source(self, where: slice) -> _Source:
        """Return how a stretch of the design is spread over groups; within each it stays one."""
        key = (where.start or 0, where.stop)
        if key not in self._sources:
            self._sources[key] = _Source([*self._parts(*key)], set())
        return self._sources[key]

    def _parts(self, start: int, stop: int) -> "list[_Part]":
        """Return the parts of a stretch."""
        parts = []
        inside = self._group[start:stop]
        for number in np.unique(inside):
            group = self.groups[number]
            columns = np.flatnonzero(inside == number)
            first = int(np.searchsorted(group.places, start + columns[0]))
            counters = np.flatnonzero(self._counted[start:stop][columns])
            before = int(np.searchsorted(group.counted, first))
            where = slice(first, first + len(columns))
            counted = slice(before, before + len(counters))
            whole = len(columns) == columns[-1] - columns[0] + 1  # no other group between
            stretch = slice(columns[0], columns[-1] + 1) if whole else columns
            parts.append(_Part(group, stretch, where, counters, counted))
        return parts
