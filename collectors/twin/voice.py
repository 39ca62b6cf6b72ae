"""The socket from which a simulated device speaks: its own loopback address, as a real one would.

Everything is sent to where the device was told to; nothing is sent unless something happened.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

from collectors.twin.trap import REPEAT_SECONDS, Herald, Notice, Sent

DATAGRAM_BYTES_MAX: Final = 65_535


class Voice:
    """Sends what a herald says and repeats what is not acknowledged; from the running loop."""

    def __init__(self, herald: Herald, host: str, clock: Callable[[], float]) -> None:
        """Bind the device's own address. Raises: OSError."""
        self.herald = herald
        self.quiet = asyncio.Event()  # set while nothing waits for an acknowledgement
        self.quiet.set()
        self._clock = clock
        self._again: asyncio.TimerHandle | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)  # noqa: FBT003 -- as the standard library has it
            self._socket.bind((host, 0))
        except OSError:
            self._socket.close()
            raise
        asyncio.get_running_loop().add_reader(self._socket, self._heard)

    def close(self) -> None:
        """Fall silent."""
        if self._again is not None:
            self._again.cancel()
        with contextlib.suppress(RuntimeError):  # the loop is over
            asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def tell(self, notice: Notice, uptime: float) -> None:
        """Say something to all who want to be told."""
        self._send(self.herald.tell(notice, uptime, self._clock()))

    def _heard(self) -> None:
        """Take an acknowledgement."""
        try:
            data, there = self._socket.recvfrom(DATAGRAM_BYTES_MAX)
        except OSError:  # nobody listens there, or nothing came after all
            return
        self._send(self.herald.hear(data, there, self._clock()))

    def _repeat(self) -> None:
        """Say again what is due."""
        self._again = None
        self._send(self.herald.late(self._clock()))

    def _send(self, sent: list[Sent]) -> None:
        """Send, and come back as long as something is not acknowledged."""
        for datagram, address in sent:
            with contextlib.suppress(OSError):  # lost, as on any network
                self._socket.sendto(datagram, address)
        if not self.herald.waiting:
            self.quiet.set()
            return
        self.quiet.clear()
        if self._again is None:
            self._again = asyncio.get_running_loop().call_later(REPEAT_SECONDS, self._repeat)
