"""Devices of a Sparkplug edge node: what is told of them, message by message."""

import math

import pytest

from collectors.mqtt.access import REORDER_S
from collectors.mqtt.sparkplug import Datatype
from collectors.quantity import Quantity
from collectors.readings import Quality
from collectors.twin.sparkplug import Datatype as Kinds
from collectors.twin.sparkplug import metric
from tests.unit.collectors.mqtt.edge_node import Edge


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
