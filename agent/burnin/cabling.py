"""Cables: rows of the spec to pairs of ports, `{i}` and `{i+20}` filled in."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from agent.burnin.format import Cable, Spec
from agent.burnin.rows import Say

PORT: Final = r"(?P<device>[A-Za-z0-9][\w-]*):(?P<port>[\w./-]+)"
_INDEX: Final = re.compile(r"\{i(?:([+-])(\d{1,4}))?\}")


class Port(NamedTuple):
    """One end of a cable that a switch of ours can see."""

    device: str
    port: str
    row: str  # the cabling row it comes from
    speed: str  # as cabled: "1G"
    optics: bool


class Link(NamedTuple):
    """One cable: what LLDP must show at `device` `port`."""

    device: str
    port: str
    far_device: str
    far_port: str
    cable: Cable


def mbits(speed: str) -> float:
    """Return a cabled speed in Mbit/s.

    >>> mbits("100G"), mbits("2.5G"), mbits("100M")
    (100000.0, 2500.0, 100.0)
    """
    return float(speed[:-1]) * (1000.0 if speed.endswith("G") else 1.0)


def links(spec: Spec, instances: Mapping[str, str], say: Say) -> list[Link]:
    """Return every cable; `instances` maps each device of the spec to its role."""
    found: list[Link] = []
    for name, cable in spec.cabling.items():
        for i in cable.i or (None,):
            near, far = (re.fullmatch(PORT, _fill(end, i)) for end in (cable.source, cable.target))
            if near and far:
                found.append(Link(near["device"], near["port"], far["device"], far["port"], cable))
            if wrong := _wrong(spec, near, far, instances):
                for key, text in wrong.items():
                    say(("cabling", name, key), text)
                break
    return found


def _fill(text: str, i: int | None) -> str:
    """Put a number where `{i}` stands."""
    if i is None:
        return text
    return _INDEX.sub(lambda m: str(i + int((m[1] or "+") + (m[2] or "0"))), text)


def _wrong(
    spec: Spec, near: re.Match[str] | None, far: re.Match[str] | None, instances: Mapping[str, str]
) -> dict[str, str]:
    """Return what is wrong with either end; the far one may be a device of the building."""
    text = "not 'device:port'; write '{i}' or '{i+20}' only where i has a range"
    wrong = {key: text for key, end in (("from", near), ("to", far)) if not end}
    if near and near["device"] not in instances:
        wrong["from"] = f"there is no device {near['device']!r} in roles; start at a switch of ours"
    if far and far["device"] not in instances:
        role = re.sub(r"\d+$", "", far["device"])
        if role in spec.roles:
            wrong["to"] = f"role {role} has no device {far['device']!r}; correct number or count"
    return wrong


def ports(spec: Spec, instances: Mapping[str, str], say: Say) -> list[Port]:
    """Return each end of a cable at a role that cables start from, none of them twice."""
    cables = links(spec, instances, say)
    switches = {instances.get(link.device) for link in cables} - {None}
    names = {id(cable): name for name, cable in spec.cabling.items()}
    found: dict[tuple[str, str], Port] = {}
    for link in cables:
        near = (link.device, link.port, "from")
        far = (link.far_device, link.far_port, "to")
        for device, port, key in (near, far):
            if instances.get(device) not in switches:
                continue
            row = names[id(link.cable)]
            if taken := found.get((device, port)):
                text = f"port {device}:{port} is already taken by {taken.row}; one cable a port"
                say(("cabling", row, key), text)
                continue
            found[device, port] = Port(device, port, row, link.cable.speed, link.cable.optics)
    return list(found.values())
