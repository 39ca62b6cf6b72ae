"""Acceptance: what one stage attempt may conclude from the slots of some channels.

Every slot is looked at in two worlds that fit the evidence. In the worst one each reading is off
by its uncertainty to the bad side, and a slot that is not completely known is outside. In the best
one readings are off to the good side, and what is unknown is inside. PASS is what is accepted in
the worst world, FAIL what is not even accepted in the best. A third row follows the readings as
they are, for people to read.

An excursion begins outside the limits and ends inside them by the hysteresis. It may last as long
as `hold`, all of them together as long as the budget, and never go beyond a trip limit.
Source: the rule of ISO 14253-1, made monotone in time.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.burnin.design import Floats
from agent.burnin.ledger import Slot
from agent.burnin.rules import Rules

WORST, BEST, READ = range(3)
_SIDES: Final = np.array([[1.0], [-1.0], [0.0]])  # where the uncertainty is added
_ROUNDING: Final = 1e-9  # of a share of a number of slots
SLOTS_MAX: Final = 16  # that wait for one another, so that numpy has more to do at once

Bools = NDArray[np.bool_]
Counts = NDArray[np.int64]


class Taken(NamedTuple):
    """One slot as it was taken in. Shapes: [K]; `asked`: judged in this slot, from `at` on."""

    slot: Slot
    asked: Bools
    at: float


class Acceptance:
    """K channels in one attempt. Shapes: [K], or [3, K] for the worst, the best and as read.

    What was taken in counts once it is settled: before anything changes, and before numbers are
    read. Numbers do not depend on how many slots are settled at once.
    """

    def __init__(self, rules: Rules) -> None:
        size = len(rules.low)
        self.rules = rules
        self._past: list[tuple[float, Rules]] = []  # since when which rules held
        self.bad = np.zeros((3, size), np.bool_)
        self.run, self.total = np.zeros((2, 3, size), np.int64)
        self.since = np.zeros((3, size))  # when the run began
        self.long_run = np.zeros((3, size), np.int64)  # slots of the first run beyond hold
        self.long_since, self.long_limit = np.full((2, 3, size), np.nan)
        self.never = np.zeros((3, size), np.bool_)
        self.never_at, self.never_value, self.never_limit = np.full((3, 3, size), np.nan)
        self.judged, self.complete, self.warned, self.excursions = np.zeros((4, size), np.int64)
        self.gap, self.longest_gap = np.zeros((2, size), np.int64)
        self.gap_at = np.full(size, np.nan)  # where the longest began
        self.minimum, self.maximum = np.full((2, size), np.nan)
        self.sum = np.zeros(size)
        self.nearest = np.full(size, np.inf)  # to a limit, in uncertainties where there are any
        self.at, self.value, self.limit, self.u = np.full((4, size), np.nan)
        self.waiting, self.waited = np.zeros((2, size), np.int64)  # slots of a gap to be bridged
        self.stuck = np.zeros(size, np.bool_)  # this gap will not be bridged
        self.anew = np.full(size, -np.inf)  # when the device last started anew
        self.expected, self.required = np.zeros((2, size), np.bool_)
        self._due = np.zeros(size, np.bool_)  # to be judged in this phase
        self._passed_over = np.zeros(size, np.bool_)  # and were not, in one that is over
        self._marked = np.zeros(size, np.int64)  # slots judged before this phase
        self._share, self._slots = np.zeros((2, size))
        self._busy = False
        self._taken: list[Taken] = []  # not looked at yet
        self._each = np.arange(size)

    def begin(self, rules: Rules, at: float) -> None:
        """Go on under other rules: a new phase, in which no excursion is under way."""
        self.end_phase()  # settles
        self._share += self.rules.share * (self.judged - self._marked)
        self._slots = np.maximum(self._slots, self._fixed())
        self._marked = self.judged.copy()
        self._give_up(self.waiting > 0)
        self.bad[:], self.run[:] = False, 0
        self.stuck[:] = False
        self.rules = rules
        self._past.append((at, rules))

    def rules_at(self, at: float) -> Rules:
        """Return the rules that held at a time."""
        return next((rules for since, rules in reversed(self._past) if since <= at), self.rules)

    def expect(self, *, here: bool) -> None:
        """Demand that channels which this phase asks for are judged in the stage, or `here`."""
        self.expected |= self.rules.judged
        self.required |= self.rules.judged & self.rules.required
        if here:
            self._due |= self.rules.judged

    def end_phase(self) -> None:
        """Note which channels a phase was to judge and did not."""
        self.settle()
        self._passed_over |= self._due & (self.judged == self._marked)
        self._due[:] = False

    @property
    def unjudged(self) -> Bools:
        """Return where nothing was judged: in the stage, or in a phase that is there for it."""
        unjudged: Bools = (self.judged == 0) | self._passed_over
        return unjudged

    def restarted(self, where: slice, at: float) -> None:
        """Let no later reading vouch for what the channels of a device hid so far."""
        self.settle()
        self.anew[where] = at
        hit = np.zeros_like(self.stuck)
        hit[where] = self.waiting[where] > 0
        self._give_up(hit)
        self.stuck |= hit

    def _give_up(self, which: Bools) -> None:
        """Count slots that waited for a later reading as unknown."""
        if not which.any():
            return
        slots = np.where(which, self.waiting, 0)
        self.run[WORST] += slots
        self.total[WORST] += slots
        np.copyto(self.since[WORST], self.gap_at, where=which & ~self.bad[WORST])
        self.bad[WORST] |= which
        self._lasted(which, self.rules.high)
        self.never[WORST] |= which & self.rules.strict
        self.waiting[which] = self.waited[which] = 0
        self._busy = True

    def _lasted(self, which: Bools, limit: Floats) -> None:
        """Keep the first run that is longer than tolerated."""
        rules = self.rules
        long = (self.run > rules.hold) & which
        first = long & (self.long_run == 0)
        if first.any():
            np.copyto(self.long_since, self.since, where=first)
            np.copyto(self.long_limit, limit, where=first)
        np.copyto(self.long_run, self.run, where=long & (self.long_since == self.since))

    def take(self, slot: Slot, asked: Bools, at: float) -> None:
        """Take in one slot, which begins at `at`. Shapes: [K]; `asked`: judged in this slot.

        Cost: 20 us for 560 channels that are known and inside, 150 us otherwise.
        """
        self._taken.append(Taken(slot, asked, at))
        if len(self._taken) == SLOTS_MAX:
            self.settle()

    def settle(self) -> None:
        """Look at what was taken in. Shapes within: T slots, [T, K]."""
        taken, self._taken = self._taken, []
        if not taken:
            return
        rules = self.rules
        slots = Slot(*(_rows(each) for each in zip(*(t.slot for t in taken), strict=True)))
        asked = np.array([t.asked for t in taken])
        u_high = rules.u + rules.u_share * np.abs(slots.high)
        u_low = rules.u + rules.u_share * np.abs(slots.low)
        known = asked & slots.known
        self.judged += np.add.reduce(asked, dtype=np.int64)
        self.complete += np.add.reduce(known, dtype=np.int64)
        self._measure(slots, known, np.array([t.at for t in taken]), u_high, u_low)
        if slots.more_u is not None:
            u_high, u_low = u_high + slots.more_u, u_low + slots.more_u
        high, low = slots.high + u_high, slots.low - u_low
        out = (high > rules.high) | (low < rules.low) | ~slots.known
        out |= (high > rules.high_never) | (low < rules.low_never)
        some = np.logical_or.reduce(out & asked, axis=1).tolist()
        for n, (one, outside) in enumerate(zip(taken, some, strict=True)):
            if self._busy or outside:
                self._judge(*one, u_high[n], u_low[n])

    def _measure(
        self, slots: Slot, known: Bools, at: Floats, u_high: Floats, u_low: Floats
    ) -> None:
        """Keep what readings were like: their range, and how near they came to a limit.

        Shapes: [T, K], at [T].
        """
        rules = self.rules
        low, high = slots.low, slots.high
        np.fmin.reduce([self.minimum, *np.where(known, low, np.nan)], out=self.minimum)
        np.fmax.reduce([self.maximum, *np.where(known, high, np.nan)], out=self.maximum)
        np.add.reduce([self.sum, *np.where(known, (low + high) / 2, 0.0)], out=self.sum)
        above = (rules.high - high) / np.where(u_high > 0, u_high, 1.0)
        below = (low - rules.low) / np.where(u_low > 0, u_low, 1.0)
        near = np.where(known, np.minimum(above, below), np.inf)
        first = near.argmin(axis=0)
        nearest = near[first, self._each]
        nearer = np.flatnonzero(nearest < self.nearest)
        if len(nearer):
            row = first[nearer], nearer
            upper = above[row] <= below[row]
            self.nearest[nearer] = nearest[nearer]
            self.at[nearer] = at[first[nearer]]
            self.value[nearer] = np.where(upper, high[row], low[row])
            self.limit[nearer] = np.where(upper, rules.high[nearer], rules.low[nearer])
            self.u[nearer] = np.where(upper, u_high[row], u_low[row])
        warned = ((high > rules.high_warn) | (low < rules.low_warn)) & known
        if warned.any():
            self.warned += np.add.reduce(warned, dtype=np.int64)

    def _judge(self, slot: Slot, asked: Bools, at: float, u_high: Floats, u_low: Floats) -> None:
        """Follow excursions in all worlds."""
        rules = self.rules
        high, low = slot.high + _SIDES * u_high, slot.low - _SIDES * u_low
        out = (high > rules.high) | (low < rules.low)
        out |= self.bad & ((high > rules.high_exit) | (low < rules.low_exit))
        out[WORST] |= ~slot.known
        times = np.array([asked] * 3, np.int64)
        if rules.bridged.any():
            times[WORST] = self._bridge(slot, asked, at)
        acts = times > 0
        begun = out & acts & (self.run == 0)
        np.copyto(self.since, at - (times - asked) * rules.every, where=begun)
        self.excursions += begun[READ]
        self.total += np.where(out, times, 0)
        self.run = np.where(acts, np.where(out, self.run + times, 0), self.run)
        self.bad = np.where(acts, out, self.bad)
        limit = np.where(high > rules.high_exit, rules.high, rules.low)
        self._lasted(out & acts, limit)
        self._watch(slot, acts, at, high, low)
        self._count_gaps(slot, asked, at)
        self._busy = bool(self.bad.any() or self.waiting.any() or self.gap.any())

    def _watch(self, slot: Slot, acts: Bools, at: float, high: Floats, low: Floats) -> None:
        """Note what must never be: beyond trip, counted beyond fail, or hidden from us."""
        rules = self.rules
        over = (high > rules.high_never) & acts
        never = over | ((low < rules.low_never) & acts)
        hidden = ~slot.known & rules.strict & acts[WORST]
        if slot.reset is not None:  # a count that was lost with a reset is missing, no more
            hidden &= ~(slot.reset & rules.excused)
        never[WORST] |= hidden
        first = never & ~self.never
        if first.any():
            self.never |= first
            np.copyto(self.never_at, at, where=first)
            np.copyto(self.never_value, np.where(over, slot.high, slot.low), where=first)
            np.copyto(
                self.never_limit, np.where(over, rules.high_never, rules.low_never), where=first
            )

    def _bridge(self, slot: Slot, asked: Bools, at: float) -> Counts:
        """Return how many slots this one speaks for: those of a gap wait for the next reading.

        That is so in the worst world only; in the best one what it shows came after the gap.
        """
        rules = self.rules
        lost = ~slot.known
        self.stuck |= lost & (self.anew >= at)
        waits = lost & rules.bridged & ~self.stuck & (asked | (self.waiting > 0))
        if slot.reset is not None:
            self._give_up(slot.reset & (self.waiting > 0))
            waits &= ~slot.reset
        self.waiting += waits & asked
        self.waited += waits
        late = waits & (self.waited > rules.gap)
        if late.any():
            self._give_up(late)
            self.stuck |= late
        self.stuck &= lost
        vouched = np.where(slot.known, self.waiting, 0)
        self.waiting[slot.known] = self.waited[slot.known] = 0
        return np.where(waits, 0, asked + vouched)

    def _count_gaps(self, slot: Slot, asked: Bools, at: float) -> None:
        """Keep the longest run of slots that were not completely known."""
        lost = asked & ~slot.known
        self.gap = np.where(lost, self.gap + 1, np.where(asked, 0, self.gap))
        longer = self.gap > self.longest_gap
        np.copyto(self.gap_at, at - (self.gap - 1) * self.rules.every, where=longer)
        np.copyto(self.longest_gap, self.gap, where=longer)

    def _fixed(self) -> Floats:
        """Return the tolerated slots that depend on no judged time, of what was judged."""
        return np.where(self.judged > self._marked, self.rules.slots, 0.0)

    @property
    def allowed(self) -> Floats:
        """Return how many slots of excursions are tolerated in total: one of `hold` in any case."""
        share = self._share + self.rules.share * (self.judged - self._marked)
        return np.maximum(share, np.maximum(self._slots, self._fixed()))

    def refused(self) -> Bools:
        """Return where the rule is not kept in each world, if no more comes. Shapes: [3, K]."""
        total = self.total.copy()
        total[WORST] += self.waiting
        refused = self.never | (self.long_run > 0) | (total > self.allowed + _ROUNDING)
        refused[WORST] |= self.run[WORST] + self.waiting > self.rules.hold
        refused[WORST] |= (self.waiting > 0) & self.rules.strict
        return refused


def _rows(arrays: Sequence[Any]) -> Any:  # noqa: ANN401 -- of floats or of bools
    """Return the arrays of T slots as one [T, K]; None where they have none."""
    return None if arrays[0] is None else np.array(arrays)
