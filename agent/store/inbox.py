"""The inbox: what devices said by themselves, on the disk before an inform is acknowledged.

It is a database of its own beside the journal: what devices say in a storm must not slow the runs'
own events down, and of old rows nothing is needed once the runs they concern have told of them.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from agent import canonical
from agent.store.database import Connect, Connection, connect, prepare, told
from agent.store.failpoint import At, nothing
from agent.store.schema_version import migrate

SCHEMA: Final = Path(__file__).parent / "schema_inbox"
ROWS_MAX: Final = 100_000  # 40 MB; a floor of 100 devices that say something a minute: 16 hours
REPEAT_S: Final = 150.0  # in which an inform that says the same is the one that is here already
MISSED_MAX: Final = 10_000  # rows handed out to a run that comes back


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one device said, as it is kept. All of it is text that was made fit to be shown."""

    bay: str
    device: str
    name: str  # as its MIB calls it, else its OID
    oid: str
    channels: tuple[str, ...]  # of the device, which it is about
    restart: bool  # the device says that it was started anew
    inform: bool
    version: str  # of SNMP
    uptime_s: float  # of the device, as it says
    objects: tuple[tuple[str, str], ...]  # OID and value of what it told with it

    def shown(self) -> dict[str, Any]:
        """Return it as JSON, without where it came from."""
        return {
            "name": self.name,
            "oid": self.oid,
            "channels": [*self.channels],
            "restart": self.restart,
            "inform": self.inform,
            "version": self.version,
            "uptime_s": self.uptime_s,
            "objects": [[oid, text] for oid, text in self.objects],
        }

    @classmethod
    def read(cls, bay: str, device: str, data: Mapping[str, Any]) -> Self:
        """Return what `shown` wrote."""
        lists = {
            "channels": tuple(data["channels"]),
            "objects": tuple((oid, text) for oid, text in data["objects"]),
        }
        return cls(bay=bay, device=device, **{**data, **lists})


@dataclass(frozen=True, slots=True)
class Row:
    """A notice in the inbox."""

    id: int
    wall: float
    notice: Notice


class Inbox:
    """The notices of one data folder. Not for two threads at once, nor for two processes."""

    def __init__(self, path: Path, connection: Connection, at: At, rows_max: int) -> None:
        self._path = path
        self._connection = connection
        self._at = at
        self._rows_max = rows_max

    @classmethod
    def open(
        cls, path: Path, *, connect: Connect = connect, at: At = nothing, rows_max: int = ROWS_MAX
    ) -> Self:
        """Open the inbox, or begin one; `at`: for tests, see failpoint. Raises: StoreError."""
        with told(path), ExitStack() as undo:
            connection = connect(path)
            undo.callback(connection.close)
            prepare(connection, path)
            migrate(connection, path, SCHEMA)
            undo.pop_all()
        return cls(path, connection, at, rows_max)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def keep(self, notices: Sequence[tuple[bytes, Notice]], wall: float) -> list[Row | None]:
        """Write notices with their keys; durable when it returns. None: it is there already.

        Raises: StoreError, and then nothing of it was written.
        """
        kept: list[Row | None] = []
        with self._transaction():
            for key, notice in notices:
                kept.append(
                    None if self._there(key, notice, wall) else self._add(key, notice, wall)
                )
            if last := max((row.id for row in kept if row), default=0):
                self._connection.execute(
                    "DELETE FROM notice WHERE id <= ?", (last - self._rows_max,)
                )
        return kept

    def missed(self, bay: str, after: int, wall: float) -> list[Row]:
        """Return what came for a bay since row `after` and Unix time `wall`, the first first."""
        with told(self._path):
            rows = self._connection.execute(
                "SELECT id, wall, device, body FROM notice"
                " WHERE bay = ? AND id > ? AND wall >= ? ORDER BY id LIMIT ?",
                (bay, after, wall, MISSED_MAX),
            ).fetchall()
        return [
            Row(id_, at, Notice.read(bay, device, _decoded(body))) for id_, at, device, body in rows
        ]

    def _there(self, key: bytes, notice: Notice, wall: float) -> bool:
        """Say whether an inform was kept before; a trap is sent once, so that two are two."""
        if not notice.inform:
            return False
        found = self._connection.execute(
            "SELECT 1 FROM notice WHERE key = ? AND bay = ? AND device = ? AND wall > ?",
            (key, notice.bay, notice.device, wall - REPEAT_S),
        ).fetchone()
        return found is not None

    def _add(self, key: bytes, notice: Notice, wall: float) -> Row:
        """Write one row."""
        body = canonical.encode(notice.shown())
        (id_,) = self._connection.execute(
            "INSERT INTO notice (key, wall, bay, device, body) VALUES (?, ?, ?, ?, ?) RETURNING id",
            (key, wall, notice.bay, notice.device, body),
        ).fetchone()
        return Row(id_, wall, notice)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Write all of the block, durably, or none of it."""
        with told(self._path):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._at("inbox.committing")
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    with suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
        self._at("inbox.committed")


def _decoded(body: bytes) -> Mapping[str, Any]:
    """Return a body; one that is damaged is a database that is damaged. Raises: StoreError."""
    data = canonical.decode(body)
    assert isinstance(data, dict)
    return data
