"""News as server-sent events: one connection that stays open, as browsers and curl read it.

Source: HTML Living Standard §9.2.
"""

import json
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agent.news import Item, News
from agent.web.asking import problem

FOLLOWERS_MAX: Final = 64  # a quarter of all connections: they must not keep Prometheus out
HEARTBEAT_S: Final = 15.0  # below the idle timeout of every proxy; it finds out who is gone, too
RETRY_MS: Final = 3000  # after which a client should come back
HEADERS: Final = {"X-Accel-Buffering": "no"}  # proxies that collect answers hold them back else


class Stream:
    """The news of one agent, for a bounded number of followers."""

    def __init__(self, news: News) -> None:
        self._news = news
        self._followers = 0

    async def answer(self, request: Request) -> Response:
        """Follow from now on, or from after the item that the client has had last."""
        if self._followers >= FOLLOWERS_MAX:
            text = f"{FOLLOWERS_MAX} follow already; come back later, or ask /api/v1/runs"
            return problem(503, text, headers={"Retry-After": "60"})
        if request.method == "HEAD":  # its answer has no body that could end
            return Response(headers=HEADERS, media_type="text/event-stream")
        after = request.headers.get("last-event-id")
        return StreamingResponse(self._lines(after), 200, HEADERS, "text/event-stream")

    async def _lines(self, after: str | None) -> AsyncIterator[bytes]:
        """Yield the stream, piece by piece."""
        self._followers += 1
        try:
            yield b"retry: %d\n\n" % RETRY_MS
            async for found in self._news.follow(after, HEARTBEAT_S):
                yield b": still here\n\n" if found is None else _event(*found)
        finally:
            self._followers -= 1


def _event(id_: str, item: Item) -> bytes:
    """Return one item as its lines."""
    data = json.dumps(item.data, ensure_ascii=False, allow_nan=False)
    return f"id: {id_}\nevent: {item.kind}\ndata: {data}\n\n".encode()
