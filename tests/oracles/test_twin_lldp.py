"""Net-SNMP walks a simulated switch's neighbours and names them by LLDP-MIB."""

import asyncio
import os
import random
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from collectors.discovery import SilentError, neighbours
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import Target
from collectors.twin.lldp import Cable, bridge, lldp
from collectors.twin.objects import Table
from collectors.twin.responder import Responder

if TYPE_CHECKING:
    from collectors.twin.objects import Shown

PORTS = {"swp1": 1001, "swp2": 1002, "swp3": 1003}
CABLES = {
    "swp1": Cable("compute_tray1", "bmc", "mac", bytes.fromhex("7c8c09aabb01")),
    "swp2": Cable("bay_spine", "Ethernet8", "local"),
    "swp3": Cable("power_shelf1", "pmc", None, bytes.fromhex("7c8c09aabb04")),
}


class Socket(asyncio.DatagramProtocol):
    """Puts a switch on a port of loopback."""

    def __init__(self) -> None:
        objects = [*lldp("mgmt_switch1", PORTS, CABLES, 4500), *bridge("x", PORTS, CABLES)]
        self.responder: Responder[Shown] = Responder(Table(objects), {})
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer."""
        answer = self.responder.answer(data)
        if answer is not None and self.transport is not None:
            self.transport.sendto(answer, addr)


@pytest.fixture
async def switch() -> AsyncIterator[str]:
    """Run the switch, and return where it answers."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Socket, local_addr=("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")[:2]
    yield f"{host}:{port}"
    transport.close()


async def walked(shared: Path, where: str, root: str) -> list[str]:
    """Return what snmpwalk prints."""
    program = shutil.which("snmpwalk")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("snmpwalk is not installed, and CI must have it")
        pytest.skip("snmpwalk is not installed")
    options = ["-v2c", "-c", "public", "-r", "5", "-OsQ", "-m", "LLDP-MIB"]
    process = await asyncio.create_subprocess_exec(
        *(program, *options, where, root),
        env={**os.environ, "MIBDIRS": f"{shared}/mibs"},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return [line.strip() for line in said.decode().splitlines()]


async def test_snmpwalk_names_neighbours_and_ports(switch: str, shared: Path) -> None:
    """Every column is what its MIB says, in its type."""
    heard = await walked(shared, switch, "lldpRemTable")
    own = await walked(shared, switch, "lldpLocalSystemData")

    assert {
        'lldpRemPortId.4500.1001.1 = "7C 8C 09 AA BB 01 "',
        "lldpRemPortIdSubtype.4500.1001.1 = macAddress",
        "lldpRemPortIdSubtype.4500.1002.1 = local",
        "lldpRemChassisIdSubtype.4500.1002.1 = macAddress",
        "lldpRemSysName.4500.1002.1 = bay_spine",
        "lldpRemPortDesc.4500.1001.1 = bmc",
    } <= set(heard)
    assert not any("1003" in line for line in heard)
    assert {
        "lldpLocSysName.0 = mgmt_switch1",
        "lldpLocPortIdSubtype.1001 = interfaceName",
        "lldpLocPortDesc.1003 = swp3",
    } <= set(own)


async def test_snmpwalk_finds_learnt_addresses(switch: str, shared: Path) -> None:
    """The bridge's table, by number: address and port."""
    found = await walked(shared, switch, "1.3.6.1.2.1.17.4.3.1.2")

    assert [line.rsplit(".", 6)[-1].split()[-1] for line in found if "170.187.4 =" in line] == ["3"]


async def test_what_is_read_is_what_snmpwalk_names(switch: str, shared: Path) -> None:
    """Ask the same switch as both do: neighbours by port, and the addresses learnt there."""
    heard = await walked(shared, switch, "lldpRemSysName")
    host, _, port = switch.rpartition(":")
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    try:
        seen = await neighbours(endpoint, Target(address=(host, int(port)), community=b"public"))
    finally:
        endpoint.close()
    there = {socket.names[0]: socket for socket in seen.sockets}
    named = [line.rpartition(" = ")[2] for line in heard]
    assert [who.system for socket in there.values() for who in socket.neighbours] == named
    assert there["swp1"].neighbours[0].port == "7c:8c:09:aa:bb:01"
    assert there["swp1"].neighbours[0].description == "bmc"
    assert (seen.system, seen.speaks, seen.learns, seen.notes) == ("mgmt_switch1", True, True, ())


async def test_a_switch_that_is_silent_tells_nothing() -> None:
    """Say so, instead of an empty table."""
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    target = Target(address=("127.0.0.1", 9), community=b"public", timeout_s=0.05, retries=0)
    try:
        with pytest.raises(SilentError, match="told nothing of cables"):
            await neighbours(endpoint, target)
    finally:
        endpoint.close()
