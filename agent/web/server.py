"""The HTTP server, inside the daemon's own loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from functools import partial
from typing import Final, cast

import uvicorn
from starlette.types import ASGIApp

from agent.web.guard import HEADER_BYTES_MAX, KEEP_ALIVE_S, Gate, Guard

CLOSING_S: Final = 5  # what an answer under way gets when the agent stops


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals are the daemon's."""

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        """Leave signals alone."""
        return contextlib.nullcontext()


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, host: str, port: int, gate: Gate | None = None
) -> AsyncIterator[tuple[str, int]]:
    """Serve `app` until the block ends; yields the address, with the port that port 0 became.

    Raises: OSError when the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=128)
    config = uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", partial(Guard, gate or Gate())),
        ws="none",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="error",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=CLOSING_S,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[:2]
    finally:
        server.should_exit = True
        await task
