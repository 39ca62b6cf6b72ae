"""All that runs in a demo: started in order, told of, and ended in reverse, whatever happens."""

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent import clock
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.demo.rules import rules
from agent.demo.screen import Screen
from agent.demo.script import Wish
from agent.demo.show import Show
from agent.demo.site import BAY, BROKER, LISTEN, PROMETHEUS, Ports, Site
from agent.output import say
from agent.programs import LOOPBACK, Program, find, free_port
from agent.twin import broker
from collectors.twin.bay import Bay
from collectors.twin.serve import Twin

KNOWN_SHARE: Final = 1.0  # of the judged channels, before the bay counts as live: it is healthy
KNOWN_SHARE_WITHOUT_BROKER: Final = 0.55  # SNMP brings three fifths of the demo spec's channels
MODELS: Final = {
    "feedA": "Raritan PX3",
    "feedB": "Sentry4",
    "rear_door": "APC InRow",
    "mgmt_switch": "switch",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How the demo is to be set up."""

    port: int
    prometheus: bool
    seed: int


async def play(wish: Wish, choice: Choice) -> bool:
    """Run the demo; Ctrl-C and signals end it as cleanly as its own end. Raises: ProgramError."""
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    told: list[int] = []

    def end(number: int) -> None:
        if not told:  # a second Ctrl-C must not cut the tidying short
            task.cancel()
        told.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end, number)
    try:
        async with _world(choice) as show:
            return await show.run(wish)
    except asyncio.CancelledError:
        if not told:
            raise
        return not wish.leave  # told to stop is a good end, unless somebody waits for the result
    finally:
        say()
        say("stopped; nothing is left behind")


@contextlib.asynccontextmanager
async def _world(choice: Choice) -> AsyncIterator[Show]:
    """Start everything, say what and where, and end it all afterwards."""
    async with contextlib.AsyncExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="rackproof-demo-"))
        folder = Path(name)
        say("Rackproof demo: one simulated bay, on this machine only. Ctrl-C ends it.")
        say()
        bay = Bay(seed=choice.seed)
        twin = await Twin.open(bay, wall=clock.wall)
        stack.callback(twin.close)
        ports = Ports(free_port(choice.port), free_port(BROKER), free_port(PROMETHEUS))
        site = Site.lay_out(folder, ports, twin.addresses)
        _tell("bay", ", ".join(MODELS[device] for device in twin.addresses) + ": simulated")
        await _background(stack, twin.live())
        heard = await _broker(stack, site, ports.broker)
        if heard:
            await _background(stack, twin.publish(BAY, (LOOPBACK, ports.broker)))
        command = (sys.executable, "-m", "agent", "run", str(site.floor))
        agent = await _program(stack, "agent", command, folder)
        await agent.ready(ports.agent, "/-/healthy")
        _tell("agent", f"http://127.0.0.1:{ports.agent}/  and its metrics at /metrics")
        prometheus = choice.prometheus and await _prometheus(stack, site, ports.prometheus)
        _hint(twin, ports)
        design = expand(load_spec(site.spec.read_bytes(), str(site.spec)))
        yield Show(
            bay=bay,
            agent=agent,
            agent_port=ports.agent,
            prometheus_port=ports.prometheus if prometheus else None,
            known_share=KNOWN_SHARE if heard else KNOWN_SHARE_WITHOUT_BROKER,
            rules=rules(design),
            screen=Screen(),
        )


def _tell(what: str, where: str) -> None:
    """Say what has been started, and where to look."""
    say(f"  {what:<11} {where}")


def _hint(twin: Twin, ports: Ports) -> None:
    """Say what else can be tried while it runs."""
    host, port = next(iter(twin.addresses.values()))
    command = "rackproof" if find("rackproof") else sys.argv[0]
    where = "" if ports.agent == LISTEN else f" --url http://127.0.0.1:{ports.agent}"
    say()
    say("Meanwhile, in another terminal:")
    say(f"  {command} runs start {BAY} SN-0001 --by you{where}")
    say(f"  {command} probe {host}:{port}")
    say(f"  curl -s http://127.0.0.1:{ports.agent}/metrics | grep rackproof_channel_status")
    say()


async def _background(stack: contextlib.AsyncExitStack, work: Coroutine[None, None, None]) -> None:
    """Let something run until the end."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)


async def _program(
    stack: contextlib.AsyncExitStack, name: str, command: Sequence[str], folder: Path
) -> Program:
    """Start a program that is ended at the end."""
    program = await Program.start(name, command, folder)
    stack.push_async_callback(program.stop)
    return program


async def _broker(stack: contextlib.AsyncExitStack, site: Site, port: int) -> bool:
    """Start a broker, or say how to get one."""
    if kind := await broker.start(stack, site.folder, port):
        _tell("broker", f"{kind}, mqtt://127.0.0.1:{port} (cooling unit, rack, room)")
        return True
    _tell("broker", f"none: {broker.HOW}")
    _tell("", "without it cooling unit, rack and room stay unknown")
    return False


async def _prometheus(stack: contextlib.AsyncExitStack, site: Site, port: int) -> bool:
    """Start Prometheus with the rules that are shipped, if it is installed."""
    prometheus = find("prometheus")
    if prometheus is None:
        _tell("Prometheus", "not installed, so no alerts: apt-get install prometheus")
        return False
    command = (
        prometheus,
        f"--config.file={site.prometheus}",
        f"--storage.tsdb.path={site.folder / 'tsdb'}",
        f"--web.listen-address={LOOPBACK}:{port}",
        "--log.level=warn",
    )
    program = await _program(stack, "prometheus", command, site.folder)
    await program.ready(port, "/-/ready")
    _tell("Prometheus", f"http://127.0.0.1:{port}/alerts")
    return True
