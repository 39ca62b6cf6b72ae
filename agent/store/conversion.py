"""How values follow from raw numbers: found out from the numbers, so that they are kept once."""

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

SEEN_TIMES: Final = 4  # a raw number is seen that often, on average, where values are looked up


class Line(NamedTuple):
    """value = raw * factor / divisor + offset, to the bit."""

    factor: float
    divisor: float
    offset: float

    def of(self, raw: Floats) -> Floats:
        """Return the values."""
        return raw * self.factor / self.divisor + self.offset


def found(raw: Floats, values: Floats, good: NDArray[np.bool_]) -> Line | Floats | None:
    """Return what makes the values of one channel from its raw numbers; None: nothing does."""
    value, number = values[good], raw[good]
    if not np.isnan(values[~good]).all() or np.isnan(number).any() or np.isnan(value).any():
        return None
    with np.errstate(all="ignore"):
        for line in _lines(number, value):
            if _same(line.of(number), value):
                return line
    _, first, places = np.unique(number, return_index=True, return_inverse=True)
    lookup = value[first]
    if len(lookup) * SEEN_TIMES <= len(value) and _same(lookup[places], value):
        return lookup
    return None


def _lines(raw: Floats, values: Floats) -> Iterator[Line]:
    """Yield conversions that would fit the outermost numbers, likeliest first."""
    yield Line(1.0, 1.0, 0.0)
    if not len(raw):
        return
    high, low = np.argmax(raw), np.argmin(raw)
    ratio = values[high] / raw[high]
    if 0 < abs(ratio) < 1:
        yield Line(1.0, float(np.rint(1 / ratio)), 0.0)
    yield Line(float(f"{ratio:.12g}"), 1.0, 0.0)
    slope = float(f"{(values[high] - values[low]) / (raw[high] - raw[low]):.12g}")
    offset = float(f"{values[high] - slope * raw[high]:.9g}")
    yield Line(slope, 1.0, offset)


def _same(some: Floats, others: Floats) -> bool:
    """Say whether numbers are the same to the bit: 0.0 is not -0.0."""
    return bool((some.view(np.int64) == others.view(np.int64)).all())


def looked_up(raw: Floats, lookup: Floats) -> Floats | None:
    """Return the values of raw numbers; None: there is not one for each."""
    seen, places = np.unique(raw, return_inverse=True)
    return lookup[places] if len(seen) == len(lookup) else None
