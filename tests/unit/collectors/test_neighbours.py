"""What switches tell of their cables, in every way that they name a port."""

import random
from collections.abc import Mapping

import hypothesis.strategies as st
import pytest
from hypothesis import given

from collectors.neighbours import (
    ABOUT,
    ADDRESSES,
    ADDRESSES_MAX,
    BASE_PORT,
    EXTENDED,
    INTERFACE,
    LEARNT,
    LOCAL,
    NEIGHBOURS_MAX,
    REMOTE,
    Socket,
    Switch,
    sockets,
)
from collectors.rows import Value

WHOLE: Mapping[str, str] = {}  # no walk was cut short
MAC = bytes.fromhex("7c8c09aabb01")


def interface(index: int, name: str, descr: str = "", alias: str = "") -> dict[str, Value]:
    """Return a port in IF-MIB."""
    return {
        f"{EXTENDED}.1.{index}": name.encode(),
        f"{INTERFACE}.2.{index}": (descr or name).encode(),
        f"{EXTENDED}.18.{index}": alias.encode(),
        f"{EXTENDED}.15.{index}": 1000,
        f"{INTERFACE}.8.{index}": 1,
    }


def local(number: int, kind: int, said: bytes, words: str = "") -> dict[str, Value]:
    """Return a port as LLDP numbers it."""
    return {
        f"{LOCAL}.2.{number}": kind,
        f"{LOCAL}.3.{number}": said,
        f"{LOCAL}.4.{number}": words.encode(),
    }


def heard(number: int, system: str = "tray1", mark: int = 0, entry: int = 1) -> dict[str, Value]:
    """Return a neighbour whose port is named by address."""
    told: Mapping[int, Value] = {4: 4, 5: MAC, 6: 3, 7: MAC, 8: b"bmc", 9: system.encode()}
    return {f"{REMOTE}.{column}.{mark}.{number}.{entry}": said for column, said in told.items()}


def learnt(base: int, octets: bytes, status: int = 3, vlan: str = "") -> dict[str, Value]:
    """Return an address at a port of the bridge; with a VLAN, in Q-BRIDGE-MIB."""
    table = LEARNT[bool(vlan)]
    index = ".".join(map(str, octets))
    return {f"{table}.2.{vlan}{index}": base, f"{table}.3.{vlan}{index}": status}


def at(switch: Switch, name: str) -> Socket:
    """Return the port of a name."""
    return next(socket for socket in switch.sockets if name in socket.names)


@pytest.mark.parametrize(
    ("kind", "said", "words"),
    [
        (5, b"swp7", ""),
        (5, b"Ethernet7", ""),  # what ifDescr says
        (7, b"507", ""),  # "locally assigned", and is the ifIndex
        (7, b"whatever", "swp7"),
        (1, b"to tray 7", ""),
        (3, bytes.fromhex("020000000007"), ""),
    ],
)
def test_a_port_is_found_however_lldp_names_it(kind: int, said: bytes, words: str) -> None:
    """Map LLDP's number, which is no ifIndex, by what both tables call the port."""
    rows = interface(507, "swp7", "Ethernet7", "to tray 7") | interface(1007, "swp8")
    rows |= {f"{INTERFACE}.6.507": bytes.fromhex("020000000007")}
    switch = sockets(rows | local(1007, kind, said, words) | heard(1007), WHOLE)
    assert [who.system for who in at(switch, "swp7").neighbours] == ["tray1"]
    assert at(switch, "swp8").neighbours == ()
    assert len(switch.sockets) == 2


def test_a_port_without_a_row_of_its_own_keeps_its_neighbour() -> None:
    """Say that somebody was heard, though nobody knows at which port."""
    switch = sockets(interface(1, "swp1") | heard(1), WHOLE)
    assert at(switch, "swp1").neighbours == ()
    assert [s.neighbours[0].system for s in switch.sockets if not s.names] == ["tray1"]


def test_a_neighbour_that_is_told_twice_is_one() -> None:
    """Take the later mark: the table is filtered by time, and some devices show every age."""
    rows = local(1, 5, b"swp1") | heard(1, "old", 100) | heard(1, "new", 2000)
    (who,) = at(sockets(rows, WHOLE), "swp1").neighbours
    assert (who.system, who.chassis, who.port, who.kind) == (
        "new",
        "7c:8c:09:aa:bb:01",
        "7c:8c:09:aa:bb:01",
        "address",
    )


def test_two_neighbours_at_a_port_are_two_and_a_crowd_is_bounded() -> None:
    """Keep a controller and its system apart; a hub full of them is not kept whole."""
    rows = local(1, 5, b"swp1")
    for entry in range(40):
        rows |= heard(1, f"guest{entry}", entry=entry)
    assert len(at(sockets(rows, WHOLE), "swp1").neighbours) == NEIGHBOURS_MAX


@pytest.mark.parametrize("vlan", ["", "10.", "4094."])
def test_an_address_is_at_the_port_where_the_bridge_learnt_it(vlan: str) -> None:
    """Follow the bridge's own number to the port; what is its own or void is nobody's."""
    rows = interface(12, "swp2") | {f"{BASE_PORT}.3": 12}
    rows |= learnt(3, MAC, 3, vlan) | learnt(3, b"\2\0\0\0\0\1", 4, vlan)
    rows |= learnt(3, b"\2\0\0\0\0\2", 2, vlan) | learnt(0, b"\2\0\0\0\0\3", 3, vlan)
    switch = sockets(rows, WHOLE)
    assert switch.learns
    assert at(switch, "swp2").addresses == {"7c:8c:09:aa:bb:01"}


def test_behind_a_port_of_many_addresses_is_a_network() -> None:
    """Do not take the port to the building for the place of every device in it."""
    rows = interface(1, "swp49")
    for number in range(ADDRESSES_MAX + 1):
        rows |= learnt(1, bytes((2, 0, 0, 0, number >> 8, number & 255)))
    assert at(sockets(rows, WHOLE), "swp49").addresses == frozenset()


@pytest.mark.parametrize(
    ("root", "speaks", "learns"),
    [(f"{REMOTE}.7", False, True), (f"{LEARNT[1]}.2", True, False), (f"{EXTENDED}.1", True, True)],
)
def test_a_table_that_was_cut_short_does_not_say_who_is_absent(
    root: str, *, speaks: bool, learns: bool
) -> None:
    """Believe neither silence nor absence where a walk ended early."""
    rows = interface(1, "swp1") | local(1, 5, b"swp1") | learnt(1, MAC)
    switch = sockets(rows, {root: "budget of rows used up"})
    assert (switch.speaks, switch.learns) == (speaks, learns)
    assert switch.notes == (f"{root}: budget of rows used up",)


def test_a_switch_without_lldp_is_not_one_without_neighbours() -> None:
    """Tell the two apart by its own LLDP data."""
    assert not sockets(interface(1, "swp1"), WHOLE).speaks
    assert sockets(interface(1, "swp1") | local(1, 5, b"swp1"), WHOLE).speaks


def test_six_letters_are_no_address() -> None:
    """Read a name of six letters as a name where LLDP says that it is one."""
    rows = local(1, 5, b"swp100") | heard(1)
    rows |= {f"{REMOTE}.6.0.1.1": 5, f"{REMOTE}.7.0.1.1": b"swp200", f"{REMOTE}.4.0.1.1": 7}
    rows |= {f"{REMOTE}.5.0.1.1": b"rack07"}
    (who,) = at(sockets(rows, WHOLE), "swp100").neighbours
    assert (who.chassis, who.port, who.kind) == ("rack07", "swp200", "name")


@given(seed=st.integers(0, 1 << 32))
def test_nonsense_is_read_without_a_word(seed: int) -> None:
    """Take any rows at all: what comes out is bounded and printable."""
    rng = random.Random(seed)
    rows: dict[str, Value] = {}
    for _ in range(rng.randrange(60)):
        arcs = ".".join(
            str(rng.choice([0, 1, 3, 255, 256, 2**32 - 1])) for _ in range(rng.randrange(9))
        )
        said = rng.choice([rng.randbytes(rng.randrange(300)), rng.randrange(2**32), None, "1.3.6"])
        rows[f"{rng.choice((*ABOUT, *ADDRESSES))}.{arcs}"] = said
    switch = sockets(rows, {})
    for socket in switch.sockets:
        assert len(socket.neighbours) <= NEIGHBOURS_MAX
        for said in (*socket.names, *(who.system for who in socket.neighbours)):
            assert len(said) <= 255
            assert said.isprintable()
