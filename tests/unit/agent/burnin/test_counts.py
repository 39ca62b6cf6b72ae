"""What counters and latched sensors prove, whatever is lost or starts anew.

Each example holds one case for every channel: true counts that only the test knows, read once a
slot, on a device that starts anew now and then.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.burnin.design import Design
from agent.burnin.event import Kind
from agent.burnin.verdict import Verdict
from tests.unit.agent.burnin.batch import CASES, seeds
from tests.unit.agent.burnin.docket import Case, changed, design

COUNTERS = 200
several = settings(max_examples=math.ceil(CASES / COUNTERS))
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


LIMITS = ("max 0", "max 0 per min", "max 1", "max 2 per min")
ALLOWED = np.array([(0, 0, 1, 2)[n % 4] for n in range(COUNTERS)])
EVERY = 10  # seconds of a slot: six are a minute


def counters() -> Design:
    """Return counters with different limits, holds and gaps."""
    lines = [
        f"n{n}: {{q: count, kind: counter, fail: {LIMITS[n % 4]}, hold: {n % 3 + 1}0 s, "
        f"gap: {n % 7 + 3}0 s, budget: {n % 5 + 1}0 s, every: {EVERY} s}}"
        for n in range(COUNTERS)
    ]
    return design("\n".join(lines))


def leaks() -> Design:
    """Return latched sensors, each with its gap; half of them trip."""
    trips = ("", ", trip: is dry")
    lines = [
        f"n{n}: {{q: leak, fail: is dry{trips[n % 2]}, latched: true, hold: 10 s, "
        f"gap: {n % 7 + 1}0 s, budget: {n % 3}0 s, every: {EVERY} s}}"
        for n in range(COUNTERS)
    ]
    return changed(design("\n".join(lines)), hold=0.0)


@dataclass(frozen=True, eq=False)
class Story:
    """What happens in S slots. Shapes: [S, N], or [S] for the device."""

    counted: Floats  # in each slot, before it is read
    good: Bools
    restarts: Bools  # at the beginning of a slot
    forgets: Bools  # and loses what it counted
    begins: float  # the phase
    judged: Bools  # nobody pauses it

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Story":
        """Draw a story."""
        slots = int(rng.integers(4, 20))
        shape = slots, COUNTERS
        restarts = rng.random(slots) < rng.choice([0.0, 0.15])
        counted = (rng.random(shape) < rng.choice([0.0, 0.02, 0.1])).astype(np.float64)
        counted[0] = 0.0  # what was counted before the first reading, nobody can know
        return cls(
            counted=counted,
            good=rng.random(shape) > rng.choice([0.0, 0.1, 0.3]),
            restarts=restarts,
            forgets=restarts & (rng.random(slots) < 0.7),
            begins=float(rng.integers(0, 4)) + rng.choice([0.0, 0.4]),
            judged=rng.random(slots) > rng.choice([0.0, 0.2]),
        )

    @property
    def shown(self) -> Floats:
        """Return what the counters show in each slot."""
        shown = np.zeros_like(self.counted)
        now = np.zeros(COUNTERS)
        for slot, counted in enumerate(self.counted):
            now = (0.0 if self.forgets[slot] else now) + counted
            shown[slot] = now
        return shown

    def verdicts(self, of: Design, shown: Floats | None = None) -> NDArray[np.int8]:
        """Return what the trial makes of it."""
        case = Case(of, begun=False)
        case.start(self.begins * EVERY)
        for slot, judged in enumerate(self.judged):
            if slot > self.begins and not judged:
                case.window(slot * EVERY, "none")
                case.window((slot + 1) * EVERY, "qualified")
            if self.restarts[slot]:
                case.tell(slot * EVERY + 0.1, Kind.REBOOT, device="unit", why="it said so")
        for slot, values in enumerate(self.shown if shown is None else shown):
            case.put(slot * EVERY + 0.5, *values, good=self.good[slot])
        return case.result(float(len(self.counted) * EVERY)).verdicts

    def most(self, which: Bools) -> Floats:
        """Return the most that was counted in some slots, of a rate in any minute of them."""
        counted = np.where(which[:, None], self.counted, 0.0)
        minutes = np.array([counted[n : n + 6].sum(axis=0) for n in range(len(counted))])
        most: Floats = np.where(np.arange(COUNTERS) % 2, minutes.max(axis=0), counted.sum(axis=0))
        return most


@several
@given(seeds)
def test_properties_a_reset_hides_no_count_and_invents_none(seed: int) -> None:
    """P14: PASS only where nothing was counted beyond the limit, FAIL only where something was."""
    story = Story.drawn(np.random.default_rng(seed))
    verdicts = story.verdicts(counters())
    slots = np.arange(len(story.counted))
    inside = story.most((slots >= story.begins) & story.judged)
    touched = story.most(slots + 1 > story.begins)

    assert not ((verdicts == Verdict.PASS) & (inside > ALLOWED)).any()
    assert not ((verdicts == Verdict.FAIL) & (touched <= ALLOWED)).any()


@several
@given(seeds)
def test_properties_counts_that_are_not_read_prove_nothing(seed: int) -> None:
    """P1 for counters: a later reading vouches for a gap, and only where nothing started anew."""
    rng = np.random.default_rng(seed)
    story = Story.drawn(rng)
    lost = rng.random(story.good.shape) > 0.2
    before = story.verdicts(counters())
    after = replace(story, good=story.good & lost).verdicts(counters())

    assert not ((after == Verdict.PASS) & (before != Verdict.PASS)).any()
    assert not ((after == Verdict.FAIL) & (before != Verdict.FAIL)).any()


@several
@given(seeds)
def test_properties_a_latched_sensor_that_is_not_read_proves_nothing(seed: int) -> None:
    """P1 for latched sensors: they stay wet until they start anew."""
    rng = np.random.default_rng(seed)
    story = Story.drawn(rng)
    lost = rng.random(story.good.shape) > 0.2
    wet = np.where(story.shown > 0, 3.0, 0.0)
    before = story.verdicts(leaks(), wet)
    after = replace(story, good=story.good & lost).verdicts(leaks(), wet)

    assert not ((after == Verdict.PASS) & (before != Verdict.PASS)).any()
    assert not ((after == Verdict.FAIL) & (before != Verdict.FAIL)).any()


def test_healthy_counters_pass_with_polls_lost() -> None:
    """Otherwise the properties above would hold for a trial that never passes anything."""
    case = Case(counters())
    for slot in range(30):
        case.put(slot * EVERY + 0.5, *[7.0] * COUNTERS, good=slot % 5 != 2)

    assert (case.result(30.0 * EVERY).verdicts == Verdict.PASS).all()


@given(read_at=st.floats(0.0, 9.0), restarts_at=st.floats(0.1, 9.9))
def test_a_restart_casts_no_doubt_on_what_was_read_before_it(
    read_at: float, restarts_at: float
) -> None:
    """What a counter showed in the same slot, but earlier, was counted since long ago."""
    rules = f"kind: counter, fail: max 0, every: {EVERY} s, hold: 10 s, budget: 10 s, gap: 10 s"
    case = Case(design(f"n: {{q: count, {rules}}}"))
    for at in np.arange(6) * EVERY + read_at:
        case.put(at, 0.0 if at >= 20 + restarts_at else 7.0)
    case.tell(20 + restarts_at, Kind.REBOOT, device="unit", why="its uptime fell")

    assert case.result(6.0 * EVERY).verdict is Verdict.PASS
