"""A summary says what trial, journal and samples say, as JSON that a record can hold."""

import math
from typing import Any

import pytest

from agent import canonical
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.rerun import rerun
from agent.certificate.page import html
from agent.certificate.summary import summarise
from agent.store.entry import START, Entry, Stamp
from tests.unit.agent.certificate.told import blocks, events

Json = dict[str, Any]
WALL = 1_772_352_000.0  # 2026-03-01 08:00 UTC
EVIDENCE = {"root": "ab" * 32, "files": 3, "bytes": 1000, "journal_head": "cd" * 32, "entries": 12}


def summary_of(design: Design, told: list[Event], lost: tuple[float, float]) -> Json:
    """Judge a run and sum it up."""
    entries: list[Entry] = []
    for number, event in enumerate(told, 1):
        prev = entries[-1].hash if entries else START
        stamp = Stamp(WALL + event.at, 1000.0 + event.at, "boot")
        entries.append(Entry.made("run", number, event, stamp, prev))
    trial = rerun(design, told, blocks(design, lost))
    facts = {"evidence": EVIDENCE}
    return summarise(design, entries, trial, lambda: blocks(design, lost), facts)


@pytest.fixture(scope="session")
def good(small: Design) -> Json:
    """Sum up a run in which nothing happened."""
    return summary_of(small, events(small), (0.0, 0.0))


def channel_of(summary: Json, device: str, name: str) -> Json:
    """Return one channel of the only stage."""
    (stage,) = summary["stages"]
    found = [c for c in stage["channels"] if (c["device"], c["channel"]) == (device, name)]
    return dict(found[0])


def test_a_good_run_is_summed_up_as_a_record_wants_it(small: Design, good: Json) -> None:
    """Canonical JSON, with the heads of the journal and of the trial."""
    assert canonical.decode(canonical.encode(good)) == good
    assert (good["verdict"], good["missing"], good["plan"]) == ("PASS", [], ["soak"])
    assert good["started"] == "2026-03-01T08:00:00.000Z"
    assert good["ended"] == "2026-03-01T09:02:00.000Z"
    (stage,) = good["stages"]
    assert (stage["verdict"], stage["qualified_s"], stage["required_s"]) == ("PASS", 3550, 3600)
    assert len(stage["channels"]) == sum(small.judged)
    assert good["pauses"] == [
        {"start_s": 2000.0, "end_s": 2100.0, "by": "m.okafor", "reason": "fire drill"}
    ]
    assert good["clock_events"][0]["step_s"] == 3600.0
    assert {d["device"] for d in good["devices"]} == set(small.roles)


def test_a_channel_carries_its_limit_and_its_numbers(good: Json) -> None:
    """What a reader compares: limit, extremes, mean, p99, margin, each in the same unit."""
    flow = channel_of(good, "rack", "flow")

    assert (flow["unit"], flow["low"], flow["high"], flow["states"]) == ("L/min", 75.0, None, None)
    assert flow["min"] < flow["mean"] < flow["p99"] <= flow["max"]
    assert flow["coverage"] == 1.0
    nearest = min(flow["min"], flow["value"])
    assert flow["margin"] == pytest.approx((nearest - 75.0 - flow["u"]) / flow["u"], rel=0.02)
    leak = channel_of(good, "rack", "leak")
    assert (leak["kind"], leak["states"], leak["max"], leak["margin"]) == (
        "state",
        ["dry"],
        None,
        None,
    )
    errors = next(c for c in good["stages"][0]["channels"] if c["kind"] == "counter")
    assert (errors["max"], errors["p99"], errors["per_s"]) == (0.0, None, 3600.0)


def test_silence_is_told_with_its_length_and_takes_the_pass(small: Design) -> None:
    """Five minutes without the rack: not decided, and the page says which and for how long."""
    summary = summary_of(small, events(small), (1200.0, 1500.0))

    assert summary["verdict"] == "INCONCLUSIVE"
    flow = channel_of(summary, "rack", "flow")
    assert flow["verdict"] == "INCONCLUSIVE"
    assert flow["coverage"] < 0.95
    assert 298 <= flow["longest_gap_s"] <= 302
    text = html(summary)
    assert "rack.flow" in text
    assert "INCONCLUSIVE" in text


def test_a_run_that_ended_before_its_plan_names_what_is_missing(small: Design) -> None:
    """Aborted while nothing was on: no stage, no number, a page all the same."""
    told = [e for e in events(small) if e.kind in (Kind.RUN_STARTED, Kind.BOUND)]
    over = {"outcome": "aborted", "by": "m.okafor", "reason": "wrong rack"}
    summary = summary_of(small, [*told, Event(5.0, Kind.RUN_OVER, over)], (0.0, 0.0))

    assert summary["verdict"] == "ABORTED"
    assert summary["missing"] == ["soak"]
    assert summary["outcome"] == over
    assert "wrong rack" in html(summary)


def test_every_number_can_be_stored(good: Json) -> None:
    """Neither infinite nor undefined, in any place."""

    def numbers(content: Any) -> list[float]:  # noqa: ANN401 -- JSON of any shape
        """Gather all numbers."""
        if isinstance(content, dict):
            return [n for value in content.values() for n in numbers(value)]
        if isinstance(content, list):
            return [n for value in content for n in numbers(value)]
        return [content] if isinstance(content, float) else []

    assert all(map(math.isfinite, numbers(good)))
