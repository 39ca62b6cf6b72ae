r"""Sparkplug B payloads as an edge node writes them, and the one command that it obeys.

>>> payload(1_743_620_423_000, [metric(1_743_620_423_000, True, alias=7)], seq=3).hex()
'08d8fa80bfdf32120b100718d8fa80bfdf3270011803'

Source: Sparkplug 3.0, sparkplug_b.proto; Protocol Buffers, encoding.
"""

import struct
from collections.abc import Iterable

from collectors.mqtt.payload import PayloadError
from collectors.mqtt.protobuf import EIGHT_BYTES, key, number, octets
from collectors.mqtt.sparkplug import REBIRTH, Datatype, read

Value = float | int | str | bool | None


def payload(time_ms: int, metrics: Iterable[bytes], seq: int | None = None) -> bytes:
    """Return a payload of metrics; only a death has no sequence number (§6.4.1)."""
    body = number(1, time_ms) + b"".join(octets(2, each) for each in metrics)
    return body if seq is None else body + number(3, seq)


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
    body = b"" if name is None else octets(1, name.encode())
    if alias is not None:
        body += number(2, alias)
    body += number(3, time_ms)
    if datatype is not None:
        body += number(4, datatype)
    if value is None:
        body += number(7, 1)
    if unit:
        body += octets(9, octets(1, b"engUnit") + octets(2, _property(unit)))
    return body + _value(value)


def _value(value: Value) -> bytes:
    """Return the field that holds a value (§6.4.7)."""
    if value is None:
        return b""
    if isinstance(value, bool):
        return number(14, int(value))
    if isinstance(value, int):
        return number(11, value)
    if isinstance(value, str):
        return octets(15, value.encode())
    return key(13, EIGHT_BYTES) + struct.pack("<d", value)


def _property(text: str) -> bytes:
    """Return a property's value: its type and its text (§6.4.10)."""
    return number(1, Datatype.STRING) + octets(8, text.encode())


def asks_for_rebirth(data: bytes) -> bool:
    """Say whether a command tells the node to be born again (§6.4.20); rubbish does not."""
    try:
        metrics = read(data, counted=False).metrics
    except PayloadError:
        return False
    return any(each.name == REBIRTH and each.value(Datatype.BOOLEAN) is True for each in metrics)
