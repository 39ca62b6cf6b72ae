"""A run that the end of a daemon cut short, rebuilt from what it left on disk."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from agent.burnin.block import Block
from agent.burnin.design import Design
from agent.burnin.event import Kind
from agent.burnin.rerun import rerun
from agent.burnin.trial import Trial
from agent.store.entry import Entry, Stamp
from agent.store.failpoint import At
from agent.store.folder import RunFolder
from agent.store.sealing import Sealed, number_of, seal, segment_blocks
from agent.store.spool import Spool


class Past(NamedTuple):
    """What a run was, up to its last sign of life."""

    trial: Trial
    spool: Spool
    sealed: tuple[Sealed, ...]  # made of what was in the spool; the journal is to be told
    last: float  # run second of the last event or sample


def rebuilt(design: Design, folder: RunFolder, entries: Sequence[Entry], at: At) -> Past:
    """Rebuild a run; it takes seconds for a day of samples. Raises: StoreError."""
    told = [dict(e.event.data) for e in entries if e.event.kind is Kind.SEGMENT]
    known = {number_of(facts) for facts in told}
    spool, recovered = Spool.open(folder.spool, sealed=known, at=at)
    sealed = tuple(seal(folder, number, at=at) for number in recovered.files)
    told += [each.facts for each in sealed if each.facts is not None]
    events = [entry.event for entry in entries]
    trial = rerun(design, events, _blocks(folder, told))
    last = max([event.at for event in events] + [float(facts["end"]) for facts in told])
    return Past(trial, spool, sealed, last)


def _blocks(folder: RunFolder, segments: Sequence[dict[str, Any]]) -> Iterator[Block]:
    """Yield all samples, segment after segment."""
    for facts in segments:
        yield from segment_blocks(folder.segments, facts)


def origin(entries: Sequence[Entry], last: float, now: Stamp) -> float:
    """Return the monotonic clock at run second 0, on the machine's present start.

    After a start of the machine only the wall clock can say how long it was away; run time never
    goes back, whatever that clock says.
    """
    first, end = entries[0], entries[-1]
    if first.stamp.boot == now.boot and now.boot:
        return first.stamp.mono - first.event.at
    away = max(0.0, now.wall - end.stamp.wall - (last - end.event.at))
    return now.mono - (last + away)
