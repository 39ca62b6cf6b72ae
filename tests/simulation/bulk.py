"""A bay with all its devices bound, and read in bulk: an array for all that answer at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.burnin.binding import Columns, Pair, bind
from agent.burnin.design import Design
from agent.burnin.live import LiveBay
from collectors.readings import Channel, Kind
from tests.simulation.rack import Vector, device_channels

Bools = NDArray[np.bool_]


class BulkBay(LiveBay):
    """A bay that takes in many devices at once; they are bound one by one as ever."""

    def __init__(self, design: Design) -> None:
        super().__init__(design)
        self.channels = {device: device_channels(design, device) for device in design.places}
        for device, channels in self.channels.items():
            self.bind(device, channels, {})
            assert not self.problems[device], self.problems[device]
            assert not self.missing[device], self.missing[device]
        kinds = [channel.row.kind for channel in design.channels]
        self._counted = np.array([kind is Kind.COUNTER for kind in kinds], np.bool_)
        self._columns: dict[int, tuple[Design, dict[int, Columns]]] = {}

    @property
    def columns(self) -> dict[int, Columns]:
        """Return how each group's arrays enter the design now, by the place where it begins."""
        known = self._columns.get(id(self.design))
        if known is None:
            known = self._columns[id(self.design)] = self.design, self._laid_out()
        return known[1]

    def _laid_out(self) -> dict[int, Columns]:
        """Return it by the limits of now, which say what states are worth."""
        found = {}
        for group in groups(self.design):
            first = group.where.start
            pairs: list[Pair] = []
            for device in group.devices:
                bound = bind(self.design, device, self.channels[device], {}, {})
                pairs += [pair._replace(column=pair.place - first) for pair in bound.pairs]
            found[first] = Columns(group.where, pairs, group.where.stop - first)
        return found

    def put(self, where: slice, raw: Vector, values: Vector, good: Bools, at: float) -> None:
        """Do what `take` does for all channels in `where`, but for alerts: nobody looks at them."""
        good = good & (at > self.seen[where])
        values = self._counters.add(where, values, good & self._counted[where], at)
        np.copyto(self._as_read[where], raw, where=good)
        np.copyto(self.values[where], values, where=good)
        np.copyto(self.seen[where], at, where=good)


@dataclass(frozen=True, slots=True)
class Group:
    """Devices that stand together in the design and are polled together."""

    interval: float
    where: slice
    devices: tuple[str, ...]


def groups(design: Design) -> list[Group]:
    """Return runs of neighbouring devices that are read equally often."""
    found = []
    for interval, run in groupby(design.places, key=design.every):
        devices = tuple(run)
        where = slice(design.places[devices[0]].start, design.places[devices[-1]].stop)
        assert interval is not None
        found.append(Group(interval, where, devices))
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
