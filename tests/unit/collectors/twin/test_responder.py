"""The twin's SNMP agent answers as the RFCs say, whatever it is asked."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.snmp import ber
from collectors.snmp.ber import ABSENT, Tag, Value, dotted, to_value
from collectors.snmp.message import (
    Community,
    ErrorStatus,
    PduType,
    Version,
    decode_pdu,
    encode_pdu,
)
from collectors.twin.objects import Object, Shown, Table, arcs, fixed
from collectors.twin.responder import ANSWER_BYTES_MAX, NOT_WRITABLE, SET_REQUEST, Responder

COUNTER = Object(oid="1.3.6.1.9.1.2.0", tag=Tag.COUNTER64, value=1 << 40)
SMALL: Responder[Shown] = Responder(
    Table([fixed("1.3.6.1.9.1.1.0", "one"), COUNTER, fixed("1.3.6.1.9.1.3.1", 3)]), {}
)
ROWS = [
    fixed(f"1.3.6.1.{group}.{column}.{row}", "x" * (row * column % 90))
    for group in ("2.1.31.1", "4.1.99999.1")
    for column in range(1, 5)
    for row in (*range(1, 40, 3), 500_000)
]
LARGE: Responder[Shown] = Responder(Table(reversed(ROWS)), {})
ARCS = st.lists(st.integers(0, (1 << 32) - 1), max_size=6)


def ask(
    responder: Responder[Shown],
    kind: int,
    *names: str,
    version: Version = "2c",
    numbers: tuple[int, int] = (0, 0),
) -> tuple[tuple[int, int], list[tuple[str, int, Value]]]:
    """Return error status and index, and name, type and value of each varbind."""
    body = encode_pdu(PduType.GET, [ber.oid(name) for name in names], *numbers)
    sealed = Community(version, b"public").seal(bytes([kind]) + body[1:])
    answer = responder.answer(sealed)
    assert answer is not None
    assert len(answer) <= ANSWER_BYTES_MAX
    heard = Community(version, b"public").open(answer)
    pdu = decode_pdu(heard)
    found = [
        (
            dotted(heard[span.name_start : span.name_stop]),
            span.tag,
            to_value(span.tag, heard[span.start : span.stop]),
        )
        for span in pdu.spans
    ]
    return (pdu.status, pdu.index), found


def walk(responder: Responder[Shown], version: Version = "2c") -> Iterator[str]:
    """Yield every name that GETNEXT visits."""
    name = "1.3"
    while True:
        (status, _), found = ask(responder, PduType.GET_NEXT, name, version=version)
        if status or found[0][1] == Tag.END_OF_MIB_VIEW:
            return
        name = found[0][0]
        yield name


def test_a_walk_visits_every_object_of_a_device_once_and_in_order() -> None:
    """Discovery depends on it."""
    visited = [arcs(name) for name in walk(LARGE)]
    assert visited == sorted(arcs(each.oid) for each in ROWS)


@given(start=ARCS, repetitions=st.integers(0, 200))
def test_getbulk_is_getnext_many_times(start: list[int], repetitions: int) -> None:
    """Whatever the start and the count: the same objects, cut where an answer is full."""
    name = ".".join(map(str, (1, 3, 6, 1, *start)))
    (status, _), found = ask(LARGE, PduType.GET_BULK, name, numbers=(0, repetitions))
    assert status == ErrorStatus.NO_ERROR
    assert len(found) <= repetitions
    for got in found:
        _, expected = ask(LARGE, PduType.GET_NEXT, name)
        assert got == expected[0]
        name = got[0]


def test_getbulk_asks_its_non_repeaters_once() -> None:
    """RFC 3416 §4.2.3: the first N names behave as in GETNEXT."""
    names = ("1.3.6.1.9.1.1", "1.3.6.1.9.1.1.0")
    _, found = ask(SMALL, PduType.GET_BULK, *names, numbers=(1, 2))
    assert [name for name, _, _ in found] == [
        "1.3.6.1.9.1.1.0",
        "1.3.6.1.9.1.2.0",
        "1.3.6.1.9.1.3.1",
    ]


def test_what_is_absent_is_absent_in_one_of_two_ways() -> None:
    """A table without this row is not the same as no such table."""
    _, found = ask(SMALL, PduType.GET, "1.3.6.1.9.1.3.2", "1.3.6.1.8", "1.3.6.1.9.1.3.1")
    assert [ABSENT.get(Tag(tag)) for _, tag, _ in found] == ["noSuchInstance", "noSuchObject", None]


def test_version_one_names_the_object_that_it_does_not_have() -> None:
    """RFC 1157 §4.1.2: noSuchName, the index, and the question sent back."""
    names = ("1.3.6.1.9.1.1.0", "1.3.6.1.9.1.7.0")
    error, found = ask(SMALL, PduType.GET, *names, version="1")
    assert error == (ErrorStatus.NO_SUCH_NAME, 2)
    assert [(name, value) for name, _, value in found] == [(name, None) for name in names]


def test_version_one_passes_over_64_bit_counters() -> None:
    """RFC 3584 §4.2.2.1: they do not exist in v1."""
    assert list(walk(SMALL, "1")) == ["1.3.6.1.9.1.1.0", "1.3.6.1.9.1.3.1"]
    error, _ = ask(SMALL, PduType.GET, COUNTER.oid, version="1")
    assert error == (ErrorStatus.NO_SUCH_NAME, 1)


@pytest.mark.parametrize(
    ("version", "status"), [("1", ErrorStatus.NO_SUCH_NAME), ("2c", NOT_WRITABLE)]
)
def test_nothing_can_be_set(version: Version, status: int) -> None:
    """The twin refuses as a read-only device does."""
    error, _ = ask(SMALL, SET_REQUEST, "1.3.6.1.9.1.1.0", version=version)
    assert error == (status, 1)


def test_an_answer_that_would_not_fit_is_too_big() -> None:
    """The manager has to ask for less, as with real agents."""
    table = Table([fixed(f"1.3.6.1.9.{n}", "x" * 400) for n in range(4)])
    names = [f"1.3.6.1.9.{n}" for n in range(4)]
    error, found = ask(Responder(table, {}), PduType.GET, *names)
    assert error == (ErrorStatus.TOO_BIG, 0)
    assert not found


def test_a_wrong_community_is_answered_by_silence() -> None:
    """As real agents do, so that the collector's time-out is what a person sees."""
    body = encode_pdu(PduType.GET, [ber.oid("1.3.6.1.9.1.1.0")])
    assert SMALL.answer(Community("2c", b"secret").seal(body)) is None
    assert SMALL.answer(Community("2c", b"public").seal(body)) is not None


@given(noise=st.binary(max_size=60), cut=st.integers(0, 60), kind=st.integers(0, 255))
def test_garbage_is_ignored_and_never_an_error(noise: bytes, cut: int, kind: int) -> None:
    """Anything may arrive at a socket."""
    assert SMALL.answer(noise) is None
    body = encode_pdu(PduType.GET, [ber.oid("1.3.6.1.9.1.1.0")])
    whole = Community("2c", b"public").seal(bytes([kind]) + body[1:])
    SMALL.answer(whole)
    assert SMALL.answer(whole[: min(cut, len(whole) - 1)]) is None


def test_an_answer_shows_what_is_true_at_that_moment() -> None:
    """Values are read when asked for, not when the table was made."""
    volts = Object(oid="1.3.6.1.9.1.0", reads="volts", scale=10.0)
    shown = {"volts": 240.0}
    responder: Responder[Shown] = Responder(Table([volts]), shown)
    assert ask(responder, PduType.GET, volts.oid)[1][0][2] == 2400
    shown["volts"] = 0.0
    assert ask(responder, PduType.GET, volts.oid)[1][0][2] == 0


def test_a_counter_wraps_as_its_type_does() -> None:
    """A 32-bit counter of hundredths of seconds wraps after 497 days, as on real devices."""
    ticks = Object(oid="1.3.6.1.9.1", tag=Tag.TIME_TICKS, reads="seconds", scale=100.0)
    assert ticks.now({"seconds": 43_000_000.0}) == 4_300_000_000 % (1 << 32)
