"""The socket to which devices send traps and informs: read in batches, what is lost is counted.

A storm comes all at once, so the kernel is asked for a large buffer; what did not fit it counts,
and so do we.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Final, Self

from collectors.snmp.hearing import Heard, Hearing

BATCH: Final = 256  # datagrams read before the loop may do something else: 10 ms
BUFFER_OCTETS: Final = (
    16 << 20
)  # asked for: 10,000 traps of the usual size; the kernel may give less
DATAGRAM_OCTETS_MAX: Final = 65_535
RCVBUFFORCE: Final = 33  # linux/socket.h SO_RCVBUFFORCE: beyond net.core.rmem_max, for root
MEMINFO: Final = 55  # SO_MEMINFO
_COUNTS: Final = struct.Struct("=9I")  # linux/sock_diag.h SK_MEMINFO_VARS; the last are the drops


class Receiver:
    """Hands on what is heard, a batch at a time. `close` it."""

    def __init__(
        self,
        sock: socket.socket,
        hearing: Hearing,
        take: Callable[[Sequence[Heard]], None],
        clock: Callable[[], float],
    ) -> None:
        self.hearing = hearing
        self.received = 0  # datagrams that reached us, good or not
        self.unsent = 0  # replies that could not be sent
        self._sock = sock
        self._take = take
        self._clock = clock
        self._buffer = bytearray(DATAGRAM_OCTETS_MAX)
        self._view = memoryview(self._buffer)
        self._lost = self._lost_before = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._read)

    @classmethod
    def open(
        cls,
        address: tuple[str, int],
        hearing: Hearing,
        take: Callable[[Sequence[Heard]], None],
        clock: Callable[[], float],
    ) -> Self:
        """Listen. `take`: is given what is new, in the order of arrival. Raises: OSError."""
        host, port = address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with contextlib.ExitStack() as undo:
            sock = undo.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            sock.settimeout(0)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # of IPv4 as well
            _widen(sock)
            sock.bind((host, port))
            receiver = cls(sock, hearing, take, clock)
            undo.pop_all()
        return receiver

    @property
    def address(self) -> tuple[str, int]:
        """Return where it listens."""
        host, port = self._sock.getsockname()[:2]
        return str(host), int(port)

    @property
    def buffer_octets(self) -> int:
        """Return how much the kernel keeps for us while we are busy."""
        return self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    @property
    def lost(self) -> int:
        """Return how many datagrams the kernel had no room for."""
        with contextlib.suppress(OSError, struct.error):  # closed, or a kernel before 4.12
            found = self._sock.getsockopt(socket.SOL_SOCKET, MEMINFO, _COUNTS.size)
            drops = _COUNTS.unpack(found)[-1]
            self._lost += (drops - self._lost_before) % (1 << 32)
            self._lost_before = drops
        return self._lost

    def deafen(self) -> None:
        """Listen no more; `send` still works."""
        self._loop.remove_reader(self._sock)

    def close(self) -> None:
        """Listen no more, and let go of the socket."""
        self.deafen()
        self.lost  # noqa: B018 -- counted for the last time
        self._sock.close()

    def send(self) -> None:
        """Send what waits to be sent; what cannot be is asked for again by whom it concerns."""
        outbox = self.hearing.outbox
        while outbox:
            datagram, address = outbox.popleft()
            try:
                self._sock.sendto(datagram, address)
            except OSError:
                self.unsent += 1

    def _read(self) -> None:
        """Read a batch, and hand on what is new of it."""
        hear, now, new = self.hearing.hear, self._clock(), []
        for _ in range(BATCH):
            try:
                size, address = self._sock.recvfrom_into(self._buffer)
            except BlockingIOError:
                break
            except OSError:  # what we sent to somebody found nobody there
                continue
            self.received += 1
            heard = hear(bytes(self._view[:size]), address[:2], now)
            if heard is not None:
                new.append(heard)
        self.send()
        if new:
            self._take(new)


def _widen(sock: socket.socket) -> None:
    """Ask for room; what root may have, else what the system lets everybody have."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, BUFFER_OCTETS)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
