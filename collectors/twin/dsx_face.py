"""A simulated device on a DSX Exchange BMS bus: values, and retained metadata that describe them.

Which point shows an instrument follows from the profile: the point that the profile calls by the
name that serves the instrument. A value goes out when it changes and every 100 s all the same; that
it changed is noticed when the building's management looks at its controllers, every 2 s, but a
state reports itself. One heartbeat, every 10 s, tells "unchanged" from "gone".

Source: NVIDIA DSX Exchange, BMS integration (topics, payloads, republish and heartbeat periods).
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from collectors.mqtt.dsx import BMS, GOOD, ROOT, Metadata, Naming
from collectors.mqtt.mapping import DsxPoint, MqttProfile
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
    filled,
    phases,
    template,
)
from collectors.twin.point import Point
from collectors.twin.states import states_of

LOOK_S: Final = 2.0
REPUBLISH_S: Final = 100.0
HEARTBEAT_S: Final = 10.0
BAD: Final = 0
OBJECTS: Final = {  # by role: what its points belong to, and those that such an object cannot have
    "rack": ("Rack", "Sensor"),
    "cdu": ("CDU", "CDU"),
    "rear_door": ("HX", "HX"),
    "feed_meter": ("PowerMeter", "PowerMeter"),
}
OBJECTS_ELSE: Final = ("Sensor", "Sensor")
TOLD_IN: Final = {"W": "kW"}  # units of the bus, where they are not ours
UNITS: Final = {"degC": "C", "L/min": "LPM", "rpm": "RPM", "1": ""}  # the bus's words for them


@dataclass(frozen=True, slots=True)
class Described:
    """One point of the bus that shows an instrument."""

    object_type: str
    point_type: str
    area: tuple[str, ...] = ()
    phase: str = ""
    unit: str | None = None
    states: Mapping[int, str] | None = None

    def tree(self) -> dict[str, object]:
        """Return what the metadata say of the point, without whose it is."""
        told: dict[str, object] = {"objectType": self.object_type, "pointType": self.point_type}
        if self.area:
            told["processArea"] = list(self.area)
        if self.phase:
            told["phase"] = self.phase
        if self.unit is not None:
            told["engUnit"] = self.unit
        if self.states is not None:
            told["stateText"] = [{"value": n, "text": text} for n, text in self.states.items()]
        return told

    def metadata(self) -> Metadata:
        """Return the same as a reader has it."""
        return Metadata(
            object_type=self.object_type,
            point_type=self.point_type,
            unit=self.unit,
            states=self.states,
            area=self.area,
            phase=self.phase,
            told={},
        )


class DsxFace:
    """One device of every rack. Cost: 2 µs a value. `republish`: of what did not change."""

    def __init__(
        self,
        profile: Profile,
        place: Place,
        bays: Sequence[str],
        *,
        republish: float = REPUBLISH_S,
        look: float = LOOK_S,
    ) -> None:
        assert profile.mqtt is not None
        self.place = place
        self.bays = tuple(bays)
        finder = _Finder(profile.mqtt)
        found = [
            finder.find(at, point, candidates(profile, point))
            for at, point in zip(place.columns, place.points, strict=True)
        ]
        for pair, point in zip(found, place.points, strict=True):
            if pair is None:
                raise FaceError(f"{profile.name} has no point for {point.device}.{point.name}")
        self._points = [pair[0] for pair in found if pair]
        self._columns = Columns([pair[1] for pair in found if pair])
        self._republish, self._look = republish, look
        shape = len(bays), len(self._points)
        self._topics = [
            [self._topic("Value", r, n) for n in range(shape[1])] for r in range(shape[0])
        ]
        self._phase = phases(len(bays), place.number, 1.0)
        self._sent = np.full(shape, math.inf)
        self._sent_good = np.zeros(shape, bool)
        self._due = np.full(shape, -math.inf)
        self._looks = np.full(len(bays), -math.inf)

    @staticmethod
    def match(bay: str, device: str) -> dict[str, str]:
        """Return by what a floor file tells the device from others."""
        return {"tagPath": f"{bay}/{device}/#"}

    def greet(self, now: float) -> Iterator[Message]:  # noqa: ARG002 -- what it says has no time
        """Describe every point to those who come late as well; every value is due again."""
        self._due[:] = self._looks[:] = -math.inf
        for rack, bay in enumerate(self.bays):
            for n, point in enumerate(self._points):
                told = point.tree() | _owner(point.object_type, bay, self.place.device)
                topic = self._topic("Metadata", rack, n)
                payload = json.dumps(told).encode()
                yield Message(topic, payload, retain=True, rack=rack, device=self.place.device)

    def due(self, racks: Instruments, now: float) -> Iterator[Message]:
        """Yield the values that changed, and those that have been silent for too long."""
        told, good = self._columns.told(racks), self._columns.good(racks)
        same = (told == self._sent) | (np.isnan(told) & np.isnan(self._sent))
        news = ~(same & (good == self._sent_good))
        looked = now >= self._looks
        self._looks[looked] = (
            now + self._look - (now - self._phase[looked] * self._look) % self._look
        )
        urgent = np.zeros(len(self._points), bool)
        urgent[self._columns.states] = True
        late = now >= self._due
        speaks = (news & (looked[:, None] | urgent)) | late
        speaks &= ~racks.silent[:, self.place.number, None]
        first = np.isneginf(self._due)  # of a connection: the next ones are spread over the period
        wait = np.where(first, self._phase[:, None], 1.0) * self._republish
        self._due = np.where(speaks, now + wait, self._due)
        self._sent, self._sent_good = (
            np.where(speaks, told, self._sent),
            np.where(speaks, good, self._sent_good),
        )
        rows, columns = np.nonzero(speaks)
        times = ((now + racks.clock_offset[:, self.place.number]) * 1000).astype(np.int64).tolist()
        listed = zip(
            rows.tolist(),
            columns.tolist(),
            told[speaks].tolist(),
            good[speaks].tolist(),
            strict=True,
        )
        for rack, n, value, believed in listed:
            text = _text(value, self._columns.decimals[n])
            quality = GOOD if believed else BAD
            payload = f'{{"value":{text},"timestamp":{times[rack]},"quality":{quality}}}'.encode()
            yield Message(self._topics[rack][n], payload, rack=rack, device=self.place.device)

    def _topic(self, which: str, rack: int, n: int) -> str:
        """Build a topic; tag paths tell points apart, and stand in the order of their numbers."""
        point, name = self._points[n], self.place.points[n].name
        tag = re.sub(r"\d+", lambda digits: digits[0].zfill(3), name)
        tag = re.sub(r"[^A-Za-z0-9]+", "_", tag).strip("_")
        below = f"{self.bays[rack]}/{self.place.device}/{tag}"
        return f"{ROOT}/{BMS}/{which}/{point.object_type}/{point.point_type}/{below}"


class Heartbeat:
    """The one heartbeat of the building's management, with its metadata."""

    def __init__(self, name: str) -> None:
        self._tail = f"System/HeartbeatTimestampBms/{name}/heartbeat"
        self._due = -math.inf

    def greet(self, now: float) -> Iterator[Message]:  # noqa: ARG002 -- what it says has no time
        """Say whose heartbeat it is."""
        self._due = -math.inf
        told = {"objectType": "System", "pointType": "HeartbeatTimestampBms"}
        told |= {"objectName": "Simulated BMS", "objectId": "BMS"}
        yield Message(f"{ROOT}/{BMS}/Metadata/{self._tail}", json.dumps(told).encode(), retain=True)

    def due(self, racks: Instruments, now: float) -> Iterator[Message]:  # noqa: ARG002 -- it is the bus's
        """Beat every 10 s: tell the time."""
        if now >= self._due:
            self._due = now + HEARTBEAT_S
            told = {"value": int(now), "timestamp": int(now * 1000), "quality": GOOD}
            yield Message(f"{ROOT}/{BMS}/Value/{self._tail}", json.dumps(told).encode())


class _Finder:
    """Finds the point of the bus that a profile calls by a name; what it finds is read back."""

    def __init__(self, mqtt: MqttProfile) -> None:
        self._groups = mqtt.points
        self._naming = Naming(mqtt)

    def find(self, at: int, point: Point, names: Iterator[str]) -> tuple[Described, Column] | None:
        """Return a point that shows an instrument, and how its value stands there."""
        own, other = OBJECTS.get(point.role, OBJECTS_ELSE)
        for name in names:
            for group, object_type in ((own, own), ("*", other)):
                for point_type, given in self._groups.get(group, {}).items():
                    if found := self._as(at, point, name, given, (object_type, point_type)):
                        return found
        return None

    def _as(
        self, at: int, point: Point, name: str, given: DsxPoint, types: tuple[str, str]
    ) -> tuple[Described, Column] | None:
        """Try one type of point, with each process area under which it could have this name."""
        plain = re.sub(r"/\d+$", "", name)  # several points of one name are numbered by the reader
        for area, phase in (*_places(given, name), *_places(given, plain)):
            if point.quantity.is_state:
                symbol = None
                states, column = _state(at, point, given)
            else:
                states = None
                symbol, column = _amount(at, point, given)
            described = Described(*types, area, phase, symbol, states)
            read = self._naming.name(described.metadata())
            if isinstance(read, str) or read.quantity is not point.quantity:
                continue
            if read.name in (name, plain):
                return described, column
        return None


def _text(value: float, decimals: int) -> str:
    """Return a value as JSON has it."""
    return "null" if math.isnan(value) else f"{value:.{decimals}f}"


def _places(given: DsxPoint, name: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the process areas and phases under which a type of point may have a name."""
    for words, area in given.areas.items():
        if found := template(area.name).fullmatch(name):
            words_there = filled(words, found.groupdict()).split()
            yield tuple(word.capitalize() for word in words_there), ""
    if found := template(given.name.replace("/{area}", "")).fullmatch(name):
        yield (), found.groupdict().get("phase", "")


def _state(at: int, point: Point, given: DsxPoint) -> tuple[dict[int, str], Column]:
    """Return the states that metadata give a point, and how its number stands in a message."""
    states = given.states or states_of(point)
    words = {ours: word for word, ours in given.words.items()}
    texts = {number: _camel(words.get(name, name)) for number, name in states.items()}
    return texts, Column.state(at, point, states)


def _amount(at: int, point: Point, given: DsxPoint) -> tuple[str | None, Column]:
    """Return the unit that metadata give a point, and how its value stands in a message."""
    symbol = point.quantity.symbol if given.unit is None else unit(given.unit).symbol
    symbol = TOLD_IN.get(symbol, symbol)
    word = UNITS.get(symbol, symbol)
    word = next((theirs for theirs, ours in given.units.items() if ours == symbol), word)
    return word or None, Column.amount(at, point, given, symbol or None)


def _camel(word: str) -> str:
    """Return a word of ours as the bus writes texts: `no_leak` is `NoLeak`."""
    return "".join(part.capitalize() for part in word.split("_"))


def _owner(object_type: str, bay: str, device: str) -> dict[str, object]:
    """Say whose a point is."""
    if object_type == "Rack":
        return {"rackLocationName": bay, "rackLocationId": bay}
    name = f"{bay}-{device}"
    return {"objectName": name, "objectId": name, "servesId": [bay]}
