"""The endpoint on real sockets: agents on loopback, hostile ones among them."""

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

import numpy as np
import pytest

from collectors.readings import Quality
from collectors.snmp.ber import BerError, Tag
from collectors.snmp.endpoint import GATHER_MIN, GATHER_S, Endpoint
from collectors.snmp.exchange import Address, Outcome, Target
from collectors.snmp.message import Version, unwrap
from collectors.snmp.poll import Answer, Fetched
from collectors.snmp.walk import COMPLETE
from collectors.twin.objects import Object, Shown, Table
from collectors.twin.responder import Responder

READS = {0xA0, 0xA1, 0xA5}  # GET, GETNEXT and GETBULK; 0xA3 would be SET
OBJECTS = [f"1.3.6.1.4.1.99.1.{position}.0" for position in range(100)]
RESPONDER: Responder[Shown] = Responder(
    Table(Object(oid=name, tag=Tag.GAUGE32, value=n) for n, name in enumerate(OBJECTS)), {}
)
Replies = Callable[[bytes], Iterable[bytes]]


def honest(datagram: bytes) -> Iterator[bytes]:
    """Answer as the RFCs say."""
    reply = RESPONDER.answer(datagram)
    if reply is not None:
        yield reply


class Agent(asyncio.DatagramProtocol):
    """An agent on loopback that notes what it was asked."""

    def __init__(self, replies: Replies) -> None:
        self.replies = replies
        self.heard: list[bytes] = []
        self.address: Address = ("", 0)
        self.reply_from: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.address = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Reply, from another socket if there is one."""
        self.heard.append(data)
        for reply in self.replies(data):
            if self.reply_from is not None:
                self.reply_from.sendto(reply, addr)
            else:
                self.transport.sendto(reply, addr)


@asynccontextmanager
async def agent(replies: Replies = honest, host: str = "127.0.0.1") -> AsyncIterator[Agent]:
    """Run an agent on a free port."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: Agent(replies), local_addr=(host, 0)
    )
    try:
        yield protocol
    finally:
        transport.close()
    assert {unwrap(datagram)[2][0] for datagram in protocol.heard} <= READS


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """Open an endpoint, and close it whatever happened."""
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    yield endpoint
    endpoint.close()


async def polled(endpoint: Endpoint, device: str = "bay/pdu") -> Answer:
    """Poll a watched device and await its answer."""
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    assert endpoint.poll(device, lambda _, answer: future.set_result(answer))
    return await future


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_a_device_is_fetched_walked_and_polled(endpoint: Endpoint, version: Version) -> None:
    """The three things one does with a device."""
    async with agent() as device:
        target = Target(address=device.address, version=version)
        fetched = await endpoint.get(target, OBJECTS[:2])
        walked = await endpoint.walk(target, ["1.3.6.1.4.1.99"])
        endpoint.watch("bay/pdu", target, OBJECTS)
        answers = [await polled(endpoint) for _ in range(3)]

    assert fetched.values == {OBJECTS[0]: 0, OBJECTS[1]: 1}
    assert walked.rows == {name: n for n, name in enumerate(OBJECTS)}
    assert walked.ended == {"1.3.6.1.4.1.99": COMPLETE}
    for answer in answers:
        assert answer.outcome is Outcome.OK
        np.testing.assert_array_equal(answer.raw, np.arange(100))
    assert endpoint.stats.datagrams_sent == endpoint.stats.datagrams_received
    assert endpoint.stats.octets_sent == sum(map(len, device.heard))


async def test_a_closed_port_is_known_at_once(endpoint: Endpoint) -> None:
    """The kernel says so; nobody waits for a timeout, and the socket does not spin."""
    async with agent() as gone:
        target = Target(address=gone.address, timeout_s=60, deadline_s=60)
    async with agent() as alive:
        fetched = await endpoint.get(target, OBJECTS[:1])
        walked = await endpoint.walk(target, [OBJECTS[0]])
        assert (fetched.outcome, walked.outcome) == (Outcome.REFUSED, Outcome.REFUSED)
        assert fetched.unread == {OBJECTS[0]: "no answer"}

        other = await endpoint.get(Target(address=alive.address), OBJECTS[:1])
        assert other.outcome is Outcome.OK


async def test_many_closed_ports_cost_the_others_nothing(endpoint: Endpoint) -> None:
    """Errors of some pending on the socket must not lose the datagrams of others."""
    async with agent() as gone:
        closed = gone.address
    async with agent() as alive:
        targets = [Target(address=("127.0.7.1", 2 + n)) for n in range(300)]
        targets[::3] = [Target(address=alive.address)] * 100
        targets[1] = Target(address=closed)
        fetched = await asyncio.gather(*(endpoint.get(t, OBJECTS[:1]) for t in targets))

    outcomes = [one.outcome for one in fetched]
    assert outcomes[::3] == [Outcome.OK] * 100
    assert outcomes.count(Outcome.REFUSED) == 200


@pytest.mark.parametrize("source", [("127.0.0.2", 0), ("127.0.0.1", 0)], ids=["host", "port"])
async def test_answers_from_elsewhere_are_no_answers(endpoint: Endpoint, source: Address) -> None:
    """Anyone on the network can send; only the address and port that were asked count."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind(source)
        async with agent() as device:
            device.reply_from = elsewhere
            target = Target(address=device.address, timeout_s=0.05)
            fetched = await endpoint.get(target, OBJECTS[:1])

    assert fetched.outcome is Outcome.TIMEOUT
    assert endpoint.stats.drops == {"source": 2}


async def test_a_flood_from_one_device_leaves_the_others_their_polls(endpoint: Endpoint) -> None:
    """Whatever one device sends, it is read in batches and dropped."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        async with agent() as device:

            def and_flood(datagram: bytes) -> Iterator[bytes]:
                """Answer, and bury the asker in 60 kB datagrams."""
                yield from honest(datagram)
                port = asking.address[1]
                for _ in range(100):
                    flood.sendto(bytes(60_000), ("127.0.0.1", port))

            async with agent(and_flood) as hostile:
                asking = Agent(honest)
                asking.address = endpoint_address(endpoint)
                endpoint.watch("bay/good", Target(address=device.address), OBJECTS)
                endpoint.watch("bay/bad", Target(address=hostile.address), OBJECTS)
                for _ in range(5):
                    good, _ = await asyncio.gather(
                        polled(endpoint, "bay/good"), polled(endpoint, "bay/bad")
                    )
                    assert good.outcome is Outcome.OK

    assert endpoint.stats.drops["malformed"] > 0


def endpoint_address(endpoint: Endpoint) -> Address:
    """Return where the endpoint receives."""
    sockets = vars(endpoint)["_sockets"]
    address: Address = sockets[False].getsockname()
    return address


async def test_a_device_that_sends_nothing_costs_its_own_poll(endpoint: Endpoint) -> None:
    """Every object of it is unknown; the other device is read meanwhile."""
    async with agent(lambda _: []) as mute, agent() as device:
        endpoint.watch("bay/mute", Target(address=mute.address, timeout_s=0.02), OBJECTS)
        endpoint.watch("bay/pdu", Target(address=device.address), OBJECTS)
        silent, good = await asyncio.gather(polled(endpoint, "bay/mute"), polled(endpoint))

    assert silent.outcome is Outcome.TIMEOUT
    assert set(silent.fault) == {Quality.COMM_LOST}
    assert np.isnan(silent.raw).all()
    assert good.outcome is Outcome.OK


async def test_polls_of_a_device_do_not_overlap(endpoint: Endpoint) -> None:
    """A poll that comes too early is not started, and says so."""
    answers: list[Answer] = []
    async with agent() as device:
        endpoint.watch("bay/pdu", Target(address=device.address), OBJECTS)
        first = polled(endpoint)
        waiting = asyncio.ensure_future(first)
        await asyncio.sleep(0)
        assert not endpoint.poll("bay/pdu", lambda _, answer: answers.append(answer))
        await waiting
    assert answers == []


async def test_a_forgotten_device_answers_nobody(endpoint: Endpoint) -> None:
    """Its poll under way ends unheard, and its address is free for others."""
    answers: list[Answer] = []
    async with agent() as device:
        target = Target(address=device.address)
        endpoint.watch("bay/pdu", target, OBJECTS)
        endpoint.poll("bay/pdu", lambda _, answer: answers.append(answer))
        endpoint.forget("bay/pdu")
        fetched = await endpoint.get(target, OBJECTS[:1])
        endpoint.forget("bay/pdu")

    assert fetched.outcome is Outcome.OK
    assert answers == []
    with pytest.raises(KeyError):
        endpoint.poll("bay/pdu", lambda _, answer: answers.append(answer))


async def test_whoever_stops_waiting_frees_the_address(endpoint: Endpoint) -> None:
    """A cancelled fetch is not asked on behalf of nobody."""
    async with agent(lambda _: []) as mute:
        target = Target(address=mute.address)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(endpoint.get(target, OBJECTS[:1]), 0.01)
        mute.replies = honest
        fetched = await endpoint.get(target, OBJECTS[:1])
    assert fetched.outcome is Outcome.OK


async def test_closing_leaves_nobody_waiting() -> None:
    """At the end of the program nothing hangs."""
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    async with agent(lambda _: []) as mute:
        waiting = asyncio.ensure_future(endpoint.get(Target(address=mute.address), OBJECTS[:1]))
        await asyncio.sleep(0)
        endpoint.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_more_devices_than_the_socket_can_hold_answers_for(endpoint: Endpoint) -> None:
    """Two thousand polls at once, and not one is lost."""
    count = 2000
    async with agent() as device:
        targets = [Target(address=device.address)] * count
        fetched = await asyncio.gather(*(endpoint.get(target, OBJECTS[:40]) for target in targets))
    assert {one.outcome for one in fetched} == {Outcome.OK}


async def test_answers_of_many_devices_are_read_in_batches(endpoint: Endpoint) -> None:
    """Hundreds of devices answer at the same moment; each gets its own values."""
    async with AsyncExitStack() as stack:
        devices = [await stack.enter_async_context(agent()) for _ in range(200)]
        for number, device in enumerate(devices):
            endpoint.watch(f"bay/{number}", Target(address=device.address), OBJECTS[:50])
        for _ in range(3):
            answers = await asyncio.gather(*(polled(endpoint, f"bay/{n}") for n in range(200)))
            assert {answer.outcome for answer in answers} == {Outcome.OK}
            assert all((answer.raw == np.arange(50)).all() for answer in answers)


async def test_closing_while_answers_gather_is_quiet() -> None:
    """No timer comes back to a socket that is closed."""
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    all_heard = asyncio.Event()
    asked: list[bytes] = []

    def answer(datagram: bytes) -> Iterator[bytes]:
        """Answer, and note when the last of twenty is asked."""
        asked.append(datagram)
        if len(asked) == 20:
            all_heard.set()
        return honest(datagram)

    async with AsyncExitStack() as stack:
        devices = [await stack.enter_async_context(agent(answer)) for _ in range(20)]
        waiting = [
            asyncio.ensure_future(endpoint.get(Target(address=device.address), OBJECTS[:1]))
            for device in devices
        ]
        await all_heard.wait()
        endpoint.close()
        assert all(isinstance(e, asyncio.CancelledError) for e in await gathered(waiting))
        await asyncio.sleep(2 * GATHER_S)


async def gathered(waiting: list[asyncio.Task[Fetched]]) -> list[BaseException | Fetched]:
    """Await all, whatever becomes of them."""
    return await asyncio.gather(*waiting, return_exceptions=True)


class Full:
    """A socket whose buffer is full at the first attempts to send."""

    def __init__(self, sock: socket.socket, attempts: int) -> None:
        self.sock = sock
        self.attempts = attempts

    def __getattr__(self, name: str) -> object:
        """Be the socket in everything else."""
        return getattr(self.sock, name)

    def sendto(self, datagram: bytes, address: Address) -> int:
        """Send, if there is room."""
        if self.attempts:
            self.attempts -= 1
            raise BlockingIOError
        return self.sock.sendto(datagram, address)


async def test_a_full_socket_loses_nothing(endpoint: Endpoint) -> None:
    """What could not be sent is sent when there is room again."""
    sockets = vars(endpoint)["_sockets"]
    sockets[False] = Full(sockets[False], attempts=3)
    async with agent() as device:
        target = Target(address=device.address, timeout_s=60, deadline_s=60)
        fetched = await asyncio.gather(*(endpoint.get(target, OBJECTS[:1]) for _ in range(5)))
    assert {one.outcome for one in fetched} == {Outcome.OK}
    assert endpoint.stats.datagrams_sent == 5


async def test_without_ipv6_its_devices_are_unreachable(endpoint: Endpoint) -> None:
    """Some floors have none; that is a fault of the device's address, not of ours."""
    sock = vars(endpoint)["_sockets"].pop(True, None)
    fetched = await endpoint.get(Target(address=("::1", 161)), OBJECTS[:1])
    if sock is not None:
        vars(endpoint)["_sockets"][True] = sock  # to be closed
    assert fetched.outcome is Outcome.REFUSED


async def test_what_is_learnt_of_devices_is_bounded(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking ever new addresses costs no memory for ever."""
    monkeypatch.setattr("collectors.snmp.endpoint.LEARNT_MAX", 2)
    async with agent() as one, agent() as two, agent() as three:
        for device in (one, two, three, one):
            await endpoint.get(Target(address=device.address), OBJECTS[:1])
    assert list(vars(endpoint)["_learnt"]) == [three.address, one.address]


async def test_devices_are_asked_over_ipv6_too(endpoint: Endpoint) -> None:
    """Where the machine has it; where not, such a device is unreachable and that is all."""
    try:
        async with agent(host="::1") as device:
            fetched = await endpoint.get(Target(address=device.address), OBJECTS[:1])
    except OSError:
        fetched = await endpoint.get(Target(address=("::1", 161)), OBJECTS[:1])
        assert fetched.outcome is Outcome.REFUSED
        return
    assert fetched.values == {OBJECTS[0]: 0}


async def test_an_address_that_cannot_be_reached_is_refused(endpoint: Endpoint) -> None:
    """No route, or not allowed to broadcast: known at once, and an answer like any other."""
    target = Target(address=("255.255.255.255", 161), timeout_s=60, deadline_s=60)
    fetched = await endpoint.get(target, OBJECTS[:1])
    assert fetched.outcome is Outcome.REFUSED


async def test_a_name_that_is_no_oid_is_refused_before_anything_is_sent(endpoint: Endpoint) -> None:
    """It is a mistake in a profile, not a fault of the device."""
    with pytest.raises(BerError, match="sysDescr"):
        await endpoint.get(Target(address=("127.0.0.1", 161)), ["sysDescr"])
    assert endpoint.stats.datagrams_sent == 0


async def test_whoever_breaks_on_an_answer_breaks_alone(endpoint: Endpoint) -> None:
    """The loop reports it, and the socket is still read for all others."""
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(str(context["exception"]))
    )

    def break_(device: str, _: Answer) -> None:
        """Be a bug."""
        raise RuntimeError(device)

    names = [f"bay/{n}" for n in range(2 * GATHER_MIN)]
    async with AsyncExitStack() as stack:
        for name in ["bay/broken", *names]:
            device = await stack.enter_async_context(agent())
            endpoint.watch(name, Target(address=device.address), OBJECTS[:1])
        endpoint.poll("bay/broken", break_)
        for _ in range(2):
            answers = await asyncio.gather(*(polled(endpoint, name) for name in names))
            assert {each.outcome for each in answers} == {Outcome.OK}
    assert reported == ["bay/broken"]
