"""Bad networks: what is lost is asked for again, what is late is counted, nothing is mixed up."""

import asyncio
import os
import random
import socket
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from functools import partial

import numpy as np
import pytest

from collectors.readings import Quality
from collectors.snmp.ber import Tag
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import Outcome, Target
from collectors.snmp.poll import Answer
from collectors.twin.objects import Object, Shown, Table
from collectors.twin.responder import Responder
from tests.hostile.agents import (
    BASE,
    HOST,
    OBJECTS,
    Relay,
    Reply,
    Weather,
    agent,
    asked,
    honest,
    relay,
    varbind,
)
from tests.hostile.conftest import Polled

NIGHTLY = os.environ.get("RACKPROOF_NIGHTLY") == "1"
DEVICES = 40
ROUNDS = 2500 if NIGHTLY else 12  # of polls of all devices: 100,000 or 480
NAMES = [f"{BASE}.{n}.0" for n in range(1, 9)]
RIGHT = honest()


class Told:
    """A device whose objects all show in which round of polls they were read, and its number."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.round = 0
        table = Table(Object(oid=n, tag=Tag.GAUGE32, reads="now") for n in NAMES)
        self.shown: dict[str, float] = {}
        self.responder: Responder[Shown] = Responder(table, self.shown)

    def replies(self, datagram: bytes) -> Iterator[bytes]:
        """Answer as of this round."""
        self.shown["now"] = self.value
        if (reply := self.responder.answer(datagram)) is not None:
            yield reply

    @property
    def value(self) -> int:
        """Return what every object shows."""
        return self.round * 1000 + self.number


class Floor:
    """Many such devices behind the same weather, polled all at once."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.devices = [Told(number) for number in range(DEVICES)]
        self.relays: list[Relay] = []

    async def open(self, stack: AsyncExitStack, weather: Weather, **timing: float) -> None:
        """Watch all devices."""
        for device in self.devices:
            before = await stack.enter_async_context(
                relay(device.replies, weather, seed=device.number)
            )
            self.relays.append(before)
            target = Target(address=before.address, **timing)  # type: ignore[arg-type]
            self.endpoint.watch(f"bay/{device.number}", target, NAMES)

    async def round(self) -> list[Answer]:
        """Poll all devices once; whatever is good was read now, from that device."""
        for device in self.devices:
            device.round += 1
        answers = await polled_all(self.endpoint, [f"bay/{d.number}" for d in self.devices])
        for device, answer in zip(self.devices, answers, strict=True):
            good = answer.fault == Quality.GOOD
            assert (answer.raw[good] == device.value).all()
            assert np.isnan(answer.raw[~good]).all()
            assert good.all() == (answer.outcome is Outcome.OK)
        return answers


def only_late(endpoint: Endpoint) -> int:
    """Return how many answers were dropped, nearly all of them because they came late.

    Two requests of some 10,000 may have one number: then the older one is not known any more.
    """
    drops = endpoint.stats.drops
    assert {*drops} <= {"late", "source"}
    assert drops.get("late", 0) >= 1000 * drops.get("source", 0)
    return sum(drops.values())


@pytest.mark.parametrize(("percent", "retries"), [(1, 2), (10, 4), (30, 8)])
async def test_what_is_lost_on_the_way_is_asked_for_again(
    endpoint: Endpoint, percent: int, retries: int
) -> None:
    """Requests and answers are lost alike; with retries for it, nearly every poll succeeds."""
    floor = Floor(endpoint)
    async with AsyncExitStack() as stack:
        await floor.open(
            stack, Weather(loss=percent / 100), timeout_s=0.1, retries=retries, deadline_s=60.0
        )
        answers = [answer for _ in range(ROUNDS) for answer in await floor.round()]

    assert sum(relay.lost for relay in floor.relays) > 0
    failed = sum(answer.outcome is not Outcome.OK for answer in answers)
    assert failed <= len(answers) * {1: 0.001, 10: 0.01, 30: 0.1}[percent]


async def test_an_answer_that_comes_too_late_never_counts_for_a_later_poll(
    endpoint: Endpoint,
) -> None:
    """A third of the answers take longer than their poll: they are counted as late, and no more."""
    floor = Floor(endpoint)
    async with AsyncExitStack() as stack:
        weather = Weather(late=0.33, late_s=0.03, jitter_s=0.002)
        await floor.open(stack, weather, timeout_s=0.01, retries=1, deadline_s=0.05)
        answers = [answer for _ in range(ROUNDS) for answer in await floor.round()]
        await asyncio.sleep(2 * weather.late_s)

    assert only_late(endpoint) > 0
    assert any(answer.outcome is Outcome.OK for answer in answers)


async def test_every_answer_thrice_leaves_every_session_as_good_as_new(endpoint: Endpoint) -> None:
    """The first is used, the others are counted."""
    floor = Floor(endpoint)
    async with AsyncExitStack() as stack:
        await floor.open(stack, Weather(thrice=1.0), timeout_s=10.0)
        answers = [answer for _ in range(ROUNDS) for answer in await floor.round()]
        sent = sum(relay.carried for relay in floor.relays)
        while endpoint.stats.datagrams_received < sent:  # noqa: ASYNC110 -- it tells nobody
            await asyncio.sleep(0)

    assert {answer.outcome for answer in answers} == {Outcome.OK}
    assert only_late(endpoint) == 2 * len(answers)


async def test_answers_that_overtake_one_another_reach_whom_they_are_for(
    endpoint: Endpoint,
) -> None:
    """They are told apart by address and request-id, never by their order."""
    floor = Floor(endpoint)
    async with AsyncExitStack() as stack:
        await floor.open(stack, Weather(jitter_s=0.02), timeout_s=10.0)
        answers = [answer for _ in range(ROUNDS) for answer in await floor.round()]
    assert {answer.outcome for answer in answers} == {Outcome.OK}
    assert endpoint.stats.drops == {}


async def test_damage_on_the_way_is_dropped_by_reason_and_breaks_nothing(
    endpoint: Endpoint,
) -> None:
    """Bits flip and ends are cut; in v2c a changed value is the one thing nobody can know."""
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: reported.append(what))
    devices = [Told(number) for number in range(DEVICES)]
    wrong = good = 0
    async with AsyncExitStack() as stack:
        for device in devices:
            weather = Weather(flip=0.5, cut=0.3)
            before = await stack.enter_async_context(relay(device.replies, weather, device.number))
            target = Target(address=before.address, timeout_s=0.02, retries=3, deadline_s=0.5)
            endpoint.watch(f"bay/{device.number}", target, NAMES)
        for _ in range(ROUNDS):
            answers = await polled_all(endpoint, [f"bay/{device.number}" for device in devices])
            for device, answer in zip(devices, answers, strict=True):
                taken = answer.raw[answer.fault == Quality.GOOD]
                good += taken.size
                wrong += (taken != device.value).sum()

    assert reported == []
    assert {*endpoint.stats.drops} <= {
        *("malformed", "varbinds", "request_id", "community", "version", "type", "late", "source")
    }
    assert endpoint.stats.drops["malformed"] > 0
    assert wrong <= 0.2 * good


async def polled_all(endpoint: Endpoint, names: Iterable[str]) -> list[Answer]:
    """Poll devices at once."""
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[Answer]] = []
    for name in names:
        waiting.append(loop.create_future())
        assert endpoint.poll(name, partial(_tell, waiting[-1]))
    return await asyncio.gather(*waiting)


def _tell(future: asyncio.Future[Answer], _: str, answer: Answer) -> None:
    """Give an answer to whoever awaits it."""
    future.set_result(answer)


FORGED = 100_000 if NIGHTLY else 2_000


async def test_of_many_forged_answers_none_is_taken(endpoint: Endpoint) -> None:
    """From elsewhere with everything right, from there with everything but the id: all dropped."""
    rng = random.Random(1)
    forged = 0

    def replies(datagram: bytes) -> Iterator[Reply | bytes]:
        """Send forgeries that say 42, then the truth."""
        nonlocal forged
        request = asked(datagram)
        body = b"".join(varbind(name) for name in request.names)
        for n in range(10):
            number = request.pdu.request_id ^ (rng.getrandbits(30) or 1) * (n % 3 == 0)
            word = b"publiC" if n % 3 == 1 else b"public"
            way = {0: "here", 1: "here", 2: "host"}[n % 3]
            yield Reply(request.answer(body, number=number, word=word), way)
            forged += 1
        yield from RIGHT(datagram)

    async with agent(replies) as device:
        target = Target(address=device.address, timeout_s=30, deadline_s=60)
        endpoint.watch("bay/pdu", target, OBJECTS[:20])
        while forged < FORGED:
            (answer,) = await polled_all(endpoint, ["bay/pdu"])
            assert answer.outcome is Outcome.OK
            np.testing.assert_array_equal(answer.raw, np.arange(20))

    assert sum(endpoint.stats.drops.values()) == forged
    assert {*endpoint.stats.drops} == {"source", "request_id", "community"}


async def test_a_flood_of_large_datagrams_costs_the_others_no_poll(endpoint: Endpoint) -> None:
    """What one host sends is read in batches and dropped; those beside it are polled as ever."""
    flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    flood.setblocking(False)  # noqa: FBT003 -- as of a socket
    port = vars(endpoint)["_sockets"][False].getsockname()[1]
    sent = 0
    over = asyncio.Event()

    async def pour() -> None:
        """Send as fast as the loop lets us."""
        nonlocal sent
        while not over.is_set():
            for _ in range(50):
                try:
                    flood.sendto(bytes(65_000), (HOST, port))
                    sent += 1
                except BlockingIOError:
                    break
            await asyncio.sleep(0)

    floor = Floor(endpoint)
    async with AsyncExitStack() as stack:
        stack.callback(flood.close)
        await floor.open(stack, Weather(), timeout_s=0.2, retries=20, deadline_s=30.0)
        pouring = asyncio.ensure_future(pour())
        try:
            answers = [answer for _ in range(3) for answer in await floor.round()]
        finally:
            over.set()
            await pouring

    assert sent > 100
    assert endpoint.stats.drops["malformed"] > 0
    assert {answer.outcome for answer in answers} == {Outcome.OK}


async def test_a_black_hole_of_half_the_floor_costs_the_other_half_nothing(
    endpoint: Endpoint,
) -> None:
    """Every poll of those that answer is over before the first of the silent ones."""
    async with AsyncExitStack() as stack:
        names = {"mute": [], "good": []}  # type: dict[str, list[str]]
        for number in range(DEVICES):
            kind = ("mute", "good")[number % 2]
            replies = RIGHT if kind == "good" else lambda _: ()
            device = await stack.enter_async_context(agent(replies))
            target = Target(address=device.address, timeout_s=0.5, retries=0, deadline_s=0.5)
            endpoint.watch(f"bay/{number}", target, OBJECTS)
            names[kind].append(f"bay/{number}")
        silent = asyncio.ensure_future(polled_all(endpoint, names["mute"]))
        await asyncio.sleep(0)
        good: list[Answer] = []
        for _ in range(3):
            good += await polled_all(endpoint, names["good"])
        early = silent.done()
        lost = await silent

    assert not early
    assert {answer.outcome for answer in good} == {Outcome.OK}
    assert {answer.outcome for answer in lost} == {Outcome.TIMEOUT}
    assert all((answer.fault == Quality.COMM_LOST).all() for answer in lost)


async def test_a_device_that_answers_just_in_time_is_left_at_its_deadline(
    endpoint: Endpoint, polled: Polled
) -> None:
    """Its polls never overlap, and each is over when its time is."""
    waits: list[asyncio.TimerHandle] = []
    loop = asyncio.get_running_loop()

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Answer just before nobody waits any more."""
        (right,) = RIGHT(datagram)
        waits.append(loop.call_later(0.04, slow.transport.sendto, right, source))
        return iter(())

    async with agent(replies) as slow:
        source = (HOST, vars(endpoint)["_sockets"][False].getsockname()[1])
        target = Target(address=slow.address, timeout_s=0.05, retries=0, deadline_s=0.1)
        endpoint.watch("bay/slow", target, [f"{BASE}.{n}.0" for n in range(1, 400)])
        for _ in range(3):
            waiting = asyncio.ensure_future(polled("bay/slow"))
            await asyncio.sleep(0)
            assert not endpoint.poll("bay/slow", lambda *_: None)  # while one is under way
            answer = await waiting
            assert answer.outcome in (Outcome.PARTIAL, Outcome.TIMEOUT)
            assert (answer.fault == Quality.COMM_LOST).any()
            assert len(waits) <= 3 * answer.requests + 3
        for wait in waits:
            wait.cancel()


async def test_a_storm_of_closed_ports_is_over_at_once_and_spins_nothing(
    endpoint: Endpoint, polled: Polled
) -> None:
    """Each is asked once a poll, and known to be closed without waiting for its timeout."""
    closed = 200
    async with agent(RIGHT) as device:
        for number in range(closed):
            target = Target(address=(f"127.0.9.{number + 1}", 9), timeout_s=60, deadline_s=60)
            endpoint.watch(f"bay/{number}", target, OBJECTS)
        endpoint.watch("bay/pdu", Target(address=device.address, timeout_s=30), OBJECTS)
        for _ in range(3):
            good = asyncio.ensure_future(polled())
            lost = await polled_all(endpoint, [f"bay/{number}" for number in range(closed)])
            assert {answer.outcome for answer in lost} == {Outcome.REFUSED}
            assert (await good).outcome is Outcome.OK

    assert endpoint.stats.datagrams_sent <= 3 * (closed + 1)
    assert endpoint.stats.drops == {}
