"""What a walk brought, arranged for lookup by column: the ground that rules are bound to."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

Value = int | float | bytes | str | None  # as SNMP brings it: text as bytes, an OID as str
NUMBER: Final = re.compile(rb"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*\Z")
NUMBER_OCTETS_MAX: Final = 64  # longer text is no number, and would cost its length squared
TEXT_OCTETS_MAX: Final = 1024  # a DisplayString has 255 (RFC 2579); patterns are searched in it


def number(value: Value) -> float:
    """Return a value as a number: itself, or a text that is one whole decimal number; else NaN."""
    if isinstance(value, bytes):
        short = len(value) <= NUMBER_OCTETS_MAX
        return float(value) if short and NUMBER.match(value) else math.nan
    return math.nan if value is None or isinstance(value, str) else float(value)


def text(value: Value) -> str:
    """Return a value as a person would read it, cut to what one would read.

    Bytes that are no UTF-8 become U+FFFD.
    """
    if isinstance(value, bytes):
        return value[:TEXT_OCTETS_MAX].decode(errors="replace").strip("\0 \t\r\n")
    return "" if value is None else str(value)


class Rows:
    """A walk's rows, with the instances of the columns that rules name found once."""

    def __init__(self, rows: Mapping[str, Value], columns: Iterable[str]) -> None:
        self.rows = rows
        self.instances: dict[str, list[str]] = {column: [] for column in columns}
        lengths = sorted({column.count(".") for column in self.instances})
        for oid in rows:
            dots = [at for at, letter in enumerate(oid) if letter == "."]
            for length in lengths:
                if length >= len(dots):
                    break
                found = self.instances.get(oid[: dots[length]])
                if found is not None:
                    found.append(oid[dots[length] + 1 :])

    def below(self, column: str) -> Iterator[tuple[str, Value]]:
        """Yield the objects of a column that no rule may have named."""
        return ((oid, said) for oid, said in self.rows.items() if oid.startswith(f"{column}."))

    def first(self, oid: str, foremost: Iterable[str] = ()) -> str:
        """Return the text of an object, or the first below it that is not empty.

        `foremost`: rows that are asked before the others.
        """
        if said := text(self.rows.get(oid)):
            return said
        there = self.instances.get(oid, [])
        suffixes = [*(end for end in foremost if end in there), *there]
        return next((s for end in suffixes if (s := text(self.rows[f"{oid}.{end}"]))), "")
