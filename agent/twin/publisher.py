"""Publishes what simulated devices say: MQTT 3.1.1, quality of service 0, and nothing else.

A client library spends 50 µs on each message and a twin of 200 racks has 6,000 a second to send;
at this quality of service a message is four fields behind each other. Source: MQTT 3.1.1 §3.1-§3.3.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Final

from collectors.twin.mqtt_face import Message

CONNECT: Final = 0x10
CONNECT_311: Final = b"\x00\x04MQTT\x04\x02\x00\x00"  # version 3.1.1, clean session, no keep-alive
CONNACK: Final = b"\x20\x02\x00\x00"  # new session, accepted
DISCONNECT: Final = b"\xe0\x00"
PUBLISH: Final = 0x30
RETAIN: Final = 0x01
ANSWER_S: Final = 5.0  # the broker is usually on this machine
RECONNECT_S: Final = 1.0  # nobody is spared by waiting longer
BACKLOG_BYTES_MAX: Final = 8 << 20  # that a broker has not taken: seconds of a whole floor


def packet(kind: int, body: bytes) -> bytes:
    """Return a control packet: its kind, its length in groups of seven bits, its body (§2.2.3)."""
    length = bytearray()
    left = len(body)
    while True:
        left, group = left >> 7, left & 0x7F
        length.append(group | 0x80 if left else group)
        if not left:
            return bytes([kind]) + bytes(length) + body


def publish(message: Message) -> bytes:
    r"""Return the packet that publishes a message.

    >>> publish(Message("a/b", b"1", retain=True))
    b'1\x06\x00\x03a/b1'
    """
    topic = message.topic.encode()
    body = len(topic).to_bytes(2, "big") + topic + message.payload
    return packet(PUBLISH | (RETAIN if message.retain else 0), body)


class Publisher:
    """One connection to a broker after the other, for all devices of a twin."""

    def __init__(self, host: str, port: int, name: str) -> None:
        self._place = host, port
        self._name = name.encode()
        self._writer: asyncio.StreamWriter | None = None
        self.new = asyncio.Event()  # a connection on which nothing was said yet, or not all heard
        self.dropped = 0  # messages that a broker did not take in time
        self._stalled = False  # it takes nothing now

    @property
    def connected(self) -> bool:
        """Say whether a broker is there."""
        return self._writer is not None

    def renewed(self) -> bool:
        """Say, once a connection and after each stall, that what comes first is to be said."""
        new = self.new.is_set()
        self.new.clear()
        return new

    def send(self, messages: Iterable[Message]) -> None:
        """Publish, if a broker is there and reads."""
        writer = self._writer
        if writer is None or writer.is_closing():
            return
        if writer.transport.get_write_buffer_size() > BACKLOG_BYTES_MAX:
            self.dropped += sum(1 for _ in messages)
            self._stalled = True
            return
        if self._stalled:  # a birth may be among what it missed
            self._stalled = False
            self.new.set()
        writer.write(b"".join(map(publish, messages)))

    async def keep(self) -> None:
        """Be connected until cancelled."""
        while True:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                await self._connected()
            await asyncio.sleep(RECONNECT_S)

    async def _connected(self) -> None:
        """Connect, and stay until the broker goes. Raises: OSError, IncompleteReadError."""
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(*self._place)
        try:
            name = len(self._name).to_bytes(2, "big") + self._name
            writer.write(packet(CONNECT, CONNECT_311 + name))
            async with asyncio.timeout(ANSWER_S):
                accepted = await reader.readexactly(len(CONNACK)) == CONNACK
            if accepted:
                self._writer = writer
                self.new.set()
                await reader.read(1)  # nobody answers a publication of this quality
        finally:
            self._writer = None
            with contextlib.suppress(OSError):
                writer.write(DISCONNECT)
            writer.close()
