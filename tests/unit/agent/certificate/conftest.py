"""Summaries of racks that never were: made from a real spec's channels and seeded numbers."""

import functools
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.burnin.design import Design, SpecChannel
from agent.burnin.expand import expand
from agent.burnin.format import Stage
from agent.burnin.limits import Rung
from agent.burnin.spec import load_spec
from agent.certificate.wording import PROVEN, RULES, iso

STARTED = 1_772_352_000.0  # 2026-03-01 08:00 UTC
BUCKETS = 600
Json = dict[str, Any]

LEAK = "leak at compute_tray7: wet from 2026-03-02 09:41:12 on; the limit is: is dry (trip)"
WARM = "45.2 degC at 2026-03-02 09:12:35, above 44 degC by more than U = 0.4 K for 84 s"
GAP = "not seen for 412 s from 2026-03-02 03:10:05 on; 30 s may be missing"


@pytest.fixture(scope="session")
def example(shared: Path) -> Design:
    """Return the design of a whole rack: 704 channels, 16 stages."""
    file = shared / "examples" / "nvl72-lc-132kw.yaml"
    return expand(load_spec(file.read_bytes(), file.name))


@pytest.fixture(scope="session")
def small() -> Design:
    """Return the design of a small rack, in a plan of one stage: 69 channels."""
    file = Path(__file__).parents[3] / "specs" / "small-66kw.yaml"
    spec = load_spec(file.read_bytes(), file.name)
    assert spec.plan
    soak = Stage.model_validate({"id": "soak", "duration": "1 h", "load": "100 %"})
    plan = spec.plan.model_copy(update={"stages": [soak]})
    return expand(spec.model_copy(update={"plan": plan}))


@pytest.fixture(scope="session")
def summary_of() -> Callable[[Design, str], Json]:
    """Return what makes the summary of a run that ended in a verdict."""
    return functools.partial(made, random.Random(4))


def made(rng: random.Random, design: Design, verdict: str) -> Json:
    """Make a whole summary, whose worst news is that verdict."""
    assert design.spec.plan
    stages: list[Json] = []
    at = 0.0
    planned = design.spec.plan.stages
    last = {"FAIL": "hot_coolant", "ABORTED": "load_steps"}.get(verdict)
    missing: list[str] = []
    for number, stage in enumerate(planned, 1):
        if stages and stages[-1]["stage"] == last:
            missing.append(stage.id)
            continue
        bad = verdict if stage.id in (last, "full_soak") and verdict != "PASS" else "PASS"
        if stage.id == "full_soak" and verdict != "INCONCLUSIVE":
            bad = "PASS"
        stages.append(_stage(rng, design, (number, stage), at, bad))
        at = stages[-1]["ended_s"] + 20
    reason = {
        "verdict": verdict,
        "of": "run",
        "text": PROVEN[verdict],
        "parts": [s["reason"] for s in stages],
    }
    return {
        "schema": "rackproof.summary/1",
        "run": "20260301T080000Z-bay12-0a41c7",
        "serial": "9XX-LC132-00417",
        "sku": "NVL72-LC132-C3",
        "bay": "bay-12",
        "by": "m.okafor",
        "verdict": verdict,
        "text": PROVEN[verdict].format(stages=f"{len(planned)} stages"),
        "decision": {"rule": "guarded", "text": RULES["guarded"]},
        "spec": {
            "id": design.spec.id,
            "revision": design.spec.revision,
            "title": design.spec.title,
            "hash": design.spec.canonical_hash,
            "status": design.spec.status,
            "approved_by": dict(design.spec.approved_by),
        },
        "started": iso(STARTED),
        "ended": iso(STARTED + at),
        "duration_s": at,
        "outcome": {"outcome": "completed", "by": None, "reason": ""},
        "clock": {"state": "synchronised", "offset_s": 0.00042},
        "software": {"rackproof": "0.4.0", "python": "3.11.2"},
        "reason": reason,
        "stages": stages,
        "plan": [stage.id for stage in planned],
        "missing": missing,
        "devices": _devices(design),
        "answers": [
            {"stage": s.id, "need": n, "answer": "yes", "by": "m.okafor", "note": "", "at_s": 60.0}
            for s in planned[: len(stages)]
            for n in s.needs
        ],
        "dispositions": _dispositions(verdict),
        "signatures": [
            {"by": "m.okafor", "meaning": "tested", "at": iso(STARTED + at)},
            {"by": "j.lindqvist", "meaning": "reviewed", "at": iso(STARTED + at + 1800)},
        ],
        "gaps": [{"start_s": 70_805.0, "end_s": 71_217.0, "why": "the daemon was restarted"}]
        if verdict == "INCONCLUSIVE"
        else [],
        "reboots": [],
        "pauses": [],
        "clock_events": [],
        "plots": _plots(rng, at, verdict),
        "coverage": _coverage(rng, design, at, verdict),
        "evidence": {
            "root": "9f3c5e0b1d7a48c26f8e90a4b3d2c1f07766554433221100ffeeddccbbaa9988",
            "journal_head": "17b02c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809",
            "entries": 1311,
            "files": 212,
            "bytes": 61_204_118,
        },
    }


def _devices(design: Design) -> list[Json]:
    """List the devices with invented identities."""
    devices = []
    for place, (device, role) in enumerate(design.roles.items()):
        bom = design.spec.roles[role].bom
        devices.append(
            {
                "device": device,
                "role": role,
                "fixture": bool(bom and bom.kind == "fixture"),
                "calibration": bom.calibration if bom else None,
                "profile": "orv3_pmc" if "shelf" in device else "raritan_pdu2",
                "profile_hash": f"{place:02x}" * 32,
                "vendor": "Example Power",
                "model": bom.models[0] if bom else "",
                "serial": f"EX{48_100 + place * 17}",
                "firmware": "2.08.1",
            }
        )
    return devices


def _dispositions(verdict: str) -> list[Json]:
    """Waive something, where the run passed nevertheless."""
    if verdict != "PASS":
        return []
    return [
        {
            "stage": "psu_pull",
            "attempt": 1,
            "decision": "repaired",
            "text": "PSU 4 of shelf 5 seated badly; reseated, contact cleaned",
            "by": "j.lindqvist",
            "deviation": None,
            "signature": "ed25519:6f1d",
            "at_s": 118_000.0,
            "at": iso(STARTED + 118_000.0),
        }
    ]


def _length(stage: Stage) -> float:
    """Return how long a stage of the plan lasts, breaking and mending included."""
    if stage.steps is None:
        return float(stage.duration or 0.0)
    steps = stage.steps.load or stage.steps.lose or stage.steps.pull or stage.steps.stop or []
    return len(steps) * (stage.steps.each + 2 * stage.steps.restore)


def _stage(
    rng: random.Random, design: Design, place: tuple[int, Stage], at: float, verdict: str
) -> Json:
    """Run one stage."""
    number, stage = place
    length = _length(stage)
    took = length + rng.uniform(20, 200)
    if verdict in ("FAIL", "ABORTED"):
        took = length = 0.61 * length
    only = set(stage.only or ())
    channels = [
        _channel(rng, channel, at, took)
        for place, channel in enumerate(design.channels)
        if design.judged[place]
        and (not only or {channel.row.key, channel.role or "derived"} & only)
    ]
    parts = _spoil(channels, verdict, at) if verdict != "PASS" else []
    words = {
        "PASS": f"{len(channels)} channels kept their limits",
        "FAIL": "tripped; the stage was over at once",
        "INCONCLUSIVE": "2 required channels were not seen often enough",
        "ABORTED": "ended by m.okafor: facility water off",
    }
    text = words[verdict]
    of = f"{stage.id}, attempt 1"
    return {
        "number": number,
        "stage": stage.id,
        "attempt": 1,
        "superseded": False,
        "verdict": verdict,
        "started_s": at,
        "ended_s": at + took,
        "started": iso(STARTED + at),
        "ended": iso(STARTED + at + took),
        "elapsed_s": took,
        "qualified_s": length,
        "required_s": _length(stage),
        "overrides": [
            {"key": key, "why": over.why or ("not judged here" if over.skip else "tighter")}
            for key, over in stage.overrides.items()
        ],
        "reason": {"verdict": verdict, "of": of, "text": text, "parts": parts},
        "channels": channels,
    }


def _spoil(channels: list[Json], verdict: str, at: float) -> list[Json]:
    """Make some channels tell the verdict; return their reasons."""
    wanted = {
        "FAIL": {"compute_tray7.leak": LEAK, "rack.supply_temp": WARM},
        "INCONCLUSIVE": {"cdu.flow": GAP, "rear_door.heat": GAP},
        "ABORTED": {},
    }[verdict]
    reasons = []
    for channel in channels:
        name = f"{channel['device']}.{channel['channel']}"
        if text := wanted.get(name):
            channel["verdict"] = verdict
            reason = {"verdict": verdict, "of": name, "text": text, "at": at + 3110.0}
            if verdict == "FAIL":
                channel |= {"excursions": 1, "total_s": 84.0, "margin_at_s": at + 3110.0}
                if channel["kind"] == "gauge":
                    channel |= {
                        "max": 45.7,
                        "p99": 45.1,
                        "margin": -5.3,
                        "value": 45.7,
                        "limit": 44.0,
                    }
                    reason |= {"value": 45.2, "limit": 44.0, "unit": "degC"}
            else:
                channel |= {"coverage": 0.9952, "longest_gap_s": 412.0, "margin": None}
            reasons.append(reason)
        elif verdict == "INCONCLUSIVE" and channel["slots"] and channel["device"] == "cdu":
            channel |= {"coverage": 0.9981, "longest_gap_s": 25.0}
    return reasons


def _channel(rng: random.Random, channel: SpecChannel, at: float, took: float) -> Json:
    """Invent what one channel showed during a stage."""
    row = channel.row
    fail = row.rungs.limits[Rung.FAIL]
    kind = "state" if row.scale.is_state else row.kind.value
    low = high = None
    if fail is not None and fail.names is None:
        low, high = (None if math.isinf(end) else end for end in (fail.low, fail.high))
    slots = int(took / row.every)
    content: Json = {
        "device": channel.device,
        "channel": channel.name,
        "row": row.key,
        "kind": kind,
        "unit": row.scale.unit.symbol,
        "low": low,
        "high": high,
        "states": sorted(fail.names) if fail and fail.names else None,
        "per_s": fail.per_s if fail else None,
        "verdict": "PASS",
        "required": row.required,
        "slots": slots,
        "complete": slots,
        "coverage": 1.0,
        "longest_gap_s": 0.0,
        "excursions": 0,
        "total_s": 0.0,
        "margin": None,
        "margin_at_s": None,
        "value": None,
        "limit": None,
        "u": None,
    }
    content |= dict.fromkeys(("min", "mean", "max", "p99"))
    if kind == "counter":
        content |= {"min": 0.0, "mean": 0.0, "max": 0.0, "p99": 0.0}
    elif kind == "gauge":
        _measure(rng, content, channel, at, took)
    return content


def _measure(
    rng: random.Random, content: Json, channel: SpecChannel, at: float, took: float
) -> None:
    """Invent the values of a gauge, inside its limits."""
    low, high, nominal = content["low"], content["high"], channel.row.rungs.nominal
    if low is None and high is None:
        centre = {"W": 115_000.0, "K": 10.0}.get(content["unit"], 1.0)
    elif nominal is not None:
        centre = nominal
    elif low is None or high is None:
        limit = low if high is None else high
        u = channel.u.at(limit) if channel.u else 0.0
        away = 2 * u + abs(limit) * rng.uniform(0.02, 0.4)
        centre = limit + away if high is None else limit - away
    else:
        centre = (low + high) / 2
    ends = [end for end in (low, high) if end is not None]
    u = channel.u.at(centre) if channel.u else 0.0
    room = min((abs(centre - end) for end in ends), default=abs(centre))
    spread = max(0.0, rng.uniform(0.1, 0.7) * (room - 1.2 * u))  # further inside than uncertain
    content |= {"min": centre - spread, "mean": centre, "max": centre + spread}
    content["p99"] = centre + 0.9 * spread
    if ends and u:
        limit = min(ends, key=lambda end: abs(centre - end))
        content |= {
            "u": u,
            "limit": limit,
            "value": centre + math.copysign(spread, limit - centre),
            "margin": (room - spread - u) / u,
            "margin_at_s": at + rng.uniform(0, took),
        }


def _plots(rng: random.Random, end: float, verdict: str) -> Json:
    """Draw what a rack might have shown."""

    def series(name: str, level: float, noise: float, *, idle: float = 0.2) -> Json:
        """Return one series: idle, then full, a gap where the verdict is about one."""
        low: list[float | None] = []
        high: list[float | None] = []
        for bucket in range(BUCKETS):
            base = level * (idle if bucket < 50 else 1.0)
            if verdict == "INCONCLUSIVE" and 350 <= bucket < 353:
                low.append(None)
                high.append(None)
                continue
            middle = base + rng.gauss(0, noise / 4)
            low.append(middle - rng.uniform(0.2, 1) * noise)
            high.append(middle + rng.uniform(0.2, 1) * noise)
        return {"name": name, "low": low, "high": high}

    def panel(name: str, title: str, unit: str, *shown: Json, **more: Any) -> Json:  # noqa: ANN401
        """Return one panel."""
        content = {"id": name, "title": title, "unit": unit, "series": list(shown)}
        return {**content, "steps": [], "limits": [], "u": None, **more}

    span = [[0.0, end]]
    asked = {"name": "set point", "points": [[0.0, 20.0], [end * 50 / 600, 100.0]]}
    return {
        "start_s": 0.0,
        "end_s": end,
        "step_s": end / BUCKETS,
        "panels": [
            panel("load", "Load", "%", series("measured", 100, 1), steps=[asked]),
            panel(
                "loop",
                "Coolant and dew point",
                "degC",
                series("supply", 40, 0.4, idle=0.97),
                series("return", 50, 0.6, idle=0.85),
                series("dew point", 11, 0.5, idle=1.0),
                limits=[
                    {"name": "supply max", "spans": [[*s, 44.0] for s in span]},
                    {"name": "return max", "spans": [[*s, 56.0] for s in span]},
                ],
            ),
            panel(
                "balance",
                "Power in, heat out",
                "kW",
                series("AC power", 132, 1),
                series("heat to liquid", 115, 1.5),
                series("heat to air", 16, 0.6),
            ),
            panel(
                "residual",
                "Energy residual with its uncertainty",
                "%",
                series("residual ± U", 0.6, 0.8),
                limits=[
                    {"name": "max", "spans": [[*s, 8.0] for s in span]},
                    {"name": "min", "spans": [[*s, -8.0] for s in span]},
                ],
                u=4.0,
            ),
            panel(
                "lines",
                "Line currents of the feeds",
                "A",
                *(series(f"{feed}, 3 phases", 92, 2) for feed in ("feedA", "feedB")),
                limits=[{"name": "max", "spans": [[*s, 200.0] for s in span]}],
            ),
            panel(
                "bus",
                "Bus voltage, lowest to highest shelf",
                "V",
                series("8 shelves", 50, 0.15, idle=1.0),
                limits=[{"name": "min", "spans": [[*s, 48.8] for s in span]}],
            ),
        ],
    }


def _coverage(rng: random.Random, design: Design, end: float, verdict: str) -> Json:
    """Let devices answer, mostly."""
    buckets = 300
    devices = []
    for device in design.roles:
        if device not in design.places:
            continue
        cells = ["9"] * buckets
        missing = 0.0
        if verdict == "INCONCLUSIVE" and device in ("cdu", "rear_door"):
            cells[175:178] = "000"
            missing = 3.0
        if rng.random() < 0.1:
            cells[rng.randrange(buckets)] = "8"
            missing += 0.1
        devices.append({"device": device, "cells": "".join(cells), "share": 1 - missing / buckets})
    return {"start_s": 0.0, "end_s": end, "step_s": end / buckets, "devices": devices}
