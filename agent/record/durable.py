"""Files that are there as a whole or not at all, whenever the power goes."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

TEMPORARY: Final = ".part"  # how the name of a file ends until it is whole
READABLE: Final = 0o444  # what is sealed is not written again


def put(folder: Path, name: str, content: bytes | Path, *, mode: int = READABLE) -> None:
    """Write `folder/name`, on the disk when it returns; a path is linked, or copied from afar.

    Raises: OSError, and then there is either what was there before or nothing.
    """
    path = folder / name
    part = path.with_name(path.name + TEMPORARY)
    if not path.parent.is_dir():
        path.parent.mkdir()
        sync(folder)
    with suppress(FileNotFoundError):
        part.unlink()
    try:
        if not isinstance(content, Path) or not _linked(content, part):
            _write(part, content, mode)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
    sync(path.parent)


def _linked(source: Path, part: Path) -> bool:
    """Give a file a second name, and see that its bytes are on the disk; False: that cannot be."""
    try:
        part.hardlink_to(source)
    except OSError:  # another file system, or one without links
        return False
    with part.open("rb") as file:
        os.fsync(file.fileno())
    return True


def _write(part: Path, content: bytes | Path, mode: int) -> None:
    """Write a file that was not there, down to the disk."""
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        if isinstance(content, Path):
            with content.open("rb") as source:
                shutil.copyfileobj(source, file)
        else:
            file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(folder: Path) -> None:
    """See that the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what a crash left half written."""
    for part in folder.rglob("*" + TEMPORARY):
        part.unlink()
