"""The tables of the database: numbered SQL files, each applied once and for ever the same."""

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agent.store.database import Connection
from agent.store.trouble import StoreError

FOLDER: Final = Path(__file__).parent / "schema"
TABLE: Final = "CREATE TABLE schema (version INTEGER PRIMARY KEY, sha256 TEXT NOT NULL) STRICT"


def migrate(connection: Connection, path: Path, folder: Path = FOLDER) -> None:
    """Bring the tables up to date, all in one transaction.

    Raises: StoreError if they are newer than this version, changed, or somebody else's.
    """
    steps = [file.read_bytes() for file in sorted(folder.glob("*.sql"))]
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = _done(connection, path)
        if len(done) > len(steps):
            raise StoreError(
                f"{path} was written by a newer version (tables {len(done)}, this one knows"
                f" {len(steps)}): run that version, or restore the backup made before the upgrade"
            )
        for version, step in enumerate(steps, 1):
            digest = hashlib.sha256(step).hexdigest()
            if version <= len(done):
                if done[version - 1] != digest:
                    raise StoreError(
                        f"{path}: step {version} of its tables is not the one that made them:"
                        " install the version that did"
                    )
                continue
            for statement in statements(step.decode()):
                connection.execute(statement)
            connection.execute("INSERT INTO schema VALUES (?, ?)", (version, digest))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a script, one by one: running them at once would commit."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _done(connection: Connection, path: Path) -> list[str]:
    """Return the digests of the steps that made the tables; begin the list where it is new."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master").fetchall()}
    if not tables:
        connection.execute(TABLE)
    elif "schema" not in tables:
        raise StoreError(f"{path} holds the tables of another program: name another data folder")
    rows = connection.execute("SELECT sha256 FROM schema ORDER BY version").fetchall()
    return [digest for (digest,) in rows]
