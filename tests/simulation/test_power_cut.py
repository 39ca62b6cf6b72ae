"""The power goes at any moment: whatever was acknowledged is there, and nothing is in halves."""

import os
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.burnin.block import Block
from agent.burnin.event import Event, Kind
from agent.store.head import Head, Named
from agent.store.journal import Entry, Journal, Stamp
from agent.store.spool import Spool, scan
from tests.simulation.power import SHARES, Act, Recorder, Step, crashes, lay_out

NIGHTLY = os.environ.get("RACKPROOF_NIGHTLY") == "1"
EACH = len(SHARES) if NIGHTLY else 1  # disks that may be found after each step
ROUNDS = 34
CHECKPOINT_PAGES = 60  # the log is brought over that often, where SQLite would wait for 1,000
PAGE = 4096  # bytes that a file system writes as a whole
MEMORY = Path("/dev/shm")  # noqa: S108 -- thousands of files that nobody needs to keep


class Acked(NamedTuple):
    """What had been promised when so many steps were taken."""

    steps: int
    entries: int
    messages: frozenset[int]
    keys: int


class _Careless(apsw.Connection):
    """A database that is less durable than it was asked to be."""

    def execute(self, statements: str, *values: Any, **more: Any) -> apsw.Cursor:  # noqa: ANN401
        """Run a statement, but for one word of it."""
        return super().execute(statements.replace("= FULL", "= NORMAL"), *values, **more)


class Work:
    """A journal at work on a recorded disk."""

    def __init__(self, folder: Path, synchronous: str = "FULL") -> None:
        self.recorder = Recorder(f"power-{synchronous}")
        self._synchronous = synchronous
        self.entries: list[Entry] = []
        self.acked: list[Acked] = []
        self._messages: set[int] = set()
        self._keys = 0
        self._path = folder / "journal.sqlite"

    def connect(self, path: Path) -> apsw.Connection:
        """Open a database on the recorded disk."""
        kind = apsw.Connection if self._synchronous == "FULL" else _Careless
        connection = kind(str(path), vfs=self.recorder.vfs_name)
        connection.wal_autocheckpoint(CHECKPOINT_PAGES)
        return connection

    def ack(self) -> None:
        """Note that what was done so far has been promised to somebody."""
        told = frozenset(self._messages)
        self.acked.append(Acked(len(self.recorder.steps), len(self.entries), told, self._keys))

    def run(self, rng: random.Random) -> None:
        """Write as the daemon does, and start anew now and then."""
        for _ in range(3):
            journal = Journal.open(self._path, connect=self.connect)
            for _ in range(ROUNDS):
                self._append(journal, rng)
                for message in journal.due(0.0)[:1]:
                    if rng.random() < 0.4:
                        journal.sent(message.id)
                        self._messages.discard(message.id)
                        self.ack()
            journal.close()

    def _append(self, journal: Journal, rng: random.Random) -> None:
        """Append events, some of them large, with a message and an answer."""
        at = float(len(self.entries))
        text = "x" * rng.choice([10, 10, 100, 1000, 6000])
        events = [Event(at + i, Kind.GAP, {"why": text}) for i in range(rng.randint(1, 3))]
        key = str(self._keys)
        self.entries += journal.append(
            "run", events, STAMP, outbox=[{"n": self._keys}], key=key, answer={"n": self._keys}
        )
        self._keys += 1
        self._messages |= {message.id for message in journal.due(0.0)}
        self.ack()


STAMP = Stamp(1.7e9, 3.0, "b0")


def promised(acked: Sequence[Acked], steps: int) -> Acked:
    """Return what had been promised by then."""
    return max((a for a in acked if a.steps <= steps), default=Acked(0, 0, frozenset(), 0))


def head_of(entries: Sequence[Entry], folder: Path) -> None:
    """Write the head as it may stand at most: written after the last entry was promised."""
    head = Head(folder / "journal.head")
    head.write(Named("run", entries[-1].seq, entries[-1].hash))
    head.close()


def test_a_power_cut_takes_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Thousands of disks that may be found afterwards, each opened by the shipped journal."""
    rng = random.Random(20)
    work = Work(tmp_path)
    work.run(rng)
    steps = work.recorder.steps
    syncs = [step for step in steps if step == Step(Act.SYNC, "journal.sqlite")]
    assert len(syncs) > 10  # the log was brought over, and begun anew

    states = 0
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else tmp_path) as name:
        for count, files in crashes(steps, rng, EACH):
            lay_out(files, Path(name))
            check(work, promised(work.acked, count), Path(name))
            states += 1

    assert states >= 2000


def check(work: Work, owed: Acked, folder: Path) -> None:
    """Open what a power cut left: it holds what was promised, and at most one act more, whole."""
    if owed.entries:
        head_of(work.entries[: owed.entries], folder)
    journal = Journal.open(folder / "journal.sqlite")
    found = journal.entries("run")
    assert len(found) >= owed.entries
    assert found == work.entries[: len(found)]
    keys = sum(journal.answered(str(key)) is not None for key in range(owed.keys + 2))
    assert keys - owed.keys in (0, 1)
    assert (keys == owed.keys) == (len(found) == owed.entries)
    due = {message.id for message in journal.due(0.0)}
    assert len(due ^ owed.messages) <= 1  # the one that was on its way, in or out
    assert journal.append("run", [Event(0.0, Kind.GAP, {})], STAMP)[0].seq == len(found) + 1
    journal.close()


def test_less_than_full_durability_would_be_noticed(tmp_path: Path) -> None:
    """The method finds losses where there are some: SQLite's NORMAL keeps less than it said."""
    rng = random.Random(21)
    work = Work(tmp_path, "NORMAL")
    work.run(rng)
    folder = tmp_path / "found"
    folder.mkdir()
    lost = 0
    for count, files in crashes(work.recorder.steps[:400], rng, 1):
        lay_out(files, folder)
        journal = Journal.open(folder / "journal.sqlite")
        lost += len(journal.entries("run")) < promised(work.acked, count).entries
        journal.close()

    assert lost > 20


@pytest.fixture(scope="module")
def spooled(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    """Return a file of the spool and where its frames end."""
    folder = tmp_path_factory.mktemp("spool")
    spool, _ = Spool.open(folder)
    ends = [0]
    rng = np.random.default_rng(3)
    for at in range(40):
        raw = rng.normal(size=(1, int(rng.integers(1, 60))))
        time = np.array([float(at)])
        quality = np.zeros(raw.shape, np.uint8)
        block = Block(
            device="a", binding=0, asked=time, taken=time, values=raw, quality=quality, raw=raw
        )
        spool.write([block])
        ends.append(spool.path(1).stat().st_size)
    spool.close()
    return spool.path(1).read_bytes(), ends


@settings(max_examples=5000 if NIGHTLY else 1000)
@given(st.data())
def test_a_power_cut_takes_no_samples_that_were_synced(
    spooled: tuple[bytes, list[int]], draw: st.DataObject
) -> None:
    """Behind the last sync, pages of the file are there, or zeros, or not there; never made up."""
    data, ends = spooled
    synced = draw.draw(st.integers(0, len(ends) - 1))
    size = draw.draw(st.integers(ends[synced], len(data)))
    found = bytearray(data[:size])
    for page in range(ends[synced] // PAGE, size // PAGE + 1):
        if draw.draw(st.booleans()):
            start = max(page * PAGE, ends[synced])
            end = min((page + 1) * PAGE, size)
            found[start:end] = bytes(max(0, end - start))
    whole = [data[start:end] for start, end in pairwise(ends)]

    scanned = scan(bytes(found), "x")

    frames = [frame for frame in whole if any(frame.endswith(body) for body in scanned.frames)]
    assert len(frames) == len(scanned.frames)
    assert frames[:synced] == whole[:synced]
