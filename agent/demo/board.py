"""The live table: what is judged, what it reads, what it may be, and how it stands.

Pure: a snapshot and a size in, lines of text out. Status is told by a word and a mark, so that it
reads the same without colour, in a log, and by ear.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from agent.demo.snapshot import FAIL, INSIDE, TRIP, UNKNOWN, WARN, Place, Snapshot
from agent.exposition.overview import weight
from collectors.quantity import Quantity

SHOWN_FIRST: Final[Sequence[Place]] = (  # what tells a newcomer most, while all is well
    ("derived", "rack_power"),
    ("feedA", "power"),
    ("feedB", "power"),
    ("feedA", "line_current[phase1]"),
    ("rack", "supply_temp"),
    ("rack", "return_temp"),
    ("rack", "flow"),
    ("rack", "leak"),
    ("cdu", "pump_speed[pump1]"),
    ("cdu", "filter_dp"),
    ("rear_door", "heat"),
    ("room", "humidity"),
    ("derived", "energy_residual"),
    ("derived", "dew_margin"),
)
MARKS: Final = {UNKNOWN: "?", INSIDE: " ", WARN: "!", FAIL: "X", TRIP: "X"}
WORDS: Final = {UNKNOWN: "unknown", INSIDE: "inside", WARN: "warn", FAIL: "FAIL", TRIP: "TRIP"}
LINE: Final = "{mark} {device:<12} {channel:<23} {value:>10} {unit:<6} {limit:<14} {status}"


class Scale(NamedTuple):
    """How people write a quantity: times what, in which unit, with how many decimals."""

    factor: float
    unit: str
    digits: int


SCALES: Final = {  # where that is not the canonical unit with one decimal
    Quantity.POWER: Scale(1e-3, "kW", 2),
    Quantity.APPARENT_POWER: Scale(1e-3, "kVA", 2),
    Quantity.POWER_FACTOR: Scale(1.0, "", 2),
    Quantity.SPEED: Scale(1.0, "rpm", 0),
    Quantity.TEMPERATURE_DELTA: Scale(1.0, "K", 2),
}


class Rule(NamedTuple):
    """The limits of one channel, in words for the table; empty where there is none."""

    warn: str = ""
    fail: str = ""
    trip: str = ""

    def broken(self, status: int) -> str:
        """Return the limit that a status speaks of; of one that is inside, the one that judges."""
        words = {WARN: self.warn, TRIP: self.trip}.get(status, self.fail)
        return words or self.fail or self.warn or self.trip


def scale_of(quantity: Quantity) -> Scale:
    """Return how people write a quantity."""
    return SCALES.get(quantity, Scale(1.0, quantity.symbol, 1))


def board(
    snapshot: Snapshot, rules: Mapping[Place, Rule], *, rows: int, raised: str = ""
) -> list[str]:
    """Return the table: a summary, a header, and `rows` channels, the worst first."""
    listed = ranked(snapshot)
    lines = [summary(snapshot), ""]
    titles = {"mark": " ", "device": "DEVICE", "channel": "CHANNEL", "value": "VALUE"}
    lines.append(LINE.format(**titles, unit="UNIT", limit="LIMIT", status="STATUS"))
    lines += [_row(place, snapshot, rules) for place in listed[:rows]]
    if len(listed) > rows:
        lines.append(f"  and {len(listed) - rows} more, all at /metrics")
    if raised:
        lines += ["", raised]
    return lines


def summary(snapshot: Snapshot) -> str:
    """Return one line about the whole bay."""
    words = [f"{len(snapshot.status)} channels judged"]
    words += [
        f"{number} {WORDS[status]}"
        for status in sorted(WORDS, key=weight, reverse=True)
        if (number := snapshot.count(status)) or status == INSIDE
    ]
    down = [device for device, up in snapshot.up.items() if not up]
    if down:
        words.append("no answer from " + ", ".join(down))
    return "  ".join(words)


def ranked(snapshot: Snapshot) -> list[Place]:
    """Return all judged channels: what needs a look, then what tells most, then the rest."""
    first: dict[Place, int] = {place: position for position, place in enumerate(SHOWN_FIRST)}
    return sorted(
        snapshot.status,
        key=lambda place: (
            -weight(snapshot.status[place]),
            not snapshot.is_held(place),
            first.get(place, len(first)),
        ),
    )


def changes(before: Snapshot, after: Snapshot, rules: Mapping[Place, Rule]) -> Iterator[str]:
    """Yield a line for each channel whose status is not what it was, for terminals that scroll."""
    for place in ranked(after):
        old, new = before.status.get(place, UNKNOWN), after.status[place]
        if old != new:
            value, unit = _value(place, after)
            limit = rules.get(place, Rule()).broken(new)
            name = f"{place[0]} {place[1]}"
            yield (
                f"{MARKS[new]} {name:<34} {WORDS[old]} -> {WORDS[new]}"
                f"  ({f'{value} {unit}'.rstrip()}; limit {limit})"
            )


def _value(place: Place, snapshot: Snapshot) -> tuple[str, str]:
    """Return what a channel reads now, in words."""
    if state := snapshot.states.get(place):
        return state, ""
    if reading := snapshot.readings.get(place):
        scale = scale_of(reading.quantity)
        return f"{reading.value * scale.factor:.{scale.digits}f}", scale.unit
    return (
        "no value" if snapshot.status[place] == UNKNOWN else "-"
    ), ""  # "-": of no exported unit


def _row(place: Place, snapshot: Snapshot, rules: Mapping[Place, Rule]) -> str:
    """Return one line of the table."""
    status = snapshot.status[place]
    value, unit = _value(place, snapshot)
    limit = rules.get(place, Rule()).broken(status)
    return LINE.format(
        mark=MARKS[status],
        device=place[0][:12],
        channel=place[1][:23],
        value=value[:10],
        unit=unit,
        limit=limit[:14],
        status="hold" if snapshot.is_held(place) else WORDS[status],
    )
