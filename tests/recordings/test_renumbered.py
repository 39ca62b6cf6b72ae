"""A new firmware numbers its rows anew: channels keep their names, and each keeps its own value."""

import functools
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from collectors.binding import bind
from collectors.profile import load_profiles
from collectors.readings import Identity
from collectors.recording import identified, read
from collectors.rows import Value

PORTS: Final = ("1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1")
PARTS: Final = (  # entities, their sensors, and what makers add to the same rows
    "1.3.6.1.2.1.47.1.1.1.1",
    "1.3.6.1.2.1.99.1.1.1",
    "1.3.6.1.4.1.30065.3.12.1.1.1",
    "1.3.6.1.4.1.9.9.91.1.1.1.1",
    "1.3.6.1.4.1.9.9.117.1.1.2.1",
)
NAMING: Final = {
    "1.3.6.1.2.1.2.2.1.1",
    "1.3.6.1.2.1.47.1.1.1.1.4",
}  # values that are numbers of rows
LABELLED: Final = 0.9  # of the channels of a switch, at least
Row = tuple[str, str, str]  # column, first arc of the index, the rest of it


def placed(oid: str, tables: tuple[str, ...]) -> Row | None:
    """Return where an object stands, if it is in one of these tables."""
    for table in tables:
        if oid.startswith(f"{table}."):
            column, _, index = oid[len(table) + 1 :].partition(".")
            first, _, rest = index.partition(".")
            return (f"{table}.{column}", first, rest) if first else None
    return None


def renumbered(
    rows: Mapping[str, Value], tables: tuple[str, ...], number: Callable[[int], int]
) -> dict[str, Value]:
    """Return a walk of the same device with other numbers, in the order that a walk has."""
    found: dict[str, Value] = {}
    for oid, said in rows.items():
        row, value = placed(oid, tables), said
        if row is not None:
            column, first, rest = row
            oid = ".".join(filter(None, (column, str(number(int(first))), rest)))  # noqa: PLW2901 -- its new name
            value = number(said) if column in NAMING and isinstance(said, int) else said
        found[oid] = value
    return dict(sorted(found.items(), key=lambda each: [*map(int, each[0].split("."))]))


def shuffle(rows: Mapping[str, Value], tables: tuple[str, ...], seed: int) -> Callable[[int], int]:
    """Return other numbers for all rows of some tables: each gets one that another had."""
    numbers = sorted({int(row[1]) for oid in rows if (row := placed(oid, tables))})
    mixed = random.Random(seed).sample(numbers, len(numbers))
    return lambda number: dict(zip(numbers, mixed, strict=True)).get(number, number)


def labelled(name: str, source: str) -> bool:
    """Say whether a channel's name is made of labels, and not of its row's number."""
    number = source.rpartition(".")[2]
    return not name.endswith(f"-{number}") and number not in name.split("/")


profiles = functools.cache(load_profiles)
Shown = tuple[Identity, Mapping[str, Value]]


@functools.cache
def shown(path: Path, tables: tuple[str, ...], seed: int | None) -> Shown:
    """Return who a recording is of, and what each channel says that labels name, by its name."""
    rows: Mapping[str, Value] = read(path)
    profile = identified(rows, profiles())
    if seed is not None:
        rows = renumbered(rows, tables, functools.cache(shuffle(rows, tables, seed)))
    layout = bind(profile, rows)
    channels = layout.channels
    named = {c.name: rows.get(c.source) for c in channels if labelled(c.name, c.source)}
    assert len(named) > LABELLED * len(channels)
    return layout.identity, named


@pytest.mark.parametrize("tables", [PORTS, PARTS], ids=["ports", "parts"])
@pytest.mark.parametrize(
    "name",
    ["arista_eos", "arubaos-cx_8360", "cumulus_edgecore-as4610-54p", "dell-os10", "dell-sonic"],
)
def test_channels_follow_their_labels_not_their_rows(
    shared: Path, name: str, tables: tuple[str, ...]
) -> None:
    """Bind again after every row has another's number."""
    path = shared / "recordings" / "switch" / f"{name}.snmprec"
    (device, before), (same, after) = shown(path, tables, None), shown(path, tables, 7)
    assert {channel: after.get(channel) for channel in before} == before
    assert device == same
