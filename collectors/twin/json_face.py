"""A simulated device that publishes JSON: the messages that its profile reads, the other way round.

Each message goes out once a period, and at once when a state in it changes: a leak does not wait.
What has no value, or is not believed by the device itself, is null.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from collectors.mqtt.mapping import JsonChannel, JsonMessage
from collectors.mqtt.topic import fill
from collectors.profile import Profile
from collectors.quantity import unit
from collectors.twin.mqtt_face import (
    Column,
    Columns,
    FaceError,
    Instruments,
    Message,
    Place,
    candidates,
    phases,
    states_told,
)
from collectors.twin.point import Point

PERIOD_S: Final = 5.0  # longest between two messages
PERIODS_A_LIFE: Final = 4.0  # of a value, as its profile has it: three messages may be lost
SPELLINGS: Final = {"degC": "°C"}  # of units, as small gateways write them
HOLE: Final = re.compile(r'"@(\w+)@"')  # where a value goes, in a message yet to be filled in


class JsonFace:
    """One device of every rack. Cost: 3 µs a message of a few fields, 10 µs of 43."""

    def __init__(
        self,
        profile: Profile,
        place: Place,
        bays: Sequence[str],
        match: Mapping[str, str] | None = None,
    ) -> None:
        assert profile.mqtt is not None
        left = dict(zip(place.columns, place.points, strict=True))
        self._parts = []
        for message in profile.mqtt.messages:
            columns: dict[str, Column] = {}
            for at, point in list(left.items()):
                name = next((n for n in candidates(profile, point) if n in message.channels), None)
                if name is not None and name not in columns:
                    columns[name] = _column(at, point, message.channels[name])
                    del left[at]
            if columns:
                names = [{"bay": bay, "device": place.device, **(match or {})} for bay in bays]
                topics = [fill(message.topic, each).replace("+", place.device) for each in names]
                self._parts.append(_Part(message, columns, topics, place))
        if left:
            lost = next(iter(left.values()))
            raise FaceError(f"{profile.name} has no channel for {lost.device}.{lost.name}")

    def greet(self, now: float) -> Iterator[Message]:  # noqa: ARG002 -- a bus describes itself
        """Begin anew: all is due at once. Nothing goes before it."""
        for part in self._parts:
            part.next[:] = -math.inf
        return iter(())

    def due(self, racks: Instruments, now: float) -> Iterator[Message]:
        """Yield the messages that are due, or that a state in them makes due."""
        for part in self._parts:
            yield from part.due(racks, now)


class _Part:
    """The messages of one topic a rack."""

    def __init__(
        self, message: JsonMessage, columns: Mapping[str, Column], topics: list[str], place: Place
    ) -> None:
        self.place = place
        self.topics = topics
        self.period = min(PERIOD_S, message.max_age / PERIODS_A_LIFE)
        holes = [(message.channels[name].field, n) for n, name in enumerate(columns)]
        tree: dict[str, object] = {}
        if message.time:
            _plant(tree, message.time, "@time@")
        for path, n in holes:
            if path is not None:
                _plant(tree, path, f"@{n}@")
        for name, column in columns.items():
            if path := message.channels[name].unit_field:
                symbol = column.point.quantity.symbol
                _plant(tree, path, SPELLINGS.get(symbol, symbol))
        text = json.dumps(_listed(tree), ensure_ascii=False, separators=(",", ":")) if tree else ""
        text = text or '"@0@"'  # the whole payload is the value
        order = [each for each in HOLE.findall(text) if each != "time"]
        given = list(columns.values())
        self.columns = Columns([given[int(each)] for each in order])
        decimals = iter(self.columns.decimals)
        plain = text.replace("%", "%%")
        self._sound = HOLE.sub(
            lambda hole: "%d" if hole[1] == "time" else f"%.{next(decimals)}f", plain
        )
        self._any = HOLE.sub(lambda hole: "%d" if hole[1] == "time" else "%s", plain)
        self._timed = message.time is not None
        self.phase = phases(len(topics), place.number, self.period)
        self.next = np.full(len(topics), -math.inf)
        self._states = np.full((len(topics), len(self.columns.states)), math.inf)

    def due(self, racks: Instruments, now: float) -> Iterator[Message]:
        """Yield what is due; a rack keeps its own beat, whatever else made it speak."""
        told = self.columns.told(racks)
        told[~self.columns.good(racks)] = math.nan
        states = told[:, self.columns.states]
        changed = (states != self._states) & ~(np.isnan(states) & np.isnan(self._states))
        awake = ~racks.silent[:, self.place.number]
        on_time = (now >= self.next) & awake
        speaks = on_time | (changed.any(axis=1) & awake)
        self.next[on_time] = now + self.period - (now - self.phase[on_time]) % self.period
        self._states[speaks] = states[speaks]
        rows = np.flatnonzero(speaks)
        told = told[rows]
        whole = np.logical_not(np.isnan(told).any(axis=1)).reshape(-1)
        times = ((now + racks.clock_offset[rows, self.place.number]) * 1000).astype(np.int64)
        listed = zip(rows.tolist(), times.tolist(), told.tolist(), whole.tolist(), strict=True)
        for rack, told_at, values, sound in listed:
            time = (told_at,) if self._timed else ()
            text = self._sound % (*time, *values) if sound else self._holed(time, values)
            yield Message(self.topics[rack], text.encode(), rack=rack, device=self.place.device)

    def _holed(self, time: tuple[int, ...], values: list[float]) -> str:
        """Write a message in which some values are missing."""
        texts = (
            "null" if math.isnan(value) else f"{value:.{decimals}f}"
            for value, decimals in zip(values, self.columns.decimals, strict=True)
        )
        return self._any % (*time, *texts)


def _column(at: int, point: Point, channel: JsonChannel) -> Column:
    """Return how one instrument stands in a message. Raises: FaceError."""
    quantity = channel.quantities[0]
    if quantity.is_state:
        return Column.state(at, point, states_told(point, channel.states))
    if quantity is not point.quantity:
        raise FaceError(f"{point.row} is a {point.quantity.label}, not a {quantity.label}")
    said = quantity.symbol if channel.unit_field else channel.unit
    return Column.amount(at, point, channel, unit(said).symbol if said else None)


def _plant(tree: dict[str, object], path: str, leaf: str) -> None:
    """Put a leaf at `d.T_sup.v`."""
    *steps, last = path.split(".")
    for step in steps:
        below = tree.setdefault(step, {})
        assert isinstance(below, dict), f"{path} lies below a value"
        tree = below
    tree[last] = leaf


def _listed(tree: object) -> object:
    """Make lists of what has whole numbers for keys; places that nothing fills are null."""
    if not isinstance(tree, dict):
        return tree
    inside = {key: _listed(below) for key, below in tree.items()}
    if inside and all(key.isdecimal() for key in inside):
        return [inside.get(str(n)) for n in range(max(map(int, inside)) + 1)]
    return inside
