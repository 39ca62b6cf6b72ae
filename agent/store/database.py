"""SQLite as the agent uses it: opened, looked over, and its errors told with what to do."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from agent.store.failpoint import At
from agent.store.trouble import StoreError

LOCK_WAIT_S: Final = 0.05  # the caller is the loop that polls: it cannot wait for others
CHECKED_BYTES_MAX: Final = 256 << 20  # every page is looked at on opening: below a second
RESTORE: Final = "keep a copy of the data folder as it is, then restore it from backup"
_ADVICE: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space, and it goes on by itself",
    sqlite3.SQLITE_BUSY: "another process holds it: end whatever has it open (`fuser` names it)",
    sqlite3.SQLITE_READONLY: "it cannot be written: see the rights of the folder and its mount",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: see the rights of the folder and its mount",
    sqlite3.SQLITE_IOERR: "the disk is full or failing: see free space and the kernel's log",
    sqlite3.SQLITE_CORRUPT: f"it is damaged: {RESTORE}",
    sqlite3.SQLITE_NOTADB: f"it is damaged: {RESTORE}",
    sqlite3.SQLITE_CONSTRAINT: "what is written stays, and is not written twice",
}


class Rows(Protocol):
    """What a statement brought."""

    def fetchone(self) -> Any:  # noqa: ANN401 -- a row of any types
        """Return one row; None: there is no more."""

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        ...


class Connection(Protocol):
    """The part of sqlite3.Connection that is used: a test may put something else in between."""

    @property
    def in_transaction(self) -> bool:
        """Say whether one was begun and not ended."""
        ...

    def execute(self, sql: str, values: Any = ..., /) -> Rows:  # noqa: ANN401 -- of any types
        """Run one statement."""
        ...

    def close(self) -> None:
        """Let go of the file."""


Connect = Callable[[Path], Connection]


def connect(path: Path) -> Connection:
    """Open a database whose transactions are begun and ended by hand."""
    return sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)


def lent(path: Path) -> Connection:
    """Open one that a thread may use, as long as nobody else does at the time."""
    return sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False)


def prepare(connection: Connection, path: Path) -> None:
    """Set how durable writes are. Raises: StoreError where the file is not sound."""
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreError(f"{path}: this file system cannot do write-ahead logs; use a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA trusted_schema = OFF")
    if path.stat().st_size <= CHECKED_BYTES_MAX:
        said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            raise StoreError(f"{path} is damaged ({said}): {RESTORE}")


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into StoreError, with what to do."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says more of the same
        advice = _ADVICE.get(code, f"this is unexpected: {RESTORE}")
        raise StoreError(f"{path}: {error}: {advice}") from error
    except (
        UnicodeDecodeError
    ) as error:  # SQLite's message quotes the damage, and Python trips on it
        raise StoreError(f"{path} is damaged: {RESTORE}") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error


@contextmanager
def transaction(connection: Connection, path: Path, at: At, name: str) -> Iterator[None]:
    """Write all of the block, durably, or none of it; `at` and `name`: see failpoint.

    Raises: StoreError, and then nothing of it was written.
    """
    with told(path):
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            at(f"{name}.committing")
            connection.execute("COMMIT")
        finally:  # SQLite may have gone back by itself, and cannot always when asked
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
    at(f"{name}.committed")
