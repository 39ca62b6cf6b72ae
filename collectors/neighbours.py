"""Who is at the far end of a switch's cables: what its LLDP heard, and what its bridge has learnt.

Sans IO: `sockets` makes a table of what walks brought. What is not told is unknown, never "nobody".
A device may make up what it likes: rows, texts and addresses have bounds.

>>> address(bytes.fromhex("7c8c09aabb01")), address("7C-8C-09-AA-BB-01"), address("swp1")
('7c:8c:09:aa:bb:01', '7c:8c:09:aa:bb:01', '')
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from collectors.rows import Value, number, text

LLDP: Final = "1.0.8802.1.1.2.1"  # IEEE 802.1AB-2005
REMOTE: Final = f"{LLDP}.4.1.1"  # lldpRemEntry, by TimeMark, local port and index
LOCAL: Final = f"{LLDP}.3.7.1"  # lldpLocPortEntry, by local port, which is no ifIndex
OWN: Final = f"{LLDP}.3"  # lldpLocalSystemData
INTERFACE: Final = "1.3.6.1.2.1.2.2.1"
EXTENDED: Final = "1.3.6.1.2.1.31.1.1.1"
BRIDGE: Final = "1.3.6.1.2.1.17"
BASE_PORT: Final = f"{BRIDGE}.1.4.1.2"  # bridge port -> ifIndex
LEARNT: Final = (f"{BRIDGE}.4.3.1", f"{BRIDGE}.7.1.2.2.1")  # dot1d and dot1q forwarding tables
ABOUT: Final = (
    *(f"{REMOTE}.{column}" for column in (4, 5, 6, 7, 8, 9)),
    *(f"{LOCAL}.{column}" for column in (2, 3, 4)),
    *(f"{OWN}.{column}" for column in (1, 2, 3)),
    *(f"{INTERFACE}.{column}" for column in (2, 6, 8)),
    *(f"{EXTENDED}.{column}" for column in (1, 15, 18)),
)
ADDRESSES: Final = (BASE_PORT, *(f"{table}.{column}" for table in LEARNT for column in (2, 3)))
NEIGHBOURS_MAX: Final = 8  # at a port: a controller, its system and a guest or two; more is a hub
ADDRESSES_MAX: Final = 64  # at a port: behind more there is a network, not a device
TEXT_CHARACTERS_MAX: Final = 255  # what LLDP lets a name have
CHASSIS_ADDRESS: Final = 4  # LldpChassisIdSubtype: macAddress
PORT_ADDRESS: Final = 3  # LldpPortIdSubtype: macAddress
PORT_KINDS: Final[Mapping[float, str]] = {
    1: "alias",
    3: "address",
    5: "name",
    7: "local",
}  # LldpPortIdSubtype
TOLD: Final = (3, 5)  # dot1dTpFdbStatus: learned, mgmt; what is invalid or its own is nobody's
UP: Final = 1  # ifOperStatus
DOWN: Final = (2, 7)  # likewise; the second because of a lower layer
OCTETS: Final = 6  # of an address
HEXES: Final = re.compile(
    r"[0-9a-f]{2}([:.-]?)([0-9a-f]{2}\1){4}[0-9a-f]{2}|([0-9a-f]{4}\.){2}[0-9a-f]{4}"
)


class Neighbour(NamedTuple):
    """Who was heard at a port, in its own words."""

    system: str  # its name
    chassis: str  # an address, or what it says instead
    port: str  # an address, or a name
    kind: str  # of `port`: "address", "name", "local", "alias" or "other"
    description: str  # of that port
    mark: int = 0  # when this changed, in hundredths of a second of the switch's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """One port of a switch, and who is there."""

    names: tuple[str, ...]  # the first is the best
    address: str = ""
    up: bool | None = None
    mbits: float | None = None
    neighbours: tuple[Neighbour, ...] = ()
    addresses: frozenset[str] = frozenset()  # learnt here; none where too many were


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """What one switch tells of its cables. `notes`: what could not be read, and so is not known."""

    system: str = ""
    chassis: str = ""
    sockets: tuple[Socket, ...] = ()
    speaks: bool = False  # LLDP is on here, and its tables are whole
    learns: bool = False  # likewise the bridge's
    notes: tuple[str, ...] = ()


def address(said: Value) -> str:
    """Return an address as all of this writes it, "" where that is none."""
    if isinstance(said, bytes) and len(said) == OCTETS:
        return said.hex(":")
    plain = text(said).lower()
    if not HEXES.fullmatch(plain):
        return ""
    return bytes.fromhex(re.sub(r"[:.-]", "", plain)).hex(":")


def plain(said: Value) -> str:
    """Return a device's text on one line, as long as LLDP lets it be."""
    shown = text(said)[:TEXT_CHARACTERS_MAX]
    return "".join(char if char.isprintable() else "\ufffd" for char in shown)


def sockets(rows: Mapping[str, Value], short: Mapping[str, str]) -> Switch:
    """Make a table of what walks of ABOUT and ADDRESSES brought. `short`: roots cut short, why."""
    reading = _Reading(rows)
    reading.interfaces()
    reading.local_ports()
    reading.neighbours()
    reading.learnt()
    heard = not any(root in short for root in ABOUT if root.startswith(LLDP))
    return Switch(
        system=plain(rows.get(f"{OWN}.3.0")),
        chassis=_chassis(rows.get(f"{OWN}.1.0"), rows.get(f"{OWN}.2.0")),
        sockets=tuple(port.socket() for port in reading.ports.values()),
        speaks=reading.speaks and heard,
        learns=reading.learns and not any(root in short for root in ADDRESSES),
        notes=tuple(f"{root}: {why}" for root, why in short.items()),
    )


def _chassis(subtype: Value, said: Value) -> str:
    """Return what a chassis is called: six octets are an address only where they are meant so."""
    return (address(said) if number(subtype) == CHASSIS_ADDRESS else "") or plain(said)


@dataclass(slots=True)
class _Port:
    """A port while its rows are gathered."""

    names: list[str] = field(default_factory=list)
    address: str = ""
    up: bool | None = None
    mbits: float | None = None
    neighbours: list[Neighbour] = field(default_factory=list)
    addresses: set[str] = field(default_factory=set)

    def call(self, name: str) -> None:
        """Add one more name."""
        if name and name not in self.names:
            self.names.append(name)

    def socket(self) -> Socket:
        """Return it as it is shown."""
        few = len(self.addresses) <= ADDRESSES_MAX
        return Socket(
            names=tuple(self.names),
            address=self.address,
            up=self.up,
            mbits=self.mbits,
            neighbours=tuple(sorted(self.neighbours)),
            addresses=frozenset(self.addresses) if few else frozenset(),
        )


class _Reading:
    """Goes through the rows of one switch. `ports`: by ifIndex, or by what else names one."""

    def __init__(self, rows: Mapping[str, Value]) -> None:
        self.rows = rows
        self.ports: dict[str, _Port] = {}
        self.speaks = self.learns = False
        self._by_number: dict[str, _Port] = {}  # LLDP's own number of a port
        self._columns: defaultdict[str, dict[str, Value]] = defaultdict(dict)
        lengths = sorted({root.count(".") for root in (*ABOUT, *ADDRESSES)})
        wanted = {*ABOUT, *ADDRESSES}
        for oid, value in rows.items():
            arcs = oid.split(".")
            for length in lengths:
                column = ".".join(arcs[: length + 1])
                if column in wanted:
                    self._columns[column][".".join(arcs[length + 1 :])] = value
                    break

    def interfaces(self) -> None:
        """Take in IF-MIB; the shorter name goes first, a person's remark last."""
        speeds = self._columns[f"{EXTENDED}.15"]
        states = self._columns[f"{INTERFACE}.8"]
        for column in (f"{EXTENDED}.1", f"{INTERFACE}.2", f"{EXTENDED}.18"):
            for index, said in self._columns[column].items():
                self.ports.setdefault(index, _Port()).call(plain(said))
        for index, port in self.ports.items():
            port.address = address(self._columns[f"{INTERFACE}.6"].get(index))
            speed, state = number(speeds.get(index)), number(states.get(index))
            port.mbits = speed if speed > 0 else None
            port.up = True if state == UP else False if state in DOWN else None

    def local_ports(self) -> None:
        """Find out which port is meant by each number that LLDP gives one."""
        kinds, ids, words = (self._columns[f"{LOCAL}.{column}"] for column in (2, 3, 4))
        self.speaks = bool(ids) or f"{OWN}.2.0" in self.rows
        by_name = self._by_name()
        for local, said in ids.items():
            kind, named = number(kinds.get(local)), plain(said)
            mac = address(said) if kind == PORT_ADDRESS else ""
            called = [mac] if mac else [named, plain(words.get(local))]
            found = next((by_name[name] for name in called if by_name.get(name)), None)
            if found is None and not mac and named.isdecimal():
                found = self.ports.get(named)  # "locally assigned", and it is the ifIndex
            if found is None:
                found = self.ports[f"lldp {local}"] = _Port()
            for name in called:
                found.call(name)
            self._by_number[local] = found

    def _by_name(self) -> dict[str, _Port | None]:
        """Return ports by their names and addresses; None for what several have."""
        known: dict[str, _Port | None] = {}
        for port in self.ports.values():
            for name in {*port.names, port.address} - {""}:
                known[name] = port if known.get(name, port) is port else None
        return known

    def neighbours(self) -> None:
        """Take in who was heard: rows by TimeMark, port and index, of which marks tell the age."""
        kinds, chassis, names = (self._columns[f"{REMOTE}.{column}"] for column in (4, 5, 9))
        subtypes, words = self._columns[f"{REMOTE}.6"], self._columns[f"{REMOTE}.8"]
        latest: dict[tuple[str, str], tuple[int, str]] = {}
        for index in self._columns[f"{REMOTE}.7"]:
            mark, _, rest = index.partition(".")
            local, _, entry = rest.rpartition(".")
            if local.isdecimal() and mark.isdecimal():
                there = latest.get((local, entry), (-1, ""))
                latest[local, entry] = max(there, (int(mark), index))
        for (local, _), (age, index) in latest.items():
            said = self._columns[f"{REMOTE}.7"][index]
            kind = PORT_KINDS.get(number(subtypes.get(index)), "other")
            port = self._by_number.get(local)
            if port is None:
                port = self._by_number[local] = self.ports[f"lldp {local}"] = _Port()
            if len(port.neighbours) < NEIGHBOURS_MAX:
                told = (address(said) or plain(said)) if kind == "address" else plain(said)
                who = _chassis(kinds.get(index), chassis.get(index))
                name, words_of = plain(names.get(index)), plain(words.get(index))
                port.neighbours.append(Neighbour(name, who, told, kind, words_of, age))

    def learnt(self) -> None:
        """Take in the forwarding tables: which address is at which port of the bridge."""
        bases = {base: text(said) for base, said in self._columns[BASE_PORT].items()}
        for table in LEARNT:
            states = self._columns[f"{table}.3"]
            for index, said in self._columns[f"{table}.2"].items():
                octets = [int(arc) for arc in index.split(".")[-OCTETS:] if arc.isdecimal()]
                self.learns = True
                base = text(said)
                port = self.ports.get(bases.get(base, base))
                fits = len(octets) == OCTETS and max(octets) < 256
                if port is not None and fits and number(states.get(index, TOLD[0])) in TOLD:
                    port.addresses.add(bytes(octets).hex(":"))
