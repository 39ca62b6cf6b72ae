"""Simulated devices through a real broker: its own client reads all, and the agent believes it."""

import asyncio
import contextlib
import json
import random
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

from agent.burnin.binding import bind
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.rehearsal.points import build, points
from agent.twin.publisher import Publisher
from collectors.mqtt.source import Source
from collectors.mqtt.subscriber import Subscriber
from collectors.profile import Profile, load_profiles
from collectors.readings import Channel, Identity, Quality, Readings
from collectors.twin.dsx_face import DsxFace, Heartbeat
from collectors.twin.json_face import JsonFace
from collectors.twin.mqtt_face import Face, places
from collectors.twin.racks import Racks

SPEC: Final = Path(__file__).parents[2] / "deploy" / "example" / "specs" / "rack-132kw.yaml"
DESIGN: Final = expand(load_spec(SPEC.read_bytes(), SPEC.name))
PROFILES: Final = {profile.name: profile for profile in load_profiles()}
SPEAKS: Final = {
    "rack": "dsx_bms",
    "cdu": "dsx_bms",
    "room": "json_room",
    "power_shelf": "orv3_pmc",
    "compute_tray": "bmc_bridge",
    "nvlink_switch": "nvos_bridge",
}
BAYS: Final = ("bay-01", "bay-02")
PLACES: Final = [p for p in places(points(DESIGN)) if p.points[0].role in SPEAKS]
MOSQUITTO: Final = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
LOOPBACK: Final = "127.0.0.1"
PATIENCE_S: Final = 60.0
TICK_S: Final = 0.1
REPUBLISH_S: Final = 2.0  # the bus takes 100, for which a test has no patience
MARK: Final = "mark"


class Broker:
    """A real broker that can be ended and started again."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind((LOOPBACK, 0))
            self.port = int(free.getsockname()[1])
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} {LOOPBACK}\nallow_anonymous true\nmax_queued_messages 0\n"
        )
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it says that it runs."""
        assert MOSQUITTO is not None
        command = [MOSQUITTO, "-c", str(self._config)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        assert any("running" in line for line in self._process.stderr)

    def kill(self) -> None:
        """End it, with all that it retained."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Return a broker that runs."""
    if MOSQUITTO is None or shutil.which("mosquitto_sub") is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    made = Broker(tmp_path)
    made.start()
    yield made
    made.kill()


def profile_of(device: str) -> Profile:
    """Return the profile of a device of the spec."""
    return next(PROFILES[SPEAKS[p.points[0].role]] for p in PLACES if p.device == device)


def faces() -> list[Face]:
    """Return all that publishes of both bays."""
    made: list[Face] = [Heartbeat("twin")]
    for place in PLACES:
        profile = profile_of(place.device)
        if profile.name == "dsx_bms":
            made.append(DsxFace(profile, place, BAYS, republish=REPUBLISH_S))
        else:
            made.append(JsonFace(profile, place, BAYS))
    return made


def racks() -> Racks:
    """Return two simulated racks that have been read."""
    made = Racks(points(DESIGN), build(DESIGN), range(1, 1 + len(BAYS)))
    made.advance(1.0)
    made.read()
    return made


@contextlib.asynccontextmanager
async def on_the_air(shown: Racks, port: int) -> AsyncIterator[None]:
    """Publish what racks show, as a twin does."""
    publisher = Publisher(LOOPBACK, port, "twin")
    speaking = faces()

    async def speak() -> None:
        while True:
            now = time.time()
            if publisher.renewed():
                for face in speaking:
                    publisher.send(face.greet(now))
            if publisher.connected:
                for face in speaking:
                    publisher.send(face.due(shown, now))
            await asyncio.sleep(TICK_S)

    tasks = [asyncio.create_task(work) for work in (publisher.keep(), speak())]
    try:
        yield
    finally:
        for task in tasks:
            assert not task.done(), task.exception()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def listening(port: int) -> AsyncIterator[AsyncIterator[tuple[str, bool, object]]]:
    """Let the broker's own client listen; it yields topic, whether it was kept, and what JSON.

    What it hears first is a message that the broker keeps for it: then it has subscribed.
    """
    mark = ("mosquitto_pub", "-p", str(port), "-t", MARK, "-r", "-m", "{}")
    await (await asyncio.create_subprocess_exec(*mark)).wait()
    command = ("mosquitto_sub", "-p", str(port), "-t", "#", "-F", "%r %t %p")
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    lines = process.stdout

    async def told() -> AsyncIterator[tuple[str, bool, object]]:
        async for line in lines:
            kept, topic, text = line.decode().rstrip().split(" ", 2)
            if topic != MARK:
                yield topic, kept == "1", json.loads(text)

    try:
        async with asyncio.timeout(PATIENCE_S):
            await lines.readline()
        yield told()
    finally:
        process.kill()
        await process.communicate()


async def test_mosquittos_own_client_reads_every_topic(broker: Broker) -> None:
    """All of it is JSON; descriptions are kept for who comes late, and values are not."""
    on_bus = sum(len(p.points) for p in PLACES if profile_of(p.device).name == "dsx_bms")
    gateways = sum(1 for p in PLACES if profile_of(p.device).name != "dsx_bms")
    described = len(BAYS) * on_bus + 1
    found: dict[str, object] = {}
    late: dict[str, bool] = {}
    async with listening(broker.port) as early, on_the_air(racks(), broker.port):
        async for topic, kept, body in early:
            assert not kept
            assert isinstance(body, dict)
            found[topic] = body
            if len(found) == 2 * described + len(BAYS) * gateways:
                break
        async with listening(broker.port) as told:
            async for topic, kept, _ in told:
                late[topic] = kept
                if not kept:
                    break
    assert {topic for topic, kept in late.items() if kept} == {
        t for t in found if "/Metadata/" in t
    }


class Ear:
    """The agent's subscriber, on every device of both bays."""

    def __init__(self, port: int) -> None:
        self.channels: dict[str, tuple[Channel, ...]] = {}
        self.told: dict[str, Readings] = {}
        self.subscriber = Subscriber(
            "hall",
            (LOOPBACK, port),
            clock=time.monotonic,
            wall=time.time,
            rng=random.Random(1),
        )
        for bay in BAYS:
            for place in PLACES:
                profile = profile_of(place.device)
                assert profile.mqtt is not None
                match = DsxFace.match(bay, place.device) if profile.mqtt.dialect == "dsx" else {}
                source = Source(
                    profile=profile.name,
                    kind=profile.kind,
                    vendor=profile.vendor,
                    mqtt=profile.mqtt,
                    match=match,
                )
                name = f"{bay}/{place.device}"
                self.subscriber.watch(name, source, self._readings, self._bound)

    def _bound(self, device: str, channels: tuple[Channel, ...], _: Identity) -> None:
        """Note what a device has."""
        self.channels[device] = channels

    def _readings(self, readings: Readings) -> None:
        """Note what was read."""
        self.told[readings.device] = readings

    def unknown(self) -> set[str]:
        """Return the channels of the spec for which there is no value that can be believed."""
        found = set()
        for bay in BAYS:
            for place in PLACES:
                name = f"{bay}/{place.device}"
                provides = profile_of(place.device).provides
                bound = bind(DESIGN, place.device, self.channels.get(name, ()), provides, {})
                assert not bound.problems
                good = {
                    DESIGN.channels[pair.place].name
                    for pair in bound.pairs
                    if name in self.told and self.told[name].quality[pair.column] == Quality.GOOD
                }
                found |= {f"{name}.{p.name}" for p in place.points if p.name not in good}
        return found

    async def until_all_is_known(self, *, connections: int) -> None:
        """Wait until so many connections were made, and every value came over the last."""
        async with asyncio.timeout(PATIENCE_S):
            while self.subscriber.connections < connections or self.unknown():  # noqa: ASYNC110 -- no event
                await asyncio.sleep(TICK_S)


async def test_the_agent_believes_every_channel_and_again_after_the_broker_was_gone(
    broker: Broker,
) -> None:
    """Every channel of every device that publishes; a new broker has kept nothing of before."""
    ear = Ear(broker.port)
    following = asyncio.create_task(ear.subscriber.run())
    async with on_the_air(racks(), broker.port):
        await ear.until_all_is_known(connections=1)
        broker.kill()
        broker.start()
        await ear.until_all_is_known(connections=2)
    assert not ear.subscriber.drops
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
