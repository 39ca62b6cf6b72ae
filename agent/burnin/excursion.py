"""Excursions: which channels are outside which rung of their ladder, and since when.

An excursion begins with the first reading outside a bound and ends with the first that is back
inside by the hysteresis. Between readings nothing changes.
"""

import numpy as np
from numpy.typing import NDArray

from agent.burnin.design import Floats, Limits
from agent.burnin.limits import Rung


class Excursions:
    """The excursions of C channels. Shapes: outside bool[3, C], since float64[3, C]."""

    def __init__(self, channels: int) -> None:
        self.outside = np.zeros((len(Rung), channels), np.bool_)
        self.since = np.zeros((len(Rung), channels))

    def add(
        self, where: slice, limits: Limits, values: Floats, good: NDArray[np.bool_], at: float
    ) -> None:
        """Take in readings of K channels. Shapes: values float64[K], good bool[K]."""
        was, since = self.outside[:, where], self.since[:, where]
        below = values < np.where(was, limits.low_exit, limits.low)
        out = below | (values > np.where(was, limits.high_exit, limits.high))
        np.copyto(since, at, where=good & out & ~was)
        np.copyto(was, out, where=good)

    def forget(self, which: slice | NDArray[np.bool_], rungs: slice = slice(None)) -> None:
        """End the excursions of some channels."""
        self.outside[rungs, which] = False

    def status(self, hold: Floats, now: float) -> NDArray[np.int8]:
        """Return 0 to 3 for each channel: warn and fail once they have lasted, trip at once."""
        lasted = now - self.since >= hold
        lasted[Rung.TRIP] = True
        codes = np.array([[rung + 1] for rung in Rung], np.int8)
        worst: NDArray[np.int8] = (codes * (self.outside & lasted)).max(axis=0)
        return worst
