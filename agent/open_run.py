"""A run that goes on, and what it leaves on disk: events in the journal, samples in the spool.

An event is durable before anybody is told of it, and a sample is evidence once it is stored. Where
the disk refuses, the plan waits: nothing more is decided, samples are kept in memory as long as
there is room, and what finds none is a gap in the evidence.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from agent.burnin.block import Block
from agent.burnin.event import Event, Kind
from agent.burnin.run import Run
from agent.burnin.verdict import Verdict
from agent.clock import Synchrony
from agent.news import Item, item
from agent.store.entry import Entry, Stamp
from agent.store.journal import Journal
from agent.store.sealing import Sealed
from agent.store.spool import Spool
from agent.store.trouble import StoreError
from collectors.readings import Readings

SEGMENT_S: Final = 3600.0  # of samples a segment: less packs worse, more waits longer in the spool
PROOF_S: Final = 10.0  # how old may be what the metrics say of a verdict; it costs milliseconds
SYNC_S: Final = 5.0  # so much of the samples may a power cut take
BACKLOG_POLLS_MAX: Final = 50_000  # kept while the disk refuses: 45 devices for 40 minutes at 2 s
STEP_S: Final = 1.0  # a wall clock that moved further than that against the other one was set
Ticket = tuple[str, Mapping[str, Any]]  # the key of a request, and what it is answered
Outgoing = Callable[[Sequence[Item], float], Sequence[Mapping[str, Any]]]  # who is to hear of it

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Bound:
    """A device whose channels are evidence, and its polls that are not stored yet."""

    number: int
    columns: NDArray[np.intp]
    size: int  # of the device's arrays
    told: Mapping[str, Any]  # as the journal has it
    polls: list[tuple[float, float, Readings]] = field(default_factory=list)  # asked, taken

    def block(self) -> Block:
        """Return its polls as arrays."""
        rows = [readings for _, _, readings in self.polls]
        return Block(
            device=self.told["device"],
            binding=self.number,
            asked=np.array([asked for asked, _, _ in self.polls]),
            taken=np.array([taken for _, taken, _ in self.polls]),
            values=np.array([row.values[self.columns] for row in rows]),
            quality=np.array([row.quality[self.columns] for row in rows]),
            raw=np.array([row.raw[self.columns] for row in rows]),
        )


class Proof(NamedTuple):
    """What is proven so far."""

    verdict: Verdict
    coverage: float | None


class OpenRun:
    """One run, its journal and its spool. `origin`: the monotonic clock at run second 0."""

    def __init__(  # noqa: PLR0913 -- a run is made of that much
        self,
        rack: Mapping[str, str | None],
        run: Run,
        journal: Journal,
        spool: Spool,
        *,
        origin: float,
        outgoing: Outgoing,
        past: Sequence[Entry] = (),
    ) -> None:
        self.rack = rack  # run, bay, serial, sku
        self.run = run
        self.entries = [*past]
        self.trouble = ""  # why nothing can be stored, while that is so
        self._journal = journal
        self._spool = spool
        self._outgoing = outgoing
        self._origin = origin
        self._pending: list[Event] = []  # have happened, are not stored
        self._ticket: Ticket | None = None  # of the request whose events are pending
        self._bound: dict[str, _Bound] = {}
        self._told: dict[str, Mapping[str, Any]] = {  # device -> its last BOUND event
            entry.event.data["device"]: entry.event.data
            for entry in past
            if entry.event.kind is Kind.BOUND
        }
        self._lost = 0  # polls for which there was no room
        self.proof = _proof(run)
        self._synced_at = self._turned_at = self._proved_at = origin
        self._sealed: list[int] = []  # files of the spool that the journal need not wait for
        self._ahead: float | None = None  # of the wall clock before the monotonic one

    @property
    def name(self) -> str:
        """Return what it is called."""
        return str(self.rack["run"])

    @property
    def events(self) -> list[Event]:
        """Return all that has happened, stored or not."""
        return [*(entry.event for entry in self.entries), *self._pending]

    def close(self) -> None:
        """Let go of the files; what is not stored becomes a gap."""
        self._spool.close()

    def at(self, monotonic: float) -> float:
        """Return the run second of a moment."""
        return monotonic - self._origin

    # -- what happens --------------------------------------------------------------------------

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Start at run second 0, with the first stage; `store` writes it down."""
        self._pending += [*self.run.begin(facts), *self.run.tick(0.0)]

    def acted(self, events: Sequence[Event]) -> None:
        """Take in what a person did; `store` writes it down."""
        self._pending += self.run.acted(events)

    def happened(self, stamp: Stamp, kind: Kind, data: Mapping[str, Any]) -> None:
        """Take in what was noticed from outside; it is stored with the next tick."""
        self._pending += self.run.happened(Event(self.at(stamp.mono), kind, data))

    def bound(
        self, stamp: Stamp, columns: Sequence[int], size: int, told: Mapping[str, Any]
    ) -> None:
        """Note which columns of a device's arrays are evidence from now on, and of what."""
        device = told["device"]
        before = self._told.get(device, {"binding": -1})
        self._store_samples()
        number = before["binding"]
        if before != {**told, "binding": number}:
            number += 1
            self._told[device] = {**told, "binding": number}
            self.happened(stamp, Kind.BOUND, self._told[device])
        where = np.array(columns, np.intp)
        self._bound[device] = _Bound(number, where, size, self._told[device])

    def take(self, device: str, readings: Readings) -> None:
        """Take in one poll, good or not."""
        bound = self._bound.get(device)
        asked = self.at(readings.turn_at)
        if bound is None or asked < 0 or len(readings.values) != bound.size:
            return
        if self.trouble and len(bound.polls) * len(self._bound) >= BACKLOG_POLLS_MAX:
            self._lost += 1
            return
        bound.polls.append((asked, self.at(readings.taken_at), readings))

    def tick(self, stamp: Stamp, clock: Synchrony) -> list[Entry]:
        """Go on; return what has happened and is stored."""
        self._watch(stamp, clock)
        if not (self._store_samples() and self._sync(stamp)):
            return []
        entries = self.store(stamp, self._ticket)
        if not self._pending:
            self._pending += self.run.tick(self.at(stamp.mono))
            entries += self.store(stamp)
        if not self._pending:
            self._recovered()
        if stamp.mono - self._proved_at >= PROOF_S or entries:
            self.proof, self._proved_at = _proof(self.run), stamp.mono
        return entries

    # -- what is stored ------------------------------------------------------------------------

    def store(self, stamp: Stamp, ticket: Ticket | None = None) -> list[Entry]:
        """Write down what is pending, all or nothing; return what is stored.

        `ticket`: the key of the request that made it happen, and what that is answered. On trouble
        nothing is returned, `trouble` says why, and it is stored as soon as that is possible.
        """
        if not self._pending:
            return []
        self._ticket = ticket
        news = [n for event in self._pending if (n := item(self.rack, event, stamp.wall))]
        key, answer = ticket or (None, None)
        try:
            entries = self._journal.append(
                self.name,
                self._pending,
                stamp,
                outbox=self._outgoing(news, stamp.wall),
                key=key,
                answer=answer,
            )
        except StoreError as error:
            self._troubled(error)
            return []
        self._pending, self._ticket = [], None
        self.entries += entries
        self._drop()
        return entries

    def turn_due(self, stamp: Stamp) -> bool:
        """Say whether samples should become a segment now."""
        return self._spool.full or stamp.mono - self._turned_at >= SEGMENT_S

    def turn(self, stamp: Stamp) -> int:
        """Begin a new file of samples; return the number of the one to be sealed.

        Raises: StoreError.
        """
        self._store_samples()
        number = self._spool.turn()
        self._turned_at = stamp.mono
        return number

    def sealed(self, stamp: Stamp, sealed: Sealed) -> None:
        """Note a segment; its file in the spool goes once the journal has it."""
        if sealed.facts is not None:
            self.happened(stamp, Kind.SEGMENT, sealed.facts)
        for each in sealed.damage:
            why = f"{each.file}: {each.size} bytes at {each.offset} were damaged"
            gap = {"start": each.after, "end": each.before, "why": why}
            self.happened(stamp, Kind.GAP, gap)
        self._sealed.append(sealed.number)

    def _drop(self) -> None:
        """Remove files whose samples are in segments that the journal knows."""
        try:
            while self._sealed:
                self._spool.drop(self._sealed[-1])
                self._sealed.pop()
        except StoreError as error:  # they are in the way, no more
            log.warning("spool_not_removed", run=self.name, why=str(error))

    def _store_samples(self) -> bool:
        """Write down the polls of the last second; say whether that went well."""
        full = [bound for bound in self._bound.values() if bound.polls]
        blocks = [bound.block() for bound in full]
        if not blocks:
            return True
        try:
            self._spool.write(blocks)
        except StoreError as error:
            self._troubled(error)
            return False
        for bound, block in zip(full, blocks, strict=True):
            bound.polls.clear()
            self.run.take(block)
        return True

    def _sync(self, stamp: Stamp) -> bool:
        """Make samples survive a power cut, now and then; say whether that went well."""
        if stamp.mono - self._synced_at < SYNC_S:
            return True
        try:
            self._spool.sync()
        except StoreError as error:
            self._troubled(error)
            return False
        self._synced_at = stamp.mono
        return True

    def _watch(self, stamp: Stamp, clock: Synchrony) -> None:
        """Note a wall clock that was set; no verdict looks at it."""
        ahead = stamp.wall - stamp.mono
        step = 0.0 if self._ahead is None else ahead - self._ahead
        self._ahead = ahead
        if abs(step) > STEP_S:
            told = {"state": state_of(clock), "offset_s": clock.offset_s, "step_s": round(step, 3)}
            self.happened(stamp, Kind.CLOCK, told)

    def _troubled(self, error: StoreError) -> None:
        """Say once that nothing can be stored."""
        if not self.trouble:
            log.error("not_stored", run=self.name, why=str(error))
        self.trouble = str(error)

    def _recovered(self) -> None:
        """Say that storing works again, and what was lost meanwhile."""
        if self.trouble:
            log.info("stored_again", run=self.name, polls_lost=self._lost)
        self.trouble, self._lost = "", 0


def _proof(run: Run) -> Proof:
    """Return what is proven so far."""
    return Proof(run.trial.reason().verdict, run.coverage)


def state_of(clock: Synchrony) -> str:
    """Return a word for what is known of the wall clock."""
    if clock.synchronised is None:
        return "unknown"
    return "synchronised" if clock.synchronised else "unsynchronised"
