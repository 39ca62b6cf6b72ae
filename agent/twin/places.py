"""Who plays which device, and where: device families by role, loopback addresses by bay."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agent.burnin.design import Design
from agent.floor_check import unknown
from agent.introspection import DEVICE
from collectors.profile import Profile
from collectors.twin.skeletons import SKELETONS

BAYS_MAX: Final = 254  # as many as 127.0.N.x has room for
BAY: Final = "bay-{number:02}"
OCTETS: Final = range(1, 255)
SPARE: Final = 200  # the first octet of devices that a spec gives none
FAMILIES: Final[Mapping[str, Sequence[str]]] = {  # role -> profiles, taken in turn by its devices
    "feed_meter": ("raritan_pdu2", "sentry4"),
    "power_shelf": ("orv3_pmc",),
    "compute_tray": ("bmc_bridge",),
    "nvlink_switch": ("nvos_bridge",),
    "mgmt_switch": ("sonic",),
    "cdu": ("dsx_bms",),
    "rack": ("dsx_bms",),
    "rear_door": ("rittal_cmc3",),
    "room": ("dsx_bms",),
}


class PlaceError(Exception):
    """A device that nobody can play; the message says which, and what to do."""


def octets(design: Design, devices: Iterable[str]) -> dict[str, int]:
    """Return the last number of each device's address: what its spec says, or one that is free."""
    offsets = design.spec.addressing.offset
    seen: dict[str, int] = {}
    found: dict[str, int] = {}
    for device in devices:
        role = design.roles[device]
        wanted = offsets.get(role, SPARE) + seen.get(role, 0)
        seen[role] = seen.get(role, 0) + 1
        taken = {*found.values()}
        free = (octet for octet in (wanted, *OCTETS[SPARE - 1 :], *OCTETS) if octet in OCTETS)
        found[device] = next(octet for octet in free if octet not in taken)
    return found


def families(
    design: Design, profiles: Sequence[Profile], wished: Mapping[str, str]
) -> dict[str, Profile]:
    """Return which family each device is of. Raises: PlaceError."""
    known = {each.name: each for each in profiles if each.mqtt or each.name in SKELETONS}
    devices = [device for device in design.places if device != DEVICE]
    for device, name in wished.items():
        for what, said, there in (("device", device, devices), ("simulated family", name, known)):
            if said not in there:
                raise PlaceError(f"--family {device}={name}: {unknown(what, said, there)}")
    turn: dict[str, int] = {}
    found = {}
    for device in devices:
        role = design.roles[device]
        number = turn[role] = turn.get(role, -1) + 1
        usual = (wished[device],) if device in wished else FAMILIES.get(role, ())
        names = usual or _providing(known.values(), role)
        if not names:
            text = f"{device}: no profile provides the role {role}; name one with --family"
            raise PlaceError(f"{text} {device}=PROFILE")
        found[device] = known[names[number % len(names)]]
    return found


def _providing(profiles: Iterable[Profile], role: str) -> Sequence[str]:
    """Return the first profile that provides a role of a spec, if any does."""
    return [profile.name for profile in profiles if role in profile.provides][:1]
