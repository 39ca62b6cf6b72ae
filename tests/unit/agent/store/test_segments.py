"""Segments: to the bit what was measured, small, and nothing else is taken for one."""

import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from agent.burnin.block import Block
from agent.store.segments import CELLS_MAX, SegmentError, gathered, pack, unpack
from collectors.readings import Quality

POLLS = 720
ODD_NANS = np.array([0x7FF8000000000001, 0xFFF0000000000001], np.uint64).view(np.float64)
floats = (
    st.floats(width=64)
    | st.floats(width=32)
    | st.decimals(-(10**6), 10**6, places=2).map(float)
    | st.sampled_from([0.0, -0.0, 5e-324, 1.8e308, -np.inf, np.nan, 2.0**53, *ODD_NANS])
)
shapes = st.tuples(st.integers(0, 6), st.integers(0, 3))


@st.composite
def made_blocks(draw: st.DrawFn) -> Block:
    """Make any block at all, related to nature or not."""
    shape = draw(shapes)
    raw = draw(arrays.arrays(np.float64, shape, elements=floats))
    with np.errstate(all="ignore"):
        related = [raw, raw / 10.0, raw * 1.8 + 32.0, -raw]
    values = draw(st.sampled_from(related) | arrays.arrays(np.float64, shape, elements=floats))
    return Block(
        device=draw(st.text("abcé0-", max_size=6)),
        binding=draw(st.integers(0, 9)),
        asked=draw(arrays.arrays(np.float64, shape[0], elements=floats)),
        taken=draw(arrays.arrays(np.float64, shape[0], elements=floats)),
        values=values,
        quality=draw(arrays.arrays(np.uint8, shape)),
        raw=raw,
    )


def bits(numbers: NDArray[np.float64]) -> list[int]:
    """Return numbers as their bits, all NaN alike."""
    return [int(n) for n in np.where(np.isnan(numbers), np.nan, numbers).view(np.int64).ravel()]


def assert_same(some: list[Block], others: list[Block]) -> None:
    """Compare to the bit."""
    assert len(some) == len(others)
    for a, b in zip(some, others, strict=True):
        assert (a.device, a.binding, a.raw.shape) == (b.device, b.binding, b.raw.shape)
        assert a.quality.tolist() == b.quality.tolist()
        for name in ("asked", "taken", "values", "raw"):
            assert bits(getattr(a, name)) == bits(getattr(b, name)), name


@settings(max_examples=300)
@given(st.lists(made_blocks(), max_size=3))
def test_what_is_packed_is_unpacked_to_the_bit(blocks: list[Block]) -> None:
    """Whatever numbers a device sends: raw and normalised, negative zero and denormals included."""
    packed = pack(blocks)

    assert_same(unpack(packed), blocks)
    assert pack(blocks) == packed


def measured(
    convert: Callable[[NDArray[np.float64]], NDArray[np.float64]], raw: NDArray[np.float64]
) -> Block:
    """Make an hour of one channel of one device, with a poll lost."""
    quality = np.zeros((POLLS, 1), np.uint8)
    raw = raw.reshape(POLLS, 1).copy()
    raw[100], quality[100] = np.nan, Quality.COMM_LOST
    raw[200], quality[200] = -1.0, Quality.SENTINEL
    values = convert(raw)
    values[quality > 0] = np.nan
    asked: NDArray[np.float64] = np.arange(POLLS, dtype=np.float64) * 5.0 + 0.123457
    return Block(
        device="cdu", binding=2, asked=asked, taken=asked, values=values, quality=quality, raw=raw
    )


NOISE = np.random.default_rng(7).normal(0, 30, POLLS).round()
CONVERSIONS = {
    "as it is": lambda raw: raw,
    "tenths": lambda raw: raw / 10,
    "by a factor": lambda raw: raw * 0.017,
    "kilowatts": lambda raw: raw * 1000.0,
    "kelvin": lambda raw: raw - 273.15,
    "fahrenheit": lambda raw: raw * (0.1 * 5 / 9) - 160 / 9,
    "milliwatts": lambda raw: 10 * np.log10(np.abs(raw) + 1),
}


@pytest.mark.parametrize("convert", CONVERSIONS.values(), ids=CONVERSIONS)
def test_values_that_follow_from_raw_numbers_take_no_room(
    convert: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> None:
    """Conversions of device profiles are found again, whichever way they were computed."""
    block = measured(convert, 400 + NOISE)
    alone = measured(np.zeros_like, 400 + NOISE)

    assert_same(unpack(pack([block])), [block])
    assert len(pack([block])) - len(pack([alone])) < POLLS * 1.6


def test_an_hour_without_surprises_is_small() -> None:
    """A channel of 30 steps of noise takes little more than its five bits a sample."""
    many = [measured(lambda raw: raw / 10, 400 + np.roll(NOISE / 4, i).round()) for i in range(60)]

    assert len(pack(many)) < 60 * POLLS * 1.0


def test_numbers_of_single_precision_take_no_more_than_decimals() -> None:
    """Devices that count in float32 send 23.4 as 23.399999618530273."""
    decimal = measured(lambda raw: raw, (400 + NOISE) / 10)
    single = measured(lambda raw: raw, ((400 + NOISE) / 10).astype(np.float32).astype(float))

    assert_same(unpack(pack([single])), [single])
    assert abs(len(pack([single])) - len(pack([decimal]))) < 200


def test_numpy_itself_can_read_a_segment() -> None:
    """Nobody needs this program to get at the numbers."""
    archive = np.load(io.BytesIO(pack([measured(lambda raw: raw, NOISE)])), allow_pickle=False)

    assert b'"schema":"rackproof.segment/1"' in archive["head"].tobytes()
    assert archive["base"].dtype == np.int64


def test_blocks_of_a_device_are_joined_in_their_order() -> None:
    """The spool has a block a poll; a segment has one a device and binding."""
    whole = measured(lambda raw: raw / 10, NOISE)
    parts = [
        Block(
            device="cdu",
            binding=2,
            asked=whole.asked[i : i + 9],
            taken=whole.taken[i : i + 9],
            values=whole.values[i : i + 9],
            quality=whole.quality[i : i + 9],
            raw=whole.raw[i : i + 9],
        )
        for i in range(0, POLLS, 9)
    ]

    assert_same(gathered(parts), [whole])


def test_more_than_can_be_read_is_not_written() -> None:
    """A segment that `unpack` would refuse is refused when it is made."""
    polls = CELLS_MAX // 2 + 1
    wide = np.zeros(polls)
    nothing = np.zeros((polls, 0))
    block = Block(
        device="cdu",
        binding=0,
        asked=wide,
        taken=wide,
        values=nothing,
        quality=nothing.astype(np.uint8),
        raw=nothing,
    )

    with pytest.raises(SegmentError, match=f"at most {CELLS_MAX}"):
        pack([block])


def rebuilt(change: Callable[[dict[str, bytes]], object]) -> bytes:
    """Return a segment whose members somebody changed."""
    with zipfile.ZipFile(io.BytesIO(pack([measured(lambda raw: raw / 10, NOISE)]))) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    change(members)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def npy(array: NDArray[np.generic]) -> bytes:
    """Return an array in numpy's format."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


def head(text: str) -> bytes:
    """Return a head that says `text`."""
    return npy(np.frombuffer(text.encode(), np.uint8))


BLOCKS = '{"blocks":%s,"schema":"rackproof.segment/1"}'
HOSTILE: dict[str, tuple[str, Callable[[dict[str, bytes]], object]]] = {
    "a member more": ("'more.npy'", lambda m: m.update({"more.npy": b""})),
    "a member less": ("'mask.npy'", lambda m: m.pop("mask.npy")),
    "no array": ("base: is no array", lambda m: m.update({"base.npy": b"x" * 99})),
    "objects": ("base: object", lambda m: m.update({"base.npy": npy(np.array([None] * 5))})),
    "another type": ("base: float64", lambda m: m.update({"base.npy": npy(np.zeros(5))})),
    "two dimensions": (
        "kind: uint8",
        lambda m: m.update({"kind.npy": npy(np.zeros((1, 5), "u1"))}),
    ),
    "too short": ("base: 4 numbers", lambda m: m.update({"base.npy": npy(np.zeros(4, "i8"))})),
    "too long": ("plane0: ", lambda m: m.update({"plane0.npy": npy(np.zeros(10**7, "u1"))})),
    "unknown kind": ("kind: beyond", lambda m: m.update({"kind.npy": npy(np.full(5, 9, "u1"))})),
    "a kind that cannot be": (
        "columns of a kind",
        lambda m: m.update(
            {"kind.npy": npy(np.array([3, 1, 1, 3, 1], "u1")), "linear.npy": npy(np.zeros(6))}
        ),
    ),
    "no JSON": ("head.npy is not JSON", lambda m: m.update({"head.npy": head("{")})),
    "unknown keys": ("must have the keys", lambda m: m.update({"head.npy": head('{"a":1}')})),
    "another schema": (
        "schema 'x' is not",
        lambda m: m.update({"head.npy": head('{"blocks":[],"schema":"x"}')}),
    ),
    "no list": ("must be a list", lambda m: m.update({"head.npy": head(BLOCKS % "{}")})),
    "negative polls": (
        "a block is a device's name",
        lambda m: m.update({"head.npy": head(BLOCKS % '[["cdu",0,-1,1]]')}),
    ),
    "bomb": (
        "at most",
        lambda m: m.update({"head.npy": head(BLOCKS % '[["cdu",0,1000000000000,1]]')}),
    ),
    "many columns": (
        "at most",
        lambda m: m.update({"head.npy": head(BLOCKS % '[["cdu",0,0,1000000000]]')}),
    ),
}


@pytest.mark.parametrize(("says", "change"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_exactly_a_segment_is_refused(
    says: str, change: Callable[[dict[str, bytes]], object]
) -> None:
    """By name, before anything large is made of it."""
    with pytest.raises(SegmentError, match=says):
        unpack(rebuilt(change))


def test_a_table_of_another_length_is_refused() -> None:
    """Values that are looked up must be one for each raw number."""
    block = measured(CONVERSIONS["milliwatts"], 400 + NOISE)
    with zipfile.ZipFile(io.BytesIO(pack([block]))) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members["sizes.npy"] = npy(np.array([1], "i4"))
    members["lookup.npy"] = npy(np.array([1.0]))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)

    with pytest.raises(SegmentError, match="lookup: 1 values"):
        unpack(file.getvalue())


@given(st.data())
def test_no_damage_does_worse_than_being_refused(draw: st.DataObject) -> None:
    """Any byte may change, any end may be missing; the only error is SegmentError."""
    data = bytearray(pack([measured(lambda raw: raw / 10, 400 + NOISE)]))
    for _ in range(draw.draw(st.integers(1, 3))):
        data[draw.draw(st.integers(0, len(data) - 1))] ^= draw.draw(st.integers(1, 255))
    del data[draw.draw(st.integers(len(data) // 2, len(data))) :]

    try:
        blocks = unpack(bytes(data))
    except SegmentError:
        return
    assert sum(block.raw.size for block in blocks) <= CELLS_MAX
