"""The only reader of clocks; all else takes `now` as an argument, so that it can be replayed."""

import ctypes
import os
import struct
import time
from pathlib import Path
from typing import Final, NamedTuple

TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised
TIMEX_OCTETS: Final = 512  # more than any struct timex; all zero, it asks and sets nothing
TIMEX: Final = struct.Struct("@Illlli")  # modes, offset, freq, maxerror, esterror, status
STA_NANO: Final = 0x2000  # the offset is in nanoseconds, else in microseconds
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Synchrony(NamedTuple):
    """What the kernel says of the wall clock."""

    synchronised: bool | None  # None: it cannot be asked here, or refuses to say
    offset_s: float | None = None  # how far it may be off, as far as the time service knows
    why: str = ""  # where it cannot be asked


def monotonic() -> float:
    """Return seconds that never jump: for intervals, deadlines and the time of a reading."""
    return time.monotonic()


def wall() -> float:
    """Return Unix time: for what leaves the process, never to measure how long something took."""
    return time.time()


def boot() -> str:
    """Return what names this start of the machine: monotonic time is comparable within it."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def synchrony() -> Synchrony:
    """Ask the kernel how well the wall clock is kept. Source: adjtimex(2)."""
    buffer = ctypes.create_string_buffer(TIMEX_OCTETS)
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (OSError, AttributeError):
        return Synchrony(synchronised=None, why="cannot be asked here")
    if state < 0:
        return Synchrony(synchronised=None, why=os.strerror(ctypes.get_errno()))
    if state == TIME_ERROR:
        return Synchrony(synchronised=False)
    _, offset, _, _, error_us, status = TIMEX.unpack_from(buffer)
    offset_s = abs(offset) * (1e-9 if status & STA_NANO else 1e-6)
    return Synchrony(synchronised=True, offset_s=offset_s + error_us * 1e-6)
