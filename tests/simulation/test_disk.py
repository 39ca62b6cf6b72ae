"""A disk that is full, locked, read-only or broken: told at once, nothing in halves, then on."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.burnin.block import Block
from agent.burnin.event import Event, Kind
from agent.store.database import LOCK_WAIT_S, Connection, connect
from agent.store.folder import DataFolder, RunFolder
from agent.store.journal import Journal, Stamp, StoreError
from agent.store.sealing import seal
from agent.store.spool import Spool, blocks

STAMP = Stamp(1.7e9, 3.0, "b0")
SIZE = 4 << 20  # of the file system that fills up
LOOP_LAG_MAX_S = 0.1  # what the polls may be held up by

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


def event(at: float, size: int = 100) -> Event:
    """Make an event of about that size."""
    return Event(at, Kind.GAP, {"why": "x" * size})


def poll(at: float) -> Block:
    """Make the samples of one moment."""
    raw = np.full((1, 500), at)
    time = np.array([at])
    quality = np.zeros(raw.shape, np.uint8)
    return Block(
        device="cdu", binding=0, asked=time, taken=time, values=raw, quality=quality, raw=raw
    )


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Return a small file system of its own, where that can be had."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a file system can only be mounted by root")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def until_refused(act: Callable[[int], object]) -> tuple[int, str]:
    """Do something until it is refused; return how often it was not, and what was said."""
    for done in range(100_000):
        try:
            act(done)
        except StoreError as error:
            return done, str(error)
    raise AssertionError("was never refused")


def test_a_full_disk_is_told_and_what_was_acknowledged_stays(small: Path) -> None:
    """Space is given back, and it goes on where it stopped; nothing was written in halves."""
    path = small / "journal.sqlite"
    journal = Journal.open(path)
    ballast = small / "ballast"
    ballast.write_bytes(bytes(SIZE // 2))

    done, said = until_refused(
        lambda i: journal.append(
            "run", [event(i, 2000), event(i)], STAMP, outbox=[{"n": i}], key=str(i), answer={}
        )
    )
    assert "full" in said
    assert len(journal.entries("run")) == 2 * done
    assert journal.answered(str(done)) is None
    until_refused(lambda i: journal.append("run", [event(i, 2000), event(i)], STAMP))

    before = len(journal.entries("run"))
    ballast.unlink()
    journal.append("run", [event(0.0, 2000)], STAMP)
    journal.close()
    again = Journal.open(path)
    assert len(again.entries("run")) == before + 1
    again.close()


def test_a_journal_that_may_not_grow_is_told(tmp_path: Path) -> None:
    """The same where nothing can be mounted: SQLite is given a number of pages."""

    def limited(path: Path) -> Connection:
        connection = connect(path)
        connection.execute("PRAGMA max_page_count = 40")
        return connection

    journal = Journal.open(tmp_path / "journal.sqlite", connect=limited)
    done, said = until_refused(lambda i: journal.append("run", [event(i, 3000)], STAMP))
    assert "the disk is full: free some space, and it goes on by itself" in said
    assert len(journal.entries("run")) == done
    journal.close()

    again = Journal.open(tmp_path / "journal.sqlite")
    again.append("run", [event(0.0, 3000)], STAMP)
    assert len(again.entries("run")) == done + 1
    again.close()


def test_samples_on_a_full_disk_are_whole_or_not_there(small: Path) -> None:
    """Neither the spool nor a segment is left in halves; both go on after space returns."""
    folder = RunFolder(small / "spool", small / "segments")
    for part in folder:
        part.mkdir()
    spool, _ = Spool.open(folder.spool)
    ballast = small / "ballast"
    ballast.write_bytes(bytes(SIZE // 2))

    done, said = until_refused(lambda i: spool.write([poll(float(i))]))
    assert "No space left on device: these samples are not stored" in said
    with pytest.raises(StoreError, match="No space left"):
        write_until_sealed(spool, folder)
    assert list(folder.segments.iterdir()) == []

    ballast.unlink()
    spool.write([poll(float(done))])
    spool.close()
    spool, recovered = Spool.open(folder.spool)
    assert (recovered.cut, recovered.damage) == (0, ())
    found = [block for n in recovered.files for block in blocks(spool.path(n))[0]]
    assert sum(len(block.asked) for block in found) == done + 1
    sealed = [seal(folder, number) for number in recovered.files]
    assert sum(s.facts["samples"] for s in sealed if s.facts) == 500 * (done + 1)
    spool.close()


def write_until_sealed(spool: Spool, folder: RunFolder) -> None:
    """Seal on a disk on which there is no room for it."""
    seal(folder, spool.turn())


def test_a_locked_journal_holds_nobody_up(tmp_path: Path) -> None:
    """Somebody has it open and does not let go: each act is refused, and the next ones are not."""
    path = tmp_path / "journal.sqlite"
    journal = Journal.open(path)
    journal.append("run", [event(0.0)], STAMP)
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        for _ in range(3):  # returns although the holder never lets go
            with pytest.raises(StoreError, match="another process holds it: end whatever has it"):
                journal.append("run", [event(1.0)], STAMP)
        with pytest.raises(StoreError, match="another process holds it"):
            Journal.open(path)
        holder.kill()
    assert journal.append("run", [event(1.0)], STAMP)[0].seq == 2
    journal.close()
    assert LOCK_WAIT_S < LOOP_LAG_MAX_S


def test_a_folder_that_became_read_only_is_told(small: Path) -> None:
    """As file systems do that found an error: nothing is written, and it says why."""
    Journal.open(small / "journal.sqlite").close()
    remount = ["mount", "-o", "remount,ro", str(small)]
    subprocess.run(remount, check=True)

    with pytest.raises(StoreError, match="see the rights of the folder and its mount"):
        Journal.open(small / "journal.sqlite")
    with pytest.raises(StoreError, match="Read-only file system"):
        DataFolder.open(small / "data")
    with pytest.raises(StoreError, match="Read-only file system"):
        Spool.open(small)
