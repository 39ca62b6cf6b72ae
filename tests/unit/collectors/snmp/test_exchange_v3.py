"""Talks in SNMPv3 on a false clock: devices that restart, jump, lie, and are impersonated."""

import random
from collections.abc import Callable, Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.readings import Quality
from collectors.snmp.ber import Tag
from collectors.snmp.exchange import (
    DENIALS,
    RESYNCS_MAX,
    Address,
    Exchange,
    Learnt,
    Outcome,
    Target,
)
from collectors.snmp.keys import AUTH, PRIVACY
from collectors.snmp.peer import ENGINES_MAX, FORMS_MAX, ROLLBACK_S
from collectors.snmp.poll import Answer, Poll, Watch
from collectors.snmp.secured import Flag, Message, decode, scope
from collectors.snmp.usm import Authority, Complaint, User
from collectors.twin.engine import Engine, engine_id
from collectors.twin.objects import Object, Table
from collectors.twin.responder import Responder

if TYPE_CHECKING:
    from collectors.twin.objects import Shown

Drive = Callable[..., float]
Honest = Callable[[bytes, float], Iterator[tuple[bytes, Address]]]

HERE: Address = ("127.0.0.9", 161)
OTHER: Address = ("127.0.0.10", 161)
OBJECTS = [f"1.3.6.1.4.1.99.{position}.0" for position in range(90)]
AUTH_WORD, PRIVACY_WORD = b"maplesyrup", b"treefrogs"
TABLE = Table(Object(oid=o, tag=Tag.GAUGE32, value=1000 + n) for n, o in enumerate(OBJECTS))
TRUTH = np.arange(1000.0, 1000.0 + len(OBJECTS))


def user(auth: str = "SHA-256", privacy: str = "AES", name: bytes = b"watch") -> User:
    """Make a user; no protocol: neither signs nor encrypts."""
    return User.of(
        name,
        auth=(auth, AUTH_WORD) if auth else None,
        privacy=(privacy, PRIVACY_WORD) if privacy else None,
    )


WATCH = user()
LEVELS = {"noAuthNoPriv": user("", ""), "authNoPriv": user("SHA", ""), "authPriv": WATCH}


class Device:
    """An agent of SNMPv3 whose clock and name a test can turn."""

    def __init__(self, *users: User, name: str = "feedA", boots: int = 3) -> None:
        self.users = users or (WATCH,)
        self.heard: list[bytes] = []
        self.said: list[bytes] = []
        self.start(name, boots, 0.0)

    def start(self, name: str, boots: int, since: float) -> None:
        """Start, or start again."""
        responder: Responder[Shown] = Responder(TABLE, {})
        clock = Authority(boots, started=since)
        self.engine = Engine(engine_id(name), responder, self.users, clock=clock, salt=1)

    def __call__(self, datagram: bytes, now: float) -> Iterator[tuple[bytes, Address]]:
        """Answer one datagram."""
        self.heard.append(datagram)
        answer = self.engine.answer(datagram, now)
        if answer is not None:
            self.said.append(answer)
            yield answer, HERE


class Floor:
    """One exchange, and one device at `HERE` that is watched."""

    def __init__(self, drive: Drive, asks: User = WATCH, device: Device | None = None) -> None:
        self.drive = drive
        self.exchange = Exchange(random.Random(1))
        self.device = device or Device(asks)
        self.learnt = Learnt(salt=7, keys=self.exchange.engines.keys)
        self.target = Target(address=HERE, version="3", user=asks, deadline_s=30)
        self.watch = Watch(self.target, OBJECTS, self.learnt)

    def poll(self, now: float, agent: Honest | None = None, **weather: float) -> Answer:
        """Poll once."""
        answers: list[Answer] = []
        self.exchange.start(Poll(self.watch, answers.append), now)
        self.drive(self.exchange, {HERE: agent or self.device}, now, **weather)
        assert len(answers) == 1
        return answers[0]

    def notices(self) -> dict[str, str]:
        """Fetch what there is to tell."""
        told = {event: detail for _, event, detail in self.exchange.engines.notices}
        self.exchange.engines.notices.clear()
        return told


def right(answer: Answer) -> bool:
    """Say whether an answer is all that there is, and true."""
    return answer.outcome is Outcome.OK and bool(np.array_equal(answer.raw, TRUTH))


@pytest.mark.parametrize(
    ("auth", "privacy"), [("", ""), *product(AUTH, [""]), *product(AUTH, PRIVACY)]
)
def test_each_object_is_read_into_its_place_at_every_level(
    drive: Drive, auth: str, privacy: str
) -> None:
    """Two datagrams more at first, to find the engine and its clock; none more later."""
    floor = Floor(drive, user(auth, privacy))
    asks = floor.target.user
    assert asks is not None
    read = _with_keys if asks.is_slow else Floor.poll

    answers = [read(floor, now) for now in (1000.0, 1010.0)]

    assert all(right(answer) for answer in answers)
    requests = answers[0].requests
    extra = {0: 1, Flag.AUTH: 2, Flag.AUTH | Flag.PRIV: 2}[asks.level]
    assert len(floor.device.heard) == 2 * requests + extra
    assert not floor.exchange.drops


def _with_keys(floor: Floor, now: float) -> Answer:
    """Poll a device of a user whose keys take long, and make them when asked to."""

    def agent(datagram: bytes, when: float) -> Iterator[tuple[bytes, Address]]:
        """Answer; a thread makes keys meanwhile."""
        yield from floor.device(datagram, when)

    answers: list[Answer] = []
    floor.exchange.start(Poll(floor.watch, answers.append), now)
    for _ in range(2):
        floor.drive(_Keying(floor.exchange), {HERE: agent}, now)
    return answers[0]


class _Keying:
    """An exchange whose keys are made as soon as they are wanted, as a thread would."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __getattr__(self, name: str) -> object:
        """Be the exchange."""
        return getattr(self._exchange, name)

    def hear(self, datagram: bytes, address: Address, now: float) -> None:
        """Hear, then make what keys are wanted."""
        self._exchange.hear(datagram, address, now)
        while self._exchange.engines.chores:
            asks, engine = self._exchange.engines.chores.popleft()
            self._exchange.keyed(asks.made(engine), asks, now)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    loss=st.floats(0, 0.3),
    twice=st.floats(0, 0.5),
    level=st.sampled_from(sorted(LEVELS)),
)
def test_a_bad_network_costs_polls_and_never_a_value(
    drive: Drive, seed: int, loss: float, twice: float, level: str
) -> None:
    """Lost, doubled, reordered and late, over a restart: what is read is true."""
    floor = Floor(drive, LEVELS[level])
    weather: dict[str, Any] = {"seed": seed, "loss": loss, "twice": twice, "slowest_s": 3.0}
    for turn in range(6):
        if turn == 3:
            floor.device.start("feedA", 4, 100.0 * turn)
        answer = floor.poll(100.0 * turn, **weather)
        good = answer.fault == Quality.GOOD

        np.testing.assert_array_equal(answer.raw[good], TRUTH[good])
        assert (answer.outcome is Outcome.OK) == good.all()
    assert right(floor.poll(1000.0))


def test_a_restart_costs_one_datagram_and_is_told(drive: Drive) -> None:
    """The device says under its keys that it started once more; no poll is missed."""
    floor = Floor(drive)
    assert right(floor.poll(1000.0))
    before = len(floor.device.heard)

    floor.device.start("feedA", 4, 1005.0)
    answer = floor.poll(1010.0)

    assert right(answer)
    assert len(floor.device.heard) - before == answer.requests + 1
    assert "started 4 times, 3 when last heard" in floor.notices()["device_restarted"]


def test_another_engine_at_the_address_is_found_within_the_poll(drive: Drive) -> None:
    """A device was exchanged, or named anew."""
    floor = Floor(drive)
    assert right(floor.poll(1000.0))

    floor.device.start("feedB", 1, 1005.0)

    assert right(floor.poll(1010.0))
    assert right(floor.poll(1020.0))


@pytest.mark.parametrize("ahead", [200.0, 3600.0])
def test_a_clock_that_leaps_ahead_is_followed(drive: Drive, ahead: float) -> None:
    """What is proven and later than known is believed at once."""
    floor = Floor(drive)
    assert right(floor.poll(1000.0))

    floor.device.start("feedA", 3, -ahead)

    assert right(floor.poll(1010.0))
    assert not floor.notices()


@pytest.mark.parametrize(("boots", "since"), [(1, 1005.0), (3, 500.0)], ids=["boots", "seconds"])
def test_a_clock_set_back_is_refused_told_and_later_believed(
    drive: Drive, boots: int, since: float
) -> None:
    """Its memory was wiped, or its clock set back: refused like a replay, but not for ever."""
    floor = Floor(drive)
    assert right(floor.poll(1000.0))
    floor.device.start("feedA", boots, since)
    before = len(floor.device.heard)

    answers = [floor.poll(1010.0 + 10 * turn) for turn in range(int(ROLLBACK_S / 10))]

    assert {answer.outcome for answer in answers} == {Outcome.NOT_IN_TIME_WINDOW}
    assert len(floor.device.heard) - before == len(answers)
    assert np.isnan(answers[-1].raw).all()
    assert "refused for 300 s and then believed" in floor.notices()["clock_set_back"]
    assert right(floor.poll(1010.0 + ROLLBACK_S))
    assert "believed from now on" in floor.notices()["clock_accepted"]
    assert right(floor.poll(1020.0 + ROLLBACK_S))


def test_a_clock_set_back_needs_more_than_one_witness(drive: Drive) -> None:
    """Polls far apart: three of them, so that one old message is not enough."""
    floor = Floor(drive)
    assert right(floor.poll(1000.0))
    floor.device.start("feedA", 1, 1005.0)

    outcomes = [floor.poll(5000.0 * turn).outcome for turn in range(1, 5)]

    refused = Outcome.NOT_IN_TIME_WINDOW
    assert outcomes == [refused, refused, Outcome.OK, Outcome.OK]


def test_old_answers_are_refused_while_a_clock_is_set_back(drive: Drive) -> None:
    """What was recorded before is no evidence for the new clock, nor for any value."""
    floor = Floor(drive)
    assert right(floor.poll(1000.0))
    recorded = [said for said in floor.device.said if decode(said).flags & Flag.AUTH]
    floor.device.start("feedA", 4, 1005.0)
    assert right(floor.poll(1010.0))

    def repeated(_: bytes, __: float) -> Iterator[tuple[bytes, Address]]:
        """Answer with what was true once."""
        for said in recorded:
            yield said, HERE

    answer = floor.poll(1020.0, repeated)

    assert answer.outcome is Outcome.TIMEOUT
    assert np.isnan(answer.raw).all()
    assert floor.exchange.drops["late"] > 0


WRONG = {
    "password": (User.of(b"watch", auth=("SHA-256", b"maplesyrup1"), privacy=("AES", PRIVACY_WORD)),
                 Complaint.WRONG_DIGEST),
    "hash": (user("SHA-512"), Complaint.WRONG_DIGEST),
    "privacy word": (User.of(b"watch", auth=("SHA-256", AUTH_WORD), privacy=("AES", b"tree-frog")),
                         Complaint.DECRYPTION),
    "cipher": (user(privacy="AES-256"), Complaint.DECRYPTION),
    "user": (user(name=b"somebody"), Complaint.UNKNOWN_USER),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_credential_is_named_and_tried_once_a_poll(drive: Drive, what: str) -> None:
    """So that no account is locked; and the drops say why."""
    asks, complaint = WRONG[what]
    floor = Floor(drive, asks, Device(WATCH))
    first = floor.poll(1000.0)
    before = len(floor.device.heard)

    answers = [floor.poll(1010.0 + 10 * turn) for turn in range(3)]

    assert {answer.outcome for answer in (first, *answers)} == {DENIALS[complaint]}
    assert len(floor.device.heard) - before == len(answers)
    assert floor.exchange.drops[f"report_{complaint.name.lower()}"] == 4
    assert right(Floor(drive, WATCH, floor.device).poll(1060.0))


def test_a_level_that_the_device_does_not_grant_is_named(drive: Drive) -> None:
    """The user is set up without privacy there."""
    floor = Floor(drive, WATCH, Device(user(privacy="")))

    assert floor.poll(1000.0).outcome is Outcome.UNSUPPORTED_LEVEL


@pytest.mark.parametrize("level", [0, Flag.AUTH])
def test_an_answer_below_the_level_of_the_question_is_refused(drive: Drive, level: int) -> None:
    """Whoever can strip encryption must not be heard."""
    floor = Floor(drive)
    assert right(floor.poll(1000.0))

    def weaker(datagram: bytes, now: float) -> Iterator[tuple[bytes, Address]]:
        """Answer rightly, but at a lower level."""
        engine = floor.device.engine
        there, asked = WATCH.at(engine.name), decode(datagram)
        body = there.decrypted(asked)
        pdu = engine._responder.respond(body[body.index(b"\xa0") :])  # noqa: SLF001
        assert pdu is not None
        yield (
            there.seal(
                scope(engine.name, b"", pdu),
                number=asked.number,
                boots=3,
                seconds=int(now),
                salt=1,
                level=level,
                reportable=False,
            ),
            HERE,
        )

    answer = floor.poll(1010.0, weaker)

    assert answer.outcome is Outcome.MALFORMED
    assert np.isnan(answer.raw).all()
    assert floor.exchange.drops["security level"] > 0


def _report(
    asked: Message, complaint: Complaint, engine: bytes, boots: int = 900_000
) -> tuple[bytes, Address]:
    """Make a report that nobody signed."""
    liar = Engine(engine, Responder(TABLE, {}), [WATCH], clock=Authority(boots, 0), salt=1)
    pdu = liar._report(complaint.counter, 0)  # noqa: SLF001
    body = scope(engine, b"", pdu)
    message = Message(
        number=asked.number, flags=0, engine=engine, boots=boots, seconds=5, user=b"", body=body
    )
    return message.encode(), HERE


@pytest.mark.parametrize("complaint", Complaint)
@pytest.mark.parametrize("foreign", [False, True])
def test_reports_that_nobody_signed_do_not_stop_a_poll(
    drive: Drive, complaint: Complaint, *, foreign: bool
) -> None:
    """Whoever reads along and is faster than the device changes neither clock nor values."""
    floor = Floor(drive)
    serial = iter(range(10_000))

    def impersonated(datagram: bytes, now: float) -> Iterator[tuple[bytes, Address]]:
        """Lie first, then answer."""
        asked = decode(datagram)
        name = engine_id(f"liar{next(serial)}") if foreign else floor.device.engine.name
        yield _report(asked, complaint, name)
        yield from floor.device(datagram, now)

    weather: dict[str, Any] = {"fastest_s": 0.001, "slowest_s": 0.001}

    for turn in range(5):
        assert right(floor.poll(1000.0 + 10 * turn, impersonated, **weather))
    assert floor.learnt.peer is not None
    assert floor.learnt.peer.clock.boots == 3
    assert "clock_set_back" not in floor.notices()


def test_poisoned_discovery_leaves_the_next_poll_unharmed(drive: Drive) -> None:
    """Every report without a signature claims a start and a time that never were."""
    floor = Floor(drive)

    def poisoned(datagram: bytes, now: float) -> Iterator[tuple[bytes, Address]]:
        """Change what a signature does not protect."""
        for answer, _ in floor.device(datagram, now):
            said = decode(answer)
            if said.flags & Flag.AUTH:
                yield answer, HERE
            else:
                lie = Message(
                    number=said.number,
                    flags=0,
                    engine=said.engine,
                    boots=900_000,
                    seconds=5,
                    body=said.body,
                )
                yield lie.encode(), HERE

    assert right(floor.poll(1000.0, poisoned))
    assert right(floor.poll(1010.0))


def test_two_devices_with_one_engine_are_told_and_both_read(drive: Drive) -> None:
    """Copied configurations do that; each keeps a clock of its own."""
    floor = Floor(drive)
    twin = Device(boots=900)
    target = Target(address=OTHER, version="3", user=WATCH)
    watch = Watch(target, OBJECTS, Learnt(salt=99, keys=floor.exchange.engines.keys))
    answers: list[Answer] = []

    def other(datagram: bytes, now: float) -> Iterator[tuple[bytes, Address]]:
        """Answer from the other address."""
        yield from ((answer, OTHER) for answer, _ in twin(datagram, now))

    for now in (1000.0, 1010.0):
        assert right(floor.poll(now))
        floor.exchange.start(Poll(watch, answers.append), now)
        floor.drive(floor.exchange, {OTHER: other}, now)

    assert all(right(answer) for answer in answers)
    told = [*floor.exchange.engines.notices]
    assert [(address, event) for address, event, _ in told] == [
        (OTHER, "engine_shared"),
        (HERE, "engine_shared"),
    ]
    assert "127.0.0.9 port 161 has the same SNMP engine ID" in told[0][2]
    assert floor.exchange.engines.shared == 1

    twin.start("feedB", 1, 1015.0)
    floor.exchange.start(Poll(watch, answers.append), 1020.0)
    floor.drive(floor.exchange, {OTHER: other}, 1020.0)

    assert right(answers[-1])
    assert floor.exchange.engines.shared == 0


def test_what_is_remembered_of_a_device_is_bounded(drive: Drive) -> None:
    """A device that names itself anew at each poll is followed, and the past forgotten."""
    floor = Floor(drive)
    for turn in range(3 * ENGINES_MAX):
        floor.device.start(f"name{turn}", 1, 1000.0 * turn)
        assert right(floor.poll(1000.0 * turn + 5))

    peer = floor.learnt.peer
    assert peer is not None
    assert len(peer._engines) <= ENGINES_MAX  # noqa: SLF001
    assert all(len(each.forms) <= FORMS_MAX for each in peer._engines.values())  # noqa: SLF001


def test_a_device_that_never_stops_being_another_is_given_up(drive: Drive) -> None:
    """It is asked again so often, and not for ever."""
    floor = Floor(drive)
    serial = iter(range(10_000))

    def fickle(datagram: bytes, now: float) -> Iterator[tuple[bytes, Address]]:
        """Be another one each time."""
        floor.device.start(f"name{next(serial)}", 1, now)
        yield from floor.device(datagram, now)

    answer = floor.poll(1000.0, fickle)

    assert answer.outcome is Outcome.UNKNOWN_ENGINE
    assert len(floor.device.heard) <= RESYNCS_MAX + 1


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_octet_of_an_answer_can_be_changed_unnoticed(drive: Drive, data: st.DataObject) -> None:
    """By the remembered form as by the strict decoder: refused, whatever was changed."""
    level = data.draw(st.sampled_from(["authNoPriv", "authPriv"]))
    floor = Floor(drive, LEVELS[level])
    assert right(floor.poll(1000.0))

    def tampered(datagram: bytes, now: float) -> Iterator[tuple[bytes, Address]]:
        """Answer with one octet changed, or with some octets fewer or more."""
        for answer, _ in floor.device(datagram, now):
            changed = bytearray(answer)
            at = data.draw(st.integers(0, len(changed) - 1))
            match data.draw(st.sampled_from(["flip", "cut", "more", "gone"])):
                case "flip":
                    changed[at] ^= data.draw(st.integers(1, 255))
                case "cut":
                    del changed[at:]
                case "more":
                    changed += data.draw(st.binary(min_size=1, max_size=9))
                case _:
                    del changed[at]
            yield bytes(changed), HERE

    answer = floor.poll(1010.0, tampered)

    assert answer.outcome in (Outcome.MALFORMED, Outcome.TIMEOUT)
    assert np.isnan(answer.raw).all()
    assert floor.exchange.drops.total() > 0
