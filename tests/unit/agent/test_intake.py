"""What a floor says, as the pages show it and the log tells it."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pytest
from structlog.testing import capture_logs

from agent.burnin.expand import expand
from agent.burnin.live import LiveBay
from agent.burnin.spec import load_spec
from agent.exposition.floor import Floor
from agent.intake import Intake
from collectors.quantity import Quantity
from collectors.readings import Channel, Identity, Quality, Readings

SPEC: Final = b"""\
spec: rackproof.spec/1
id: small
revision: A
status: draft
title: one room
design: {rack_power: 1 kW}
decision: {rule: simple}
defaults: {every: 1 s, hold: 4 s, budget: 1 %}
roles:
  room: {count: 1, channels: {temp: {q: temperature, trip: max 35 degC}, air: {q: temperature}}}
"""
CHANNELS: Final = (
    Channel("sensor/1", Quantity.TEMPERATURE, "1.3"),
    Channel("sensor/2", Quantity.HUMIDITY, "1.3"),
)
WHO: Final = Identity("probe", "other", model="P1")
STATUS: Final = 'rackproof_channel_status{bay="bay",device="room",channel="temp"}'


class Clock:
    """A clock that stands until it is put forward."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Desk:
    """An intake with the page that it fills and its clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.page = Floor()
        self.intake = Intake(self.page, clock=self.clock, wall=lambda: 1.7e9)

    def open(self, **channel_map: str) -> None:
        """Open a bay that has a spec and one device."""
        live = LiveBay(expand(load_spec(SPEC, "spec.yaml")))
        self.intake.open("bay", live, {"room": channel_map})

    def bind(self) -> None:
        """Let the device be identified."""
        self.intake.bound("bay/room", CHANNELS, WHO, {"room": {"temp": "sensor/1"}})

    def readings(self, temperature: float, quality: Quality = Quality.GOOD) -> Readings:
        """Return what a poll brought."""
        values = np.array([temperature, 40.0])
        values[:] = values if quality is Quality.GOOD else np.nan
        return Readings(
            device="bay/room",
            taken_at=self.clock.now,
            values=values,
            quality=np.full(2, quality, np.uint8),
            raw=values,
        )

    def poll(self, temperature: float, outcome: str = "ok") -> None:
        """Let a poll end, good or lost."""
        good = outcome in ("ok", "partial")
        quality = Quality.GOOD if good else Quality.COMM_LOST
        self.intake.polled(self.readings(temperature, quality), outcome, 0.01)

    def lines(self, start: str) -> list[str]:
        """Return the lines of the page that begin so."""
        text = self.page.render().decode()
        return [line for line in text.splitlines() if line.startswith(start)]


@pytest.fixture
def desk() -> Desk:
    """Return a desk with nothing on it."""
    return Desk()


def _events(logs: Sequence[object]) -> list[str]:
    """Return what was told, in order."""
    return [str(each["event"]) for each in logs if isinstance(each, dict)]


def test_a_reading_has_the_name_that_the_spec_gives_it_and_is_judged(desk: Desk) -> None:
    """What the spec does not ask for keeps the device's own name."""
    desk.open()
    desk.bind()
    desk.poll(21.5)
    desk.intake.judge()

    (line,) = desk.lines("rackproof_temperature_celsius{")
    assert line == 'rackproof_temperature_celsius{bay="bay",device="room",channel="temp"} 21.5'
    assert 'channel="sensor/2"' in desk.lines("rackproof_humidity_ratio{")[0]
    assert desk.lines(STATUS) == [f"{STATUS} 0"]
    desk.clock.now += 1.0
    desk.poll(36.0)
    desk.intake.judge()
    assert desk.lines(STATUS) == [f"{STATUS} 3"]


def test_silence_takes_readings_away_and_leaves_an_unknown_status(desk: Desk) -> None:
    """There is no last value that looks alive."""
    desk.open()
    desk.bind()
    desk.poll(21.5)
    desk.intake.judge()
    desk.clock.now += 60.0
    desk.poll(0.0, "timeout")
    desk.intake.judge()

    assert not desk.lines("rackproof_temperature_celsius{")
    assert desk.lines(STATUS) == [f"{STATUS} -1"]
    assert desk.lines("rackproof_device_up{")[0].endswith(" 0")


def test_before_anything_is_heard_a_judged_channel_is_unknown(desk: Desk) -> None:
    """Absence is a value, from the first page on."""
    desk.open()
    assert desk.lines(STATUS) == [f"{STATUS} -1"]
    assert desk.lines("rackproof_device_up{")[0].endswith(" 0")
    assert not desk.intake.settled()


@pytest.mark.parametrize("outcome", ["ok", "partial", "timeout", "refused", "malformed"])
def test_a_floor_has_settled_when_each_device_was_heard_of_well_or_not(
    desk: Desk, outcome: str
) -> None:
    """A device that is off must not keep the agent from being ready."""
    desk.open()
    desk.bind()
    desk.poll(21.5, outcome)
    assert desk.intake.settled()


def test_a_device_that_goes_and_comes_is_told_once_each_time(desk: Desk) -> None:
    """A log line at every poll would bury all others."""
    desk.open()
    desk.bind()
    with capture_logs() as logs:
        for outcome in ("ok", "ok", "timeout", "timeout", "timeout", "ok", "partial", "refused"):
            desk.poll(21.5, outcome)
    assert _events(logs) == ["device_silent", "device_answers_again", "device_silent"]


def test_a_device_that_is_never_identified_is_told_once(desk: Desk) -> None:
    """It is tried again and again, and every attempt is counted."""
    desk.open()
    with capture_logs() as logs:
        for _ in range(3):
            desk.intake.silent("bay/room", "timeout", "no answer: timeout")
    assert _events(logs) == ["device_not_identified"]
    assert desk.intake.settled()
    (polls,) = [line for line in desk.lines("rackproof_device_polls_total{") if "timeout" in line]
    assert polls.endswith(" 3")


def test_messages_without_a_good_value_are_a_device_that_is_down(desk: Desk) -> None:
    """A broker that repeats what it retained does not make a device alive."""
    desk.open()
    desk.bind()
    with capture_logs() as logs:
        for temperature, quality in ((21.5, Quality.GOOD), (21.5, Quality.STALE)):
            desk.intake.received(desk.readings(temperature, quality))
    assert _events(logs) == ["device_silent"]
    assert desk.lines("rackproof_device_up{")[0].endswith(" 0")


def test_a_map_to_a_channel_that_is_not_there_is_told(desk: Desk) -> None:
    """Only when the device is known can anybody say so."""
    desk.open(temp="sensor/9")
    with capture_logs() as logs:
        desk.bind()
    assert _events(logs) == ["channel_not_bound", "device_bound"]
    assert "sensor/9" in str(logs[0]["problem"])


def test_a_bay_without_a_spec_is_shown_and_not_judged(desk: Desk) -> None:
    """Telemetry always, judgement with a spec."""
    desk.intake.open("bay", None, {"room": {}})
    desk.bind()
    desk.poll(21.5)
    desk.intake.judge()
    assert 'channel="sensor/1"' in desk.lines("rackproof_temperature_celsius{")[0]
    assert not desk.lines("rackproof_channel_status{")


def test_a_bay_that_was_closed_is_not_shown(desk: Desk) -> None:
    """And it may be opened again, with nothing left of before."""
    desk.open()
    desk.bind()
    desk.poll(21.5)
    desk.intake.close("bay")
    assert not desk.lines("rackproof_temperature_celsius{")
    assert not desk.lines("rackproof_channel_status{")
    assert desk.intake.settled()

    desk.open()
    assert not desk.lines("rackproof_temperature_celsius{")
    assert desk.lines(STATUS) == [f"{STATUS} -1"]


def test_a_reading_that_nobody_repeats_is_taken_back() -> None:
    """Whoever should tell of a silent device may itself be stuck; its last word is no reading."""
    desk = Desk()
    desk.open()
    desk.bind()
    desk.poll(21.0)
    assert b"rackproof_temperature_celsius{" in desk.page.render("bay")

    desk.clock.now += 41.0
    desk.intake.judge()

    page = desk.page.render("bay")
    assert b"rackproof_temperature_celsius{" not in page
    assert b'rackproof_device_up{bay="bay",device="room"} 0' in page
    assert f"{STATUS} -1".encode() in page


def test_who_a_device_is_holds_while_it_answers(desk: Desk) -> None:
    """The next rack's parts answer at the same addresses; what the last one's said is past."""
    desk.open()
    desk.bind()
    assert desk.intake.known("bay") == {}
    desk.poll(21.5)
    assert desk.intake.known("bay") == {"room": WHO}
    desk.poll(21.5, "timeout")
    assert desk.intake.known("bay") == {}
    desk.poll(21.5)
    assert desk.intake.known("bay") == {"room": WHO}
    desk.intake.noticed("bay/room", "device_changed", "sysUpTime fell")
    assert desk.intake.known("bay") == {}


def test_who_a_device_is_by_a_draft_is_not_known(desk: Desk) -> None:
    """Nobody has reviewed what a draft takes for a serial."""
    desk.open()
    who = Identity("acme (draft)", "pdu", serial="7")
    desk.intake.bound("bay/room", CHANNELS, who, {})
    desk.poll(21.5)
    assert desk.intake.known("bay") == {}
