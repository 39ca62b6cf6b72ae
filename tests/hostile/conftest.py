"""The endpoint as shipped, on loopback, for hostile agents to try."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from collectors.snmp.endpoint import Endpoint
from collectors.snmp.poll import Answer

Polled = Callable[..., Awaitable[Answer]]


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """Open an endpoint, and close it whatever happened."""
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    yield endpoint
    endpoint.close()


@pytest.fixture
def polled(endpoint: Endpoint) -> Polled:
    """Return what polls a watched device and awaits its answer."""

    async def poll(device: str = "bay/pdu") -> Answer:
        """Poll once."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        assert endpoint.poll(device, lambda _, answer: future.set_result(answer))
        return await future

    return poll
