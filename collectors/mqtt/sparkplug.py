"""Sparkplug B payloads, read strictly and within bounds, and the one command that we may send.

Templates and data sets are recognised and not opened: what is in them has no name that a profile
could mean. A value is kept as it came until its type is known, which only a birth tells.

Source: Sparkplug 3.0, §4 (topics), §6.4 (payloads), sparkplug_b.proto (numbers of fields).
"""

import enum
import re
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from collectors.mqtt.payload import PAYLOAD_BYTES_MAX, PayloadError
from collectors.mqtt.protobuf import (
    BYTES,
    EIGHT_BYTES,
    FOUR_BYTES,
    VARINT,
    WireError,
    fields,
    number,
    octets,
)

NAMESPACE: Final = "spBv1.0"
METRICS_MAX: Final = 2_000  # in one payload; a rack has 1,000 instruments, in 40 devices
PROPERTIES_MAX: Final = 64  # of one metric
TEXT_BYTES_MAX: Final = 512  # of a name, a unit or a state; they have 20
SEQUENCE: Final = 256  # numbers that are counted through
REBIRTH: Final = "Node Control/Rebirth"
COMMAND: Final = re.compile(rb"spBv1\.0/[^/+#\0]+/NCMD/[^/+#\0]+")
SESSION: Final = "bdSeq"
WRONG: Final = object()  # a value that is not of its metric's type

METRIC_KINDS: Final = {
    **dict.fromkeys((1, 8, 9, 15, 16, 17, 18, 19), BYTES),
    **dict.fromkeys((2, 3, 4, 5, 6, 7, 10, 11, 14), VARINT),
    12: FOUR_BYTES,
    13: EIGHT_BYTES,
}
PAYLOAD_KINDS: Final = {1: VARINT, 2: BYTES, 3: VARINT, 4: BYTES, 5: BYTES}
PROPERTY_KINDS: Final = {
    **dict.fromkeys((1, 2, 3, 4, 7), VARINT),
    **dict.fromkeys((8, 9, 10), BYTES),
    5: FOUR_BYTES,
    6: EIGHT_BYTES,
}
VALUES: Final = frozenset(range(10, 20))  # fields of a metric of which there is one at most


class Datatype(enum.IntEnum):
    """What a metric's value is (§6.4.16)."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19


SIGNED: Final = {Datatype.INT8: 8, Datatype.INT16: 16, Datatype.INT32: 32, Datatype.INT64: 64}
UNSIGNED: Final = {
    Datatype.UINT8: 8,
    Datatype.UINT16: 16,
    Datatype.UINT32: 32,
    Datatype.UINT64: 64,
}
TEXTS: Final = frozenset({Datatype.STRING, Datatype.TEXT, Datatype.UUID})
NOT_READ: Final = {  # types that are no single value, by what they are called
    Datatype.DATASET: "data set",
    Datatype.TEMPLATE: "template",
    Datatype.BYTES: "array of bytes",
    Datatype.FILE: "file",
}
ARRAYS: Final = range(22, 35)  # types of arrays, one for each type of number and text


class Metric(NamedTuple):
    """One metric as it came; None where it does not say."""

    name: str | None = None
    alias: int | None = None
    time: int | None = None  # ms since 1970
    datatype: int | None = None
    historical: bool = False
    null: bool = False
    field: int = 0  # which of the fields for values holds one; 0: none
    raw: object = None
    unit: str | None = None
    quality: int | None = None

    def value(self, datatype: int | None) -> object:
        """Return the value as a number, a text or a truth value; None is null, WRONG none of it.

        A negative number comes in the bits of its own size, or of 32 or 64: encoders differ.
        """
        if self.null:
            return None
        kind = self.datatype if datatype is None else datatype
        raw = self.raw
        if self.field in (10, 11) and isinstance(raw, int):
            return _integer(raw, kind)
        fitting = {12: Datatype.FLOAT, 13: Datatype.DOUBLE, 14: Datatype.BOOLEAN}.get(self.field)
        if fitting is not None and kind == fitting:
            return raw
        return raw if self.field == 15 and kind in TEXTS else WRONG


class Payload(NamedTuple):
    """What a message says."""

    time: int | None  # ms since 1970
    seq: int | None
    metrics: tuple[Metric, ...]

    @property
    def session(self) -> int | None:
        """Return the number by which a death belongs to a birth."""
        for metric in self.metrics:
            if metric.name == SESSION:
                value = metric.value(Datatype.UINT64)
                return value if isinstance(value, int) else None
        return None


def read(data: bytes, *, counted: bool = True) -> Payload:
    """Return what a payload says; every message but a death is counted.

    Raises: PayloadError. Cost: 5 µs a metric of data, 13 µs of a birth.
    """
    if len(data) > PAYLOAD_BYTES_MAX:
        raise PayloadError("too_long")
    heads: dict[int, int | bytes] = {}
    metrics: list[Metric] = []
    try:
        for n, kind, value in fields(data):
            if n != 2 or kind != BYTES:
                _keep(heads, PAYLOAD_KINDS, n, kind, value)
            elif len(metrics) == METRICS_MAX:
                raise PayloadError("too_many_metrics")
            else:
                metrics.append(_metric(value))
    except WireError as error:
        raise PayloadError(str(error)) from None
    time, seq = _number(heads.get(1)), _number(heads.get(3))
    if (seq is None and counted) or (seq is not None and seq >= SEQUENCE):
        raise PayloadError("no_seq" if seq is None else "bad_seq")
    return Payload(time, seq, tuple(metrics))


def _keep(
    found: dict[int, int | bytes],
    kinds: Mapping[int, int],
    n: int,
    kind: int,
    value: int | bytes,
) -> None:
    """Keep a field that may come once; fields that are not known are let pass (extensions)."""
    if n not in kinds:
        return
    if kinds[n] != kind:
        raise PayloadError("bad_field")
    if n in found:
        raise PayloadError("field_twice")
    found[n] = value


def _metric(data: int | bytes) -> Metric:
    """Read one metric. Raises: PayloadError, WireError."""
    assert isinstance(data, bytes)
    found: dict[int, int | bytes] = {}
    for n, kind, value in fields(data):
        if METRIC_KINDS.get(n) == kind and n not in found:
            found[n] = value
        else:
            _keep(found, METRIC_KINDS, n, kind, value)
    values = VALUES & found.keys()
    if len(values) > 1:
        raise PayloadError("two_values")
    field = next(iter(values), 0)
    get = found.get
    return Metric(
        _text(found[1]) if 1 in found else None,
        _number(get(2)),
        _number(get(3)),
        _number(get(4)),
        bool(get(5)),
        bool(get(7)),
        field,
        _raw(field, found[field]) if field else None,
        *(_properties(found[9]) if 9 in found else (None, None)),
    )


def _raw(field: int, value: int | bytes) -> object:
    """Return what a field for a value holds; bytes, data sets and templates stay closed."""
    if isinstance(value, int):
        return bool(value) if field == 14 else value
    if field == 12:
        return struct.unpack("<f", value)[0]
    if field == 13:
        return struct.unpack("<d", value)[0]
    return _text(value) if field == 15 and len(value) <= TEXT_BYTES_MAX else WRONG


def _properties(data: int | bytes) -> tuple[str | None, int | None]:
    """Return the unit and the quality that a metric's properties tell (§6.4.8 to §6.4.11)."""
    keys: list[str] = []
    values: list[bytes] = []
    assert isinstance(data, bytes)
    for n, kind, value in fields(data):
        if n in (1, 2) and kind != BYTES:
            raise PayloadError("bad_field")
        if isinstance(value, bytes) and n == 1:
            keys.append(_text(value))
        elif isinstance(value, bytes) and n == 2:
            values.append(value)
        if max(len(keys), len(values)) > PROPERTIES_MAX:
            raise PayloadError("too_many_properties")
    if len(keys) != len(values):
        raise PayloadError("bad_properties")
    if len({*keys}) != len(keys):
        raise PayloadError("field_twice")
    told = dict(zip(keys, values, strict=True))
    unit = _property(told["engUnit"], 8) if "engUnit" in told else None
    quality = _property(told["Quality"], 3) if "Quality" in told else None
    return (
        unit if isinstance(unit, str) else None,
        None if "Quality" not in told else quality if isinstance(quality, int) else -1,
    )


def _property(data: bytes, wanted: int) -> object:
    """Return what a property's field `wanted` holds, if it holds that. Raises: PayloadError."""
    found: object = None
    for n, kind, value in fields(data):
        if PROPERTY_KINDS.get(n, kind) != kind:
            raise PayloadError("bad_field")
        if n == wanted:
            found = value if isinstance(value, int) else _text(value)
    return found


def _text(value: int | bytes) -> str:
    """Return a text. Raises: PayloadError where it is too long or no UTF-8."""
    assert isinstance(value, bytes)
    if len(value) > TEXT_BYTES_MAX:
        raise PayloadError("text_too_long")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise PayloadError("bad_text") from None


def _number(value: int | bytes | None) -> int | None:
    """Return a number that a field of its kind holds."""
    assert not isinstance(value, bytes)
    return value


def _integer(raw: int, kind: int | None) -> object:
    """Return a whole number of a type; WRONG where it cannot be of that type.

    >>> _integer(0xFFFFFFFB, Datatype.INT8), _integer(0xFB, Datatype.INT8)
    (-5, -5)
    """
    if kind == Datatype.BOOLEAN:
        return WRONG
    if bits := SIGNED.get(Datatype(kind)) if kind in SIGNED else None:
        half = 1 << bits - 1
        for size in (bits, 32, 64):
            if size >= bits and (1 << size) - half <= raw < 1 << size:
                return raw - (1 << size)
        return raw if raw < half else WRONG
    if kind in UNSIGNED:
        return raw if raw < 1 << UNSIGNED[Datatype(kind)] else WRONG
    return raw if kind == Datatype.DATETIME else WRONG


def why_not_read(datatype: int | None) -> str:
    """Return why metrics of a type are no channels; nothing where they can be.

    >>> why_not_read(Datatype.TEMPLATE), why_not_read(Datatype.DOUBLE)
    ('is a template; name its members as metrics of their own', '')
    """
    if datatype == Datatype.TEMPLATE:
        return "is a template; name its members as metrics of their own"
    if datatype in NOT_READ:
        return f"is a {NOT_READ[Datatype(datatype)]}, not one value"
    if datatype in ARRAYS:
        return "is an array, not one value"
    return "" if datatype in (*Datatype,) else "has no type that is known"


def asks_for_births(body: bytes) -> bool:
    """Say whether the body of a PUBLISH (QoS 0) is our request to a node, and nothing else.

    >>> topic = b"spBv1.0/hall/NCMD/bay-01"
    >>> asks_for_births(len(topic).to_bytes(2) + topic + rebirth(1_743_620_423_000))
    True
    """
    size = 2 + int.from_bytes(body[:2])
    topic, payload = body[2:size], body[size:].removeprefix(b"\0")  # MQTT 5: without properties
    try:
        time = read(payload, counted=False).time
    except PayloadError:
        return False
    return bool(COMMAND.fullmatch(topic)) and time is not None and payload == rebirth(time)


def command(group: str, node: str) -> str:
    """Return where a node listens for commands (§4.2.4)."""
    return f"{NAMESPACE}/{group}/NCMD/{node}"


def rebirth(time_ms: int) -> bytes:
    """Return the command that asks a node for its births; it says nothing else (§6.4.20).

    >>> rebirth(1_743_620_423_000).hex()
    '08d8fa80bfdf3212210a144e6f646520436f6e74726f6c2f5265626972746818d8fa80bfdf32200b7001'
    """
    name = octets(1, REBIRTH.encode())
    metric = name + number(3, time_ms) + number(4, Datatype.BOOLEAN) + number(14, 1)
    return number(1, time_ms) + octets(2, metric)
