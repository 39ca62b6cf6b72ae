"""A device that publishes JSON: when its values are believed, and when not."""

import json
import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.document import parse
from collectors.mqtt.device import Heard
from collectors.mqtt.gateway import Gateway
from collectors.mqtt.mapping import MqttProfile
from collectors.mqtt.source import Source
from collectors.readings import Quality

PROFILE = """\
dialect: json
messages:
  - topic: site/{bay}/cdu/telemetry
    max_age: 20 s
    time: ts
    channels:
      temperature/supply: {field: d.T_sup.v, unit_field: d.T_sup.u, quantity: temperature}
      flow: {field: d.Flow.v, unit_field: d.Flow.u, unit: lpm, quantity: flow, sentinels: [6553.5]}
      alarm: {field: d.Alarm, quantity: state, states: {0: ok}, good: [ok]}
  - topic: site/{bay}/+/leak
    max_age: 60 s
    channels:
      leak: {quantity: leak, texts: {dry: 0, wet: 1}}
availability: {topic: "site/{bay}/cdu/LWT", offline: [Offline]}
"""
WALL = 1_743_620_423.0
TELEMETRY = "site/bay12/cdu/telemetry"
SENT = {
    "ts": "2025-04-02T19:00:23Z",
    "d": {"T_sup": {"v": "40,1", "u": "°C"}, "Flow": {"v": 10.35, "u": "m3/h"}, "Alarm": "0x0004"},
}


class Rig:
    """A gateway under a clock of ours; the wall clock runs beside it."""

    def __init__(self) -> None:
        mqtt = parse(PROFILE, "p.yaml").validate(MqttProfile)
        source = Source(profile="p", kind="cooling", vendor="v", mqtt=mqtt, match={})
        self.gateway = Gateway("bay12/cdu", source)
        self.gateway.connected()
        self.now = 0.0

    def hear(
        self, payload: bytes | Mapping[str, Any], topic: str = TELEMETRY, *, retained: bool = False
    ) -> str:
        """Let a message come now."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.gateway.take(Heard(topic, body, retained, self.now, WALL + self.now))

    def told(self) -> dict[str, float | Quality]:
        """Return what is told now: good values, and reasons for the others."""
        *_, readings = self.gateway.readings(self.now)
        return {
            channel.name: value if quality == Quality.GOOD else Quality(quality)
            for channel, value, quality in zip(
                self.gateway.channels,
                readings.values.tolist(),
                readings.quality.tolist(),
                strict=True,
            )
        }


@pytest.fixture
def rig() -> Rig:
    """Return a connected gateway that has heard nothing."""
    return Rig()


def test_a_gateway_as_they_are(rig: Rig) -> None:
    """Decimal comma, unit aliases, another unit than ours, a bit field in hexadecimal."""
    assert rig.hear(SENT) == ""
    told = rig.told()

    assert told["temperature/supply"] == 40.1
    assert told["flow"] == pytest.approx(172.5)
    assert told["alarm"] == 4.0
    assert told["leak"] == Quality.COMM_LOST  # its topic has not been heard


def test_values_grow_stale_and_are_lost_with_the_broker(rig: Rig) -> None:
    """Too old is stale; too old with no broker to bring a newer one is lost."""
    rig.hear(SENT)
    rig.now = 20.0
    assert rig.told()["temperature/supply"] == 40.1
    rig.gateway.disconnected()
    assert rig.told()["temperature/supply"] == 40.1  # still young: a short break is no gap
    rig.now = 20.1
    assert rig.told()["temperature/supply"] == Quality.COMM_LOST
    rig.gateway.connected()
    assert rig.told()["temperature/supply"] == Quality.STALE


def test_a_retained_value_is_not_fresh(rig: Rig) -> None:
    """Nobody knows how old it is, not even by its own time stamp: a live one must come."""
    assert rig.hear(SENT, retained=True) == "retained"
    assert rig.told()["temperature/supply"] == Quality.STALE

    rig.hear(SENT)
    assert rig.told()["temperature/supply"] == 40.1

    rig.hear({**SENT, "d": {"T_sup": {"v": 1, "u": "C"}}}, retained=True)
    assert rig.told()["temperature/supply"] == 40.1


def test_age_counts_from_the_source(rig: Rig) -> None:
    """A message held up on its way is as old as it says, not as young as it arrived."""
    rig.now = 15.0
    rig.hear(SENT)
    assert rig.told()["temperature/supply"] == 40.1
    rig.now = 21.0
    assert rig.told()["temperature/supply"] == Quality.STALE


def test_a_gateway_that_repeats_itself_goes_stale(rig: Rig) -> None:
    """Its messages keep coming, with one time stamp: whatever is behind it stopped."""
    for second in range(0, 40, 5):
        rig.now = float(second)
        assert rig.hear(SENT) == ("duplicate" if second else "")
    assert rig.told()["temperature/supply"] == Quality.STALE


def test_a_late_message_changes_nothing(rig: Rig) -> None:
    """One that was overtaken does not bring the past back."""
    rig.hear(SENT)
    assert rig.hear({"ts": WALL - 5, "d": {"T_sup": {"v": 20, "u": "C"}}}) == "late"
    assert rig.told()["temperature/supply"] == 40.1


@pytest.mark.parametrize("time", ["2026-01-02T03:04:05", WALL + 61, 0, "noon", None])
def test_a_time_that_cannot_be_makes_values_unknown(rig: Rig, time: object) -> None:
    """From the future, before any clock, or without a zone: the value may be of any age."""
    assert rig.hear({**SENT, "ts": time}) == "clock"
    assert rig.told()["temperature/supply"] == Quality.CLOCK
    rig.hear(SENT)
    assert rig.told()["temperature/supply"] == 40.1


def test_each_field_has_its_own_reason(rig: Rig) -> None:
    """One broken sensor does not take its neighbours with it."""
    rig.hear({**SENT, "d": {"T_sup": {"v": "--", "u": "°C"}, "Flow": {"v": 6553.5}}})
    told = rig.told()

    assert told["temperature/supply"] == Quality.SENTINEL
    assert told["flow"] == Quality.SENTINEL
    assert told["alarm"] == Quality.ABSENT

    rig.now = 1.0
    rig.hear({"ts": WALL + 1, "d": {"T_sup": {"v": 40, "u": "bar"}, "Alarm": 0}})
    told = rig.told()

    assert told["temperature/supply"] == Quality.MALFORMED
    assert told["alarm"] == 0.0
    assert told["flow"] == Quality.SENTINEL  # this message said nothing of it


def test_a_device_that_is_known_to_be_gone_is_lost_at_once(rig: Rig) -> None:
    """A broker publishes the last will of a device; only new values show that it is back."""
    rig.hear(SENT)
    rig.hear(b"Offline", "site/bay12/cdu/LWT", retained=True)
    assert rig.told()["temperature/supply"] == Quality.COMM_LOST

    rig.now = 25.0
    rig.hear(b"Online", "site/bay12/cdu/LWT")
    assert rig.told()["temperature/supply"] == Quality.STALE


def test_a_payload_may_be_the_value_itself(rig: Rig) -> None:
    """One topic a value, as small sensors do it."""
    assert rig.hear(b"wet", "site/bay12/a/leak") == ""
    assert rig.told()["leak"] == 1.0
    assert rig.hear(b" 0 ", "site/bay12/a/leak") == ""
    assert rig.told()["leak"] == 0.0


def test_two_topics_cannot_feed_one_channel(rig: Rig) -> None:
    """Where a filter with + fits two devices, the second is refused, not mixed in."""
    rig.hear(b"dry", "site/bay12/a/leak")
    assert rig.hear(b"wet", "site/bay12/b/leak") == "second_topic"
    assert rig.told()["leak"] == 0.0


@given(
    st.lists(
        st.tuples(
            st.sampled_from([TELEMETRY, "site/bay12/a/leak", "site/bay12/cdu/LWT", "x"]),
            st.binary(max_size=30)
            | st.builds(
                lambda ts, v, u: json.dumps({"ts": ts, "d": {"T_sup": {"v": v, "u": u}}}).encode(),
                st.sampled_from([WALL, WALL - 1, WALL + 1e9, "x", None]),
                st.one_of(st.text(max_size=5), st.floats(), st.none(), st.lists(st.integers())),
                st.one_of(st.sampled_from(["C", "K"]), st.integers(), st.none()),
            ),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_no_message_whatever_stops_the_next(messages: list[tuple[str, bytes, bool]]) -> None:
    """Hostile payloads cost counters; nothing good is ever without a number."""
    rig = Rig()
    for topic, payload, retained in messages:
        rig.hear(payload, topic, retained=retained)
    for value in rig.told().values():
        assert isinstance(value, Quality) or math.isfinite(value)
    rig.hear(b"Online", "site/bay12/cdu/LWT")
    rig.now = 61.0
    rig.hear({"ts": WALL + 61, "d": {"T_sup": {"v": 21, "u": "C"}}})

    assert rig.told()["temperature/supply"] == 21.0
