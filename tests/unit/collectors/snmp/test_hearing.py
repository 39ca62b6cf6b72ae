"""What reaches the socket for traps: who is believed, what is new, and what is only counted."""

import random
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.snmp.ber import Tag, tlv
from collectors.snmp.hearing import REPEAT_INFORM_S, Address, Heard, Hearing
from collectors.snmp.message import Community, MismatchError, decode_pdu
from collectors.snmp.notification import STANDARD, TRAP_ADDRESS, TRAP_ENTERPRISE, decode
from collectors.snmp.proof import Proof
from collectors.snmp.secured import Message, scope
from collectors.snmp.secured import decode as decode_message
from collectors.snmp.speaker import Speaker, Speakers
from collectors.snmp.usm import WINDOW_SECONDS, Authority, User
from collectors.twin.engine import Engine, engine_id
from collectors.twin.objects import Table
from collectors.twin.responder import Responder
from collectors.twin.trap import Field, Herald, Notice, Sink, trap_v1, trap_v2

THERE: Final = ("192.0.2.7", 40_000)
HERE: Final = ("192.0.2.1", 162)
OURS: Final = engine_id("us")
COLD_START: Final = Notice(f"{STANDARD}.1")
LINK_DOWN: Final = Notice(f"{STANDARD}.3", (Field("1.3.6.1.2.1.2.2.1.8.7", Tag.INTEGER, 2),))
VENDORS: Final = Notice(
    "1.3.6.1.4.1.318.0.750", (Field("1.3.6.1.4.1.318.2.3.3.0", Tag.OCTET_STRING, "broken"),)
)
MADE: Final = {
    "SHA-256": ("SHA-256", b"maplesyrup"),
    "AES": ("AES", b"treefrogs!"),
}
USER: Final = User.of(b"watch", auth=MADE["SHA-256"], privacy=MADE["AES"])
SAME_NAME: Final = User.of(b"watch", auth=("SHA-256", b"otherwords"), privacy=MADE["AES"])
UNSIGNED: Final = User.of(b"watch")


def hearing(*speakers: Speaker, host: str = THERE[0]) -> Hearing:
    """Listen to devices behind one address."""
    proof = Proof(OURS, Authority(3, started=-1000.0), salt=1)
    return Hearing(proof, Speakers((host, each) for each in speakers))


def feed_a(*users: User) -> Speaker:
    """Name a device, believed under `public` and as these users."""
    return Speaker("bay-01/feedA", frozenset({b"public"}), users)


def herald(*sinks: Sink, boots: int = 3, device: str = "feedA") -> Herald:
    """Let a device speak."""
    clock = Authority(boots, started=-5000.0)
    engine = Engine(engine_id(device), Responder(Table([]), {}), clock=clock, salt=boots << 20)
    return Herald(sinks, host=THERE[0], sys_object_id="1.3.6.1.4.1.318", engine=engine)


def sink(version: str = "2c", *, inform: bool = False, user: User | None = None) -> Sink:
    """Say whom a device tells."""
    assert version in ("1", "2c", "3")
    return Sink(address=HERE, version=version, inform=inform, user=user)  # type: ignore[arg-type]


def say(device: Herald, to: Hearing, now: float = 0.0, notice: Notice = COLD_START) -> list[Heard]:
    """Carry what a device says, and what it is told, to and fro until both fall silent."""
    heard = []
    sent = device.tell(notice, 12.5, now)
    while sent:
        found = [to.hear(datagram, THERE, now) for datagram, _ in sent]
        heard += [each for each in found if each is not None]
        sent = answer(device, to, now)
    return heard


def answer(device: Herald, to: Hearing, now: float) -> list[tuple[bytes, Address]]:
    """Carry what is waiting to be said back to a device; return what it says to that."""
    replies = [*to.outbox]
    to.outbox.clear()
    return [again for datagram, _ in replies for again in device.hear(datagram, HERE, now)]


def dropped(to: Hearing) -> dict[str, int]:
    """Return what was counted."""
    return {reason: count for reason, count in to.drops.items() if count}


@pytest.mark.parametrize("notice", [COLD_START, LINK_DOWN, VENDORS])
def test_a_trap_means_the_same_in_every_version(notice: Notice) -> None:
    """v1 has its name in two parts, and no word for who we are."""
    ear = hearing(feed_a(USER))
    device = herald(sink("1"), sink("2c"), sink("3", user=USER))

    heard = say(device, ear, notice=notice)

    assert [each.version for each in heard] == ["1", "2c", "3"]
    assert {each.told.name for each in heard} == {notice.oid}
    assert {each.told.ticks for each in heard} == {1250}
    assert {each.devices for each in heard} == {("bay-01/feedA",)}
    objects = [dict(each.told.objects) for each in heard]
    assert objects[1] == objects[2]
    assert objects[0].pop(TRAP_ADDRESS) == bytes((192, 0, 2, 7))
    assert objects[0].pop(TRAP_ENTERPRISE) is not None
    assert objects[0] == objects[1]
    assert not dropped(ear)


@pytest.mark.parametrize("version", ["2c", "3"])
def test_an_inform_is_acknowledged_once_it_is_kept(version: str) -> None:
    """Until then its sender says it again, and is known to repeat himself."""
    user = USER if version == "3" else None
    ear = hearing(feed_a(USER))
    device = herald(sink(version, inform=True, user=user))

    (heard,) = say(device, ear)
    assert heard.told.inform
    assert device.waiting == 1

    for datagram, _ in device.late(3.0):
        assert ear.hear(datagram, THERE, 3.0) is None
    assert not ear.outbox
    assert ear.drops["duplicate"] == 1

    assert ear.acknowledge(heard)
    assert not answer(device, ear, 3.0)
    assert (device.waiting, device.lost) == (0, 0)


def test_an_acknowledgement_that_was_lost_is_said_again() -> None:
    """A repeat of what is kept is answered, and is nothing new."""
    ear = hearing(feed_a())
    device = herald(sink(inform=True))
    (heard,) = say(device, ear)
    ear.acknowledge(heard)
    ear.outbox.clear()  # lost

    for datagram, _ in device.late(3.0):
        assert ear.hear(datagram, THERE, 3.0) is None
    answer(device, ear, 3.0)

    assert device.waiting == 0


def test_what_could_not_be_kept_is_new_when_it_comes_again() -> None:
    """The disk refused it, and its sender says it once more."""
    ear = hearing(feed_a())
    device = herald(sink(inform=True))
    (heard,) = say(device, ear)
    ear.refused(heard)

    again = [ear.hear(datagram, THERE, 3.0) for datagram, _ in device.late(3.0)]

    assert [each.key for each in again if each is not None] == [heard.key]


def test_a_trap_that_the_network_repeats_is_told_once() -> None:
    """The same octets within seconds are the same trap; later they are another."""
    ear = hearing(feed_a())
    ((datagram, _),) = herald(sink()).tell(COLD_START, 1.0, 0.0)

    heard = [ear.hear(datagram, THERE, now) is not None for now in (0.0, 1.0, REPEAT_INFORM_S)]

    assert heard == [True, False, True]


@pytest.mark.parametrize(
    ("address", "community", "why"),
    [
        (("192.0.2.8", 40_000), b"public", "unknown_source"),
        (("2001:db8::1", 40_000), b"public", "unknown_source"),
        (THERE, b"private", "community"),
        (THERE, b"", "community"),
    ],
)
@pytest.mark.parametrize("version", ["1", "2c"])
def test_whoever_is_not_on_the_list_is_not_heard(
    address: Address, community: bytes, why: str, version: str
) -> None:
    """Neither from elsewhere nor under another word."""
    ear = hearing(feed_a())
    word = Sink(address=HERE, version=version, community=community)  # type: ignore[arg-type]
    ((datagram, _),) = herald(word).tell(COLD_START, 1.0, 0.0)

    assert ear.hear(datagram, address, 0.0) is None
    assert dropped(ear) == {why: 1}


@pytest.mark.parametrize(
    ("user", "why"),
    [
        (SAME_NAME, "wrong_digest"),
        (UNSIGNED, "unsupported_level"),
        (User.of(b"watch", auth=MADE["SHA-256"]), "unsupported_level"),
        (User.of(b"nobody", auth=MADE["SHA-256"], privacy=MADE["AES"]), "unknown_user"),
        (User.of(b"watch", auth=MADE["SHA-256"], privacy=("AES", b"wrongwords")), "decryption"),
    ],
)
@pytest.mark.parametrize("inform", [False, True])
def test_whoever_cannot_prove_to_be_a_user_is_not_heard(
    user: User, why: str, *, inform: bool
) -> None:
    """Whatever is wrong with his keys; and nothing of it is acknowledged."""
    ear = hearing(feed_a(USER))
    device = herald(sink("3", user=user, inform=inform))

    assert not say(device, ear)
    assert ear.drops[why] >= 1
    assert device.waiting == inform


def test_two_devices_may_have_users_of_one_name() -> None:
    """Behind one address the keys tell who speaks."""
    other = Speaker("bay-01/feedB", users=(SAME_NAME,))
    ear = hearing(feed_a(USER), other)

    (heard,) = say(herald(sink("3", user=SAME_NAME)), ear)

    assert heard.devices == ("bay-01/feedB",)


def test_devices_behind_one_address_are_all_meant() -> None:
    """A community does not tell them apart."""
    ear = hearing(feed_a(), Speaker("bay-01/feedB", frozenset({b"public"})))

    (heard,) = say(herald(sink()), ear)

    assert heard.devices == ("bay-01/feedA", "bay-01/feedB")


def test_an_address_is_known_however_the_socket_writes_it() -> None:
    """One socket hears both versions of IP."""
    ear = hearing(feed_a())
    ((datagram, _),) = herald(sink()).tell(COLD_START, 1.0, 0.0)

    assert ear.hear(datagram, ("::ffff:192.0.2.7", 5), 0.0) is not None


def test_a_signed_trap_that_is_played_again_is_too_old() -> None:
    """Recorded before the device was started again, or some minutes ago."""
    ear = hearing(feed_a(USER))
    ((old, _),) = herald(sink("3", user=USER)).tell(COLD_START, 1.0, 0.0)
    assert say(herald(sink("3", user=USER), boots=4), ear, 1.0)

    assert ear.hear(old, THERE, 1.0) is None
    assert dropped(ear) == {"not_in_time_window": 1}


def test_a_signed_trap_ages_by_its_senders_clock() -> None:
    """Within the window it is late; beyond it is a replay."""
    ear = hearing(feed_a(USER))
    device = herald(sink("3", user=USER))
    ((old, _),) = device.tell(COLD_START, 1.0, 0.0)
    late = WINDOW_SECONDS + 10.0
    assert say(device, ear, late)

    assert ear.hear(old, THERE, late) is None
    assert dropped(ear) == {"not_in_time_window": 1}


def test_an_inform_under_an_old_clock_of_ours_is_told_the_time() -> None:
    """We were started again, so whoever knew us learns our clock before we believe him."""
    ear = hearing(feed_a(USER))
    device = herald(sink("3", user=USER, inform=True))
    (heard,) = say(device, ear)
    ear.acknowledge(heard)
    answer(device, ear, 0.0)
    ear.proof.clock.reboot(0.0)
    before = ear.drops["not_in_time_window"]

    (again,) = say(device, ear, 1.0)

    assert again.told.inform
    assert ear.drops["not_in_time_window"] == before + 1


def test_a_storm_is_counted_to_the_last_datagram(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one address says beyond its share is not even decoded."""
    monkeypatch.setattr("collectors.snmp.hearing.BURST", 1_000)
    ear = hearing(feed_a())
    device = herald(sink())
    sent = [device.tell(COLD_START, 1.0, 0.0)[0][0] for _ in range(1_500)]

    heard = sum(ear.hear(datagram, THERE, 0.0) is not None for datagram in sent)

    assert dropped(ear) == {"rate": 500}
    assert heard + 500 == len(sent)


FAMILIES: Final = {
    "an inform in v1": Community("1", b"public").seal(trap_v2(COLD_START, 1, 1, kind=0xA6)),
    "a trap of v1 in v2c": Community("2c", b"public").seal(
        trap_v1(COLD_START, "1.3.6.1.4.1.318", bytes(4), 1)
    ),
    "a request": Community("2c", b"public").seal(tlv(0xA0, trap_v2(COLD_START, 1, 1)[2:])),
    "a version nobody speaks": tlv(
        0x30, tlv(2, b"\x02") + tlv(4, b"public") + trap_v2(COLD_START, 1, 1)
    ),
    "no name": Community("2c", b"public").seal(
        tlv(0xA7, tlv(2, b"\x01") + tlv(2, b"\0") * 2 + tlv(0x30, b""))
    ),
    "a kind of trap that there is not": Community("1", b"public").seal(
        trap_v1(COLD_START, "1.3.6.1.4.1.318", bytes(4), 1).replace(
            b"\x02\x01\x00", b"\x02\x01\x07", 1
        )
    ),
    "too many objects": Community("2c", b"public").seal(
        trap_v2(Notice(COLD_START.oid, LINK_DOWN.fields * 65), 1, 1)
    ),
    "octets behind": Community("2c", b"public").seal(trap_v2(COLD_START, 1, 1)) + b"\0",
    "nothing": b"",
    "half": Community("2c", b"public").seal(trap_v2(LINK_DOWN, 1, 1))[:40],
    "a length without an end": b"\x30\x80" + bytes(20),
    "v3 in the clear from nobody": Message(
        number=1, flags=0, engine=OURS[:5], body=scope(OURS, b"", trap_v2(COLD_START, 1, 1))
    ).encode(),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_makes_no_sense_is_counted_and_nothing_else(family: str) -> None:
    """Each by one reason; nothing is told, nothing is answered."""
    ear = hearing(feed_a(USER))

    assert ear.hear(FAMILIES[family], THERE, 0.0) is None
    assert sum(ear.drops.values()) == 1
    assert not ear.outbox


def _seeds() -> Sequence[bytes]:
    """Return good datagrams of every version."""
    device = herald(sink("1"), sink("2c"), sink("3", user=USER), sink(inform=True))
    return [datagram for datagram, _ in device.tell(LINK_DOWN, 1.0, 0.0)]


@given(st.data())
def test_damage_is_counted_and_raises_nothing(data: st.DataObject) -> None:
    """Whatever octets were changed, put in or cut off."""
    ear = hearing(feed_a(USER))
    datagram = bytearray(data.draw(st.sampled_from(_seeds())))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(datagram) - 1))
        match data.draw(st.integers(0, 2)):
            case 0:
                datagram[at] = data.draw(st.integers(0, 255))
            case 1:
                datagram[at:at] = data.draw(st.binary(max_size=4))
            case _:
                del datagram[at + 1 :]

    heard = ear.hear(bytes(datagram), THERE, 0.0)

    assert (heard is not None) + sum(ear.drops.values()) == 1


def test_no_damage_to_a_signed_trap_is_believed() -> None:
    """Every bit of it is part of what is proven."""
    ear = hearing(feed_a(USER))
    ((good, _),) = herald(sink("3", user=USER)).tell(COLD_START, 1.0, 0.0)
    rng = random.Random(7)

    for _ in range(2000):
        bit = rng.randrange(8 * len(good))
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        assert ear.hear(bytes(bad), THERE, 0.0) is None

    assert ear.hear(good, THERE, 60.0) is not None


def test_the_reply_to_an_inform_is_its_own_pdu() -> None:
    """The same request-id and objects, as an answer without error (RFC 3416 §4.2.7)."""
    ear = hearing(feed_a(USER))
    device = herald(sink(inform=True))
    (heard,) = say(device, ear, notice=LINK_DOWN)
    ear.acknowledge(heard)

    ((reply, address),) = ear.outbox
    pdu = decode_pdu(Community("2c", b"public").open(reply))

    assert (address, pdu.type, pdu.status, len(pdu.spans)) == (THERE, 0xA2, 0, 3)


def test_a_report_tells_our_name_and_nothing_else() -> None:
    """Who asks first learns the engine, unsigned."""
    ear = hearing(feed_a(USER))
    ((asked, _),) = herald(sink("3", user=USER, inform=True)).tell(COLD_START, 1.0, 0.0)

    ear.hear(asked, THERE, 0.0)

    ((reply, _),) = ear.outbox
    message = decode_message(reply)
    assert (message.engine, message.boots, message.flags, message.user) == (OURS, 3, 0, b"")


def test_nobody_unknown_is_answered() -> None:
    """Not even with a report: we are no reflector."""
    ear = hearing(feed_a(USER))
    ((asked, _),) = herald(sink("3", user=USER, inform=True)).tell(COLD_START, 1.0, 0.0)

    ear.hear(asked, ("192.0.2.99", 1), 0.0)

    assert not ear.outbox


def test_a_request_is_no_notification() -> None:
    """What an agent is asked for is refused by its type."""
    with pytest.raises(MismatchError):
        decode("2c", b"\xa0\x00")
