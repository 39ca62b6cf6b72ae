"""All that runs in a demo: started in order, told of, and ended in reverse, whatever happens."""

import asyncio
import contextlib
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from agent import clock
from agent.burnin.design import Design
from agent.demo.script import Script, Wish
from agent.demo.show import LOOK_S, Show
from agent.demo.site import PROMETHEUS, example, prometheus
from agent.demo.tale import INTRODUCTION
from agent.demo.watch import Watch
from agent.introspection import DEVICE
from agent.output import count, say
from agent.programs import LOOK_SECONDS, LOOPBACK, Program, ProgramError, find, free_port
from agent.stopping import until_told
from agent.twin.places import BAY

FLOOR: Final = "floor.yaml"
NEXT: Final = re.compile(r"rackproof run \S+( --clock (?P<pace>\S+))?")  # what a twin asks for
PLAN_S: Final = 4500.0  # that the example's plan takes, if all goes well
TWIN_S: Final = 30.0  # until a twin is on the air


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How the demo is to be set up."""

    design: Design
    fault: str | None  # as the twin is told it
    bays: int
    rate: float
    port: int
    prometheus: bool
    seed: int
    keep: Path | None  # where everything is kept; None: nowhere


class Alerts(NamedTuple):
    """A Prometheus, and where it listens."""

    program: Program
    port: int


async def play(wish: Wish, choice: Choice) -> bool:
    """Run the demo; Ctrl-C and signals end it as cleanly as its own end. Raises: ProgramError."""
    try:
        seen = await until_told(_shown(wish, choice))
        # told to stop is a good end, unless somebody waits for the result
        return not wish.leave if seen is None else seen
    finally:
        say()
        say("stopped; nothing is left behind" + (f" but {choice.keep}" if choice.keep else ""))


async def _shown(wish: Wish, choice: Choice) -> bool:
    """Run the show in its world, and end all that was started."""
    async with _world(wish, choice) as show:
        return await show.run()


@contextlib.asynccontextmanager
async def _world(wish: Wish, choice: Choice) -> AsyncIterator[Show]:
    """Start everything, say what and where, and end it all afterwards."""
    async with contextlib.AsyncExitStack() as stack:
        folder = choice.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="rackproof-demo-"))
        )
        folder.mkdir(parents=True, exist_ok=True)
        _introduce(choice)
        started = clock.monotonic()
        port = free_port(choice.port)
        alerts = await _prometheus(stack, choice, folder, port)
        twin, pace = await _twin(stack, choice, folder, port)
        command = [sys.executable, "-m", "agent", "run", FLOOR]
        command += ["--clock", pace] if pace else []
        agent = await _program(stack, "agent", command, folder)
        await agent.ready(port, "/-/healthy")
        _tell("agent", f"http://127.0.0.1:{port}/")
        if alerts is not None:
            await alerts.program.ready(alerts.port, "/-/ready")
            _tell("Prometheus", f"http://127.0.0.1:{alerts.port}/alerts")
        say()
        bays = [BAY.format(number=number + 1) for number in range(choice.bays)]
        yield Show(
            watch=Watch(
                design=choice.design,
                bays=bays,
                agent_port=port,
                prometheus_port=alerts and alerts.port,
            ),
            script=Script(
                wish=wish,
                started=started,
                plan_s=PLAN_S / choice.rate,
                bays=bays,
                alerting=alerts is not None,
                look_s=LOOK_S * choice.rate,
            ),
            rate=choice.rate,
            programs=(twin, agent),
        )


def _introduce(choice: Choice) -> None:
    """Say what there is to see."""
    devices = sum(device != DEVICE for device in choice.design.places)
    pace = "in real time" if choice.rate == 1 else f"{choice.rate:g} times as fast as real"
    for line in INTRODUCTION:
        say(line.format(pace=pace, devices=devices))
    say()


def _tell(what: str, where: str) -> None:
    """Say what has been started, and where to look."""
    say(f"  {what:<11} {where}")


async def _program(
    stack: contextlib.AsyncExitStack, name: str, command: Sequence[str], folder: Path
) -> Program:
    """Start a program that is ended at the end."""
    program = await Program.start(name, command, folder)
    stack.push_async_callback(program.stop)
    return program


async def _twin(
    stack: contextlib.AsyncExitStack, choice: Choice, folder: Path, port: int
) -> tuple[Program, str | None]:
    """Put the racks on the air, and people at their bays; return also what clock they live by.

    Raises: ProgramError.
    """
    command = [sys.executable, "-m", "agent", "twin", str(example()), "--floor", "."]
    command += ["--bays", str(choice.bays), "--seed", str(choice.seed)]
    command += ["--rate", f"{choice.rate:g}", "--follow", f"http://127.0.0.1:{port}"]
    command += ["--fault", choice.fault] if choice.fault else []
    twin = await _program(stack, "twin", command, folder)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TWIN_S):
            while twin.process.returncode is None:
                if found := NEXT.search(twin.log.read_text(errors="replace")):
                    _tell("racks", count(choice.bays, "rack") + ", simulated")
                    return twin, found["pace"]
                await asyncio.sleep(LOOK_SECONDS)
    raise ProgramError(twin.obituary())


async def _prometheus(
    stack: contextlib.AsyncExitStack, choice: Choice, folder: Path, port: int
) -> Alerts | None:
    """Start Prometheus with the rules that are shipped, if it is installed."""
    if not choice.prometheus:
        return None
    found = find("prometheus")
    if found is None:
        _tell("Prometheus", "not installed, so no alerts: apt-get install prometheus")
        return None
    own = free_port(PROMETHEUS)
    command = (
        found,
        f"--config.file={prometheus(folder, port, choice.rate)}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={LOOPBACK}:{own}",
        "--log.level=warn",
    )
    return Alerts(await _program(stack, "prometheus", command, folder), own)
