"""What simulated racks cost: the processor time of one twin process that serves a whole floor.

A light poller asks every SNMP device of every rack for all that the agent would ask, as often as
the spec wants it, and Mosquitto takes what the others publish. CPU is that of the twin's process
alone, as the kernel accounts it: a share of one core.

    python -m bench.twin [--bays 238] [--seconds 60] [--spec SPEC]
"""

import argparse
import asyncio
import contextlib
import heapq
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt

from agent.config import FloorConfig, Snmp, load_floor
from agent.programs import LOOPBACK, Program, find, free_port
from agent.twin.broker import MOSQUITTO
from bench.poll_path import cpu_s
from collectors.discovery import discover
from collectors.profile import load_profiles
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import Outcome, Target
from collectors.snmp.poll import Answer

EXAMPLE = Path(__file__).parents[1] / "deploy" / "example" / "specs" / "rack-132kw.yaml"
RECEIVED = "$SYS/broker/publish/messages/received"  # as Mosquitto counts, every 2 s
SETTLE_S = 20.0  # all values are due at once over a new connection
TIMEOUT_S = 2.0


class Poller:
    """Asks every device when it is due; `answers` and `losses` count."""

    def __init__(self, endpoint: Endpoint, floor: FloorConfig) -> None:
        self.endpoint = endpoint
        self.answers = self.losses = self.objects = 0
        self._due: list[tuple[float, str, float]] = []
        self._floor = floor

    async def learn(self) -> None:
        """Find out what to ask the devices of the first rack for, and plan it for all."""
        profiles = load_profiles()
        spread = random.Random(1)
        asked: dict[str, tuple[str, ...]] = {}
        for bay, config in self._floor.bays.items():
            for name, device in config.devices.items():
                if not isinstance(device.source, Snmp):
                    continue
                target = Target(
                    address=(device.source.address.host, device.source.address.port),
                    timeout_s=TIMEOUT_S,
                )
                if name not in asked:
                    found = await discover(self.endpoint, target, profiles)
                    asked[name] = found.layout.objects
                self.endpoint.watch(f"{bay}/{name}", target, asked[name])
                first = time.monotonic() + spread.random() * device.interval_s
                heapq.heappush(self._due, (first, f"{bay}/{name}", device.interval_s))

    async def poll(self) -> None:
        """Ask until cancelled."""
        while True:
            now = time.monotonic()
            while self._due[0][0] <= now:
                due, device, every = heapq.heappop(self._due)
                heapq.heappush(self._due, (due + every, device, every))
                self.endpoint.poll(device, self._answered)
            await asyncio.sleep(0.01)

    def _answered(self, _: str, answer: Answer) -> None:
        """Count."""
        self.answers += answer.outcome is Outcome.OK
        self.losses += answer.outcome is not Outcome.OK
        self.objects += len(answer.raw)


async def received(port: int) -> int:
    """Return how many messages the broker has taken so far."""
    async with aiomqtt.Client(LOOPBACK, port) as client:
        await client.subscribe(RECEIVED)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            if not message.retain:
                return int(message.payload)
    raise AssertionError


async def measure(spec: Path, bays: int, seconds: float) -> None:
    """Put the floor on the air, ask it, and print what that costs."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = free_port(0)
        mosquitto = find("mosquitto") or sys.exit("mosquitto is not installed")
        (folder / "mosquitto.conf").write_text(MOSQUITTO.format(port=port) + "sys_interval 2\n")
        there = await Program.start("mosquitto", (mosquitto, "-c", "mosquitto.conf"), folder)
        stack.push_async_callback(there.stop)
        await there.ready(port, None)
        command = ("-m", "agent", "twin", str(spec), "--bays", str(bays), "--floor", str(folder))
        url = f"mqtt://{LOOPBACK}:{port}"
        twin = await Program.start("twin", (sys.executable, *command, "--broker", url), folder)
        stack.push_async_callback(twin.stop)
        while not (folder / "floor.yaml").exists():
            assert twin.process.returncode is None, twin.obituary()
            await asyncio.sleep(0.5)
        floor = load_floor(folder / "floor.yaml")
        endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
        stack.callback(endpoint.close)
        poller = Poller(endpoint, floor)
        await poller.learn()
        task = asyncio.create_task(poller.poll())
        await asyncio.sleep(SETTLE_S)
        async for line in costs(twin.process.pid, poller, port, seconds):
            print(line)
        task.cancel()
        design = next(iter(floor.bays.values())).spec
        assert design is not None
        devices = sum(len(bay.devices) for bay in floor.bays.values())
        print(f"{bays} racks of {design.measured} channels, {devices} devices")


async def costs(pid: int, poller: Poller, port: int, seconds: float) -> AsyncIterator[str]:
    """Watch for a while; yield lines about it."""
    began, cpu, messages = time.monotonic(), cpu_s(pid), await received(port)
    answers, losses, objects = poller.answers, poller.losses, poller.objects
    await asyncio.sleep(seconds)
    took, share = time.monotonic() - began, (cpu_s(pid) - cpu)
    messages = await received(port) - messages
    asked, lost = poller.answers - answers, poller.losses - losses
    read = poller.objects - objects
    yield f"{100 * share / took:.1f} % of one core"
    yield f"{messages / took:.0f} messages a second"
    yield f"{asked / took:.0f} SNMP polls a second, of {read / took:.0f} objects; {lost} lost"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bays", type=int, default=238)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--spec", type=Path, default=EXAMPLE)
    args = parser.parse_args()
    asyncio.run(measure(args.spec, args.bays, args.seconds))


if __name__ == "__main__":
    main()
