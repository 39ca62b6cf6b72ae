"""Brokers that die, hang, flap, forget and repeat; and agents that do."""

import asyncio
import contextlib
import gc
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import aiomqtt
import paho.mqtt.client
import pytest

from collectors.mqtt import link, subscriber
from collectors.mqtt.access import Access, Version
from collectors.mqtt.link import KEEPALIVE_S
from collectors.mqtt.subscriber import RETRY_FIRST_S, State
from collectors.readings import Quality
from tests.oracles.brokers import LOOPBACK, MOSQUITTO, ROOM, Ear, Mosquitto, room, running

VERSIONS: Final = pytest.mark.parametrize("version", Version, ids=lambda v: v.value)
TIMES: Final = 4  # a broker flaps so often here
OTHER: Final = ROOM.replace("01", "02")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """Return a broker that is yet to be started."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    mosquitto = Mosquitto(tmp_path)
    yield mosquitto
    mosquitto.kill()


def temperature(ear: Ear, bay: str = "bay-01") -> float | Quality | None:
    """Return what a room is known to have."""
    return ear.value(f"{bay}/room", "temperature")


def follow(port: int, access: Access | None = None, *bays: str) -> Ear:
    """Return who follows the rooms of some bays."""
    ear = Ear(port, access)
    for bay in bays or ("bay-01",):
        ear.watch(f"{bay}/room", "json_room")
    return ear


async def test_a_broker_that_hangs_is_left_before_anybody_believes_it(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half open: within one and a half times the keepalive, on a clock that the test moves."""
    began, ahead = time.monotonic(), 0.0
    monkeypatch.setattr(paho.mqtt.client, "time_func", lambda: time.monotonic() + ahead)
    broker.start()
    ear = follow(broker.port)
    async with running(ear):
        await ear.connected()
        broker.publish(ROOM, room(24.5))
        await ear.until(lambda: temperature(ear) == 24.5)
        broker.send(signal.SIGSTOP)
        while ear.subscriber.state is State.UP:
            assert ahead <= 1.5 * KEEPALIVE_S, "an answer is still waited for"
            ahead += KEEPALIVE_S / 4
            await asyncio.sleep(1.1)  # the library looks at its clock once a second
        ear.ahead += 21.0
        await ear.until(lambda: temperature(ear) == Quality.COMM_LOST)
        broker.send(signal.SIGCONT)
    assert time.monotonic() - began > ahead / 100  # the moved clock was the one that counted


async def test_a_broker_that_flaps_costs_nothing_and_is_not_beset(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it goes: at most one attempt a second, no file and no task left over."""
    attempts: list[float] = []

    async def noted(address: tuple[str, int], access: Access) -> link.CheckedSocket:
        """Note when a connection is tried."""
        attempts.append(time.monotonic())
        return await link.connect(address, access)

    monkeypatch.setattr(subscriber, "connect", noted)
    monkeypatch.setattr(subscriber, "RETRY_MAX_S", RETRY_FIRST_S)
    ear = follow(broker.port)
    async with running(ear):
        for number in range(TIMES):
            broker.start()
            await ear.connected()
            broker.publish(ROOM, room(20.0 + number))
            await ear.until(lambda n=number: temperature(ear) == 20.0 + n)  # type: ignore[misc]
            if number == 0:
                before = _held()
            broker.kill()
            await ear.until(lambda: ear.subscriber.state is not State.UP)
        broker.start()
        await ear.connected()
        assert _held() == before
    assert min(b - a for a, b in itertools.pairwise(attempts)) >= RETRY_FIRST_S
    assert ear.subscriber.connections == TIMES + 1


def _held() -> tuple[int, int]:
    """Return how many files are open and tasks alive."""
    gc.collect()
    return len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())  # noqa: PTH208 -- numbers


GARBAGE: Final = {
    "binary": bytes(range(256)),
    "not UTF-8": b'{"ts": 1, "d": "\xff"}',
    "cut": b'{"ts": 1743620423000, "d": {"temperature"',
    "deep": b'{"d":' * 5_000 + b"1" + b"}" * 5_000,
    "NaN": b'{"ts": 1743620423000, "d": {"temperature": {"v": NaN, "u": "C"}}}',
    "a key twice": b'{"ts": 1743620423000, "ts": 1743620423001, "d": {}}',
    "a huge number": b'{"ts": 1743620423000, "d": {"temperature": {"v": 1' + b"0" * 5_000 + b"}}}",
    "a list": b"[" * 2_000 + b"]" * 2_000,
    "nothing": b"",
    "long": b'{"d": "' + b"x" * 70_000 + b'"}',
}


async def test_garbage_is_counted_and_stops_nobody(broker: Mosquitto) -> None:
    """Each kind of it between two good messages of another device, and one of the same."""
    broker.start()
    ear = follow(broker.port, None, "bay-01", "bay-02")
    async with running(ear), aiomqtt.Client(LOOPBACK, broker.open_port) as client:
        await ear.connected()
        for number, payload in enumerate(GARBAGE.values()):
            await client.publish(ROOM, payload, qos=1)
            await client.publish(OTHER, json.dumps(room(20.0 + number)), qos=1)
            await ear.until(lambda n=number: temperature(ear, "bay-02") == 20.0 + n)  # type: ignore[misc]
            assert temperature(ear) == Quality.COMM_LOST
        await client.publish(ROOM, json.dumps(room(24.5)), qos=1)
        await ear.until(lambda: temperature(ear) == 24.5)
        watched = ear.subscriber.devices
        assert sum(watched["bay-01/room"].drops.values()) >= len(GARBAGE) - 1
        assert not watched["bay-02/room"].drops
        assert ear.subscriber.connections == 1


@VERSIONS
async def test_a_message_is_valid_no_longer_than_its_publisher_says(
    broker: Mosquitto, version: Version
) -> None:
    """Message expiry of MQTT 5 makes it stale before the profile would; MQTT 3.1.1 has none."""
    broker.start()
    ear = follow(broker.port, Access(version=version))
    async with running(ear):
        await ear.connected()
        expiry = ("-V", "5", "-D", "publish", "message-expiry-interval", "4")
        broker.publish(ROOM, room(24.5), *expiry)
        await ear.until(lambda: temperature(ear) == 24.5)
        ear.ahead += 5.0
        wanted = Quality.STALE if version is Version.FIVE else 24.5
        told = ear.subscriber.devices["bay-01/room"].told_at
        await ear.until(lambda: ear.subscriber.devices["bay-01/room"].told_at > told)
        assert temperature(ear) == wanted


async def test_a_device_that_dies_is_gone_at_once(broker: Mosquitto) -> None:
    """Its connection breaks, the broker publishes its last will, and its values are no more."""
    broker.start()
    ear = Ear(broker.port)
    ear.watch("bay-01/feed", "tasmota_plug", unit="a")
    power = partial(ear.value, "bay-01/feed", "inlet/1/power")
    async with running(ear):
        await ear.connected()
        will = aiomqtt.Will("tele/a/LWT", "Offline", qos=1, retain=True)
        plug = aiomqtt.Client(LOOPBACK, broker.open_port, will=will)
        async with plug:
            await plug.publish("tele/a/LWT", "Online", qos=1, retain=True)
            await plug.publish("tele/a/SENSOR", '{"ENERGY": {"Power": 1522}}', qos=1)
            await ear.until(lambda: power() == 1522.0)
            with contextlib.suppress(aiomqtt.MqttError):
                sock = plug._client.socket()  # noqa: SLF001 -- a cable has no API
                assert isinstance(sock, socket.socket)
                sock.shutdown(socket.SHUT_RDWR)
                await ear.until(lambda: power() == Quality.COMM_LOST)
                await plug.publish("tele/a/LWT", "too late")
        assert ear.ahead == 0.0  # long before it would have been stale
        broker.publish("tele/a/SENSOR", {"ENERGY": {"Power": 1523}})
        await ear.until(lambda: power() == 1523.0)


SESSION: Final = {"client_id": "rackproof-hall", "session_s": 600.0}


@VERSIONS
async def test_a_session_bridges_a_short_break(broker: Mosquitto, version: Version) -> None:
    """What was said meanwhile comes later, in order; what is too old by then is not believed."""
    broker.start()
    access = Access(version=version, **SESSION)  # type: ignore[arg-type]
    first = follow(broker.port, access)
    async with running(first):
        await first.connected()
    broker.publish(ROOM, room(18.0, ago=600.0))
    broker.publish(ROOM, room(24.5))
    again = follow(broker.port, access)
    async with running(again):
        await again.until(lambda: temperature(again) == 24.5)
        assert 18.0 not in [value for _, value in again.history]

    broker.publish(ROOM, room(19.0, ago=600.0))
    late = follow(broker.port, access)
    async with running(late):
        await late.until(lambda: late.subscriber.devices["bay-01/room"].messages == 1)
        await late.until(lambda: temperature(late) == Quality.STALE)
    assert 19.0 not in [value for _, value in late.history]


CHILD: Final = """
import asyncio, random, sys, time
from collectors.mqtt.access import Access
from collectors.mqtt.mapping import MqttProfile
from collectors.mqtt.source import Source
from collectors.mqtt.subscriber import Subscriber

def told(readings):
    print("told", readings.values[0], flush=True)

async def main():
    channel = {"field": "d.temperature.v", "unit": "degC", "quantity": "temperature"}
    message = {"topic": "gateway/{bay}/room/telemetry", "max_age": "20 s", "time": "ts",
               "channels": {"temperature": channel}}
    mqtt = MqttProfile.model_validate({"dialect": "json", "messages": [message]})
    source = Source(profile="p", kind="other", vendor="v", mqtt=mqtt, match={})
    access = Access(client_id="rackproof-hall", session_s=600.0)
    hall = Subscriber("hall", ("127.0.0.1", int(sys.argv[1])), access, clock=time.monotonic,
                      wall=time.time, rng=random.Random(1))
    hall.watch("bay-01/room", source, told, lambda *bound: None)
    await hall.run()

asyncio.run(main())
"""


async def test_what_is_sent_again_after_our_crash_is_counted_once(broker: Mosquitto) -> None:
    """Killed with a message read by the kernel and not acknowledged: the broker repeats it."""
    broker.start()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(broker.port), stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    while b"20.0" not in await child.stdout.readline():
        broker.publish(ROOM, room(20.0))
    child.send_signal(signal.SIGSTOP)
    said = room(24.5)
    broker.publish(ROOM, said)
    child.kill()
    await child.wait()

    ear = follow(broker.port, Access(**SESSION))  # type: ignore[arg-type]
    async with running(ear):
        await ear.until(lambda: temperature(ear) == 24.5)
        told = ear.subscriber.devices["bay-01/room"].messages
        broker.publish(ROOM, said)
        await ear.until(lambda: ear.subscriber.devices["bay-01/room"].messages > told)
        assert ear.subscriber.devices["bay-01/room"].ignored["duplicate"] == 1
        assert [v for _, v in ear.history if isinstance(v, float)].count(24.5) == 1
        assert ear.subscriber.drops == {}


@VERSIONS
async def test_two_agents_of_a_group_divide_the_messages(
    broker: Mosquitto, version: Version
) -> None:
    """Each comes to one of them, and none is lost: why a bay with a spec may have no group."""
    broker.start()
    rng = random.Random(1)
    access = Access(version=version, group="burnin")
    one, two = follow(broker.port, access), follow(broker.port, access)
    async with running(one), running(two), aiomqtt.Client(LOOPBACK, broker.open_port) as client:
        await one.connected()
        await two.connected()
        for _ in range(100):
            await client.publish(ROOM, json.dumps(room(rng.uniform(18.0, 26.0))), qos=1)
        counts = [each.subscriber.devices["bay-01/room"] for each in (one, two)]
        await one.until(lambda: sum(each.messages for each in counts) == 100)
        assert min(each.messages for each in counts) > 0
        for each in (one, two):
            await each.until(lambda e=each: isinstance(temperature(e), float))  # type: ignore[misc]
