"""Flaps that are told as the moment of the last one: none is hidden, whoever starts anew.

A switch tells when its link changed last, in hundredths of a second since it started. The test
knows every flap; the trial sees what is polled, by an agent that may start anew as well.
"""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent.burnin.block import Block
from agent.burnin.event import Kind
from agent.burnin.verdict import Verdict
from collectors.readings import Quality
from tests.unit.agent.burnin.docket import Case, design

EVERY = 10  # seconds of a slot, and of a poll
SLOTS = 12
RULES = f"kind: counter, fail: max 0, every: {EVERY} s, hold: 10 s, budget: 10 s, gap: 60 s"
COLUMN = {
    "name": "flaps",
    "channel": "port/swp1/flaps",
    "quantity": "count",
    "source": "1.3.6.1.2.1.2.2.1.9.1",
    "kind": "counter",
    "states": {},
    "good_states": [],
    "moments": True,
}
BOOTED = -5000.0  # run seconds
times = st.integers(1, EVERY * SLOTS * 10 - 1).map(lambda tenths: tenths / 10)


def verdict(
    flaps: Sequence[float],
    *,
    switch: Sequence[float] = (),
    agent: Sequence[float] = (),
    lost: Sequence[int] = (),
) -> Verdict:
    """Return what the trial makes of flaps, restarts of switch and agent, and lost polls."""
    case = Case(design(f"flaps: {{q: count, {RULES}}}"))
    told = {"device": "unit", "interval_s": float(EVERY), "columns": [COLUMN]}
    case.tell(0.0, Kind.BOUND, binding=0, **told)
    for at in switch:
        case.tell(at, Kind.REBOOT, device="unit", why="its uptime fell")
    for slot in range(SLOTS):
        at, binding = slot * EVERY + 0.5, sum(start <= slot * EVERY + 0.5 for start in agent)
        booted = max((start for start in switch if start <= at), default=BOOTED)
        last = max((flap for flap in flaps if booted < flap <= at), default=booted)
        raw = np.array([[round((last - booted) * 100.0)]], np.float64)
        good = slot not in lost
        case.tell(at - 0.1, Kind.BOUND, binding=binding, **told)
        case.trial.take(
            Block(
                device="unit",
                binding=binding,
                asked=np.array([at]),
                taken=np.array([at]),
                values=np.zeros((1, 1)) if good else np.full((1, 1), np.nan),
                quality=np.full((1, 1), Quality.GOOD if good else Quality.COMM_LOST, np.uint8),
                raw=raw,
            )
        )
    return case.result(float(SLOTS * EVERY)).verdict


@given(
    flaps=st.lists(times, max_size=2),
    switch=st.lists(times, max_size=1),
    agent=st.lists(times, max_size=2),
    lost=st.sets(st.integers(1, SLOTS - 2), max_size=4),
)
def test_properties_no_flap_is_hidden_and_none_invented(
    flaps: list[float], switch: list[float], agent: list[float], lost: set[int]
) -> None:
    """Whatever else happens: PASS only without a flap, FAIL only with one.

    What a switch forgets within the slot of its restart is missing, no more, as `hold` allows.
    """
    seen = [flap for flap in flaps if 0.5 < flap <= (SLOTS - 1) * EVERY + 0.5]
    told = [flap for flap in seen if not any(at - EVERY < flap <= at for at in switch)]
    found = verdict(flaps, switch=switch, agent=agent, lost=[*lost])
    assert found is not Verdict.PASS or not told
    assert found is not Verdict.FAIL or seen


@given(agent=st.lists(times, max_size=3), flap=times)
def test_an_agent_that_starts_anew_sees_the_flaps_of_the_meantime(
    agent: list[float], flap: float
) -> None:
    """What it counted itself is gone, but the moment of the last flap is not."""
    assert verdict([], agent=agent) is Verdict.PASS
    within = 0.5 < flap <= (SLOTS - 1) * EVERY + 0.5
    assert verdict([flap], agent=agent) is (Verdict.FAIL if within else Verdict.PASS)


@given(start=times.filter(lambda at: EVERY < at < EVERY * (SLOTS - 1)))
def test_a_switch_that_starts_anew_with_its_links_up_has_not_flapped(start: float) -> None:
    """Its moments are 0 then: nothing changed since its start."""
    assert verdict([], switch=[start]) is Verdict.PASS
