"""The desk: who may start a run, which runs go on, and what is done to them."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from agent import canonical, doing, run_view
from agent.acts import Act, Refused, Start, Ticket, Told
from agent.admission import admit
from agent.archive import AGAIN_S, REST_S, Archive
from agent.background import Background, aside
from agent.bay import Bay
from agent.burnin.deeds import ActError
from agent.burnin.design import Design
from agent.burnin.event import Kind
from agent.burnin.live import LiveBay
from agent.burnin.run import Run
from agent.clock import Synchrony
from agent.config import WebhookConfig
from agent.exposition.runs import RunView
from agent.news import Item, News, item
from agent.open_run import OpenRun, state_of
from agent.record.keys import SigningKey
from agent.record.manifest import SPEC
from agent.resumption import Past, origin, rebuilt
from agent.store.entry import Entry, Stamp
from agent.store.failpoint import At, nothing
from agent.store.files import write
from agent.store.folder import DataFolder
from agent.store.journal import Journal
from agent.store.sealing import seal
from agent.store.spool import Spool
from agent.store.trouble import StoreError
from agent.webhooks import Deliveries, outgoing
from collectors.readings import Channel, Identity, Readings

log = structlog.get_logger()


class Clocks(NamedTuple):
    """What a desk knows of time."""

    stamp: Callable[[], Stamp]
    synchrony: Callable[[], Synchrony]


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
        self.background = Background()
        self.deliveries = Deliveries(
            hooks,
            journal,
            agent=f"rackproof/{software['rackproof']}",
            wall=lambda: clocks.stamp().wall,
            rng=random.Random(),  # noqa: S311 -- spreads load, guards nothing
        )
        self._data = data
        self._journal = journal
        self._key = key
        self._clocks = clocks
        self.profiles = profiles  # name -> hash, of bays that are opened from now on
        self._software = software
        self.doubt: Callable[[str], str] = lambda _: ""  # why a bay's parts cannot be believed
        self._at = at
        self._bays: dict[str, Bay] = {}
        self._bare: dict[str, None] = {}  # bays without a spec
        self._resuming = asyncio.Lock()  # a run at a time: the first is back the sooner
        self._archive = Archive(data, journal, clocks.stamp, self.background, at)

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
        self._bays[bay] = home = Bay(bay, design, spec_text, live, intervals, self.profiles)
        if (name := self._archive.waiting.get(bay)) is not None:
            self.background.start(f"going on with {name}", self._resume(home, name))

    def close(self, bay: str) -> None:
        """End with a bay; its run is not over, and goes on when the bay is opened again."""
        self._bare.pop(bay, None)
        home = self._bays.pop(bay, None)
        if home is None or home.run is None:
            return
        home.run.close()
        if home.run.name in self._journal.runs():
            self._archive.learn(home.run.name)

    def busy(self, bay: str) -> str | None:
        """Return the run that is on in a bay."""
        running = (run.name for run in self._running() if run.rack["bay"] == bay)
        return next(running, self._archive.waiting.get(bay))

    def running(self, bay: str) -> OpenRun | None:
        """Return the run that goes on in a bay."""
        home = self._bays.get(bay)
        return None if home is None else home.run

    def view(self, bay: str) -> RunView | None:
        """Return the run of a bay as the metrics page shows it."""
        if (run := self.running(bay)) is not None:
            return run_view.measured(run, self._clocks.stamp().mono)
        return self._archive.last.get(bay)

    async def shut(self) -> None:
        """Stop: runs that are on go on when the daemon comes back."""
        self.news.close()
        await self.background.shut()
        for home in self._bays.values():
            if home.run is not None:
                home.run.close()
        self._bays.clear()

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
        known = home.bound(device, channels, served, identity)
        if home.run is not None:
            home.run.bound(self._clocks.stamp(), *known)

    def take(self, bay: str, device: str, readings: Readings) -> None:
        """Take in one poll, good or not."""
        if (run := self.running(bay)) is not None:
            run.take(device, readings)

    def rebooted(self, bay: str, device: str, why: str) -> None:
        """Learn that a device may have started anew, its counters too."""
        if (run := self.running(bay)) is not None:
            run.happened(self._clocks.stamp(), Kind.REBOOT, {"device": device, "why": why})

    def tick(self, bay: str) -> None:
        """Let the run of a bay go on."""
        if (home := self._bays.get(bay)) is None or (run := home.run) is None or run.broken:
            return
        stamp = self._clocks.stamp()
        self._tell(run, run.tick(stamp, self._clocks.synchrony()))
        if run.run.judged and not run.trouble:
            self._archive.learn(run.name)
            home.run = None
            self.background.start(f"record of {run.name}", self._end(run))
        elif run.turn_due(stamp):
            self.background.start(f"a segment of {run.name}", self._segment(run))

    def broke(self, bay: str, error: Exception) -> None:
        """Stop the run of a bay where a bug of ours broke it; the next start tries again."""
        if (run := self.running(bay)) is not None:
            run.broke(f"{type(error).__name__}: {error}")

    @property
    def trouble(self) -> str:
        """Return why something cannot be stored, or broke; "" while all is well."""
        running = (home.trouble for home in self._bays.values())
        left = (*self._archive.troubles.values(), *self.background.broken.values())
        return next(filter(None, (*running, *left)), "")

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
        return [*judged, *({"bay": b, "spec": None, "run": self.busy(b)} for b in self._bare)]

    async def start(self, bay: str, start: Start, ticket: Ticket | None) -> Mapping[str, Any]:
        """Begin a run and return it, durably with the ticket. Raises: Refused."""
        stamp, clock = self._clocks.stamp(), self._clocks.synchrony()
        home = self._startable(bay, start, clock)
        names = (run.name for run in self._running())
        name = run_view.name(bay, stamp.wall, {*self._archive.shown, *names})
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
            write(folder.spool.parent / SPEC, home.spec_text)
            spool, _ = Spool.open(folder.spool, at=self._at)
        except StoreError as error:
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
        home.run = run
        return self._stored(run, stamp, ticket)

    def _startable(self, bay: str, start: Start, clock: Synchrony) -> Bay:
        """Return the bay, if a run may begin there now. Raises: Refused, saying what to do."""
        home = self._bays.get(bay)
        if home is None:
            raise Refused(409, f"{bay} has no spec; give it one in the floor file")
        if why := next(filter(None, (run.trouble for run in self._running())), ""):
            raise Refused(503, f"nothing can be stored at present: {why}")
        if (on := self.busy(bay)) is not None:
            raise Refused(409, f"{bay} has run {on}, which is not over; finish or abort it")
        racks = [*self._archive.racks(), *(run.rack for run in self._running())]
        admit(home, start, racks=racks, clock=clock, doubt=self.doubt(bay))
        return home

    def _running(self) -> list[OpenRun]:
        """Return the runs that go on."""
        return [home.run for home in self._bays.values() if home.run is not None]

    def _on(self, name: str) -> OpenRun:
        """Return a run that goes on. Raises: Refused."""
        if (found := next((run for run in self._running() if run.name == name), None)) is not None:
            return found
        if (shown := self._archive.shown.get(name)) is None:
            raise Refused(404, f"there is no run {name!r:.100}")
        if shown["state"] == "over":
            raise Refused(409, f"run {name} is over")
        home = self._bays.get(shown["bay"])
        why = (
            home.unread or home.idle if home else f"{shown['bay']} is not on the floor with a spec"
        )
        raise Refused(503, f"run {name} does not go on: {why}")

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
        if (past := self._archive.shown.get(run)) is not None:
            return past
        return run_view.present(self._on(run), self._clocks.stamp().mono)

    async def entries(self, run: str, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return its journal's entries with `seq` > `after`, at most `limit`, with their hashes."""
        await self.show(run)
        entries = self._journal.entries(run)[after : after + limit]
        return [{**canonical.decode(entry.line), "hash": entry.hash} for entry in entries]

    async def record(self, run: str) -> Path | None:
        """Return the folder of its sealed record; None while there is none."""
        await self.show(run)
        return self._archive.record(run)

    # -- what takes time -----------------------------------------------------------------------

    async def _segment(self, run: OpenRun) -> None:
        """Make a segment of the samples so far, and of those that the disk refused before."""
        folder = self._data.run(run.name)
        async with run.turning:
            try:
                for number in run.turn(self._clocks.stamp()):
                    sealed = await aside(seal, folder, number, at=self._at)
                    run.sealed(self._clocks.stamp(), sealed)
            except StoreError as error:
                log.warning("segment_not_sealed", run=run.name, why=str(error))

    async def _end(self, run: OpenRun) -> None:
        """Leave a run that has its verdict to the archive, which puts its last samples away."""
        async with run.turning:
            run.close()
        await self._archive.seal(run.name)

    async def _resume(self, home: Bay, name: str) -> None:
        """Let a run go on that the end of a daemon cut short."""
        facts = self._journal.entries(name)[0].event.data
        if (hash_ := facts["spec"]["hash"]) != home.design.spec.canonical_hash:
            home.idle = f"{home.name} has another spec now; give back the one of hash {hash_}"
            log.error("run_not_resumed", run=name, why=home.idle)
            return
        rest = AGAIN_S
        while self._bays.get(home.name) is home:
            try:
                async with self._resuming:
                    entries, folder = self._journal.entries(name), self._data.run(name)
                    past = await aside(rebuilt, home.design, folder, entries, self._at)
            except StoreError as error:
                home.unread = str(error)
                log.error("run_not_resumed", run=name, why=str(error))  # noqa: TRY400 -- no stack helps
                await asyncio.sleep(rest)
                rest = min(2 * rest, REST_S)
                continue
            home.unread = ""
            if self._bays.get(home.name) is home:
                self._go_on(home, name, entries, past)
            else:
                past.spool.close()
            return

    def _go_on(self, home: Bay, name: str, entries: Sequence[Entry], past: Past) -> None:
        """Let a run go on as it was rebuilt; the time between is a gap."""
        stamp = self._clocks.stamp()
        facts = entries[0].event.data
        home.run = run = OpenRun(
            {key: facts[key] for key in ("run", "bay", "serial", "sku")},
            Run(home.design, home.live, past.trial, [entry.event for entry in entries]),
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
        del self._archive.waiting[home.name], self._archive.shown[name]
        log.info("run_resumed", run=name, gap_s=round(end - past.last, 1))
