"""`rackproof spec`: a design spec, checked, shown with all it inherits, compared with another."""

import math
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Final

import click

from agent.burnin.design import DERIVED, Design, SpecChannel
from agent.burnin.difference import Change, Revision, difference
from agent.burnin.expand import expand
from agent.burnin.limits import Bounds
from agent.burnin.rows import Row
from agent.burnin.show import resolved, summary
from agent.burnin.spec import load_spec
from agent.config import read_bytes
from agent.exits import Exit
from agent.floor_spec import ranges
from agent.output import count, emit, figure, problem_dict, say, table
from collectors.document import DocumentError

SHOWN_MAX: Final = 8  # channels below one change
HEAD: Final = ("CHANNEL", "N", "UNIT", "NOMINAL", "WARN", "FAIL", "TRIP", "HOLD")


@click.group
def spec() -> None:
    """Validate, show and compare design specs.

    A design spec says what must be true of a rack: its devices, what each must show and the limits
    of every channel. docs/spec.md explains the language.
    """


@spec.command
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def check(file: Path, *, as_json: bool) -> int:
    """Validate the design spec in FILE.

    Every problem is told at once, as `file:line: key: what is wrong; what to do`.
    """
    try:
        design = _load(file)
    except DocumentError as error:
        if not as_json:
            raise
        emit({"valid": False, "problems": [problem_dict(p) for p in error.problems]})
        return Exit.INVALID
    if as_json:
        emit({"valid": True, "problems": [], **summary(design)})
        return Exit.YES
    facts = summary(design)
    say(f"{file}: valid; {_title(design)}")
    say(
        f"  {facts['devices']} devices, {facts['channels']} channels, {facts['derived']} of them "
        f"derived, {facts['judged']} with a limit; {facts['readings_per_s']} readings a second"
    )
    say(f"  sha256 {facts['hash']}")
    return Exit.YES


@spec.command
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def show(file: Path, *, as_json: bool) -> int:
    """Show the design spec in FILE with all that a channel inherits filled in.

    One line stands for all channels of the same name; N says how many. Values are in UNIT.
    """
    design = _load(file)
    if as_json:
        emit({**summary(design), "resolved": resolved(design)})
        return Exit.YES
    say(_title(design))
    say(design.spec.title)
    roles: dict[str, list[SpecChannel]] = {}
    for channel in design.channels:
        roles.setdefault(channel.row.key.rpartition(".")[0] or DERIVED, []).append(channel)
    for role, channels in roles.items():
        devices = ", ".join(ranges(list(dict.fromkeys(channel.device for channel in channels))))
        say()
        say(role if devices == role else f"{role}: {devices}")
        often = Counter(channel.row.key for channel in channels)
        rows = {channel.row.key: channel.row for channel in channels}
        table([HEAD, *(_line(row, often[key]) for key, row in rows.items())], right=(1, 3, 7))
    return Exit.YES


@spec.command
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def diff(old: Path, new: Path, *, as_json: bool) -> int:
    """Compare two revisions of a design spec, OLD and NEW: what is looser comes first.

    Looser is what lets a rack pass that did not pass before; unclear is what a person must think
    about. Below each change stand the channels that it changes, after all that they inherit.
    Exit code 1 means that the two differ.
    """
    before, after = (Revision.read(read_bytes(file), str(file)) for file in (old, new))
    changes = difference(before, after)
    same = before.design.spec.canonical_hash == after.design.spec.canonical_hash
    assert same == (not changes)
    if as_json:
        ends = {"old": summary(before.design), "new": summary(after.design)}
        emit({"same": same, **ends, "changes": [_change_dict(change) for change in changes]})
        return Exit.YES if same else Exit.NO
    say(f"{_title(before.design)} to {_title(after.design)}")
    if same:
        say("the same, but for layout and comments")
        return Exit.YES
    for weight, some in groupby(changes, key=lambda change: change.weight):
        of_weight = list(some)
        say()
        say(f"{weight.name.lower()}: {count(len(of_weight), 'change')}")
        for change in of_weight:
            _show_change(change)
    return Exit.NO


def _change_dict(change: Change) -> dict[str, object]:
    """Return a change for a program."""
    content = {**change._asdict(), "weight": change.weight.name.lower()}
    content["consequences"] = [
        {
            "of": c.of,
            "knob": c.knob,
            "weight": c.weighed.weight.name.lower(),
            "text": c.weighed.text,
        }
        for c in change.consequences
    ]
    return content


def _show_change(change: Change) -> None:
    """Show a change and what it does, at most so much of it as a person reads."""
    say(f"  {change.file}:{change.line}: {change.key}")
    old, new = ("nothing" if text is None else text for text in (change.old, change.new))
    say(f"    {old} -> {new}")
    if change.text:
        say(f"    {change.text}")
    for consequence in change.consequences[:SHOWN_MAX]:
        weight = consequence.weighed.weight
        mark = "" if weight == change.weight else f" [{weight.name.lower()}]"
        say(f"    {consequence.of}: {consequence.knob} {consequence.weighed.text}{mark}")
    if len(change.consequences) > SHOWN_MAX:
        say(f"    and {len(change.consequences) - SHOWN_MAX} more; --json has them all")


def _load(file: Path) -> Design:
    """Load a spec. Raises: DocumentError."""
    return expand(load_spec(read_bytes(file), str(file)))


def _title(design: Design) -> str:
    """Return which spec this is."""
    return f"{design.spec.id} {design.spec.revision} ({design.spec.status})"


def _line(row: Row, often: int) -> tuple[str, ...]:
    """Return one entry of the spec for a person."""
    rungs = row.rungs
    nominal = "" if rungs.nominal is None else figure(rungs.nominal)
    unit = "" if row.scale.is_state else row.scale.unit.symbol
    limits = [_limit(bounds) for bounds in rungs.limits]
    return row.key.rpartition(".")[2], str(often), unit, nominal, *limits, f"{row.hold:g} s"


def _limit(bounds: Bounds | None) -> str:
    """Return one limit for a person, short enough for three of them on a line."""
    if bounds is None:
        return ""
    if bounds.names is not None:
        return "is " + " or ".join(sorted(bounds.names))
    low, high = (figure(end) if math.isfinite(end) else "" for end in (bounds.low, bounds.high))
    per = {60.0: "/min", 3600.0: "/h"}.get(bounds.per_s or 0.0, "")
    if low and high:
        return low if low == high else f"{low}..{high}{per}"
    return f"min {low}{per}" if low else f"max {high}{per}"
