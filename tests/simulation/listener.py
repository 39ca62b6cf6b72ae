"""A floor whose devices answer nothing, and the agent that listens to what they say."""

import asyncio
import json
import os
import socket
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from agent.programs import Program, find, free_port, get
from tests.simulation.nursery import Nursery

PATIENCE_S: Final = 30.0  # of a test on a busy machine
LOOK_S: Final = 0.05
RUN: Final = ("run", "floor.yaml")
PLAIN, SECURE, OTHER, FLOODED = ("127.0.61.1", "127.0.61.2", "127.0.61.3", "127.0.61.4")
STRANGER: Final = "127.0.61.99"
FLOOR: Final = f"""\
floor: rackproof.floor/1
listen: 127.0.0.1:{{http}}
data: data
traps: {{{{listen: "127.0.0.1:{{traps}}", credentials: [others]}}}}
credentials:
  lab: {{{{version: 2c, community: public}}}}
  others: {{{{version: 2c, community: {{{{file: word}}}}}}}}
  secure:
    version: 3
    user: watch
    auth: {{{{protocol: SHA-256, password: {{{{file: auth}}}}}}}}
    privacy: {{{{protocol: AES-128, password: {{{{file: privacy}}}}}}}}
defaults: {{{{credentials: lab, interval: 5 s, timeout: 200 ms, retries: 0}}}}
bays:
  bay-01:
    devices:
      plain: {{{{address: {PLAIN}}}}}
      secure: {{{{address: {SECURE}, credentials: secure}}}}
      other: {{{{address: {OTHER}}}}}
      flooded: {{{{address: {FLOODED}}}}}
"""


def path_of(name: str) -> str:
    """Find a program; without it there is nobody who speaks."""
    found = find(name)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed, and CI must have it")
        pytest.skip(f"{name} is not installed: apt-get install snmp")
    return found


def free_udp_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Floor:
    """A floor file, and the agent that serves it."""

    def __init__(self, folder: Path, nursery: Nursery) -> None:
        self.folder = folder
        self.nursery = nursery
        self.http, self.traps = free_port(0), free_udp_port()
        self.agent: Program | None = None
        secrets = {"auth": "maplesyrup", "privacy": "treefrogs!", "word": "private"}
        for name, secret in secrets.items():
            (folder / name).write_text(secret)
            (folder / name).chmod(0o600)
        (folder / "floor.yaml").write_text(FLOOR.format(http=self.http, traps=self.traps))

    async def start(self, **environment: str) -> Program:
        """Start the agent, and wait until it answers."""
        self.agent = await self.begin(**environment)
        await self.agent.ready(self.http, "/-/healthy")
        return self.agent

    async def begin(self, **environment: str) -> Program:
        """Start the agent."""
        return await self.nursery.start("agent", RUN, self.folder, environment)

    async def stop(self) -> None:
        """End it."""
        assert self.agent is not None
        await self.agent.stop()

    def say(self, source: str, version: tuple[str, ...], *what: str) -> list[str]:
        """Return the command that sends a trap from an address of this machine."""
        return [
            path_of("snmptrap"),
            *(f"--clientaddr={source}", "-m", "", "-r", "3", "-t", "1"),
            *(*version, f"127.0.0.1:{self.traps}", *what),
        ]

    async def tell(self, source: str, version: tuple[str, ...], *what: str) -> int:
        """Send a trap, or with -Ci an inform; return how the program ended."""
        process = await asyncio.create_subprocess_exec(
            *self.say(source, version, *what),
            env={**os.environ, "SNMP_PERSISTENT_DIR": str(self.folder / source)},
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await process.wait()

    async def metrics(self) -> Mapping[str, float]:
        """Return what was counted."""
        page = await get(self.http, "/metrics")
        assert page is not None
        lines = [line.rsplit(" ", 1) for line in page.decode().splitlines() if line[0] != "#"]
        return {name: float(value) for name, value in lines}

    async def counted(self, series: str, count: float) -> None:
        """Wait until something was counted so often."""
        found: Mapping[str, float] = {}
        try:
            async with asyncio.timeout(PATIENCE_S):
                while found.get(series) != count:
                    found = await self.metrics()
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            pytest.fail(f"{series} is {found.get(series)}, want {count}")

    async def dropped(self, reason: str) -> float:
        """Return how many datagrams were refused for one reason."""
        return (await self.metrics())[drops(reason)]

    def rows(self, device: str) -> list[dict[str, Any]]:
        """Return what the inbox holds of a device."""
        with closing(sqlite3.connect(self.folder / "data" / "inbox.sqlite", timeout=5)) as inbox:
            found = inbox.execute(
                "SELECT body FROM notice WHERE device = ? ORDER BY id", (device,)
            ).fetchall()
        return [json.loads(body) for (body,) in found]

    async def kept(self, device: str, count: int) -> list[dict[str, Any]]:
        """Wait until the inbox holds so many notices of a device."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.rows(device)) < count:  # noqa: ASYNC110 -- a file has no event
                await asyncio.sleep(LOOK_S)
        return self.rows(device)

    async def accounted(self, before: Mapping[str, float], sent: int) -> dict[str, float]:
        """Wait until all that was sent is counted; return how much of it as what."""
        found: dict[str, float] = {}
        try:
            async with asyncio.timeout(PATIENCE_S):
                while sum(found.values()) != sent:
                    await asyncio.sleep(LOOK_S)
                    now = await self.metrics()
                    found = {
                        name: now[name] - before.get(name, 0.0)
                        for name in now
                        if name.startswith("rackproof_agent_notifications_total")
                        or (name.startswith("rackproof_agent_drops_total") and '"traps"' in name)
                    }
        except TimeoutError:
            pytest.fail(f"{sum(found.values()):.0f} of {sent} are accounted for: {found}")
        return {name: count for name, count in found.items() if count}


def drops(reason: str) -> str:
    """Return the series that counts what was refused."""
    return f'rackproof_agent_drops_total{{reason="{reason}",source="traps"}}'
