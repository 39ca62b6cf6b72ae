"""Profiles that nobody wrote: drafted from recordings and MIBs, against a second opinion."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.drafts import Drafted, drafted, halves, recordings

COVERED_MIN = 0.70  # of all values, those without any MIB in the folder among them
DESCRIBED_MIN = 0.90  # of the values that a MIB describes
WRONG_MAX = 0.005
FEW = ("apc_emu", "eaton-sc200", "panduit", "sentry3_3phase", "vertiv-pdu_mg02e4w1")


def shares(done: Sequence[Drafted]) -> tuple[float, float, float]:
    """Return which part of the values is right, right of those described, and wrong."""
    total, equal = sum(each.total for each in done), sum(each.equal for each in done)
    described = sum(each.described for each in done)
    return equal / total, equal / described, sum(len(each.wrong) for each in done) / total


def test_drafts_of_a_few_devices_are_nearly_right(shared: Path) -> None:
    """The same as below, of some devices of each kind, for every day."""
    found = recordings(shared)
    covered, described, _ = shares(list(drafted([found[name] for name in FEW], shared / "mibs")))
    assert covered >= COVERED_MIN
    assert described >= COVERED_MIN


@pytest.mark.nightly
def test_drafts_read_most_values_and_hardly_any_wrongly(shared: Path) -> None:
    """Of all devices, and of the half that the rules were not first written by."""
    found = recordings(shared)
    done = list(drafted(found.values(), shared / "mibs"))
    _, later = halves(found)
    for some in (done, [each for each in done if each.comparison.recording in later]):
        covered, described, wrong = shares(some)
        assert covered >= COVERED_MIN
        assert described >= DESCRIBED_MIN
        assert wrong <= WRONG_MAX
