"""Devices of simulated racks speak SNMPv3, and say from their own address what happened to them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.burnin.design import Design
from agent.twin.answerers import cables
from agent.twin.places import families
from collectors.profile import load_profiles
from collectors.snmp.ber import dotted, oid
from collectors.snmp.message import PduType, decode_pdu, encode_pdu, unwrap
from collectors.snmp.notification import INFORM, TRAP_V2
from collectors.snmp.peer import Peer
from collectors.snmp.usm import User
from collectors.twin.snmp_face import SnmpFaces
from collectors.twin.speech import Speech
from collectors.twin.trap import Sink
from tests.unit.collectors.twin.cold_racks import racks_of

WATCH = User.of(b"watch", auth=("SHA-256", b"maplesyrup"), privacy=("AES", b"treefrogs"))
NAME = encode_pdu(PduType.GET, [oid("1.3.6.1.2.1.1.5.0")])
SWITCH = "mgmt_switch"


class Floor:
    """Two small racks on the air, and somebody who hears what they say."""

    def __init__(self, design: Design) -> None:
        self.racks = racks_of(design, [1, 2])
        profiles = families(design, load_profiles(), {})
        mine = {d: profiles[d] for d in self.racks.devices if profiles[d].transport == "snmp"}
        self.faces = SnmpFaces(self.racks, mine, ["a", "b"], cables=cables(design))
        self.families = mine
        self.heard: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue()

    async def open(self, *, inform: bool = False, users: tuple[User, ...] = ()) -> Speech:
        """Put everything on loopback."""
        loop = asyncio.get_running_loop()
        _, ear = await loop.create_datagram_endpoint(
            lambda: Ear(self.heard), local_addr=("127.0.0.1", 0)
        )
        self.ear = ear
        hosts = {
            (face.rack, face.device): f"127.0.{70 + face.rack}.{number}"
            for number, face in enumerate(self.faces, start=1)
        }
        self.faces.open(hosts, 0)
        sinks = [Sink(address=ear.address, inform=inform)]
        self.speech = Speech(
            self.racks, self.faces, self.families, ["a", "b"], users=users, sinks=sinks, boots=9
        )
        return self.speech

    def close(self) -> None:
        """End it all."""
        self.speech.close()
        self.faces.close()
        self.ear.close()

    async def told(self) -> tuple[int, str, str]:
        """Return the next that is said: its type, its name, and from where."""
        datagram, host = await asyncio.wait_for(self.heard.get(), 20)
        _, _, pdu = unwrap(datagram)
        spans = decode_pdu(pdu).spans
        return pdu[0], dotted(pdu[spans[1].start : spans[1].stop]), host


class Ear(asyncio.DatagramProtocol):
    """Hears what devices say."""

    def __init__(self, heard: asyncio.Queue[tuple[bytes, str]]) -> None:
        self.heard = heard
        self.address = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the address."""
        self.address = transport.get_extra_info("sockname")[:2]
        self.close = transport.close

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Keep it."""
        self.heard.put_nowait((data, addr[0]))


@pytest.fixture
async def floor(small: Design) -> AsyncIterator[Floor]:
    """Make the floor, and tidy up."""
    made = Floor(small)
    yield made
    made.close()


@pytest.mark.parametrize("inform", [False, True])
async def test_a_link_that_goes_down_is_told_by_its_switch_alone(
    floor: Floor, *, inform: bool
) -> None:
    """From the address at which the switch of that rack answers."""
    speech = await floor.open(inform=inform)

    floor.racks.tell(1, SWITCH, "link down", "swp2")
    speech.tell(floor.racks.happened())

    where = floor.faces[1, SWITCH].address[0]
    kind = INFORM if inform else TRAP_V2
    assert await floor.told() == (kind, "1.3.6.1.6.3.1.1.5.3", where)
    assert floor.heard.empty()


async def test_a_reboot_is_told_and_counted_by_the_engine(floor: Floor) -> None:
    """Boots rise, and whoever knew the old clock finds the new one."""
    speech = await floor.open(users=(WATCH,))
    face, peer = floor.faces[0, SWITCH], Peer(WATCH, salt=1)

    def asks() -> list[bytes]:
        """Ask until there is an answer."""
        said: list[bytes] = []
        while not said or not said[-1]:
            sealed = peer.seal(NAME, len(said) + 1, floor.racks.seconds)
            said.append(peer.open(face.answer(sealed) or b"", floor.racks.seconds).pdu)
        return said

    assert b"a-mgmt_switch" in asks()[-1]
    assert peer.clock.boots == 9
    floor.racks.advance(60.0)
    floor.racks.reboot(0, SWITCH)
    speech.tell(floor.racks.happened())
    assert len(asks()) == 2
    assert peer.clock.boots == 10
    assert (await floor.told())[1] == "1.3.6.1.6.3.1.1.5.1"


async def test_what_no_device_of_ours_would_say_is_not_said(floor: Floor) -> None:
    """Of a tray, of a port that there is not, and from a device that is silent."""
    speech = await floor.open()

    floor.racks.tell(0, "tray1", "reboot")
    floor.racks.tell(0, SWITCH, "link down", "swp99")
    floor.racks.silent[1, floor.racks.number(SWITCH)] = True
    floor.racks.tell(1, SWITCH, "link down", "swp1")
    floor.racks.tell(0, SWITCH, "link up", "swp1")
    speech.tell(floor.racks.happened())

    assert (await floor.told())[1] == "1.3.6.1.6.3.1.1.5.4"
    assert floor.heard.empty()
