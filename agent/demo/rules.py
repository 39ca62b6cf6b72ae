"""The limits that hold at one moment of a plan, in words short enough for a table."""

import math
from functools import lru_cache
from typing import Final, NamedTuple

from agent.burnin.design import Design, SpecChannel
from agent.burnin.limits import Bounds, Rung
from agent.burnin.terms import Moment, terms
from agent.demo.scale import scale_of
from agent.demo.snapshot import FAIL, TRIP, WARN, Place
from collectors.quantity import Quantity

CHARACTERS_MAX: Final = 10  # of a limit


class Rule(NamedTuple):
    """The limits of one channel in words; empty where there is none."""

    warn: str = ""
    fail: str = ""
    trip: str = ""
    judged: bool = True  # by the stage that is on
    broken: bool = False  # on purpose, by the step that is on

    def limit(self, status: int, deviation: float = 0.0) -> str:
        """Return the limit that a status speaks of; of one that is inside, the one that judges.

        Of two ends it is the nearer one, where both would be too long.
        """
        words = {WARN: self.warn, FAIL: self.fail, TRIP: self.trip}.get(status, self.fail)
        words = words or self.fail or self.warn or self.trip
        low, between, high = words.partition("..")
        if not between or len(words) <= CHARACTERS_MAX:
            return words
        return f"max {high}" if deviation > 0 else f"min {low}"


@lru_cache(maxsize=64)
def rules(design: Design, moment: Moment | None = None) -> dict[Place, Rule]:
    """Return the limits of every channel that has some: those of a moment, or the spec's own."""
    if moment is None:
        return {_place(each): _rule(each) for each in design.channels if each.row.rungs.judged}
    held = terms(design, moment)
    return {
        _place(each): _rule(each)._replace(judged=bool(judged), broken=bool(affected and judged))
        for each, judged, affected in zip(
            held.design.channels, held.judged, held.affected, strict=True
        )
        if each.row.rungs.judged
    }


def _place(channel: SpecChannel) -> Place:
    """Return where a channel is."""
    return channel.device, channel.name


def _rule(channel: SpecChannel) -> Rule:
    """Return the limits of one channel."""
    limits = channel.row.rungs.limits
    warn, fail, trip = (
        words(limits[rung], channel.row.quantity) for rung in (Rung.WARN, Rung.FAIL, Rung.TRIP)
    )
    return Rule(warn, fail, trip)


def words(bounds: Bounds | None, quantity: Quantity | None) -> str:
    """Say what is inside, in the unit in which the table shows values of `quantity`.

    >>> words(Bounds(high=72_000.0), Quantity.POWER), words(Bounds(36.0, 44.0), None)
    ('max 72', '36..44')
    >>> words(Bounds(names=frozenset({"dry"})), Quantity.LEAK), words(None, None)
    ('dry', '')
    """
    if bounds is None:
        return ""
    if bounds.names is not None:
        return " or ".join(sorted(bounds.names))
    factor = scale_of(quantity).factor if quantity else 1.0
    low, high = (f"{end * factor:.4g}" for end in (bounds.low, bounds.high))
    if math.isinf(bounds.low):
        return f"max {high}"
    return f"min {low}" if math.isinf(bounds.high) else f"{low}..{high}"
