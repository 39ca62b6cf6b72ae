"""Whose turn it is: a fixed grid a device, phases spread so that no two floors start at once."""

import heapq
import random
from dataclasses import dataclass
from typing import Final

BACK_OFF_FIRST_S: Final = 5.0  # a device that was just switched on answers within seconds
BACK_OFF_MAX_S: Final = 60.0  # a technician who plugs a device in should not wait longer


@dataclass(slots=True)
class _Turn:
    """The grid of one device."""

    interval_s: float
    due_s: float


class Schedule:
    """A heap of turns. Every device keeps its own grid: a late turn never shifts the next one."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._turns: dict[str, _Turn] = {}
        self._heap: list[tuple[float, str]] = []
        self.skipped = 0  # turns that passed while nobody asked, each one a gap somewhere

    def add(self, device: str, interval_s: float, now: float) -> None:
        """Give `device` its grid, starting at a random phase of its interval."""
        due_s = now + self._rng.random() * interval_s
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

    def next_due(self) -> float | None:
        """Return when the next turn comes, or None when there is nobody."""
        return self._heap[0][0] if self._heap else None


def back_off_s(failures: int, rng: random.Random) -> float:
    """Return how long to leave a device alone after `failures` in a row: doubling, with jitter."""
    return min(BACK_OFF_MAX_S, BACK_OFF_FIRST_S * 2.0 ** min(failures - 1, 8)) * rng.uniform(0.5, 1)
