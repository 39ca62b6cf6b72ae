"""The samples of a run, gone through twice: what charts, coverage and p99 need of them."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from agent.burnin.block import Block
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.certificate.measured import (
    Buckets,
    Coverage,
    Floats,
    Grid,
    Means,
    columns_of,
    readings,
)
from agent.certificate.panels import (
    Series,
    derived_cells,
    panels,
    ranges_of,
    read_by_derived,
    wanted,
)
from agent.certificate.percentile import Percentiles
from agent.certificate.timeline import Attempt

Json = dict[str, Any]


class Survey(NamedTuple):
    """What the samples say."""

    p99: Floats  # float64[attempts, C]
    plots: Json
    coverage: Json


def survey(
    design: Design,
    events: Sequence[Event],
    tries: Sequence[Attempt],
    blocks: Callable[[], Iterable[Block]],
) -> Survey:
    """Go through all samples. `blocks` is called twice."""
    end = max(event.at for event in events)
    columns = columns_of(design, events)
    drawn, read = wanted(design), read_by_derived(design)
    slowest = max((design.channels[n].row.every for n in {*drawn, *read}), default=1.0)
    grid = Grid.of(end, slowest)
    buckets, means = Buckets(drawn, grid), Means(read, grid)
    coverage, percentiles = Coverage(end), Percentiles(design, tries)
    for block, found, values in readings(blocks(), columns):
        buckets.add(found.places, block.asked, values)
        means.add(found.places, block.asked, values)
        coverage.add(block.device, block.asked, np.isfinite(values))
        percentiles.count(block, found, values)
    for block, found, values in readings(blocks(), columns):
        percentiles.add(block, found, values)
    cells = derived_cells(design, means, tries)
    series = Series(design, tries, ranges_of(buckets, cells, grid), grid.step)
    plots = {"start_s": 0.0, "end_s": end, "step_s": grid.step, "panels": panels(series)}
    return Survey(percentiles.result(), plots, _coverage(design, events, coverage, end))


def _coverage(design: Design, events: Sequence[Event], coverage: Coverage, end: float) -> Json:
    """Return how well each device was seen, from when it was first bound."""
    since: dict[str, float] = {}
    every: dict[str, float] = {}
    for event in events:
        if event.kind is Kind.BOUND:
            device = event.data["device"]
            since.setdefault(device, event.at)
            every[device] = event.data["interval_s"] or design.every(device) or math.inf
    rows = [coverage.row(device, since[device], every[device]) for device in since]
    return {"start_s": 0.0, "end_s": end, "step_s": coverage.step, "devices": rows}
