"""Runs in words: lists, how one stands, what it waits for and what a person can do about it."""

from collections.abc import Iterator
from typing import Any, Final

from agent.commands.client import Document
from agent.lasting import lasting
from agent.output import count, figure, say, table

REASONS_MAX: Final = 40  # lines of reasons; --json has them all
SAID_MAX: Final = 5  # of what devices said; --json has 20, the journal all
DEPTH_MAX: Final = 5  # run, stage, channel, moment, and one to spare
NEXT: Final = {  # what a person can do, by the state of a run
    "held": (
        "a limit was crossed that ends a stage at once; make the rack safe, then",
        "rackproof runs dispose {run} {stage} {attempt} DECISION --by NAME --text TEXT",
        "rackproof runs repeat {run} {stage} --by NAME --reason TEXT",
        "rackproof runs finish {run} --by NAME",
    ),
    "paused": ("rackproof runs resume {run} --by NAME",),
}
ANSWER: Final = "rackproof runs answer {run} {need} yes|no --by NAME"


def list_table(found: Document) -> None:
    """Print a list of runs."""
    runs = found["runs"]
    if not runs:
        say("no run; begin one with `rackproof runs start BAY SERIAL --by NAME`")
        return
    rows = [("RUN", "SERIAL", "STATE", "VERDICT", "STAGE")]
    for run in runs:
        at = run["standing"]
        stage = f"{at['stage']}, {at['phase']}" if at and at["stage"] else ""
        rows.append((run["run"], run["serial"], run["state"], run["verdict"], stage))
    table(rows)
    if found["total"] > len(runs):
        say(f"{count(found['total'] - len(runs), 'more run')}; --limit shows more")


def step(run: Document) -> str:
    """Return in one line where a run is."""
    at = run["standing"]
    if run["state"] == "over" or not at:
        return f"{run['run']}: {run['state']}, {run['verdict']}"
    if not at["stage"]:
        return f"{run['run']}: {run['state']}; no stage has begun"
    where = f"{at['stage']}, attempt {at['attempt']}, {at['phase']}"
    if at["step"] is not None:
        where += f", step {at['step'] + 1}"
    return f"{run['run']}: {run['state']}, {run['verdict']} so far; {where}"


def show_text(run: Document) -> None:
    """Print how a run stands."""
    say(step(run))
    table([(key, text) for key, text in _facts(run) if text], indent=2)
    if run["stages"]:
        say()
        _stages(run["stages"])
    at = run["standing"] or {}
    for title, lines in (
        ("waits for", at.get("waiting_for")),
        ("held back by", at.get("why")),
        ("what to do", [*_next(run)]),
        ("why", [*reasons(run["reason"])]),
        ("devices said, which is no evidence", [*_said(run["notifications"])]),
    ):
        if lines:
            say()
            say(f"{title}:")
            for line in lines[:REASONS_MAX]:
                say(f"  {line}")
            if len(lines) > REASONS_MAX:
                say(f"  {len(lines) - REASONS_MAX} more; --json has them all")


def cabling_text(found: Document) -> None:
    """Print what is wrong with the cables of a bay, what is not known, and what to do."""
    if found["age_s"] is None:
        say(f"{found['bay']}: its cables were not looked at yet; --read does")
        return
    counts = [f"{n} {what.replace('_', ' ')}" for what, n in found["counts"].items() if n]
    say(f"{found['bay']}: {', '.join(counts) or 'no cables'}; read {lasting(found['age_s'])} ago")
    for each in found["findings"]:
        if each["found"] != "as_designed":
            say(f"  {each['text']}")
    for switch, why in found["unread"].items():
        say(f"  {switch} was not read: {why}")
    if found["todo"]:
        say()
        say("what to do:")
        for number, text in enumerate(found["todo"], 1):
            say(f"  {number}. {text}")


def _facts(run: Document) -> Iterator[tuple[str, str]]:
    """Yield what there is to say about a run in one line each."""
    spec, at = run["spec"], run["standing"]
    yield "rack", run["serial"] + (f" ({run['sku']})" if run["sku"] else "") + f" in {run['bay']}"
    yield "spec", f"{spec['id']} {spec['revision']} ({spec['status']})"
    yield "started", f"{run['started']} by {run['by']}"
    yield "ended", run["ended"] or ""
    if at and at["stage"]:
        counted = f"{lasting(at['qualified_s'])} of {lasting(at['required_s'])}"
        yield "qualified", f"{counted}; judged now: {at['judging']}"
        yield "load", "" if at["load"] is None else f"{figure(100 * at['load'])} %"
    yield "coverage", "" if run["coverage"] is None else f"{figure(100 * run['coverage'])} %"
    yield "record", run["record"] or ""


def _stages(stages: list[dict[str, Any]]) -> None:
    """Print the table of stages."""
    rows = [("STAGE", "ATTEMPT", "VERDICT", "OUTCOME", "QUALIFIED", "OF")]
    for each in stages:
        attempt = "" if each["attempt"] is None else str(each["attempt"])
        words = (each["verdict"] or "", each["outcome"] or "")
        times = (lasting(each["qualified_s"] or None), lasting(each["required_s"]))
        rows.append((each["stage"], attempt, *words, *times))
    table(rows, right=(1, 4, 5), indent=2)


def _said(notifications: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what devices said by themselves, the last first."""
    for said in reversed(notifications[-SAID_MAX:]):
        about = f" of {', '.join(said['channels'])}" if said["channels"] else ""
        often = f", {said['count']} times" if said["count"] > 1 else ""
        yield f"{lasting(said['at'])}  {said['device']}: {said['name']}{about}{often}"


def _next(run: Document) -> Iterator[str]:
    """Yield what a person can do now."""
    at = run["standing"]
    if not at or not at["stage"]:
        return
    names = {"run": run["run"], "stage": at["stage"], "attempt": at["attempt"]}
    for line in NEXT.get(run["state"], ()):
        yield line.format(**names)
    for need in at["needs"]:
        yield ANSWER.format(need=need if " " not in need else repr(need), **names)


def reasons(reason: Document | None, depth: int = 0) -> Iterator[str]:
    """Yield a tree of reasons, one a line; what passed is left out."""
    if reason is None or (reason["verdict"] == "PASS" and depth):
        return
    facts = [
        f"{word}{figure(reason[key])} {reason.get('unit', '')}".rstrip()
        for key, word in (("value", ""), ("limit", "limit "))
        if reason.get(key) is not None
    ]
    more = ", ".join(facts)
    said = f"{reason['verdict']} {reason['of']}: {reason['text']}"
    yield "  " * depth + said + (f" ({more})" if more else "")
    if depth < DEPTH_MAX:
        for part in reason.get("parts", ()):
            yield from reasons(part, depth + 1)
