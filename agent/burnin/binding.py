"""Which of a device's channels serves which channel of a spec, and what its values mean there.

A device's channel is found by the floor file's own map, by what its profile provides for the role,
or by having the very same name. Where quantities do not agree nothing is bound: such a channel
stays unknown, and the reason is kept.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.burnin.cabling import mbits
from agent.burnin.design import AS_CABLED, Design, SpecChannel
from collectors.provided import serving
from collectors.quantity import Quantity, UnitError, conversion
from collectors.readings import Channel

GOOD: Final = "ok"  # the state that stands for any that the profile calls good
DRY: Final = "dry"  # likewise, of leak detectors
_SAME: Final = (Quantity.COUNT, Quantity.NUMBER)  # nothing else counts as they do
_SPAN: Final = 1 << 34  # between the keys of two states: no number of 32 bits reaches the next

Provides = Mapping[str, Mapping[str, str]]  # role -> spec channel pattern -> channel pattern


class BindingError(ValueError):
    """A device's channel that cannot serve; the message says why."""


class Pair(NamedTuple):
    """A spec channel and the device channel that serves it."""

    place: int  # in the design
    column: int  # in the device's arrays
    scale: float = 1.0
    offset: float = 0.0
    allowed: tuple[frozenset[int] | None, ...] = ()  # of a state: the numbers each rung allows
    moments: bool = False  # of a count: the raw value is the moment of the last change


class Bound(NamedTuple):
    """What binding one device brought."""

    pairs: list[Pair]
    problems: list[str]  # "line_current[phase1]: why it is not bound"
    missing: list[str]  # spec channels that this device has nothing for


def bind(
    design: Design,
    device: str,
    channels: Sequence[Channel],
    provides: Provides,
    named: Mapping[str, str],
) -> Bound:
    """Pair the channels that a spec asks of `device` with those that it has.

    `named` is the floor file's map from spec channels to device channels; it goes before all else.
    """
    columns = {channel.name: column for column, channel in enumerate(channels)}
    bound = Bound([], [], [])
    where = design.places.get(device, slice(0))
    for place, wanted in enumerate(design.channels[where], where.start or 0):
        column = _column(wanted, columns, provides.get(wanted.role, {}), named)
        if column is None:
            if wanted.name in named:
                text = f"the device has no channel {named[wanted.name]!r}; correct the map"
                bound.problems.append(f"{wanted.name}: {text}")
            bound.missing.append(wanted.name)
            continue
        try:
            bound.pairs.append(_pair(place, wanted, column, channels[column]))
        except (BindingError, UnitError) as error:
            bound.problems.append(f"{wanted.name}: {channels[column].name}: {error}")
    return bound


def _column(
    wanted: SpecChannel,
    columns: Mapping[str, int],
    patterns: Mapping[str, str],
    named: Mapping[str, str],
) -> int | None:
    """Return the column that serves a spec channel; None where there is none."""
    if wanted.name in named:
        return columns.get(named[wanted.name])
    found = (columns.get(name) for name in serving(wanted.name, patterns))
    return next((column for column in found if column is not None), None)


def _pair(place: int, wanted: SpecChannel, column: int, channel: Channel) -> Pair:
    """Pair two channels. Raises: BindingError, UnitError where they do not measure the same."""
    quantity = wanted.row.quantity
    assert quantity is not None
    if quantity.is_state:
        allowed = tuple(
            None if names is None else _numbers(names, wanted, channel) for names in wanted.states
        )
        return Pair(place, column, allowed=allowed)
    same = quantity is channel.quantity
    if channel.quantity.is_state or (not same and {quantity, channel.quantity} & {*_SAME}):
        raise BindingError(f"this is a {channel.quantity.label}, not a {quantity.label}")
    scale, offset = conversion(channel.quantity.symbol, quantity)
    return Pair(place, column, scale, offset, moments=channel.moments)


def _numbers(names: frozenset[str], wanted: SpecChannel, channel: Channel) -> frozenset[int]:
    """Return the numbers of a device's state that have one of these names."""
    if names == {AS_CABLED} and wanted.cabled and channel.quantity is Quantity.NUMBER:
        return frozenset({int(mbits(wanted.cabled))})
    if not channel.quantity.is_state:
        raise BindingError(f"this is a {channel.quantity.label}, not a state")
    found: set[int] = set()
    for name in names:
        plain = _plain(wanted.cabled or name if name == AS_CABLED else name)
        found |= {number for number, text in channel.states.items() if _plain(text) == plain}
        dry = name == DRY and channel.quantity is Quantity.LEAK
        if (name == GOOD or dry) and channel.good_states:
            found |= {n for n, text in channel.states.items() if text in channel.good_states}
        elif dry and not channel.states:
            found.add(0)
    if not found:
        has = ", ".join(channel.states.values()) or "none with a name"
        raise BindingError(f"no state is {' or '.join(sorted(names))}; the device has {has}")
    return frozenset(found)


def _plain(text: str) -> str:
    """Return a state's name without case and signs: `Input-Lost` is `input_lost`."""
    return re.sub(r"[^a-z0-9]+", "", text.lower())


class Columns:
    """How arrays of `size` columns enter a design. Shapes: K channels in `where`, S states of them.

    A channel that is not bound has a column all the same, which is never looked at.
    """

    def __init__(self, where: slice, pairs: Sequence[Pair], size: int) -> None:
        self.size = size
        self.where = where
        channels = self.where.stop - self.where.start
        places = [pair.place - self.where.start for pair in pairs]
        self.columns = np.zeros(channels, np.intp)
        self.columns[places] = [pair.column for pair in pairs]
        self.bound = np.zeros(channels, np.bool_)
        self.bound[places] = True
        self.scale, self.offset = np.ones(channels), np.zeros(channels)
        self.scale[places] = [pair.scale for pair in pairs]
        self.offset[places] = [pair.offset for pair in pairs]
        self.moments = np.zeros(channels, np.bool_)
        self.moments[places] = [pair.moments for pair in pairs]
        states = [(place, pair.allowed) for place, pair in zip(places, pairs, strict=True)]
        states = [(place, allowed) for place, allowed in states if allowed]
        self.states = np.array([place for place, _ in states], np.intp)
        self.first = np.arange(len(states)) * _SPAN  # [S] the key of each state's number 0
        left = [_left(allowed, None) for _, allowed in states]
        self.otherwise = np.array(left, np.float64)  # [S] rungs left by a number no rung allows
        table = {
            self.first[n] + number: _left(allowed, number)
            for n, (_, allowed) in enumerate(states)
            for number in frozenset().union(*(numbers or () for numbers in allowed))
        }
        self.keys = np.array([*sorted(table), np.inf])  # with an end that no number has
        self.left = np.array([*(table[key] for key in sorted(table)), np.nan])

    def convert(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what a device's values are in the design. Shapes: [K] to [K], [T, K] to [T, K]."""
        converted: NDArray[np.float64] = values * self.scale + self.offset
        if len(self.states):
            numbers = converted[..., self.states]
            keys = np.where(np.abs(numbers) < _SPAN // 2, self.first + numbers, -1.0)
            found = np.searchsorted(self.keys, keys)
            known = self.keys[found] == keys
            converted[..., self.states] = np.where(known, self.left[found], self.otherwise)
        return converted


def _left(allowed: Sequence[frozenset[int] | None], number: int | None) -> float:
    """Return how many rungs, counted from the innermost, a state's number has left."""
    outside = [rung + 1 for rung, n in enumerate(allowed) if n is not None and number not in n]
    return float(max(outside, default=0))
