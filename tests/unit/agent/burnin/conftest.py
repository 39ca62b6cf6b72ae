"""The example spec, and the smallest spec that a test can add to."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec


@pytest.fixture(scope="session")
def example(shared: Path) -> str:
    """Return the text of a whole spec: 683 channels, 21 derived ones, 15 stages."""
    return (shared / "examples" / "nvl72-lc-132kw.yaml").read_text()


@pytest.fixture(scope="session")
def rack(example: str) -> Design:
    """Return the design of the whole spec."""
    return expand(load_spec(example.encode(), "rack.yaml"))


HEAD = """
spec: rackproof.spec/1
id: small
revision: A
status: draft
title: a rack that a test can hold in its head
design: {rack_power: 10 kW, coolant: PG25, flow: 100 lpm}
decision: {rule: simple}
defaults: {every: 2 s, hold: 4 s, budget: 1 %}
"""


@pytest.fixture(scope="session")
def small() -> Callable[[str], Design]:
    """Return what makes a design of a small head and the roles that a test writes."""

    def design(rest: str) -> Design:
        """Return the design. Raises: DocumentError."""
        head = HEAD if "defaults:" not in rest else HEAD.replace("defaults:", "# ")
        return expand(load_spec((head + textwrap.dedent(rest)).encode(), "small.yaml"))

    return design
