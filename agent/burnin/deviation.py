"""How far from nominal: a number that means the same for every channel.

0 at nominal or in the middle of a two-sided fail limit, +-1 at that limit. With one side and no
nominal it is 0.5 at warn and 1 at fail. Where a spec gives no such scale there is none.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from agent.burnin.design import Design, Floats
from agent.burnin.limits import Rung


@dataclass(frozen=True, slots=True, eq=False)
class Ruler:
    """Where zero is, and how far from there 1 and -1 are. Shapes: float64[C]; NaN: no scale."""

    zero: Floats
    below: Floats
    above: Floats

    @classmethod
    def of(cls, design: Design) -> Self:
        """Lay the ruler along every channel's ladder."""
        low, high = design.limits.low, design.limits.high
        ladders = zip(design.nominal, low[Rung.FAIL], high[Rung.FAIL], low[0], high[0], strict=True)
        marks = [_marks(*map(float, ladder)) for ladder in ladders]
        for place, channel in enumerate(design.channels):
            if channel.row.scale.is_state:
                judged = math.isfinite(high[Rung.FAIL, place])
                marks[place] = (0.0, math.inf, Rung.FAIL + 1.0) if judged else _NO_SCALE
        zero, below, above = np.array(marks).reshape(-1, 3).T
        return cls(zero, below, above)

    def measure(self, values: Floats) -> Floats:
        """Return the deviation of every channel. Shapes: float64[C] to float64[C]."""
        away = values - self.zero
        with np.errstate(invalid="ignore"):  # what is infinite on a side without limit has no scale
            measured: Floats = away / np.where(away < 0, self.below, self.above)
        return measured


_NO_SCALE = (math.nan, math.nan, math.nan)


def _marks(
    nominal: float, low: float, high: float, warn_low: float, warn_high: float
) -> tuple[float, float, float]:
    """Return zero, and the distances to -1 and to 1; infinite on a side without limit."""
    two_sided = math.isfinite(low) and math.isfinite(high)
    if math.isnan(nominal) and two_sided:
        nominal = (low + high) / 2
    if math.isnan(nominal) and math.isfinite(high) and math.isfinite(warn_high):
        nominal = 2 * warn_high - high
    if math.isnan(nominal) and math.isfinite(low) and math.isfinite(warn_low):
        nominal = 2 * warn_low - low
    below, above = nominal - low, high - nominal
    if not (below > 0 and above > 0) or (math.isinf(below + above) and below == above):
        return _NO_SCALE
    return nominal, below, above
