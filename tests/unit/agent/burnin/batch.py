"""Many cases at once: one channel is one case, and every channel has a rule of its own.

A rule is an upper or a lower limit of 10 K with some uncertainty, hysteresis, hold, budget and
trip; a slot holds one or two polls, which may be missing, not good, or anything around the limit.
"""

import itertools
import math
import os
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.burnin.design import Design
from agent.burnin.format import Budget
from agent.burnin.limits import Rung, Tolerance
from tests.unit.agent.burnin.docket import Case, design

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Verdicts = NDArray[np.int8]

NIGHTLY: Final = os.environ.get("RACKPROOF_NIGHTLY") == "1"
CASES: Final = 100_000 if NIGHTLY else 2_000  # of each property
LEVELS: Final = np.array([4.0, 6.0, 8.0, 9.0, 9.5, 10.0, 10.5, 11.0, 13.0, 20.0])
LIMIT: Final = 10.0


class Rule(NamedTuple):
    """By what one case is judged; hold and budget in slots."""

    upper: bool
    u: float
    hysteresis: float
    hold: int
    budget: int
    trip: float


RULES: Final = tuple(
    Rule(upper, u, hysteresis, hold, hold + more, trip)
    for upper, u, hysteresis, hold, more, trip in itertools.product(
        (True, False), (0.0, 0.4, 1.0), (0.0, 1.0, 2.0), (0, 1, 2), (0, 1, 3), (math.inf, 15.0)
    )
)
C: Final = len(RULES)
several = settings(max_examples=math.ceil(CASES / C))
seeds = st.integers(0, 2**32 - 1)


@cache
def ruled(**more: float) -> Design:
    """Return the design of all rules, each knob moved by so much."""
    text = "\n".join(f"x{n}: {{q: temperature_delta, fail: max 10 K, u: 0 K}}" for n in range(C))
    of = design(text.replace("u: 0 K", "u: 0 K, hold: 9 s"))
    channels = []
    for channel, rule in zip(of.channels, RULES, strict=True):
        limit = LIMIT + more.get("limit", 0.0) * (1 if rule.upper else -1)
        bounds = channel.row.rungs.limits[Rung.FAIL]
        assert bounds is not None
        low, high = (-math.inf, limit) if rule.upper else (limit, math.inf)
        fail, trip = bounds._replace(low=low, high=high), None
        if math.isfinite(rule.trip):
            far = rule.trip if rule.upper else 2 * LIMIT - rule.trip
            low, high = (-math.inf, far) if rule.upper else (far, math.inf)
            trip = bounds._replace(low=low, high=high)
        row = replace(
            channel.row,
            rungs=channel.row.rungs._replace(limits=(None, fail, trip)),
            hysteresis=Tolerance(rule.hysteresis + more.get("hysteresis", 0.0)),
            hold=rule.hold + more.get("hold", 0.0),
            gap=0.0,
            budget=Budget(seconds=rule.budget + more.get("hold", 0.0)),
        )
        u = Tolerance(rule.u + more.get("u", 0.0))
        channels.append(replace(channel, row=row, u=u))
    return Design.of(of.spec, of.roles, tuple(channels), of.measured, of.derivations)


@dataclass(frozen=True, eq=False)
class Batch:
    """What came in S slots of up to P polls. Shapes: [S, P, C]."""

    values: Floats
    there: Bools
    good: Bools
    owed: int

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Batch":
        """Draw cases as the reference does: a lost poll in six, a bad one in ten."""
        owed = int(rng.integers(1, 3))
        shape = int(rng.integers(1, 8)), 2, C
        values = rng.choice(LEVELS, shape)
        there = rng.random(shape) > 1 / 6
        there[:, owed:] = False
        upper = np.array([rule.upper for rule in RULES])
        values = np.where(upper, values, 2 * LIMIT - values)
        return cls(values, there, rng.random(shape) > 0.1, owed)

    def but(self, **arrays: Any) -> "Batch":  # noqa: ANN401 -- any of its arrays
        """Return a batch in which something is different."""
        return replace(self, **arrays)

    @property
    def asked(self) -> Floats:
        """Return when each poll's turn was. Shapes: [S, P]."""
        slots, polls = self.values.shape[:2]
        asked: Floats = np.arange(slots)[:, None] + np.arange(polls) * 0.3
        return asked

    def chosen(self, rng: np.random.Generator) -> Bools:
        """Choose one slot of each case. Shapes: [S, 1, C]."""
        slots = len(self.values)
        chosen: Bools = np.arange(slots)[:, None] == rng.integers(0, slots, C)
        return chosen[:, None]

    def verdicts(
        self, of: Design | None = None, rng: np.random.Generator | None = None
    ) -> Verdicts:
        """Return what the trial makes of it; `rng`: in another order, and some things twice."""
        case = Case(of or ruled())
        case.owe(self.owed)
        asked = self.asked.ravel()
        for channel in range(C) if rng is None else rng.permutation(C).tolist():
            rows = np.flatnonzero(self.there[:, :, channel])
            pieces = [rows]
            if rng is not None and len(rows):
                twice = np.concatenate([rows, rng.choice(rows, len(rows) // 2)])
                pieces = np.array_split(rng.permutation(twice), 3)
            for some in pieces:
                if len(some):
                    values = self.values.reshape(-1, C)[some, channel]
                    good = self.good.reshape(-1, C)[some, channel]
                    where = slice(channel, channel + 1)
                    case.trial.put(where, asked[some], values[:, None], good[:, None])
        return case.result(float(len(self.values))).verdicts
