"""What the simulated building management system tells the broker, and when."""

import json
from typing import Any

import pytest

from collectors.twin.bay import Bay
from collectors.twin.bms import HEARTBEAT_SECONDS, POINTS, REPUBLISH_SECONDS, Bms, Message

NOW = 1_800_000_000.0


def sent(bms: Bms, bay: Bay, now: float) -> list[Message]:
    """Return what is due."""
    return list(bms.due(bay.shown, bay.silent, now))


def values(messages: list[Message]) -> dict[str, dict[str, Any]]:
    """Return the value messages by the last level of their topic."""
    return {
        m.topic.rpartition("/")[2]: json.loads(m.payload) for m in messages if "/Value/" in m.topic
    }


def test_a_subscriber_can_tell_every_point_from_its_metadata_alone() -> None:
    """Points of one kind differ by process area; tag paths mean nothing."""
    bms = Bms("bay-01")
    told = [json.loads(bms.metadata(point).payload) for point in POINTS]
    assert len({json.dumps(one, sort_keys=True) for one in told}) == len(POINTS)
    assert all(bms.metadata(point).retain for point in POINTS)


def test_a_point_has_a_unit_or_state_texts_and_never_both() -> None:
    """The bus makes them exclusive."""
    bms = Bms("bay-01")
    for point in POINTS:
        told = json.loads(bms.metadata(point).payload)
        assert ("engUnit" in told) != ("stateText" in told)


def test_unchanged_values_are_silent_until_they_are_published_again() -> None:
    """On change and every few seconds; between, only what is due speaks."""
    bms, bay = Bms("bay-01"), Bay(seed=3)
    assert len(values(sent(bms, bay, NOW))) == len(POINTS) + 1
    assert values(sent(bms, bay, NOW + REPUBLISH_SECONDS / 2)) == {}
    again = sent(bms, bay, NOW + REPUBLISH_SECONDS)
    assert len(values(again)) == len(POINTS)
    assert len([m for m in again if m.retain]) == len(POINTS) + 1


def test_a_heartbeat_goes_on_and_is_never_the_same_twice() -> None:
    """A frozen heartbeat is no sign of life."""
    bms, bay = Bms("bay-01"), Bay(seed=3)
    beats = [
        values(sent(bms, bay, NOW + n * HEARTBEAT_SECONDS))["heartbeat"]["value"] for n in range(3)
    ]
    assert beats == sorted(set(beats))


def test_a_change_goes_out_at_once() -> None:
    """A leak does not wait for the next round."""
    bms, bay = Bms("bay-01"), Bay(seed=3)
    sent(bms, bay, NOW)
    bay.raise_fault("leak")
    for _ in range(5):
        bay.step(1.0)
    assert values(sent(bms, bay, NOW + 1))["rack_leak"]["value"] == 1


def test_a_sensor_without_a_value_is_null_and_not_good() -> None:
    """And it is said once, not every second."""
    bms, bay = Bms("bay-01"), Bay(seed=3)
    bay.raise_fault("sensor_fault")
    bay.step(1.0)
    told = values(sent(bms, bay, NOW))["rack_return_degc"]
    assert told == {"value": None, "timestamp": int(NOW * 1000), "quality": 0}
    assert "rack_return_degc" not in values(sent(bms, bay, NOW + 1))


@pytest.mark.parametrize("device", ["cdu", "room"])
def test_a_silent_device_publishes_nothing(device: str) -> None:
    """The heartbeat goes on: the bus is alive, the device is not."""
    bms, bay = Bms("bay-01"), Bay(seed=3)
    bay.silent = frozenset({device})
    topics = [m.topic for m in sent(bms, bay, NOW) if not m.retain]
    assert not any(f"/{device}" in topic for topic in topics)
    assert any("Heartbeat" in topic for topic in topics)


def test_the_gateway_speaks_with_decimal_commas_and_units() -> None:
    """As small gateways in some countries do."""
    message = sent(Bms("bay-01"), Bay(seed=3), NOW)[-1]
    told = json.loads(message.payload)["d"]
    assert message.topic == "gateway/bay-01/room/telemetry"
    assert "," in told["temperature"]["v"]
    assert told["temperature"]["u"] == "°C"
