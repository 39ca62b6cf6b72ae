"""Agents on loopback that answer as a test tells them to, and a relay that is bad weather."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple, cast

from collectors.snmp.ber import Tag, dotted, integer, oid, tlv
from collectors.snmp.exchange import Address
from collectors.snmp.message import Community, Pdu, PduType, decode_pdu, unwrap
from collectors.twin.objects import Object, Shown, Table
from collectors.twin.responder import Responder

READS = {0xA0, 0xA1, 0xA5}  # GET, GETNEXT and GETBULK; 0xA3 would be SET
HOST = "127.0.0.1"
ELSEWHERE = "127.0.0.2"
BASE = "1.3.6.1.4.1.99.1"
OBJECTS = [f"{BASE}.{position}.0" for position in range(1, 51)]
WORD = b"public"


class Reply(NamedTuple):
    """A datagram, and which of the agent's sockets it leaves by."""

    datagram: bytes
    way: str = "here"  # "port": another port of this host, "host": this port of another host


Replies = Callable[[bytes], Iterable[Reply | bytes]]


def honest(objects: Iterable[Object] | None = None) -> Callable[[bytes], Iterator[bytes]]:
    """Return an agent as the RFCs have it; by default object n shows n."""
    shown = objects or [
        Object(oid=name, tag=Tag.GAUGE32, value=n) for n, name in enumerate(OBJECTS)
    ]
    responder: Responder[Shown] = Responder(Table(shown), {})

    def answer(datagram: bytes) -> Iterator[bytes]:
        """Answer one datagram."""
        if (reply := responder.answer(datagram)) is not None:
            yield reply

    return answer


class Asked(NamedTuple):
    """A request, taken apart."""

    version: int
    word: bytes
    pdu: Pdu
    names: list[bytes]

    @property
    def oids(self) -> list[str]:
        """Return what is asked for."""
        return [dotted(name) for name in self.names]

    def answer(  # noqa: PLR0913 -- the fields that an answer has
        self,
        varbinds: bytes,
        *,
        status: int = 0,
        index: int = 0,
        number: int | None = None,
        word: bytes | None = None,
        version: int | None = None,
        kind: int = PduType.RESPONSE,
    ) -> bytes:
        """Encode an answer; each field is that of the request unless given."""
        number = self.pdu.request_id if number is None else number
        fields = b"".join(tlv(Tag.INTEGER, integer(n)) for n in (number, status, index))
        return sealed(
            tlv(kind, fields + tlv(Tag.SEQUENCE, varbinds)),
            word=self.word if word is None else word,
            version=self.version if version is None else version,
        )


def sealed(pdu: bytes, *, word: bytes = WORD, version: int = 1) -> bytes:
    """Put a PDU into an envelope."""
    head = tlv(Tag.INTEGER, integer(version)) + tlv(Tag.OCTET_STRING, word)
    return tlv(Tag.SEQUENCE, head + pdu)


def asked(datagram: bytes) -> Asked:
    """Take a request apart."""
    version, word, body = unwrap(datagram)
    pdu = decode_pdu(body)
    return Asked(version, word, pdu, [body[s.name_start : s.name_stop] for s in pdu.spans])


def varbind(name: bytes | str, value: bytes = b"\x42\x01\x2a") -> bytes:
    """Encode a name with a value that is encoded whole; by default the gauge 42."""
    content = oid(name) if isinstance(name, str) else name
    return tlv(Tag.SEQUENCE, tlv(Tag.OID, content) + value)


class Agent(asyncio.DatagramProtocol):
    """Notes what it is asked and replies as it is told."""

    def __init__(self, replies: Replies) -> None:
        self.replies = replies
        self.heard: list[bytes] = []
        self.address: Address = ("", 0)
        self.others: dict[str, socket.socket] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.address = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Reply."""
        self.heard.append(data)
        for reply in self.replies(data):
            datagram, way = reply if isinstance(reply, Reply) else Reply(reply)
            if way == "here":
                self.transport.sendto(datagram, addr)
            else:
                self.others[way].sendto(datagram, addr)


@asynccontextmanager
async def agent(replies: Replies) -> AsyncIterator[Agent]:
    """Run an agent on a free port; whatever it was asked, it was asked to read alone."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: Agent(replies), local_addr=(HOST, 0)
    )
    port, host = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    try:
        port.bind((HOST, 0))
        host.bind((ELSEWHERE, protocol.address[1]))
        protocol.others = {"port": port, "host": host}
        yield protocol
    finally:
        transport.close()
        port.close()
        host.close()
    assert {unwrap(datagram)[2][0] for datagram in protocol.heard} <= READS


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What becomes of datagrams: chances, and seconds on the way."""

    loss: float = 0.0
    thrice: float = 0.0
    flip: float = 0.0  # of one bit
    cut: float = 0.0
    late: float = 0.0  # chance to take `late_s`
    late_s: float = 0.0
    jitter_s: float = 0.0  # of all others, so that they overtake one another


class Relay(asyncio.DatagramProtocol):
    """Stands before an agent; what goes through it, both ways, goes through weather."""

    def __init__(self, replies: Replies, weather: Weather, rng: random.Random) -> None:
        self.replies = replies
        self.weather = weather
        self.rng = rng
        self.address: Address = ("", 0)
        self.lost = self.carried = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.address = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Bring a request to the agent, and its answers back."""
        if self.rng.random() < self.weather.loss:
            self.lost += 1
            return
        for reply in self.replies(data):
            assert isinstance(reply, bytes)
            self._back(reply, addr)

    def _back(self, reply: bytes, addr: Address) -> None:
        """Let an answer take its way, or not, or thrice."""
        weather, rng = self.weather, self.rng
        for _ in range(3 if rng.random() < weather.thrice else 1):
            if rng.random() < weather.loss:
                self.lost += 1
                continue
            octets = bytearray(reply)
            if rng.random() < weather.flip:
                octets[rng.randrange(len(octets))] ^= 1 << rng.randrange(8)
            if rng.random() < weather.cut:
                del octets[rng.randrange(len(octets)) :]
            late = rng.random() < weather.late
            seconds = weather.late_s if late else rng.random() * weather.jitter_s
            self.carried += 1
            if seconds:
                loop = asyncio.get_running_loop()
                loop.call_later(seconds, self.transport.sendto, bytes(octets), addr)
            else:
                self.transport.sendto(bytes(octets), addr)


@asynccontextmanager
async def relay(replies: Replies, weather: Weather, seed: int = 1) -> AsyncIterator[Relay]:
    """Run an agent behind weather, on a free port."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: Relay(replies, weather, random.Random(seed)), local_addr=(HOST, 0)
    )
    try:
        yield protocol
    finally:
        transport.close()


ENVELOPE = Community("2c", WORD)
