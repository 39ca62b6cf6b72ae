"""Net-SNMP and pysnmp ask a simulated device in SNMPv3, with every protocol that they have."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from pysnmp.hlapi.v3arch import asyncio as pysnmp  # type: ignore[import-untyped]

from collectors.snmp.keys import AUTH, PRIVACY
from collectors.snmp.usm import Authority, User
from collectors.twin.engine import Engine, engine_id
from collectors.twin.objects import Table, fixed
from collectors.twin.responder import Responder
from tests.oracles.engine_socket import Socket

if TYPE_CHECKING:
    from collectors.twin.objects import Shown

DESCR = "1.3.6.1.2.1.1.1.0"
TEXT = "a power strip that is simulated"
PAIRS = [(auth, privacy) for auth, privacy in product(AUTH, PRIVACY)]
PYSNMP_AUTH = {
    "MD5": pysnmp.USM_AUTH_HMAC96_MD5,
    "SHA": pysnmp.USM_AUTH_HMAC96_SHA,
    "SHA-224": pysnmp.USM_AUTH_HMAC128_SHA224,
    "SHA-256": pysnmp.USM_AUTH_HMAC192_SHA256,
    "SHA-384": pysnmp.USM_AUTH_HMAC256_SHA384,
    "SHA-512": pysnmp.USM_AUTH_HMAC384_SHA512,
}
PYSNMP_PRIVACY = {
    "DES": pysnmp.USM_PRIV_CBC56_DES,
    "AES": pysnmp.USM_PRIV_CFB128_AES,
    "AES-192": pysnmp.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256": pysnmp.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES-192-C": pysnmp.USM_PRIV_CFB192_AES,
    "AES-256-C": pysnmp.USM_PRIV_CFB256_AES,
}
MISTAKES = {
    "wrong user": (["-u", "nobody"], "Unknown user name"),
    "wrong password": (["-A", "maplesyrup1"], "Authentication failure"),
    "wrong privacy": (["-x", "DES"], "Decryption error"),
    "wrong level": (["-u", "MD5", "-a", "MD5", "-x", "DES"], "Unsupported security level"),
    "too weak": (["-l", "authNoPriv"], "authorizationError"),
    "wrong context": (["-n", "elsewhere"], "Bad context"),
}
RIGHT = ["-l", "authPriv", "-u", "SHA-256:AES", "-a", "SHA-256", "-A", "maplesyrup"]


def users() -> list[User]:
    """Make one user of each kind, named after its protocols."""
    some = [User.of(b"nobody-special")]
    for auth in AUTH:
        some.append(User.of(auth.encode(), auth=(auth, b"maplesyrup")))
        some += [
            User.of(
                f"{auth}:{privacy}".encode(),
                auth=(auth, b"maplesyrup"),
                privacy=(privacy, b"treefrogs"),
            )
            for privacy in PRIVACY
        ]
    return some


@pytest.fixture(scope="module")
def everybody() -> list[User]:
    """Hash each password once."""
    return users()


@pytest.fixture
async def device(everybody: list[User]) -> AsyncIterator[tuple[Engine, str, int]]:
    """Run a device that knows everybody."""
    loop = asyncio.get_running_loop()
    responder: Responder[Shown] = Responder(
        Table([fixed(DESCR, TEXT), fixed("1.3.6.1.2.1.1.7.0", 72)]), {}
    )
    clock = Authority(3, started=loop.time() - 1000)
    engine = Engine(engine_id("feedA"), responder, everybody, clock=clock, salt=1)
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Socket(engine), local_addr=("127.0.0.1", 0)
    )
    host, port = transport.get_extra_info("sockname")[:2]
    yield engine, host, port
    transport.close()


async def netsnmp(program: str, *options: str) -> tuple[int, str]:
    """Run a tool of Net-SNMP and return how it ended and all that it printed."""
    found = shutil.which(program)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is not installed, and CI must have it")
        pytest.skip(f"{program} is not installed")
    process = await asyncio.create_subprocess_exec(
        *(found, "-v3", "-m", "", "-r", "5", "-On", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.mark.parametrize(("auth", "privacy"), PAIRS)
async def test_snmpget_reads_with_every_pair(
    device: tuple[Engine, str, int], auth: str, privacy: str
) -> None:
    """Discovery, digest and cipher as Net-SNMP has them."""
    _, host, port = device
    keys = ["-u", f"{auth}:{privacy}", "-a", auth, "-A", "maplesyrup", "-X", "treefrogs"]

    code, said = await netsnmp(
        "snmpget", "-l", "authPriv", *keys, "-x", privacy, f"{host}:{port}", DESCR
    )

    assert (code, said) == (0, f'.{DESCR} = STRING: "{TEXT}"\n')


@pytest.mark.parametrize("auth", [None, *AUTH])
async def test_snmpwalk_walks_without_privacy(
    device: tuple[Engine, str, int], auth: str | None
) -> None:
    """The lower levels, and more than one question."""
    _, host, port = device
    level = ["-l", "authNoPriv", "-u", auth, "-a", auth, "-A", "maplesyrup"] if auth else []

    code, said = await netsnmp(
        "snmpwalk", *(level or ["-u", "nobody-special"]), f"{host}:{port}", "1.3.6"
    )

    assert code == 0
    assert said.splitlines()[:2] == [
        f'.{DESCR} = STRING: "{TEXT}"',
        ".1.3.6.1.2.1.1.7.0 = INTEGER: 72",
    ]


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_snmpget_names_the_mistake(device: tuple[Engine, str, int], mistake: str) -> None:
    """Each report says to a person what is wrong."""
    _, host, port = device
    options, expected = MISTAKES[mistake]

    code, said = await netsnmp(
        *("snmpget", *RIGHT, "-x", "AES", "-X", "treefrogs", *options, f"{host}:{port}", DESCR)
    )

    assert code != 0
    assert expected in said


async def test_snmpget_finds_its_way_after_a_reboot(device: tuple[Engine, str, int]) -> None:
    """Boots that somebody remembers are told to be old, and the question is put again."""
    engine, host, port = device
    engine.clock.reboot(asyncio.get_running_loop().time() - 5)

    code, said = await netsnmp(
        *("snmpget", *RIGHT, "-x", "AES", "-X", "treefrogs", "-Z", "3,1000"),
        *(f"{host}:{port}", DESCR),
    )

    assert (code, engine.clock.boots) == (0, 4)
    assert TEXT in said


@pytest.mark.parametrize(("auth", "privacy"), PAIRS)
async def test_pysnmp_reads_with_every_pair(
    device: tuple[Engine, str, int], auth: str, privacy: str
) -> None:
    """The same by an implementation that shares nothing with Net-SNMP."""
    _, host, port = device
    user = pysnmp.UsmUserData(
        f"{auth}:{privacy}",
        "maplesyrup",
        "treefrogs",
        authProtocol=PYSNMP_AUTH[auth],
        privProtocol=PYSNMP_PRIVACY[privacy],
    )
    engine = pysnmp.SnmpEngine()
    try:
        problem, status, _, found = await pysnmp.get_cmd(
            engine,
            user,
            await pysnmp.UdpTransportTarget.create((host, port), timeout=5, retries=2),
            pysnmp.ContextData(),
            pysnmp.ObjectType(pysnmp.ObjectIdentity(DESCR)),
            lookupMib=False,
        )
    finally:
        engine.close_dispatcher()

    shown: list[tuple[str, Any]] = [(str(name), bytes(value)) for name, value in found]
    assert (problem, int(status)) == (None, 0)
    assert shown == [(DESCR, TEXT.encode())]
