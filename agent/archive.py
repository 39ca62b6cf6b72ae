"""The archive: runs that are over, their records, and runs that wait to go on."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from agent import run_view
from agent.background import Background, aside
from agent.exposition.runs import RunView
from agent.finishing import finish, is_finished
from agent.resumption import put_away
from agent.store.entry import Stamp
from agent.store.failpoint import At
from agent.store.folder import DataFolder
from agent.store.journal import Journal
from agent.store.trouble import StoreError

AGAIN_S: Final = 5.0  # until what the disk refused is tried again, at first
REST_S: Final = 600.0  # and at most: sealing takes a minute of a processor

log = structlog.get_logger()


class Archive:
    """What is known of runs that do not go on at present. All calls come from the loop."""

    def __init__(
        self,
        data: DataFolder,
        journal: Journal,
        stamp: Callable[[], Stamp],
        background: Background,
        at: At,
    ) -> None:
        self.shown: dict[str, dict[str, Any]] = {}  # run -> how it is shown
        self.waiting: dict[str, str] = {}  # bay -> its run, which is not over
        self.last = dict[str, RunView]()  # bay -> the run that was there last
        self.troubles: dict[str, str] = {}  # run -> why its record cannot be made
        self._data = data
        self._journal = journal
        self._stamp = stamp
        self._at = at
        self._one = asyncio.Lock()  # a record at a time
        for name in journal.runs():
            if self.learn(name)["state"] == "over" and self.shown[name]["record"] is None:
                background.start(f"record of {name}", self.seal(name))

    def learn(self, name: str) -> Mapping[str, Any]:
        """Learn of a run that the journal knows, and return how it is shown."""
        entries = self._journal.entries(name)
        shown = self.shown[name] = run_view.past(entries, self.record(name))
        self.last[shown["bay"]] = run_view.past_measured(shown)
        if shown["state"] != "over":
            self.waiting[shown["bay"]] = name
        return shown

    def record(self, name: str) -> Path | None:
        """Return the folder of a sealed record, if it is there."""
        folder = self._data.record(name)
        return folder if is_finished(folder) else None

    def racks(self) -> list[Mapping[str, Any]]:
        """Return the racks whose runs are not over."""
        return [self.shown[name] for name in self.waiting.values()]

    async def seal(self, name: str) -> None:
        """Make the record of a run that is over, however often the disk refuses."""
        rest = AGAIN_S
        while (why := await self._refused(name)) is not None:
            self.troubles[name] = why
            log.error("record_not_sealed", run=name, why=why)
            await asyncio.sleep(rest)
            rest = min(2 * rest, REST_S)
        self.troubles.pop(name, None)
        self.shown[name] = run_view.past(self._journal.entries(name), self.record(name))
        log.info("record_sealed", run=name, folder=str(self._data.record(name)))

    async def _refused(self, name: str) -> str | None:
        """Put the last samples away and make the record; return why that cannot be, or None."""
        async with self._one:
            try:
                folder, entries = self._data.run(name), self._journal.entries(name)
                left = await aside(put_away, folder, entries, self._at)
                if left.events:
                    entries += self._journal.append(name, left.events, self._stamp())
                left.drop()
            except StoreError as error:
                return str(error)
            return await finish(self._data, name, entries)
