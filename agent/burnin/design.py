"""A design: every channel that a spec asks for, and its limits as arrays.

The C channels are first those that devices measure, device by device, then those derived from
them. Values are in the unit of the channel's row. A state has no order, so its number here is how
many rungs of its ladder it has left: 0 is inside all of them, 2 is outside fail, and the arrays
bound that number.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.burnin.format import Spec
from agent.burnin.formula import Evaluate, Member, Scope
from agent.burnin.limits import Amount, Bounds, Rung, Tolerance
from agent.burnin.rows import Row

DERIVED: Final = "derived"  # the device that derived channels are shown under
AS_CABLED: Final = "as_cabled"  # the state that stands for what the cabling says

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecChannel:
    """One channel that a rack must show."""

    device: str
    name: str  # unique within the device: "psu_temp[psu2]", "rx_power[swp49,lane1]"
    part: str | None  # "psu2", "swp49,lane1"; of a derived channel, the device it is computed for
    role: str  # "" where it is derived
    row: Row
    u: Tolerance | None = None  # declared, or computed for a derived channel
    cabled: str | None = None  # the speed that `as_cabled` means here

    @property
    def states(self) -> tuple[frozenset[str] | None, ...]:
        """Return the names of the states that each rung allows."""
        return tuple(bounds and bounds.names for bounds in self.row.rungs.limits)


def scope_of(
    channels: Sequence[SpecChannel], constants: Mapping[str, Amount | str], this: str | None = None
) -> Scope:
    """Return what names mean where these channels exist; `this`: the device that it stands for."""
    rows: dict[str, list[Member]] = {}
    for index, channel in enumerate(channels):
        rows.setdefault(channel.row.key, []).append(Member(channel.device, channel.part, index))
    scales = [channel.row.scale for channel in channels]
    dimensions = [None if scale.is_state else scale.unit.dimension for scale in scales]
    return Scope(rows, dimensions, constants, this)


class Derivation(NamedTuple):
    """How one derived channel is computed, in SI units."""

    place: int  # its place among the channels
    evaluate: Evaluate
    reads: frozenset[int]
    window: float | None  # the value is the mean over so many seconds
    windows: tuple[float, ...]  # what its slope and drop functions remember
    smooth: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limits:
    """The ladders of C channels. Shapes: float64[3, C], a row for each Rung; infinite: no bound.

    An excursion begins outside `low..high` and ends inside `low_exit..high_exit`.
    """

    low: Floats
    high: Floats
    low_exit: Floats
    high_exit: Floats

    @classmethod
    def of(cls, channels: tuple[SpecChannel, ...]) -> "Limits":
        """Lay out the ladders of all channels."""
        low, high = np.full((2, len(Rung), len(channels)), [[[-math.inf]], [[math.inf]]])
        width = np.zeros_like(low), np.zeros_like(high)
        for place, channel in enumerate(channels):
            for rung, bounds in enumerate(channel.row.rungs.limits):
                if bounds is not None:
                    low[rung, place], high[rung, place] = _numbers(bounds, rung)
                    for side, end in enumerate(_numbers(bounds, rung)):
                        if math.isfinite(end):
                            width[side][rung, place] = channel.row.hysteresis.at(end)
        return cls(low=low, high=high, low_exit=low + width[0], high_exit=high - width[1])

    def at(self, where: slice) -> "Limits":
        """Return the ladders of some channels, as views."""
        ends = (self.low, self.high, self.low_exit, self.high_exit)
        low, high, low_exit, high_exit = (end[:, where] for end in ends)
        return Limits(low=low, high=high, low_exit=low_exit, high_exit=high_exit)


def _numbers(bounds: Bounds, rung: int) -> tuple[float, float]:
    """Return a rung's bounds; a state is outside a rung when it has left that many."""
    return (-math.inf, rung + 0.5) if bounds.names is not None else (bounds.low, bounds.high)


def _places(channels: Sequence[SpecChannel]) -> dict[str, slice]:
    """Return where each device's channels stand; they stand together."""
    places: dict[str, slice] = {}
    for index, channel in enumerate(channels):
        start = places.get(channel.device, slice(index, 0)).start
        places[channel.device] = slice(start, index + 1)
    return places


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design:
    """What a spec asks of one rack. Shapes: float64[C], bool[C]; C = len(channels)."""

    spec: Spec
    roles: Mapping[str, str]  # device -> its role
    channels: tuple[SpecChannel, ...]
    measured: int  # the first so many channels come from devices; the others are derived
    places: Mapping[str, slice]  # device -> where its channels stand
    derivations: tuple[Derivation, ...]  # each after those that it reads
    limits: Limits
    nominal: Floats  # NaN where the spec names none
    hold: Floats  # seconds that an excursion must last
    silence: Floats  # seconds after a good reading until the channel is unknown
    min_load: Floats  # -inf where the channel is judged at any load
    judged: NDArray[np.bool_]  # has a limit at all
    si_factor: Floats  # value * factor + zero is the value in SI units
    si_zero: Floats

    def every(self, device: str) -> float | None:
        """Return how often a device must be read, in seconds; None where nothing is asked of it."""
        asked = self.channels[self.places.get(device, slice(0))]
        return min((channel.row.every for channel in asked), default=None)

    @classmethod
    def of(
        cls,
        spec: Spec,
        roles: Mapping[str, str],
        channels: tuple[SpecChannel, ...],
        measured: int,
        derivations: tuple[Derivation, ...],
    ) -> "Design":
        """Lay out the arrays."""
        rows = [channel.row for channel in channels]
        nominal = [math.nan if r.rungs.nominal is None else r.rungs.nominal for r in rows]
        return cls(
            spec=spec,
            roles=roles,
            channels=channels,
            measured=measured,
            places=_places(channels[:measured]),
            derivations=derivations,
            limits=Limits.of(channels),
            nominal=np.array(nominal),
            hold=np.array([row.hold for row in rows]),
            # A reading speaks for its own slot; only then does silence begin.
            silence=np.array([row.every + row.gap for row in rows]),
            min_load=np.array([-math.inf if r.min_load is None else r.min_load for r in rows]),
            judged=np.array([row.rungs.judged for row in rows], np.bool_),
            si_factor=np.array([row.scale.unit.factor for row in rows]),
            si_zero=np.array([row.scale.unit.zero for row in rows]),
        )
