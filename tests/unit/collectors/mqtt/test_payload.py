"""Payloads: what JSON is taken, what counts as a number, and which times can be."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt.payload import (
    DEPTH_MAX,
    MISSING,
    PAYLOAD_BYTES_MAX,
    PayloadError,
    field_path,
    lookup,
    number,
    parse,
    source_time,
)
from collectors.readings import Quality

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(trees, st.booleans())
def test_what_the_standard_library_writes_is_read_back(tree: Any, spaced: bool) -> None:  # noqa: ANN401, FBT001 -- any JSON
    """Colons in texts and keys do not make an honest message look like one with a key twice."""
    text = json.dumps(tree, separators=(" , ", " : ") if spaced else None)

    assert parse(text.encode()) == tree


@given(st.binary(max_size=64) | st.text(alphabet='{}[]":,10eE.-\\ua ', max_size=40).map(str.encode))
def test_any_bytes_are_taken_or_refused_with_a_reason(payload: bytes) -> None:
    """Hostile bytes cost one counter; what is taken, another parser reads alike."""
    try:
        told = repr(parse(payload))
    except PayloadError as refused:
        told = str(refused)

    assert told in {"not_json", "too_deep", "duplicate_key"} or told == repr(json.loads(payload))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"v":NaN}', "not_json"),
        (b'{"v":Infinity}', "not_json"),
        (b'{"v":"\xff"}', "not_json"),
        (b'{"v":1} x', "not_json"),
        (b"", "not_json"),
        (b"[" * 5000, "not_json"),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), "too_deep"),
        (b'{"v":1,"v":2}', "duplicate_key"),
        (b'{"a":[{"v" :1,"\\u0076":2}]}', "duplicate_key"),
        (b'{"a":":","a":2}', "duplicate_key"),
        (b'"' + b"x" * PAYLOAD_BYTES_MAX + b'"', "too_long"),
    ],
)
def test_what_is_refused_and_why(payload: bytes, reason: str) -> None:
    """Each is counted under its own reason, for whoever has to find the gateway that sends it."""
    with pytest.raises(PayloadError, match=f"^{reason}$"):
        parse(payload)


def test_a_field_is_found_by_its_path() -> None:
    """Objects by key, lists by position; a path that leads nowhere is not the same as null."""
    tree = {"d": {"T_sup": {"v": "40,1"}, "list": [1, {"x": None}]}}

    assert lookup(tree, field_path("d.T_sup.v")) == "40,1"
    assert lookup(tree, field_path("d.list.1.x")) is None
    for absent in ("d.T_ret.v", "d.list.2", "d.list.x", "d.T_sup.v.0"):
        assert lookup(tree, field_path(absent)) is MISSING


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (10.35, 10.35),
        (True, 1.0),
        ("40,1", 40.1),
        (" -3.5e2 ", -350.0),
        ("0x0004", 4.0),
        (2**70, float(2**70)),
    ],
)
def test_numbers_as_gateways_write_them(value: object, expected: float) -> None:
    """A number, a truth value, a text with a point or a comma, a bit field in hexadecimal."""
    found, quality = number(value)

    assert (found, quality) == (expected, Quality.GOOD)


@pytest.mark.parametrize("value", ["1,234", "12,000", "0,125", "1.234,5", "1,2,3", "1e999"])
def test_a_number_that_could_be_two_is_none(value: str) -> None:
    """1,234 is a thousand to some; wrong by a factor of 1000 is worse than unknown."""
    assert number(value)[1] == Quality.MALFORMED


def test_the_profile_can_say_that_commas_are_decimal() -> None:
    """Then 1,234 is one number only."""
    assert number("1,234", decimal_comma=True) == (1.234, Quality.GOOD)
    assert number("1,234.5", decimal_comma=True)[1] == Quality.MALFORMED


@pytest.mark.parametrize("value", ["--", "NaN", "Unavailable", "", " N/A ", None])
def test_words_for_no_value_are_no_value(value: object) -> None:
    """The device says itself that there is nothing to read."""
    found, quality = number(value)

    assert math.isnan(found)
    assert quality == Quality.SENTINEL


@given(scalars | st.lists(scalars, max_size=2) | st.floats() | st.integers())
def test_a_good_number_is_finite_and_all_else_is_nan(value: object) -> None:
    """No infinity and no NaN gets past as good, whatever was sent."""
    found, quality = number(value)

    assert math.isfinite(found) == (quality == Quality.GOOD)


@given(st.integers(946_684_800, 4_102_444_799), st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_epochs_are_told_apart_by_their_size(seconds: int, ticks: int) -> None:
    """The same moment in s, ms, µs and ns, as number or text, is the same moment."""
    assert source_time(seconds * ticks) == source_time(str(seconds * ticks)) == seconds


@given(st.datetimes(timezones=st.timezones()))
def test_iso_times_are_what_they_say(moment: Any) -> None:  # noqa: ANN401 -- a datetime with zone
    """A time with a zone is that moment, or outside the years that can be."""
    found = source_time(moment.isoformat())

    assert found is None or found == moment.timestamp()


@pytest.mark.parametrize(
    "value", ["2026-01-02T03:04:05", "12:30", "", "soon", None, True, [], 0, 12345, -1, 1e300]
)
def test_a_time_that_says_no_moment_is_none(value: object) -> None:
    """A local time without a zone, an uptime, a clock never set: none is a moment."""
    assert source_time(value) is None
