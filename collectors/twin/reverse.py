"""A profile in reverse: what a device must send so that its profile reads what instruments show.

The shipped binding decides which object is which channel, and by which scale; here that is turned
round. So a conversion is written once, in the profile, and a simulated device cannot agree with a
mistake that only its own code makes.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from collectors.binding import lines_of, walked_by
from collectors.line import Line
from collectors.profile import Profile
from collectors.provided import serving
from collectors.quantity import Quantity, conversion
from collectors.resolve import CHANGES
from collectors.rows import Value
from collectors.snmp.ber import Tag
from collectors.twin.objects import Object
from collectors.twin.point import Point
from collectors.twin.states import states_of

GOOD: Final = ("ok", "dry", "closed", "up", "present", "on", "normal")
BROKEN: Final = ("failed", "error", "fault", "alarm", "critical", "off", "lost", "down", "open")
Raws = Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """An object that follows an instrument: raw = (value - zero) / factor."""

    object: Object
    point: int  # of those given
    factor: float = 1.0
    zero: float = 0.0
    light: bool = False  # the instrument says dBm, the object a power
    states: Raws = field(default_factory=dict)  # number of a state -> raw
    moment: bool = False  # the object says when a count changed last, not the count
    signed: int = 0  # bits of an unsigned object that holds a signed number
    absent: int | None = None  # raw: no value, where the device has a word for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """An object that says whether others can be believed."""

    object: Object
    good: int
    bad: int
    over: tuple[int, ...]  # places among the live objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversed:
    """All objects of one device, and the points that its family has no word for."""

    fixed: tuple[Object, ...]
    live: tuple[Live, ...]
    alive: tuple[Alive, ...]
    untold: tuple[str, ...]


def reverse(
    profile: Profile,
    skeleton: Iterable[Object],
    points: Sequence[Point],
    named: Mapping[str, str] | None = None,
) -> Reversed:
    """Return what the objects of a skeleton follow; `named` is the map of a floor file.

    What could show a value and has none to show is left out, as is what says whether it is there.
    """
    objects = {each.oid: each for each in skeleton}
    rows = {oid: as_walked(each) for oid, each in objects.items()}
    lines, _ = lines_of(profile, walked_by(profile, rows))
    channels = {line.channel.name: line for line in lines}
    live: dict[str, Live] = {}
    watched: dict[str, list[int]] = {}
    untold = []
    for place, point in enumerate(points):
        line = _line(point, channels, profile, named or {})
        shown = objects.get(line.channel.source) if line else None
        if line is None or shown is None or not shown.reads:
            untold.append(point.name)
            continue
        watched.setdefault(line.available or "", []).append(len(live))
        live[shown.oid] = _live(shown, place, point, line)
    idle = {line.available for line in lines} - watched.keys()
    meanings = {line.available: line.meaning.available for line in lines if line.available}
    alive = []
    for oid, over in watched.items():
        told = meanings.get(oid)
        if told is not None:
            good = objects[oid].value
            assert isinstance(good, int)
            wanted = [n for n in (told.equals or told.differs or ()) if isinstance(n, int)]
            bad = 1 + max(wanted) if told.equals else wanted[-1]
            alive.append(Alive(object=objects[oid], good=good, bad=bad, over=tuple(over)))
    said = {each.object.oid for each in alive} | live.keys() | idle
    return Reversed(
        fixed=tuple(o for oid, o in objects.items() if oid not in said and not o.reads),
        live=tuple(live.values()),
        alive=tuple(alive),
        untold=tuple(untold),
    )


def as_walked(each: Object) -> Value:
    """Return the value of an object as a walk brings it."""
    return str(each.value).encode() if each.tag == Tag.OCTET_STRING else each.value


def _line(
    point: Point, lines: Mapping[str, Line], profile: Profile, named: Mapping[str, str]
) -> Line | None:
    """Return the channel that serves a point, as the agent would choose it."""
    if point.name in named:
        return lines.get(named[point.name])
    found = (lines.get(name) for name in serving(point.name, profile.provides.get(point.role, {})))
    return next((line for line in found if line is not None), None)


def _live(shown: Object, place: int, point: Point, line: Line) -> Live:
    """Return how an object follows a point."""
    channel = line.channel
    states = states_of(point)
    absent = next((s for s in line.meaning.sentinels if not isinstance(s, str)), None)
    if states and channel.quantity.is_state:
        raws = {number: _raw(name, line) for number, name in states.items()}
        return Live(object=shown, point=place, states=raws, absent=_whole(absent))
    scale, zero = 1.0, 0.0
    if point.quantity is not channel.quantity and not point.quantity.is_state:
        scale, zero = conversion(channel.quantity.symbol, point.quantity)
    word = line.meaning.conversion or ""
    return Live(
        object=shown,
        point=place,
        factor=line.scale * scale,
        zero=line.offset * scale + zero,
        light=line.light,
        moment=word == CHANGES,
        signed=int(word.removeprefix("signed")) if word.startswith("signed") else 0,
        absent=_whole(absent),
    )


def _whole(number: float | str | None) -> int | None:
    """Return a sentinel that an integer can hold."""
    if number is None or isinstance(number, str) or not math.isfinite(number):
        return None
    return round(number)


def _raw(name: str, line: Line) -> int:
    """Return the number by which a device says a state: the same word, or one that is as good."""
    states = line.meaning.states or {}
    words = {text: raw for raw, text in reversed(states.items())}
    good = [raw for raw, text in states.items() if text in line.channel.good_states]
    if line.channel.quantity is Quantity.LEAK:
        good = []
    if name in words:
        return words[name]
    if name in GOOD and good:
        return good[0]
    bad = [words[text] for text in BROKEN if text in words and words[text] not in good]
    rest = [raw for raw in states if raw not in good]
    return next(iter((*bad, *rest, *states)))
