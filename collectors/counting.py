"""What is counted from poll to poll: objects that say something else, and counters that wrap.

Both remember what was heard last, so they belong to one device as it is bound, and each poll is
shown to them once, in order. When the device is bound again they begin anew: its counts fall then,
and whoever judges counts takes that for a reset.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collectors.readings import Quality

WRAP: Final = 2.0**32  # what a Counter32 counts before it begins again (RFC 2578 §7.1.6)

Floats = NDArray[np.float64]
Faults = NDArray[np.uint8]  # qualities, as far as the answer tells them


class Changes:
    """How often M objects have said something else: moments at which something changed last.

    0 is the moment of what has not changed since the device started (RFC 2863, ifLastChange). Yet
    there are devices that keep no moments and say 0 always. So 0 is believed only of a device
    that has told another moment, of any object, now or before.
    """

    def __init__(self, places: Sequence[int], first: Floats) -> None:
        self.places = np.array(places, np.intp)
        self.kept = bool((first > 0).any())  # some moment was told
        self._last = np.full(self.places.size, math.nan)
        self._count = np.zeros(self.places.size)
        self.unknown = np.zeros(self.places.size, np.bool_)  # at the latest poll

    def count(self, sent: Floats, faults: Faults, values: Floats) -> None:
        """Put the counts into values, and note which of them nothing is known of. Shapes: [C].

        The first word is no change; two changes between two polls are one.
        """
        told = sent[self.places]
        heard = (faults[self.places] == Quality.GOOD) & ~np.isnan(told)
        self.kept = self.kept or bool((told[heard] > 0).any())
        other = heard & (told != self._last)
        if other.any():
            self._count += other & ~np.isnan(self._last)
            np.copyto(self._last, told, where=other)
        if not self.kept:
            self.unknown = heard & (told == 0)
        values[self.places] = self._count


class Wraps:
    """Counters of 32 bits, counted on where they begin again at 0.

    A fall from the upper half of what they can hold to the lower one is a wrap; the device has
    not restarted, for then it would have been bound again. Any other fall is a reset and stays
    one: what was lost with it, nobody knows. A counter must be asked before it has counted half
    of what it can hold.
    """

    def __init__(self, places: Sequence[int]) -> None:
        self.places = np.array(places, np.intp)
        self._last = np.full(self.places.size, math.nan)
        self._before = np.zeros(self.places.size)  # counted in the turns that are complete
        self._wrapped = False  # any of them

    def count(self, sent: Floats, faults: Faults, values: Floats) -> None:
        """Put what was counted since the first poll's turn began into values. Shapes: [C]."""
        told = sent[self.places]
        other = told != self._last
        if other.any():
            heard = other & (faults[self.places] == Quality.GOOD) & ~np.isnan(told)
            wrapped = heard & (self._last >= WRAP / 2) & (told < WRAP / 2)
            self._before += WRAP * wrapped
            self._wrapped = self._wrapped or bool(wrapped.any())
            np.copyto(self._last, told, where=heard)
        if self._wrapped:
            values[self.places] = told + self._before
