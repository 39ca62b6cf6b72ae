"""A plan is a function of its events: cut short anywhere, it stands where it stood and goes on."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.burnin.attempt import QUALIFIED
from agent.burnin.deeds import ActError
from agent.burnin.event import Event, Kind
from agent.burnin.verdict import Verdict
from tests.unit.agent.burnin.walk import Seen, Walk, small

STAGES = ("inventory", "soak", "feed_loss", "cool_down")
TRIPS = ({"channel": "feedA.power", "value": 16.0, "limit": 15.0},)
FAILING = st.frozensets(st.tuples(st.sampled_from(STAGES), st.just(1)), max_size=2)


class Turn(NamedTuple):
    """What is seen for some ticks, and what somebody does before them."""

    seen: Seen
    ticks: int
    act: str
    stage: str


def turns(most: int) -> st.SearchStrategy[list[Turn]]:
    """Draw a story in which things go well more often than not."""
    truth = st.sampled_from([True, True, True, False, None])
    seen = st.builds(
        Seen,
        conditions=truth,
        load=truth,
        shown=st.sampled_from([(True,), (True,), (True, False), (False, False), (None, True)]),
        tripped=st.sampled_from([(), (), (), (), (), TRIPS]),
    )
    acts = st.sampled_from(
        ["", "", "", "", "pause", "resume", "repeat", "dispose", "waive", "no", "finish", "abort"]
    )
    turn = st.builds(Turn, seen, st.integers(1, 45), acts, st.sampled_from(STAGES))
    return st.lists(turn, min_size=1, max_size=most)


def act(walk: Walk, turn: Turn) -> None:
    """Do what a person does; what is refused is not done."""
    deeds, at, by = walk.deeds, walk.at, "ann"
    data = {"stage": turn.stage, "attempt": 1, "text": "", "by": by}
    acts = {
        "pause": lambda: deeds.pause(at, by, "lunch"),
        "resume": lambda: deeds.resume(at, by, None),
        "repeat": lambda: deeds.repeat(at, turn.stage, by, "again"),
        "dispose": lambda: deeds.dispose(at, {**data, "decision": "repaired"}),
        "waive": lambda: deeds.dispose(at, {**data, "decision": "waived", "deviation": "17"}),
        "no": lambda: deeds.answer(at, "bom_scanned", "no", by, None),
        "finish": lambda: deeds.finish(at, by),
        "abort": lambda: deeds.abort(at, by, "enough"),
    }
    with suppress(ActError):
        walk.take(acts[turn.act]() if turn.act else [])


def play(walk: Walk, story: Sequence[Turn]) -> None:
    """Let a story happen."""
    for turn in story:
        act(walk, turn)
        walk.seen = turn.seen
        for _ in range(turn.ticks):
            walk.go(ticks=1)
            now = walk.course.now
            if now is not None and now.judging == QUALIFIED:
                assert turn.seen.load
                assert turn.seen.conditions or now.stage.entry is None


def state(walk: Walk) -> dict[str, Any]:
    """Return all that a plan knows."""
    return {key: value for key, value in vars(walk.course).items() if key != "design"}


@settings(max_examples=150, deadline=None)
@given(
    before=turns(20), after=turns(10), away=st.integers(0, 600), failing=FAILING, lag=st.booleans()
)
def test_a_plan_rebuilt_from_its_journal_does_what_it_would_have_done(
    *,
    before: list[Turn],
    after: list[Turn],
    away: int,
    failing: frozenset[tuple[str, int]],
    lag: bool,
) -> None:
    """After a stop, what happened is all that counts: the same state, the same future."""
    first = Walk(small(), lag_s=15.0 if lag else 0.0, failing=failing)
    play(first, before)
    gap = {"start": first.at, "end": first.at + away, "why": "stopped"}
    first.at += away
    first.note(Event(first.at, Kind.GAP, gap))
    again = first.rebuilt(first.events)
    assert state(again) == state(first)
    play(first, after)
    play(again, after)
    assert again.events == first.events
    assert state(again) == state(first)


@settings(max_examples=150, deadline=None)
@given(story=turns(20), cut=st.floats(0, 1), failing=FAILING)
def test_a_journal_that_ends_anywhere_can_be_gone_on_from(
    story: list[Turn], cut: float, failing: frozenset[tuple[str, int]]
) -> None:
    """No event is one that a plan could not stop behind; it comes to its end all the same."""
    walk = Walk(small(), failing=failing)
    play(walk, story)
    events = walk.events[: 1 + int(cut * (len(walk.events) - 1))]
    again = walk.rebuilt(events)
    again.at = events[-1].at
    again.note(Event(again.at, Kind.GAP, {"start": again.at, "end": again.at, "why": "stopped"}))
    play(again, [Turn(Seen(), 1, "resume", "soak")])
    again.go(ticks=2000)
    if not again.course.over:
        assert again.course.standing(again.at).state in ("held", "waiting")
        again.take(again.deeds.finish(again.at, "ann"))
    assert again.course.over


@settings(max_examples=150, deadline=None)
@given(story=turns(25), failing=FAILING)
def test_whatever_happens_a_plan_keeps_its_promises(
    story: list[Turn], failing: frozenset[tuple[str, int]]
) -> None:
    """Time never runs back, a soak is never short, and only what passed ends by itself."""
    walk = Walk(small(), failing=failing, lag_s=3.0)
    play(walk, story)
    times = [event.at for event in walk.events]
    assert times == sorted(times)
    required: dict[str, float] = {}
    held: tuple[str, int] | tuple[()] = ()
    for event in walk.events:
        of = str(event.data.get("stage")), int(event.data.get("attempt", 0))
        if event.kind is Kind.STAGE_STARTED:
            assert not held
            required[event.data["stage"]] = event.data["required_s"]
        elif event.kind is Kind.TRIPPED:
            held = of
        elif event.kind is Kind.DISPOSITION and held == of:
            held = ()
        elif event.kind is Kind.STAGE_OVER and event.data["outcome"] == "completed":
            assert event.data["qualified_s"] >= required[event.data["stage"]]
        elif event.kind is Kind.RUN_OVER and event.data["by"] is None:
            assert set(required) == set(STAGES)
            assert walk.course.verdict is Verdict.PASS
