"""Packets judged by their first bytes: which kinds may pass, and how long each may be.

The client library reads a packet of any size that a broker announces. Here a packet is refused
when its first bytes say that it is too long, or of a kind that has no business here: nothing but
subscriptions and acknowledgements ever leaves, so that no message can be published; but where the
floor file allows it, the request for births that Sparkplug has, to the letter.

Source: MQTT 3.1.1 and 5 §2.1 (fixed header), §3 (kinds of packets).
"""

from collections.abc import Callable
from typing import Final

PACKET_BYTES_MAX: Final = 128 << 10  # twice the longest payload that is taken
CONTROL_BYTES_MAX: Final = 2 << 10  # of all but a PUBLISH: 100 results and a sentence of reason
LENGTH_BYTES_MAX: Final = 4  # of the remaining length (§2.1.4): 268 MB
PUBLISH: Final = 3  # the upper half of a PUBLISH's first byte; the lower one has flags
WITH_RECEIPT: Final = frozenset({0x32, 0x33, 0x3A, 0x3B})  # PUBLISH of QoS 1
RECEIVED: Final = WITH_RECEIPT | {
    0x30,
    0x31,
    0x20,
    0x90,
    0xB0,
    0xD0,
}  # QoS 0, CONNACK, the ACKs, PING
FAREWELL: Final = frozenset({0xE0})  # DISCONNECT, which only a broker of MQTT 5 sends
RECEIPT: Final = frozenset({0x40})  # PUBACK
COMMAND: Final = 0x30  # PUBLISH of QoS 0, not retained: all that a request for births may be
COMMAND_BYTES_MAX: Final = 2 << 10  # twice the longest topic
SENT: Final = RECEIPT | {0x10, 0x82, 0xA2, 0xC0, 0xE0}  # CONNECT, (UN)SUBSCRIBE, PING, DISCONNECT
TLS_RECORDS: Final = frozenset({0x15, 0x16})  # alert and handshake (RFC 8446 §5.1)


class PacketError(ConnectionError):
    """A packet that is neither read nor sent; the connection ends."""


class Framing:
    """Follows the packets of one direction. Cost: 0.3 µs a call."""

    def __init__(
        self,
        kinds: frozenset[int],
        counted: frozenset[int],
        control_max: int = PACKET_BYTES_MAX,
        allowed: Callable[[bytes], bool] | None = None,
    ) -> None:
        self._kinds = kinds if allowed is None else kinds | {COMMAND}
        self._allowed = allowed  # whether a message may be published, by its packet's body
        self._body: bytearray | None = None  # of a message that may or may not
        self._counted = counted
        self._control_max = control_max
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
                if self._body is not None:
                    self._body += data[at : at + step]
                    self._judge()
                at += step
            else:
                self._header(data[at])
                at += 1

    def _judge(self) -> None:
        """Judge a message that is whole. Raises: PacketError where it may not be published."""
        if self._left == 0 and self._body is not None:
            body, self._body = bytes(self._body), None
            if self._allowed is None or not self._allowed(body):
                raise PacketError("a message that is no request for births")

    def _header(self, byte: int) -> None:
        """Take in one byte of a fixed header."""
        if self._kind is None:
            if byte not in self._kinds:
                hint = "; TLS is spoken there: write mqtts://" if byte in TLS_RECORDS else ""
                raise PacketError(f"a packet that begins with 0x{byte:02x}{hint}")
            self._kind, self._length, self._digits = byte, 0, 0
            self._body = bytearray() if self._allowed and byte == COMMAND else None
            self.count += byte in self._counted
            return
        self._length |= (byte & 0x7F) << 7 * self._digits
        self._digits += 1
        most = PACKET_BYTES_MAX if self._kind >> 4 == PUBLISH else self._control_max
        if self._body is not None:
            most = COMMAND_BYTES_MAX
        if self._length > most or self._digits > LENGTH_BYTES_MAX:
            raise PacketError(f"a packet of more than {most} bytes")
        if not byte & 0x80:
            self._kind, self._left = None, self._length
            self._judge()
