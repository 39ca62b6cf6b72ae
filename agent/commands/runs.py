"""`rackproof runs`: burn-in runs of a daemon that is running: begun, followed, acted upon."""

import sys
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from agent.commands.client import URL, URL_VARIABLE, Agent, Document, UnreachableError
from agent.commands.run_text import cabling_text, list_table, show_text, step
from agent.exits import BY_VERDICT, Exit
from agent.output import complain, emit, say

POLL_S: Final = 2.0  # how often to look while waiting; a run takes hours

Command = TypeVar("Command", bound=Callable[..., Any])


def _place(_ctx: click.Context, _param: click.Parameter, url: str) -> Agent:
    """Return the daemon at a URL."""
    return Agent(url)


def _asking(command: Command) -> Command:
    """Add what every one of these commands takes."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON for a program."),
        click.option(
            "--url",
            "agent",
            callback=_place,
            default=URL,
            show_default=True,
            envvar=URL_VARIABLE,
            help=f"Where the daemon is; or set {URL_VARIABLE}.",
        ),
    ):
        command = option(command)
    return command


by = click.option("--by", required=True, envvar="RACKPROOF_BY", help="Who you are.")
reason = click.option("--reason", required=True, help="Why, in at least three letters.")
wait = click.option("--wait", is_flag=True, help="Follow the run until it is over.")


@click.group
def runs() -> None:
    """Begin, follow and end burn-in runs of a running daemon.

    Exit codes of `show`, and of `start --wait`: 0 PASS or still on, 1 FAIL, 3 INCONCLUSIVE or no
    answer, 4 ABORTED.
    """


@runs.command("list")
@click.option("--bay", help="Of this bay alone.")
@click.option("--serial", help="Of this rack alone.")
@click.option("--verdict", type=click.Choice(list(BY_VERDICT)), help="Of this verdict alone.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, help="At most so many.")
@_asking
def list_(agent: Agent, *, as_json: bool, **which: object) -> int:
    """List runs, the latest first."""
    found = agent.get("runs", **which)
    if as_json:
        emit(found)
    else:
        list_table(found)
    return Exit.YES


@runs.command
@click.argument("bay")
@click.argument("serial")
@by
@click.option("--sku", help="What the rack is sold as.")
@click.option("--spec-hash", help="Refuse unless the bay's spec has this SHA-256.")
@wait
@_asking
def start(agent: Agent, bay: str, *, as_json: bool, wait: bool, **act: object) -> int:
    """Begin a run of the rack SERIAL in BAY, by the plan of the bay's spec."""
    run = agent.post("bays", bay, "runs", **act)
    if wait:
        return _follow(agent, run["run"], as_json=as_json)
    return _done(run, as_json=as_json)


@runs.command
@click.argument("run")
@wait
@_asking
def show(agent: Agent, run: str, *, as_json: bool, wait: bool) -> int:
    """Show how a run stands, what it waits for, and why."""
    if wait:
        return _follow(agent, run, as_json=as_json)
    return _told(agent.get("runs", run), as_json=as_json)


@runs.command
@click.argument("run")
@click.argument("need")
@click.argument("answer", type=click.Choice(["yes", "no"]))
@by
@click.option("--note", help="What else to remember.")
@click.option("--deviation", help="The number that allows what the agent found wrong.")
@_asking
def answer(agent: Agent, run: str, *, as_json: bool, **act: object) -> int:
    """Answer what a stage needs to know, such as `bom_scanned`: yes or no."""
    return _done(agent.post("runs", run, "answers", **act), as_json=as_json)


@runs.command
@click.argument("run")
@by
@reason
@_asking
def pause(agent: Agent, run: str, *, as_json: bool, **act: object) -> int:
    """Let nothing count until the run is resumed. Trips are still watched for."""
    return _done(agent.post("runs", run, "pause", **act), as_json=as_json)


@runs.command
@click.argument("run")
@by
@click.option("--reason", help="What was seen to meanwhile.")
@_asking
def resume(agent: Agent, run: str, *, as_json: bool, **act: object) -> int:
    """Go on with a paused run."""
    return _done(agent.post("runs", run, "resume", **act), as_json=as_json)


@runs.command
@click.argument("run")
@by
@reason
@_asking
def abort(agent: Agent, run: str, *, as_json: bool, **act: object) -> int:
    """End a run before its end. It is ABORTED then, unless it has failed."""
    return _done(agent.post("runs", run, "abort", **act), as_json=as_json)


@runs.command
@click.argument("run")
@by
@_asking
def finish(agent: Agent, run: str, *, as_json: bool, **act: object) -> int:
    """Close a run whose plan is done and whose verdict is not PASS."""
    return _done(agent.post("runs", run, "finish", **act), as_json=as_json)


@runs.command
@click.argument("run")
@click.argument("stage")
@by
@reason
@_asking
def repeat(agent: Agent, run: str, *, as_json: bool, **act: object) -> int:
    """Make one more attempt of a stage."""
    return _done(agent.post("runs", run, "repeat", **act), as_json=as_json)


@runs.command
@click.argument("run")
@click.argument("stage")
@click.argument("attempt", type=click.IntRange(1))
@click.argument("decision", type=click.Choice(["repaired", "ntf", "waived", "test_fault"]))
@by
@click.option("--text", required=True, help="What was found, and what was done.")
@click.option("--deviation", help="The number under which a waiver was granted.")
@_asking
def dispose(agent: Agent, run: str, *, as_json: bool, **act: object) -> int:
    """Decide what a failed or aborted ATTEMPT of a STAGE was.

    `repaired`, `ntf` (no trouble found) and `test_fault` (the bay's, not the rack's) ask for
    another attempt that passes; `waived` lets it stand. It is superseded, never erased.
    """
    return _done(agent.post("runs", run, "dispositions", **act), as_json=as_json)


@runs.command
@click.argument("bay")
@click.option("--read", is_flag=True, help="Read the switches now.")
@_asking
def cabling(agent: Agent, bay: str, *, as_json: bool, read: bool) -> int:
    """Show the cables of BAY against its spec, and what to do about those that are wrong.

    Exit code 0: all are as designed. 1: some are not. 3: not all of them can be seen.
    """
    found = (agent.post if read else agent.get)("bays", bay, "cabling")
    if as_json:
        emit(found)
    else:
        cabling_text(found)
    return {True: Exit.YES, False: Exit.NO}.get(found["matches"], Exit.UNDECIDED)


def _done(run: Document, *, as_json: bool) -> int:
    """Tell what an act has led to. That it was done is the answer, whatever the verdict."""
    _told(run, as_json=as_json)
    return Exit.YES


def _told(run: Document, *, as_json: bool) -> int:
    """Show a run; the answer is its verdict once it is over."""
    if as_json:
        emit(run)
    else:
        show_text(run)
    return BY_VERDICT[run["verdict"]] if run["state"] == "over" else Exit.YES


def _follow(agent: Agent, name: str, *, as_json: bool) -> int:
    """Say what changes until a run is over; a daemon that is away for a while may come back."""
    last, away = "", False
    while True:
        try:
            run = agent.get("runs", name)
            away = False
        except UnreachableError as error:
            if not last:
                raise
            if not away:
                complain(f"{error.message} Still waiting; Ctrl-C ends that.")
            away = True
            time.sleep(POLL_S)
            continue
        if (now := step(run)) != last and not as_json:
            say(now)
            sys.stdout.flush()
        last = now
        if run["state"] == "over":
            return _told(run, as_json=as_json)
        time.sleep(POLL_S)
