"""SNMPv3: messages of anybody, what a peer believes of them, and what is inside a proven one."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from collectors.snmp.ber import BerError
from collectors.snmp.keys import AUTH, PRIVACY, Cryptor, Mac, cryptor, extended, localise, master
from collectors.snmp.message import MismatchError, PduType, decode_pdu, encode_pdu
from collectors.snmp.peer import Peer
from collectors.snmp.secured import Flag, Message, decode, is_v3, scope, unscope
from collectors.snmp.usm import User
from fuzz.snmp import VALUES, giant_messages, pdu
from fuzz.target import Target

ENGINE: Final = bytes.fromhex("8000000001020304")
BOOTS: Final = 3
SECONDS: Final = 1000
WORD: Final = b"maplesyrup"
PROTOCOLS: Final = (("", ""), ("SHA-256", ""), ("SHA-256", "AES"), ("MD5", "DES"))
USERS: Final = tuple(
    User.of(
        b"watch",
        auth=(auth, WORD) if auth else None,
        privacy=(privacy, WORD) if privacy else None,
    )
    for auth, privacy in PROTOCOLS
)
PDU: Final = pdu(VALUES[:3])


def messages() -> Iterator[bytes]:
    """Yield messages: who is there, and answers at every level."""
    asked = scope(b"", b"", encode_pdu(PduType.GET, []))
    yield Message(number=7, flags=Flag.REPORTABLE, body=asked).encode()
    for user in USERS:
        sealed = user.at(ENGINE).seal(
            scope(ENGINE, b"", PDU), number=7, boots=BOOTS, seconds=SECONDS, salt=1
        )
        yield sealed
    report = pdu([b"\x41\x01\x01"], kind=0xA8)
    yield Message(
        number=7, flags=0, engine=ENGINE, boots=9, seconds=9, body=scope(ENGINE, b"", report)
    ).encode()


def message(data: bytes) -> None:
    """Decode a message; encoded again it means the same, and a scope is found or refused."""
    is_v3(data)
    try:
        found = decode(data)
    except BerError:
        return
    assert decode(found.encode()) == found
    if not found.flags & Flag.PRIV:
        inside(found.body)


def inside(body: bytes) -> None:
    """Take a scope apart; what is left over is padding."""
    try:
        engine, context, inner = unscope(body)
        decode_pdu(inner)
    except BerError:
        return
    assert scope(engine, context, inner) is not None


def peer(data: bytes) -> None:
    """Nobody who has no key is believed: no PDU, no clock. The first octet picks the user."""
    if not data:
        return
    user = USERS[1 + data[0] % 3]
    for engine, times in ((b"", 2), (ENGINE, 1)):  # met and then heard, or heard alone
        known = Peer(user, salt=1, engine=engine)
        for _ in range(times):
            try:
                heard = known.open(data[1:], 100.0)
            except (BerError, MismatchError):
                continue
            assert heard.pdu == b"" or data[1:] in PROVEN
        if data[1:] not in PROVEN:
            assert (known.clock.boots, known.clock.latest) == (0, -1)
        assert engine in (b"", known.engine)


PROVEN: Final = frozenset(messages())


def proven(data: bytes) -> None:
    """Even whoever has the key sends what can be refused. The first octet picks user and level."""
    if not data:
        return
    pick = data[0] % len(USERS)
    sealed = _signed(pick, data[1:])
    known = Peer(USERS[pick], salt=1, engine=ENGINE)
    try:
        heard = known.open(sealed, 100.0)
    except (BerError, MismatchError):
        return
    assert heard.number == 7
    assert (heard.pdu in data[1:]) or (heard.complaint is not None)
    try:
        decode_pdu(heard.pdu)
    except BerError:
        return


def _signed(pick: int, body: bytes) -> bytes:
    """Encrypt and sign a body of any kind, as only whoever has the keys can."""
    told = KEYS[pick]
    salt = bytes(8) if told.privacy else b""
    if told.privacy:
        body = told.privacy.encrypt(body, BOOTS, SECONDS, salt)
    message = Message(
        number=7,
        flags=USERS[pick].level,
        engine=ENGINE,
        boots=BOOTS,
        seconds=SECONDS,
        user=b"watch",
        digest=bytes(told.mac.octets) if told.mac else b"",
        salt=salt,
        body=body,
    )
    before, digest, after = message.parts()
    return before + (told.mac(before + digest + after) if told.mac else digest) + after


class Keys(NamedTuple):
    """What one user signs and encrypts with at `ENGINE`."""

    mac: Mac | None = None
    privacy: Cryptor | None = None


def _keys(auth: str, privacy: str) -> Keys:
    """Make the keys of a user."""
    if not auth:
        return Keys()
    told = AUTH[auth]
    key = localise(told.hash, master(told.hash, WORD), ENGINE)
    if not privacy:
        return Keys(Mac(told, key))
    kind = PRIVACY[privacy]
    return Keys(Mac(told, key), cryptor(kind, extended(told.hash, key, ENGINE, kind)))


KEYS: Final = tuple(_keys(*each) for each in PROTOCOLS)


def picked() -> Iterator[bytes]:
    """Yield every message for every user."""
    for each in messages():
        for pick in range(3):
            yield bytes((pick,)) + each


def scoped() -> Iterator[bytes]:
    """Yield what a proven message may hold."""
    for pick in range(4):
        yield bytes((pick,)) + scope(ENGINE, b"", PDU)
        yield bytes((pick,)) + scope(ENGINE, b"", pdu([b"\x41\x01\x01"], kind=0xA8))
        yield bytes((pick,)) + scope(b"", b"context", pdu([])) + bytes(8)


TARGETS: Final = (
    Target(
        name="v3_message",
        run=message,
        seeds=messages,
        giants=giant_messages,
        words=(ENGINE, b"\x02\x01\x03", b"\x04\x00", b"\x30\x00"),
        size_max=1472,
    ),
    Target(name="v3_peer", run=peer, seeds=picked, words=(ENGINE,), size_max=1472),
    Target(name="v3_proven", run=proven, seeds=scoped, words=(ENGINE, *VALUES), size_max=512),
)
