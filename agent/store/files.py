"""Files that are there as a whole or not at all, and stay there when the power goes."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.store.failpoint import At, nothing
from agent.store.trouble import StoreError

PART: Final = ".part"  # how the name of a file ends until all of it is there


def write(path: Path, data: bytes, *, mode: int = 0o644, at: At = nothing) -> None:
    """Put a file in place, over one that is there; durable when it returns.

    Raises: StoreError, and then whatever was there before still is.
    """
    part = path.with_name(path.name + PART)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, flags, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        at("file.written")
        part.replace(path)
        at("file.renamed")
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise StoreError(f"{path}: {error.strerror}: nothing was changed") from error


def sync_folder(folder: Path) -> None:
    """Make what was made, renamed or removed in a folder durable."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def make_folder(folder: Path, mode: int = 0o750) -> None:
    """Make a folder and those above it, durably. Raises: StoreError."""
    try:
        missing = [folder, *folder.parents]
        missing = missing[: next(i for i, above in enumerate(missing) if above.is_dir())]
        for new in reversed(missing):
            new.mkdir(mode=mode if new == folder else 0o750, exist_ok=True)
            sync_folder(new.parent)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}: it cannot be made") from error
