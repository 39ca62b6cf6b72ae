"""A daemon with nothing behind it, and a client for its pages."""

import asyncio
import http.client
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pytest

from agent.exposition.floor import Floor
from agent.exposition.own import Own
from agent.web.app import create_app
from agent.web.guard import Gate
from agent.web.server import serving
from collectors.quantity import Quantity
from collectors.readings import Channel, Readings


class FakeState:
    """What the pages need of a daemon, set by the tests."""

    def __init__(self) -> None:
        self.floor = Floor()
        self.own = Own(version="0.1.0")
        self.settled = True
        self.problems: Sequence[str] = ()
        self.reloads = 0

    def ready(self) -> bool:
        """Say what the test has set."""
        return self.settled

    def unix_time(self) -> float:
        """Stand still."""
        return 1_700_000_100.0

    async def reload(self) -> Sequence[str]:
        """Count, and say what the test has set."""
        self.reloads += 1
        return self.problems

    def put(self, value: float) -> None:
        """Put the one reading of the one device of bay-01."""
        values = np.array([value])
        quality = np.zeros(1, np.uint8)
        self.floor.put(
            Readings(device="bay-01/cdu", taken_at=0, values=values, quality=quality, raw=values)
        )


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Fetch = Callable[..., Awaitable[Answer]]


@pytest.fixture
def state() -> FakeState:
    """Return a daemon with two bays; the CDU of the first has read 40.2 degrees."""
    state = FakeState()
    state.floor.add("bay-01", ["cdu"])
    state.floor.add("bay-02", ["feedA"])
    state.floor.bind("bay-01", "cdu", [Channel("supply", Quantity.TEMPERATURE, "1.3")], {})
    state.put(40.2)
    return state


@pytest.fixture
def gate() -> Gate:
    """Return a gate whose deadlines do not hold a test up."""
    return Gate(connections_max=8, request_s=0.2, transfer_s=0.2)


@pytest.fixture
async def address(state: FakeState, gate: Gate) -> AsyncIterator[tuple[str, int]]:
    """Serve the pages on a free port."""
    async with serving(create_app(state), "127.0.0.1", 0, gate) as address:
        yield address


@pytest.fixture
def fetch(address: tuple[str, int]) -> Fetch:
    """Return a function that asks for one page."""

    def ask(path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask, in a thread of its own."""
        connection = http.client.HTTPConnection(*address, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, headers=named)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    async def fetch(path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask while the loop turns."""
        return await asyncio.to_thread(ask, path, method, **headers)

    return fetch
