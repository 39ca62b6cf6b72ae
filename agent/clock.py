"""The only reader of clocks; all else takes `now` as an argument, so that it can be replayed.

Simulated racks may live faster than real ones. Every process that deals with them then keeps one
false time, a `Pace`, and whatever asks what time it is here is told that.
"""

import asyncio
import ctypes
import os
import re
import selectors
import struct
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeVar

TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised
TIMEX_OCTETS: Final = 512  # more than any struct timex; all zero, it asks and sets nothing
TIMEX: Final = struct.Struct("@Illlli")  # modes, offset, freq, maxerror, esterror, status
STA_NANO: Final = 0x2000  # the offset is in nanoseconds, else in microseconds
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
RATE_MAX: Final = 1000.0
PACE: Final = re.compile(r"(?P<rate>\d+(\.\d+)?)@(?P<mono>\d+(\.\d+)?),(?P<wall>\d+(\.\d+)?)")
T = TypeVar("T")


class Pace(NamedTuple):
    """A false clock: from the moment `mono` of this machine on, time goes `rate` times as fast."""

    rate: float
    mono: float
    wall: float  # Unix time at that moment

    @classmethod
    def at(cls, rate: float) -> Self:
        """Return the false clock that leaves the true one now."""
        return cls(rate, time.monotonic(), time.time())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote. Raises: ValueError."""
        found = PACE.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no false clock; write RATE@MONOTONIC,UNIX")
        rate, mono, wall = (float(found[name]) for name in ("rate", "mono", "wall"))
        if not 0 < rate <= RATE_MAX:
            raise ValueError(f"{rate:g} times as fast is not possible; at most {RATE_MAX:g}")
        return cls(rate, mono, wall)

    def __str__(self) -> str:
        """Write it so that another process can keep the same time."""
        return f"{self.rate:g}@{self.mono:.6f},{self.wall:.6f}"

    def passed(self) -> float:
        """Return the false seconds since it left the true clock."""
        return (time.monotonic() - self.mono) * self.rate


_paces: list[Pace] = []  # the false clock of this process, if it keeps one


def keep(pace: Pace) -> None:
    """Keep a false clock from now on, in all of this process."""
    _paces[:] = [pace]


def rate() -> float:
    """Return how fast time goes here: 1 unless a false clock is kept."""
    return _paces[0].rate if _paces else 1.0


class Synchrony(NamedTuple):
    """What the kernel says of the wall clock."""

    synchronised: bool | None  # None: it cannot be asked here, or refuses to say
    offset_s: float | None = None  # how far it may be off, as far as the time service knows
    why: str = ""  # where it cannot be asked
    rate: float = 1.0  # of a false clock


def monotonic() -> float:
    """Return seconds that never jump: for intervals, deadlines and the time of a reading."""
    return _paces[0].mono + _paces[0].passed() if _paces else time.monotonic()


def wall() -> float:
    """Return Unix time: for what leaves the process, never to measure how long something took."""
    return _paces[0].wall + _paces[0].passed() if _paces else time.time()


def boot() -> str:
    """Return what names this start of the machine: monotonic time is comparable within it."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def synchrony() -> Synchrony:
    """Ask the kernel how well the wall clock is kept. Source: adjtimex(2).

    Whoever keeps a false clock agrees with all others that keep it.
    """
    if _paces:
        return Synchrony(synchronised=True, offset_s=0.0, rate=rate())
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


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` in a loop whose timers keep the time of `monotonic`."""
    if not _paces:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


class _Selector(selectors.DefaultSelector):
    """Waits as much shorter as time goes faster."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for a number of false seconds."""
        return super().select(timeout and timeout / rate())


class _Loop(asyncio.SelectorEventLoop):
    """An event loop on the false clock."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        """Return the time that its timers mean."""
        return monotonic()
