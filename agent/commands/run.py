"""`rackproof run`: the daemon."""

from pathlib import Path

import click

from agent import daemon, log


@click.command
@click.argument("floor", type=click.Path(path_type=Path))
@click.pass_context
def run(ctx: click.Context, floor: Path) -> int:
    """Poll, judge and export the floor that the file FLOOR describes, until told to stop.

    Ctrl-C and SIGTERM end it cleanly, SIGHUP loads FLOOR again. Metrics are at
    http://127.0.0.1:9108/metrics unless FLOOR says otherwise.
    """
    log.configure(debug=bool(ctx.find_root().params["debug"]))
    return daemon.run(floor)
