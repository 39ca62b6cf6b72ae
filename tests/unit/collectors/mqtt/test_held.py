"""What is held between messages and readings: nothing that mattered is lost in between."""

import math

from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt.held import EARLY_MAX, REORDER_MAX_S, Held, Order
from collectors.quantity import Quantity
from collectors.readings import Channel, Quality

LEAK = Channel("leak", Quantity.LEAK, "t/leak#value")
FLOW = Channel("flow", Quantity.FLOW, "t/flow#value")
GOOD = Quality.GOOD
LATER = 1e9  # until when all values here are believed


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0]), max_size=EARLY_MAX), max_size=6))
def test_every_change_of_a_state_is_told_in_order(windows: list[list[float]]) -> None:
    """A leak that was wet for a moment between two readings has been wet, and is told so."""
    held = Held("b/d", [LEAK, FLOW])
    told: list[float] = []
    now = 0.0
    for window in windows:
        for value in window:
            now += 0.001
            held.put(0, (value, GOOD, value), LATER, now)
        now += 0.25
        told += [readings.values[0] for readings in held.readings(now, Quality.STALE)]
    sent = [value for window in windows for value in window]

    assert _changes(told) == _changes(sent)


@given(st.lists(st.floats(0, 100), max_size=40))
def test_measures_are_told_once_a_reading_with_their_latest_value(values: list[float]) -> None:
    """Only states are told in between; a flow that moves often costs no more than a still one."""
    held = Held("b/d", [LEAK, FLOW])
    for now, value in enumerate(values, start=1):
        held.put(1, (value, GOOD, value), LATER, now)

    (readings,) = held.readings(100.0, Quality.STALE)

    assert readings.taken_at == 100.0
    assert readings.values[1] == values[-1] if values else math.isnan(readings.values[1])


def test_readings_that_were_told_do_not_change_afterwards() -> None:
    """Whoever kept them sees what was true then."""
    held = Held("b/d", [FLOW])
    held.put(0, (1.0, GOOD, 10.0), LATER, 1.0)
    (first,) = held.readings(1.0, Quality.STALE)
    held.put(0, (2.0, GOOD, 20.0), LATER, 2.0)

    assert (first.values[0], first.raw[0], first.quality[0]) == (1.0, 10.0, GOOD)


def test_other_channels_keep_what_comes_from_the_same_place() -> None:
    """A point more on a bus does not make the known ones unknown."""
    held = Held("b/d", [FLOW])
    held.put(0, (7.0, GOOD, 7.0), LATER, 1.0)

    (readings,) = held.over([LEAK, FLOW]).readings(2.0, Quality.STALE)

    assert readings.quality.tolist() == [Quality.COMM_LOST, GOOD]
    assert readings.values[1] == 7.0


def test_news_is_a_change_and_no_repetition() -> None:
    """A value that comes again, even no value again, wakes nobody."""
    held = Held("b/d", [FLOW])
    for decoded in [(1.0, GOOD, 1.0), (math.nan, Quality.SENTINEL, math.nan)]:
        held.put(0, decoded, LATER, 1.0)
        assert held.news
        held.readings(1.0, Quality.STALE)
        held.put(0, decoded, LATER, 2.0)
        assert not held.news


def test_what_came_before_is_no_news() -> None:
    """The same message twice, and one overtaken by a later one; a clock set back is neither."""
    order = Order()

    assert order.judge("t", 100.0, b"a") == ""
    assert order.judge("t", 100.0, b"a") == "duplicate"
    assert order.judge("t", 100.0, b"b") == ""  # one second, two messages
    assert order.judge("t", 99.0, b"c") == "late"
    assert order.judge("other", 99.0, b"c") == ""
    assert order.judge("t", 99.0 - REORDER_MAX_S, b"d") == ""
    assert order.judge("t", 99.5 - REORDER_MAX_S, b"e") == ""


def _changes(values: list[float]) -> list[float]:
    """Drop what repeats the value before it."""
    known = [value for value in values if not math.isnan(value)]
    return [v for v, before in zip(known, [math.nan, *known], strict=False) if v != before]
