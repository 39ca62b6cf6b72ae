"""Payloads: JSON read strictly and within bounds, and what a value or a time in it means.

A message is taken whole or not at all: bad UTF-8, NaN, a key given twice, or too deep a tree
refuse it. A number may come as a number, a text ("40,1", "0x0004") or a truth value.

>>> number("40,1"), number("0x0004"), number("--")[1].name
((40.1, <Quality.GOOD: 0>), (4.0, <Quality.GOOD: 0>), 'SENTINEL')
>>> source_time(1743620423000) == source_time("2025-04-02T19:00:23Z") == 1743620423.0
True
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic_core import from_json

from collectors.readings import Quality

PAYLOAD_BYTES_MAX: Final = 64 << 10  # a gateway of 300 points at 100 bytes each, twice over
DEPTH_MAX: Final = 16  # the deepest gateway met has 4
NUMBER_CHARACTERS_MAX: Final = 40  # longer than any double is written
DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
COMMA: Final = re.compile(r"([+-]?\d+),(\d+)")
GROUPED: Final = re.compile(r"[+-]?\d{1,3},\d{3}")  # 1,234: nobody can say which number this is
HEXADECIMAL: Final = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
NO_VALUE: Final = frozenset(
    {"", "-", "--", "---", "n/a", "na", "nan", "null", "none", "unavailable", "unknown"}
)
EPOCHS: Final = (1.0, 1e3, 1e6, 1e9)  # ticks a second; the years below keep them apart
EARLIEST: Final = 946_684_800.0  # 2000-01-01: a clock before it was never set
LATEST: Final = 4_102_444_800.0  # 2100-01-01
MISSING: Final = object()  # a field that is not there, which null is


class PayloadError(ValueError):
    """A payload that is not taken; its text is the reason to count it under."""


def parse(payload: bytes) -> Any:  # noqa: ANN401 -- whatever JSON may hold
    """Return what a JSON payload holds. Raises: PayloadError. Cost: 2 µs for 100 bytes."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise PayloadError("too_long")
    try:
        tree = from_json(payload, allow_inf_nan=False)
    except ValueError:
        raise PayloadError("not_json") from None
    if _keys(tree, DEPTH_MAX) != payload.count(b":"):  # else each colon belongs to one kept key
        json.loads(payload, object_pairs_hook=_unique)
    return tree


def _keys(tree: object, depth: int) -> int:
    """Count the keys of all objects in a tree. Raises: PayloadError when it is too deep."""
    if isinstance(tree, dict):
        inside: Sequence[object] = [v for v in tree.values() if isinstance(v, dict | list)]
        count = len(tree)
    elif isinstance(tree, list):
        inside, count = [v for v in tree if isinstance(v, dict | list)], 0
    else:
        return 0
    if depth == 0:
        raise PayloadError("too_deep")
    return count + sum(_keys(value, depth - 1) for value in inside) if inside else count


def _unique(pairs: list[tuple[str, object]]) -> None:
    """Refuse an object that has a key twice. Raises: PayloadError."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise PayloadError("duplicate_key")


def field_path(text: str) -> tuple[str, ...]:
    """Split `d.T_sup.v` into its steps; a whole number steps into a list."""
    return tuple(text.split("."))


def lookup(tree: object, path: Sequence[str]) -> object:
    """Return what lies at `path`, or MISSING."""
    for step in path:
        if isinstance(tree, dict):
            tree = tree.get(step, MISSING)
        elif isinstance(tree, list) and step.isdecimal() and int(step[:9]) < len(tree):
            tree = tree[int(step[:9])]
        else:
            return MISSING
    return tree


def number(
    value: object, texts: Mapping[str, int] | None = None, *, decimal_comma: bool = False
) -> tuple[float, Quality]:
    """Return a value as a number and whether it is one; NaN where it is not.

    A comma is read as a decimal point, but `1,234` only with `decimal_comma`: it could be 1234.
    """
    if isinstance(value, str):
        return _number_of(value.strip(), texts or {}, decimal_comma=decimal_comma)
    if value is None:
        return math.nan, Quality.SENTINEL
    if isinstance(value, float | int):
        try:
            found = float(value)
        except OverflowError:
            return math.nan, Quality.MALFORMED
        if math.isfinite(found):
            return found, Quality.GOOD
    return math.nan, Quality.MALFORMED


def _number_of(
    text: str, texts: Mapping[str, int], *, decimal_comma: bool
) -> tuple[float, Quality]:
    """Read a text as a number: a word of the profile's, a decimal number, or hexadecimal."""
    if text in texts:
        return float(texts[text]), Quality.GOOD
    if text.lower() in NO_VALUE:
        return math.nan, Quality.SENTINEL
    if len(text) > NUMBER_CHARACTERS_MAX:
        return math.nan, Quality.MALFORMED
    if HEXADECIMAL.fullmatch(text):
        return float(int(text, 16)), Quality.GOOD
    if (decimal_comma or not GROUPED.fullmatch(text)) and (found := COMMA.fullmatch(text)):
        text = f"{found[1]}.{found[2]}"
    value = float(text) if DECIMAL.fullmatch(text) else math.nan
    return (value, Quality.GOOD) if math.isfinite(value) else (math.nan, Quality.MALFORMED)


def source_time(value: object) -> float | None:
    """Return a time stamp as seconds since 1970: epoch in s, ms, µs or ns, or ISO 8601 with zone.

    None when it is neither, has no zone, or lies outside 2000 to 2100.
    """
    if isinstance(value, bool):
        return None
    ticks, _ = number(value)
    for each in EPOCHS:
        if EARLIEST * each <= ticks < LATEST * each:  # never of a NaN
            return ticks / each
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    seconds = moment.timestamp()
    return seconds if EARLIEST <= seconds < LATEST else None
