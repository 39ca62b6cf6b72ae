"""How a plan might be led to a PASS that its rack should not have, each way tried once."""

import pytest

from agent.burnin.deeds import ActError
from agent.burnin.event import Event, Kind
from agent.resumption import origin
from agent.store.entry import START, Entry, Stamp
from collectors.document import DocumentError
from tests.unit.agent.burnin.docket import SOAK, design
from tests.unit.agent.burnin.floor import Floor
from tests.unit.agent.burnin.walk import Seen, Walk, small

T = "t: {q: temperature, fail: max 44 degC, u: 0.5 K, hold: 1 s}"
OTHER = "v: {q: voltage, fail: min 200 V, u: 1 V, hold: 1 s}"


def walked(until: str, seen: Seen | None = None) -> Walk:
    """Return a walk through the small plan, up to a phase."""
    walk = Walk(small(), seen)
    walk.go(until)
    assert walk.phases[-1] == until
    return walk


@pytest.mark.parametrize(
    "other",
    ["ANN O'HARA", " Ann O'Hara ", "Ann  O'Hara", "Ann O'Hara\u00a0"],
)
def test_one_person_does_not_sign_twice_by_writing_their_name_otherwise(other: str) -> None:
    """Capitals and blanks make nobody somebody else."""
    walk = Walk(small())
    walk.answering = False
    walk.go("inventory needs")
    walk.take(walk.deeds.answer(walk.at, "signatures 2", "yes", "Ann O'Hara", None))
    with pytest.raises(ActError, match="somebody else"):
        walk.deeds.answer(walk.at, "signatures 2", "yes", other, None)


def test_a_journal_in_which_one_person_signed_twice_lets_nothing_begin() -> None:
    """Whoever wrote it: names are compared when it is read, too."""
    walk = Walk(small())
    walk.answering = False
    walk.go("inventory needs")
    for by in ("ann", "Ann"):
        walk.note(
            Event(walk.at, Kind.ANSWERED, {"need": "signatures 2", "answer": "yes", "by": by})
        )
    assert "signatures 2" in walk.course.standing(walk.at).needs


def test_a_need_that_asks_nobody_is_no_need() -> None:
    """`signatures 0` would be met as soon as it is asked."""
    with pytest.raises(DocumentError, match="needs"):
        design(T, stages=f"{SOAK[:-1]}, needs: [signatures 0]}}")


def test_a_part_that_nothing_shows_is_not_taken_to_be_gone() -> None:
    """With no channel to look at, nobody knows that anything was done."""
    walk = walked("feed_loss breaking 0", Seen(shown=()))
    walk.go(ticks=10)
    assert walk.phases[-1] == "feed_loss breaking 0"
    walk.go(ticks=20)
    assert walk.over("feed_loss")["outcome"] == "not_shown"
    assert not walk.over("feed_loss")["complete"]


@pytest.mark.parametrize(
    "how",
    [
        "affected: {unit.t: {warn: min 50 degC}}",
        "affected: {unit.t: {fail: min 50 degC}}\n      only: [unit.v]",
        "affected: {unit.t: {trip: min 50 degC}}",
        "affected: {unit.t: {fail: max 50 degC}}",
    ],
)
def test_a_part_whose_loss_is_judged_by_nothing_is_no_test(how: str) -> None:
    """It only warns, is not asked for, or shows the same while all is well."""
    stages = f"""
    - id: soak
      load: 100 %
      steps: {{lose: [unit], each: 20 s, restore: 10 s}}
      {how}
"""
    with pytest.raises(DocumentError, match="nothing would show"):
        design(f"{T}\n{OTHER}", stages=stages)


def test_stretches_of_a_few_seconds_do_not_add_up_to_a_soak() -> None:
    """Too short for a slot, a hundred of them would be time that nobody judged."""
    walk = walked("soak dwell")
    for _ in range(30):
        walk.seen.load = False
        walk.go(ticks=1)
        walk.seen.load = True
        walk.go(ticks=34)
    assert walk.phases[-1] == "soak dwell"


def test_pausing_every_few_seconds_does_not_get_a_soak_done() -> None:
    """Whoever pauses whenever a value goes out gets nowhere by that."""
    walk = walked("soak dwell")
    for _ in range(30):
        walk.take(walk.deeds.pause(walk.at, "ann", "looks bad"))
        walk.take(walk.deeds.resume(walk.at + 0.5, "ann", "looks good"))
        walk.go(ticks=34)
    assert walk.phases[-1] == "soak dwell"


@pytest.mark.parametrize(
    "phase", ["soak needs", "soak entry", "soak dwell", "feed_loss breaking 0"]
)
def test_a_trip_is_seen_in_every_phase_and_in_a_pause(phase: str) -> None:
    """Though nothing else is judged there."""
    walk = walked(phase)
    walk.take(walk.deeds.pause(walk.at, "ann", "a moment"))
    walk.seen.tripped = [{"channel": "feedA.power", "value": 16e3, "limit": 15e3}]
    walk.go(ticks=1)
    assert walk.over(phase.partition(" ")[0])["outcome"] == "tripped"


def test_a_condition_over_a_time_is_not_met_by_what_was_read_after_a_long_silence() -> None:
    """Asked again an hour later, it has not seen the hour between."""
    floor = Floor()
    floor.at("soak", "entry")
    text = "slope(cdu.supply, 1 min) max 1 K/h"
    for _ in range(40):
        floor.read()
        floor.sight.holds(text, floor.now)
    assert floor.sight.holds(text, floor.now) is True
    floor.now += 3600.0
    for _ in range(3):
        floor.read()
        assert floor.sight.holds(text, floor.now) is None


# -- clocks ------------------------------------------------------------------------------------


def entry(at: float, wall: float, mono: float, boot: str = "a") -> Entry:
    """Return an entry of a journal."""
    event = Event(at, Kind.WINDOW, {"judging": "qualified", "why": []})
    return Entry.made("run", 1, event, Stamp(wall, mono, boot), START)


@pytest.mark.parametrize("wall", [1_000_060.0, 1_000_000.0, 0.0])
def test_a_machine_that_lost_its_clock_was_away_for_as_long_as_it_is_up_again(wall: float) -> None:
    """Its clock says that no time has passed; it has been on for ten minutes."""
    past = [entry(0.0, 1_000_000.0, 50.0), entry(60.0, 1_000_060.0, 110.0)]
    now = Stamp(wall, 600.0, "b")
    gap = now.mono - origin(past, 62.0, now) - 62.0
    assert gap >= 600.0
