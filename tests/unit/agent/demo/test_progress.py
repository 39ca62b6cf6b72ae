"""How a run stands, in words: what a newcomer is told of it."""

from typing import Any

import pytest

from agent.demo.diary import told
from agent.demo.progress import progress
from agent.demo.wall import wall
from tests.unit.agent.demo.told import run


def test_a_run_that_goes_well_says_how_many_stages_it_has_passed() -> None:
    """It is INCONCLUSIVE until its end; that would frighten a newcomer."""
    now = progress(run(verdicts=("PASS", "PASS"), stage="feed_loss"))
    assert now.standing == "2 of 4 passed"
    assert (now.number, now.passed, now.counted) == (3, 2, "2 min of 8 min")


def test_a_stage_that_failed_is_told_at_once_and_at_the_end_the_verdict() -> None:
    """Whatever comes after it."""
    assert progress(run(verdicts=("PASS", "FAIL"), stage="feed_loss")).standing == "FAIL"
    ended = progress(run(over="FAIL", verdicts=("PASS", "FAIL")))
    assert (ended.standing, ended.sealed, ended.number) == ("FAIL", True, 3)


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        ({"phase": "needs", "needs": ["bom_scanned"]}, "people are asked: bom_scanned"),
        ({"phase": "breaking", "part": "feedA"}, "feedA is being taken away"),
        ({"phase": "broken", "part": "feedA"}, "goes on without feedA"),
        ({"phase": "dwell"}, "all limits are judged, time counts"),
        (
            {"phase": "dwell", "judging": "always", "why": ["load as the plan sets it"]},
            "time stands: load as the plan sets it",
        ),
    ],
)
def test_what_goes_on_is_told_in_words(standing: dict[str, Any], words: str) -> None:
    """Not in those of the plan's phases."""
    part = standing.pop("part", None)
    assert progress(run(**standing), part=part).doing == words


def test_between_stages_there_is_no_moment() -> None:
    """For a blink, and nothing breaks."""
    assert progress(run(stage=None)).moment is None


def test_the_diary_tells_what_people_did_and_what_was_found() -> None:
    """In the words of somebody who was there."""
    phase = {"stage": "feed_loss", "part": "feedA", "load": 1.0}
    lines = [
        told("phase", {**phase, "phase": "breaking"}),
        told("phase", {**phase, "phase": "mended"}),
        told("phase", {"phase": "dwell", "load": 0.4}),
        told("phase", {"phase": "needs", "load": 0.4}),
        told("tripped", {"channels": [{"channel": "rack.leak[zone2]"}]}),
        told("stage_judged", {"stage": "soak", "verdict": "FAIL", "text": "it was wet"}),
    ]
    assert lines == [
        "the plan asks: take away feedA",
        "feedA is back",
        "the plan asks: load 40 %",
        "",
        "TRIP: rack.leak[zone2]: the stage ends at once, and people must come",
        "soak: FAIL, it was wet",
    ]


@pytest.mark.parametrize("kind", ["bound", "segment", "window", "needs", "clock", "run_over"])
def test_what_only_programs_need_is_left_out(kind: str) -> None:
    """A diary that holds everything is read by nobody."""
    assert told(kind, {}) == ""


@pytest.mark.parametrize("bays", [2, 8, 24])
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_floor_is_a_line_for_each_bay_and_fits(bays: int, size: tuple[int, int]) -> None:
    """The verdicts can be read down one column."""
    columns, lines = size
    runs = [(f"bay-{n:02}", progress(run(bay=f"bay-{n:02}")) if n else None) for n in range(bays)]
    drawn = wall(
        runs,
        pace="9 min in 90 s",
        diary=["x"] * 50,
        alerts=[],
        footer="Ctrl-C ends",
        columns=columns,
        lines=lines,
    )
    assert len(drawn) < lines
    assert max(map(len, drawn)) < columns
    line = next(line for line in drawn if line.startswith("bay-01"))
    words = "bay-01 SIM-0001 2 of 4 soak [####............] 1 of 4 passed"
    assert line.split() == words.split()
    assert any("no run has begun" in line for line in drawn)
