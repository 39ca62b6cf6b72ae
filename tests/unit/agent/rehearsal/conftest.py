"""The example rack, for whoever rehearses with it."""

from pathlib import Path

import pytest

from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec


@pytest.fixture(scope="module")
def rack(shared: Path) -> Design:
    """Return the design of the example rack."""
    file = shared / "examples" / "nvl72-lc-132kw.yaml"
    return expand(load_spec(file.read_bytes(), file.name))
