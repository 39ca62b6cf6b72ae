"""What one object measures, in which unit and at which scale, from what its MIB and values say."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from collectors.draft.phrase import Phrase, choices, factor_of, said, told
from collectors.draft.words import STATES, noun, quantity, remembers, sets, split
from collectors.mib.library import MibObject
from collectors.quantity import Quantity, UnitError, convert
from collectors.rows import Value, number

Sure = Literal["sure", "likely", "guess"]

DEFAULT_UNITS: Final = {  # where only the name says what is measured
    "voltage": "V", "current": "A", "power": "W", "apparent_power": "VA", "reactive_power": "var",
    "energy": "kWh", "frequency": "Hz", "temperature": "degC", "humidity": "%RH", "ratio": "%",
    "level": "%", "power_factor": "1", "speed": "rpm", "pressure": "kPa", "flow": "L/min",
    "air_flow": "m3/h", "duration": "min", "optical_power": "dBm",
}  # fmt: skip
PLAUSIBLE: Final = {  # what a device on a floor can show, least and most, in canonical units
    "voltage": (0.0, 1000.0), "current": (-5000.0, 5000.0), "power": (-3e6, 3e6),
    "apparent_power": (0.0, 3e6), "reactive_power": (-3e6, 3e6), "energy": (0.0, 1e9),
    "frequency": (0.0, 500.0), "temperature": (-50.0, 150.0), "humidity": (0.0, 100.0),
    "ratio": (-100.0, 1000.0), "level": (0.0, 100.0), "power_factor": (-1.0, 1.0),
    "speed": (0.0, 60000.0), "pressure": (-200.0, 6000.0), "flow": (0.0, 5000.0),
    "air_flow": (0.0, 100.0), "duration": (0.0, 1e9), "optical_power": (-60.0, 30.0),
    "optical_power_delta": (-60.0, 60.0),
}  # fmt: skip
USUAL: Final = {  # narrower: what tells scales apart where nothing is said
    "voltage": (1.0, 600.0), "frequency": (10.0, 70.0), "temperature": (-40.0, 110.0),
    "humidity": (0.0, 100.0), "ratio": (-100.0, 130.0), "level": (0.0, 100.0),
    "power_factor": (-1.0, 1.0), "current": (-2000.0, 2000.0), "speed": (0.0, 40000.0),
}  # fmt: skip
SCALES: Final = (0.1, 0.01, 0.001)
CREDIBLE: Final = {  # narrower still: what tells one power of ten from the next, end by end
    "temperature": ((8.0, 75.0),), "humidity": ((10.0, 100.0),), "frequency": ((45.0, 66.0),),
    "power_factor": ((0.2, 1.0),),
}  # fmt: skip
MAINS: Final = ((90.0, 500.0),)  # 100 to 480 V, and what they sway
DIRECT: Final = ((10.5, 15.0), (20.0, 30.0), (40.0, 60.0), (360.0, 420.0))  # 12, 24, 48, 400 V
MAINS_WORDS: Final = frozenset(("ac", "vac", "mains", "outlet", "inlet", "phase", "line",
                                "receptacle", "grid", "utility", "cord", "ln", "ll"))  # fmt: skip
DIRECT_WORDS: Final = frozenset(("dc", "vdc", "battery", "batt", "bus", "rectifier", "cell"))
LEAST: Final = {"power_factor": 0.2, "power": 1.0, "apparent_power": 1.0, "frequency": 10.0,
                "voltage": 0.5}  # fmt: skip
SENTINELS: Final = (
    2147483647, -2147483648, 4294967295, 65535, 32767, -32768, -9999, -999, 9999, 99999, -99,
    -1000000000, 1000000000, 2147483646, -2147483647, 65534, -32767, 999999, -1000,
)  # fmt: skip
NOT_NEGATIVE: Final = frozenset(
    ("voltage", "frequency", "humidity", "level", "speed", "energy", "apparent_power", "duration",
     "current", "air_flow", "flow", "power")
)  # fmt: skip
HARD: Final = frozenset(("stamp", "timestamp", "index", "id", "date", "number", "digits"))
NOTHING: Final = (  # how descriptions say that there is no value
    r"(?:not (?:be )?(?:support|availab|appl|present|valid|measur|used|install)"
    r"|un(?:support|availab|known|used)|invalid|no (?:value|sensor|data)|n/a"
    r"|absent|missing|does not)"
)
VOID: Final = re.compile(
    rf"(?:value of|returns?|with|is|be|as|equals?|=) ?(?:a value of )?\(?(-\d+|\d{{4,}})\)?"
    rf"[^.;]{{0,60}}?{NOTHING}"
    rf"|{NOTHING}[^.;]{{0,60}}?(?:value of|returns?|with|is|be|as|OID|,) ?"
    rf"(?:a value of |this OID with a value of )?(-\d+|\d{{4,}})\b",
    re.IGNORECASE,
)
VOID_NAME: Final = re.compile(
    r"^(?:value)?(?:not(?:available|applicable|supported|present|valid|installed|used|measured)|"
    r"un(?:available|known|supported|defined)|invalid|none|na|nan|error|overflow|underflow|"
    r"noreading|novalue|nodata|nosensor|missing|absent|fault|failed)"
)
FAMILIES: Final = (
    {"power", "apparent_power", "reactive_power"},
    {"ratio", "humidity", "level", "speed"},
    {"flow", "air_flow"},
    {"power", "optical_power"},
)
SHARES: Final = ("humidity", "level", "power_factor")  # which may be given in percent
REMAINING: Final = frozenset(("remaining", "runtime", "hours", "left", "autonomy", "until", "to"))
PARTS: Final = {"tenths": 0.1, "hundredths": 0.01, "thousandths": 1e-3, "tenth": 0.1, "deci": 0.1,
                "centi": 0.01, "milli": 1e-3, "hundredth": 0.01}  # fmt: skip
TEXT: Final = re.compile(rb"\s*([+-]?\d+(?:\.\d+)?)\s*([^\d\s/,(][^\d/,(]{0,11}?)\s*(?:[/,(].*)?\Z")


@dataclass(frozen=True, slots=True)
class Meant:
    """What an object is taken to measure, and why."""

    quantity: str
    unit: str
    scale: float
    sure: Sure
    why: str
    sentinels: tuple[int, ...] = ()
    pattern: str = ""
    known_scale: bool = True  # something said it; False: only that the values look right with it
    any_unit: bool = False  # degrees, but not which
    doubt: str = ""  # why it must not be claimed, unless another object says the scale


@dataclass(frozen=True, slots=True)
class Seen:
    """An object of a walk: what its MIB says, and its values by what follows its OID."""

    mib: MibObject
    values: Mapping[str, Value]
    words: Sequence[str] = ()  # of its name
    own: Sequence[str] = ()  # of those, what tells it from the others in its row
    listed: bool = False  # its states stand in its description alone

    @classmethod
    def of(cls, mib: MibObject, values: Mapping[str, Value], shared: int = 0) -> "Seen":
        """Look at an object with its values; the first `shared` words stand in all names beside."""
        words = tuple(split(mib.name))
        if not mib.syntax.named and STATES & set(words) and not quantity(words):
            listed = choices(mib.description)
            if listed and {number(v) for v in values.values()} <= listed.keys():
                mib = replace(mib, syntax=replace(mib.syntax, named=listed))
                return cls(mib, values, words, words[shared:] or words[-1:], listed=True)
        return cls(mib, values, words, words[shared:] or words[-1:])

    @property
    def enumerated(self) -> bool:
        """Say whether its numbers are states or choices; a lone `notAvailable(255)` is none."""
        named = self.mib.syntax.named
        return bool(named) and not self.voids

    @property
    def voids(self) -> tuple[int, ...]:
        """Return the numbers with names that mean no value, where it has no other names."""
        named = self.mib.syntax.named
        if named and all(VOID_NAME.search("".join(split(label))) for label in named.values()):
            return tuple(sorted(named))
        return ()

    @property
    def measures(self) -> str | None:
        """Return the quantity that its name says: by its own words, else by those beside it too."""
        return quantity(self.own) or quantity(self.words)

    @property
    def numbers(self) -> list[float]:
        """Return the values that are numbers."""
        return [n for v in self.values.values() if not math.isnan(n := number(v))]

    @property
    def decimal(self) -> bool:
        """Say whether a value was sent with a decimal point, and so needs no scale."""
        return any(
            isinstance(v, float) or (isinstance(v, bytes) and b"." in v)
            for v in self.values.values()
        )


def refused(seen: Seen, *, guarded: bool = True) -> str | None:
    """Return why an object is no reading by its name or access; None where it may be one.

    `guarded`: its module tells what can be written from what can only be read; some do not.
    """
    if word := sets(seen.words):
        return f"its name says {word}"
    if guarded and seen.mib.access in ("read-write", "read-create", "write-only"):
        return "it can be written"
    return None


def measured(seen: Seen) -> Meant | None:
    """Return what an object measures; None where nothing says that it measures anything."""
    if seen.enumerated or seen.mib.syntax.name in ("TimeTicks", "IpAddress", "BITS"):
        return None
    if noun(seen.own) in HARD:
        return None
    worded, pattern = _worded(seen)
    if not seen.numbers and worded is None:
        return None
    named = seen.measures
    clause = worded or said(seen.mib.units)
    if clause is not None:
        meant = _by_clause(seen, clause, named, "the text" if worded else "UNITS")
    else:
        meant = _by_prose(seen, named)
    if meant is None:
        return None
    return _checked(seen, replace(meant, pattern=pattern))


def _worded(seen: Seen) -> tuple[Phrase | None, str]:
    """Return the unit that a device writes behind its numbers, and a pattern to cut it off."""
    found = [TEXT.match(v) for v in seen.values.values() if isinstance(v, bytes) and v]
    units = {m[2].decode("latin-1").strip() for m in found if m}
    if not found or None in found or len(units) != 1:
        return None, ""
    phrase = said(units.pop())
    return (phrase, r"^\s*([-+]?[0-9.]+)") if phrase else (None, "")


def _same(one: str, other: str) -> bool:
    """Say whether two quantities may be one thing said in two ways."""
    return one == other or any(one in family and other in family for family in FAMILIES)


def _settled(phrase: Phrase, named: str | None, words: Sequence[str]) -> str | None:
    """Return the quantity that a unit and a name say together; None for what is no reading."""
    if phrase.quantity == "ratio":
        return named if named in SHARES else "ratio"
    if phrase.quantity == "duration":
        return "duration" if named == "duration" or REMAINING & set(words) else None
    if phrase.quantity == "temperature" and {"delta", "difference"} & set(words):
        return "temperature_delta"
    if phrase.quantity == "flow" and "air" in words:
        return "air_flow"
    if named == "optical_power" and phrase.quantity in ("power", "optical_power_delta"):
        return named
    return None if phrase.quantity == "charge" else phrase.quantity


def _unit(kind: str, phrase: Phrase) -> str:
    """Return the unit of a phrase as a quantity has it: a difference in K, humidity in %RH."""
    swapped = {("temperature_delta", "degC"): "K", ("humidity", "%"): "%RH",
               ("optical_power", "dB"): "dBm"}  # fmt: skip
    return swapped.get((kind, phrase.unit), phrase.unit)


def _by_clause(seen: Seen, phrase: Phrase, named: str | None, source: str) -> Meant | None:
    """Return what a UNITS clause says, with the name's help."""
    kind = _settled(phrase, named, seen.words)
    if kind is None:
        return None
    scale, known, why = phrase.scale, True, f"{source} {seen.mib.units or phrase.unit!r}"
    if not phrase.scaled and (other := _other_scale(seen)):
        scale, known, why = scale * other[0], True, f"{why}, {other[1]}"
    elif not phrase.scaled and not seen.decimal:
        known = False
    doubtful = len({p.scale for p in told(seen.mib.units) if p.quantity == phrase.quantity}) > 1
    known = known or doubtful  # two scales were said; it is not for others of its kind to choose
    sure: Sure = "guess" if doubtful else "sure" if named and _same(named, kind) else "likely"
    unit = _unit(kind, phrase)
    return Meant(kind, unit, scale, sure, why, known_scale=known, any_unit=not phrase.exact)


def _by_prose(seen: Seen, named: str | None) -> Meant | None:
    """Return what a description says, with the name's help; or the name alone."""
    if noun(seen.own) not in (None, "position", "status", "rate"):
        return None
    phrases = [p for p in told(seen.mib.description) if p.quantity != "charge"]

    def rank(phrase: Phrase) -> int:
        """Weigh a mention: with a factor, written as a unit, of what the name says."""
        fits = named is not None and _same(named, phrase.quantity)
        return 4 * fits + 3 * phrase.scaled + 2 * phrase.marked + phrase.exact

    if named == "power_factor":
        phrases = []
    best = max(phrases, key=rank, default=None)
    if best is not None:
        kind = _settled(best, named, seen.words)
        fits = named is not None and kind is not None and _same(named, kind)
        if kind is not None and (fits or best.marked or best.scaled):
            return _from_phrase(seen, best, kind, fits=fits)
    if named is None:
        return None
    if named == "duration":
        return None
    scale, why = _other_scale(seen) or (1.0, "")
    why = f"the name says {named}" + (f", {why}" if why else "")
    unit = DEFAULT_UNITS[named]
    return Meant(named, unit, scale, "guess", why, known_scale=bool(scale != 1.0 or seen.decimal),
                 any_unit=named == "temperature")  # fmt: skip


def _from_phrase(seen: Seen, phrase: Phrase, kind: str, *, fits: bool) -> Meant:
    """Return what a mention in the description says."""
    scale, why = phrase.scale, "DESCRIPTION" + (" and name agree" if fits else "")
    known = phrase.scaled or seen.decimal
    if not phrase.scaled and (other := _other_scale(seen)):
        scale, known, why = scale * other[0], True, f"{why}, {other[1]}"
    shown = f"{phrase.scale:g} {phrase.unit}" if phrase.scaled else phrase.unit
    unit = _unit(kind, phrase)
    sure: Sure = (
        "sure" if fits and phrase.scaled else "likely" if fits or phrase.marked else "guess"
    )
    return Meant(kind, unit, scale, sure, f"{why}: {shown}", known_scale=known,
                 any_unit=not phrase.exact)  # fmt: skip


def _other_scale(seen: Seen) -> tuple[float, str] | None:
    """Return a scale that is said apart from the unit: by DISPLAY-HINT, name or description."""
    if seen.decimal:
        return None
    if found := re.fullmatch(r"d-(\d+)", seen.mib.syntax.hint):
        return 10.0 ** -int(found[1]), f"DISPLAY-HINT {seen.mib.syntax.hint}"
    for word in seen.words:
        if word in PARTS:
            return PARTS[word], f"its name says {word}"
    joined = "".join(seen.words)
    if found := re.search(r"(?:x|by|div|divby|times)(10+)$", joined):
        return 1 / int(found[1]), f"its name ends in {found[0]}"
    if told_factor := factor_of(seen.mib.description):
        return told_factor[0], f"DESCRIPTION {told_factor[1]!r}"
    return None


def _checked(seen: Seen, meant: Meant) -> Meant:
    """Hold a meaning against the values: sentinels, and whether the scale can be right."""
    void = _void(seen, meant)
    numbers = [n for n in seen.numbers if n not in void]
    meant = replace(meant, sentinels=void)
    if not numbers or not any(numbers):
        return meant
    if meant.known_scale:
        return _contradicted(meant, numbers)
    loaded = [n for n in numbers if n]
    if _fits(loaded, meant, meant.scale, USUAL):
        return meant
    bands = _bands(seen, meant)
    scales = [
        scale
        for scale in SCALES
        if any(_fits(loaded, meant, meant.scale * scale, {meant.quantity: band}) for band in bands)
    ]
    if len(scales) == 1:
        changed = replace(meant, scale=meant.scale * scales[0], sure="guess")
        return replace(changed, why=f"{meant.why}; scale by the values, {_shown(numbers, changed)}")
    if any(_fits([n], meant, meant.scale, USUAL) for n in loaded) and not scales:
        return replace(meant, sure="guess", why=f"{meant.why}; but {_shown(numbers, meant)}")
    which = "more than one power of ten" if scales else "no power of ten"
    doubt = f"{meant.why}, but {_shown(numbers, meant)}, and {which} makes that credible"
    return replace(meant, sure="guess", doubt=doubt)


def _contradicted(meant: Meant, numbers: Sequence[float]) -> Meant:
    """Hold what a text says against the values; where all of them deny it, neither is believed."""
    loaded = [n for n in numbers if n]
    shown = f"{meant.why}; but {_shown(numbers, meant)}"
    if not any(_fits([n], meant, meant.scale, PLAUSIBLE) for n in loaded):
        return replace(meant, sure="guess", doubt=shown)
    small = {meant.quantity: (-LEAST.get(meant.quantity, 0.0), LEAST.get(meant.quantity, 0.0))}
    if meant.scale < 1.0 and _fits(loaded, meant, meant.scale, small):
        return replace(meant, sure="guess", doubt=f"{shown}, which is next to nothing")
    if not _fits(numbers, meant, meant.scale, PLAUSIBLE):
        return replace(meant, sure="guess", why=shown)
    return meant


def _bands(seen: Seen, meant: Meant) -> Sequence[tuple[float, float]]:
    """Return where the values of a quantity credibly lie; of a voltage, by what it is of."""
    if meant.quantity != "voltage":
        return CREDIBLE.get(meant.quantity, ())
    words = {*seen.words, *split(seen.mib.table)}
    if MAINS_WORDS & words:
        return MAINS
    return DIRECT if DIRECT_WORDS & words else (*MAINS, *DIRECT)


def _fits(
    numbers: Iterable[float], meant: Meant, scale: float, bounds: Mapping[str, tuple[float, float]]
) -> bool:
    """Say whether all numbers lie in what is plausible for a quantity."""
    least, most = bounds.get(meant.quantity, PLAUSIBLE.get(meant.quantity, (-math.inf, math.inf)))
    try:
        kind = Quantity.of(meant.quantity)
        values = [convert(n * scale, meant.unit, kind) for n in numbers]
    except UnitError:
        return True
    return all(least <= value <= most for value in values)


def plausible(kind: str, unit: str, scale: float, numbers: Iterable[float]) -> bool:
    """Say whether all numbers, so scaled, are what a device on a floor can show."""
    return _fits(numbers, Meant(kind, unit, scale, "guess", ""), scale, PLAUSIBLE)


def _shown(numbers: Sequence[float], meant: Meant) -> str:
    """Return one of the values as it would be read."""
    largest = max(numbers, key=abs)
    return f"{largest:g} is {largest * meant.scale:g} {meant.unit}"


def _void(seen: Seen, meant: Meant) -> tuple[int, ...]:
    """Return the numbers that mean no value: by the description, or by how odd they are."""
    text = seen.mib.description
    found = {int(a or b) for a, b in VOID.findall(text)} | set(seen.voids)
    for n in seen.numbers:
        if n in SENTINELS and not _fits([n], meant, meant.scale, USUAL):
            found.add(int(n))
        if n == -1 and meant.quantity in NOT_NEGATIVE:
            found.add(-1)
    return tuple(sorted(found))


def past(seen: Seen) -> str | None:
    """Return the word by which an object is a record of the past, which is no reading of now."""
    return remembers(seen.words)
