"""Who may tell us something: devices by the addresses they speak from, each with its secrets.

An address alone proves nothing, for anybody can write it on a datagram; a community proves little;
what a user of SNMPv3 signed is his.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final

from collectors.snmp.usm import User

DEVICES_MAX: Final = 16  # behind one address: more are a gateway, and nobody knows who speaks


@dataclass(frozen=True, slots=True)
class Speaker:
    """One device, and the communities and users under which it is believed."""

    device: str  # "bay/device"
    communities: frozenset[bytes] = field(default=frozenset(), repr=False)
    users: tuple[User, ...] = ()


class Speakers:
    """All devices of a floor, by address."""

    def __init__(self, known: Iterable[tuple[str, Speaker]] = ()) -> None:
        found: dict[str, list[Speaker]] = {}
        for host, speaker in known:
            at = found.setdefault(host_of(host), [])
            if len(at) < DEVICES_MAX:
                at.append(speaker)
        self._known: Mapping[str, tuple[Speaker, ...]] = {h: tuple(s) for h, s in found.items()}

    def at(self, host: str) -> tuple[Speaker, ...]:
        """Return who may speak from an address, as a socket names it."""
        return self._known.get(host) or self._known.get(host_of(host), ())

    def __len__(self) -> int:
        """Return how many addresses are known."""
        return len(self._known)


def host_of(host: str) -> str:
    """Return an address in the one form in which it is compared.

    >>> host_of("::ffff:192.0.2.7"), host_of("2001:DB8::0:1"), host_of("fe80::1%eth0")
    ('192.0.2.7', '2001:db8::1', 'fe80::1')
    """
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)
