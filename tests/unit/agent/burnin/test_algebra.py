"""What no evidence may do to a verdict: the properties of the algebra, on the shipped code.

Each example holds one case for every rule of the batch. `make nightly` runs 100,000 cases of each
property, `make test` 2,000.
"""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.burnin.verdict import Verdict, combine
from tests.unit.agent.burnin.batch import (
    CASES,
    LIMIT,
    RULES,
    Batch,
    C,
    ruled,
    seeds,
    several,
)

UPPER = np.array([rule.upper for rule in RULES])
Verdicts = NDArray[np.int8]


def nothing_gained(before: Verdicts, after: Verdicts) -> bool:
    """Say whether no case became PASS, and none FAIL, that was not."""
    passed = (after == Verdict.PASS) & (before != Verdict.PASS)
    failed = (after == Verdict.FAIL) & (before != Verdict.FAIL)
    return not (passed | failed).any()


@several
@given(seeds)
def test_properties_a_slot_that_is_erased_proves_nothing(seed: int) -> None:
    """P1: who loses evidence gains neither a PASS nor a FAIL."""
    rng = np.random.default_rng(seed)
    batch = Batch.drawn(rng)
    erased = batch.but(there=batch.there & ~batch.chosen(rng))

    assert nothing_gained(batch.verdicts(), erased.verdicts())


@several
@given(seeds)
def test_properties_a_sample_that_is_deleted_proves_nothing(seed: int) -> None:
    """P2: the ledger still expects it, so the hole shows."""
    rng = np.random.default_rng(seed)
    batch = Batch.drawn(rng)
    poll = np.arange(2)[None, :, None] == rng.integers(0, batch.owed, C)
    deleted = batch.but(there=batch.there & ~(batch.chosen(rng) & poll))

    assert nothing_gained(batch.verdicts(), deleted.verdicts())


@several
@given(seeds)
def test_properties_a_bad_sample_more_never_helps(seed: int) -> None:
    """P3: it makes no PASS, and a FAIL stays one. It comes beside those that are expected."""
    rng = np.random.default_rng(seed)
    batch = Batch.drawn(rng).but(owed=1)
    batch = batch.but(there=batch.there & [[[True], [False]]])
    more = batch.chosen(rng) & batch.there[:, :1] & [[[False], [True]]]
    bad = np.where(UPPER, LIMIT + 5, LIMIT - 5)
    worse = batch.but(
        values=np.where(more, bad, batch.values),
        there=batch.there | more,
        good=batch.good | more,
    )
    before, after = batch.verdicts(), worse.verdicts()

    assert not ((after == Verdict.PASS) & (before != Verdict.PASS)).any()
    assert (after[before == Verdict.FAIL] == Verdict.FAIL).all()


@several
@given(seeds)
def test_properties_order_and_duplicates_change_nothing(seed: int) -> None:
    """P4: a redelivered message fills no hole, and a late one is no other evidence."""
    rng = np.random.default_rng(seed)
    batch = Batch.drawn(rng)

    assert (batch.verdicts() == batch.verdicts(rng=rng)).all()


@several
@given(seeds)
def test_properties_tighter_rules_never_help(seed: int) -> None:
    """P5: a tighter limit or a wider hysteresis never helps, a longer hold never hurts."""
    batch = Batch.drawn(np.random.default_rng(seed))
    as_is = batch.verdicts()

    assert (batch.verdicts(ruled(limit=-1.0)) >= as_is).all()
    assert (batch.verdicts(ruled(hysteresis=1.0)) >= as_is).all()
    assert (batch.verdicts(ruled(hold=1.0)) <= as_is).all()


@several
@given(seeds)
def test_properties_more_uncertainty_only_makes_undecided(seed: int) -> None:
    """P6: who measures worse can prove less, in both directions."""
    batch = Batch.drawn(np.random.default_rng(seed))
    before, after = batch.verdicts(), batch.verdicts(ruled(u=0.5))

    assert ((after == before) | (after == Verdict.INCONCLUSIVE)).all()


@several
@given(seeds)
def test_properties_a_sample_that_is_not_good_is_not_there(seed: int) -> None:
    """P7: a slot of bad quality is as good as an erased one."""
    rng = np.random.default_rng(seed)
    batch = Batch.drawn(rng)
    chosen = batch.chosen(rng)
    degraded = batch.but(good=batch.good & ~chosen).verdicts()
    erased = batch.but(there=batch.there & ~chosen).verdicts()

    assert (degraded == erased).all()
    assert nothing_gained(batch.verdicts(), degraded)


@several
@given(seeds)
def test_properties_worse_values_never_help(seed: int) -> None:
    """P8: no reading that is further out makes a verdict better."""
    rng = np.random.default_rng(seed)
    batch = Batch.drawn(rng)
    further = rng.choice([0.0, 1.0], batch.values.shape) * np.where(UPPER, 1, -1)

    assert (batch.but(values=batch.values + further).verdicts() >= batch.verdicts()).all()


@settings(max_examples=CASES)
@given(*[st.sampled_from(Verdict)] * 3)
def test_properties_verdicts_combine_as_a_lattice(a: Verdict, b: Verdict, c: Verdict) -> None:
    """P9: neither order nor grouping nor repetition matters, and none decides nothing."""
    assert combine([a, combine([b, c])]) == combine([combine([a, b]), c]) == combine([c, b, a])
    assert combine([a, a]) == a
    assert combine([]) is Verdict.INCONCLUSIVE


@several
@given(seeds)
def test_properties_late_good_data_turn_no_verdict(seed: int) -> None:
    """P10: what fills an empty slot and is good leaves a FAIL and a PASS alone."""
    rng = np.random.default_rng(seed)
    batch = Batch.drawn(rng)
    empty = ~batch.there.any(axis=1, keepdims=True) & batch.chosen(rng)
    fills = empty & (np.arange(2) < batch.owed)[None, :, None]
    filled = batch.but(
        values=np.where(fills, np.where(UPPER, 5.0, 15.0), batch.values),
        there=batch.there | fills,
        good=batch.good | fills,
    )
    before, after = batch.verdicts(), filled.verdicts()
    decided = before != Verdict.INCONCLUSIVE

    assert (after[decided] == before[decided]).all()
