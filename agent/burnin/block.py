"""Samples of one device in a row: what the poll path brought, as evidence keeps it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """T polls of one device; its K columns are those that the device's BOUND event lists.

    Shapes: asked, taken float64[T]; values, raw float64[T, K]; quality uint8[T, K].
    A poll that brought nothing is a row too, of a quality that says why: it was expected.
    """

    device: str  # its name in the bay
    binding: int  # the number that its BOUND event carries
    asked: NDArray[np.float64]  # run seconds; the place on its grid
    taken: NDArray[np.float64]  # run seconds
    values: NDArray[np.float64]  # canonical units; NaN where quality is not GOOD
    quality: NDArray[np.uint8]
    raw: NDArray[np.float64]  # as the device sent it
