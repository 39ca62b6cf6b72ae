"""Segments: samples at full resolution, raw and normalised, in an archive that numpy can read.

A segment is a `.npz` of plain arrays (docs/data.md lists them): no pickles, the same bytes for the
same samples. Normalised values are stored only where raw numbers do not tell them: as a rule they
are raw * factor / divisor + offset, or else one value for each raw number.

Reading is strict: whatever is not exactly such a file is refused, and no file makes the reader
hold more than its bounds say.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agent import canonical
from agent.burnin.block import Block
from agent.store.columns import DIGITS_MAX, PLANES, Coded, Kind, Table, decode, encode
from agent.store.conversion import Floats, Line, found, looked_up
from collectors.readings import Quality

SCHEMA: Final = "rackproof.segment/1"
CELLS_MAX: Final = 1 << 24  # numbers in a segment: 1,500 channels, once a second for an hour
COLUMNS_MAX: Final = 1 << 17  # three a channel of 40,000
HEAD_BYTES_MAX: Final = 1 << 20
NAME_MAX: Final = 128  # letters of a device's name
_HEADER_BYTES_MAX: Final = 256  # of one array, in numpy's format
_TABLE: Final = {
    "kind": "|u1",
    "digits": "|u1",
    "delta": "|u1",
    "width": "|u1",
    "missing": "|u1",
    "base": "<i8",
    "floor": "<i8",
}
_ARRAYS: Final = {
    **_TABLE,
    **{f"plane{j}": "|u1" for j in range(PLANES)},
    "mask": "|u1",
    "linear": "<f8",  # factor, divisor and offset of each value column so told
    "sizes": "<i4",  # how many raw numbers each value column looked up has
    "lookup": "<f8",  # their values, by rising raw number
}
_FIXED: Final = 2  # columns of every block beside three a channel: asked, taken


class SegmentError(ValueError):
    """A file that is no segment, or not all of one; the message names what is wrong with it."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """One block, as the head tells it."""

    device: str
    binding: int
    polls: int
    channels: int

    @property
    def columns(self) -> int:
        """Return how many columns of numbers it has."""
        return _FIXED + 3 * self.channels


def gathered(blocks: Sequence[Block]) -> list[Block]:
    """Join the blocks of each device's binding, in the order in which they come."""
    by_binding: dict[tuple[str, int, int], list[Block]] = {}
    for block in blocks:
        key = (block.device, block.binding, block.raw.shape[1])
        by_binding.setdefault(key, []).append(block)
    return [
        Block(
            device=device,
            binding=binding,
            asked=np.concatenate([part.asked for part in parts]),
            taken=np.concatenate([part.taken for part in parts]),
            values=np.concatenate([part.values for part in parts]),
            quality=np.concatenate([part.quality for part in parts]),
            raw=np.concatenate([part.raw for part in parts]),
        )
        for (device, binding, _), parts in by_binding.items()
    ]


def pack(blocks: Sequence[Block]) -> bytes:
    """Return the file. Raises: SegmentError if there is more than `unpack` would take."""
    shapes = [_Shape(b.device, b.binding, *b.raw.shape) for b in blocks]
    _check_size(shapes)
    streams: dict[str, list[bytes]] = {}
    for block in blocks:
        for name, stream in _streams(block):
            streams.setdefault(name, []).append(stream)
    head = {
        "schema": SCHEMA,
        "blocks": [[s.device, s.binding, s.polls, s.channels] for s in shapes],
    }
    arrays = {"head": np.frombuffer(canonical.encode(head), np.uint8)}
    for name, dtype in _ARRAYS.items():
        arrays[name] = np.frombuffer(b"".join(streams.get(name, [])), dtype)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980: the same bytes every time
            archive.writestr(entry, member.getvalue(), zipfile.ZIP_DEFLATED)
    return file.getvalue()


def unpack(data: bytes) -> list[Block]:
    """Return what was packed, to the bit. Raises: SegmentError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, np.errstate(all="ignore"):
            return _Reader(archive).blocks()
    except SegmentError:
        raise
    except _BROKEN as error:
        raise SegmentError(f"is not a whole archive: {error}") from None


_PACKED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN: Final = (  # what zipfile raises, as the file is broken
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError),
)


def _check_size(shapes: Sequence[_Shape]) -> None:
    """Raise SegmentError where blocks have more numbers or columns than a segment may."""
    cells = sum(shape.polls * shape.columns for shape in shapes)
    columns = sum(shape.columns for shape in shapes)
    if cells > CELLS_MAX or columns > COLUMNS_MAX:
        raise SegmentError(
            f"has {cells} numbers in {columns} columns: at most {CELLS_MAX} in {COLUMNS_MAX}"
        )


def _streams(block: Block) -> Iterator[tuple[str, bytes]]:
    """Yield what each array of the segment holds of one block."""
    raw, values, quality = block.raw.T, block.values.T, block.quality.T
    good = quality == Quality.GOOD
    told = [found(*column) for column in zip(raw, values, good, strict=True)]
    own = np.array([way is None for way in told], np.bool_)
    rest = np.where(own[:, None], values, 0.0)
    rows = np.concatenate([[block.asked, block.taken], raw, rest, quality.astype(np.float64)])
    coded = encode(np.ascontiguousarray(rows))
    for place, way in enumerate(told, _FIXED + len(raw)):
        if way is not None:
            coded.table.kind[place] = Kind.LINEAR if isinstance(way, Line) else Kind.LOOKUP
            if isinstance(way, Line):
                yield "linear", np.array(way).tobytes()
            else:
                yield "sizes", np.int32(len(way)).tobytes()
                yield "lookup", way.tobytes()
    for name in _TABLE:
        yield name, getattr(coded.table, name).tobytes()
    for j, plane in enumerate(coded.planes):
        yield f"plane{j}", plane
    yield "mask", coded.mask


class _Reader:
    """Reads one archive, and never more of it than its head and this module's bounds allow."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        members = archive.infolist()
        wanted = {"head.npy", *(f"{name}.npy" for name in _ARRAYS)}
        names = [member.filename for member in members]
        if sorted(names) != sorted(wanted):
            odd = sorted({*names} ^ wanted) or names
            raise SegmentError(f"must hold each of its arrays once: see {odd[0]!r}")
        if any(member.compress_type not in _PACKED for member in members):
            raise SegmentError("must be stored or deflated, as we write it")
        self._archive = archive
        self._members = {member.filename: member for member in members}

    def blocks(self) -> list[Block]:
        """Return all blocks."""
        shapes = self._shapes()
        columns = sum(shape.columns for shape in shapes)
        parts = {name: self._array(name, columns) for name in _TABLE}
        table = Table(**parts)
        polls = np.repeat([shape.polls for shape in shapes], [shape.columns for shape in shapes])
        _check_table(table)
        planes = [
            _Taker(self._array(f"plane{j}", int(polls[table.width > j].sum())))
            for j in range(PLANES)
        ]
        mask = _Taker(self._array("mask", int((-(-polls[table.missing == 1] // 8)).sum())))
        ways = self._ways(table)
        blocks, place = [], 0
        for shape in shapes:
            part = table.part(place, place + shape.columns)
            wide = [int((part.width > j).sum()) * shape.polls for j in range(PLANES)]
            masked = int(part.missing.sum()) * -(-shape.polls // 8)
            taken = tuple(plane.take(n).tobytes() for plane, n in zip(planes, wide, strict=True))
            rows = decode(Coded(part, taken, mask.take(masked).tobytes()), shape.polls)
            blocks.append(_block(shape, part.kind, rows, ways))
            place += shape.columns
        return blocks

    def _ways(self, table: Table) -> "_Ways":
        """Return what tells values by raw numbers. Raises: SegmentError."""
        linear = self._array("linear", 3 * int((table.kind == Kind.LINEAR).sum()))
        sizes = self._array("sizes", int((table.kind == Kind.LOOKUP).sum()))
        if (sizes < 0).any() or sizes.sum(dtype=np.int64) > CELLS_MAX:
            raise SegmentError("sizes: a table of no possible length")
        lookup = self._array("lookup", int(sizes.sum()))
        return _Ways(_Taker(linear), _Taker(sizes), _Taker(lookup))

    def _shapes(self) -> list[_Shape]:
        """Return what the head says of every block. Raises: SegmentError."""
        member = self._members["head.npy"]
        try:
            head = canonical.decode(self._array("head", None).tobytes())
        except canonical.CanonicalError as error:
            raise SegmentError(f"{member.filename} {error}") from None
        if not isinstance(head, dict) or head.keys() != {"schema", "blocks"}:
            raise SegmentError("head: must have the keys schema and blocks")
        if head["schema"] != SCHEMA:
            raise SegmentError(f"head: schema {head['schema']!r} is not {SCHEMA!r}")
        shapes = [_shape(told) for told in _list(head["blocks"], "head: blocks")]
        _check_size(shapes)
        return shapes

    def _array(self, name: str, count: int | None) -> NDArray[Any]:
        """Return an array of `count` numbers. Raises: SegmentError where it is another."""
        dtype = np.dtype(_ARRAYS.get(name, "|u1"))
        most = HEAD_BYTES_MAX if count is None else count * dtype.itemsize
        member = self._members[f"{name}.npy"]
        if member.file_size > most + _HEADER_BYTES_MAX:
            raise SegmentError(f"{name}: {member.file_size} bytes, at most {most} are told of")
        with self._archive.open(member) as opened:
            file = io.BytesIO(opened.read(member.file_size))
        try:
            version = np.lib.format.read_magic(file)
            shape, _, found = np.lib.format.read_array_header_1_0(file, _HEADER_BYTES_MAX)
        except (ValueError, SyntaxError, EOFError) as error:
            raise SegmentError(f"{name}: is no array: {error}") from None
        rest = file.read()
        length = len(rest) // dtype.itemsize
        if version != (1, 0) or found != dtype or shape != (length,) or len(rest) % dtype.itemsize:
            raise SegmentError(f"{name}: {found} of {shape}, not one row of {dtype}")
        if count not in (None, length):
            raise SegmentError(f"{name}: {length} numbers, not {count}")
        return np.frombuffer(rest, dtype)


class _Taker:
    """Gives an array away, piece by piece."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array
        self._at = 0

    def take(self, count: int) -> NDArray[Any]:
        """Return the next `count` numbers."""
        self._at += count
        return self._array[self._at - count : self._at]


class _Ways:
    """Tells value columns by their raw numbers, one after the other."""

    def __init__(self, linear: _Taker, sizes: _Taker, lookup: _Taker) -> None:
        self._linear = linear
        self._sizes = sizes
        self._lookup = lookup

    def values(self, kind: int, raw: Floats, good: NDArray[np.bool_]) -> Floats:
        """Return the values of the next column that is so told. Raises: SegmentError."""
        values = np.full(len(raw), np.nan)
        if kind == Kind.LINEAR:
            values[good] = Line(*self._linear.take(3)).of(raw[good])
            return values
        lookup = self._lookup.take(int(self._sizes.take(1)[0]))
        told = looked_up(raw[good], lookup)
        if told is None:
            raise SegmentError(f"lookup: {len(lookup)} values are not one for each raw number")
        values[good] = told
        return values


def _block(shape: _Shape, kind: NDArray[np.uint8], rows: Floats, ways: _Ways) -> Block:
    """Return one block from its columns. Raises: SegmentError where a quality is none."""
    channels = shape.channels
    asked, taken = rows[:_FIXED]
    raw, values, told = (
        rows[_FIXED + i * channels : _FIXED + (i + 1) * channels] for i in range(3)
    )
    quality = told.astype(np.uint8)
    if not (quality == told).all() or (kind >= Kind.LINEAR)[: _FIXED + channels].any():
        raise SegmentError(f"{shape.device}: columns of a kind that they cannot be")
    for place in np.flatnonzero(kind[_FIXED + channels : _FIXED + 2 * channels] >= Kind.LINEAR):
        which = kind[_FIXED + channels + place]
        values[place] = ways.values(int(which), raw[place], quality[place] == Quality.GOOD)
    values[np.isnan(values)] = np.nan  # of which there is one
    return Block(
        device=shape.device,
        binding=shape.binding,
        asked=asked,
        taken=taken,
        values=np.ascontiguousarray(values.T),
        quality=np.ascontiguousarray(quality.T),
        raw=np.ascontiguousarray(raw.T),
    )


def _shape(told: object) -> _Shape:
    """Return what the head says of one block. Raises: SegmentError."""
    device, *numbers = _list(told, "head: block") or [None]
    named = isinstance(device, str) and len(device) <= NAME_MAX
    if not named or len(numbers) != 3 or not all(type(n) is int and n >= 0 for n in numbers):
        raise SegmentError("head: a block is a device's name, a binding, polls and channels")
    return _Shape(device, *numbers)


def _list(value: object, where: str) -> list[Any]:
    """Return a list that is one and holds something. Raises: SegmentError."""
    if not isinstance(value, list):
        raise SegmentError(f"{where}: must be a list")
    return value


def _check_table(table: Table) -> None:
    """Raise SegmentError where a column is told in a way that there is not."""
    for name, most in (
        ("kind", max(Kind)),
        ("digits", DIGITS_MAX),
        ("delta", 1),
        ("width", PLANES),
        ("missing", 1),
    ):
        if (getattr(table, name) > most).any():
            raise SegmentError(f"{name}: beyond {most}")
