"""Net-SNMP as the other side: a real snmpd read by us and by its own tools."""

import asyncio
import os
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from collectors.readings import Quality
from collectors.snmp.ber import Value
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import Address, Outcome, Target
from collectors.snmp.message import Community, PduType, Version, decode_pdu, unwrap
from collectors.snmp.plan import REQUEST_ID_MIN, Planned, encode_names
from collectors.snmp.poll import Answer
from collectors.snmp.walk import COMPLETE

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
TREE = "1.3.6.1.4.1.99999"
CONFIGURATION = f"""
rocommunity public 127.0.0.1
sysDescr Rackproof test
sysLocation bay 1
override {TREE}.1.1.0 integer -5
override {TREE}.1.2.0 integer 2147483647
override {TREE}.1.3.0 uinteger 4294967295
override {TREE}.1.4.0 counter 3000000000
override {TREE}.1.5.0 timeticks 123456
override {TREE}.1.6.0 octet_str "23.5"
override {TREE}.1.7.0 octet_str "Unavailable"
override {TREE}.1.8.0 object_id .1.3.6.1.4.1.13742.6
"""
EXPECTED: dict[str, Value] = {
    f"{TREE}.1.1.0": -5,
    f"{TREE}.1.2.0": 2147483647,
    f"{TREE}.1.3.0": 4294967295,
    f"{TREE}.1.4.0": 3000000000,
    f"{TREE}.1.5.0": 123456,
    f"{TREE}.1.6.0": b"23.5",
    f"{TREE}.1.7.0": b"Unavailable",
    f"{TREE}.1.8.0": "1.3.6.1.4.1.13742.6",
}
VERSIONS: list[Version] = ["1", "2c"]
LINE = re.compile(r"^\.(?P<oid>[\d.]+) = (?:(?P<type>[A-Za-z0-9-]+): ?)?(?P<text>.*)", re.DOTALL)
OPTIONS = ["-m", "", "-c", "public", "-On", "-Ox", "-Ot", "-Oe", "-r", "5"]


def tool(name: str) -> str:
    """Find a program of Net-SNMP; without it there is nothing to compare with."""
    found = shutil.which(name, path=PATH)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed, and CI must have it")
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Run Debian's snmpd on a free port of loopback."""
    program = tool("snmpd")
    folder = tmp_path_factory.mktemp("snmpd")
    (folder / "snmpd.conf").write_text(CONFIGURATION)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "-f", "-LE", "5", "-C", "-c", "snmpd.conf", "-I", "-smux"]
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""}
    with Path(folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, f"udp:127.0.0.1:{port}"], cwd=folder, env=environment, stderr=log
        )
    try:
        yield ("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
async def endpoint(snmpd: Address) -> AsyncIterator[Endpoint]:
    """Open an endpoint once snmpd answers."""
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    target = Target(address=snmpd, timeout_s=0.1, deadline_s=0.5)
    for _ in range(200):
        if (await endpoint.get(target, ["1.3.6.1.2.1.1.3.0"])).values:
            break
        await asyncio.sleep(0.05)  # a refusal comes at once, and snmpd takes a moment to start
    yield endpoint
    endpoint.close()


def told(program: str, version: Version, address: Address, *roots: str) -> dict[str, Value]:
    """Let a tool of Net-SNMP read, and make plain values of what it prints."""
    where = f"{address[0]}:{address[1]}"
    walked = [tool(program), "-v", version, *OPTIONS, where]
    text = "".join(
        subprocess.run([*walked, root], capture_output=True, text=True, check=True).stdout
        for root in roots
    )
    rows: dict[str, Value] = {}
    for entry in re.split(r"\n(?=\.\d)", text.strip()):
        match = LINE.match(entry)
        if match and "No more variables" not in entry:
            rows[match["oid"]] = plain(match["type"], match["text"])
    return rows


def plain(kind: str | None, text: str) -> Value:
    """Make the value that we would make."""
    match kind:
        case "Hex-STRING":
            return bytes.fromhex(text)
        case "IpAddress":
            return bytes(map(int, text.split(".")))
        case "OID":
            return text.removeprefix(".")
        case "Opaque":
            return float(text.removeprefix("Float: "))
        case "STRING" | None:
            return text.strip('"').encode() if kind or '"' in text else int(text)
        case _:
            return int(text)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_real_agent_reads_as_net_snmp_reads_it(
    endpoint: Endpoint, snmpd: Address, version: Version
) -> None:
    """Every type that this agent can be made to serve, by GET, walk and poll."""
    target = Target(address=snmpd, version=version)
    objects = list(EXPECTED)
    theirs = told("snmpget", version, snmpd, *objects)
    fetched = await endpoint.get(target, [*objects, f"{TREE}.1.10.0"])
    walked = await endpoint.walk(target, [TREE])
    answer = await polled(endpoint, target, objects)

    assert theirs == EXPECTED
    assert fetched.values == EXPECTED
    assert list(fetched.unread) == [f"{TREE}.1.10.0"]
    assert walked.rows == EXPECTED
    assert walked.ended == {TREE: COMPLETE}
    numbers = [-5, 2147483647, 4294967295, 3000000000, 123456, 23.5, *[np.nan] * 2]
    np.testing.assert_array_equal(answer.raw, numbers)
    assert answer.fault.tolist() == [Quality.GOOD] * 6 + [Quality.MALFORMED] * 2
    assert answer.texts == {5: b"23.5", 6: b"Unavailable"}
    assert answer.outcome is Outcome.OK


async def polled(endpoint: Endpoint, target: Target, objects: list[str]) -> Answer:
    """Poll three times, so that the last answer is read by its learnt layout."""
    endpoint.watch("bay/snmpd", target, objects)
    for _ in range(3):
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        endpoint.poll("bay/snmpd", lambda _, answer, future=future: future.set_result(answer))  # type: ignore[misc]
        answer = await future
    return answer


@pytest.mark.parametrize(
    ("version", "program"), [("1", "snmpwalk"), ("2c", "snmpwalk"), ("2c", "snmpbulkwalk")]
)
async def test_a_walk_brings_what_net_snmp_walks(
    endpoint: Endpoint, snmpd: Address, version: Version, program: str
) -> None:
    """Of a Linux machine: the same names, and the same values where they hold still."""
    roots = [
        "1.3.6.1.2.1.1",
        "1.3.6.1.2.1.2",
        "1.3.6.1.2.1.4",
        "1.3.6.1.2.1.31",
        "1.3.6.1.4.1.2021",
    ]
    before = told(program, version, snmpd, *roots)
    walked = await endpoint.walk(Target(address=snmpd, version=version), roots)
    after = told(program, version, snmpd, *roots)
    still = {name for name in before if before[name] == after.get(name)}

    assert walked.outcome is Outcome.OK
    assert before.keys() & after.keys() <= walked.rows.keys() <= before.keys() | after.keys()
    assert len(still) > 100
    changed = {name for name in still if not same(walked.rows[name], before[name])}
    assert len(changed) <= len(still) // 50  # a value may go to and fro meanwhile


def same(ours: Value, theirs: Value) -> bool:
    """Compare as exactly as Net-SNMP prints: floating point with six digits behind the point."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) < 1e-6
    return ours == theirs


def overheard(command: list[str], names: list[str]) -> bytes:
    """Let a tool of Net-SNMP ask, and return its first datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(10)
        where = f"127.0.0.1:{listener.getsockname()[1]}"
        program = [*command, "-c", "secret", "-r0", "-t1", where, *names]
        asking = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        datagram = listener.recv(65_535)
        asking.kill()
        asking.wait()
    return datagram


REQUESTS = [
    (["snmpget", "-v1"], "1", PduType.GET, 0),
    (["snmpget", "-v2c"], "2c", PduType.GET, 0),
    (["snmpgetnext", "-v1"], "1", PduType.GET_NEXT, 0),
    (["snmpgetnext", "-v2c"], "2c", PduType.GET_NEXT, 0),
    (["snmpbulkget", "-v2c", "-Cn0", "-Cr33"], "2c", PduType.GET_BULK, 33),
]


@pytest.mark.parametrize(("command", "version", "kind", "repetitions"), REQUESTS, ids=str)
@pytest.mark.parametrize("count", [1, 12, 40])
def test_we_ask_octet_for_octet_what_net_snmp_asks(
    command: list[str], version: Version, kind: PduType, repetitions: int, count: int
) -> None:
    """Any device that answers Net-SNMP answers us."""
    names = [f"1.3.6.1.4.1.13742.6.5.{n}.{n * 1000}" for n in range(1, count + 1)]
    number = 0
    while number < REQUEST_ID_MIN:  # one in 256 of theirs is shorter than ours ever are
        theirs = overheard([tool(command[0]), *command[1:]], names)
        number = decode_pdu(unwrap(theirs)[2]).request_id
    planned = Planned.of(kind, encode_names(names), repetitions)
    assert Community(version, b"secret").seal(planned.pdu(number)) == theirs


async def test_a_wrong_community_is_silence(endpoint: Endpoint, snmpd: Address) -> None:
    """That is all an agent says; the device is unknown and nothing waits longer than it may."""
    target = Target(address=snmpd, community=b"wrong", timeout_s=0.1)
    fetched = await endpoint.get(target, ["1.3.6.1.2.1.1.1.0"])

    assert fetched.outcome is Outcome.TIMEOUT
    assert fetched.unread == {"1.3.6.1.2.1.1.1.0": "no answer"}
