"""Rules: which rows of a device become channels, under which name, and what their values mean.

A rule is what a profile file says about one kind of channel, with every reference resolved. It is
bound to the rows of a real device by collectors/binding.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from collectors.profile_format import Condition, LimitsFrom, Meaning, Scalar

SLUG_CHARACTERS_MAX: Final = 48  # of a device's own text in a channel name; longer is cut


def slug(text: str) -> str:
    """Return device text as a part of a channel name: lower case, `-` for all but a-z 0-9 _ . +.

    >>> slug("Ethernet1/1"), slug(" PSU #2: 12V "), slug("-48V")
    ('ethernet1-1', 'psu-2-12v', '48v')
    """
    return re.sub(r"[^a-z0-9_.+]+", "-", text.lower())[:SLUG_CHARACTERS_MAX].strip("-.")


def below(oid: str, root: str) -> bool:
    """Say whether `oid` is `root` or lies under it."""
    return oid == root or oid.startswith(root + ".")


class Arc(NamedTuple):
    """One named part of a table's index and how many arcs it takes."""

    name: str
    width: int  # 1 or more; 0: a length and then as many octets; -1: all that remain

    @classmethod
    def of(cls, text: str) -> "Arc":
        """Read `name`, `name:3`, `name:text` or `name:rest`."""
        name, _, how = text.partition(":")
        return cls(name, int(how) if how.isdecimal() else {"": 1, "text": 0, "rest": -1}[how])


@dataclass(frozen=True, slots=True)
class Source:
    """A column, or a single object: what to append to `oid` to reach a row's value."""

    oid: str
    index: tuple[str, ...] | None = None  # None: the row's index; (): nothing, a single object

    @property
    def root(self) -> str:
        """Return where a walk must start to come by it."""
        return self.oid.rpartition(".")[0] if self.index == () else self.oid


class Template(NamedTuple):
    """A channel name in pieces: plain text, or alternatives of which the first not empty is used.

    >>> Template.of("port/{name|index}/in").render({"name": "Eth 1", "index": "7"})
    'port/eth-1/in'
    """

    pieces: tuple[str | tuple[str, ...], ...]

    @classmethod
    def of(cls, text: str) -> "Template":
        """Split `port/{name|index}/state` into its pieces."""
        parts = re.split(r"\{([^{}]*)\}", text)
        return cls(tuple(tuple(p.split("|")) if i % 2 else p for i, p in enumerate(parts) if p))

    @property
    def variables(self) -> set[str]:
        """Return the names that stand in braces."""
        return {name for piece in self.pieces if isinstance(piece, tuple) for name in piece}

    def render(self, values: Mapping[str, str]) -> str:
        """Fill in, slugged; the row's index stands in where every alternative is empty.

        A case's name comes from the profile, not from a device, and is taken as it is.
        """
        return "".join(
            piece
            if isinstance(piece, str)
            else values["case"]
            if piece == ("case",)
            else next((s for n in (*piece, "index") if (s := slug(values.get(n, "")))), "0")
            for piece in self.pieces
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which rows become channels, under which name, and what their values mean."""

    name: Template
    index: tuple[Arc, ...]
    values: tuple[Source, ...]  # the first that a row has is the value
    columns: Mapping[str, Source]
    meaning: Meaning
    where: Mapping[str, Condition] = field(default_factory=dict)
    words: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    by: str | None = None
    cases: Mapping[Scalar, tuple[str, Meaning]] = field(default_factory=dict)  # name, meaning

    @property
    def meanings(self) -> list[Meaning]:
        """Return every meaning that a row of this rule can have."""
        return [meaning for _, meaning in self.cases.values()] or [self.meaning]

    @property
    def references(self) -> set[str]:
        """Return every name of a column, object or arc that this rule looks at."""
        names = self.name.variables | self.where.keys() | ({self.by} if self.by else set())
        for meaning in self.meanings:
            parts = (meaning.unit_from, meaning.scale_from, meaning.available)
            names |= {part.column for part in parts if part}
            names |= {name for name in (meaning.digits_from, meaning.since) if name}
            names |= set(filter(None, (meaning.limits_from or LimitsFrom()).model_dump().values()))
        return names

    @property
    def roots(self) -> set[str]:
        """Return where walks must start for this rule to be bound."""
        todo, done = self.references, set()
        while todo:
            done |= todo
            indices = [self.columns[n].index or () for n in todo if n in self.columns]
            todo = {s for index in indices for s in index if not s.isdecimal()} - done
        return {s.root for s in self.values} | {
            self.columns[name].root for name in done if name in self.columns
        }
