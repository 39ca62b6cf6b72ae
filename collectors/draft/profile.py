"""From a walk and a folder of MIBs to a drafted profile."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from collectors.document import DocumentError
from collectors.draft.group import Group
from collectors.draft.meaning import Seen
from collectors.draft.naming import shared_words
from collectors.draft.rules import drafted
from collectors.draft.standard import light
from collectors.draft.write import Head, written
from collectors.mib.library import Library
from collectors.profile import SYS_OBJECT_ID, parse_profile
from collectors.rows import Value, text
from collectors.rule import below

FRAGMENTS: Final = {  # what the shipped fragments read, by the places where they find it
    "entity_sensor": ("1.3.6.1.2.1.99", "1.3.6.1.2.1.47"),
    "interfaces": ("1.3.6.1.2.1.2", "1.3.6.1.2.1.31"),
    "lldp": ("1.0.8802",),
    "ups": ("1.3.6.1.2.1.33",),
}
STANDARD: Final = (  # of hosts and protocols: read by fragments, or nothing to a rack
    *("1.3.6.1.2.1", "1.0.8802", "1.3.6.1.6", "1.2", "1.3.111", "1.3.6.1.3", "1.3.6.1.4.1.8072"),
    *(f"1.3.6.1.4.1.2021.{n}" for n in (2, 4, 8, 9, 10, 11, 15, 16, 17, 100, 101)),
)
VALUE: Final = re.compile(r"value: (\d[\d.]+)")  # in the line of a channel
ENTERPRISES: Final = "1.3.6.1.4.1"
KINDS: Final = (
    ("cooling", ("chiller", "cooling", "fluid", "compressor", "crac", "coolant", "humidifier",
                 "blower", "evaporator")),
    ("pdu", ("pdu", "outlet", "inlet", "breaker", "phase", "receptacle", "cord", "branch",
             "rectifier")),
)  # fmt: skip
PORTS_MIN: Final = 8  # with so many interfaces a device is a switch, whatever else it has
TOLD: Final = {
    "model": ("model", "model name", "model number", "part number", "product name", "type"),
    "serial": ("serial", "serial number", "serial num", "serialnumber"),
    "firmware": ("firmware", "firmware version", "firmware revision", "firmware rev",
                 "software version", "version"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """A drafted profile as a file, and what there is to say about it."""

    text: str
    channels: Mapping[str, int]  # how many rules are sure, likely, guesses
    objects: int  # how many kinds of object the walk has that a MIB names
    notes: tuple[str, ...]  # what of the MIBs could not be used


def draft(rows: Mapping[str, Value], library: Library, name: str = "") -> Draft:
    """Draft a profile for the device that a walk is of."""
    before = len(library.notes)
    found = library.of(rows)
    values: dict[str, dict[str, Value]] = defaultdict(dict)
    for oid, value in rows.items():
        place = oid
        while place and place not in found:
            place = place.rpartition(".")[0]
        if place and place != oid:
            values[place][oid[len(place) + 1 :]] = value
    shared = shared_words(found[oid] for oid in values)
    objects = [
        Seen.of(mib, values[oid], shared[mib.row or mib.module])
        for oid, mib in found.items()
        if oid in values
    ]
    own = [seen for seen in objects if not any(below(seen.mib.oid, s) for s in STANDARD)]
    groups = drafted(own)
    head = _head(rows, own, groups, library, name)
    text = _mended(head, groups, light(rows), library)
    sure: Counter[str] = Counter(rule.sure for group in groups for rule in group.rules)
    return Draft(text, sure, len(own), tuple(library.notes[before:]))


def _mended(head: Head, groups: Sequence[Group], more: Sequence[str], library: Library) -> str:
    """Return the file; a rule that our own reader refuses is left out, and told."""
    while True:
        text = written(head, groups, more)
        try:
            parse_profile(text.encode(), head.name)
        except DocumentError as error:
            lines = text.splitlines()
            bad = {oid[1] for p in error.problems if (oid := VALUE.search(lines[p.line - 1]))}
            if not bad:
                raise
            for group in groups:
                group.rules = [
                    r for r in group.rules if not any(below(o, r.seen.mib.oid) for o in bad)
                ]
            library.notes += [f"{p.key}: {p.text}; left out of the draft" for p in error.problems]
        else:
            return text


def _head(
    rows: Mapping[str, Value],
    objects: Sequence[Seen],
    groups: Sequence[Group],
    library: Library,
    name: str,
) -> Head:
    """Return what the draft says of the device as a whole."""
    object_id = text(rows.get(SYS_OBJECT_ID)).lstrip(".")
    vendor = _vendor(object_id, library)
    include = tuple(
        fragment
        for fragment, roots in FRAGMENTS.items()
        if any(below(oid, root) for oid in rows for root in roots)
    )
    modules = Counter(rule.seen.mib.module for group in groups for rule in group.rules)
    plain = re.sub(r"[^a-z0-9]+", "_", (name or vendor or "device").lower()).strip("_")
    exists: tuple[str, ...] = ()
    if not re.fullmatch(r"\d+(\.\d+)+", object_id):
        object_id = ""
        exists = tuple(s.mib.oid for s in objects[:1])
    return Head(
        name=plain if plain[:1].isalpha() else f"d_{plain}",
        kind=_kind(rows, objects),
        vendor=vendor,
        title=f"Draft for sysObjectID {object_id or 'unknown'}",
        source=", ".join(each for each, _ in modules.most_common()),
        sys_object_id=object_id,
        exists=exists,
        include=include,
        identity=dict(_identity(objects)),
    )


def _vendor(object_id: str, library: Library) -> str:
    """Return what the MIBs call the owner of a device's part of the tree."""
    if not below(object_id, ENTERPRISES) or object_id == ENTERPRISES:
        return ""
    number = object_id[len(ENTERPRISES) + 1 :].partition(".")[0]
    return library.called(f"{ENTERPRISES}.{number}")


def _kind(rows: Mapping[str, Value], objects: Sequence[Seen]) -> str:
    """Return what a device is, by its ports and by the words of its objects."""
    types = [v for oid, v in rows.items() if below(oid, "1.3.6.1.2.1.2.2.1.3")]
    if sum(v in (6, 62, 69, 117) for v in types) >= PORTS_MIN:
        return "switch"
    words = Counter(word for seen in objects for word in seen.words)
    scores = {kind: sum(words[w] for w in some) for kind, some in KINDS}
    best = max(scores, key=lambda kind: scores[kind])
    return best if scores[best] else "other"


def _identity(objects: Sequence[Seen]) -> list[tuple[str, Any]]:
    """Return where model, serial and firmware are told, by the last words of names."""
    found = []
    for key, endings in TOLD.items():
        fits = [
            (endings.index(ending), position, seen.mib.oid)
            for position, seen in enumerate(objects)
            for ending in endings
            if " ".join(seen.words).endswith(f" {ending}")
            and any(isinstance(v, bytes) and text(v) for v in seen.values.values())
        ]
        if fits:
            found.append((key, min(fits)[2]))
    return found
