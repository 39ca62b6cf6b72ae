"""A formula: an expression that fits together, as a function of one array.

Formulas work in SI units on the C channels of a design and, behind them, on what is no channel
(the stage's load, the coolant's uncertainty). Each row of the array may be a number or T numbers
at T times, so that one formula serves the live status and the propagation of uncertainty.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.burnin import dimension as dim
from agent.burnin.expression import ExpressionError
from agent.burnin.fluid import Coolant, Value
from agent.burnin.limits import Amount
from agent.burnin.window import Window
from collectors.quantity import Dimension, unit

LOAD, COOLANT, EXTRAS = 0, 1, 2  # what stands behind the channels in the array
COOLANT_KIND: Final = Dimension(reference="coolant")  # no quantity: only rho_cp takes it


@dataclass(slots=True)
class Inputs:
    """What a formula is evaluated on. Shapes: values float64[C + EXTRAS] or [C + EXTRAS, T]."""

    values: NDArray[np.float64]
    now: float = 0.0
    memory: Sequence[Window] = ()  # of this formula; without any, the past is not known


Evaluate = Callable[[Inputs], Value]


@dataclass(frozen=True, slots=True)
class Formula:
    """A dimension and how to come by the value."""

    dimension: Dimension | None  # None: a name in it is not known, which was said already
    evaluate: Evaluate
    reads: frozenset[int] = frozenset()  # places in the array
    many: bool = False  # rows of the array instead of one
    smooth: bool = True  # small changes of what it reads change it in proportion
    constant: float | None = None  # its value, where that is written in the expression
    coolant: Coolant | None = None

    @property
    def one(self) -> "Formula":
        """Refuse many values where one is wanted. Raises: ExpressionError."""
        if self.many:
            raise ExpressionError("[*] stands for many values; put sum, mean, min or max around it")
        return self


class Member(NamedTuple):
    """One channel that a name can mean."""

    device: str
    part: str | None
    place: int


@dataclass(slots=True)
class Scope:
    """What names mean to one expression, and what it will have to remember."""

    rows: Mapping[str, Sequence[Member]]  # the key of a row -> its channels
    dimensions: Sequence[Dimension | None]  # of each channel; None: a state
    constants: Mapping[str, Amount | str]
    this: str | None = None  # the device, where the formula exists once for each
    windows: list[float] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # names that mean nothing
    broken: AbstractSet[int] = frozenset()  # channels whose own expression does not fit

    @property
    def channels(self) -> int:
        """Return C."""
        return len(self.dimensions)


def at(place: int, dimension: Dimension) -> Formula:
    """Read one place of the array."""
    return Formula(dimension, lambda inputs: inputs.values[place], frozenset({place}))


def constant(amount: Amount) -> Formula:
    """Hold a number, in SI units."""
    given = unit(amount.symbol)
    value = np.float64(amount.number * given.factor + given.zero)
    return Formula(given.dimension, lambda _: value, constant=float(value))


def unknown(scope: Scope, name: str) -> Formula:
    """Stand for a name without meaning, so that the rest can still be checked."""
    scope.unknown.append(name)
    return Formula(None, lambda _: np.float64(np.nan))


def joined(
    dimension: Dimension | None, evaluate: Evaluate, *parts: Formula, smooth: bool = True
) -> Formula:
    """Make a formula of others; where one of their dimensions is not known, neither is its own."""
    known = all(part.dimension is not None for part in parts)
    return Formula(
        dimension if known else None,
        evaluate,
        frozenset().union(*(part.reads for part in parts)),
        smooth=smooth and all(part.smooth for part in parts),
    )


def refuse_level(of: Formula, what: str) -> None:
    """Refuse degC and dBm where zero must mean nothing at all. Raises: ExpressionError."""
    if of.dimension and dim.is_level(of.dimension):
        raise ExpressionError(f"{what} of {dim.spell(of.dimension)} means nothing; use differences")
