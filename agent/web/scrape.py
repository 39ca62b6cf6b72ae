"""Metrics pages, made once however many ask, and without holding up the polls.

A page is put together bay by bay with a turn of the loop between them, compressed in a thread, and
shared by all who ask while it is fresh. It stays fresh for nine times as long as it took to make,
so pages take at most a tenth of the loop however often clients come, and small ones are always new.
"""

import asyncio
import gzip
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent.exposition.floor import EOF, Floor, page
from agent.exposition.own import Own

FRESH_TIMES: Final = 9  # a tenth of the loop's time at most
FRESH_S_MAX: Final = 2.0  # a reading on a page is never older than this
CHUNK_BYTES: Final = 1 << 16  # what is handed over at once: a slow reader holds no more in buffers


class Sources(Protocol):
    """Where pages come from."""

    @property
    def floor(self) -> Floor:
        """The readings and judgements."""

    @property
    def own(self) -> Own:
        """The agent about itself."""


class Key(NamedTuple):
    """Which page: of `bays`, with or without the agent's own metrics, in which form."""

    bays: tuple[str, ...]
    own: bool
    openmetrics: bool
    gzip: bool


@dataclass
class _Made:
    """A page in the making, or made and fresh until a time of the loop's clock."""

    task: "asyncio.Task[bytes]"
    fresh_until: float = float("inf")


class Pages:
    """All metrics pages of one agent."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._made: dict[Key, _Made] = {}

    async def get(self, key: Key) -> bytes:
        """Return a page that is fresh, making it where nobody else is already doing so."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._made = {k: made for k, made in self._made.items() if now < made.fresh_until}
        if key not in self._made:
            made = self._made[key] = _Made(loop.create_task(self._make(key)))
            made.task.add_done_callback(lambda _: self._keep(made, now))
        return await asyncio.shield(self._made[key].task)

    @staticmethod
    def _keep(made: _Made, since: float) -> None:
        """Set how long a page stays fresh, now that it is known what it cost."""
        done = asyncio.get_running_loop().time()
        made.fresh_until = done + min(FRESH_TIMES * (done - since), FRESH_S_MAX)

    async def _make(self, key: Key) -> bytes:
        """Make one page."""
        if key.gzip:
            plain = await self.get(key._replace(gzip=False))
            return await asyncio.to_thread(gzip.compress, plain, 1, mtime=0)
        sections = []
        for bay in key.bays:
            sections.append(self._sources.floor.section(bay))
            await asyncio.sleep(0)
        text = page(sections, openmetrics=key.openmetrics)
        if key.own:
            text = text.removesuffix(EOF) + self._sources.own.render(openmetrics=key.openmetrics)
        return text


class PageResponse(Response):
    """A response in pieces, each sent when the one before has left."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the page."""
        del scope, receive
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        body = memoryview(self.body)
        for at in range(0, len(body), CHUNK_BYTES):
            piece = bytes(body[at : at + CHUNK_BYTES])
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
