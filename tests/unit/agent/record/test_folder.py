"""Tests for sealing: all of it or none, however often it is interrupted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.record.folder import SealError, sealed
from agent.record.verify import verify

POINTS = ("seal.files", "seal.manifest", "seal.signature")


class CrashError(Exception):
    """The end of the process, as far as a test can go."""


def crashing(name: str) -> Callable[[str], None]:
    """Return what ends everything at a moment."""

    def at(reached: str) -> None:
        if reached == name:
            raise CrashError

    return at


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_leaves_what_can_be_sealed_or_is(bench: Any, point: str) -> None:  # noqa: ANN401 -- of conftest
    """And after it the record is the one that would have been made without."""
    with pytest.raises(CrashError):
        bench.seal(crashing(point))

    assert (sealed(bench.folder) is not None) == (point == "seal.signature")
    manifest = bench.seal()

    assert verify(bench.folder).findings == []
    assert sealed(bench.folder) == manifest


def test_sealing_again_changes_nothing(bench: Any) -> None:  # noqa: ANN401 -- likewise
    """Not even the time at which the files were written."""
    bench.seal()
    before = {path: path.stat().st_mtime_ns for path in bench.folder.rglob("*")}

    bench.seal()

    assert {path: path.stat().st_mtime_ns for path in bench.folder.rglob("*")} == before


def test_what_a_crash_left_half_written_is_swept(bench: Any) -> None:  # noqa: ANN401 -- likewise
    """It was never part of the record."""
    (bench.folder / "segments" / "000000.npz.part").write_bytes(b"half")
    (bench.folder / "record.json.part").write_bytes(b"half")

    bench.seal()

    assert verify(bench.folder).findings == []
    assert not list(bench.folder.rglob("*.part"))


def test_what_is_sealed_is_not_writable(record: Path) -> None:
    """A slip of the hand changes nothing."""
    assert {path.stat().st_mode & 0o222 for path in record.iterdir() if path.is_file()} == {0}


@pytest.mark.parametrize("name", ["spec.yaml", "journal.jsonl"])
def test_a_folder_that_lacks_evidence_is_not_sealed(bench: Any, name: str) -> None:  # noqa: ANN401 -- likewise
    """Nobody signs what could not be judged again."""
    (bench.folder / name).rename(bench.folder.with_name(name))

    with pytest.raises((SealError, KeyError), match=name):
        bench.seal()


def test_a_link_is_not_sealed(bench: Any) -> None:  # noqa: ANN401 -- likewise
    """What it leads to may be exchanged."""
    (bench.folder / "photo.jpg").symlink_to("/etc/hostname")

    with pytest.raises(SealError, match=r"photo\.jpg"):
        bench.seal()


def test_segments_are_shared_with_the_run_not_copied(record: Path) -> None:
    """A day of a rack has 50 MB of them."""
    assert (record / "segments" / "000000.npz").stat().st_nlink == 2
