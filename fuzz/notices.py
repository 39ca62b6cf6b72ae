"""What devices send unasked: traps and informs of every version, and who is believed of them."""

from collections.abc import Iterator
from typing import Final

from collectors.neighbours import ABOUT, ADDRESSES, sockets
from collectors.snmp.ber import BerError, Tag
from collectors.snmp.hearing import REASONS, Hearing
from collectors.snmp.message import Community, MismatchError
from collectors.snmp.notification import INFORM, OBJECTS_MAX, Spoken, acknowledgement, decode
from collectors.snmp.proof import Proof
from collectors.snmp.secured import scope
from collectors.snmp.speaker import Speaker, Speakers
from collectors.snmp.usm import Authority
from collectors.twin.trap import Field, Notice, trap_v1, trap_v2
from fuzz.secured import BOOTS, ENGINE, SECONDS, USERS
from fuzz.secured import messages as secured_messages
from fuzz.snmp import VALUES, giant_messages
from fuzz.target import Target

VERSIONS: Final[tuple[Spoken, ...]] = ("1", "2c", "3")
HERE: Final = ("192.0.2.1", 162)
OURS: Final = bytes.fromhex("8000000005060708")
NOTICE: Final = Notice(
    "1.3.6.1.6.3.1.1.5.3",
    (
        Field("1.3.6.1.2.1.2.2.1.1.1", Tag.INTEGER, 1),
        Field("1.3.6.1.2.1.1.5.0", Tag.OCTET_STRING, "pdu"),
        Field("1.3.6.1.2.1.1.2.0", Tag.OID, "1.3.6.1.4.1.99"),
    ),
)
VENDORS: Final = Notice("1.3.6.1.4.1.99.0.7", NOTICE.fields[:1])
SPEAKERS: Final = Speakers(
    [(HERE[0], Speaker("bay/pdu", frozenset({b"public"}), (USERS[1], USERS[2])))]
)


def pdus() -> Iterator[bytes]:
    """Yield traps and informs."""
    for notice in (NOTICE, VENDORS):
        yield trap_v1(notice, "1.3.6.1.4.1.99", bytes((10, 0, 0, 1)), 1234)
        yield trap_v2(notice, 1234, 77)
        yield trap_v2(notice, 1234, 78, kind=INFORM)


def notification(data: bytes) -> None:
    """A notification has a name, a time and few objects, whatever version it came in."""
    for version in VERSIONS:
        try:
            told = decode(version, data)
        except (BerError, MismatchError):
            continue
        assert len(told.objects) <= OBJECTS_MAX + 2
        assert isinstance(told.ticks, int)
        assert told.name.startswith(("0.", "1.", "2."))
        if told.inform:
            assert acknowledgement(data)[1:] == data[1:]


def datagrams() -> Iterator[bytes]:
    """Yield datagrams, each behind an octet that picks where it comes from and how often."""
    v1, v2c = Community("1", b"public"), Community("2c", b"public")
    for pdu in pdus():
        sealed = (v1 if pdu[0] == 0xA4 else v2c).seal(pdu)
        yield b"\x00" + sealed
        yield b"\x01" + sealed
    yield b"\x00" + Community("2c", b"other").seal(trap_v2(NOTICE, 1, 1))
    for message in secured_messages():
        yield b"\x00" + message
    for user in USERS[1:3]:
        sealed = user.at(ENGINE).seal(
            scope(ENGINE, b"", trap_v2(NOTICE, 1, 1)),
            number=7,
            boots=BOOTS,
            seconds=SECONDS,
            salt=1,
            reportable=False,
        )
        yield b"\x00" + sealed


def hearing(data: bytes) -> None:
    """A datagram is new, or one more drop with a reason; a repeat is never new.

    The first octet says whether it comes from somebody who is known.
    """
    if not data:
        return
    proof = Proof(OURS, Authority(BOOTS, 0.0), salt=1)
    sifted = Hearing(proof, SPEAKERS)
    host = "192.0.2.9" if data[0] & 1 else HERE[0]
    first = sifted.hear(data[1:], (host, 162), 1000.0)
    again = sifted.hear(data[1:], (host, 162), 1000.0)
    assert again is None
    assert sifted.drops.keys() == {*REASONS}
    assert sum(sifted.drops.values()) == (1 if first else 2)
    assert len(sifted.outbox) <= 2
    if first is not None:
        assert host == HERE[0]
        assert first.devices == ("bay/pdu",)
        assert sifted.acknowledge(first) == first.told.inform


ROOTS: Final = (*ABOUT, *ADDRESSES)


def neighbours(data: bytes) -> None:
    """Whatever a switch tells of its neighbours, a table comes of it.

    An octet for the column, one for the length of the index, one for that of the value.
    """
    rows: dict[str, int | float | bytes | str | None] = {}
    at = 0
    while at + 3 <= len(data):
        column, index, size = data[at], data[at + 1] % 16, data[at + 2]
        at += 3
        arcs = ".".join(str(octet) for octet in data[at : at + index])
        said = data[at + index : at + index + size % 64]
        value = int.from_bytes(said[:4], "big") if size & 0x80 else said
        rows[f"{ROOTS[column % len(ROOTS)]}.{arcs or 0}"] = value
        at += index + size % 64
    sockets(rows, dict.fromkeys(ROOTS, "complete"))


def tables() -> Iterator[bytes]:
    """Yield tables of a switch with a neighbour, by LLDP and by its bridge."""
    mac = bytes.fromhex("7c8c09aabb01")
    lldp = b"".join(
        bytes((n, 3, len(said))) + bytes((0, 7, 1)) + said
        for n, said in enumerate((b"", mac, b"", b"swp1", b"port one", b"switch"))
    )
    kinds = bytes((0, 3, 0x81)) + bytes((0, 7, 1)) + b"\x04"
    ports = bytes((6, 1, 0x81)) + b"\x07\x07" + bytes((7, 1, 4)) + b"\x07swp7"
    bridge = bytes((18, 1, 0x81)) + b"\x07\x07" + bytes((19, 6, 0x81)) + mac + b"\x07"
    yield lldp + kinds + ports
    yield bridge + bytes((20, 6, 0x81)) + mac + b"\x03"


TARGETS: Final = (
    Target(name="notification", run=notification, seeds=pdus, words=VALUES, size_max=512),
    Target(
        name="hearing",
        run=hearing,
        seeds=datagrams,
        giants=lambda: (b"\0" + each for each in giant_messages()),
        words=(*VALUES, b"public", OURS, ENGINE),
        size_max=1472,
    ),
    Target(name="neighbours", run=neighbours, seeds=tables, size_max=256),
)
