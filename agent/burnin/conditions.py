"""Conditions of a plan: `rack.flow min 160 lpm`, `rack.leak is dry`, `drop(...) max 0.6 %`."""

from dataclasses import dataclass

from agent.burnin.derive import compiled, selected
from agent.burnin.design import Design, scope_of
from agent.burnin.expression import ExpressionError, Name, parse_condition
from agent.burnin.formula import Formula
from agent.burnin.limits import Bounds, Limit, Scale
from agent.burnin.rows import quantity_of
from collectors.quantity import Dimension, Unit


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be inside bounds: every one of some channels, or one computed value."""

    text: str
    places: tuple[int, ...]  # channels of the design, all of which must be inside
    formula: Formula | None  # in SI units, where it is not simply channels
    windows: tuple[float, ...]  # what the formula remembers
    scale: Scale
    bounds: Bounds


def condition(design: Design, text: str) -> Condition:
    """Read a condition. Raises: ExpressionError, LimitError or UnitError, saying what to write."""
    node, limit = parse_condition(text)
    scope = scope_of(design.channels, design.spec.design)
    if isinstance(node, Name):
        members = selected(node, scope)
        if members:
            row = design.channels[members[0].place].row
            bounds = _bounds(limit, row.scale, row.rungs.nominal, design)
            places = tuple(member.place for member in members)
            return Condition(text, places, None, (), row.scale, bounds)
    formula = compiled(node, scope)
    if scope.unknown:
        raise ExpressionError(f"there is no channel {scope.unknown[0]!r}; correct the name")
    assert formula.dimension is not None
    scale = scale_of(formula.dimension)
    bounds = _bounds(limit, scale, None, design)
    return Condition(text, (), formula, tuple(scope.windows), scale, bounds)


def scale_of(dimension: Dimension) -> Scale:
    """Return a scale for computed values: that of a quantity, else SI units."""
    if quantity := quantity_of(dimension):
        return Scale.of(quantity)
    return Scale(Unit("", dimension, 1.0), "value in SI units")


def _bounds(limit: Limit, scale: Scale, nominal: float | None, design: Design) -> Bounds:
    """Return the limit in numbers of a scale."""
    return limit.bounds(scale, nominal=nominal, constants=design.spec.design)
