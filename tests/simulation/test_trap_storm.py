"""Storms of traps upon a real agent: what it cannot take it counts, and it goes on living."""

import asyncio
import random
import signal
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import ExitStack
from typing import Final

import pytest
import pytest_asyncio

from agent.programs import get
from collectors.snmp.ber import Tag
from collectors.snmp.notification import STANDARD
from collectors.snmp.usm import Authority, User
from collectors.twin.engine import Engine, engine_id
from collectors.twin.objects import Table
from collectors.twin.responder import Responder
from collectors.twin.trap import Field, Herald, Notice, Sink
from tests.simulation.listener import FLOODED, OTHER, PLAIN, SECURE, STRANGER, Floor, drops
from tests.simulation.nursery import Nursery

STORM: Final = 10_000
FLOOD: Final = 8_000  # of the longest datagrams: more than the kernel keeps for one socket
LONG: Final = b"x" * 8_000  # of the 8,192 octets that are read
ROW: Final = "1.3.6.1.2.1.2.2.1.8"
USER: Final = User.of(b"watch", auth=("SHA-256", b"maplesyrup"), privacy=("AES", b"treefrogs!"))

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def floor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Floor]:
    """Let an agent listen."""
    async with Nursery.open() as nursery:
        floor = Floor(tmp_path_factory.mktemp("floor"), nursery)
        await floor.start()
        yield floor
        await floor.stop()


def herald(sink: Sink, host: str = PLAIN) -> Herald:
    """Let a device speak."""
    engine = Engine(
        engine_id(host), Responder(Table([]), {}), clock=Authority(3, started=-5000.0), salt=1
    )
    return Herald([sink], host=host, sys_object_id="1.3.6.1.4.1.318", engine=engine)


def traps(device: Herald, count: int, text: bytes = b"") -> list[bytes]:
    """Return as many traps of one device, no two the same."""
    more = (Field("1.3.6.1.2.1.1.5.0", Tag.OCTET_STRING, text),) if text else ()
    said = []
    for number in range(count):
        notice = Notice(f"{STANDARD}.3", (Field(f"{ROW}.{number % 64}", Tag.INTEGER, 2), *more))
        said.append(device.tell(notice, 1.0 + number / 100, 0.0)[0][0])
    return said


async def send(floor: Floor, said: Sequence[tuple[str, Iterable[bytes]]]) -> int:
    """Send datagrams from their addresses as fast as they go; return how many."""

    def sent() -> int:
        with ExitStack() as stack:
            count = 0
            for host, datagrams in said:
                sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sock.bind((host, 0))
                for datagram in datagrams:
                    sock.sendto(datagram, ("127.0.0.1", floor.traps))
                    count += 1
            return count

    return await asyncio.to_thread(sent)


async def test_every_trap_of_a_storm_is_accounted_for(floor: Floor) -> None:
    """Ten thousand within a second from three devices, in three versions."""
    here = ("127.0.0.1", floor.traps)
    third = STORM // 4
    before = await floor.metrics()
    storm = [
        (PLAIN, traps(herald(Sink(address=here, version="1")), third)),
        (OTHER, traps(herald(Sink(address=here), OTHER), 2 * third)),
        (SECURE, traps(herald(Sink(address=here, version="3", user=USER), SECURE), third)),
    ]

    sent = await send(floor, storm)
    found = await floor.accounted(before, sent)

    assert sent == STORM
    assert floor.rows("plain"), "the first are kept, the storm is a number"
    assert found[told("trap", "counted")] > found[told("trap", "kept")]
    assert await get(floor.http, "/-/healthy")


async def test_what_the_kernel_had_no_room_for_is_counted(floor: Floor) -> None:
    """The agent stands still, and more comes than is kept for it."""
    here = ("127.0.0.1", floor.traps)
    before = await floor.metrics()
    said = traps(herald(Sink(address=here), FLOODED), FLOOD, LONG)
    assert floor.agent is not None

    floor.agent.process.send_signal(signal.SIGSTOP)
    sent = await send(floor, [(FLOODED, said)])
    floor.agent.process.send_signal(signal.SIGCONT)
    found = await floor.accounted(before, sent)

    assert found[drops("kernel")] > 0


async def test_nonsense_is_counted_and_nothing_of_it_is_kept(floor: Floor) -> None:
    """Damaged, cut short, of a version that there is not, from elsewhere, or no traps at all."""
    rng = random.Random(11)
    here = ("127.0.0.1", floor.traps)
    devices = [
        herald(Sink(address=here, version="1")),
        herald(Sink(address=here, version="3", user=USER), SECURE),
    ]
    good = [traps(device, 1)[0] for device in devices]
    bad = [rng.randbytes(rng.randrange(200)) for _ in range(200)]
    bad += [each[: rng.randrange(len(each))] for each in good for _ in range(50)]
    bad += [each + b"\0" for each in good]
    bad += [each.replace(b"public", b"PUBLIC") for each in good[:1]]
    before, rows = await floor.metrics(), len(floor.rows("plain"))

    sent = await send(floor, [(PLAIN, bad), (STRANGER, good)])
    found = await floor.accounted(before, sent)

    assert all("notifications" not in name for name in found)
    assert len(floor.rows("plain")) == rows
    assert await get(floor.http, "/-/healthy")


def told(kind: str, outcome: str) -> str:
    """Return the series that counts what was taken."""
    return f'rackproof_agent_notifications_total{{kind="{kind}",outcome="{outcome}"}}'
