"""Sealing: a file of the spool becomes a segment, which never changes again.

The segment is in place before the journal tells of it, and the spool's file is removed after that;
a crash in between makes the same segment once more.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.burnin.block import Block
from agent.store.failpoint import At, nothing
from agent.store.files import write
from agent.store.folder import RunFolder
from agent.store.segments import SegmentError, pack, unpack
from agent.store.spool import Damage, blocks
from agent.store.trouble import StoreError


@dataclass(frozen=True, slots=True)
class Sealed:
    """A segment that is in place. `facts`: the data of its SEGMENT event; None: no samples."""

    number: int
    facts: Mapping[str, Any] | None
    damage: tuple[Damage, ...]


def seal(folder: RunFolder, number: int, *, at: At = nothing) -> Sealed:
    """Make a segment of a file of the spool; it may run in a thread. Raises: StoreError."""
    found, damage = blocks(folder.spool / f"{number:06}.spool")
    found = [block for block in found if block.raw.size]
    if not found:
        return Sealed(number, None, damage)
    data = pack(found)
    name = f"{number:06}.npz"
    at("seal.packed")
    write(folder.segments / name, data, at=at)
    at("seal.written")
    facts = {
        "file": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "start": min(float(block.asked.min()) for block in found),
        "end": max(float(block.asked.max()) for block in found),
        "samples": sum(block.raw.size for block in found),
    }
    return Sealed(number, facts, damage)


def number_of(facts: Mapping[str, Any]) -> int:
    """Return the number of the segment that a SEGMENT event tells of."""
    return int(Path(facts["file"]).stem)


def segment_blocks(folder: Path, facts: Mapping[str, Any]) -> Iterator[Block]:
    """Yield the samples of a segment that the journal tells of. Raises: StoreError if changed."""
    path = folder / facts["file"]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}: restore it from backup") from error
    if hashlib.sha256(data).hexdigest() != facts["sha256"]:
        raise StoreError(f"{path} was changed since it was sealed: restore it from backup")
    try:
        yield from unpack(data)
    except SegmentError as error:
        raise StoreError(f"{path} {error}") from error
