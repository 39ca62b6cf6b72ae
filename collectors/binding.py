"""A profile meets a device: from the rows of a walk to the channels that every poll will fill.

All that can be decided once is decided here: which rows are channels, what each is called, by what
to multiply. What is left for every poll is in collectors/layout.py.
"""

import functools
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from collectors.layout import Layout
from collectors.line import Line
from collectors.profile import ENTITY, ENTITY_CLASS, SYS_DESCR, SYS_OBJECT_ID, Profile
from collectors.profile_format import Condition, Meaning, Scalar, Told
from collectors.quantity import Quantity, conversion
from collectors.readings import Channel, Identity, Kind, Limits
from collectors.resolve import CHANGES, LEAK_STATES, LIGHT_UNITS
from collectors.rows import Rows, Value, number, text
from collectors.rule import Arc, Rule

CHANNELS_MAX: Final = (
    20_000  # a chassis of 500 ports has 6,000; more is a device that makes up rows
)
WHOLE: Final = (3, 11)  # of entPhysicalClass: chassis, stack; their row may have any number
DIGITS_MAX: Final = 12  # no device resolves finer than 10^-12; more is not a number of digits
COUNTERS: Final = (Quantity.COUNT, Quantity.ENERGY)  # cumulative unless a profile says otherwise


Found = TypeVar("Found")
LEAK_NAMES: Final = {number: name for name, number in LEAK_STATES.items()}


class UnboundError(Exception):
    """A row that cannot become a channel; the message is the reason."""


def bind(profile: Profile, rows: Mapping[str, Value]) -> Layout:
    """Return the layout of a device that answered a walk of `profile.roots` with `rows`."""
    walked = walked_by(profile, rows)
    lines, unread = lines_of(profile, walked)
    return Layout(profile.name, _identity(profile, walked), lines, unread, rows)


def lines_of(profile: Profile, walked: Rows) -> tuple[list[Line], dict[str, str]]:
    """Return every channel of a device and how to read it, and OIDs with why they are none."""
    lines: list[Line] = []
    unread: dict[str, str] = {}
    claimed: set[str] = set()
    for rule in profile.rules:
        for row in _rows(rule, walked):
            if row.oid in claimed or not row.fits():
                continue
            try:
                lines.append(row.line())
            except UnboundError as why:
                unread.setdefault(row.oid, str(why))
            else:
                claimed.add(row.oid)
    for rule in profile.rules:
        for source in rule.values[:1]:
            if source.index == () and not any(s.oid in walked.rows for s in rule.values):
                unread.setdefault(source.oid, "noSuchInstance")
    unread = {oid: why for oid, why in unread.items() if oid not in claimed}
    if len(lines) > CHANNELS_MAX:
        unread[lines[CHANNELS_MAX].channel.source] = f"beyond {CHANNELS_MAX} channels"
    return _named_apart(lines[:CHANNELS_MAX], unread), unread


def walked_by(profile: Profile, rows: Mapping[str, Value]) -> Rows:
    """Arrange what a walk of `profile.roots` brought for its rules."""
    oids = {source.oid for rule in profile.rules for source in rule.values}
    told = [
        t.oid for key in ("model", "serial", "firmware") for t in getattr(profile.identity, key)
    ]
    return Rows(rows, oids | {oid for oid in told if oid})


def _rows(rule: Rule, walked: Rows) -> Iterator["_Row"]:
    """Yield the rows in which a rule's value may lie, each once."""
    seen: set[str] = set()
    for source in rule.values:
        if source.index == ():
            if source.oid in walked.rows and not seen:
                seen.add("")
                yield _Row(rule, walked, source.oid, "", {}, rule.meaning)
            continue
        for suffix in walked.instances[source.oid]:
            arcs = _arcs(rule.index, suffix)
            if arcs is not None and suffix not in seen:
                seen.add(suffix)
                yield _Row(rule, walked, f"{source.oid}.{suffix}", suffix, arcs, rule.meaning)


def _arcs(index: tuple[Arc, ...], suffix: str) -> dict[str, str] | None:
    """Return the arcs of a row by name, as they stand in the OID; None where they do not fit."""
    steps = suffix.split(".")
    found, at = {}, 0
    for arc in index:
        width = arc.width
        if width < 0:
            width = len(steps) - at
        elif width == 0:
            width = 1 + int(steps[at]) if at < len(steps) else 0
        if width < 1 or at + width > len(steps):
            return None
        found[arc.name] = ".".join(steps[at : at + width])
        at += width
    return found if at == len(steps) else None


@dataclass(slots=True)
class _Row:
    """One row seen through one rule."""

    rule: Rule
    walked: Rows
    oid: str
    suffix: str
    arcs: Mapping[str, str]
    meaning: Meaning
    case: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)

    def fits(self) -> bool:
        """Say whether all that the rule demands holds, and keep what its patterns caught."""
        caught: dict[str, str] = {}
        for name, condition in self.rule.where.items():
            if not _holds(condition, self.value(name), caught):
                return False
        self.groups = caught
        if self.rule.by is not None:
            found = _looked_up(self.rule.cases, self.value(self.rule.by))
            if found is None:
                return False
            self.case, self.meaning = found
        return True

    def locate(self, name: str) -> str | None:
        """Return the OID of a column in this row; None for an arc, or where the row has none."""
        source = self.rule.columns.get(name)
        if source is None or name in self.arcs:
            return None
        if source.index is None:
            return f"{source.oid}.{self.suffix}"
        steps = [
            self.arcs.get(step) or (step if step.isdecimal() else text(self.value(step)))
            for step in source.index
        ]
        return ".".join([source.oid, *steps]) if all(steps) else None

    def value(self, name: str) -> Value:
        """Return what stands in a column of this row, or in an arc."""
        if name in self.arcs:
            arc = next(a for a in self.rule.index if a.name == name)
            steps = self.arcs[name]
            if arc.width == 0:
                return bytes(int(s) & 0xFF for s in steps.split(".")[1:])
            return int(steps) if arc.width == 1 else steps
        oid = self.locate(name)
        return self.walked.rows.get(oid) if oid else None

    def line(self) -> Line:
        """Return this row as a channel and how to read it. Raises: UnboundError."""
        meaning = self.meaning
        quantity = Quantity.of(meaning.quantity or "")
        unit, guard = self._unit(meaning, quantity)
        light = quantity is Quantity.OPTICAL_POWER and unit in LIGHT_UNITS
        factor, zero = (
            (conversion(unit, Quantity.POWER)[0] * 1e3, 0.0)
            if light
            else conversion(unit, quantity)
        )
        scale, offset = self._scale(meaning) * factor, meaning.offset * factor + zero
        states = meaning.states or {}
        leak = quantity is Quantity.LEAK
        available = self.locate(meaning.available.column) if meaning.available else None
        return Line(
            channel=Channel(
                name=self._name(),
                quantity=quantity,
                source=self.oid,
                kind=Kind(meaning.kind or ("counter" if quantity in COUNTERS else "gauge")),
                states=LEAK_NAMES if leak else states,
                good_states=_good(("dry",) if leak else tuple(meaning.good or ())),
                limits=self._limits(meaning, scale, offset, light=light),
                moments=meaning.conversion == CHANGES,
            ),
            suffix=self.suffix,
            scale=scale,
            offset=offset,
            light=light,
            meaning=meaning,
            remap={n: LEAK_STATES[s] for n, s in states.items() if s in LEAK_STATES}
            if leak
            else {},
            available=available if available in self.walked.rows else None,
            guards=guard | self._since(meaning),
        )

    def _unit(self, meaning: Meaning, quantity: Quantity) -> tuple[str, dict[str, Value]]:
        """Return the unit of this row, and the object to watch where a device may change it."""
        if meaning.unit_from is None:
            return meaning.unit if meaning.unit is not None else quantity.symbol, {}
        name = meaning.unit_from.column
        said = self.value(name)
        unit = _looked_up(meaning.unit_from.map, said)
        if unit is None:
            raise UnboundError(f"{name} is {text(said) or 'absent'!r}, which names no unit")
        oid = self.locate(name)
        return unit, {oid: said} if oid else {}

    def _limits(
        self, meaning: Meaning, scale: float, offset: float, *, light: bool
    ) -> Limits | None:
        """Return the device's own limits of this value; None where it has none that make sense.

        They are read once, at binding: a module keeps them for good, and another one has a link
        that went down.
        """
        if meaning.limits_from is None:
            return None
        named = (getattr(meaning.limits_from, name) for name in Limits._fields)
        raws = [number(self.value(name)) if name else math.nan for name in named]
        none = {each for each in meaning.sentinels if each != 0}  # of a limit, 0 is as good as any
        found = [math.nan if raw in none else raw * scale + offset for raw in raws]
        if light:
            found = [10 * math.log10(power) if power > 0 else math.nan for power in found]
        limits = Limits(*found)
        told = [limit for limit in found if not math.isnan(limit)]
        ordered = all(a <= b for a, b in itertools.pairwise(told))
        some = len(told) == 1 or len(set(told)) > 1  # a module that keeps none says 0 four times
        return limits if ordered and some else None

    def _since(self, meaning: Meaning) -> dict[str, Value]:
        """Return the object that says since when a counter counts, where the device has it."""
        oid = self.locate(meaning.since) if meaning.since else None
        said = self.walked.rows.get(oid) if oid else None
        return {} if oid is None or said is None else {oid: said}

    def _scale(self, meaning: Meaning) -> float:
        """Return by what to multiply the raw value. Raises: UnboundError."""
        scale = meaning.scale
        if meaning.scale_from is not None:
            said = self.value(meaning.scale_from.column)
            factor = _looked_up(meaning.scale_from.map, said)
            if factor is None:
                name = meaning.scale_from.column
                raise UnboundError(f"{name} is {text(said) or 'absent'!r}, which gives no scale")
            scale *= factor
        if meaning.digits_from is not None:
            digits = number(self.value(meaning.digits_from))
            if math.isnan(digits) or abs(digits) > DIGITS_MAX:
                raise UnboundError(f"{meaning.digits_from} says no number of digits")
            scale = scale / 10**digits if digits >= 0 else scale * 10**-digits
        return scale

    def _name(self) -> str:
        """Return the channel's name."""
        told = {"index": self.suffix.replace(".", "-"), "case": self.case, **self.groups}
        for name in self.rule.name.variables - told.keys():
            value = self.value(name)
            words = self.rule.words.get(name, {})
            told[name] = words.get(value, str(value)) if isinstance(value, int) else text(value)
        return "/".join(filter(None, self.rule.name.render(told).split("/")))


def _looked_up(table: Mapping[Scalar, Found], said: Value) -> Found | None:
    """Return what a table has for a value: by number, else by text."""
    if isinstance(said, int | float) and said in table:
        return table[said]
    if not math.isnan(as_number := number(said)) and as_number in table:
        return table[as_number]
    return table.get(text(said)) if said is not None else None


def _same(said: Value, wanted: Scalar) -> bool:
    """Compare text with text and number with number, also where a number came as text."""
    return text(said) == wanted if isinstance(wanted, str) else number(said) == wanted


def _holds(condition: Condition, said: Value, caught: dict[str, str]) -> bool:
    """Say whether a condition holds for a value; what its pattern catches goes to `caught`."""
    if condition.exists is not None and condition.exists != (said is not None):
        return False
    if said is None:
        return condition.exists is False
    if condition.equals is not None and not any(_same(said, w) for w in condition.equals):
        return False
    if condition.differs is not None and any(_same(said, w) for w in condition.differs):
        return False
    if condition.matches is not None:
        found = re.search(condition.matches, text(said))
        if not found:
            return False
        caught.update({name: part or "" for name, part in found.groupdict().items()})
    return True


@functools.cache
def _good(names: tuple[str, ...]) -> frozenset[str]:
    """Return one set for equal names: a floor has a million channels and few such sets."""
    return frozenset(names)


def _named_apart(lines: list[Line], unread: dict[str, str]) -> list[Line]:
    """Return the lines with names unique: where several have one, each gets its index appended."""
    often = Counter(line.channel.name for line in lines)
    taken: set[str] = set()
    kept = []
    for line in lines:
        name = line.channel.name
        if often[name] > 1 and line.suffix:
            name = f"{name}-{line.suffix.replace('.', '-')}"
            line = replace(line, channel=replace(line.channel, name=name))  # noqa: PLW2901 -- the renamed line
        if name in taken:
            unread[line.channel.source] = f"another channel is named {name}"
            continue
        taken.add(name)
        kept.append(line)
    return kept


def _identity(profile: Profile, walked: Rows) -> Identity:
    """Return who the device says it is."""
    descr = text(walked.rows.get(SYS_DESCR))
    classes = {oid[len(ENTITY_CLASS) + 1 :]: said for oid, said in walked.below(ENTITY_CLASS)}
    whole = [row for kind in WHOLE for row, said in classes.items() if said == kind]

    def found(oid: str) -> str:
        """Return what an object says; of a device made of parts, what the whole of it says."""
        column, _, row = oid.rpartition(".")
        if whole and column.startswith(f"{ENTITY}.") and row not in whole:
            return walked.first(f"{column}.{whole[0]}")  # its row was numbered anew
        return walked.first(oid, whole if oid.startswith(f"{ENTITY}.") else ())

    def told(places: list[Told]) -> str:
        """Return the first of these that is not empty."""
        for place in places:
            said = place.text or (descr if place.sys_descr else found(place.oid or ""))
            if place.pattern:
                part = re.search(place.pattern, said)
                said = (part[1] if part.re.groups else part[0]) if part else ""
            if said:
                return said.strip()
        return ""

    return Identity(
        profile=profile.label,
        kind=profile.kind,
        vendor=profile.vendor,
        model=told(profile.identity.model),
        serial=told(profile.identity.serial),
        firmware=told(profile.identity.firmware),
        sys_object_id=text(walked.rows.get(SYS_OBJECT_ID)),
        sys_descr=descr,
    )
