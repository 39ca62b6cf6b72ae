"""What counters counted since a phase of the plan began, in the worst case and in the best.

A counter that falls was reset: what it shows then was counted since, and what it counted before
that is lost with the slot; where more than that slot is lost, nothing is certain any more. Where a
device started anew and its counter did not fall, nobody knows whether it went on or counted that
much again: the worst case says again, the best says on.

Some counters are given as the moment of the last change, in the device's own time. Another
moment is a change, however many there were between. A moment that falls belongs to a new start of
the device: that something changed since is told, but not whether it was the link or the start.

A phase's count starts at the last reading before it. Where that is missing, the worst case starts
at the last one there is, the best case at the first one of the phase.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.burnin.design import Design, Floats
from agent.burnin.ledger import Group, Row, Slot

WORST, BEST = range(2)


class Layer(NamedTuple):
    """The n-th reading of each counter in a slot. Shapes: float64[N]; NaN where there is none."""

    at: Floats
    values: Floats


class Tally:
    """The N counters of one group. Shapes: last float64[N]; total, base float64[2, N]."""

    def __init__(self, design: Design, group: Group) -> None:
        size = len(group.counted)
        self._group = group
        self.last = np.full(size, np.nan)
        self.total, self.base = np.zeros((2, 2, size))
        self.moments = np.zeros(size, np.bool_)  # given as the moment of the last change
        self.before = np.ones(size, np.bool_)  # the slot before this one was known
        self.anew = np.full(size, -np.inf)  # it may have reset then: until it is read
        rows = [design.channels[place].row for place in group.places[group.counted]]
        times = [
            next((b.per_s for b in row.rungs.limits if b is not None and b.per_s), 0.0)
            for row in rows
        ]
        self._rated = np.flatnonzero(times)  # [R] judged by what was counted in a trailing time
        self._slots = np.array([round(t / group.every) for t in times if t], np.int64)
        self._gaps = np.array([int(rows[n].gap / group.every) for n in self._rated], np.int64)
        depth = int(max(self._slots + self._gaps, default=0)) + 2
        self._past = np.zeros((depth, 2, len(self._rated)))  # totals at the ends of slots
        self._unknown = np.zeros(len(self._rated), np.int64)  # slots since the last known one
        self._row = 0

    def begin(self) -> None:
        """Let a phase's count begin at the end of the slot that was closed last."""
        never = np.isnan(self.last) & ~self.before
        self.base[WORST] = np.where(never, np.nan, self.total[WORST])
        self.base[BEST] = np.where(self.before, self.total[BEST], np.nan)

    def bound(self, where: slice, moments: NDArray[np.bool_]) -> None:
        """Learn which channels of a device in the design are given as moments. Shapes: [K]."""
        places = self._group.places[self._group.counted]
        here = np.flatnonzero((places >= where.start) & (places < where.stop))
        given = moments[places[here] - where.start]
        self.last[here[given != self.moments[here]]] = np.nan  # a count is no moment
        self.moments[here] = given

    def restarted(self, where: slice, at: float) -> None:
        """Note that the device of some counters may have started anew."""
        self.anew[where] = at

    def close(self, rows: Sequence[Row], slot: Slot) -> Slot:
        """Return a closed slot with its counters replaced by what they are judged by."""
        known = slot.known[self._group.counted]
        reset = self._add(rows, known)
        self.before = known
        since = self._since()
        worst, best = self.total - since
        at = self._group.counted
        slot.low[at] = slot.high[at] = np.where(known, (worst + best) / 2, np.nan)
        more_u = np.zeros(len(slot.low))
        more_u[at] = (worst - best) / 2
        lost = np.isnan(worst)
        slot.low[at[lost]] = slot.high[at[lost]] = best[lost]
        more_u[at[lost]] = np.inf
        resets = np.zeros(len(slot.low), np.bool_)
        resets[at] = reset
        slot.known[at] = known & ~reset
        return slot._replace(more_u=more_u, reset=resets)

    def _add(self, rows: Sequence[Row], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Count what a slot's readings add; return which counters were reset in it."""
        reset = np.zeros(len(self.last), np.bool_)
        layers = _layers(rows, len(self.last))
        if len(layers) == 1 and self._goes_on(values := layers[0].values):
            self.total += np.where(self.moments, values > self.last, values - self.last)
            self.last = values
            return reset
        first = np.isnan(self.last)
        self.anew[self._falls(layers)] = -np.inf  # it started anew where it fell, and only there
        for at, values in layers:
            here = ~np.isnan(values)
            counts = here & ~np.isnan(self.last)
            fell = counts & (values < self.last)
            unsure = counts & (self.anew > -np.inf) & (at >= self.anew)
            more = np.where(fell, values, values - self.last)
            again = np.where(unsure, values, more)
            if self.moments.any():
                more = np.where(self.moments, (values > self.last) & ~unsure, more)
                again = np.where(
                    self.moments, (values > 0) & (unsure | (values != self.last)), again
                )
            self.total[BEST] += np.where(counts, more, 0.0)
            self.total[WORST] += np.where(counts, again, 0.0)
            reset |= fell | unsure
            self.anew[here & (at >= self.anew)] = -np.inf  # from here on it is known again
            np.copyto(self.last, values, where=here)
        first &= ~np.isnan(self.last)
        lost = (first | reset) & ~(known & self.before)  # nobody knows what was counted before
        self.base[WORST, lost] = np.nan
        heard = np.isnan(self.base[BEST]) & (known | first)
        np.copyto(self.base[BEST], self.total[BEST], where=heard)
        return reset

    def _goes_on(self, values: Floats) -> bool:
        """Say whether nothing is special about a slot: all counters are there, none was reset."""
        return bool(
            (values >= self.last).all()
            and (self.anew == -np.inf).all()
            and not np.isnan(self.base[BEST]).any()
        )

    def _falls(self, layers: Sequence[Layer]) -> NDArray[np.bool_]:
        """Return which counters show less than before at some reading since they may have reset."""
        falls, last = np.zeros(len(self.last), np.bool_), self.last
        for at, values in layers:
            falls |= (values < last) & (at >= self.anew)
            last = np.where(np.isnan(values), last, values)
        return falls

    def _since(self) -> Floats:
        """Return the totals that counts are taken from: of the phase, or of the trailing time."""
        since = self.base.copy()
        if not len(self._rated):
            return since
        known = self.before[self._rated]
        past, depth, columns = self._past, len(self._past), np.arange(len(self._rated))
        self._row = (self._row + 1) % depth
        past[self._row] = self.total[:, self._rated]
        self._unknown[~known] += 1
        for column in np.flatnonzero(known & (self._unknown > 0)):
            ages = np.arange(1, min(self._unknown[column], depth - 1) + 1)
            past[(self._row - ages) % depth, BEST, column] = past[self._row, BEST, column]
        back = self._slots + np.minimum(self._unknown, self._gaps)
        worst = past[(self._row - back) % depth, WORST, columns]
        worst[self._unknown > self._gaps] = -np.inf
        best = past[(self._row - self._slots) % depth, BEST, columns]
        since[:, self._rated] = np.maximum(since[:, self._rated], [worst, best])
        self._unknown[known] = 0
        return since


def _layers(rows: Sequence[Row], size: int) -> list[Layer]:
    """Return the readings of a slot in their order, those of all devices side by side.

    Shapes: float64[N] each; NaN where there is none, or none that is good.
    """
    layers: list[Layer] = []
    height: dict[int, int] = {}
    for row in rows:
        start = row.where.start
        level = height.get(start, 0)
        height[start] = level + 1
        if level == len(layers):
            layers.append(Layer(*np.full((2, size), np.nan)))
        layers[level].at[row.where] = row.at
        layers[level].values[row.where] = row.values
    return layers
