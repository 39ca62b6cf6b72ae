"""All devices of one broker: each message to whom it concerns, each device's readings in time."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from collectors.mqtt.access import REORDER_S
from collectors.mqtt.bus import NOT_MINE, Bus
from collectors.mqtt.device import Device, Heard
from collectors.mqtt.edge_device import EdgeDevice
from collectors.mqtt.edges import Edges
from collectors.mqtt.gateway import Gateway
from collectors.mqtt.source import Source
from collectors.mqtt.topic import TOPIC_BYTES_MAX, Router
from collectors.readings import Channel, Identity, Readings

TICK_S: Final = 0.25  # changes of a device within it are told together
REPEAT_S: Final = 1.0  # a device without changes is told again: its values may have gone stale
PATIENCE_S: Final = 5.0  # a device not described by then is told as having no channels

USUAL: Final = frozenset(  # reasons that come with a sound device on a sound bus
    {
        "retained",
        "duplicate",
        "unread",
        "not_in_profile",
        "other_device",
        "nobody",
        "historical",
        "older_session",
        "out_of_turn",
    }
)

OnReadings = Callable[[Readings], None]
OnBound = Callable[[str, tuple[Channel, ...], Identity], None]
Maker = Callable[[str, Source], Device]


@dataclass(slots=True, eq=False)
class Watched:
    """One device, whom to tell of it, and what came for it."""

    device: Device
    on_readings: OnReadings
    on_bound: OnBound
    since: float
    told_at: float = float("-inf")
    bound: bool = False
    messages: int = 0
    octets: int = 0
    drops: Counter[str] = field(default_factory=Counter)  # what should not have come, by reason
    ignored: Counter[str] = field(default_factory=Counter)  # what need not be read, by reason

    def note(self, heard: Heard, reason: str) -> None:
        """Count a message."""
        self.messages += 1
        self.octets += len(heard.payload)
        if reason:
            (self.ignored if reason in USUAL else self.drops)[reason] += 1


class Hub:
    """Hands out messages as they come; nothing queues. What is not read waits with the broker."""

    def __init__(self, reorder_s: float = REORDER_S) -> None:
        self.watched: dict[str, Watched] = {}
        self.drops: Counter[str] = Counter()  # of no device, or of one that left, by reason
        self.ignored: Counter[str] = Counter()
        self.heard_at = float("-inf")  # when the last live message came
        self._router: Router[Watched] = Router()
        self._connected = False
        self.edges = Edges(reorder_s)
        self._makers: Mapping[str, Maker] = {
            "dsx": Bus,
            "json": Gateway,
            "sparkplug": self.edges.device,
        }

    @property
    def filters(self) -> frozenset[str]:
        """Return what to subscribe to."""
        return self._router.filters

    @property
    def talkative(self) -> bool:
        """Say whether anything is to be heard all the time; a node of Sparkplug may be silent."""
        return any(not isinstance(w.device, EdgeDevice) for w in self.watched.values())

    def watch(
        self, device: str, source: Source, on_readings: OnReadings, on_bound: OnBound, now: float
    ) -> None:
        """Begin with a device; its old self, if any, is forgotten."""
        self.forget(device)
        new = Watched(self._makers[source.mqtt.dialect](device, source), on_readings, on_bound, now)
        self.watched[device] = new
        for pattern in new.device.filters:
            self._router.add(pattern, new)
        if self._connected:
            new.device.connected()

    def forget(self, device: str) -> None:
        """End with a device; unknown names are fine."""
        if gone := self.watched.pop(device, None):
            self._router.remove(gone)
            self.edges.forget(gone.device)
            self.drops.update(gone.drops)

    def connected(self, now: float) -> None:
        """Take note that the broker is there."""
        self._connected, self.heard_at = True, now
        for watched in self.watched.values():
            watched.device.connected()

    def disconnected(self) -> None:
        """Take note that the broker is gone."""
        self._connected = False
        for watched in self.watched.values():
            watched.device.disconnected()

    def hear(self, heard: Heard) -> None:
        """Hand one message to every device that it concerns. Cost: 8 µs for a value of a bus."""
        if not heard.retained:
            self.heard_at = heard.now
        if len(heard.topic) > TOPIC_BYTES_MAX:
            self.drops["topic_too_long"] += 1
            return
        receivers = self._router.find(heard.topic)
        if not receivers:
            self.ignored["nobody"] += 1
        for watched in receivers:
            reason = watched.device.take(heard)
            if reason == NOT_MINE:
                self._router.drop(heard.topic, watched)
                continue
            watched.note(heard, reason)

    def tick(self, now: float) -> None:
        """Tell what is to be told now; to be called every TICK_S."""
        for watched in list(self.watched.values()):
            device = watched.device
            late = not watched.bound and now - watched.since >= PATIENCE_S
            if device.bind(now) or (not watched.bound and (device.channels or late)):
                watched.bound = True
                self._router.find_anew()
                watched.on_bound(device.name, device.channels, device.identity)
            elif not watched.bound or not (device.news or now - watched.told_at >= REPEAT_S):
                continue
            watched.told_at = now
            for readings in device.readings(now):
                watched.on_readings(readings)
