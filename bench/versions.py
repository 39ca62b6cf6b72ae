"""What SNMPv3 costs beside v2c: the whole agent, and the poll alone in memory, in turn in one run.

One process serves a recording of a rack PDU on loopback addresses, in both versions; the agent
reads all of them once a second and serves them as text. CPU is that of the agent's process alone.

    python -m bench.versions [--rounds 3] [--seconds 10] [--devices 60]
"""

import argparse
import asyncio
import contextlib
import random
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.poll_path import PORT, RECORDING, objects_of, rackproof
from collectors.snmp.exchange import Exchange, Learnt, Target
from collectors.snmp.poll import Answer, Poll, Watch
from collectors.snmp.usm import Authority, User
from collectors.twin.engine import Engine, engine_id
from collectors.twin.objects import Object, Shown, Table
from collectors.twin.responder import Responder

PASSWORDS = {"AUTH": "maplesyrup", "PRIVACY": "treefrogs"}
NET = "127.3.0."
DATAGRAM_OCTETS_MAX = 65_535
POLLS = 2000  # in memory
CREDENTIALS = {
    "v2c": "{version: 2c, community: public}",
    "v3": "{version: 3, user: bench, auth: {protocol: SHA-256, password: {env: AUTH}}, "
    "privacy: {protocol: AES-128, password: {env: PRIVACY}}}",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--devices", type=int, default=60)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not RECORDING.exists():
        sys.exit("the recordings are not beside the checkout; there is nothing to serve")
    if args.serve:
        serve(args.devices)
    with tempfile.TemporaryDirectory() as folder, served(args.devices) as addresses:
        objects, _ = asyncio.run(objects_of(addresses[0]))
        print(f"{args.devices} devices, {len(objects)} objects each, SHA-256 and AES-128")
        ratios = []
        for number in range(args.rounds):
            costs = {
                version: rackproof(
                    Path(folder), addresses, len(objects), args.seconds, credential, PASSWORDS
                )
                for version, credential in CREDENTIALS.items()
            }
            ratios.append(costs["v3"] / costs["v2c"])
            print(
                f"round {number + 1}: v2c {costs['v2c']:.2f} us an object, v3 {costs['v3']:.2f}: "
                f"{ratios[-1]:.2f} times",
                flush=True,
            )
        print(f"median ratio {statistics.median(ratios):.2f}")
        alone = {version: in_memory(version, objects) for version in CREDENTIALS}
        print(
            f"the poll alone, in memory: v2c {alone['v2c']:.2f} us an object, "
            f"v3 {alone['v3']:.2f}, {(alone['v3'] - alone['v2c']):.2f} more"
        )


@contextlib.contextmanager
def served(devices: int) -> Iterator[list[str]]:
    """Serve the recording on that many addresses from another process; yields them."""
    command = [sys.executable, "-m", "bench.versions", "--serve", "--devices", str(devices)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            server.stdout.readline()
            yield [f"{NET}{n + 1}" for n in range(devices)]
        finally:
            server.terminate()


def user() -> User:
    """Make the user that both sides know."""
    auth, privacy = (word.encode() for word in PASSWORDS.values())
    return User.of(b"bench", auth=("SHA-256", auth), privacy=("AES", privacy))


def recorded() -> Table:
    """Return the objects of the recording."""
    objects = []
    for line in RECORDING.read_text().splitlines():
        name, kind, text = line.split("|", 2)
        tag = int(kind.rstrip("x"))
        value: int | str | bytes = bytes.fromhex(text) if kind.endswith("x") else text
        if tag in (2, 65, 66, 67, 70):
            value = int(text)
        objects.append(Object(oid=name, tag=tag, value=value))  # type: ignore[arg-type]
    return Table(objects)


def engine_of(name: str, table: Table, asks: User) -> Engine:
    """Return a device that answers in both versions."""
    responder: Responder[Shown] = Responder(table, {})
    return Engine(engine_id(name), responder, [asks], clock=Authority(1, 0.0), salt=1)


def serve(devices: int) -> None:
    """Answer for ever."""
    table, asks, ready = recorded(), user(), selectors.DefaultSelector()
    for number in range(devices):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((f"{NET}{number + 1}", PORT))
        ready.register(sock, selectors.EVENT_READ, engine_of(f"pdu{number}", table, asks))
    print("ready", flush=True)
    while True:
        for key, _ in ready.select():
            assert isinstance(key.fileobj, socket.socket)
            datagram, address = key.fileobj.recvfrom(DATAGRAM_OCTETS_MAX)
            answer = key.data.answer(datagram, time.monotonic())
            if answer is not None:
                key.fileobj.sendto(answer, address)


def in_memory(version: str, objects: tuple[str, ...]) -> float:
    """Return microseconds an object of a poll that goes through no socket, ours alone."""
    asks, address = user(), ("127.0.0.9", 161)
    device = engine_of("pdu", recorded(), asks)
    exchange = Exchange(random.Random(1))
    learnt = Learnt(salt=1, keys=exchange.engines.keys)
    target = (
        Target(address=address, version="3", user=asks)
        if version == "v3"
        else Target(address=address)
    )
    watch = Watch(target, objects, learnt)
    answers: list[Answer] = []
    spent = 0.0
    for number in range(POLLS + 10):
        begun = time.thread_time()
        exchange.start(Poll(watch, answers.append), float(number))
        spent += time.thread_time() - begun
        while exchange.outbox:
            answer = device.answer(exchange.outbox.popleft()[0], float(number))
            assert answer is not None
            begun = time.thread_time()
            exchange.hear(answer, address, float(number))
            while exchange.ended:
                talk, seconds = exchange.ended.popleft()
                talk.end(seconds)
            spent += time.thread_time() - begun
        spent *= number >= 10  # forms and layouts are learnt first
    return spent / (POLLS * len(objects)) * 1e6


if __name__ == "__main__":
    main()
