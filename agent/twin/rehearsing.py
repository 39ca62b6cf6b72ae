"""`rackproof twin --rehearse`: a plan tried on simulated racks at once, and told of."""

from collections.abc import Sequence
from typing import Any, Final

from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.commands.run_text import reasons
from agent.exits import BY_VERDICT
from agent.lasting import lasting
from agent.output import emit, say
from agent.rehearsal.rehearsal import Rehearsed, rehearse
from agent.rehearsal.rig import Planned
from agent.twin.faults import Placed, as_keys

REASONS_MAX: Final = 40  # lines; --json has them all
LINE: Final = "{at:>9}  {stage:<18} {verdict:<13} {text}"


def show(design: Design, faults: Sequence[Placed], seed: int, *, as_json: bool) -> int:
    """Rehearse the plan and print what came of it. Raises: FaultError."""
    planned = [Planned(fault=each.fault, stage=each.stage) for each in faults]
    if as_json:
        done = rehearse(design, planned, seed)
        emit(document(design, faults, seed, done))
        return BY_VERDICT[done.verdict.name]
    spec = design.spec
    say(f"{spec.id} {spec.revision}, rehearsed on a simulated rack; seed {seed}")
    for each in faults:
        words = " ".join(f"{key}={value}" for key, value in as_keys(each.fault).items())
        say(f"  broken: {words}" + (f" stage={each.stage}" if each.stage else ""))
    say()
    say(LINE.format(at="AT", stage="STAGE", verdict="VERDICT", text="").rstrip())
    done = rehearse(design, planned, seed, _tell)
    say()
    say(f"{done.verdict.name} after {lasting(done.seconds)} of plan")
    why = list(reasons(done.reason.document))
    for line in why[:REASONS_MAX]:
        say(f"  {line}")
    if len(why) > REASONS_MAX:
        say(f"  {len(why) - REASONS_MAX} more; --json has them all")
    return BY_VERDICT[done.verdict.name]


def _tell(event: Event) -> None:
    """Tell the verdict on a stage as soon as there is one."""
    if event.kind is Kind.STAGE_JUDGED:
        data = event.data
        at = lasting(event.at)
        told = {"stage": data["stage"], "verdict": data["verdict"], "text": data["text"]}
        say(LINE.format(at=at, **told).rstrip())


def document(
    design: Design, faults: Sequence[Placed], seed: int, done: Rehearsed
) -> dict[str, Any]:
    """Return what came of a rehearsal, for a program."""
    spec = design.spec
    return {
        "spec": {"id": spec.id, "revision": spec.revision, "hash": spec.canonical_hash},
        "seed": seed,
        "faults": [as_keys(each.fault) | {"stage": each.stage} for each in faults],
        "verdict": done.verdict.name,
        "seconds": done.seconds,
        "stages": [stage._asdict() | {"verdict": stage.verdict.name} for stage in done.stages],
        "alerts": [alert._asdict() for alert in done.alerts],
        "reason": done.reason.document,
    }
