"""Tests for the log: one line an event whatever is in it, and never a secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from agent import log
from agent.credentials import Secret

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def _quiet_again() -> Iterator[None]:
    """Leave structlog and logging as they were."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[str]:
    """Return what was written, line by line."""
    return stream.getvalue().removesuffix("\n").split("\n")


@given(values)
def test_an_event_is_one_line_of_json_whatever_its_values(value: object) -> None:
    """Device text cannot start a second line, and a program can read every one."""
    stream = io.StringIO()
    log.configure(stream=stream)

    structlog.get_logger().warning("device_silent", device="bay-01/feedA", said=value)

    event = json.loads(lines(stream)[0])
    assert len(lines(stream)) == 1
    assert (event["event"], event["level"]) == ("device_silent", "warning")
    assert event["device"] == "bay-01/feedA"
    assert stream.getvalue().removesuffix("\n").isprintable()


@given(st.text(min_size=1))
def test_no_value_can_act_on_a_terminal(text: str) -> None:
    """An escape sequence in a sysDescr would otherwise write to the operator's screen."""
    stream = Terminal()
    log.configure(stream=stream)

    structlog.get_logger().info("device_bound", model=f"\x1b[2J{text}")

    assert len(lines(stream)) == 1
    assert "\x1b[2J" not in stream.getvalue()


def test_a_secret_is_a_mask_in_every_field() -> None:
    """On its own, in a list, in an object that prints it, in an exception."""
    for stream in (io.StringIO(), Terminal()):
        log.configure(stream=stream)
        secret = Secret(b"Zq7canary")
        logger = structlog.get_logger()

        logger.info("a", one=secret, many=[secret], named={"x": secret})
        logger.error("b", exc_info=ValueError(secret))

        assert "canary" not in stream.getvalue()
        assert "********" in stream.getvalue()


def test_foreign_loggers_join_in_the_same_form() -> None:
    """A library that complains by logging is heard, and its text is as harmless as ours."""
    stream = io.StringIO()
    log.configure(stream=stream)

    logging.getLogger("some.library").warning("odd\x1b[2J request")
    logging.getLogger("uvicorn.access").error("GET /metrics")

    event = json.loads(lines(stream)[0])
    assert event["event"] == r"odd\x1b[2J request"
    assert len(lines(stream)) == 1


def test_details_are_told_when_they_are_asked_for() -> None:
    """With --debug, and not otherwise."""
    for debug in (False, True):
        stream = io.StringIO()
        log.configure(stream=stream, debug=debug)
        structlog.get_logger().debug("detail")
        assert bool(stream.getvalue()) is debug
