"""A simulated SNMPv3 engine on a port of loopback."""

import asyncio
from typing import cast

from collectors.twin.engine import Engine


class Socket(asyncio.DatagramProtocol):
    """Puts an engine on a port of loopback."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer."""
        answer = self.engine.answer(data, asyncio.get_running_loop().time())
        if answer is not None and self.transport is not None:
            self.transport.sendto(answer, addr)
