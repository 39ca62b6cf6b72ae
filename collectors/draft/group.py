"""Objects of a walk put together by their index, and the rules that are drafted of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from collectors.draft.meaning import Seen, Sure
from collectors.draft.words import split
from collectors.mib.library import Arc

COLUMN_CHARACTERS_MAX: Final = 44  # a column's name may have 48; some room to tell two apart


@dataclass(slots=True)
class Rule:
    """One rule as it will be written, and how sure it is."""

    table: str  # the key of its table: the names of its index; "" for a single object
    name: str
    says: dict[str, Any]
    sure: Sure
    why: str
    seen: Seen
    assumed: bool = False  # nothing said the scale: it may be that of its like
    grounded: bool = False  # its like or its row bear out a scale that was assumed


@dataclass(slots=True)
class Group:
    """Objects with one index: a table, or several that go together."""

    key: str
    index: tuple[Arc, ...]
    members: list[Seen] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)  # a name -> its OID, as rules use them
    rules: list[Rule] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # what measures something, but not how much

    def column(self, seen: Seen) -> str:
        """Return the name under which rules may refer to an object of this group."""
        name = "_".join(w for w in seen.words if w)
        name = (name if name[:1].isalpha() else f"c_{name}")[:COLUMN_CHARACTERS_MAX]
        while self.columns.get(name, seen.mib.oid) != seen.mib.oid:
            name += "_"
        self.columns[name] = seen.mib.oid
        return name


def groups(objects: Iterable[Seen]) -> list[Group]:
    """Put objects with one index together; single objects each stand in the first group."""
    found: dict[tuple[str, ...], Group] = {}
    for seen in objects:
        index = seen.mib.index if seen.mib.row else ()
        names = tuple(arc.name for arc in index) or ((seen.mib.table,) if seen.mib.row else ())
        if names not in found:
            arcs = tuple(_fitting(index, seen)) if names else ()
            key = "_".join(split(seen.mib.table)) if names else ""
            found[names] = Group(key, arcs)
        found[names].members.append(seen)
    return list(found.values())


def _fitting(index: Sequence[Arc], seen: Seen) -> Iterator[Arc]:
    """Yield a row's arcs as they are; as one where the device has other rows than the MIB says."""
    plain = all(arc.width > 0 for arc in index)
    wide = sum(arc.width for arc in index)
    if not index or (plain and any(s.count(".") + 1 != wide for s in seen.values)):
        yield Arc("row", -1, {})
    else:
        yield from index
