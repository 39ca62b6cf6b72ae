"""Turns are on the grid, spread out, and never lost without being counted."""

import random

from hypothesis import given
from hypothesis import strategies as st

from collectors.schedule import BACK_OFF_MAX_S, Schedule, back_off_s


@given(st.integers(0, 999), st.lists(st.floats(0, 30), min_size=1, max_size=40))
def test_every_turn_is_taken_or_counted_as_skipped(others: int, pauses: list[float]) -> None:
    """However late we look, turns taken and turns skipped add up to the turns of the grid."""
    schedule = Schedule()
    for number in range(others):
        schedule.add(f"bay/{number}", 10.0, now=0.0)
        schedule.remove(f"bay/{number}")
    schedule.add("bay/pdu", 10.0, now=0.0)
    first = schedule.due_at("bay/pdu")
    assert 0 <= first < 10

    now, taken = 0.0, 0
    for pause in pauses:
        now += pause
        taken += len(schedule.due(now))

    due_so_far = int((now - first) // 10.0) + 1 if now >= first else 0
    assert taken + schedule.skipped == due_so_far


def test_a_thousand_devices_do_not_start_at_once() -> None:
    """In no second of a ten-second interval is more than a fifth of the floor asked."""
    schedule = Schedule()
    for number in range(1000):
        schedule.add(f"bay/{number}", 10.0, now=0.0)

    asked = [len(schedule.due(second + 0.99)) for second in range(10)]

    assert sum(asked) == 1000
    assert max(asked) <= 200


def test_a_device_that_was_removed_gets_no_turn() -> None:
    """A reload may drop a device and name it again with another interval."""
    schedule = Schedule()
    schedule.add("bay/a", 10.0, now=0.0)
    schedule.add("bay/b", 10.0, now=0.0)
    schedule.remove("bay/a")
    schedule.add("bay/b", 5.0, now=0.0)

    assert schedule.due(0.0) == ["bay/b"]


def test_the_devices_of_a_rack_are_asked_at_the_same_moment() -> None:
    """A balance of readings from different moments is off by what the load did in between."""
    schedule = Schedule()
    for number in range(20):
        schedule.add(f"bay/{number}", 10.0, now=0.1 * number)

    schedule.due(9.9)
    assert len(schedule.due(10.0)) == 20


@given(st.integers(1, 10_000), st.integers())
def test_a_silent_device_is_asked_again_within_a_minute(failures: int, seed: int) -> None:
    """Backing off spares the network; it must not make a repaired device wait."""
    assert 2.0 < back_off_s(failures, random.Random(seed)) <= BACK_OFF_MAX_S
