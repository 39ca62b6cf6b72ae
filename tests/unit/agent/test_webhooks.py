"""Tests for webhooks: real receivers that answer, fail, hang, redirect and die; a real outbox."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import random
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from agent import webhooks
from agent.address import parse_web
from agent.burnin.event import Event, Kind
from agent.config import WebhookConfig
from agent.credentials import Secret
from agent.news import Item, item
from agent.store.entry import Stamp
from agent.store.journal import Journal
from agent.store.trouble import StoreError
from agent.webhooks import KEPT_S, REST_S, Deliveries, outgoing, rest

SECRET = b"0123456789abcdef"
RACK = {"run": "r1", "bay": "bay-01", "serial": "SN-1", "sku": None}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NEVER = b""
LOOPBACK = IPv4Address("127.0.0.1")


class Receiver:
    """A web server that answers as it is told, and keeps what it was sent."""

    def __init__(self) -> None:
        self.answer = OK
        self.asked: list[tuple[dict[str, str], bytes]] = []
        self.arrived = asyncio.Event()
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        self._writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            named = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            self.asked.append((named, await reader.readexactly(int(named["content-length"]))))
            self.arrived.set()
            if self.answer == NEVER:
                await reader.read()  # until the other side has had enough
            writer.write(self.answer)
            await writer.drain()
        writer.close()

    def deliveries(self) -> list[str]:
        """Return the ids of what came."""
        return [headers["rackproof-delivery"] for headers, _ in self.asked]


class Clock:
    """A wall clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Return a receiver on a free port."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    server.close()
    await server.wait_closed()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Return a journal on a disk."""
    journal = Journal.open(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def hook(port: int, *events: str) -> WebhookConfig:
    """Return a receiver's entry in the floor file."""
    url = parse_web(f"http://127.0.0.1:{port}/hooks?key=1")
    return WebhookConfig(url, Secret(SECRET), frozenset(events or ("stage", "verdict")))


def tell(journal: Journal, hooks: dict[str, WebhookConfig], number: int = 1) -> None:
    """Let so many stages start, and write down that others are to be told."""
    for n in range(number):
        event = Event(float(n), Kind.STAGE_STARTED, {"stage": f"s{n}", "attempt": 1})
        told = item(RACK, event, 1_700_000_000.0)
        assert told is not None
        outbox = outgoing(hooks, [told], 1_700_000_000.0)
        journal.append("r1", [event], Stamp(1.7e9, 1.0, "b"), outbox=outbox)


Make = Callable[..., Deliveries]


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands."""
    return Clock()


@pytest.fixture
def make(journal: Journal, clock: Clock) -> Make:
    """Return what makes a deliverer."""

    def make(**hooks: WebhookConfig) -> Deliveries:
        """Make one."""
        rng = random.Random(1)
        return Deliveries(hooks, journal, agent="rackproof/0", wall=clock, rng=rng)

    return make


async def test_a_message_is_delivered_once_and_proves_its_sender(
    receiver: Receiver, journal: Journal, make: Make
) -> None:
    """The signature covers time and body; whoever holds the secret can work it out again."""
    mes = hook(receiver.port)
    tell(journal, {"mes": mes}, 2)
    deliveries = make(mes=mes)
    assert await deliveries.turn() == 2
    assert await deliveries.turn() == 0

    assert receiver.deliveries() == ["r1.1", "r1.2"]
    headers, body = receiver.asked[0]
    at, digest = (part.split("=")[1] for part in headers["rackproof-signature"].split(","))
    proof = hmac.new(SECRET, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(digest, proof)
    message = json.loads(body)
    assert message["event"] == "stage"
    assert message["stage"] == "s0"
    assert message["serial"] == "SN-1"
    assert message["time"] == "2023-11-14T22:13:20.000Z"
    assert deliveries.counts == {("mes", "delivered"): 2}


FAILURES = {
    "it fails": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    "it is busy": b"HTTP/1.1 429 Later\r\n\r\n",
    "it does not want it": b"HTTP/1.1 400 No\r\n\r\n",
    "it redirects": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
    "it dies in its answer": b"HTTP/1.1 20",
    "it speaks another language": b"220 mail.example ESMTP\r\n",
    "it says too much": b"HTTP/1.1 200 OK\r\nX: " + b"x" * (1 << 17),
    "it hangs": NEVER,
    "it sends a hint and hangs": b"HTTP/1.1 103 Early Hints\r\n\r\n",
}


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES.keys())
async def test_a_receiver_that_fails_is_tried_again_until_it_answers(  # noqa: PLR0913, PLR0917 -- fixtures
    receiver: Receiver,
    journal: Journal,
    make: Make,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes,
) -> None:
    """However it fails, nothing is lost, and the id tells a repetition."""
    monkeypatch.setattr(webhooks, "ANSWER_S", 0.2)
    mes = hook(receiver.port)
    tell(journal, {"mes": mes})
    deliveries = make(mes=mes)
    receiver.answer = answer
    for _ in range(3):
        assert await deliveries.turn() == 1
        assert await deliveries.turn() == 0
        clock.now += REST_S[1]
    receiver.answer = OK
    await deliveries.turn()

    assert receiver.deliveries() == ["r1.1"] * 4
    assert deliveries.counts == {("mes", "failed"): 3, ("mes", "delivered"): 1}
    assert journal.due(clock.now * 2) == []


async def test_a_receiver_that_is_not_there_costs_the_others_nothing(
    receiver: Receiver, journal: Journal, make: Make, clock: Clock
) -> None:
    """It is asked once, then rests with all its messages; later it gets them all."""
    gone = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    port = gone.sockets[0].getsockname()[1]
    gone.close()
    await gone.wait_closed()
    hooks = {"dead": hook(port), "mes": hook(receiver.port)}
    tell(journal, hooks, 60)
    deliveries = make(**hooks)
    while await deliveries.turn():
        pass

    assert deliveries.counts == {("dead", "failed"): 1, ("mes", "delivered"): 60}
    back = await asyncio.start_server(receiver.serve, "127.0.0.1", port)
    receiver.asked.clear()
    clock.now += 2 * REST_S[1]
    while await deliveries.turn():
        pass
    back.close()
    await back.wait_closed()
    assert len(set(receiver.deliveries())) == 60


async def test_one_message_that_a_receiver_dies_of_does_not_hold_up_the_others(
    receiver: Receiver, journal: Journal, make: Make, clock: Clock
) -> None:
    """It goes behind them."""
    mes = hook(receiver.port)
    tell(journal, {"mes": mes}, 3)
    deliveries = make(mes=mes)
    receiver.answer = FAILURES["it fails"]
    await deliveries.turn()
    receiver.answer = OK
    receiver.asked.clear()
    clock.now += REST_S[0]
    await deliveries.turn()
    assert receiver.deliveries() == ["r1.2", "r1.3"]
    clock.now += REST_S[1]
    await deliveries.turn()
    assert receiver.deliveries()[2:] == ["r1.1"]


async def test_a_message_is_given_up_after_three_days(
    receiver: Receiver, journal: Journal, make: Make, clock: Clock
) -> None:
    """And not before, not even when the wall clock is set three days ahead."""
    receiver.answer = FAILURES["it fails"]
    mes = hook(receiver.port)
    tell(journal, {"mes": mes})
    deliveries = make(mes=mes)
    clock.now += 2 * KEPT_S
    while not deliveries.counts["mes", "given_up"]:
        await deliveries.turn()
        clock.now += 2 * REST_S[1]

    assert len(receiver.asked) == webhooks.TRIES_MIN
    assert journal.due(clock.now * 2) == []


async def test_a_receiver_that_left_the_floor_file_may_come_back(
    receiver: Receiver, journal: Journal, make: Make, clock: Clock
) -> None:
    """A slip in the file must not cost messages."""
    mes = hook(receiver.port)
    tell(journal, {"mes": mes})
    deliveries = make()
    await deliveries.turn()
    assert not receiver.asked
    deliveries.hooks = {"mes": mes}
    clock.now += REST_S[1]
    await deliveries.turn()
    assert receiver.deliveries() == ["r1.1"]


async def test_what_was_delivered_is_not_sent_again_while_the_disk_is_full(
    receiver: Receiver, journal: Journal, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outbox learns of it when there is room; until then the agent remembers."""
    mes = hook(receiver.port)
    tell(journal, {"mes": mes})
    deliveries = make(mes=mes)

    def full(_: int) -> None:
        """Refuse."""
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "sent", full)
        for _ in range(3):
            with pytest.raises(ExceptionGroup):
                await deliveries.turn()
    await deliveries.turn()
    assert receiver.deliveries() == ["r1.1"]
    assert deliveries.counts == {("mes", "delivered"): 1}


async def test_it_runs_until_it_is_stopped_and_looks_when_it_is_told_to(
    receiver: Receiver, journal: Journal, make: Make
) -> None:
    """A verdict is told at once, not at the next look."""
    mes = hook(receiver.port)
    deliveries = make(mes=mes)
    task = asyncio.create_task(deliveries.run())
    await asyncio.sleep(0)
    tell(journal, {"mes": mes})
    deliveries.wake()
    await receiver.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert receiver.deliveries() == ["r1.1"]


async def test_a_receiver_that_cannot_prove_who_it_is_gets_nothing(
    receiver: Receiver, journal: Journal, make: Make, tmp_path: Path
) -> None:
    """A certificate that no authority of this machine has signed is anybody's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path))
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    mes = replace(hook(port), url=parse_web(f"https://127.0.0.1:{port}/"))
    tell(journal, {"mes": mes})
    deliveries = make(mes=mes)
    await deliveries.turn()
    server.close()
    await server.wait_closed()

    assert not receiver.asked
    assert deliveries.counts == {("mes", "failed"): 1}


def _certificate(folder: Path) -> Path:
    """Make a certificate that nobody but itself has signed; returns its file, with the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, start, start.replace(year=2099))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8
    text = key.private_bytes(pem, private, serialization.NoEncryption())
    file = folder / "certificate.pem"
    file.write_bytes(text + certificate.public_bytes(pem))
    return file


def test_each_receiver_gets_the_kinds_it_wants() -> None:
    """A message board wants verdicts, a line controller every stage."""
    hooks = {"board": hook(1, "verdict"), "line": hook(1, "stage", "verdict")}
    news = [Item("stage", {"n": 1}), Item("verdict", {"n": 2})]
    told: list[dict[str, Any]] = outgoing(hooks, news, 5.0)

    found = [(each["hook"], each["message"]["n"]) for each in told]
    assert found == [("line", 1), ("board", 2), ("line", 2)]


@given(failures=st.integers(0, 10**6), seed=st.integers(0, 99))
def test_rests_grow_to_an_hour_and_are_spread(failures: int, seed: int) -> None:
    """Never nothing, never more than an hour, and half of it chance."""
    whole = min(REST_S[1], REST_S[0] * 2.0 ** min(failures, 20))

    assert whole / 2 <= rest(failures, random.Random(seed)) <= whole


def test_the_check_that_the_documentation_shows_is_right() -> None:
    """Whoever copies it accepts what we send, and nothing else."""
    page = (Path(__file__).parents[3] / "docs" / "runs.md").read_text()
    code: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], code)  # noqa: S102 -- our own page
    header = webhooks.signature(SECRET, 5, b"{}")

    assert code["is_genuine"](SECRET, header, b"{}")
    assert not code["is_genuine"](SECRET, header.replace("t=5", "t=6"), b"{}")
    assert not code["is_genuine"](SECRET, header, b"{ }")
