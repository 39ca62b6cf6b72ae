"""A process is killed at any moment, again and again: what it acknowledged is there, each once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest

from agent.burnin.block import Block
from agent.burnin.event import Kind
from agent.store.folder import DataFolder
from agent.store.journal import Journal
from agent.store.sealing import number_of, segment_blocks
from agent.store.spool import Spool, blocks
from tests.simulation.writer import RUN

ROOT = Path(__file__).parents[2]
NIGHTLY = os.environ.get("RACKPROOF_NIGHTLY") == "1"
KILLS = 50  # in one data folder
FOLDERS = 20 if NIGHTLY else 1
PASSINGS = 20 if NIGHTLY else 5
PAUSE_S = 0.002  # a round takes about half of that: the kill may hit any part of one
FAILPOINTS = (
    "journal.committing",
    "journal.committed",  # on the disk, and nobody was told
    "spool.written",
    "seal.packed",
    "file.written",
    "file.renamed",
    "seal.written",
)


class Writers:
    """Starts one writer after the other, and keeps what each was promised."""

    def __init__(self, nursery: subprocess.Popen[str], folder: Path) -> None:
        self.entries = 0
        self.samples: set[float] = set()
        self._sealed: list[list[float]] = []
        self._rng = random.Random(4)
        self._nursery = nursery
        self._folder = folder

    def run(self, failpoint: str, acks: int) -> None:
        """Run a writer until its failpoint, or until it was promised so many things."""
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(f"{self._folder} {failpoint}\n")
        self._nursery.stdin.flush()
        _, child = self._nursery.stdout.readline().split()
        for line in self._nursery.stdout:
            what, value = line.split()
            if what == "dead":
                assert int(value) == signal.SIGKILL  # and not an error of its own
                return
            if what == "entry":
                self.entries = int(value)
            else:
                self.samples.add(float(value))
            acks -= 1
            if not acks and failpoint == "-":
                time.sleep(self._rng.random() * PAUSE_S)
                os.kill(int(child), signal.SIGKILL)

    def check(self) -> None:
        """Look at what the last one left: everything promised is there, and nothing twice."""
        folder = DataFolder.open(self._folder)
        journal = Journal.open(folder.journal)
        entries = journal.entries(RUN)
        assert len(entries) >= self.entries
        gaps = [e.event.at for e in entries if e.event.kind is Kind.GAP]
        assert gaps == [float(i) for i in range(len(gaps))]
        assert all(journal.answered(str(at)) == {} for at in gaps[-50:])
        facts = [e.event.data for e in entries if e.event.kind is Kind.SEGMENT]
        run = folder.run(RUN)
        spool, recovered = Spool.open(run.spool, sealed={number_of(fact) for fact in facts})
        for fact in facts[len(self._sealed) :]:  # those seen before never change
            self._sealed.append(moments(segment_blocks(run.segments, fact)))
        spooled = [moments(blocks(spool.path(number))[0]) for number in recovered.files]
        at = list(chain.from_iterable([*self._sealed, *spooled]))
        assert recovered.damage == ()
        assert self.samples <= {*at}
        assert len(at) == len({*at})
        spool.drop(spool.number)
        spool.close()
        journal.close()
        folder.close()


def moments(found: Iterable[Block]) -> list[float]:
    """Return when each of the samples was asked for: every one at a moment of its own."""
    return [float(at) for block in found for at in block.asked]


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[Writers]:
    """Return a place to start writers from."""
    command = [sys.executable, "-m", "tests.simulation.writer"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as nursery:
        yield Writers(nursery, tmp_path / "data")


@pytest.mark.parametrize("seed", range(FOLDERS))
def test_kills_at_random_lose_nothing_that_was_acknowledged(writers: Writers, seed: int) -> None:
    """One folder is killed in over and over; every restart goes on where the last one ended."""
    rng = random.Random(seed)
    for _ in range(KILLS):
        writers.run("-", acks=rng.randint(1, 60))
        writers.check()

    assert writers.entries > KILLS


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_kills_where_it_would_hurt_most_lose_nothing(writers: Writers, failpoint: str) -> None:
    """Between the disk and the acknowledgement, and at every step of sealing."""
    for passing in range(1, PASSINGS + 1):
        writers.run(f"{failpoint}:{passing}", acks=-1)
        writers.check()
