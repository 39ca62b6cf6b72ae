"""The verdict algebra as it is shipped, against the reference that defines it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given

from tests.unit.agent.burnin.batch import LIMIT, RULES, Batch, seeds, several


@pytest.fixture(scope="module")
def reference(shared: Path) -> ModuleType:
    """Return the reference, which is a script."""
    path = shared / "reference" / "verdict_ref.py"
    found = importlib.util.spec_from_file_location("verdict_ref", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["verdict_ref"] = module  # its dataclass looks itself up
    found.loader.exec_module(module)
    return module


@several
@given(seeds)
def test_properties_the_shipped_evaluator_equals_the_reference(
    reference: ModuleType, seed: int
) -> None:
    """The reference knows upper limits; a lower one is the same, mirrored."""
    batch = Batch.drawn(np.random.default_rng(seed))

    verdicts = batch.verdicts()

    for channel, rule in enumerate(RULES):
        values = batch.values[:, :, channel]
        values = values if rule.upper else 2 * LIMIT - values
        slots = [
            (
                batch.owed,
                [
                    (values[slot, poll], rule.u, batch.good[slot, poll, channel], poll)
                    for poll in range(2)
                    if batch.there[slot, poll, channel]
                ],
            )
            for slot in range(len(values))
        ]
        by = reference.Rule(LIMIT, rule.hysteresis, rule.hold, rule.budget, rule.trip)
        assert verdicts[channel] == reference.verdict(slots, by), (rule, slots)
