"""A simulated device's SNMPv3 engine complains as RFC 3414 says, and answers nobody else."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.snmp.ber import Tag, integer, oid, tlv
from collectors.snmp.keys import AUTH, PRIVACY, master
from collectors.snmp.message import Community, ErrorStatus, PduType, decode_pdu, encode_pdu
from collectors.snmp.peer import Heard, Peer
from collectors.snmp.secured import Flag, Message, decode, scope, unscope
from collectors.snmp.usm import Authority, Complaint, User
from collectors.twin.engine import Engine, engine_id

FEED = "feedA"
TEXT = b"a device that is simulated" * 20
V2C = Community("2c", b"public")
KEYS = {name: master(auth.hash, b"maplesyrup") for name, auth in AUTH.items()}
DESCR = encode_pdu(PduType.GET, [oid("1.3.6.1.2.1.1.1.0")])


class Responder:
    """Answers as a device with one long text."""

    def respond(self, pdu: bytes) -> bytes:
        """Answer what is asked in v2c."""
        number = tlv(Tag.INTEGER, integer(decode_pdu(pdu).request_id))
        name = tlv(Tag.OID, oid("1.3.6.1.2.1.1.1.0"))
        varbind = tlv(Tag.SEQUENCE, name + tlv(Tag.OCTET_STRING, TEXT))
        fields = number + tlv(Tag.INTEGER, b"\0") * 2 + tlv(Tag.SEQUENCE, varbind)
        return tlv(PduType.RESPONSE, fields)

    def answer(self, datagram: bytes) -> bytes:
        """Answer in the envelope of v2c."""
        return V2C.seal(self.respond(V2C.open(datagram)))


def user(name: bytes, auth: str = "", privacy: str = "") -> User:
    """Make a user whose password was hashed before."""
    signed = (auth, KEYS[auth]) if auth else None
    return User(name, signed, (privacy, KEYS[auth]) if privacy else None)


WATCH = user(b"watch", "SHA-256", "AES")
OPEN = user(b"open")


def device(*users: User, strict: bool = False) -> Engine:
    """Start a device at 0 s for the third time."""
    clock = Authority(3, started=0.0)
    name = engine_id(FEED)
    return Engine(name, Responder(), users, clock=clock, salt=1, strict=strict)


def ask(engine: Engine, peer: Peer, number: int, now: float, pdu: bytes = DESCR) -> Heard:
    """Ask once."""
    answer = engine.answer(peer.seal(pdu, number, now), now)
    assert answer is not None
    return peer.open(answer, now)


def first_answer(engine: Engine, peer: Peer, now: float, pdu: bytes = DESCR) -> list[Heard]:
    """Ask until there is an answer."""
    said = []
    for number in range(1, 5):
        said.append(ask(engine, peer, number, now, pdu))
        if said[-1].pdu:
            return said
    raise AssertionError(said)


@pytest.mark.parametrize(
    ("auth", "privacy"), [("", ""), *product(AUTH, [""]), *product(AUTH, PRIVACY)]
)
def test_every_user_reads_what_v2c_reads(auth: str, privacy: str) -> None:
    """After discovery, the same PDU comes back as without security."""
    someone = user(b"someone", auth, privacy)

    said = first_answer(device(someone), Peer(someone, salt=7), now=1000.0)

    expected = [Complaint.UNKNOWN_ENGINE] + [Complaint.NOT_IN_TIME_WINDOW] * bool(auth)
    assert [heard.complaint for heard in said[:-1]] == expected
    assert said[-1].pdu == Responder().respond(DESCR)


def test_a_reboot_is_noticed_and_survived() -> None:
    """Boots rise, the old clock is refused once, and the next question is answered."""
    engine, peer = device(WATCH), Peer(WATCH, salt=7)
    first_answer(engine, peer, now=5000.0)

    engine.clock.reboot(now=6000.0)

    complaints = [ask(engine, peer, number, 6001.0).complaint for number in (8, 9)]
    assert complaints == [Complaint.NOT_IN_TIME_WINDOW, None]
    assert peer.clock.boots == 4


def test_a_recorded_question_is_not_answered_later() -> None:
    """151 s on, the very same octets are too old."""
    engine, peer = device(WATCH), Peer(WATCH, salt=7)
    first_answer(engine, peer, now=100.0)
    recorded = peer.seal(DESCR, 9, now=101.0)

    assert peer.open(engine.answer(recorded, 251.0) or b"", 251.0).pdu
    late = peer.open(engine.answer(recorded, 252.0) or b"", 252.0)
    assert late.complaint is Complaint.NOT_IN_TIME_WINDOW


@pytest.mark.parametrize(
    ("asks", "complaint"),
    [
        (user(b"nobody", "SHA-256", "AES"), Complaint.UNKNOWN_USER),
        (user(b"watch", "SHA", "AES"), Complaint.WRONG_DIGEST),
        (
            User(b"watch", ("SHA-256", KEYS["SHA-256"]), ("AES", KEYS["SHA-256"][::-1])),
            Complaint.DECRYPTION,
        ),
        (user(b"open", "SHA-256"), Complaint.UNSUPPORTED_LEVEL),
    ],
)
def test_whoever_is_wrong_hears_how(asks: User, complaint: Complaint) -> None:
    """Each mistake has its own report, and none gets a value."""
    engine = device(WATCH, OPEN)
    scoped = scope(engine.name, b"", DESCR)
    sent = asks.at(engine.name).seal(scoped, number=3, boots=3, seconds=50, salt=9)

    report = decode(engine.answer(sent, 50.0) or b"")

    _, _, pdu = unscope(report.body)
    span = decode_pdu(pdu).spans[0]
    assert pdu[span.name_start : span.name_stop] == oid(complaint.counter)
    assert (report.number, report.flags) == (3, 0)
    assert engine.counted == {complaint.counter: 1}


def test_a_weaker_question_than_the_user_may_put_is_refused() -> None:
    """A user with privacy is not answered in the clear."""
    engine = device(WATCH)
    scoped = scope(engine.name, b"", DESCR)
    there = WATCH.at(engine.name)
    sent = there.seal(scoped, number=3, boots=3, seconds=50, salt=9, level=Flag.AUTH)

    answer = engine.answer(sent, 50.0) or b""
    pdu = decode_pdu(unscope(there.open(decode(answer), answer))[2])

    assert (pdu.status, pdu.spans) == (ErrorStatus.AUTHORIZATION_ERROR, [])


def test_an_answer_beyond_what_the_asker_takes_is_too_big() -> None:
    """The size in the question counts."""
    scoped = scope(engine_id(FEED), b"", DESCR)
    sent = Message(
        number=1, flags=0, size_max=484, engine=engine_id(FEED), user=b"open", body=scoped
    )

    answer = decode(device(OPEN).answer(sent.encode(), 1.0) or b"")

    assert decode_pdu(unscope(answer.body)[2]).status == ErrorStatus.TOO_BIG


def test_versions_are_spoken_as_configured() -> None:
    """Without users there is no v3; a strict device has nothing else."""
    plain = V2C.seal(DESCR)
    discovery = Peer(WATCH, salt=1).seal(DESCR, 1, 0.0)

    assert device().answer(plain, 0.0)
    assert device().answer(discovery, 0.0) is None
    assert device(WATCH, strict=True).answer(plain, 0.0) is None
    assert device(WATCH, strict=True).answer(discovery, 0.0)


@given(st.data())
def test_whatever_comes_the_device_stays_up_and_discloses_nothing(data: st.DataObject) -> None:
    """Changed octets of a proven question get a report or silence, never values."""
    engine = device(WATCH)
    there = WATCH.at(engine.name)
    scoped = scope(engine.name, b"", DESCR)
    sent = bytearray(there.seal(scoped, number=3, boots=3, seconds=50, salt=9))
    at = data.draw(st.integers(0, len(sent) - 1))
    sent[at] ^= data.draw(st.integers(1, 255))

    answer = engine.answer(bytes(sent), 50.0)

    if answer is not None:
        report = decode(answer)
        assert not report.flags & Flag.PRIV
        assert TEXT not in answer
