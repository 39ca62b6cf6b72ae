"""What a value did over the last minutes, in bounded memory: its mean, slope and fall.

Time is weighed, not readings: each value counts for the time since the one before. A stretch
without a value is not bridged; with too much of it, nothing is said.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

BINS_MAX: Final = 60  # an edge is then wrong by at most 1/60 of the window, and 9 windows cost 5 kB
COVERED_MIN: Final = 0.9  # of a window, by known values: the rest cannot move its mean by more


@dataclass(slots=True)
class _Bin:
    """A stretch of time: how much of it is known, and the integral of the value over that."""

    start: float
    end: float
    known: float = 0.0
    integral: float = 0.0


class Window:
    """The last `seconds` of one value. `gap`: a longer silence between two values is not known."""

    def __init__(self, seconds: float, gap: float = math.inf) -> None:
        self.seconds = seconds
        self.gap = gap
        self.bins: deque[_Bin] = deque()
        self.last: float | None = None
        self._sums: tuple[float, float] | None = None  # of all bins but the last, while they hold

    def add(self, now: float, value: float) -> None:
        """Take in the value at `now`; NaN where it is unknown."""
        last, self.last = self.last, now
        if last is None or now <= last:
            return
        if not self.bins or now - self.bins[-1].start > self.seconds / BINS_MAX:
            self.bins.append(_Bin(last, now))
            self._sums = None
        bin_ = self.bins[-1]
        bin_.end = now
        if math.isfinite(value) and now - last <= self.gap:
            bin_.known += now - last
            bin_.integral += value * (now - last)
        while self.bins[0].end <= now - self.seconds:
            self.bins.popleft()
            self._sums = None

    @property
    def _known_and_integral(self) -> tuple[float, float]:
        """Return how much time is known, and the integral over that."""
        if not self.bins:
            return 0.0, 0.0
        if self._sums is None:
            full = list(self.bins)[:-1]
            self._sums = math.fsum([b.known for b in full]), math.fsum([b.integral for b in full])
        known, integral = self._sums
        return known + self.bins[-1].known, integral + self.bins[-1].integral

    @property
    def covered(self) -> bool:
        """Say whether enough of the window is known."""
        return self._known_and_integral[0] >= COVERED_MIN * self.seconds

    @property
    def missing(self) -> float:
        """Return which share of the window is not known, 0..1."""
        if not self.bins:
            return 1.0
        whole = max(self.seconds, self.bins[-1].end - self.bins[0].start)
        return max(0.0, 1.0 - self._known_and_integral[0] / whole)

    def mean(self) -> float:
        """Return the mean over time; NaN while the window is not covered."""
        known, integral = self._known_and_integral
        return integral / known if self.covered else math.nan

    def slope(self) -> float:
        """Return the least-squares slope for each second; NaN while the window is not covered."""
        points = self._points()
        if not self.covered or len(points) < 2:
            return math.nan
        weight = moment = integral = 0.0
        for t, x, w in points:
            weight += w
            moment += t * w
            integral += x * w
        t0, x0 = moment / weight, integral / weight
        spread = together = 0.0
        for t, x, w in points:
            far = (t - t0) * w
            spread += (t - t0) * far
            together += far * (x - x0)
        return together / spread

    def drop(self) -> float:
        """Return by what share of its start the value fell; NaN while the window is not covered."""
        points = self._points()
        if not self.covered or points[0][1] == 0.0:
            return math.nan
        return (points[0][1] - points[-1][1]) / points[0][1]

    def _points(self) -> list[tuple[float, float, float]]:
        """Return middle, mean and weight of every stretch that is known."""
        return [
            ((b.start + b.end) / 2, b.integral / b.known, b.known) for b in self.bins if b.known
        ]
