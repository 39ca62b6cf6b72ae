"""A draft as YAML that a person goes through: each channel with what its MIB says beside it."""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from collectors.draft.group import Group
from collectors.draft.naming import arc_name
from collectors.mib.library import Arc

PROSE_CHARACTERS_MAX: Final = 150  # of a description in a comment; the MIB has the rest
HEADER: Final = """\
# A draft, made from a walk and MIBs. Nobody has reviewed it, and no run is judged by it.
# Go through the guesses first, then what is likely; compare with what the device shows by itself.
# Remove `drafted` of each channel that you have checked, and `draft: true` at the end.
"""
WORD_CHARACTERS_MAX: Final = 40  # a key may have 48; a number may have to be appended
WIDTHS: Final = {0: ":text", -1: ":rest", 1: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a draft says before its channels."""

    name: str
    kind: str
    vendor: str
    title: str
    source: str
    sys_object_id: str
    exists: tuple[str, ...]
    include: tuple[str, ...]
    identity: Mapping[str, Any]


def written(head: Head, groups: Iterable[Group], more: Sequence[str] = ()) -> str:
    """Return a profile file; `more` are the lines of tables that extend a fragment's."""
    groups = list(groups)
    kept = [group for group in groups if group.rules]
    objects = dict(_objects(kept))
    lines = [HEADER, "profile: rackproof.profile/1", "draft: true", f"name: {head.name}"]
    lines += [
        f"{key}: {_scalar(getattr(head, key))}" for key in ("kind", "vendor", "title", "source")
    ]
    if head.include:
        lines.append(f"include: [{', '.join(head.include)}]")
    lines += ["", "fingerprint:"]
    if head.sys_object_id:
        lines.append(f"  sys_object_id: [{_scalar(head.sys_object_id)}]")
    if head.exists:
        lines.append(f"  exists: [{', '.join(map(_scalar, head.exists))}]")
    if head.identity:
        lines += ["", "identity:", *(f"  {k}: {_flow(v)}" for k, v in head.identity.items())]
    if objects:
        lines += ["", "objects:", *(f"  {k}: {_scalar(v)}" for k, v in sorted(objects.items()))]
    taken: set[str] = set()
    singles = [group for group in kept if not group.index]
    if singles:
        lines += ["", "channels:"]
        for group in singles:
            lines += _channels(group, "  ", taken)
    tables = [group for group in kept if group.index]
    if tables or more:
        lines += ["", "tables:"]
        lines += more
        keys: set[str] = set()
        for group in tables:
            lines += _table(group, keys)
    lines += _left(groups)
    return "\n".join(lines) + "\n"


def _left(groups: Iterable[Group]) -> Iterator[str]:
    """Yield what measures something, but is not claimed, and why."""
    for group in groups:
        yield from (f"# left out: {_comment(each)}" for each in group.left)


def _table(group: Group, keys: set[str]) -> Iterator[str]:
    """Yield the lines of a table."""
    key = group.key if group.key[:1].isalpha() else f"t_{group.key}"
    yield f"  {_unique(key[:WORD_CHARACTERS_MAX], keys)}:"
    yield f"    index: [{', '.join(map(arc_text, group.index))}]"
    used = json.dumps([[rule.name, rule.says] for rule in group.rules])
    columns = {k: v for k, v in group.columns.items() if re.search(rf"\b{k}\b", used)}
    if columns:
        yield "    columns:"
        yield from (f"      {name}: {_scalar(oid)}" for name, oid in sorted(columns.items()))
    yield "    channels:"
    yield from _channels(group, "      ", set())


def arc_text(arc: Arc) -> str:
    """Return an arc of an index as a profile writes it."""
    return arc_name(arc.name) + WIDTHS.get(arc.width, f":{arc.width}")


def _channels(group: Group, indent: str, taken: set[str]) -> Iterator[str]:
    """Yield the lines of a group's rules, those that are of one name told apart."""
    for rule in group.rules:
        mib = rule.seen.mib
        prose = textwrap.shorten(mib.description, PROSE_CHARACTERS_MAX, placeholder=" ...")
        more = f": {prose}" if prose else ""
        yield f"{indent}# {_comment(f'{mib.module} {mib.name}{more}')}"
        yield f"{indent}# {_comment(f'{rule.sure}: {rule.why}')}"
        key = _unique(rule.name, taken)
        oid = mib.oid if group.index else f"{mib.oid}.{next(iter(rule.seen.values))}"
        says = {"value": oid, **_plain(rule.says), "drafted": {"sure": rule.sure, "why": rule.why}}
        yield f"{indent}{_scalar(key)}: {_flow(says)}"


def _objects(groups: Iterable[Group]) -> Iterator[tuple[str, str]]:
    """Yield the single objects that rules refer to."""
    for group in groups:
        for rule in group.rules:
            told = rule.says.get("unit_from")
            if told and isinstance(told["column"], tuple):
                yield _object_name(told["column"][1]), f"{told['column'][1]}.0"


def _object_name(oid: str) -> str:
    """Return the name of a single object, by its place."""
    return "o_" + "_".join(oid.split(".")[-4:])


def _plain(says: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a rule says with single objects by their names."""
    told = says.get("unit_from")
    if told and isinstance(told["column"], tuple):
        return {**says, "unit_from": {**told, "column": _object_name(told["column"][1])}}
    return dict(says)


def _unique(name: str, taken: set[str]) -> str:
    """Return a key that no other has, and take it."""
    key, number = name, 2
    while key in taken:
        key, number = f"{name}_{number}", number + 1
    taken.add(key)
    return key


def _flow(value: object) -> str:
    """Return a value in YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    """Return a scalar; text without quotes only where nothing could misread it."""
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_/-]*|\d+(\.\d+){2,}", value)
        reserved = value.lower() in ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
        return value if plain and not reserved else json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return repr(value) if "e" not in repr(value) else f"{value:.12f}".rstrip("0")
    return str(value)


def _comment(text: str) -> str:
    """Return a text that stays in its line, printable."""
    return "".join(c if c.isprintable() else "?" for c in text)
