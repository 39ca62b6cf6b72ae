"""The twin on real sockets, read by programs that are not ours."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator

import pytest

from collectors.twin.bay import Bay
from collectors.twin.families import DEVICES
from collectors.twin.serve import Twin


@pytest.fixture
async def twin() -> AsyncIterator[Twin]:
    """Serve one bay on whatever port is free."""
    twin = await Twin.open(Bay(seed=5), wall=lambda: 1_800_000_000.0, number=9)
    yield twin
    twin.close()


async def run(*command: str) -> str:
    """Return what a program printed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    return printed.decode()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("command", [("snmpbulkwalk", "-v2c"), ("snmpwalk", "-v1")])
async def test_net_snmp_walks_each_device_without_complaint(
    twin: Twin, device: str, command: tuple[str, str]
) -> None:
    """Every object arrives once; v1 leaves out 64-bit counters."""
    if shutil.which(command[0]) is None:
        pytest.skip("net-snmp is not installed: apt-get install snmp")
    host, port = twin.addresses[device]
    printed = await run(*command, "-c", "public", "-On", f"{host}:{port}", "1.3.6.1")
    objects = DEVICES[device][1](device)
    expected = {f".{o.oid}" for o in objects if command[1] == "-v2c" or o.tag != 0x46}
    names = {line.partition(" = ")[0] for line in printed.splitlines() if line.startswith(".")}
    assert names == expected


async def test_each_device_has_its_own_address_and_all_have_one_port(twin: Twin) -> None:
    """As in a rack, where each management card has an address and the port is the same."""
    assert len({host for host, _ in twin.addresses.values()}) == len(DEVICES)
    assert len({port for _, port in twin.addresses.values()}) == 1


async def test_two_twins_of_one_bay_find_different_ports(twin: Twin) -> None:
    """A second demo on the machine starts all the same."""
    other = await Twin.open(Bay(seed=5), wall=lambda: 0.0, number=9)
    assert other.addresses != twin.addresses
    other.close()


async def test_mosquitto_passes_on_what_the_twin_publishes(twin: Twin) -> None:
    """A late subscriber still learns what each point is, and then its value."""
    broker = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if broker is None or shutil.which("mosquitto_sub") is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        broker, "-v", "-p", str(port), stderr=asyncio.subprocess.PIPE
    )
    assert server.stderr is not None
    while not (line := await server.stderr.readline()).endswith(b" running\n"):
        assert line, "mosquitto ended"
    publishing = asyncio.create_task(twin.publish("bay-01", ("127.0.0.1", port)))
    try:
        topic = "BMS/v1/PUB/Metadata/Rack/RackLiquidFlow/#"
        command = ("mosquitto_sub", "-p", str(port), "-C", "1", "-t", topic)
        printed = await run(*command)
    finally:
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        server.terminate()
        await server.wait()
    assert json.loads(printed)["engUnit"] == "LPM"
