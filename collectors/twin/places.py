"""From the words that say where a fault is to places in racks."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from collectors.twin.faults import Fault, FaultError

FANS: Final = ("fan_speed", "fan_ok", "psu_temp")  # channels that show a fan or what it cools
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz_"

if TYPE_CHECKING:
    from collectors.twin.racks import Racks


def pick(fault: Fault, word: str, known: Mapping[str, int]) -> int:
    """Return the place that a word names, or the first. Raises: FaultError."""
    told = fault.where.get(word, "")
    if not known:
        raise FaultError(f"{fault.kind}: this rack has no {word} that could do so")
    if not told:
        return next(iter(known.values()))
    if told not in known:
        raise FaultError(f"{fault.kind}: {word}={told} is not there; {few(list(known))}")
    return known[told]


def few(names: list[str]) -> str:
    """Return what there is to choose from, the beginning and the end of a long list."""
    return (
        f"there are {', '.join(names[:8] if len(names) < 12 else [*names[:8], '...', names[-1]])}"
    )


def counted(fault: Fault, word: str, count: int) -> int:
    """Return the place of part number 1 to `count`. Raises: FaultError."""
    digits = re.fullmatch(r"\D*(\d+)", fault.where[word])
    if digits is None or not 1 <= int(digits[1]) <= count:
        raise FaultError(f"{fault.kind}: {word}={fault.where[word]} is not 1 to {count}")
    return int(digits[1]) - 1


def feed(racks: "Racks", fault: Fault) -> int:
    """Return a feed's place: by name of its meter, by letter or by number. Raises: FaultError."""
    count = racks.build.feeds
    known: dict[str, int] = {chr(ord("A") + feed): feed for feed in range(count)}
    known |= {str(feed + 1): feed for feed in range(count)}
    known |= {name: feed for feed, name in enumerate(racks.roles.get("feed_meter", ()))}
    return pick(fault, "feed", known)


def device(racks: "Racks", fault: Fault) -> str:
    """Return a device. Raises: FaultError."""
    return list(racks.devices)[pick(fault, "device", {d: n for n, d in enumerate(racks.devices)})]


def channel(racks: "Racks", fault: Fault) -> int:
    """Return the column of an instrument, "device.channel". Raises: FaultError."""
    return pick(fault, "channel", {f"{d}.{name}": c for (d, name), c in racks.column.items()})


def port(racks: "Racks", fault: Fault, word: str = "port") -> tuple[tuple[str, str], int]:
    """Return a port and its place. Raises: FaultError."""
    ports = racks.plant.network.ports
    devices = {device: n for n, device in enumerate(dict.fromkeys(d for d, _ in ports))}
    device = list(devices)[pick(fault, "device", devices)]
    places = {port: place for (d, port), place in ports.items() if d == device}
    if word == "with" and word not in fault.where:
        places = dict(list(places.items())[1:])
    place = pick(fault, word, places)
    return list(ports)[place], place


def meter_columns(racks: "Racks", number: int) -> dict[str, int]:
    """Return the columns of one feed's meter, by name. Raises: FaultError if it has none."""
    meters = racks.roles.get("feed_meter", ())
    if number >= len(meters):
        raise FaultError("this rack has no meter on that feed")
    return {racks.points[c].name: int(c) for c in racks.devices[meters[number]]}


def leak(racks: "Racks", fault: Fault) -> int:
    """Return where coolant gets out, by what can get wet there. Raises: FaultError."""
    leaks = racks.plant.signals.leaks
    if "device" in fault.where:
        first: dict[str, int] = {}
        for (name, _), place in leaks.items():
            first.setdefault(name, place)
        return pick(fault, "device", first)
    word, role = ("tray", "compute_tray") if "tray" in fault.where else ("zone", "rack")
    devices = racks.roles.get(role, ())
    found = [place for (name, _), place in leaks.items() if name in devices]
    if word == "zone" and len(found) == 1:  # one rope for all zones
        return found[0]
    return pick(fault, word, {str(number): place for number, place in enumerate(found, 1)})


def fan(racks: "Racks", fault: Fault) -> list[int]:
    """Return the columns that show a fan, and what it cools. Raises: FaultError."""
    fans: dict[str, dict[str, list[int]]] = {}  # device -> number -> columns
    for column, point in enumerate(racks.points):
        if point.name.startswith(FANS) and point.part:
            number = point.part.lstrip(LETTERS)
            fans.setdefault(point.device, {}).setdefault(number, []).append(column)
    names = list(fans)
    name = names[pick(fault, "device", {name: number for number, name in enumerate(names)})]
    numbers = list(fans[name])
    found = pick(fault, "fan", {number: place for place, number in enumerate(numbers)})
    return fans[name][numbers[found]]
