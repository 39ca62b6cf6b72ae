"""`rackproof demo`: a rack that is not there goes through its burn-in, in one command."""

import asyncio
from pathlib import Path
from typing import Final

import click

from agent import clock
from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.demo.script import Wish, timed
from agent.demo.site import LISTEN, example
from agent.demo.world import Choice, play
from agent.exits import Exit
from agent.output import complain
from agent.programs import ProgramError
from agent.twin.faults import Placed, Reader
from collectors.twin.faults import KINDS, FaultError

RATE: Final = 24.0  # an hour's plan in two and a half minutes; on one core, with a margin
BAYS_MAX: Final = 24
STORIES: Final = "\n\n".join(
    f"{name}: {kind.story} ({kind.verdict})" for name, kind in KINDS.items()
)


@click.command(epilog=f"Faults, and the verdict that is due:\n\n{STORIES}")
@click.option(
    "--fault",
    "text",
    metavar="FAULT",
    help="Break something in the soak: leak, or 'bay=2 leak zone=3 size=2'.",
)
@click.option("--bays", type=click.IntRange(1, BAYS_MAX), default=1, help="How many racks.")
@click.option(
    "--rate",
    type=click.FloatRange(0, clock.RATE_MAX, min_open=True),
    help=f"How fast time goes. If not told: {RATE:g}, shared among the bays.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep floor file, record and certificate in this new folder.",
)
@click.option("--seconds", type=click.FloatRange(min=1), help="End after so many seconds.")
@click.option("--exit", "leave", is_flag=True, help="End after the verdict; 1 if it is wrong.")
@click.option("--no-prometheus", is_flag=True, help="Do without Prometheus, installed or not.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=LISTEN,
    show_default=True,
    help="Of the agent's pages; if it is taken, another.",
)
@click.option("--seed", type=click.IntRange(0), default=1, help="Of the racks' small movements.")
def demo(  # noqa: PLR0913 -- one argument an option
    *,
    text: str | None,
    bays: int,
    rate: float | None,
    keep: Path | None,
    seconds: float | None,
    leave: bool,
    no_prometheus: bool,
    port: int,
    seed: int,
) -> int:
    """Watch a rack's burn-in from inventory to certificate, with nothing to configure.

    Simulates a rack of 132 kW with its 43 devices and the people at its bay, runs the agent on it
    and, where they are installed, Mosquitto and Prometheus. Time goes faster than in truth: the
    plan's hour takes three minutes. Everything is bound to this machine and gone when it ends:
    Ctrl-C.
    """
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise click.BadParameter(f"{keep} is not empty", param_hint="--keep")
    design = expand(load_spec(example().read_bytes(), str(example())))
    wish = Wish(fault=_placed(text, design, bays), seconds=seconds, leave=leave)
    choice = Choice(
        design=design,
        fault=None if text is None else timed(text),
        bays=bays,
        rate=rate or RATE / bays,
        port=port,
        prometheus=not no_prometheus,
        seed=seed,
        keep=keep,
    )
    try:
        seen = asyncio.run(play(wish, choice))
    except ProgramError as error:
        for line in str(error).splitlines():
            complain(line)
        return Exit.NO
    return Exit.YES if seen else Exit.NO


def _placed(text: str | None, design: Design, bays: int) -> Placed | None:
    """Read a fault, or say how it is written."""
    try:
        return None if text is None else Reader(design, bays).said([timed(text)])[0]
    except FaultError as error:
        raise click.BadParameter(str(error), param_hint="--fault") from None
