"""Files of a record: written for good, or given a second name where they are there already."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.store.files import PART, make_folder, sync_folder, write
from agent.store.trouble import StoreError

READABLE: Final = 0o444  # what is sealed is not written again


def put(folder: Path, name: str, content: bytes | Path) -> None:
    """Put `folder/name` in place, durably; what lies elsewhere is linked, or copied from afar.

    Raises: StoreError, and then there is what was there before.
    """
    path = folder / name
    make_folder(path.parent)
    if isinstance(content, bytes):
        write(path, content, mode=READABLE)
    elif not _linked(content, path):
        try:
            data = content.read_bytes()
        except OSError as error:
            raise StoreError(f"{content}: {error.strerror}: restore it from backup") from error
        write(path, data, mode=READABLE)


def _linked(source: Path, path: Path) -> bool:
    """Give a file a second name, its bytes being on the disk; False: that cannot be done here."""
    part = path.with_name(path.name + PART)
    try:
        part.unlink(missing_ok=True)
        part.hardlink_to(source)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
        part.unlink(missing_ok=True)  # renaming onto a name of the same file does nothing
        sync_folder(path.parent)
    except OSError:  # another file system, or one without links
        with suppress(OSError):
            part.unlink()
        return False
    return True


def sweep(folder: Path) -> None:
    """Remove what a crash left half written."""
    for part in folder.rglob("*" + PART):
        part.unlink()
