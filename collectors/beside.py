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
        taken = {each.channel.name for each in lines}
        lit = [n for n, each in enumerate(lines) if _optical(each.channel)]
        lit = [n for n in lit if _light_of(lines[n].channel) not in taken]
        kept = [n for n, each in enumerate(lines) if each.channel.limits is not None]
        self.channels = tuple(
            [_state(lines[n].channel, _light_of(lines[n].channel), LIGHT_STATES, _LIT) for n in lit]
            + [
                _state(lines[n].channel, f"{lines[n].channel.name}_limits", LIMIT_STATES, _INSIDE)
                for n in kept
            ]
        )
        self._of = np.array([*lit, *kept], np.intp)  # [L + J] what each is beside
        self._lit = len(lit)
        self._watts = np.array([lines[n].light for n in (*lit, *kept)], np.bool_)
        words = [
            (place, word)
            for place, n in enumerate((*lit, *kept))
            for word in (lines[n].meaning.dark if _optical(lines[n].channel) else ())
        ]
        self._worded = np.array([place for place, _ in words], np.intp)
        self._word = np.array([word for _, word in words], np.float64)
        limits = [lines[n].channel.limits or Limits() for n in kept]
        self._limits = np.array(limits, np.float64).reshape(-1, len(Limits())).T  # [4, J]

    def after(
        self, values: Floats, quality: NDArray[np.uint8], sent: Floats
    ) -> tuple[Floats, NDArray[np.uint8], Floats]:
        """Return values, qualities and raw values with those of the states behind them.

        Shapes: [C] in, [C + L + J] out. Cost: 40 us for 50 states.
        """
        if not self.channels:
            return values, quality, sent
        value, known, raw = values[self._of], quality[self._of], sent[self._of]
        dark = self._watts & (known == Quality.OUT_OF_RANGE) & (raw <= 0)
        if self._worded.size:
            off = (raw[self._worded] == self._word) & (known[self._worded] == Quality.SENTINEL)
            dark[self._worded[off]] = True
        known[dark] = Quality.GOOD
        value[dark] = -math.inf
        low_alarm, low_warning, high_warning, high_alarm = self._limits
        kept = value[self._lit :]
        told = np.empty(len(value))
        told[: self._lit] = np.where(value[: self._lit] <= DARK_DBM, DARK, LIT)
        level = (kept < low_warning) + 2.0 * (kept > high_warning)
        level = np.where(kept < low_alarm, 3.0, level)
        told[self._lit :] = np.where(kept > high_alarm, 4.0, level)
        told[known != Quality.GOOD] = math.nan
        return (
            np.concatenate([values, told]),
            np.concatenate([quality, known]),
            np.concatenate([sent, raw]),
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
