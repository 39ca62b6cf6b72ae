"""What a twin publishes, as a broker of somebody else's hears it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiomqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.programs import LOOPBACK, Program, find, free_port
from agent.twin import publisher
from agent.twin.publisher import Publisher, packet
from collectors.twin.mqtt_face import Message


@given(st.integers(0, 1 << 21))
def test_the_length_of_a_packet_is_told_as_every_client_reads_it(size: int) -> None:
    """Read it back by the algorithm of the standard (MQTT 3.1.1 §2.2.3)."""
    sent = packet(0x30, bytes(size))
    multiplier, value, at = 1, 0, 1
    while True:
        value += (sent[at] & 127) * multiplier
        multiplier *= 128
        at += 1
        if not sent[at - 1] & 128:
            break
    assert (value, len(sent) - at) == (size, size)


@contextlib.asynccontextmanager
async def publishing(port: int) -> AsyncIterator[Publisher]:
    """Keep a publisher connected."""
    there = Publisher(LOOPBACK, port, "twin")
    task = asyncio.create_task(there.keep())
    try:
        yield there
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def renewed(there: Publisher) -> None:
    """Wait for a connection on which nothing was said yet."""
    async with asyncio.timeout(20):
        await there.new.wait()
    assert there.renewed()
    assert not there.renewed()


@pytest.fixture
async def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    """Run a broker and return its port."""
    command = find("mosquitto")
    if command is None:
        pytest.skip("mosquitto is not installed")
    port = free_port(0)
    folder = tmp_path_factory.mktemp("mosquitto")
    (folder / "m.conf").write_text(f"listener {port} {LOOPBACK}\nallow_anonymous true\n")
    program = await Program.start("mosquitto", (command, "-c", "m.conf"), folder)
    try:
        await program.ready(port, None)
        yield port
    finally:
        await program.stop()


async def test_mosquitto_passes_on_what_is_published(mosquitto: int) -> None:
    """Send messages of all sizes, and compare what a client of another make hears."""
    sent = [Message(f"a/{n}/ä", bytes([n % 251]) * n, retain=n == 0) for n in (1, 0, 200, 20_000)]
    async with (
        aiomqtt.Client(LOOPBACK, mosquitto) as client,
        publishing(mosquitto) as there,
    ):
        await client.subscribe("a/#")
        await renewed(there)
        there.send(sent)
        heard = []
        async with asyncio.timeout(20):
            async for message in client.messages:
                heard.append((str(message.topic), message.payload))
                if len(heard) == len(sent):
                    break
    assert heard == [(each.topic, each.payload) for each in sent]


async def test_a_broker_that_goes_and_comes_back_is_greeted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Drop the first connection at once; what was said meanwhile is nobody's."""
    monkeypatch.setattr(publisher, "RECONNECT_S", 0.0)
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    dropped = asyncio.Event()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Accept a client; let the first one go."""
        await reader.readexactly(2)
        await reader.readexactly(16)
        writer.write(publisher.CONNACK)
        if dropped.is_set():
            heard.set_result(await reader.readexactly(9))
        dropped.set()
        writer.close()

    server = await asyncio.start_server(meet, LOOPBACK, 0)
    async with server, publishing(server.sockets[0].getsockname()[1]) as there:
        await renewed(there)
        await renewed(there)
        there.send([Message("a", b"1234")])
        async with asyncio.timeout(20):
            assert await heard == b"0\x07\x00\x01a1234"


async def test_a_broker_that_stood_still_is_greeted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read nothing until messages are dropped, then all; births may have been among them."""
    monkeypatch.setattr(publisher, "BACKLOG_BYTES_MAX", 1 << 16)
    going, gone = asyncio.Event(), asyncio.Event()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Accept a client, and let it wait."""
        await reader.readexactly(18)
        writer.write(publisher.CONNACK)
        await going.wait()
        while await reader.read(1 << 20):
            pass
        writer.close()
        await writer.wait_closed()
        gone.set()

    async with await asyncio.start_server(meet, LOOPBACK, 0) as server:
        async with publishing(server.sockets[0].getsockname()[1]) as there:
            await renewed(there)
            large = [Message("a", bytes(1 << 16))]
            while not there.dropped:
                there.send(large)
                await asyncio.sleep(0)
            assert not there.renewed()
            going.set()
            async with asyncio.timeout(20):
                while not there.renewed():
                    there.send(large)
                    await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await gone.wait()
