"""The command line: which commands there are, and what their exit codes and errors look like.

Nothing heavy is imported here. A command's module is loaded when it is called; until then one line
of help stands for it.
"""

import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final, NoReturn

import click

from agent.exits import Exit

COMMANDS: Final = {  # in the order in which a newcomer needs them
    "demo": ("agent.demo.command", "Watch a simulated rack go from inventory to certificate."),
    "doctor": ("agent.commands.doctor", "Find what is wrong with this installation."),
    "probe": ("agent.commands.probe", "Identify one SNMP device and read it once."),
    "check": ("agent.commands.check", "Validate a floor file and all it refers to."),
    "twin": ("agent.commands.twin", "Try a spec on racks that are not there."),
    "run": ("agent.commands.run", "Poll, judge and export a floor until told to stop."),
    "runs": ("agent.commands.runs", "Begin, follow and end burn-in runs."),
    "verify": ("agent.commands.verify", "Check a record of a run, offline."),
    "replay": ("agent.commands.replay", "Judge a record's evidence again, or by another spec."),
    "export": ("agent.commands.export", "Write a record's samples as CSV or Parquet."),
    "spec": ("agent.commands.spec", "Validate, show and compare design specs."),
    "profile": ("agent.commands.profile", "List, show and test device profiles."),
    "record": ("agent.commands.record", "Walk a device into a recording."),
}
DEBUG_VARIABLE: Final = "RACKPROOF_DEBUG"
CODES: Final = (
    "Exit codes: 0 yes, 1 no, 2 usage or invalid file, 3 undecided or no answer, 4 aborted, "
    "70 a bug of ours."
)


class Commands(click.Group):
    """A group that loads a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the names in our order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- likewise
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; for a misspelt one, offer the nearest."""
        close = [] if args[0] in COMMANDS else difflib.get_close_matches(args[0], COMMANDS, 1)
        if close:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- likewise
        """List the commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; a reader that went away ends it quietly, and not as a `no`."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return Exit.PIPE_CLOSED
        return result


@click.command(cls=Commands, epilog=CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rackproof", prog_name="rackproof")
@click.option(
    "--debug", is_flag=True, envvar=DEBUG_VARIABLE, help="Show where an error comes from."
)
def rackproof(*, debug: bool) -> None:
    """Tell whether an AI rack is built to its design.

    Polls a rack's power, cooling and network devices over SNMP and MQTT, judges every reading
    against a design spec, and exports it all to Prometheus. It never writes to a device.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    sys.exit(answer(sys.argv[1:] if arguments is None else arguments))


def answer(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; whatever goes wrong becomes words and a code."""
    try:
        result = rackproof.main(list(arguments), prog_name="rackproof", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return Exit.UNDECIDED if error.exit_code == Exit.UNDECIDED else Exit.INVALID
    except click.Abort:
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001 -- the last place where our own mistake can be told
        return _failed(error, debug="--debug" in arguments or bool(os.environ.get(DEBUG_VARIABLE)))
    return Exit(result or 0)


def _failed(error: Exception, *, debug: bool) -> Exit:
    """Say what went wrong: the problems of a file are a person's to mend, all else is ours."""
    from agent.output import complain  # noqa: PLC0415 -- an error can wait for its imports
    from collectors.document import DocumentError  # noqa: PLC0415 -- likewise

    if isinstance(error, DocumentError):
        for problem in error.problems:
            complain(str(problem))
        return Exit.INVALID
    if debug:
        traceback.print_exception(error)
    else:
        last = traceback.extract_tb(error.__traceback__)[-1]
        complain(f"rackproof: {type(error).__name__}: {error} ({last.filename}:{last.lineno})")
        complain("This is a bug in rackproof, not a mistake of yours. Please report it with what")
        complain(f"`rackproof --debug {' '.join(sys.argv[1:])}` prints.")
    return Exit.BUG
