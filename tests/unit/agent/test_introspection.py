"""The agent measures itself, on a grid, and never says that an unkept clock is right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import Synchrony
from agent.introspection import EVERY_S, Introspection, of_bay
from collectors.readings import Quality

KEPT = Synchrony(synchronised=True, offset_s=0.002)


@given(st.lists(st.floats(0.0, 0.5), min_size=100, max_size=200), st.floats(0.0, 5.0))
def test_every_slot_gets_one_reading_however_the_ticks_jitter(
    late: list[float], origin: float
) -> None:
    """A tick that is a little early or late takes no reading away from a run's slot."""
    own, turns = Introspection(), list[float]()
    for second, jitter in enumerate(late, 1000):
        if own.due(second + jitter):
            seen = own.readings(second + jitter, KEPT, 0, 0)
            turns.append(seen.turn_at - origin)
    slots = [int((turn + 1e-6) // EVERY_S) for turn in turns]
    assert slots == list(range(slots[0], slots[0] + len(slots)))
    assert len(slots) >= len(late) // EVERY_S


@pytest.mark.parametrize("clock", [Synchrony(synchronised=False), Synchrony(synchronised=None)])
def test_a_clock_that_nobody_keeps_has_no_offset(clock: Synchrony) -> None:
    """Unknown, which no spec that asks for it will take for well."""
    seen = Introspection().readings(1000.0, clock, 0, 0)
    assert np.isnan(seen.values[0])
    assert list(seen.quality) == [Quality.CLOCK, Quality.GOOD]


def test_late_polls_are_those_of_the_last_minute() -> None:
    """What was late an hour ago is no news; before the first poll nothing was late."""
    own = Introspection()
    assert own.readings(0.0, KEPT, 0, 0).values[1] == 0.0
    assert own.readings(5.0, KEPT, 100, 10).values[1] == pytest.approx(10.0)
    for now in range(10, 130, 5):
        seen = own.readings(float(now), KEPT, 100 + now, 10)
    assert seen.values[1] == 0.0
    assert seen.values[0] == 0.002
    assert of_bay("bay-01", seen).device == "bay-01/agent"
    assert of_bay("bay-01", seen).turn_at == seen.turn_at
