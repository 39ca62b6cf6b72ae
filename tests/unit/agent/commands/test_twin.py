"""Tests for `rackproof twin`: what it refuses, and a rehearsal."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from agent.cli import answer
from agent.exits import Exit
from collectors.twin.faults import KINDS

EXAMPLES = Path(__file__).parents[4] / "deploy" / "example" / "specs"
SHORT = """\
plan:
  clock: qualified
  coverage: {min: 99.5 %}
  wall_clock: any
  stages:
    - {id: pressing, duration: 5 min, load: 0 %, only: [agent]}
    - id: soak
      duration: 2 min
      load: 100 %
      entry: {all: [rack.supply_temp 39..41 degC], for: 5 min, timeout: 60 min}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Return the example with a plan of two stages."""
    head, _, _ = (EXAMPLES / "rack-132kw.yaml").read_text().partition("\nplan:\n")
    file = tmp_path / "spec.yaml"
    file.write_text(f"{head}\n{SHORT}")
    return file


def rehearsed(capsys: pytest.CaptureFixture[str], code: Exit, *words: str) -> dict[str, Any]:
    """Rehearse, and return what a program is told."""
    assert answer(["twin", *words, "--rehearse", "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_rehearsal_ends_with_the_verdict_as_its_exit_code(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rehearse a rack that is well, and one that leaks, for a program."""
    well = rehearsed(capsys, Exit.YES, str(spec))
    assert well["verdict"] == well["reason"]["verdict"] == "PASS"
    assert [stage["stage"] for stage in well["stages"]] == ["pressing", "soak"]
    leaking = rehearsed(capsys, Exit.NO, str(spec), "--fault", "leak zone=3 stage=soak at=30s")
    assert leaking["verdict"] == "FAIL"
    assert leaking["faults"][0]["zone"] == "3"
    assert "rack.leak[zone3]" in json.dumps(leaking["reason"])
    assert leaking["stages"][-1]["outcome"] == "tripped"


def test_a_rehearsal_tells_people_the_stages_and_why(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Name the channel, and say what was broken."""
    faults = spec.with_name("faults.yaml")
    faults.write_text("- {kind: leak, zone: 3, stage: soak, at: 30 s}\n")
    assert answer(["twin", str(spec), "--rehearse", "--faults", str(faults)]) == Exit.NO
    told = capsys.readouterr().out
    assert "leak size=0.6 zone=3" in told
    assert "rack.leak[zone3]" in told
    assert re.search(r"^ +\S+ \w+ +pressing +PASS", told, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--once",), "--once goes with --follow"),
        (("--json",), "--json goes with --rehearse"),
        (("--rehearse", "--bays", "2"), "is of one rack"),
        (("--rehearse", "--follow", "http://127.0.0.1:1"), "not both"),
        (("--broker", "mqtt://127.0.0.1", "--no-broker"), "not both"),
        (("--broker", "http://127.0.0.1"), "want mqtt://HOST"),
        (("--follow", "ftp://127.0.0.1"), "http://"),
        (("--sparkplug", "a/b"), "want letters"),
        (("--family", "feedA"), "want DEVICE=PROFILE"),
        (("--family", "feedC=sentry4"), "no device 'feedC'"),
        (("--rehearse", "--fault", "leek"), "no kind of fault"),
        (("--fault", "psu_failure shelf=77"), "shelf=77"),
        (("--fault", "leak", "--fault", "leak"), "name=ANOTHER"),
        (("--fault", "leak stage=soak"), "add --follow URL"),
        (("--faults", "nowhere.yaml"), "nowhere.yaml:1: No such file"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(
    spec: Path, words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Say what is wrong and what to write; exit as for any other mistake."""
    floor = ("--floor", str(spec.parent / "floor"))
    assert answer(["twin", str(spec), *floor, *words]) == Exit.INVALID
    assert told in " ".join(capsys.readouterr().err.split())
    assert not (spec.parent / "floor" / "floor.yaml").exists()


def test_a_spec_without_a_plan_cannot_be_rehearsed(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Take the plan out."""
    spec.write_text(spec.read_text().partition("\nplan:\n")[0])
    assert answer(["twin", str(spec), "--rehearse"]) == Exit.INVALID
    assert "has no plan" in capsys.readouterr().err


def test_help_lists_every_kind_of_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """Read it as whoever wants to break something does."""
    assert answer(["twin", "--help"]) == Exit.YES
    told = capsys.readouterr().out
    assert all(f"    {name}" in told and kind.story in told for name, kind in KINDS.items())
