"""A bay with all its devices bound, and read in bulk: an array for all that answer at once."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agent.burnin.binding import Columns, Pair, bind
from agent.burnin.design import Design
from agent.burnin.limits import Rung
from agent.burnin.live import UNKNOWN, LiveBay
from collectors.readings import Channel, Kind

Vector = NDArray[np.float64]
Bools = NDArray[np.bool_]
OUTSIDE: Final = Rung.FAIL + 1  # the status of a channel beyond its fail limit for its hold


class BulkBay(LiveBay):
    """A bay that takes in many devices at once; they are bound one by one as ever."""

    def __init__(self, design: Design, channels: Mapping[str, Sequence[Channel]]) -> None:
        super().__init__(design)
        self.channels = {device: channels[device] for device in design.places}
        for device, there in self.channels.items():
            self.bind(device, there, {})
        kinds = [channel.row.kind for channel in design.channels]
        self._counted = np.array([kind is Kind.COUNTER for kind in kinds], np.bool_)
        self._columns: dict[Group, tuple[Design, Columns]] = {}
        self._told = np.zeros(len(self.rows), np.bool_)
        self._read = np.flatnonzero(design.judged)  # [L]

    def columns(self, group: "Group") -> Columns:
        """Return how a group's arrays enter the design; limits of now say what states are worth."""
        design, columns = self._columns.get(group, (None, None))
        if columns is None or design is not self.design:
            first = group.where.start
            pairs: list[Pair] = []
            for device in group.devices:
                bound = bind(self.design, device, self.channels[device], {}, {})
                pairs += [pair._replace(column=pair.place - first) for pair in bound.pairs]
            columns = Columns(group.where, pairs, group.where.stop - first)
            self._columns[group] = self.design, columns
        return columns

    def put(self, where: slice, raw: Vector, values: Vector, good: Bools, at: float) -> None:
        """Do what `take` does, for all channels in `where`."""
        good = good & (at > self.seen[where])
        counted = self._counted[where]
        if counted.any():
            values = self._counters.add(where, values, good & counted, at)
        np.copyto(self._as_read[where], raw, where=good)
        np.copyto(self.values[where], values, where=good)
        np.copyto(self.seen[where], at, where=good)
        self._excursions.add(where, self.design.limits.at(where), values, good, at)

    def alerts(self, at: float) -> list[tuple[str, int]]:
        """Judge; return the channels that alarm since then: their status says for what.

        Beyond fail or trip; or unknown, having been read before for longer than may be missed.
        """
        status, _ = self.judge(at)
        alarming = (status >= OUTSIDE) | ((status == UNKNOWN) & (self.seen[self._read] > -np.inf))
        new = np.flatnonzero(alarming & ~self._told)
        self._told = alarming
        return [(".".join(self.rows[row]), int(status[row])) for row in new]


@dataclass(frozen=True, slots=True)
class Group:
    """Devices that stand together in the design and are polled together."""

    interval: float
    start: int
    stop: int
    devices: tuple[str, ...]

    @property
    def where(self) -> slice:
        """Return where its channels stand in the design."""
        return slice(self.start, self.stop)


def groups(design: Design, alone: AbstractSet[str] = frozenset()) -> list[Group]:
    """Return runs of neighbouring devices that are read equally often; some devices alone."""
    found = []
    keys = {device: (design.every(device), device in alone and device) for device in design.places}
    for (interval, _), run in groupby(design.places, key=lambda device: keys[device]):
        devices = tuple(run)
        start, stop = design.places[devices[0]].start, design.places[devices[-1]].stop
        assert interval is not None
        found.append(Group(interval, start, stop, devices))
    return found


def told(device: str, channels: Sequence[Channel], interval: float) -> dict[str, Any]:
    """Return what a BOUND event tells of a device."""
    return {
        "device": device,
        "binding": 0,
        "profile": "simulated",
        "profile_hash": "",
        "identity": {"vendor": "", "model": "", "serial": device, "firmware": ""},
        "interval_s": interval,
        "columns": [
            {
                "name": channel.name,
                "channel": channel.name,
                "quantity": channel.quantity.label,
                "source": channel.source,
                "kind": channel.kind.value,
                "states": {str(number): text for number, text in channel.states.items()},
                "good_states": sorted(channel.good_states),
            }
            for channel in channels
        ],
    }
