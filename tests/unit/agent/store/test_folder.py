"""The data folder: one process at a time, on a local disk, keys for nobody else."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.store.files import make_folder, write
from agent.store.folder import DataFolder
from agent.store.trouble import HeldError, StoreError

HOLDER = """
import sys
from pathlib import Path
from agent.store.folder import DataFolder
folder = DataFolder.open(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_is_made_with_all_that_lies_in_it(tmp_path: Path) -> None:
    """And found again, with nothing changed."""
    folder = DataFolder.open(tmp_path / "deep" / "data")
    run = folder.run("20261124-bay-01")
    folder.close()

    again = DataFolder.open(tmp_path / "deep" / "data")
    assert (again.key.stat().st_mode & 0o777, again.path.stat().st_mode & 0o007) == (0o700, 0)
    assert again.run("20261124-bay-01") == run
    assert run.spool.is_dir()
    assert run.segments.is_dir()
    assert again.journal == again.path / "journal.sqlite"
    assert not again.record("20261124-bay-01").exists()
    again.close()


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    """And gets it as soon as the first is gone, however that ended."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "data")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(HeldError, match=f"held by process {holder.pid}: end it"):
            DataFolder.open(tmp_path / "data")
        holder.kill()
    folder = DataFolder.open(tmp_path / "data")
    with pytest.raises(HeldError, match=f"held by process {os.getpid()}:"):
        DataFolder.open(tmp_path / "data")
    folder.close()


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    """Locks and syncs there are not what they seem."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {tmp_path}/far {kind} rw 0 0\n")
    (tmp_path / "near").symlink_to(tmp_path / "far")

    for name in ("far", "near"):
        with pytest.raises(StoreError, match=rf"is on {kind}.*use a local disk"):
            DataFolder.open(tmp_path / name / "data", mounts=mounts)
    DataFolder.open(tmp_path / "farther", mounts=mounts).close()


@pytest.mark.parametrize(
    "run", ["", ".", "..", "../x", "a/b", "A", "-a", "a" * 64, "a\n", "é", "a.b"]
)
def test_a_run_that_is_no_name_leads_nowhere(tmp_path: Path, run: str) -> None:
    """Names come from people and programs; none may point out of the folder."""
    folder = DataFolder.open(tmp_path)
    for find in (folder.run, folder.record):
        with pytest.raises(StoreError, match="a name has up to 63"):
            find(run)
    folder.close()


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    """Somebody may have copied them; that is for a person to decide."""
    folder = DataFolder.open(tmp_path)
    folder.close()
    folder.key.chmod(0o750)

    with pytest.raises(StoreError, match=r"key is open to others \(mode 750\).*chmod 700"):
        DataFolder.open(tmp_path)
    folder.key.chmod(0o700)
    DataFolder.open(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """As where a file stands in its way."""
    (tmp_path / "data").write_text("")

    with pytest.raises(StoreError, match=r"data: .*cannot be"):
        DataFolder.open(tmp_path / "data")


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    """What was there stays until the new one is complete, and no part of one is left over."""
    path = tmp_path / "file"
    write(path, b"old")
    seen = []
    write(path, b"new", at=lambda name: seen.append((name, path.read_bytes())))
    assert seen == [("file.written", b"old"), ("file.renamed", b"new")]

    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match="nothing was changed"):
        write(path, b"newer")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_folders_are_made_below_what_is_there(tmp_path: Path) -> None:
    """Only the last one gets the mode that was asked for."""
    make_folder(tmp_path / "a" / "b", 0o700)
    make_folder(tmp_path / "a" / "b", 0o700)

    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a").stat().st_mode & 0o700 == 0o700


def test_a_disk_that_fails_to_sync_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may not be on the disk is not put in place."""
    path = tmp_path / "file"
    write(path, b"old")

    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", broken)
        with pytest.raises(StoreError, match="Input/output error: nothing was changed"):
            write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
