"""Counters: what was counted since a channel was bound, or in the last hour or minute.

A counter that falls was reset: what it shows then was counted since. The first reading is where
counting starts, so what happened before the rack was here is never held against it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.burnin.design import Floats

BINS: Final = 60  # of a window: a count leaves it at most 1/60 late, never early


class Counters:
    """The counts of C channels. Shapes: last, total float64[C]; recent float64[R, BINS + 1].

    `per_s` float64[C] is the window of the R channels that are judged by what they count in it,
    NaN for the others.
    """

    def __init__(self, per_s: Floats) -> None:
        self.last = np.full(len(per_s), np.nan)
        self.total = np.zeros(len(per_s))
        self.rated = ~np.isnan(per_s)
        self.row = np.cumsum(self.rated) - 1  # [C] where a rated channel stands in `recent`
        self.width = per_s[self.rated] / BINS  # [R] seconds of a bin
        self.recent = np.zeros((len(self.width), BINS + 1))
        self.newest = np.full(len(self.width), -1, np.int64)  # [R] bin, counted from time 0

    def add(self, where: slice, values: Floats, good: NDArray[np.bool_], at: float) -> Floats:
        """Take in the K channels in `where`; return what each good one is judged by.

        Shapes: values float64[K], good bool[K] of counters only; returns float64[K].
        """
        last = self.last[where]
        more = np.where(values >= last, values - last, values)
        more[~good | np.isnan(last)] = 0.0
        np.copyto(last, values, where=good)
        self.total[where] += more
        judged = self.total[where].copy()
        rated = self.rated[where]
        if rated.any():
            self._advance(at)
            rows = self.row[where][rated]
            self.recent[rows, self.newest[rows] % (BINS + 1)] += more[rated]
            judged[rated] = self.recent[rows].sum(axis=1)
        return np.where(good, judged, values)

    def rates(self, now: float) -> Floats:
        """Return what each rated channel has counted in its window. Shapes: float64[R]."""
        self._advance(now)
        rates: Floats = self.recent.sum(axis=1)
        return rates

    def begin(self) -> None:
        """Count from now on, but for what is counted in a window."""
        self.total[:] = 0.0

    def forget(self, place: int) -> None:
        """Start anew with a channel."""
        self.last[place] = np.nan
        self.total[place] = 0.0
        if self.rated[place]:
            self.recent[self.row[place]] = 0.0

    def _advance(self, now: float) -> None:
        """Empty the bins between the newest one and the one that `now` is in."""
        newest = np.maximum((now // self.width).astype(np.int64), self.newest)
        if (newest > self.newest).any():
            ages = (newest[:, None] - np.arange(BINS + 1)) % (BINS + 1)  # [R, BINS + 1]
            self.recent[ages < (newest - self.newest)[:, None]] = 0.0
            self.newest = newest
