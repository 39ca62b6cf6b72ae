"""Which way a change of a spec goes: whether it lets more racks pass, or fewer."""

import enum
from collections.abc import Iterable
from typing import NamedTuple


class Weight(enum.IntEnum):
    """In the order in which somebody who has to sign wants to see them."""

    LOOSER = 0  # a rack may pass that did not before
    UNCLEAR = 1  # both may be; a person must think
    TIGHTER = 2  # no rack passes that did not before
    NEUTRAL = 3  # no verdict depends on it


class Weighed(NamedTuple):
    """A change, which way it goes, and by how much or why."""

    weight: Weight
    text: str


def heaviest(weights: Iterable[Weight]) -> Weight:
    """Return the one to be seen first; of none, NEUTRAL."""
    return min(weights, default=Weight.NEUTRAL)


def risen(old: float, new: float, *, rising: Weight) -> Weight:
    """Return which way a number goes that, rising, goes the way of `rising`."""
    falling = Weight.LOOSER if rising is Weight.TIGHTER else Weight.TIGHTER
    return rising if new > old else falling if new < old else Weight.NEUTRAL


def by_how_much(old: float, new: float, unit: str) -> str:
    """Return how far a number moved.

    >>> by_how_much(150.0, 140.0, "L/min"), by_how_much(0.0, 2.0, "")
    ('-10 L/min, -6.67 %', '+2')
    """
    share = f", {100 * (new - old) / abs(old):+.3g} %" if old else ""
    return f"{new - old:+.6g} {unit}".rstrip() + share


def time_text(seconds: float) -> str:
    """Return a time as a spec has it.

    >>> time_text(86400.0), time_text(5400.0), time_text(2.5)
    ('24 h', '90 min', '2.5 s')
    """
    for symbol, length in (("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {symbol}"
    return f"{seconds:g} s"


def time_moved(old: float, new: float) -> str:
    """Return how far a time moved.

    >>> time_moved(86400.0, 28800.0)
    '-16 h, -66.7 %'
    """
    share = by_how_much(old, new, "").partition(",")
    return f"{'-' if new < old else '+'}{time_text(abs(new - old))}{share[1]}{share[2]}"
