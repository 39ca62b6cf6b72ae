r"""Sparkplug B payloads: the few protobuf messages that an edge node sends, and the one it obeys.

By hand, because it is four kinds of fields: a protobuf library would bring a generated module and
an extension for every platform, to write what 40 lines write.

>>> payload(1_743_620_423_000, [metric(1_743_620_423_000, True, alias=7)], seq=3).hex()
'08d8fa80bfdf32120b100718d8fa80bfdf3270011803'

Source: Sparkplug 3.0, sparkplug_b.proto; Protocol Buffers, encoding.
"""

import enum
import struct
from collections.abc import Iterable, Iterator
from typing import Final

VARINT: Final = 0
EIGHT_BYTES: Final = 1
BYTES: Final = 2
FOUR_BYTES: Final = 5
VARINT_BYTES_MAX: Final = 10  # of 64 bits
REBIRTH: Final = "Node Control/Rebirth"

Value = float | int | str | bool | None


class Datatype(enum.IntEnum):
    """What a metric's value is (§6.4.16)."""

    INT64 = 4
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12


class PayloadError(ValueError):
    """Bytes that are no protobuf message."""


def payload(time_ms: int, metrics: Iterable[bytes], seq: int | None = None) -> bytes:
    """Return a payload of metrics; only a death has no sequence number (§6.4.1)."""
    body = _number(1, time_ms) + b"".join(_octets(2, each) for each in metrics)
    return body if seq is None else body + _number(3, seq)


def metric(  # noqa: PLR0913 -- as many as the message has
    time_ms: int,
    value: Value,
    *,
    name: str | None = None,
    alias: int | None = None,
    datatype: Datatype | None = None,
    unit: str = "",
) -> bytes:
    """Return one metric; None is null. A birth tells name, type and unit, data the alias alone."""
    body = b"" if name is None else _octets(1, name.encode())
    if alias is not None:
        body += _number(2, alias)
    body += _number(3, time_ms)
    if datatype is not None:
        body += _number(4, datatype)
    if value is None:
        body += _number(7, 1)
    if unit:
        body += _octets(9, _octets(1, b"engUnit") + _octets(2, _property(unit)))
    return body + _value(value)


def _value(value: Value) -> bytes:
    """Return the field that holds a value (§6.4.7)."""
    if value is None:
        return b""
    if isinstance(value, bool):
        return _number(14, int(value))
    if isinstance(value, int):
        return _number(11, value)
    if isinstance(value, str):
        return _octets(15, value.encode())
    return _key(13, EIGHT_BYTES) + struct.pack("<d", value)


def _property(text: str) -> bytes:
    """Return a property's value: its type and its text (§6.4.10)."""
    return _number(1, Datatype.STRING) + _octets(8, text.encode())


def _varint(number: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    if number < 0x80:
        return bytes((number,))
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def _key(field: int, wire: int) -> bytes:
    """Return what stands before a field."""
    return _varint(field << 3 | wire)


def _number(field: int, number: int) -> bytes:
    """Return a field that holds a number."""
    return _key(field, VARINT) + _varint(number)


def _octets(field: int, octets: bytes) -> bytes:
    """Return a field that holds a text or a message."""
    return _key(field, BYTES) + _varint(len(octets)) + octets


def asks_for_rebirth(data: bytes) -> bool:
    """Say whether a command tells the node to be born again (§6.4.20); rubbish does not."""
    try:
        metrics = [dict(_fields(each)) for n, each in _fields(data) if n == 2 and each]
    except (PayloadError, TypeError):
        return False
    return any(each.get(1) == REBIRTH.encode() and each.get(14) == 1 for each in metrics)


def _fields(data: int | bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field. Raises: PayloadError."""
    if not isinstance(data, bytes):
        raise PayloadError("a number where a message should be")
    at = 0
    while at < len(data):
        key, at = _read(data, at)
        value: int | bytes
        if key & 7 == VARINT:
            value, at = _read(data, at)
        else:
            size = {EIGHT_BYTES: 8, FOUR_BYTES: 4}.get(key & 7, -1)
            if key & 7 == BYTES:
                size, at = _read(data, at)
            if not 0 <= size <= len(data) - at:
                raise PayloadError("a field that does not end")
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def _read(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and where it ends. Raises: PayloadError."""
    number = 0
    for n in range(VARINT_BYTES_MAX):
        if at + n == len(data):
            break
        octet = data[at + n]
        number |= (octet & 0x7F) << 7 * n
        if not octet & 0x80:
            return number, at + n + 1
    raise PayloadError("a number that does not end")
