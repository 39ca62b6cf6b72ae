"""What is told of a value beside the value: whether there is light, and whether it keeps limits.

Both are states with a name, so a spec may ask for them (`fail: is lit`, `fail: is inside`), and
neither has an object of its own: they follow from what the value's object said. A dark lane has no
level that could be good or bad, and yet it is known to be dark.
"""

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collectors.line import Line
from collectors.quantity import Quantity
from collectors.readings import Channel, Limits, Quality

DARK_DBM: Final = -40.0  # 0.1 uW, the least that a module can tell: it sees none (SFF-8472 §9.4)
DARK, LIT = 0, 1
LIGHT_STATES: Final = MappingProxyType({DARK: "dark", LIT: "lit"})
LIMIT_STATES: Final = MappingProxyType(
    {0: "inside", 1: "low_warning", 2: "high_warning", 3: "low_alarm", 4: "high_alarm"}
)
_LIT: Final = frozenset({"lit"})
_INSIDE: Final = frozenset({"inside"})

Floats = NDArray[np.float64]


class Beside:
    """The states beside C values. Shapes: L of light, J of limits."""

    def __init__(self, lines: Sequence[Line]) -> None:
        lit = [n for n, each in enumerate(lines) if _optical(each.channel)]
        kept = [n for n, each in enumerate(lines) if each.channel.limits is not None]
        taken = {each.channel.name for each in lines}
        self._lit = np.array([n for n in lit if _light_of(lines[n].channel) not in taken], np.intp)
        self._kept = np.array(kept, np.intp)
        self.channels = tuple(
            [
                _state(lines[n].channel, _light_of(lines[n].channel), LIGHT_STATES, _LIT)
                for n in self._lit.tolist()
            ]
            + [
                _state(lines[n].channel, f"{lines[n].channel.name}_limits", LIMIT_STATES, _INSIDE)
                for n in kept
            ]
        )
        self._none = np.array([lines[n].light for n in range(len(lines))], np.bool_)
        self._words = {n: lines[n].meaning.dark for n in lit if lines[n].meaning.dark}
        limits = [lines[n].channel.limits or Limits() for n in kept]
        self._limits = np.array(limits, np.float64).reshape(-1, len(Limits()))  # [J, 4]

    def after(
        self, values: Floats, quality: NDArray[np.uint8], sent: Floats
    ) -> tuple[Floats, NDArray[np.uint8], Floats]:
        """Return values, qualities and raw values with those of the states behind them.

        Shapes: [C] in, [C + L + J] out.
        """
        if not self.channels:
            return values, quality, sent
        dark = self._none & (quality == Quality.OUT_OF_RANGE) & (sent <= 0)
        for n, words in self._words.items():
            dark[n] |= quality[n] == Quality.SENTINEL and sent[n] in words
        known = quality.copy()
        known[dark] = Quality.GOOD
        least = np.where(dark, -math.inf, values)
        lit = np.where(least[self._lit] <= DARK_DBM, DARK, LIT)
        low_alarm, low_warning, high_warning, high_alarm = self._limits.T
        value = least[self._kept]
        beyond = [value < low_alarm, value > high_alarm, value < low_warning, value > high_warning]
        where = np.concatenate([self._lit, self._kept])
        told = np.concatenate([lit, np.select(beyond, [3, 4, 1, 2], 0)]).astype(np.float64)
        told[known[where] != Quality.GOOD] = math.nan
        return (
            np.concatenate([values, told]),
            np.concatenate([quality, known[where]]),
            np.concatenate([sent, sent[where]]),
        )


def _optical(channel: Channel) -> bool:
    """Say whether a channel is the power of light."""
    return channel.quantity is Quantity.OPTICAL_POWER


def _light_of(channel: Channel) -> str:
    """Return the name of the state of light beside a power: `rx_power` has `rx_light`."""
    name = channel.name
    return f"{name[:-5]}light" if name.endswith("_power") else f"{name}/light"


def _state(
    beside: Channel, name: str, states: MappingProxyType[int, str], good: frozenset[str]
) -> Channel:
    """Return the channel of a state beside another channel."""
    return Channel(name, Quantity.STATE, beside.source, states=states, good_states=good)
