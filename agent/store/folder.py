"""The data folder: what lies where, held by one process at a time."""

import fcntl
import os
import re
from pathlib import Path
from typing import Final, NamedTuple, Self

from agent.store.files import make_folder
from agent.store.trouble import HeldError, StoreError

RUN_NAME: Final = re.compile(r"[0-9a-z][0-9a-z-]{0,62}")  # is a folder's name, and no other path
MOUNTS: Final = Path("/proc/self/mounts")
REMOTE: Final = frozenset(
    {
        *("9p", "afs", "ceph", "cifs", "coda", "fuse.ceph", "fuse.glusterfs", "fuse.s3fs"),
        *("fuse.sshfs", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb3"),
        *("smbfs", "beegfs", "gpfs", "davfs", "fuse.davfs2", "fuse.rclone"),
    }
)
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")  # how a mount point tells its blanks (proc(5))


class RunFolder(NamedTuple):
    """Where one run's samples lie while it goes on."""

    spool: Path
    segments: Path


class DataFolder:
    """`journal.sqlite`, `key/`, `runs/RUN/{spool,segments}/` and `records/RUN/` under one roof."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path, *, mounts: Path = MOUNTS) -> Self:
        """Take hold of a data folder, and make it where there is none.

        Raises: HeldError if another process has it; StoreError if it cannot be written, lies on a
        network file system, or its keys can be read by others.
        """
        make_folder(path)
        path = path.resolve()
        kind = file_system(path, _mounts(mounts))
        if kind in REMOTE:
            raise StoreError(
                f"{path} is on {kind}, which does not keep SQLite's promises: use a local disk"
            )
        lock = _held(path / "lock")
        try:
            for name, mode in (("key", 0o700), ("runs", 0o750), ("records", 0o750)):
                make_folder(path / name, mode)
            _check_private(path / "key")
        except BaseException:
            os.close(lock)
            raise
        return cls(path, lock)

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._lock)

    @property
    def journal(self) -> Path:
        """Return where the journal lies."""
        return self.path / "journal.sqlite"

    @property
    def key(self) -> Path:
        """Return the folder of signing keys, which nobody else can read."""
        return self.path / "key"

    def run(self, run: str) -> RunFolder:
        """Return where a run's samples lie, and make it. Raises: StoreError."""
        folder = self.path / "runs" / _checked(run)
        found = RunFolder(folder / "spool", folder / "segments")
        for part in found:
            make_folder(part)
        return found

    def record(self, run: str) -> Path:
        """Return where a run's record lies; sealing makes it. Raises: StoreError."""
        return self.path / "records" / _checked(run)


def file_system(path: Path, mounts: str) -> str:
    r"""Return what kind of file system a resolved path is on; `mounts`: see proc(5).

    >>> table = "/dev/sda1 / ext4 rw 0 0\nhost:/x /srv/my\\040data nfs4 rw 0 0\n"
    >>> file_system(Path("/srv/my data/rackproof"), table), file_system(Path("/srv/my"), table)
    ('nfs4', 'ext4')
    """
    deepest, found = -1, ""
    for line in mounts.splitlines():
        _, point, kind, *_ = [*line.split(" "), "", "", ""]
        mount = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), point))
        if len(mount.parts) >= deepest and path.is_relative_to(mount):  # a later one covers
            deepest, found = len(mount.parts), kind
    return found


def _mounts(path: Path) -> str:
    """Return the table of mounts; none where there is no such table."""
    try:
        return path.read_text(errors="surrogateescape")
    except OSError:
        return ""


def _held(path: Path) -> int:
    """Return the lock file, held until it is closed or the process ends. Raises: HeldError."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}: the data folder cannot be used") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise HeldError(
            f"{path.parent} is held by process {holder}: end it, or name another data folder"
        ) from None
    except OSError as error:
        os.close(lock)
        raise StoreError(f"{path}: {error.strerror}: the data folder cannot be used") from error
    return lock


def _check_private(folder: Path) -> None:
    """Raise StoreError if others can look into it: a key that was seen signs for anybody."""
    mode = folder.stat().st_mode & 0o777
    if mode & 0o077:
        raise StoreError(
            f"{folder} is open to others (mode {mode:o}): if nobody has seen the keys, run"
            f" `chmod 700 {folder}`; else make new ones"
        )


def _checked(run: str) -> str:
    """Return a run's name if it is one. Raises: StoreError."""
    if not RUN_NAME.fullmatch(run):
        raise StoreError(f"run {run[:80]!r}: a name has up to 63 letters a-z, digits and hyphens")
    return run
