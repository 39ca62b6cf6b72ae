"""Recordings: a real device's answers in a file, and what another product read from them.

A `.snmprec` file has one object a line, `OID|type|value`, with the ASN.1 tag in decimal as type
and `x` behind it where the value is in hexadecimal. Beside it, `NAME.expected.json` may list what
another product read: `compare` holds a profile's readings against it, as a second opinion.
"""

import json
import math
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from collectors.beside import DARK, LIGHT_STATES
from collectors.binding import bind
from collectors.document import parse
from collectors.fingerprint import candidates, identify, questions
from collectors.layout import Layout
from collectors.profile import SYS_DESCR, SYS_OBJECT_ID, Profile
from collectors.quantity import Quantity, UnitError, convert
from collectors.readings import Channel, Quality
from collectors.rows import Value, number, text
from collectors.rule import below

UNITS: Final = {  # the unit of each class of reading in an expected file; power is any of three
    "airflow": ["cfm"],
    "charge": ["%"],
    "cooling": ["W"],
    "count": ["", "%"],  # a class of numbers without a unit, shares in percent among them
    "current": ["A"],
    "dbm": ["dBm"],
    "eer": [""],
    "fanspeed": ["rpm", "%"],  # of full speed, where the device says so
    "frequency": ["Hz"],
    "humidity": ["%RH"],
    "load": ["%"],
    "percent": ["%"],
    "power": ["W", "VA", "var"],
    "power_consumed": ["kWh"],
    "power_factor": ["1", "%"],
    "pressure": ["kPa"],
    "runtime": ["min"],
    "temperature": ["degC", "K"],  # the latter of differences
    "voltage": ["V"],
    "waterflow": ["L/min"],
}
LASER: Final = "bias"  # of a laser: told in mA by some, in A by others, under one class
LASER_A_MAX: Final = 0.5  # no laser of a module takes more, so neither unit can be mistaken for A
TOLERANCE: Final = 0.01  # the other product rounds; a wrong factor is off by far more
SETTLED: Final = 1e-9  # below this, in canonical units, two values are both zero


@dataclass(frozen=True, slots=True)
class Difference:
    """One reading that is not as the other product has it."""

    what: str  # "values" or "states"
    oid: str
    label: str
    expected: str
    found: str

    def __str__(self) -> str:
        """Return one line for a person."""
        return f"{self.oid} {self.label!r}: expected {self.expected}, found {self.found}"


class Reviewed(BaseModel):
    """Differences that were looked into: here the other product is wrong, or says less."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    oids: list[str]  # an OID or what it begins with; `*` stands for one number
    reason: str
    missing: bool = False  # what the other product reads is right, and we do not read it

    def covers(self, oid: str) -> bool:
        """Say whether an OID is one of these or below."""
        return any(
            re.match(re.escape(each).replace(r"\*", r"\d+") + r"(\.|$)", oid) for each in self.oids
        )


class ReviewedFile(BaseModel):
    """The list of reviewed differences, by the name of the recording."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    recordings: dict[str, list[Reviewed]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How a profile's readings of a recording stand against an expected file."""

    recording: str
    profile: str
    values_total: int
    values_equal: int
    states_total: int
    states_equal: int
    differences: tuple[Difference, ...]

    def unexplained(self, reviewed: Iterable[Reviewed]) -> list[Difference]:
        """Return the differences that no reviewed entry covers."""
        known = tuple(reviewed)
        return [d for d in self.differences if not any(each.covers(d.oid) for each in known)]

    def mistaken(self, what: str, reviewed: Iterable[Reviewed]) -> int:
        """Return how many values or states the other product was found to have wrong."""
        wrong = [each for each in reviewed if not each.missing]
        found = (d for d in self.differences if d.what == what)
        return sum(any(each.covers(d.oid) for each in wrong) for d in found)


def read_reviewed(path: Path) -> dict[str, list[Reviewed]]:
    """Return the reviewed differences of each recording. Raises: DocumentError."""
    return parse(path.read_bytes(), str(path)).validate(ReviewedFile).recordings


def read(path: Path) -> dict[str, Value]:
    """Return the objects of a recording in its order. Raises: ValueError naming a broken line."""
    return read_lines(path.read_bytes(), str(path))


def read_lines(data: bytes, file: str) -> dict[str, Value]:
    """Return the objects in the text of a recording. Raises: ValueError naming a broken line."""
    rows: dict[str, Value] = {}
    for line_number, line in enumerate(data.splitlines(), 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        oid, first, rest = line.partition(b"|")
        kind, second, content = rest.partition(b"|")
        try:
            if not (first and second):
                raise ValueError("want OID|type|value")  # noqa: TRY301 -- told with its line below
            rows[oid.decode("ascii").strip().lstrip(".")] = _value(kind.decode("ascii"), content)
        except ValueError as error:
            raise ValueError(f"{file}:{line_number}: {error}") from None
    return rows


def line(oid: str, tag: int, value: Value) -> bytes:
    """Return one object as a line of a recording, in hexadecimal where text could be misread."""
    if isinstance(value, float):  # net-snmp's floating point, inside Opaque
        value = b"\x9f\x79\x08" + struct.pack(">d", value)
    if not isinstance(value, bytes):
        return f"{oid}|{tag}|{'' if value is None else value}".encode()
    if tag == 64:
        return f"{oid}|64|{'.'.join(map(str, value))}".encode()
    plain = value.isascii() and value.decode("ascii").isprintable() and value == value.strip()
    content = value if plain else value.hex().upper().encode()
    return f"{oid}|{tag}{'' if plain else 'x'}|".encode() + content


def _value(kind: str, content: bytes) -> Value:
    """Return the content of one line as SNMP would bring it."""
    octets = bytes.fromhex(content.decode("ascii")) if kind.endswith("x") else content
    tag = int(kind.removesuffix("x"))
    if tag in (2, 65, 66, 67, 70):
        number = int(octets)
        if not -(1 << 63) <= number < 1 << 64:
            raise ValueError("no integer of SNMP has more than 64 bits")
        return number
    if tag == 6:
        return octets.decode("ascii").strip().lstrip(".")
    if tag == 64 and not kind.endswith("x"):
        return bytes(int(part) for part in octets.split(b"."))
    return None if tag in (5, 128, 129, 130) else octets


def answer(
    layout: Layout, rows: Mapping[str, Value]
) -> tuple[NDArray[np.float64], NDArray[np.uint8], dict[int, bytes]]:
    """Return what a poll of a device with these rows would bring. Shapes: float64[V], uint8[V]."""
    said = [rows.get(oid) for oid in layout.objects]
    raw = np.array([number(value) for value in said], np.float64)
    fault = np.where(np.isnan(raw), np.uint8(Quality.MALFORMED), np.uint8(Quality.GOOD))
    fault[[oid not in rows for oid in layout.objects]] = Quality.ABSENT
    return raw, fault, {n: value for n, value in enumerate(said) if isinstance(value, bytes)}


def identified(rows: Mapping[str, Value], profiles: Sequence[Profile]) -> Profile:
    """Return the profile that fits a recording. Raises: AmbiguousError."""
    object_id, descr = text(rows.get(SYS_OBJECT_ID)), text(rows.get(SYS_DESCR))
    asked = questions(candidates(profiles, object_id, descr))
    have = {root for root in asked if any(below(oid, root) for oid in rows)}
    return identify(profiles, object_id, descr, have.__contains__)


def compare(path: Path, profiles: Sequence[Profile], given: Profile | None = None) -> Comparison:
    """Bind a recording to the profile given, or that fits it, and compare with what is expected.

    Raises: OSError without `NAME.expected.json` beside it, AmbiguousError, ValueError.
    """
    rows = read(path)
    expected = json.loads(path.with_suffix(".expected.json").read_bytes())["sensors"]
    profile = given or identified(rows, profiles)
    layout = bind(profile, rows)
    values, quality, raw = layout.convert(*answer(layout, rows))
    places = {c.source: n for n, c in reversed([*enumerate(layout.channels)])}  # not what is beside
    dark = {c.source for n, c in enumerate(layout.channels) if _is_dark(c, values[n])}
    counts = {"values": [0, 0], "states": [0, 0]}
    differences = []
    for sensor in expected:
        oid = str(sensor["sensor_oid"]).lstrip(".")
        what = "states" if sensor["sensor_class"] == "state" else "values"
        count = counts[what]
        count[0] += 1
        n = places.get(oid)
        if oid in dark and _no_light(sensor):
            found = ""
        elif n is None:
            found = "not read" + (f": {layout.unread[oid]}" if oid in layout.unread else "")
        elif quality[n] != Quality.GOOD:
            found = f"{Quality(int(quality[n])).name.lower()} (raw {raw[n]:g})"
        else:
            found = _difference(sensor, layout.channels[n], values[n], raw[n])
        count[1] += not found
        if found:
            wanted = f"{sensor['sensor_current']} {sensor['sensor_class']}"
            differences.append(Difference(what, oid, sensor["sensor_descr"] or "", wanted, found))
    return Comparison(
        recording=path.stem,
        profile=profile.name,
        values_total=counts["values"][0],
        values_equal=counts["values"][1],
        states_total=counts["states"][0],
        states_equal=counts["states"][1],
        differences=tuple(differences),
    )


def _is_dark(channel: Channel, value: float) -> bool:
    """Say whether a channel is the state of light, and there is none."""
    return channel.states is LIGHT_STATES and value == DARK


def _no_light(sensor: Mapping[str, str]) -> bool:
    """Say whether the other product read a power of light of 0 W."""
    return sensor["sensor_class"] == "power" and float(sensor["sensor_current"]) == 0


def _difference(sensor: Mapping[str, str], channel: Channel, value: float, raw: float) -> str:
    """Return how a good value differs from what is expected; nothing where it does not."""
    wanted, quantity = float(sensor["sensor_current"]), channel.quantity
    if sensor["sensor_class"] == "state":
        return "" if raw == wanted else f"state {raw:g}"
    symbols = UNITS.get(sensor["sensor_class"], ())
    if quantity is Quantity.CURRENT and channel.name.endswith(LASER):
        symbols = ["A", "mA"] if value < LASER_A_MAX else []
    kind = f" ({quantity.label})"  # told where it is another than is expected
    for symbol in symbols:
        measured, target = value, quantity
        if quantity is Quantity.OPTICAL_POWER and symbol == "W":
            measured, target = 10 ** (value / 10) / 1e3, Quantity.POWER  # one light, two scales
        try:
            aim = convert(wanted, symbol, target)
        except UnitError:
            continue
        if math.isclose(measured, aim, rel_tol=TOLERANCE, abs_tol=SETTLED):
            return ""
        kind = ""
    bare = quantity is Quantity.NUMBER or sensor["sensor_class"] == "count"
    if bare and math.isclose(_sent(sensor), raw, rel_tol=TOLERANCE, abs_tol=SETTLED):
        return ""
    return f"{value:g} {quantity.symbol}{kind}"


def _sent(sensor: Mapping[str, str]) -> float:
    """Return the number that the device sent, by what the other product made of it."""
    factor = float(sensor["sensor_multiplier"] or 1) / float(sensor["sensor_divisor"] or 1)
    return float(sensor["sensor_current"]) / factor
