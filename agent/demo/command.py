"""`rackproof demo`: a simulated bay, the agent and its metrics, in one command."""

import asyncio

import click

from agent.demo.script import Wish
from agent.demo.site import LISTEN
from agent.demo.world import Choice, play
from agent.exits import Exit
from agent.output import complain
from agent.programs import ProgramError
from collectors.twin.bay import FAULTS

STORIES = "\n\n".join(f"{name}: {fault.story}" for name, fault in FAULTS.items())


@click.command(epilog=f"Faults:\n\n{STORIES}")
@click.option("--fault", type=click.Choice(list(FAULTS)), help="Break something after a while.")
@click.option("--seconds", type=click.FloatRange(min=1), help="End after so many seconds.")
@click.option("--exit", "leave", is_flag=True, help="End when all was seen; 1 if it was not.")
@click.option("--no-prometheus", is_flag=True, help="Do without Prometheus, installed or not.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=LISTEN,
    show_default=True,
    help="Of the agent's pages; if it is taken, another.",
)
@click.option("--seed", type=int, default=0, help="Of the simulated bay's small movements.")
def demo(  # noqa: PLR0913 -- one argument an option
    *,
    fault: str | None,
    seconds: float | None,
    leave: bool,
    no_prometheus: bool,
    port: int,
    seed: int,
) -> int:
    """Watch Rackproof work, with nothing to configure and no device at hand.

    Simulates one bay (two rack PDUs, a cooling unit, a rear door, a switch, the rack's own
    instruments), runs the agent on it and, where they are installed, Mosquitto and Prometheus.
    Everything is bound to this machine and gone when it ends: Ctrl-C.
    """
    wish = Wish(fault=fault, seconds=seconds, leave=leave)
    choice = Choice(port=port, prometheus=not no_prometheus, seed=seed)
    try:
        seen = asyncio.run(play(wish, choice))
    except ProgramError as error:
        for line in str(error).splitlines():
            complain(line)
        return Exit.NO
    return Exit.YES if seen else Exit.NO
