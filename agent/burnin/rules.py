"""By what the channels of one group are judged in one phase: their terms, as arrays of slots."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.burnin.design import Floats, SpecChannel
from agent.burnin.limits import Rung
from agent.burnin.rows import Row
from agent.burnin.terms import Terms
from collectors.readings import Kind

Bools = NDArray[np.bool_]
Counts = NDArray[np.int64]
_ROUNDING: Final = 1e-9  # 0.3 s are three slots of 0.1 s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rules:
    """By what K channels are judged. Shapes: [K]; infinite where there is no bound."""

    channels: Sequence[SpecChannel]
    every: float  # seconds of a slot
    low: Floats  # an excursion begins outside low..high
    high: Floats
    low_exit: Floats  # and ends inside low_exit..high_exit
    high_exit: Floats
    low_never: Floats  # trip; of a counter also fail, since what was counted stays counted
    high_never: Floats
    low_warn: Floats
    high_warn: Floats
    u: Floats  # uncertainty: absolute, and a share of the value
    u_share: Floats
    hold: Counts  # slots of the longest excursion tolerated
    gap: Counts  # slots of the longest gap that the next reading vouches for
    share: Floats  # of the judged time that is tolerated in total
    slots: Floats  # tolerated in total: a time, and never less than one excursion may last
    bridged: Bools  # a later reading vouches for a gap
    counted: Bools
    strict: Bools  # an unknown slot may hide what must never be
    excused: Bools  # not so the slot of a reset
    asked: Bools  # this phase asks for it, or it is only watched
    judged: Bools  # this phase asks for it
    always: Bools  # in all stage time, not in qualified time only
    required: Bools

    @classmethod
    def of(cls, terms: Terms, places: NDArray[np.intp], every: float) -> "Rules":
        """Lay out the rules for the channels at some places."""
        channels = [terms.design.channels[place] for place in places]
        rows = [channel.row for channel in channels]
        limits = terms.design.limits
        counter = _bools(row.kind is Kind.COUNTER for row in rows)
        trip = _bools(row.rungs.limits[Rung.TRIP] is not None for row in rows)
        decides = trip | _bools(row.rungs.limits[Rung.FAIL] is not None for row in rows)
        low, high = limits.low[Rung.FAIL][places], limits.high[Rung.FAIL][places]
        low_trip, high_trip = limits.low[Rung.TRIP][places], limits.high[Rung.TRIP][places]
        tripping = np.isinf(low) & np.isinf(high)  # no other limit
        low, high = np.where(tripping, low_trip, low), np.where(tripping, high_trip, high)
        absolute, share = _uncertainty(channels, simple=_is_simple(terms))
        judged = terms.judged[places]
        return cls(
            channels=channels,
            every=every,
            low=low,
            high=high,
            low_exit=np.where(tripping, low, limits.low_exit[Rung.FAIL][places]),
            high_exit=np.where(tripping, high, limits.high_exit[Rung.FAIL][places]),
            low_never=np.where(counter, np.maximum(low, low_trip), low_trip),
            high_never=np.where(counter, np.minimum(high, high_trip), high_trip),
            low_warn=limits.low[Rung.WARN][places],
            high_warn=limits.high[Rung.WARN][places],
            u=absolute,
            u_share=share,
            hold=_slots([row.hold for row in rows], every),
            gap=_slots([row.gap for row in rows], every),
            share=np.array([row.budget.share or 0.0 for row in rows]),
            slots=np.array([max(row.budget.seconds or 0.0, row.hold) / every for row in rows]),
            bridged=counter | _bools(row.latched for row in rows),
            counted=counter,
            strict=counter | trip,
            excused=counter & ~trip,
            asked=judged | ~decides,
            judged=judged,
            always=_bools(row.always for row in rows),
            required=_bools(row.required for row in rows),
        )

    def span(self) -> Floats:
        """Return how far a value may be off where all of it is unknown: its limits' own width."""
        low, high = self.low, self.high
        one = np.where(np.isfinite(high), np.abs(high), np.abs(low))
        width = np.where(np.isfinite(low) & np.isfinite(high), high - low, one)
        return np.where(width > 0, width, np.inf)


def _bools(values: Iterable[bool]) -> Bools:
    """Return truths as an array."""
    return np.array([*values], np.bool_)


def _is_simple(terms: Terms) -> bool:
    """Say whether uncertainty is left out of decisions."""
    return terms.design.spec.decision.rule == "simple"


def _slots(seconds: Sequence[float], every: float) -> Counts:
    """Return how many whole slots some times hold."""
    return np.floor(np.array(seconds) / every + _ROUNDING).astype(np.int64)


def _uncertainty(channels: Sequence[SpecChannel], *, simple: bool) -> tuple[Floats, Floats]:
    """Return the uncertainties of channels: absolute, and as a share of the value.

    States and counts have none. With 100 % of the value or more nothing is proven.
    """
    absolute, share = np.zeros((2, len(channels)))
    for n, channel in enumerate(channels):
        if channel.u is None or simple or _exact(channel.row):
            continue
        absolute[n] = math.inf if channel.u.relative >= 1 else channel.u.absolute
        share[n] = channel.u.relative if channel.u.relative < 1 else 0.0
    return absolute, share


def _exact(row: Row) -> bool:
    """Say whether a row's values are states or counts."""
    return row.scale.is_state or row.scale.is_count or row.kind is Kind.COUNTER
