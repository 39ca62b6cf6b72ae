"""The connection to a broker: aiomqtt, with every packet checked before it is read or sent.

Under TLS it is the decrypted bytes that are checked, and the same bounds hold. Messages are read
here, not by the client library: that costs a tenth, and their properties cost nothing.
"""

import asyncio
import contextlib
import logging
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, cast

import aiomqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from collectors.mqtt.access import Access, Version
from collectors.mqtt.framing import (
    CONTROL_BYTES_MAX,
    FAREWELL,
    PACKET_BYTES_MAX,
    RECEIPT,
    RECEIVED,
    SENT,
    WITH_RECEIPT,
    Framing,
    PacketError,
)
from collectors.mqtt.published import Published, read_publish
from collectors.mqtt.refusal import denied, ended, refused
from collectors.mqtt.sparkplug import asks_for_births
from collectors.mqtt.tls import explain, secured

READ_BYTES_MAX: Final = 8 << 10  # some 60 messages, which hold the loop up for 1 ms
UNACKNOWLEDGED_MAX: Final = 5_000  # messages that a broker may send without reading our receipts
IN_FLIGHT_MAX: Final = 1_000  # of MQTT 5: told to the broker, which then waits for receipts
CONNECT_S: Final = 5.0  # a broker on the same floor answers in milliseconds
KEEPALIVE_S: Final = 20  # told to the broker; we ask after half of it, and wait for the other half
FILTERS_MAX: Final = 100  # in one SUBSCRIBE: some 10 kB
QOS: Final = 1  # what a publisher sends at least once, we get at least once; it costs no more else
QUIET: Final = logging.getLogger(f"{__name__}.library")  # what the library says, we say ourselves
QUIET.setLevel(logging.CRITICAL)
CLOSED: Final = "the broker closed the connection"
FIVE_RECEIVED: Final = RECEIVED | FAREWELL

OnMessage = Callable[[Published, bool], None]  # a message, and whether it was retained


class CheckedSocket:
    """A connected socket that lets only sound packets through, as the client library uses it."""

    def __init__(
        self,
        inner: socket.socket,
        received: frozenset[int] = RECEIVED,
        *,
        rebirth: bool = False,
    ) -> None:
        self._inner = inner
        self._received = Framing(received, WITH_RECEIPT, CONTROL_BYTES_MAX)
        self._sent = Framing(SENT, RECEIPT, allowed=asks_for_births if rebirth else None)
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
        try:
            data = self._inner.recv(READ_BYTES_MAX)
            while isinstance(self._inner, ssl.SSLSocket) and (rest := self._inner.pending()):
                data += self._inner.recv(rest)  # of one record: the loop cannot see that it waits
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self.ended = explain(error, "")
            raise
        self.octets += len(data)
        if not data:
            self.ended = self.ended or CLOSED
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

    @property
    def tls(self) -> str:
        """Return which TLS is spoken; nothing where none is."""
        return (self._inner.version() or "") if isinstance(self._inner, ssl.SSLSocket) else ""

    @property
    def certificate_ends(self) -> float | None:
        """Return until when the broker's certificate is valid, as Unix time."""
        told = self._inner.getpeercert() if isinstance(self._inner, ssl.SSLSocket) else None
        end = (told or {}).get("notAfter")
        return float(ssl.cert_time_to_seconds(end)) if isinstance(end, str) else None


class Client(aiomqtt.Client):
    """aiomqtt over a socket of ours; messages go straight to a callback, none wait in a queue."""

    def __init__(
        self,
        sock: CheckedSocket,
        address: tuple[str, int],
        deliver: OnMessage,
        access: Access | None = None,
    ) -> None:
        access = access or Access()
        self._five = access.version is Version.FIVE
        super().__init__(
            *address,
            timeout=CONNECT_S,
            keepalive=KEEPALIVE_S,
            logger=QUIET,
            username=access.user,
            identifier=access.client_id or None,
            **cast("Any", _five(access) if self._five else _three(access)),
        )
        self.socket = sock
        self._deliver = deliver
        self._group = f"$share/{access.group}/" if access.group else ""
        self.resumed = False  # whether the broker still knew us
        paho = cast("Any", self._client)
        paho.on_disconnect = self._lost
        paho._password = access.password  # noqa: SLF001 -- as bytes: it need not be UTF-8
        self._answer_connect = paho._handle_connack  # noqa: SLF001 -- the library has no other way
        self._answer_farewell = paho._handle_disconnect  # noqa: SLF001 -- likewise
        for name, ours in {
            "_create_socket": lambda: sock,
            "_handle_publish": self._published,
            "_handle_connack": self._connect_answered,
            "_handle_disconnect": self._left,
        }.items():
            assert hasattr(paho, name), f"paho has no {name} now"
            setattr(paho, name, ours)

    def _lost(self, *told: Any) -> None:  # noqa: ANN401 -- as the library tells it
        """Let nobody wait for an answer that cannot come any more."""
        pending: list[asyncio.Future[Any]] = [self._connected, *self._pending_subscribes.values()]
        for waiting in pending:
            if not waiting.done():
                waiting.set_exception(aiomqtt.MqttError(CLOSED))
        self._on_disconnect(*told)

    def _packet(self) -> tuple[int, bytes]:
        """Return the packet that just came: its first byte, and its body."""
        packet = cast("Any", self._client)._in_packet  # noqa: SLF001 -- where the library keeps it
        return packet["command"], bytes(packet["packet"])

    def _published(self) -> MQTTErrorCode:
        """Take in a message, and only then acknowledge it; what is none ends the connection."""
        first, body = self._packet()
        try:
            told = read_publish(first, body, five=self._five)
        except PacketError as error:
            self.socket.ended = str(error)
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self._deliver(told, bool(first & 1))
        if not told.packet_id:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        sent: MQTTErrorCode = cast("Any", self._client)._send_puback(told.packet_id)  # noqa: SLF001
        return sent

    def _connect_answered(self) -> MQTTErrorCode:
        """Note why a broker refuses us, and ask early enough whether it is there."""
        _, body = self._packet()
        self.socket.ended = refused(body, five=self._five)
        self.resumed = bool(body[:1] and body[0] & 1)
        answer: MQTTErrorCode = self._answer_connect()
        paho = cast("Any", self._client)
        paho._keepalive = max(1, min(KEEPALIVE_S, paho._keepalive) // 2)  # noqa: SLF001 -- see KEEPALIVE_S
        return answer

    def _left(self) -> None:
        """Note why a broker leaves us."""
        _, body = self._packet()
        self.socket.ended = ended(body)
        self._answer_farewell()

    async def follow(self, wanted: frozenset[str], had: frozenset[str]) -> dict[str, str]:
        """Subscribe to what is wanted and not had, and the reverse; return what was refused, why.

        Raises: MqttError when the connection is lost, or the broker answers another question.
        """
        refusals: dict[str, str] = {}
        for some in _batches(sorted(wanted - had)):
            asked = [(self._group + pattern, self._options()) for pattern in some]
            codes = await self.subscribe(cast("Any", asked))
            if len(codes) != len(some):
                raise aiomqtt.MqttError("the broker acknowledges other subscriptions than ours")
            for pattern, code in zip(some, map(_number, codes), strict=True):
                if code >= 0x80:
                    refusals[pattern] = denied(code)
        for some in _batches(sorted(had - wanted)):
            await self.unsubscribe([self._group + pattern for pattern in some])
        return refusals

    def _options(self) -> int | SubscribeOptions:
        """Return how to subscribe."""
        return SubscribeOptions(qos=QOS) if self._five else QOS

    async def until_lost(self) -> None:
        """Wait until the connection is lost. Raises: MqttError."""
        async for _ in self.messages:
            raise AssertionError("a message went into the queue")

    def abandon(self) -> None:
        """Leave nothing open, whatever state the connection is in."""
        self._client._sock_close()  # noqa: SLF001 -- a connection that never came to be has no other
        self.socket.close()
        for end in (self._connected, self._disconnected):
            if end.done() and not end.cancelled():
                end.exception()  # it was told already; nobody need be told again


def _three(access: Access) -> dict[str, object]:
    """Return what only MQTT 3.1.1 is told: how long a session lasts is the broker's affair."""
    return {
        "protocol": aiomqtt.ProtocolVersion.V311,
        "clean_session": not access.session_s,
    }


def _five(access: Access) -> dict[str, object]:
    """Return what only MQTT 5 is told; an honest broker then keeps from us what we would refuse."""
    told: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    told.SessionExpiryInterval = int(access.session_s)
    told.ReceiveMaximum = IN_FLIGHT_MAX
    told.MaximumPacketSize = PACKET_BYTES_MAX
    return {
        "protocol": aiomqtt.ProtocolVersion.V5,
        "clean_start": not access.session_s,
        "properties": told,
    }


def _batches(patterns: list[str]) -> list[list[str]]:
    """Split filters into packets."""
    return [patterns[n : n + FILTERS_MAX] for n in range(0, len(patterns), FILTERS_MAX)]


def _number(code: object) -> int:
    """Return the number of a result, as the library tells it."""
    value = getattr(code, "value", code)
    assert isinstance(value, int)
    return value


async def connect(address: tuple[str, int], access: Access | None = None) -> CheckedSocket:
    """Connect to the first address of a broker that answers. Raises: OSError, TimeoutError."""
    access = access or Access()
    received = FIVE_RECEIVED if access.version is Version.FIVE else RECEIVED
    async with asyncio.timeout(CONNECT_S):
        sock = await _connected(address)
        if access.trust is not None:
            try:
                sock = await secured(sock, access.trust, address[0])
            except BaseException:
                with contextlib.suppress(OSError):
                    sock.close()
                raise
        return CheckedSocket(sock, received, rebirth=access.rebirth)


async def _connected(address: tuple[str, int]) -> socket.socket:
    """Return a socket connected to the first address that answers. Raises: OSError."""
    loop = asyncio.get_running_loop()
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
            return sock
    raise last
