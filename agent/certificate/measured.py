"""What charts are made of: samples gathered as they come, in memory that no run's length moves.

Of the channels that are drawn, the lowest and highest value of each bucket; of those that derived
channels read, the mean of each cell; of each device, how many good readings there were.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from agent.burnin.block import Block
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from collectors.quantity import Quantity, conversion
from collectors.readings import Quality

BUCKETS_MAX: Final = 600  # of a chart: one is narrower than a printed line
CELLS_MAX: Final = 4  # of a bucket: derived channels are drawn from the means of these
RASTER: Final = 300  # buckets of the coverage of a device

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which channels of the design stand in a device's arrays, and in which unit."""

    columns: NDArray[np.intp]  # of the array
    places: NDArray[np.intp]  # of the design
    scale: Floats  # value * scale + offset is in the unit of the design
    offset: Floats


def columns_of(design: Design, events: Iterable[Event]) -> dict[tuple[str, int], Columns]:
    """Return what the arrays of each device hold, by device and number of its binding."""
    place = {(c.device, c.name): n for n, c in enumerate(design.channels)}
    found = {}
    for event in events:
        if event.kind is not Kind.BOUND:
            continue
        device, told = event.data["device"], event.data["columns"]
        known = [n for n, column in enumerate(told) if (device, column["name"]) in place]
        places = [place[device, told[n]["name"]] for n in known]
        units = [_conversion(design, to, told[n]) for n, to in zip(known, places, strict=True)]
        found[device, event.data["binding"]] = Columns(
            np.array(known, np.intp),
            np.array(places, np.intp),
            np.array([scale for scale, _ in units]),
            np.array([offset for _, offset in units]),
        )
    return found


def _conversion(design: Design, place: int, column: Mapping[str, Any]) -> tuple[float, float]:
    """Return what makes a device's values those of the design; a state's number stays as it is."""
    wanted, given = design.channels[place].row.quantity, Quantity.of(column["quantity"])
    if wanted is None or wanted.is_state or given.is_state:
        return 1.0, 0.0
    return conversion(given.symbol, wanted)


class Grid(NamedTuple):
    """How a run's time is cut for charts."""

    step: float  # seconds of a bucket
    buckets: int
    cells: int  # of a bucket

    @classmethod
    def of(cls, end: float, slowest: float) -> Self:
        """Cut a run so that the slowest channel has two readings in a bucket, and one in a cell."""
        step = max(end / BUCKETS_MAX, 2 * slowest)
        cells = min(CELLS_MAX, max(1, int(step / (1.5 * slowest))))
        return cls(step, max(1, math.ceil(end / step - 1e-9)), cells)


class Buckets:
    """The lowest and highest of some channels in each of N stretches. Shapes: float64[P, N]."""

    def __init__(self, places: Sequence[int], grid: Grid) -> None:
        self.row = {place: row for row, place in enumerate(places)}
        self.step = grid.step
        self.low, self.high = np.full((2, len(self.row), grid.buckets), np.nan)

    def add(self, places: NDArray[np.intp], at: Floats, values: Floats) -> None:
        """Take in T readings of K channels. Shapes: at float64[T], values float64[T, K]."""
        bucket = np.clip((at / self.step).astype(np.intp), 0, self.low.shape[1] - 1)
        for column, place in enumerate(places):
            row = self.row.get(int(place))
            if row is not None:
                np.fmin.at(self.low[row], bucket, values[:, column])
                np.fmax.at(self.high[row], bucket, values[:, column])


class Means:
    """The mean of some channels in each of N cells. Shapes: float64[P, N]."""

    def __init__(self, places: Sequence[int], grid: Grid) -> None:
        self.row = {place: row for row, place in enumerate(places)}
        self.step = grid.step / grid.cells
        self.total, self.number = np.zeros((2, len(self.row), grid.buckets * grid.cells))

    def add(self, places: NDArray[np.intp], at: Floats, values: Floats) -> None:
        """Take in T readings of K channels. Shapes: at float64[T], values float64[T, K]."""
        cell = np.clip((at / self.step).astype(np.intp), 0, self.total.shape[1] - 1)
        for column, place in enumerate(places):
            row = self.row.get(int(place))
            if row is not None:
                good = np.isfinite(values[:, column])
                np.add.at(self.total[row], cell[good], values[good, column])
                np.add.at(self.number[row], cell[good], 1.0)

    def of(self, place: int) -> Floats:
        """Return a channel's means; NaN where nothing was read."""
        row = self.row[place]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean: Floats = self.total[row] / self.number[row]
        return mean


class Coverage:
    """How many readings of a device each bucket should hold, and how many good ones it holds."""

    def __init__(self, end: float) -> None:
        self.step = max(end, 1e-9) / RASTER
        self.good: dict[str, Floats] = defaultdict(lambda: np.zeros(RASTER))
        self.seen: dict[str, Floats] = defaultdict(lambda: np.zeros(RASTER))
        self.width: dict[str, int] = {}

    def add(self, device: str, at: Floats, good: NDArray[np.bool_]) -> None:
        """Take in T polls. Shapes: at float64[T], good bool[T, K]."""
        bucket = np.clip((at / self.step).astype(np.intp), 0, RASTER - 1)
        np.add.at(self.good[device], bucket, good.sum(axis=1))
        np.add.at(self.seen[device], bucket, float(good.shape[1]))
        self.width[device] = max(good.shape[1], self.width.get(device, 0))

    def row(self, device: str, since: float, every: float) -> dict[str, Any]:
        """Return a device's cells from `since` on: 0 to 9, where 9 is all; - where none is due."""
        width = self.width.get(device, 1)
        edges = np.arange(RASTER + 1) * self.step
        due = np.floor(np.diff(np.maximum(edges, since)) / every) * width
        due = np.maximum(due, self.seen[device])
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.floor(9 * np.minimum(self.good[device] / due, 1.0))
        cells = "".join("-" if not d else str(int(s)) for d, s in zip(due, share, strict=True))
        all_due = float(due.sum())
        whole = min(float(self.good[device].sum()) / all_due, 1.0) if all_due else None
        return {"device": device, "cells": cells, "share": whole}


def readings(
    blocks: Iterable[Block], columns: Mapping[tuple[str, int], Columns]
) -> Iterator[tuple[Block, Columns, Floats]]:
    """Yield every block with its channels of the design, NaN where they are not good."""
    for block in blocks:
        found = columns.get((block.device, block.binding))
        if found is not None and len(found.places) and len(block.asked):
            values = block.values[:, found.columns] * found.scale + found.offset
            good = block.quality[:, found.columns] == Quality.GOOD
            yield block, found, np.where(good, values, np.nan)
