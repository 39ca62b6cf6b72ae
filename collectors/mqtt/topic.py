"""Topics: which filter fits which topic, and filters written with names to be filled in.

>>> fits("site/bay12/+/telemetry", "site/bay12/cdu/telemetry")
True
>>> fill("site/{bay}/+/telemetry", {"bay": "bay12"})
'site/bay12/+/telemetry'
"""

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Final, Generic, TypeVar

TOPIC_BYTES_MAX: Final = 1024  # the longest real one met has 120; MQTT itself allows 65,535
ROUTES_MAX: Final = 50_000  # topics whose receivers are remembered: 1,000 devices of 50 points
NAME: Final = re.compile(r"\{([^{}]*)\}")

Item = TypeVar("Item", bound=Hashable)


class TopicError(ValueError):
    """A filter that no broker would take; the message says which, and what is wrong."""


def fits(pattern: str, topic: str) -> bool:
    """Say whether a topic matches a filter (MQTT 3.1.1 §4.7).

    >>> fits("a/#", "a"), fits("+/b", "$SYS/b")
    (True, False)
    """
    if topic.startswith("$") and pattern[:1] in ("+", "#"):
        return False
    levels = topic.split("/")
    wanted = pattern.split("/")
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position == len(levels) or level not in ("+", levels[position]):
            return position == len(levels) and wanted[position:] == ["#"]
    return len(wanted) == len(levels)


def names_in(template: str) -> frozenset[str]:
    """Return the names that stand in braces."""
    return frozenset(NAME.findall(template))


def fill(template: str, names: Mapping[str, str]) -> str:
    """Return the filter that a template becomes. Raises: TopicError."""
    if missing := sorted(names_in(template) - names.keys()):
        raise TopicError(f"{template!r}: {{{missing[0]}}} is not known; give it in `match`")
    return checked(NAME.sub(lambda found: names[found[1]], template))


def names_of(template: str, topic: str) -> dict[str, str] | None:
    """Return what the names of a template stand for in a topic; None where it is no such topic.

    >>> names_of("site/{bay}/cdu", "site/b7/cdu"), names_of("site/{bay}/cdu", "site/b7/x/cdu")
    ({'bay': 'b7'}, None)
    """
    parts = re.split(r"(\{[^{}]*\}|\+)", template)
    seen: set[str] = set()
    pattern = ""
    for part in parts:
        name = part[1:-1]
        if part == "+":
            pattern += "[^/]*"
        elif not part.startswith("{"):
            pattern += re.escape(part)
        else:
            pattern += f"(?P={name})" if name in seen else f"(?P<{name}>[^/+#]+)"
            seen.add(name)
    found = re.fullmatch(pattern, topic)
    return found.groupdict() if found else None


def checked(pattern: str) -> str:
    """Return a filter that a broker will take (MQTT 3.1.1 §4.7.1, §4.7.3). Raises: TopicError."""
    *before, last = pattern.split("/")
    wrong = (
        "is empty"
        if not pattern
        else "has a # that is not its last level"
        if any("#" in level for level in before) or ("#" in last and last != "#")
        else "has a + beside other text of its level"
        if any("+" in level and level != "+" for level in (*before, last))
        else "holds a NUL"
        if "\0" in pattern
        else f"is longer than {TOPIC_BYTES_MAX} bytes"
        if len(pattern.encode()) > TOPIC_BYTES_MAX
        else ""
    )
    if wrong:
        raise TopicError(f"topic {pattern!r} {wrong}")
    return pattern


class _Node(Generic[Item]):
    """One level of the filters that begin alike."""

    __slots__ = ("below", "items")

    def __init__(self) -> None:
        self.below: dict[str, _Node[Item]] = {}
        self.items: list[Item] = []

    def at(self, pattern: str) -> "_Node[Item]":
        """Return the node of a filter, made if need be."""
        node = self
        for level in pattern.split("/"):
            node = node.below.setdefault(level, _Node())
        return node

    def find(self, levels: Sequence[str]) -> Iterator[Item]:
        """Yield what stands at every filter that fits the levels of a topic."""
        if rest := self.below.get("#"):
            yield from rest.items
        if not levels:
            yield from self.items
            return
        for level in (levels[0], "+"):
            if node := self.below.get(level):
                yield from node.find(levels[1:])


class Router(Generic[Item]):
    """Who wants which topic. A topic once found is found again in one step."""

    def __init__(self) -> None:
        self._wanted: dict[Item, set[str]] = {}
        self._root: _Node[Item] = _Node()
        self._found: dict[str, tuple[Item, ...]] = {}

    @property
    def filters(self) -> frozenset[str]:
        """Return every filter that somebody wants."""
        return frozenset().union(*self._wanted.values())

    def add(self, pattern: str, item: Item) -> None:
        """Send what fits `pattern` to `item`."""
        self._wanted.setdefault(item, set()).add(pattern)
        self._root.at(pattern).items.append(item)
        self._found.clear()

    def remove(self, item: Item) -> None:
        """Send nothing to `item` any more."""
        for pattern in self._wanted.pop(item, ()):
            node = self._root.at(pattern)
            node.items = [each for each in node.items if each != item]
        self._found.clear()

    def find(self, topic: str) -> tuple[Item, ...]:
        """Return who wants `topic`, each once. Cost: 0.1 µs, and 4 µs the first time."""
        found = self._found.get(topic)
        if found is None:
            levels = topic.split("/")
            hidden = topic.startswith("$")  # wildcards do not reach there (MQTT 3.1.1 §4.7.2)
            top = self._root.below.get(levels[0]) if hidden else None
            wanting = (top.find(levels[1:]) if top else ()) if hidden else self._root.find(levels)
            found = tuple(dict.fromkeys(wanting))
            if len(self._found) >= ROUTES_MAX:
                self._found.clear()
            self._found[topic] = found
        return found

    def find_anew(self) -> None:
        """Forget which topics were found, and which were dropped."""
        self._found.clear()

    def drop(self, topic: str, item: Item) -> None:
        """Send `topic` to `item` no more, though a filter of its fits, until all is found anew."""
        self._found[topic] = tuple(each for each in self._found[topic] if each is not item)
