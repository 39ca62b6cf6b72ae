"""Whose turn it is: a fixed grid a device, in flocks that are asked together.

A flock costs one wake-up where single devices would cost one each, and the devices of a rack are
read at the same moment, as sums and balances want it. Flocks are spread over the interval.
"""

import heapq
import math
import random
from dataclasses import dataclass
from typing import Final

FLOCK: Final = 64  # devices asked together: their answers fit the smallest default buffer
GOLDEN: Final = 0.6180339887498949  # steps of this share of a circle never crowd
BACK_OFF_FIRST_S: Final = 5.0  # a device that was just switched on answers within seconds
BACK_OFF_MAX_S: Final = 60.0  # a technician who plugs a device in should not wait longer


@dataclass(slots=True)
class _Turn:
    """The grid of one device."""

    interval_s: float
    due_s: float


class Schedule:
    """A heap of turns. Every device keeps its own grid: a late turn never shifts the next one."""

    def __init__(self) -> None:
        self._grids: dict[float, tuple[float, int]] = {}  # interval -> its start, devices so far
        self._turns: dict[str, _Turn] = {}
        self._heap: list[tuple[float, str]] = []
        self.skipped = 0  # turns that passed while nobody asked, each one a gap somewhere

    def add(self, device: str, interval_s: float, now: float) -> None:
        """Give `device` its grid: the phase of the flock that it joins, from `now` on."""
        start_s, count = self._grids.get(interval_s, (now, 0))
        self._grids[interval_s] = start_s, count + 1
        first_s = start_s + (count // FLOCK * GOLDEN % 1.0) * interval_s
        due_s = first_s + max(0, math.ceil((now - first_s) / interval_s)) * interval_s
        self._turns[device] = _Turn(interval_s, due_s)
        heapq.heappush(self._heap, (due_s, device))

    def remove(self, device: str) -> None:
        """Forget `device`; unknown names are fine."""
        self._turns.pop(device, None)

    def due(self, now: float) -> list[str]:
        """Return whose turn has come, in order, and move each to its next turn after `now`."""
        whose = []
        while self._heap and self._heap[0][0] <= now:
            due_s, device = heapq.heappop(self._heap)
            turn = self._turns.get(device)
            if turn is None or turn.due_s != due_s:
                continue  # removed, or added anew since
            passed = int((now - due_s) // turn.interval_s)
            self.skipped += passed
            turn.due_s = due_s + (passed + 1) * turn.interval_s
            heapq.heappush(self._heap, (turn.due_s, device))
            whose.append(device)
        return whose

    def due_at(self, device: str) -> float:
        """Return when a device has its next turn. Raises: KeyError if it has none."""
        return self._turns[device].due_s

    def next_due(self) -> float | None:
        """Return when the next turn comes, or None when there is nobody."""
        return self._heap[0][0] if self._heap else None


def back_off_s(failures: int, rng: random.Random) -> float:
    """Return how long to leave a device alone after `failures` in a row: doubling, with jitter."""
    return min(BACK_OFF_MAX_S, BACK_OFF_FIRST_S * 2.0 ** min(failures - 1, 8)) * rng.uniform(0.5, 1)
