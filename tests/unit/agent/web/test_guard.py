"""Tests for the guard: clients that are slow, silent or many, and requests that are none."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from agent.web.guard import Gate
from agent.web.server import serving

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from tests.unit.agent.web.conftest import Fetch

PATIENCE_S = 10.0  # far beyond the fixture's deadlines: what is still open then stays open

Address = tuple[str, int]


async def _closed(reader: asyncio.StreamReader) -> bytes:
    """Wait until the other side closes; return what it said before."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def _until(reached: Callable[[], bool]) -> None:
    """Wait for something that the server does on its own."""
    async with asyncio.timeout(PATIENCE_S):
        while not reached():  # noqa: ASYNC110 -- the guard has no event to wait for
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"", b""),
        (b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n", b"X-a: b\r\n"),
        (b"GET /-/healthy HTTP/1.1\r\nHo", b""),
        (b"POST /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\nGET /", b""),
    ],
    ids=["nothing", "drips headers", "half a header", "drips a body", "half a second request"],
)
async def test_a_client_that_does_not_finish_its_request_is_closed(
    address: Address, gate: Gate, first: bytes, drip: bytes
) -> None:
    """However it goes about it, and without waiting longer for one that sends now and then."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(first)

    async def dripping() -> None:
        """Send a little, again and again."""
        while drip:
            writer.write(drip)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(dripping())
    await _closed(reader)
    task.cancel()
    writer.close()

    assert gate.drops["late_request"] == 1
    assert not gate.waiting


async def test_idle_clients_make_room_for_one_who_asks(
    address: Address, gate: Gate, fetch: "Fetch"
) -> None:
    """Prometheus gets its page though every place is taken by somebody who says nothing."""
    gate.request_s = PATIENCE_S
    idle = [await asyncio.open_connection(*address) for _ in range(5 * gate.connections_max)]

    assert (await fetch("/-/healthy")).status == 200
    assert gate.drops["no_place"] >= 4 * gate.connections_max
    assert len(gate.waiting) <= gate.connections_max
    for _, writer in idle:
        writer.close()


async def test_a_reader_that_does_not_read_is_closed(gate: Gate) -> None:
    """Its page would be held in memory for as long as it likes."""

    async def endless(scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Send a page larger than all buffers between us."""
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1024):
            await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with serving(endless, "127.0.0.1", 0, gate) as address:
        _, writer = await asyncio.open_connection(*address, limit=1)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await _until(lambda: bool(gate.drops["slow_reader"]) and not gate.open)
        writer.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 300_000,
        b"POST /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    ],
    ids=["TLS", "NUL", "no host", "huge", "length", "chunk", "two hosts"],
)
async def test_what_is_no_request_is_refused(
    address: Address,
    fetch: "Fetch",
    request_bytes: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With a client error or a closed connection; never an exception, and the next is served."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request_bytes)
    answer = await _closed(reader)
    writer.close()

    assert answer[:12] in {b"", b"HTTP/1.1 400", b"HTTP/1.1 405"}
    assert (await fetch("/-/healthy")).status == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_places_are_given_back(address: Address, gate: Gate, fetch: "Fetch") -> None:
    """After more clients than there are places, all places are free."""
    for _ in range(2 * gate.connections_max):
        assert (await fetch("/-/healthy")).status == 200
    await _until(lambda: not gate.open)

    assert not gate.waiting
    assert address


async def test_serving_ends_with_its_block(gate: Gate) -> None:
    """A daemon that stops leaves no port open and no client hanging."""

    async def silent(scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer nothing: nobody asks."""

    async with serving(silent, "127.0.0.1", 0, gate) as address:
        reader, writer = await asyncio.open_connection(*address)
    assert not await _closed(reader)
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
