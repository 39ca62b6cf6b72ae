"""A run that the end of a daemon cut short, rebuilt from what it left on disk."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from agent.burnin.block import Block
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.rerun import rerun
from agent.burnin.trial import Trial
from agent.open_run import told
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


class Left(NamedTuple):
    """What a run that is over had left in its spool."""

    spool: Spool
    sealed: tuple[Sealed, ...]
    events: tuple[Event, ...]  # of these segments; once the journal has them, `drop`

    def drop(self) -> None:
        """Remove files that are segments now. Raises: StoreError."""
        for each in self.sealed:
            self.spool.drop(each.number)


def rebuilt(design: Design, folder: RunFolder, entries: Sequence[Entry], at: At) -> Past:
    """Rebuild a run; it takes seconds for a day of samples. Raises: StoreError."""
    spool, sealed = _recovered(folder, entries, at)
    try:
        known = [*_segments(entries), *(each.facts for each in sealed if each.facts is not None)]
        events = [entry.event for entry in entries]
        trial = rerun(design, events, _blocks(folder, known))
    except BaseException:
        spool.close()
        raise
    last = max([event.at for event in events] + [float(facts["end"]) for facts in known])
    return Past(trial, spool, sealed, last)


def put_away(folder: RunFolder, entries: Sequence[Entry], at: At) -> Left:
    """Make segments of what the spool of a run that is over still holds. Raises: StoreError."""
    spool, sealed = _recovered(folder, entries, at)
    spool.close()
    end = max(entry.event.at for entry in entries)
    return Left(spool, sealed, tuple(event for each in sealed for event in told(each, end)))


def _recovered(
    folder: RunFolder, entries: Sequence[Entry], at: At
) -> tuple[Spool, tuple[Sealed, ...]]:
    """Open a spool, and make segments of what it holds. Raises: StoreError."""
    known = {number_of(facts) for facts in _segments(entries)}
    spool, recovered = Spool.open(folder.spool, sealed=known, at=at)
    try:
        return spool, tuple(seal(folder, number, at=at) for number in recovered.files)
    except BaseException:
        spool.close()
        raise


def _segments(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return what the journal tells of segments."""
    return [dict(e.event.data) for e in entries if e.event.kind is Kind.SEGMENT]


def _blocks(folder: RunFolder, segments: Sequence[Any]) -> Iterator[Block]:
    """Yield all samples, segment after segment."""
    for facts in segments:
        yield from segment_blocks(folder.segments, facts)


def origin(entries: Sequence[Entry], last: float, now: Stamp) -> float:
    """Return the monotonic clock at run second 0, on the machine's present start.

    Entries of the same start tell it; none was written before it happened. After another one only
    the wall clock can say how long the machine was away: not less than it is up again. Run time
    never goes back, whatever the clocks say.
    """
    begun = [e.stamp.mono - e.event.at for e in entries if e.stamp.boot == now.boot]
    if begun and now.boot:
        return min(*begun, now.mono - last)
    end = entries[-1]
    up = now.mono if now.boot and end.stamp.boot else 0.0
    away = max(up, now.wall - end.stamp.wall - (last - end.event.at))
    return now.mono - (last + away)
