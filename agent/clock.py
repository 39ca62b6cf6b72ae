"""The only reader of clocks; all else takes `now` as an argument, so that it can be replayed."""

import time


def monotonic() -> float:
    """Return seconds that never jump: for intervals, deadlines and the time of a reading."""
    return time.monotonic()


def wall() -> float:
    """Return Unix time: for what leaves the process, never to measure how long something took."""
    return time.time()
