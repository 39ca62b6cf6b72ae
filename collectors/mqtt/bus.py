"""A device on a DSX Exchange BMS bus: its channels are learnt from metadata, then values come.

Values are published when they change and every 100 s, and the publisher's heartbeat every 10 s. So
a value is believed while it is young itself, or its publisher is alive and it came less than one
republish ago, and never from before the connection: it is not retained, and may have changed.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collectors.mqtt.decode import Decoder
from collectors.mqtt.device import Heard
from collectors.mqtt.dsx import (
    BMS,
    ROOT,
    Metadata,
    Named,
    Naming,
    Topic,
    read_metadata,
    read_value,
    split,
)
from collectors.mqtt.heartbeat import HEARTBEATS, REPUBLISH_MAX_S, Heartbeats
from collectors.mqtt.held import AHEAD_MAX_S, Held, Order
from collectors.mqtt.mapping import METADATA_KEYS
from collectors.mqtt.payload import PayloadError, parse
from collectors.mqtt.source import Source
from collectors.readings import Channel, Identity, Quality, Readings

BEAT_MAX_S: Final = 25.0  # one heartbeat every 10 s; a second one missed is silence
SETTLE_S: Final = 0.5  # retained metadata comes in one burst; a pause this long is its end
SETTLE_MAX_S: Final = 3.0  # and no burst is waited for longer
POINTS_MAX: Final = 2_000  # of one device; a rack of this bus has 30
FOREIGN_MAX: Final = 50_000  # points of other devices remembered: a hall of 1,000 racks
NOT_MINE: Final = "not_mine"


class _Column(NamedTuple):
    """Where the values of a topic go."""

    position: int
    decoder: Decoder


class Bus:
    """One device of dialect DSX."""

    def __init__(self, device: str, source: Source) -> None:
        self.name = device
        self.identity = Identity(source.profile, source.kind, source.vendor)
        self.unread: dict[str, str] = {}
        self._naming = Naming(source.mqtt)
        self._match = source.match
        self._by_metadata = bool(source.match.keys() & set(METADATA_KEYS))
        tail = "/".join(
            (
                source.match.get("objectType", "+"),
                source.match.get("pointType", "+"),
                source.match.get("tagPath", "#"),
            )
        )
        self.filters = frozenset(
            {
                f"{ROOT}/{BMS}/Metadata/{tail}",
                f"{ROOT}/+/Value/{tail}",
                *(f"{ROOT}/+/Value/System/{beat}/#" for beat in HEARTBEATS),
            }
        )
        self._points: dict[str, Metadata] = {}  # by point
        self._digests: dict[str, int] = {}  # of the metadata as it came, to know it again
        self._foreign: dict[str, int] = {}  # points of other devices: the digest of their metadata
        self._waiting: dict[str, Heard] = {}  # values that came before their description, by topic
        self._columns: dict[str, _Column] = {}  # by value topic
        self._beats = Heartbeats()
        self._publishers: tuple[str, ...] = ()
        self._publisher_of = np.zeros(0, np.intp)
        self._described: tuple[float, float] | None = None  # first and last, not yet bound
        self._connected = False
        self._order = Order()
        self._held = Held(device, ())

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return what there is to read, as far as is known."""
        return self._held.channels

    @property
    def news(self) -> bool:
        """Say whether anything changed since the last readings."""
        return self._held.news

    def connected(self) -> None:
        """Take note that the broker is there; whatever was heard before may have changed."""
        self._connected = True
        self._held.expire()
        self._beats = Heartbeats()
        self._waiting.clear()

    def disconnected(self) -> None:
        """Take note that the broker is gone."""
        self._connected, self._held.news = False, True

    def readings(self, now: float) -> list[Readings]:
        """Return what is to be told; values not vouched for are stale, or lost with the broker."""
        why = Quality.STALE if self._connected else Quality.COMM_LOST
        return self._held.readings(now, why, self._doubted(now))

    def _doubted(self, now: float) -> NDArray[np.bool_] | None:
        """Say of which values nobody knows whether they are unchanged or gone; None: of none."""
        silent = [now - self._beats.last(each, now) > BEAT_MAX_S for each in self._publishers]
        if not any(silent):
            return None
        unchanged_s = now - (self._held.until - REPUBLISH_MAX_S)
        doubted: NDArray[np.bool_] = np.array(silent)[self._publisher_of]
        doubted &= unchanged_s > BEAT_MAX_S
        return doubted

    def take(self, heard: Heard) -> str:
        """Take in one message; return why it was dropped, or nothing."""
        column = self._columns.get(heard.topic)
        if column is not None:
            return self._take_value(column, heard)
        topic = split(heard.topic)
        if topic is None:
            return "unknown_topic"
        if topic.object_type == "System" and topic.point_type in HEARTBEATS:
            return self._beats.take(topic, heard) if topic.which == "Value" else ""
        if topic.which == "Metadata":
            return self._describe(topic, heard)
        return self._take_unknown(topic, heard)

    def _describe(self, topic: Topic, heard: Heard) -> str:
        """Take in the metadata of a point; without a payload it is taken back."""
        point = topic.point
        digest = hash(heard.payload)
        known = self._digests.get(point) == digest
        if known or self._foreign.get(point) == digest:
            return "" if known else "other_device"
        if not heard.payload:
            self._take_back(point, heard.now)
            return ""
        try:
            metadata = read_metadata(topic, parse(heard.payload))
        except PayloadError as error:
            return str(error)
        if not metadata.fits(self._match):
            self._take_back(point, heard.now)
            if len(self._foreign) < FOREIGN_MAX:
                self._foreign[point] = digest
            return "other_device"
        if point not in self._points and len(self._points) >= POINTS_MAX:
            return "too_many_points"
        self._foreign.pop(point, None)
        self._points[point], self._digests[point] = metadata, digest
        self._note(heard.now)
        return ""

    def _take_back(self, point: str, now: float) -> None:
        """Forget a point; unknown ones are fine."""
        self._digests.pop(point, None)
        if self._points.pop(point, None):
            self._note(now)

    def _note(self, now: float) -> None:
        """Note that what is known of the points changed."""
        self._described = (self._described[0] if self._described else now, now)

    def _take_unknown(self, topic: Topic, heard: Heard) -> str:
        """Keep a value until its point is described; some types need no description."""
        point = topic.point
        metadata = self._points.get(point)
        full = len(self._waiting) >= POINTS_MAX and heard.topic not in self._waiting
        reason = (
            NOT_MINE
            if point in self._foreign
            else "not_in_profile"
            if self._naming.knows(topic.object_type, topic.point_type) is None
            else "other_publisher"
            if metadata is not None and metadata.publisher != topic.publisher
            else "unread"
            if metadata is not None and self._described is None
            else "too_many_points"
            if full
            else ""
        )
        if reason:
            return reason
        self._waiting[heard.topic] = heard
        return "" if metadata is not None or self._imply(topic, heard) else "undescribed"

    def _imply(self, topic: Topic, heard: Heard) -> bool:
        """Do without metadata where the type of a point leaves it no choice."""
        if self._by_metadata or heard.retained or len(self._points) >= POINTS_MAX:
            return False
        implied = self._naming.implied(topic)
        if implied is not None:
            self._points[topic.point] = implied
            self._note(heard.now)
        return implied is not None

    def _take_value(self, column: _Column, heard: Heard) -> str:
        """Take in a value of a known point."""
        n = column.position
        if heard.retained:
            self._held.excuse(n, Quality.STALE)
            return "retained"
        try:
            told = read_value(heard.payload)
        except PayloadError as error:
            return str(error)
        until = min(heard.now + REPUBLISH_MAX_S, heard.valid_until)
        value, quality, raw = column.decoder.read(told.value)
        if told.time is None or told.time > heard.wall + AHEAD_MAX_S:
            self._held.put(n, (math.nan, Quality.CLOCK, raw), until, heard.now)
            return "clock"
        if self._order.judge(heard.topic, told.time, heard.payload) == "late":
            return "late"
        if not told.trusted:  # a duplicate is the republish of a value that did not change
            value, quality = math.nan, Quality.SENSOR_FAULT
        self._held.put(n, (value, quality, raw), until, heard.now)
        return ""

    def bind(self, now: float) -> bool:
        """Make channels of the points, once the burst that describes them has ended."""
        if self._described is None:
            return False
        first, last = self._described
        if now - last < SETTLE_S and now - first < SETTLE_MAX_S:
            return False
        self._described = None
        before = self._held.channels
        self._arrange()
        waiting, self._waiting = self._waiting, {}
        for heard in waiting.values():
            self.take(heard)
        return self._held.channels != before

    def _arrange(self) -> None:
        """Give every point that is read a place among the channels, in the order of the points."""
        self.unread.clear()
        named: dict[str, Named] = {}
        for point, metadata in sorted(self._points.items()):
            found = self._naming.name(metadata)
            if isinstance(found, str):
                self.unread[_value_topic(point, metadata)] = found
            else:
                named[point] = found
        shared = Counter(found.name for found in named.values())
        seen: Counter[str] = Counter()
        channels: list[Channel] = []
        self._columns.clear()
        for point, found in named.items():
            seen[found.name] += 1
            alone = shared[found.name] == 1
            name = found.name if alone else f"{found.name}/{seen[found.name]}"
            topic = _value_topic(point, self._points[point])
            self._columns[topic] = _Column(len(channels), found.decoder)
            channels.append(found.channel(name, f"{topic}#value"))
        publishers = [self._points[point].publisher for point in named]
        self._publishers = tuple(dict.fromkeys(publishers))
        self._publisher_of = np.array([self._publishers.index(p) for p in publishers], np.intp)
        self._held = self._held.over(channels)
        self._identify(self._points)

    def _identify(self, points: Mapping[str, Metadata]) -> None:
        """Say who the device is, by the metadata of its first point."""
        for _, metadata in sorted(points.items()):
            if metadata.owner:
                self.identity = Identity(
                    self.identity.profile,
                    self.identity.kind,
                    self.identity.vendor,
                    sys_descr=f"{metadata.object_type} {metadata.owner}",
                )
                return


def _value_topic(point: str, metadata: Metadata) -> str:
    """Return where the values of a point are published."""
    return f"{ROOT}/{metadata.publisher}/Value/{point}"
