"""Devices come, go, restart and talk nonsense on real sockets; each one's trouble is its own."""

import asyncio
import contextlib
import random
import textwrap
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import pytest

from collectors.feed import Device, Feed
from collectors.profile import Profile, load_profiles
from collectors.readings import Channel, Identity, Quality, Readings
from collectors.schedule import BACK_OFF_MAX_S
from collectors.snmp.endpoint import Endpoint
from collectors.twin.objects import UPTIME, Object, Table, fixed, system
from collectors.twin.responder import Responder

PATIENCE_S: Final = 20.0  # of a test on a busy machine; nothing here takes two seconds when idle
INTERVAL_S: Final = 0.1
ENTERPRISE: Final = "1.3.6.1.4.1.99999"
PROFILE: Final = """\
profile: rackproof.profile/1
name: {name}
kind: pdu
vendor: Nobody
title: A device that a test makes
source: this test
fingerprint: {{sys_object_id: [1.3.6.1.4.1.99999]}}
channels:
  current: {{value: 1.3.6.1.4.1.99999.1.1.0, quantity: current, unit: A, scale: 0.1}}
  flaps: {{value: 1.3.6.1.4.1.99999.1.3.0, quantity: count, conversion: changes}}
"""


class Box(asyncio.DatagramProtocol):
    """A device on loopback, with one reading, that can be made to misbehave."""

    def __init__(self, community: bytes = b"public") -> None:
        self.shown = {UPTIME: 5_000.0, "current": 23.1, "changed": 300.0}
        rows = [
            *system(f"{ENTERPRISE}.7", "a box", "box"),
            Object(oid=f"{ENTERPRISE}.1.1.0", reads="current", scale=10.0),
            fixed(f"{ENTERPRISE}.1.2.0", "no reading"),
            Object(oid=f"{ENTERPRISE}.1.3.0", reads="changed"),
        ]
        self._responder = Responder(Table(rows), self.shown, community=community)
        self.silent = False
        self.garbage: random.Random | None = None
        self.heard = 0
        self.address = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.address = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer, or do not, or say something else."""
        self.heard += 1
        if self.silent:
            return
        answer = self._responder.answer(data)
        if self.garbage is not None:
            noise = bytearray(answer or data)
            noise[self.garbage.randrange(len(noise))] ^= 1 << self.garbage.randrange(8)
            self.transport.sendto(bytes(noise[: self.garbage.randrange(1, len(noise))]), addr)
        elif answer is not None:
            self.transport.sendto(answer, addr)


class Notes:
    """A sink that remembers, and lets a test wait for more."""

    def __init__(self) -> None:
        self.channels: dict[str, list[Sequence[Channel]]] = {}  # device -> each binding
        self.readings: dict[str, list[Readings]] = {}
        self.outcomes: dict[str, list[str]] = {}
        self.silences: dict[str, list[tuple[str, str]]] = {}
        self.notices: list[tuple[str, str]] = []
        self._news = asyncio.Event()

    def bound(
        self,
        device: str,
        channels: Sequence[Channel],
        identity: Identity,
        provides: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Remember a binding."""
        del identity, provides
        self.channels.setdefault(device, []).append(channels)
        self._news.set()

    def polled(self, readings: Readings, outcome: str, seconds: float) -> None:
        """Remember a poll."""
        assert seconds >= 0
        self.readings.setdefault(readings.device, []).append(readings)
        self.outcomes.setdefault(readings.device, []).append(outcome)
        self._news.set()

    def silent(self, device: str, outcome: str, reason: str) -> None:
        """Remember a failure to identify."""
        self.silences.setdefault(device, []).append((outcome, reason))
        self._news.set()

    def noticed(self, device: str, event: str, detail: str) -> None:
        """Remember a notice."""
        assert detail
        self.notices.append((device, event))
        self._news.set()

    def value(self, device: str) -> float | Quality | None:
        """Return what the last poll brought: the value, or why there is none."""
        if device not in self.readings:
            return None
        last = self.readings[device][-1]
        quality = Quality(last.quality[0])
        return float(last.values[0]) if quality is Quality.GOOD else quality

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds; it is looked at whenever there is news."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._news.clear()
                await self._news.wait()


class Hall:
    """A feed, the devices it reads, and a clock that can be put forward."""

    def __init__(self, endpoint: Endpoint, profiles: Sequence[Profile]) -> None:
        self.ahead_s = 0.0
        self.notes = Notes()
        self.boxes: dict[str, Box] = {}
        self.feed = Feed(
            endpoint,
            profiles,
            self.notes,
            clock=lambda: time.monotonic() + self.ahead_s,
            rng=random.Random(1),
        )
        self._closing = contextlib.ExitStack()

    async def box(self, name: str, community: bytes = b"public") -> Box:
        """Put a device on the network, of which the feed knows nothing yet."""
        loop = asyncio.get_running_loop()
        transport, box = await loop.create_datagram_endpoint(
            lambda: Box(community), local_addr=("127.0.0.1", 0)
        )
        self._closing.callback(transport.close)
        self.boxes[name] = box
        return box

    def add(self, name: str, timeout_s: float = 0.05, host: str | None = None) -> None:
        """Let the feed begin with a device."""
        there, port = self.boxes[name].address
        self.feed.add(
            Device(
                name=name,
                host=host or there,
                port=port,
                version="2c",
                community=b"public",
                timeout_s=timeout_s,
                retries=0,
                interval_s=INTERVAL_S,
            )
        )

    def close(self) -> None:
        """Take all devices off the network."""
        self._closing.close()


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Profile, ...]:
    """Return one profile, of a device that only this test has."""
    return _profiles(tmp_path_factory.mktemp("profiles"), "box")


def _profiles(folder: Path, *names: str) -> tuple[Profile, ...]:
    """Return profiles that differ in nothing but their names."""
    for name in names:
        (folder / f"{name}.yaml").write_text(textwrap.dedent(PROFILE.format(name=name)))
    return load_profiles(folder)


@contextlib.asynccontextmanager
async def running(profiles: Sequence[Profile]) -> AsyncIterator[Hall]:
    """Let a feed run."""
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    hall = Hall(endpoint, profiles)
    task = asyncio.create_task(hall.feed.run())
    try:
        yield hall
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        _, going_on = await asyncio.wait({task}, timeout=PATIENCE_S)
        hall.close()
        endpoint.close()
    assert not going_on


@pytest.fixture
async def hall(profiles: tuple[Profile, ...]) -> AsyncIterator[Hall]:
    """Let a feed run that knows the profile of our devices."""
    async with running(profiles) as hall:
        yield hall


async def test_a_device_that_is_silent_at_first_is_found_when_it_comes(hall: Hall) -> None:
    """Nobody has to tell the agent that the device has been switched on."""
    box = await hall.box("bay/late")
    box.silent = True
    hall.add("bay/late")
    await hall.notes.until(lambda: "bay/late" in hall.notes.silences)
    assert hall.notes.silences["bay/late"] == [("timeout", "no answer: timeout")]
    assert hall.notes.value("bay/late") is None

    box.silent = False
    hall.ahead_s += BACK_OFF_MAX_S
    await hall.notes.until(lambda: hall.notes.value("bay/late") == 23.1)
    assert len(hall.notes.channels["bay/late"]) == 1


async def test_a_device_that_falls_silent_is_lost_and_comes_back_as_it_was(hall: Hall) -> None:
    """What it said before is not said again for it; it needs no second discovery."""
    box = await hall.box("bay/pdu")
    hall.add("bay/pdu")
    await hall.notes.until(lambda: hall.notes.value("bay/pdu") == 23.1)
    box.silent = True
    await hall.notes.until(lambda: hall.notes.value("bay/pdu") == Quality.COMM_LOST)
    box.shown["current"] = 17.0
    box.silent = False
    await hall.notes.until(lambda: hall.notes.value("bay/pdu") == 17.0)
    assert len(hall.notes.channels["bay/pdu"]) == 1


@pytest.mark.parametrize(("outage_s", "uptime_s"), [(0.0, 3.0), (100_000.0, 6_000.0)])
async def test_a_device_that_restarted_is_bound_again(
    hall: Hall, outage_s: float, uptime_s: float
) -> None:
    """It may have other outlets now, even if an outage hid it; till then all is stale."""
    box = await hall.box("bay/pdu")
    hall.add("bay/pdu")
    await hall.notes.until(lambda: hall.notes.value("bay/pdu") == 23.1)
    if outage_s:
        box.silent = True
        await hall.notes.until(lambda: hall.notes.value("bay/pdu") == Quality.COMM_LOST)
        hall.ahead_s += outage_s
    box.shown.update({UPTIME: uptime_s, "current": 9.0})
    box.silent = False
    await hall.notes.until(lambda: ("bay/pdu", "device_changed") in hall.notes.notices)

    hall.ahead_s += 60.0
    await hall.notes.until(lambda: hall.notes.value("bay/pdu") == 9.0)
    assert len(hall.notes.channels["bay/pdu"]) == 2
    qualities = [Quality(each.quality[0]) for each in hall.notes.readings["bay/pdu"]]
    assert Quality.STALE in qualities


async def test_a_device_that_restarted_and_says_0_of_its_last_change_has_not_changed(
    hall: Hall,
) -> None:
    """It keeps such moments, as it told before; of another device, 0 means nothing."""
    box, dumb = await hall.box("bay/switch"), await hall.box("bay/dumb")
    dumb.shown["changed"] = 0.0
    hall.add("bay/switch")
    hall.add("bay/dumb")
    await hall.notes.until(
        lambda: {hall.notes.value(f"bay/{n}") for n in ("switch", "dumb")} == {23.1}
    )
    box.shown.update({UPTIME: 100.0, "changed": 0.0, "current": 9.0})
    await hall.notes.until(lambda: ("bay/switch", "device_changed") in hall.notes.notices)

    hall.ahead_s += 60.0
    await hall.notes.until(lambda: hall.notes.value("bay/switch") == 9.0)
    last = hall.notes.readings["bay/switch"][-1]
    assert (last.values[1], last.quality[1]) == (0, Quality.GOOD)
    assert hall.notes.readings["bay/dumb"][-1].quality[1] == Quality.SENTINEL


async def test_two_profiles_that_fit_equally_well_are_both_named(tmp_path: Path) -> None:
    """A guess would show one device's numbers under another's names."""
    async with running(_profiles(tmp_path, "box", "crate")) as hall:
        await hall.box("bay/pdu")
        hall.add("bay/pdu")
        await hall.notes.until(lambda: "bay/pdu" in hall.notes.silences)
        ((outcome, reason),) = hall.notes.silences["bay/pdu"]
        assert outcome == "ambiguous"
        assert "box and crate" in reason
        assert not hall.notes.channels


async def test_a_wrong_community_is_a_silent_device(hall: Hall) -> None:
    """That is all that a device lets us know."""
    box = await hall.box("bay/pdu", community=b"another")
    hall.add("bay/pdu")
    await hall.notes.until(lambda: "bay/pdu" in hall.notes.silences)
    assert hall.notes.silences["bay/pdu"][0][0] == "timeout"
    assert box.heard


async def test_a_name_that_resolves_to_nothing_is_a_silent_device(hall: Hall) -> None:
    """Names are looked up at every attempt: the answer may be another one later."""
    await hall.box("bay/pdu")
    hall.add("bay/pdu", host="no-such-host.invalid")
    await hall.notes.until(lambda: "bay/pdu" in hall.notes.silences)
    ((outcome, reason),) = hall.notes.silences["bay/pdu"]
    assert outcome == "refused"
    assert reason.startswith("no-such-host.invalid: ")


async def test_half_of_the_devices_falling_silent_costs_the_others_no_poll(hall: Hall) -> None:
    """Every turn of a device that answers brings its reading, whoever else does not answer."""
    names = [f"bay/{n}" for n in range(40)]
    for name in names:
        await hall.box(name)
        hall.add(name)
    await hall.notes.until(lambda: all(hall.notes.value(name) == 23.1 for name in names))
    gone, there = names[::2], names[1::2]
    for name in gone:
        hall.boxes[name].silent = True
    await hall.notes.until(lambda: all(hall.notes.value(n) == Quality.COMM_LOST for n in gone))
    before = {name: len(hall.notes.outcomes[name]) for name in there}
    turns = _turns(hall.feed)
    await hall.notes.until(lambda: min(turns[name] for name in there) >= 10)
    await hall.notes.until(lambda: _answered(hall, there, before) == {n: turns[n] for n in there})

    assert {outcome for name in there for outcome in hall.notes.outcomes[name]} == {"ok"}
    assert all(hall.notes.value(name) == 23.1 for name in there)
    assert all(hall.notes.outcomes[name][-1] == "timeout" for name in gone)


def _turns(feed: Feed) -> Counter[str]:
    """Count the turns that devices get from now on."""
    turns: Counter[str] = Counter()
    due = feed.schedule.due

    def counted(now: float) -> list[str]:
        """Pass the turns on."""
        names = due(now)
        turns.update(names)
        return names

    feed.schedule.due = counted  # type: ignore[method-assign]
    return turns


def _answered(hall: Hall, names: Sequence[str], before: Mapping[str, int]) -> dict[str, int]:
    """Return how many polls of each device have ended since."""
    return {name: len(hall.notes.outcomes[name]) - before[name] for name in names}


async def test_devices_that_never_answer_do_not_delay_those_that_do(hall: Hall) -> None:
    """A floor starts before half of its devices are switched on."""
    for n in range(40):
        box = await hall.box(f"bay/off{n}")
        box.silent = True
        hall.add(f"bay/off{n}", timeout_s=60.0)
    await hall.box("bay/pdu")
    hall.add("bay/pdu")
    await hall.notes.until(lambda: hall.notes.value("bay/pdu") == 23.1)
    assert not hall.notes.silences


@pytest.mark.parametrize("seed", range(4))
async def test_garbage_of_one_device_leaves_the_others_alone(hall: Hall, seed: int) -> None:
    """Truncated and bent answers are dropped and counted; the device is silent, or unknown."""
    bad, good = await hall.box("bay/bad"), await hall.box("bay/good")
    hall.add("bay/bad")
    hall.add("bay/good")
    await hall.notes.until(
        lambda: all(hall.notes.value(n) == 23.1 for n in ("bay/bad", "bay/good"))
    )
    bad.garbage = random.Random(seed)
    polls = len(hall.notes.outcomes["bay/bad"]) + 1  # one may have been answered already
    await hall.notes.until(lambda: len(hall.notes.outcomes["bay/bad"]) >= polls + 5)
    assert set(hall.notes.outcomes["bay/bad"][polls:]) <= {"malformed", "timeout"}
    assert isinstance(hall.notes.value("bay/bad"), Quality)
    assert set(hall.notes.outcomes["bay/good"]) == {"ok"}

    bad.garbage = None
    good.shown["current"] = 11.0
    await hall.notes.until(lambda: hall.notes.value("bay/good") == 11.0)
    await hall.notes.until(lambda: hall.notes.value("bay/bad") == 23.1)


async def test_a_feed_ends_when_told_however_much_is_new(profiles: tuple[Profile, ...]) -> None:
    """A device that is added in the same moment must not keep the agent from stopping."""
    async with running(profiles) as hall:
        await hall.box("bay/pdu")
        await hall.box("bay/first")
        hall.add("bay/first")
        await hall.notes.until(lambda: hall.notes.value("bay/first") == 23.1)
        hall.add("bay/pdu")


async def test_a_device_that_was_removed_is_asked_nothing_more(hall: Hall) -> None:
    """At a reload; also while it is being identified."""
    asked, looked_for = await hall.box("bay/asked"), await hall.box("bay/looked-for")
    looked_for.silent = True
    hall.add("bay/asked")
    hall.add("bay/looked-for", timeout_s=60.0)
    await hall.notes.until(lambda: hall.notes.value("bay/asked") == 23.1)
    for name in hall.boxes:
        hall.feed.remove(name)
    heard = asked.heard
    other = await hall.box("bay/other")
    hall.add("bay/other")
    await hall.notes.until(lambda: len(hall.notes.outcomes.get("bay/other", ())) >= 3)
    assert other.heard >= 3
    assert asked.heard <= heard + 1  # a datagram may have been on its way
    assert "bay/looked-for" not in hall.notes.silences


async def test_a_reading_speaks_for_its_turn_however_slow_the_answer(hall: Hall) -> None:
    """Turns lie on a grid to the last bit of it, which no answer's delay shifts."""
    await hall.box("bay/steady")
    hall.add("bay/steady")
    await hall.notes.until(lambda: len(hall.notes.readings.get("bay/steady", [])) >= 5)
    polled = hall.notes.readings["bay/steady"][1:]
    turns = [(r.turn_at - polled[0].turn_at) / INTERVAL_S for r in polled]
    assert turns == pytest.approx([round(turn) for turn in turns], abs=1e-6)
    assert all(r.taken_at >= r.turn_at for r in polled)
