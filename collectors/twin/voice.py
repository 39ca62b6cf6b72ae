"""The socket from which a simulated device speaks: its own loopback address, as a real one would.

Everything is sent to where the device was told to; nothing is sent unless something happened.
"""

import asyncio
from collections.abc import Callable
from typing import Self, cast

from collectors.twin.trap import REPEAT_SECONDS, Address, Herald, Notice, Sent


class Voice(asyncio.DatagramProtocol):
    """Sends what a herald says and repeats what is not acknowledged."""

    def __init__(self, herald: Herald, clock: Callable[[], float]) -> None:
        self.herald = herald
        self.quiet = asyncio.Event()  # set while nothing waits for an acknowledgement
        self.quiet.set()
        self._clock = clock
        self._transport: asyncio.DatagramTransport | None = None
        self._again: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, herald: Herald, host: str, clock: Callable[[], float]) -> Self:
        """Bind the device's own address. Raises: OSError."""
        loop = asyncio.get_running_loop()
        _, voice = await loop.create_datagram_endpoint(
            lambda: cls(herald, clock), local_addr=(host, 0)
        )
        return voice

    def close(self) -> None:
        """Fall silent."""
        if self._again is not None:
            self._again.cancel()
        if self._transport is not None:
            self._transport.close()

    def tell(self, notice: Notice, uptime: float) -> None:
        """Say something to all who want to be told."""
        self._send(self.herald.tell(notice, uptime, self._clock()))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Take an acknowledgement."""
        self._send(self.herald.hear(data, addr, self._clock()))

    def _repeat(self) -> None:
        """Say again what is due."""
        self._again = None
        self._send(self.herald.late(self._clock()))

    def _send(self, sent: list[Sent]) -> None:
        """Send, and come back as long as something is not acknowledged."""
        for datagram, address in sent:
            if self._transport is not None:
                self._transport.sendto(datagram, address)
        if not self.herald.waiting:
            self.quiet.set()
            return
        self.quiet.clear()
        if self._again is None:
            self._again = asyncio.get_running_loop().call_later(REPEAT_SECONDS, self._repeat)
