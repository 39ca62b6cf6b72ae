"""Who is at the far end of a switch's cables: what LLDP heard, and which addresses it has learnt.

A far end names its port as such devices do: hosts by address, SONiC by a name of its own, others by
the interface's name. One that does not speak LLDP is found by its address alone, in the bridge's
tables.

>>> far = Cable("compute_tray1", "bmc", "mac", bytes.fromhex("7c8c09aabb01"))
>>> next(each.value for each in neighbour(3, far) if each.oid == f"{LLDP}.4.1.1.7.0.3.1").hex()
'7c8c09aabb01'
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from collectors.snmp.ber import Tag
from collectors.twin.objects import Object, fixed

LLDP: Final = "1.0.8802.1.1.2.1"
BRIDGE: Final = "1.3.6.1.2.1.17"
CHASSIS_BY_ADDRESS: Final = 4  # LldpChassisIdSubtype
BY_NAME: Final = 5  # LldpPortIdSubtype: interfaceName
PORT_KINDS: Final = {"name": BY_NAME, "mac": 3, "local": 7}  # likewise
BRIDGES: Final = b"\x28"  # LldpSystemCapabilitiesMap: bridge and router
LEARNED: Final = 3  # dot1dTpFdbStatus
VLAN: Final = 1  # the filtering database that all ports share
STATISTICS: Final = {2: "inserts", 3: "deletes", 4: "drops", 5: "ageouts"}  # of lldpStatistics


class Cable(NamedTuple):
    """The far end of a cable. `lldp`: how it names its port, None if it does not speak LLDP."""

    neighbour: str
    neighbour_port: str
    lldp: Literal["name", "mac", "local"] | None = "name"
    mac: bytes = b""  # without one, an address of nobody's that follows from the names

    @property
    def address(self) -> bytes:
        """Return the address that frames from there come from."""
        return self.mac or address_of(f"{self.neighbour}:{self.neighbour_port}")


Cables = Mapping[str, Cable]  # by the switch's own port


def address_of(name: str) -> bytes:
    """Invent an address that is locally administered and always the same (IEEE 802c §8.4)."""
    return b"\x02" + hashlib.sha256(name.encode()).digest()[:5]


def neighbour(number: int, cable: Cable, mark: int = 0) -> Iterator[Object]:
    """Make what was heard at one port, if anything; `mark` is when, in hundredths of a second."""
    if cable.lldp is None:
        return
    port: str | bytes = cable.address if cable.lldp == "mac" else cable.neighbour_port
    heard: Mapping[int, int | str | bytes] = {
        4: CHASSIS_BY_ADDRESS,
        5: address_of(cable.neighbour),
        6: PORT_KINDS[cable.lldp],
        7: port,
        8: cable.neighbour_port,
        9: cable.neighbour,
        10: "simulated",
    }
    for column, value in heard.items():
        yield fixed(f"{LLDP}.4.1.1.{column}.{mark}.{number}.1", value)


def learnt(number: int, cable: Cable) -> Iterator[Object]:
    """Make the rows of the address at one port (BRIDGE-MIB, Q-BRIDGE-MIB)."""
    address = cable.address
    index = ".".join(map(str, address))
    yield fixed(f"{BRIDGE}.4.3.1.1.{index}", address)
    for entry in (f"{BRIDGE}.4.3.1.{{}}.{index}", f"{BRIDGE}.7.1.2.2.1.{{}}.{VLAN}.{index}"):
        yield fixed(entry.format(2), number)
        yield fixed(entry.format(3), LEARNED)


def lldp(name: str, ports: Mapping[str, int], cables: Cables, mark: int = 0) -> Iterator[Object]:
    """Make LLDP-MIB of a switch. `ports`: the number of each port there, which is no ifIndex."""
    own: Mapping[int, int | str | bytes] = {
        1: CHASSIS_BY_ADDRESS,
        2: address_of(name),
        3: name,
        4: "simulated switch",
        5: BRIDGES,
        6: BRIDGES,
    }
    for column, value in own.items():
        yield fixed(f"{LLDP}.3.{column}.0", value)
    for port, number in ports.items():
        for column, said in ((2, BY_NAME), (3, port), (4, port)):
            yield fixed(f"{LLDP}.3.7.1.{column}.{number}", said)
        if port in cables:
            yield from neighbour(number, cables[port], mark)
    heard = sum(port in ports and cable.lldp is not None for port, cable in cables.items())
    yield Object(oid=f"{LLDP}.2.1.0", tag=Tag.TIME_TICKS, value=mark)
    for column, what in STATISTICS.items():
        count = heard if what == "inserts" else 0
        yield Object(oid=f"{LLDP}.2.{column}.0", tag=Tag.GAUGE32, value=count)


def bridge(name: str, ports: Mapping[str, int], cables: Cables) -> Iterator[Object]:
    """Make what a bridge knows: its ports by ifIndex, and the address learnt at each."""
    yield fixed(f"{BRIDGE}.1.1.0", address_of(name))
    yield fixed(f"{BRIDGE}.1.2.0", len(ports))
    yield fixed(f"{BRIDGE}.1.3.0", 2)  # transparent only
    for number, (port, index) in enumerate(ports.items(), start=1):
        yield fixed(f"{BRIDGE}.1.4.1.1.{number}", number)
        yield fixed(f"{BRIDGE}.1.4.1.2.{number}", index)
        if port in cables:
            yield from learnt(number, cables[port])
