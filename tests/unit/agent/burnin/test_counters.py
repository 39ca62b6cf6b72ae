"""Counters count what happens while a rack is here: no more, no less, never backwards."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent.burnin.counters import BINS, Counters

ALL = slice(0, 1)
GOOD = np.array([True])

STEPS = st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40)


@given(st.integers(0, 1000), STEPS)
def test_every_event_is_counted_once_whatever_is_reset(
    start: int, steps: list[tuple[int, bool]]
) -> None:
    """A reset loses at most what was counted and not read; it never counts down or doubly."""
    counters, shown, events = Counters(np.array([np.nan])), float(start), 0
    total = counters.add(ALL, np.array([shown]), GOOD, 0.0)
    for now, (more, reset) in enumerate(steps, 1):
        shown = 0.0 if reset else shown
        before = shown
        shown += more
        events += int(shown - before)
        again = counters.add(ALL, np.array([shown]), GOOD, float(now))
        assert again[0] >= total[0]
        total = again

    hidden = sum(more for more, reset in steps if reset)
    assert events - hidden <= total[0] <= events


def test_what_was_counted_before_is_not_held_against_the_rack() -> None:
    """The first reading is where counting starts."""
    counters = Counters(np.array([np.nan]))

    assert counters.add(ALL, np.array([4711.0]), GOOD, 0.0)[0] == 0.0
    assert counters.add(ALL, np.array([4713.0]), GOOD, 1.0)[0] == 2.0
    assert counters.add(ALL, np.array([1.0]), GOOD, 2.0)[0] == 3.0


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 9)), max_size=60))
def test_a_rate_is_what_happened_in_its_window(steps: list[tuple[int, int]]) -> None:
    """With times on whole bins, it equals a plain sum over the window and one bin more."""
    window = 600.0
    bin_s = window / BINS
    counters, shown, now = Counters(np.array([window])), 0.0, 0
    counters.add(ALL, np.array([shown]), GOOD, 0.0)
    events: list[tuple[int, int]] = []
    for step, more in steps:
        now += step
        shown += more
        events.append((now, more))
        counters.add(ALL, np.array([shown]), GOOD, now * bin_s)

    assert counters.rates(now * bin_s)[0] == sum(n for at, n in events if now - at <= BINS)
    assert counters.rates((now + BINS + 1) * bin_s)[0] == 0.0


def test_what_is_forgotten_no_longer_counts() -> None:
    """Neither in all nor in the window: another device starts from nothing."""
    counters = Counters(np.array([np.nan, 600.0]))
    both, good = slice(0, 2), np.array([True, True])
    counters.add(both, np.array([1.0, 1.0]), good, 0.0)
    assert counters.add(both, np.array([4.0, 5.0]), good, 1.0).tolist() == [3.0, 4.0]
    counters.forget(0)
    counters.forget(1)

    assert counters.add(both, np.array([9.0, 9.0]), good, 2.0).tolist() == [0.0, 0.0]
