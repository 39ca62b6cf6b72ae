"""All devices of one broker: who gets which message, and when each device is told."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt.device import Heard
from collectors.mqtt.hub import PATIENCE_S, REPEAT_S, TICK_S, Hub
from collectors.mqtt.source import Source
from collectors.mqtt.subscriber import RETRY_FIRST_S, RETRY_MAX_S, retry_s
from collectors.mqtt.topic import TOPIC_BYTES_MAX
from collectors.profile import load_profiles
from collectors.readings import Channel, Identity, Quality, Readings

WALL = 1_743_620_423.0
ROOM = "gateway/bay-01/room/telemetry"
PROFILES = {profile.name: profile for profile in load_profiles()}
FLOW = "Rack/RackLiquidFlow/bay-01/flow"


class Rig:
    """A hub under a clock of ours, and what it told."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.now = 0.0
        self.bound: list[tuple[str, list[str]]] = []
        self.readings: list[Readings] = []

    def watch(self, device: str, name: str, **match: str) -> None:
        """Begin with a device."""
        profile = PROFILES[name]
        assert profile.mqtt is not None
        source = Source(profile=name, kind=profile.kind, vendor="v", mqtt=profile.mqtt, match=match)
        self.hub.watch(device, source, self.readings.append, self._on_bound, self.now)

    def _on_bound(self, device: str, channels: tuple[Channel, ...], identity: Identity) -> None:
        """Note what was bound; a device is told before its readings come."""
        assert identity.profile in PROFILES
        self.bound.append((device, [channel.name for channel in channels]))

    def hear(self, topic: str, told: object, *, retained: bool = False) -> None:
        """Let a message come now."""
        payload = json.dumps(told).encode()
        self.hub.hear(Heard(topic, payload, retained, self.now, WALL + self.now))

    def room(self, temperature: float) -> None:
        """Let the room's gateway report."""
        value = {"temperature": {"v": temperature, "u": "C"}}
        self.hear(ROOM, {"ts": WALL + self.now, "d": value})

    def pass_time(self, seconds: float) -> None:
        """Tick until so many seconds have passed."""
        until = self.now + seconds
        while self.now < until:
            self.now += TICK_S
            self.hub.tick(self.now)

    def told(self) -> list[Readings]:
        """Return what was told since the last call."""
        told, self.readings = self.readings, []
        self.hub.watched["bay-01/room"].on_readings = self.readings.append
        return told


@pytest.fixture
def rig() -> Rig:
    """Return a hub with a room, connected, told once."""
    rig = Rig()
    rig.watch("bay-01/room", "json_room")
    rig.hub.connected(0.0)
    rig.pass_time(TICK_S)
    rig.told()
    return rig


def test_changes_are_told_together_within_a_tick(rig: Rig) -> None:
    """Ten messages in a quarter of a second are one set of readings."""
    for number in range(10):
        rig.now += 0.01
        rig.room(20.0 + number)
    rig.pass_time(TICK_S)

    (readings,) = rig.told()
    assert readings.device == "bay-01/room"
    assert readings.values[0] == 29.0


def test_a_device_without_news_is_told_every_second(rig: Rig) -> None:
    """Its values may have gone stale, and whoever judges gaps must hear that it is there."""
    heard = rig.now
    rig.room(20.0)
    rig.pass_time(30.0)

    told = rig.told()
    assert len(told) == pytest.approx(30.0 / REPEAT_S, abs=1)
    for readings in told:
        stale = readings.taken_at - heard > 20.0
        assert readings.quality[0] == (Quality.STALE if stale else Quality.GOOD)


def test_a_device_is_bound_before_it_is_told(rig: Rig) -> None:
    """A bus device that is never described is told as one without channels, after a while."""
    rig.watch("bay-01/rack", "dsx_bms", tagPath="bay-01/#")
    rig.watch("bay-02/rack", "dsx_bms", tagPath="bay-02/#")
    value = {"value": 80.0, "timestamp": int(WALL * 1000), "quality": 1}
    rig.hear(f"BMS/v1/PUB/Value/{FLOW}", value)
    rig.pass_time(PATIENCE_S - TICK_S)
    assert rig.bound[1:] == [("bay-01/rack", ["flow"])]

    rig.pass_time(2 * TICK_S)
    assert rig.bound[2:] == [("bay-02/rack", [])]


def test_everyone_whom_a_message_concerns_gets_it(rig: Rig) -> None:
    """Counters tell apart what was taken, what was dropped and why, and what was nobody's."""
    rig.room(20.0)
    rig.hear(ROOM, {"d": {}})
    rig.hear(ROOM, {"ts": WALL, "d": {}}, retained=True)
    rig.hear("gateway/bay-02/room/telemetry", {})
    rig.hear("x" * (TOPIC_BYTES_MAX + 1), {})

    watched = rig.hub.watched["bay-01/room"]
    assert watched.messages == 3
    assert (watched.drops, watched.ignored) == ({"clock": 1}, {"retained": 1})
    assert (rig.hub.drops, rig.hub.ignored) == ({"topic_too_long": 1}, {"nobody": 1})
    assert watched.octets > 0


def test_a_device_that_left_is_told_no_more(rig: Rig) -> None:
    """Its topics are no longer asked for either; what was counted for it stays counted."""
    rig.hear(ROOM, {"d": {}})
    rig.hub.forget("bay-01/room")
    rig.room(20.0)
    rig.pass_time(2.0)

    assert rig.readings == []
    assert rig.hub.filters == frozenset()
    assert (rig.hub.drops, rig.hub.ignored) == ({"clock": 1}, {"nobody": 1})


def test_other_devices_points_are_not_looked_at_twice(rig: Rig) -> None:
    """In a hall of a thousand racks each device would else read every message."""
    rig.watch("bay-01/rack", "dsx_bms", objectType="Rack", rackLocationId="R1")
    told = {"objectType": "Rack", "pointType": "RackLiquidFlow", "rackLocationId": "R9"}
    rig.hear(f"BMS/v1/PUB/Metadata/{FLOW}", told)
    for _ in range(3):
        rig.hear(f"BMS/v1/PUB/Value/{FLOW}", {"value": 1, "timestamp": 1, "quality": 1})

    watched = rig.hub.watched["bay-01/rack"]
    assert (watched.messages, watched.ignored) == (1, {"other_device": 1})
    assert (rig.hub.drops, rig.hub.ignored) == ({}, {"nobody": 2})

    rig.hear(f"BMS/v1/PUB/Metadata/{FLOW}", {**told, "rackLocationId": "R1", "engUnit": "LPM"})
    rig.pass_time(1.0)
    rig.hear(
        f"BMS/v1/PUB/Value/{FLOW}",
        {"value": 80.0, "timestamp": int((WALL + rig.now) * 1000), "quality": 1},
    )
    rig.pass_time(TICK_S)
    assert rig.readings[-1].values.tolist() == [80.0]  # it was given the right rack at last


@given(st.integers(1, 10_000), st.integers())
def test_a_broker_is_asked_at_most_once_a_second(failures: int, seed: int) -> None:
    """And never left alone for much longer than half a minute."""
    wait = retry_s(failures, random.Random(seed))

    assert RETRY_FIRST_S <= wait <= 1.5 * RETRY_MAX_S


def test_waits_grow_and_differ() -> None:
    """Two agents that lost one broker do not come back in step."""
    one, other = random.Random(1), random.Random(2)
    waits = [retry_s(failures, one) for failures in range(1, 6)]

    assert waits == sorted(waits)
    assert waits != [retry_s(failures, other) for failures in range(1, 6)]
