"""Tests for content negotiation, on headers that real clients send and on some that none should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.web.negotiate import wants_gzip, wants_openmetrics

OPENMETRICS = "application/openmetrics-text"
PROMETHEUS_2 = (
    f"{OPENMETRICS};version=1.0.0,{OPENMETRICS};version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    f"{OPENMETRICS};version=1.0.0;escaping=allow-utf-8;q=0.5,{OPENMETRICS};version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        (PROMETHEUS_2, True),
        (PROMETHEUS_3, True),
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        (OPENMETRICS, True),
        (f"{OPENMETRICS};version=2.0.0", False),
        (f"{OPENMETRICS};q=0, text/plain", False),
        (f"{OPENMETRICS};q=0.3, text/plain;q=0.9", False),
        (f"{OPENMETRICS};q=0.3, text/plain;q=0.1, */*;q=0.9", True),
        (f"{OPENMETRICS};q=nan", False),
        (f'{OPENMETRICS};version="1.0.0"', True),
    ],
)
def test_openmetrics_is_given_to_who_prefers_it(accept: str, openmetrics: bool) -> None:  # noqa: FBT001 -- a parameter of pytest's
    """By q-value, and never in a version that is still a draft."""
    assert wants_openmetrics(accept) is openmetrics


@pytest.mark.parametrize(
    ("encoding", "gzip"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip_is_given_to_who_accepts_it(encoding: str, gzip: bool) -> None:  # noqa: FBT001 -- a parameter of pytest's
    """Not to who refuses it, as some header parsers do by looking for the word."""
    assert wants_gzip(encoding) is gzip


@given(
    st.text(st.characters(max_codepoint=255), max_size=80) | st.text(";,=*/q.01 gzip", max_size=40)
)
def test_any_header_gets_an_answer(header: str) -> None:
    """A malformed header is a client's mistake, not ours."""
    assert wants_openmetrics(header) in {True, False}
    assert wants_gzip(header) in {True, False}
