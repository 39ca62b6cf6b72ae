"""`rackproof replay`: stored evidence judged again, and what of it comes out otherwise."""

import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.burnin.verdict import Reason
from agent.commands.records import opened
from agent.config import read_bytes
from agent.exits import Exit
from agent.output import count, emit, say
from agent.record.judgement import Judgement, judged
from agent.record.manifest import SPEC, SUMMARY
from agent.record.verify import UNDECIDED, blocks

RUN: Final = "run"


@dataclass(frozen=True, slots=True)
class Flip:
    """One verdict that comes out otherwise. `before`, `after`: None where it was not judged."""

    of: str  # "run", "full_soak, attempt 1", "full_soak, attempt 1: rack.flow"
    before: str | None
    after: str | None
    why: str


@click.command(short_help="Judge stored evidence again.")
@click.argument("folder", metavar="RECORD", type=click.Path(path_type=Path))
@click.option("--spec", type=click.Path(path_type=Path), help="Judge by this spec instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def replay(folder: Path, *, spec: Path | None, as_json: bool) -> int:
    """Judge the evidence in the folder RECORD again, and say what comes out otherwise.

    With another revision of the spec it tells what that would have made of this rack: every run,
    stage and channel whose verdict flips, before and after, with the reason. Loads, phases and
    times stay those of the run. Exit code 1 means that something differs.
    """
    report = opened(folder)
    manifest = report.manifest
    assert manifest is not None
    file = folder / SPEC if spec is None else spec
    design = expand(load_spec(read_bytes(file), str(file)))
    before = json.loads((folder / SUMMARY).read_bytes())
    after = judged(design, report.events, blocks(folder, report.events))
    known = {stage.id for stage in design.spec.plan.stages} if design.spec.plan else set()
    flips = list(_flips(before, after, known))
    used = {"id": design.spec.id, "revision": design.spec.revision}
    used["hash"] = design.spec.canonical_hash
    if as_json:
        sealed = manifest.spec.model_dump(include={"id", "revision", "hash"})
        document = {"same": not flips, "run": manifest.run, "sealed_by": sealed, "judged_by": used}
        verdicts = {"before": manifest.verdict, "after": after.verdict}
        emit({**document, **verdicts, "flips": [_flip_dict(flip) for flip in flips]})
    else:
        say(f"Run {manifest.run}, rack {manifest.serial}, sealed as {manifest.verdict}.")
        say(f"Judged again by {used['id']} {used['revision']}: {after.verdict}.")
        _show(flips)
    return Exit.NO if flips else Exit.YES


def _flips(before: Mapping[str, Any], after: Judgement, known: Container[str]) -> Iterator[Flip]:
    """Yield what differs: the run, then each attempt with its channels; `known`: its stages."""
    if before["verdict"] != after.verdict:
        yield Flip(RUN, before["verdict"], after.verdict, after.reason.text)
    for stage in before["stages"]:
        of = f"{stage['stage']}, attempt {stage['attempt']}"
        again = after.attempts.get((stage["stage"], stage["attempt"]))
        if again is None or stage["stage"] not in known:
            yield Flip(of, stage["verdict"], None, "the spec has no such stage")
            continue
        if stage["verdict"] != again.verdict:
            yield Flip(of, stage["verdict"], again.verdict, again.reason.text)
        were = {
            f"{channel['device']}.{channel['channel']}": channel["verdict"]
            for channel in stage["channels"]
            if channel["verdict"] not in (None, UNDECIDED) or channel["slots"]
        }
        reasons = dict(_texts(again.reason))
        for name in dict.fromkeys([*were, *again.channels]):
            one, other = were.get(name), again.channels.get(name)
            if one != other:
                yield Flip(f"{of}: {name}", one, other, _why(one, other, reasons.get(name, "")))


def _texts(reason: Reason) -> Iterator[tuple[str, str]]:
    """Yield what is said of each thing below a reason."""
    for part in reason.parts:
        yield part.of, part.text
        yield from _texts(part)


def _why(before: str | None, after: str | None, text: str) -> str:
    """Return why a channel's verdict differs."""
    if after is None:
        return "not judged by this spec"
    return text or ("not judged when it ran" if before is None else "")


def _flip_dict(flip: Flip) -> dict[str, str | None]:
    """Return a flip for a program."""
    return {"of": flip.of, "before": flip.before, "after": flip.after, "why": flip.why}


def _show(flips: list[Flip]) -> None:
    """Show what flips."""
    if not flips:
        say("Nothing comes out otherwise.")
        return
    say()
    say(f"{count(len(flips), 'verdict')} come out otherwise:")
    for flip in flips:
        why = f": {flip.why}" if flip.why else ""
        say(f"  {flip.of}: {flip.before or 'not judged'} -> {flip.after or 'not judged'}{why}")
