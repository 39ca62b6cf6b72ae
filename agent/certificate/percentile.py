"""p99 of every channel in every attempt of a stage: exact, for a fiftieth of the memory.

The value that one reading in a hundred exceeds is among the largest hundredth. How many those are
must be known before they can be kept, so all samples are gone through twice.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.burnin.block import Block
from agent.burnin.design import Design
from agent.certificate.measured import Columns, Floats
from agent.certificate.timeline import Attempt, judged

ONE_IN: Final = 100
HELD: Final = 256  # rows that wait beside those kept, so that not every block has to be sorted


class Largest:
    """The largest values of K channels, as many of each as are to be kept."""

    def __init__(self, keep: int, width: int) -> None:
        self.keep = keep
        self.rows = np.full((0, width), -np.inf)

    def add(self, values: Floats) -> None:
        """Take in T values of each, NaN where there is none. Shapes: values float64[T, K]."""
        self.rows = np.concatenate([self.rows, np.where(np.isnan(values), -np.inf, values)])
        if len(self.rows) > 2 * self.keep + HELD:
            self._drop()

    def ranked(self, ranks: NDArray[np.int64]) -> Floats:
        """Return each channel's value of a rank, 1 being the largest. Shapes: ranks int64[K]."""
        self._drop()
        ordered = np.sort(self.rows, axis=0)
        return np.array([ordered[-rank, column] for column, rank in enumerate(ranks)])

    def _drop(self) -> None:
        """Forget what cannot be among the largest."""
        if len(self.rows) > self.keep:
            split = len(self.rows) - self.keep
            self.rows = np.partition(self.rows, split, axis=0)[split:]


class Percentiles:
    """p99 of what each attempt judged: the nearest rank, so it is a value that was read."""

    def __init__(self, design: Design, tries: Sequence[Attempt]) -> None:
        self.design = design
        self.spells = [
            (number, spell, mask)
            for number, attempt in enumerate(tries)
            for spell in attempt.spells
            if (mask := judged(design, spell)).any()
        ]
        self.counts = np.zeros((len(tries), len(design.channels)), np.int64)
        self.tops: dict[tuple[int, str], Largest] = {}  # by attempt and device

    def count(self, block: Block, found: Columns, values: Floats) -> None:
        """Take in a block, the first time."""
        for number, rows in self._judged(block, found, values):
            self.counts[number, found.places] += np.isfinite(rows).sum(axis=0)

    def add(self, block: Block, found: Columns, values: Floats) -> None:
        """Take in a block, the second time."""
        where = self.design.places[block.device]
        for number, rows in self._judged(block, found, values):
            whole = np.full((len(rows), where.stop - where.start), np.nan)
            whole[:, found.places - where.start] = rows
            most = int(self.counts[number, where].max())
            top = Largest(most // ONE_IN + 1, whole.shape[1])
            self.tops.setdefault((number, block.device), top).add(whole)

    def result(self) -> Floats:
        """Return p99, NaN where nothing was judged. Shapes: float64[attempts, C]."""
        p99 = np.full(self.counts.shape, np.nan)
        for (number, device), top in self.tops.items():
            where = self.design.places[device]
            counts = self.counts[number, where]
            p99[number, where] = np.where(counts > 0, top.ranked(counts // ONE_IN + 1), np.nan)
        return p99

    def _judged(self, block: Block, found: Columns, values: Floats) -> Iterator[tuple[int, Floats]]:
        """Yield what of a block each attempt judged, NaN for the rest."""
        for number, spell, mask in self.spells:
            inside = (block.asked >= spell.start) & (block.asked < spell.end)
            wanted = mask[found.places]
            if inside.any() and wanted.any():
                yield number, np.where(wanted, values[inside], np.nan)
