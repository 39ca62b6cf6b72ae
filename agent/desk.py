"""The desk: who may start a run, which runs go on, and what became of those that are over."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog

from agent import canonical, doing, run_view
from agent.acts import Act, Refused, Start, Ticket, Told
from agent.burnin.deeds import ActError
from agent.burnin.design import Design
from agent.burnin.event import Kind
from agent.burnin.live import LiveBay
from agent.burnin.run import Run
from agent.clock import Synchrony
from agent.config import WebhookConfig
from agent.exposition.runs import RunView
from agent.finishing import finish, is_finished
from agent.news import Item, News, item
from agent.open_run import OpenRun, state_of
from agent.record.keys import SigningKey
from agent.record.manifest import SPEC
from agent.resumption import origin, rebuilt
from agent.store.entry import Entry, Stamp
from agent.store.failpoint import At, nothing
from agent.store.folder import DataFolder
from agent.store.journal import Journal
from agent.store.sealing import seal
from agent.store.spool import Spool
from agent.store.trouble import StoreError
from agent.webhooks import Deliveries, outgoing
from collectors.readings import Channel, Identity, Readings

AGAIN_S: Final = 5.0  # until what the disk refused is tried again

log = structlog.get_logger()


class Clocks(NamedTuple):
    """What a desk knows of time."""

    stamp: Callable[[], Stamp]
    synchrony: Callable[[], Synchrony]


class _Device(NamedTuple):
    """What a device's arrays hold, for runs that begin later."""

    columns: tuple[int, ...]
    size: int
    told: Mapping[str, Any]


@dataclass(slots=True, eq=False)
class _Bay:
    """A bay while it is open."""

    design: Design
    spec_text: bytes
    live: LiveBay
    intervals: Mapping[str, float | None]  # None: a broker tells of it when it likes
    devices: dict[str, _Device] = field(default_factory=dict)
    run: OpenRun | None = None


class FloorDesk:
    """All runs of one data folder. All calls come from the loop, one after the other."""

    def __init__(  # noqa: PLR0913 -- a desk is where all of it meets
        self,
        data: DataFolder,
        journal: Journal,
        key: SigningKey,
        clocks: Clocks,
        *,
        profiles: Mapping[str, str],
        software: Mapping[str, str],
        hooks: Mapping[str, WebhookConfig],
        at: At = nothing,
    ) -> None:
        self.news = News(edition=f"{clocks.stamp().wall:.0f}")
        self._data = data
        self._journal = journal
        self._key = key
        self._clocks = clocks
        self._profiles = profiles  # name -> hash
        self._software = software
        self.deliveries = Deliveries(
            hooks,
            journal,
            agent=f"rackproof/{software['rackproof']}",
            wall=lambda: clocks.stamp().wall,
            rng=random.Random(),  # noqa: S311 -- spreads load, guards nothing
        )
        self._at = at
        self._bays: dict[str, _Bay] = {}
        self._bare: dict[str, None] = {}  # bays without a spec
        self._open: dict[str, str] = {}  # bay -> its run that is not over
        self._past: dict[str, dict[str, Any]] = {}  # runs that are over, as they are shown
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: dict[str, RunView] = {}  # bay -> the run that was there last
        self._trouble = ""
        for name in journal.runs():
            self._remember(name)

    def _remember(self, name: str) -> None:
        """Learn of a run that the journal knows."""
        entries = self._journal.entries(name)
        shown = self._past[name] = run_view.past(entries, self._record(name))
        self._last[shown["bay"]] = run_view.past_measured(shown)
        if entries[-1].event.kind is not Kind.RUN_JUDGED and not run_view.is_over(entries):
            self._open[shown["bay"]] = name
        elif not is_finished(self._data.record(name)):
            self._background(self._seal(name))

    # -- bays ----------------------------------------------------------------------------------

    def open(
        self,
        bay: str,
        design: Design | None,
        spec_text: bytes,
        live: LiveBay | None,
        intervals: Mapping[str, float | None],
    ) -> None:
        """Begin with a bay; a run that was on there goes on."""
        if design is None or live is None:
            self._bare[bay] = None
            return
        self._bays[bay] = home = _Bay(design, spec_text, live, intervals)
        if bay in self._open:
            self._background(self._resume(home, self._open[bay]))

    def close(self, bay: str) -> None:
        """End with a bay; its run is not over, and goes on when the bay is opened again."""
        self._bare.pop(bay, None)
        home = self._bays.pop(bay, None)
        if home is not None and home.run is not None:
            home.run.close()

    def busy(self, bay: str) -> str | None:
        """Return the run that is on in a bay."""
        return self._open.get(bay)

    def view(self, bay: str) -> RunView | None:
        """Return the run of a bay as the metrics page shows it."""
        home = self._bays.get(bay)
        if home is not None and home.run is not None:
            return run_view.measured(home.run, self._clocks.stamp().mono)
        return self._last.get(bay)

    async def shut(self) -> None:
        """Stop: runs that are on go on when the daemon comes back."""
        self.news.close()
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for bay in [*self._bays]:
            self.close(bay)

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something run beside."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- what is seen --------------------------------------------------------------------------

    def bound(
        self,
        bay: str,
        device: str,
        channels: Sequence[Channel],
        served: Mapping[str, str],
        identity: Identity,
    ) -> None:
        """Learn what a device's arrays hold from now on; `served`: its channel -> the spec's."""
        home = self._bays[bay]
        columns = tuple(n for n, channel in enumerate(channels) if channel.name in served)
        told = {
            "device": device,
            "profile": identity.profile,
            "profile_hash": self._profiles.get(identity.profile, ""),
            "identity": {
                "vendor": identity.vendor,
                "model": identity.model,
                "serial": identity.serial,
                "firmware": identity.firmware,
            },
            "interval_s": home.intervals.get(device),
            "columns": [run_view.column(channels[n], served) for n in columns],
        }
        home.devices[device] = known = _Device(columns, len(channels), told)
        if home.run is not None:
            home.run.bound(self._clocks.stamp(), *known)

    def take(self, bay: str, device: str, readings: Readings) -> None:
        """Take in one poll, good or not."""
        if (run := self._bays[bay].run) is not None:
            run.take(device, readings)

    def rebooted(self, bay: str, device: str, why: str) -> None:
        """Learn that a device may have started anew, its counters too."""
        home = self._bays.get(bay)
        if home is not None and home.run is not None:
            home.run.happened(self._clocks.stamp(), Kind.REBOOT, {"device": device, "why": why})

    def tick(self) -> None:
        """Let every run go on."""
        stamp, clock = self._clocks.stamp(), self._clocks.synchrony()
        for home in self._bays.values():
            run = home.run
            if run is None:
                continue
            self._tell(run, run.tick(stamp, clock))
            if run.run.judged and not run.trouble:
                home.run = None
                self._background(self._end(run))
            elif run.turn_due(stamp) and not run.trouble:
                self._background(self._segment(run))

    @property
    def trouble(self) -> str:
        """Return why something cannot be stored; "" while all is well."""
        running = (home.run.trouble for home in self._bays.values() if home.run is not None)
        return next(filter(None, running), self._trouble)

    def _outgoing(self, news: Sequence[Item], wall: float) -> Sequence[Mapping[str, Any]]:
        """Return what is to be delivered of some news."""
        return outgoing(self.deliveries.hooks, news, wall)

    def _tell(self, run: OpenRun, entries: Sequence[Entry]) -> None:
        """Pass on what has happened and is stored."""
        for entry in entries:
            if (news := item(run.rack, entry.event, entry.stamp.wall)) is not None:
                self.news.tell(news)
                self.deliveries.wake()

    # -- what people do ------------------------------------------------------------------------

    def bays(self) -> Sequence[Mapping[str, Any]]:
        """Return {bay, spec, run} of each bay."""
        judged = [
            {"bay": bay, "spec": run_view.spec(home.design), "run": self.busy(bay)}
            for bay, home in self._bays.items()
        ]
        return [*judged, *({"bay": bay, "spec": None, "run": None} for bay in self._bare)]

    async def start(self, bay: str, start: Start, ticket: Ticket | None) -> Mapping[str, Any]:
        """Begin a run and return it, durably with the ticket. Raises: Refused."""
        stamp, clock = self._clocks.stamp(), self._clocks.synchrony()
        home = self._startable(bay, start, clock)
        name = run_view.name(bay, stamp.wall, self._past)
        rack = {"run": name, "bay": bay, "serial": start.serial, "sku": start.sku}
        facts = {
            **rack,
            "by": start.by,
            "spec": run_view.spec_facts(home.design),
            "software": dict(self._software),
            "clock": {"state": state_of(clock), "offset_s": clock.offset_s},
            "wall": stamp.wall,
        }
        try:
            folder = self._data.run(name)
            (folder.spool.parent / SPEC).write_bytes(home.spec_text)
            spool, _ = Spool.open(folder.spool, at=self._at)
        except (StoreError, OSError) as error:
            raise Refused(503, f"the run cannot be stored: {error}") from None
        run = OpenRun(
            rack,
            Run(home.design, home.live),
            self._journal,
            spool,
            origin=stamp.mono,
            outgoing=self._outgoing,
        )
        run.begin(facts)
        for known in home.devices.values():
            run.bound(stamp, *known)
        home.run, self._open[bay] = run, name
        return self._stored(run, stamp, ticket)

    def _startable(self, bay: str, start: Start, clock: Synchrony) -> _Bay:
        """Return the bay, if a run may begin there now. Raises: Refused, saying what to do."""
        home = self._bays.get(bay)
        if home is None:
            raise Refused(409, f"{bay} has no spec; give it one in the floor file")
        if (on := self.busy(bay)) is not None:
            raise Refused(409, f"{bay} has run {on}, which is not over; finish or abort it")
        design = home.design
        if design.spec.plan is None:
            raise Refused(409, f"spec {design.spec.id} has no plan; add one to run it")
        if start.spec_hash not in (None, design.spec.canonical_hash):
            raise Refused(409, f"{bay} has another spec, of hash {design.spec.canonical_hash}")
        if other := next((r for r in self._racks() if r["serial"] == start.serial), None):
            raise Refused(409, f"rack {start.serial} is in {other['bay']}, in run {other['run']}")
        if design.spec.plan.wall_clock != "any" and not clock.synchronised:
            text = "synchronise it (chrony, systemd-timesyncd), or let the spec's plan say "
            raise Refused(409, f"the wall clock is {state_of(clock)}; {text}`wall_clock: any`")
        if slow := run_view.too_slow(design, home.intervals):
            raise Refused(409, f"polled too seldom: {'; '.join(slow)}; correct the floor file")
        if self.trouble:
            raise Refused(503, f"nothing can be stored at present: {self.trouble}")
        return home

    def _racks(self) -> list[Mapping[str, Any]]:
        """Return what is in a bay now."""
        return [self._past[n] if n in self._past else self._on(n).rack for n in self._open.values()]

    def _on(self, name: str) -> OpenRun:
        """Return a run that is on. Raises: Refused."""
        for home in self._bays.values():
            if home.run is not None and home.run.name == name:
                return home.run
        if name in self._open.values():
            raise Refused(
                503, f"run {name} is not on: its bay or spec is not as it was when it began"
            )
        if name in self._past:
            raise Refused(409, f"run {name} is over")
        raise Refused(404, f"there is no run {name!r:.100}")

    async def act(self, run: str, act: Act, ticket: Ticket | None) -> Mapping[str, Any]:
        """Do what a person asks and return the run, durably with the ticket. Raises: Refused."""
        opened = self._on(run)
        if opened.trouble:
            raise Refused(503, f"nothing can be stored at present: {opened.trouble}")
        stamp = self._clocks.stamp()
        try:
            opened.acted(doing.events(opened, opened.at(stamp.mono), act, self._key))
        except ActError as error:
            raise Refused(409, str(error)) from None
        return self._stored(opened, stamp, ticket)

    def _stored(self, run: OpenRun, stamp: Stamp, ticket: Ticket | None) -> Mapping[str, Any]:
        """Write down what an act made happen, and return the run. Raises: Refused."""
        shown = run_view.present(run, stamp.mono)
        answer = None
        if ticket is not None:
            answer = (ticket.key, {"asked": ticket.asked, "answer": shown})
        entries = run.store(stamp, answer)
        if not entries:
            text = "it is kept and stored when that is possible; ask again with the same key"
            raise Refused(503, f"not stored yet: {run.trouble}; {text}")
        self._tell(run, entries)
        return shown

    # -- what is shown -------------------------------------------------------------------------

    async def told(self, key: str) -> Told | None:
        """Return what a request of this key was answered, if there was one."""
        found = self._journal.answered(key)
        return None if found is None else Told(found["asked"], found["answer"])

    async def runs(self) -> Sequence[Mapping[str, Any]]:
        """Return every run, the latest first."""
        shown = [await self.show(name) for name in reversed(self._journal.runs())]
        return [{key: one[key] for key in one if key not in run_view.DETAILS} for one in shown]

    async def show(self, run: str) -> Mapping[str, Any]:
        """Return one run, or refuse with 404."""
        try:
            return run_view.present(self._on(run), self._clocks.stamp().mono)
        except Refused:
            if run not in self._past:
                raise
            return self._past[run]

    async def entries(self, run: str, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return its journal's entries with `seq` > `after`, at most `limit`, with their hashes."""
        entries = self._journal.entries(run)[after : after + limit]
        return [{**canonical.decode(entry.line), "hash": entry.hash} for entry in entries]

    async def record(self, run: str) -> Path | None:
        """Return the folder of its sealed record; None while there is none."""
        await self.show(run)
        return self._record(run)

    def _record(self, run: str) -> Path | None:
        """Return the folder of a sealed record, if it is there."""
        folder = self._data.record(run)
        return folder if is_finished(folder) else None

    # -- what takes time -----------------------------------------------------------------------

    async def _segment(self, run: OpenRun) -> None:
        """Make a segment of the samples so far."""
        try:
            number = run.turn(self._clocks.stamp())
            sealed = await asyncio.to_thread(seal, self._data.run(run.name), number, at=self._at)
        except StoreError as error:
            log.warning("segment_not_sealed", run=run.name, why=str(error))
            return
        run.sealed(self._clocks.stamp(), sealed)

    async def _resume(self, home: _Bay, name: str) -> None:
        """Let a run go on that the end of a daemon cut short; the time between is a gap."""
        entries = self._journal.entries(name)
        facts = entries[0].event.data
        if facts["spec"]["hash"] != home.design.spec.canonical_hash:
            log.error("run_not_resumed", run=name, why="its bay has another spec now")
            return
        folder = self._data.run(name)
        try:
            past = await asyncio.to_thread(rebuilt, home.design, folder, entries, self._at)
        except StoreError as error:
            self._trouble = str(error)
            log.error("run_not_resumed", run=name, why=str(error))  # noqa: TRY400 -- no stack helps
            return
        stamp = self._clocks.stamp()
        rack = {key: facts[key] for key in ("run", "bay", "serial", "sku")}
        events = [entry.event for entry in entries]
        home.run = run = OpenRun(
            rack,
            Run(home.design, home.live, past.trial, events),
            self._journal,
            past.spool,
            origin=origin(entries, past.last, stamp),
            outgoing=self._outgoing,
            past=entries,
        )
        end = run.at(stamp.mono)
        gap = {"start": past.last, "end": end, "why": "the agent was not running"}
        run.happened(stamp, Kind.GAP, gap)
        for sealed in past.sealed:
            run.sealed(stamp, sealed)
        for known in home.devices.values():
            run.bound(stamp, *known)
        del self._past[name]
        log.info("run_resumed", run=name, gap_s=round(end - past.last, 1))

    async def _end(self, run: OpenRun) -> None:
        """Put the last samples away, and make the record."""
        while True:
            await self._segment(run)
            self._tell(run, run.store(self._clocks.stamp()))
            if not run.trouble:
                break
            await asyncio.sleep(AGAIN_S)
        run.close()
        del self._open[str(run.rack["bay"])]
        shown = self._past[run.name] = run_view.past(run.entries, None)
        self._last[shown["bay"]] = run_view.past_measured(shown)
        await self._seal(run.name)

    async def _seal(self, name: str) -> None:
        """Make the record of a run that is over, however often the disk refuses."""
        while (why := await finish(self._data, name, self._journal.entries(name))) is not None:
            self._trouble = why
            log.error("record_not_sealed", run=name, why=why)
            await asyncio.sleep(AGAIN_S)
        self._trouble = ""
        self._past[name] = run_view.past(self._journal.entries(name), self._record(name))
        log.info("record_sealed", run=name, folder=str(self._data.record(name)))
