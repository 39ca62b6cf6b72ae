"""What drafted channels are called: the thing, which one of it, and what of it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from collectors.draft.group import Group
from collectors.draft.meaning import Seen
from collectors.draft.words import split
from collectors.mib.library import MibObject
from collectors.rows import text

LABEL_WORDS: Final = ("name", "label", "text", "description", "descr", "desc", "id", "location")
EMPTY: Final = frozenset(("table", "entry", "status", "list", "values"))  # say nothing of a thing


def arc_name(name: str) -> str:
    """Return an arc's name as a profile writes it."""
    word = "_".join(split(name))
    return word if word[:1].isalpha() else f"i_{word}"


def shared_words(objects: Iterable[MibObject]) -> dict[str, int]:
    """Return with how many words all names of a row begin; of single objects, all of a module."""
    names: dict[str, list[list[str]]] = defaultdict(list)
    tables: dict[str, list[str]] = {}
    for mib in objects:
        names[mib.row or mib.module].append(split(mib.name))
        if mib.row:
            tables[mib.row] = split(mib.table)
    alone = {row: [*some, tables[row]] if len(some) < 2 and row in tables else some
             for row, some in names.items()}  # fmt: skip
    return {row: len(common(some)) for row, some in alone.items()}


def common(names: Sequence[Sequence[str]]) -> list[str]:
    """Return the words with which all of some names begin; of one name, none."""
    if len(names) < 2:
        return []
    first, last = min(map(list, names)), max(map(list, names))
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return first[:length]


def name_of(group: Group, seen: Seen, last: str = "", without: str = "") -> str:
    """Return the template of a channel's name: the thing, which one, and what of it."""
    before = list(seen.words[: len(seen.words) - len(seen.own)])
    if not group.index:
        thing, rest = list(seen.own[:-1]), seen.own[-1:]
        return "/".join(filter(None, ["_".join(thing), "_".join(rest)]))
    thing = [w for w in before[1:] or before if w not in EMPTY]
    while thing and thing[0].isdecimal():
        del thing[0]
    which = _which(group, seen, without)
    return "/".join(filter(None, ["_".join(thing) or "row", which, last or "_".join(seen.own)]))


def _which(group: Group, seen: Seen, without: str) -> str:
    """Return what tells the rows of a table apart in a name: a label, else the index."""
    arcs = [arc_name(arc.name) for arc in group.index if arc_name(arc.name) != without]
    plain = "-".join(f"{{{arc}}}" for arc in arcs) or "{index}"
    label = _label(group, seen)
    return f"{{{group.column(label)}|index}}" if label else plain


def _label(group: Group, seen: Seen) -> Seen | None:
    """Return the column that names the rows, where each name stands once."""
    fits = []
    for other in group.members:
        last = next((w for w in reversed(other.words) if not w.isdecimal()), "")
        if last not in LABEL_WORDS or other.enumerated:
            continue
        labels = [text(other.values.get(s)) for s in seen.values]
        if not all(isinstance(v, bytes) for v in other.values.values()) or not all(labels):
            continue
        if len(set(labels)) == len(labels):
            fits.append((LABEL_WORDS.index(last), other.mib.row != seen.mib.row, other))
    return min(fits, key=lambda each: each[:2], default=(0, 0, None))[2]
