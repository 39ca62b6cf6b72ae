"""What a storm of traps costs, and how many of them are accounted for.

A real agent listens on loopback; senders on the addresses of its devices send as fast as they can,
and then at a steady pace. What the agent counted is compared with what was sent.

    python -m bench.traps [--burst 10000] [--rate 2000] [--seconds 60]
"""

import argparse
import asyncio
import itertools
import re
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from agent.programs import Program, free_port, get
from collectors.snmp.ber import Tag
from collectors.snmp.notification import STANDARD
from collectors.snmp.usm import Authority, User
from collectors.twin.engine import Engine, engine_id
from collectors.twin.objects import Table
from collectors.twin.responder import Responder
from collectors.twin.trap import Field, Herald, Notice, Sink

DEVICES = 10
HOST = "127.0.71.{}"
FLOOR = """\
floor: rackproof.floor/1
listen: 127.0.0.1:{http}
data: data
traps: {{listen: "127.0.0.1:{traps}", credentials: [lab, secure]}}
credentials:
  lab: {{version: 2c, community: public}}
  secure:
    version: 3
    user: watch
    auth: {{protocol: SHA-256, password: {{file: word}}}}
    privacy: {{protocol: AES-128, password: {{file: word}}}}
defaults: {{credentials: lab, interval: 60 s, timeout: 200 ms, retries: 0}}
bays:
  bay-01:
    devices:
"""
WORD = "maplesyrup"
OBJECTS = tuple(
    Field(f"1.3.6.1.4.1.13742.6.5.3.3.1.{column}.1.1.15", Tag.INTEGER, 1) for column in range(2, 8)
)
SERIES = re.compile(r"rackproof_agent_(?:notifications|drops)_total\{(.*)\} (\S+)")


class Counts(NamedTuple):
    """What the agent has counted, and what it has used."""

    told: dict[str, float]
    cpu_s: float

    def taken(self) -> float:
        """Return how many it took in."""
        return sum(n for name, n in self.told.items() if "outcome" in name)

    def total(self) -> float:
        """Return how many it accounts for."""
        return sum(self.told.values())


def main() -> None:
    """Measure what the command line asks for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--burst", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    asyncio.run(_measured(asked.burst, asked.rate, asked.seconds))


async def _measured(burst: int, rate: int, seconds: float) -> None:
    """Let an agent listen, and send."""
    with tempfile.TemporaryDirectory() as folder:
        http, traps = free_port(0), _free_udp_port()
        _write(Path(folder), http, traps)
        command = [sys.executable, "-m", "agent", "run", "floor.yaml"]
        agent = await Program.start("agent", command, Path(folder))
        try:
            await agent.ready(http, "/-/healthy")
            for version in ("1", "2c", "3"):
                said = [*itertools.islice(_said(version, traps), burst)]
                await _sent(f"burst, v{version}", agent, http, traps, said, 0.0)
            said = [*itertools.islice(_said("2c", traps), int(rate * seconds))]
            await _sent(f"{rate} a second for {seconds:.0f} s, v2c", agent, http, traps, said, rate)
        finally:
            await agent.stop()


async def _sent(  # noqa: PLR0913, PLR0917 -- a line of the table
    title: str, agent: Program, http: int, traps: int, said: list[tuple[str, bytes]], rate: float
) -> None:
    """Send, wait until all of it is accounted for, and print what that took."""
    before = await _counts(agent, http)
    took = await asyncio.to_thread(_send, traps, said, rate)
    after = await _counts(agent, http)
    patience = time.monotonic() + 30
    while after.total() - before.total() < len(said) and time.monotonic() < patience:
        await asyncio.sleep(0.2)
        after = await _counts(agent, http)
    taken, total = after.taken() - before.taken(), after.total() - before.total()
    cpu = after.cpu_s - before.cpu_s
    print(
        f"{title:32} sent {len(said):7,} in {took:5.2f} s   taken {taken:9,.0f}"
        f"   accounted for {total:9,.0f}   {1e6 * cpu / len(said):5.1f} us of CPU each"
    )
    for name, count in after.told.items():
        if "outcome" not in name and count > before.told.get(name, 0.0):
            print(f"    dropped: {name} {count - before.told.get(name, 0.0):,.0f}")


def _send(traps: int, said: list[tuple[str, bytes]], rate: float) -> float:
    """Send from the devices' own addresses; return how long that took."""
    with ExitStack() as stack:
        socks = {}
        for host in {host for host, _ in said}:
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind((host, 0))
            socks[host] = sock
        start = time.monotonic()
        for number, (host, datagram) in enumerate(said):
            if rate and (ahead := start + number / rate - time.monotonic()) > 0:
                time.sleep(ahead)
            socks[host].sendto(datagram, ("127.0.0.1", traps))
        return time.monotonic() - start


def _said(version: str, traps: int) -> Iterator[tuple[str, bytes]]:
    """Yield traps of six objects, in turn from each device, no two the same."""
    user = User.of(b"watch", auth=("SHA-256", WORD.encode()), privacy=("AES", WORD.encode()))
    sink = Sink(
        address=("127.0.0.1", traps),
        version=version,  # type: ignore[arg-type]
        user=user if version == "3" else None,
    )
    heralds = []
    for number in range(1, DEVICES + 1):
        host = HOST.format(number)
        clock = Authority(int(time.time()), started=-5000.0)
        engine = Engine(engine_id(host), Responder(Table([]), {}), clock=clock, salt=1)
        herald = Herald([sink], host=host, sys_object_id="1.3.6.1.4.1.13742", engine=engine)
        heralds.append((host, herald))
    for number in itertools.count():
        host, herald = heralds[number % DEVICES]
        notice = Notice(f"{STANDARD}.{3 + number % 2}", OBJECTS)
        yield host, herald.tell(notice, number / 100, 0.0)[0][0]


async def _counts(agent: Program, http: int) -> Counts:
    """Ask the agent what it has counted, and the kernel what it has used."""
    page = await get(http, "/metrics")
    found = SERIES.findall((page or b"").decode())
    told = {name: float(n) for name, n in found if "outcome" in name or '"traps"' in name}
    return Counts(told, _cpu_s(agent.process.pid))


def _cpu_s(pid: int) -> float:
    """Return how much of a processor a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _write(folder: Path, http: int, traps: int) -> None:
    """Write the floor file."""
    (folder / "word").touch(mode=0o600)
    (folder / "word").write_text(WORD)
    devices = [
        f"      d{number}: {{address: {HOST.format(number)}}}\n" for number in range(1, DEVICES + 1)
    ]
    (folder / "floor.yaml").write_text(FLOOR.format(http=http, traps=traps) + "".join(devices))


def _free_udp_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
