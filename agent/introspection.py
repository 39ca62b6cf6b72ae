"""What the agent measures of itself: a device of every bay whose spec asks for one.

These rows decide whether anything else can be believed: a clock that nobody keeps, or polls that
come late, make every other reading doubtful.
"""

from collections import deque
from dataclasses import replace
from typing import Final

import numpy as np

from agent.burnin.design import Design
from agent.clock import Synchrony
from collectors.quantity import Quantity
from collectors.readings import Channel, Identity, Quality, Readings

DEVICE: Final = "agent"  # the device, and the role that a spec gives it
EVERY_S: Final = 5.0  # as often as the example spec wants to hear of it
SPAN_S: Final = 60.0  # the share of late polls is of the last minute
CHANNELS: Final = (
    Channel("clock_offset", Quantity.DURATION, source="adjtimex"),
    Channel("poll_late", Quantity.RATIO, source="schedule"),
)


def identity(version: str) -> Identity:
    """Return who it is."""
    return Identity(
        profile="agent", kind="other", vendor="Rackproof", model="agent", firmware=version
    )


class Introspection:
    """Keeps what is needed to tell the last minute from the time before."""

    def __init__(self) -> None:
        self._polls: deque[tuple[float, int, int]] = deque()  # when, turns, late ones so far
        self._turn = -1

    def due(self, now: float) -> bool:
        """Say once a turn that it has come. Turns keep to a grid, so that every slot gets one."""
        before, self._turn = self._turn, int(now // EVERY_S)
        return self._turn != before

    def readings(self, now: float, clock: Synchrony, turns: int, late: int) -> Readings:
        """Return how things stand; `turns` and `late` count since the start of the daemon.

        Shapes: values float64[2], as CHANNELS; a clock that nobody keeps has no offset.
        """
        self._polls.append((now, turns, late))
        while self._polls[0][0] < now - SPAN_S and len(self._polls) > 2:
            self._polls.popleft()
        _, turns_before, late_before = self._polls[0]
        asked = turns - turns_before
        share = 100.0 * (late - late_before) / asked if asked else 0.0
        offset = clock.offset_s if clock.synchronised and clock.offset_s is not None else np.nan
        values = np.array([offset, share])
        quality = np.where(np.isfinite(values), Quality.GOOD, Quality.CLOCK).astype(np.uint8)
        return Readings(
            device=DEVICE,
            taken_at=now,
            values=values,
            quality=quality,
            raw=values,
            asked_at=now // EVERY_S * EVERY_S,
        )


def of_bay(bay: str, readings: Readings) -> Readings:
    """Return the same readings as a device of one bay."""
    return replace(readings, device=f"{bay}/{DEVICE}")


def wanted(design: Design | None) -> bool:
    """Say whether a design asks for it."""
    return design is not None and DEVICE in design.roles
