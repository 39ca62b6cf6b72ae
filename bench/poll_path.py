"""What a reading costs, stage by stage and as a whole, beside prometheus-snmp-exporter.

One recording of a rack PDU is served on 60 loopback addresses; both collectors read the same
objects of it at the same pace, each device once a second, and serve them as text over HTTP. CPU is
that of the collector's process alone, as the kernel accounts it. Both are measured in turn within
one run, so that the ratio holds where the machine is noisy; absolute figures do not travel.

    python -m bench.poll_path [--rounds 3] [--seconds 10] [--devices 60]
"""

import argparse
import asyncio
import contextlib
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from bench.stages import stages
from collectors.discovery import discover
from collectors.profile import load_profiles
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import Target

SHARED = Path(__file__).parents[1].parent / "shared"
RECORDING = SHARED / "recordings" / "pdu" / "raritan-pdu_px3.snmprec"
PORT = 21161


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--devices", type=int, default=60)
    args = parser.parse_args()
    if not RECORDING.exists():
        sys.exit("the recordings are not beside the checkout; there is nothing to serve")
    with tempfile.TemporaryDirectory() as folder, replayed(args.devices) as addresses:
        objects, channels = asyncio.run(objects_of(addresses[0]))
        print(f"{args.devices} devices, {len(objects)} objects and {channels} channels each")
        ours, theirs = [], []
        for number in range(args.rounds):
            ours.append(rackproof(Path(folder), addresses, len(objects), args.seconds))
            line = f"round {number + 1}: rackproof {ours[-1]:.2f} us an object"
            if shutil.which("prometheus-snmp-exporter"):
                theirs.append(exporter(Path(folder), addresses, objects, args.seconds))
                line += f", snmp_exporter {theirs[-1]:.1f}: {theirs[-1] / ours[-1]:.1f} times"
            print(line, flush=True)
        if theirs:
            ratio = statistics.median(t / o for t, o in zip(theirs, ours, strict=True))
            print(f"median ratio {ratio:.1f}")
        for name, cost in asyncio.run(stages(addresses, PORT)).items():
            print(f"  {name:10} {cost:6.3f} us a reading")


@contextlib.contextmanager
def replayed(devices: int, recording: Path = RECORDING) -> Iterator[list[str]]:
    """Serve a recording on that many addresses; yields them."""
    command = [sys.executable, str(SHARED / "tools" / "replay_agent.py"), "--port", str(PORT)]
    with subprocess.Popen(
        [*command, *[str(recording)] * devices], stdout=subprocess.PIPE, text=True
    ) as agent:
        assert agent.stdout is not None
        try:
            lines = iter(agent.stdout.readline, "ready\n")
            yield [line.partition(":")[0] for line in lines]
        finally:
            agent.terminate()


async def objects_of(address: str) -> tuple[tuple[str, ...], int]:
    """Return what a poll of the device asks for, and how many channels that makes."""
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    found = await discover(endpoint, Target(address=(address, PORT)), load_profiles())
    endpoint.close()
    return found.layout.objects, len(found.layout.channels)


def rackproof(  # noqa: PLR0913, PLR0917 -- what a measurement is made of
    folder: Path,
    addresses: list[str],
    objects: int,
    seconds: int,
    credential: str = "{version: 2c, community: public}",
    secrets: Mapping[str, str] = MappingProxyType({}),
) -> float:
    """Return our microseconds of CPU an object, one scrape a poll of all devices."""
    port = free_port()
    devices = "".join(
        f"      pdu{n}: {{address: '{address}:{PORT}'}}\n" for n, address in enumerate(addresses)
    )
    floor = folder / "floor.yaml"
    floor.write_text(
        f"floor: rackproof.floor/1\nlisten: 127.0.0.1:{port}\n"
        f"credentials:\n  lab: {credential}\n"
        "defaults: {credentials: lab, interval: 1 s}\n"
        f"bays:\n  bay-01:\n    devices:\n{devices}"
    )
    command = [str(Path(sys.executable).with_name("rackproof")), "run", str(floor)]
    environment = {**os.environ, **secrets}
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent, env=environment) as agent:
        try:
            url = f"http://127.0.0.1:{port}/metrics"
            wait_for(f"http://127.0.0.1:{port}/-/ready")
            time.sleep(3)  # layouts are learnt
            polls, cpu = polled(url), cpu_s(agent.pid)
            for _ in range(seconds):
                time.sleep(1)
                fetch(url)
            return (cpu_s(agent.pid) - cpu) / ((polled(url) - polls) * objects) * 1e6
        finally:
            agent.terminate()


def exporter(folder: Path, addresses: list[str], objects: tuple[str, ...], seconds: int) -> float:
    """Return snmp_exporter's microseconds of CPU an object, each device scraped once a second."""
    gets = "".join(f"    - {oid}\n" for oid in objects)
    metrics = "".join(
        f"    - {{name: m{n}, oid: {oid}, type: gauge, help: x}}\n" for n, oid in enumerate(objects)
    )
    config = folder / "snmp.yml"
    config.write_text(
        "px3:\n  version: 2\n  timeout: 5s\n  auth: {community: public}\n"
        f"  get:\n{gets}  metrics:\n{metrics}"
    )
    port = free_port()
    command = [
        "prometheus-snmp-exporter",
        f"--config.file={config}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as peer:
        try:
            wait_for(f"http://127.0.0.1:{port}/")
            url = f"http://127.0.0.1:{port}/snmp?module=px3&target="
            fetch(f"{url}{addresses[0]}:{PORT}")
            cpu, lines, due = cpu_s(peer.pid), 0, time.monotonic()
            for address in addresses * seconds:
                due += 1 / len(addresses)  # spread over the second, as Prometheus does
                time.sleep(max(0.0, due - time.monotonic()))
                lines += fetch(f"{url}{address}:{PORT}").count(b"\nm")
            return (cpu_s(peer.pid) - cpu) / lines * 1e6
        finally:
            peer.terminate()


def polled(url: str) -> int:
    """Return how many polls have ended well so far."""
    text = fetch(url).decode()
    return sum(int(n) for n in re.findall(r'polls_total\{[^}]*outcome="ok"\} (\d+)', text))


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process, user and system, to the kernel's tick."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def fetch(url: str) -> bytes:
    """Return a page."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        page: bytes = answer.read()
        return page


def wait_for(url: str, seconds: int = 90) -> None:
    """Wait until a page answers with success."""
    for _ in range(10 * seconds):
        with contextlib.suppress(OSError):
            fetch(url)
            return
        time.sleep(0.1)
    sys.exit(f"{url} does not answer")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
