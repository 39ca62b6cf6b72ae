"""Steady is what a person with a chart would call steady, and what is not seen is neither."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.burnin.steady import BINS, Steadiness, student

WINDOW_S = 600.0
PER_HOUR = 3600.0


def watched(values: list[float], every_s: float = 5.0) -> Steadiness:
    """Show values one after the other, by the example's rule: 1 K/h, 0.3 K, 95 %."""
    steady = Steadiness(WINDOW_S, 1.0 / PER_HOUR, 0.3, 0.95)
    for number, value in enumerate(values):
        steady.add(number * every_s, value)
    return steady


def noisy(slope_per_h: float, sd: float, seed: int = 1) -> list[float]:
    """Return 15 minutes of a temperature."""
    rng = random.Random(seed)
    return [40 + slope_per_h * 5 * n / PER_HOUR + rng.gauss(0, sd) for n in range(180)]


@pytest.mark.parametrize(
    ("slope", "sd", "steady"),
    [
        (0.0, 0.03, True),
        (0.3, 0.03, True),
        (1.5, 0.03, False),
        (-1.5, 0.03, False),
        (0, 0.5, False),
    ],
)
def test_slope_and_scatter_decide(slope: float, sd: float, *, steady: bool) -> None:
    """A drift beyond the limit is not steady, nor is a scatter beyond its own."""
    assert watched(noisy(slope, sd)).holds() is steady


def test_a_slope_that_cannot_be_told_from_the_limit_is_not_steady() -> None:
    """The uncertainty of a slope counts against whoever wants to begin."""
    slow = [watched(noisy(0.95, 0.25, seed)).holds() for seed in range(20)]
    assert sum(map(bool, slow)) <= 2


def test_what_was_not_seen_is_not_known() -> None:
    """Neither before the window is full nor with holes in it."""
    values = noisy(0, 0.03)
    assert watched(values[:100]).holds() is None
    values[100:115] = [math.nan] * 15
    assert watched(values).holds() is None


@given(st.floats(0.5, 0.999), st.sampled_from([2, 4, 10, 30]))
def test_students_t_is_that_of_the_tables(significance: float, freedom: int) -> None:
    """Beyond the normal distribution's, and falling with the degrees of freedom."""
    t = student(significance, freedom)
    x = np.linspace(0, t, 20_001)
    gamma = math.gamma((freedom + 1) / 2) / math.gamma(freedom / 2)
    density = gamma / math.sqrt(freedom * math.pi) * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
    assert 2 * np.trapezoid(density, x) == pytest.approx(significance, abs=1e-5)


def test_memory_is_bounded() -> None:
    """A day of readings holds no more than a window."""
    assert len(watched([40.0] * 17_280).bins) <= BINS + 1
