"""Columns of numbers as few bytes: exact decimals become integers, integers small differences.

What an instrument sends is a short decimal far more often than not: `231`, `23.1`, `48.52`. Such a
column is integers and one number of digits, exactly, as dividing by a power of ten is correctly
rounded. Integers are told from the least of them, or from the one before if that varies less.
Whatever is no decimal keeps its 64 bits, told by what changed since the one before.
"""

import enum
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

DIGITS_MAX: Final = 9  # after the point: below that it is no decimal that anybody sends
PLANES: Final = 8  # bytes of the widest integer
_EXACT: Final = 2.0**53  # integers below are floats, and their quotients by 10^9 round correctly


class Kind(enum.IntEnum):
    """How a column's numbers are told."""

    BITS = 0  # as they are
    DECIMAL = 1  # integers / 10^digits
    SINGLE = 2  # the same, rounded to float32: what a device sends that counts in those
    LINEAR = 3  # of values only: raw * factor / divisor + offset
    LOOKUP = 4  # of values only: one value for each raw number that there is


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """How each of N columns is told. Shapes: all [N]."""

    kind: NDArray[np.uint8]
    digits: NDArray[np.uint8]
    delta: NDArray[np.uint8]  # 1: each number from the one before; 0: from `base`
    width: NDArray[np.uint8]  # bytes a number
    missing: NDArray[np.uint8]  # 1: some are NaN, and a mask tells which
    base: NDArray[np.int64]  # the first, or the least
    floor: NDArray[np.int64]  # the least difference

    def part(self, start: int, end: int) -> Self:
        """Return the table of some of its columns."""
        columns = [getattr(self, name)[start:end] for name in _NAMES]
        return type(self)(**dict(zip(_NAMES, columns, strict=True)))


_NAMES: Final = tuple(field.name for field in fields(Table))


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """N columns of T numbers, told by a table and streams of bytes."""

    table: Table
    planes: tuple[bytes, ...]  # byte j of every number whose column is wider than j
    mask: bytes  # a bit a number, of columns where some are NaN


def encode(rows: NDArray[np.float64]) -> Coded:
    """Tell columns of numbers in as few bytes as is easy. Shape: rows float64[N, T]."""
    with np.errstate(all="ignore"):
        nan = np.isnan(rows)
        missing = nan.any(axis=1)
        filled = _filled(rows, nan) if missing.any() else rows
        kind, digits, numbers = _integers(filled)
        delta, base, floor, rest = _differences(kind, numbers)
    width = _widths(rest)
    octets = rest.astype("<u8", copy=False).view(np.uint8).reshape(*rest.shape, PLANES)
    return Coded(
        Table(
            kind=kind,
            digits=digits,
            delta=delta,
            width=width,
            missing=np.asarray(missing, np.uint8),
            base=base,
            floor=floor,
        ),
        tuple(octets[width > j, :, j].tobytes() for j in range(PLANES)),
        np.packbits(nan[missing], axis=1).tobytes(),
    )


def decode(coded: Coded, count: int) -> NDArray[np.float64]:
    """Return float64[N, count], to the bit, NaN being one; the streams must be as long as told."""
    table = coded.table
    rest = np.zeros((len(table.kind), count), np.uint64)
    for j, plane in enumerate(coded.planes):
        wider = np.flatnonzero(table.width > j)
        octets = np.frombuffer(plane, np.uint8).reshape(len(wider), count)
        rest[wider] |= octets.astype(np.uint64) << np.uint64(8 * j)
    with np.errstate(all="ignore"):
        rows = _numbers(table, _summed(table, rest))
    missing = np.flatnonzero(table.missing)
    bits = np.frombuffer(coded.mask, np.uint8).reshape(len(missing), -(-count // 8))
    for row, mask in zip(missing, np.unpackbits(bits, axis=1, count=count), strict=True):
        rows[row, mask == 1] = np.nan
    rows[np.isnan(rows)] = np.nan
    return rows


def _filled(rows: NDArray[np.float64], nan: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Put the last number that was there in place of each NaN; at the beginning, the first."""
    if not rows.shape[1]:
        return rows
    last = np.maximum.accumulate(np.where(nan, -1, np.arange(rows.shape[1])), axis=1)
    first = np.argmin(nan, axis=1)
    filled = np.take_along_axis(rows, np.where(last < 0, first[:, None], last), axis=1)
    filled[nan.all(axis=1)] = 0.0
    return filled


def _integers(
    rows: NDArray[np.float64],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
    """Return kind, digits and integers of every column."""
    bits = rows.view(np.int64)
    numbers = bits.copy()
    kind = np.full(len(rows), Kind.BITS, np.uint8)
    digits = np.zeros(len(rows), np.uint8)
    for number in range(DIGITS_MAX + 1):
        left = np.flatnonzero(kind == Kind.BITS)
        scaled = np.rint(rows[left] * 10.0**number) + 0.0  # no integer is -0.0
        small = (np.abs(scaled) < _EXACT).all(axis=1)
        quotients = scaled / 10.0**number
        singles = quotients.astype(np.float32).astype(np.float64)
        for found, told in ((Kind.DECIMAL, quotients), (Kind.SINGLE, singles)):
            same = small & (told.view(np.int64) == bits[left]).all(axis=1)
            same &= kind[left] == Kind.BITS
            kind[left[same]] = found
            digits[left[same]] = number
            numbers[left[same]] = scaled[same].astype(np.int64)
    return kind, digits, numbers


def _differences(
    kind: NDArray[np.uint8], numbers: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
    """Return delta, base, floor, and what is left to tell: from the least, or the one before."""
    columns, count = numbers.shape
    if not count:
        nothing = np.zeros(columns, np.int64)
        return nothing.astype(np.uint8), nothing, nothing, numbers.astype(np.uint64)
    steps = np.diff(numbers, axis=1, prepend=numbers[:, :1])
    steadier = steps.astype(np.float64).std(axis=1) < numbers.astype(np.float64).std(axis=1)
    bits = kind == Kind.BITS
    delta = steadier | bits
    least = numbers.min(axis=1)
    floor = np.where(steadier & ~bits, steps[:, 1:].min(axis=1, initial=_TOP), 0)
    rest = np.where(delta[:, None], steps - floor[:, None], numbers - least[:, None])
    rest[bits, 1:] = numbers[bits, 1:] ^ numbers[bits, :-1]
    rest[delta, 0] = 0
    return (
        delta.astype(np.uint8),
        np.where(delta, numbers[:, 0], least),
        floor,
        rest.view(np.uint64),
    )


_TOP: Final = np.iinfo(np.int64).max


def _summed(table: Table, rest: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Undo `_differences`; sums wrap, so that no input is too large."""
    if not rest.shape[1]:
        return rest.view(np.int64)
    numbers = rest.view(np.int64)
    bits = table.kind == Kind.BITS
    summed = (table.delta == 1) & ~bits
    numbers[summed, 1:] += table.floor[summed, None]
    numbers[summed, 0] = table.base[summed]
    numbers[summed] = np.cumsum(numbers[summed], axis=1)
    numbers[bits, 0] = table.base[bits]
    numbers[bits] = np.bitwise_xor.accumulate(numbers[bits], axis=1)
    plain = ~summed & ~bits
    numbers[plain] += table.base[plain, None]
    return numbers


def _numbers(table: Table, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Undo `_integers`."""
    rows = numbers / (10.0 ** table.digits.astype(np.float64))[:, None]
    single = table.kind == Kind.SINGLE
    rows[single] = rows[single].astype(np.float32).astype(np.float64)
    bits = table.kind == Kind.BITS
    rows[bits] = numbers[bits].view(np.float64)
    return rows


def _widths(rest: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return how many bytes the largest number of each column takes."""
    largest = rest.max(axis=1, initial=0)
    steps = np.array([1 << 8 * j for j in range(PLANES)], np.uint64)
    widths: NDArray[np.uint8] = (largest[:, None] >= steps).sum(axis=1, dtype=np.uint8)
    return widths
