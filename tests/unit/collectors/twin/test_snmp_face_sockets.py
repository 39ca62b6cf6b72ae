"""Simulated devices on loopback, with the habits of real ones."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from collectors.profile import load_profiles
from collectors.snmp import ber
from collectors.snmp.message import Community, PduType, encode_pdu, request_id
from collectors.twin.snmp_face import SnmpFaces
from tests.unit.collectors.twin.still_racks import Instruments, points_of

SENTRY = next(profile for profile in load_profiles() if profile.name == "sentry4")
DEVICES = ("one", "other")
PATIENCE_S = 10.0  # of a test on a busy machine


@pytest.fixture
async def racks() -> Instruments:
    """Make instruments of two meters."""
    return Instruments([point for name in DEVICES for point in points_of("sentry4", name)])


@pytest.fixture
async def faces(racks: Instruments) -> AsyncIterator[SnmpFaces]:
    """Put both on the air, on one port that is free."""
    faces = SnmpFaces(racks, dict.fromkeys(DEVICES, SENTRY), ["bay-1"])
    hosts = {(0, name): f"127.0.98.{n}" for n, name in enumerate(DEVICES, start=1)}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((hosts[0, "one"], 0))
        port = probe.getsockname()[1]
    faces.open(hosts, port)
    yield faces
    faces.close()


class Manager:
    """Asks, and hears which request is answered."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(0)
        self.sock.bind(("127.0.0.1", 0))

    def ask(self, faces: SnmpFaces, device: str, number: int, word: bytes = b"public") -> None:
        """Send a request of this number."""
        pdu = encode_pdu(PduType.GET, [ber.oid("1.3.6.1.2.1.1.1.0")])
        numbered = pdu.replace(bytes((2, 4, 0, 0, 0, 0)), bytes((2, 4, 0, 0, 0, number)))
        self.sock.sendto(Community("2c", word).seal(numbered), faces[0, device].address)

    async def hear(self) -> int:
        """Return the number of the request that is answered next."""
        async with asyncio.timeout(PATIENCE_S):
            data = await asyncio.get_running_loop().sock_recv(self.sock, 2000)
        return request_id(Community("2c", b"public").open(data))


@pytest.fixture
async def manager() -> AsyncIterator[Manager]:
    """Open a manager's socket."""
    manager = Manager()
    yield manager
    manager.sock.close()


async def test_each_device_has_its_own_address_and_all_have_one_port(faces: SnmpFaces) -> None:
    """As management cards have."""
    assert len({face.address[0] for face in faces}) == len(DEVICES)
    assert len({face.address[1] for face in faces}) == 1


async def test_a_silent_device_answers_nothing_until_it_speaks_again(
    faces: SnmpFaces, racks: Instruments, manager: Manager
) -> None:
    """Whether its face is silent or its rack lets it be."""
    faces[0, "one"].silent = True
    manager.ask(faces, "one", 1)
    manager.ask(faces, "other", 2)
    assert await manager.hear() == 2
    faces[0, "one"].silent = False
    racks.silent[0, 0] = True
    manager.ask(faces, "one", 3)
    manager.ask(faces, "other", 4)
    assert await manager.hear() == 4
    racks.silent[0, 0] = False
    manager.ask(faces, "one", 5)
    assert await manager.hear() == 5


async def test_a_device_that_listens_to_another_word_answers_nobody_else(
    faces: SnmpFaces, manager: Manager
) -> None:
    """As after somebody changed the community."""
    faces[0, "one"].responder.community = b"changed"
    manager.ask(faces, "one", 1)
    manager.ask(faces, "one", 2, b"changed")
    manager.ask(faces, "other", 3)
    async with asyncio.timeout(PATIENCE_S):
        loop = asyncio.get_running_loop()
        heard = {(await loop.sock_recv(manager.sock, 2000))[7:13] for _ in range(2)}
    assert heard == {b"change", b"public"}


async def test_a_slow_device_is_overtaken_and_answers_all_the_same(
    faces: SnmpFaces, manager: Manager
) -> None:
    """Others do not wait for it."""
    faces[0, "one"].late_s = 0.3
    manager.ask(faces, "one", 1)
    manager.ask(faces, "other", 2)
    assert [await manager.hear(), await manager.hear()] == [2, 1]


async def test_answers_may_come_in_another_order_and_twice(
    faces: SnmpFaces, racks: Instruments, manager: Manager
) -> None:
    """As faults of the rack's network have it."""
    racks.jumbled[0, 0] = 0.3
    manager.ask(faces, "one", 1)
    manager.ask(faces, "one", 2)
    assert [await manager.hear(), await manager.hear()] == [2, 1]
    racks.twice[0, 1] = True
    manager.ask(faces, "other", 3)
    assert [await manager.hear(), await manager.hear()] == [3, 3]


async def test_an_address_that_is_taken_is_an_error_and_leaves_nothing_open(
    faces: SnmpFaces, racks: Instruments
) -> None:
    """A second twin has to take another port."""
    second = SnmpFaces(racks, {"one": SENTRY}, ["bay-1"])
    host, port = faces[0, "one"].address
    with pytest.raises(OSError, match="in use"):
        second.open({(0, "one"): host}, port)
    faces.close()
    second.open({(0, "one"): host}, port)
    second.close()
