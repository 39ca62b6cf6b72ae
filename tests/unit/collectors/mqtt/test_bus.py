"""A device on a DSX bus: learnt from metadata, believed while vouched for."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt.bus import BEAT_MAX_S, POINTS_MAX, SETTLE_S, Bus
from collectors.mqtt.device import Heard
from collectors.mqtt.heartbeat import REPUBLISH_MAX_S
from collectors.mqtt.source import Source
from collectors.profile import Profile, load_profiles
from collectors.readings import Quality

WALL = 1_743_620_423.0
CDU = "CDU/LiquidTemperature/site1/row3/cdu5/t1"
BEAT = "System/HeartbeatTimestampBms/hall/beat"


class Rig:
    """One device under a clock of ours; the wall clock runs beside it."""

    def __init__(self, profile: Profile, **match: str) -> None:
        assert profile.mqtt is not None
        source = Source(
            profile="dsx_bms", kind="cooling", vendor="v", mqtt=profile.mqtt, match=match
        )
        self.bus = Bus("bay-01/cdu", source)
        self.now = 100.0
        self.bus.connected()

    def hear(self, topic: str, told: object, *, retained: bool = False) -> str:
        """Let a message come now."""
        payload = told if isinstance(told, bytes) else json.dumps(told).encode()
        return self.bus.take(Heard(topic, payload, retained, self.now, WALL + self.now))

    def describe(self, point: str, **told: Any) -> str:  # noqa: ANN401 -- JSON
        """Publish metadata, retained."""
        object_type, point_type = point.split("/")[:2]
        body = {"objectType": object_type, "pointType": point_type, **told}
        return self.hear(f"BMS/v1/PUB/Metadata/{point}", body, retained=True)

    def value(
        self,
        point: str,
        value: object,
        *,
        publisher: str = "PUB",
        at: float | None = None,
        quality: object = 1,
    ) -> str:
        """Publish a value whose source time is now, or `at`."""
        time = int((WALL + (self.now if at is None else at)) * 1000)
        body = {"value": value, "timestamp": time, "quality": quality}
        return self.hear(f"BMS/v1/{publisher}/Value/{point}", body)

    def settle(self) -> bool:
        """Wait for the end of a burst of metadata; return whether the channels changed."""
        self.now += SETTLE_S
        return self.bus.bind(self.now)

    def told(self) -> dict[str, float | Quality]:
        """Return what is told now: good values, and reasons for the others."""
        *_, readings = self.bus.readings(self.now)
        both = zip(readings.values.tolist(), readings.quality.tolist(), strict=True)
        return {
            channel.name: value if quality == Quality.GOOD else Quality(quality)
            for channel, (value, quality) in zip(self.bus.channels, both, strict=True)
        }


@pytest.fixture(scope="module")
def profile() -> Profile:
    """Return the shipped profile."""
    return next(p for p in load_profiles() if p.name == "dsx_bms")


@pytest.fixture
def rig(profile: Profile) -> Rig:
    """Return a device with one described point and no value yet."""
    rig = Rig(profile, objectType="CDU", tagPath="site1/row3/cdu5/#")
    rig.describe(CDU, engUnit="C", processArea=["Secondary", "Supply"], objectName="CDU 5")
    assert rig.settle()
    return rig


def test_a_device_learns_its_channels_and_its_name(rig: Rig) -> None:
    """Channels come from metadata, in one binding for a whole burst, and so does the identity."""
    assert [channel.name for channel in rig.bus.channels] == ["temperature/supply"]
    assert rig.bus.channels[0].source == f"BMS/v1/PUB/Value/{CDU}#value"
    assert rig.bus.identity.sys_descr == "CDU CDU 5"
    assert rig.told() == {"temperature/supply": Quality.COMM_LOST}

    rig.value(CDU, 40.25)

    assert rig.told() == {"temperature/supply": 40.25}


@pytest.mark.parametrize(
    ("value", "quality", "expected"),
    [
        (22.96215, 1, 22.96215),
        (22.96215, 0, Quality.SENSOR_FAULT),
        (22.96215, 192, Quality.SENSOR_FAULT),
        (22.96215, True, Quality.SENSOR_FAULT),
        (None, 1, Quality.SENTINEL),
        (None, 0, Quality.SENSOR_FAULT),
        (1e38, 1, Quality.OUT_OF_RANGE),
        ("warm", 1, Quality.MALFORMED),
    ],
)
def test_only_quality_one_is_trusted(
    rig: Rig, value: object, quality: object, expected: float | Quality
) -> None:
    """Any other quality, and null, make the value unknown."""
    rig.value(CDU, value, quality=quality)

    assert rig.told() == {"temperature/supply": expected}


def test_an_unchanged_value_is_believed_while_the_heart_beats(rig: Rig) -> None:
    """Nothing is published while nothing changes; the heartbeat says that this is why."""
    rig.value(CDU, 40.0)
    for _ in range(10):
        rig.now += 10
        rig.value(BEAT, rig.now)
    assert rig.told() == {"temperature/supply": 40.0}

    rig.now += BEAT_MAX_S + 1  # the publisher is gone
    assert rig.told() == {"temperature/supply": Quality.STALE}


def test_without_a_republish_no_heartbeat_helps(rig: Rig) -> None:
    """The bus repeats every value; one that is not repeated has lost its point."""
    rig.value(CDU, 40.0)
    last = rig.now
    while rig.now < last + REPUBLISH_MAX_S:
        rig.now += 10
        rig.value(BEAT, rig.now)
    assert rig.told() == {"temperature/supply": 40.0}

    rig.now += 10
    rig.value(BEAT, rig.now)
    assert rig.told() == {"temperature/supply": Quality.STALE}


def test_a_republish_with_the_old_time_stamp_renews_the_value(rig: Rig) -> None:
    """The time stamp is that of the change; that it is said again shows that it still holds."""
    rig.value(CDU, 40.0)
    changed = rig.now
    for _ in range(3):
        rig.now += 100
        assert rig.value(CDU, 40.0, at=changed) == ""
        assert rig.told() == {"temperature/supply": 40.0}


def test_a_unit_that_changes_holds_from_the_next_message_on(rig: Rig) -> None:
    """Even where that message only repeats the value: it is read anew."""
    rig.value(CDU, 104.0)
    changed = rig.now
    rig.describe(CDU, engUnit="F", processArea=["Secondary", "Supply"], objectName="CDU 5")
    rig.settle()
    rig.value(CDU, 104.0, at=changed)

    assert rig.told() == {"temperature/supply": pytest.approx(40.0)}


def test_a_heart_that_repeats_its_time_has_stopped(rig: Rig) -> None:
    """A gateway that plays back the last heartbeat it knew does not keep values alive."""
    rig.value(CDU, 40.0)
    rig.value(BEAT, 1.0)
    for _ in range(4):
        rig.now += 10
        assert rig.value(BEAT, 1.0) == "frozen_heartbeat"
    assert rig.told() == {"temperature/supply": Quality.STALE}


def test_all_hearts_of_a_publisher_must_beat(rig: Rig) -> None:
    """Which points hang on which client of the building system, nobody can say."""
    rig.value(CDU, 40.0)
    rig.value(f"{BEAT}2", 1.0)
    for _ in range(4):
        rig.now += 10
        rig.value(BEAT, rig.now)
    assert rig.told() == {"temperature/supply": Quality.STALE}

    rig.value(CDU, 41.0)
    assert rig.told() == {"temperature/supply": 41.0}


def test_nothing_from_before_a_break_is_believed_after_it(rig: Rig) -> None:
    """Values are not retained: what changed during the break is not known until it is repeated."""
    rig.value(CDU, 40.0)
    changed = rig.now
    rig.bus.disconnected()
    assert rig.told() == {"temperature/supply": 40.0}  # for as long as a heartbeat may be missed
    rig.now += 5
    rig.bus.connected()
    rig.value(BEAT, rig.now)
    assert rig.told() == {"temperature/supply": Quality.STALE}

    rig.now += 1
    rig.value(CDU, 40.0, at=changed)
    assert rig.told() == {"temperature/supply": 40.0}


def test_a_broker_that_is_gone_takes_all_values_with_it(rig: Rig) -> None:
    """After a while nobody can say that they are unchanged."""
    rig.value(CDU, 40.0)
    rig.bus.disconnected()
    rig.now += BEAT_MAX_S + 1

    assert rig.told() == {"temperature/supply": Quality.COMM_LOST}


def test_a_retained_value_is_not_fresh(rig: Rig) -> None:
    """A bridge may retain what the bus does not; its age is unknown."""
    told = {"value": 40.0, "timestamp": int(WALL * 1000), "quality": 1}
    assert rig.hear(f"BMS/v1/PUB/Value/{CDU}", told, retained=True) == "retained"
    assert rig.told() == {"temperature/supply": Quality.STALE}


def test_a_time_stamp_from_the_future_cannot_be_right(rig: Rig) -> None:
    """A source whose clock is wrong by more than a minute is not believed."""
    assert rig.value(CDU, 40.0, at=rig.now + 61) == "clock"
    assert rig.told() == {"temperature/supply": Quality.CLOCK}


def test_values_that_come_before_their_metadata_are_kept(profile: Profile) -> None:
    """Order of arrival does not matter; nothing is interpreted before it is described."""
    rig = Rig(profile, tagPath="site1/row3/cdu5/#")
    assert rig.value(CDU, 40.0) == "undescribed"
    assert not rig.settle()
    rig.describe(CDU, engUnit="C")
    assert rig.settle()

    assert rig.told() == {"liquid_temperature": 40.0}


def test_points_whose_type_says_all_need_no_metadata(profile: Profile) -> None:
    """The bus fixes the unit of a rack's points; metadata that differs wins when it comes."""
    rig = Rig(profile, tagPath="r1/#")
    rig.value("Rack/RackLiquidFlow/r1/flow", 171.8)
    rig.value("Rack/RackLeakDetect/r1/leak", 1)
    assert rig.settle()
    assert rig.told() == {"flow": 171.8, "leak": 1.0}

    rig.describe("Rack/RackLiquidFlow/r1/flow", engUnit="m3/h", rackLocationName="R1")
    rig.settle()
    rig.value("Rack/RackLiquidFlow/r1/flow", 6)
    assert rig.told()["flow"] == pytest.approx(100.0)


def test_who_belongs_to_a_device_is_told_by_metadata(profile: Profile) -> None:
    """Two racks publish side by side; identifiers tell them apart, never a tag path."""
    rig = Rig(profile, objectType="Rack", rackLocationId="R2")
    for rack in ("R1", "R2"):
        rig.value(f"Rack/RackLiquidFlow/x{rack}", 100.0 if rack == "R1" else 200.0)
        rig.describe(f"Rack/RackLiquidFlow/x{rack}", engUnit="LPM", rackLocationId=rack)
    rig.settle()

    assert rig.told() == {"flow": 200.0}
    assert rig.value("Rack/RackLiquidFlow/xR1", 1.0) == "not_mine"


def test_only_the_integration_that_metadata_names_is_heard(profile: Profile) -> None:
    """A value from anyone else, the building system included, is not that point's."""
    rig = Rig(profile, tagPath="r1/#")
    tray = "Rack/RackLeakDetectTray/r1/tray"
    states = [{"value": 0, "text": "NoLeak"}, {"value": 1, "text": "Leak"}]
    rig.describe(tray, stateText=states, integration="MEPAI")
    rig.settle()
    for other in ("PUB", "OTHER"):
        assert rig.value(tray, 0, publisher=other) == "other_publisher"
    assert rig.told() == {"leak_tray": Quality.COMM_LOST}

    rig.value(tray, 1, publisher="MEPAI")
    assert rig.told() == {"leak_tray": 1.0}
    for _ in range(4):  # its own heart must beat, not that of the building
        rig.now += 10
        rig.value(BEAT, rig.now)
    assert rig.told() == {"leak_tray": Quality.STALE}
    rig.value("System/HeartbeatTimestampIntegration/m", rig.now, publisher="MEPAI")
    assert rig.told() == {"leak_tray": 1.0}


def test_points_of_one_name_are_numbered_all_of_them(rig: Rig) -> None:
    """With a second detector no channel is called as if it were the only one."""
    for place in ("b", "a"):
        rig.describe(f"CDU/LeakDetect/{place}", stateText=[{"value": 0, "text": "NoLeak"}])
    rig.value(CDU, 40.0)
    assert rig.settle()
    rig.value("CDU/LeakDetect/a", 0)

    assert rig.told() == {"leak/1": 0.0, "leak/2": Quality.COMM_LOST, "temperature/supply": 40.0}


def test_metadata_that_comes_again_changes_nothing(rig: Rig) -> None:
    """It is republished every 100 s, and must not bind the device anew each time."""
    rig.describe(CDU, engUnit="C", processArea=["Secondary", "Supply"], objectName="CDU 5")

    assert not rig.settle()


def test_a_point_taken_back_is_no_channel_any_more(rig: Rig) -> None:
    """Empty metadata is how a broker forgets what it retained."""
    rig.hear(f"BMS/v1/PUB/Metadata/{CDU}", b"", retained=True)

    assert rig.settle()
    assert rig.bus.channels == ()


def test_a_point_that_is_not_read_is_listed_with_the_reason(rig: Rig) -> None:
    """Somebody looking for a channel finds why it is not there."""
    rig.describe("CDU/LiquidFlow/x", engUnit="furlong", processArea=["Secondary"])
    rig.settle()

    assert rig.bus.unread == {
        "BMS/v1/PUB/Value/CDU/LiquidFlow/x": "unit 'furlong' cannot measure flow"
    }
    assert rig.value("CDU/LiquidFlow/x", 1) == "unread"


def test_a_bus_without_end_is_bounded(profile: Profile) -> None:
    """Points beyond the limit are counted and cost nothing."""
    rig = Rig(profile, tagPath="#")
    for number in range(POINTS_MAX + 3):
        rig.describe(f"CDU/LiquidFlow/{number}", engUnit="LPM")
        reason = rig.value(f"HX/LiquidFlow/{number}", 1)
    rig.settle()

    assert reason == "too_many_points"
    assert len(rig.bus.channels) == POINTS_MAX


topics = st.sampled_from(
    [
        f"BMS/v1/{publisher}/{which}/{point}"
        for publisher in ("PUB", "MEPAI")
        for which in ("Value", "Metadata")
        for point in (CDU, BEAT, "Rack/RackPower/x", "Sensor/Sound/y")
    ]
)
bodies = st.binary(max_size=20) | st.fixed_dictionaries(
    {},
    optional={
        "value": st.none() | st.floats() | st.integers() | st.text(max_size=3) | st.just([]),
        "timestamp": st.integers() | st.just(int(WALL * 1000)) | st.text(max_size=3),
        "quality": st.integers(0, 1) | st.none(),
        "objectType": st.sampled_from(["CDU", "Rack", "Sensor"]),
        "pointType": st.sampled_from(["LiquidTemperature", "RackPower", "Sound"]),
        "engUnit": st.sampled_from(["C", "kW", "?"]) | st.none(),
        "integration": st.sampled_from(["MEPAI", ""]),
    },
).map(lambda told: json.dumps(told).encode())


@given(st.lists(st.tuples(topics, bodies, st.booleans()), max_size=15))
def test_no_message_whatever_stops_the_next(
    profile: Profile, messages: list[tuple[str, bytes, bool]]
) -> None:
    """Whatever was sent before, a described point with a good value is read."""
    rig = Rig(profile, tagPath="#")
    for topic, payload, retained in messages:
        rig.hear(topic, payload, retained=retained)
        rig.now += 1
        rig.bus.bind(rig.now)
        rig.told()
    rig.describe(CDU, engUnit="C", processArea=["Secondary", "Supply"], objectId="new")
    rig.settle()
    rig.now += 100
    rig.value(CDU, 40.0)

    assert rig.told()["temperature/supply"] == 40.0
