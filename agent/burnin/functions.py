"""The functions of the expression language: what each accepts, and what it makes of it."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.burnin import dimension as dim
from agent.burnin.expression import ExpressionError
from agent.burnin.fluid import (
    ATMOSPHERE_PA,
    COOLANTS,
    VOLUMETRIC_HEAT,
    ZERO_CELSIUS_K,
    Value,
    dew_point,
    rho_cp,
)
from agent.burnin.formula import COOLANT, Evaluate, Formula, Inputs, Scope, joined, refuse_level
from agent.burnin.window import Window
from collectors.quantity import Dimension

Build = Callable[[list[Formula], Scope], Formula]
_MANY: Final = 64  # arguments; who has more writes a wildcard


def apply(function: str, given: list[Formula], scope: Scope) -> Formula:
    """Return the formula of a call. Raises: ExpressionError."""
    if function not in _FUNCTIONS:
        known = ", ".join(_FUNCTIONS)
        raise ExpressionError(f"there is no function {function!r}; write one of {known}")
    least, most, build = _FUNCTIONS[function]
    if not least <= len(given) <= most:
        want = f"{least}" if least == most else f"{least} or more"
        raise ExpressionError(f"{function} takes {want} arguments, here are {len(given)}")
    return build(given, scope)


def _gathered(given: list[Formula]) -> Formula:
    """Return one wildcard, or single values of one dimension, as rows."""
    if len(given) == 1 and given[0].many:
        return given[0]
    dimensions = {part.one.dimension for part in given} - {None}
    if len(dimensions) > 1:
        names = " and ".join(sorted(dim.spell(d) for d in dimensions if d is not None))
        raise ExpressionError(f"{names} cannot stand together; give it one kind")
    evaluates = [part.evaluate for part in given]
    return joined(
        next(iter(dimensions), None),
        lambda inputs: _rows([evaluate(inputs) for evaluate in evaluates]),
        *given,
    )


def _rows(values: list[Value]) -> NDArray[np.float64]:
    """Return values, or series of values, as rows of one array."""
    if all(value.ndim == 0 for value in values):
        return np.array(values)
    return np.stack(np.broadcast_arrays(*values))


def _reducing(
    reduce: Callable[[NDArray[np.float64]], Value],
    what: str = "",
    dimension: Dimension | None = None,
    *,
    smooth: bool = True,
) -> Build:
    """Build what makes one value of many; `what` has no meaning for levels such as degC."""

    def build(given: list[Formula], _: Scope) -> Formula:
        """Return the formula."""
        of = _gathered(given)
        if what:
            refuse_level(of, what)
        return joined(
            dimension or of.dimension,
            lambda inputs: reduce(np.asarray(of.evaluate(inputs))),
            of,
            smooth=smooth,
        )

    return build


def _farthest(rows: NDArray[np.float64]) -> Value:
    """Return the largest distance from the mean, as a share of the mean."""
    mean = _mean(rows)
    farthest: Value = np.maximum.reduce(np.abs(rows - mean))
    return farthest / np.abs(mean)


def _mean(rows: NDArray[np.float64]) -> Value:
    """Return the mean of the rows; the ufunc alone, for `mean` costs three times as much here."""
    mean: Value = np.add.reduce(rows) / len(rows)
    return mean


def _demand(function: str, of: Formula, dimension: Dimension) -> Formula:
    """Demand one value of a dimension."""
    if of.one.dimension not in (dimension, None):
        assert of.dimension is not None
        want, got = dim.spell(dimension), dim.spell(of.dimension)
        raise ExpressionError(f"{function} wants {want}, here is {got}")
    return of


def _rho_cp(given: list[Formula], scope: Scope) -> Formula:
    """Build `rho_cp(coolant, temperature)`."""
    coolant = given[0].coolant
    if coolant is None and given[0].dimension is not None:
        known = ", ".join(COOLANTS)
        raise ExpressionError(f"rho_cp wants first a constant of design that is one of {known}")
    celsius = _demand("rho_cp", given[1], dim.CELSIUS)
    place = scope.channels + COOLANT
    factor = Formula(dim.NONE, lambda inputs: inputs.values[place], frozenset({place}))
    if coolant is None:
        return joined(None, factor.evaluate)

    def evaluate(inputs: Inputs) -> Value:
        """Return J/(m3 K), times how far off the table may be."""
        return rho_cp(coolant, celsius.evaluate(inputs)) * factor.evaluate(inputs)

    return joined(VOLUMETRIC_HEAT, evaluate, celsius, factor)


def _dew_point(given: list[Formula], _: Scope) -> Formula:
    """Build `dew_point(temperature, humidity)`."""
    celsius = _demand("dew_point", given[0], dim.CELSIUS)
    humidity = _demand("dew_point", given[1], dim.HUMIDITY)
    return joined(
        dim.CELSIUS,
        lambda inputs: dew_point(celsius.evaluate(inputs), humidity.evaluate(inputs)),
        celsius,
        humidity,
    )


_ZEROS: Final = {  # what a gauge calls zero, above the true zero
    dim.CELSIUS: (dim.KELVIN, ZERO_CELSIUS_K),
    dim.PRESSURE: (dim.PRESSURE, ATMOSPHERE_PA),
}


def _absolute(given: list[Formula], _: Scope) -> Formula:
    """Build `absolute`: degC to K from absolute zero, a gauge pressure to one from vacuum."""
    of = given[0].one
    if of.dimension is None:
        return of
    if of.dimension not in _ZEROS:
        got = dim.spell(of.dimension)
        raise ExpressionError(f"absolute wants a temperature or a gauge pressure, here is {got}")
    dimension, zero = _ZEROS[of.dimension]
    return joined(dimension, lambda inputs: of.evaluate(inputs) + zero, of)


def _remembering(
    of: Formula, span: Formula, scope: Scope, ask: Callable[[Window], float]
) -> Evaluate:
    """Put each value into a window of its own and ask that."""
    if span.dimension != dim.TIME or not span.constant:
        raise ExpressionError("a duration is wanted behind the comma, as in '10 min'")
    scope.windows.append(span.constant)
    slot = len(scope.windows) - 1

    def evaluate(inputs: Inputs) -> Value:
        """Take in the value of now."""
        if not inputs.memory:
            return np.float64(np.nan)
        window = inputs.memory[slot]
        window.add(inputs.now, float(of.evaluate(inputs)))
        return np.float64(ask(window))

    return evaluate


def _slope(given: list[Formula], scope: Scope) -> Formula:
    """Build `slope(x, 10 min)`: how fast it rises, by least squares."""
    of = given[0].one
    rate = of.dimension and dim.quotient(dim.difference_of(of.dimension), dim.TIME)
    return joined(rate, _remembering(of, given[1], scope, Window.slope), of, smooth=False)


def _drop(given: list[Formula], scope: Scope) -> Formula:
    """Build `drop(x, 20 min)`: by what share of its start it fell."""
    of = given[0].one
    refuse_level(of, "a share")
    return joined(dim.NONE, _remembering(of, given[1], scope, Window.drop), of, smooth=False)


_FUNCTIONS: Final[Mapping[str, tuple[int, int, Build]]] = {
    "sum": (1, _MANY, _reducing(np.add.reduce, "a sum")),
    "mean": (1, _MANY, _reducing(_mean)),
    "min": (1, _MANY, _reducing(np.minimum.reduce, smooth=False)),
    "max": (1, _MANY, _reducing(np.maximum.reduce, smooth=False)),
    "max_deviation": (1, _MANY, _reducing(_farthest, "a share", dim.NONE, smooth=False)),
    "rho_cp": (2, 2, _rho_cp),
    "dew_point": (2, 2, _dew_point),
    "absolute": (1, 1, _absolute),
    "slope": (2, 2, _slope),
    "drop": (2, 2, _drop),
}
