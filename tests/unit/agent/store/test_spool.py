"""The spool: every frame that was written is found again, a torn end is cut, damage is told."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.burnin.block import Block
from agent.store.folder import RunFolder
from agent.store.sealing import number_of, seal, segment_blocks
from agent.store.spool import Spool, blocks, scan
from agent.store.trouble import StoreError

SIZES = (3, 1, 2, 5)  # channels of the blocks in the frames of `written`


def block(at: float, channels: int = 2, device: str = "cdu", polls: int = 1) -> Block:
    """Make a poll or several."""
    asked = at + np.arange(polls, dtype=float)
    raw = asked[:, None] * 10 + np.arange(channels)
    return Block(
        device=device,
        binding=0,
        asked=asked,
        taken=asked + 0.01,
        values=raw / 10,
        quality=np.zeros(raw.shape, np.uint8),
        raw=raw,
    )


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Return the folders of a run."""
    made = RunFolder(tmp_path / "spool", tmp_path / "segments")
    for part in made:
        part.mkdir()
    return made


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    """Return a file of the spool, and where each frame ends."""
    folder = tmp_path_factory.mktemp("written")
    spool, _ = Spool.open(folder)
    ends = [0]
    for at, channels in enumerate(SIZES):
        spool.write([block(float(at), channels, "a"), block(float(at), 1, "b")])
        ends.append(spool.path(1).stat().st_size)
    spool.close()
    return spool.path(1).read_bytes(), ends


def test_samples_are_found_again_a_device_together(folder: RunFolder) -> None:
    """In the order in which they came."""
    spool, recovered = Spool.open(folder.spool)
    assert recovered.files == ()
    for at in range(5):
        spool.write([block(float(at), device="cdu"), block(float(at), device="rack")])
    spool.close()

    again, recovered = Spool.open(folder.spool)
    assert (recovered.files, recovered.cut, recovered.damage) == ((1,), 0, ())
    found, _ = blocks(again.path(1))
    assert [b.device for b in found] == ["cdu", "rack"]
    assert found[0].asked.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert found[0].values.tolist() == [[i, i + 0.1] for i in range(5)]
    assert again.number == 2
    again.close()


def test_an_end_at_any_byte_loses_only_the_frame_it_falls_in(
    written: tuple[bytes, list[int]], tmp_path: Path
) -> None:
    """As a kill in the middle of a write leaves it; what is torn is cut off and told."""
    data, ends = written
    path = tmp_path / "000001.spool"
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        spool, recovered = Spool.open(tmp_path)
        whole = max(i for i, end in enumerate(ends) if end <= size)

        assert len(scan(path.read_bytes(), "x").frames) == whole
        assert (recovered.cut, recovered.damage) == (size - ends[whole], ())
        assert path.stat().st_size == ends[whole]
        spool.close()
        for file in tmp_path.glob("*.spool"):
            file.unlink()


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_frame_is_told_and_those_behind_it_are_kept(
    written: tuple[bytes, list[int]], draw: st.DataObject
) -> None:
    """By its place, and by the moments between which samples are missing."""
    data, ends = bytearray(written[0]), written[1]
    where = draw.draw(st.integers(0, len(data) - 1))
    data[where] ^= draw.draw(st.integers(1, 255))
    hit = max(i for i, end in enumerate(ends) if end <= where)

    scanned = scan(bytes(data), "000001.spool")

    assert len(scanned.frames) == len(SIZES) - 1
    if hit == len(SIZES) - 1:  # nothing sound behind it: no different from a torn end
        assert (scanned.end, scanned.damage) == (ends[hit], ())
    else:
        (damage,) = scanned.damage
        assert (damage.offset, damage.size) == (ends[hit], ends[hit + 1] - ends[hit])
        assert damage.after == (hit - 1.0 if hit else None)
        assert damage.before == hit + 1.0


def test_zeros_in_the_middle_are_damage_and_at_the_end_are_torn(
    written: tuple[bytes, list[int]],
) -> None:
    """A power cut may leave blocks of a file unwritten that lie before written ones."""
    data, ends = written
    middle = data[: ends[1]] + bytes(ends[2] - ends[1]) + data[ends[2] :]

    assert [d.offset for d in scan(middle, "x").damage] == [ends[1]]
    assert scan(data + bytes(4096), "x") == scan(data, "x")


def test_a_mark_among_the_samples_is_not_taken_for_a_frame(folder: RunFolder) -> None:
    """Numbers may happen to spell anything."""
    spool, _ = Spool.open(folder.spool)
    odd = block(1.0, 4)
    odd.raw[:] = np.frombuffer(b"RPs\x01\x01\x00\x00\x00" * 4, np.float64)
    spool.write([odd, block(2.0)])
    spool.close()
    data = spool.path(1).read_bytes()

    assert scan(b"?" + data[1:], "x").frames == ()
    assert len(scan(data, "x").frames) == 1


def test_what_was_refused_leaves_no_half_frame(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up takes a part of a frame; what is written later is read all the same."""
    spool, _ = Spool.open(folder.spool)
    spool.write([block(0.0)])
    real = os.pwrite

    def full(file: int, data: bytes, at: int) -> int:
        if len(data) < 60:
            raise OSError(28, "No space left on device")
        return real(file, data[:50], at)

    with monkeypatch.context() as patched:
        patched.setattr("os.pwrite", full)
        with pytest.raises(StoreError, match=r"No space left.*not stored"):
            spool.write([block(1.0, polls=3)])
    spool.write([block(2.0)])
    spool.close()

    (found,), damage = blocks(spool.path(1))
    assert (found.asked.tolist(), damage) == ([0.0, 2.0], ())


def test_a_segment_is_what_was_written_and_is_found_by_its_event(folder: RunFolder) -> None:
    """The spool goes on while the hour before is sealed."""
    spool, _ = Spool.open(folder.spool)
    spool.write([block(0.0, polls=3)])
    number = spool.turn()
    spool.write([block(3.0)])

    sealed = seal(folder, number)
    assert sealed.facts is not None
    assert dict(sealed.facts) | {"sha256": "", "bytes": 0} == {
        "file": "000001.npz",
        "sha256": "",
        "bytes": 0,
        "start": 0.0,
        "end": 2.0,
        "samples": 6,
    }
    (found,) = segment_blocks(folder.segments, sealed.facts)
    assert found.values.tolist() == block(0.0, polls=3).values.tolist()
    spool.drop(number)
    assert spool.files() == [2]
    spool.close()


def test_a_crash_while_sealing_loses_and_repeats_nothing(folder: RunFolder) -> None:
    """Before its event the segment is made again, the same; after it, the spool's file goes."""
    spool, _ = Spool.open(folder.spool)
    spool.write([block(0.0)])
    first = seal(folder, spool.turn())
    spool.write([block(1.0)])
    spool.close()
    assert first.facts is not None

    spool, recovered = Spool.open(folder.spool)
    assert recovered.files == (1, 2)
    assert seal(folder, 1) == first
    spool.close()

    spool, recovered = Spool.open(folder.spool, sealed={number_of(first.facts)})
    assert recovered.files == (2, 3)
    assert not spool.path(1).exists()
    spool.close()


def test_a_file_without_samples_makes_no_segment(folder: RunFolder) -> None:
    """There is nothing to tell of."""
    spool, _ = Spool.open(folder.spool)

    assert seal(folder, spool.turn()).facts is None
    assert list(folder.segments.iterdir()) == []
    spool.close()


def test_a_segment_that_was_changed_is_refused(folder: RunFolder) -> None:
    """It is compared with what the journal says of it before it is read."""
    spool, _ = Spool.open(folder.spool)
    spool.write([block(0.0)])
    sealed = seal(folder, spool.turn())
    spool.close()
    assert sealed.facts is not None
    path = folder.segments / "000001.npz"
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(StoreError, match="changed since it was sealed"):
        list(segment_blocks(folder.segments, sealed.facts))
    path.unlink()
    with pytest.raises(StoreError, match=r"No such file.*restore"):
        list(segment_blocks(folder.segments, sealed.facts))


def test_a_long_hour_asks_for_a_new_file(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no segment becomes too large to be read."""
    monkeypatch.setattr("agent.store.spool.FULL_CELLS", 100)
    spool, _ = Spool.open(folder.spool)
    spool.write([block(0.0, 30)])
    assert not spool.full
    spool.write([block(1.0, 30)])
    assert spool.full
    spool.turn()
    assert not spool.full
    spool.close()


def test_a_disk_that_fails_to_sync_is_told(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the file is not sealed as if all of it were there."""
    spool, _ = Spool.open(folder.spool)
    spool.write([block(0.0)])

    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr("os.fdatasync", broken)
        for act in (spool.sync, spool.turn):
            with pytest.raises(StoreError, match="Input/output error"):
                act()
    assert spool.turn() == 1
    spool.close()
