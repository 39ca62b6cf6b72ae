"""The algebra of dimensions: what adding, multiplying and differentiating make of units.

Amounts that are measured from a reference point (degC from the freezing point, dBm from a
milliwatt) subtract to a plain difference and take differences, and nothing else: degC + degC means
nothing, and neither does 2 * degC.
"""

from typing import Final

from collectors.quantity import Dimension, UnitError, known_units, unit

NONE: Final = Dimension()
TIME: Final = Dimension(s=1)
CELSIUS: Final = unit("degC").dimension
KELVIN: Final = unit("K").dimension
HUMIDITY: Final = unit("%RH").dimension
PRESSURE: Final = unit("Pa").dimension
COUNT: Final = unit("").dimension
_DIFFERENCES: Final = {  # measured from a reference point -> what two of them differ by
    CELSIUS: KELVIN,
    unit("dBm").dimension: unit("dB").dimension,
}


def difference_of(dimension: Dimension) -> Dimension:
    """Return what two values of `dimension` differ by: K for degC, dB for dBm, else the same."""
    return _DIFFERENCES.get(dimension, dimension)


def is_level(dimension: Dimension) -> bool:
    """Say whether values are measured from a reference point, so that only differences add."""
    return dimension in _DIFFERENCES


def total(left: Dimension, right: Dimension) -> Dimension:
    """Return the dimension of a sum. Raises: UnitError when it would mean nothing."""
    if left == right and not is_level(left):
        return left
    for level, other in ((left, right), (right, left)):
        if is_level(level) and other == difference_of(level):
            return level
    raise UnitError(f"{spell(left)} + {spell(right)} means nothing")


def remainder(left: Dimension, right: Dimension) -> Dimension:
    """Return the dimension of a subtraction. Raises: UnitError when it would mean nothing."""
    if left == right:
        return difference_of(left)
    if is_level(left) and right == difference_of(left):
        return left
    raise UnitError(f"{spell(left)} - {spell(right)} means nothing")


def product(left: Dimension, right: Dimension) -> Dimension:
    """Return the dimension of a product. Raises: UnitError when it would mean nothing."""
    for one, other in ((left, right), (right, left)):
        if other == NONE and not is_level(one):
            return one
    if left.reference or right.reference:
        raise UnitError(f"{spell(left)} * {spell(right)} means nothing")
    return left / (NONE / right)


def quotient(left: Dimension, right: Dimension) -> Dimension:
    """Return the dimension of a division. Raises: UnitError when it would mean nothing."""
    if left == right and not is_level(left):
        return NONE
    if right == NONE and not is_level(left):
        return left
    if left.reference or right.reference:
        raise UnitError(f"{spell(left)} / {spell(right)} means nothing")
    return left / right


def power(of: Dimension, exponent: int) -> Dimension:
    """Return the dimension of a whole power. Raises: UnitError when it would mean nothing."""
    result = NONE
    for _ in range(exponent):
        result = product(result, of)
    return result


def spell(dimension: Dimension) -> str:
    """Return a unit of that dimension, for messages.

    >>> spell(product(unit("V").dimension, unit("A").dimension)), spell(CELSIUS)
    ('W', 'degC')
    """
    if dimension == NONE:
        return "a plain ratio"
    if dimension == COUNT:
        return "a count"
    for symbol in known_units():
        if unit(symbol).dimension == dimension:
            return symbol
    if dimension.reference:
        return f"a {dimension.reference}"
    names = ("kg", "m", "s", "A", "K")
    return " ".join(f"{n}^{e}" for n, e in zip(names, dimension[:5], strict=True) if e)
