"""What all faces towards a broker share: a profile read in reverse.

A profile says how messages become channels, and which channel serves which name of a spec. Here the
instruments of a device are given, by the spec's names, and what its messages must hold follows.

Amounts are told in the unit of the message, with as many decimals as such a device shows; states
by the device's own numbers. NaN stands for what has no value.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from collectors.mqtt.mapping import LEAK_STATES, Meaning
from collectors.profile import Profile
from collectors.quantity import Quantity, conversion
from collectors.twin.point import Point, devices_of
from collectors.twin.states import states_of

DECIMALS: Final = {  # of what devices show, by unit
    "": 0,
    "1": 3,
    "%": 2,
    "%RH": 1,
    "A": 2,
    "Hz": 3,
    "K": 2,
    "L/min": 2,
    "V": 2,
    "W": 1,
    "degC": 2,
    "kPa": 2,
    "kW": 3,
    "rpm": 0,
    "uS/cm": 0,
}
DECIMALS_ELSE: Final = 6

Floats = NDArray[np.float64]


class FaceError(ValueError):
    """A profile that cannot show an instrument; the message names both."""


class Message(NamedTuple):
    """What goes to the broker, and whose it is; a device of "" is the bay's own."""

    topic: str
    payload: bytes
    retain: bool = False
    rack: int = 0
    device: str = ""


class Instruments(Protocol):
    """What faces see of R simulated racks of C instruments and D devices."""

    @property
    def shown(self) -> Floats:
        """Return what each instrument shows, in canonical units. Shapes: [R, C]."""
        ...

    @property
    def good(self) -> NDArray[np.bool_]:
        """Return which values the device itself believes. Shapes: [R, C]."""
        ...

    @property
    def silent(self) -> NDArray[np.bool_]:
        """Return which devices publish nothing. Shapes: [R, D]."""
        ...

    @property
    def clock_offset(self) -> Floats:
        """Return the seconds that each device's clock is ahead. Shapes: [R, D]."""
        ...


class Place(NamedTuple):
    """Where a device stands among the instruments: its place in D, and its columns in C."""

    device: str
    number: int
    columns: Sequence[int]
    points: Sequence[Point]


class Face(Protocol):
    """One device of every rack, as it speaks to a broker. `now` is in seconds since 1970."""

    def greet(self, now: float) -> Iterator[Message]:
        """Yield what a new connection begins with; all values are due again."""
        ...

    def due(self, racks: Instruments, now: float) -> Iterator[Message]:
        """Yield what is to be published now."""
        ...


@dataclass(frozen=True, slots=True)
class Column:
    """One instrument, and how its value stands in a message."""

    column: int
    point: Point
    factor: float = 1.0  # what is published = what is shown * factor + offset
    offset: float = 0.0
    decimals: int = 0
    numbers: Mapping[int, int] | None = None  # of a state: ours -> the device's

    @classmethod
    def amount(cls, column: int, point: Point, meaning: Meaning, unit: str | None) -> "Column":
        """Tell an amount in a unit, as the profile scales it. None: the quantity has no unit."""
        scale, zero = (1.0, 0.0) if unit is None else conversion(unit, point.quantity)
        decimals = DECIMALS.get(unit or "", DECIMALS_ELSE)
        factor = 1 / (scale * meaning.scale)
        offset = -(zero / scale + meaning.offset) / meaning.scale
        return cls(column, point, factor, offset, decimals if meaning.scale == 1 else DECIMALS_ELSE)

    @classmethod
    def state(cls, column: int, point: Point, states: Mapping[int, str]) -> "Column":
        """Tell a state by the numbers that the device has for it. Raises: FaceError."""
        return cls(column, point, numbers=_numbers(point, states))


class Columns:
    """The instruments of one device on their way into messages: arrays, for all racks at once."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.at = np.array([each.column for each in columns], np.intp)
        self.decimals = [each.decimals for each in columns]
        self._factor = np.array([each.factor for each in columns])
        self._offset = np.array([each.offset for each in columns])
        self._tens = 10.0 ** np.array(self.decimals)
        self.states = np.flatnonzero([each.numbers is not None for each in columns])
        tables = [each.numbers for each in columns if each.numbers is not None]
        highest = max((max(table) for table in tables), default=0)
        self._table = np.full((len(tables), highest + 2), np.nan)  # the last is of all that is not
        for row, table in enumerate(tables):
            self._table[row, list(table)] = list(table.values())

    def told(self, racks: Instruments) -> Floats:
        """Return what would be published now. Shapes: float64[R, columns]."""
        shown = racks.shown[:, self.at]
        values: Floats = np.round((shown * self._factor + self._offset) * self._tens) / self._tens
        if len(self.states):
            numbers = shown[:, self.states]
            last = self._table.shape[1] - 1
            known = (numbers >= 0) & (numbers < last)
            indices = np.where(known, numbers, last).astype(np.intp)
            values[:, self.states] = self._table[np.arange(len(self.states)), indices]
        return values + 0.0  # no minus before a zero

    def good(self, racks: Instruments) -> NDArray[np.bool_]:
        """Return which values the device believes and has. Shapes: bool[R, columns]."""
        believed: NDArray[np.bool_] = racks.good[:, self.at] & ~np.isnan(racks.shown[:, self.at])
        return believed


def _numbers(point: Point, states: Mapping[int, str]) -> dict[int, int]:
    """Return the device's number for each of our states, by its name.

    Where one name is left on each side they are the same: our `failed` is the device's `fault`.
    """
    ours = states_of(point)
    by_name = {_plain(name): number for number, name in states.items()}
    found = {n: by_name[_plain(name)] for n, name in ours.items() if _plain(name) in by_name}
    lost = [n for n in ours if n not in found]
    spare = [n for n in states if n not in found.values()]
    if len(lost) == len(spare) == 1:
        found[lost[0]] = spare[0]
    elif lost:
        has = ", ".join(states.values()) or "none"
        raise FaceError(f"{point.row}: no state is {ours[lost[0]]!r}; the profile has {has}")
    return found


def _plain(name: str) -> str:
    """Return a state's name without case and signs."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def states_told(point: Point, states: Mapping[int, str]) -> Mapping[int, str]:
    """Return the states that a profile gives a channel; a leak that says nothing has ours."""
    return states or (LEAK_STATES if point.quantity is Quantity.LEAK else {})


def candidates(profile: Profile, point: Point) -> Iterator[str]:
    """Yield the channels of a device that may serve an instrument, in the order of preference.

    As an agent finds them: by what the profile provides for the role, or by the very same name.
    """
    for pattern, there in profile.provides.get(point.role, {}).items():
        if found := template(pattern).fullmatch(point.name):
            yield filled(there, found.groupdict())
    yield point.name


def template(pattern: str, inside: str = r"[^,\[\]/]+") -> re.Pattern[str]:
    """Return what a name with words in braces looks like, each word under its name."""
    parts = re.split(r"\{(\w+)\}", pattern)
    return re.compile(
        "".join(
            f"(?P<{each}>{inside})" if n % 2 else re.escape(each) for n, each in enumerate(parts)
        )
    )


def filled(pattern: str, words: Mapping[str, str]) -> str:
    """Put words where the braces of a pattern are."""
    return re.sub(r"\{(\w+)\}", lambda brace: words.get(brace[1], ""), pattern)


def phases(racks: int, device: int, period: float) -> Floats:
    """Spread the racks' first messages over a period: on a floor nobody speaks in step.

    Shapes: float64[R], 0 to `period`. The golden ratio spreads any number of them evenly.
    """
    turns = np.arange(1, racks + 1, dtype=np.float64) * 0.618034 + device * 0.754878
    spread: Floats = np.mod(turns, 1.0) * period
    return spread


def places(points: Iterable[Point]) -> list[Place]:
    """Return where each device stands, in the order in which devices appear."""
    listed = list(points)
    return [
        Place(device, number, at, [listed[n] for n in at])
        for number, (device, at) in enumerate(devices_of(listed).items())
    ]
