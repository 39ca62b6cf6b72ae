"""The last entry that was acknowledged, in a file of its own beside the database.

SQLite takes a write-ahead log that somebody cut short, or left behind when copying, for one that a
power cut ended early, and goes on without what it held. The head tells the two apart: it is written
after the entry is on the disk, so what it names was there.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from agent import canonical

BYTES: Final = 512  # one sector: written as a whole or not at all


class Named(NamedTuple):
    """An entry: its run, its number and its hash."""

    run: str
    seq: int
    hash: str


class Head:
    """The file, kept open."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def read(self) -> Named | None:
        """Return the entry it names; None where it is new, or a power cut tore it."""
        try:
            found = canonical.decode(os.pread(self._file, BYTES, 0).rstrip())
            return Named(found["run"], found["seq"], found["hash"])
        except (canonical.CanonicalError, KeyError, TypeError):
            return None

    def write(self, named: Named) -> None:
        """Name another entry. It is on the disk already, so that this may fail."""
        with suppress(OSError):
            os.pwrite(self._file, canonical.encode(named._asdict()).ljust(BYTES), 0)
