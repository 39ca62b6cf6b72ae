"""Simulated racks of the example specs: cold and dry, or at work."""

from collections.abc import Sequence
from pathlib import Path

from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.rehearsal.points import build, points
from collectors.twin.racks import Racks

SMALL = Path(__file__).parents[3] / "specs/small-66kw.yaml"


def design_of(file: Path) -> Design:
    """Return the design that a spec asks for."""
    return expand(load_spec(file.read_bytes(), file.name))


def racks_of(design: Design, seeds: Sequence[int]) -> Racks:
    """Return cold, dry racks of a design."""
    return Racks(points(design), build(design), seeds)


def at_work(design: Design, seeds: Sequence[int], seconds: float = 1800.0) -> Racks:
    """Return racks under full load, after as long."""
    racks = racks_of(design, seeds)
    plant = racks.plant
    plant.filled[:] = plant.pumps[:] = plant.feeds[:] = True
    plant.load[:] = 1.0
    plant.supply_set[:], plant.primary_set[:] = 40.0, 30.0
    racks.advance(seconds)
    racks.read()
    return racks
