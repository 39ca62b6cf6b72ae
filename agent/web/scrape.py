"""Metrics pages, made once however many ask, and without holding up the polls.

A page is put together bay by bay with turns of the loop between them, compressed in a thread, and
shared by all who ask while it is fresh. It stays fresh for nine times as long as it took to make,
so pages take at most a tenth of the loop however often clients come, and small ones are always new.
"""

import asyncio
import itertools
import zlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent.exposition.floor import EOF, Floor, page
from agent.exposition.own import Own

FRESH_TIMES: Final = 9  # a tenth of the loop's time at most
FRESH_S_MAX: Final = 2.0  # a reading on a page is never older than this
CHUNK_BYTES: Final = 1 << 16  # what is handed over at once: a slow reader holds no more in buffers
GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's way to ask for gzip's header

Page = tuple[bytes, ...]  # in pieces of about CHUNK_BYTES: 27 MB in one piece take 50 ms to join


class Sources(Protocol):
    """Where pages come from."""

    @property
    def floor(self) -> Floor:
        """The readings and judgements."""
        raise NotImplementedError

    @property
    def own(self) -> Own:
        """The agent about itself."""
        raise NotImplementedError


class Key(NamedTuple):
    """Which page: of `bays`, with or without the agent's own metrics, in which form."""

    bays: tuple[str, ...]
    own: bool
    openmetrics: bool
    gzip: bool


@dataclass
class _Made:
    """A page in the making, or made and fresh until a time of the loop's clock."""

    task: "asyncio.Task[Page]"
    fresh_until: float = float("inf")


class Pages:
    """All metrics pages of one agent."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._made: dict[Key, _Made] = {}

    async def get(self, key: Key) -> Page:
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

    async def _make(self, key: Key) -> Page:
        """Make one page."""
        if key.gzip:
            return await asyncio.to_thread(_compressed, await self.get(key._replace(gzip=False)))
        sections = []
        for bay in key.bays:
            sections.append(self._sources.floor.section(bay))
            await asyncio.sleep(0)
        text = page(sections, openmetrics=key.openmetrics)
        end = EOF if key.openmetrics else b""
        if key.own:
            end = self._sources.own.render(openmetrics=key.openmetrics)
        return tuple([chunk async for chunk in _chunks(itertools.chain(text, (end,)))])


async def _chunks(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Join parts to pieces worth sending, with a turn of the loop after each."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
            await asyncio.sleep(0)
    yield b"".join(held)


def _compressed(plain: Page) -> Page:
    """Compress a page, at the level that costs least."""
    gzip = zlib.compressobj(level=1, wbits=GZIP)
    pieces = [gzip.compress(piece) for piece in plain]
    return (*filter(None, pieces), gzip.flush())


class PageResponse(Response):
    """A response in pieces, each sent when the one before has left."""

    def __init__(self, pieces: Page, headers: dict[str, str], media_type: str) -> None:
        headers["Content-Length"] = str(sum(map(len, pieces)))
        super().__init__(headers=headers, media_type=media_type)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the page."""
        del scope, receive
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
