"""The subscriber against real brokers: Mosquitto, the embedded one of the demo, and a rogue."""

import asyncio
import contextlib
import json
import logging
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import aiomqtt
import pytest

from collectors.mqtt import link
from collectors.mqtt.source import Source
from collectors.mqtt.subscriber import SILENCE_MAX_S, State, Subscriber
from collectors.profile import Profile, load_profiles
from collectors.readings import Channel, Identity, Quality, Readings

MOSQUITTO: Final = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
PATIENCE_S: Final = 30.0  # of a test on a busy machine; nothing here takes a second when idle
ROOM: Final = "gateway/bay-01/room/telemetry"
SUPPLY: Final = "CDU/LiquidTemperature/site1/row3/cdu5/t1"
MEBIBYTE: Final = 1 << 20


class Mosquitto:
    """A real broker on a port of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        )
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it says that it runs."""
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        assert any("running" in line for line in self._process.stderr)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without a farewell."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def publish(self, topic: str, told: object, *options: str) -> None:
        """Publish with the broker's own client."""
        command = ["mosquitto_pub", "-p", str(self.port), "-q", "1", "-t", topic, *options, "-s"]
        subprocess.run(command, input=json.dumps(told).encode(), check=True)


class Ear:
    """What a subscriber told, and a way to wait for more."""

    def __init__(self, port: int) -> None:
        self.ahead = 0.0  # how far our clock runs before the real one
        self.channels: dict[str, tuple[Channel, ...]] = {}
        self.identities: dict[str, Identity] = {}
        self.told: dict[str, Readings] = {}
        self._news = asyncio.Condition()
        self._profiles = {profile.name: profile for profile in PROFILES}
        self.subscriber = Subscriber(
            "hall",
            ("127.0.0.1", port),
            clock=lambda: time.monotonic() + self.ahead,
            wall=time.time,
            rng=random.Random(1),
        )

    def watch(self, device: str, name: str, **match: str) -> None:
        """Begin with a device."""
        profile = self._profiles[name]
        assert profile.mqtt is not None
        source = Source(profile=name, kind=profile.kind, vendor="v", mqtt=profile.mqtt, match=match)
        self.subscriber.watch(device, source, self._on_readings, self._on_bound)

    def _on_bound(self, device: str, channels: tuple[Channel, ...], identity: Identity) -> None:
        """Note what a device has."""
        self.channels[device], self.identities[device] = channels, identity

    def _on_readings(self, readings: Readings) -> None:
        """Note what was read, of the channels that were told before."""
        assert readings.values.shape == (len(self.channels[readings.device]),)
        self.told[readings.device] = readings

    def value(self, device: str, channel: str) -> float | Quality | None:
        """Return the latest value, or why there is none; None where nothing was told."""
        for n, each in enumerate(self.channels.get(device, ())):
            if each.name == channel and device in self.told:
                quality = self.told[device].quality[n]
                good = quality == Quality.GOOD
                return float(self.told[device].values[n]) if good else Quality(quality)
        return None

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; it is looked at after every turn of the loop."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110 -- connections have no event to wait for
                await asyncio.sleep(0.01)


PROFILES: Final[tuple[Profile, ...]] = load_profiles()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """Return a broker that is yet to be started."""
    if MOSQUITTO is None or shutil.which("mosquitto_pub") is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    mosquitto = Mosquitto(tmp_path)
    yield mosquitto
    mosquitto.kill()


@contextlib.asynccontextmanager
async def running(ear: Ear) -> AsyncIterator[None]:
    """Let a subscriber run."""
    task = asyncio.create_task(ear.subscriber.run())
    yield
    assert not task.done(), task.exception()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def room(temperature: float) -> object:
    """Say what a room's gateway says."""
    value = {"temperature": {"v": f"{temperature:.1f}".replace(".", ","), "u": "°C"}}
    return {"ts": int(time.time() * 1000), "d": value}


def value(number: float) -> object:
    """Say what a bus says of a value."""
    return {"value": number, "timestamp": int(time.time() * 1000), "quality": 1}


def metadata(**told: object) -> object:
    """Describe the supply temperature of the cooling unit."""
    return {"objectType": "CDU", "pointType": "LiquidTemperature", "engUnit": "C", **told}


async def test_a_real_mosquitto(broker: Mosquitto) -> None:
    """JSON and a bus, live and retained, over the broker that most halls have."""
    broker.start()
    described = metadata(processArea=["Secondary", "Supply"], objectName="CDU 5")
    broker.publish(f"BMS/v1/PUB/Metadata/{SUPPLY}", described, "-r")
    broker.publish(ROOM, room(19.5), "-r")
    ear = Ear(broker.port)
    ear.watch("bay-01/room", "json_room")
    ear.watch("bay-01/cdu", "dsx_bms", objectType="CDU", tagPath="site1/row3/cdu5/#")
    async with running(ear):
        await ear.until(lambda: ear.value("bay-01/room", "temperature") == Quality.STALE)
        await ear.until(lambda: "bay-01/cdu" in ear.channels)
        assert ear.identities["bay-01/cdu"].sys_descr == "CDU CDU 5"

        broker.publish(ROOM, room(24.5))
        broker.publish(f"BMS/v1/PUB/Value/{SUPPLY}", value(40.25))

        await ear.until(lambda: ear.value("bay-01/room", "temperature") == 24.5)
        await ear.until(lambda: ear.value("bay-01/cdu", "temperature/supply") == 40.25)
        watched = ear.subscriber.devices["bay-01/room"]
        assert (watched.messages, watched.ignored) == (2, {"retained": 1})
        assert ear.subscriber.drops == {}
        assert ear.subscriber.octets > watched.octets

        ear.watch("bay-02/room", "json_room")  # while connected
        await asyncio.sleep(1.2)  # subscriptions are looked at once a second
        broker.publish(ROOM.replace("01", "02"), room(18.0))
        await ear.until(lambda: ear.value("bay-02/room", "temperature") == 18.0)


async def test_a_broker_that_comes_late_and_goes_again(broker: Mosquitto) -> None:
    """Down at the start, killed later, its memory lost: values come back by themselves."""
    ear = Ear(broker.port)
    ear.watch("bay-01/cdu", "dsx_bms", tagPath="site1/row3/cdu5/#")
    ear.watch("bay-01/room", "json_room")
    supply = partial(ear.value, "bay-01/cdu", "liquid_temperature")
    async with running(ear):
        await ear.until(lambda: ear.subscriber.error != "")
        assert ear.value("bay-01/room", "temperature") == Quality.COMM_LOST
        for number in (40.0, 41.0):
            broker.start()
            await ear.until(lambda: ear.subscriber.state is State.UP)
            broker.publish(f"BMS/v1/PUB/Metadata/{SUPPLY}", metadata(), "-r")
            await ear.until(lambda: isinstance(supply(), Quality))
            broker.publish(f"BMS/v1/PUB/Value/{SUPPLY}", value(number))
            await ear.until(partial(_is, supply, number))
            broker.kill()
            await ear.until(lambda: ear.subscriber.state is not State.UP)
        ear.ahead += 30.0
        await ear.until(partial(_is, supply, Quality.COMM_LOST))


async def test_a_broker_that_hangs(broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection looks well and nothing comes: values go stale, and it is tried anew."""
    monkeypatch.setattr(link, "CONNECT_S", 0.5)
    broker.start()
    ear = Ear(broker.port)
    ear.watch("bay-01/room", "json_room")
    async with running(ear):
        await ear.until(lambda: ear.subscriber.state is State.UP)
        broker.publish(ROOM, room(24.5))
        await ear.until(lambda: ear.value("bay-01/room", "temperature") == 24.5)

        broker.send(signal.SIGSTOP)
        ear.ahead += 21.0
        await ear.until(lambda: ear.value("bay-01/room", "temperature") == Quality.STALE)
        assert ear.subscriber.state is State.UP

        ear.ahead += SILENCE_MAX_S
        await ear.until(lambda: ear.subscriber.state is not State.UP)
        broker.send(signal.SIGCONT)
        await ear.until(lambda: ear.subscriber.state is State.UP)
        broker.publish(ROOM, room(25.5))
        await ear.until(lambda: ear.value("bay-01/room", "temperature") == 25.5)


async def test_the_embedded_broker_of_the_demo() -> None:
    """Where Mosquitto is not installed, the demo's own broker does as well."""
    amqtt = pytest.importorskip("amqtt.broker")
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    anonymous = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    listener = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    embedded = amqtt.Broker({"listeners": {"default": listener}, "plugins": anonymous})
    await embedded.start()
    ear = Ear(port)
    ear.watch("bay-01/room", "json_room")
    async with running(ear):
        await ear.until(lambda: ear.subscriber.state is State.UP)
        async with aiomqtt.Client("127.0.0.1", port) as client:
            await client.publish(ROOM, json.dumps(room(22.0)), qos=1)
        await ear.until(lambda: ear.value("bay-01/room", "temperature") == 22.0)
    await embedded.shutdown()


async def test_a_flood_does_not_fill_memory(broker: Mosquitto) -> None:
    """20,000 messages as fast as they go, most of them rubbish: the last good one is read."""
    broker.start()
    ear = Ear(broker.port)
    ear.watch("bay-01/room", "json_room")
    async with running(ear):
        await ear.until(lambda: ear.subscriber.state is State.UP)
        before = _resident()
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            for number in range(20_000):
                await client.publish(ROOM, b'{"d":' + b"x" * (number % 2_000))
            await client.publish(ROOM, json.dumps(room(23.0)), qos=1)
        await ear.until(lambda: ear.value("bay-01/room", "temperature") == 23.0)
        watched = ear.subscriber.devices["bay-01/room"]

        assert watched.drops["not_json"] > 0
        assert watched.messages == watched.drops["not_json"] + 1
        assert _resident() - before < 20 * MEBIBYTE


ROGUE_MIB: Final = 200
CHILD: Final = """
import asyncio, random, resource, sys, time
from collectors.mqtt.source import Source
from collectors.mqtt.subscriber import Subscriber
from collectors.profile import load_profiles

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

async def main():
    profile = next(p for p in load_profiles() if p.name == "json_room")
    source = Source(profile="p", kind="other", vendor="v", mqtt=profile.mqtt, match={})
    hall = Subscriber("hall", ("127.0.0.1", int(sys.argv[1])), clock=time.monotonic,
                      wall=time.time, rng=random.Random(1))
    hall.watch("bay-01/room", source, lambda readings: None, lambda *bound: None)
    task = asyncio.create_task(hall.run())
    while not hall.connections:
        await asyncio.sleep(0.01)
    before = peak()
    while not hall.error:
        await asyncio.sleep(0.01)
    print(hall.error, "/", peak() - before)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"\x30\x80\x80\x80\x64", "more than"),  # 200 MiB in four bytes of length
        (b"\x30\xff\xff\xff\xff\x01", "more than"),  # a length of five bytes
        (b"\x34\x0a\x00\x01a\x00\x01", "begins with 0x34"),  # QoS 2, which would be kept for us
        (b"\x00\x00", "begins with 0x00"),
    ],
)
async def test_a_rogue_broker_costs_no_memory(header: bytes, said: str) -> None:
    """It is left at the first bytes of a packet that must not come; another process measures."""
    taken = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Accept a client, acknowledge all, and then announce too much and send it."""
        nonlocal taken
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readexactly(1)
            writer.write(b"\x20\x02\x00\x00")
            while (await reader.read(1000))[-5:-1] != b"etry":  # the filter, and its QoS
                pass
            writer.write(b"\x90\x03\x00\x01\x01" + header)
            while taken < ROGUE_MIB:
                writer.write(bytes(MEBIBYTE))
                await writer.drain()
                taken += 1
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(port), stdout=subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(child.communicate(), PATIENCE_S)
    server.close()
    *_, line = output.decode().strip().splitlines()
    why, _, grown = line.partition(" / ")

    assert said in why
    assert int(grown) < 5 << 10  # KiB
    assert taken < ROGUE_MIB


def _is(value: Callable[[], object], wanted: object) -> bool:
    """Say whether something has a value now."""
    return value() == wanted


def _resident() -> int:
    """Return how much memory this process has, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


async def test_a_broker_that_acknowledges_something_else_is_left_and_tried_again() -> None:
    """One codes too many in a SUBACK must not end the subscriber, or old values would stay."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Accept a client, and grant it two filters where it asked for one."""
        with contextlib.suppress(ConnectionError):
            await reader.read(1000)
            writer.write(b"\x20\x02\x00\x00")
            await reader.read(1000)
            writer.write(b"\x90\x04\x00\x01\x01\x01")
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    ear = Ear(server.sockets[0].getsockname()[1])
    ear.watch("bay-01/room", "json_room")
    async with running(ear):
        await ear.until(lambda: "other subscriptions" in ear.subscriber.error)
    server.close()
