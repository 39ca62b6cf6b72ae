"""From what profile files say to rules: references followed, defaults merged, sense checked."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from collectors.document import Document, Problem
from collectors.document import Path as Key
from collectors.profile_format import Body, Case, Channel, Condition, Meaning, Scalar, States, Table
from collectors.quantity import Quantity, UnitError, conversion
from collectors.rule import Arc, Rule, Source, Template

CHANGES: Final = "changes"
WRAPS: Final = "counter32"
CONVERSIONS: Final = {  # what no table of numbers can say; collectors/layout.py carries it out
    "signed32": "an unsigned 32-bit object that holds a signed number: 4294967295 is -1",
    "signed16": "an unsigned 16-bit object that holds a signed number: 65535 is -1",
    CHANGES: "how often the object has said something else, seen from poll to poll",
    WRAPS: "a counter of 32 bits that is counted on where it begins again",
}
LIGHT_UNITS: Final = ("W", "mW", "uW")  # optical power in these becomes dBm by logarithm
LEAK_STATES: Final = {"dry": 0, "wet": 1}  # what a leak channel can be; other states are faults


class Part(NamedTuple):
    """A file with its content, as loaded."""

    document: Document
    body: Body
    digest: bytes

    def oid(self, text: str) -> str:
        """Return an OID of this file in full; without a prefix, one that makes no sense."""
        return (self.body.prefix or "0") + text if text.startswith(".") else text


@dataclass(frozen=True, slots=True)
class Context:
    """What the rules of one table have in common."""

    index: tuple[Arc, ...] = ()
    columns: Mapping[str, Source] = field(default_factory=dict)
    words: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    defaults: Meaning = field(default_factory=Meaning)
    where: Mapping[str, Condition] = field(default_factory=dict)


class Resolver:
    """Makes the rules of one file; `included` are the fragments whose names it may use."""

    def __init__(self, part: Part, included: Sequence[Part], problems: list[Problem]) -> None:
        self.part = part
        self.included = included
        self.problems = problems
        scope = [*reversed(included), part]
        self.objects = {n: Source(p.oid(o), ()) for p in scope for n, o in p.body.objects.items()}
        self.enumerations = {n: e for p in scope for n, e in p.body.enumerations.items()}
        self.cases = {n: c for p in scope for n, c in p.body.cases.items()}

    def rules(self) -> Iterator[Rule]:
        """Yield the rules of the file in its order: single objects first, then tables."""
        alone = Context(columns=self.objects)
        for name, channel in self.part.body.channels.items():
            yield self._rule(("channels", name), name, channel, alone)
        for title, table in self.part.body.tables.items():
            key: Key = ("tables", title)
            context = self._context(key, table)
            for name, channel in table.channels.items():
                yield self._rule((*key, "channels", name), name, channel, context)

    def _say(self, key: Key, text: str) -> None:
        """Note a problem."""
        self.problems.append(self.part.document.problem(key, text))

    def _context(self, key: Key, table: Table) -> Context:
        """Return what a table gives to its rules, with what it extends below its own."""
        base = self._extended((*key, "extends"), table.extends) if table.extends else Context()
        index = tuple(map(Arc.of, table.index)) if table.index else base.index
        if not index:
            self._say(key, "a table needs `index`, names for its arcs, or `extends`")
        own = {
            name: Source(self.part.oid(c.oid), None if c.index is None else tuple(c.index))
            for name, c in table.columns.items()
        }
        columns = {**self.objects, **base.columns, **own}
        known = {arc.name for arc in index} | columns.keys()
        for name, source in own.items():
            for step in sorted(set(source.index or ()) - known):
                if step.isdecimal():  # one row of each value's own small table
                    continue
                self._say((*key, "columns", name), f"{step!r} is no arc or column of this table")
        for name in sorted(table.words.keys() - known):
            self._say((*key, "words", name), f"{name!r} is no arc or column of this table")
        words = {**base.words, **table.words}
        return Context(index, columns, words, table.defaults.over(base.defaults), table.where)

    def _extended(self, key: Key, name: str) -> Context:
        """Return the context of an included fragment's table."""
        for part in self.included:
            if name in part.body.tables:
                resolver = Resolver(part, (), self.problems)
                return resolver._context(("tables", name), part.body.tables[name])
        self._say(key, f"no included fragment has a table {name!r}")
        return Context()

    def _rule(self, key: Key, name: str, channel: Channel, context: Context) -> Rule:
        """Resolve one channel rule and check that it is whole."""
        meaning = channel.over(context.defaults)
        values = [self._value(key, text, context) for text in meaning.value or ()]
        if not values:
            self._say(key, "no `value`; name the column or the OID where the value lies")
        listed = self._cases(key, channel)
        cases = {value: (case.name, case.over(meaning)) for value, case in listed.items()}
        if bool(channel.by) != bool(cases):
            self._say(key, "`by` goes with `cases` or `cases_from`; give both or neither")
        where = {**context.where, **channel.where}
        rule = Rule(
            name=Template.of(channel.name or name),
            index=context.index,
            values=tuple(values),
            columns=context.columns,
            meaning=meaning if cases else self._whole(key, meaning),
            where=where,
            words=context.words,
            by=channel.by,
            cases={
                value: (title, self._whole((*key, "cases", value), each))
                for value, (title, each) in cases.items()
            },
        )
        groups = {g for c in where.values() for g in re.compile(c.matches or "").groupindex}
        known = context.columns.keys() | {arc.name for arc in context.index} | groups
        for unknown in sorted(rule.references - known - {"index", "case"}):
            self._say(key, f"{unknown!r} is no arc, column or object known here")
        return rule

    def _value(self, key: Key, text: str, context: Context) -> Source:
        """Return where a value lies: a column or object by name, or an OID."""
        if text in context.columns:
            return context.columns[text]
        if not re.fullmatch(r"\.?\d+(\.\d+)+", text):
            self._say((*key, "value"), f"{text!r} is neither an OID nor a column known here")
            return Source("0.0", ())
        return Source(self.part.oid(text), None if context.index else ())

    def _cases(self, key: Key, channel: Channel) -> Mapping[Scalar, Case]:
        """Return the cases of a channel: its own on top of those it names."""
        shared: Mapping[Scalar, Case] = {}
        if channel.cases_from is not None:
            if channel.cases_from not in self.cases:
                self._say((*key, "cases_from"), f"there are no cases {channel.cases_from!r}")
            shared = self.cases.get(channel.cases_from, {})
        return {**shared, **(channel.cases or {})}

    def _whole(self, key: Key, meaning: Meaning) -> Meaning:
        """Return a meaning with its enumeration filled in; note what does not make sense."""
        for text in _nonsense(meaning):
            self._say(key, text)
        if meaning.states_from is None:
            return meaning
        if meaning.states_from not in self.enumerations:
            self._say(key, f"there is no enumeration {meaning.states_from!r}")
        found = self.enumerations.get(meaning.states_from, States(states={}))
        filled = {"states": found.states, "good": meaning.good or found.good}
        return meaning.model_copy(update=filled)


def _nonsense(meaning: Meaning) -> Iterator[str]:
    """Yield what is wrong with a meaning by itself."""
    if meaning.quantity is None:
        yield "no `quantity`; say what is measured"
        return
    quantity = Quantity.of(meaning.quantity)
    yield from _wrong_units(meaning, quantity)
    yield from _wrong_states(meaning, quantity)
    if meaning.conversion is not None and meaning.conversion not in CONVERSIONS:
        yield f"no conversion {meaning.conversion!r}; write one of {', '.join(CONVERSIONS)}"
    if meaning.conversion in (CHANGES, WRAPS) and quantity is not Quantity.COUNT:
        yield f"conversion {meaning.conversion} counts; its quantity is count, not {quantity.label}"
    if meaning.pattern and not re.compile(meaning.pattern).groups:
        yield "`pattern` needs one group, around the number"


def _wrong_units(meaning: Meaning, quantity: Quantity) -> Iterator[str]:
    """Yield what is wrong with the units of a meaning."""
    units = [meaning.unit] if meaning.unit is not None else []
    if meaning.unit_from:
        units = list(meaning.unit_from.map.values())
    if not units and quantity.symbol:
        yield f"no `unit`; say in which unit the device gives {quantity.label}"
    for text in units:
        try:
            if quantity is not Quantity.OPTICAL_POWER or text not in LIGHT_UNITS:
                conversion(text, quantity)
        except UnitError as error:
            yield str(error)


def _wrong_states(meaning: Meaning, quantity: Quantity) -> Iterator[str]:
    """Yield what is wrong with the states of a meaning, unless they are told elsewhere."""
    if quantity.is_state != bool(meaning.states or meaning.states_from):
        yield f"{quantity.label}: a state needs `states`, and nothing else has them"
    if meaning.states is None:
        return
    names = set(meaning.states.values())
    if quantity is Quantity.LEAK and not LEAK_STATES.keys() <= names:
        yield "a leak channel needs states named dry and wet"
    for name in sorted(set(meaning.good or ()) - names):
        yield f"good: {name!r} is none of the states"
