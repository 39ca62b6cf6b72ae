"""What a poll brings: one object a device, arrays inside, never an object a reading."""

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from collectors.quantity import Quantity


class Quality(enum.IntEnum):
    """Good, or why not. A value of any other quality is unknown: it is no evidence of anything."""

    GOOD = 0
    STALE = 1  # once good, too old now
    SENTINEL = 2  # the device's own word for "no value" at this object
    OUT_OF_RANGE = 3  # outside what the instrument can measure
    SENSOR_FAULT = 4  # the device says that this sensor is unavailable or broken
    COMM_LOST = 5  # the device or broker did not answer
    CLOCK = 6  # the source's time stamp cannot be right
    IMPLAUSIBLE = 7  # physics says no
    MANUAL = 8  # set by hand at the source
    ABSENT = 9  # the device has no such object
    MALFORMED = 10  # not a value of the promised type


class Kind(enum.Enum):
    """How a channel's values relate in time."""

    GAUGE = "gauge"
    COUNTER = "counter"  # cumulative: judged on increments


class Limits(NamedTuple):
    """What a device itself takes for too little and too much of a value; NaN: no such limit."""

    low_alarm: float = math.nan
    low_warning: float = math.nan
    high_warning: float = math.nan
    high_alarm: float = math.nan


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity at one place of one device: a column in that device's arrays."""

    name: str  # "outlet/1/current": unique within the device
    quantity: Quantity
    source: str  # where the value lies: an OID, or "topic#field"
    kind: Kind = Kind.GAUGE
    states: Mapping[int, str] = field(default_factory=dict)  # state number -> its name
    good_states: frozenset[str] = frozenset()  # the names that mean all is well; empty: not known
    limits: Limits | None = None  # the device's own, in the canonical unit; a spec need not agree
    moments: bool = False  # raw: when something changed last; the value: how often, as seen so far


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Readings:
    """What one poll of one device brought. Shapes: values, raw float64[C]; quality uint8[C].

    Values are in canonical units (`Quantity.symbol`); where quality is not GOOD a value is NaN.
    """

    device: str  # "bay/device"
    taken_at: float  # monotonic seconds
    values: NDArray[np.float64]
    quality: NDArray[np.uint8]
    raw: NDArray[np.float64]  # as the device sent it, NaN where it was no number
    asked_at: float | None = None  # whose turn on the grid it answers; None: it came unasked

    @classmethod
    def lost(
        cls,
        device: str,
        taken_at: float,
        channels: int,
        why: Quality,
        asked_at: float | None = None,
    ) -> Self:
        """Make the readings of a poll that brought nothing: every channel unknown, with `why`."""
        nothing = np.full(channels, np.nan)
        return cls(
            device=device,
            taken_at=taken_at,
            values=nothing,
            quality=np.full(channels, why, np.uint8),
            raw=nothing,
            asked_at=asked_at,
        )

    @property
    def turn_at(self) -> float:
        """Return the moment that it speaks for: its turn, so that no slow answer shifts it."""
        return self.taken_at if self.asked_at is None else self.asked_at


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device says it is; text as the device sent it, not yet fit for a label or a page."""

    profile: str
    kind: str  # pdu | cooling | switch | other
    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    sys_object_id: str = ""
    sys_descr: str = ""
