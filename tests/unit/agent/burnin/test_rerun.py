"""A verdict is a function of the spec, the events and the samples, however they are cut."""

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from numpy.typing import NDArray

from agent.burnin.block import Block
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.expand import expand
from agent.burnin.rerun import rerun
from agent.burnin.result import StageResult
from agent.burnin.spec import load_spec
from agent.burnin.trial import WATERMARK_S, Trial
from collectors.quantity import Quantity, conversion
from collectors.readings import Quality
from tests.unit.agent.burnin.batch import CASES, Batch, C, seeds
from tests.unit.agent.burnin.batch import several as batches

END_S = 90
Floats = NDArray[np.float64]
SPEC = """
spec: rackproof.spec/1
id: rerun
revision: A
status: draft
title: channels of every kind, read at three paces
design: {rack_power: 10 kW, coolant: PG25, flow: 100 lpm}
decision: {rule: guarded}
defaults: {every: 2 s, hold: 4 s, budget: 20 %}
roles:
  a:
    count: 2
    channels:
      power: {q: power, u: 1 %, hysteresis: 10 W, warn: max 5.2 kW, fail: 4..5.5 kW, trip: max 9 kW}
      door: {q: state, fail: is closed, applies: always}
      faults: {q: count, kind: counter, fail: max 0, gap: 20 s, every: 5 s, hold: 5 s}
      errors: {q: count, kind: counter, fail: max 2 per min, gap: 20 s, every: 5 s, hold: 5 s}
  b:
    count: 1
    channels:
      supply: {q: temperature, u: 0.4 K, hysteresis: 0.5 K, fail: 36..44 degC, every: 3 s}
      return: {q: temperature, u: 0.4 K, nominal: 50 degC, fail: +-3 K, min_load: 80 %}
      leak: {q: leak, fail: is dry, trip: is dry, latched: true, hold: 0 s, gap: 15 s}
derived:
  rack_power: {expr: "sum(a[*].power)", unit: kW, fail: max 10.5 kW}
  delta: {expr: "b.return - b.supply", unit: K, window: 10 s, fail: 8..12 K, u: 0.3 K, u_why: pair}
  drift: {expr: "slope(b.supply, 10 s)", unit: K/h, fail: -900..900 K/h, u: 1 K/h, required: false}
plan:
  clock: qualified
  coverage: {min: 80 %}
  stages:
    - id: ramp
      steps: {load: [50 %, 100 %], each: 1 min}
      check: {calm: "drop(rack_power, 10 s) max 5 %"}
    - id: pull
      steps: {lose: [a1], each: 30 s, restore: 10 s}
      load: 100 %
      affected: {a.power: {fail: max 20 W}, a.door: {fail: is open}, a.faults: skip}
      overrides: {b.supply: {fail: 30..50 degC, why: it swings}}
"""
COLUMNS = {
    "a": {"power": 5000.0, "door": 0.0, "faults": 3.0, "errors": 0.0},
    "b": {"supply": 40.0, "return": 50.0, "leak": 0.0},
}
STATES = {"door": {"0": "closed", "1": "open"}, "leak": {"0": "dry", "1": "wet"}}
INTERVALS = {"a1": 2.0, "a2": 1.0, "b": None}


@cache
def spec() -> Design:
    """Return the design of the runs that are judged again."""
    return expand(load_spec(SPEC.encode(), "rerun.yaml"))


def bound(device: str, binding: int, names: Sequence[str]) -> dict[str, Any]:
    """Return what binding a device tells."""
    quantities = {"power": "power", "door": "state", "leak": "leak"}
    quantities |= {"faults": "count", "errors": "count"}
    columns: list[dict[str, Any]] = [
        {
            "name": name,
            "channel": f"its/{name}",
            "quantity": quantities.get(name, "temperature"),
            "source": "oid",
            "kind": "counter" if name in {"faults", "errors"} else "gauge",
            "states": STATES.get(name, {}),
            "good_states": [],
        }
        for name in names
    ]
    interval = INTERVALS[device]
    return {"device": device, "binding": binding, "interval_s": interval, "columns": columns}


def events_of(rng: np.random.Generator) -> list[Event]:
    """Draw what happens: stages, phases, pauses, restarts, a gap, at any time."""
    plan = [
        ("ramp", 0, "dwell"),
        ("ramp", 1, "dwell"),
        ("pull", 0, "breaking"),
        ("pull", 0, "broken"),
        ("pull", 0, "mending"),
        ("pull", 0, "mended"),
    ]
    edges = np.sort(np.round(rng.uniform(0, END_S, len(plan) + 1), 1)).tolist()
    edges[0] = 0.0
    events = [Event(0.0, Kind.RUN_STARTED, {})]
    stage = ""
    for (name, step, phase), (start, end) in zip(plan, pairwise(edges), strict=True):
        if name != stage:
            events.append(Event(start, Kind.STAGE_STARTED, {"stage": name, "attempt": 1}))
        stage = name
        told = {"stage": name, "attempt": 1, "step": step, "phase": phase, "load": 0.5}
        events.append(Event(start, Kind.PHASE, told))
        events.append(Event(start, Kind.WINDOW, {"judging": "qualified", "why": []}))
        if rng.random() < 0.5:
            at = float(rng.uniform(start, end))
            judging = str(rng.choice(["none", "always", "qualified"]))
            events.append(Event(at, Kind.WINDOW, {"judging": judging, "why": []}))
        if phase == "mended" or (name, step) == ("ramp", 1):
            over = {"stage": name, "attempt": 1, "outcome": "completed", "complete": True}
            events.append(Event(end, Kind.STAGE_OVER, over))
    for kind in rng.choice([Kind.REBOOT, Kind.GAP], int(rng.integers(0, 3))):
        at = float(np.round(rng.uniform(5, END_S), 1))
        told = {"device": str(rng.choice(["a1", "b"])), "start": at - 5, "end": at, "why": ""}
        events.append(Event(at, Kind(kind), told))
    return sorted(events, key=lambda event: event.at)


def polls_of(rng: np.random.Generator) -> tuple[list[Block], list[Event]]:
    """Draw what came: lost and late polls, duplicates, values outside, another binding."""
    blocks, events = [], []
    for device, interval in INTERVALS.items():
        names = [*COLUMNS[device[0]]]
        asked = np.arange(0.3, END_S, interval or 1.0)
        if device == "b":
            asked = asked + rng.uniform(0, 0.5, len(asked))
        asked = np.sort(np.concatenate([asked, rng.choice(asked, 3)]))
        halves = [(0, names, asked)]
        if rng.random() < 0.5:
            cut = int(len(asked) * rng.random())
            halves = [(0, names, asked[:cut]), (1, names[::-1], asked[cut:])]
        for binding, columns, times in halves:
            at = float(times[0]) if binding and len(times) else 0.0
            events.append(Event(at, Kind.BOUND, bound(device, binding, columns)))
            blocks.append(block(rng, device, binding, columns, times))
    return blocks, events


def block(
    rng: np.random.Generator, device: str, binding: int, names: Sequence[str], asked: Floats
) -> Block:
    """Draw the samples of one binding, in the order in which they were taken."""
    taken = asked + np.where(rng.random(len(asked)) < 0.05, rng.uniform(0, 20, len(asked)), 0.1)
    order = np.argsort(taken, kind="stable")
    asked, taken = asked[order], taken[order]
    base = np.array([COLUMNS[device[0]][name] for name in names])
    values = base + base * rng.normal(0, rng.choice([0.002, 0.02]), (len(asked), len(names)))
    for column, name in enumerate(names):
        if name in {"door", "leak"}:
            values[:, column] = rng.random(len(asked)) < 0.02
        elif name in {"faults", "errors"}:
            values[:, column] = np.cumsum(rng.random(len(asked)) < 0.01) + rng.integers(0, 2)
    quality = np.where(rng.random(values.shape) < 0.01, Quality.STALE, Quality.GOOD)
    quality[rng.random(len(asked)) < 0.03] = Quality.COMM_LOST
    return Block(
        device=device,
        binding=binding,
        asked=asked,
        taken=taken,
        values=np.where(quality == Quality.GOOD, values, np.nan),
        quality=quality.astype(np.uint8),
        raw=values,
    )


def rows_of(block: Block, which: slice | NDArray[np.bool_]) -> Block:
    """Return some polls of a block."""
    return Block(
        device=block.device,
        binding=block.binding,
        asked=block.asked[which],
        taken=block.taken[which],
        values=block.values[which],
        quality=block.quality[which],
        raw=block.raw[which],
    )


def live(events: Sequence[Event], blocks: Sequence[Block]) -> Trial:
    """Let a trial go along with a run, a second at a time."""
    trial = Trial(spec())
    for now in range(END_S + 40):
        for event in events:
            if now - 1 < event.at <= now:
                trial.note(event)
        for one in blocks:
            for row in np.flatnonzero((one.taken > now - 1) & (one.taken <= now)):
                trial.take(rows_of(one, slice(row, row + 1)))
        trial.advance(now - WATERMARK_S)
    return trial


def segments(rng: np.random.Generator, blocks: Sequence[Block]) -> list[Block]:
    """Cut all blocks at the same times."""
    cuts = np.sort(rng.uniform(0, END_S, int(rng.integers(0, 6))))
    edges = [-np.inf, *cuts, np.inf]
    return [
        rows_of(block, (block.taken >= start) & (block.taken < end))
        for start, end in pairwise(edges)
        for block in blocks
    ]


def same(a: StageResult, b: StageResult) -> bool:
    """Say whether two results are the same to the bit."""
    columns = zip(a.columns.values(), b.columns.values(), strict=True)
    alike = all(x.tobytes() == y.tobytes() for x, y in columns)
    return alike and a.reason.document == b.reason.document


@settings(max_examples=math.ceil(CASES / len(spec().channels) / 2))  # two stages each
@given(seeds)
def test_properties_a_run_that_is_judged_again_is_judged_the_same(seed: int) -> None:
    """P11, P13: live, again from one segment and again from several: every number to the bit."""
    rng = np.random.default_rng(seed)
    blocks, bindings = polls_of(rng)
    events = sorted([*events_of(rng), *bindings], key=lambda event: event.at)
    events.append(Event(END_S + 35.0, Kind.RUN_OVER, {"outcome": "completed"}))
    first = live(events, blocks)
    others = [rerun(spec(), events, blocks), rerun(spec(), events, segments(rng, blocks))]

    for other in others:
        assert other.attempts.keys() == first.attempts.keys()
        assert all(same(other.result(*key), first.result(*key)) for key in first.attempts)
        assert other.reason().document == first.reason().document


@batches
@given(seeds)
def test_properties_the_unit_of_a_device_changes_nothing(seed: int) -> None:
    """P12: who reads degF or gpm is judged as who reads degC or lpm."""
    batch = Batch.drawn(np.random.default_rng(seed))
    batch = batch.but(values=batch.values + 0.25)  # at no edge, where rounding would decide
    as_is = batch.verdicts()

    for symbol, quantity in (("degF", Quantity.TEMPERATURE), ("gpm", Quantity.FLOW)):
        scale, offset = conversion(symbol, quantity)
        sent = (batch.values - offset) / scale
        assert (batch.but(values=sent * scale + offset).verdicts() == as_is).all()
    assert len(as_is) == C
