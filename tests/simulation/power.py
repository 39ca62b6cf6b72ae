"""A disk that loses power: every write and sync of SQLite is recorded, and cut at any moment.

What was synced is on the disk. Of what was not, a disk may have written all, nothing, some, in
any order, and the last of it in part. `crashes` yields such disks.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import apsw

SECTOR = 512  # bytes that a disk writes as a whole
SHARES = (0.0, 0.3, 0.5, 0.8, 1.0)  # of what was not synced, that a disk has written all the same


class Act(Enum):
    """What was done to a file."""

    WRITE, TRUNCATE, SYNC, DELETE = range(4)


@dataclass(frozen=True)
class Step:
    """One call that SQLite made of the file system."""

    act: Act
    file: str
    at: int = 0
    data: bytes = b""


class Recorder(apsw.VFS):
    """A file system that does what it is asked and remembers it."""

    def __init__(self, name: str) -> None:
        self.steps: list[Step] = []
        self.vfs_name = name
        super().__init__(name, "")

    def xOpen(  # noqa: N802 -- SQLite's own name
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        """Open a file whose changes are remembered."""
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802
        """Remove a file."""
        self.steps.append(Step(Act.DELETE, Path(filename).name, int(syncdir)))
        super().xDelete(filename, syncdir)


class _File(apsw.VFSFile):
    """One file of it."""

    def __init__(
        self, recorder: Recorder, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        full = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        self._steps = recorder.steps
        self._name = Path(full).name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write, and remember it."""
        self._steps.append(Step(Act.WRITE, self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """Cut off, and remember it."""
        self._steps.append(Step(Act.TRUNCATE, self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Sync, and remember it."""
        self._steps.append(Step(Act.SYNC, self._name))
        super().xSync(flags)


@dataclass
class Disk:
    """Files as they are on the platter, and what is on its way there."""

    files: dict[str, bytearray] = field(default_factory=dict)
    waiting: dict[str, list[Step]] = field(default_factory=dict)

    def take(self, step: Step) -> None:
        """Do one step as a disk does it that never loses what was synced."""
        if step.act is Act.SYNC:
            for waiting in self.waiting.pop(step.file, []):
                _apply(self.files, waiting)
            self.files.setdefault(step.file, bytearray())
        elif step.act is Act.DELETE:
            self.files.pop(step.file, None)
            self.waiting.pop(step.file, None)
        else:
            self.waiting.setdefault(step.file, []).append(step)

    def cut(self, rng: random.Random, share: float) -> dict[str, bytearray]:
        """Return what is found after a power cut, with about that share of what was on its way."""
        files = {name: bytearray(data) for name, data in self.files.items()}
        for steps in self.waiting.values():
            kept = [step for step in steps if rng.random() < share]
            if 0 < share < 1:
                rng.shuffle(kept)
                if kept and kept[-1].act is Act.WRITE:
                    kept[-1] = _torn(kept[-1], rng)
            for step in kept:
                _apply(files, step)
        return files


def crashes(
    steps: list[Step], rng: random.Random, each: int
) -> Iterator[tuple[int, dict[str, bytearray]]]:
    """Yield how many steps were taken, and disks that are then found: `each` after every step."""
    disk = Disk()
    for count, step in enumerate(steps, 1):
        disk.take(step)
        for share in rng.sample(SHARES, each):
            yield count, disk.cut(rng, share)


def lay_out(files: dict[str, bytearray], folder: Path) -> None:
    """Put files into a folder; the index of a log is not among them: it is memory."""
    for left in folder.iterdir():
        left.unlink()
    for name, data in files.items():
        if not name.endswith("-shm"):
            (folder / name).write_bytes(data)


def _torn(step: Step, rng: random.Random) -> Step:
    """Return only the first sectors of a write."""
    sectors = rng.randrange(len(step.data) // SECTOR + 1)
    return Step(step.act, step.file, step.at, step.data[: sectors * SECTOR])


def _apply(files: dict[str, bytearray], step: Step) -> None:
    """Do a step to a file."""
    data = files.setdefault(step.file, bytearray())
    if step.act is Act.TRUNCATE:
        del data[step.at :]
        return
    end = step.at + len(step.data)
    data.extend(bytes(max(0, end - len(data))))
    data[step.at : end] = step.data
