"""What holds between the parts of a spec, the plan aside: names, devices, places, approvals."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from agent.burnin.design import DERIVED
from agent.burnin.expand import devices
from agent.burnin.fluid import COOLANTS
from agent.burnin.format import Role, Spec
from agent.burnin.rows import Say
from collectors.document import Path
from collectors.quantity import Quantity, UnitError

_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_DEVICE: Final = re.compile(r"[a-z0-9][A-Za-z0-9_-]{0,62}")
_RESERVED: Final = ("design", "stage", DERIVED)  # they mean something else in an expression
_SIGNERS: Final = ("design", "quality")
_PLACES: Final = ("bay", "prefix", "role", "n", "offset")  # what an address template may use
RACK_UNITS_MAX: Final = 60


def check_structure(spec: Spec, say: Say) -> None:
    """Say everything that does not fit together, expressions and the plan aside."""
    _check_names(spec, say)
    _check_head(spec, say)
    for name, role in spec.roles.items():
        _check_role(spec, name, role, say)
    _check_devices(spec, say)
    _check_places(spec.roles, say)
    _check_addressing(spec, say)


def _names(spec: Spec) -> Iterator[tuple[Path, str]]:
    """Yield every name that a person gave, and where."""
    for role, entry in spec.roles.items():
        yield ("roles", role), role
        for channel in entry.channels:
            yield ("roles", role, "channels", channel), channel
    for part in ("design", "derived", "cabling"):
        for name in getattr(spec, part):
            yield (part, name), name


def _check_names(spec: Spec, say: Say) -> None:
    """Demand names that expressions and metrics can carry, each meaning one thing."""
    for path, name in _names(spec):
        if not _WORD.fullmatch(name):
            say(path, f"{name!r} is not a name; write a-z, 0-9 and _, a letter first")
    for path in [("roles", name) for name in spec.roles] + [("derived", n) for n in spec.derived]:
        if path[1] in _RESERVED:
            say(path, f"{path[1]!r} has a meaning of its own; choose another name")
    for name in spec.derived:
        if name in spec.roles:
            say(("derived", name), f"{name!r} is also a role; give it another name")


def _check_head(spec: Spec, say: Say) -> None:
    """Check constants, quantities and approvals."""
    for name, value in spec.design.items():
        if isinstance(value, str) and value not in COOLANTS:
            known = ", ".join(COOLANTS)
            text = f"{value!r} is neither an amount nor a coolant; write '10 kW' or one of {known}"
            say(("design", name), text)
    for name in spec.quantities:
        try:
            Quantity.of(name)
        except UnitError as error:
            say(("quantities", name), str(error))
    missing = [role for role in _SIGNERS if role not in spec.approved_by]
    if spec.status == "released" and missing:
        text = f"released without approval by {' and '.join(missing)}; add it or write draft"
        say(("approved_by",), text)


def _check_role(spec: Spec, name: str, role: Role, say: Say) -> None:
    """Check how many devices play a role, and what feeds them."""
    path: Path = ("roles", name)
    if role.origin == "cabling":
        for key in ("count", "names", "u", "feed"):
            if getattr(role, key) is not None:
                say((*path, key), "cabling says which ports there are; remove this")
        return
    count = len(role.names) if role.count is None and role.names else role.count
    if count is None:
        say(path, "how many devices there are is not said; add count, names or from: cabling")
        return
    if role.names and len(role.names) != count:
        say((*path, "names"), f"{len(role.names)} names for a count of {count}; make them agree")
    _check_feed(spec, path, role, count, say)
    units = sum(len(part) for part in role.u or [])
    if units % count:
        say((*path, "u"), f"{units} rack units for a count of {count}; give each device as many")


def _check_feed(spec: Spec, path: Path, role: Role, count: int, say: Say) -> None:
    """Demand that every device of a role is fed once, by a device that exists."""
    if role.feed is None:
        return
    known = {device for name, other in spec.roles.items() for device in devices(name, other)}
    for device in role.feed:
        if device not in known:
            say((*path, "feed", device), f"there is no device {device!r} in roles; correct it")
    fed = Counter(n for part in role.feed.values() for n in part)
    wrong = [n for n in {*fed, *range(1, count + 1)} if fed[n] != 1 or n > count]
    if wrong:
        numbers = ", ".join(map(str, sorted(wrong)))
        say((*path, "feed"), f"each of 1..{count} is fed once, which is not so for {numbers}")


def _check_devices(spec: Spec, say: Say) -> None:
    """Demand that no two devices have one name."""
    taken: dict[str, str] = {}
    for name, role in spec.roles.items():
        for device in devices(name, role):
            path: Path = ("roles", name, "names") if role.names else ("roles", name)
            if device in taken:
                text = f"device {device!r} is also one of role {taken[device]}; rename one"
                say(path, text)
            elif not _DEVICE.fullmatch(device) or device == DERIVED:
                say(path, f"{device!r} is not a device name; write a-z, 0-9, _ and -")
            taken.setdefault(device, name)


def _check_places(roles: Mapping[str, Role], say: Say) -> None:
    """Demand that no two devices stand in one place of the rack."""
    taken: dict[int, str] = {}
    for name, role in roles.items():
        for number, part in enumerate(role.u or []):
            path: Path = ("roles", name, "u", number)
            if clash := [u for u in part if u in taken]:
                say(path, f"rack unit {clash[0]} is also given to {taken[clash[0]]}; correct one")
            if part.stop - 1 > RACK_UNITS_MAX:
                say(path, f"a rack has no unit {part.stop - 1}; correct it")
            taken.update(dict.fromkeys(part, name))


def _check_addressing(spec: Spec, say: Say) -> None:
    """Demand that addresses are templates, and for roles that exist."""
    for key in ("offset", "via"):
        for role in getattr(spec.addressing, key):
            if role not in spec.roles:
                say(("addressing", key, role), f"there is no role {role!r}; correct or remove it")
    for key in ("host", "ip"):
        for place in re.findall(r"\{([^{}]*)\}", getattr(spec.addressing, key) or ""):
            if place not in _PLACES:
                text = f"{{{place}}} is not known; write {{{'}, {'.join(_PLACES)}}}"
                say(("addressing", key), text)
    for role, names in spec.addressing.via.items():
        for number, name in enumerate(names):
            if not re.fullmatch(r"(snmp|mqtt) \S+", name):
                text = f"{name!r} is not a transport and a profile; write it as in 'snmp sentry4'"
                say(("addressing", "via", role, number), text)
