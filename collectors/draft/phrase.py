"""Units as MIBs write them: a factor, a prefix and a unit, in a clause or in the midst of prose.

>>> said("0.1 Volts-AC-RMS").unit, said("0.1 Volts-AC-RMS").scale
('V', 0.1)
>>> said("centiamps (rms)").scale, said("1/100 Volt; i.e. 5400 = 54.00V").scale
(0.01, 0.01)
>>> told("The fluid flow in hundredths of liters per second.")[0]
Phrase(quantity='flow', unit='L/s', scale=0.01, scaled=True, exact=True, marked=True)
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from collectors.quantity import Quantity


class Phrase(NamedTuple):
    """One mention of a unit."""

    quantity: str
    unit: str
    scale: float = 1.0
    scaled: bool = False  # a factor was written
    exact: bool = True  # the unit says all; False for bare degrees, of which there are two kinds
    marked: bool = False  # written where a unit is, as after `in` or in parentheses


WORDS: Final = (  # longest first: what a unit is called, its symbol, the quantity it measures
    (r"(?:degrees?|deg\.?)[ -]?(?:c\b|cel[sc]ius|centigrade)|celsius|centigrade|degc|° ?c\b|c\b",
     "degC", "temperature"),
    (r"(?:degrees?|deg\.?)[ -]?(?:f\b|fahrenheit)|fahrenheit|farenheit|degf|° ?f\b|f\b",
     "degF", "temperature"),
    (r"degrees?|deg\b\.?", "degC", "temperature?"),
    (r"(?:percent(?:age)?|%) ?(?:of )?(?:rel(?:ative|\.)? ?hum(?:idity)?|r\.?h\.?)|%rh\b",
     "%RH", "humidity"),
    (r"relative humidity", "%RH", "humidity"),
    (r"percent(?:age|s)?|pct\b|%", "%", "ratio"),
    (r"(?:volt[ -]?amp(?:ere)?s?|va)[ -]?(?:hours?|hrs?|h)\b", "Wh", "energy?"),
    (r"(?:volt[ -]?amp(?:ere)?s?|va)[ -](?:seconds?|secs?|s)\b", "J", "energy?"),
    (r"volt[ -]?amp(?:ere)?s?[ -]?reactive|vars?\b", "var", "reactive_power"),
    (r"volt[ -]?amp(?:ere)?s?|va\b", "VA", "apparent_power"),
    (r"(?:watts?|w)[ -]?(?:hours?|hrs?|h)\b", "Wh", "energy"),
    (r"(?:watts?|w)(?:[ -](?:seconds?|secs?|s)|secs?)\b|joules?", "J", "energy"),
    (r"amp(?:ere)?s?[ -]?(?:hours?|hrs?|h)\b|ah\b", "Ah", "charge"),
    (r"watts?|w\b", "W", "power"),
    (r"volts?|v(?:ac|dc|olts)?\b", "V", "voltage"),
    (r"amp(?:ere)?s?|a(?:ac|dc)?\b", "A", "current"),
    (r"hertz|hz\b", "Hz", "frequency"),
    (r"rpms?\b|rev(?:olution)?s? ?(?:per|/) ?min(?:ute)?", "rpm", "speed"),
    (r"(?:cubic feet|ft3) ?(?:per|/) ?min(?:ute)?|cfm\b", "cfm", "air_flow"),
    (r"(?:cubic met(?:er|re)s?|m3|m\^3) ?(?:per|/) ?(?:hour|hr?)\b", "m3/h", "flow"),
    (r"(?:cubic met(?:er|re)s?|m3|m\^3) ?(?:per|/) ?min(?:ute)?\b", "m3/min", "air_flow"),
    (r"lit(?:er|re)s? ?(?:per|/) ?min(?:ute)?s?|l/min\b|lpm\b", "L/min", "flow"),
    (r"lit(?:er|re)s? ?(?:per|/) ?sec(?:ond)?s?|l/s\b", "L/s", "flow"),
    (r"lit(?:er|re)s? ?(?:per|/) ?h(?:ou)?r?s?|l/h\b", "L/h", "flow"),
    (r"gal(?:lon)?s? ?(?:per|/) ?min(?:ute)?|gpm\b", "gpm", "flow"),
    (r"(?:inches|in\.?) ?(?:of )?(?:h2o|water|wc)\b", "inH2O", "pressure"),
    (r"pascals?|pa\b", "Pa", "pressure"),
    (r"psig?\b|pounds per square inch", "psi", "pressure"),
    (r"bars?\b", "bar", "pressure"),
    (r"dbm\b", "dBm", "optical_power"),
    (r"db\b|decibels?", "dB", "optical_power_delta"),
    (r"seconds?|secs?\b|s\b", "s", "duration"),
    (r"minutes?|mins?\b", "min", "duration"),
    (r"hours?|hrs?\b|h\b", "h", "duration"),
    (r"days?\b", "d", "duration"),
    (r"weeks?\b", "wk", "duration"),
)  # fmt: skip
SYMBOLS: Final = frozenset(
    {"w", "v", "a", "s", "h", "va", "vac", "vdc", "pa", "ah", "wh", "ws", "c", "f"}
)
LETTERS: Final = {"C": "degC", "F": "degF", "°": "degC"}  # alone, they are degrees
PREFIXES: Final = {
    "nano": 1e-9, "micro": 1e-6, "milli": 1e-3, "centi": 1e-2, "deci": 0.1, "deca": 10.0,
    "deka": 10.0, "hecto": 1e2, "kilo": 1e3, "mega": 1e6, "giga": 1e9,
}  # fmt: skip
SHORT_PREFIXES: Final = {"m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6, "u": 1e-6, "µ": 1e-6, "d": 0.1,
                         "c": 1e-2, "h": 1e2}  # fmt: skip
PARTS: Final = {"tenth": 0.1, "hundredth": 0.01, "thousandth": 1e-3, "hundreth": 0.01}
FACTOR: Final = (
    r"(?:(?P<part>tenth|hundredth|hundreth|thousandth)(?:s(?![A-Za-z])|(?!s))|(?P<decimal>\d*\.0*1\d*|\d+\.\d+|\d+)"
    r"|(?P<ratio>1/10+)(?:ths?)?)"
)
OF: Final = r"(?:[ -]?(?:of|or)? ?(?:an?|one|the)? ?)"
UNIT: Final = "|".join(f"(?P<u{n}>{words})" for n, (words, _, _) in enumerate(WORDS))
MENTION: Final = re.compile(
    rf"(?<![A-Za-z0-9.])(?:{FACTOR}{OF})?"
    rf"(?P<degrees>(?:degrees?|deg\.?) (?=kelvin|k\b))?"
    rf"(?P<prefix>{'|'.join(PREFIXES)})?[ -]?(?P<short>[mkKMuµdch])?(?:{UNIT})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
DIVIDED: Final = re.compile(
    r"(?:divid(?:ed?|ing) (?:it |this |the value |value )?by|divisor(?: of| is)?|/) ?(10+)\b",
    re.IGNORECASE,
)
TIMES: Final = re.compile(
    r"(should be |must be |is to be |to be |needs to be )?"
    r"(?:multipl(?:ied|y|ier)(?: (?:it|this|the value))?(?: by| of)?|times|\bx|\*) ?"
    r"(10+|0?\.0*1)\b",
    re.IGNORECASE,
)
MARKED: Final = re.compile(
    r"(?:\b(?:in|units?(?: (?:are|is|of))*|as)|[(:=])\s*\Z|\A\s*\Z", re.IGNORECASE
)
SYMBOL_FOLLOWS: Final = re.compile(
    r"(?:\b(?:in|of)|[(=]|\bunits?:?(?: are| is| of)?:?)\Z", re.IGNORECASE
)
BARE_PART: Final = re.compile(
    r"\b(?:in|units?(?: (?:are|is|of))*(?: in)?|precision of|resolution(?: of| is)?|measured in|as)"
    r":? (?:units of )?(?:(tenth|hundredth|hundreth|thousandth)s?|(0?\.0*1))\b",
    re.IGNORECASE,
)
EXAMPLE: Final = re.compile(
    r"(-?\d+(?:\.\d+)?) ?(?:[A-Za-z%°]{1,12} ?)?(?:=|is|means|represents?|indicates|equals?|->|"
    r"corresponds to|(?:will|would|should) be (?:returned|reported|represented|read|shown|given) as"
    r"|(?:is )?(?:returned|reported|represented|shown|given) as) ?(?:an? )?(-?\d+(?:\.\d+)?)"
)
EXAMPLES: Final = re.compile(
    r"\d ?= ?\d*\.\d|e\.?g\b|i\.?e\b|example|;|returned as|reported as|represent|means"
)

CHOICE: Final = re.compile(
    r"(?<![\w.])(\d{1,3}) ?[=:-] ?([A-Za-z][A-Za-z-]*(?: [A-Za-z][A-Za-z-]*){0,2})"
    r"(?=\s*(?:[.,;)]|\d{1,3} ?[=:-]|and \d|or \d|\Z))"
    r"|\b([A-Za-z][A-Za-z-]*) ?\((\d{1,3})\)"
)


def choices(prose: str) -> dict[int, str]:
    """Return the states that a description lists; none where they are not in a row from 0 or 1.

    >>> choices("The pump: 0 = Stopped, 1 = Running, 2 = Alarm."), choices("0 = off")
    ({0: 'Stopped', 1: 'Running', 2: 'Alarm'}, {})
    """
    found: dict[int, str] = {}
    for number, label, before, after in CHOICE.findall(" ".join(prose.split())):
        if found.setdefault(int(number or after), label or before) != (label or before):
            return {}
    first = min(found, default=0)
    whole = len(found) > 1 and first in (0, 1) and len(set(found.values())) == len(found)
    return found if whole and sorted(found) == list(range(first, first + len(found))) else {}


def mentions(text: str) -> Iterator[Phrase]:
    """Yield every unit that a text mentions, in its order."""
    for found in MENTION.finditer(text):
        number = next(n for n in range(len(WORDS)) if found[f"u{n}"])
        said = _phrase(found, number, text)
        if said is not None:
            yield said


def _phrase(found: re.Match[str], number: int, text: str) -> Phrase | None:
    """Return one mention; None where a short symbol is only a word of the prose."""
    word = found[f"u{number}"]
    _, symbol, quantity = WORDS[number]
    short = found["short"] or ""
    factor, scaled = _factor(found)
    if word.lower() in SYMBOLS and not _symbolic(found, word, short, text):
        return None
    if short and not (word.lower() in SYMBOLS or word.lower() in ("hz", "bar", "wh", "var", "db")):
        return None  # `m volts`, `d bar`: no such spelling
    prefix = PREFIXES.get((found["prefix"] or "").lower(), 1.0)
    if short:
        prefix *= SHORT_PREFIXES.get(short, SHORT_PREFIXES.get(short.lower(), 1.0))
    if symbol == "wk":
        symbol, prefix = "d", 7.0 * prefix
    symbol, prefix = _prefixed(symbol, prefix)
    return Phrase(
        quantity.rstrip("?"), symbol, _round(factor * prefix), scaled or prefix != 1.0,
        not quantity.endswith("?"), bool(MARKED.search(text[: found.start()])),
    )  # fmt: skip


def _symbolic(found: re.Match[str], word: str, short: str, text: str) -> bool:
    """Say whether a letter or two stand for a unit, as in `0.1 A`, `(W)` or `in kW`."""
    before = text[: found.start()].rstrip()
    alone = found[0].strip() == text.strip().rstrip(".")
    marked = SYMBOL_FOLLOWS.search(before) is not None or bool(found["decimal"] or found["ratio"])
    marked = marked or bool(found["part"] or found["prefix"] or alone)
    if not before and text[found.end() :].lstrip()[:1] in ("", ";", "(", ",", "x", "*"):
        marked = True
    good_case = word[0].isupper() or (short != "" or len(word) > 1 or word in ("s", "h"))
    return marked and good_case and not (word == "a" and not short)


def _factor(found: re.Match[str]) -> tuple[float, bool]:
    """Return the factor before a unit: `tenths of`, `0.1`, `1/10`."""
    if found["part"]:
        return PARTS[found["part"].lower()], True
    if found["ratio"]:
        return 1 / int(found["ratio"][2:]), True
    if found["decimal"]:
        value = float(found["decimal"])
        if value and re.fullmatch(r"10*\.?0*|0?\.0*10*", found["decimal"]):
            return value, True
    return 1.0, False


def _prefixed(symbol: str, prefix: float) -> tuple[str, float]:
    """Return the spelling of a unit with a prefix where there is one, else the factor."""
    spelled = {
        ("W", 1e3): "kW", ("VA", 1e3): "kVA", ("var", 1e3): "kvar", ("Wh", 1e3): "kWh",
        ("A", 1e-3): "mA", ("V", 1e-3): "mV", ("W", 1e-3): "mW", ("Pa", 1e3): "kPa",
        ("Wh", 1e6): "MWh", ("bar", 1e-3): "mbar", ("s", 1e-3): "ms", ("A", 1e-6): "uA",
        ("W", 1e-6): "uW", ("V", 1e3): "kV", ("Hz", 1e-3): "mHz", ("Pa", 1e2): "hPa",
    }  # fmt: skip
    return (spelled[symbol, prefix], 1.0) if (symbol, prefix) in spelled else (symbol, prefix)


def _round(scale: float) -> float:
    """Return a factor without the last bit's noise of products of decimals."""
    return float(f"{scale:.12g}")


def factor_of(text: str) -> tuple[float, str] | None:
    """Return the factor that prose gives apart from a unit, and the words that gave it."""
    if EXAMPLES.search(text):
        for found in EXAMPLE.finditer(text):
            if (ratio := _ratio(found[1], found[2])) is not None:
                return ratio, found[0]
    if divided := DIVIDED.search(text):
        return _round(1 / int(divided[1])), divided[0]
    if times := TIMES.search(text):
        number = float(times[2])
        return (number if times[1] or number < 1 else _round(1 / number)), times[0]
    if bare := BARE_PART.search(text):
        return (PARTS[bare[1].lower()] if bare[1] else float(bare[2])), bare[0]
    return None


def _ratio(one: str, other: str) -> float | None:
    """Return by what an example's raw number is multiplied: `5400 = 54.00`, `0.95 as 95`."""
    raw, value = (one, other) if "." in other or "." not in one else (other, one)
    if "." in raw or not float(raw):
        return None
    ratio = float(value) / float(raw)
    return _round(ratio) if ratio in (1.0, 0.1, 0.01, 0.001) or _power_of_ten(ratio) else None


def _power_of_ten(ratio: float) -> bool:
    """Say whether a ratio is a tenth, hundredth or thousandth, give or take rounding."""
    return any(abs(ratio * ten - 1) < 1e-6 for ten in (1, 10, 100, 1000))


def said(clause: str) -> Phrase | None:
    """Return the unit of a UNITS clause; None where it names none."""
    if (letter := clause.strip()) in LETTERS:
        return Phrase("temperature", LETTERS[letter], marked=True)
    found = next(mentions(clause), None)
    if found is None:
        return None
    if not found.scaled and (factor := factor_of(clause)):
        return found._replace(scale=_round(found.scale * factor[0]), scaled=True)
    return found


def told(prose: str) -> list[Phrase]:
    """Return the units that a description mentions, with a factor given apart from them."""
    found = list(mentions(prose))
    factor = factor_of(prose)
    if factor is None:
        return found
    return [
        each if each.scaled else each._replace(scale=_round(each.scale * factor[0]), scaled=True)
        for each in found
    ]


def usable(quantity: str) -> bool:
    """Say whether a quantity that a phrase names is one that a channel can have."""
    return quantity in {each.label for each in Quantity}
