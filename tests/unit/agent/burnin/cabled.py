"""A rack's cables as people plug them, and what its switches then say, for tests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.burnin.cabling import Link, links, mbits
from agent.burnin.design import Design
from agent.burnin.expand import refuse
from agent.burnin.farends import End, names_of
from agent.burnin.wiring import Finding, What, Wiring, compare
from collectors.neighbours import EXTENDED, INTERFACE, Switch, sockets
from collectors.rows import Value
from collectors.twin.lldp import Cable, address_of, bridge, lldp

SWITCHES = ("mgmt_switch1", "mgmt_switch2")
FREE = tuple(f"swp{number}" for number in range(30, 48))  # ports that the spec has no cable for
Pair = tuple[End, End]


def ends(link: Link) -> Pair:
    """Return both ends of a cable."""
    return End(link.device, link.port), End(link.far_device, link.far_port)


@dataclass
class Rack:
    """Which plug is where. `plugs`: port of a switch -> the far end of the cable in it."""

    design: Design
    how: Mapping[str, str] = field(default_factory=dict)  # far device -> how it names its port
    plugs: dict[End, End | str] = field(default_factory=dict)  # a text is nobody of the spec
    slow: set[End] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Plug every cable where the spec has it."""
        self.links = links(self.design.spec, self.design.roles, refuse)
        self.plugs |= dict(map(ends, self.links))
        self.silent = {link.far_device for link in self.links if link.cable.lldp == "mac"}
        self.speeds = {ends(link)[0]: mbits(link.cable.speed) for link in self.links}

    def rows(self, switch: str) -> dict[str, Value]:
        """Return what a walk of one switch brings."""
        designed = {end.port for link in self.links for end in ends(link) if end.device == switch}
        ports = [*sorted(designed), *FREE]
        numbers = {port: 1001 + place for place, port in enumerate(ports)}
        there = {end.port: far for end, far in self.plugs.items() if end.device == switch}
        there |= {
            far.port: near
            for near, far in self.plugs.items()
            if isinstance(far, End) and far.device == switch
        }
        cables = {port: self._cable(far) for port, far in there.items()}
        objects = [*lldp(switch, numbers, cables), *bridge(switch, numbers, cables)]
        rows: dict[str, Value] = {
            each.oid: each.value.encode() if isinstance(each.value, str) else each.value
            for each in objects
        }
        for port, index in numbers.items():
            end = End(switch, port)
            rows[f"{EXTENDED}.1.{index}"] = port.encode()
            rows[f"{INTERFACE}.8.{index}"] = 1 if port in there else 2
            speed = 100.0 if end in self.slow else self.speeds.get(end, 0.0)
            rows[f"{EXTENDED}.15.{index}"] = speed if port in there else 0
        return rows

    def _cable(self, far: End | str) -> Cable:
        """Return the far end of a cable as LLDP tells it, where it speaks it."""
        if isinstance(far, str):
            return Cable(far, "eth1")
        if far.device in self.silent:
            return Cable(*far, None)
        match self.how.get(far.device):
            case "mac":
                return Cable(*far, "mac")
            case "local":
                return Cable(*far, "local")
        return Cable(*far)

    def switches(self, names: Iterable[str] = SWITCHES) -> dict[str, Switch]:
        """Return what reading the switches brings."""
        return {name: sockets(self.rows(name), {}) for name in names}

    def found(self, read: Iterable[str] = SWITCHES) -> Wiring:
        """Return what the comparison finds."""
        far = {link.far_device: link for link in self.links}
        names = names_of([*self.design.roles, *far], "bay-01", None, self.design.roles)
        known = {address_of(f"{name}:pmc").hex(":"): name for name in self.silent}
        return compare(self.links, self.switches(read), names, known)

    def told(self) -> tuple[dict[Pair, What], set[End]]:
        """Return what became of each cable, and where there are others."""
        wiring = self.found()
        return {
            (f.at, f.to): f.what for f in wiring.findings if f.what is not What.EXTRA and f.to
        }, {f.at for f in wiring.of(What.EXTRA)}


def near_ports(rack: Rack) -> Sequence[End]:
    """Return the ports where cables begin."""
    return [ends(link)[0] for link in rack.links]


def wrong(findings: Iterable[Finding]) -> list[str]:
    """Return what is said of cables that are not as designed."""
    return [f.text for f in findings if f.what is not What.AS_DESIGNED]
