"""What can be broken in a simulated rack: the kinds, and one of them at one place and time.

A fault is written as its kind and words, in any order, or as the same keys of a file:

>>> fault = Fault.parse("leak zone=2 size=0.6 at=20min for=10min")
>>> fault.size, fault.onset_s, fault.lasts_s, dict(fault.where)
(0.6, 1200.0, 600.0, {'zone': '2'})
>>> Fault.parse("leak big")
Traceback (most recent call last):
collectors.twin.faults.FaultError: leak: want key=value, not 'big'
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Self

FOR_EVER: Final = math.inf
_NUMBER: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SECONDS: Final = {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_COMMON: Final = ("at", "for", "name", "size")


class FaultError(ValueError):
    """A fault that cannot be; the message names the word that is wrong and what is possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of fault. `where`: the words that say where, with what they are by themselves.

    An empty default means the first place there is; `others` are further words, for other places.
    """

    story: str
    verdict: str  # what a judge must say of it
    size: float = 1.0
    unit: str = ""  # of the size; "" where there is none to choose
    range: tuple[float, float] = (-math.inf, math.inf)
    where: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()


CHANNEL: Final = MappingProxyType({"channel": "rack.return_temp"})
PORT: Final = MappingProxyType({"device": "", "port": ""})
DEVICE: Final = MappingProxyType({"device": ""})
FAIL, INCONCLUSIVE, PASS = "FAIL", "INCONCLUSIVE", "PASS"
SOME: Final = (1e-9, math.inf)
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "leak": Kind(
            story="coolant gets out, faster under pressure; a rope or a tray gets wet",
            verdict=FAIL,
            size=0.6,
            unit="L/min",
            range=SOME,
            where={"zone": "2"},
            others=("tray", "device"),
        ),
        "pump_failure": Kind(story="a pump stops by itself", verdict=FAIL, where={"pump": "1"}),
        "filter_clog": Kind(
            story="the strainer clogs", verdict=FAIL, size=8.0, unit="x", range=SOME
        ),
        "plates_clog": Kind(story="cold plates clog", verdict=FAIL, size=1.5, unit="x", range=SOME),
        "stuck_valve": Kind(
            story="the primary valve stands still",
            verdict=FAIL,
            size=60.0,
            unit="%",
            range=(0.0, 100.0),
        ),
        "phase_loss": Kind(
            story="a phase of a feed is gone",
            verdict=FAIL,
            where={"feed": "A", "phase": "2"},
        ),
        "overload": Kind(
            story="the rack draws more than its load",
            verdict=FAIL,
            size=25.0,
            unit="%",
            range=(-100.0, 200.0),
        ),
        "psu_failure": Kind(
            story="a supply of a shelf fails", verdict=FAIL, where={"shelf": "3", "psu": "2"}
        ),
        "sensor_offset": Kind(
            story="an instrument shows more than there is",
            verdict=FAIL,
            size=1.5,
            unit="of its unit",
            where=CHANNEL,
        ),
        "sensor_drift": Kind(
            story="an instrument shows more and more",
            verdict=FAIL,
            size=-0.2,
            unit="of its unit an hour",
            where=CHANNEL,
        ),
        "sensor_stuck": Kind(
            story="a value is frozen, while its time stamps go on",
            verdict=INCONCLUSIVE,
            where=CHANNEL,
        ),
        "sensor_stale": Kind(
            story="a value is frozen together with its time stamp",
            verdict=INCONCLUSIVE,
            where=CHANNEL,
        ),
        "sensor_noise": Kind(
            story="an instrument is noisy",
            verdict=f"{INCONCLUSIVE} or {FAIL}",
            size=10.0,
            unit="x",
            range=(0.0, math.inf),
            where=CHANNEL,
        ),
        "fan_failure": Kind(
            story="a fan stands, and what it cools gets warm",
            verdict=FAIL,
            where={"device": "", "fan": "1"},
        ),
        "link_flap": Kind(
            story="a link goes down and up",
            verdict=FAIL,
            size=4.0,
            unit="a minute",
            range=(1e-3, 60.0),
            where=PORT,
        ),
        "fec_decay": Kind(
            story="a link gets ever more bit errors, until FEC cannot mend them",
            verdict=FAIL,
            size=1.0,
            unit="decades in 5 min",
            range=SOME,
            where=PORT,
        ),
        "miscabling": Kind(
            story="two cables are in each other's port", verdict=FAIL, where=PORT, others=("with",)
        ),
        "feed_swap": Kind(story="the cords of the feeds are in each other's place", verdict=FAIL),
        "drop_out": Kind(story="a device does not answer", verdict=INCONCLUSIVE, where=DEVICE),
        "late": Kind(
            story="a device's answers come late",
            verdict=PASS,
            size=9.0,
            unit="s",
            range=(0.0, math.inf),
            where=DEVICE,
        ),
        "duplicate": Kind(story="a device's answers come twice", verdict=PASS, where=DEVICE),
        "reorder": Kind(
            story="every other answer of a device comes after the next one",
            verdict=PASS,
            size=7.0,
            unit="s",
            range=(0.0, math.inf),
            where=DEVICE,
        ),
        "reboot": Kind(
            story="a device's agent starts anew, and its counters with it",
            verdict=PASS,
            where=DEVICE,
        ),
        "clock_step": Kind(
            story="the clock of a device jumps",
            verdict=PASS,
            size=3600.0,
            unit="s",
            where=DEVICE,
        ),
        "scale": Kind(
            story="after new firmware an instrument shows ten times as much, or a tenth",
            verdict=FAIL,
            size=10.0,
            unit="x",
            where={"channel": "feedA.power"},
        ),
        "fahrenheit": Kind(
            story="after new firmware an instrument shows degF for degC",
            verdict=FAIL,
            where=CHANNEL,
        ),
        "swapped_probes": Kind(
            story="the probes of supply and return are in each other's place",
            verdict=FAIL,
            where={"device": "rack"},
        ),
        "phase_order": Kind(
            story="a meter compares the currents of two phases with each other's voltage",
            verdict=FAIL,
            where={"feed": "A", "phases": "1,2"},
        ),
        "dead_ct": Kind(
            story="a current transformer of a meter is dead",
            verdict=FAIL,
            where={"feed": "A", "phase": "1"},
        ),
        "wrong_coolant": Kind(
            story="the loop holds undiluted PG50: less heat a litre, and thicker", verdict=FAIL
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong. Its `where` and `size` are those of its kind unless told."""

    kind: str
    name: str = ""  # to mend it by; its kind if not told
    size: float = math.nan
    where: Mapping[str, str] = field(default_factory=dict)
    onset_s: float = 0.0  # in the seconds of the racks
    lasts_s: float = FOR_EVER

    def __post_init__(self) -> None:
        """Fill in what its kind says, and refuse what cannot be. Raises: FaultError."""
        kind = KINDS.get(self.kind)
        if kind is None:
            raise FaultError(f"{self.kind!r} is no kind of fault; write {', '.join(KINDS)}")
        if unknown := set(self.where) - {*kind.where, *kind.others}:
            known = ", ".join(sorted({*_COMMON, *kind.where, *kind.others}))
            raise FaultError(f"{self.kind}: {min(unknown)!r} is no key of it; it has {known}")
        elsewhere = any(word in self.where for word in kind.others if word != "with")
        where = dict({} if elsewhere else kind.where) | dict(self.where)
        size = kind.size if math.isnan(self.size) else float(self.size)
        low, high = kind.range
        if not low <= size <= high:
            raise FaultError(f"{self.kind}: size {size:g} is not in {low:g} to {high:g}")
        if self.onset_s < 0 or not self.lasts_s > 0:
            raise FaultError(f"{self.kind}: begins at 0 s or later, and lasts more than 0 s")
        for name, value in (("where", where), ("size", size), ("name", self.name or self.kind)):
            object.__setattr__(self, name, value)

    @property
    def ends_s(self) -> float:
        """Return when it is over by itself."""
        return self.onset_s + self.lasts_s

    def after(self, seconds: float) -> "Fault":
        """Return the same so much later: a fault counts from where its racks stand."""
        return replace(self, onset_s=self.onset_s + seconds)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one as a person writes it: its kind, then key=value. Raises: FaultError."""
        kind, *words = text.split() or [""]
        found: dict[str, object] = {"kind": kind}
        for word in words:
            key, equals, value = word.partition("=")
            if not equals or not value:
                raise FaultError(f"{kind}: want key=value, not {word!r}")
            if key in found:
                raise FaultError(f"{kind}: {key!r} is told twice")
            found[key] = value
        return cls.of(found)

    @classmethod
    def of(cls, keys: Mapping[str, object]) -> Self:
        """Read one from keys of a file: kind, at, for, size, name, where. Raises: FaultError."""
        left = dict(keys)
        kind = str(left.pop("kind", ""))
        at, lasts = left.pop("at", 0.0), left.pop("for", FOR_EVER)
        size, name = left.pop("size", math.nan), str(left.pop("name", ""))
        if kind == "leak" and "k" in left:  # L/min at the root of 1 kPa
            size = _number(kind, "k", left.pop("k"), "") * math.sqrt(250.0)
        unit = KINDS[kind].unit if kind in KINDS else ""
        return cls(
            kind=kind,
            name=name,
            size=_number(kind, "size", size, unit),
            where={key: str(value) for key, value in left.items()},
            onset_s=_seconds(kind, "at", at),
            lasts_s=_seconds(kind, "for", lasts),
        )


def _number(kind: str, key: str, value: object, unit: str) -> float:
    """Return a number, which may carry its unit. Raises: FaultError."""
    match = re.fullmatch(rf"({_NUMBER}|nan)\s*{re.escape(unit)}|({_NUMBER}|nan)", str(value))
    if match is None:
        told = f" ({unit})" if unit else ""
        raise FaultError(f"{kind}: {key}={value} is no number{told}")
    return float(match[1] or match[2])


def _seconds(kind: str, key: str, value: object) -> float:
    """Return a time in seconds. Raises: FaultError."""
    if value == FOR_EVER:
        return FOR_EVER
    match = re.fullmatch(rf"({_NUMBER})\s*([a-z]*)", str(value))
    if match is None or match[2] not in _SECONDS:
        raise FaultError(f"{kind}: {key}={value} is no time; write 90s, 20min, 2h")
    return float(match[1]) * _SECONDS[match[2]]
