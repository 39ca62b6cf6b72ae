"""The inbox: what devices said by themselves, on the disk before an inform is acknowledged.

It is a database of its own beside the journal: what devices say in a storm must not slow the runs'
own events down, and of old rows nothing is needed once the runs they concern have told of them.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

from agent import canonical
from agent.store.database import Connect, Connection, lent, prepare, told, transaction
from agent.store.failpoint import At, nothing
from agent.store.schema_version import migrate

SCHEMA: Final = Path(__file__).parent / "schema_inbox"
ROWS_MAX: Final = (
    100_000  # 40 MB, of the longest 700; 100 devices that speak once a minute: 16 hours
)
REPEAT_S: Final = 150.0  # in which an inform that says the same is the one that is here already
MISSED_MAX: Final = 10_000  # rows handed out to a run that comes back
STATEMENT_ROWS: Final = 100  # written by one: between any two the thread waits for the loop's turn
_INSERT: Final = "INSERT INTO notice (key, wall, bay, device, body) VALUES"
_ROW: Final = "(?, ?, ?, ?, ?)"


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


Told = tuple[bytes, float, Notice]  # the key of its datagram, and the Unix time at which it came


@dataclass(frozen=True, slots=True)
class Row:
    """A notice in the inbox."""

    id: int
    wall: float
    notice: Notice


class Inbox:
    """The notices of one data folder: one thread may write while another reads, and no process.

    `keep` and `probe` are for the one, `missed` is for the other.
    """

    def __init__(
        self, path: Path, connection: Connection, reader: Connection, at: At, rows_max: int
    ) -> None:
        self._path = path
        self._connection = connection
        self._reader = reader
        self._at = at
        self._rows_max = rows_max

    @classmethod
    def open(
        cls, path: Path, *, connect: Connect = lent, at: At = nothing, rows_max: int = ROWS_MAX
    ) -> Self:
        """Open the inbox, or begin one; `at`: for tests, see failpoint. Raises: StoreError."""
        with told(path), ExitStack() as undo:
            connection = connect(path)
            undo.callback(connection.close)
            prepare(connection, path)
            migrate(connection, path, SCHEMA)
            reader = connect(path)
            undo.pop_all()
        return cls(path, connection, reader, at, rows_max)

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()
        self._connection.close()

    def keep(self, notices: Sequence[Told]) -> list[Row | None]:
        """Write notices, durable when it returns; return None for what is there already.

        Raises: StoreError, and then nothing of it was written.
        """
        kept: list[Row | None] = []
        with self._transaction():
            for at in range(0, len(notices), STATEMENT_ROWS):
                kept += self._kept(notices[at : at + STATEMENT_ROWS])
            if last := max((row.id for row in kept if row), default=0):
                self._connection.execute(
                    "DELETE FROM notice WHERE id <= ?", (last - self._rows_max,)
                )
        return kept

    def probe(self) -> list[Row | None]:
        """Write something and take it back: return where the disk takes it. Raises: StoreError."""
        with self._transaction():
            self._connection.execute(f"{_INSERT} {_ROW}", (b"", 0.0, "", "", b"{}"))
            self._connection.execute("DELETE FROM notice WHERE id = last_insert_rowid()")
        return []

    def missed(self, bay: str, after: int, wall: float) -> list[Row]:
        """Return what came for a bay since row `after` and Unix time `wall`, the first first."""
        with told(self._path):
            rows = self._reader.execute(
                "SELECT id, wall, device, body FROM notice"
                " WHERE bay = ? AND id > ? AND wall >= ? ORDER BY id LIMIT ?",
                (bay, after, wall, MISSED_MAX),
            ).fetchall()
        return [
            Row(id_, at, Notice.read(bay, device, _decoded(body))) for id_, at, device, body in rows
        ]

    def _kept(self, notices: Sequence[Told]) -> list[Row | None]:
        """Write a few rows; of an inform that is there already, none."""
        there = self._there(notices)
        new: list[Told | None] = []
        for each in notices:
            key, wall, notice = each
            name = (key, notice.bay, notice.device)
            repeat = notice.inform and wall < there.get(name, -math.inf) + REPEAT_S
            new.append(None if repeat else each)
            if notice.inform and not repeat:
                there[name] = wall
        rows = [row for row in new if row is not None]
        ids = count(self._add(rows) if rows else 0)
        return [None if row is None else Row(next(ids), *row[1:]) for row in new]

    def _there(self, notices: Sequence[Told]) -> dict[tuple[bytes, str, str], float]:
        """Return when informs were kept before; a trap is sent once, so that two are two."""
        keys = [key for key, _, notice in notices if notice.inform]
        if not keys:
            return {}
        found = self._connection.execute(
            "SELECT key, bay, device, max(wall) FROM notice"  # noqa: S608 -- as many marks as keys
            f" WHERE key IN ({', '.join('?' * len(keys))}) GROUP BY key, bay, device",
            keys,
        ).fetchall()
        return {(key, bay, device): wall for key, bay, device, wall in found}

    def _add(self, notices: Sequence[Told]) -> int:
        """Write rows of consecutive numbers; return the first of these."""
        values = [
            value
            for key, wall, notice in notices
            for value in (key, wall, notice.bay, notice.device, canonical.encode(notice.shown()))
        ]
        self._connection.execute(f"{_INSERT} {', '.join([_ROW] * len(notices))}", values)
        (last,) = self._connection.execute("SELECT last_insert_rowid()").fetchone()
        return int(last) - len(notices) + 1

    def _transaction(self) -> AbstractContextManager[None]:
        """Write all of a block, durably, or none of it."""
        return transaction(self._connection, self._path, self._at, "inbox")


def _decoded(body: bytes) -> Mapping[str, Any]:
    """Return a body; one that is damaged is a database that is damaged. Raises: StoreError."""
    data = canonical.decode(body)
    assert isinstance(data, dict)
    return data
