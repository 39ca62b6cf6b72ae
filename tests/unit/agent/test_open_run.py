"""What a run that goes on tells its journal, and how its time is found again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.burnin.event import Event, Kind
from agent.clock import Synchrony
from agent.open_run import state_of, told
from agent.resumption import origin
from agent.store.entry import START, Entry, Stamp
from agent.store.sealing import Sealed
from agent.store.spool import Damage


def entries(*stamped: tuple[float, Stamp]) -> list[Entry]:
    """Return a journal of events at run seconds, with when they were written down."""
    return [
        Entry.made("run", seq, Event(at, Kind.CLOCK, {}), stamp, START)
        for seq, (at, stamp) in enumerate(stamped, 1)
    ]


@given(
    st.lists(st.tuples(st.floats(0.0, 1e5), st.floats(0.0, 1e4)), min_size=1),
    st.floats(-1e4, 1e4),
    st.floats(-1e6, 1e6),
    st.sampled_from(["first", "second", ""]),
)
def test_run_time_never_goes_back(
    stored: list[tuple[float, float]], moved: float, away: float, boot: str
) -> None:
    """However late events were stored, whatever the wall clock says, after any start."""
    begun = 500.0
    past = entries(
        *((at, Stamp(1.7e9 + at + late, begun + at + late, "first")) for at, late in sorted(stored))
    )
    last = max(at for at, _ in stored)
    mono = past[-1].stamp.mono + abs(moved) if boot == "first" else abs(moved)
    now = Stamp(1.7e9 + last + away, mono, boot)
    assert now.mono - origin(past, last, now) >= last - 1e-6


def test_within_one_start_of_the_machine_the_wall_clock_is_not_asked() -> None:
    """An event that was stored late does not shift the run; one that was not tells its time."""
    past = entries(
        (0.0, Stamp(1.7e9, 1060.0, "first")),  # a disk refused it for a minute
        (70.0, Stamp(1.7e9, 1070.0, "first")),
    )
    assert origin(past, 70.0, Stamp(0.0, 1100.0, "first")) == 1000.0


def test_after_two_starts_of_the_machine_the_second_one_counts() -> None:
    """A daemon that starts again needs no wall clock, though the run is older than the machine."""
    past = entries(
        (0.0, Stamp(1.7e9, 1000.0, "first")),
        (700.0, Stamp(1.7e9 + 700, 30.0, "second")),
    )
    assert origin(past, 700.0, Stamp(0.0, 40.0, "second")) == -670.0


@pytest.mark.parametrize(
    ("after", "before", "gap"),
    [(10.0, 30.0, (10.0, 30.0)), (None, 30.0, (30.0, 30.0)), (None, None, (99.0, 99.0))],
)
def test_damage_is_told_with_the_times_that_are_known(
    after: float | None, before: float | None, gap: tuple[float, float]
) -> None:
    """In numbers, also where a file begins with it."""
    damage = (Damage("000001.spool", 5, 100, after, before),)
    (event,) = told(Sealed(1, None, damage), 99.0)
    assert (event.kind, event.at) == (Kind.GAP, 99.0)
    assert (event.data["start"], event.data["end"]) == gap
    assert event.data["why"] == "000001.spool: 100 bytes at 5 were damaged"


def test_a_segment_without_samples_is_not_told() -> None:
    """There is no file of it."""
    assert told(Sealed(1, None, ()), 0.0) == []
    (event,) = told(Sealed(1, {"file": "000001.npz"}, ()), 5.0)
    assert event == Event(5.0, Kind.SEGMENT, {"file": "000001.npz"})


@pytest.mark.parametrize(
    ("kept", "word"), [(True, "synchronised"), (False, "unsynchronised"), (None, "unknown")]
)
def test_a_clock_has_a_word(*, kept: bool | None, word: str) -> None:
    """That is in every record."""
    assert state_of(Synchrony(synchronised=kept)) == word
