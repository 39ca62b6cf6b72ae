"""JSON in one form only: whatever is hashed or signed is spelled this way, and no other.

>>> encode({"b": 1.5, "a": ["x", None]})
b'{"a":["x",null],"b":1.5}'
"""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

DEPTH_MAX: Final = 64  # of nesting: an explanation goes down four levels, nothing goes further


class CanonicalError(ValueError):
    """A value that JSON cannot hold, or a text that is not in this form; the message says where."""


def encode(value: object) -> bytes:
    """Return its only spelling: keys sorted, no spaces, UTF-8, numbers as Python's `repr`.

    Raises: CanonicalError for NaN and infinities, keys that are no strings, lone surrogates and
    anything that is not JSON.
    """
    try:
        plain = _plain(value, "", DEPTH_MAX)
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()
    except ValueError as error:  # a surrogate, or an integer of thousands of digits
        raise CanonicalError(str(error)) from None


def decode(data: bytes) -> Any:  # noqa: ANN401 -- JSON is any of seven types; callers check
    """Return what `encode` spelled. Raises: CanonicalError where it would spell it otherwise."""
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise CanonicalError(f"is not JSON: {error}") from None
    if encode(value) != data:
        raise CanonicalError("is JSON, but not in canonical form")
    return value


def _plain(value: object, where: str, depth: int) -> object:
    """Return it made of dicts, lists and scalars alone."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise CanonicalError(f"{where or 'the value'} is {value}: not a number of JSON")
        return value
    if not depth:
        raise CanonicalError(f"{where} is nested more than {DEPTH_MAX} levels deep")
    if isinstance(value, Mapping):
        if odd := [key for key in value if not isinstance(key, str)]:
            raise CanonicalError(f"{where or 'the value'} has the key {odd[0]!r}: not a string")
        return {key: _plain(item, f"{where}.{key}", depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]", depth - 1) for i, item in enumerate(value)]
    raise CanonicalError(f"{where or 'the value'} is a {type(value).__name__}: not JSON")
