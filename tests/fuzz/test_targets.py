"""Every fuzz target holds for all inputs that are known, and for some thousand like them.

`make fuzz` looks for new ones; what it finds is put into fuzz/corpus and mended.
"""

import random
import tracemalloc
from itertools import islice

import pytest

from fuzz.target import Target, mutations
from fuzz.targets import NAMES, load


@pytest.fixture(params=sorted(NAMES))
def target(request: pytest.FixtureRequest) -> Target:
    """Return each target."""
    name: str = request.param
    found = load(name)
    assert found.name == name
    return found


def test_known_inputs_are_taken_or_refused_as_documented(target: Target) -> None:
    """A target raises nothing: whatever was a bug once stays mended."""
    for data in target.known():
        target.run(data)


def test_inputs_like_them_are_taken_or_refused_as_documented(target: Target) -> None:
    """The same for what one gets by changing a few octets."""
    for data in islice(mutations(target.known(), random.Random(1), target.words), target.tries):
        target.run(data)


def test_the_dearest_inputs_cost_little_memory(target: Target) -> None:
    """What is allocated for one of them is bounded, and given back."""
    for data in target.giants():
        target.run(data)
        tracemalloc.start()
        target.run(data)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak <= target.growth_max, f"{peak} octets for {len(data)}"
