"""What a person on the floor sees of a live bay, told as small stories."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from agent.burnin.design import Design
from agent.burnin.live import LiveBay
from agent.burnin.terms import Moment, terms
from collectors.quantity import Quantity
from collectors.readings import Channel, Kind, Quality, Readings

RACK = """
roles:
  feed:
    count: 1
    channels:
      power: {q: power, fail: max 12 kW}
      share: {q: ratio, nominal: 50 %, fail: 40..60 %, min_load: 50 %}
  cdu:
    count: 1
    channels:
      supply: {q: temperature, nominal: 40 degC, warn: +-1 K, fail: +-2 K, trip: max 50 degC}
      chip: {q: temperature, warn: max 62 degC, fail: max 70 degC}
      flow: {q: flow, warn: min 90 lpm, fail: min 80 lpm}
      leak: {q: leak, fail: is dry, trip: is dry, hold: 0 s, gap: 15 s, latched: true}
      faults: {q: count, fail: max 0, hold: 0 s, gap: 5 min}
derived:
  rack_power: {expr: "feed.power", unit: kW}
  warmth: {expr: "cdu.supply - 40 degC", unit: K, window: 1 min, fail: max 3 K, hold: 0 s}
  load_error: {expr: "rack_power / (stage.load * design.rack_power) - 1", unit: "%", fail: -8..8 %}
  rise: {expr: "slope(cdu.supply, 1 min)", unit: K/h}
"""
CDU = (
    Channel("supply", Quantity.TEMPERATURE, "oid"),
    Channel("chip", Quantity.TEMPERATURE, "oid"),
    Channel("flow", Quantity.FLOW, "oid"),
    Channel("leak", Quantity.LEAK, "oid", states={0: "dry", 1: "wet"}),
    Channel("faults", Quantity.COUNT, "oid", Kind.COUNTER),
)
FEED = (Channel("power", Quantity.POWER, "oid"), Channel("share", Quantity.RATIO, "oid"))
WELL = {"supply": 40.0, "chip": 50.0, "flow": 100.0, "leak": 0.0, "faults": 7.0}


class Bay:
    """A live bay whose channels are spoken of by name."""

    def __init__(self, design: Design) -> None:
        self.live = LiveBay(design)
        self.now = 1000.0

    def poll(self, device: str, channels: tuple[Channel, ...], values: Mapping[str, float]) -> None:
        """Take in a poll of one device."""
        array = np.array([values[channel.name] for channel in channels])
        quality = np.where(np.isnan(array), Quality.STALE, Quality.GOOD).astype(np.uint8)
        self.live.take(
            Readings(
                device=f"bay/{device}",
                taken_at=self.now,
                values=array,
                quality=quality,
                raw=array,
            )
        )

    def cdu(self, **values: float) -> None:
        """Poll the CDU: all is well but for what is named."""
        self.poll("cdu", CDU, WELL | values)

    def status(self, name: str) -> int:
        """Return a channel's status."""
        return int(self._all()[name][0])

    def deviation(self, name: str) -> float:
        """Return a channel's deviation."""
        return float(self._all()[name][1])

    def _all(self) -> dict[str, tuple[float, float]]:
        """Judge, and return both by name."""
        status, deviation = self.live.judge(self.now)
        return {
            name: (s, d) for (_, name), s, d in zip(self.live.rows, status, deviation, strict=True)
        }


@pytest.fixture
def bay(small: Callable[[str], Design]) -> Bay:
    """Return a bay with both of its devices bound."""
    made = Bay(small(RACK))
    made.live.bind("cdu", CDU, {})
    made.live.bind("feed", FEED, {})
    return made


def test_nothing_is_inside_before_it_was_read(bay: Bay) -> None:
    """A bay that just opened is unknown, all of it."""
    assert {bay.status(name) for _, name in bay.live.rows} == {-1}


def test_an_excursion_shows_once_it_has_lasted(bay: Bay) -> None:
    """With a hold of 4 s it comes at 4 s, not before, and goes when the reading is back."""
    shown = []
    for second in range(0, 10, 2):
        bay.now = 1000.0 + second
        bay.cdu(supply=41.5 if second < 8 else 40.0)
        shown.append(bay.status("supply"))

    assert shown == [0, 0, 1, 1, 0]


def test_a_trip_shows_at_once(bay: Bay) -> None:
    """Neither a leak nor 50 degC waits for anything."""
    bay.cdu(leak=1.0, supply=50.5)

    assert bay.status("leak") == 3
    assert bay.status("supply") == 3


def test_silence_longer_than_every_and_gap_is_unknown(bay: Bay) -> None:
    """After the last good reading the status stands for 2 s + 4 s, a leak's for 2 s + 15 s."""
    bay.cdu()
    known = {}
    for later in (6.0, 6.1, 17.0, 17.1):
        bay.now = 1000.0 + later
        known[later] = bay.status("supply"), bay.status("leak")

    assert known == {6.0: (0, 0), 6.1: (-1, 0), 17.0: (-1, 0), 17.1: (-1, -1)}


def test_deviation_is_one_at_the_fail_limit(bay: Bay) -> None:
    """From nominal where there is one; from warn, at a half, where there is one side only."""
    bay.cdu(supply=41.0, chip=62.0, flow=80.0)

    assert bay.deviation("supply") == 0.5
    assert bay.deviation("chip") == 0.5
    assert bay.deviation("flow") == -1.0
    assert bay.deviation("leak") == 0.0
    assert math.isnan(bay.deviation("faults"))
    bay.cdu(chip=20.0)
    bay.now += 1.0
    bay.cdu(chip=20.0, leak=1.0, supply=38.0)
    assert bay.deviation("chip") == 0.0
    assert bay.deviation("leak") == 1.5
    assert bay.deviation("supply") == -1.0


def test_faults_count_from_the_first_reading_and_survive_a_reboot(bay: Bay) -> None:
    """Seven old faults are forgiven, the eighth is not, even when the device forgets it."""
    bay.cdu(faults=7.0)
    assert bay.status("faults") == 0
    bay.now += 1
    bay.cdu(faults=8.0)
    assert bay.status("faults") == 2
    bay.now += 1
    bay.live.bind("cdu", CDU, {})
    bay.cdu(faults=0.0)
    assert bay.status("faults") == 2
    bay.live.unbind("cdu")
    assert bay.status("faults") == -1
    bay.live.bind("cdu", CDU, {})
    bay.now += 1
    bay.cdu(faults=0.0)
    assert bay.status("faults") == 0


def test_what_comes_late_or_twice_changes_nothing(bay: Bay) -> None:
    """An older message cannot take back what a newer one said."""
    bay.cdu(leak=1.0, faults=9.0)
    bay.cdu(leak=0.0, faults=10.0)
    bay.now -= 1.0
    bay.cdu(leak=0.0, faults=7.0)
    bay.now += 1.0

    assert bay.status("leak") == 3
    assert bay.status("faults") == 0


def test_below_min_load_a_channel_is_not_judged(bay: Bay) -> None:
    """The load is the measured rack_power over design.rack_power."""
    for load, wanted in ((0.3, 0), (0.49, 0), (0.5, 2), (0.9, 2)):
        for _ in range(3):
            bay.now += 2
            bay.poll("feed", FEED, {"power": load * 10_000, "share": 90.0})
            status = bay.status("share")
        assert status == wanted
        assert math.isnan(bay.deviation("share")) == (wanted == 0)


def test_where_the_load_is_unknown_only_inside_is_certain(bay: Bay) -> None:
    """Inside its limits a channel is inside at any load; outside, it may or may not count."""
    for share, wanted in ((50.0, 0), (90.0, -1)):
        for _ in range(3):
            bay.now += 2
            bay.poll("feed", FEED, {"power": math.nan, "share": share})
            status = bay.status("share")
        assert status == wanted
    bay.live.stage_load = 1.0
    assert bay.status("share") == 2


def test_what_speaks_of_the_stage_has_no_status_without_one(bay: Bay) -> None:
    """stage.load is what a plan sets; the measured load does not stand in for it."""
    bay.poll("feed", FEED, {"power": 9900.0, "share": 50.0})
    assert bay.status("load_error") == -1
    bay.live.stage_load = 1.0
    assert bay.status("load_error") == 0


def test_a_windowed_channel_is_unknown_until_its_window_is_known(bay: Bay) -> None:
    """A mean over a minute needs nine tenths of a minute; then it is the mean over time."""
    shown = []
    for second in range(0, 130, 2):
        bay.now = 1000.0 + second
        bay.cdu(supply=44.0)
        shown.append(bay.status("warmth"))
    named = {c.name: v for c, v in zip(bay.live.derived, values(bay), strict=True)}

    assert shown[:27] == [-1] * 27
    assert shown[28:] == [2] * len(shown[28:])
    assert named["warmth"] == pytest.approx(4.0)


def test_a_mean_that_compares_with_the_load_begins_anew_with_the_load(
    small: Callable[[str], Design],
) -> None:
    """What was drawn at another set point says nothing about this one; other means go on."""
    text = RACK.replace('- 1", unit: "%",', '- 1", window: 10 s, unit: "%", hold: 0 s,')
    stages = "[{id: low, load: 40 %, duration: 9 s}, {id: high, load: 80 %, duration: 9 s}]"
    plan = f"plan: {{clock: qualified, coverage: {{min: 99 %}}, stages: {stages}}}\n"
    bay = Bay(small(text + plan))
    bay.live.bind("feed", FEED, {})
    shown: dict[str, list[int]] = {"low": [], "high": []}
    for stage, statuses in shown.items():
        bay.live.adopt(terms(bay.live.design, Moment(stage, None, "dwell")))
        for _ in range(10):
            bay.now += 2.0
            bay.poll("feed", FEED, {"power": 4_000.0, "share": 50.0})
            statuses.append(bay.status("load_error"))

    assert shown["low"] == [-1] * 5 + [0] * 5
    assert shown["high"] == [-1] * 5 + [2] * 5


def test_counts_begin_anew_when_they_are_told_to(bay: Bay) -> None:
    """What a counter shows then was counted before; only what it adds is held against it."""
    shown = []
    for faults in (7.0, 8.0, 8.0, 9.0):
        bay.now += 2.0
        bay.cdu(faults=faults)
        shown.append(bay.status("faults"))
        if len(shown) == 2:
            bay.live.count_anew()
            shown.append(bay.status("faults"))

    assert shown == [0, 2, 0, 0, 2]


def values(bay: Bay) -> list[float]:
    """Return the derived values as readings."""
    return [float(value) for value in bay.live.computed("bay", bay.now).values]


def test_derived_values_are_readings_of_a_device_named_derived(bay: Bay) -> None:
    """Good where they are known; a slope has no quantity and is not among them."""
    bay.poll("feed", FEED, {"power": 9000.0, "share": 50.0})
    bay.live.judge(bay.now)
    found = bay.live.computed("bay", bay.now)

    assert found.device == "bay/derived"
    assert [(c.name, c.quantity.symbol) for c in bay.live.derived] == [
        ("rack_power", "W"),
        ("warmth", "K"),
        ("load_error", "%"),
    ]
    assert found.values[0] == 9000.0
    assert found.quality.tolist() == [Quality.GOOD, Quality.STALE, Quality.STALE]


def test_devices_that_a_spec_does_not_know_are_left_alone(bay: Bay) -> None:
    """They may be on the floor; nothing here is judged by them."""
    assert bay.live.bind("ups", CDU, {}) == {}
    assert bay.live.problems["ups"] == []
    bay.poll("ups", CDU, WELL | {"leak": 1.0})

    assert bay.status("leak") == -1


def test_a_device_that_has_nothing_yet_is_no_mistake(bay: Bay) -> None:
    """A bus tells of a device before it tells of its points."""
    assert bay.live.bind("cdu", (), {}) == {}
    bay.poll("cdu", (), {})

    assert bay.status("leak") == -1


def test_a_device_bound_anew_speaks_for_nothing_it_no_longer_has(bay: Bay) -> None:
    """A firmware that lost its leak sensor leaves the leak unknown, not dry."""
    bay.cdu()
    assert bay.status("leak") == 0
    mapping = bay.live.bind("cdu", CDU[:3], {})

    assert mapping == {"supply": "supply", "chip": "chip", "flow": "flow"}
    assert bay.status("leak") == -1
    assert bay.live.missing["cdu"] == ["leak", "faults"]
    bay.now += 1
    bay.cdu()  # arrays of the old shape, already on their way
    assert bay.status("leak") == -1
    bay.now += 1
    bay.poll("cdu", CDU[:3], WELL)
    assert (bay.status("supply"), bay.status("leak"), bay.status("faults")) == (0, -1, -1)


def test_what_could_not_be_bound_is_said(bay: Bay) -> None:
    """The floor file's map may be wrong, and quantities may not fit."""
    bay.live.bind("cdu", CDU, {}, {"flow": "chip", "leak": "rope"})

    assert [problem.partition(":")[0] for problem in bay.live.problems["cdu"]] == ["flow", "leak"]
    assert bay.status("flow") == -1
