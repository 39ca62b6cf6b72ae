"""Tables whose rows measure different things, each row saying what: by an enumeration or a unit."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from collectors.draft.group import Group, Rule
from collectors.draft.meaning import DEFAULT_UNITS, Seen, past
from collectors.draft.naming import arc_name, common, name_of
from collectors.draft.phrase import Phrase, said
from collectors.draft.words import quantity, sets, split
from collectors.quantity import Quantity
from collectors.rows import Value, number, text

DIGITS_MOST: Final = 9  # decimal digits that a column can say; more is another kind of number
ENUMERATED_SCALES: Final = {
    "yocto": 1e-24, "zepto": 1e-21, "atto": 1e-18, "femto": 1e-15, "pico": 1e-12, "nano": 1e-9,
    "micro": 1e-6, "milli": 1e-3, "units": 1.0, "unit": 1.0, "kilo": 1e3, "mega": 1e6,
    "giga": 1e9, "tera": 1e12, "peta": 1e15, "exa": 1e18, "zetta": 1e21, "yotta": 1e24,
}  # fmt: skip
DIGIT_WORDS: Final = frozenset(("digits", "decimals", "decimal", "precision"))
SCALE_WORDS: Final = frozenset(("scale", "scaling", "divisor", "multiplier", "factor"))
POWER_OF_TEN: Final = re.compile(
    r"\b(?:powers? of (?:10|ten)|10 ?\^|10 ?\*\*|exponents?)(?![a-z0-9])"
)
EXPONENT_MOST: Final = 12  # of ten; beyond is another kind of number
OWN_SCALE_WORDS: Final = SCALE_WORDS - {"factor"}  # for a power factor is no scale of a power
VALUE_WORDS: Final = frozenset(("value", "reading", "measurement", "val", "measured", "raw"))
KIND_WORDS: Final = frozenset(("type", "units", "unit", "kind", "uom", "class"))
USABLE: Final = frozenset(each.label for each in Quantity)


def digits_of(group: Group, seen: Seen) -> Seen | None:
    """Return the column that says how many decimal digits an object has."""
    if not group.index or seen.decimal:
        return None
    fits = [
        each
        for each in group.members
        if DIGIT_WORDS & set(each.words[-2:])
        and not each.enumerated
        and each.numbers
        and all(0 <= n <= DIGITS_MOST for n in each.numbers)
        and set(seen.values) <= set(each.values)
        and set(each.own) - DIGIT_WORDS <= set(seen.words)
    ]
    return max(fits, key=lambda each: len(common([each.words, seen.words])), default=None)


def sensors(group: Group, value: Seen) -> Rule | None:
    """Draft the rule of a table whose rows measure different things, each row saying what."""
    if value.enumerated or sets(value.own) or not value.numbers or past(value):
        return None
    if not VALUE_WORDS & set(value.own[-3:]) or said(value.mib.units):
        return None
    if quantity([word for word in value.own if word != "current"]):
        return None  # what is left of `current value` is no quantity: it is the value of now
    best: tuple[int, str, dict[Any, dict[str, Any]]] | None = None
    for column, told in _kinds(group, value):
        cases = _cases(group, value, told)
        covered = sum(_same_kind(v, cases) for v in told.values())
        if cases and (best is None or covered > best[0]):
            best = covered, column, cases
    if best is None:
        return None
    _, column, cases = best
    says: dict[str, Any] = {"by": column, "cases": cases}
    why = f"each row says its kind by {column}"
    if digits := digits_of(group, value):
        says["digits_from"] = group.column(digits)
        why += f"; digits by {digits.mib.name}"
    if scale := _scale(group, value):
        says["scale_from"] = scale
        why += f"; scale by {scale['column']}"
    if value.mib.units:
        why += f"; UNITS {value.mib.units!r}"
    more = [w for w in value.own if w not in VALUE_WORDS]
    last = "/".join(["{case}", "_".join(more)]) if more else "{case}"
    name = f"{name_of(group, value, last=last, without=column)}"
    return Rule(group.key, name, says, "likely", why, value)


def _same_kind(told: Value, cases: Mapping[Any, object]) -> bool:
    """Say whether a row's kind is among the cases."""
    return (int(number(told)) if not math.isnan(number(told)) else text(told)) in cases


def _kinds(group: Group, value: Seen) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield the columns and arcs that may say what each row measures, with what they say."""
    at = 0
    for arc in group.index:
        if arc.width == 1 and arc.named:
            arcs = {suffix: suffix.split(".") for suffix in value.values}
            yield arc_name(arc.name), {s: int(each[at]) for s, each in arcs.items() if each[at:]}
        at += max(arc.width, 1)
    for other in group.members:
        if other is value or not set(value.values) & set(other.values):
            continue
        if not KIND_WORDS & set(other.words[-2:]):
            continue
        told = {s: other.values[s] for s in value.values if s in other.values}
        if other.mib.syntax.named or any(
            said(text(v)) or quantity(split(text(v))) for v in told.values()
        ):
            yield group.column(other), told


def _cases(group: Group, value: Seen, told: Mapping[str, Value]) -> dict[Any, dict[str, Any]]:
    """Return what each kind of row measures, by the label of an enumeration or a unit as text."""
    labels = _labels(group, told)
    units = _units_beside(group, value, told)
    found: dict[Any, dict[str, Any]] = {}
    for kind in sorted({_key(v) for v in told.values()}, key=str):
        label = labels.get(kind, str(kind))
        words = split(label)
        phrase = units.get(kind) or said(label)
        named = quantity(words)
        if phrase is not None and phrase.quantity == "ratio" and named in ("humidity", "level"):
            phrase = Phrase(named, "%RH" if named == "humidity" else "%", phrase.scale)
        if named and (phrase is None or phrase.quantity != named):
            fits = phrase is not None and phrase.quantity == "energy" and named == "energy"
            if not fits and not (phrase and units.get(kind)):
                phrase = Phrase(named, DEFAULT_UNITS[named])
        if phrase is None or phrase.quantity not in USABLE:
            continue
        name = "_".join(words) if label != str(kind) or not isinstance(kind, str) else ""
        if not name or not name[:1].isalpha() or (said(label) and not named):
            name = phrase.quantity
        case: dict[str, Any] = {"name": name, "quantity": phrase.quantity, "unit": phrase.unit}
        if phrase.scale != 1.0:
            case["scale"] = phrase.scale
        found[kind] = case
    return found


def _key(said_kind: Value) -> int | str:
    """Return a kind as the key of a case: a number, else its text."""
    as_number = number(said_kind)
    return text(said_kind) if math.isnan(as_number) else int(as_number)


def _labels(group: Group, told: Mapping[str, Value]) -> dict[int | str, str]:
    """Return the labels of an enumeration of kinds."""
    for arc in group.index:
        if arc.named and {_key(v) for v in told.values()} <= arc.named.keys():
            return dict(arc.named.items())
    for other in group.members:
        if other.mib.syntax.named and all(other.values.get(s) == v for s, v in told.items()):
            return dict(other.mib.syntax.named.items())
    return {}


def _units_beside(group: Group, value: Seen, told: Mapping[str, Value]) -> dict[int | str, Phrase]:
    """Return the unit that another column gives for each kind, where it is always the same."""
    found: dict[int | str, Phrase] = {}
    for other in group.members:
        if other is value or not {"unit", "units", "uom"} & set(other.words[-2:]):
            continue
        by_kind: dict[int | str, Counter[str]] = defaultdict(Counter)
        for suffix, kind in told.items():
            if suffix in other.values:
                written = other.values[suffix]
                label = other.mib.syntax.named.get(_as_int(written), text(written))
                by_kind[_key(kind)][
                    " ".join(split(label)) if other.mib.syntax.named else label
                ] += 1
        for kind, labels in by_kind.items():
            if len(labels) == 1 and (phrase := said(next(iter(labels)))):
                found.setdefault(kind, phrase)
    return found


def _as_int(value: Value) -> int:
    """Return a value as the number of an enumeration; -1 for none, which no unit has."""
    as_number = number(value)
    return -1 if math.isnan(as_number) else int(as_number)


def scale_beside(group: Group, value: Seen) -> dict[str, Any] | None:
    """Return how a column that is named for this one scales it: `power`, `powerScale`."""
    for other in group.members if group.index else ():
        if [*value.own] == [*other.own[:-1]] and other.own[-1] in OWN_SCALE_WORDS:
            return _scale(Group(group.key, group.index, [other], group.columns), value)
    return None


def _scale(group: Group, value: Seen) -> dict[str, Any] | None:
    """Return how another column scales a value: an enumeration of prefixes, or a number."""
    for other in group.members:
        if other is value or not SCALE_WORDS & set(other.words[-2:]):
            continue
        if not set(value.values) <= set(other.values):
            continue
        named = other.mib.syntax.named
        if named:
            scales = {n: s for n, label in named.items()
                      if (s := ENUMERATED_SCALES.get(label.lower()))}  # fmt: skip
            if len(scales) > 2:
                return {"column": group.column(other), "map": scales}
            continue
        scales = {n: f for n in sorted({int(n) for n in other.numbers})
                  if (f := _factor(n, value, other)) is not None}  # fmt: skip
        return {"column": group.column(other), "map": scales} if scales else None
    return None


def _factor(n: int, value: Seen, other: Seen) -> float | None:
    """Return the factor that a number in a scale column stands for; None where it may be two."""
    prose = f"{value.mib.description} {other.mib.description}".lower()
    exponents = any(round(math.log10(abs(v)), 9) % 1 for v in other.numbers if v < 0)
    if POWER_OF_TEN.search(prose) or exponents:  # no divisor is a 2
        return float(f"1e{n}") if abs(n) <= EXPONENT_MOST else None
    if n == 0:
        return 1.0
    if n == -1 and all(v >= -1 for v in other.numbers):
        return None  # a tenth, or one divided by one
    if n < 0:
        return float(f"{1 / -n:.9g}")
    divides = "divisor" in other.words or re.search(r"\bdivid|(?<!be )multiplied by", prose)
    signed = any(v < 0 for v in other.numbers) or "negative" in prose
    return float(f"{1 / n:.9g}") if divides and not signed else float(n)
