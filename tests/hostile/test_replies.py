"""Wrong replies: each is dropped and counted, the true one taken, nothing wrong is stored."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from collectors.readings import Quality
from collectors.snmp.ber import BerError, Tag, read, tlv
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import Outcome, Target
from collectors.snmp.message import ErrorStatus, MismatchError, PduType, decode_pdu, unwrap
from tests.hostile.agents import (
    OBJECTS,
    Asked,
    Replies,
    Reply,
    agent,
    asked,
    honest,
    sealed,
    varbind,
)
from tests.hostile.conftest import Polled

Wrong = Callable[[Asked, bytes], Reply | bytes]  # the request, the true answer -> a wrong one

RIGHT = honest()


def values(request: Asked) -> bytes:
    """Encode a value for every name that is asked for."""
    return b"".join(varbind(name) for name in request.names)


def framed(reply: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Change the octets of an answer's PDU, and wrap it again."""
    return sealed(change(unwrap(reply)[2]))


def bare(pdu: bytes) -> bytes:
    """Return what is inside an element."""
    return pdu[read(pdu, 0, len(pdu))[1] :]


def with_value(value: bytes) -> Wrong:
    """Return an answer whose first value is this, encoded whole; all others are true."""

    def wrong(request: Asked, _: bytes) -> bytes:
        """Encode it."""
        first, *rest = request.names
        return request.answer(varbind(first, value) + b"".join(map(varbind, rest)))

    return wrong


def with_name(content: bytes) -> Wrong:
    """Return an answer whose first name has these octets."""
    return lambda request, _: request.answer(
        varbind(content) + b"".join(varbind(name) for name in request.names[1:])
    )


def nested(depth: int) -> bytes:
    """Return sequences in one another."""
    octets = b""
    for _ in range(depth):
        octets = tlv(Tag.SEQUENCE, octets)
    return octets


STRANGERS: dict[str, tuple[str, Wrong]] = {
    "from another port": ("source", lambda _, right: Reply(right, "port")),
    "from another host": ("source", lambda _, right: Reply(right, "host")),
    "with another request-id": (
        "request_id",
        lambda request, _: request.answer(values(request), number=request.pdu.request_id ^ 1 << 20),
    ),
    "with another community": (
        "community",
        lambda request, _: request.answer(values(request), word=b"evil"),
    ),
    "of another version": (
        "version",
        lambda request, _: request.answer(values(request), version=0),
    ),
    "that is a request": (
        "type",
        lambda request, _: request.answer(values(request), kind=PduType.GET),
    ),
    "that is a trap": ("type", lambda request, _: request.answer(values(request), kind=0xA7)),
}
OTHERS: dict[str, tuple[str, Wrong]] = {
    "about another object": ("varbinds", with_name(b"\x2b\x06\x01\x02\x01\x01\x63\x00")),
    "with one object more": (
        "varbinds",
        lambda request, _: request.answer(values(request) + varbind("1.3.6.1.4.1.99.9.0")),
    ),
    "with one object less": (
        "varbinds",
        lambda request, _: request.answer(b"".join(varbind(name) for name in request.names[:-1])),
    ),
    "in another order": (
        "varbinds",
        lambda request, _: request.answer(b"".join(varbind(name) for name in request.names[::-1])),
    ),
    "with an object twice": (
        "varbinds",
        lambda request, _: request.answer(varbind(request.names[0]) * len(request.names)),
    ),
    "with nothing in it": ("varbinds", lambda request, _: request.answer(b"")),
}
MALFORMED: dict[str, Wrong] = {
    "a single octet": lambda *_: b"\x30",
    "octets behind the message": lambda _, right: right + b"\xde\xad" * 10,
    "octets behind the PDU": lambda _, right: framed(right, lambda pdu: pdu + b"\x05\x00"),
    "octets behind the varbinds": lambda _, right: framed(
        right, lambda pdu: tlv(0xA2, bare(pdu) + b"\x05\x00")
    ),
    "an indefinite length": lambda _, right: b"\x30\x80" + bare(right) + b"\0\0",
    "an indefinite length inside": lambda _, right: framed(
        right, lambda pdu: b"\xa2\x80" + bare(pdu) + b"\0\0"
    ),
    "a length of five octets": lambda _, right: (
        b"\x30\x85" + len(bare(right)).to_bytes(5, "big") + bare(right)
    ),
    "a length of nine octets": lambda _, right: b"\x30\x89" + b"\xff" * 9 + bare(right),
    "a length of 4 GB": lambda _, right: b"\x30\x84\xff\xff\xff\xff" + bare(right),
    "a length beyond the end": lambda _, right: right[:-1],
    "an empty request-id": lambda request, _: sealed(
        tlv(0xA2, b"\x02\x00" + b"\x02\x01\x00" * 2 + tlv(Tag.SEQUENCE, values(request)))
    ),
    "a request-id of six octets": lambda *_: sealed(
        tlv(0xA2, b"\x02\x06" + bytes(6) + b"\x02\x01\x00" * 2 + tlv(Tag.SEQUENCE, b""))
    ),
    "a varbind without a value": lambda request, _: request.answer(
        tlv(Tag.SEQUENCE, tlv(Tag.OID, request.names[0]))
    ),
    "a varbind with two values": with_value(b"\x02\x01\x01\x02\x01\x01"),
    "a varbind that is a text": lambda request, _: request.answer(b"\x04\x02hi"),
    "a type that there is not": with_value(b"\x47\x01\x00"),
    "a tag of many octets": with_value(b"\x1f\x81\x01\x01"),
    "an integer of no octets": with_value(b"\x02\x00"),
    "an integer of six octets": with_value(b"\x02\x06" + bytes(6)),
    "a counter below zero": with_value(b"\x41\x01\xff"),
    "a counter beyond 32 bits": with_value(b"\x41\x05\x01\0\0\0\0"),
    "a counter beyond 64 bits": with_value(b"\x46\x09\x01" + bytes(8)),
    "an address of three octets": with_value(b"\x40\x03\x0a\0\0"),
    "a null with octets": with_value(b"\x05\x01\x00"),
    "a floating point cut short": with_value(b"\x44\x05\x9f\x78\x04\x41\xbc"),
    "a name as a value, cut short": with_value(b"\x06\x02\x2b\x86"),
    "a name as a value, of 20,000 numbers": with_value(tlv(Tag.OID, b"\x2b" + b"\x01" * 20_000)),
    "a name as a value, padded": with_value(b"\x06\x03\x2b\x80\x01"),
    "a name as a value, beyond 32 bits": with_value(b"\x06\x06\x2b\xff\xff\xff\xff\x7f"),
    "a text in pieces": with_value(b"\x24\x04\x04\x02hi"),
    "sequences in sequences": lambda request, _: request.answer(nested(9_000)),
    "more varbinds than anybody asks for": lambda request, _: request.answer(
        varbind(b"\x2b", b"\x05\x00") * 5_000
    ),
    "64 kB of zeros": lambda *_: bytes(65_000),
    "64 kB of the letter 0": lambda *_: b"0" * 65_000,
}
BOMBS: dict[str, tuple[str, Wrong]] = {
    "about a name of 20,000 numbers": ("varbinds", with_name(b"\x2b" + b"\x01" * 20_000)),
    "about a name cut short": ("varbinds", with_name(b"\x2b\x86")),
}
WRONG = {**STRANGERS, **OTHERS, **BOMBS, **{k: ("malformed", w) for k, w in MALFORMED.items()}}


def first_wrong(wrong: Wrong) -> Replies:
    """Reply wrongly, then as an honest agent."""

    def replies(datagram: bytes) -> Iterator[Reply | bytes]:
        """Answer a request twice."""
        (right,) = RIGHT(datagram)
        yield wrong(asked(datagram), right)
        yield right

    return replies


def only_wrong(wrong: Wrong) -> Replies:
    """Reply wrongly alone."""

    def replies(datagram: bytes) -> Iterator[Reply | bytes]:
        """Answer a request once."""
        (right,) = RIGHT(datagram)
        yield wrong(asked(datagram), right)

    return replies


@pytest.mark.parametrize(("reason", "wrong"), WRONG.values(), ids=WRONG)
async def test_a_wrong_reply_is_dropped_counted_and_the_true_one_taken(
    endpoint: Endpoint, polled: Polled, reason: str, wrong: Wrong
) -> None:
    """For a fetch, for a first poll, and for one whose answers are known by heart."""
    async with agent(first_wrong(wrong)) as device:
        target = Target(address=device.address, timeout_s=30, deadline_s=60)
        fetched = await endpoint.get(target, OBJECTS[:3])
        endpoint.watch("bay/pdu", target, OBJECTS)
        answers = [await polled() for _ in range(2)]

    assert fetched.values == {name: n for n, name in enumerate(OBJECTS[:3])}
    for answer in answers:
        assert answer.outcome is Outcome.OK
        np.testing.assert_array_equal(answer.raw, np.arange(50))
        assert not answer.fault.any()
    assert endpoint.stats.drops == {reason: 3}
    assert len(device.heard) == 3


@pytest.mark.parametrize(("reason", "wrong"), WRONG.values(), ids=WRONG)
async def test_a_device_that_replies_wrongly_alone_brings_nothing(
    endpoint: Endpoint, polled: Polled, reason: str, wrong: Wrong
) -> None:
    """No value of it is stored, the reason is counted, and the device beside it is read."""
    async with agent(only_wrong(wrong)) as hostile, agent(RIGHT) as device:
        for name, each in (("bay/bad", hostile), ("bay/pdu", device)):
            endpoint.watch(name, Target(address=each.address, timeout_s=0.05), OBJECTS)
        bad = await polled("bay/bad")
        good = await polled("bay/pdu")

    assert np.isnan(bad.raw).all()
    assert Quality.GOOD not in bad.fault
    assert bad.outcome is (Outcome.TIMEOUT if reason == "source" else Outcome.MALFORMED)
    assert endpoint.stats.drops[reason] == len(hostile.heard) >= 2
    assert good.outcome is Outcome.OK


@pytest.mark.parametrize("wrong", [WRONG[each] for each in MALFORMED], ids=MALFORMED)
async def test_a_malformed_reply_ends_no_walk(endpoint: Endpoint, wrong: tuple[str, Wrong]) -> None:
    """The true rows are taken, each once."""
    async with agent(first_wrong(wrong[1])) as device:
        walked = await endpoint.walk(
            Target(address=device.address, timeout_s=30), ["1.3.6.1.4.1.99"]
        )
    assert walked.rows == {name: n for n, name in enumerate(OBJECTS)}
    assert walked.outcome is Outcome.OK


@pytest.mark.parametrize("index", [99, -1, 0, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("status", [2, 5, 16, 99, 2**31 - 1, -1])
async def test_an_error_that_points_nowhere_is_a_clean_error_of_that_device(
    endpoint: Endpoint, polled: Polled, status: int, index: int
) -> None:
    """An error-index of 99 has brought other libraries down; here each object has its reason."""

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Refuse."""
        yield asked(datagram).answer(b"", status=status, index=index)

    async with agent(replies) as device:
        target = Target(address=device.address, timeout_s=0.2)
        fetched = await endpoint.get(target, OBJECTS[:2])
        endpoint.watch("bay/pdu", target, OBJECTS)
        answer = await polled()

    assert set(fetched.unread) == {*OBJECTS[:2]}
    assert all(str(status) in why for why in fetched.unread.values())
    assert answer.outcome is Outcome.MALFORMED
    assert set(answer.fault) == {Quality.MALFORMED}


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_too_big_at_any_size_is_asked_for_less_by_halves_and_then_given_up(
    endpoint: Endpoint, polled: Polled, version: str
) -> None:
    """From 50 objects to one in six steps; then each object is asked for once."""
    sizes: list[int] = []

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Refuse, however little is asked for."""
        request = asked(datagram)
        sizes.append(len(request.names))
        yield request.answer(b"", status=ErrorStatus.TOO_BIG)

    async with agent(replies) as device:
        endpoint.watch(
            "bay/pdu",
            Target(address=device.address, version=version),  # type: ignore[arg-type]
            OBJECTS,
        )
        answer = await polled()
        halving = sizes.copy()
        await polled()

    assert halving == [50, 25, 12, 6, 3] + [1] * 50
    assert len(sizes) == len(halving) + 50  # the second time nothing has to be learnt
    assert answer.outcome is Outcome.MALFORMED
    assert set(answer.fault) == {Quality.MALFORMED}


@pytest.mark.parametrize("most", [1, 7, 31])
async def test_too_big_above_some_size_still_brings_everything(
    endpoint: Endpoint, polled: Polled, most: int
) -> None:
    """It is halved until it fits, and remembered."""

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Answer small requests alone."""
        request = asked(datagram)
        if len(request.names) > most:
            yield request.answer(b"", status=ErrorStatus.TOO_BIG)
        else:
            yield from RIGHT(datagram)

    async with agent(replies) as device:
        endpoint.watch("bay/pdu", Target(address=device.address), OBJECTS)
        answers = [await polled() for _ in range(2)]

    for answer in answers:
        assert answer.outcome is Outcome.OK
        np.testing.assert_array_equal(answer.raw, np.arange(50))
    assert answers[0].requests - answers[1].requests <= 6  # log2 of 50 objects


async def test_what_is_not_there_is_missing_and_never_zero(
    endpoint: Endpoint, polled: Polled
) -> None:
    """By each of the words that agents have for it."""
    absent = (b"\x80\x00", b"\x81\x00", b"\x82\x00")

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Have none of the first three objects."""
        request = asked(datagram)
        parts = [
            varbind(n, absent[i] if i < 3 else b"\x42\x01\x05") for i, n in enumerate(request.names)
        ]
        yield request.answer(b"".join(parts))

    async with agent(replies) as device:
        endpoint.watch("bay/pdu", Target(address=device.address), OBJECTS[:5])
        answer = await polled()
        fetched = await endpoint.get(Target(address=device.address), OBJECTS[:5])

    assert np.isnan(answer.raw[:3]).all()
    assert answer.fault.tolist() == [Quality.ABSENT] * 3 + [Quality.GOOD] * 2
    words = ["noSuchObject", "noSuchInstance", "endOfMibView"]
    assert fetched.unread == dict(zip(OBJECTS[:3], words, strict=True))


async def test_no_such_name_costs_the_object_that_it_names(
    endpoint: Endpoint, polled: Polled
) -> None:
    """Version 1 refuses the whole request; it is asked again without that object."""

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Have no object 7."""
        request = asked(datagram)
        if OBJECTS[7] in request.oids:
            index = request.oids.index(OBJECTS[7]) + 1
            yield request.answer(b"", status=ErrorStatus.NO_SUCH_NAME, index=index)
        else:
            yield request.answer(values(request))

    async with agent(replies) as device:
        endpoint.watch("bay/pdu", Target(address=device.address, version="1"), OBJECTS)
        answers = [await polled() for _ in range(2)]

    for answer in answers:
        assert np.flatnonzero(answer.fault).tolist() == [7]
        assert answer.fault[7] == Quality.ABSENT
        assert np.isnan(answer.raw[7])
    assert answers[1].requests == 1


def flipped(octets: bytes, at: int) -> bytes:
    """Change one bit of a datagram."""
    changed = bytearray(octets)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


def is_sound(datagram: bytes, request: Asked) -> bool:
    """Say whether a strict reader could take this for the answer."""
    try:
        version, word, pdu = unwrap(datagram)
        decoded = decode_pdu(pdu)
    except (BerError, MismatchError):
        return False
    names = [pdu[s.name_start : s.name_stop] for s in decoded.spans]
    same = (version, word, decoded.request_id) == (1, request.word, request.pdu.request_id)
    return same and decoded.type == PduType.RESPONSE and (names == request.names or not names)


async def test_every_single_bit_that_flips_is_dropped_or_leaves_a_sound_answer(
    endpoint: Endpoint, polled: Polled
) -> None:
    """In v2c nothing protects a value; all else of the datagram is checked, bit by bit."""
    flip_at = -1
    told: list[bool] = []

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Answer truly, and before that, once a poll, with one bit changed."""
        (right,) = RIGHT(datagram)
        if flip_at >= 0 and not told:
            changed = flipped(right, flip_at % (8 * len(right)))  # it may have said tooBig
            told.append(is_sound(changed, asked(datagram)))
            yield changed
        yield right

    async with agent(replies) as device:
        target = Target(address=device.address, timeout_s=30, deadline_s=60)
        endpoint.watch("bay/pdu", target, OBJECTS[:4])
        assert (await polled()).outcome is Outcome.OK
        (right,) = RIGHT(device.heard[0])
        for flip_at in range(8 * len(right)):
            told.clear()
            answer = await polled()
            wrong = np.flatnonzero(answer.fault | (answer.raw != np.arange(4)))
            assert len(wrong) <= (4 if told[0] else 0), flip_at
            good = answer.fault == Quality.GOOD
            assert (answer.raw[good] != np.arange(4)[good]).sum() <= 1, flip_at
