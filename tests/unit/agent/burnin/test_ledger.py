"""Which slots are complete: the ledger against a plain list of all turns of a device's grid."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.burnin.ledger import Ledger
from tests.unit.agent.burnin.batch import seeds
from tests.unit.agent.burnin.docket import design

END_S = 60.0
PACES = (1, 2, 5, 15)
CHANNELS = "\n".join(
    f"x{every}: {{q: temperature, fail: max 44 degC, u: 0 K, every: {every} s, hold: {every} s}}"
    for every in PACES
)


@settings(max_examples=60)
@given(seeds, st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0, 7.0]))
def test_a_slot_is_complete_where_every_turn_in_it_brought_something_good(
    seed: int, interval: float
) -> None:
    """Turns that nobody tells of are missing, also where slots hold more of some than of others."""
    rng = np.random.default_rng(seed)
    turns = np.arange(rng.choice([0.0, 0.3, 0.4999]), END_S, interval)
    there = rng.random(len(turns)) > 0.1
    good = rng.random((len(turns), len(PACES))) > 0.1
    ledger = Ledger(design(CHANNELS))
    where = slice(0, len(PACES))
    ledger.owe(where, interval)
    for n in rng.permutation(np.flatnonzero(there)):
        ledger.put(where, turns[[n]], np.ones((1, len(PACES))), good[[n]])

    for group in ledger.groups:
        channel = int(group.places[0])
        heard = False
        for number in range(int(END_S / group.every)):
            start = number * group.every
            inside = (turns >= start) & (turns < start + group.every)
            heard = heard or bool((inside & there).any())
            whole = bool((there & good[:, channel])[inside].all() and inside.any())
            slot, _ = group.close()
            assert slot.known[0] == (whole and heard)


def test_a_device_that_reports_by_itself_owes_one_reading_a_slot() -> None:
    """It has no grid; what it reports must all be good."""
    ledger = Ledger(design(CHANNELS))
    where = slice(0, len(PACES))
    for at, good in ((0.5, True), (1.5, False), (3.1, True), (3.9, True)):
        ledger.put(where, np.array([at]), np.ones((1, 4)), np.full((1, 4), good))

    first = ledger.groups[0]
    assert [bool(first.close()[0].known[0]) for _ in range(5)] == [True, False, False, True, False]


@settings(max_examples=60)
@given(seeds, st.sampled_from([0.5, 1.5, 3.0, 7.0]))
def test_a_poll_between_turns_makes_no_slot_less_complete(seed: int, interval: float) -> None:
    """A trap brought it forward: the turns that there are fill their slots as before."""
    rng = np.random.default_rng(seed)
    turns = np.arange(rng.choice([0.0, 0.3, 0.4999]), END_S, interval)
    early = rng.uniform(0.0, END_S, 5)
    ledgers = []
    for asked in (turns, np.sort(np.concatenate((turns, early)))):
        ledger = Ledger(design(CHANNELS))
        where = slice(0, len(PACES))
        ledger.owe(where, interval)
        for at in asked:
            ledger.put(where, np.array([at]), np.ones((1, len(PACES))), np.ones((1, 4), np.bool_))
        ledgers.append(ledger)

    for plain, more in zip(*(ledger.groups for ledger in ledgers), strict=True):
        for _ in range(int(END_S / plain.every)):
            assert more.close()[0].known[0] >= plain.close()[0].known[0]
