"""What a fault does while it is there, and how it is undone."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collectors.twin.chance import Floats

Bools = NDArray[np.bool_]
Distort = Callable[[Floats, Bools, float], None]  # shown [C], good [C], seconds since the onset


def _nothing() -> None:
    """Undo nothing."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fault does while it is there."""

    undo: Callable[[], object] = _nothing
    distort: Distort | None = None  # each time instruments look
    go: Callable[[float], None] | None = None  # each time physics goes on, with seconds since


Begin = Callable[[int], Effect]  # what to do when it begins in one rack
