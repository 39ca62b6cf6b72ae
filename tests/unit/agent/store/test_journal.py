"""The journal: what was acknowledged is there, what was changed is seen."""

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.burnin.event import Event, Kind
from agent.canonical import CanonicalError
from agent.store.database import RESTORE
from agent.store.entry import START, ChainError, Entry, chain
from agent.store.journal import Journal, Stamp, StoreError
from agent.store.schema_version import FOLDER, migrate, statements

STAMP = Stamp(wall=1.7e9, mono=12.5, boot="b0")


def event(at: float, **data: object) -> Event:
    """Make an event of some kind."""
    return Event(at, Kind.WINDOW, data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a journal may be made."""
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """Return a new journal."""
    journal = Journal.open(path)
    yield journal
    journal.close()


def test_entries_are_read_back_after_reopening(path: Path) -> None:
    """Runs in the order in which they began, events in the order in which they happened."""
    journal = Journal.open(path)
    written = journal.append("run-b", [event(0.0), event(1.5, judging="none")], STAMP)
    journal.append("run-a", [event(0.0)], STAMP)
    written += journal.append("run-b", [event(2.0)], STAMP._replace(mono=14.0))
    journal.close()

    again = Journal.open(path)
    assert again.runs() == ["run-b", "run-a"]
    assert again.entries("run-b") == written
    assert [entry.seq for entry in written] == [1, 2, 3]
    assert again.entries("run-c") == []
    again.close()


def test_every_entry_holds_the_hash_of_the_one_before(journal: Journal) -> None:
    """The chain that a record signs the end of."""
    entries = journal.append("run", [event(float(i)) for i in range(5)], STAMP)

    assert [entry.prev for entry in entries] == [START, *(entry.hash for entry in entries[:-1])]
    assert list(chain("run", [entry.line for entry in entries])) == entries


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
flat = st.dictionaries(texts, st.none() | st.integers() | texts, max_size=3)


@given(st.lists(flat, min_size=1, max_size=4), st.data())
def test_any_changed_byte_breaks_the_chain(
    data: list[dict[str, object]], draw: st.DataObject
) -> None:
    """At the entry that was changed, or at the one after it; the last one's hash is another."""
    entries: list[Entry] = []
    for seq, item in enumerate(data, 1):
        prev = entries[-1].hash if entries else START
        entries.append(Entry.made("run", seq, Event(float(seq), Kind.GAP, item), STAMP, prev))
    lines = [bytearray(entry.line) for entry in entries]
    which = draw.draw(st.integers(0, len(lines) - 1))
    where = draw.draw(st.integers(0, len(lines[which]) - 1))
    lines[which][where] ^= draw.draw(st.integers(1, 255))

    last, broken = "", 0
    try:
        for entry in chain("run", map(bytes, lines)):
            last = entry.hash
    except ChainError as error:
        broken = error.seq

    assert broken in (which + 1, which + 2) or (broken == 0 and which == len(lines) - 1)
    assert last != entries[-1].hash


@pytest.mark.parametrize(
    "change", [lambda x: x[1:], lambda x: [x[1], x[0], *x[2:]], lambda x: [x[0], *x]]
)
def test_entries_lost_moved_or_repeated_are_seen(journal: Journal, change: object) -> None:
    """Whichever way somebody rearranges a journal, it does not follow."""
    assert callable(change)
    lines = [
        entry.line for entry in journal.append("run", [event(0.0), event(1.0), event(2.0)], STAMP)
    ]

    with pytest.raises(ChainError):
        list(chain("run", change(lines)))


def test_an_entry_of_a_kind_from_the_future_is_named() -> None:
    """A record that a newer version wrote says so, instead of being misread."""
    line = Entry.made("run", 1, event(0.0), STAMP, START).line.replace(b'"window"', b'"wonder"')

    with pytest.raises(ChainError, match="entry 1: kind 'wonder' is unknown to this version"):
        Entry.read(line, 1)


def test_nothing_is_written_of_what_cannot_be_written_whole(journal: Journal) -> None:
    """Events, messages and answers stand or fall together."""
    bad = event(1.0, value=float("nan"))

    with pytest.raises(CanonicalError, match="value is nan"):
        journal.append("run", [event(0.0), bad], STAMP, outbox=[{"a": 1}], key="k", answer={})

    assert journal.entries("run") == []
    assert journal.due(0.0) == []
    assert journal.answered("k") is None
    assert journal.append("run", [event(0.0)], STAMP)[0].seq == 1


def test_an_answer_is_remembered_with_what_it_was_given_for(path: Path) -> None:
    """A caller that lost the answer asks again, and nothing happens twice."""
    journal = Journal.open(path)
    journal.append("run", [event(0.0)], STAMP, key="abc", answer={"run": "run", "n": [1, 2]})
    journal.close()

    again = Journal.open(path)
    assert again.answered("abc") == {"run": "run", "n": [1, 2]}
    assert again.answered("abd") is None
    with pytest.raises(StoreError, match="not written twice"):
        again.append("run", [event(1.0)], STAMP, key="abc", answer={})
    assert len(again.entries("run")) == 1
    again.close()


def test_messages_stay_until_they_are_sent(path: Path) -> None:
    """In the order in which they were written, and not before it is their turn again."""
    journal = Journal.open(path)
    journal.append("run", [event(0.0), event(1.0)], STAMP, outbox=[{"n": 1}, {"n": 2}])
    first, second = journal.due(now=100.0)
    journal.failed(first.id, again_at=130.0)
    journal.sent(second.id)
    journal.close()

    again = Journal.open(path)
    assert again.due(now=129.0) == []
    (message,) = again.due(now=130.0)
    assert (message.body, message.seq, message.tries) == ({"n": 1}, 2, 1)
    again.append("run", [], STAMP, outbox=[{"n": 3}])
    assert [message.id for message in again.due(now=130.0)] == [first.id, second.id + 1]
    again.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET line = x'00'",
        "DELETE FROM entry",
        "INSERT INTO entry VALUES ('run', 5, x'00', '')",
        "INSERT OR REPLACE INTO entry VALUES ('run', 1, x'00', '')",
    ],
)
def test_the_database_itself_refuses_to_change_the_past(path: Path, statement: str) -> None:
    """Whoever opens it with another program is told, too."""
    journal = Journal.open(path)
    journal.append("run", [event(0.0)], STAMP)
    journal.close()

    other = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match=r"append-only|has an entry"):
        other.execute(statement)
    other.close()


def changed(path: Path, statement: str) -> None:
    """Change a database in a way that its triggers would refuse."""
    other = sqlite3.connect(path, isolation_level=None)
    for trigger in ("entry_stays", "entry_remains", "entry_follows"):
        other.execute(f"DROP TRIGGER {trigger}")
    other.execute(statement)
    other.close()


def test_a_changed_entry_is_named_when_read_and_never_followed(path: Path) -> None:
    """Somebody who edits the database by force gets a run that goes no further."""
    journal = Journal.open(path)
    journal.append("run", [event(0.0), event(1.0)], STAMP)
    journal.close()
    changed(
        path,
        "UPDATE entry SET line = CAST(replace(line, '1.0', '1.5') AS BLOB) WHERE seq = 2",
    )

    again = Journal.open(path)
    with pytest.raises(StoreError, match="run run: entry 2 was changed"):
        again.entries("run")
    with pytest.raises(StoreError, match="run run: entry 2 was changed"):
        again.append("run", [event(2.0)], STAMP)
    again.close()


@pytest.mark.parametrize("opened", [1, 2], ids=["new", "known"])
def test_a_journal_that_lost_its_end_is_refused(path: Path, opened: int) -> None:
    """As when only the database was copied, and not the log beside it."""
    for _ in range(opened):
        journal = Journal.open(path)
        journal.append("run", [event(0.0)], STAMP)
        alone = path.read_bytes()
        journal.close()
    path.write_bytes(alone)

    with pytest.raises(StoreError, match=f"lacks entry {opened} of run run.*copied without its"):
        Journal.open(path)
    assert path.read_bytes() == alone


@settings(max_examples=60)
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 255))
def test_a_log_that_was_cut_short_or_damaged_is_refused(
    tmp_path_factory: pytest.TempPathFactory, where: float, flip: int
) -> None:
    """Unless all that was acknowledged is there all the same; `flip` 0: cut short."""
    folder = tmp_path_factory.mktemp("log")
    journal = Journal.open(folder / "journal.sqlite")
    written = [journal.append("run", [event(float(i))], STAMP)[0] for i in range(8)]
    left = tmp_path_factory.mktemp("left")
    for file in folder.iterdir():
        if not file.name.endswith("-shm"):
            shutil.copy(file, left)
    journal.close()
    log = left / "journal.sqlite-wal"
    data = bytearray(log.read_bytes())
    place = int(where * len(data))
    if flip:
        data[place] ^= flip
    log.write_bytes(data if flip else data[:place])

    found, said = written, ""
    try:
        again = Journal.open(left / "journal.sqlite")
    except StoreError as error:
        said = str(error)
    else:
        found = again.entries("run")
        again.close()

    assert found == written
    assert not said or "lacks entry 8 of run run" in said
    shutil.rmtree(folder)
    shutil.rmtree(left)


def test_a_journal_that_is_gone_is_not_begun_anew(path: Path) -> None:
    """A data folder without its journal is a folder to be restored, not a new one."""
    journal = Journal.open(path)
    journal.append("run", [event(0.0)], STAMP)
    journal.close()
    path.unlink()

    with pytest.raises(StoreError, match=r"is gone.*restore it from backup"):
        Journal.open(path)
    assert not path.exists()


def test_a_torn_head_vouches_for_nothing(path: Path) -> None:
    """A power cut may leave half a sector; the journal opens all the same."""
    journal = Journal.open(path)
    journal.append("run", [event(0.0)], STAMP)
    journal.close()
    head = path.with_suffix(".head")
    head.write_bytes(head.read_bytes()[:40])

    again = Journal.open(path)
    assert len(again.entries("run")) == 1
    again.append("run", [event(1.0)], STAMP)
    again.close()
    assert json.loads(head.read_bytes())["seq"] == 2


@settings(max_examples=60)
@given(st.integers(0, 11), st.integers(0, 4095), st.integers(1, 255))
@example(0, 3953, 128)  # in the schema's text: no longer UTF-8
def test_damaged_pages_are_told_and_left_alone(
    tmp_path_factory: pytest.TempPathFactory, page: int, where: int, flip: int
) -> None:
    """Either the damage is named, or what was written is read back as it was."""
    folder = tmp_path_factory.mktemp("damage")
    path = folder / "journal.sqlite"
    journal = Journal.open(path)
    written = journal.append("run", [event(float(i), text="x" * 300) for i in range(40)], STAMP)
    journal.close()
    data = bytearray(path.read_bytes())
    data[(page * 4096 + where) % len(data)] ^= flip
    path.write_bytes(data)

    found, said = None, ""
    try:
        again = Journal.open(path)
    except StoreError as error:
        said = str(error)
        assert path.read_bytes() == data
    else:
        with suppress(StoreError):
            found = again.entries("run")
        again.close()

    assert found in (None, written)
    assert not said or re.search(f"{RESTORE}|newer version|another program|made them", said)
    shutil.rmtree(folder)


def test_a_file_that_is_no_database_is_told_and_left_alone(path: Path) -> None:
    """It may be the operator's, or what is left of a journal."""
    path.write_bytes(b"What is this? " * 1000)

    with pytest.raises(StoreError, match="keep a copy"):
        Journal.open(path)
    assert path.read_bytes() == b"What is this? " * 1000


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    """Whose tables are not ours is not touched."""
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE accounts (name)")
    other.close()

    with pytest.raises(StoreError, match="another program: name another data folder"):
        Journal.open(path)


def test_tables_of_a_newer_version_are_refused(path: Path) -> None:
    """Going back to an older version must not half understand what a newer one wrote."""
    Journal.open(path).close()
    other = sqlite3.connect(path)
    other.execute("INSERT INTO schema SELECT max(version) + 1, 'f' FROM schema")
    other.commit()
    other.close()

    with pytest.raises(StoreError, match=r"newer version.*run that version, or restore the backup"):
        Journal.open(path)


def test_tables_are_brought_up_to_date_in_one_step_or_not_at_all(
    path: Path, tmp_path: Path
) -> None:
    """A step that fails leaves the tables as the last version had them."""
    Journal.open(path).close()
    folder = tmp_path / "steps"
    shutil.copytree(FOLDER, folder)
    (folder / "8000_more.sql").write_text("CREATE TABLE more (a);\nINSERT INTO more VALUES (1);")
    (folder / "9000_bad.sql").write_text("CREATE TABLE most (a);\nNO SUCH STATEMENT;")
    connection = sqlite3.connect(path, isolation_level=None)

    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, path, folder)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert not {"more", "most"} & tables

    (folder / "9000_bad.sql").unlink()
    migrate(connection, path, folder)
    assert connection.execute("SELECT a FROM more").fetchall() == [(1,)]
    (folder / "8000_more.sql").write_text("CREATE TABLE more (b);")
    with pytest.raises(StoreError, match="is not the one that made them"):
        migrate(connection, path, folder)
    connection.close()


def test_statements_of_a_script_are_told_apart() -> None:
    """A trigger holds semicolons of its own, and comments are no statements."""
    trigger = "CREATE TRIGGER c BEFORE DELETE ON a\nBEGIN\n SELECT 1;\nEND;\n"
    script = "-- a; b\nCREATE TABLE a (b);\n" + trigger

    assert [statement.count(";") for statement in statements(script)] == [2, 2]
