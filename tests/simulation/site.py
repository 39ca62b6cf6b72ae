"""A simulated bay on loopback, and the real agent that burns it in: started, killed, asked."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agent.programs import LOOPBACK, Program, free_port
from agent.record.manifest import JOURNAL
from tests.simulation.devices import Devices

if TYPE_CHECKING:
    from tests.simulation.nursery import Nursery

BAY: Final = "bay-01"
BY: Final = "J. Doe"
HOLD_S: Final = 3  # so long may a channel of the spec be outside, or unseen
PATIENCE_S: Final = 120.0  # of a test on a busy machine
LOOK_S: Final = 0.3  # between two looks at a run, which is judged for each of them
ASKED_S: Final = 10.0  # for one answer of the agent
RUN: Final = ("run", "floor.yaml")
NO_PDF: Final = 'raise ImportError("a PDF takes seconds to print, and one is enough")\n'
SPEC: Final = f"""\
spec: rackproof.spec/1
id: short-plan
revision: A
status: draft
title: Two feeds, a rear door and a switch, for seconds
design: {{rack_power: 66 kW}}
decision: {{rule: guarded, on_guard_band: inconclusive}}
defaults: {{every: 1 s, hold: {HOLD_S} s, budget: 50 %, required: true, applies: always}}
quantities:
  power:       {{u: 1 %, hysteresis: 1 %}}
  voltage:     {{u: 0.5 %}}
  temperature: {{u: 0.4 K, hysteresis: 0.3 K}}
roles:
  feed_meter:
    count: 2
    names: [feedA, feedB]
    channels:
      power:        {{q: power, nominal: 33 kW, warn: max 36 kW, fail: max 40 kW}}
      line_voltage: {{q: voltage, per: phase 3, nominal: 240 V, fail: +-8 %}}
  rear_door:
    count: 1
    channels:
      heat:         {{q: power, nominal: 8.6 kW, u: 8 %, fail: 4..12 kW}}
      air_out_temp: {{q: temperature, fail: max 32 degC}}
  mgmt_switch:
    count: 1
    channels:
      inlet_temp:   {{q: temperature, fail: max 45 degC, required: false}}  # nobody maps it
derived:
  rack_power: {{expr: "sum(feed_meter[*].power)", unit: kW, nominal: 66 kW, fail: max 72 kW}}
plan:
  clock: qualified
  coverage: {{min: 50 %}}
  wall_clock: any
  stages:
    - {{id: inventory, duration: 2 s, load: 100 %, needs: [bom_scanned]}}
    - id: soak
      duration: SOAK s
      load: 100 %
      entry: {{all: [rack_power min 60 kW], for: 2 s, timeout: 10 min}}
"""
FLOOR: Final = """\
floor: rackproof.floor/1
listen: 127.0.0.1:{port}
data: data
credentials: {{lab: {{version: 2c, community: public}}}}
defaults: {{credentials: lab, interval: 1 s, timeout: 900 ms, retries: 0}}
bays:
  bay-01:
    spec: spec.yaml
    devices:
"""


class Reply(NamedTuple):
    """What the agent answered."""

    status: int
    document: Any

    @property
    def good(self) -> bool:
        """Say whether it was done."""
        return 200 <= self.status < 300


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    complaint: str


class Site:
    """A floor of one bay, whose daemon comes and goes while its devices stay."""

    def __init__(self, folder: Path, devices: Devices, soak_s: int) -> None:
        self.folder = folder
        self.devices = devices
        self.port = free_port(0)
        self.lives = 0  # daemons started so far
        self.environment: tuple[str, ...] = ()  # of each of them
        self.nursery: Nursery | None = None  # where they come from; else each is a program's start
        self.daemon: Program | None = None
        floor = FLOOR.format(port=self.port)
        for device, (host, port) in devices.addresses.items():
            floor += f'      {device}: {{address: "{host}:{port}"}}\n'
        (folder / "floor.yaml").write_text(floor)
        (folder / "spec.yaml").write_text(SPEC.replace("SOAK", str(soak_s)))

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, folder: Path, number: int, soak_s: int) -> "AsyncIterator[Site]":
        """Put the devices of bay `number` on the air; end what was started, however it goes."""
        async with Devices.open(SPEC.replace("SOAK", str(soak_s)), number) as devices:
            site = cls(folder, devices, soak_s)
            site.print_nothing()
            try:
                yield site
            finally:
                await site.end()

    def print_nothing(self) -> None:
        """Let daemons live where WeasyPrint is not installed."""
        without = self.folder / "without"
        without.mkdir()
        (without / "weasyprint.py").write_text(NO_PDF)
        here = os.environ.get("PYTHONPATH", "")
        self.environment = (f"PYTHONPATH={without}{os.pathsep}{here}",)

    # -- the daemon ----------------------------------------------------------------------------

    async def begin(self, *environment: str) -> Program:
        """Start a daemon, which takes a while to be ready; `environment`: NAME=VALUE."""
        self.lives += 1
        name, told = f"agent-{self.lives}", (*self.environment, *environment)
        if self.nursery is None:
            command = ["env", *told, sys.executable, "-m", "agent", *RUN]
            self.daemon = await Program.start(name, command, self.folder)
        else:
            pairs = dict(pair.split("=", 1) for pair in told)
            self.daemon = await self.nursery.start(name, RUN, self.folder, pairs)
        return self.daemon

    async def start(self, *environment: str) -> Program:
        """Start a daemon and wait until every device was polled once."""
        daemon = await self.begin(*environment)
        await self.until(self.ready, "ready")
        return daemon

    async def kill(self) -> None:
        """End the daemon as a power cut would, with all it had in memory."""
        assert self.daemon is not None
        with contextlib.suppress(ProcessLookupError):
            self.daemon.process.kill()
        await self.daemon.process.wait()

    async def end(self) -> None:
        """Ask the daemon to end; by force if it was stopped or does not listen."""
        if self.daemon is not None and self.daemon.process.returncode is None:
            self.signal(signal.SIGCONT)
            await self.daemon.stop()

    def signal(self, number: signal.Signals) -> None:
        """Send the daemon a signal."""
        assert self.daemon is not None
        self.daemon.process.send_signal(number)

    # -- what it says --------------------------------------------------------------------------

    async def ask(
        self, method: str, path: str, body: object = None, key: str | None = None
    ) -> Reply:
        """Ask the agent for something. Raises: OSError, HTTPException where nobody answers."""
        return await asyncio.to_thread(self._ask, method, path, body, key)

    def _ask(self, method: str, path: str, body: object, key: str | None) -> Reply:
        """Ask on a connection of its own, for whoever answers may be gone at any moment."""
        link = http.client.HTTPConnection(LOOPBACK, self.port, timeout=ASKED_S)
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        with contextlib.closing(link):
            link.request(method, path, None if body is None else json.dumps(body), headers)
            answer = link.getresponse()
            text = answer.read()
        kind = answer.getheader("Content-Type", "")
        return Reply(answer.status, json.loads(text) if "json" in kind else text.decode())

    async def answers(self) -> bool:
        """Say whether it answers at all."""
        return (await self.ask("GET", "/-/healthy")).good

    async def ready(self) -> bool:
        """Say whether it is ready to begin, and to store, runs."""
        return (await self.ask("GET", "/-/ready")).good

    async def metric(self, series: str) -> float | None:
        """Return the value of one line of the metrics page."""
        page = (await self.ask("GET", "/metrics")).document
        values = [line.split()[-1] for line in page.splitlines() if line.startswith(series + " ")]
        return float(values[0]) if values else None

    async def show(self, run: str) -> Mapping[str, Any]:
        """Return how a run stands."""
        reply = await self.ask("GET", f"/api/v1/runs/{run}")
        assert reply.good, reply
        found: Mapping[str, Any] = reply.document
        return found

    async def act(self, path: str, key: str | None = None, **body: object) -> Mapping[str, Any]:
        """Do what must be possible now, and return the run."""
        reply = await self.ask("POST", f"/api/v1/{path}", {**body, "by": BY}, key)
        assert reply.good, reply
        found: Mapping[str, Any] = reply.document
        return found

    async def cli(self, *command: str) -> Said:
        """Run a command of `rackproof` beside the daemon, as a person does."""
        where = {"RACKPROOF_URL": f"http://{LOOPBACK}:{self.port}", "RACKPROOF_BY": BY}
        process = await asyncio.create_subprocess_exec(
            *("env", *(f"{name}={value}" for name, value in where.items())),
            *(sys.executable, "-m", "agent", *command),
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, complaint = await process.communicate()
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), complaint.decode())

    async def until(self, holds: Callable[[], Awaitable[object]], what: str) -> None:
        """Wait until something holds; while nobody answers it does not."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    with contextlib.suppress(OSError, http.client.HTTPException):
                        if await holds():
                            return
                    assert self.daemon is not None
                    assert self.daemon.process.returncode is None, self.daemon.obituary()
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            assert self.daemon is not None
            raise AssertionError(f"never {what}; {self.daemon.obituary()}") from None

    # -- runs ----------------------------------------------------------------------------------

    async def start_run(self, key: str | None = None) -> str:
        """Begin a run and answer what its first stage needs; return its name."""
        run = await self.act(f"bays/{BAY}/runs", key, serial="SN-1")
        name = str(run["run"])
        await self.act(f"runs/{name}/answers", need="bom_scanned", answer="yes")
        return name

    async def soaking(self, run: str, seconds: float = 0.0) -> None:
        """Wait until so much of the soak has counted."""

        async def counted() -> bool:
            shown = await self.show(run)
            assert shown["state"] != "over", shown
            standing = shown["standing"]  # there is none while samples are read back
            return bool(
                standing
                and standing["stage"] == "soak"
                and standing["phase"] == "dwell"
                and standing["qualified_s"] > seconds
            )

        await self.until(counted, f"{seconds} s into the soak of {run}")

    async def is_past(self, run: str, stage: str) -> bool:
        """Say whether a stage of a run has ended."""
        stages = (await self.show(run))["stages"]
        return any(each["stage"] == stage and each["outcome"] for each in stages)

    async def is_over(self, run: str) -> bool:
        """Say whether a run has its verdict."""
        return bool((await self.show(run))["state"] == "over")

    async def sealed(self, run: str) -> Path:
        """Wait for the record of a run, closing the run where that takes a person."""

        async def stands() -> bool:
            shown = await self.show(run)
            standing = shown["standing"] or {}
            if shown["state"] == "paused":
                await self.ask("POST", f"/api/v1/runs/{run}/resume", {"by": BY})
            elif standing.get("needs"):
                answer = {"need": "bom_scanned", "answer": "yes", "by": BY}
                await self.ask("POST", f"/api/v1/runs/{run}/answers", answer)
            elif shown["state"] in ("held", "waiting"):
                await self.ask("POST", f"/api/v1/runs/{run}/finish", {"by": BY})
            return shown["record"] is not None

        await self.until(stands, f"sealed: {run}")
        return self.folder / "data" / "records" / run


class Record:
    """A sealed record, as whoever audits it reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary: Mapping[str, Any] = json.loads((folder / "summary.json").read_text())
        self.entries: list[Mapping[str, Any]] = [
            json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()
        ]

    @property
    def verdict(self) -> str:
        """Return what it says of the run."""
        return str(self.summary["verdict"])

    def events(self, kind: str) -> list[Mapping[str, Any]]:
        """Return what happened of one kind."""
        return [entry["data"] for entry in self.entries if entry["kind"] == kind]

    def stage(self, name: str) -> Mapping[str, Any]:
        """Return the only attempt of a stage."""
        (found,) = [each for each in self.summary["stages"] if each["stage"] == name]
        return dict(found)

    def seconds(self) -> float:
        """Return how long the run lasted on its own clock."""
        return float(self.entries[-1]["at"])
