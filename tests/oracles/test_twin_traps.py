"""Net-SNMP's snmptrapd receives what simulated devices say, in all versions, and names it."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collectors.snmp.usm import Authority, User
from collectors.twin.engine import Engine, engine_id
from collectors.twin.notices import Scene, notices
from collectors.twin.objects import Table
from collectors.twin.responder import Responder
from collectors.twin.trap import Herald, Sink
from collectors.twin.voice import Voice

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
HOST = "127.0.1.11"
MIBS = "IF-MIB:PDU2-MIB:Sentry4-MIB:PowerNet-MIB:RITTAL-CMC-III-MIB"
SYS_OBJECT_ID = "1.3.6.1.4.1.13742.6"
PROTOCOLS = [("SHA-256", "AES"), ("SHA", "AES-256-C"), ("MD5", "DES")]
LINK = Scene("feedA", "link down", "swp3", ports={"swp3": 7})
LINK_TOLD = [
    "sysUpTime.0 = 12:20:34:56.78",
    "snmpTrapOID.0 = linkDown",
    "ifIndex.7 = 7",
    "ifAdminStatus.7 = up",
    "ifOperStatus.7 = down",
]
VENDORS = {
    "raritan_pdu2": (
        "breaker opened",
        "overCurrentProtectorSensorStateChange",
        [
            "typeOfSensor.0 = trip",
            "oldSensorState.0 = closed",
            'pxInetIPAddress.1 = "7F 00 01 0B "',
        ],
    ),
    "sentry4": ("breaker opened", "st4OcpStatusEvent", ["st4OcpStatus.1.1.1 = breakerTripped"]),
    "apc_rpdu2": ("breaker opened", "rpduCriticalCondition", ["mtrapargsString03.0 = feedA"]),
    "apc_inrow": ("leak", "airCriticalCondition", ["mtrapargsInteger.0 = 1"]),
    "rittal_cmc3": ("leak", "alarmSensorDevice", ["cmcIIIMsgStatus.1.1 = alarm"]),
}
UPTIME = ((12 * 24 + 20) * 60 + 34) * 60 + 56.78


def someone(auth: str, privacy: str) -> User:
    """Make the user that snmptrapd knows."""
    name = f"{auth}:{privacy}".encode()
    return User.of(name, auth=(auth, b"maplesyrup"), privacy=(privacy, b"treefrogs"))


class Receiver:
    """A running snmptrapd."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.address = ("127.0.0.1", port)

    async def line(self) -> str:
        """Return the next line that it prints of what it received."""
        assert self.process.stdout is not None
        while True:
            line = (await asyncio.wait_for(self.process.stdout.readline(), 20)).decode().strip()
            assert line, "snmptrapd ended"
            if line.startswith("TOLD "):
                return line.removeprefix("TOLD ")


@pytest.fixture
async def receiver(tmp_path: Path, shared: Path) -> AsyncIterator[Receiver]:
    """Run Debian's snmptrapd on a free port of loopback."""
    program = shutil.which("snmptrapd", path=PATH)
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("snmptrapd is not installed, and CI must have it")
        pytest.skip("snmptrapd is not installed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lines = ["authCommunity log public", r"format1 TOLD %a %B %N.%w.%q | %V ; %v\n"]
    lines += [r"format2 TOLD %B | %V ; %v\n"]
    for auth, privacy in PROTOCOLS:
        keys = f"{auth}:{privacy} {auth} maplesyrup {privacy} treefrogs"
        lines += [f"createUser -e 0x{engine_id('feedA').hex()} {keys}", f"createUser {keys}"]
        lines.append(f"authUser log {auth}:{privacy}")
    (tmp_path / "snmptrapd.conf").write_text("\n".join(lines) + "\n")
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(tmp_path), "MIBDIRS": f"{shared}/mibs"}
    process = await asyncio.create_subprocess_exec(
        *(program, "-f", "-n", "-Lo", "-C", "-c", "snmptrapd.conf", "-m", MIBS, "-OsQ"),
        f"udp:127.0.0.1:{port}",
        cwd=tmp_path,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    while b"NET-SNMP version" not in await asyncio.wait_for(process.stdout.readline(), 20):
        continue
    yield Receiver(process, port)
    process.terminate()
    await process.wait()


async def told(receiver: Receiver, herald: Herald, *scenes: tuple[str, Scene]) -> list[str]:
    """Say what happened, and return what snmptrapd made of it."""
    voice = Voice(herald, HOST, asyncio.get_running_loop().time)
    lines = []
    try:
        for family, scene in scenes:
            for notice in notices(family, scene):
                voice.tell(notice, UPTIME)
                lines += [await receiver.line() for _ in herald.sinks]
                await asyncio.wait_for(voice.quiet.wait(), 20)
    finally:
        voice.close()
    return lines


def herald(*sinks: Sink) -> Herald:
    """Give a device somebody to tell."""
    clock = Authority(3, started=asyncio.get_running_loop().time() - UPTIME)
    engine = Engine(engine_id("feedA"), Responder(Table([]), {}), clock=clock, salt=1)
    return Herald(sinks, host=HOST, sys_object_id=SYS_OBJECT_ID, engine=engine)


def parts(line: str) -> list[str]:
    """Split what snmptrapd printed of the objects."""
    return [part.strip() for part in line.split("|", 1)[1].split(";") if part.strip()]


@pytest.mark.parametrize("inform", [False, True])
async def test_snmptrapd_understands_a_link_in_v2c(receiver: Receiver, *, inform: bool) -> None:
    """Who, since when, what, and the row of the port."""
    device = herald(Sink(address=receiver.address, inform=inform))

    (line,) = await told(receiver, device, ("", LINK))

    assert f"[{HOST}]" in line
    assert parts(line) == LINK_TOLD
    assert (device.waiting, device.lost) == (0, 0)


async def test_snmptrapd_understands_a_link_in_v1(receiver: Receiver) -> None:
    """The name in two parts, and the device's own address inside."""
    device = herald(Sink(address=receiver.address, version="1"))

    (line,) = await told(receiver, device, ("", LINK))

    assert line.startswith(f"{HOST} UDP: [{HOST}]")
    assert "pdu2.2.0 |" in line
    assert parts(line) == LINK_TOLD[2:]


@pytest.mark.parametrize(("auth", "privacy"), PROTOCOLS)
@pytest.mark.parametrize("inform", [False, True])
async def test_snmptrapd_understands_a_link_in_v3(
    receiver: Receiver, auth: str, privacy: str, *, inform: bool
) -> None:
    """A trap under the device's engine; an inform under the receiver's, which is found first."""
    sink = Sink(address=receiver.address, version="3", user=someone(auth, privacy), inform=inform)

    device = herald(sink)

    (line,) = await told(receiver, device, ("", LINK))

    assert parts(line) == LINK_TOLD
    assert (device.waiting, device.lost) == (0, 0)


@pytest.mark.parametrize("family", VENDORS)
async def test_snmptrapd_names_what_vendors_have(receiver: Receiver, family: str) -> None:
    """Our objects are those of the vendor's own MIB; a start is told by everybody."""
    what, name, expected = VENDORS[family]
    scenes = [Scene("feedA", what, host=HOST), Scene("feedA", "reboot", host=HOST)]

    lines = await told(
        receiver, herald(Sink(address=receiver.address)), *((family, scene) for scene in scenes)
    )

    assert f"snmpTrapOID.0 = {name}" in parts(lines[0])
    assert set(expected) <= set(parts(lines[0]))
    assert "snmpTrapOID.0 = coldStart" in parts(lines[1])
