"""Messages of SNMPv3 forged by whoever reads along: none is believed, and no poll is lost."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from collectors.snmp.ber import Tag, integer, oid, tlv
from collectors.snmp.exchange import Address, Exchange, Learnt, Outcome, Target
from collectors.snmp.poll import Answer, Poll, Watch
from collectors.snmp.secured import Flag, Message, decode, scope
from collectors.snmp.usm import USM_STATS, Authority, User
from collectors.twin.engine import Engine, engine_id
from collectors.twin.objects import Object, Table
from collectors.twin.responder import Responder

if TYPE_CHECKING:
    from collectors.twin.objects import Shown

HERE: Address = ("127.0.0.9", 161)
OBJECTS: Final = [f"1.3.6.1.4.1.99.{n}.0" for n in range(8)]
TRUTH: Final = np.arange(1000.0, 1000.0 + len(OBJECTS))
LIE: Final = 4_000_000_000
A_POLL: Final = 500  # forgeries before the true answer to each question
SMALL, NIGHTLY = 5_000, 1_000_000
USERS: Final = {
    "authPriv": User.of(b"watch", auth=("SHA-256", b"maplesyrup"), privacy=("AES", b"treefrogs")),
    "authNoPriv": User.of(b"watch", auth=("MD5", b"maplesyrup")),
}
GUESSED: Final = {  # the same user with passwords that somebody guessed
    "authPriv": User.of(b"watch", auth=("SHA-256", b"password"), privacy=("AES", b"password")),
    "authNoPriv": User.of(b"watch", auth=("MD5", b"password")),
}
REPORT: Final = 0xA8
SEED: Final = 6
KINDS: Final = 13  # of forgery


def device(user: User, value: int, boots: int = 3, since: float = 0.0) -> Engine:
    """Make a device; `value` is what its first object shows."""
    table = Table(
        Object(oid=name, tag=Tag.GAUGE32, value=value + n) for n, name in enumerate(OBJECTS)
    )
    responder: Responder[Shown] = Responder(table, {})
    clock = Authority(boots, started=since)
    return Engine(engine_id("feedA"), responder, [user], clock=clock, salt=1)


class Forger:
    """Sees every datagram, holds no key, and answers first and often."""

    def __init__(self, level: str, rng: random.Random) -> None:
        self.rng = rng
        self.liar = device(GUESSED[level], LIE)
        self.guessed = GUESSED[level].at(self.liar.name)
        self.recorded: list[bytes] = []  # answers that were true once
        self.kinds: tuple[Callable[[bytes, Message, bytes], bytes], ...] = (
            *(self.flipped, self.cut, self.grown, self.digest_of_another_size, self.no_digest),
            *(self.repeated, self.renumbered, self.in_the_clear, self.signed_with_a_guess),
            *(self.elsewhere, self.at_another_time, self.report, self.blind),
        )

    def forge(self, asked: bytes, answer: bytes) -> tuple[str, bytes]:
        """Make one forgery of the answer to a question."""
        kind = self.rng.choice(self.kinds)
        return kind.__name__, kind(asked, decode(answer), answer)

    def flipped(self, _asked: bytes, _said: Message, answer: bytes) -> bytes:
        """Turn one bit, or a few."""
        changed = bytearray(answer)
        for _ in range(self.rng.choice((1, 1, 2, 8))):
            at = self.rng.randrange(len(changed))
            changed[at] ^= 1 << self.rng.randrange(8)
        return bytes(changed) if changed != answer else answer[:-1]

    def cut(self, _asked: bytes, _said: Message, answer: bytes) -> bytes:
        """Leave the end away."""
        return answer[: self.rng.randrange(len(answer))]

    def grown(self, _asked: bytes, _said: Message, answer: bytes) -> bytes:
        """Add octets."""
        return answer + self.rng.randbytes(self.rng.randint(1, 40))

    def digest_of_another_size(self, _asked: bytes, said: Message, _answer: bytes) -> bytes:
        """Send fewer or more octets of the digest, one among them (CVE-2008-0960)."""
        size = self.rng.choice([0, 1, 8, 11, 13, 16, 24, 32, 47, 48, 49, 64])
        digest = (said.digest * 6)[:size]
        return replace(said, digest=digest if digest != said.digest else b"\0").encode()

    def no_digest(self, _asked: bytes, said: Message, _answer: bytes) -> bytes:
        """Send a digest of zeros or of chance."""
        size = len(said.digest)
        return replace(
            said, digest=self.rng.choice([bytes(size), self.rng.randbytes(size)])
        ).encode()

    def repeated(self, _asked: bytes, _said: Message, answer: bytes) -> bytes:
        """Send what was true once."""
        return self.rng.choice(self.recorded) if self.recorded else answer[:-1]

    def renumbered(self, asked: bytes, _said: Message, answer: bytes) -> bytes:
        """Give what was true once the number of this question."""
        if not self.recorded:
            return answer[:-1]
        return replace(decode(self.rng.choice(self.recorded)), number=decode(asked).number).encode()

    def in_the_clear(self, _asked: bytes, said: Message, _answer: bytes) -> bytes:
        """Answer at a lower level, with or without a digest that is nobody's."""
        body = scope(said.engine, b"", self.lie(said.number))
        signed = self.rng.random() < 0.5
        flags = Flag.AUTH if signed else 0
        digest = said.digest if signed else b""
        return replace(said, flags=flags, digest=digest, salt=b"", body=body).encode()

    def signed_with_a_guess(self, _asked: bytes, said: Message, _answer: bytes) -> bytes:
        """Answer under keys of guessed passwords."""
        return self.guessed.seal(
            scope(said.engine, b"", self.lie(said.number)),
            number=said.number,
            boots=said.boots,
            seconds=said.seconds,
            salt=self.rng.getrandbits(64),
            reportable=False,
        )

    def elsewhere(self, _asked: bytes, said: Message, _answer: bytes) -> bytes:
        """Answer as another engine, or as another user."""
        if self.rng.random() < 0.5:
            return replace(said, engine=engine_id(f"x{self.rng.randrange(1000)}")).encode()
        return replace(said, user=self.rng.choice([b"", b"root", b"w"])).encode()

    def at_another_time(self, _asked: bytes, said: Message, _answer: bytes) -> bytes:
        """Claim another start or another time."""
        boots = self.rng.choice([0, 1, said.boots + 1, 900_000, 2**31 - 1])
        return replace(said, boots=boots, seconds=self.rng.getrandbits(31)).encode()

    def report(self, _asked: bytes, said: Message, _answer: bytes) -> bytes:
        """Report what nobody signed, with a start and a time that never were."""
        counter = oid(f"{USM_STATS}.{self.rng.randint(1, 9)}.0")
        value = tlv(Tag.SEQUENCE, tlv(Tag.OID, counter) + tlv(Tag.COUNTER32, b"\x01"))
        pdu = tlv(REPORT, tlv(Tag.INTEGER, b"\0") * 3 + tlv(Tag.SEQUENCE, value))
        engine = self.rng.choice([said.engine, engine_id(f"x{self.rng.randrange(1000)}"), b""])
        body = scope(engine, b"", pdu)
        fake = Message(number=said.number, flags=0, engine=engine, boots=900_000, body=body)
        return fake.encode()

    def blind(self, _asked: bytes, said: Message, _answer: bytes) -> bytes:
        """Guess the number too."""
        return replace(said, number=self.rng.getrandbits(31)).encode()

    def lie(self, number: int) -> bytes:
        """Encode an answer that is wrong in every value."""
        rows = b"".join(
            tlv(Tag.SEQUENCE, tlv(Tag.OID, oid(name)) + tlv(Tag.GAUGE32, integer(LIE)))
            for name in OBJECTS
        )
        fields = tlv(Tag.INTEGER, integer(number)) + tlv(Tag.INTEGER, b"\0") * 2
        return tlv(0xA2, fields + tlv(Tag.SEQUENCE, rows))


def polls_among(level: str, forgeries: int, seed: int) -> Iterator[tuple[Answer, Counter[str]]]:
    """Poll a device again and again while every answer comes after many forgeries of it."""
    rng = random.Random(seed)
    exchange, true, forger = Exchange(rng), device(USERS[level], 1000), Forger(level, rng)
    target = Target(address=HERE, version="3", user=USERS[level])
    watch = Watch(target, OBJECTS, Learnt(salt=rng.getrandbits(64), keys=exchange.engines.keys))
    sent: Counter[str] = Counter()
    now = 1000.0
    while sent.total() < forgeries:
        answers: list[Answer] = []
        exchange.start(Poll(watch, answers.append), now)
        share = A_POLL
        while exchange.outbox:
            asked, _ = exchange.outbox.popleft()
            answer = true.answer(asked, now)
            assert answer is not None
            for _ in range(share if decode(answer).flags & Flag.AUTH else 0):
                kind, forged = forger.forge(asked, answer)
                sent[kind] += 1
                exchange.hear(forged, HERE, now)
                assert not exchange.ended, kind
            share = 0 if share else share
            exchange.hear(answer, HERE, now)
            if decode(answer).flags & Flag.PRIV or level == "authNoPriv":
                forger.recorded = [*forger.recorded[-50:], answer]
            while exchange.ended:
                talk, seconds = exchange.ended.popleft()
                talk.end(seconds)
        assert len(answers) == 1
        yield answers[0], sent
        now += 10.0


@pytest.mark.parametrize("level", USERS)
@pytest.mark.parametrize(
    "forgeries", [SMALL, pytest.param(NIGHTLY // len(USERS), marks=pytest.mark.nightly)]
)
def test_no_forged_message_is_believed_and_no_poll_is_lost(level: str, forgeries: int) -> None:
    """Forgeries of every kind before each answer: all polls are complete and true."""
    polls = 0
    kinds: Counter[str] = Counter()
    for answer, sent in polls_among(level, forgeries, SEED):
        polls += 1
        kinds = sent
        assert answer.outcome is Outcome.OK
        np.testing.assert_array_equal(answer.raw, TRUTH)

    assert kinds.total() >= forgeries
    assert len(kinds) == KINDS
    assert polls >= forgeries // A_POLL
