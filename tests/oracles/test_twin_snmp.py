"""The SNMP devices of the example spec on real sockets, read by the agent's code and Net-SNMP."""

import asyncio
import os
import random
import re
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from agent.burnin.binding import Columns, bind
from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.rehearsal.points import build, points
from collectors.feed import Device, Feed
from collectors.profile import load_profiles
from collectors.quantity import Quantity
from collectors.readings import Channel, Identity, Quality, Readings
from collectors.snmp.endpoint import Endpoint
from collectors.twin.lldp import Cable
from collectors.twin.racks import Racks
from collectors.twin.snmp_face import SnmpFaces
from collectors.twin.spare import spare

PATIENCE_S: Final = 20.0  # on a busy machine; it takes a second when idle
PROFILES: Final = {profile.name: profile for profile in load_profiles()}
FAMILIES: Final = {
    "feedA": "raritan_pdu2",
    "feedB": "sentry4",
    "mgmt_switch1": "sonic",
    "mgmt_switch2": "sonic",
    "rear_door": "rittal_cmc3",
}
OTHERS: Final = ("apc_rpdu2", "eaton_epdu", "panduit_g5", "vertiv_v5")  # what feedA may be instead
MIBS: Final = (
    "PDU2-MIB:Sentry4-MIB:PowerNet-MIB:EATON-EPDU-MIB:PANDUIT-MIB:VERTIV-V5-MIB:RITTAL-CMC-III-MIB"
    ":IF-MIB:ENTITY-SENSOR-MIB:LLDP-MIB:CISCO-ENTITY-FRU-CONTROL-MIB"
)
NO_MIB: Final = "SNMPv2-SMI::mib-2.17."  # of bridges, which is not among those at hand
CABLES: Final = {"mgmt_switch1": {"swp1": Cable("compute_tray1", "bmc", "mac")}}
STEP: Final[Mapping[Quantity, float]] = {Quantity.POWER: 1.0, Quantity.OPTICAL_POWER: 0.01}
LINE: Final = re.compile(r"^\.(?P<oid>[\d.]+) = (?!No more)", re.MULTILINE)


@pytest.fixture(scope="module")
def design(shared: Path) -> Design:
    """Return the example spec."""
    path = shared / "examples" / "nvl72-lc-132kw.yaml"
    return expand(load_spec(path.read_bytes(), path.name))


@pytest.fixture
async def faces(design: Design, request: pytest.FixtureRequest) -> AsyncIterator[SnmpFaces]:
    """Put the SNMP devices of a rack at work on the air; a test may choose what feedA is."""
    names = {**FAMILIES, "feedA": getattr(request, "param", FAMILIES["feedA"])}
    instruments = points(design)
    racks = Racks([*instruments, *spare(instruments)], build(design), [3])
    for switched in (racks.plant.feeds, racks.plant.pumps, racks.plant.filled):
        switched[:] = True
    racks.plant.load[:] = 1.0
    racks.advance(300.0)
    racks.read()
    families = {device: PROFILES[name] for device, name in names.items()}
    served = SnmpFaces(racks, families, ["bay-01"], cables=CABLES)
    served.open({(0, device): f"127.0.97.{n}" for n, device in enumerate(names, start=1)}, 0)
    yield served
    served.close()


class Heard:
    """What the agent's feed makes of devices: their channels, and what they were last."""

    def __init__(self) -> None:
        self.channels: dict[str, Sequence[Channel]] = {}
        self.identity: dict[str, Identity] = {}
        self.provides: dict[str, Mapping[str, Mapping[str, str]]] = {}
        self.readings: dict[str, Readings] = {}
        self.notices: list[str] = []
        self.news = asyncio.Event()

    def bound(
        self,
        device: str,
        channels: Sequence[Channel],
        identity: Identity,
        provides: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Remember a binding."""
        self.channels[device] = channels
        self.identity[device] = identity
        self.provides[device] = provides

    def polled(self, readings: Readings, outcome: str, seconds: float) -> None:
        """Remember a poll."""
        assert seconds >= 0
        assert outcome == "ok", readings.device
        self.readings[readings.device] = readings
        self.news.set()

    def silent(self, device: str, outcome: str, reason: str) -> None:
        """Remember a failure."""
        self.notices.append(f"{device}: {outcome}: {reason}")

    def noticed(self, device: str, event: str, detail: str) -> None:
        """Remember a notice."""
        self.notices.append(f"{device}: {event}: {detail}")


async def heard_of(faces: SnmpFaces) -> Heard:
    """Let the agent find out what each device is, and poll it once."""
    heard = Heard()
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    feed = Feed(endpoint, [*PROFILES.values()], heard, clock=time.monotonic, rng=random.Random(2))
    for face in faces:
        host, port = face.address
        feed.add(
            Device(
                name=face.device,
                host=host,
                port=port,
                version="2c",
                community=b"public",
                timeout_s=2.0,
                retries=1,
                interval_s=60.0,
            )
        )
    running = asyncio.create_task(feed.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while len(heard.readings) < len([*faces]):
                await heard.news.wait()
                heard.news.clear()
    finally:
        running.cancel()
        endpoint.close()
    return heard


async def test_the_agent_reads_every_channel_that_the_spec_requires(
    faces: SnmpFaces, design: Design
) -> None:
    """Each device is known for what it is, and shows what its instruments show."""
    heard = await heard_of(faces)
    assert heard.notices == []
    racks = faces.racks
    for device, family in FAMILIES.items():
        assert heard.identity[device].profile == family
        channels, readings = heard.channels[device], heard.readings[device]
        bound = bind(design, device, channels, heard.provides[device], {})
        assert bound.problems == []
        wanted = {c.name for c in design.channels if c.device == device and c.row.required}
        assert not wanted & {*bound.missing}
        assert (readings.quality == Quality.GOOD).all()
        where = design.places[device]
        columns = Columns(where, bound.pairs, len(channels))
        read = columns.convert(readings.values[columns.columns])
        for pair in bound.pairs:
            channel = design.channels[pair.place]
            quantity = channel.row.quantity
            assert quantity is not None
            value = float(read[pair.place - where.start])
            if quantity.is_state:
                assert value == 0.0, f"{channel.name} is outside its limits"
            elif channel.row.key != "port.flaps":
                column = {(p.device, p.name): n for n, p in enumerate(racks.points)}
                shown = float(racks.shown[0, column[device, channel.name]])
                assert value == pytest.approx(shown, abs=1.001 * STEP.get(quantity, 0.05)), (
                    channel.name
                )


@pytest.mark.parametrize("faces", [FAMILIES["feedA"], *OTHERS], indirect=True)
async def test_the_agent_knows_each_family_that_a_feed_may_be_of(faces: SnmpFaces) -> None:
    """By itself: nothing in the floor file says what a device is."""
    heard = await heard_of(faces)
    assert heard.notices == []
    assert (heard.readings["feedA"].quality == Quality.GOOD).all()
    assert heard.identity["feedA"].profile in {FAMILIES["feedA"], *OTHERS}
    assert heard.identity["feedA"].serial == "SIM-bay-01-feedA"


@pytest.mark.parametrize("command", [("snmpwalk", "-v1"), ("snmpbulkwalk", "-v2c")])
async def test_net_snmp_walks_every_device_in_order(
    faces: SnmpFaces, command: tuple[str, str]
) -> None:
    """Every object once and upwards; v1 leaves out 64-bit counters."""
    for face in faces:
        printed = await walked(face.address, *command, "-On")
        found = [tuple(map(int, line["oid"].split("."))) for line in LINE.finditer(printed)]
        tree = face.responder.table.tree
        old = command[1] == "-v1"
        expected = [
            oid for oid, tag in zip(tree.order, tree.tags, strict=True) if not (old and tag == 0x46)
        ]
        assert found == expected
        assert found == sorted(found)


@pytest.mark.parametrize("faces", [FAMILIES["feedA"], *OTHERS], indirect=True)
async def test_every_object_is_of_the_type_that_its_mib_says(
    faces: SnmpFaces, shared: Path
) -> None:
    """Net-SNMP complains of any other, and has a name for each number of an enumeration."""
    for face in faces:
        options = ("-M", str(shared / "mibs"), "-m", MIBS)
        printed = await walked(face.address, "snmpbulkwalk", "-v2c", *options)
        assert "Wrong Type" not in printed
        assert "Unknown Object" not in printed
        lines = (line for line in printed.splitlines() if not line.startswith(NO_MIB))
        assert not [line for line in lines if line.startswith("SNMPv2-SMI::")]


async def walked(address: tuple[str, int], program: str, version: str, *options: str) -> str:
    """Return what a walk of everything prints."""
    if shutil.which(program) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is not installed, and CI must have it")
        pytest.skip("net-snmp is not installed: apt-get install snmp")
    where = f"{address[0]}:{address[1]}"
    process = await asyncio.create_subprocess_exec(
        *(program, version, "-c", "public", *options, where, ".1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()
