"""Turns are on the grid, spread out, and never lost without being counted."""

import random

from hypothesis import given
from hypothesis import strategies as st

from collectors.schedule import BACK_OFF_MAX_S, Schedule, back_off_s


@given(st.integers(0, 9), st.lists(st.floats(0, 30), min_size=1, max_size=40))
def test_every_turn_is_taken_or_counted_as_skipped(seed: int, pauses: list[float]) -> None:
    """However late we look, turns taken and turns skipped add up to the turns of the grid."""
    schedule = Schedule(random.Random(seed))
    schedule.add("bay/pdu", 10.0, now=0.0)
    first = schedule.next_due()
    assert first is not None
    assert 0 <= first < 10

    now, taken = 0.0, 0
    for pause in pauses:
        now += pause
        taken += len(schedule.due(now))

    due_so_far = int((now - first) // 10.0) + 1 if now >= first else 0
    assert taken + schedule.skipped == due_so_far


def test_a_thousand_devices_do_not_start_at_once() -> None:
    """In any second of a ten-second interval about a tenth of the floor is asked."""
    schedule = Schedule(random.Random(7))
    for number in range(1000):
        schedule.add(f"bay/{number}", 10.0, now=0.0)

    asked = [len(schedule.due(second)) for second in range(1, 11)]

    assert sum(asked) == 1000
    assert max(asked) < 150


def test_a_device_that_was_removed_gets_no_turn() -> None:
    """A reload may drop a device and name it again with another interval."""
    schedule = Schedule(random.Random(1))
    schedule.add("bay/a", 10.0, now=0.0)
    schedule.add("bay/b", 10.0, now=0.0)
    schedule.remove("bay/a")
    schedule.add("bay/b", 5.0, now=0.0)

    assert schedule.due(10.0) == ["bay/b"]


@given(st.integers(1, 10_000), st.integers())
def test_a_silent_device_is_asked_again_within_a_minute(failures: int, seed: int) -> None:
    """Backing off spares the network; it must not make a repaired device wait."""
    assert 2.0 < back_off_s(failures, random.Random(seed)) <= BACK_OFF_MAX_S
