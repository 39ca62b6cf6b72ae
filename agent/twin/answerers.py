"""The devices of a twin that answer SNMP, each on an address of its own."""

import contextlib
import resource
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from agent.burnin.cabling import links
from agent.burnin.design import Design
from agent.burnin.expand import refuse
from agent.twin.floor import Floor
from agent.twin.places import octets
from agent.twin.site import Reach
from collectors.profile import Profile
from collectors.snmp.usm import User
from collectors.twin.lldp import Cable
from collectors.twin.snmp_face import SnmpFaces
from collectors.twin.speech import Speech
from collectors.twin.trap import Sink

PORTS: Final = (1161, 0, 0, 0, 0)  # tried in turn: what people expect, then any that is free
HOST: Final = "127.0.{bay}.{octet}"
USER: Final = b"rackproof"  # of SNMPv3: SHA-256 and AES; no secret, for nothing is real here
PASSWORD: Final = b"simulated"
FILES: Final = 256  # besides the sockets of devices: connections, logs, what Python opens
BMC: Final = "bmc"  # a port of hosts, which name it by its address
Named = Literal["name", "mac"] | None


class Answerers:
    """All that answers SNMP, of every rack."""

    def __init__(self, floor: Floor, families: Mapping[str, Profile]) -> None:
        racks, design = floor.racks, floor.design
        mine = {
            device: families[device]
            for device in racks.devices
            if families[device].transport == "snmp"
        }
        self.faces = SnmpFaces(racks, mine, floor.bays, cables=cables(design))
        self.speech: Speech | None = None
        self._floor, self._families = floor, mine
        self.mute = [f"{device}.{name}" for device in mine for name in self.faces.untold[device]]
        self._hosts = {
            (rack, device): HOST.format(bay=rack + 1, octet=octet)
            for device, octet in octets(design, mine).items()
            for rack in range(len(floor.bays))
        }

    def open(self) -> None:
        """Bind every device to one port, 1161 if it is free. Raises: OSError."""
        if not self._hosts:
            return
        first = next(iter(self._hosts.values()))
        _room_for(len(self._hosts))
        for wanted in PORTS:
            with contextlib.suppress(OSError):
                self.faces.open(self._hosts, wanted or _free(first))
                return
        raise OSError(
            f"no port is free on all of {first} and its neighbours; end what listens there"
        )

    def speak(self, sinks: Sequence[Sink], boots: int) -> Speech:
        """Let devices speak SNMPv3 too, and tell `sinks` what happens to them.

        `boots` is how often they have started: more than when they were on the air before.
        """
        racks, bays = self._floor.racks, self._floor.bays
        user = User.of(USER, auth=("SHA-256", PASSWORD), privacy=("AES", PASSWORD))
        self.speech = Speech(
            racks, self.faces, self._families, bays, users=[user], sinks=sinks, boots=boots
        )
        return self.speech

    def reaches(self, rack: int) -> Iterator[tuple[str, Reach]]:
        """Yield where each device of a rack answers."""
        for face in self.faces:
            if face.rack == rack:
                yield face.device, Reach(address=face.address)


def cables(design: Design) -> Mapping[str, Mapping[str, Cable]]:
    """Return who is at the end of each cable, from either end, and how it names its port."""
    found: dict[str, dict[str, Cable]] = {}
    for link in links(design.spec, design.roles, refuse):
        how: Named = None if link.cable.lldp == "mac" else "mac" if link.far_port == BMC else "name"
        far = Cable(link.far_device, link.far_port, how)
        found.setdefault(link.device, {})[link.port] = far
        found.setdefault(link.far_device, {})[link.far_port] = Cable(link.device, link.port)
    return found


def macs(design: Design) -> Mapping[str, str]:
    """Return the hardware addresses of devices that are found by nothing else."""
    ends = links(design.spec, design.roles, refuse) if design.spec.cabling else ()
    return {
        link.far_device: Cable(link.far_device, link.far_port).address.hex(":")
        for link in ends
        if link.cable.lldp == "mac"
    }


def _room_for(sockets: int) -> None:
    """Let this process have so many sockets at once, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = sockets + FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _free(host: str) -> int:
    """Return a port that is free at one address; so it probably is at its neighbours."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
