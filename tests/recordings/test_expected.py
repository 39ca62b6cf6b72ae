"""Every recording is read as another product read it, or we know why not."""

from pathlib import Path

import pytest

from collectors.profile import load_profiles
from collectors.recording import Comparison, compare, read_reviewed

VALUES_SHARE_MIN = 0.95  # of all values over all recordings: covered and equal within 1 %
STATES_SHARE_MIN = 0.90
REVIEWED = Path(__file__).parent / "disagreements.yaml"


@pytest.fixture(scope="module")
def comparisons(shared: Path) -> list[Comparison]:
    """Compare every recording that has an expected file."""
    profiles = load_profiles()
    paths = sorted((shared / "recordings").rglob("*.expected.json"))
    recordings = [p.with_name(p.name.replace(".expected.json", ".snmprec")) for p in paths]
    return [compare(recording, profiles) for recording in recordings]


def test_nearly_all_values_and_states_are_read_as_expected(comparisons: list[Comparison]) -> None:
    """A second opinion on scale, unit and place of every channel that both products know."""
    values = sum(c.values_equal for c in comparisons) / sum(c.values_total for c in comparisons)
    states = sum(c.states_equal for c in comparisons) / sum(c.states_total for c in comparisons)
    assert values >= VALUES_SHARE_MIN
    assert states >= STATES_SHARE_MIN


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
