"""The limit language: `18..45 degC`, `min 150 lpm`, `max 80 % of shelf_breaker`, `+-2 K`, `is ok`.

A limit is read twice: its words when the file is read, and its numbers once it is known what the
channel measures. Nothing is ever guessed: a number without a unit, or with one of another
dimension, is refused.

>>> Limit.parse("+-5 %").bounds(Scale.of(Quantity.VOLTAGE), nominal=240.0, constants={})
Bounds(low=228.0, high=252.0, names=None, per_s=None)
"""

import enum
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from agent.burnin.dimension import COUNT, difference_of, spell
from collectors.quantity import Dimension, Quantity, Unit, unit

NUMBER: Final = r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
CHARACTERS_MAX: Final = 100  # the longest limit of a real spec has 30
_FORMS: Final = tuple(
    re.compile(form)
    for form in (
        r"is (?P<word>[a-z]\w*)",
        r"(?P<side>exactly|max|min) (?P<count>\d+)(?: per (?P<per>h|min))?",
        rf"(?P<side>max|min) (?P<share>{NUMBER}) ?% of (?P<of>[a-z]\w*)",
        rf"(?P<side>max|min) (?P<amount>{NUMBER} ?[^\s\d.]\S*|{NUMBER} 1)",
        rf"(?P<low>{NUMBER})\.\.(?P<high>{NUMBER})(?: ?(?P<unit>[^\s\d.]\S*)| (?P<one>1))?",
        rf"\+-(?P<around>{NUMBER} ?[^\s\d.]\S*|{NUMBER} 1)",
    )
)
_WANTED: Final = (
    "write for example '18..45 degC', 'min 150 lpm', 'max 80 %', 'max 80 % of breaker', "
    "'+-5 %', '+-2 K', 'is ok', 'exactly 6', 'max 0 per h'"
)


class LimitError(ValueError):
    """A limit or an amount that cannot be meant; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit, as written; a count has the unit ''."""

    number: float
    symbol: str

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read `132 kW`; only a count may be bare. Raises: LimitError or UnitError."""
        if isinstance(text, bool) or not isinstance(text, str | int | float):
            raise LimitError(f"{text!r} is not a number with its unit; write it as in '10 kW'")
        found = re.fullmatch(rf"({NUMBER})\s*(\S*)", str(text).strip()[:CHARACTERS_MAX])
        if not found or not math.isfinite(float(found[1])):
            raise LimitError(f"{text!r} is not a number with its unit; write it as in '10 kW'")
        unit(found[2])
        return cls(float(found[1]), found[2])

    def to(self, wanted: Unit, dimension: Dimension, what: str) -> float:
        """Return the number in the unit `wanted`, if it is of `dimension`. Raises: LimitError."""
        given = unit(self.symbol)
        if given.dimension != dimension:
            if not self.symbol:
                raise LimitError(f"{self} has no unit; write it in {wanted.symbol}")
            change = dimension != wanted.dimension
            text = f"'{self}' cannot measure {'a difference of ' if change else ''}{what}"
            want = spell(dimension) if change else wanted.symbol
            raise LimitError(f"{text}; write it in {want}" if want else f"{text}; leave it bare")
        zero = given.zero - wanted.zero if dimension == wanted.dimension else 0.0
        return _rounded(self.number * (given.factor / wanted.factor) + zero / wanted.factor)

    def __str__(self) -> str:
        """Return the amount as a person would write it."""
        return f"{self.number:.12g} {self.symbol}".rstrip()


def _rounded(number: float) -> float:
    """Drop the noise that a change of unit adds: 12 digits are more than any instrument has."""
    return float(f"{number:.12g}")


@dataclass(frozen=True, slots=True)
class Scale:
    """What a channel is measured in: the unit its values travel in, and how to name it."""

    unit: Unit
    name: str
    is_state: bool = False

    @classmethod
    def of(cls, quantity: Quantity) -> Self:
        """Return the scale of a quantity: its canonical unit."""
        return cls(quantity.canonical, quantity.label, quantity.is_state)

    @property
    def is_count(self) -> bool:
        """Say whether values are counted, so that a bare number is right."""
        return self.unit.dimension == COUNT and not self.is_state

    @property
    def in_percent(self) -> bool:
        """Say whether values are themselves in %, so that a tolerance in % means points."""
        return self.unit.symbol == "%"

    def level(self, amount: Amount) -> float:
        """Return a value of this scale. Raises: LimitError for another dimension."""
        return amount.to(self.unit, self.unit.dimension, self.name)

    def difference(self, amount: Amount) -> float:
        """Return a difference of two values, in K where values are in degC. Raises: LimitError."""
        return amount.to(self.unit, difference_of(self.unit.dimension), self.name)


class Tolerance(NamedTuple):
    """A width: absolute in the channel's unit, plus a share of the value it applies to."""

    absolute: float = 0.0
    relative: float = 0.0

    @classmethod
    def of(cls, amount: Amount, scale: Scale) -> Self:
        """Read an uncertainty or a hysteresis: `%` is of the value, or points where it is in %.

        Raises: LimitError for another dimension or a negative width.
        """
        if amount.number < 0:
            raise LimitError(f"'{amount}' is negative; write a width")
        if amount.symbol == "%" and not scale.in_percent:
            return cls(relative=amount.number / 100)
        return cls(absolute=scale.difference(amount))

    def at(self, value: float) -> float:
        """Return the width where the channel reads `value`."""
        return self.absolute + (self.relative * abs(value) if self.relative else 0.0)


class Bounds(NamedTuple):
    """A limit in numbers: what is inside. Infinite on a side without bound."""

    low: float = -math.inf
    high: float = math.inf
    names: frozenset[str] | None = None  # of a state: those that are inside
    per_s: float | None = None  # of a count: inside this time, else since the start

    def inside(self, other: "Bounds") -> bool:
        """Say whether whatever these allow, `other` allows; unbounded sides are not compared."""
        if self.names is not None or other.names is not None:
            return (self.names or frozenset()) <= (other.names or frozenset())
        low_fits = self.low >= other.low or math.isinf(self.low)
        return low_fits and (self.high <= other.high or math.isinf(self.high))


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as written: its words are right, its numbers not yet compared with anything."""

    text: str
    parts: Mapping[str, str]

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read the words of a limit. Raises: LimitError or UnitError, saying what to write."""
        if not isinstance(text, str):
            raise LimitError(f"{text!r} is not a limit; {_WANTED}")
        words = " ".join(text.split())
        found = None
        if len(words) <= CHARACTERS_MAX:
            found = next(filter(None, (form.fullmatch(words) for form in _FORMS)), None)
        if not found:
            raise LimitError(f"{words[:CHARACTERS_MAX]!r} is not a limit; {_WANTED}")
        parts = {name: part for name, part in found.groupdict().items() if part is not None}
        for key in ("amount", "around"):
            if key in parts:
                Amount.parse(parts[key])
        unit(parts.get("unit", "1"))
        return cls(words, parts)

    def __str__(self) -> str:
        """Return the limit as written, single spaces between its words."""
        return self.text

    def bounds(
        self, scale: Scale, *, nominal: float | None, constants: Mapping[str, "Amount | str"]
    ) -> Bounds:
        """Return the limit in numbers of `scale`. Raises: LimitError where it does not fit."""
        parts = self.parts
        if ("word" in parts) != scale.is_state:
            want = "'is' and the name of a state" if scale.is_state else f"a {scale.name}"
            raise LimitError(f"'{self}' does not fit a {scale.name}; write {want}")
        if "word" in parts:
            return Bounds(names=frozenset({parts["word"]}))
        if "count" in parts:
            return self._counted(scale)
        if "of" in parts:
            return self._sided(self._share(scale, constants))
        if "amount" in parts:
            return self._sided(scale.level(Amount.parse(parts["amount"])))
        if "around" in parts:
            return self._around(scale, nominal)
        symbol = parts.get("unit") or parts.get("one", "")
        low, high = (scale.level(Amount(float(parts[end]), symbol)) for end in ("low", "high"))
        if low >= high:
            raise LimitError(f"'{self}' is empty; write the lower end first")
        return Bounds(low, high)

    def _sided(self, value: float) -> Bounds:
        """Bound one side, or both at `exactly`."""
        side = self.parts["side"]
        return Bounds(
            low=-math.inf if side == "max" else value, high=math.inf if side == "min" else value
        )

    def _counted(self, scale: Scale) -> Bounds:
        """Read `max 0`, `exactly 6` and `max 10 per h`."""
        if not scale.is_count:
            raise LimitError(f"'{self}' has no unit; write it in {scale.unit.symbol}")
        per_s = {"h": 3600.0, "min": 60.0}.get(self.parts.get("per", ""))
        if per_s and scale.name != Quantity.COUNT.label:
            raise LimitError(f"'{self}' is a rate, which only a count has; leave out 'per'")
        return self._sided(float(self.parts["count"]))._replace(per_s=per_s)

    def _share(self, scale: Scale, constants: Mapping[str, "Amount | str"]) -> float:
        """Read `80 % of shelf_breaker`."""
        of = constants.get(self.parts["of"])
        if not isinstance(of, Amount):
            known = ", ".join(
                name for name, value in constants.items() if isinstance(value, Amount)
            )
            text = f"'{self}': design has no amount {self.parts['of']!r}"
            raise LimitError(f"{text}; write one of {known}" if known else f"{text}; add it there")
        return _rounded(scale.level(of) * float(self.parts["share"]) / 100)

    def _around(self, scale: Scale, nominal: float | None) -> Bounds:
        """Read `+-5 %` and `+-2 K`, both of nominal."""
        if nominal is None:
            raise LimitError(f"'{self}' has no nominal to be relative to; add nominal")
        amount = Amount.parse(self.parts["around"])
        if amount.symbol == "%":
            width = abs(nominal) * amount.number / 100
        else:
            width = scale.difference(amount)
        if width <= 0:
            raise LimitError(f"'{self}' of nominal {nominal:g} is empty; write a wider limit")
        return Bounds(_rounded(nominal - width), _rounded(nominal + width))


class Rung(enum.IntEnum):
    """The rungs of the ladder, innermost first; a channel's status is its worst rung plus one."""

    WARN, FAIL, TRIP = range(3)

    @property
    def key(self) -> str:
        """Return the rung's key in a spec."""
        return self.name.lower()
