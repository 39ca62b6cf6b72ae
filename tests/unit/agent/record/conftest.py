"""A small record: two stages of a pump bench, sealed, and what it was made of."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.burnin.block import Block
from agent.burnin.event import Event, Kind
from agent.burnin.spec import load_spec
from agent.record.folder import complete, lay
from agent.record.keys import SigningKey
from agent.record.manifest import Manifest
from agent.store.entry import START, Entry, Stamp
from agent.store.segments import pack

RUN = "20260301t080000-bench-1"
WALL = 1_772_352_000.0  # 2026-03-01 08:00 UTC
HOURS = 3
SPEC = b"""\
spec: rackproof.spec/1
id: bench
revision: B
status: released
title: a bench with one pump
design: {rack_power: 10 kW, coolant: PG25, flow: 100 lpm}
approved_by: {design: d, quality: q}
decision: {rule: guarded}
defaults: {every: 10 s, hold: 30 s, budget: 0.5 %}
quantities:
  flow: {u: 2 %}
roles:
  cdu:
    count: 1
    channels:
      flow: {q: flow, nominal: 100 lpm, warn: +-6 %, fail: +-12 %}
      pump_ok: {q: state, per: pump 2, fail: is ok}
plan:
  clock: qualified
  coverage: {min: 99.5 %}
  stages:
    - {id: warm_up, duration: 1 h, load: 20 %}
    - {id: soak, duration: 2 h, load: 100 %}
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder with evidence, and what is needed to seal it."""

    folder: Path
    key: SigningKey
    summary: Mapping[str, Any]

    def seal(self, at: Callable[[str], None] = lambda _: None) -> Manifest:
        """Complete and seal it."""
        html = b"<!doctype html><title>certificate</title>\n"
        return complete(self.folder, self.summary, {"certificate.html": html}, self.key, at)


def segment(hour: int) -> bytes:
    """Return an hour of samples: a flow with noise, two pumps that run."""
    rng = np.random.default_rng(hour)
    asked = 3600.0 * hour + np.arange(0.0, 3600.0, 10.0)
    raw = np.column_stack([rng.integers(985, 1015, asked.size), *np.ones((2, asked.size))])
    values = raw * [0.1, 1.0, 1.0]
    quality = np.zeros(raw.shape, np.uint8)
    values[7, 0], quality[7, 0] = np.nan, 5
    return pack(
        [
            Block(
                device="cdu",
                binding=0,
                asked=asked,
                taken=asked + 0.125,
                values=values,
                quality=quality,
                raw=raw.astype(np.float64),
            )
        ]
    )


def events(spec_hash: str, segments: Mapping[str, bytes]) -> list[Event]:
    """Return what happened."""
    flow = {"name": "flow", "channel": "flow", "quantity": "flow", "source": "1.3.6.1.4"}
    pump: dict[str, Any] = {
        "quantity": "state",
        "source": "1.3.6.1",
        "kind": "gauge",
        "good_states": ["ok"],
    }
    pump["states"] = {"1": "ok", "2": "stopped"}
    columns = [
        {**flow, "kind": "gauge", "states": {}, "good_states": []},
        *({**pump, "name": f"pump_ok[pump{n}]", "channel": f"pump/{n}"} for n in (1, 2)),
    ]
    begun = {
        "run": RUN,
        "bay": "bench-1",
        "serial": "RK-0417",
        "sku": None,
        "by": "m.okafor",
        "spec": {"id": "bench", "revision": "B", "hash": spec_hash, "status": "released"},
        "software": {"rackproof": "0.4.0", "python": "3.11"},
        "clock": {"state": "synchronised", "offset_s": 0.0004},
        "wall": WALL,
    }
    bound = {"device": "cdu", "binding": 0, "profile": "coolit_chx", "profile_hash": "ab" * 32}
    identity = {"vendor": "CoolIT", "model": "CHx", "serial": "C1", "firmware": "2"}
    found = [
        Event(0.0, Kind.RUN_STARTED, begun),
        Event(
            0.0, Kind.BOUND, {**bound, "identity": identity, "interval_s": 10.0, "columns": columns}
        ),
    ]
    for number, (stage, hours) in enumerate({"warm_up": 1, "soak": 2}.items()):
        at = 3600.0 * number
        where = {"stage": stage, "attempt": 1}
        dwell = {**where, "step": None, "phase": "dwell", "load": None, "affected": []}
        over = {"outcome": "completed", "complete": True, "qualified_s": 3600.0 * hours, "text": ""}
        found += [
            Event(at, Kind.STAGE_STARTED, where),
            Event(at, Kind.PHASE, dwell),
            Event(at, Kind.WINDOW, {"judging": "qualified", "why": []}),
            Event(at + 3600.0 * hours, Kind.STAGE_OVER, {**where, **over}),
            Event(at + 3615.0 * hours, Kind.STAGE_JUDGED, {**where, "verdict": "PASS", "text": ""}),
        ]
    end = 3600.0 * HOURS + 20.0  # when the last answers can be in
    found.append(Event(end, Kind.RUN_OVER, {"outcome": "completed", "by": None, "reason": ""}))
    for hour, (name, data) in enumerate(segments.items()):
        told = {"file": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        span = {"start": 3600.0 * hour, "end": 3600.0 * hour + 3590.0, "samples": 1080}
        found.append(Event(end, Kind.SEGMENT, {**told, **span}))
    found.append(Event(end, Kind.RUN_JUDGED, {"verdict": "PASS", "text": "2 stages passed"}))
    return found


def entries(happened: list[Event]) -> list[Entry]:
    """Return a journal."""
    found, prev = [], START
    for seq, event in enumerate(happened, 1):
        stamp = Stamp(WALL + event.at, 100.0 + event.at, "boot-1")
        found.append(Entry.made(RUN, seq, event, stamp, prev))
        prev = found[-1].hash
    return found


def channel(name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON of any type
    """Return what the summary says of a channel that kept its limits."""
    content = {
        "device": "cdu",
        "channel": name,
        "unit": "",
        "verdict": "PASS",
        "required": True,
        "states": ["ok"],
        "slots": 360,
        "complete": 360,
        "coverage": 1.0,
        "longest_gap_s": 0.0,
        "excursions": 0,
    }
    nothing = ("low", "high", "min", "mean", "max", "p99", "margin", "margin_at_s", "value", "u")
    return dict.fromkeys(nothing) | content | more


def summary(spec_hash: str, evidence: Mapping[str, Any], head: str, entries: int) -> dict[str, Any]:
    """Return the summary of the run."""
    flow = channel("flow", unit="L/min", states=None, low=88.0, high=112.0, value=101.4)
    flow |= {"min": 98.5, "mean": 100.0, "max": 101.4, "p99": 101.4, "u": 2.0, "margin": 4.3}
    stages = [
        {
            "stage": stage,
            "attempt": 1,
            "verdict": "PASS",
            "started_s": start,
            "ended_s": end,
            "reason": {"verdict": "PASS", "of": f"{stage}, attempt 1", "text": "all kept"},
            "channels": [flow, channel("pump_ok[pump1]"), channel("pump_ok[pump2]")],
        }
        for stage, start, end in (("warm_up", 0.0, 3600.0), ("soak", 3600.0, 10800.0))
    ]
    device = {"device": "cdu", "role": "cdu", "profile": "coolit_chx", "profile_hash": "ab" * 32}
    return {
        "schema": "rackproof.summary/1",
        "run": RUN,
        "serial": "RK-0417",
        "sku": None,
        "bay": "bench-1",
        "by": "m.okafor",
        "verdict": "PASS",
        "text": "2 stages passed",
        "decision": {"rule": "guarded", "text": ""},
        "spec": {"id": "bench", "revision": "B", "hash": spec_hash, "status": "released"}
        | {"title": "a bench with one pump", "approved_by": {}},
        "started": "2026-03-01T08:00:00.000Z",
        "ended": "2026-03-01T11:00:00.000Z",
        "clock": {"state": "synchronised", "offset_s": 0.0004},
        "software": {"rackproof": "0.4.0", "python": "3.11"},
        "stages": stages,
        "missing": [],
        "devices": [
            {**device, "vendor": "CoolIT", "model": "CHx", "serial": "C1", "firmware": "2"}
        ],
        "dispositions": [],
        "signatures": [],
        "gaps": [],
        "clock_events": [],
        "evidence": {**evidence, "journal_head": head, "entries": entries},
    }


def laid(
    folder: Path,
    key: SigningKey,
    change: Callable[[list[Event]], list[Event]] = lambda found: found,
) -> Bench:
    """Lay the evidence of the run into a folder; `change`: what happened otherwise."""
    spec_hash = load_spec(SPEC, "spec.yaml").canonical_hash
    segments = {f"{hour:06}.npz": segment(hour) for hour in range(HOURS)}
    journal = entries(change(events(spec_hash, segments)))
    spool = folder.with_name("segments of the run")
    spool.mkdir()
    for name, data in segments.items():
        (spool / name).write_bytes(data)
    evidence = lay(folder, SPEC, journal, {name: spool / name for name in segments})
    told = summary(spec_hash, evidence.model_dump(), journal[-1].hash, len(journal))
    return Bench(folder, key, told)


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """Return a key."""
    return SigningKey.open(tmp_path_factory.mktemp("data") / "key")


@pytest.fixture
def bench(tmp_path: Path, key: SigningKey) -> Bench:
    """Return a folder with evidence that is not sealed."""
    return laid(tmp_path / RUN, key)


@pytest.fixture(scope="session")
def lay_out(key: SigningKey) -> Callable[..., Bench]:
    """Return what lays evidence of another run into a folder."""
    return lambda folder, change: laid(folder, key, change)


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Path:
    """Return a sealed record, not to be changed."""
    bench = laid(tmp_path_factory.mktemp("records") / RUN, key)
    bench.seal()
    return bench.folder
