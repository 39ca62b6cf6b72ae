"""What every dialect's device does: messages go in, readings come out, and nothing waits."""

import math
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from collectors.readings import Channel, Identity, Readings


class Heard(NamedTuple):
    """One message, and when it came: on the monotonic clock, and by the wall."""

    topic: str
    payload: bytes
    retained: bool
    now: float
    wall: float
    valid_until: float = math.inf  # on the monotonic clock, where its publisher says (MQTT 5)


class Device(Protocol):
    """One device behind a broker. Time is always the monotonic clock's, as an argument."""

    @property
    def name(self) -> str:
        """Return "bay/device"."""
        ...

    @property
    def filters(self) -> frozenset[str]:
        """Return which topics to subscribe to."""
        ...

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return what there is to read, as far as is known."""
        ...

    @property
    def identity(self) -> Identity:
        """Return who the device is, as far as is known."""
        ...

    @property
    def unread(self) -> Mapping[str, str]:
        """Return topics that are the device's and no channel, each with the reason."""
        ...

    @property
    def news(self) -> bool:
        """Say whether anything changed since the last readings."""
        ...

    def connected(self) -> None:
        """Take note that the broker is there."""
        ...

    def disconnected(self) -> None:
        """Take note that the broker is gone."""
        ...

    def take(self, heard: Heard) -> str:
        """Take in one message; return why it was dropped, or nothing."""
        ...

    def bind(self, now: float) -> bool:
        """Say whether the channels are others than before, once what describes them is complete."""
        ...

    def readings(self, now: float) -> list[Readings]:
        """Return what is to be told, in order, the present last."""
        ...
