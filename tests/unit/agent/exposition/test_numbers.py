"""Tests for numbers as text: what an instrument sent, without what a scale left behind."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.exposition.numbers import lines

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, max_size=20))
def test_text_reads_back_to_twelve_digits(values: list[float]) -> None:
    """No instrument resolves more, and a value below 1e-10 keeps what 22 places hold."""
    texts = lines(np.array(values))

    assert len(texts) == len(values)
    for text, value in zip(texts, values, strict=True):
        assert text.endswith(b"\n")
        assert math.isclose(float(text), value, rel_tol=5e-12, abs_tol=5e-23)


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_exact(value: int) -> None:
    """An octet counter differs by single octets from one poll to the next."""
    assert int(float(lines(np.array([float(value)]))[0])) == value


@given(st.integers(-(10**9), 10**9), st.sampled_from([0.001, 0.01, 0.1, 1e-2 * 1e-2]))
def test_a_scaled_reading_shows_the_digits_that_were_read(raw: int, scale: float) -> None:
    """184 mA are 0.184 A on the page, not 0.18400000000000002."""
    (text,) = lines(np.array([raw * scale]))

    assert len(text.strip().lstrip(b"-").replace(b".", b"").lstrip(b"0")) <= 11


@pytest.mark.parametrize(
    ("value", "text"), [(0.1 + 0.2, b"0.3"), (18.4 * 0.01, b"0.184"), (0.0, b"0.0")]
)
def test_noise_of_the_last_bit_is_gone(value: float, text: bytes) -> None:
    """What a person would write is what the page says."""
    assert lines(np.array([value])) == [text + b"\n"]
