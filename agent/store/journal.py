"""The journal: what happened in every run, in SQLite, on the disk before anybody is told.

One process writes; what it was told is there stays there, whatever happens to the process or to
the power (WAL, synchronous=FULL). An event, the messages that tell others of it, and the answer to
whoever asked for it are written together or not at all.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from agent import canonical
from agent.burnin.event import Event
from agent.store.database import RESTORE, Connect, Connection, connect, prepare, told, transaction
from agent.store.entry import START, ChainError, Entry, Stamp, chain
from agent.store.failpoint import At, nothing
from agent.store.head import Head, Named
from agent.store.schema_version import migrate
from agent.store.trouble import StoreError

__all__ = ["Entry", "Journal", "Message", "Stamp", "StoreError"]

DUE_MAX: Final = 100  # messages handed out at a time


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be told to others, as long as it is not acknowledged."""

    id: int
    run: str
    seq: int  # of the journal's entry that it was written with
    body: Mapping[str, Any]
    tries: int  # how often it was told in vain


class Journal:
    """All runs of one data folder. Not for two threads at once, nor for two processes."""

    def __init__(self, path: Path, connection: Connection, head: Head, at: At) -> None:
        self._path = path
        self._connection = connection
        self._head = head
        self._at = at

    @classmethod
    def open(cls, path: Path, *, connect: Connect = connect, at: At = nothing) -> Self:
        """Open the journal, or begin one where there is none; `at`: for tests, see failpoint.

        Raises: StoreError where it is damaged, newer than this version, or cannot be written.
        """
        head_path = path.with_suffix(".head")
        if head_path.exists() and not path.exists():
            raise StoreError(f"{path} is gone, but {head_path.name} stands beside it: {RESTORE}")
        with told(path), ExitStack() as undo:
            connection = connect(path)
            undo.callback(connection.close)
            prepare(connection, path)
            head = Head(head_path)
            undo.callback(head.close)
            _compare(connection, head, path)
            migrate(connection, path)
            undo.pop_all()
        return cls(path, connection, head, at)

    def close(self) -> None:
        """Let go of the files."""
        self._head.close()
        self._connection.close()

    def append(  # noqa: PLR0913 -- what must be written together must be told together
        self,
        run: str,
        events: Sequence[Event],
        stamp: Stamp,
        *,
        outbox: Sequence[Mapping[str, Any]] = (),
        key: str | None = None,
        answer: Mapping[str, Any] | None = None,
    ) -> list[Entry]:
        """Write events, messages to be sent and an answer given; durable when it returns.

        `key`: the caller's name for its request; asked again, `answered` returns `answer`.
        Raises: StoreError, and then nothing of it was written. CanonicalError: not JSON.
        """
        entries: list[Entry] = []
        with self._transaction():
            seq, prev = self._last(run)
            for event in events:
                entry = Entry.made(run, seq + 1, event, stamp, prev)
                row = (run, entry.seq, entry.line, entry.hash)
                self._connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?)", row)
                entries.append(entry)
                seq, prev = entry.seq, entry.hash
            for message in outbox:
                self._connection.execute(
                    "INSERT INTO outbox (run, seq, body) VALUES (?, ?, ?)",
                    (run, seq, canonical.encode(message)),
                )
            if key is not None:
                assert answer is not None
                self._connection.execute(
                    "INSERT INTO answered VALUES (?, ?)", (key, canonical.encode(answer))
                )
        if entries:
            self._head.write(Named(run, seq, prev))
        return entries

    def entries(self, run: str) -> list[Entry]:
        """Return all that happened in a run. Raises: StoreError where its chain is broken."""
        with told(self._path):
            rows = self._connection.execute(
                "SELECT line, hash FROM entry WHERE run = ? ORDER BY seq", (run,)
            ).fetchall()
        try:
            entries = list(chain(run, (line for line, _ in rows)))
        except ChainError as error:
            raise StoreError(f"{self._path}: run {run}: {error}; {RESTORE}") from None
        for entry, (_, hash_) in zip(entries, rows, strict=True):
            if entry.hash != hash_:
                raise StoreError(f"{self._path}: run {run}: {_changed(entry.seq)}")
        return entries

    def runs(self) -> list[str]:
        """Return every run that has an entry, in the order in which they began."""
        with told(self._path):
            rows = self._connection.execute("SELECT run FROM entry WHERE seq = 1 ORDER BY rowid")
            return [run for (run,) in rows.fetchall()]

    def answered(self, key: str) -> Mapping[str, Any] | None:
        """Return what was answered to the request of that key; None: it was never done."""
        with told(self._path):
            row = self._connection.execute(
                "SELECT answer FROM answered WHERE key = ?", (key,)
            ).fetchone()
        return None if row is None else self._decoded(row[0], "an answer")

    def due(self, now: float) -> list[Message]:
        """Return messages whose turn it is at Unix time `now`, oldest first."""
        with told(self._path):
            rows = self._connection.execute(
                "SELECT id, run, seq, body, tries FROM outbox WHERE again_at <= ?"
                " ORDER BY id LIMIT ?",
                (now, DUE_MAX),
            ).fetchall()
        return [
            Message(id_, run, seq, self._decoded(body, f"message {id_}"), tries)
            for id_, run, seq, body, tries in rows
        ]

    def sent(self, message: int) -> None:
        """Forget a message: whom it concerns has it."""
        with self._transaction():
            self._connection.execute("DELETE FROM outbox WHERE id = ?", (message,))

    def failed(self, message: int, again_at: float) -> None:
        """Keep a message for another try, not before Unix time `again_at`."""
        with self._transaction():
            self._connection.execute(
                "UPDATE outbox SET tries = tries + 1, again_at = ? WHERE id = ?",
                (again_at, message),
            )

    def _transaction(self) -> AbstractContextManager[None]:
        """Write all of a block, durably, or none of it."""
        return transaction(self._connection, self._path, self._at, "journal")

    def _last(self, run: str) -> tuple[int, str]:
        """Return number and hash of a run's last entry. Raises: StoreError if it was changed."""
        row = self._connection.execute(
            "SELECT seq, line, hash FROM entry WHERE run = ? ORDER BY seq DESC LIMIT 1", (run,)
        ).fetchone()
        if row is None:
            return 0, START
        seq, line, hash_ = row
        if hashlib.sha256(line).hexdigest() != hash_:
            raise StoreError(f"{self._path}: run {run}: {_changed(seq)}")
        return seq, hash_

    def _decoded(self, data: bytes, what: str) -> Mapping[str, Any]:
        """Return a JSON object of ours. Raises: StoreError if it is none any more."""
        try:
            value = canonical.decode(data)
        except canonical.CanonicalError as error:
            raise StoreError(f"{self._path}: {what} {error}; {RESTORE}") from None
        if not isinstance(value, dict):
            raise StoreError(f"{self._path}: {what} is no object; {RESTORE}")
        return value


def _changed(seq: int) -> str:
    """Say that an entry is not what was written."""
    return f"entry {seq} was changed; {RESTORE}"


def _compare(connection: Connection, head: Head, path: Path) -> None:
    """Raise StoreError if the database lacks what was acknowledged last."""
    if (last := head.read()) is None:
        return
    row = None
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'entry'").fetchone():
        row = connection.execute(
            "SELECT hash FROM entry WHERE run = ? AND seq = ?", (last.run, last.seq)
        ).fetchone()
    if row is None or row[0] != last.hash:
        raise StoreError(
            f"{path} lacks entry {last.seq} of run {last.run}, which it once had: was it copied"
            f" without its -wal file, or cut short? {RESTORE}; to go on without what is lost,"
            " move journal.head away"
        )
