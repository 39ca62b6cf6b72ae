"""A run as people and programs are shown it: made of what its journal holds, and how it stands."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent.burnin.attempt import required_s
from agent.burnin.course import Standing
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.terms import stage_of
from agent.exposition.runs import RunView
from agent.open_run import NOTICES_SHOWN, OpenRun
from agent.store.entry import Entry
from collectors.readings import Channel, Identity

SAID_MAX: Final = NOTICES_SHOWN  # of what devices said by themselves, the last
TEXT_CHARACTERS_MAX: Final = 1000  # of one text of a device, in the journal
DETAILS: Final = frozenset({"stages", "reason", "notifications"})  # what a list of runs leaves out


def utc(wall: float) -> str:
    """Return Unix time as people and programs read it.

    >>> utc(0.5)
    '1970-01-01T00:00:00.500Z'
    """
    text = datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def spec_facts(design: Design) -> dict[str, Any]:
    """Return what names a spec."""
    spec = design.spec
    return {
        "id": spec.id,
        "revision": spec.revision,
        "hash": spec.canonical_hash,
        "status": spec.status,
    }


def spec(design: Design | None) -> dict[str, Any] | None:
    """Return what a bay's spec is, and whether it has a plan to run."""
    if design is None:
        return None
    return {**spec_facts(design), "plan": design.spec.plan is not None}


def name(bay: str, wall: float, taken: Container[str]) -> str:
    """Return what a run is called: its bay, and when it began.

    >>> name("bay-01", 0.0, {}), name("bay_1", 0.0, {"bay-1-19700101t000000z"})
    ('bay-01-19700101t000000z', 'bay-1-19700101t000000z-2')
    """
    when = datetime.fromtimestamp(wall, UTC).strftime("%Y%m%dt%H%M%Sz")
    first = f"{bay.replace('_', '-')[:40]}-{when}"
    number = 1
    while (found := first if number == 1 else f"{first}-{number}") in taken:
        number += 1
    return found


def plain(text: str) -> str:
    r"""Return a device's text as a journal can hold it.

    >>> plain("SN\ud800")
    'SN?'
    """
    return text[:TEXT_CHARACTERS_MAX].encode(errors="replace").decode()


def identity(identity: Identity) -> dict[str, str]:
    """Return who a device says it is, as the journal tells it."""
    keys = ("vendor", "model", "serial", "firmware")
    return {key: plain(getattr(identity, key)) for key in keys}


def column(channel: Channel, served: Mapping[str, str]) -> dict[str, Any]:
    """Return one channel of a device as the journal tells it."""
    return {
        "name": served[channel.name],
        "channel": plain(channel.name),
        "quantity": channel.quantity.label,
        "source": plain(channel.source),
        "kind": channel.kind.value,
        "states": {str(number): plain(text) for number, text in channel.states.items()},
        "good_states": sorted(map(plain, channel.good_states)),
        **({"moments": True} if channel.moments else {}),
    }


def present(run: OpenRun, mono: float) -> dict[str, Any]:
    """Return a run that is on; agent/acts.py says what of it is what."""
    course, trial = run.run.course, run.run.trial
    standing = course.standing(run.at(mono))
    reason = trial.reason()
    shown = _head(run.events)
    return {
        **shown,
        "state": standing.state,
        "verdict": reason.verdict.name,
        "ended": None,
        "standing": _standing(standing),
        "stages": stages(run.run.design, run.events, standing),
        "coverage": run.run.coverage,
        "reason": reason.document,
        "record": None,
        "notifications": [notification(event) for event in run.notices],
    }


def past(entries: Sequence[Entry], record: Path | None) -> dict[str, Any]:
    """Return a run that is over, or that nobody goes on with at present."""
    events = [entry.event for entry in entries]
    judged = next((e.data for e in reversed(events) if e.kind is Kind.RUN_JUDGED), None)
    over = is_over(entries)
    return {
        **_head(events),
        "state": "over" if over else "held",
        "verdict": judged["verdict"] if judged else "INCONCLUSIVE",
        "ended": utc(entries[-1].stamp.wall) if over else None,
        "standing": None,
        "stages": stages(None, events, None),
        "coverage": None,
        "reason": judged and {"verdict": judged["verdict"], "of": "run", "text": judged["text"]},
        "record": str(record) if record else None,
        "notifications": [notification(e) for e in events if e.kind is Kind.NOTIFIED][-SAID_MAX:],
    }


def measured(run: OpenRun, mono: float) -> RunView:
    """Return a run that is on as the metrics page shows it."""
    standing = run.run.course.standing(run.at(mono))
    plan = run.run.design.spec.plan
    assert plan is not None
    return RunView(
        run=run.name,
        serial=str(run.rack["serial"]),
        sku=run.rack["sku"],
        stage=standing.stage or "",
        attempt=standing.attempt,
        phase=standing.phase,
        judging=standing.judging,
        qualified_s=standing.qualified_s,
        required_s=standing.required_s,
        coverage=run.proof.coverage,
        coverage_min=plan.coverage.min,
        held=standing.state in ("held", "waiting"),
        verdict=run.proof.verdict.name,
    )


def past_measured(shown: Mapping[str, Any]) -> RunView:
    """Return a run that is over as the metrics page shows it."""
    about = {key: shown[key] for key in ("run", "serial", "sku", "verdict")}
    return RunView(**about, over=shown["state"] == "over")


def notification(event: Event) -> dict[str, Any]:
    """Return what a device said by itself, as people and programs are shown it."""
    keys = ("device", "name", "channels", "count", "inform", "restart", "objects")
    return {"at": event.at, **{key: event.data[key] for key in keys}}


def is_over(entries: Sequence[Entry]) -> bool:
    """Say whether a run has its verdict."""
    return any(entry.event.kind is Kind.RUN_JUDGED for entry in entries)


def _head(events: Sequence[Event]) -> dict[str, Any]:
    """Return what a run is."""
    facts = events[0].data
    keys = ("run", "bay", "serial", "sku", "by", "spec")
    return {**{key: facts[key] for key in keys}, "started": utc(facts["wall"])}


def _standing(standing: Standing) -> dict[str, Any] | None:
    """Return where a run stands, as JSON."""
    if standing.state == "over":
        return None
    shown = asdict(standing)
    del shown["state"]
    return {key: list(v) if isinstance(v, tuple) else v for key, v in shown.items()}


def stages(
    design: Design | None, events: Iterable[Event], now: Standing | None
) -> list[dict[str, Any]]:
    """Return every attempt of every stage, in the order of the plan, and the stages to come.

    `now`: how the attempt that is on stands, as `standing` gives it.
    """
    attempts: dict[tuple[str, int], dict[str, Any]] = {}
    for event in events:
        data = event.data
        if event.kind is Kind.STAGE_STARTED:
            attempts[data["stage"], data["attempt"]] = {
                "stage": data["stage"],
                "attempt": data["attempt"],
                "verdict": None,
                "outcome": None,
                "qualified_s": 0.0,
                "required_s": data.get("required_s"),
            }
        elif event.kind is Kind.STAGE_OVER:
            attempts[data["stage"], data["attempt"]] |= {
                "outcome": data["outcome"],
                "qualified_s": data["qualified_s"],
            }
        elif event.kind is Kind.STAGE_JUDGED:
            attempts[data["stage"], data["attempt"]]["verdict"] = data["verdict"]
    if now is not None and now.stage and (one := attempts.get((now.stage, now.attempt))):
        one["qualified_s"] = now.stage_qualified_s
    plan = design.spec.plan if design is not None else None
    order = [stage.id for stage in plan.stages] if plan else []
    known = {stage for stage, _ in attempts}
    rows = [*attempts.values()]
    if design is not None:
        rows += [_to_come(design, stage) for stage in order if stage not in known]
    return sorted(rows, key=lambda row: (_place(order, row["stage"]), row["attempt"] or 0))


def _place(order: Sequence[str], stage: str) -> int:
    """Return where in the plan a stage is; behind it, where the plan has none of that name."""
    return order.index(stage) if stage in order else len(order)


def _to_come(design: Design, stage: str) -> dict[str, Any]:
    """Return a stage that has not begun."""
    nothing = dict.fromkeys(("attempt", "verdict", "outcome"))
    lasts = required_s(stage_of(design, stage))
    return {"stage": stage, **nothing, "qualified_s": 0.0, "required_s": lasts}
