"""Definitions of a MIB read by pysmi's grammar, one at a time: what an object is and how it looks.

pysmi's own compiler takes a module whole or not at all, and everything that it imports with it.
Only its grammar is used, so that what is left of a broken module can still be read.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pysmi.error import PySmiError
from pysmi.parser.dialect import smi_v1_relaxed
from pysmi.parser.smi import parserFactory

from collectors.mib.cut import Definition

BLANKS: Final = re.compile(r"\s+")
FRAME: Final = "X DEFINITIONS ::= BEGIN\n{}\nEND\n"


class UnreadableError(ValueError):
    """A definition that the grammar does not take."""


@dataclass(frozen=True, slots=True)
class Syntax:
    """A type: what it stands for, as far as one definition says."""

    name: str  # INTEGER, Counter32, OCTET STRING, or a type that is defined elsewhere
    named: Mapping[int, str] = field(default_factory=dict)  # of an enumeration
    spans: tuple[tuple[int, int], ...] = ()  # least and most value, or length
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clauses:
    """What an OBJECT-TYPE says."""

    syntax: Syntax
    units: str
    access: str
    description: str
    index: tuple[str, ...]  # of a row: the objects that select it, in order
    implied: bool  # the last of them carries no length
    augments: str  # of a row: the row whose index it has


@functools.cache
def _grammar() -> Any:  # noqa: ANN401 -- pysmi has no types
    """Build the grammar once, with all its tolerance for what vendors write."""
    return parserFactory(**smi_v1_relaxed)()


def _parsed(definition: Definition) -> tuple[Any, ...]:
    """Return a definition as pysmi has it. Raises: UnreadableError."""
    try:
        ((_, _, _, found),) = _grammar().parse(FRAME.format(definition.text))
    except PySmiError as error:
        raise UnreadableError(str(error).partition(" near ")[0].strip().lower()) from None
    if not found:
        raise UnreadableError("no definition")
    return tuple(found[0])


def clauses(definition: Definition) -> Clauses:
    """Return what an OBJECT-TYPE says. Raises: UnreadableError."""
    parts = _parsed(definition)
    if parts[0] != "objectTypeClause":
        raise UnreadableError(f"a {parts[0]}")
    _, _, syntax, units, access, _, description, _, augments, index, *_ = parts
    steps = index[1] if index and index[0] == "INDEX" else ()
    return Clauses(
        syntax=_syntax(syntax),
        units=_text(units),
        access=access[1] if access else "",
        description=_text(description),
        index=tuple(str(name) for _, name in steps),
        implied=bool(steps and steps[-1][0]),
        augments=_name(augments),
    )


def syntax(definition: Definition) -> Syntax:
    """Return what a type is. Raises: UnreadableError."""
    parts = _parsed(definition)
    if parts[0] != "typeDeclaration" or parts[2] is None:
        raise UnreadableError(f"a {parts[0]}")
    inner = parts[2][1:]
    found = _syntax(inner[-1])
    hint = next((_text(each) for each in inner if each and each[0] == "DISPLAY-HINT"), "")
    return Syntax(found.name, found.named, found.spans, hint)


def _syntax(parts: Any) -> Syntax:  # noqa: ANN401 -- pysmi has no types
    """Return a type as pysmi has it: its name, and names or spans in parentheses."""
    name = parts[1] if isinstance(parts[1], str) else parts[0]
    kind, listed = parts[2] if len(parts) > 2 and parts[2] else ("", ())
    if kind == "enumSpec":
        return Syntax(name, {int(value): str(label) for label, value in listed})
    if kind.endswith("SubType"):
        return Syntax(name, spans=tuple((_bound(s[0]), _bound(s[-1])) for s in listed))
    return Syntax(name)


def _bound(value: object) -> int:
    """Return one end of a span, which may be written in hexadecimal or binary."""
    if isinstance(value, int):
        return value
    digits, _, base = str(value).strip("'").rpartition("'")
    return int(digits or "0", 16 if base.lower() == "h" else 2)


def _text(clause: Any) -> str:  # noqa: ANN401 -- pysmi has no types
    """Return the text of a clause on one line."""
    return BLANKS.sub(" ", str(clause[-1])).strip() if clause else ""


def _name(given: Any) -> str:  # noqa: ANN401 -- pysmi has no types
    """Return a name that may stand alone or in a clause."""
    while isinstance(given, tuple | list):
        given = given[-1]
    return str(given or "")
