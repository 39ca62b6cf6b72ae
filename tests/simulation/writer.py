"""A process that stores as the daemon does, and tells what it was promised; made to be killed.

Reads orders from its standard input, one a line: a data folder, and the failpoint to die at, or
"-". Each order is carried out by a child, so that the next one need not import anything again. The
child tells its number, then what was acknowledged: "entry SEQ" and "sample AT".
"""

import itertools
import os
import sys
from pathlib import Path

import numpy as np

from agent.burnin.block import Block
from agent.burnin.event import Event, Kind
from agent.store.failpoint import At, killing, nothing
from agent.store.folder import DataFolder
from agent.store.journal import Journal, Stamp
from agent.store.sealing import number_of, seal
from agent.store.spool import Spool

RUN = "run-1"
STAMP = Stamp(1.7e9, 3.0, "b0")
SEAL_EVERY = 7  # rounds


def tell(text: str) -> None:
    """Acknowledge: from here on it must not be lost."""
    os.write(1, f"{text}\n".encode())


def poll(at: float) -> Block:
    """Make the samples of one moment."""
    raw = np.arange(40.0).reshape(1, 40) + at
    time = np.array([at])
    quality = np.zeros(raw.shape, np.uint8)
    return Block(
        device="cdu", binding=0, asked=time, taken=time, values=raw / 10, quality=quality, raw=raw
    )


def work(path: Path, at: At) -> None:
    """Go on where the last one was killed, until that happens again."""
    folder = DataFolder.open(path)
    journal = Journal.open(folder.journal, at=at)
    run = folder.run(RUN)
    entries = journal.entries(RUN)
    segments = [e.event.data for e in entries if e.event.kind is Kind.SEGMENT]
    sealed = {number_of(facts) for facts in segments}
    spool, recovered = Spool.open(run.spool, sealed=sealed, at=at)
    assert recovered.damage == ()

    def finish(number: int) -> None:
        done = seal(run, number, at=at)
        if done.facts is not None:
            (entry,) = journal.append(RUN, [Event(0.0, Kind.SEGMENT, done.facts)], STAMP)
            tell(f"entry {entry.seq}")
        spool.drop(number)

    for number in recovered.files:
        finish(number)
    now = float(sum(e.event.kind is Kind.GAP for e in entries))
    for count in itertools.count():
        moment = os.getpid() * 1e6 + count  # no other writer has that one
        spool.write([poll(moment)])
        tell(f"sample {moment}")
        events = [Event(now, Kind.GAP, {"why": "x" * 50})]
        entry = journal.append(RUN, events, STAMP, outbox=[{"n": 1}], key=str(now), answer={})[-1]
        tell(f"entry {entry.seq}")
        now += 1
        if not now % SEAL_EVERY:
            finish(spool.turn())


def main() -> None:
    """Carry out orders until there are no more."""
    for order in sys.stdin:
        path, failpoint = order.split()
        child = os.fork()
        if not child:
            tell(f"child {os.getpid()}")
            work(Path(path), nothing if failpoint == "-" else killing(failpoint))
        _, status = os.waitpid(child, 0)
        tell(f"dead {status}")


if __name__ == "__main__":
    main()
