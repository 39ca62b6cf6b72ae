"""Tests for text from devices: whatever it holds, a label stays one line and one of a kind."""

from hypothesis import given
from hypothesis import strategies as st

from agent.exposition.labels import CHARS_MAX, UNREADABLE, clean, distinct, escape

hostile = st.text(st.characters(), max_size=300) | st.text('a\n"\\\0\x1b\ud800é\u202e ', max_size=9)


@given(hostile | st.binary(max_size=700))
def test_a_label_is_one_bounded_printable_line(text: str | bytes) -> None:
    """Nothing a device says can end a line, hide what follows, or be refused as UTF-8."""
    shown = clean(text)

    assert len(shown) <= CHARS_MAX
    assert shown.isprintable()
    assert shown.encode().decode() == shown
    assert clean(shown) == shown


@given(st.lists(hostile, max_size=12))
def test_two_channels_never_get_the_same_label(texts: list[str]) -> None:
    """Two names that differ only in what cannot be shown must not become one series."""
    shown = distinct(texts)

    assert len(set(shown)) == len(texts)
    assert all(len(name) <= CHARS_MAX for name in shown)


@given(st.lists(hostile, unique=True, max_size=8).flatmap(st.permutations))
def test_a_label_does_not_depend_on_its_neighbours_order(texts: list[str]) -> None:
    """A rack whose sensors are listed in another order keeps its series."""
    there = dict(zip(texts, distinct(texts), strict=True))
    back = dict(zip(texts[::-1], distinct(texts[::-1]), strict=True))

    assert there == back


def test_bytes_that_are_no_text_are_shown_as_such_and_told_apart() -> None:
    """Two Latin-1 names read as UTF-8 lose the same byte; they are still two sensors."""
    one, other = distinct([b"Zul\xe4uft".decode(errors="surrogateescape"), "Zul\udce5uft"])

    assert one.startswith(f"Zul{UNREADABLE}uft~")
    assert other.startswith(f"Zul{UNREADABLE}uft~")
    assert one != other


def test_a_name_that_needs_no_cleaning_is_left_alone() -> None:
    """The well-behaved neighbour of a hostile name does not change its label for it."""
    assert distinct(["fan 1", "fan 1\0"])[0] == "fan 1"


@given(hostile)
def test_escaping_leaves_no_quote_open(text: str) -> None:
    """A reader that unescapes finds the text again, and the value ends where it should."""
    escaped = escape(clean(text)).decode()

    assert "\n" not in escaped
    assert '"' not in escaped.replace(r"\\", "").replace(r"\"", "")
