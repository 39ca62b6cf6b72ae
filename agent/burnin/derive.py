"""Derived channels: trees of expressions to formulas, every name found and every unit checked."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from agent.burnin import dimension as dim
from agent.burnin import functions
from agent.burnin.expression import Binary, Call, ExpressionError, Name, Negation, Node
from agent.burnin.fluid import COOLANTS, Value
from agent.burnin.formula import (
    COOLANT_KIND,
    LOAD,
    Formula,
    Member,
    Scope,
    at,
    constant,
    joined,
    refuse_level,
    unknown,
)
from agent.burnin.limits import Amount
from collectors.quantity import Dimension, UnitError

EXPONENT_MAX: Final = 4  # nothing physical here has more


def compiled(node: Node, scope: Scope) -> Formula:
    """Return the formula of a tree, one value; names without meaning end in `scope.unknown`.

    Raises: ExpressionError for what would mean nothing.
    """
    try:
        return _formula(node, scope).one
    except UnitError as error:
        raise ExpressionError(str(error)) from None


def reads(node: Node, scope: Scope) -> set[int]:
    """Return the places of all channels that a tree names."""
    if isinstance(node, Name):
        lone = node.which == "this" and scope.this is None
        return set() if lone else {member.place for member in selected(node, scope)}
    if isinstance(node, Call):
        return set().union(*(reads(argument, scope) for argument in node.arguments))
    if isinstance(node, Binary):
        return reads(node.left, scope) | reads(node.right, scope)
    return reads(node.of, scope) if isinstance(node, Negation) else set()


def _formula(node: Node, scope: Scope) -> Formula:
    """Compile any node."""
    if isinstance(node, Amount):
        return constant(node)
    if isinstance(node, Name):
        return _name(node, scope)
    if isinstance(node, Call):
        given = [_formula(argument, scope) for argument in node.arguments]
        return functions.apply(node.function, given, scope)
    if isinstance(node, Negation):
        of = _formula(node.of, scope).one
        refuse_level(of, "a negative")
        return joined(of.dimension, lambda inputs: -of.evaluate(inputs), of)
    if node.sign == "^":
        return _power(_formula(node.left, scope).one, _formula(node.right, scope))
    return _binary(node, scope)


def _name(name: Name, scope: Scope) -> Formula:
    """Compile a name: a channel, a derived channel, a design constant or the stage's load."""
    if (name.whole, name.of) == ("stage", "load"):
        return at(scope.channels + LOAD, dim.NONE)
    if name.whole == "design" or (name.of is None and name.whole not in scope.rows):
        return _constant(name, scope)
    found = selected(name, scope)
    if not found:
        return unknown(scope, str(name))
    dimension = scope.dimensions[found[0].place]
    if any(member.place in scope.broken for member in found):
        return Formula(None, lambda _: np.float64(np.nan), many="*" in (name.which, name.part))
    if dimension is None:
        raise ExpressionError(f"'{name}' is a state; only numbers can be computed with")
    if "*" in (name.which, name.part):
        places = np.array([member.place for member in found])
        reads = frozenset(places.tolist())
        return Formula(dimension, lambda inputs: inputs.values[places], reads, many=True)
    if len(found) > 1:
        raise ExpressionError(f"'{name}' is {len(found)} channels; name one in [], or write [*]")
    return at(found[0].place, dimension)


def selected(name: Name, scope: Scope) -> list[Member]:
    """Return the channels that a name stands for. Raises: ExpressionError for a lone `[this]`."""
    if name.which == "this" and scope.this is None:
        raise ExpressionError(f"'{name}' needs a device; add 'per' with the name of a role")
    which, part = scope.this if name.which == "this" else name.which, name.part
    if name.of is None:  # a derived channel: its brackets name the device that it is computed for
        return _matching(scope.rows.get(name.whole, ()), None, which)
    if members := scope.rows.get(f"{name.whole}.{name.of}"):
        return _matching(members, which, part)
    for key, members in scope.rows.items():  # power_shelf3.input_power: a device, not a role
        own = _matching(members, name.whole, part)
        if own and which is None and key.partition(".")[2] == name.of:
            return own
    return []


def _matching(members: Sequence[Member], device: str | None, part: str | None) -> list[Member]:
    """Return the members of a device and part; None and `*` stand for any."""
    return [
        member
        for member in members
        if device in (None, "*", member.device) and part in (None, "*", member.part)
    ]


def _constant(name: Name, scope: Scope) -> Formula:
    """Compile a design constant, with or without `design.` before it."""
    value = scope.constants.get(name.of or name.whole)
    if value is None or name.which or name.part:
        return unknown(scope, str(name))
    if isinstance(value, Amount):
        return constant(value)
    coolant = COOLANTS.get(value)
    kind = COOLANT_KIND if coolant else None  # None: that was said already
    return Formula(kind, lambda _: np.float64(np.nan), coolant=coolant)


_SIGNS: Final[
    Mapping[
        str,
        tuple[Callable[[Value, Value], Value], Callable[[Dimension, Dimension], Dimension]],
    ]
] = {
    "+": (lambda a, b: a + b, dim.total),
    "-": (lambda a, b: a - b, dim.remainder),
    "*": (lambda a, b: a * b, dim.product),
    "/": (lambda a, b: a / b, dim.quotient),
}


def _binary(node: Binary, scope: Scope) -> Formula:
    """Compile two sides of a sign."""
    left, right = _formula(node.left, scope).one, _formula(node.right, scope).one
    calculate, combine = _SIGNS[node.sign]
    dimension = None
    if left.dimension is not None and right.dimension is not None:
        dimension = combine(left.dimension, right.dimension)
    a, b = left.evaluate, right.evaluate
    return joined(dimension, lambda inputs: calculate(a(inputs), b(inputs)), left, right)


def _power(of: Formula, exponent: Formula) -> Formula:
    """Compile a whole power."""
    whole = exponent.constant if exponent.dimension == dim.NONE else None
    if whole not in range(1, EXPONENT_MAX + 1):
        raise ExpressionError(f"an exponent is a whole number from 1 to {EXPONENT_MAX}")
    assert whole is not None
    dimension = None if of.dimension is None else dim.power(of.dimension, int(whole))
    return joined(dimension, lambda inputs: of.evaluate(inputs) ** int(whole), of)
