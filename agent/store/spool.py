"""The spool: samples of the last hour, on the disk as they come, before they become a segment.

A frame is a mark, a length, a CRC and the samples. What was written survives the end of the
process at once, and of the power from the next `sync` on. Each file of the spool becomes the
segment of the same number; it is removed when the journal knows that segment.

After a crash the files are read again. A frame that was not finished is cut off. A frame that was
damaged, with sound ones after it, is no accident of writing: it is told, as a gap, and the sound
ones are kept.
"""

import os
import struct
import zlib
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np

from agent.burnin.block import Block
from agent.store.failpoint import At, nothing
from agent.store.files import sync_folder
from agent.store.segments import CELLS_MAX, gathered
from agent.store.trouble import StoreError

MARK: Final = b"RPs\x01"  # where a frame begins; the last byte is the version of this layout
FRAME_BYTES_MAX: Final = 1 << 26  # a second of 10,000 channels takes 170 kB; this is a backlog
FULL_CELLS: Final = CELLS_MAX // 2  # numbers after which the next file should be begun
_FRAME: Final = struct.Struct("<4sII")  # mark, length of what follows, its CRC
_BLOCK: Final = struct.Struct("<HIII")  # length of the name, binding, polls, channels


class Damage(NamedTuple):
    """Bytes that are no frames, between such as are. Times in run seconds; None: not known."""

    file: str
    offset: int
    size: int
    after: float | None  # the last sample before it
    before: float | None  # the first one behind it


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a crash left: files to be sealed, bytes that were cut off, and what is damaged."""

    files: tuple[int, ...]
    cut: int
    damage: tuple[Damage, ...]


class Spool:
    """The spool of one run, to be written by one process."""

    def __init__(self, folder: Path, at: At) -> None:
        self.number = 0  # of the file that is being written
        self._folder = folder
        self._at = at
        self._file = -1
        self._end = 0
        self._cells = 0

    @classmethod
    def open(
        cls, folder: Path, *, sealed: Collection[int] = (), at: At = nothing
    ) -> tuple[Self, Recovered]:
        """Open a run's spool, after a crash or new; `sealed`: numbers of segments journalled.

        Files of those are removed. What is written goes into a new file; those found are to be
        sealed by whoever opens it. Raises: StoreError.
        """
        spool = cls(folder, at)
        cut, damage, files = 0, list[Damage](), list[int]()
        try:
            for number in spool.files():
                path = spool.path(number)
                if number in sealed:
                    path.unlink()
                    continue
                scanned = scan(path.read_bytes(), path.name)
                cut += _cut(path, scanned.end)
                damage += scanned.damage
                files.append(number)
            sync_folder(folder)
            spool.number = max([0, *sealed, *files])
            spool._begin()
        except OSError as error:
            raise StoreError(f"{folder}: {error.strerror}: the spool cannot be used") from error
        return spool, Recovered(tuple(files), cut, tuple(damage))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    @property
    def full(self) -> bool:
        """Say whether a segment should not become any larger."""
        return self._cells >= FULL_CELLS

    def path(self, number: int) -> Path:
        """Return where a file of the spool lies."""
        return self._folder / f"{number:06}.spool"

    def files(self) -> list[int]:
        """Return the numbers of the files that there are, oldest first."""
        return sorted(int(path.stem) for path in self._folder.glob("[0-9]*.spool"))

    def write(self, blocks: Sequence[Block]) -> None:
        """Write samples as one frame. Raises: StoreError, and then nothing of it was written."""
        body = b"".join(map(_encoded, blocks))
        if len(body) > FRAME_BYTES_MAX:
            raise StoreError(f"{len(body)} bytes of samples at once: at most {FRAME_BYTES_MAX}")
        frame = _FRAME.pack(MARK, len(body), zlib.crc32(body)) + body
        try:
            written = os.pwrite(self._file, frame, self._end)
            while written < len(frame):  # a disk that fills up takes a part of it, then refuses
                written += os.pwrite(self._file, frame[written:], self._end + written)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._end)
            path = self.path(self.number)
            raise StoreError(f"{path}: {error.strerror}: these samples are not stored") from error
        self._end += len(frame)
        self._cells += sum(block.raw.size * 3 for block in blocks)
        self._at("spool.written")

    def sync(self) -> None:
        """Make what was written survive a power cut. Raises: StoreError."""
        try:
            os.fdatasync(self._file)
        except OSError as error:
            raise StoreError(f"{self.path(self.number)}: {error.strerror}") from error

    def turn(self) -> int:
        """Go on in a new file; return the number of the one that can be sealed now."""
        self.sync()
        before = self._file
        try:
            self._begin()
        except OSError as error:
            raise StoreError(f"{self._folder}: {error.strerror}: no new file") from error
        os.close(before)
        return self.number - 1

    def drop(self, number: int) -> None:
        """Remove a file whose segment is in the journal. Raises: StoreError."""
        try:
            self.path(number).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path(number)}: {error.strerror}") from error

    def _begin(self) -> None:
        """Begin the next file."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.open(self.path(self.number + 1), flags, 0o640)
        self.number += 1
        self._end = self._cells = 0
        sync_folder(self._folder)


class Scanned(NamedTuple):
    """What a file of the spool holds."""

    frames: tuple[bytes, ...]
    end: int  # of the last sound frame
    damage: tuple[Damage, ...]


def scan(data: bytes, name: str) -> Scanned:
    """Find the sound frames of a file; what lies between them is damage, not the end."""
    frames: list[bytes] = []
    damage: list[Damage] = []
    end = 0
    while (found := _next(data, end)) is not None:
        start, body = found
        if start > end:
            after = _latest(frames[-1]) if frames else None
            damage.append(Damage(name, end, start - end, after, _earliest(body)))
        frames.append(body)
        end = start + _FRAME.size + len(body)
    return Scanned(tuple(frames), end, tuple(damage))


def blocks(path: Path) -> tuple[list[Block], tuple[Damage, ...]]:
    """Return all samples of a file of the spool, a device's together. Raises: StoreError."""
    try:
        scanned = scan(path.read_bytes(), path.name)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
    found = gathered([block for frame in scanned.frames for block in _decoded(frame)])
    return found, scanned.damage


def _cut(path: Path, end: int) -> int:
    """Cut off what is behind the last sound frame; return how much it was."""
    behind = path.stat().st_size - end
    if behind:
        os.truncate(path, end)
    return behind


def _next(data: bytes, start: int) -> tuple[int, bytes] | None:
    """Return the first sound frame from `start` on: where it begins, and its body."""
    while (start := data.find(MARK, start)) >= 0:
        if start + _FRAME.size <= len(data):
            _, size, crc = _FRAME.unpack_from(data, start)
            body = data[start + _FRAME.size : start + _FRAME.size + min(size, FRAME_BYTES_MAX + 1)]
            whole = len(body) == size <= FRAME_BYTES_MAX and zlib.crc32(body) == crc
            if whole and _is_samples(body):
                return start, body
        start += 1
    return None


def _encoded(block: Block) -> bytes:
    """Return a block as bytes."""
    name = block.device.encode()
    return b"".join(
        [
            _BLOCK.pack(len(name), block.binding, *block.raw.shape),
            name,
            block.asked.tobytes(),
            block.taken.tobytes(),
            block.values.tobytes(),
            block.raw.tobytes(),
            block.quality.tobytes(),
        ]
    )


def _decoded(body: bytes) -> Iterator[Block]:
    """Yield the blocks of a sound frame."""
    at = 0
    while at < len(body):
        length, binding, polls, channels = _BLOCK.unpack_from(body, at)
        at += _BLOCK.size
        device = body[at : at + length].decode()
        at += length
        count = polls * (2 + 2 * channels)
        numbers = np.frombuffer(body, "<f8", count, at)
        at += count * 8
        quality = np.frombuffer(body, np.uint8, polls * channels, at)
        at += polls * channels
        times, both = numbers[: 2 * polls], numbers[2 * polls :]
        values, raw = both.reshape(2, polls, channels)
        yield Block(
            device=device,
            binding=binding,
            asked=times[:polls],
            taken=times[polls:],
            values=values,
            quality=quality.reshape(polls, channels),
            raw=raw,
        )


def _is_samples(body: bytes) -> bool:
    """Say whether a frame that came through whole holds samples: it may be somebody else's."""
    try:
        deque(_decoded(body), maxlen=0)
    except (struct.error, ValueError):
        return False
    return True


def _latest(body: bytes) -> float | None:
    """Return the latest turn that a frame speaks for."""
    return max((float(b.asked.max()) for b in _decoded(body) if len(b.asked)), default=None)


def _earliest(body: bytes) -> float | None:
    """Return the earliest turn that a frame speaks for."""
    return min((float(b.asked.min()) for b in _decoded(body) if len(b.asked)), default=None)
