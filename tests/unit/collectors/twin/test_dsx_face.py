"""The simulated bus in time: what is said when, how it is described, and what is never said."""

import itertools
import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pytest

from collectors.profile import load_profiles
from collectors.quantity import Quantity
from collectors.twin.dsx_face import DsxFace, Heartbeat
from collectors.twin.mqtt_face import Message, places
from collectors.twin.point import Point

BUS: Final = next(profile for profile in load_profiles() if profile.name == "dsx_bms")
POINTS: Final = (
    Point("rack", "flow", "rack.flow", None, Quantity.FLOW),
    Point("rack", "leak[zone1]", "rack.leak", "zone1", Quantity.LEAK),
    Point("rack", "leak[zone2]", "rack.leak", "zone2", Quantity.LEAK),
    Point("rack", "leak[zone11]", "rack.leak", "zone11", Quantity.LEAK),
    Point("cdu", "pump_ok[pump1]", "cdu.pump_ok", "pump1", Quantity.STATE),
    Point("cdu", "power", "cdu.power", None, Quantity.POWER),
)
RACK, CDU = places(POINTS)
NOW: Final = 1_743_620_423.0


class Racks:
    """One rack on which all is dry and well."""

    def __init__(self) -> None:
        self.shown = np.array([[171.76, 0.0, 0.0, 0.0, 0.0, 2345.4]])
        self.good = np.ones((1, len(POINTS)), bool)
        self.silent = np.zeros((1, 2), bool)
        self.clock_offset = np.zeros((1, 2))


def told(messages: Sequence[Message]) -> dict[str, Any]:
    """Return what was said, by the last level of the topic."""
    return {m.topic.rpartition("/")[2]: json.loads(m.payload) for m in messages}


@pytest.mark.parametrize("republish", [100.0, 7.0])
def test_what_does_not_change_is_said_once_in_every_republish(republish: float) -> None:
    """However often somebody looks; and never more seldom."""
    face, racks = DsxFace(BUS, RACK, ("bay-01",), republish=republish), Racks()
    times: dict[str, list[float]] = {}
    for tick in range(int(republish * 12)):
        for message in face.due(racks, NOW + tick / 4):
            times.setdefault(message.topic, []).append(tick / 4)
    assert len(times) == len(RACK.points)
    for said in times.values():
        assert said[0] == 0.0
        assert said[1] <= republish
        assert all(after - before == republish for before, after in itertools.pairwise(said[1:]))


def test_a_change_is_said_at_the_next_look_and_only_that() -> None:
    """Of a flow; what is closer than the last decimal is no change."""
    face, racks = DsxFace(BUS, RACK, ("bay-01",)), Racks()
    list(face.due(racks, NOW))
    racks.shown[0, 0] = 171.761
    assert not [m for tick in range(1, 12) for m in face.due(racks, NOW + tick / 4)]
    racks.shown[0, 0] = 171.9
    said = [m for tick in range(12, 24) for m in face.due(racks, NOW + tick / 4)]
    assert told(said)["flow"]["value"] == 171.9
    assert len(said) == 1


def test_a_value_that_is_not_believed_is_told_as_bad_and_one_that_is_not_there_as_null() -> None:
    """Bad quality beside the number, as the bus has it."""
    face, racks = DsxFace(BUS, RACK, ("bay-01",)), Racks()
    racks.good[0, 0] = False
    racks.shown[0, 1] = np.nan
    said = told(list(face.due(racks, NOW)))
    milliseconds = int(NOW * 1000)
    assert said["flow"] == {"value": 171.76, "timestamp": milliseconds, "quality": 0}
    assert said["leak_zone001"] == {"value": None, "timestamp": milliseconds, "quality": 0}
    assert said["leak_zone002"] == {"value": 0, "timestamp": milliseconds, "quality": 1}


def test_a_point_is_described_by_its_area_and_by_unit_or_states() -> None:
    """Whoever comes late can tell every point from its description."""
    said = list(DsxFace(BUS, CDU, ("bay-01",)).greet(NOW))
    assert all(message.retain for message in said)
    pump, power = (json.loads(message.payload) for message in said)
    assert pump["processArea"] == ["Pump1"]
    assert [state["text"] for state in pump["stateText"]] == ["Ok", "Stopped", "Failed"]
    assert "engUnit" not in pump
    assert (power["processArea"], power["engUnit"]) == (["Power"], "kW")
    assert told(list(DsxFace(BUS, CDU, ("bay-01",)).due(Racks(), NOW)))["power"]["value"] == 2.345


def test_detectors_stand_in_the_order_of_their_zones() -> None:
    """A reader numbers those of one name by their topics, as text: 2 comes before 11."""
    topics = [m.topic for m in DsxFace(BUS, RACK, ("bay-01",)).greet(NOW)]
    assert topics[1:] == sorted(topics[1:])


def test_a_new_connection_is_told_everything_again() -> None:
    """The broker may have kept nothing."""
    face, racks = DsxFace(BUS, RACK, ("bay-01",)), Racks()
    first = list(face.due(racks, NOW))
    assert not list(face.due(racks, NOW + 1.0))
    assert len(list(face.greet(NOW + 1.0))) == len(RACK.points)
    assert told(list(face.due(racks, NOW + 1.0))).keys() == told(first).keys()


def test_the_heart_beats_every_ten_seconds_and_moves_on() -> None:
    """One for the whole bus."""
    heart, racks = Heartbeat("twin"), Racks()
    assert [message.retain for message in heart.greet(NOW)] == [True]
    beats = [json.loads(m.payload) for s in range(60) for m in heart.due(racks, NOW + s)]
    assert [beat["value"] for beat in beats] == [int(NOW) + 10 * n for n in range(6)]
