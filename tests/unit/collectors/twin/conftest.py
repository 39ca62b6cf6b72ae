"""The designs of the two example specs."""

from pathlib import Path

import pytest

from agent.burnin.design import Design
from tests.unit.collectors.twin.cold_racks import SMALL, design_of


@pytest.fixture(scope="session")
def large(shared: Path) -> Design:
    """Return the design of the large rack: eight shelves, 683 channels."""
    return design_of(shared / "examples" / "nvl72-lc-132kw.yaml")


@pytest.fixture(scope="session")
def small() -> Design:
    """Return the design of the small rack: no shelves, one switch."""
    return design_of(SMALL)
