"""A broker that means harm, in the clear and under TLS, in both versions of MQTT."""

import asyncio
import contextlib
import random
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest
from structlog.testing import CapturingLogger

from collectors.mqtt import link, subscriber
from collectors.mqtt.access import Access, Trust, Version
from collectors.mqtt.subscriber import State
from tests.oracles.brokers import LOOPBACK, PATIENCE_S, Authority, Ear, running

MEBIBYTE: Final = 1 << 20
ROGUE_MIB: Final = 200
ANSWERS: Final = {  # of a broker that accepts us and grants one filter
    Version.THREE: (b"\x20\x02\x00\x00", b"\x90\x03\x00\x01\x01"),
    Version.FIVE: (b"\x20\x03\x00\x00\x00", b"\x90\x04\x00\x01\x00\x01"),
}
CHILD: Final = """
import asyncio, random, resource, sys, time
from pathlib import Path
from collectors.mqtt.access import Access, Trust, Version
from collectors.mqtt.mapping import MqttProfile
from collectors.mqtt.source import Source
from collectors.mqtt.subscriber import Subscriber

channel = {"field": "d.temperature.v", "unit": "degC", "quantity": "temperature"}
message = {"topic": "a/b", "max_age": "20 s", "channels": {"temperature": channel}}
mqtt = MqttProfile.model_validate({"dialect": "json", "messages": [message]})
source = Source(profile="p", kind="other", vendor="v", mqtt=mqtt, match={})

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

async def meet(port, version, ca):
    access = Access(version=Version(version), trust=Trust(authorities=Path(ca)) if ca else None)
    hall = Subscriber("hall", ("127.0.0.1", int(port)), access, clock=time.monotonic,
                      wall=time.time, rng=random.Random(1))
    hall.watch("bay-01/room", source, lambda readings: None, lambda *bound: None)
    task = asyncio.create_task(hall.run())
    while not hall.error:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return hall

async def main():
    before = None
    for each in sys.argv[1:]:
        hall = await meet(*each.split(","))
        before = before or peak()
        print("/".join(map(str, (hall.error, hall.octets, peak() - before))))

asyncio.run(main())
"""
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def rogue(talk: Talk, certificate: tuple[Path, Path] | None = None) -> AsyncIterator[int]:
    """Serve on a port of its own."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one client, however it ends."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await talk(reader, writer)
        writer.close()

    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    server = await asyncio.start_server(serve, LOOPBACK, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


ROGUES: Final = [
    (Version.THREE, b"\x30\x80\x01", "closed"),  # too short, for comparison
    (Version.THREE, b"\x30\x80\x80\x80\x64", "more than"),  # 200 MiB in four bytes of length
    (Version.FIVE, b"\x30\x80\x80\x80\x64", "more than"),
    (Version.THREE, b"\x30\xff\xff\xff\xff\x01", "more than"),  # a length of five bytes
    (Version.FIVE, b"\x90\x80\x80\x01", "more than"),  # a SUBACK of 16 KiB
    (Version.THREE, b"\x34\x0a\x00\x01a\x00\x01", "begins with 0x34"),  # QoS 2, kept for us
    (Version.FIVE, b"\xf0\x02\x00\x00", "begins with 0xf0"),  # AUTH, which we do not do
]


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
async def test_rogue_brokers_cost_no_memory(tmp_path: Path, *, tls: bool) -> None:
    """Each is left at the first bytes of what must not come; another process measures itself."""
    authority = Authority(tmp_path)
    certificate = authority.sign("broker") if tls else None

    def talk(version: Version, header: bytes, size: int) -> Talk:
        """Return who accepts a client, acknowledges all, then announces too much and sends it."""

        async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            """Say it."""
            connack, suback = ANSWERS[version]
            await reader.read(1000)
            writer.write(connack)
            await reader.read(1000)
            writer.write(suback + header)
            for _ in range(size):
                writer.write(bytes(MEBIBYTE))
                await writer.drain()

        return say

    async with contextlib.AsyncExitStack() as stack:
        told = []
        for n, (version, header, _) in enumerate(ROGUES):
            served = rogue(talk(version, header, ROGUE_MIB if n else 0), certificate)
            port = await stack.enter_async_context(served)
            told.append(f"{port},{version.value},{authority.file if tls else ''}")
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, *told, stdout=subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(child.communicate(), PATIENCE_S)
    lines = [line for line in output.decode().splitlines() if line.count("/") == 2]
    assert len(lines) == len(ROGUES)
    for line, (_, _, said) in zip(lines, ROGUES, strict=True):
        why, octets, grown = line.split("/")
        assert said in why
        assert int(octets) < 64 << 10
        assert int(grown) < 5 << 10  # KiB


@pytest.mark.parametrize("version", Version, ids=lambda v: v.value)
async def test_whatever_a_broker_sends_we_stay(
    monkeypatch: pytest.MonkeyPatch, version: Version
) -> None:
    """Random packets of every kind that may come, at any moment: the next broker is a good one."""
    rng = random.Random(37)
    connack, suback = ANSWERS[version]
    kinds = (0x20, 0x30, 0x32, 0x90, 0xB0, 0xD0, 0xE0, 0x3B)
    answered = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send nonsense, once at each step; in the end do as a broker should."""
        nonlocal answered
        answered += 1
        good = answered > 60
        for answer in (connack, suback):
            await reader.read(1000)
            if not good and rng.random() < 0.4:
                body = rng.randbytes(rng.randrange(0, 40))
                writer.write(bytes([rng.choice(kinds), len(body)]) + body)
            writer.write(answer)
        if good:
            await reader.read()

    monkeypatch.setattr(subscriber, "retry_s", lambda *_: 0.001)
    monkeypatch.setattr(link, "CONNECT_S", 0.1)
    async with rogue(talk) as port:
        ear = Ear(port, Access(version=version))
        ear.watch("bay-01/room", "json_room")
        async with running(ear):
            await ear.until(lambda: answered > 60 and ear.subscriber.state is State.UP)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"\x20\x03\x00\x8a\x00", "we are banned there"),
        (b"\x20\x03\x00\x84\x00", "write `protocol: 3.1.1`"),
        (b"\x20\x02\x00\x01", "write `protocol: 3.1.1`"),  # in the words of an old one
        (ANSWERS[Version.FIVE][0] + b"\xe0\x02\x8e\x00", "somebody else connected under our"),
        (ANSWERS[Version.FIVE][0] + b"\xe0\x00", "it ended the connection"),
    ],
)
async def test_a_brokers_reason_is_told(sent: bytes, said: str) -> None:
    """MQTT 5 has a number for each; we have a sentence that says what to do."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say it, and wait for the client to leave."""
        await reader.read(1000)
        writer.write(sent)
        await reader.read()

    async with rogue(talk) as port:
        ear = Ear(port, Access(version=Version.FIVE))
        ear.watch("bay-01/room", "json_room")
        async with running(ear):
            assert said in await ear.refused()


async def test_a_filter_that_is_denied_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection stays, and the topic is told with the reason."""
    told = CapturingLogger()
    monkeypatch.setattr(subscriber, "log", told)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Accept, and deny."""
        await reader.read(1000)
        writer.write(ANSWERS[Version.FIVE][0])
        await reader.read(1000)
        writer.write(b"\x90\x04\x00\x01\x00\x9e")
        await reader.read()

    async with rogue(talk) as port:
        ear = Ear(port, Access(version=Version.FIVE, group="burnin"))
        ear.watch("bay-01/room", "json_room")
        async with running(ear):
            await ear.connected()
            assert ear.subscriber.refused == {"gateway/bay-01/room/telemetry"}
    whys = [str(call.kwargs.get("why")) for call in told.calls]
    assert any("it takes no shared subscriptions; remove `group`" in why for why in whys)


async def test_tls_that_never_ends_its_greeting_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A port that accepts and says nothing holds nobody up for longer than any other."""
    monkeypatch.setattr(link, "CONNECT_S", 0.2)

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        """Say nothing."""
        await reader.read()

    async with rogue(talk) as port:
        trust = Trust(authorities=Authority(tmp_path).file)
        async with running(Ear(port, Access(trust=trust))) as ear:
            assert await ear.refused() == "no answer"
