"""A device that says something by itself is asked at once, and a storm is no reason to ask more."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, cast

import pytest

from collectors.feed import EARLY_BURST, Device, Feed
from collectors.notified import Meaning
from collectors.profile import load_profiles
from collectors.readings import Channel, Identity, Readings
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.notification import STANDARD, Notification
from collectors.twin.objects import UPTIME, Object, Table, system
from collectors.twin.responder import Responder

PATIENCE_S: Final = 20.0
SELDOM_S: Final = 3600.0  # no turn comes while a test runs
NAME: Final = "bay/box"
CURRENT: Final = "1.3.6.1.4.1.99999.1.1.0"
TRIPPED: Final = Notification("1.3.6.1.4.1.99999.0.1", 0, ((CURRENT, 0),))
PROFILE: Final = f"""\
profile: rackproof.profile/1
name: box
kind: pdu
vendor: Nobody
title: A device that a test makes
fingerprint: {{sys_object_id: [1.3.6.1.4.1.99999]}}
channels:
  current: {{value: {CURRENT}, quantity: current, unit: A, scale: 0.1}}
notifications:
  tripped: 1.3.6.1.4.1.99999.0.1
"""


class Box(asyncio.DatagramProtocol):
    """A device on loopback with one reading."""

    def __init__(self) -> None:
        self.shown = {UPTIME: 5_000.0, "current": 23.1}
        rows = [
            *system("1.3.6.1.4.1.99999.7", "a box", "box"),
            Object(oid=CURRENT, reads="current", scale=10.0),
        ]
        self._responder = Responder(Table(rows), self.shown)
        self.silent = False
        self.asked = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer, or do not."""
        self.asked.set()
        answer = self._responder.answer(data)
        if answer is not None and not self.silent:
            self.transport.sendto(answer, addr)


class Notes:
    """A sink that remembers polls, and lets a test wait for more."""

    def __init__(self) -> None:
        self.polls: list[Readings] = []
        self.outcomes: list[str] = []
        self.notices: list[str] = []
        self._news = asyncio.Event()

    def bound(
        self,
        device: str,
        channels: Sequence[Channel],
        identity: Identity,
        provides: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Learn nothing."""

    def polled(self, readings: Readings, outcome: str, seconds: float) -> None:
        """Remember a poll."""
        del seconds
        self.polls.append(readings)
        self.outcomes.append(outcome)
        self._news.set()

    def silent(self, device: str, outcome: str, reason: str) -> None:
        """Remember that nobody was found."""
        del device, reason
        self.outcomes.append(outcome)
        self._news.set()

    def noticed(self, device: str, event: str, detail: str) -> None:
        """Remember a notice."""
        del device, detail
        self.notices.append(event)
        self._news.set()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds; it is looked at whenever there is news."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._news.clear()
                await self._news.wait()


class Scene:
    """One device, and the feed that reads it."""

    def __init__(self, box: Box, feed: Feed, notes: Notes) -> None:
        self.box, self.feed, self.notes = box, feed, notes

    def add(self, interval_s: float = SELDOM_S) -> None:
        """Let the feed begin."""
        host, port = self.box.transport.get_extra_info("sockname")[:2]
        self.feed.add(
            Device(
                name=NAME,
                host=host,
                port=port,
                version="2c",
                community=b"public",
                timeout_s=0.3,
                retries=0,
                interval_s=interval_s,
            )
        )


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """Let a feed run."""
    (tmp_path / "box.yaml").write_text(PROFILE)
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    notes = Notes()
    profiles = load_profiles(tmp_path)
    feed = Feed(endpoint, profiles, notes, clock=time.monotonic, rng=random.Random(1))
    loop = asyncio.get_running_loop()
    transport, box = await loop.create_datagram_endpoint(Box, local_addr=("127.0.0.1", 0))
    task = asyncio.create_task(feed.run())
    yield Scene(box, feed, notes)
    task.cancel()
    await asyncio.wait({task}, timeout=PATIENCE_S)
    transport.close()
    endpoint.close()


async def test_a_device_is_asked_at_once_when_it_says_something(scene: Scene) -> None:
    """Its next turn is an hour away, and what it shows now is known a moment later."""
    scene.add()
    await scene.notes.until(lambda: scene.notes.polls)
    scene.box.shown["current"] = 0.0

    meaning = scene.feed.told(NAME, TRIPPED)
    await scene.notes.until(lambda: len(scene.notes.polls) > 1)

    assert meaning == Meaning("tripped", ("current",))
    assert scene.notes.polls[-1].values.tolist() == [0.0]
    assert scene.notes.polls[-1].turn_at > scene.notes.polls[0].taken_at


async def test_a_storm_of_traps_is_no_storm_of_polls(scene: Scene) -> None:
    """A few polls, and one of them after all that was said."""
    scene.add()
    await scene.notes.until(lambda: scene.notes.polls)

    for number in range(1000):
        scene.box.shown["current"] = float(number)
        scene.feed.told(NAME, TRIPPED)
        if not number % 100:
            await asyncio.sleep(0)
    await scene.notes.until(lambda: scene.notes.polls[-1].values.tolist() == [999.0])

    assert len(scene.notes.polls) <= 1 + EARLY_BURST


async def test_a_poll_for_a_trap_that_brings_nothing_says_nothing(scene: Scene) -> None:
    """Whether a device is there is for its turns to say, of which evidence is made."""
    scene.add()
    await scene.notes.until(lambda: scene.notes.polls)
    scene.box.asked.clear()
    scene.box.silent = True

    scene.feed.told(NAME, TRIPPED)
    async with asyncio.timeout(PATIENCE_S):
        await scene.box.asked.wait()
    scene.box.silent = False
    scene.feed.told(NAME, TRIPPED)
    await scene.notes.until(lambda: len(scene.notes.polls) > 1)

    assert set(scene.notes.outcomes) == {"ok"}


async def test_traps_cost_no_turn(scene: Scene) -> None:
    """Every turn has a reading of its own, however often the device speaks up."""
    scene.add(interval_s=0.05)
    for _ in range(200):
        scene.feed.told(NAME, TRIPPED)
        await asyncio.sleep(0.005)
    await scene.notes.until(lambda: len(scene.notes.polls) > 10)

    turns = [poll.turn_at for poll in scene.notes.polls[1:]]
    steps = [round((after - before) / 0.05) for before, after in pairwise(turns)]
    assert sum(step - 1 for step in steps if step > 1) <= scene.feed.schedule.skipped


async def test_a_device_that_nobody_knew_is_looked_for_when_it_says_that_it_started(
    scene: Scene,
) -> None:
    """Without a trap it would be left alone for a while, as it did not answer."""
    scene.box.silent = True
    scene.add()
    await scene.notes.until(lambda: scene.notes.outcomes)
    scene.box.silent = False

    meaning = scene.feed.told(NAME, Notification(f"{STANDARD}.1", 0, ()))
    await scene.notes.until(lambda: scene.notes.polls)

    assert meaning.name == f"{STANDARD}.1", "what it is was not known yet"


async def test_a_device_that_is_not_polled_may_speak(scene: Scene) -> None:
    """It was removed a moment ago."""
    assert scene.feed.told("bay/gone", TRIPPED) == Meaning(TRIPPED.name)
