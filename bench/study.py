"""How surely, and how soon, faults are found: the shipped judgement on simulated racks.

Every fault is tried at several sizes, in a plan cut to the stage in which it shows, on racks that
differ in their seed; healthy racks go through a short plan of every stage, and a few through the
whole one. Results are appended to a file, so that a study that was stopped goes on.

    python -m bench.study [--clean 1000] [--each 100] [--whole 4] [--results FILE] [--jobs 2]
"""

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

from agent.burnin.design import Design
from agent.burnin.event import Kind
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.burnin.verdict import Reason, Verdict
from agent.rehearsal.points import build, points
from agent.rehearsal.rehearsal import Rehearsal
from agent.rehearsal.rig import Rig
from bench.study_report import CLEAN, WHOLE, report
from collectors.twin.racks import Racks
from tests.simulation.cases import BRIEF, CASES, DRIFT, INSTRUMENTS, Case, Stages
from tests.simulation.plans import cut

SPEC: Final = Path(__file__).parents[1].parent / "shared" / "examples" / "nvl72-lc-132kw.yaml"
RESULTS: Final = Path(".study.jsonl")
CALM_S: Final = {CLEAN: 10.0, WHOLE: 30.0}  # between two looks at a dwell
LOOK_S: Final = 5.0  # the same, and between two looks at all else
LATER_S: Final = 30.0  # by up to so much do onsets differ from seed to seed: no fault knows a poll
PROVEN_S: Final = 60.0  # between two looks whether a failure is proven: it stays one
SMALLER: Final = 0.25  # of the runs at the stated size are made at each smaller one
BESIDE: Final = 10  # racks whose physics is worked out together
KNOWN: Final = {case.name: case for case in (*CASES, *INSTRUMENTS, DRIFT)}


class Try(NamedTuple):
    """A case at one size and seed: a line of the results."""

    case: str
    size: float | None
    seed: int


class Batch(NamedTuple):
    """Tries that are one run of each rack until their faults begin."""

    stages: tuple[tuple[str, float | None], ...]  # none: the whole plan
    tries: tuple[Try, ...]


def main() -> None:
    """Run what is lacking, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clean", type=int, default=20, help="healthy racks, short plan")
    parser.add_argument("--whole", type=int, default=0, help="healthy racks, whole plan of 34 h")
    parser.add_argument("--each", type=int, default=5, help="racks with each fault")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="cases whose names contain this")
    args = parser.parse_args()
    if not SPEC.exists():
        sys.exit("the example spec is not beside the checkout; there is nothing to study")
    done = {known_try(line) for line in lines(args.results)}
    wanted = [t for t in tries(args.clean, args.whole, args.each) if args.only in t.case]
    left = batches([t for t in wanted if t not in done])
    count, began = sum(len(batch.tries) for batch in left), time.monotonic()
    made = 0
    with ProcessPoolExecutor(args.jobs) as pool:
        for batch, _ in zip(left, pool.map(run, left, [args.results] * len(left)), strict=True):
            made += len(batch.tries)
            rest = (time.monotonic() - began) / made * (count - made)
            told = f"\r{made} of {count} runs, about {rest / 60:.0f} min left "
            print(told, end="", file=sys.stderr, flush=True)
    chosen = set(wanted)
    report([line for line in lines(args.results) if known_try(line) in chosen])


def tries(clean: int, whole: int, each: int) -> Iterator[Try]:
    """Return everything that is to be tried."""
    yield from (Try(CLEAN, None, seed) for seed in range(1, clean + 1))
    yield from (Try(WHOLE, None, seed) for seed in range(1, whole + 1))
    for case in KNOWN.values():
        for size in case.sizes or (None,):
            runs = each if size == case.stated else max(1, round(SMALLER * each))
            yield from (Try(case.name, size, seed) for seed in range(1, runs + 1))


def batches(wanted: Sequence[Try]) -> list[Batch]:
    """Put together what is the same run of the same racks until faults begin."""
    found: dict[tuple[Any, ...], list[Try]] = {}
    for one in wanted:
        case = KNOWN.get(one.case)
        alone = one.case if case is None or case.stage is None else case.stage
        key = ((one.seed - 1) // BESIDE, alone, *stages_of(one.case).items())
        found.setdefault(key, []).append(one)
    ordered = sorted(found.items(), key=lambda item: item[0][0])
    return [Batch(key[2:], tuple(each)) for key, each in ordered]


def stages_of(name: str) -> Stages:
    """Return the plan in which a case is tried."""
    return KNOWN[name].stages if name in KNOWN else {CLEAN: BRIEF, WHOLE: {}}[name]


def design_of(stages: Stages) -> Design:
    """Return the design with a plan cut to some stages."""
    spec = load_spec(SPEC.read_bytes(), SPEC.name)
    return cut(spec, stages) if stages else expand(spec)


def run(batch: Batch, results: Path) -> None:
    """Run a batch: its racks once until faults begin, then a process for each fault."""
    groups: dict[tuple[str, float | None], list[int]] = {}
    for one in batch.tries:
        groups.setdefault((one.case, one.size), []).append(one.seed)
    seeds = sorted({one.seed for one in batch.tries})
    design = design_of(dict(batch.stages))
    racks = Racks(points(design), build(design), seeds)
    first = batch.tries[0].case
    calm = CALM_S.get(first, LOOK_S)
    rigs = {
        seed: Rig(design, racks, rack, tick_s=LOOK_S, calm_s=calm)
        for rack, seed in enumerate(seeds)
    }
    rehearsal = Rehearsal([*rigs.values()])
    case = KNOWN.get(first)
    if case is not None and case.stage is not None:
        while all(rig.counting[0] != case.stage for rig in rigs.values()):
            rehearsal.step()
    for (name, size), chosen in groups.items():
        child = os.fork()
        if not child:
            _child(rehearsal, {seed: rigs[seed] for seed in chosen}, name, size, results)
        _, status = os.waitpid(child, 0)
        if status:
            raise SystemExit(f"{name} at size {size} ended with {status}")


def _child(
    rehearsal: Rehearsal, rigs: Mapping[int, Rig], name: str, size: float | None, results: Path
) -> None:
    """Break something in the racks that are left, see it to its end, and end this process."""
    status = 1
    try:
        for rig in rehearsal.rigs:
            rig.stopped = rig not in rigs.values()
        _finish(rehearsal, rigs, Try(name, size, 0), results)
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def _finish(rehearsal: Rehearsal, rigs: Mapping[int, Rig], of: Try, results: Path) -> None:
    """Go on until all is decided; write a line for each rack."""
    began = time.process_time()
    case = KNOWN.get(of.case)
    for seed, rig in rigs.items():
        later = random.Random(seed).uniform(0.0, LATER_S)
        rig.plan(case.planned(of.size, later) if case else [])
    proven: dict[int, float] = {}
    look = rehearsal.at
    while rehearsal.step():
        if case is None or rehearsal.at < look:
            continue
        look += PROVEN_S
        for seed, rig in rigs.items():
            if not rig.over and failed(rig):
                proven[seed], rig.stopped = rehearsal.at, True
    cpu = (time.process_time() - began) / len(rigs)
    with results.open("a") as file:
        for seed, rig in rigs.items():
            file.write(json.dumps(line(of._replace(seed=seed), rig, case, proven.get(seed), cpu)))
            file.write("\n")


def failed(rig: Rig) -> bool:
    """Say whether a failure is proven: whatever comes then, it stays one."""
    trial = rig.run.trial
    return any(trial.result(*key).verdict is Verdict.FAIL for key in trial.attempts)


def line(of: Try, rig: Rig, case: Case | None, proven: float | None, cpu: float) -> dict[str, Any]:
    """Return what is known of one run, as JSON has it."""
    reason = rig.run.trial.reason()
    last = rig.events[-1].at if proven is None else proven
    alerts = [alert for alert in rig.alerts if alert.at >= rig.onset]
    trips = [event for event in rig.events if event.kind is Kind.TRIPPED and event.at >= rig.onset]
    told = [one for one in leaves(reason) if one.verdict is reason.verdict]
    firsts = [(a.at, a.channel) for a in alerts[:1]]
    firsts += [(event.at, str(event.data["channels"][0]["channel"])) for event in trips[:1]]
    shown = min(firsts, default=None)
    if shown is None and reason.verdict is not Verdict.PASS and told:
        shown = last, told[0].of
    return {
        **of._asdict(),
        "verdict": reason.verdict.name,
        "first": shown[1] if shown and case else None,
        "shown_s": round(shown[0] - rig.onset, 1) if shown and case and case.stage else None,
        "stage": _stage_at(rig, shown[0]) if shown else None,
        "text": reason.text,
        "alerts": [[a.at, a.channel, a.status] for a in (rig.alerts if case is None else alerts)],
        "seconds": last,
        "cpu_s": round(cpu, 3),
    }


def leaves(reason: Reason) -> Iterator[Reason]:
    """Yield what a verdict rests on, at the bottom of its reasons."""
    for part in reason.parts:
        yield from leaves(part) if part.parts else (part,)


def _stage_at(rig: Rig, at: float) -> str | None:
    """Return the stage that was on at a time."""
    begun = [e for e in rig.events if e.kind is Kind.STAGE_STARTED and e.at <= at]
    return begun[-1].data["stage"] if begun else None


def lines(results: Path) -> Iterator[dict[str, Any]]:
    """Return what is there of a study; a line that was cut short is made again."""
    if results.exists():
        for text in results.read_text().splitlines():
            try:
                yield json.loads(text)
            except ValueError:
                continue


def known_try(known: Mapping[str, Any]) -> Try:
    """Return what a line is about."""
    return Try(known["case"], known["size"], known["seed"])


if __name__ == "__main__":
    main()
