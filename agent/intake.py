"""Where readings go: to the metrics page and to the bay's judge. Nothing stays but who is up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol

import structlog

from agent.burnin.design import DERIVED
from agent.burnin.live import LiveBay
from agent.exposition.floor import Floor
from collectors.profile import is_draft
from collectors.readings import Channel, Identity, Quality, Readings

INTERVAL_S: Final = 10.0  # of a device whose interval is not known
MISSED: Final = 3  # intervals without a word, and then some, until nothing of it is believed
GRACE_S: Final = 10.0  # for retries of the last poll
CHANGED: Final = "device_changed"  # what the feed notices of a device that started anew
UP: Final = frozenset({"ok", "partial"})  # outcomes of a poll that brought something

log = structlog.get_logger()


class Witness(Protocol):
    """Who keeps what is seen as evidence, where a run is on."""

    def bound(
        self,
        bay: str,
        device: str,
        channels: Sequence[Channel],
        served: Mapping[str, str],
        identity: Identity,
    ) -> None:
        """Learn what a device's arrays hold from now on; `served`: its channel -> the spec's."""

    def take(self, bay: str, device: str, readings: Readings) -> None:
        """Take in one poll, good or not."""

    def rebooted(self, bay: str, device: str, why: str) -> None:
        """Learn that a device may have started anew, its counters too."""


@dataclass(slots=True)
class _Bay:
    """A bay while it is open."""

    live: LiveBay | None
    devices: Mapping[str, Mapping[str, str]]  # device -> the floor file's `map` of its channels
    intervals: Mapping[str, float]  # device -> seconds between two words of it
    up: dict[str, bool] = field(default_factory=dict)
    told: dict[str, tuple[float, int]] = field(default_factory=dict)  # when last, how many channels
    known: dict[str, Identity] = field(default_factory=dict)  # who each device says it is


class Intake:
    """Takes what the collectors bring. All calls come from the loop, one after the other."""

    def __init__(
        self,
        page: Floor,
        *,
        clock: Callable[[], float],
        wall: Callable[[], float],
        witness: Witness | None = None,
    ) -> None:
        self._page = page
        self._witness = witness
        self._clock = clock
        self._wall = wall
        self._bays: dict[str, _Bay] = {}

    def open(
        self,
        bay: str,
        live: LiveBay | None,
        devices: Mapping[str, Mapping[str, str]],
        intervals: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """Show a bay, and judge it where it has a spec."""
        self._bays[bay] = _Bay(live, devices, intervals)
        self._page.add(bay, devices)
        if live is not None:
            spec = live.design.spec
            self._page.rack(bay, {"spec": spec.id, "revision": spec.revision})
            self._page.bind_status(bay, live.rows)
            self._page.bind(bay, DERIVED, live.derived, {})

    def close(self, bay: str) -> None:
        """Show nothing more of a bay."""
        del self._bays[bay]
        self._page.remove(bay)

    def known(self, bay: str) -> Mapping[str, Identity]:
        """Return who the devices of a bay are, as they say themselves.

        One that is silent is not there, for it may be another one by now; neither is one that only
        a draft reads, for what that takes for a serial nobody has reviewed.
        """
        home = self._bays[bay]
        return {
            device: who
            for device, who in home.known.items()
            if home.up.get(device) and not is_draft(who.profile)
        }

    def settled(self) -> bool:
        """Say whether every device has been heard of once, well or not."""
        return all(len(bay.up) == len(bay.devices) for bay in self._bays.values())

    def judge(self) -> None:
        """Bring the status of every judged channel up to date."""
        now = self._clock()
        for name, bay in self._bays.items():
            self._expire(name, bay, now)
            if bay.live is not None:
                self._page.put_status(name, *bay.live.judge(now))
                self._page.put(bay.live.computed(name, now))

    def _expire(self, name: str, bay: _Bay, now: float) -> None:
        """Take back what a device said last, if whoever should tell of it has fallen silent too."""
        for device, (at, channels) in [*bay.told.items()]:
            if now - at > MISSED * bay.intervals.get(device, INTERVAL_S) + GRACE_S:
                del bay.told[device]
                key = f"{name}/{device}"
                self._page.put(Readings.lost(key, now, channels, Quality.STALE))
                self._page.heard(key, up=False, at=self._wall())
                self._notice(key, up=False, why="nothing told of it")

    def bound(
        self,
        device: str,
        channels: Sequence[Channel],
        identity: Identity,
        provides: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Learn what a device's arrays will hold from now on."""
        bay, name = device.split("/", 1)
        home = self._bays[bay]
        labels: Mapping[str, str] = {}
        if home.live is not None:
            labels = home.live.bind(name, channels, provides, home.devices[name])
            for problem in home.live.problems[name]:
                log.warning("channel_not_bound", device=device, problem=problem)
            if self._witness is not None:
                self._witness.bound(bay, name, channels, labels, identity)
        home.told.pop(name, None)
        home.known[name] = identity
        self._page.bind(bay, name, channels, labels)
        self._page.identify(bay, name, identity)
        log.info(
            "device_bound",
            device=device,
            profile=identity.profile,
            model=identity.model,
            channels=len(channels),
            judged=len(labels),
        )

    def polled(self, readings: Readings, outcome: str, seconds: float) -> None:
        """Take in one poll: the hot path."""
        self._take(readings)
        self._ended(readings.device, outcome, seconds)

    def received(self, readings: Readings) -> None:
        """Take in what messages brought since the last time."""
        self._take(readings)
        up = bool((readings.quality == Quality.GOOD).any())
        self._page.heard(readings.device, up=up, at=self._wall())
        self._notice(readings.device, up=up, why="nothing fresh")

    def silent(self, device: str, outcome: str, reason: str) -> None:
        """Learn that a device could not be identified; it is tried again."""
        bay, name = device.split("/", 1)
        if self._bays[bay].up.get(name) is None:
            log.warning("device_not_identified", device=device, reason=reason)
        self._ended(device, outcome, 0.0)

    def noticed(self, device: str, event: str, detail: str) -> None:
        """Learn of something a person should know."""
        log.warning(event, device=device, detail=detail)
        if event == CHANGED:
            bay, _, name = device.partition("/")
            self._bays[bay].known.pop(name, None)  # who it is now, it has not said yet
            if self._witness is not None:
                self._witness.rebooted(bay, name, detail)

    def _take(self, readings: Readings) -> None:
        """Show readings and judge them."""
        bay, _, name = readings.device.partition("/")
        home = self._bays[bay]
        home.told[name] = readings.taken_at, len(readings.values)
        self._page.put(readings)
        if home.live is not None:
            home.live.take(readings)
            if self._witness is not None:
                self._witness.take(bay, name, readings)

    def _ended(self, device: str, outcome: str, seconds: float) -> None:
        """Note the end of a poll."""
        up = outcome in UP
        self._page.polled(device, outcome, up=up, seconds=seconds, at=self._wall())
        self._notice(device, up=up, why=outcome)

    def _notice(self, device: str, *, up: bool, why: str) -> None:
        """Say so where a device went or came back."""
        bay, _, name = device.partition("/")
        before = self._bays[bay].up.get(name)
        if before is up:
            return
        self._bays[bay].up[name] = up
        if before is not None and not up:
            log.warning("device_silent", device=device, why=why)
        elif before is not None:
            log.info("device_answers_again", device=device)
