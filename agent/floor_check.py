"""What a floor file must keep across its places: names that are defined, addresses used once.

These checks read the file as it was parsed, whatever else is wrong with it, so that a person sees
every problem in one go instead of one class of them after the other.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.address import SNMP_PORT, Address, AddressError
from agent.floor_format import BAY_NAME, DEVICE_NAME, RESERVED, SCHEMA
from collectors.document import Document, Path, Problem
from collectors.neighbours import address
from collectors.profile import Profile

CLOSE: Final = 0.6  # how alike two names must be for one to be offered for the other
NAMES_SHOWN_MAX: Final = 12  # a longer list hides the message it ends
SNMP_ONLY: Final = ("credentials", "timeout", "retries")
MQTT_ONLY: Final = ("dialect", "match")


@dataclass(frozen=True, slots=True)
class Written:
    """One device as it stands in the file, sound or not."""

    path: Path
    keys: Mapping[Any, Any]

    def text(self, key: str) -> str | None:
        """Return what a key says, if it is text: else the format's own check complains."""
        value = self.keys.get(key)
        return value if isinstance(value, str) else None


def devices(data: object) -> Iterator[Written]:
    """Yield every device that can be told from the rest of the file."""
    for bay, content in mapping(mapping(data).get("bays")).items():
        for name, keys in mapping(mapping(content).get("devices")).items():
            if isinstance(keys, dict):
                yield Written(("bays", bay, "devices", name), keys)


def mapping(value: object) -> Mapping[Any, Any]:
    """Return `value` if it has keys, else nothing: the format's own check complains about it."""
    return value if isinstance(value, dict) else {}


def check(document: Document, profiles: Sequence[Profile]) -> list[Problem]:
    """Return all that one value cannot tell by itself."""
    return [
        *_names(document),
        *_references(document, {p.name: p.transport for p in profiles}),
        *_sources(document),
        *_once(document),
        *_macs(document),
    ]


def schema(document: Document) -> list[Problem]:
    """Return a problem if this is not a floor file at all: then nothing else is worth saying."""
    said = mapping(document.data).get("floor")
    if said == SCHEMA:
        return []
    text = f"want `floor: {SCHEMA}`, which says that this is a floor file and of which form"
    return [document.problem(("floor",), text)]


def drafts(document: Document, profiles: Sequence[Profile]) -> Iterator[Problem]:
    """Tell which devices a draft is to read: no run will start in their bays."""
    drafted = {profile.name for profile in profiles if profile.draft}
    for device in devices(document.data):
        if (name := device.text("profile")) in drafted:
            text = f"{name} is a draft: it shows the device, and no run starts in its bay"
            yield document.problem((*device.path, "profile"), f"{text}; go through it")


def unknown(what: str, name: object, names: Collection[str]) -> str:
    """Say that a name is not defined, and which one may have been meant."""
    return f"no {what} {name!r}; {hint(name, names)}"


def hint(name: object, names: Collection[str]) -> str:
    """Say which of `names` may have been meant, or which there are."""
    close = difflib.get_close_matches(str(name), names, 1, CLOSE)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = sorted(names)[:NAMES_SHOWN_MAX]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"there are: {', '.join(shown)}{more}" if shown else "none is defined"


def _names(document: Document) -> Iterator[Problem]:
    """Check what people called things, for these names become labels and addresses of pages."""
    data = mapping(document.data)
    for section in ("credentials", "brokers", "webhooks", "bays"):
        for name in mapping(data.get(section)):
            yield from _name(document, (section, name), BAY_NAME, "a-z, 0-9")
    for device in devices(data):
        yield from _name(document, device.path, DEVICE_NAME, "A-Z, a-z, 0-9")
        if taken := RESERVED.get(str(device.path[-1])):
            text = f"this name is taken by {taken}; choose another"
            yield document.problem(device.path, text)


def _name(
    document: Document, path: Path, shape: re.Pattern[str], letters: str
) -> Iterator[Problem]:
    """Check one name."""
    name = path[-1]
    if not isinstance(name, str):
        yield document.problem(path, "a name must be text; put it in quotes")
    elif not shape.fullmatch(name):
        text = f"not a name; use {letters}, - and _, a small letter or digit first, at most 63"
        yield document.problem(path, text)


def _references(document: Document, transports: Mapping[str, str]) -> Iterator[Problem]:
    """Check that what a device names is defined."""
    data = mapping(document.data)
    brokers = mapping(data.get("brokers"))
    credentials = [str(name) for name in mapping(data.get("credentials"))]
    default = mapping(data.get("defaults")).get("credentials")
    if isinstance(default, str) and default not in credentials:
        text = unknown("credentials", default, credentials)
        yield document.problem(("defaults", "credentials"), text)
    if isinstance(traps := data.get("traps"), dict):
        yield from _trap_credentials(document, traps.get("credentials"), credentials)
    for device in devices(data):
        named = {key: v for key in device.keys if isinstance(v := device.keys[key], str)}
        if "credentials" in named and named["credentials"] not in credentials:
            text = unknown("credentials", named["credentials"], credentials)
            yield document.problem((*device.path, "credentials"), text)
        elif "address" in device.keys and not ({"credentials"} & device.keys.keys() or default):
            text = "credentials are missing; name some here or under defaults"
            yield document.problem(device.path, text)
        if "broker" in named and named["broker"] not in brokers:
            text = unknown("broker", named["broker"], [str(name) for name in brokers])
            yield document.problem((*device.path, "broker"), text)
        if "profile" in named and transports:  # else the profiles could not be loaded
            yield from _profile(document, device, named["profile"], transports)


def _trap_credentials(document: Document, said: object, known: list[str]) -> Iterator[Problem]:
    """Check that the credentials under which traps are believed are defined."""
    for place, name in enumerate(said if isinstance(said, list) else ()):
        if isinstance(name, str) and name not in known:
            text = unknown("credentials", name, known)
            yield document.problem(("traps", "credentials", place), text)


def _profile(
    document: Document, device: Written, name: str, transports: Mapping[str, str]
) -> Iterator[Problem]:
    """Check that a profile exists and is for the way in which this device is reached."""
    path = (*device.path, "profile")
    transport = "mqtt" if "broker" in device.keys else "snmp"
    if name not in transports:
        fitting = [each for each, how in transports.items() if how == transport]
        text = unknown("profile", name, fitting) + " (see `rackproof profile list`)"
        yield document.problem(path, text)
    elif transports[name] != transport:
        text = f"profile {name!r} is for {transports[name]}, this device is reached by {transport}"
        yield document.problem(path, text + "; name another, or none")


def _sources(document: Document) -> Iterator[Problem]:
    """Check that every device says how it is reached, and in one way only."""
    brokers = mapping(mapping(document.data).get("brokers"))
    for device in devices(document.data):
        has = device.keys.keys()
        if ("address" in has) == ("broker" in has):
            text = "want either address (SNMP) or broker (MQTT)"
            yield document.problem(device.path, text)
            continue
        other, way = (MQTT_ONLY, "address") if "address" in has else (SNMP_ONLY, "broker")
        for key in other:
            if key in has:
                text = f"{key} has no meaning for a device with {way}; remove it"
                yield document.problem((*device.path, key), text)
        if "broker" in has:
            offered = mapping(brokers.get(device.text("broker"))).get("dialects")
            yield from _dialect(document, device, offered)


def _dialect(document: Document, device: Written, offered: object) -> Iterator[Problem]:
    """Check that a device's dialect is told, and spoken at its broker."""
    if not isinstance(offered, list):
        return
    said = device.keys.get("dialect")
    spoken = " or ".join(map(str, offered))
    if said is None and len(offered) > 1:
        yield document.problem(device.path, f"dialect is missing; its broker speaks {spoken}")
    elif said is not None and said not in offered:
        text = f"its broker speaks {spoken}; add {said} to its dialects, or write another"
        yield document.problem((*device.path, "dialect"), text)


def _once(document: Document) -> Iterator[Problem]:
    """Check that no two devices are one: their readings would be counted twice."""
    seen: dict[Address, Path] = {}
    for device in devices(document.data):
        try:
            address = Address.parse(device.text("address") or "", SNMP_PORT)
        except AddressError:
            continue
        first = seen.setdefault(address, device.path)
        if first is not device.path:
            yield document.problem(device.path, already(document, str(address), first))


def _macs(document: Document) -> Iterator[Problem]:
    """Check that no two devices of a bay have one hardware address: one of them was copied."""
    for bay, content in mapping(mapping(document.data).get("bays")).items():
        seen: dict[str, Path] = {}
        for device, said in mapping(mapping(content).get("macs")).items():
            path: Path = ("bays", bay, "macs", device)
            mac = address(said if isinstance(said, str) else None)
            first = seen.setdefault(mac, path) if mac else path
            if first is not path:
                yield document.problem(path, already(document, mac, first))


def already(document: Document, what: str, first: Path) -> str:
    """Say that something is another device's."""
    line = document.lines.get(first, 1)
    return f"{what} is {first[1]}/{first[3]} (line {line}) as well; keep one of them"
