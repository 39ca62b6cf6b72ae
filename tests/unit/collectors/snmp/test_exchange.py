"""Talks with devices over a bad network, on a false clock: nothing is lost, doubled or misread."""

import random
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.readings import Quality
from collectors.snmp.ber import Tag, integer, oid, read, tlv
from collectors.snmp.exchange import RECENT_IDS, Address, Exchange, Learnt, Outcome, Target
from collectors.snmp.message import Version, decode_pdu, unwrap
from collectors.snmp.poll import Answer, Fetch, Fetched, Poll, Watch
from collectors.twin.objects import Object, Table, fixed
from collectors.twin.responder import Responder

Drive = Callable[..., float]
Honest = Callable[[bytes, float], Iterable[tuple[bytes, Address]]]

HERE: Address = ("127.0.0.9", 161)
OTHER: Address = ("127.0.0.10", 161)
OBJECTS = [f"1.3.6.1.4.1.99.{position}.0" for position in range(130)]
TARGET = Target(address=HERE)
ABSENT_TLV = tlv(Tag.NO_SUCH_INSTANCE, b"")


def agent(
    address: Address = HERE, *, scale: Callable[[], int] = lambda: 1, objects: list[str] = OBJECTS
) -> Honest:
    """Make an honest agent: object n shows n times `scale`."""

    def answer(datagram: bytes, _now: float) -> Iterator[tuple[bytes, Address]]:
        """Answer one datagram."""
        table = Table(
            Object(oid=name, tag=Tag.GAUGE32, value=position * scale())
            for position, name in enumerate(objects)
        )
        reply = Responder(table, {}).answer(datagram)
        if reply is not None:
            yield reply, address

    return answer


def poll(exchange: Exchange, watch: Watch, now: float = 0.0) -> tuple[Poll, list[Answer]]:
    """Start a poll; its answer will be put into the list."""
    answers: list[Answer] = []
    talk = Poll(watch, answers.append)
    exchange.start(talk, now)
    return talk, answers


def watch_of(objects: list[str] = OBJECTS, target: Target = TARGET) -> Watch:
    """Watch these objects of a device that nothing is known of."""
    return Watch(target, objects, Learnt())


def size_of(datagram: bytes) -> int:
    """Count the varbinds of a datagram."""
    return len(decode_pdu(unwrap(datagram)[2]).spans)


def error(datagram: bytes, status: int, index: int) -> bytes:
    """Answer a request with an error."""
    version, word, body = unwrap(datagram)
    request = decode_pdu(body)
    fields = b"".join(tlv(Tag.INTEGER, integer(n)) for n in (request.request_id, status, index))
    pdu = tlv(0xA2, fields + tlv(Tag.SEQUENCE, b""))
    head = tlv(Tag.INTEGER, integer(version)) + tlv(Tag.OCTET_STRING, word)
    return tlv(Tag.SEQUENCE, head + pdu)


@given(
    positions=st.lists(st.integers(0, 149), min_size=1, unique=True),
    version=st.sampled_from(["1", "2c"]),
)
def test_each_object_is_read_into_its_place(
    drive: Drive, positions: list[int], version: Version
) -> None:
    """Values where they belong, absent objects named as such, in v1 as in v2c, twice alike."""
    exchange = Exchange(random.Random(1))
    target = Target(address=HERE, version=version, deadline_s=60)
    watch = watch_of([f"1.3.6.1.4.1.99.{position}.0" for position in positions], target)
    for now in (0.0, 100.0):
        _, answers = poll(exchange, watch, now)
        drive(exchange, {HERE: agent()}, now)

        assert [answer.outcome for answer in answers] == [Outcome.OK]
        expected = [position if position < 130 else np.nan for position in positions]
        faults = [Quality.GOOD if p < 130 else Quality.ABSENT for p in positions]
        np.testing.assert_array_equal(answers[0].raw, expected)
        assert answers[0].fault.tolist() == faults
    assert (
        answers[0].requests == -(-len([p for p in positions if p < 130]) // 60) or version == "2c"
    )


@given(
    seed=st.integers(0, 999),
    loss=st.sampled_from([0.0, 0.1, 0.5]),
    twice=st.sampled_from([0.0, 0.5]),
    slowest_s=st.sampled_from([0.01, 1.0, 6.0]),
)
def test_no_answer_is_ever_taken_for_another(
    drive: Drive, seed: int, loss: float, twice: float, slowest_s: float
) -> None:
    """Under loss, doubling, delay and reordering each poll ends once and in time.

    All that is good in it was read during it: a late answer never counts for a later poll.
    """
    exchange = Exchange(random.Random(seed))
    watch = watch_of()
    polls = 0
    honest = agent(scale=lambda: polls)
    now = 0.0
    for polls in range(1, 6):
        _, answers = poll(exchange, watch, now)
        started = now
        now = drive(
            exchange,
            {HERE: honest},
            now,
            seed=seed + polls,
            loss=loss,
            twice=twice,
            slowest_s=slowest_s,
        )

        assert len(answers) == 1
        answer = answers[0]
        good = answer.fault == Quality.GOOD
        np.testing.assert_array_equal(answer.raw[good], (np.arange(130) * polls)[good])
        assert np.isnan(answer.raw[~good]).all()
        assert (answer.outcome is Outcome.OK) == good.all()
        assert answer.seconds <= TARGET.deadline_s + 1e-9
        now = started + answer.seconds  # the next poll starts while late answers are on their way


def test_texts_are_kept_and_read_as_numbers_where_they_are_such(drive: Drive) -> None:
    """Some coolers send every reading as text; a name is no reading, but it is kept."""
    exchange = Exchange(random.Random(1))
    watch = watch_of(OBJECTS[:3])
    for text, value in (("23.5", 23.5), ("24.5", 24.5), ("100", 100.0)):
        shown: list[int | str] = [text, "Unavailable", 7]
        table = Table(fixed(name, one) for name, one in zip(OBJECTS, shown, strict=False))
        reply = Responder(table, {}).answer
        _, answers = poll(exchange, watch)
        drive(exchange, {HERE: lambda datagram, _, reply=reply: [(reply(datagram), HERE)]})

        np.testing.assert_array_equal(answers[0].raw, [value, np.nan, 7.0])
        assert answers[0].fault.tolist() == [Quality.GOOD, Quality.MALFORMED, Quality.GOOD]
        assert answers[0].texts == {0: text.encode(), 1: b"Unavailable"}


def test_a_tenth_of_all_datagrams_may_be_lost(drive: Drive) -> None:
    """One retry makes 99 requests in 100 succeed when one answer in ten is lost."""
    exchange = Exchange(random.Random(3))
    watch = watch_of(OBJECTS[:50])
    outcomes = []
    for number in range(400):
        _, answers = poll(exchange, watch, 100.0 * number)
        drive(exchange, {HERE: agent()}, 100.0 * number, seed=number, loss=0.05)
        outcomes.append(answers[0].outcome)

    assert outcomes.count(Outcome.OK) >= 0.98 * len(outcomes)


def reply_first(wrong: Callable[[bytes], tuple[bytes, Address]], *, then_right: bool) -> Honest:
    """Make an agent whose first reply to each request is wrong."""
    honest = agent()

    def answer(datagram: bytes, now: float) -> Iterator[tuple[bytes, Address]]:
        """Answer wrongly, then perhaps as an honest agent."""
        (right, _), *_ = honest(datagram, now)
        yield wrong(right)
        if then_right:
            yield right, HERE

    return answer


def with_id(reply: bytes) -> bytes:
    """Change the request-id of a reply."""
    at = reply.index(b"\x02\x04", 15) + 2
    return (
        reply[:at]
        + (int.from_bytes(reply[at : at + 4], "big") ^ 1).to_bytes(4, "big")
        + reply[at + 4 :]
    )


def without_definite_length(reply: bytes) -> bytes:
    """Encode the outermost length as indefinite."""
    return b"\x30\x80" + reply[read(reply, 0, len(reply))[1] :] + b"\x00\x00"


def with_endless_name(reply: bytes) -> bytes:
    """Put a name of 20,000 numbers into an otherwise good reply."""
    version, word, body = unwrap(reply)
    fields = b"".join(tlv(Tag.INTEGER, integer(n)) for n in (decode_pdu(body).request_id, 0, 0))
    varbind = tlv(Tag.SEQUENCE, tlv(Tag.OID, b"\x2b" + b"\x01" * 20_000) + b"\x02\x01\x2a")
    pdu = tlv(0xA2, fields + tlv(Tag.SEQUENCE, varbind))
    return tlv(Tag.SEQUENCE, tlv(Tag.INTEGER, integer(version)) + tlv(Tag.OCTET_STRING, word) + pdu)


NAMES = (oid("1.3.6.1.4.1.99.7.0"), oid("1.3.6.1.4.1.98.7.0"))
WRONG: dict[str, tuple[str, Callable[[bytes], tuple[bytes, Address]]]] = {
    "other host": ("source", lambda reply: (reply, ("127.0.0.2", 161))),
    "other port": ("source", lambda reply: (reply, ("127.0.0.9", 162))),
    "other id": ("request_id", lambda reply: (with_id(reply), HERE)),
    "other community": ("community", lambda reply: (reply.replace(b"public", b"publik"), HERE)),
    "other version": (
        "version",
        lambda reply: (reply.replace(b"\x02\x01\x01", b"\x02\x01\x00", 1), HERE),
    ),
    "a request": ("type", lambda reply: (reply.replace(b"\xa2\x82", b"\xa0\x82", 1), HERE)),
    "other object": ("varbinds", lambda reply: (reply.replace(*NAMES), HERE)),
    "trailing octets": ("malformed", lambda reply: (reply + b"\xde\xad", HERE)),
    "indefinite length": ("malformed", lambda reply: (without_definite_length(reply), HERE)),
    "endless name": ("varbinds", lambda reply: (with_endless_name(reply), HERE)),
    "garbage": ("malformed", lambda _: (b"\x30\x03\x02\x01", HERE)),
}


@pytest.mark.parametrize(("reason", "wrong"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("known", [False, True], ids=["at first", "later"])
def test_a_wrong_reply_is_dropped_and_the_true_one_taken(
    drive: Drive, reason: str, wrong: Callable[[bytes], tuple[bytes, Address]], *, known: bool
) -> None:
    """Others accept answers from anywhere, about anything, or give up at the first wrong one."""
    exchange = Exchange(random.Random(1))
    watch = watch_of(OBJECTS[:50])
    if known:  # the layout of good answers
        poll(exchange, watch)
        drive(exchange, {HERE: agent()})
    _, answers = poll(exchange, watch, 10.0)
    drive(exchange, {HERE: reply_first(wrong, then_right=True)}, 10.0)

    assert answers[0].outcome is Outcome.OK
    assert answers[0].raw.tolist() == list(range(50))
    assert exchange.drops == {reason: 1}


@pytest.mark.parametrize(("reason", "wrong"), WRONG.values(), ids=WRONG)
def test_a_device_that_only_answers_wrongly_brings_nothing(
    drive: Drive, reason: str, wrong: Callable[[bytes], tuple[bytes, Address]]
) -> None:
    """Its channels are unknown with the reason; the next device is read as ever."""
    exchange = Exchange(random.Random(1))
    _, answers = poll(exchange, watch_of(OBJECTS[:50]))
    _, others = poll(exchange, watch_of(target=Target(address=OTHER)))
    drive(exchange, {HERE: reply_first(wrong, then_right=False), OTHER: agent(OTHER)})

    answers_there = reason != "source"
    assert answers[0].outcome is (Outcome.MALFORMED if answers_there else Outcome.TIMEOUT)
    assert set(answers[0].fault) == {Quality.MALFORMED if answers_there else Quality.COMM_LOST}
    assert others[0].outcome is Outcome.OK
    assert exchange.drops[reason] >= 2


def test_a_doubled_answer_is_late_and_does_no_harm(drive: Drive) -> None:
    """However many there were, the session is as good as new."""
    exchange = Exchange(random.Random(1))
    watch = watch_of()
    for number in range(200):
        _, answers = poll(exchange, watch, float(number))
        drive(exchange, {HERE: agent()}, float(number), twice=1.0)
        assert answers[0].outcome is Outcome.OK

    assert set(exchange.drops) == {"late"}


def test_too_big_halves_the_requests_for_good(drive: Drive) -> None:
    """A device that takes nine objects at a time is asked for at most nine from then on."""
    exchange = Exchange(random.Random(1))
    watch = watch_of()
    honest = agent()
    asked: list[int] = []

    def small(datagram: bytes, now: float) -> Iterable[tuple[bytes, Address]]:
        """Answer requests of up to nine objects."""
        asked.append(size_of(datagram))
        return [(error(datagram, 1, 0), HERE)] if asked[-1] > 9 else honest(datagram, now)

    for now in (0.0, 10.0):
        asked.clear()
        _, answers = poll(exchange, watch, now)
        drive(exchange, {HERE: small}, now)
        assert answers[0].outcome is Outcome.OK
        assert answers[0].raw.tolist() == list(range(130))
    assert max(asked) <= 9
    assert watch.learnt.varbinds_max > 4


def test_too_big_for_a_single_object_is_a_clean_error(drive: Drive) -> None:
    """However small the request, this device cannot answer."""
    exchange = Exchange(random.Random(1))
    _, answers = poll(exchange, watch_of(OBJECTS[:8]))
    drive(exchange, {HERE: lambda datagram, _: [(error(datagram, 1, 0), HERE)]})

    assert answers[0].outcome is Outcome.MALFORMED
    assert set(answers[0].fault) == {Quality.MALFORMED}


def test_requests_that_are_too_large_for_an_answer_are_halved_too(drive: Drive) -> None:
    """Some agents say nothing instead of tooBig; once that is known they are spared."""
    exchange = Exchange(random.Random(1))
    target = Target(address=HERE, deadline_s=30)
    watch = watch_of(target=target)
    honest = agent()

    def shy(datagram: bytes, now: float) -> Iterable[tuple[bytes, Address]]:
        """Say nothing to requests of more than 20 objects."""
        return honest(datagram, now) if size_of(datagram) <= 20 else []

    _, answers = poll(exchange, watch)
    now = drive(exchange, {HERE: shy})
    assert answers[0].outcome is Outcome.OK
    _, answers = poll(exchange, watch, now)
    drive(exchange, {HERE: shy}, now)
    assert answers[0].outcome is Outcome.OK
    assert answers[0].seconds < target.timeout_s
    assert 8 <= watch.learnt.varbinds_max <= 20


@pytest.mark.parametrize(
    ("status", "quality"),
    [(2, Quality.ABSENT), (5, Quality.SENSOR_FAULT), (6, Quality.ABSENT), (3, Quality.MALFORMED)],
)
def test_an_error_costs_one_object_only(drive: Drive, status: int, quality: Quality) -> None:
    """noSuchName, genErr and the like point at one object; all others are read."""
    exchange = Exchange(random.Random(1))
    watch = watch_of(OBJECTS[:50])
    honest = agent()
    sick = oid(OBJECTS[7])

    def partly(datagram: bytes, now: float) -> Iterable[tuple[bytes, Address]]:
        """Refuse requests with object 7 in them."""
        pdu = unwrap(datagram)[2]
        names = [pdu[s.name_start : s.name_stop] for s in decode_pdu(pdu).spans]
        if sick in names:
            return [(error(datagram, status, names.index(sick) + 1), HERE)]
        return honest(datagram, now)

    for now in (0.0, 10.0):
        _, answers = poll(exchange, watch, now)
        drive(exchange, {HERE: partly}, now)
        assert answers[0].outcome is Outcome.OK
        assert np.flatnonzero(answers[0].fault).tolist() == [7]
        assert answers[0].fault[7] == quality
    assert (answers[0].requests == 1) == (quality is Quality.ABSENT)


@pytest.mark.parametrize("index", [0, 99, -1])
def test_an_error_that_points_nowhere_is_a_clean_error(drive: Drive, index: int) -> None:
    """An error-index out of range has brought other libraries down."""
    exchange = Exchange(random.Random(1))
    _, answers = poll(exchange, watch_of(OBJECTS[:50]))
    drive(exchange, {HERE: lambda datagram, _: [(error(datagram, 5, index), HERE)]})

    assert answers[0].outcome is Outcome.MALFORMED
    assert set(answers[0].fault) == {Quality.MALFORMED}


def test_a_device_that_drips_is_left_at_its_deadline(drive: Drive) -> None:
    """Answers just before each timeout keep a poll alive, but not beyond its deadline."""
    exchange = Exchange(random.Random(1))
    _, answers = poll(exchange, watch_of(OBJECTS * 4))
    drive(exchange, {HERE: agent()}, fastest_s=0.95, slowest_s=0.95)

    assert answers[0].outcome is Outcome.PARTIAL
    assert answers[0].seconds == TARGET.deadline_s
    assert 0 < np.count_nonzero(answers[0].fault == Quality.COMM_LOST) < 520


def test_a_refusal_of_the_network_ends_a_poll_at_once() -> None:
    """Nobody listens there: waiting would not help."""
    exchange = Exchange(random.Random(1))
    talk, answers = poll(exchange, watch_of())
    exchange.refuse(HERE, 0.5)
    ended, seconds = exchange.ended.popleft()
    ended.end(seconds)

    assert ended is talk
    assert answers[0].outcome is Outcome.REFUSED
    assert set(answers[0].fault) == {Quality.COMM_LOST}
    assert exchange.due() is None


def test_refusals_of_what_was_not_asked_are_ignored() -> None:
    """Such messages of the network are easily forged, and may be late."""
    exchange = Exchange(random.Random(1))
    _, answers = poll(exchange, watch_of())
    exchange.refuse(OTHER, 0.5)

    assert not exchange.ended
    assert answers == []


def test_a_device_that_waits_too_long_for_its_turn_is_given_up(drive: Drive) -> None:
    """Its deadline counts from the start, not from the first datagram."""
    exchange = Exchange(random.Random(1), window=1)
    hasty = Target(address=OTHER, deadline_s=0.05)
    _, silent = poll(exchange, watch_of())
    _, waiting = poll(exchange, watch_of(target=hasty))
    drive(exchange, {OTHER: agent(OTHER)})

    assert [answers[0].outcome for answers in (silent, waiting)] == [Outcome.TIMEOUT] * 2
    assert waiting[0].seconds < 0.2


def test_a_late_answer_is_told_from_a_forged_one_for_thousands_of_requests() -> None:
    """Timeouts that are too short should show as late answers, not as an attack."""
    exchange = Exchange(random.Random(1))
    watch = watch_of(OBJECTS[:1])
    first, _ = poll(exchange, watch)
    sent, _ = exchange.outbox[0]
    exchange.cancel(first, 0.0)
    for _ in range(RECENT_IDS + 10):
        talk, _ = poll(exchange, watch)
        exchange.cancel(talk, 0.0)
    for late, address in agent()(sent, 0.0):
        exchange.hear(late, address, 0.0)
        exchange.hear(with_id(late), address, 0.0)

    assert exchange.drops == {"late": 1, "source": 1}


def test_an_address_has_one_request_outstanding_however_many_talks(drive: Drive) -> None:
    """Small agents bear no more; the second talk begins when the first has ended."""
    exchange = Exchange(random.Random(1))
    watch = watch_of()
    fetched: list[Fetched] = []
    _, answers = poll(exchange, watch)
    exchange.start(Fetch(watch_of(OBJECTS[:3]), fetched.append), 0.0)
    assert len(exchange.outbox) == 1

    drive(exchange, {HERE: agent()})
    assert answers[0].outcome is Outcome.OK
    assert fetched[0].values == {OBJECTS[0]: 0, OBJECTS[1]: 1, OBJECTS[2]: 2}


def test_a_cancelled_poll_frees_the_address(drive: Drive) -> None:
    """Its answer, when it comes, is late."""
    exchange = Exchange(random.Random(1))
    first, nothing = poll(exchange, watch_of())
    sent = exchange.outbox.popleft()
    second, answers = poll(exchange, watch_of())
    third, none = poll(exchange, watch_of())
    exchange.cancel(third, 0.0)
    exchange.cancel(first, 0.0)
    ((late, address),) = agent()(sent[0], 0.0)
    exchange.hear(late, address, 0.0)
    drive(exchange, {HERE: agent()})

    assert (nothing, none) == ([], [])
    assert answers[0].outcome is Outcome.OK
    assert exchange.drops == {"late": 1}
    exchange.cancel(second, 0.0)


def test_a_thousand_devices_at_once_do_not_overrun_the_socket(drive: Drive) -> None:
    """No more answers are expected at a time than fit; all devices get their turn."""
    exchange = Exchange(random.Random(1), window=50)
    hosts = [(f"127.1.{n // 250}.{n % 250 + 1}", 161) for n in range(1000)]
    all_answers = [poll(exchange, watch_of(OBJECTS[:2], Target(address=h)))[1] for h in hosts]
    assert len(exchange.outbox) == 50

    drive(exchange, {host: agent(host, objects=OBJECTS[:2]) for host in hosts})
    assert [answers[0].outcome for answers in all_answers] == [Outcome.OK] * 1000


def test_silent_devices_delay_the_others_by_little(drive: Drive) -> None:
    """Half of a floor is dead: the other half is read completely, within seconds."""
    exchange = Exchange(random.Random(1), window=50)
    hosts = [(f"127.1.{n // 250}.{n % 250 + 1}", 161) for n in range(1000)]
    alive = {host: agent(host, objects=OBJECTS[:2]) for host in hosts[::2]}
    watches = [watch_of(OBJECTS[:2], Target(address=host)) for host in hosts]
    all_answers = [poll(exchange, watch)[1] for watch in watches]
    now = drive(exchange, alive)
    outcomes = [answers[0].outcome for answers in all_answers]

    assert outcomes == [Outcome.OK, Outcome.TIMEOUT] * 500
    assert max(answers[0].seconds for answers in all_answers[::2]) < 2.0
    assert now < 10.0


def test_fetching_names_what_is_not_there(drive: Drive) -> None:
    """Each object asked for has a value or a reason, in v1 as in v2c."""
    exchange = Exchange(random.Random(1))
    reasons = {"1": "noSuchName", "2c": "noSuchObject"}
    versions: list[Version] = ["1", "2c"]
    for version in versions:
        fetched: list[Fetched] = []
        target = Target(address=HERE, version=version)
        objects = [OBJECTS[1], "1.3.6.1.9.9", OBJECTS[2]]
        exchange.start(Fetch(watch_of(objects, target), fetched.append), 0.0)
        drive(exchange, {HERE: agent()})

        assert fetched[0].values == {OBJECTS[1]: 1, OBJECTS[2]: 2}
        assert fetched[0].unread == {"1.3.6.1.9.9": reasons[version]}
        assert fetched[0].outcome is Outcome.OK


def test_objects_a_v1_agent_did_not_have_are_asked_for_again_later(drive: Drive) -> None:
    """An outlet that is plugged in during a burn-in is found without a restart."""
    exchange = Exchange(random.Random(1))
    watch = watch_of(OBJECTS[:3], Target(address=HERE, version="1"))
    poll(exchange, watch)
    drive(exchange, {HERE: agent(objects=OBJECTS[:2])})
    faults = []
    for number in range(1, 62):
        _, answers = poll(exchange, watch, float(number))
        drive(exchange, {HERE: agent()}, float(number))
        faults.append(answers[0].fault[2])

    assert faults[0] == Quality.ABSENT
    assert faults[-1] == Quality.GOOD


@pytest.mark.parametrize("address", [("pdu.example", 161), ("127.0.0.1", 0), ("::1", 70_000)])
def test_a_target_is_a_numeric_address(address: Address) -> None:
    """Names are resolved before; a socket would otherwise stand still for a resolver."""
    with pytest.raises(ValueError, match=r"127|pdu|port"):
        Target(address=address)


def test_a_target_hides_its_community_and_spells_addresses_as_sockets_do() -> None:
    """A secret has no business in a log, and answers are matched by address."""
    target = Target(address=("0:0::1", 161), community=b"s3cret")

    assert "s3cret" not in repr(target)
    assert target.address == ("::1", 161)
