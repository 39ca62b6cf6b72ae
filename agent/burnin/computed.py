"""Derived channels as evidence: computed once a slot, from the last closed slots of their inputs.

One is known where all its inputs are, completely, and most of its window was. What is missing of a
window makes it more uncertain: that much of the mean may have been as far off as limits are wide.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agent.burnin.design import Derivation, Design, Floats
from agent.burnin.formula import COOLANT, EXTRAS, LOAD, Inputs
from agent.burnin.ledger import Slot
from agent.burnin.window import Window


class Computed:
    """The K derived channels that are computed equally often, and when that is due next."""

    def __init__(self, design: Design, every: float, places: NDArray[np.intp]) -> None:
        self.every = every
        self.places = places
        self.head = 0
        chosen = frozenset(places.tolist())
        self.members = [_Member.of(design, d) for d in design.derivations if d.place in chosen]
        self.order = np.array([int(np.searchsorted(places, m.place)) for m in self.members])

    @property
    def end(self) -> float:
        """Return when the next slot ends."""
        return (self.head + 1) * self.every


@dataclass(slots=True)
class _Member:
    """One derived channel and what it remembers."""

    place: int
    derivation: Derivation
    reads: NDArray[np.intp]  # channels only
    derived: NDArray[np.intp]  # those of them that are computed too
    inner: list[Window]
    own: Window | None
    reads_load: bool  # compares with the load that the plan asks for

    @classmethod
    def of(cls, design: Design, derivation: Derivation) -> "_Member":
        """Prepare a derivation."""
        reads = sorted(place for place in derivation.reads if place < len(design.channels))
        derived = [place for place in reads if place >= design.measured]
        inner = [Window(seconds) for seconds in derivation.windows]
        own = Window(derivation.window) if derivation.window else None
        places = np.array(reads, np.intp), np.array(derived, np.intp)
        loaded = len(design.channels) + LOAD in derivation.reads
        return cls(derivation.place, derivation, *places, inner, own, loaded)

    def anew(self) -> "_Member":
        """Return it without what it remembers."""
        inner = [Window(window.seconds) for window in self.inner]
        own = Window(self.own.seconds) if self.own is not None else None
        return replace(self, inner=inner, own=own)

    def evaluate(self, inputs: Inputs, missing: Floats) -> tuple[float, float]:
        """Return the value in SI units, NaN where it is unknown, and the share that is missing."""
        inputs.memory = self.inner
        value = float(self.derivation.evaluate(inputs))
        # What remembers has a value though its input is unknown; all else is then unknown itself.
        if self.inner and not np.isfinite(inputs.values[self.reads].sum()):
            value = np.nan
        lacks = float(missing[self.derived].max()) if len(self.derived) else 0.0
        for window in self.inner:
            lacks = max(lacks, window.missing)
        if self.own is not None:
            self.own.add(inputs.now, value)
            lacks = max(lacks, self.own.missing)
            if np.isfinite(value):
                value = self.own.mean()
        return value, lacks


class Latest:
    """The last closed slot of every channel, in SI units. Shapes: si float64[C + EXTRAS]."""

    def __init__(self, design: Design) -> None:
        channels = len(design.channels)
        self._factor, self._zero = design.si_factor, design.si_zero
        self.inputs = Inputs(np.full(channels + EXTRAS, np.nan))
        self.inputs.values[channels + COOLANT] = 1.0
        self._load = channels + LOAD
        self._wanted: float | None = None
        self._missing = np.zeros(channels)

    def put(self, places: NDArray[np.intp], slot: Slot) -> None:
        """Take in the closed slots of some channels: the middle of what was read in them."""
        middle = np.where(slot.known, (slot.low + slot.high) / 2, np.nan)
        self.inputs.values[places] = middle * self._factor[places] + self._zero[places]

    def values(self, places: NDArray[np.intp]) -> Floats:
        """Return values in the units of the design."""
        found: Floats = (self.inputs.values[places] - self._zero[places]) / self._factor[places]
        return found

    def load(self, load: float | None, groups: Sequence[Computed]) -> None:
        """Set the load that the plan asks for; what compares with it forgets what it remembers."""
        if load == self._wanted:
            return
        self._wanted = load
        self.inputs.values[self._load] = np.nan if load is None else load
        for group in groups:
            group.members = [m.anew() if m.reads_load else m for m in group.members]

    def compute(self, group: Computed, now: float, span: Floats) -> Slot:
        """Return the slot of a group of derived channels that ends now. Shapes: span [K]."""
        self.inputs.now = now
        values, lacks = np.empty((2, len(group.members)))
        for n, member in zip(group.order, group.members, strict=True):
            values[n], lacks[n] = member.evaluate(self.inputs, self._missing)
            self.inputs.values[member.place] = values[n]
            self._missing[member.place] = lacks[n]
        group.head += 1
        places = group.places
        values = (values - self._zero[places]) / self._factor[places]
        more_u = np.where(lacks > 0, lacks * span, 0.0)
        return Slot(values, values, np.isfinite(values), more_u)
