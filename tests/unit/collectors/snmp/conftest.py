"""A network in memory: loses, doubles, delays and reorders datagrams, on a clock of its own."""

import heapq
import random
from collections.abc import Callable, Iterable, Mapping

import pytest

from collectors.snmp.exchange import Address, Exchange
from collectors.snmp.message import unwrap
from collectors.snmp.secured import is_v3

Agent = Callable[[bytes, float], Iterable[tuple[bytes, Address]]]  # datagram, now -> datagrams
Drive = Callable[..., float]

READS = {0xA0, 0xA1, 0xA5}  # GET, GETNEXT and GETBULK; 0xA3 would be SET
STEPS_MAX = 200_000  # of one test; more means that something goes on for ever


class Network:
    """Carries datagrams between an exchange and its agents."""

    def __init__(
        self,
        exchange: Exchange,
        agents: Mapping[Address, Agent],
        now: float = 0.0,
        **weather: float,  # seed, loss, twice: chances; slowest_s, fastest_s: one way
    ) -> None:
        self.exchange = exchange
        self.agents = agents
        self.now = now
        self.weather = weather
        self.rng = random.Random(weather.get("seed", 0))
        self.on_the_way: list[tuple[float, int, bytes, Address, bool]] = []
        self.serial = 0

    def run(self) -> float:
        """Carry until nothing is outstanding or on its way; return the time then."""
        for _ in range(STEPS_MAX):
            self.collect()
            due = self.exchange.due()
            if self.on_the_way and (due is None or self.on_the_way[0][0] <= due):
                self.deliver()
            elif due is not None:
                self.now = max(self.now, due)
                self.exchange.expire(self.now)
            else:
                return self.now
        raise AssertionError("this would go on for ever")

    def collect(self) -> None:
        """Hand over what ended, and take what is to be sent."""
        while self.exchange.ended:
            talk, seconds = self.exchange.ended.popleft()
            talk.end(seconds)
        while self.exchange.outbox:
            datagram, address = self.exchange.outbox.popleft()
            assert is_v3(datagram) or unwrap(datagram)[2][0] in READS
            if address in self.agents:
                self.carry(datagram, address, to_agent=True)

    def carry(self, datagram: bytes, address: Address, *, to_agent: bool) -> None:
        """Put a datagram on its way, or not, or twice."""
        weather = self.weather
        for _ in range(2 if self.rng.random() < weather.get("twice", 0) else 1):
            if self.rng.random() >= weather.get("loss", 0):
                slowest_s = weather.get("slowest_s", 0.001)
                delay_s = self.rng.uniform(weather.get("fastest_s", 0.0), slowest_s)
                self.serial += 1
                packet = (self.now + delay_s, self.serial, datagram, address, to_agent)
                heapq.heappush(self.on_the_way, packet)

    def deliver(self) -> None:
        """Let the next datagram arrive."""
        self.now, _, datagram, address, to_agent = heapq.heappop(self.on_the_way)
        if not to_agent:
            self.exchange.hear(datagram, address, self.now)
            return
        for reply, source in self.agents[address](datagram, self.now):
            self.carry(reply, source, to_agent=False)


@pytest.fixture(scope="session")
def drive() -> Drive:
    """Return what carries datagrams between an exchange and its agents until all is quiet."""

    def run(
        exchange: Exchange,
        agents: Mapping[Address, Agent],
        now: float = 0.0,
        **weather: float,
    ) -> float:
        """Carry them; return the time then."""
        return Network(exchange, agents, now, **weather).run()

    return run
