"""The subscriber against real brokers: Mosquitto, and the embedded one of the demo."""

import asyncio
import contextlib
import json
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import aiomqtt
import pytest

from collectors.mqtt import link
from collectors.mqtt.access import Access, Trust, Version
from collectors.mqtt.subscriber import SILENCE_MAX_S, State
from collectors.readings import Quality
from tests.oracles.brokers import (
    MOSQUITTO,
    PATIENCE_S,
    ROOM,
    Authority,
    Ear,
    Mosquitto,
    room,
    running,
)

SUPPLY: Final = "CDU/LiquidTemperature/site1/row3/cdu5/t1"
MEBIBYTE: Final = 1 << 20
FLOOD: Final = 20_000  # messages


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """Return a broker that is yet to be started."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    mosquitto = Mosquitto(tmp_path)
    yield mosquitto
    mosquitto.kill()


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


@pytest.mark.parametrize("secured", [False, True], ids=["3.1.1", "5, TLS"])
async def test_a_flood_does_not_fill_memory(tmp_path: Path, *, secured: bool) -> None:
    """20,000 messages as fast as they go, most of them rubbish: the last good one is read."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    rubbish = tmp_path / "rubbish"
    with rubbish.open("wb") as written:
        written.writelines(b'{"d":' + b"x" * (n % 2_000) + b"\n" for n in range(FLOOD))
    authority = Authority(tmp_path)
    file, key = authority.sign("broker")
    lines = (f"certfile {file}", f"keyfile {key}") if secured else ()
    access = Access(version=Version.FIVE, trust=Trust(authorities=authority.file))
    broker = Mosquitto(tmp_path, *lines)
    broker.start()
    ear = Ear(broker.port, access if secured else None)
    ear.watch("bay-01/room", "json_room")
    async with running(ear):
        await ear.connected()
        before = _resident()
        command = ["mosquitto_pub", "-p", str(broker.open_port), "-t", ROOM, "-l"]
        with rubbish.open("rb") as told:
            flood = await asyncio.create_subprocess_exec(*command, stdin=told)
            await flood.wait()
        async with asyncio.timeout(PATIENCE_S):
            while ear.value("bay-01/room", "temperature") != 23.0:
                broker.publish(ROOM, room(23.0))  # a broker keeps 1,000 for us and drops the rest
                await asyncio.sleep(0.3)
        watched = ear.subscriber.devices["bay-01/room"]

        assert watched.drops["not_json"] > FLOOD / 100
        assert watched.messages > watched.drops["not_json"]
        assert _resident() - before < 20 * MEBIBYTE
    broker.kill()


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
