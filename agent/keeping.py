"""The way of what devices said to the disk: one thread writes, batch after batch, in order.

The disk may take its time: the loop goes on meanwhile, and what comes waits in a bounded queue.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

import structlog

from agent import clock
from agent.store.inbox import Inbox, Notice, Row
from agent.store.trouble import StoreError
from collectors.snmp.hearing import Heard

BATCH: Final = 1_000  # are written at once: passed on within 20 ms of the loop
WAITING_MAX: Final = (
    20_000  # 30 MB, as much again on its way: 2,000 a second while a disk stands 10 s
)
INFORM_S: Final = 0.05  # until an inform is written: those that come meanwhile share a disk write
TRAP_S: Final = 0.5  # until a trap is: nobody waits for it
RETRY_S: Final = 5.0  # until a disk that refused is asked again

Noted = Sequence[tuple[Notice, bool]]  # what each device said, and whether that is to be kept
Rows = Sequence[Row | None]  # of each of them; None: it was there already
Written = Callable[[Heard, Noted, Rows | None], None]  # without rows: the disk refused

log = structlog.get_logger()


class _Waiting(NamedTuple):
    """Something that is on its way to the disk."""

    heard: Heard
    noted: Noted
    wall: float  # Unix time at which it came


class Keeping:
    """Has an inbox written. All calls come from the loop; `written` is called there, in order.

    `sent`: is called after each batch.
    """

    def __init__(self, inbox: Inbox, written: Written, sent: Callable[[], None]) -> None:
        self.trouble = ""  # why nothing can be kept, while that is so
        self._inbox = inbox
        self._written = written
        self._sent = sent
        self._waiting: list[_Waiting] = []
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="inbox")
        self._under_way: asyncio.Future[list[Row | None]] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def add(self, heard: Heard, noted: Noted) -> bool:
        """Take something in; `soon` has it written. False: too much waits already."""
        if len(self._waiting) >= WAITING_MAX:
            self._slow()
            return False
        if not heard.told.inform:
            heard = replace(heard, told=replace(heard.told, objects=()))  # they are in the notice
        self._waiting.append(_Waiting(heard, noted, clock.wall()))
        return True

    def soon(self, *, inform: bool) -> None:
        """Have what waits written before long; `inform`: somebody awaits it."""
        if len(self._waiting) >= BATCH:
            self.flush()
        elif self._waiting:
            self._flush_in(INFORM_S if inform else TRAP_S)

    def flush(self) -> None:
        """Have what waits written now; while a batch is under way, once that is done."""
        if self._under_way is not None or not self._waiting:
            return
        self._stop_timer()
        batch, self._waiting = self._waiting, []  # all of it: a slow disk takes many as it does one
        wanted = [(b.heard.key, b.wall, notice) for b in batch for notice, keep in b.noted if keep]
        if wanted:
            self._ask(partial(self._inbox.keep, wanted), partial(self._ended, batch))
        else:  # it is a number, and no matter of the disk
            self._pass_on(batch, [])
            asyncio.get_running_loop().call_soon(self._next)

    async def drain(self) -> None:
        """Return when all that waited is written, or refused."""
        while self._under_way is not None or self._waiting:
            self.flush()
            if self._under_way is not None:
                await asyncio.wait([self._under_way])
            await asyncio.sleep(0)  # until the end of the batch was dealt with

    async def close(self) -> None:
        """Write what waits, and end the thread."""
        try:
            await self.drain()
        finally:
            self._stop_timer()
            self._writer.shutdown()

    def _slow(self) -> None:
        """Say that the disk takes too long, until it has taken something."""
        if not self.trouble:
            self.trouble = f"the disk is slow: {WAITING_MAX} that devices said wait to be written"
            log.error("not_kept", why=self.trouble)

    def _ask(
        self,
        work: Callable[[], list[Row | None]],
        ended: Callable[[asyncio.Future[list[Row | None]]], None],
    ) -> None:
        """Let the thread do something."""
        loop = asyncio.get_running_loop()
        self._under_way = loop.run_in_executor(self._writer, work)
        self._under_way.add_done_callback(ended)

    def _ended(
        self,
        batch: Sequence[_Waiting],
        done: asyncio.Future[list[Row | None]],
    ) -> None:
        """Pass a batch on that is on the disk, and go on with the next."""
        self._under_way, rows = None, None
        try:
            rows = self._result(done)
        finally:  # whatever it is: nothing of it counts as written
            self._pass_on(batch, rows)
            self._next()

    def _result(self, done: asyncio.Future[list[Row | None]]) -> list[Row | None] | None:
        """Return what was written; None where the disk refused, which is said once."""
        try:
            rows = done.result()
        except StoreError as error:
            if not self.trouble:
                log.error("not_kept", why=str(error))  # noqa: TRY400 -- no stack helps here
            self.trouble = str(error)
            return None
        self.trouble = ""
        return rows

    def _pass_on(
        self,
        batch: Sequence[_Waiting],
        rows: Sequence[Row | None] | None,
    ) -> None:
        """Say of each what became of it."""
        found = iter(rows or ())
        for heard, noted, wall in batch:
            if rows is None:
                self._written(heard, noted, None)
                continue
            kept = [next(found) if keep else Row(0, wall, notice) for notice, keep in noted]
            self._written(heard, noted, kept)
        self._sent()

    def _next(self) -> None:
        """Go on with what came meanwhile; if nothing did, ask a disk that refused in a while."""
        if len(self._waiting) >= BATCH or (self._waiting and self._timer is None):
            self.flush()
        elif self.trouble:
            self._flush_in(RETRY_S)

    def _flush_in(self, due: float) -> None:
        """Set the timer, unless it ends before that anyway."""
        loop = asyncio.get_running_loop()
        if self._timer is not None and self._timer.when() <= loop.time() + due:
            return
        self._stop_timer()
        self._timer = loop.call_later(due, self._due)

    def _due(self) -> None:
        """Write what waits, or try whether the disk takes anything again."""
        self._timer = None
        if self._waiting:
            self.flush()
        elif self.trouble and self._under_way is None:
            self._ask(self._inbox.probe, partial(self._ended, []))

    def _stop_timer(self) -> None:
        """Let it not end."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
