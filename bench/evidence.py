"""What evidence costs: microseconds for a poll and a slot, and seconds to judge 24 h again.

The first part judges a whole spec (the demo's, or the one given) at its own rates, all inside its
limits. The second makes 24 h of 1,000 channels on 20 devices, read every 5 s, as stored blocks of
an hour, with readings that are lost and a few that are outside, and judges them again.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from agent.burnin.block import Block
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.expand import expand
from agent.burnin.rerun import rerun
from agent.burnin.spec import load_spec
from agent.burnin.trial import Trial
from collectors.readings import Quality

HOURS = 24
DEVICES, CHANNELS, EVERY_S = 20, 50, 5.0
LOST = 0.001  # of all polls
SPEC = """
spec: rackproof.spec/1
id: bench
revision: A
status: draft
title: 1,000 channels on 20 devices
decision: {{rule: guarded}}
defaults: {{every: 5 s, hold: 30 s, budget: 0.5 %}}
quantities:
  temperature: {{u: 0.4 K, hysteresis: 0.5 K}}
  power: {{u: 1 %}}
  state: {{hold: 15 s, budget: 30 s}}
  count: {{kind: counter, gap: 5 min}}
roles:
  unit:
    count: {devices}
    channels:
      temp: {{q: temperature, per: probe 25, warn: max 62 degC, fail: 18..70 degC}}
      power: {{q: power, per: psu 15, nominal: 5 kW, warn: +-8 %, fail: +-12 %}}
      ok: {{q: state, per: psu 6, fail: is ok}}
      faults: {{q: count, per: psu 4, fail: max 0}}
derived:
{derived}
plan:
  clock: qualified
  coverage: {{min: 99.5 %}}
  stages:
    - {{id: soak, duration: 24 h, load: 100 %}}
"""
ONE = (
    "  total{n}: {{expr: 'sum(unit[*].power[psu{n}])', unit: kW, window: 2 min, fail: max 120 kW}}"
)


def thousand() -> Design:
    """Return the design of the second part."""
    derived = "\n".join(ONE.format(n=n) for n in range(1, 11))
    text = SPEC.format(devices=DEVICES, derived=derived)
    return expand(load_spec(text.encode(), "bench.yaml"))


def events(design: Design, end: float) -> list[Event]:
    """Return what happens in a run of one stage."""
    stage = design.spec.plan.stages[0].id if design.spec.plan else ""
    of = {"stage": stage, "attempt": 1}
    told = [
        Event(0.0, Kind.STAGE_STARTED, of),
        Event(0.0, Kind.PHASE, {**of, "step": None, "phase": "dwell", "load": 1.0}),
        Event(0.0, Kind.WINDOW, {"judging": "qualified", "why": []}),
    ]
    for device, where in design.places.items():
        columns: list[dict[str, object]] = [
            {
                "name": channel.name,
                "channel": channel.name,
                "quantity": channel.row.quantity.label if channel.row.quantity else "",
                "source": "",
                "kind": channel.row.kind.value,
                "states": {"0": "ok", "1": "failed"},
                "good_states": [],
            }
            for channel in design.channels[where]
        ]
        bound = {"device": device, "binding": 0, "interval_s": EVERY_S, "columns": columns}
        told.append(Event(0.0, Kind.BOUND, bound))
    over = {**of, "outcome": "completed", "complete": True, "qualified_s": end, "text": ""}
    return [
        *told,
        Event(end, Kind.STAGE_OVER, over),
        Event(end + 20, Kind.RUN_OVER, {"outcome": "completed"}),
    ]


def blocks(design: Design, rng: np.random.Generator) -> Iterator[Block]:
    """Yield 24 h of samples, an hour and a device at a time."""
    level = {"unit.temp": 50.0, "unit.power": 5000.0}
    for hour in range(HOURS):
        for number, (device, where) in enumerate(design.places.items()):
            polls = int(3600 / EVERY_S)
            asked = hour * 3600.0 + np.arange(polls, dtype=np.float64) * EVERY_S + number * 0.2
            base = np.array([level.get(c.row.key, 0.0) for c in design.channels[where]])
            noise = rng.normal(0, 0.002, (polls, len(base)))
            values = base + base * noise
            quality = np.zeros(values.shape, np.uint8)
            lost = rng.random(polls) < LOST
            values[lost], quality[lost] = np.nan, Quality.COMM_LOST
            yield Block(
                device=device,
                binding=0,
                asked=asked,
                taken=asked + 0.1,
                values=values,
                quality=quality,
                raw=values,
            )


def live(design: Design, seconds: int) -> None:
    """Print what a poll of all channels and the slots of a second cost while a run goes on."""
    trial = Trial(design)
    for event in events(design, seconds):
        if event.kind is not Kind.BOUND:
            trial.note(event)
    limits = design.limits
    low, high = limits.low[1][: design.measured], limits.high[1][: design.measured]
    middle = np.where(np.isfinite(low) & np.isfinite(high), (low + high) / 2, 0.0)
    middle = np.where(np.isinf(low) & np.isfinite(high), high * 0.8, middle)
    middle = np.where(np.isfinite(low) & np.isinf(high), low * 1.2, middle)
    counted = np.array([c.row.kind.value == "counter" for c in design.channels[: design.measured]])
    state = np.array([c.row.scale.is_state for c in design.channels[: design.measured]])
    middle[counted | state] = 0.0
    good = np.ones(design.measured, np.bool_)
    put = advance = 0.0
    for at in range(seconds):
        began = time.process_time()
        trial.put(slice(0, design.measured), at + 0.5, middle, good)
        put += time.process_time() - began
        began = time.process_time()
        trial.advance(at - 15.0)
        advance += time.process_time() - began
    channels = len(design.channels)
    print(f"{channels} channels, {channels - design.measured} derived, {seconds} s of a run")
    print(f"  a poll of all:      {1e6 * put / seconds:7.1f} us")
    print(f"  closing, a second:  {1e6 * advance / seconds:7.1f} us")
    print(f"  a reading, in all:  {1e6 * (put + advance) / seconds / design.measured:7.3f} us")


def again() -> None:
    """Print how long it takes to judge 24 h again."""
    design = thousand()
    stored = [*blocks(design, np.random.default_rng(7))]
    readings = sum(block.values.size for block in stored)
    began, busy = time.perf_counter(), time.process_time()
    trial = rerun(design, events(design, HOURS * 3600.0), stored)
    took, busy = time.perf_counter() - began, time.process_time() - busy
    verdict = trial.result("soak", 1).verdict.name
    print(f"{HOURS} h of {design.measured} channels at {EVERY_S:g} s judged again: {verdict}")
    print(f"  {took:.1f} s, of which {busy:.1f} s of processor time:", end=" ")
    print(f"{1e6 * busy / readings:.3f} us a reading of {readings:,}")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", nargs="?", type=Path, help="a design spec for the first part")
    parser.add_argument("--seconds", type=int, default=3600)
    given = parser.parse_args()
    if given.spec is not None:
        live(expand(load_spec(given.spec.read_bytes(), str(given.spec))), given.seconds)
    else:
        live(thousand(), given.seconds)
    again()


if __name__ == "__main__":
    main()
