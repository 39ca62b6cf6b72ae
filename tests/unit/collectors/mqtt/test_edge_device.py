"""Devices of a Sparkplug edge node: what is told of them, message by message."""

import itertools
import math

import pytest

from collectors.mqtt.access import REORDER_S
from collectors.mqtt.hub import Hub
from collectors.mqtt.protobuf import number, octets
from collectors.quantity import Quantity
from collectors.readings import Quality
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


def test_nodes_are_asked_a_few_at_a_time_and_each_ever_more_rarely() -> None:
    """A hall that lost its broker is not asked for all births at once, nor a dead node often."""
    edge = Edge()
    others = [edge.watch("cdu", f"n{n}") for n in range(24)]
    rounds = [[node.name for node, _ in edge.edges.asking(100.0)] for _ in range(4)]
    assert [len(names) for names in rounds] == [10, 10, 5, 0]
    assert len({*rounds[0], *rounds[1], *rounds[2]}) == 1 + len(others)

    alone = Edge()
    asked = [now for now in range(4_000) if list(alone.edges.asking(float(now)))]
    pauses = [after - before for before, after in itertools.pairwise(asked)]
    assert pauses == [10, 20, 40, 80, 160, 320, *[600] * (len(pauses) - 6)]
    alone.born()
    assert list(alone.edges.asking(5_000.0)) == []


def test_history_is_kept_apart_from_what_is_live() -> None:
    """A value of the past changes nothing that is shown, and is not lost."""
    edge = Edge()
    edge.born()
    past = edge.ms - 3_600_000
    told = metric(past, 17.0, alias=1) + number(5, 1)
    assert edge.say("DDATA", told) == "historical"
    assert edge.told()["temperature"] == 40.0
    (late,) = edge.device.late
    assert (late.channel, late.time, late.value) == ("temperature", past / 1e3, 17.0)
    assert late.quality == Quality.GOOD


def test_a_bad_quality_holds_until_a_better_one_is_told() -> None:
    """It is a property of the metric, told again only when it changes."""
    edge = Edge()
    edge.born()

    def quality(code: int) -> bytes:
        """Return the properties that tell a quality."""
        return octets(9, octets(1, b"Quality") + octets(2, number(1, 3) + number(3, code)))

    for code, shown in ((0, Quality.SENSOR_FAULT), (500, Quality.STALE), (7, Quality.SENSOR_FAULT)):
        edge.now += 1.0
        assert edge.say("DDATA", metric(edge.ms, 41.0, alias=1) + quality(code)) == ""
        assert edge.told()["temperature"] == shown
        edge.tell(42.0)
        assert edge.told()["temperature"] == shown
    edge.say("DDATA", metric(edge.ms, 43.0, alias=1) + quality(192))
    assert edge.told()["temperature"] == 43.0


def test_a_leak_of_a_moment_is_told_though_its_node_died_after_it() -> None:
    """What was said before a death was so."""
    edge = Edge()
    edge.born()
    edge.told()
    for word in ("bad", "ok"):
        edge.say("DDATA", metric(edge.ms, word, alias=3))
    edge.death()
    first, last = edge.device.readings(edge.now)
    state = [channel.name for channel in edge.device.channels].index("state")
    assert (first.values[state], first.quality[state]) == (1.0, Quality.GOOD)
    assert last.quality[state] == Quality.STALE


def test_a_silent_node_is_no_reason_to_connect_anew() -> None:
    """Its values are told when they change; anew, its births would be missed."""
    hub, source = Hub(), Edge().device.source
    hub.watch("bay/cdu", source, lambda _: None, lambda *_: None, 0.0)
    assert not hub.talkative
    assert "spBv1.0/hall/DDATA/bay/+" in hub.filters
    hub.forget("bay/cdu")
    assert hub.edges.nodes == {}
