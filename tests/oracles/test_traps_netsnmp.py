"""Net-SNMP's snmptrap and snmpinform tell a real agent what happened, in every version.

The agent knows four devices, none of which answers: each may speak from its own loopback address.
"""

import asyncio
import json
import re
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from agent.exits import Exit
from agent.programs import get
from tests.simulation.listener import (
    OTHER,
    PATIENCE_S,
    PLAIN,
    SECURE,
    STRANGER,
    Floor,
    drops,
    path_of,
)
from tests.simulation.nursery import Nursery

ENGINE: Final = "0x8000000001020304"
COLD_START: Final = "1.3.6.1.6.3.1.1.5.1"
LINK_DOWN: Final = "1.3.6.1.6.3.1.1.5.3"
V3: Final = ("-v3", "-u", "watch", "-l", "authPriv", "-a", "SHA-256", "-A", "maplesyrup")
V3_AES: Final = (*V3, "-x", "AES", "-X", "treefrogs!")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nursery() -> AsyncIterator[Nursery]:
    """Let there be agents."""
    path_of("snmptrap")
    async with Nursery.open() as nursery:
        yield nursery


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def floor(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Floor]:
    """Let an agent listen."""
    floor = Floor(tmp_path_factory.mktemp("floor"), nursery)
    await floor.start()
    yield floor
    await floor.stop()


async def test_every_version_says_the_same(floor: Floor) -> None:
    """v1 in two numbers, v2c and v3 by the name, v3 under the sender's own engine."""
    row = ("1.3.6.1.2.1.2.2.1.1.7", "i", "7")
    v1 = ("-v1", "-c", "public")
    assert not await floor.tell(PLAIN, v1, "1.3.6.1.4.1.318", PLAIN, "2", "0", "4200", *row)
    assert not await floor.tell(PLAIN, ("-v2c", "-c", "private"), "4200", LINK_DOWN, *row)
    assert not await floor.tell(SECURE, (*V3_AES, "-e", ENGINE), "4200", LINK_DOWN, *row)

    plain, secure = await floor.kept("plain", 2), await floor.kept("secure", 1)

    assert [said["version"] for said in plain + secure] == ["1", "2c", "3"]
    assert {said["name"] for said in plain + secure} == {"linkDown"} or {
        said["oid"] for said in plain + secure
    } == {LINK_DOWN}
    assert {said["uptime_s"] for said in plain + secure} == {42.0}
    assert all(["1.3.6.1.2.1.2.2.1.1.7", "7"] in said["objects"] for said in plain + secure)


@pytest.mark.parametrize("version", [("-v2c", "-c", "public"), V3_AES])
async def test_an_inform_is_acknowledged_when_it_is_on_the_disk(
    floor: Floor, version: tuple[str, ...]
) -> None:
    """The program that sends it ends well only when it was told so."""
    source, device = (SECURE, "secure") if version is V3_AES else (OTHER, "other")
    before = (await floor.metrics())["rackproof_agent_informs_acknowledged_total"]
    rows = len(floor.rows(device))

    assert not await floor.tell(source, ("-Ci", *version), "", COLD_START)

    (said,) = floor.rows(device)[rows:]
    assert (said["inform"], said["oid"]) == (True, COLD_START)
    await floor.counted("rackproof_agent_informs_acknowledged_total", before + 1)


@pytest.mark.parametrize(
    ("source", "version", "reason"),
    [
        (STRANGER, ("-v2c", "-c", "public"), "unknown_source"),
        (PLAIN, ("-v2c", "-c", "secret"), "community"),
        (SECURE, ("-v1", "-c", "public"), "community"),
        (PLAIN, (*V3_AES, "-e", ENGINE), "unknown_user"),
        (SECURE, (*V3, "-x", "AES", "-X", "wrongwords", "-e", ENGINE), "decryption"),
        (SECURE, ("-v3", "-u", "watch", "-l", "noAuthNoPriv", "-e", ENGINE), "unsupported_level"),
        (
            SECURE,
            (
                "-v3",
                "-u",
                "watch",
                "-l",
                "authNoPriv",
                "-a",
                "SHA-256",
                "-A",
                "otherwords",
                "-e",
                ENGINE,
            ),
            "unsupported_level",
        ),
        (
            SECURE,
            (*V3_AES[:-5], "wrongwords", "-x", "AES", "-X", "treefrogs!", "-e", ENGINE),
            "wrong_digest",
        ),
    ],
)
async def test_whoever_may_not_speak_is_counted_and_not_kept(
    floor: Floor, source: str, version: tuple[str, ...], reason: str
) -> None:
    """From elsewhere, under another word, as nobody, or without the keys."""
    before = await floor.dropped(reason)
    rows = len(floor.rows("plain")) + len(floor.rows("secure"))
    trap = ("1.3.6.1.4.1.318", source, "0", "0", "1") if "-v1" in version else ("1", COLD_START)

    assert not await floor.tell(source, version, *trap)

    await floor.counted(drops(reason), before + 1)
    assert len(floor.rows("plain")) + len(floor.rows("secure")) == rows


async def test_nobody_is_told_an_inform_was_taken_that_was_not(floor: Floor) -> None:
    """Under a wrong word the sender waits in vain."""
    assert await floor.tell(PLAIN, ("-Ci", "-v2c", "-c", "secret", "-r", "0"), "", COLD_START)


async def test_what_devices_say_is_fit_to_be_shown(floor: Floor) -> None:
    """No escape sequence, no line break, nothing without an end."""
    evil = "\x1b[31mred\x07\n<script>alert(1)</script>" + "x" * 500
    v2c = ("-v2c", "-c", "public")

    assert not await floor.tell(OTHER, v2c, "7", COLD_START, "1.3.6.1.2.1.1.5.0", "s", evil)

    said = (await floor.kept("other", 2))[-1]
    ((_, text),) = said["objects"]
    assert text.isprintable()
    assert len(text) <= 120
    log = floor.agent.log.read_text() if floor.agent else ""
    assert "\x1b" not in log


async def test_no_secret_is_logged_or_kept(floor: Floor) -> None:
    """Neither communities nor passwords, whatever was said and whoever said it."""
    assert floor.agent is not None
    page = await get(floor.http, "/metrics") or b""
    everything = floor.agent.log.read_bytes() + page
    for file in (floor.folder / "data").iterdir():
        everything += file.read_bytes() if file.is_file() else b""
    for secret in (b"maplesyrup", b"treefrogs!", b"private"):
        assert secret not in everything


@pytest.mark.nightly
async def test_a_restart_is_counted_and_told(nursery: Nursery, tmp_path: Path) -> None:
    """Whoever knew our clock from before learns the new one, and nothing is lost on the way."""
    floor = Floor(tmp_path, nursery)
    boots = []
    for _ in range(2):
        await floor.start()
        assert not await floor.tell(SECURE, ("-Ci", *V3_AES), "", COLD_START)
        await floor.stop()
        boots.append(json.loads((tmp_path / "data" / "snmp-engine.json").read_text()))

    assert [each["boots"] for each in boots] == [1, 2]
    assert boots[0]["engine"] == boots[1]["engine"]
    assert len(floor.rows("secure")) == 2


@pytest.mark.parametrize(
    "moment",
    ["inbox.committing", pytest.param("inbox.committed", marks=pytest.mark.nightly)],
)
async def test_an_inform_cut_short_by_a_crash_is_kept_once(
    nursery: Nursery, tmp_path: Path, moment: str
) -> None:
    """Killed before the row is on the disk, or before its sender was told: it is sent again."""
    floor = Floor(tmp_path, nursery)
    agent = await floor.start(RACKPROOF_FAILPOINT=moment)
    patient = ("-Ci", "-v2c", "-c", "public", "-r", "30", "-t", "1")

    telling = asyncio.create_task(floor.tell(PLAIN, patient, "", COLD_START))
    assert await asyncio.wait_for(agent.process.wait(), PATIENCE_S) == -signal.SIGKILL
    assert not telling.done(), "it was acknowledged before it was kept"
    await floor.start()

    assert await asyncio.wait_for(telling, PATIENCE_S) == 0
    assert len(floor.rows("plain")) == 1
    await floor.stop()


async def test_a_port_that_is_taken_is_named(nursery: Nursery, tmp_path: Path) -> None:
    """Somebody else's trap receiver is there already."""
    floor = Floor(tmp_path, nursery)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", floor.traps))
        agent = await floor.begin()
        assert await asyncio.wait_for(agent.process.wait(), PATIENCE_S) == Exit.UNDECIDED

    said = agent.log.read_text()
    assert re.search(rf"cannot_listen.*127\.0\.0\.1:{floor.traps}", said), said
