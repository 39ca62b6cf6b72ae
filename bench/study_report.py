"""What the detection study found, as docs/detection.md and its pictures."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.study_pictures import Curve, Span, lasting, rates, times
from tests.simulation.cases import CASES, DRIFT, INSTRUMENTS, Case

DOCS: Final = Path(__file__).parents[1] / "docs"
CLEAN: Final = "healthy, short plan"
WHOLE: Final = "healthy, whole plan"
PASS: Final = "PASS"

HEAD: Final = """\
# How surely, and how soon, faults are found

A judge that passes everything is quick, and one that fails everything misses nothing. This is what
Rackproof does in between, tried on simulated racks by the very code that judges real ones:
{count:,} runs of a rack of 132 kW with 683 channels, on up to {seeds:,} seeds. No two seeds share
noise, weather, or how evenly supplies share their load.

    make study ARGS="--clean 1000 --each 100"

makes all of it again and writes this page; here that took {cpu:.0f} minutes of processor time. A
study that is stopped goes on where it was. Each fault has its plan cut to the stage in which it
shows, and begins two minutes or a little more after that stage began to count; what is wrong with
an instrument is wrong from the beginning. A twin is as good as its equations: what it cannot tell
is at the end.
"""
FAULTS: Final = """\
*Short* is every stage of the plan, each as brief as its windows allow. A false alert is a channel
that the live status showed beyond fail for its hold, or beyond trip, on a rack without a fault.

## Faults

At the size that each is stated with. *As expected* is the share of runs with that verdict; a run
counts as PASS where nothing was held against the rack. *Named first* is the channel that the live
status showed beyond its limit or unknown first, or a trip; where neither came before the verdict,
what the verdict named. *After* is the median time from onset to that.
"""
SIZES: Final = """\
A run counts as found where it did not pass. The open dot is the stated size; at the smaller ones a
quarter of the runs was made. Where a curve is 0 % the fault is inside what the spec tolerates, by
its limits and their uncertainty: a strainer that resists twice as much still lets through what it
should, and a supply that came back within `hold` was never missed.
"""
SOON: Final = """\
From onset to the first sign: median, and the whole range of all runs. What holds for 30 s by the
spec cannot show sooner; what is averaged over minutes needs them. What falls silent shows as
unknown once it has been missed for longer than its `gap`. Faults that are there from the beginning
have no onset, and are not drawn.
"""
WRONG: Final = """\
No single sensor may pass a rack, and none may fail one without its neighbours' word. These are the
build errors and unit surprises that plausibility has to find, present from the first reading on. A
meter that is wrong about the load stops the clock instead: nothing qualifies, the alarm says that
the load is not what the plan sets, and after an hour the stage ends undecided.
"""
NOT_FOUND: Final = """\
## What is not found

- A value that is frozen while its time stamp goes on and while what it measures stands still: it
  shows when the rack moves and it does not, as in the hot corner here.
- A drift smaller than the probe's own uncertainty, or of both probes of a pair together.
- FEC decay before packets are lost, where the spec does not require those channels. It is reported.
- Crossed cables by telemetry alone: LLDP answers a need of the plan.
- Anything that the model does not know: a smell, a scratched gasket, a loose screw.
"""

Line = Mapping[str, Any]
Lines = Sequence[Line]


def report(found: Lines, docs: Path = DOCS) -> None:
    """Write the document and its pictures."""
    pictures = docs / "detection"
    pictures.mkdir(exist_ok=True)
    by_case: dict[str, list[Line]] = {}
    for line in found:
        by_case.setdefault(line["case"], []).append(line)
    (docs / "detection.md").write_text("\n".join(_document(by_case)) + "\n")
    (pictures / "rate.svg").write_text(rates([*_curves(by_case)]))
    (pictures / "time.svg").write_text(times([*_spans(by_case)]))


def _document(found: Mapping[str, Lines]) -> Iterator[str]:
    """Return the lines of the document."""
    clean, whole = found.get(CLEAN, ()), found.get(WHOLE, ())
    count = sum(len(lines) for lines in found.values())
    seeds = max((line["seed"] for lines in found.values() for line in lines), default=0)
    cpu = sum(line["cpu_s"] for lines in found.values() for line in lines) / 60
    yield HEAD.format(count=count, seeds=seeds, cpu=cpu)
    yield "## Healthy racks\n"
    yield "| runs | racks | simulated | PASS | FAIL | other | false alerts |"
    yield "|---|---|---|---|---|---|---|"
    for name, lines in (("short plan, every stage", clean), ("whole plan, 34 h", whole)):
        if lines:
            yield _healthy(name, lines)
    yield "\n" + FAULTS
    yield from _table((*CASES, DRIFT), found)
    yield "\n![Detection rate against fault size](detection/rate.svg)\n"
    yield SIZES
    yield "## How soon\n"
    yield "![Time from the onset of a fault until it shows](detection/time.svg)\n"
    yield SOON
    yield "## Instruments that are wrong\n"
    yield WRONG
    yield from _table(INSTRUMENTS, found)
    yield "\n" + NOT_FOUND


def _healthy(name: str, lines: Lines) -> str:
    """Return the row of healthy racks."""
    passed = sum(line["verdict"] == PASS for line in lines)
    failed = sum(line["verdict"] == "FAIL" for line in lines)
    alerts = sum(len(line["alerts"]) for line in lines)
    hours = sum(line["seconds"] for line in lines) / 3600
    other = len(lines) - passed - failed
    return f"| {name} | {len(lines)} | {hours:,.0f} h | {passed} | {failed} | {other} | {alerts} |"


def _table(cases: Sequence[Case], found: Mapping[str, Lines]) -> Iterator[str]:
    """Return a row for each case at its stated size."""
    yield "| fault | size | shows in | runs | expected | as expected | PASS | named first | after |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for case in cases:
        lines = _stated(case, found)
        if not lines:
            continue
        right = sum(line["verdict"] == case.verdict.name for line in lines)
        passed = sum(line["verdict"] == PASS for line in lines)
        firsts = [line["first"] for line in lines if line["first"]]
        first = max(sorted(set(firsts)), key=firsts.count) if firsts else ""
        stages = [line["stage"] for line in lines if line["stage"]]
        stage = max(sorted(set(stages)), key=stages.count) if stages else ""
        shown = [line["shown_s"] for line in lines if line["shown_s"] is not None]
        soon = lasting(median(shown)) if shown else ""
        size = "" if case.stated is None else f"{case.stated:g} {case.unit}".strip()
        yield (
            f"| {case.name} | {size} | {stage} | {len(lines)} | {case.verdict.name} "
            f"| {_share(right, len(lines))} | {passed} | {_code(first)} | {soon} |"
        )


def _stated(case: Case, found: Mapping[str, Lines]) -> Lines:
    """Return the runs with a case at its stated size."""
    return [line for line in found.get(case.name, ()) if line["size"] == case.stated]


def _share(count: int, of: int) -> str:
    """Write a share; 100 % only where it is all.

    >>> _share(5, 5), _share(999, 1000)
    ('100 %', '99.9 %')
    """
    return "100 %" if count == of else f"{min(100 * count / of, 99.9):.1f} %"


def _code(channel: str) -> str:
    """Set a channel's name apart."""
    if channel == "end":
        return "how the stage ended"
    return f"`{channel}`" if channel else ""


def _curves(found: Mapping[str, Lines]) -> Iterator[Curve]:
    """Return how detection depends on size, of each case that has sizes."""
    for case in (*CASES, DRIFT, *INSTRUMENTS):
        lines = found.get(case.name, ())
        if len(case.sizes) < 2 or not lines or case.stated is None:
            continue
        shares = []
        for size in case.sizes:
            at = [line["verdict"] != PASS for line in lines if line["size"] == size]
            shares.append(sum(at) / max(len(at), 1))
        yield Curve(case.name, case.unit, case.sizes, shares, case.stated)


def _spans(found: Mapping[str, Lines]) -> Iterator[Span]:
    """Return how long it takes until each fault of stated size shows, the quickest first."""
    spans = []
    for case in (*CASES, DRIFT, *INSTRUMENTS):
        shown = [x["shown_s"] for x in _stated(case, found) if x["shown_s"] is not None]
        if shown and case.verdict.name != PASS:
            spans.append(Span(case.name, min(shown), median(shown), max(shown)))
    yield from sorted(spans, key=lambda span: span.median)
