"""Which end of a cable is meant by what a switch heard: by address, by name or by description.

A device is known by its address, or by the name that spec, bay or address plan give it. Its port is
known by what it calls it. A port of a device with one cable need not be called as the spec has it;
but `swp3` where the spec has `swp1` is another port.

>>> renumbered("swp1", "swp3"), renumbered("bmc", "eth0"), renumbered("Ethernet1/1", "Ethernet1/1")
(True, False, False)
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from agent.burnin.cabling import Link
from collectors.neighbours import Neighbour, Socket, Switch, address

Names = Mapping[str, str]  # what a device may call itself, in lower case -> its name in the spec
OUT_OF_BAND: Final = (
    frozenset(  # ports of a switch's own management: the building's, not the rack's
        {"eth0", "mgmt0", "mgmt", "mgmteth0/rp0/cpu0/0", "management1", "ma1", "me0", "fxp0", "em0"}
    )
)


class End(NamedTuple):
    """One end of a cable. `port`: "" where the device does not say which."""

    device: str
    port: str

    def __str__(self) -> str:
        """Write it as a spec does."""
        return f"{self.device}:{self.port}" if self.port else self.device


class Seen(NamedTuple):
    """One cable as a switch shows it. `far`: None for who is no device of the spec."""

    near: End
    far: End | None
    said: str  # who is there, in its own words


@dataclass(slots=True)
class Place:
    """A port of a switch that was read, by the spec's name of it where it has one."""

    end: End
    socket: Socket
    seen: list[Seen] = field(default_factory=list)  # several: they contradict each other


def renumbered(designed: str, said: str) -> bool:
    """Say whether a port is called as the other is, by the same words and another number."""
    words = [re.sub(r"\d+", "#", name.casefold()) for name in (designed, said)]
    return "#" in words[0] and words[0] == words[1] and designed.casefold() != said.casefold()


def names_of(devices: Iterable[str], bay: str, host: str | None, roles: Mapping[str, str]) -> Names:
    """Return what devices may call themselves: as the spec, the bay or the address plan has it."""
    known: dict[str, str] = {}
    for device in devices:
        number = device.removeprefix(roles.get(device, device))
        plan = (host or "").replace("{bay}", bay).replace("{n}", number)
        hosts = (device, f"{bay}-{device}", plan.replace("{role}", roles.get(device, device)))
        known |= {name.casefold(): device for name in hosts if name}
    return known


class FarEnds:
    """Finds ends of cables in what switches say. `addresses`: of devices, by address."""

    def __init__(
        self,
        cables: Sequence[Link],
        seen: Mapping[str, Switch],
        names: Names,
        addresses: Mapping[str, str],
    ) -> None:
        self._names = names
        self._ends: dict[str, list[End]] = {}
        self._silent: dict[str, list[End]] = {}  # of devices that send no LLDP there
        for cable in cables:
            for end in (End(cable.device, cable.port), End(cable.far_device, cable.far_port)):
                known = self._ends.setdefault(end.device, [])
                known += [end] if end not in known else []
            if cable.cable.lldp == "mac":
                self._silent.setdefault(cable.far_device, []).append(End(*cable[2:4]))
        self._devices = dict(addresses)  # address -> device
        self._ports: dict[str, End] = {}  # address -> the port that has it
        self._called: dict[tuple[str, str], End] = {}  # device and any name of a port -> that port
        self.places: dict[End, Place] = {}
        self.lost: dict[str, list[Seen]] = {}  # of a switch: heard, at a port that has no name
        for device, switch in seen.items():
            self._learn(device, switch)
        for device, switch in seen.items():
            self._look(device, switch)

    def _learn(self, device: str, switch: Switch) -> None:
        """Learn how a switch calls its ports and itself."""
        if switch.chassis:
            self._devices.setdefault(switch.chassis, device)
        rank: dict[str, tuple[int, Socket]] = {}  # the better of two ports of one name
        for socket in switch.sockets:
            for place, name in enumerate(socket.names):
                before = rank.get(name.casefold())
                if before is None or place < before[0]:
                    rank[name.casefold()] = place, socket
        designed = {end.port.casefold(): end for end in self._ends.get(device, ())}
        for socket in switch.sockets:
            mine = [n for n in socket.names if rank[n.casefold()][1] is socket]
            found = [designed[n.casefold()] for n in mine if n.casefold() in designed]
            if not mine:
                self.lost.setdefault(device, [])
                continue
            end = found[0] if found else End(device, mine[0])
            self.places[end] = Place(end, socket)
            self._called |= {(device, name.casefold()): end for name in mine}
            if socket.address:
                self._ports.setdefault(socket.address, end)

    def _look(self, device: str, switch: Switch) -> None:
        """Note who is at each port of a switch."""
        mine = {id(p.socket): p for p in self.places.values() if p.end.device == device}
        for socket in switch.sockets:
            place = mine.get(id(socket))
            near = place.end if place else End(device, "")
            found = {one.far or one.said: one for one in self._at(near, socket)}
            known = [one for one in found.values() if one.far is not None]
            kept = known or [*found.values()]  # a guest beside one that is known is no cable
            if place is not None:
                place.seen = kept
            elif kept:
                self.lost.setdefault(device, []).extend(kept)

    def _at(self, near: End, socket: Socket) -> Iterator[Seen]:
        """Yield who is at a port: whoever speaks there, else whose address was learnt there.

        Whom a port without a link remembers was there once.
        """
        if socket.up is False:
            return
        for who in socket.neighbours:
            yield Seen(near, self._resolved(who), _words(who))
        if not socket.neighbours:
            for mac in sorted(socket.addresses):
                device = self._devices.get(mac)
                if mac in self._ports:
                    yield Seen(near, self._ports[mac], mac)
                elif device is not None:
                    ends = self._silent.get(device) or self._ends.get(device, [])
                    yield Seen(near, ends[0] if len(ends) == 1 else End(device, ""), mac)

    def _resolved(self, who: Neighbour) -> End | None:
        """Return which end a neighbour is, None if it is no device of the spec."""
        mac = address(who.port)
        if mac in self._ports:
            return self._ports[mac]
        device = self._device(who, mac)
        if device is None:
            return None
        ends = self._ends.get(device, [])
        said = [name for name in ("" if mac else who.port, who.description) if name]
        for name in said:
            if (device, name.casefold()) in self._called:
                return self._called[device, name.casefold()]
            if found := [end for end in ends if end.port.casefold() == name.casefold()]:
                return found[0]
        if other := [n for n in said if any(renumbered(end.port, n) for end in ends)]:
            return End(device, other[0])
        return ends[0] if len(ends) == 1 else End(device, "")

    def _device(self, who: Neighbour, mac: str) -> str | None:
        """Return which device a neighbour is."""
        for said in (mac, who.chassis):
            if said in self._devices:
                return self._devices[said]
        described = re.split(r"[:\s]", who.description, maxsplit=1)[0]
        for name in (who.system, who.system.partition(".")[0], described):
            if name.casefold() in self._names:
                return self._names[name.casefold()]
        return None

    def addressed(self, device: str) -> bool:
        """Say whether an address of a device is known."""
        return device in self._devices.values()


def _words(who: Neighbour) -> str:
    """Return how a neighbour calls itself."""
    name = who.system or who.chassis or "somebody without a name"
    port = who.description or who.port
    return f"{name} {port}".strip()
