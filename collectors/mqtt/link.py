"""The connection to a broker: aiomqtt, with every packet checked before it is read or sent.

The client library reads a packet of any size that a broker announces. Here a packet is refused
when its first bytes say that it is too long, or of a kind that has no business here: nothing but
subscriptions and acknowledgements ever leaves, so that no message can be published.

Source: MQTT 3.1.1 §2.2 (fixed header), §3 (kinds of packets).
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from typing import Any, Final, cast

import aiomqtt

PACKET_BYTES_MAX: Final = 128 << 10  # twice the longest payload that is taken
READ_BYTES_MAX: Final = 8 << 10  # some 60 messages, which hold the loop up for 2 ms
LENGTH_BYTES_MAX: Final = 4  # of the remaining length (§2.2.3): 268 MB
UNACKNOWLEDGED_MAX: Final = 5_000  # messages that a broker may send without reading our receipts
CONNECT_S: Final = 5.0  # a broker on the same floor answers in milliseconds
KEEPALIVE_S: Final = 20  # a broker that hangs is noticed within half as long again
FILTERS_MAX: Final = 100  # in one SUBSCRIBE: some 10 kB
QOS: Final = 1  # what a publisher sends at least once, we get at least once; it costs no more else
WITH_RECEIPT: Final = frozenset({0x32, 0x33, 0x3A, 0x3B})  # PUBLISH of QoS 1
RECEIVED: Final = WITH_RECEIPT | {
    0x30,
    0x31,
    0x20,
    0x90,
    0xB0,
    0xD0,
}  # QoS 0, CONNACK, the ACKs, PING
RECEIPT: Final = frozenset({0x40})  # PUBACK
SENT: Final = RECEIPT | {0x10, 0x82, 0xA2, 0xC0, 0xE0}  # CONNECT, (UN)SUBSCRIBE, PING, DISCONNECT
QUIET: Final = logging.getLogger(f"{__name__}.library")  # what the library says, we say ourselves
QUIET.setLevel(logging.CRITICAL)

OnMessage = Callable[[str, bytes, bool], None]  # topic, payload, retained


class PacketError(ConnectionError):
    """A packet that is neither read nor sent; the connection ends."""


class Framing:
    """Follows the packets of one direction. Cost: 0.3 µs a call."""

    def __init__(self, kinds: frozenset[int], counted: frozenset[int]) -> None:
        self._kinds = kinds
        self._counted = counted
        self._kind: int | None = None  # None: the next byte begins a packet
        self._length = self._digits = self._left = 0
        self.count = 0  # packets of the kinds to be counted

    def see(self, data: bytes) -> None:
        """Let bytes pass. Raises: PacketError at the first that must not."""
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
            else:
                self._header(data[at])
                at += 1

    def _header(self, byte: int) -> None:
        """Take in one byte of a fixed header."""
        if self._kind is None:
            if byte not in self._kinds:
                raise PacketError(f"a packet that begins with 0x{byte:02x}")
            self._kind, self._length, self._digits = byte, 0, 0
            self.count += byte in self._counted
            return
        self._length |= (byte & 0x7F) << 7 * self._digits
        self._digits += 1
        if self._length > PACKET_BYTES_MAX or self._digits > LENGTH_BYTES_MAX:
            raise PacketError(f"a packet of more than {PACKET_BYTES_MAX} bytes")
        if not byte & 0x80:
            self._kind, self._left = None, self._length


class CheckedSocket:
    """A connected socket that lets only sound packets through, as the client library uses it."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._received = Framing(RECEIVED, WITH_RECEIPT)
        self._sent = Framing(SENT, RECEIPT)
        self._buffer, self._at = b"", 0
        self._asked = False  # whether the kernel was asked in this turn
        self._passed = 0  # bytes that were checked and are yet to be sent
        self.octets = 0
        self.ended = ""  # why the connection ended, as far as is seen here

    def recv(self, size: int) -> bytes:
        """Receive; the library asks for a byte here and two there. Raises: PacketError.

        The kernel is asked once a turn of the loop, so that a flood does not keep the loop.
        """
        if self._at == len(self._buffer):
            if self._asked:
                raise BlockingIOError
            self._buffer, self._at, self._asked = self._receive(), 0, True
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        return data

    def _receive(self) -> bytes:
        """Receive what is there. Raises: PacketError where a packet in it must not come."""
        data = self._inner.recv(READ_BYTES_MAX)
        self.octets += len(data)
        if not data:
            self.ended = "the broker closed the connection"
        self._check(self._received, data)
        if self._received.count - self._sent.count > UNACKNOWLEDGED_MAX:
            self.ended = "the broker does not read what it is sent"
            raise PacketError(self.ended)
        return data

    def send(self, data: bytes) -> int:
        """Send. Raises: PacketError."""
        self._check(self._sent, data[self._passed :])
        self._passed = len(data)
        sent = self._inner.send(data)
        self._passed -= sent
        return sent

    def _check(self, framing: Framing, data: bytes) -> None:
        """Let data pass, or remember why not."""
        try:
            framing.see(data)
        except PacketError as error:
            self.ended = str(error)
            raise

    def fileno(self) -> int:
        """Return the socket's number, for the loop."""
        return self._inner.fileno()

    def pending(self) -> int:
        """Return how much was received and not yet read; at nothing the library ends its turn."""
        left = len(self._buffer) - self._at
        self._asked = left > 0
        return left

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 -- as of a socket
        """Set whether to wait."""
        self._inner.setblocking(flag)

    def close(self) -> None:
        """Close."""
        self._inner.close()


class Client(aiomqtt.Client):
    """aiomqtt over a socket of ours; messages go straight to a callback, none wait in a queue."""

    def __init__(self, sock: CheckedSocket, address: tuple[str, int], deliver: OnMessage) -> None:
        super().__init__(
            *address,
            timeout=CONNECT_S,
            keepalive=KEEPALIVE_S,
            queue_type=_inbox(deliver),
            logger=QUIET,
        )
        self.socket = sock
        assert hasattr(self._client, "_create_socket"), "paho makes its sockets in another way now"
        cast("Any", self._client)._create_socket = lambda: sock  # noqa: SLF001 -- its one way in

    async def follow(self, wanted: frozenset[str], had: frozenset[str]) -> list[str]:
        """Subscribe to what is wanted and not had, and the reverse; return what was refused.

        Raises: MqttError when the connection is lost, or the broker answers another question.
        """
        refused = []
        for some in _batches(sorted(wanted - had)):
            codes = await self.subscribe([(pattern, QOS) for pattern in some])
            if len(codes) != len(some):
                raise aiomqtt.MqttError("the broker acknowledges other subscriptions than ours")
            refused += [p for p, code in zip(some, codes, strict=True) if _is_failure(code)]
        for some in _batches(sorted(had - wanted)):
            await self.unsubscribe(some)
        return refused

    async def until_lost(self) -> None:
        """Wait until the connection is lost. Raises: MqttError."""
        async for _ in self.messages:
            raise AssertionError("a message went into the queue")

    def abandon(self) -> None:
        """Leave nothing open, whatever state the connection is in."""
        self._client._sock_close()  # noqa: SLF001 -- a connection that never came to be has no other
        self.socket.close()


def _inbox(deliver: OnMessage) -> type[asyncio.Queue[aiomqtt.Message]]:
    """Return a kind of queue that holds nothing."""

    class Inbox(asyncio.Queue[aiomqtt.Message]):
        """Hands on what would be put into it."""

        def put_nowait(self, item: aiomqtt.Message) -> None:
            """Deliver one message."""
            deliver(item.topic.value, item.payload, item.retain)

    return Inbox


def _batches(patterns: list[str]) -> list[list[str]]:
    """Split filters into packets."""
    return [patterns[n : n + FILTERS_MAX] for n in range(0, len(patterns), FILTERS_MAX)]


def _is_failure(code: object) -> bool:
    """Say whether a broker refused a filter (§3.9.3), as the library tells it."""
    return bool(getattr(code, "is_failure", code == 0x80))


async def connect(address: tuple[str, int]) -> CheckedSocket:
    """Connect to the first address of a broker that answers. Raises: OSError, TimeoutError."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_S):
        found = await loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
        last: OSError = OSError(f"{address[0]} has no address")
        for family, kind, protocol, _, where in found:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setblocking(False)  # noqa: FBT003 -- as of a socket
                await loop.sock_connect(sock, where)
            except OSError as error:
                last = OSError(error.errno, os.strerror(error.errno or 0))
                sock.close()
            except BaseException:
                sock.close()
                raise
            else:
                return CheckedSocket(sock)
        raise last
