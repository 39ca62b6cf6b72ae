"""The limits of a design in words short enough for a table."""

import math

from agent.burnin.design import Design
from agent.burnin.limits import Bounds
from agent.demo.board import Rule, scale_of
from agent.demo.snapshot import Place
from collectors.quantity import Quantity


def rules(design: Design) -> dict[Place, Rule]:
    """Return the limits of every channel that has some, by device and name."""
    return {
        (channel.device, channel.name): Rule(
            *(words(bounds, channel.row.quantity) for bounds in channel.row.rungs.limits)
        )
        for channel in design.channels
        if channel.row.rungs.judged
    }


def words(bounds: Bounds | None, quantity: Quantity | None) -> str:
    """Say what is inside, in the unit in which the table shows values of `quantity`.

    >>> words(Bounds(high=72_000.0), Quantity.POWER), words(Bounds(36.0, 44.0), None)
    ('max 72', '36..44')
    >>> words(Bounds(names=frozenset({"dry"})), Quantity.LEAK), words(None, None)
    ('is dry', '')
    """
    if bounds is None:
        return ""
    if bounds.names is not None:
        return "is " + " or ".join(sorted(bounds.names))
    factor = scale_of(quantity).factor if quantity else 1.0
    low, high = (f"{end * factor:.4g}" for end in (bounds.low, bounds.high))
    if math.isinf(bounds.low):
        return f"max {high}"
    return f"min {low}" if math.isinf(bounds.high) else f"{low}..{high}"
