"""The summary of a run: all that a certificate says, as JSON that outlives the program.

What is judged comes from the trial; what happened, from the journal; how large readings were, from
the samples. Nothing is judged here a second time.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from agent.burnin.attempt import required_s
from agent.burnin.block import Block
from agent.burnin.design import Design, SpecChannel
from agent.burnin.event import Kind
from agent.burnin.format import Spec
from agent.burnin.limits import Rung
from agent.burnin.terms import stage_of
from agent.burnin.trial import StageResult, Trial
from agent.burnin.verdict import Verdict
from agent.certificate.happened import happened
from agent.certificate.measured import Floats
from agent.certificate.survey import survey
from agent.certificate.timeline import Attempt, attempts, judging_terms
from agent.certificate.wording import PROVEN, RULES, iso
from agent.store.entry import Entry

SCHEMA: Final = "rackproof.summary/1"
DIGITS: Final = 9  # of a number: more than any instrument has, and no noise of arithmetic
VALUES: Final = {  # of a channel -> what a trial calls it
    "min": "minimum",
    "mean": "mean",
    "max": "maximum",
    "value": "value",
    "limit": "limit",
}

Json = dict[str, Any]


def summarise(
    design: Design,
    entries: Sequence[Entry],
    trial: Trial,
    blocks: Callable[[], Iterable[Block]],
    facts: Mapping[str, Any],
) -> Json:
    """Return the summary. `facts`: `evidence` of the record, and `signatures` where there are any.

    `blocks` is called twice; each time it gives all blocks of the run.
    """
    events = [entry.event for entry in entries]
    started = next(entry for entry in entries if entry.event.kind is Kind.RUN_STARTED)
    zero = started.stamp.wall - started.event.at
    tries = attempts(events)
    seen = survey(design, events, tries, blocks)
    reason = trial.reason()
    opened = started.event.data
    plan = [stage.id for stage in design.spec.plan.stages] if design.spec.plan else []
    stages = _stages(design, trial, tries, seen.p99, zero)
    spec = design.spec
    ended = max(event.at for event in events)
    waived = sum(event.data.get("decision") == "waived" for event in events)
    summary = {
        "schema": SCHEMA,
        **{key: opened[key] for key in ("run", "serial", "sku", "bay", "by", "clock", "software")},
        "verdict": reason.verdict.name,
        "text": _proven(reason.verdict, plan, waived),
        "decision": {"rule": spec.decision.rule, "text": RULES[spec.decision.rule]},
        "spec": _spec(spec),
        "started": iso(zero + started.event.at),
        "ended": iso(zero + ended),
        "duration_s": ended - started.event.at,
        "reason": reason.document,
        "stages": stages,
        "plan": plan,
        "missing": [stage for stage in plan if stage not in {each["stage"] for each in stages}],
        **happened(design, events, zero),
        "plots": seen.plots,
        "coverage": seen.coverage,
        "evidence": dict(facts["evidence"]),
    }
    if facts.get("signatures"):
        summary["signatures"] = list(facts["signatures"])
    rounded: Json = _rounded(summary)
    return rounded


def _spec(spec: Spec) -> Json:
    """Return what names the spec that the rack was judged by."""
    return {
        "id": spec.id,
        "revision": spec.revision,
        "title": spec.title,
        "hash": spec.canonical_hash,
        "status": spec.status,
        "approved_by": dict(spec.approved_by),
    }


def _stages(
    design: Design, trial: Trial, tries: Sequence[Attempt], p99s: Iterable[Floats], zero: float
) -> list[Json]:
    """Return what there is to say of every attempt, in their order; `zero`: Unix time of 0 s."""
    plan = [stage.id for stage in design.spec.plan.stages] if design.spec.plan else []
    latest = {attempt.stage: attempt.number for attempt in tries}
    stages = []
    for attempt, p99 in zip(tries, p99s, strict=True):
        stage = _stage(design, attempt, trial.result(attempt.stage, attempt.number), p99)
        stage["number"] = plan.index(attempt.stage) + 1
        stage["superseded"] = attempt.number != latest[attempt.stage]
        stages.append(stage | {k: iso(zero + stage[f"{k}_s"]) for k in ("started", "ended")})
    return stages


def _proven(verdict: Verdict, plan: Sequence[str], waived: int) -> str:
    """Say what is proven."""
    count = len(plan)
    text = PROVEN[verdict.name].format(stages=f"{count} stages" if count != 1 else "its stage")
    if verdict is Verdict.PASS and waived:
        words = "deviation was" if waived == 1 else "deviations were"
        text += f" {waived} {words} waived, see below."
    return text


def _stage(design: Design, attempt: Attempt, result: StageResult, p99: Floats) -> Json:
    """Return what there is to say of one attempt of a stage."""
    stage = stage_of(design, attempt.stage)
    overrides = {key: (over.why or "") for key, over in stage.overrides.items()}
    return {
        "stage": attempt.stage,
        "attempt": attempt.number,
        "verdict": result.verdict.name,
        "started_s": attempt.start,
        "ended_s": attempt.end,
        "elapsed_s": attempt.end - attempt.start,
        "qualified_s": attempt.qualified_s,
        "required_s": required_s(stage),
        "overrides": [{"key": key, "why": why} for key, why in overrides.items()],
        "reason": result.reason.document,
        "channels": _channels(design, attempt, result, p99),
    }


def _channels(design: Design, attempt: Attempt, result: StageResult, p99: Floats) -> list[Json]:
    """Return every channel that an attempt was to judge, in the order of the design."""
    by = dict(judging_terms(design, attempt))
    return [
        _channel(by[place].design.channels[place], place, result, p99)
        for place in sorted(by)
        if result.expected[place]
    ]


def _channel(channel: SpecChannel, place: int, result: StageResult, p99: Floats) -> Json:
    """Return what one channel showed, and by what it was judged."""
    row = channel.row
    kind = "state" if row.scale.is_state else row.kind.value
    values = {key: _number(getattr(result, name)[place]) for key, name in VALUES.items()}
    values["p99"] = _number(p99[place]) if kind == "gauge" else None
    if kind == "state":  # a number of rungs means nothing to a reader
        values = dict.fromkeys(values)
    at = values["mean"] if values["value"] is None else values["value"]
    margin = _number(result.margin[place])
    judged, complete = int(result.judged[place]), int(result.complete[place])
    return {
        "device": channel.device,
        "channel": channel.name,
        "row": row.key,
        "kind": kind,
        "unit": row.scale.unit.symbol,
        **_allowed(channel),
        "verdict": Verdict(int(result.verdicts[place])).name,
        "required": row.required,
        "slots": judged,
        "complete": complete,
        "coverage": complete / judged if judged else None,
        "longest_gap_s": _number(result.longest_gap[place]),
        "excursions": int(result.excursions[place]),
        "total_s": _number(result.total[place]),
        **values,
        "margin": margin,
        "margin_at_s": None if margin is None else _number(result.at[place]),
        "u": channel.u.at(at) if channel.u is not None and at is not None else None,
    }


def _allowed(channel: SpecChannel) -> Json:
    """Return a channel's fail limit, or its trip limit where it has no other."""
    limits = channel.row.rungs.limits
    bounds = limits[Rung.FAIL] or limits[Rung.TRIP]
    if bounds is None:
        return {"low": None, "high": None, "states": None, "per_s": None}
    names = bounds.names
    return {
        "low": _number(bounds.low) if names is None else None,
        "high": _number(bounds.high) if names is None else None,
        "states": sorted(channel.cabled or name for name in names) if names is not None else None,
        "per_s": bounds.per_s,
    }


def _number(value: float) -> float | None:
    """Return a number as JSON can hold it."""
    return float(value) if math.isfinite(value) else None


def _rounded(content: Any) -> Any:  # noqa: ANN401 -- JSON of any shape
    """Return JSON whose numbers carry no noise of arithmetic."""
    if isinstance(content, float):
        return float(f"{content:.{DIGITS}g}")
    if isinstance(content, Mapping):
        return {key: _rounded(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_rounded(value) for value in content]
    return content
