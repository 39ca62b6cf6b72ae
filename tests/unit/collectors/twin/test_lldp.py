"""A simulated switch tells who is at its cables, as the devices there name themselves."""

from collections.abc import Callable, Iterable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from collectors.rows import Value
from collectors.twin.lldp import BRIDGE, LLDP, Cable, address_of, bridge, lldp, neighbour
from collectors.twin.objects import Object

ReadAs = Callable[[str, Mapping[str, Value], Mapping[str, float | str]], dict[str, object]]

PORTS = {"swp1": 1001, "swp2": 1002, "swp3": 1003, "swp4": 1004, "swp5": 1005}
CABLES = {
    "swp1": Cable("compute_tray1", "bmc", "mac", bytes.fromhex("7c8c09aabb01")),
    "swp2": Cable("bay_spine", "Ethernet8", "local"),
    "swp3": Cable("mgmt_switch2", "swp49"),
    "swp4": Cable("power_shelf1", "pmc", None, bytes.fromhex("7c8c09aabb04")),
}


def rows(objects: Iterable[Object]) -> dict[str, Value]:
    """Return what a walk of these objects would give."""
    said = {each.oid: each.value for each in objects}
    return {oid: v.encode() if isinstance(v, str) else v for oid, v in said.items()}


def heard(found: Mapping[str, Value], column: int) -> dict[int, Value]:
    """Return a column of lldpRemTable by the port's number."""
    entry = f"{LLDP}.4.1.1.{column}."
    return {
        int(oid.removeprefix(entry).split(".")[1]): value
        for oid, value in found.items()
        if oid.startswith(entry)
    }


def test_each_far_end_names_its_port_in_its_own_way() -> None:
    """An address from a host, a local name from SONiC, the interface elsewhere, or silence."""
    found = rows(lldp("mgmt_switch1", PORTS, CABLES, mark=4500))

    assert heard(found, 6) == {1001: 3, 1002: 7, 1003: 5}
    assert heard(found, 7) == {
        1001: bytes.fromhex("7c8c09aabb01"),
        1002: b"Ethernet8",
        1003: b"swp49",
    }
    assert set(heard(found, 9).values()) == {b"compute_tray1", b"bay_spine", b"mgmt_switch2"}
    assert found[f"{LLDP}.4.1.1.9.4500.1003.1"] == b"mgmt_switch2"


def test_a_port_is_found_by_its_own_number() -> None:
    """The number in the table of neighbours is that of the table of ports, not the ifIndex."""
    found = rows(lldp("mgmt_switch1", PORTS, CABLES))

    names = {number: found[f"{LLDP}.3.7.1.3.{number}"] for number in heard(found, 7)}
    assert names == {1001: b"swp1", 1002: b"swp2", 1003: b"swp3"}
    assert found[f"{LLDP}.3.3.0"] == b"mgmt_switch1"


def test_a_device_without_lldp_is_found_by_its_address() -> None:
    """Both bridge tables say at which port, and the port has an ifIndex."""
    found = rows(bridge("mgmt_switch1", {port: n for n, port in enumerate(PORTS, 11)}, CABLES))
    index = "124.140.9.170.187.4"

    assert found[f"{BRIDGE}.4.3.1.1.{index}"] == CABLES["swp4"].mac
    assert found[f"{BRIDGE}.4.3.1.2.{index}"] == found[f"{BRIDGE}.7.1.2.2.1.2.1.{index}"] == 4
    assert found[f"{BRIDGE}.1.4.1.2.4"] == 14


def test_swapped_cables_cross_both_ends_and_nothing_else() -> None:
    """What one port heard the other hears now, in LLDP and in the bridge."""
    crossed = {**CABLES, "swp1": CABLES["swp3"], "swp3": CABLES["swp1"]}
    before, after = (rows(lldp("mgmt_switch1", PORTS, c)) for c in (CABLES, crossed))

    for column in range(4, 10):
        was, now = heard(before, column), heard(after, column)
        assert now == {1001: was[1003], 1002: was[1002], 1003: was[1001]}
    assert set(before) == set(after)


def test_the_shipped_fragment_reads_how_often_neighbours_came(read_as: ReadAs) -> None:
    """Through a profile that includes it."""
    expected = {"lldp/inserts": 3, "lldp/deletes": 0, "lldp/drops": 0, "lldp/ageouts": 0}

    assert read_as("sonic", rows(lldp("mgmt_switch1", PORTS, CABLES)), expected) == expected


@given(st.text(max_size=30))
def test_an_invented_address_belongs_to_nobody_and_to_one_device(name: str) -> None:
    """Locally administered, of one device alone, the same each time."""
    address = address_of(name)

    assert len(address) == 6
    assert address[0] & 3 == 2
    assert address_of(name) == address != address_of(f"{name}!")


def test_silence_is_no_row() -> None:
    """A far end that sends no LLDP is not in the table at all."""
    assert list(neighbour(4, CABLES["swp4"])) == []
