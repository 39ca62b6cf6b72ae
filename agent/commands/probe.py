"""`rackproof probe`: who is at an address, and everything it says, once."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Unpack

import click
import numpy as np

from agent import clock
from agent.address import Address
from agent.commands.draft import DRAFTED, drafted_for
from agent.commands.snmp_options import How, silence, snmp_options, talk, target_of
from agent.exits import Exit
from agent.floor_check import unknown
from agent.output import complain, count, emit, figure, say, table
from collectors.discovery import Discovery, SilentError, discover
from collectors.fingerprint import STANDARD, AmbiguousError
from collectors.profile import DRAFT_MARK, Profile, load_profile, load_profiles
from collectors.readings import Channel, Quality
from collectors.recording import answer
from collectors.rows import Value
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import Target

SUFFIX: Final = ".yaml"  # what tells a profile's file from a name
ABSENT: Final = ("noSuchObject", "noSuchInstance", "noSuchName", "endOfMibView")


@dataclass(frozen=True, slots=True)
class Reading:
    """One channel as it was read once."""

    channel: Channel
    value: float  # NaN unless good
    quality: Quality
    raw: Value

    @property
    def state(self) -> str | None:
        """Return the name of a state; None for what is measured, or a state without a name."""
        if not self.channel.quantity.is_state or math.isnan(self.value):
            return None
        return self.channel.states.get(int(self.value))

    def document(self) -> dict[str, Any]:
        """Return it for a program."""
        quantity = self.channel.quantity
        return {
            "channel": self.channel.name,
            "quantity": "state" if quantity.is_state else quantity.label,
            "value": None if math.isnan(self.value) else self.value,
            "unit": quantity.symbol,
            "quality": self.quality.name.lower(),
            "oid": self.channel.source,
            "raw": exact(self.raw),
            "state": self.state,
        }

    def row(self) -> tuple[str, str, str, str]:
        """Return it for a person: channel, value, unit, and what else is to be said."""
        if self.quality is not Quality.GOOD:
            raw = exact(self.raw)
            why = self.quality.name.lower().replace("_", " ")
            return self.channel.name, "-", "", why + ("" if raw is None else f" (raw {raw})")
        if self.channel.quantity.is_state:
            bad = self.channel.good_states and self.state not in self.channel.good_states
            return self.channel.name, self.state or f"{self.value:g}", "", "not ok" if bad else ""
        return self.channel.name, figure(self.value), self.channel.quantity.symbol, self._limits()

    def _limits(self) -> str:
        """Return what the device itself takes for too little and too much."""
        kept = self.channel.limits
        if kept is None:
            return ""
        ends = (kept.low_alarm, kept.high_alarm)
        told = "..".join("" if math.isnan(end) else figure(end) for end in ends)
        return "" if told == ".." else f"its own limits: {told}"


@dataclass(frozen=True, slots=True)
class Probe:
    """What one visit brought."""

    found: Discovery
    readings: tuple[Reading, ...]
    unread: Mapping[str, str]
    requests: int
    seconds: float


@click.command
@snmp_options
@click.option(
    "--profile",
    "named",
    help="Use this profile, whatever the device says it is: a name, or a file NAME.yaml.",
)
@click.option(
    "--mibs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of MIBs: where no profile fits, one is drafted by them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def probe(
    address: Address, named: str | None, mibs: Path | None, *, as_json: bool, **how: Unpack[How]
) -> int:
    """Identify the SNMP device at ADDRESS (HOST or HOST:PORT) and read it once.

    The profile is found by what the device says about itself; a device that none fits is read by
    the standard MIBs, or by a draft. Nothing is written to it. Exit code 3 means that it does not
    answer.
    """
    profiles = load_profiles()
    if named is not None and named.endswith(SUFFIX):
        profiles = (load_profile(Path(named)),)
        named = profiles[0].name
    names = [profile.name for profile in profiles if profile.transport == "snmp"]
    if named is not None and named not in names:
        raise click.UsageError(unknown("profile", named, names) + " (see rackproof profile list)")
    target = target_of(address, **how)
    try:
        seen = talk(lambda endpoint: visit(endpoint, target, profiles, named, mibs))
    except SilentError as error:
        return _undecided(silence(address, target, error.outcome), error.outcome, as_json=as_json)
    except AmbiguousError as error:
        text = f"{address}: {error} with --profile"
        return _undecided(text, "ambiguous", as_json=as_json)
    if as_json:
        emit(_document(seen, address))
    else:
        _show(seen, address)
    return Exit.YES


async def visit(
    endpoint: Endpoint,
    target: Target,
    profiles: tuple[Profile, ...],
    named: str | None,
    mibs: Path | None = None,
) -> Probe:
    """Identify a device and read all its channels. Raises: SilentError, AmbiguousError."""
    begun = clock.monotonic()
    found = await discover(endpoint, target, profiles, named)
    if mibs is not None and named is None and found.profile.name == STANDARD:
        own = await drafted_for(endpoint, target, mibs)
        found = await discover(endpoint, target, (own,), own.name)
    layout = found.layout
    fetched = await endpoint.get(target, layout.objects)
    raw, fault, texts = answer(layout, fetched.values)
    lost = [fetched.unread.get(oid, ABSENT[0]) not in ABSENT for oid in layout.objects]
    fault[np.array(lost, bool)] = Quality.COMM_LOST
    values, quality, _ = layout.convert(raw, fault, texts)
    readings = tuple(
        Reading(channel, float(value), Quality(int(why)), fetched.values.get(channel.source))
        for channel, value, why in zip(layout.channels, values, quality, strict=True)
    )
    return Probe(
        found,
        readings,
        {**layout.unread, **dict(note.split(": ", 1) for note in found.notes), **fetched.unread},
        found.requests + fetched.requests,
        clock.monotonic() - begun,
    )


def exact(value: Value) -> int | float | str | None:
    """Return what a device sent: a number as it was, text as text, other octets in hexadecimal."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if not isinstance(value, bytes):
        return value
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "0x" + value.hex()
    return text if text.isprintable() else "0x" + value.hex()


def _undecided(text: str, why: str, *, as_json: bool) -> Exit:
    """Say why nothing could be read."""
    if as_json:
        emit({"error": str(why), "message": text})
    for line in text.split("\n"):
        complain(line)
    return Exit.UNDECIDED


def _document(seen: Probe, address: Address) -> dict[str, Any]:
    """Return a visit for a program."""
    identity = seen.found.layout.identity
    return {
        "device": {
            "address": str(address),
            "profile": seen.found.profile.name,
            "kind": identity.kind,
            "vendor": identity.vendor,
            "model": identity.model,
            "serial": identity.serial,
            "firmware": identity.firmware,
            "sys_object_id": identity.sys_object_id,
            "sys_descr": identity.sys_descr,
        },
        "readings": [reading.document() for reading in seen.readings],
        "unread": [{"oid": oid, "reason": reason} for oid, reason in seen.unread.items()],
        "requests": seen.requests,
        "seconds": round(seen.seconds, 3),
    }


def _show(seen: Probe, address: Address) -> None:
    """Print a visit for a person."""
    identity = seen.found.layout.identity
    who = " ".join(filter(None, (identity.vendor, identity.model))) or "unknown make"
    fits = "no profile fits; read by the standard MIBs"
    if identity.profile == DRAFTED + DRAFT_MARK:
        fits = "no profile fits; drafted from MIBs, and reviewed by nobody"
    say(f"{address}: {who}")
    facts = {
        "profile": f"{identity.profile} ({identity.kind})"
        if identity.profile not in (STANDARD, DRAFTED + DRAFT_MARK)
        else fits,
        "serial": identity.serial,
        "firmware": identity.firmware,
        "sysDescr": identity.sys_descr,
        "sysObjectID": identity.sys_object_id,
    }
    table([(key, text) for key, text in facts.items() if text], indent=2)
    say()
    if seen.readings:
        rows = [
            ("CHANNEL", "VALUE", "UNIT", ""),
            *(reading.row() for reading in _by_place(seen.readings)),
        ]
        table(rows, right=(1,))
        say()
    good = sum(reading.quality is Quality.GOOD for reading in seen.readings)
    say(
        f"{count(len(seen.readings), 'reading')}, {good} good; {_not_read(seen.unread)}; "
        f"{count(seen.requests, 'request')} in {seen.seconds:.2f} s"
    )


def _by_place(readings: Sequence[Reading]) -> list[Reading]:
    """Bring together what belongs to one place, such as all of a port; else keep the order."""
    places = [
        reading.channel.name.rpartition("/")[0] or reading.channel.name for reading in readings
    ]
    first: dict[str, int] = {}
    for n, place in enumerate(places):
        first.setdefault(place, n)
    return [readings[n] for n in sorted(range(len(readings)), key=lambda n: first[places[n]])]


def _not_read(unread: Mapping[str, str]) -> str:
    """Say how many objects could not be read, and why."""
    reasons = Counter(unread.values()).most_common()
    each = ", ".join(f"{number} {reason}" for reason, number in reasons)
    return f"{len(unread)} not read ({each})" if each else "none missing"
