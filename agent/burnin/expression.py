"""Expressions of derived channels: text to tree, by precedence climbing. Nothing is evaluated here.

>>> parse("(rack_power - sum(shelf[*].power)) / rack_power")
Binary(sign='/', left=Binary(sign='-', left=Name(...), right=Call(...)), right=Name(...))
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from agent.burnin.limits import Amount, Limit
from collectors.quantity import UnitError, unit

DEPTH_MAX: Final = 24  # parentheses and calls in one another; a real expression has 4
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>[-+*/^%(),.\[\]]))"
)
_PRECEDENCE: Final = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 4}
_NEGATION: Final = 3  # binds tighter than a product, looser than a power
_LIMIT: Final = re.compile(r"\s(?=max |min |exactly |is |\+-|[-+]?\d)")


class ExpressionError(ValueError):
    """An expression that cannot be meant; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Name:
    """A channel, a constant or `stage.load`, with what stands in brackets behind each part."""

    whole: str
    of: str | None = None  # what stands behind the dot
    which: str | None = None  # in brackets behind `whole`
    part: str | None = None  # in brackets behind `of`

    def __repr__(self) -> str:
        """Stay short."""
        return "Name(...)"

    def __str__(self) -> str:
        """Return the name as written."""
        text = self.whole + (f"[{self.which}]" if self.which else "")
        return text + (f".{self.of}" if self.of else "") + (f"[{self.part}]" if self.part else "")


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the language and what it is given."""

    function: str
    arguments: "tuple[Node, ...]"

    def __repr__(self) -> str:
        """Stay short."""
        return "Call(...)"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two sides of `+ - * / ^`."""

    sign: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Negation:
    """A minus sign before something."""

    of: "Node"


Node: TypeAlias = Amount | Name | Call | Binary | Negation


class _Token(NamedTuple):
    """A piece of text: `kind` is number, name, sign or end."""

    kind: str
    text: str


def parse(text: str) -> Node:
    """Return the tree of an expression. Raises: ExpressionError."""
    parser = _Parser(_tokens(text))
    node = parser.expression(0, 0)
    parser.expect("")
    return node


def parse_condition(text: str) -> tuple[Node, Limit]:
    """Split `rack.flow min 160 lpm` into what is measured and its limit.

    Raises: ExpressionError, LimitError, UnitError.
    """
    for gap in _LIMIT.finditer(text):
        try:
            limit = Limit.parse(text[gap.end() :])
        except ValueError:
            continue
        return parse(text[: gap.start()]), limit
    raise ExpressionError(f"{text!r} has no limit; write it as in 'rack.flow min 160 lpm'")


def _tokens(text: str) -> list[_Token]:
    """Cut the text into numbers, names and signs. Raises: ExpressionError."""
    found, place = [], 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if not match or not match.lastgroup:
            raise ExpressionError(f"{text[place:].strip()[0]!r} is not part of the language")
        found.append(_Token(match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return [*found, _Token("end", "")]


class _Parser:
    """Reads tokens from left to right; a higher precedence binds first."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.place = 0

    @property
    def next(self) -> _Token:
        """Return the token to be read."""
        return self.tokens[self.place]

    def take(self) -> _Token:
        """Read one token."""
        self.place += 1
        return self.tokens[self.place - 1]

    def accept(self, sign: str) -> bool:
        """Read a sign if it comes next."""
        found = self.next.kind == "sign" and self.next.text == sign
        self.place += found
        return found

    def expect(self, sign: str) -> None:
        """Read a sign, or the end. Raises: ExpressionError."""
        token = self.next
        if token.text != sign or token.kind not in ("sign", "end"):
            wanted, got = repr(sign) if sign else "the end", repr(token.text) or "the end"
            raise ExpressionError(f"{wanted} was expected where {got} stands")
        self.place += token.kind == "sign"

    def expression(self, precedence: int, depth: int) -> Node:
        """Read all that binds tighter than `precedence`."""
        if depth > DEPTH_MAX:
            raise ExpressionError(f"nested deeper than {DEPTH_MAX}; split it into derived channels")
        left = self.term(depth)
        while self.next.kind == "sign" and _PRECEDENCE.get(self.next.text, 0) > precedence:
            sign = self.take().text
            left = Binary(sign, left, self.expression(_PRECEDENCE[sign], depth + 1))
        return left

    def term(self, depth: int) -> Node:
        """Read a number, a name, a call, something in parentheses or with a minus before it."""
        token = self.take()
        if token.kind == "number":
            return self.amount(token.text)
        if token.kind == "name":
            return self.call(token.text, depth) if self.accept("(") else self.name(token.text)
        if token == ("sign", "-"):
            return Negation(self.expression(_NEGATION, depth + 1))
        if token == ("sign", "("):
            inside = self.expression(0, depth + 1)
            self.expect(")")
            return inside
        got = repr(token.text) if token.text else "the end"
        raise ExpressionError(f"a channel, number or function was expected where {got} stands")

    def amount(self, number: str) -> Amount:
        """Read a number and the unit behind it, if one stands there."""
        symbol = "1"
        if self.next.kind == "name" or self.next == ("sign", "%"):
            symbol = self.take().text
        try:
            unit(symbol)
        except UnitError as error:
            raise ExpressionError(str(error)) from None
        return Amount(float(number), symbol)

    def call(self, function: str, depth: int) -> Call:
        """Read what a function is given; its opening parenthesis is read."""
        arguments = [self.expression(0, depth + 1)]
        while self.accept(","):
            arguments.append(self.expression(0, depth + 1))
        self.expect(")")
        return Call(function, tuple(arguments))

    def name(self, whole: str) -> Name:
        """Read `role[which].channel[part]`, or as much of it as is there."""
        which = self.brackets()
        if not self.accept("."):
            return Name(whole, which=which)
        of = self.take()
        if of.kind != "name":
            raise ExpressionError(f"a name was expected behind '{whole}.'")
        return Name(whole, of.text, which, self.brackets())

    def brackets(self) -> str | None:
        """Read `[*]`, `[this]` or `[psu2]`, if it stands there."""
        if not self.accept("["):
            return None
        text = ""
        while self.next.kind != "end" and self.next != ("sign", "]"):
            text += self.take().text
        self.expect("]")
        if not text:
            raise ExpressionError("nothing stands between the brackets; write * or a name")
        return text
