"""Work that goes on beside: whatever it breaks with is said, and stays said until a restart."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ParamSpec, TypeVar

import structlog

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger()


class Background:
    """Tasks that nobody waits for."""

    def __init__(self) -> None:
        self.broken: dict[str, str] = {}  # what broke, and with what: bugs of ours
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Let something run beside; `what` names it where it breaks."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, what))

    async def settled(self) -> None:
        """Wait until all of it is done, also what it starts."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def shut(self) -> None:
        """End all of it."""
        for task in self._tasks:
            task.cancel()
        await self.settled()

    def _ended(self, what: str, task: asyncio.Task[None]) -> None:
        """Say what a task broke with, if it did."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("background_broke", what=what, exc_info=error)
            self.broken[what] = f"{what}: {type(error).__name__}: {error}"


async def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do something in a thread; who is cancelled meanwhile ends only after it has ended.

    So no thread writes into a folder that is no longer held.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
