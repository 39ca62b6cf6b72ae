"""MIB files cut into definitions, so that one that is broken does not cost the others.

Vendors ship MIBs that no strict reader takes: a doubled name, a comma too many, a comment in the
wrong place. So a file is cut at the heads of its definitions first, by pattern, and each is given
to the grammar alone (collectors/mib/grammar.py). Here only names and their places in the tree of
object identifiers are found.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

HIDDEN: Final = re.compile(r'"[^"]*"|--[^\n]*')  # what holds no definitions: texts and comments
BEGIN: Final = re.compile(r"\bDEFINITIONS\b[A-Z\s]*::=\s*BEGIN\b")
TITLE: Final = re.compile(r"([A-Za-z][\w-]*)\s*(?:\{[^}]*\}\s*)?\Z")  # what stands before BEGIN
TITLE_CHARACTERS_MAX: Final = 400  # a module's name and the OID that may follow it
IMPORTS: Final = re.compile(r"\bIMPORTS\b([^;]*);")
FROM: Final = re.compile(r"([\w,\s-]*?)\bFROM\s+([\w-]+)")
MACRO: Final = re.compile(r"\b[A-Z-]+\s+MACRO\s*::=\s*BEGIN\b.*?\bEND\b", re.DOTALL)
HEAD: Final = re.compile(
    r"(?<![\w-])(?:([A-Za-z][\w-]*)\s+"
    r"(OBJECT-TYPE|OBJECT\s+IDENTIFIER(?=\s*::=)|MODULE-IDENTITY|OBJECT-IDENTITY|OBJECT-GROUP|"
    r"NOTIFICATION-TYPE|NOTIFICATION-GROUP|TRAP-TYPE|MODULE-COMPLIANCE|AGENT-CAPABILITIES)\b"
    r"|([A-Z][\w-]*)\s*::=\s*(?=[A-Z\[]))"
)
PLACE: Final = re.compile(r"::=\s*\{([^}]*)\}")
STEP: Final = re.compile(r"([A-Za-z][\w-]*)?\s*\(\s*(\d+)\s*\)|([A-Za-z][\w-]*)|(\d+)")
END: Final = re.compile(r"\bEND\s*\Z")


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition of a MIB, not yet read."""

    name: str
    kind: str  # its macro, such as OBJECT-TYPE; "" for a type
    text: str
    line: int  # where in its file it begins
    place: tuple[str, ...]  # names and numbers from a parent on; () for what has no OID


@dataclass(frozen=True, slots=True)
class Module:
    """One MIB module: its definitions by name, and from where it has the names it imports."""

    name: str
    file: str
    definitions: Mapping[str, Definition]
    imports: Mapping[str, str]  # a name -> the module it comes from


def modules(text: str, file: str) -> Iterator[Module]:
    """Yield the modules of a file; a name that is defined twice keeps its first definition."""
    shown = HIDDEN.sub(_hidden, text)
    shown = MACRO.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), shown)
    heads = list(BEGIN.finditer(shown))
    for number, head in enumerate(heads):
        title = TITLE.search(shown[max(0, head.start() - TITLE_CHARACTERS_MAX) : head.start()])
        if title is None:
            continue
        end = heads[number + 1].start() if number + 1 < len(heads) else len(text)
        yield _module(title[1], file, text, shown, (head.end(), end))


def _hidden(found: re.Match[str]) -> str:
    """Return as many blanks as a text or comment has characters; a text keeps its quotes."""
    blank = re.sub(r"[^\n]", " ", found[0])
    return f'"{blank[1:-1]}"' if found[0].startswith('"') else blank


def _module(name: str, file: str, text: str, shown: str, span: tuple[int, int]) -> Module:
    """Cut one module into definitions."""
    begin, end = span
    imports: dict[str, str] = {}
    if told := IMPORTS.search(shown, begin, end):
        for names, source in FROM.findall(told[1]):
            imports.update(dict.fromkeys(re.findall(r"[A-Za-z][\w-]*", names), source))
        begin = told.end()
    heads = list(HEAD.finditer(shown, begin, end))
    definitions: dict[str, Definition] = {}
    line, counted = 1, 0
    for number, head in enumerate(heads):
        until = heads[number + 1].start() if number + 1 < len(heads) else end
        visible = shown[head.start() : until]
        kind = re.sub(r"\s+", " ", head[2] or "")
        size = _size(visible, has_place=bool(kind))
        line += shown.count("\n", counted, head.start())
        counted = head.start()
        definition = Definition(
            name=head[1] or head[3],
            kind=kind,
            text=text[head.start() : head.start() + size],
            line=line,
            place=_place(visible[:size]) if kind else (),
        )
        definitions.setdefault(definition.name, definition)
    return Module(name, file, definitions, imports)


def _size(visible: str, *, has_place: bool) -> int:
    """Return where a definition ends: behind its place, or before what ends the module."""
    if has_place and (found := PLACE.search(visible)):
        return found.end()
    return len(END.sub("", visible))


def _place(visible: str) -> tuple[str, ...]:
    """Return a definition's place as written: a parent's name or number, then numbers."""
    found = PLACE.search(visible)
    if found is None:
        return ()
    steps = [m[2] or m[3] or m[4] for m in STEP.finditer(found[1])]
    named = [m[1] or m[3] for m in STEP.finditer(found[1])]
    return (named[0] or steps[0], *steps[1:]) if steps else ()
