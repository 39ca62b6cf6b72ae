"""The simulated edge node, read by Eclipse Tahu's own code: alone, and through a real broker."""

import asyncio
import math
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import aiomqtt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tahutils.tahu import sparkplug_b, sparkplug_b_pb2  # type: ignore[import-untyped] # ships none

from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.rehearsal.points import points
from collectors.quantity import Quantity
from collectors.twin.mqtt_face import Message, Place, places
from collectors.twin.sparkplug import asks_for_rebirth
from collectors.twin.sparkplug_node import SparkplugNode, live, metric_name
from collectors.twin.states import states_of

SPEC: Final = Path(__file__).parents[2] / "deploy" / "example" / "specs" / "rack-132kw.yaml"
POINTS: Final = points(expand(load_spec(SPEC.read_bytes(), SPEC.name)))
DEVICES: Final = [p for p in places(POINTS) if p.device in ("cdu", "power_shelf3")]
MOSQUITTO: Final = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
NOW: Final = 1_743_620_423.0
PATIENCE_S: Final = 30.0
STATE: Final = (Quantity.STATE, Quantity.LEAK)


class Racks:
    """Two racks; the node shows the second."""

    def __init__(self) -> None:
        self.shown = np.full((2, len(POINTS)), 1.0)
        self.good = np.ones(self.shown.shape, bool)
        self.silent = np.zeros((2, len(places(POINTS))), bool)
        self.clock_offset = np.zeros(self.silent.shape)


class Host:
    """A host application: what it knows of the node, from births and data alone."""

    def __init__(self) -> None:
        self.names: dict[int, tuple[str, str]] = {}  # alias -> device, metric
        self.values: dict[tuple[str, str], object] = {}
        self.units: dict[tuple[str, str], str] = {}
        self.kinds: list[str] = []
        self.session: int | None = None
        self.dead_session: int | None = None
        self._seq = -1

    def hear(self, topic: str, data: bytes) -> None:
        """Take in one message, in order; nothing may be missing."""
        namespace, group, kind, node, *rest = topic.split("/")
        assert (namespace, group, node) == ("spBv1.0", "hall", "bay-02")
        payload = sparkplug_b_pb2.Payload.FromString(data)
        device = rest[0] if rest else ""
        self.kinds.append(kind)
        if kind == "NDEATH":
            assert not payload.HasField("seq")
            self.dead_session = self._control(payload)["bdSeq"]
            return
        assert payload.seq == (0 if kind == "NBIRTH" else (self._seq + 1) % 256)
        self._seq = payload.seq
        if kind == "NBIRTH":
            self.session = self._control(payload)["bdSeq"]
            assert self._control(payload)["Node Control/Rebirth"] is False
            self.names.clear()
        if kind == "DDEATH":
            self.values = {key: v for key, v in self.values.items() if key[0] != device}
        if kind == "DBIRTH":
            assert not {m.alias for m in payload.metrics} & self.names.keys()
            for metric in payload.metrics:
                self.names[metric.alias] = device, metric.name
                units = dict(zip(metric.properties.keys, metric.properties.values, strict=True))
                if units:
                    self.units[device, metric.name] = units["engUnit"].string_value
        if kind in ("DBIRTH", "DDATA"):
            for metric in payload.metrics:
                assert (metric.name == "") == (kind == "DDATA")
                assert metric.timestamp == payload.timestamp
                self.values[self.names[metric.alias]] = self._value(metric)

    @staticmethod
    def _value(metric: Any) -> object:  # noqa: ANN401 -- a message of Tahu's
        """Return a value; None where it is null, and then there is no other."""
        which = metric.WhichOneof("value")
        assert (which is None) == metric.is_null
        return getattr(metric, which) if which else None

    def _control(self, payload: Any) -> dict[str, Any]:  # noqa: ANN401 -- a message of Tahu's
        """Return the node's own metrics."""
        return {metric.name: self._value(metric) for metric in payload.metrics}


def hears(host: Host, node: SparkplugNode, racks: Racks, now: float) -> None:
    """Let a host hear what is due."""
    for message in node.due(racks, now):
        assert not message.retain
        host.hear(message.topic, message.payload)


def node(racks: Racks) -> tuple[SparkplugNode, Message]:
    """Return the node of the second bay with its will."""
    assert racks.shown.shape[0] == 2
    made = SparkplugNode("hall", "bay-02", 1, DEVICES)
    return made, made.connect(NOW)


def wanted(racks: Racks, place: Place) -> Iterator[tuple[tuple[str, str], object]]:
    """Yield what a host must know of a device."""
    for column, point in zip(place.columns, place.points, strict=True):
        shown = racks.shown[1, column]
        value: object = float(shown)
        if math.isnan(shown) or not racks.good[1, column]:
            value = None
        elif point.quantity is Quantity.LEAK:
            value = bool(shown)
        elif point.quantity is Quantity.STATE:
            value = states_of(point)[int(shown)]
        yield (place.device, metric_name(point)), value


@given(data=st.data())
def test_tahu_knows_what_every_instrument_shows(data: st.DataObject) -> None:
    """After any changes: by name, with unit, null where there is no value, and nothing missed."""
    racks, host = Racks(), Host()
    edge, _ = node(racks)
    columns = [column for place in DEVICES for column in place.columns]
    for turn in range(data.draw(st.integers(1, 4))):
        for column in data.draw(st.sets(st.sampled_from(columns), max_size=6)):
            state = POINTS[column].quantity in STATE
            racks.shown[1, column] = data.draw(
                st.sampled_from([0.0, 1.0]) if state else st.integers(0, 9000).map(float)
            )
            racks.good[1, column] = data.draw(st.integers(0, 4)) > 0
            if data.draw(st.integers(0, 4)) == 0:
                racks.shown[1, column] = math.nan
        hears(host, edge, racks, NOW + 5.0 * turn)
    known = dict(pair for place in DEVICES for pair in wanted(racks, place))
    assert host.values == known
    assert host.units["cdu", "flow"] == "L/min"
    assert host.kinds[:3] == ["NBIRTH", "DBIRTH", "DBIRTH"]


def test_numbers_go_round_and_what_did_not_change_is_not_said() -> None:
    """More messages than the sequence has numbers, each with the one metric that changed."""
    racks, host = Racks(), Host()
    edge, _ = node(racks)
    for turn in range(600):
        racks.shown[1, DEVICES[0].columns[0]] = float(turn % 7)
        hears(host, edge, racks, NOW + 2.5 * turn)
        hears(host, edge, racks, NOW + 2.5 * turn + 1.0)  # between two looks
    assert host.kinds[3:] == ["DDATA"] * (len(host.kinds) - 3)
    assert len(host.kinds) > 512


def test_a_device_that_falls_silent_dies_and_is_born_again() -> None:
    """The node lives on, and says so of the device."""
    racks, host = Racks(), Host()
    edge, _ = node(racks)
    hears(host, edge, racks, NOW)
    racks.silent[1, DEVICES[1].number] = True
    hears(host, edge, racks, NOW + 5.0)
    assert host.kinds[-1] == "DDEATH"
    assert {device for device, _ in host.values} == {DEVICES[0].device}
    racks.silent[1, DEVICES[1].number] = False
    host.names = {a: n for a, n in host.names.items() if n[0] != DEVICES[1].device}
    hears(host, edge, racks, NOW + 10.0)
    assert host.kinds[-1] == "DBIRTH"


def test_each_session_has_a_death_of_its_own() -> None:
    """A host tells by its number whether a death is of the node that it knows."""
    racks, host = Racks(), Host()
    edge, death = node(racks)
    for _ in range(300):
        hears(host, edge, racks, NOW)
        host.hear(death.topic, death.payload)
        assert host.dead_session == host.session
        before, death = death, edge.connect(NOW)
        assert death.payload != before.payload


def command(name: str, *, value: bool) -> bytes:
    """Return a command as Tahu writes it."""
    payload = sparkplug_b_pb2.Payload()
    sparkplug_b.addMetric(payload, name, None, sparkplug_b.MetricDataType.Boolean, value)
    written: bytes = payload.SerializeToString()
    return written


def test_only_the_command_for_it_brings_a_rebirth() -> None:
    """As Tahu writes it, true, on the node's own topic."""
    racks, host = Racks(), Host()
    edge, _ = node(racks)
    hears(host, edge, racks, NOW)
    for topic, data in (
        (edge.command, command("Node Control/Rebirth", value=False)),
        (edge.command, command("Node Control/Reboot", value=True)),
        (edge.command.replace("bay-02", "bay-01"), command("Node Control/Rebirth", value=True)),
    ):
        edge.heard(topic, data)
        hears(host, edge, racks, NOW + 1.0)
    assert host.kinds == ["NBIRTH", "DBIRTH", "DBIRTH"]
    edge.heard(edge.command, command("Node Control/Rebirth", value=True))
    hears(host, edge, racks, NOW + 1.0)
    assert host.kinds == ["NBIRTH", "DBIRTH", "DBIRTH"] * 2


@given(data=st.binary(max_size=60))
def test_rubbish_is_no_command(data: bytes) -> None:
    """Whatever comes, nothing breaks; and what Tahu cannot read asks for nothing."""
    asks_for_rebirth(data)
    good = command("Node Control/Rebirth", value=True)
    for end in range(len(good)):
        assert not asks_for_rebirth(good[:end])


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Return the port of a real broker."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {number} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert any("running" in line for line in process.stderr)
    yield number
    process.kill()
    process.communicate()


async def test_a_host_behind_a_real_broker_can_ask_again_and_learns_of_a_death(port: int) -> None:
    """Births, a command, and a node that ends without a farewell: the broker says so."""
    racks, host = Racks(), Host()
    edge = SparkplugNode("hall", "bay-02", 1, DEVICES)

    async def until(client: aiomqtt.Client, kind: str) -> None:
        async for message in client.messages:
            host.hear(message.topic.value, bytes(message.payload))
            if host.kinds[-1] == kind:
                return

    async with asyncio.timeout(PATIENCE_S), aiomqtt.Client("127.0.0.1", port) as client:
        for kind in ("NBIRTH", "DBIRTH", "DDATA", "DDEATH", "NDEATH"):
            await client.subscribe(f"spBv1.0/hall/{kind}/#", qos=1)
        task = asyncio.create_task(live(edge, racks, ("127.0.0.1", port), time.time))
        await until(client, "DBIRTH")
        await until(client, "DBIRTH")
        racks.shown[1, DEVICES[0].columns[0]] = 7.0
        await until(client, "DDATA")
        await client.publish(edge.command, command("Node Control/Rebirth", value=True), qos=1)
        await until(client, "NBIRTH")
        await until(client, "DBIRTH")
        await until(client, "DBIRTH")
        first = host.session
        async with aiomqtt.Client("127.0.0.1", port, identifier=edge.name):  # it is put out
            await until(client, "NDEATH")
        assert host.dead_session == first
        await until(client, "NBIRTH")
        assert host.session != first
        task.cancel()
        await until(client, "NDEATH")
        assert host.dead_session == host.session
        await asyncio.gather(task, return_exceptions=True)
