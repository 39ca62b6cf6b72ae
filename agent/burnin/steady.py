"""Steady state: a slope too small to matter, its uncertainty included; never a timer that ran out.

Readings a second apart are not independent (lag of the sensor, cycles of the control), so that
they are averaged over twelfths of the window first; the slope of those means, and how uncertain
that is, are compared with the limit. Source: ordinary least squares; Student's t.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from typing import Final

BINS: Final = 12  # of a window of 10 min: 50 s each, eight time constants of a temperature probe
FULL: Final = 0.9  # of a bin's time that must be known


@dataclass(slots=True)
class _Bin:
    """What was read in one twelfth of a window."""

    number: int  # counted from run second 0
    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    missed: int = 0


@dataclass(slots=True)
class Steadiness:
    """Watches one value. `seconds`: the window; slopes in units a second."""

    seconds: float
    max_slope: float
    max_sd: float
    significance: float  # two-sided, as in 0.95
    bins: deque[_Bin] = field(default_factory=deque)

    def add(self, at: float, value: float) -> None:
        """Take in the value at run second `at`; NaN where it is not known."""
        number = int(at // (self.seconds / BINS))
        if not self.bins or self.bins[-1].number != number:
            self.bins.append(_Bin(number))
            while self.bins[0].number < number - BINS:
                self.bins.popleft()
        last = self.bins[-1]
        if math.isfinite(value):
            last.count += 1
            last.total += value
            last.squares += value * value
        else:
            last.missed += 1

    def holds(self) -> bool | None:
        """Say whether it is steady; None while the window is not seen whole."""
        whole = [*self.bins][:-1][-BINS:]  # the present one is not over
        if len(whole) < BINS or whole[-1].number - whole[0].number != BINS - 1:
            return None
        if any(b.count < FULL * (b.count + b.missed) or not b.count for b in whole):
            return None
        slope, error = self._slope([b.total / b.count for b in whole])
        bound = abs(slope) + student(self.significance, BINS - 2) * error
        return bound <= self.max_slope and self._sd(whole) <= self.max_sd

    def _slope(self, means: list[float]) -> tuple[float, float]:
        """Return slope and its standard error, by least squares over equal steps."""
        step, middle = self.seconds / BINS, (BINS - 1) / 2
        spread = step * step * (BINS**3 - BINS) / 12
        mean = math.fsum(means) / BINS
        slope = math.fsum((n - middle) * step * (x - mean) for n, x in enumerate(means)) / spread
        left = [x - mean - slope * (n - middle) * step for n, x in enumerate(means)]
        return slope, math.sqrt(math.fsum(x * x for x in left) / (BINS - 2) / spread)

    def _sd(self, whole: list[_Bin]) -> float:
        """Return the standard deviation of the readings."""
        count = sum(b.count for b in whole)
        mean = math.fsum(b.total for b in whole) / count
        variance = math.fsum(b.squares for b in whole) / count - mean * mean
        return math.sqrt(max(0.0, variance))


@cache
def student(significance: float, freedom: int) -> float:
    """Return Student's t, two-sided, by bisection of its cumulative distribution.

    >>> round(student(0.95, 10), 3), round(student(0.99, 10), 3)
    (2.228, 3.169)
    """
    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        if _inside(middle, freedom) < significance:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _inside(t: float, freedom: int) -> float:
    """Return P(|T| <= t) for an even number of degrees of freedom (Abramowitz & Stegun 26.7.4)."""
    assert freedom % 2 == 0
    cosine2 = freedom / (freedom + t * t)
    term = total = 1.0
    for n in range(1, freedom // 2):
        term *= cosine2 * (2 * n - 1) / (2 * n)
        total += term
    return t / math.sqrt(freedom + t * t) * total
