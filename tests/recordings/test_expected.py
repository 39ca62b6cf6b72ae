"""Every recording is read as another product read it, or we know why not."""

from pathlib import Path

import pytest

from collectors.profile import load_profiles
from collectors.recording import Comparison, compare, read_reviewed

MISTAKEN_SHARE_MAX = {"values": 0.03, "states": 0.06}  # more: it is we who are mistaken
REVIEWED = Path(__file__).parent / "disagreements.yaml"


@pytest.fixture(scope="module")
def comparisons(shared: Path) -> list[Comparison]:
    """Compare every recording that has an expected file."""
    profiles = load_profiles()
    paths = sorted((shared / "recordings").rglob("*.expected.json"))
    recordings = [p.with_name(p.name.replace(".expected.json", ".snmprec")) for p in paths]
    return [compare(recording, profiles) for recording in recordings]


@pytest.mark.parametrize(("what", "least"), [("values", 0.99), ("states", 0.97)])
def test_nearly_all_that_is_right_is_read_the_same(
    comparisons: list[Comparison], what: str, least: float
) -> None:
    """A second opinion on scale, unit and place; where it was found to be wrong it is none."""
    reviewed = read_reviewed(REVIEWED)
    total = sum(getattr(c, f"{what}_total") for c in comparisons)
    equal = sum(getattr(c, f"{what}_equal") for c in comparisons)
    wrong = sum(c.mistaken(what, reviewed.get(c.recording, [])) for c in comparisons)
    assert equal / (total - wrong) >= least
    assert wrong / total <= MISTAKEN_SHARE_MAX[what]


def test_every_difference_is_reviewed_and_has_its_reason(comparisons: list[Comparison]) -> None:
    """No value that differs is left silent: it is wrong, or it is listed with the reason."""
    reviewed = read_reviewed(REVIEWED)
    silent = {
        c.recording: [str(d) for d in found]
        for c in comparisons
        if (found := c.unexplained(reviewed.get(c.recording, [])))
    }
    assert silent == {}


def test_the_reviewed_list_names_only_differences_that_exist(
    comparisons: list[Comparison],
) -> None:
    """A line for a difference that is gone would hide the next one."""
    by_name = {c.recording: c.differences for c in comparisons}
    stale = [
        (name, entry.oids)
        for name, entries in read_reviewed(REVIEWED).items()
        for entry in entries
        if not any(entry.covers(d.oid) for d in by_name.get(name, ()))
    ]
    assert stale == []
