"""Expressions are read as a mathematician would, and nothing in them is ever run."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.burnin.expression import (
    DEPTH_MAX,
    Binary,
    Call,
    ExpressionError,
    Name,
    Negation,
    Node,
    parse,
    parse_condition,
)
from agent.burnin.limits import Amount

NUMBERS = st.integers(1, 9).map(str)
ARITHMETIC = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("-{}".format),
        st.tuples(inner.map("({})".format), st.sampled_from("123")).map("^".join),
    ),
    max_leaves=12,
)


def value(node: Node) -> float:
    """Evaluate a tree of plain numbers."""
    if isinstance(node, Amount):
        return node.number
    if isinstance(node, Negation):
        return -value(node.of)
    assert isinstance(node, Binary)
    left, right = value(node.left), value(node.right)
    if node.sign == "^":
        return float(left**right)
    return {"+": left + right, "-": left - right, "*": left * right}.get(node.sign) or (
        left / right if node.sign == "/" else 0.0
    )


@given(ARITHMETIC)
def test_precedence_is_that_of_the_host_language(text: str) -> None:
    """Python itself is the judge of what binds first (it writes ** for ^)."""
    try:
        wanted = float(eval(text.replace("^", "**")))  # noqa: S307 -- digits and signs made above
        found = value(parse(text))
    except ZeroDivisionError:
        return
    except ExpressionError as error:
        if "nested deeper" in str(error):  # bounded, as the tests below say
            return
        raise

    assert found == pytest.approx(wanted, rel=1e-9)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever a file holds, the worst that happens is a message."""
    with contextlib.suppress(ExpressionError):
        parse(text)


@pytest.mark.parametrize("text", ["(" * 200 + "1" + ")" * 200, "-" * 200 + "1", "1^" * 200 + "1"])
def test_depth_is_bounded(text: str) -> None:
    """A tower of parentheses meets a limit, not the interpreter's stack."""
    with pytest.raises(ExpressionError, match=f"nested deeper than {DEPTH_MAX}"):
        parse(text if "^" not in text else "(" + text.replace("1^", "1^("))


def test_names_keep_their_brackets() -> None:
    """Roles, channels, wildcards and parts are told apart."""
    assert parse("power_shelf[*].input_power") == Name("power_shelf", "input_power", "*")
    assert parse("feed_meter[this].line_current[*]") == Name(
        "feed_meter", "line_current", "this", "*"
    )
    assert parse("port.rx_power[swp49,lane1]") == Name("port", "rx_power", None, "swp49,lane1")
    assert str(parse("phase_imbalance[feedA]")) == "phase_imbalance[feedA]"


def test_numbers_may_have_units() -> None:
    """`10 min` is one amount, though min is a function too."""
    assert parse("min(10 min, 0.3 %)") == Call("min", (Amount(10, "min"), Amount(0.3, "%")))


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("", "where the end stands"),
        ("1 +", "where the end stands"),
        ("(1", "')' was expected"),
        ("1 2", "the end was expected"),
        ("a.", "name was expected behind 'a.'"),
        ("a[", "']' was expected"),
        ("a[]", "nothing stands between the brackets"),
        ("5 furlong", "unknown"),
        ("a; b", "';' is not part of the language"),
        ("__import__('os')", "is not part of the language"),
        ("a ** 2", "where '*' stands"),
    ],
)
def test_refusals_say_where(text: str, about: str) -> None:
    """The message names what was expected, and what stands there."""
    with pytest.raises(ExpressionError, match=re.escape(about)):
        parse(text)


@pytest.mark.parametrize(
    ("text", "left", "limit"),
    [
        ("rack.flow min 160 lpm", "rack.flow", "min 160 lpm"),
        ("flow_disagreement -3..3 %", "flow_disagreement", "-3..3 %"),
        ("rack.leak is dry", "rack.leak", "is dry"),
        ("drop(a.b / c.d, 20 min) max 0.6 %", "drop(a.b / c.d, 20 min)", "max 0.6 %"),
        ("a.b - 3 K max 5 K", "a.b - 3 K", "max 5 K"),
    ],
)
def test_a_condition_is_an_expression_and_a_limit(text: str, left: str, limit: str) -> None:
    """The limit is the longest end of the text that reads as one."""
    node, found = parse_condition(text)

    assert node == parse(left)
    assert found.text == limit


def test_a_condition_without_limit_is_refused() -> None:
    """A name alone demands nothing."""
    with pytest.raises(ExpressionError, match="has no limit"):
        parse_condition("rack.flow")
