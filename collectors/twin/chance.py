"""Chance for many racks at once: each follows its own seed, however many others there are.

All draw from one stretch of normal numbers, from a place and in strides of their own; so a draw
costs one gather, and a rack alone sees what it sees among a hundred.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LENGTH: Final = 1 << 17  # odd strides visit every place of a power of two
LIMIT: Final = 3.5  # standard deviations: an instrument whose noise has no end breaks any limit


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return what one rack draws from for one purpose."""
    return np.random.default_rng([seed, *purpose.encode()])


def each(seeds: Sequence[int], purpose: str, shape: tuple[int, ...], by: float) -> Floats:
    """Return factors about one, up to `by` away: no two parts are built alike. Shapes: [R, ...]."""
    drawn = [generator(seed, purpose).uniform(-by, by, shape) for seed in seeds]
    return 1.0 + np.array(drawn).reshape(len(seeds), *shape)


class Noise:
    """Normal noise for R racks, `width` numbers at a time."""

    def __init__(self, seeds: Sequence[int], purpose: str, width: int) -> None:
        pool = np.random.default_rng(0).standard_normal(LENGTH + width)
        self._rows = sliding_window_view(np.clip(pool, -LIMIT, LIMIT), width)
        drawn = np.array([generator(seed, purpose).integers(LENGTH, size=2) for seed in seeds])
        self._at, self._stride = drawn.T.copy()
        self._stride |= 1

    def at(self, number: int) -> Floats:
        """Return the numbers of one moment, whichever were asked for before. Shapes: [R, width]."""
        rows: Floats = self._rows[(self._at + self._stride * number) % LENGTH]
        return rows

    def draw(self) -> Floats:
        """Return the next numbers. Shapes: [R, width]."""
        self._at += self._stride
        self._at %= LENGTH
        rows: Floats = self._rows[self._at]
        return rows
