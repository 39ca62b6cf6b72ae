"""What protects an SNMPv3 message: the RFCs' own vectors, and what nobody without a key can do."""

import hashlib
import hmac
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.snmp.ber import BerError, Tag, oid, tlv
from collectors.snmp.keys import AUTH, PRIVACY, KeyProblem, Mac, cryptor, extended, localise, master
from collectors.snmp.message import PduType, encode_pdu
from collectors.snmp.peer import Peer
from collectors.snmp.secured import Flag, Message, decode, is_v3, scope, unscope
from collectors.snmp.usm import (
    BOOTS_MAX,
    WINDOW_SECONDS,
    Acquaintance,
    Authority,
    Complaint,
    User,
    UsmError,
)

PASSWORD = b"maplesyrup"
ENGINE = bytes.fromhex("000000000000000000000002")
PAIRS = [
    (None, None),
    *product(AUTH, [None]),
    *product(AUTH, PRIVACY),
]
MASTERS = {name: master(auth.hash, PASSWORD) for name, auth in AUTH.items()}
GET = encode_pdu(PduType.GET, [bytes.fromhex("2b06010201010300")])


def user(auth: str | None, privacy: str | None, name: bytes = b"watch") -> User:
    """Make a user without hashing its password anew."""
    return User(
        name,
        (auth, MASTERS[auth]) if auth else None,
        (privacy, MASTERS[auth]) if auth and privacy else None,
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("md5", "9faf3283884e92834ebc9847d8edd963 526f5eed9fcce26f8964c2930787d82b"),
        (
            "sha1",
            "9fb5cc0381497b3793528939ff788d5d79145211 6695febc9288e36282235fc7151f128497b38f3f",
        ),
    ],
)
def test_passwords_become_the_keys_of_rfc_3414(name: str, expected: str) -> None:
    """RFC 3414 §A.3.1 and §A.3.2: the password "maplesyrup" at engine 2."""
    key = master(name, PASSWORD)

    assert f"{key.hex()} {localise(name, key, ENGINE).hex()}" == expected


@pytest.mark.parametrize(
    ("auth", "privacy", "expected"),
    [
        (
            "SHA",
            "AES-256-C",
            "6695febc9288e36282235fc7151f128497b38f3f9b8b6d78936ba6e7d19dfd9c",
        ),
        ("MD5", "AES-256-C", "526f5eed9fcce26f8964c2930787d82b79eff44a90650ee0a3a40abfac5acc12"),
    ],
)
def test_short_keys_are_extended_as_the_drafts_say(auth: str, privacy: str, expected: str) -> None:
    """draft-reeder-snmpv3-usm-3desede-00 §5: its own examples."""
    name = AUTH[auth].hash
    key = localise(name, MASTERS[auth], ENGINE)

    found = extended(name, key, ENGINE, PRIVACY[privacy])

    assert found.hex() == expected


@pytest.mark.parametrize("name", AUTH)
@given(message=st.binary(max_size=300))
def test_the_prepared_digest_is_an_hmac(name: str, message: bytes) -> None:
    """Python's own hmac says the same, cut to the protocol's size."""
    auth = AUTH[name]
    key = localise(auth.hash, MASTERS[name], ENGINE)

    assert Mac(auth, key)(message) == hmac.digest(key, message, auth.hash)[: auth.octets]


@pytest.mark.parametrize("name", PRIVACY)
@given(
    plain=st.binary(max_size=200),
    salt=st.binary(min_size=8, max_size=8),
    boots=st.integers(0, BOOTS_MAX),
    seconds=st.integers(0, BOOTS_MAX),
)
def test_what_was_encrypted_comes_back(
    name: str, plain: bytes, salt: bytes, boots: int, seconds: int
) -> None:
    """Every cipher gives back what it was given, filled up to its blocks."""
    cipher = cryptor(PRIVACY[name], hashlib.sha256(b"").digest()[: PRIVACY[name].octets])

    back = cipher.decrypt(cipher.encrypt(plain, boots, seconds, salt), boots, seconds, salt)

    assert back[: len(plain)] == plain
    assert not back[len(plain) :].strip(b"\0")
    assert len(back) - len(plain) < 8


@pytest.mark.parametrize(("auth", "privacy"), PAIRS)
def test_a_sealed_message_opens_for_the_same_user_alone(
    auth: str | None, privacy: str | None
) -> None:
    """Another password, or another engine, proves nothing."""
    scoped = scope(ENGINE, b"", GET)
    sent = user(auth, privacy).at(ENGINE).seal(scoped, number=1, boots=2, seconds=3, salt=4)
    message = decode(sent)

    assert unscope(user(auth, privacy).at(ENGINE).open(message, sent)) == (ENGINE, b"", GET)
    assert (GET in sent) is (privacy is None)
    if auth:
        other = User(b"watch", (auth, MASTERS[auth][::-1]), None)
        for stranger in (other.at(ENGINE), user(auth, None).at(ENGINE[::-1])):
            with pytest.raises(UsmError, match="wrong_digest"):
                stranger.prove(message, sent)


@pytest.mark.parametrize("auth", AUTH)
def test_not_one_bit_of_a_proven_message_may_change(auth: str) -> None:
    """Every flipped bit is refused, with the digest's own and the header's."""
    there = user(auth, "AES").at(ENGINE)
    sent = there.seal(scope(ENGINE, b"", GET), number=1, boots=2, seconds=3, salt=4)
    opened = []

    for bit in range(8 * len(sent)):
        changed = bytearray(sent)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            message = decode(bytes(changed))
            if message.flags & Flag.AUTH:
                opened.append(there.open(message, bytes(changed)))
        except (BerError, UsmError):
            continue

    assert opened == []


def test_a_digest_of_another_size_proves_nothing() -> None:
    """Nothing, a part, or more of the digest is not the digest."""
    there = user("SHA-256", None).at(ENGINE)
    sent = there.seal(scope(ENGINE, b"", GET), number=1, boots=2, seconds=3, salt=4)
    whole = decode(sent)

    for size in (0, 12, 16, 32, 48):
        fields = {name: getattr(whole, name) for name in Message.__slots__}
        forged = Message(**{**fields, "digest": whole.digest.ljust(48, b"\0")[:size]}).encode()
        with pytest.raises(UsmError, match="wrong_digest"):
            there.open(decode(forged), forged)


@given(st.binary(max_size=120))
def test_garbage_raises_one_kind_of_error(garbage: bytes) -> None:
    """Whatever comes from the wire is refused in one way."""
    for decoder in (decode, is_v3, unscope):
        try:
            decoder(garbage)
        except BerError:
            continue


@given(st.data())
def test_a_cut_or_changed_message_raises_one_kind_of_error(data: st.DataObject) -> None:
    """Nearly right is the worst kind of wrong."""
    sent = bytearray(
        user("MD5", "DES").at(ENGINE).seal(b"\x30\x00", number=9, boots=1, seconds=1, salt=1)
    )
    at = data.draw(st.integers(0, len(sent) - 1))
    sent[at] = data.draw(st.integers(0, 255))
    cut = bytes(sent[: data.draw(st.integers(0, len(sent)))])

    try:
        message = decode(cut)
    except BerError:
        return
    assert len(message.user) <= 32


def test_clocks_apart_by_more_than_the_window_are_refused_by_an_authority() -> None:
    """150 s either way, one start, and never after the last one (RFC 3414 §3.2, 7a)."""
    clock = Authority(boots=5, started=100.0)
    verdicts = {}

    for boots, seconds in product((4, 5, 6), (0, 349, 350, 650, 651)):
        message = Message(number=1, flags=Flag.AUTH, boots=boots, seconds=seconds, body=b"")
        try:
            clock.check(message, now=100.0 + 500)
            verdicts[boots, seconds] = True
        except UsmError as error:
            verdicts[boots, seconds] = error.complaint is not Complaint.NOT_IN_TIME_WINDOW

    assert {when for when, fresh in verdicts.items() if fresh} == {(5, 350), (5, 650)}
    clock.reboot(now=700.0)
    assert (clock.boots, clock.seconds(701.9)) == (6, 1)


def test_an_acquaintance_learns_forward_and_never_back() -> None:
    """A later start or time is adopted; an earlier one is a replay (RFC 3414 §3.2, 7b)."""
    clock = Acquaintance()

    def hears(boots: int, seconds: int, now: float) -> bool:
        try:
            clock.check(boots, seconds, now)
        except UsmError:
            return False
        return True

    assert hears(3, 1000, now=50.0)
    assert clock.seconds(60.0) == 1010
    assert hears(3, 1010 - WINDOW_SECONDS, now=60.0)
    assert not hears(3, 1009 - WINDOW_SECONDS, now=60.0)
    assert not hears(2, 5000, now=60.0)
    assert hears(4, 0, now=61.0)
    assert not hears(3, 1011, now=61.0)
    assert not hears(BOOTS_MAX, 0, now=62.0)


def test_a_peer_finds_its_engine_and_believes_only_what_is_proven() -> None:
    """A report that is not proven tells a name, and never a time."""
    peer = Peer(user("SHA-256", "AES"), salt=0)
    assert decode(peer.seal(GET, 1, now=0.0)).engine == b""
    counter = oid(Complaint.UNKNOWN_ENGINE.counter)
    varbind = tlv(0x30, tlv(Tag.OID, counter) + tlv(Tag.COUNTER32, b"\x01"))
    pdu = tlv(0xA8, tlv(Tag.INTEGER, b"\0") * 3 + tlv(0x30, varbind))
    report = Message(
        number=1, flags=0, engine=ENGINE, boots=7, seconds=70, body=scope(ENGINE, b"", pdu)
    ).encode()

    heard = peer.open(report, now=0.0)

    assert heard.complaint is Complaint.UNKNOWN_ENGINE
    assert (peer.engine, peer.clock.boots) == (ENGINE, 0)
    there = user("SHA-256", "AES").at(ENGINE)
    answer = there.seal(scope(ENGINE, b"", GET), number=2, boots=7, seconds=71, salt=1)
    assert peer.open(answer, now=1.0).pdu == GET
    assert (peer.clock.boots, peer.clock.seconds(2.0)) == (7, 72)


def test_no_secret_is_ever_shown() -> None:
    """Neither password nor key is in a repr or an error."""
    made = User.of(b"watch", auth=("SHA", PASSWORD), privacy=("AES", b"treefrogs"))
    shown = f"{made!r} {made.at(ENGINE)!r}"
    problems = []
    for wrong in ({"auth": ("SHA", b"short")}, {"auth": ("SHA3", PASSWORD)}):
        with pytest.raises(KeyProblem) as problem:
            User.of(b"watch", **wrong)
        problems.append(str(problem.value))

    for secret in (b"maplesyrup", b"treefrogs", b"short", MASTERS["SHA"]):
        assert secret.decode("latin-1") not in shown + "".join(problems)
        assert secret.hex() not in shown + "".join(problems)
    assert "watch" in shown
