"""Schedule and sockets to readings: every device of the floor, from first contact to every poll."""

import asyncio
import contextlib
import random
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from collectors.discovery import Discovery, SilentError, discover, neighbours
from collectors.fingerprint import AmbiguousError
from collectors.layout import Layout
from collectors.neighbours import Switch
from collectors.notified import NOBODYS, Meaning, Vocabulary
from collectors.profile import Profile
from collectors.readings import Channel, Identity, Quality, Readings
from collectors.schedule import Schedule, back_off_s
from collectors.snmp.allowance import Allowance
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import LOST, Address, Outcome, Target
from collectors.snmp.notification import Notification
from collectors.snmp.poll import Answer
from collectors.snmp.usm import User

DISCOVERIES_MAX: Final = 16  # walks at once: a walk is a burst, and a floor starts all at once
REBIND_S: Final = 30.0  # between two walks of a device that keeps changing, or pretends to
REWALK_S: Final = 600.0  # until a walk that ended early is tried again
EARLY_S: Final = 1.0  # between two polls that a device's traps brought forward
EARLY_BURST: Final = 3  # of them at once; in the long run as many as there are turns, no more
SPELL_S: Final = 3600.0  # the longest sleep of the loop; any change wakes it


class Sink(Protocol):
    """Where everything goes. All calls come from the loop, one after the other."""

    def bound(
        self,
        device: str,
        channels: Sequence[Channel],
        identity: Identity,
        provides: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Learn what a device's arrays will hold from now on."""

    def polled(self, readings: Readings, outcome: str, seconds: float) -> None:
        """Take in one poll, good or not."""

    def silent(self, device: str, outcome: str, reason: str) -> None:
        """Learn that a device could not be identified; it is tried again."""

    def noticed(self, device: str, event: str, detail: str) -> None:
        """Learn of something a person should know: a restart, an incomplete walk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One SNMP device of the floor file."""

    name: str  # "bay/device"
    host: str
    port: int
    version: Literal["1", "2c", "3"]
    community: bytes = field(repr=False)  # of versions 1 and 2c
    user: User | None = None  # of version 3
    timeout_s: float
    retries: int
    interval_s: float
    profile: str | None = None  # named in the floor file, else found by fingerprint

    async def target(self) -> Target:
        """Return how to reach it. Raises: SilentError when its name resolves to nothing."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self.host, self.port, type=socket.SOCK_DGRAM
            )
        except OSError as error:
            why = error.strerror or "unknown name"
            raise SilentError(Outcome.REFUSED, f"{self.host}: {why}") from None
        host, port = found[0][4][:2]
        return Target(
            address=(str(host), int(port)),
            community=self.community,
            version=self.version,
            user=self.user,
            timeout_s=self.timeout_s,
            retries=self.retries,
            deadline_s=max(self.interval_s, self.timeout_s),
        )


@dataclass(slots=True)
class _Known:
    """What the feed knows of a device between polls."""

    device: Device
    profiles: Sequence[Profile]  # by which it is read as long as it is asked
    layout: Layout | None = None
    bound_at: float = -REBIND_S
    address: Address | None = None  # where it was looked for last
    asked_at: float = 0.0  # the turn that the present poll is for
    heard_at: float = 0.0  # the last answer
    lost: bool = False  # the polls since then brought none
    partial: bool = False  # its walk ended early: what lies beyond is not known
    keeps: bool = False  # it has told when something changed, so that 0 means: not since its start
    failures: int = 0
    retry_at: float = 0.0
    task: asyncio.Task[None] | None = field(default=None)
    vocabulary: Vocabulary = NOBODYS  # what its traps mean
    early: bool = False  # the present poll is for no turn, but for a trap
    early_at: float = 0.0  # no poll is brought forward before
    awaited: asyncio.TimerHandle | None = None  # one that will be
    may_hurry: Allowance = field(init=False)

    def __post_init__(self) -> None:
        """Allow as many polls to be brought forward as there are turns."""
        self.may_hurry = Allowance(burst=EARLY_BURST, a_second=1 / self.device.interval_s)


class Feed:
    """Polls devices on their grids and hands what they say to one sink."""

    def __init__(
        self,
        endpoint: Endpoint,
        profiles: Sequence[Profile],
        sink: Sink,
        *,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._endpoint = endpoint
        self.profiles = profiles  # of devices that are added from now on
        self._sink = sink
        self._clock = clock
        self._rng = rng
        self._known: dict[str, _Known] = {}
        endpoint.on_notice = self._noticed
        self._walks = asyncio.Semaphore(DISCOVERIES_MAX)
        self._woken = asyncio.Event()
        self.schedule = Schedule()
        self.turns = 0  # that devices have had so far

    def add(self, device: Device) -> None:
        """Begin with `device`: identify it at once, then poll it on its grid."""
        self._known[device.name] = known = _Known(device, self.profiles)
        self.schedule.add(device.name, device.interval_s, self._clock())
        self._discover(known)
        self._woken.set()

    async def cables(self, name: str) -> Switch:
        """Read who is at the far end of a switch's cables. Raises: SilentError."""
        if (known := self._known.get(name)) is None:
            raise SilentError(Outcome.REFUSED, "is not on the floor")
        return await neighbours(self._endpoint, await known.device.target(), self._walks)

    def remove(self, name: str) -> None:
        """Ask a device nothing more."""
        known = self._known.pop(name)
        self.schedule.remove(name)
        self._endpoint.forget(name)
        if known.task is not None:
            known.task.cancel()
        if known.awaited is not None:
            known.awaited.cancel()

    def told(self, name: str, told: Notification) -> Meaning:
        """Take in what a device says by itself, and ask it at once; return what that means.

        A storm is no reason to ask more often than a few times, and then twice as often as usual.
        """
        known = self._known.get(name)
        if known is None:
            return NOBODYS.of(told)
        now = self._clock()
        if known.layout is None:
            if known.task is None and now >= known.early_at:
                known.early_at = now + EARLY_S
                self._discover(known)
        elif known.awaited is None and known.may_hurry.take(now):
            pause = max(0.0, known.early_at - now)
            loop = asyncio.get_running_loop()
            known.awaited = loop.call_later(pause, self._ask_early, known)
        return known.vocabulary.of(told)

    def _ask_early(self, known: _Known) -> None:
        """Poll a device before its turn; again in a moment, if one was under way already."""
        known.awaited, now = None, self._clock()
        if known.layout is None:
            return
        known.early_at = now + EARLY_S
        if self._endpoint.poll(known.device.name, self._heard):
            known.asked_at, known.early = now, True
        else:
            loop = asyncio.get_running_loop()
            known.awaited = loop.call_later(EARLY_S, self._ask_early, known)

    async def run(self) -> None:
        """Give every device its turns until cancelled."""
        try:
            while True:
                for name in self.schedule.due(self._clock()):
                    self.turns += 1
                    self._turn(self._known[name])
                due = self.schedule.next_due()
                pause = SPELL_S if due is None else max(0.0, due - self._clock())
                self._woken.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
        finally:
            for known in self._known.values():
                if known.task is not None:
                    known.task.cancel()

    def _turn(self, known: _Known) -> None:
        """Poll a device that is bound; try again to identify one that is not."""
        asked = known.layout is not None and self._endpoint.poll(known.device.name, self._heard)
        if asked or known.early:  # a poll that was brought forward, and is still on, will do
            due = self.schedule.due_at(known.device.name)
            known.asked_at, known.early = due - known.device.interval_s, False
        wanting = known.layout is None or known.partial
        if wanting and known.task is None and self._clock() >= known.retry_at:
            self._discover(known)

    def _heard(self, name: str, answer: Answer) -> None:
        """Turn one answer into readings: the hot path."""
        known = self._known.get(name)
        if known is None or known.layout is None:
            return
        layout, now = known.layout, self._clock()
        outcome = answer.outcome
        early, known.early = known.early, False
        if early and outcome in LOST:
            return  # whether it is there is for its turns to say
        silence_s = now - answer.seconds - known.heard_at if known.lost else 0.0
        known.lost = outcome in LOST
        known.heard_at = known.heard_at if known.lost else now
        if known.lost:
            readings = _lost(known, layout, now, Quality.COMM_LOST)
        elif why := layout.changed(answer.raw, answer.fault, answer.texts, silence_s):
            readings = _lost(known, layout, now, Quality.STALE)
            self._sink.noticed(name, "device_changed", why)
            known.keeps = layout.changes.kept
            known.layout = None
            known.retry_at = known.bound_at + REBIND_S
            if now >= known.retry_at:
                self._discover(known)
        else:
            values, quality, raw = layout.convert(answer.raw, answer.fault, answer.texts)
            readings = Readings(
                device=name,
                taken_at=now,
                values=values,
                quality=quality,
                raw=raw,
                asked_at=known.asked_at,
            )
        self._sink.polled(readings, outcome.value, answer.seconds)

    def _discover(self, known: _Known) -> None:
        """Identify a device in a task of its own; its failures are its own."""
        known.task = asyncio.create_task(self._identify(known))

    async def _identify(self, known: _Known) -> None:
        """Find out what a device is and plan its polls; back off where that fails."""
        device = known.device
        try:
            target = await device.target()
            known.address = target.address
            found = await discover(
                self._endpoint, target, known.profiles, device.profile, self._walks
            )
        except SilentError as error:
            self._failed(known, error.outcome.value, str(error))
        except AmbiguousError as error:
            self._failed(known, "ambiguous", str(error))
        else:
            self._bind(known, target, found)
        finally:
            known.task = None

    def _noticed(self, address: Address, event: str, detail: str) -> None:
        """Tell of the device at an address something that only its engine's clock or name shows."""
        for name, known in self._known.items():
            if known.address == address:
                self._sink.noticed(name, event, detail)

    def _failed(self, known: _Known, outcome: str, reason: str) -> None:
        """Leave a device alone for a while."""
        known.failures += 1
        known.retry_at = self._clock() + back_off_s(known.failures, self._rng)
        if known.layout is None:
            self._sink.silent(known.device.name, outcome, reason)

    def _bind(self, known: _Known, target: Target, found: Discovery) -> None:
        """Plan the polls of a device and ask it at once, without waiting for its turn."""
        name, layout = known.device.name, found.layout
        known.keeps = layout.changes.kept = layout.changes.kept or known.keeps
        known.layout, known.bound_at, known.failures = layout, self._clock(), 0
        known.heard_at, known.lost = known.bound_at, False
        known.partial, known.retry_at = bool(found.notes), known.bound_at + REWALK_S
        known.vocabulary = Vocabulary(found.profile.notifications, layout.channels)
        self._endpoint.watch(name, target, layout.objects)
        self._sink.bound(name, layout.channels, layout.identity, found.profile.provides)
        if (
            found.notes
        ):  # a device that lies does so below every root, and is walked again and again
            more = f" (and {len(found.notes) - 1} more)" if found.notes[1:] else ""
            self._sink.noticed(name, "walk_incomplete", found.notes[0] + more)
        known.asked_at = known.bound_at
        self._endpoint.poll(name, self._heard)


def _lost(known: _Known, layout: Layout, now: float, why: Quality) -> Readings:
    """Return the readings of a poll that brought nothing."""
    channels = len(layout.channels)
    return Readings.lost(known.device.name, now, channels, why, known.asked_at)
