"""What a window says of the past, and when it says nothing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.burnin.window import BINS_MAX, Window


def filled(values: list[float], step: float, seconds: float) -> Window:
    """Add values at even steps."""
    window = Window(seconds)
    for n, value in enumerate(values):
        window.add(n * step, value)
    return window


@given(st.lists(st.floats(-100, 100), min_size=70, max_size=200))
def test_the_mean_is_over_time_and_over_the_window_only(values: list[float]) -> None:
    """With a step for each bin, it is the mean of as many values as the window has bins."""
    window = filled(values, 1.0, float(BINS_MAX))

    assert window.mean() == pytest.approx(np.mean(values[-BINS_MAX:]), abs=1e-9)


@given(st.floats(-2, 2), st.floats(-50, 50), st.floats(0.2, 5.0))
def test_a_straight_line_has_its_own_slope(slope: float, start: float, step: float) -> None:
    """Whatever the step, least squares find the line that the values lie on."""
    window = filled([start + slope * step * n for n in range(300)], step, 30 * step)

    assert window.slope() == pytest.approx(slope, abs=1e-6)


def test_a_fall_is_a_share_of_where_it_began() -> None:
    """From 200 to 190 is 5 %."""
    window = filled([200.0] * 2 + [200 - n / 10 for n in range(100)] + [190.0], 1.0, 110.0)

    assert window.drop() == pytest.approx(0.05, abs=0.001)


def test_nothing_is_said_before_the_window_is_full() -> None:
    """A mean over half a window is no mean over the window."""
    assert math.isnan(filled([1.0] * 30, 1.0, 60.0).mean())
    assert filled([1.0] * 61, 1.0, 60.0).mean() == 1.0


def test_unknown_values_are_not_bridged() -> None:
    """A tenth may be missing; more, and nothing is said."""
    few, many = [1.0] * 60, [1.0] * 60
    few[10:14] = [math.nan] * 4
    many[10:20] = [math.nan] * 10

    assert filled([*few, 1.0], 1.0, 60.0).mean() == 1.0
    assert math.isnan(filled([*many, 1.0], 1.0, 60.0).mean())


def test_a_long_silence_is_unknown_time() -> None:
    """A value that comes after a gap does not speak for the gap."""
    window = Window(60.0, gap=10.0)
    for now in [*range(30), *range(50, 61)]:
        window.add(float(now), 1.0)

    assert math.isnan(window.mean())


@given(st.lists(st.floats(0.0, 5.0), max_size=400))
def test_memory_is_bounded_and_time_may_stand_still(steps: list[float]) -> None:
    """However often a window is fed, it holds no more than its bins."""
    window, now = Window(60.0), 0.0
    for step in steps:
        now += step
        window.add(now, 1.0)
        window.add(now, 5.0)

    assert len(window.bins) <= BINS_MAX + 2
