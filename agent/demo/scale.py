"""How people write a quantity: in which unit, with how many decimals."""

from typing import Final, NamedTuple

from collectors.quantity import Quantity


class Scale(NamedTuple):
    """Times what, in which unit, with how many decimals."""

    factor: float
    unit: str
    digits: int


SCALES: Final = {  # where that is not the canonical unit with one decimal
    Quantity.POWER: Scale(1e-3, "kW", 2),
    Quantity.POWER_FACTOR: Scale(1.0, "", 2),
    Quantity.SPEED: Scale(1.0, "rpm", 0),
    Quantity.COUNT: Scale(1.0, "", 0),
    Quantity.NUMBER: Scale(1.0, "", 0),
    Quantity.TEMPERATURE_DELTA: Scale(1.0, "K", 2),
    Quantity.DURATION: Scale(1.0, "s", 3),
}


def scale_of(quantity: Quantity) -> Scale:
    """Return how people write a quantity."""
    return SCALES.get(quantity, Scale(1.0, quantity.symbol, 1))
