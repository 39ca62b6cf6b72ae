"""What a device says, as a number and as text: bounded, whatever it says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.rows import NUMBER_OCTETS_MAX, TEXT_OCTETS_MAX, number, text


@pytest.mark.parametrize(
    "said", [b"9" * 65_000, b"1" * 60_000 + b"x", b" " * 60_000 + b"x", b"1." + b"0" * 60_000]
)
def test_a_text_of_many_digits_is_no_number_and_holds_nobody_up(said: bytes) -> None:
    """Looked at without a bound, a datagram of digits would hold all polls up for minutes."""
    assert math.isnan(number(said))


@given(st.binary(max_size=2 * TEXT_OCTETS_MAX))
def test_text_is_cut_to_what_a_person_reads(said: bytes) -> None:
    """It becomes a label and is searched for patterns; 64 kB of it would do neither any good."""
    assert len(text(said)) <= TEXT_OCTETS_MAX


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(1 << 63), (1 << 64) - 1))
def test_a_number_written_out_is_that_number(value: float) -> None:
    """As long as it is written as devices write numbers."""
    said = repr(value).encode()
    assert len(said) <= NUMBER_OCTETS_MAX
    assert number(said) == float(value)
