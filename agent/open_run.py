"""A run that goes on, and what it leaves on disk: events in the journal, samples in the spool.

An event is durable before anybody is told of it, and a sample is evidence once it is stored, which
is after the event that says what it is a sample of. Where the disk refuses, the plan waits: nothing
more is decided, samples are kept in memory as long as there is room, and what finds none is a gap
in the evidence. So is the time meanwhile for the plan, which did not look.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from agent.frozen import Frozen
from agent.gathered import Gathered
from agent.news import Item, item
from agent.store.entry import Entry, Stamp
from agent.store.inbox import Row
from agent.store.journal import Journal
from agent.store.sealing import Sealed
from agent.store.spool import Spool
from agent.store.trouble import StoreError
from collectors.readings import Readings

SEGMENT_S: Final = 3600.0  # of samples a segment: less packs worse, more waits longer in the spool
PROOF_S: Final = 10.0  # how old may be what the metrics say of a verdict; it costs milliseconds
SYNC_S: Final = 5.0  # so much of the samples may a power cut take
BACKLOG_CELLS_MAX: Final = 2_000_000  # numbers kept while the disk refuses: 40 MB, in one frame
AGAIN_S: Final = 60.0  # until a segment that could not be begun is tried again
BLINK_S: Final = 5.0  # so long may the plan not have looked: what it waits for lasts longer
STEP_S: Final = 1.0  # a wall clock that moved further than that against the other one was set
NOTICES_SHOWN: Final = 20  # of what devices said; the journal has all of it
SHOWN: Final = frozenset(  # events that tell people how a run went; there are few of them
    {Kind.RUN_STARTED, Kind.STAGE_STARTED, Kind.STAGE_OVER, Kind.STAGE_JUDGED}
)
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

    @property
    def cells(self) -> int:
        """Return how many numbers its polls hold."""
        return len(self.polls) * self.size

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
        self.events = [entry.event for entry in past if entry.event.kind in SHOWN]
        self.trouble = ""  # why nothing can be stored, while that is so
        self.broken = False  # a bug of ours met it; it goes no further in this process
        self.turning = asyncio.Lock()  # held while a segment is being made
        self._journal = journal
        self._spool = spool
        self._outgoing = outgoing
        self._origin = origin
        self._pending: list[Event] = []  # have happened, are not stored
        self._ticket: Ticket | None = None  # of the request whose events are pending
        self.notices = deque(_notices(past), NOTICES_SHOWN)  # the last that devices said
        self.last_row = max((said.data["row"] for said in self.notices), default=0)  # of the inbox
        self._gathered = Gathered()
        self._frozen = Frozen(entry.event for entry in past)
        self._bound: dict[str, _Bound] = {}
        self._unbound: list[_Bound] = []  # were bound otherwise when their polls came
        self._told: dict[str, Mapping[str, Any]] = {  # device -> its last BOUND event
            entry.event.data["device"]: entry.event.data
            for entry in past
            if entry.event.kind is Kind.BOUND
        }
        self._lost = 0  # polls for which there was no room
        self.proof = _proof(run)
        self._synced_at = self._turned_at = self._proved_at = origin
        self._sealed: list[int] = []  # files of the spool that the journal need not wait for
        self._refused_at: float | None = None  # since when nothing can be stored
        self._last = past[-1].stamp if past else None

    @property
    def name(self) -> str:
        """Return what it is called."""
        return str(self.rack["run"])

    def close(self) -> None:
        """Let go of the files; what is not stored becomes a gap."""
        self._spool.close()

    def at(self, monotonic: float) -> float:
        """Return the run second of a moment."""
        return monotonic - self._origin

    # -- what happens --------------------------------------------------------------------------

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Start at run second 0, with the first stage; `store` writes it down."""
        self._happened([*self.run.begin(facts), *self.run.tick(0.0)])

    def acted(self, events: Sequence[Event]) -> None:
        """Take in what a person did; `store` writes it down."""
        self._happened(self.run.acted(events))

    def happened(self, stamp: Stamp, kind: Kind, data: Mapping[str, Any]) -> None:
        """Take in what was noticed from outside; it is stored with the next tick."""
        self._happened(self.run.happened(Event(self.at(stamp.mono), kind, data)))

    def notified(self, row: Row) -> None:
        """Take in what a device said by itself, once; a storm of it becomes few events."""
        if not 0 < row.id <= self.last_row:
            self.last_row = max(self.last_row, row.id)
            self._gathered.add(row)

    def _happened(self, events: Sequence[Event]) -> None:
        """Keep events until they are stored, and those that people are shown for good."""
        self._pending += events
        self.events += [event for event in events if event.kind in SHOWN]

    def bound(
        self, stamp: Stamp, columns: Sequence[int], size: int, told: Mapping[str, Any]
    ) -> None:
        """Note which columns of a device's arrays are evidence from now on, and of what."""
        device = told["device"]
        before = self._told.get(device, {"binding": -1})
        if device in self._bound:
            self._unbound.append(self._bound[device])
        number = before["binding"]
        if before != {**told, "binding": number}:
            number += 1
            self._told[device] = {**told, "binding": number}
            self.happened(stamp, Kind.BOUND, self._told[device])
            if (other := self._frozen.seen(device, told.get("identity", {}))) is not None:
                log.warning("another_device", run=self.name, **other)
                self.happened(stamp, Kind.IDENTITY, other)
        where = np.array(columns, np.intp)
        self._bound[device] = _Bound(number, where, size, self._told[device])

    def take(self, device: str, readings: Readings) -> None:
        """Take in one poll, good or not."""
        bound = self._bound.get(device)
        asked = self.at(readings.turn_at)
        if bound is None or asked < 0 or len(readings.values) != bound.size:
            return
        if self.trouble and sum(b.cells for b in self._every()) >= BACKLOG_CELLS_MAX:
            self._lost += 1
            return
        bound.polls.append((asked, self.at(readings.taken_at), readings))

    def tick(self, stamp: Stamp, clock: Synchrony) -> list[Entry]:
        """Go on; return what has happened and is stored."""
        self._watch(stamp, clock)
        for said in self._gathered.due(stamp.mono):
            self.happened(stamp, Kind.NOTIFIED, said)
            self.notices.append(Event(self.at(stamp.mono), Kind.NOTIFIED, said))
        entries = self.store(stamp, self._ticket)
        if self._pending or not (self._store_samples(stamp) and self._sync(stamp)):
            return entries
        self._recovered(stamp)
        self._happened(self.run.tick(self.at(stamp.mono)))
        entries += self.store(stamp)
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
            self._troubled(error, stamp)
            return []
        self._pending, self._ticket = [], None
        self._drop()
        return entries

    def turn_due(self, stamp: Stamp) -> bool:
        """Say whether samples should become a segment now."""
        since = stamp.mono - self._turned_at
        due = since >= SEGMENT_S or (self._spool.full and since >= AGAIN_S)
        return due and not self.trouble and not self.turning.locked()

    def turn(self, stamp: Stamp) -> list[int]:
        """Begin a new file of samples; return the numbers of those to be sealed.

        Raises: StoreError; then it is due again in a minute.
        """
        self._turned_at = stamp.mono - SEGMENT_S + AGAIN_S
        number = self._spool.turn()
        self._turned_at = stamp.mono
        return [n for n in self._spool.files() if n <= number and n not in self._sealed]

    def sealed(self, stamp: Stamp, sealed: Sealed) -> None:
        """Note a segment; its file in the spool goes once the journal has it."""
        for event in told(sealed, self.at(stamp.mono)):
            self._happened(self.run.happened(event))
        self._sealed.append(sealed.number)

    def _drop(self) -> None:
        """Remove files whose samples are in segments that the journal knows."""
        try:
            while self._sealed:
                self._spool.drop(self._sealed[-1])
                self._sealed.pop()
        except StoreError as error:  # they are in the way, no more
            log.warning("spool_not_removed", run=self.name, why=str(error))

    def _every(self) -> list[_Bound]:
        """Return all devices, as they are bound now and as they were."""
        return [*self._unbound, *self._bound.values()]

    def _store_samples(self, stamp: Stamp) -> bool:
        """Write down the polls of the last second; say whether that went well."""
        full = [bound for bound in self._every() if bound.polls]
        blocks = [bound.block() for bound in full]
        if not blocks:
            return True
        try:
            self._spool.write(blocks)
        except StoreError as error:
            self._troubled(error, stamp)
            return False
        for bound, block in zip(full, blocks, strict=True):
            bound.polls.clear()
            self.run.take(block)
        self._unbound.clear()
        return True

    def _sync(self, stamp: Stamp) -> bool:
        """Make samples survive a power cut, now and then; say whether that went well."""
        if stamp.mono - self._synced_at < SYNC_S:
            return True
        try:
            self._spool.sync()
        except StoreError as error:
            self._troubled(error, stamp)
            return False
        self._synced_at = stamp.mono
        return True

    def _watch(self, stamp: Stamp, clock: Synchrony) -> None:
        """Note a wall clock that was set; no verdict looks at it."""
        last, self._last = self._last, stamp
        if last is None or last.boot != stamp.boot:
            return
        step = (stamp.wall - last.wall) - (stamp.mono - last.mono)
        if abs(step) > STEP_S:
            moved = {"offset_s": clock.offset_s, "step_s": round(step, 3)}
            self.happened(stamp, Kind.CLOCK, {"state": state_of(clock), **moved})

    def broke(self, why: str) -> None:
        """Go no further: something in here broke; the next start of the agent tries again."""
        self.trouble, self.broken = why, True

    def _troubled(self, error: StoreError, stamp: Stamp) -> None:
        """Say once that nothing can be stored."""
        if self._refused_at is None:
            log.error("not_stored", run=self.name, why=str(error))
            self._refused_at = stamp.mono
        self.trouble = str(error)

    def _recovered(self, stamp: Stamp) -> None:
        """Say that storing works again, and what was lost meanwhile.

        All that time the plan did not look, so it is no qualified time.
        """
        if self._refused_at is None:
            return
        log.info("stored_again", run=self.name, polls_lost=self._lost)
        if stamp.mono - self._refused_at > BLINK_S:
            start, end = self.at(self._refused_at), self.at(stamp.mono)
            why = f"nothing could be stored, and {self._lost} polls were lost"
            self.happened(stamp, Kind.GAP, {"start": start, "end": end, "why": why})
        self.trouble, self._refused_at, self._lost = "", None, 0


def _notices(past: Sequence[Entry]) -> Iterator[Event]:
    """Yield what devices had said."""
    return (entry.event for entry in past if entry.event.kind is Kind.NOTIFIED)


def told(sealed: Sealed, at: float) -> list[Event]:
    """Return what a journal is told of a segment, and of samples in it that were damaged."""
    events = []
    if sealed.facts is not None:
        events.append(Event(at, Kind.SEGMENT, sealed.facts))
    for each in sealed.damage:
        known = [moment for moment in (each.after, each.before) if moment is not None]
        start, end = min(known, default=at), max(known, default=at)
        why = f"{each.file}: {each.size} bytes at {each.offset} were damaged"
        events.append(Event(at, Kind.GAP, {"start": start, "end": end, "why": why}))
    return events


def _proof(run: Run) -> Proof:
    """Return what is proven so far."""
    return Proof(run.trial.reason().verdict, run.coverage)


def state_of(clock: Synchrony) -> str:
    """Return a word for what is known of the wall clock."""
    if clock.rate != 1.0:
        return f"simulated, {clock.rate:g} times as fast"
    if clock.synchronised is None:
        return "unknown"
    return "synchronised" if clock.synchronised else "unsynchronised"
