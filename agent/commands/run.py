"""`rackproof run`: the daemon."""

from pathlib import Path

import click

from agent import clock, daemon, log


def _pace(_ctx: click.Context, _param: click.Parameter, text: str | None) -> clock.Pace | None:
    """Read a false clock, or say how it is written."""
    try:
        return None if text is None else clock.Pace.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command
@click.argument("floor", type=click.Path(path_type=Path))
@click.option(
    "--clock",
    "pace",
    callback=_pace,
    metavar="RATE@MONOTONIC,UNIX",
    help="Keep the false clock of a simulation, as `rackproof twin --rate` prints it. Records say "
    "so, and devices beyond this machine are refused.",
)
@click.pass_context
def run(ctx: click.Context, floor: Path, pace: clock.Pace | None) -> int:
    """Poll, judge and export the floor that the file FLOOR describes, until told to stop.

    Ctrl-C and SIGTERM end it cleanly, SIGHUP loads FLOOR again. Metrics are at
    http://127.0.0.1:9108/metrics unless FLOOR says otherwise.
    """
    log.configure(debug=bool(ctx.find_root().params["debug"]))
    return daemon.run(floor, pace)
