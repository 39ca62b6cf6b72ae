"""Plugs, meters and sensors as people buy them: their own messages, read by profiles alone."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from collectors.document import parse
from collectors.mqtt.device import Heard
from collectors.mqtt.gateway import Gateway
from collectors.mqtt.source import Source
from collectors.profile import load_profiles
from collectors.readings import Quality

FILE: Final = Path(__file__).parent / "devices.yaml"
DEVICES: Final[dict[str, Any]] = parse(FILE.read_bytes(), FILE.name).data
PROFILES: Final = {profile.name: profile for profile in load_profiles()}
WALL: Final = 1_743_620_423.0  # three seconds after what the messages say
DOCUMENT: Final = Path(__file__).parents[4] / "docs" / "mqtt.md"


class Rig:
    """One device, hearing its messages."""

    def __init__(self, name: str) -> None:
        self.told = DEVICES[name]
        profile = PROFILES[name]
        assert profile.mqtt is not None
        source = Source(
            profile=name,
            kind=profile.kind,
            vendor=profile.vendor,
            mqtt=profile.mqtt,
            match=self.told["match"],
        )
        assert source.problems("bay-01/feed") == []
        self.dated = source.dated
        self.gateway = Gateway("bay-01/feed", source)
        self.gateway.connected()

    def hear(self, topic: str, payload: str, *, retained: bool = False) -> str:
        """Hear one message, of a topic that was asked for; it came at 1 s on our clock."""
        assert any(topic == each for each in self.gateway.filters)
        return self.gateway.take(Heard(topic, payload.encode(), retained, 1.0, WALL))

    def hear_all(self, *, retained: bool = False) -> None:
        """Hear all that the device says."""
        for topic, payload in self.told["messages"]:
            assert self.hear(topic, payload, retained=retained) in ("", "retained")

    def read(self, now: float = 1.5) -> dict[str, float]:
        """Return what is good."""
        (readings,) = self.gateway.readings(now)
        return {
            channel.name: float(value)
            for channel, value, quality in zip(
                self.gateway.channels, readings.values, readings.quality, strict=True
            )
            if quality == Quality.GOOD
        }


@pytest.fixture(params=DEVICES)
def rig(request: pytest.FixtureRequest) -> Rig:
    """Return each kind of device."""
    return Rig(request.param)


def test_its_messages_are_read_to_the_last_value(rig: Rig) -> None:
    """In our units, whatever the device's; what it does not have is absent."""
    rig.hear_all()
    assert rig.read() == pytest.approx(rig.told["read"])


def test_its_last_will_ends_all_at_once_and_only_values_bring_it_back(rig: Rig) -> None:
    """A broker says so within moments; the old values are not believed when it is back."""
    rig.hear_all()
    rig.hear(*rig.told["lost"])
    assert rig.read() == {}
    (told,) = rig.gateway.readings(1.5)
    assert Quality.COMM_LOST in told.quality

    topic, payload = rig.told["messages"][0]
    if topic == rig.told["lost"][0]:
        rig.hear(topic, payload)
        assert rig.read() == {}


def test_values_after_a_last_will_are_believed(rig: Rig) -> None:
    """The will of an old connection may come when the new one already brings values."""
    rig.hear(*rig.told["lost"])
    rig.hear_all()
    assert rig.read() == pytest.approx(rig.told["read"])


def test_what_the_broker_remembered_is_no_evidence(rig: Rig) -> None:
    """Most of these devices retain what they say, and nobody knows from when it is."""
    rig.hear_all(retained=True)
    assert rig.read() == {}


def test_silence_makes_all_stale(rig: Rig) -> None:
    """Whatever its period, two hours without a word are none."""
    rig.hear_all()
    assert rig.read(7_201.0) == {}


def test_a_bridge_that_repeats_what_it_knew_brings_nothing_new() -> None:
    """Zigbee2MQTT says at its start what each device said last, hours ago perhaps."""
    rig = Rig("zigbee_plug")
    for topic, payload in rig.told["messages"]:
        rig.hear(topic, re.sub(r"T19:00:20", "T15:00:20", payload))
    assert rig.dated
    assert rig.read() == {}


def test_every_device_is_in_the_document() -> None:
    """Nobody finds what is not written down."""
    described = set(re.findall(r"^\| `(\w+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert DEVICES.keys() <= described
