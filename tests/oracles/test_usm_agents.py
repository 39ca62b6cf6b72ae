"""Net-SNMP's snmpd and pysnmp answer us in SNMPv3, and agree on every key."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.type.univ import OctetString
from pysnmp.hlapi.v3arch import asyncio as pysnmp  # type: ignore[import-untyped]
from pysnmp.proto.secmod.rfc3414 import service  # type: ignore[import-untyped]

from collectors.snmp.ber import oid
from collectors.snmp.keys import AUTH, PRIVACY, cryptor, extended, localise, master
from collectors.snmp.message import PduType, decode_pdu, encode_pdu
from collectors.snmp.peer import Heard, Peer
from collectors.snmp.usm import Complaint, User

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
PAIRS = list(product(AUTH, PRIVACY))
DESCR = encode_pdu(PduType.GET, [oid("1.3.6.1.2.1.1.1.0")])
TEXT = b"Rackproof test"
MASTERS = {name: master(auth.hash, b"maplesyrup") for name, auth in AUTH.items()}
DIGESTS = {
    "MD5": pysnmp.USM_AUTH_HMAC96_MD5,
    "SHA": pysnmp.USM_AUTH_HMAC96_SHA,
    "SHA-224": pysnmp.USM_AUTH_HMAC128_SHA224,
    "SHA-256": pysnmp.USM_AUTH_HMAC192_SHA256,
    "SHA-384": pysnmp.USM_AUTH_HMAC256_SHA384,
    "SHA-512": pysnmp.USM_AUTH_HMAC384_SHA512,
}
CIPHERS = {
    "DES": pysnmp.USM_PRIV_CBC56_DES,
    "AES": pysnmp.USM_PRIV_CFB128_AES,
    "AES-192": pysnmp.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256": pysnmp.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES-192-C": pysnmp.USM_PRIV_CFB192_AES,
    "AES-256-C": pysnmp.USM_PRIV_CFB256_AES,
}


class Snmpd:
    """Debian's snmpd with one user of each kind, started as often as a test wants."""

    def __init__(self, program: str, folder: Path) -> None:
        self.folder = folder
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.address = free.getsockname()
        lines = [f"sysDescr {TEXT.decode()}"]
        for auth, privacy in PAIRS:
            name = f"{auth}:{privacy}"
            lines.append(f"createUser {name} {auth} maplesyrup {privacy} treefrogs")
            lines.append(f"rouser {name} priv")
        (folder / "snmpd.conf").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start it; it keeps its engine's name and counts its starts."""
        host, port = self.address
        command = [self.program, "-f", "-LE", "5", "-I", "-smux"]
        kept = self.folder / "kept"
        environment = {
            **os.environ,
            "SNMPCONFPATH": f"{self.folder}:{kept}",
            "SNMP_PERSISTENT_DIR": str(kept),
            "MIBS": "",
        }
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, f"udp:{host}:{port}"], cwd=self.folder, env=environment, stderr=log
            )

    def stop(self) -> None:
        """End it as an administrator does."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    """Run one for all tests."""
    program = shutil.which("snmpd", path=PATH)
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("snmpd is not installed, and CI must have it")
        pytest.skip("snmpd is not installed")
    agent = Snmpd(program, tmp_path_factory.mktemp("snmpd"))
    agent.start()
    yield agent
    agent.stop()


class Line(asyncio.DatagramProtocol):
    """Carries questions to one agent and its answers back."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, _addr: tuple[str, int]) -> None:
        """Keep what came."""
        self.heard.put_nowait(data)

    def error_received(self, _exc: Exception) -> None:
        """Nobody listens yet: the question is put again."""
        self.heard.put_nowait(b"")


async def until_answered(address: tuple[str, int], peer: Peer, now: float) -> list[Heard]:
    """Ask for the description until it comes; return all that was said before, and it."""
    loop = asyncio.get_running_loop()
    transport, line = await loop.create_datagram_endpoint(Line, remote_addr=address)
    said: list[Heard] = []
    try:
        for number in range(1, 600):
            transport.sendto(peer.seal(DESCR, number, now))
            try:
                answer = await asyncio.wait_for(line.heard.get(), 1.0)
            except TimeoutError:
                continue
            if not answer:
                await asyncio.sleep(0.02)  # it is not up yet
                continue
            said.append(peer.open(answer, now))
            if said[-1].pdu:
                return said
    finally:
        transport.close()
    raise AssertionError(said)


def user(auth: str, privacy: str) -> User:
    """Make the user that snmpd knows."""
    name = f"{auth}:{privacy}".encode()
    return User.of(name, auth=(auth, b"maplesyrup"), privacy=(privacy, b"treefrogs"))


def text(heard: Heard) -> bytes:
    """Return the value in an answer."""
    pdu = decode_pdu(heard.pdu)
    assert (pdu.type, pdu.status) == (PduType.RESPONSE, 0)
    return heard.pdu[pdu.spans[0].start : pdu.spans[0].stop]


@pytest.mark.parametrize(("auth", "privacy"), PAIRS)
async def test_snmpd_answers_with_every_pair(snmpd: Snmpd, auth: str, privacy: str) -> None:
    """Its name, its clock, and then the answer."""
    peer = Peer(user(auth, privacy), salt=5)

    said = await until_answered(snmpd.address, peer, now=100.0)

    assert text(said[-1]) == TEXT
    assert [heard.complaint for heard in said[:-1]] == [
        Complaint.UNKNOWN_ENGINE,
        Complaint.NOT_IN_TIME_WINDOW,
    ]
    assert peer.clock.boots >= 1


async def test_snmpd_is_known_again_after_a_restart(snmpd: Snmpd) -> None:
    """It has started once more, says so under its key, and answers."""
    peer = Peer(user("SHA-256", "AES"), salt=5)
    await until_answered(snmpd.address, peer, now=100.0)
    boots = peer.clock.boots

    snmpd.stop()
    snmpd.start()
    said = await until_answered(snmpd.address, peer, now=101.0)

    assert text(said[-1]) == TEXT
    assert peer.clock.boots == boots + 1


async def test_snmpd_says_that_a_password_is_wrong(snmpd: Snmpd) -> None:
    """A report, not silence; and no value."""
    wrong = User.of(b"SHA:AES", auth=("SHA", b"maplesyrup1"), privacy=("AES", b"treefrogs"))

    peer = Peer(wrong, salt=5)
    loop = asyncio.get_running_loop()
    transport, line = await loop.create_datagram_endpoint(Line, remote_addr=snmpd.address)
    heard = []
    for number in (1, 2):
        transport.sendto(peer.seal(DESCR, number, 100.0))
        heard.append(peer.open(await asyncio.wait_for(line.heard.get(), 20), 100.0))
    transport.close()

    assert [said.complaint for said in heard] == [
        Complaint.UNKNOWN_ENGINE,
        Complaint.WRONG_DIGEST,
    ]


@pytest.mark.parametrize("auth", AUTH)
@pytest.mark.parametrize("password", [b"maplesyrup", b"12345678", bytes(range(99, 250))])
def test_pysnmp_hashes_passwords_to_the_same_keys(auth: str, password: bytes) -> None:
    """A mebibyte of it."""
    theirs: Any = service.SnmpUSMSecurityModel.PRIV_SERVICES[pysnmp.USM_PRIV_CFB128_AES]

    assert bytes(theirs.hash_passphrase(DIGESTS[auth], password)) == master(
        AUTH[auth].hash, password
    )


@pytest.mark.parametrize(("auth", "privacy"), PAIRS)
@settings(max_examples=10)
@given(
    names=st.tuples(st.binary(min_size=5, max_size=32), st.binary(min_size=8, max_size=8)),
    plain=st.binary(min_size=1, max_size=100),
    when=st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1)),
)
def test_pysnmp_makes_the_same_keys_and_ciphers(
    auth: str, privacy: str, *, names: tuple[bytes, bytes], plain: bytes, when: tuple[int, int]
) -> None:
    """Localised and extended; encrypted by either and decrypted by the other."""
    engine, salt = names
    theirs: Any = service.SnmpUSMSecurityModel.PRIV_SERVICES[CIPHERS[privacy]]
    name = AUTH[auth].hash

    key = theirs.localize_key(DIGESTS[auth], OctetString(MASTERS[auth]), OctetString(engine))
    ours = extended(name, localise(name, MASTERS[auth], engine), engine, PRIVACY[privacy])
    assert ours == bytes(key)

    mine = cryptor(PRIVACY[privacy], ours)
    encrypted, chosen = theirs.encrypt_data(key, (*when, None), plain)
    assert mine.decrypt(bytes(encrypted), *when, bytes(chosen))[: len(plain)] == plain
    sent = OctetString(mine.encrypt(plain, *when, salt))
    found = theirs.decrypt_data(key, (*when, OctetString(salt)), sent)
    assert bytes(found)[: len(plain)] == plain
