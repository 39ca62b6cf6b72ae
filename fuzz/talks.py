"""Polls, fetches and walks with an agent that says whatever the fuzzer likes.

The first octet picks the talk. Then come pieces: what kind of reply, how many octets, the octets.
"""

import random
from collections.abc import Iterator
from typing import Final

import numpy as np

from collectors.readings import Quality
from collectors.snmp.ber import Tag, integer, tlv
from collectors.snmp.exchange import Address, Exchange, Learnt, Talk, Target
from collectors.snmp.message import Community, decode_pdu, unwrap
from collectors.snmp.poll import Answer, Fetch, Fetched, Poll, Watch
from collectors.snmp.walk import Walk, WalkBudget, Walked
from fuzz import target
from fuzz.snmp import VALUES

HERE: Final[Address] = ("192.0.2.1", 161)
THERE: Final[Address] = ("192.0.2.2", 161)
OBJECTS: Final = tuple(f"1.3.6.1.4.1.99.1.{n}.0" for n in range(5))
ROOTS: Final = ("1.3.6.1.4.1.99", "1.3.6.1.2.1")
BUDGET: Final = WalkBudget(rows=20, octets=2048, seconds=60.0)
ENVELOPE: Final = Community("2c", b"public")
STEPS_MAX: Final = 400  # replies and timers; more means that a talk goes on for ever
READS: Final = {0xA0, 0xA1, 0xA5}


class Rig:
    """One talk under way, and how it ended."""

    def __init__(self, pick: int) -> None:
        self.exchange = Exchange(random.Random(1))
        self.ended: list[Answer | Fetched | Walked] = []
        version = "1" if pick & 4 else "2c"
        asked = Target(address=HERE, version=version)  # type: ignore[arg-type]
        self.envelope = Community(version, b"public")  # type: ignore[arg-type]
        talk: Talk
        match pick & 3:
            case 0:
                talk = Poll(Watch(asked, OBJECTS, Learnt()), self.ended.append)
            case 1:
                talk = Fetch(Watch(asked, OBJECTS[:2], Learnt()), self.ended.append)
            case _:
                talk = Walk(asked, ROOTS, BUDGET, Learnt(), self.ended.append)
        self.now = 0.0
        self.exchange.start(talk, self.now)

    def reply(self, kind: int, said: bytes, asked: bytes) -> tuple[bytes, Address]:
        """Return what an agent replies to a datagram, and from where."""
        if kind & 7 == 0:
            return said, HERE
        _, _, inner = unwrap(asked)
        request = decode_pdu(inner)
        names = [inner[s.name_start : s.name_stop] for s in request.spans]
        status = index = 0
        match kind & 7:
            case 1:  # values for the names asked, as a poll wants them
                pieces = [VALUES[octet % len(VALUES)] for octet in said] or [b"\x02\x01\x01"]
                body = b"".join(
                    tlv(Tag.SEQUENCE, tlv(Tag.OID, name) + pieces[n % len(pieces)])
                    for n, name in enumerate(names)
                )
            case 2:  # rows behind the names asked, as a walk wants them
                body = b"".join(
                    tlv(
                        Tag.SEQUENCE,
                        tlv(Tag.OID, names[n % len(names)] + said[n : n + 1]) + b"\x05\x00",
                    )
                    for n in range(len(said))
                    if said[n] < 0x80
                )
            case 3:
                status, index = (said[0] if said else 5), (said[1] if said[1:] else 1)
                body = b""
            case 4:  # one varbind of its own, about the first name
                body = tlv(Tag.SEQUENCE, tlv(Tag.OID, names[0]) + said)
            case _:
                body = said
        number = request.request_id ^ (kind & 8)
        fields = b"".join(tlv(Tag.INTEGER, integer(n)) for n in (number, status, index))
        sealed = self.envelope.seal(tlv(0xA2, fields + tlv(Tag.SEQUENCE, body)))
        return sealed, THERE if kind & 16 else HERE

    def run(self, pieces: Iterator[tuple[int, bytes]]) -> None:
        """Answer until there is nothing left to say, then be silent."""
        exchange = self.exchange
        for _ in range(STEPS_MAX):
            while exchange.ended:
                talk, seconds = exchange.ended.popleft()
                talk.end(seconds)
            if exchange.outbox:
                asked, address = exchange.outbox.popleft()
                assert address == HERE
                assert unwrap(asked)[2][0] in READS
                if (piece := next(pieces, None)) is not None:
                    exchange.hear(*self.reply(*piece, asked), self.now)
            elif (due := exchange.due()) is not None:
                self.now = max(self.now, due)
                exchange.expire(self.now)
            else:
                return
        raise AssertionError("this would go on for ever")


def pieces_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Cut what the fuzzer says into replies."""
    at = 0
    while at + 2 <= len(data):
        size = data[at + 1]
        yield data[at], data[at + 2 : at + 2 + size]
        at += 2 + size


def talk(data: bytes) -> None:
    """Whatever an agent says, a talk ends once, within its bounds, and claims nothing unread."""
    if not data:
        return
    rig = Rig(data[0])
    rig.run(pieces_of(data[1:]))
    (ended,) = rig.ended
    match ended:
        case Answer():
            good = ended.fault == Quality.GOOD
            assert np.isfinite(ended.raw[good]).all()
            assert not np.isinf(ended.raw).any()
            assert ended.requests <= STEPS_MAX
        case Fetched():
            assert not ended.values.keys() & ended.unread.keys()
            assert ended.values.keys() | ended.unread.keys() == {*OBJECTS[:2]}
        case Walked():
            assert len(ended.rows) <= BUDGET.rows
            assert ended.rows.keys() == ended.tags.keys()
            assert all(any(f"{row}.".startswith(f"{r}.") for r in ROOTS) for row in ended.rows)
            assert ended.ended.keys() == {*ROOTS}


def seeds() -> Iterator[bytes]:
    """Yield talks: answered well, with errors, not at first, from elsewhere."""
    for pick in range(8):
        yield bytes((pick, 1, 3, 0, 3, 5))
        yield bytes((pick, 2, 6, 1, 2, 3, 4, 5, 6, 2, 1, 9))
        yield bytes((pick, 3, 2, 1, 0, 3, 2, 2, 1, 1, 1, 0))
        yield bytes((pick, 17, 1, 0, 9, 1, 0, 1, 1, 10))
        yield bytes((pick, 4, 2)) + b"\x41\x00" + bytes((5, 2)) + b"\x30\x00"


TARGETS: Final = (target.Target(name="talk", run=talk, seeds=seeds, words=VALUES, size_max=96),)
