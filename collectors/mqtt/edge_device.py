"""A device of a Sparkplug edge node, or the node itself: births name its metrics, data are values.

A value is reported when it changes, so it does not age: it is believed while its node lives and all
that the node has said is known. What the node tells late, as history, is kept apart: it is evidence
of what was, and no live value.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from collectors.mqtt.decode import Decoded, Decoder
from collectors.mqtt.device import Heard
from collectors.mqtt.edge import KINDS_OF_DEVICE, KINDS_OF_NODE, EdgeNode
from collectors.mqtt.held import AHEAD_MAX_S, Held
from collectors.mqtt.metrics import Naming
from collectors.mqtt.payload import EARLIEST
from collectors.mqtt.source import Source
from collectors.mqtt.sparkplug import NAMESPACE, WRONG, Metric, Payload
from collectors.readings import Channel, Identity, Quality, Readings

UNTIL_DEATH: Final = 1e300  # when a value that does not age stops being believed
BEHIND_MAX_S: Final = 60.0  # a message this old was queued somewhere, or its clock is wrong
LATE_MAX: Final = 1_000  # values of the past kept: an outage of a minute at 16 a second
QUALITIES: Final = {0: Quality.SENSOR_FAULT, 192: Quality.GOOD, 500: Quality.STALE}  # §6.4.9
CONTROLS: Final = ("Node Control/", "Device Control/", "bdSeq", "Node Info/", "Properties/")


@dataclass(slots=True)
class _Column:
    """One metric that is a channel, and what was last said of it."""

    position: int
    decoder: Decoder
    units: Mapping[str, str]  # the device's word for a unit -> ours
    datatype: int
    unit: str | None = None
    quality: int | None = None
    time: int = 0  # ms since 1970


@dataclass(frozen=True, slots=True)
class Late:
    """A value of the past, told when it was no longer live."""

    channel: str
    time: float  # seconds since 1970, by the source
    value: float
    quality: Quality


class EdgeDevice:
    """One device of dialect Sparkplug."""

    def __init__(self, device: str, source: Source, node: EdgeNode, member: str) -> None:
        self.name = device
        self.source = source
        self.identity = Identity(source.profile, source.kind, source.vendor)
        self.unread: dict[str, str] = {}
        self.late: deque[Late] = deque(maxlen=LATE_MAX)
        self.node = node
        self.member = member
        base = f"{NAMESPACE}/{node.group}"
        self.filters = frozenset(
            {
                *(f"{base}/{kind}/{node.name}" for kind in KINDS_OF_NODE),
                *(f"{base}/{kind}/{node.name}/+" for kind in KINDS_OF_DEVICE),
            }
        )
        self._naming = Naming(source.mqtt)
        self._alive = False
        self._bound: tuple[Channel, ...] = ()
        self._columns: dict[str, _Column] = {}  # by metric
        self._names: dict[int, str] = {}  # by alias
        self._held = Held(device, ())

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return what there is to read, as far as births have told."""
        return self._held.channels

    @property
    def news(self) -> bool:
        """Say whether anything changed since the last readings."""
        return self._held.news

    def connected(self) -> None:
        """Take note that the broker is there; whatever was heard before may have changed."""
        self.node.listen(there=True)
        self._held.news = True

    def disconnected(self) -> None:
        """Take note that the broker is gone."""
        self.node.listen(there=False)
        self._held.news = True

    def take(self, heard: Heard) -> str:
        """Take in a message of the node; return why it was dropped, or nothing."""
        return self.node.hear(heard)

    def bind(self, now: float) -> bool:
        """Say whether a birth brought other channels than before."""
        self.node.tick(now)
        before, self._bound = self._bound, self._held.channels
        return self._bound != before

    def readings(self, now: float) -> list[Readings]:
        """Return what is to be told; while a message of the node is missing, all is stale."""
        why = Quality.STALE if self.node.listening else Quality.COMM_LOST
        missing = self._alive and not self.node.sound
        doubted = np.ones(len(self.channels), bool) if missing else None
        return self._held.readings(now, why, doubted)

    def doubted(self) -> None:
        """Take note that the node's soundness changed."""
        self._held.news = True

    def died(self) -> None:
        """Believe nothing any more, until the next birth."""
        self._alive, self._held.news = False, True
        self._held.expire()

    def born(self, payload: Payload, heard: Heard) -> str:
        """Take in a birth: what there is, and what each is now; return why it is refused."""
        self.died()
        metrics: dict[str, Metric] = {}
        names: dict[int, str] = {}
        for metric in payload.metrics:
            if metric.name is None or metric.name in metrics or metric.alias in names:
                return "bad_birth"
            metrics[metric.name] = metric
            if metric.alias is not None:
                names[metric.alias] = metric.name
        self._names = names
        self._arrange(metrics)
        self._alive = True
        for name, column in self._columns.items():
            self._put(column, metrics[name], payload, heard)
        return ""

    def _arrange(self, metrics: Mapping[str, Metric]) -> None:
        """Give every metric that is read a place among the channels, in order of their names."""
        self.unread.clear()
        self._columns.clear()
        channels: dict[str, Channel] = {}
        for name, metric in sorted(metrics.items()):
            found = self._naming.name(name, metric)
            if not isinstance(found, str) and found.channel.name in channels:
                found = f"is called {found.channel.name} like another"
            if isinstance(found, str):
                if not name.startswith(CONTROLS):
                    self.unread[name] = found
                continue
            assert metric.datatype is not None
            self._columns[name] = _Column(
                len(channels), found.decoder, found.units, metric.datatype
            )
            channels[found.channel.name] = found.channel
        if tuple(channels.values()) != self._held.channels:
            self._held = self._held.over(list(channels.values()))

    def data(self, payload: Payload, heard: Heard) -> str:
        """Take in what changed; return why anything of it is not taken."""
        if not self._alive:
            self.node.wanting = self.node.wanting or "not_born"
            return "before_birth"
        reason = ""
        for metric in payload.metrics:
            name = metric.name
            if name is None:
                if metric.alias not in self._names:  # our aliases are not the node's: believe none
                    self.node.lose("unknown_alias")
                    return "unknown_alias"
                name = self._names[metric.alias]
            column = self._columns.get(name)
            if column is not None:
                reason = self._put(column, metric, payload, heard) or reason
            elif name not in self.unread and not name.startswith(CONTROLS):
                self.node.wanting = self.node.wanting or "unknown_metric"
                reason = "unknown_metric"
        return reason

    def _put(self, column: _Column, metric: Metric, payload: Payload, heard: Heard) -> str:
        """Take in one value; return why it is not a live one."""
        if metric.unit is not None:
            column.unit = column.units.get(metric.unit, metric.unit)
        if metric.quality is not None:
            column.quality = metric.quality
        time = payload.time if metric.time is None else metric.time
        decoded = self._decoded(column, metric)
        if metric.historical:
            channel = self._held.channels[column.position].name
            self.late.append(Late(channel, (time or 0) / 1e3, decoded[0], decoded[1]))
            return "historical"
        reason = ""
        if time is not None and _timely(time, payload.time, column.time, heard.wall):
            column.time = time
        else:
            decoded, reason = (math.nan, Quality.CLOCK, decoded[2]), "clock"
        self._held.put(column.position, decoded, UNTIL_DEATH, heard.now)
        return reason

    @staticmethod
    def _decoded(column: _Column, metric: Metric) -> Decoded:
        """Return a value by the type, unit and quality that were last told of it."""
        decoded = column.decoder.read(_readable(metric.value(column.datatype)), column.unit)
        told = Quality.GOOD
        if column.quality is not None:
            told = QUALITIES.get(column.quality, Quality.SENSOR_FAULT)
        if told != Quality.GOOD and decoded[1] == Quality.GOOD:
            return math.nan, told, decoded[2]
        return decoded


def _readable(value: object) -> object:
    """Return a value as a decoder takes it: what is not of its type is no value at all."""
    return () if value is WRONG else value


def _timely(time: int, sent: int | None, last: int, wall: float) -> bool:
    """Say whether a time can be right: of a message just sent, and not before an earlier one."""
    if sent is None:
        return False
    just_sent = -BEHIND_MAX_S <= sent / 1e3 - wall <= AHEAD_MAX_S
    return just_sent and max(last, EARLIEST * 1e3) <= time and time / 1e3 - wall <= AHEAD_MAX_S
