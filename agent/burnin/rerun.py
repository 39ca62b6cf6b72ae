"""Judging a run again from what was stored of it: the same lines, fed in larger pieces."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from agent.burnin.block import Block
from agent.burnin.design import Design
from agent.burnin.event import Event
from agent.burnin.ledger import WATERMARK_S
from agent.burnin.trial import Trial

PIECE_S: Final = 100.0  # of samples taken in at once: less than the ledger keeps open


def rerun(design: Design, events: Sequence[Event], blocks: Iterable[Block]) -> Trial:
    """Judge a run by its events and samples, up to the last of them.

    Blocks come segment by segment, as they were stored; only two segments are held at a time.
    """
    trial = Trial(design)
    waiting = sorted(events, key=lambda event: event.at)
    end = waiting[-1].at if waiting else 0.0
    given = 0
    for since, until, some in _pieces(blocks):
        while given < len(waiting) and waiting[given].at <= until:
            trial.note(waiting[given])
            given += 1
        trial.advance(since - WATERMARK_S)
        for block in some:
            trial.take(block)
        end = max(end, until)
    for event in waiting[given:]:
        trial.note(event)
    trial.advance(end - WATERMARK_S)
    return trial


def _pieces(blocks: Iterable[Block]) -> Iterator[tuple[float, float, list[Block]]]:
    """Cut blocks by when their polls were taken; yield start, end and what lies between.

    Nothing is given away before it is known where the next batch begins: a binding that is new in
    a segment looks as if it belonged to the one before.
    """
    held: list[Block] = []
    for batch in _batches(blocks):
        begins = min(float(block.taken[0]) for block in batch)
        yield from _until(held, begins)
        held = [*_cut(held, begins, math.inf), *batch]
    yield from _until(held, math.inf)


def _until(blocks: Sequence[Block], end: float) -> Iterator[tuple[float, float, list[Block]]]:
    """Yield the pieces of some blocks that end by a time."""
    if not blocks:
        return
    since = min(float(block.taken[0]) for block in blocks)
    last = max(float(block.taken[-1]) for block in blocks)
    while since < end and since <= last:
        until = min(since + PIECE_S, end)
        yield since, min(until, last), _cut(blocks, since, until)
        since = until


def _batches(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Gather blocks of one segment: there, each binding of a device has one."""
    batch: dict[tuple[str, int], Block] = {}
    for block in blocks:
        if not len(block.taken):
            continue
        if (block.device, block.binding) in batch:
            yield [*batch.values()]
            batch = {}
        batch[block.device, block.binding] = block
    if batch:
        yield [*batch.values()]


def _cut(blocks: Sequence[Block], since: float, until: float) -> list[Block]:
    """Return the polls that were taken from `since` to before `until`."""
    found = []
    for block in blocks:
        first, last = np.searchsorted(block.taken, (since, until))
        if first < last:
            rows = slice(int(first), int(last))
            found.append(
                Block(
                    device=block.device,
                    binding=block.binding,
                    asked=block.asked[rows],
                    taken=block.taken[rows],
                    values=block.values[rows],
                    quality=block.quality[rows],
                    raw=block.raw[rows],
                )
            )
    return found
