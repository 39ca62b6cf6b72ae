"""Edge nodes that are not ours, through a real Mosquitto, to the subscriber as it is shipped."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import aiomqtt
import numpy as np
import pytest
from tahutils.tahu import sparkplug_b_pb2  # type: ignore[import-untyped] # ships none

from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.rehearsal.points import points
from collectors.mqtt.access import Access
from collectors.mqtt.protobuf import varint
from collectors.mqtt.subscriber import State
from collectors.readings import Quality
from collectors.twin.mqtt_face import places
from collectors.twin.sparkplug_node import SparkplugNode, live
from tests.oracles.brokers import LOOPBACK, MOSQUITTO, PATIENCE_S, Ear, Mosquitto, running
from tests.oracles.sparkplug_encoders import (
    MODULES,
    NODE,
    Edge,
    Encoder,
    Javascript,
    Tahu,
    metric,
    unit,
)

SPEC: Final = Path(__file__).parents[2] / "deploy" / "example" / "specs" / "rack-132kw.yaml"
CDU: Final = "bay-01/cdu"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """Return a broker that runs."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    mosquitto = Mosquitto(tmp_path)
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


@pytest.fixture(params=["javascript", "tahu"])
def encoder(request: pytest.FixtureRequest) -> Iterator[Encoder]:
    """Return each of the encoders that are not ours."""
    if request.param == "javascript" and (NODE is None or not MODULES.exists()):
        if os.environ.get("CI") == "true":
            pytest.fail("sparkplug-payload is not installed: deploy/dev/setup dev, with npm there")
        pytest.skip("sparkplug-payload is not installed: deploy/dev/setup dev, with npm there")
    made: Encoder = Javascript() if request.param == "javascript" else Tahu()
    yield made
    made.close()


@pytest.fixture
def tahu() -> Encoder:
    """Return the one that needs no other program."""
    return Tahu()


@contextlib.asynccontextmanager
async def on_air(edge: Edge, broker: Mosquitto) -> AsyncIterator[aiomqtt.Client]:
    """Connect an edge node; should it break off, the broker tells its death."""
    will = aiomqtt.Will(edge.topic("NDEATH"), edge.death(), qos=1)
    async with aiomqtt.Client(LOOPBACK, broker.port, identifier=edge.node, will=will) as client:
        yield client


async def born(edge: Edge, client: aiomqtt.Client, temperature: float = 40.0) -> None:
    """Publish the births of a node and of its cooling unit, whose values have many types."""
    await client.publish(edge.topic("NBIRTH"), edge.birth())
    told = edge.next(
        metric(temperature, "Double", name="supply_temp", alias=1, properties=unit("°C", 192)),
        metric(-5, "Int8", name="return_temp", alias=2, properties=unit("degC")),
        metric(-5, "Int16", name="flow", alias=3, properties=unit("L/min")),
        metric(-500, "Int32", name="dp", alias=4, properties=unit("kPa")),
        metric(3_000_000_000, "UInt32", name="heat", alias=5, properties=unit("mW")),
        metric(1 << 40, "UInt64", name="resets", alias=6),
        metric(True, "Boolean", name="leak", alias=7),  # noqa: FBT003 -- a value
        metric("stopped", "String", name="pump_ok/pump1", alias=8),
        metric(2.5, "Float", name="pressure", alias=9, properties=unit("bar")),
        metric(None, "Double", name="level", alias=10, properties=unit("%")),
        metric(41.5, "Double", name="valve", alias=11, properties=unit("%", 0)),
        metric("x", "String", name="serial", alias=12),
    )
    await client.publish(edge.topic("DBIRTH", "cdu"), told)


@pytest.mark.usefixtures("encoder")
async def test_an_edge_in_another_language(broker: Mosquitto, encoder: Encoder) -> None:
    """Every type, by name and by alias; null, history and bad quality; and a death by last will."""
    ear, edge = Ear(broker.port), Edge(encoder)
    ear.watch(CDU, "sparkplug_rack", group="hall")
    value = partial(ear.value, CDU)
    async with running(ear), contextlib.AsyncExitStack() as stack:
        await ear.connected()
        client = await stack.enter_async_context(on_air(edge, broker))
        await born(edge, client)
        await ear.until(lambda: value("temperature/supply") == 40.0)
        told = {
            "temperature/return": -5.0,
            "flow": -5.0,
            "dp": -500.0,
            "heat": 3_000_000.0,
            "resets": float(1 << 40),
            "leak": 1.0,
            "pump/1/status": 1.0,
            "pressure": 250.0,
            "level": Quality.SENTINEL,
            "valve": Quality.SENSOR_FAULT,
        }
        assert {name: value(name) for name in told} == told

        await client.publish(
            edge.topic("DDATA", "cdu"),
            edge.next(
                metric(99.0, "Double", alias=1, isHistorical=True),
                metric(-6, "Int8", alias=2),
                metric(80.0, "Double", alias=10),
                metric(42.5, "Double", alias=11, properties=unit("%", 192)),
                metric(None, "Float", alias=9),
            ),
        )
        await ear.until(lambda: value("temperature/return") == -6.0)
        told |= {
            "temperature/supply": 40.0,
            "temperature/return": -6.0,
            "level": 80.0,
            "valve": 42.5,
            "pressure": Quality.SENTINEL,
        }
        assert {name: value(name) for name in told} == told
        watched = ear.subscriber.devices[CDU]
        assert (watched.drops, watched.ignored) == ({}, {"historical": 1})
        assert watched.device.unread == {"serial": "is not in the profile"}

        async with aiomqtt.Client(LOOPBACK, broker.port, identifier=edge.node):  # it is put out
            await ear.until(lambda: value("temperature/supply") == Quality.STALE)
        assert {value(name) for name in told} <= {Quality.STALE}
        with contextlib.suppress(aiomqtt.MqttError):
            await stack.aclose()
        assert ear.subscriber.rebirths_asked == 0


async def test_numbers_through_a_real_broker(broker: Mosquitto, encoder: Encoder) -> None:
    """Three times round, doubled, one after the next in time and out of it; then a new birth."""
    ear, edge = Ear(broker.port, Access(reorder_s=1.0)), Edge(encoder)
    ear.watch(CDU, "sparkplug_rack", group="hall")
    value = partial(ear.value, CDU, "temperature/supply")
    topic = edge.topic("DDATA", "cdu")
    async with running(ear), on_air(edge, broker) as client:
        await ear.connected()
        await born(edge, client)
        for turn in range(600):
            told = edge.next(metric(turn / 10, alias=1))
            for _ in range(1 + (turn % 7 == 0)):
                await client.publish(topic, told)
        await ear.until(lambda: value() == 59.9)
        watched = ear.subscriber.devices[CDU]
        assert watched.drops == {}

        early = [edge.next(metric(each, alias=1)) for each in (61.0, 62.0, 63.0)]
        for told in reversed(early):
            await client.publish(topic, told)
        await ear.until(lambda: value() == 63.0)
        assert watched.drops == {}

        await client.publish(topic, edge.next(metric(64.0, alias=1), skip=1))
        await ear.until(lambda: value() == Quality.STALE)
        ear.ahead += 1.0
        await client.publish(topic, edge.next(metric(65.0, alias=1)))
        await ear.until(lambda: watched.drops == {"before_birth": 1})
        assert value() == Quality.STALE

        await born(edge, client, 66.0)
        await ear.until(lambda: value() == 66.0)


@pytest.mark.parametrize("rebirth", [False, True])
async def test_a_birth_is_asked_for_only_where_the_floor_file_says_so(
    broker: Mosquitto, tahu: Encoder, *, rebirth: bool
) -> None:
    """Without that nothing is ever published; with it, what Tahu reads as the one command."""
    edge, heard = Edge(tahu), []
    ear = Ear(broker.port, Access(rebirth=rebirth))
    ear.watch(CDU, "sparkplug_rack", group="hall")
    ear.watch("bay-01/other", "sparkplug_rack", group="hall")
    value = partial(ear.value, CDU, "temperature/supply")
    topic = edge.topic("DDATA", "cdu")
    async with on_air(edge, broker) as client, aiomqtt.Client(LOOPBACK, broker.port) as spy:
        await spy.subscribe("spBv1.0/hall/NCMD/#")
        await spy.subscribe("spBv1.0/STATE/#")
        await born(edge, client)
        async with running(ear):
            await ear.connected()
            await client.publish(topic, edge.next(metric(41.0, alias=1)))
            await ear.until(lambda: ear.subscriber.devices[CDU].messages > 0)
            assert value() is None
            if rebirth:
                heard.append(await asyncio.wait_for(anext(aiter(spy.messages)), PATIENCE_S))
                await born(edge, client, 42.0)
                await ear.until(lambda: value() == 42.0)
            ear.ahead += 5.0
            await client.publish(topic, edge.next(metric(43.0, alias=1)))
            await ear.until(lambda: ear.subscriber.devices[CDU].messages > 1 + 2 * rebirth)
            await client.publish("spBv1.0/hall/NCMD/end", b"end")
            last = await asyncio.wait_for(anext(aiter(spy.messages)), PATIENCE_S)
            assert last.payload == b"end"
            assert ear.subscriber.rebirths_asked == rebirth == len(heard)
    for command in heard:
        is_the_command(command, edge.topic("NCMD"))


def is_the_command(command: aiomqtt.Message, topic: str) -> None:
    """Check what was published against what the specification has."""
    assert (command.topic.value, command.qos, command.retain) == (topic, 0, False)
    told = sparkplug_b_pb2.Payload.FromString(bytes(command.payload))
    assert not told.HasField("seq")
    assert [(m.name, m.datatype, m.boolean_value) for m in told.metrics] == [
        ("Node Control/Rebirth", 11, True)
    ]


def nested(octets: int) -> bytes:
    """Return a payload whose one metric holds templates in templates, so many octets in all."""
    deep = b""
    while len(deep) < octets:
        deep = b"\x92\x01" + varint(len(deep)) + deep
    return b"\x12" + varint(len(deep)) + deep


async def test_hostile_payloads_harm_nobody_else(broker: Mosquitto, tahu: Encoder) -> None:
    """Rubbish of a node makes that node unknown; the other one, and the connection, stay."""
    good, bad = Edge(tahu, "bay-01"), Edge(tahu, "bay-02")
    ear = Ear(broker.port)
    for node in ("bay-01", "bay-02"):
        ear.watch(f"{node}/cdu", "sparkplug_rack", group="hall")
    evils = [
        ("cut_off", b"\x12\xff\xff\xff\xff\x0f\x00"),
        ("bad_number", b"\x08" + b"\xff" * 10),
        ("too_many_metrics", b"\x12\x00" * 3_000),
        ("too_many_fields", b"\xa8\x1f\x01" * 5_000),
        ("too_long", b"\x0a" * 70_000),
        ("bad_field", b"\x0b" * 100),
        ("no_seq", nested(20_000)),
    ]
    async with running(ear), on_air(good, broker) as client:
        await ear.connected()
        await born(good, client)
        for count, (_, evil) in enumerate(evils, 1):
            await born(bad, client)
            await ear.until(lambda: ear.value("bay-02/cdu", "temperature/supply") == 40.0)
            await client.publish(bad.topic("DDATA", "cdu"), evil)
            await ear.until(lambda: ear.value("bay-02/cdu", "temperature/supply") == Quality.STALE)
            assert sum(ear.subscriber.drops.values()) == count
        assert ear.subscriber.drops == {reason: 1 for reason, _ in evils}
        assert ear.value(CDU, "temperature/supply") == 40.0
        assert ear.subscriber.connections == 1


async def test_a_broker_that_forgets_all_and_a_node_that_is_asked(
    broker: Mosquitto, tahu: Encoder
) -> None:
    """Lost with the broker; back with the births that are asked for, once the node is there."""
    ear, edge = Ear(broker.port, Access(rebirth=True)), Edge(tahu)
    ear.watch(CDU, "sparkplug_rack", group="hall")
    value = partial(ear.value, CDU, "temperature/supply")
    async with running(ear):
        for temperature in (40.0, 41.0):
            await ear.connected()
            with contextlib.suppress(aiomqtt.MqttError):
                async with on_air(edge, broker) as client:
                    await client.subscribe(edge.topic("NCMD"), qos=1)
                    ear.ahead += 700.0
                    await asyncio.wait_for(anext(aiter(client.messages)), PATIENCE_S)
                    await born(edge, client, temperature)
                    await ear.until(partial(_is, value, temperature))
                    broker.kill()
                    await ear.until(partial(_is, value, Quality.COMM_LOST))
            broker.start()


def _is(value: partial[float | Quality | None], wanted: float | Quality) -> bool:
    """Say whether a value is what is wanted, and of its kind."""
    found = value()
    return found == wanted and isinstance(found, Quality) == isinstance(wanted, Quality)


class Racks:
    """One rack whose every instrument shows something."""

    def __init__(self, count: int, devices: int) -> None:
        self.shown = np.where(np.arange(count) % 2, 1.0, 0.0)[None, :]
        self.good = np.ones(self.shown.shape, bool)
        self.silent = np.zeros((1, devices), bool)
        self.clock_offset = np.zeros((1, devices))


async def test_every_device_of_the_simulated_rack_is_read(broker: Mosquitto) -> None:
    """What the simulated node publishes is what its instruments show; a silent device is stale."""
    spec = expand(load_spec(SPEC.read_bytes(), SPEC.name))
    there = [p for p in places(points(spec)) if "mgmt" not in p.device]
    racks = Racks(len(points(spec)), len(places(points(spec))))
    ear = Ear(broker.port)
    for place in there:
        ear.watch(f"bay-01/{place.device}", "sparkplug_rack", group="hall")
    node = SparkplugNode("hall", "bay-01", 0, there)
    async with running(ear):
        await ear.connected()
        task = asyncio.create_task(live(node, racks, (LOOPBACK, broker.port), time.time))
        await ear.until(lambda: len(ear.told) == len(there) == len(ear.channels))
        await ear.until(lambda: all((r.quality == 0).all() for r in ear.told.values()))
        for place in there:
            readings = ear.told[f"bay-01/{place.device}"]
            watched = ear.subscriber.devices[f"bay-01/{place.device}"]
            assert watched.device.unread == {}
            assert len(readings.values) == len(place.points)
            assert sorted(readings.values) == sorted(racks.shown[0, list(place.columns)])
        racks.silent[0, there[0].number] = True
        first = ear.channels[f"bay-01/{there[0].device}"][0].name
        await ear.until(lambda: ear.value(f"bay-01/{there[0].device}", first) == Quality.STALE)
        task.cancel()
        last = ear.channels[f"bay-01/{there[-1].device}"][0].name
        await ear.until(lambda: ear.value(f"bay-01/{there[-1].device}", last) == Quality.STALE)
        await asyncio.gather(task, return_exceptions=True)
        assert ear.subscriber.drops == {}
        assert ear.subscriber.state is State.UP
