"""Devices of a Sparkplug edge node: what is told of them, message by message."""

import math
from typing import Final

import pytest

from collectors.mqtt.device import Heard
from collectors.mqtt.edge import REORDER_S
from collectors.mqtt.edges import Edges
from collectors.mqtt.mapping import MqttProfile
from collectors.mqtt.source import Source
from collectors.mqtt.sparkplug import Datatype
from collectors.quantity import Quantity
from collectors.readings import Quality
from collectors.twin.sparkplug import Datatype as Kinds
from collectors.twin.sparkplug import metric, payload

WALL: Final = 1_743_620_423.0
MS: Final = int(WALL * 1000)
PROFILE: Final = MqttProfile.model_validate(
    {
        "dialect": "sparkplug",
        "metrics": {
            "T": {"name": "temperature", "quantity": "temperature"},
            "psu{n}/W": {"name": "psu/{n}/power", "quantity": "power", "unit": "W"},
            "state": {"name": "state", "quantity": "state", "states": {0: "ok", 1: "bad"}},
        },
    }
)


class Edge:
    """An edge node, and one device of it as the floor knows it."""

    def __init__(self) -> None:
        self.edges = Edges()
        source = Source(
            profile="p", kind="other", vendor="v", mqtt=PROFILE, match={"group": "hall"}
        )
        self.device = self.edges.device("bay/cdu", source)
        self.device.connected()
        self.now = 100.0
        self.seq = 0

    def hear(self, kind: str, data: bytes, *, device: str = "", retained: bool = False) -> str:
        """Let a message come; return why it was dropped."""
        topic = f"spBv1.0/hall/{kind}/bay" + (f"/{device}" if device else "")
        wall = WALL + self.now - 100.0
        return self.device.take(Heard(topic, data, retained, self.now, wall))

    def say(self, kind: str, *metrics: bytes, device: str = "cdu", skip: int = 0) -> str:
        """Say something in its turn, after `skip` messages that nobody hears."""
        self.seq = (self.seq + 1 + skip) % 256
        return self.hear(kind, payload(self.ms, metrics, self.seq), device=device)

    @property
    def ms(self) -> int:
        """Return the time by the wall."""
        return MS + round((self.now - 100.0) * 1000)

    def birth(self, session: int = 0) -> str:
        """Be born."""
        self.seq = 0
        told = metric(self.ms, session, name="bdSeq", datatype=Kinds.INT64)
        return self.hear("NBIRTH", payload(self.ms, [told], 0))

    def death(self, session: int = 0) -> str:
        """Die."""
        told = metric(self.ms, session, name="bdSeq", datatype=Kinds.INT64)
        return self.hear("NDEATH", payload(self.ms, [told]))

    def born(self, temperature: float = 40.0) -> None:
        """Be born with a device."""
        assert self.birth() == ""
        assert self.device_birth(temperature) == ""

    def device_birth(self, temperature: float = 40.0) -> str:
        """Let the device be born."""
        return self.say(
            "DBIRTH",
            metric(self.ms, temperature, name="T", alias=1, datatype=Kinds.DOUBLE, unit="°C"),
            metric(self.ms, 700.0, name="psu2/W", alias=2, datatype=Kinds.DOUBLE),
            metric(self.ms, "ok", name="state", alias=3, datatype=Kinds.STRING),
        )

    def told(self) -> dict[str, float | Quality]:
        """Return what is told of each channel now."""
        self.device.bind(self.now)
        *_, readings = self.device.readings(self.now)
        return {
            channel.name: float(value) if quality == Quality.GOOD else Quality(quality)
            for channel, value, quality in zip(
                self.device.channels, readings.values, readings.quality, strict=True
            )
        }


def test_births_name_and_data_tell_by_alias() -> None:
    """A unit comes from the metric, or from the profile; a state's word is its number."""
    edge = Edge()
    assert edge.told() == {}
    edge.born(40.5)
    assert edge.told() == {"temperature": 40.5, "psu/2/power": 700.0, "state": 0.0}
    assert edge.say("DDATA", metric(edge.ms, 41.0, alias=1), metric(edge.ms, "bad", alias=3)) == ""
    assert edge.told() == {"temperature": 41.0, "psu/2/power": 700.0, "state": 1.0}
    assert [c.quantity for c in edge.device.channels] == [
        Quantity.TEMPERATURE,
        Quantity.POWER,
        Quantity.STATE,
    ]


def test_a_value_does_not_age_while_its_node_lives() -> None:
    """It is told again only when it changes."""
    edge = Edge()
    edge.born()
    edge.now += 86_400.0
    assert edge.told()["temperature"] == 40.0
    edge.death()
    assert edge.told()["temperature"] == Quality.STALE
    assert math.isnan(edge.device.readings(edge.now)[-1].values[0])


@pytest.mark.parametrize("skip", [1, 5, 100, 250])
def test_a_gap_makes_all_unknown_at_once_and_until_the_next_birth(skip: int) -> None:
    """Whatever was missed may have changed anything."""
    edge = Edge()
    edge.born()
    edge.say("DDATA", metric(edge.ms, 41.0, alias=1), skip=skip)
    assert set(edge.told().values()) == {Quality.STALE}
    edge.now += REORDER_S
    assert set(edge.told().values()) == {Quality.STALE}
    assert edge.device.node.wanting == "gap"
    assert edge.say("DDATA", metric(edge.ms, 41.0, alias=1)) == "before_birth"
    edge.born(42.0)
    assert edge.told()["temperature"] == 42.0
    assert edge.device.node.wanting == ""


def test_datatypes_are_the_same_for_both_ends() -> None:
    """The simulated node writes what is read here."""
    assert {kind.name: int(kind) for kind in Kinds}.items() <= {
        kind.name: int(kind) for kind in Datatype
    }.items()
