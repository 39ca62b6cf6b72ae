"""The subscriber: one connection to one broker, kept up for ever; it publishes nothing, not a will.

The one exception has to be written into the floor file: nodes of Sparkplug may then be asked for
their births, without which nothing that they say can be understood.

A broker that is down at the start is one that is not up yet. What decides whether values can be
believed is when they came, never whether the connection looks well.
"""

import asyncio
import enum
import math
import random
from collections.abc import Callable, Mapping
from typing import Final

import aiomqtt
import structlog

from collectors.mqtt.access import Access
from collectors.mqtt.device import Heard
from collectors.mqtt.hub import TICK_S, Hub, OnBound, OnReadings, Watched
from collectors.mqtt.link import CLOSED, CheckedSocket, Client, connect
from collectors.mqtt.published import Published
from collectors.mqtt.source import Source
from collectors.mqtt.sparkplug import command, rebirth

RETRY_FIRST_S: Final = 1.0  # no broker is asked more often than once a second
RETRY_MAX_S: Final = 30.0  # nor left alone for longer than somebody would wait beside it
STEADY_S: Final = 10.0  # a connection that held so long counts as a success
SILENCE_MAX_S: Final = 120.0  # a broker that forgot our subscriptions is silent and looks well
UNANSWERED: Final = "it does not answer us; if that port speaks TLS, write mqtts://"

log = structlog.get_logger()


class State(enum.Enum):
    """How the connection is."""

    WAITING = "waiting"  # not connected; the next attempt comes
    CONNECTING = "connecting"
    UP = "up"


class Subscriber:
    """Follows every device of one broker. All callbacks come from the loop, and must not block."""

    def __init__(  # noqa: PLR0913 -- two clocks and an rng, as everywhere
        self,
        name: str,
        address: tuple[str, int],
        access: Access | None = None,
        *,
        clock: Callable[[], float],
        wall: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.name = name
        self.address = address
        self.access = access or Access()
        self.state = State.WAITING
        self.error = ""  # why the connection was last lost, or did not come to be
        self.connections = 0
        self.rebirths_asked = 0
        self.refused: frozenset[str] = frozenset()  # filters that the broker does not grant
        self._octets_before = 0
        self._clock = clock
        self._wall = wall
        self._rng = rng
        self._hub = Hub(self.access.reorder_s)
        self._client: Client | None = None
        self._failures = 0

    @property
    def devices(self) -> Mapping[str, Watched]:
        """Return the devices by name: channels, identity, and counts of what came for each."""
        return self._hub.watched

    @property
    def drops(self) -> Mapping[str, int]:
        """Return how many messages came that should not have, by reason; it never falls."""
        total = self._hub.drops.copy()
        for watched in self._hub.watched.values():
            total.update(watched.drops)
        return total

    @property
    def octets(self) -> int:
        """Return how much was received in all."""
        return self._octets_before + (self._client.socket.octets if self._client else 0)

    def watch(
        self, device: str, source: Source, on_readings: OnReadings, on_bound: OnBound
    ) -> None:
        """Begin with a device, "bay/device". `on_bound` tells its channels before any readings."""
        self._hub.watch(device, source, on_readings, on_bound, self._clock())

    def forget(self, device: str) -> None:
        """End with a device; unknown names are fine."""
        self._hub.forget(device)

    async def run(self) -> None:
        """Stay connected and tell what comes, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell())
            tasks.create_task(self._stay_connected())

    async def _tell(self) -> None:
        """Tell what is to be told, whether or not there is a broker."""
        while True:
            self._hub.tick(self._clock())
            await asyncio.sleep(TICK_S)

    async def _stay_connected(self) -> None:
        """Connect again and again; say once why it is lost, and once that it is back."""
        while True:
            began = self._clock()
            why = await self._connection()
            self.state = State.WAITING
            steady = self._clock() - began >= STEADY_S
            self._failures = 1 if steady else self._failures + 1
            if why != self.error:
                log.warning("broker_down", broker=self.name, address=self.address, why=why)
            self.error = why
            await asyncio.sleep(retry_s(self._failures, self._rng))

    async def _connection(self) -> str:
        """Connect and stay until it ends; return why it did."""
        self.state = State.CONNECTING
        try:
            sock = await connect(self.address, self.access)
        except TimeoutError:
            return "no answer"
        except OSError as error:
            return error.strerror or str(error)
        client = Client(sock, self.address, self._deliver, self.access)
        self._client = client
        try:
            async with client:
                return await self._follow(client)
        except aiomqtt.MqttError as error:
            return self._why(sock, str(error))
        finally:
            self._hub.disconnected()
            self._octets_before, self._client = self.octets, None
            client.abandon()

    async def _follow(self, client: Client) -> str:
        """Keep subscriptions as wanted while the connection lasts. Raises: MqttError when lost."""
        self.connections += 1
        self._hub.connected(self._clock())
        had: frozenset[str] = frozenset()
        self.refused = frozenset()
        lost = asyncio.ensure_future(client.until_lost())
        try:
            while not lost.done():
                wanted = self._hub.filters
                if wanted != had:
                    await self._subscribe(client, wanted, had)
                    had = wanted
                if self._clock() - self._hub.heard_at > SILENCE_MAX_S and self._hub.talkative:
                    return f"nothing came for {SILENCE_MAX_S:.0f} s"
                if self.access.rebirth:
                    await self._ask(client)
                await asyncio.wait({lost}, timeout=1.0)
            await lost
            return "closed"
        finally:
            lost.cancel()
            await asyncio.gather(lost, return_exceptions=True)

    async def _ask(self, client: Client) -> None:
        """Ask nodes for their births, where the floor file allows it. Raises: MqttError."""
        for node, why in self._hub.edges.asking(self._clock()):
            log.info("rebirth_asked", broker=self.name, group=node.group, node=node.name, why=why)
            self.rebirths_asked += 1
            told = rebirth(int(self._wall() * 1000))
            await client.publish(command(node.group, node.name), told, qos=0)

    async def _subscribe(self, client: Client, wanted: frozenset[str], had: frozenset[str]) -> None:
        """Bring subscriptions up to date. Raises: MqttError."""
        refused = await client.follow(wanted, had)
        self.refused = (self.refused | {*refused}) & wanted
        for pattern, why in refused.items():
            log.warning("subscription_refused", broker=self.name, topic=pattern, why=why)
        if self.state is not State.UP:
            self.state, self.error = State.UP, ""
            log.info(
                "broker_up",
                broker=self.name,
                address=self.address,
                tls=client.socket.tls or "none",
                session=self._session(client),
            )

    def _why(self, sock: CheckedSocket, otherwise: str) -> str:
        """Return why a connection was lost, or never was."""
        if sock.ended == CLOSED and self.access.client_id and self.state is State.UP:
            return f"{CLOSED}; if that goes on, somebody else has our client_id"
        return sock.ended or (otherwise if sock.octets else UNANSWERED)

    def _session(self, client: Client) -> str:
        """Say what became of the session: one that was lost has kept nothing for us."""
        if not self.access.session_s:
            return "none"
        return "resumed" if client.resumed else "new" if self.connections == 1 else "lost"

    def _deliver(self, told: Published, retained: bool) -> None:  # noqa: FBT001 -- as it comes
        """Take in one message."""
        now = self._clock()
        valid = math.inf if told.expiry_s is None else now + told.expiry_s
        self._hub.hear(Heard(told.topic, told.payload, retained, now, self._wall(), valid))


def retry_s(failures: int, rng: random.Random) -> float:
    """Return how long to leave a broker alone after `failures` in a row: doubling, with jitter."""
    return min(RETRY_MAX_S, RETRY_FIRST_S * 2.0 ** min(failures - 1, 8)) * rng.uniform(1.0, 1.5)
