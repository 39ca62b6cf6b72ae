"""One form of JSON: what goes in comes out, and nothing else is taken."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.canonical import DEPTH_MAX, CanonicalError, decode, encode

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars.filter(lambda v: not (isinstance(v, float) and math.isinf(v))),
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


@given(values)
def test_what_was_encoded_is_read_back_and_spelled_the_same(value: object) -> None:
    """Hashing what was read gives the hash of what was written."""
    spelled = encode(value)

    assert encode(decode(spelled)) == spelled
    assert decode(spelled) == value


@given(st.dictionaries(texts, scalars.filter(lambda v: not isinstance(v, float))))
def test_the_order_of_keys_is_not_part_of_the_form(value: dict[str, object]) -> None:
    """Two programs that build the same object in different order agree on its hash."""
    assert encode(dict(reversed(value.items()))) == encode(value)


@pytest.mark.parametrize(
    "value",
    [math.nan, {"a": [math.inf]}, {1: 2}, b"", {"a": {1, 2}}, "\ud800", 10**5000],
    ids=["nan", "infinity", "key", "bytes", "set", "surrogate", "digits"],
)
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    """Rather than spelled in a way that only one library reads."""
    with pytest.raises(CanonicalError):
        encode(value)


def test_the_place_of_a_bad_number_is_named() -> None:
    """So that whoever made it is found."""
    with pytest.raises(CanonicalError, match=r"\.stages\[1\]\.margin is nan"):
        encode({"stages": [{}, {"margin": math.nan}]})


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b"[1.50]",
        b"[1e999]",
        b"[NaN]",
        b'["\\u0061"]',
        b"\xff",
        b"",
        b"[" * 100_000,
        b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1),
        b"9" * 5000,
        b'"\\ud800"',
    ],
    ids=lambda text: repr(text[:12]),
)
def test_any_other_spelling_is_refused(text: bytes) -> None:
    """A changed byte is seen even where its meaning would be the same."""
    with pytest.raises(CanonicalError):
        decode(text)
