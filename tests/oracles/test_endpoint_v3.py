"""Debian's snmpd, polled in SNMPv3 by the endpoint that ships, through all that befalls it."""

import asyncio
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from itertools import product
from pathlib import Path

import pytest

from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import Address, Outcome, Target
from collectors.snmp.keys import AUTH, PRIVACY
from collectors.snmp.peer import ROLLBACK_S
from collectors.snmp.poll import Answer
from collectors.snmp.usm import User

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
PAIRS = list(product(AUTH, PRIVACY))
LOWER = [("", ""), *product(AUTH, [""])]
AUTH_WORD, PRIVACY_WORD = "maplesyrup", "treefrogs"
SYSTEM = [f"1.3.6.1.2.1.1.{n}.0" for n in (1, 3, 5, 6)]
SYS_UP_TIME = 1  # where in them
TEXT = b"Rackproof test"
LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
FAKED = LIBRARY.exists()


def name_of(auth: str, privacy: str) -> str:
    """Name a user after its protocols."""
    return f"{auth or 'none'}:{privacy or 'none'}"


def user(auth: str, privacy: str, name: str = "", word: str = AUTH_WORD) -> User:
    """Make a user that snmpd knows."""
    return User.of(
        (name or name_of(auth, privacy)).encode(),
        auth=(auth, word.encode()) if auth else None,
        privacy=(privacy, PRIVACY_WORD.encode()) if privacy else None,
    )


class Snmpd:
    """One snmpd with a user of each kind, on a port that it keeps."""

    def __init__(self, folder: Path, engine: str = "rackproof-one") -> None:
        self.folder, self.engine = folder, engine
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.address: Address = free.getsockname()

    def start(self, *, ahead_s: float = 0.0) -> None:
        """Start it, with its clock so far ahead."""
        program = shutil.which("snmpd", path=PATH)
        if program is None:
            if os.environ.get("CI") == "true":
                pytest.fail("snmpd is not installed, and CI must have it")
            pytest.skip("snmpd is not installed")
        lines = [f"sysDescr {TEXT.decode()}", f"engineID {self.engine}"]
        for auth, privacy in (*LOWER, *PAIRS):
            name = name_of(auth, privacy)
            keys = f" {auth} {AUTH_WORD}" * bool(auth) + f" {privacy} {PRIVACY_WORD}" * bool(
                privacy
            )
            level = "priv" if privacy else "auth" if auth else "noauth"
            lines += [f"createUser {name}{keys}", f"rouser {name} {level}"]
        (self.folder / "snmpd.conf").write_text("\n".join(lines) + "\n")
        kept = self.folder / "kept"
        environment = {
            **os.environ,
            "SNMPCONFPATH": f"{self.folder}:{kept}",
            "SNMP_PERSISTENT_DIR": str(kept),
            "MIBS": "",
        }
        if ahead_s:
            environment |= {"LD_PRELOAD": str(LIBRARY), "FAKETIME": f"{ahead_s:+.0f}s"}
        host, port = self.address
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, "-f", "-LE", "5", "-I", "-smux", f"udp:{host}:{port}"],
                cwd=self.folder,
                env=environment,
                stderr=log,
            )

    def stop(self) -> None:
        """End it as an administrator does: it keeps its name and the count of its starts."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)

    def wipe(self) -> None:
        """Lose what it keeps: the count of its starts begins anew."""
        shutil.rmtree(self.folder / "kept")


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    """Run one for all tests that leave it as it is."""
    agent = Snmpd(tmp_path_factory.mktemp("snmpd"))
    agent.start()
    yield agent
    agent.stop()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Snmpd]:
    """Run one for a test to end and start as it likes."""
    agent = Snmpd(tmp_path)
    agent.start()
    yield agent
    agent.stop()


class Clock:
    """The true clock, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return time.monotonic() + self.ahead_s


class Bench:
    """An endpoint and its clock."""

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        self.endpoint, self.clock = endpoint, clock
        self.told: list[tuple[str, str]] = []
        endpoint.on_notice = lambda _, event, detail: self.told.append((event, detail))

    def watch(self, agent: Snmpd, asks: User, **how: float) -> None:
        """Plan the polls of an agent."""
        target = Target(
            address=agent.address,
            version="3",
            user=asks,
            timeout_s=how.get("timeout_s", 5.0),
            deadline_s=20.0,
        )
        self.endpoint.watch("bay/agent", target, SYSTEM)

    async def poll(self) -> Answer:
        """Poll once."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.endpoint.poll("bay/agent", lambda _, answer: future.set_result(answer))
        return await future

    async def until_answered(self) -> Answer:
        """Poll until an agent that starts just now listens; a refusal comes at once."""
        for _ in range(400):
            answer = await self.poll()
            if answer.outcome is not Outcome.REFUSED:
                return answer
            await asyncio.sleep(0.05)
        raise AssertionError("it does not start")


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """Open an endpoint."""
    clock = Clock()
    endpoint = await Endpoint.open(clock=clock, rng=random.Random(1))
    yield Bench(endpoint, clock)
    endpoint.close()


def read(answer: Answer) -> bool:
    """Say whether all was read."""
    return answer.outcome is Outcome.OK and answer.texts[0] == TEXT


@pytest.mark.parametrize(("auth", "privacy"), [*LOWER, *PAIRS])
async def test_snmpd_is_polled_with_every_pair(
    lasting: Snmpd, bench: Bench, auth: str, privacy: str
) -> None:
    """First contact, and a poll by what was learnt; as many datagrams as it takes, and no drop."""
    bench.watch(lasting, user(auth, privacy))

    first = await bench.until_answered()
    before = bench.endpoint.stats.datagrams_sent
    second = await bench.poll()

    assert read(first)
    assert read(second)
    assert second.raw[SYS_UP_TIME] >= first.raw[SYS_UP_TIME]
    assert bench.endpoint.stats.datagrams_sent == before + 1
    assert not bench.endpoint.stats.drops


async def test_a_walk_in_version_3_ends_where_one_in_version_2c_does(
    lasting: Snmpd, bench: Bench
) -> None:
    """GETBULK under a secured envelope."""
    bench.watch(lasting, user("SHA-256", "AES"))
    assert read(await bench.until_answered())
    target = Target(address=lasting.address, version="3", user=user("SHA-512", "AES-256"))

    walked = await bench.endpoint.walk(target, ["1.3.6.1.2.1.1"])

    assert walked.outcome is Outcome.OK
    assert walked.rows["1.3.6.1.2.1.1.1.0"] == TEXT
    assert len(walked.rows) > 20


async def test_a_restart_costs_no_poll_and_is_told(agent: Snmpd, bench: Bench) -> None:
    """One start more, proven under the same key."""
    bench.watch(agent, user("SHA-256", "AES"))
    assert read(await bench.until_answered())

    agent.stop()
    agent.start()

    assert read(await bench.until_answered())
    assert [event for event, _ in bench.told] == ["device_restarted"]
    assert read(await bench.poll())


async def test_another_engine_costs_no_poll(agent: Snmpd, bench: Bench) -> None:
    """A device exchanged for another one at the same address."""
    bench.watch(agent, user("SHA-256", "AES"))
    assert read(await bench.until_answered())

    agent.stop()
    agent.wipe()
    agent.engine = "rackproof-two"
    agent.start()

    assert read(await bench.until_answered())
    assert read(await bench.poll())


async def test_starts_counted_anew_are_refused_told_and_later_believed(
    agent: Snmpd, bench: Bench
) -> None:
    """Whoever wiped its memory is read again, once a person could have seen it."""
    bench.watch(agent, user("SHA-256", "AES"), timeout_s=1.0)
    assert read(await bench.until_answered())
    agent.stop()
    agent.start()
    assert read(await bench.until_answered())
    agent.stop()
    agent.wipe()
    agent.start()

    refused = [await bench.until_answered(), await bench.poll()]
    bench.clock.ahead_s = ROLLBACK_S
    accepted = await bench.poll()

    assert {answer.outcome for answer in refused} == {Outcome.NOT_IN_TIME_WINDOW}
    assert read(accepted)
    assert [event for event, _ in bench.told if event.startswith("clock")] == [
        "clock_set_back",
        "clock_accepted",
    ]
    assert read(await bench.poll())


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0])
async def test_a_step_of_its_wall_clock_costs_no_poll(
    agent: Snmpd, bench: Bench, ahead_s: float
) -> None:
    """Somebody sets the date of a device while it restarts."""
    if not FAKED:
        if os.environ.get("CI") == "true":
            pytest.fail("faketime is not installed, and CI must have it")
        pytest.skip("faketime is not installed")
    bench.watch(agent, user("SHA-256", "AES"))
    assert read(await bench.until_answered())
    agent.stop()
    agent.start(ahead_s=ahead_s)

    assert read(await bench.until_answered())
    assert read(await bench.poll())


@pytest.mark.parametrize("ahead_s", [200.0, 86_400.0])
async def test_a_pause_of_ours_is_over_as_soon_as_the_device_shows_a_later_time(
    lasting: Snmpd, bench: Bench, ahead_s: float
) -> None:
    """What is proven and later than all before is no replay, whatever our own clock says."""
    bench.watch(lasting, user("SHA-256", "AES"), timeout_s=1.0)
    assert read(await bench.until_answered())

    bench.clock.ahead_s = ahead_s
    outcomes = [(await bench.poll()).outcome for _ in range(3)]

    assert outcomes[-1] is Outcome.OK
    assert set(outcomes) <= {Outcome.OK, Outcome.NOT_IN_TIME_WINDOW}
    assert "clock_accepted" not in dict(bench.told)


@pytest.mark.parametrize(
    ("asks", "expected", "tries"),
    [
        (user("SHA-256", "AES", word="maplesyrup1"), Outcome.WRONG_DIGEST, 1),
        (user("SHA-256", "AES", "nobody"), Outcome.UNKNOWN_USER, 1),
        (user("SHA-256", "AES", name_of("SHA-256", "")), Outcome.UNSUPPORTED_LEVEL, 1),
        # where the sizes fit it finds garbage and is silent, until asked for one object alone
        (user("SHA-256", "AES", name_of("SHA-256", "DES")), Outcome.DECRYPTION, 3),
    ],
    ids=["password", "user", "level", "cipher"],
)
async def test_a_wrong_credential_is_named_and_tried_once_a_poll(
    lasting: Snmpd, bench: Bench, *, asks: User, expected: Outcome, tries: int
) -> None:
    """As snmpd reports it."""
    bench.watch(lasting, user("SHA-256", "AES"))
    assert read(await bench.until_answered())
    bench.watch(lasting, asks, timeout_s=1.0)
    await bench.poll()
    before = bench.endpoint.stats.datagrams_sent

    answer = await bench.poll()

    assert answer.outcome is expected
    assert bench.endpoint.stats.datagrams_sent == before + tries
    assert bench.endpoint.stats.drops[f"report_{expected.value}"] == 2
