"""Walks bring what is there, and end whatever the agent does."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.snmp import walk
from collectors.snmp.ber import BerError, Tag, Value, dotted, integer, oid, tlv
from collectors.snmp.exchange import Address, Exchange, Learnt, Outcome, Target
from collectors.snmp.message import PduType, Span, Version, decode_pdu, unwrap
from collectors.snmp.walk import COMPLETE, Walk, WalkBudget, Walked
from collectors.twin.objects import Object, Shown, Table, arcs
from collectors.twin.responder import Responder

Drive = Callable[..., float]
Agent = Callable[[bytes, float], Iterable[tuple[bytes, Address]]]

HERE: Address = ("127.0.0.9", 161)
BASE = "1.3.6.1.2.1.2.2.1"
ROWS = {f"{BASE}.{column}.{row}": 100 * column + row for column in (1, 2, 3) for row in range(40)}


def honest(rows: dict[str, int]) -> Agent:
    """Make an agent that has these integers."""
    responder: Responder[Shown] = Responder(
        Table(Object(oid=name, value=n) for name, n in rows.items()), {}
    )

    def answer(datagram: bytes, _now: float) -> Iterator[tuple[bytes, Address]]:
        """Answer one datagram."""
        reply = responder.answer(datagram)
        if reply is not None:
            yield reply, HERE

    return answer


def rewrite(
    reply: bytes, varbinds: Sequence[bytes], *, status: int = 0, index: int = 0
) -> Iterable[tuple[bytes, Address]]:
    """Return a reply with other varbinds and another error."""
    version, word, body = unwrap(reply)
    fields = (decode_pdu(body).request_id, status, index)
    encoded = b"".join(tlv(Tag.INTEGER, integer(field)) for field in fields)
    pdu = tlv(PduType.RESPONSE, encoded + tlv(Tag.SEQUENCE, b"".join(varbinds)))
    head = tlv(Tag.INTEGER, integer(version)) + tlv(Tag.OCTET_STRING, word)
    yield tlv(Tag.SEQUENCE, head + pdu), HERE


def varbind(name: str, value: int = 42) -> bytes:
    """Encode a varbind."""
    return tlv(Tag.SEQUENCE, tlv(Tag.OID, oid(name)) + tlv(Tag.INTEGER, integer(value)))


def asked(datagram: bytes) -> list[str]:
    """Return the names in a request."""
    pdu = unwrap(datagram)[2]
    return [dotted(pdu[s.name_start : s.name_stop]) for s in decode_pdu(pdu).spans]


def run(  # noqa: PLR0913 -- a walk has this many sides
    drive: Drive,
    agent: Agent,
    roots: Sequence[str] = (BASE,),
    *,
    version: Version = "2c",
    budget: WalkBudget = walk.WalkBudget(),  # noqa: B008 -- frozen
    learnt: Learnt | None = None,
    **weather: float,
) -> Walked:
    """Walk an agent."""
    exchange = Exchange(random.Random(1))
    results: list[Walked] = []
    target = Target(address=HERE, version=version)
    exchange.start(Walk(target, roots, budget, learnt or Learnt(), results.append), 0.0)
    drive(exchange, {HERE: agent}, **weather)
    (walked,) = results
    return walked


names = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(
    lambda tail: "1.3.6." + ".".join(map(str, tail))
)


@given(
    names=st.sets(names, max_size=40),
    roots=st.lists(names, min_size=1, max_size=12),
    version=st.sampled_from(["1", "2c"]),
    keep=st.integers(1, 30),
)
def test_a_walk_brings_all_objects_below_its_roots(
    drive: Drive, names: set[str], roots: list[str], version: Version, keep: int
) -> None:
    """Whatever the tree, the roots and the place where an agent cuts its answers short."""
    inner = {name[:end] for name in names for end in range(len(name))}
    rows = {name: position for position, name in enumerate(sorted(names - inner))}
    agent = honest(rows)

    def short(datagram: bytes, now: float) -> Iterable[tuple[bytes, Address]]:
        """Answer GETBULK with at most `keep` varbinds."""
        for reply, _ in agent(datagram, now):
            pdu = unwrap(reply)[2]
            if unwrap(datagram)[2][0] != PduType.GET_BULK:
                yield reply, HERE
                continue
            varbinds = [
                tlv(Tag.SEQUENCE, tlv(Tag.OID, pdu[s.name_start : s.name_stop]) + value(pdu, s))
                for s in decode_pdu(pdu).spans
            ]
            yield from rewrite(reply, varbinds[:keep])

    def value(pdu: bytes, span: Span) -> bytes:
        """Cut out a value with its header."""
        return tlv(span.tag, pdu[span.start : span.stop])

    walked = run(drive, short, roots, version=version)

    tops = [arcs(root) for root in roots]
    below = {n: v for n, v in rows.items() if any(arcs(n)[: len(top)] == top for top in tops)}
    assert walked.rows == below
    assert walked.ended == dict.fromkeys(roots, COMPLETE)
    assert walked.outcome is Outcome.OK


def test_a_walk_survives_loss(drive: Drive) -> None:
    """A lost answer is asked for again; the table is whole in the end."""
    known = Learnt(rows_answered=24)
    walked = run(drive, honest(ROWS), learnt=known, loss=0.2, seed=1)

    assert walked.rows == ROWS
    assert walked.outcome is Outcome.OK


def test_a_silent_device_ends_a_walk_after_one_request(drive: Drive) -> None:
    """It is asked twice and then left alone."""
    walked = run(drive, lambda *_: [], [BASE, "1.3.6.1.9"])

    assert walked.rows == {}
    assert walked.requests == 1
    assert walked.outcome is Outcome.TIMEOUT
    assert set(walked.ended.values()) == {"no answer: timeout"}


def test_a_device_that_dies_on_the_way_leaves_its_rows(drive: Drive) -> None:
    """What was read stays, and the rest says why it is missing."""
    agent = honest(ROWS)
    served = iter(range(3))

    def mortal(datagram: bytes, now: float) -> Iterable[tuple[bytes, Address]]:
        """Answer three requests."""
        return agent(datagram, now) if next(served, None) is not None else []

    walked = run(drive, mortal, learnt=Learnt(rows_answered=24))

    assert 0 < len(walked.rows) < len(ROWS)
    assert walked.outcome is Outcome.PARTIAL
    assert walked.ended == {BASE: "no answer: timeout"}


def test_a_device_that_goes_mad_on_the_way_leaves_its_rows(drive: Drive) -> None:
    """Answers that are none end the subtrees they were about, with the reason."""
    agent = honest(ROWS)
    served = iter(range(3))

    def mad(datagram: bytes, now: float) -> Iterable[tuple[bytes, Address]]:
        """Answer three requests, then with nothing in it."""
        if next(served, None) is not None:
            return agent(datagram, now)
        return rewrite(datagram, [])

    walked = run(drive, mad)

    assert walked.ended == {BASE: "bad response"}
    assert walked.outcome is Outcome.PARTIAL
    assert 0 < len(walked.rows) < len(ROWS)


def same_name(names: list[str]) -> list[str]:
    """Answer with the name that was asked, for ever."""
    return [name if name.count(".") > 9 else name + ".1" for name in names] * 3


def two_names(names: list[str]) -> list[str]:
    """Go to and fro between two names."""
    return [
        name[: len(BASE)] + (".2" if name.endswith(".1") and name != BASE else ".1")
        for name in names
    ]


def falling(names: list[str]) -> list[str]:
    """Begin well and fall back in the middle of an answer."""
    return [f"{names[0]}.5", f"{names[0]}.7", f"{names[0]}.6", f"{names[0]}.8"]


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize("liar", [same_name, two_names, falling])
def test_names_that_do_not_increase_end_the_subtree(
    drive: Drive, liar: Callable[[list[str]], list[str]], version: Version
) -> None:
    """Other libraries walk such an agent for ever; here the rows before are kept and it is said."""

    def agent(datagram: bytes, _now: float) -> Iterable[tuple[bytes, Address]]:
        """Answer with the names of a liar."""
        names = liar(asked(datagram))
        count = len(asked(datagram)) if version == "1" else len(names)
        return rewrite(datagram, [varbind(name) for name in names[:count]])

    walked = run(drive, agent, version=version, budget=WalkBudget(rows=100))

    assert walked.ended[BASE].startswith(("names do not increase: 1.3.6.1.2.1.2", "budget of rows"))
    assert walked.outcome is Outcome.PARTIAL
    assert walked.rows
    if liar is not falling or version == "2c":
        assert walked.ended[BASE].startswith("names do not increase")
        assert walked.requests <= 3


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        (WalkBudget(rows=500), "budget of rows used up"),
        (WalkBudget(octets=9_000), "budget of octets used up"),
        (WalkBudget(seconds=3.0), "budget of seconds used up"),
    ],
)
def test_an_endless_device_ends_with_the_budget(
    drive: Drive, budget: WalkBudget, reason: str
) -> None:
    """Names increase for ever; rows, octets and time do not."""

    def agent(datagram: bytes, _now: float) -> Iterable[tuple[bytes, Address]]:
        """Know a next name to every name."""
        (name,) = asked(datagram)
        first = int(name[len(BASE) + 1 :] or 0) + 1
        return rewrite(datagram, [varbind(f"{BASE}.{first + n}") for n in range(24)])

    walked = run(drive, agent, budget=budget, fastest_s=0.01, slowest_s=0.01)

    assert walked.ended == {BASE: reason}
    assert walked.outcome is Outcome.PARTIAL
    assert 100 < len(walked.rows) <= budget.rows


def test_too_big_is_met_with_fewer_rows_for_good(drive: Drive) -> None:
    """A device that answers five rows at most is asked for no more from then on."""
    agent = honest(ROWS)
    learnt = Learnt()

    def small(datagram: bytes, now: float) -> Iterable[tuple[bytes, Address]]:
        """Refuse GETBULKs of more than five rows."""
        pdu = decode_pdu(unwrap(datagram)[2])
        if max(1, pdu.index) * len(pdu.spans) > 5:
            return rewrite(datagram, [], status=1)
        return agent(datagram, now)

    walked = run(drive, small, [f"{BASE}.{column}" for column in (1, 2, 3)], learnt=learnt)

    assert walked.rows == ROWS
    assert walked.outcome is Outcome.OK
    assert learnt.rows_max <= 5
    assert run(drive, small, learnt=learnt).requests < walked.requests


def test_requests_that_are_too_large_for_an_answer_are_halved(drive: Drive) -> None:
    """A device known to be alive that says nothing to large requests is asked for less."""
    agent = honest(ROWS)

    def shy(datagram: bytes, now: float) -> Iterable[tuple[bytes, Address]]:
        """Say nothing to GETBULKs of more than ten rows."""
        pdu = decode_pdu(unwrap(datagram)[2])
        return agent(datagram, now) if pdu.index * len(pdu.spans) <= 10 else []

    walked = run(drive, shy, learnt=Learnt(varbinds_answered=3))

    assert walked.rows == ROWS
    assert walked.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("status", "index", "reason"),
    [
        (1, 0, "tooBig"),
        (5, 1, "error-status 5"),
        (5, 99, "error-status 5"),
        (13, 0, "error-status 13"),
    ],
)
def test_errors_end_subtrees_with_the_reason(
    drive: Drive, status: int, index: int, reason: str
) -> None:
    """Whatever error, and wherever it points: no crash and no endless asking."""

    def agent(datagram: bytes, _now: float) -> Iterable[tuple[bytes, Address]]:
        """Refuse everything."""
        return rewrite(datagram, [], status=status, index=index)

    walked = run(drive, agent, [f"{BASE}.{column}" for column in range(20)])

    assert len(walked.ended) == 20
    assert set(walked.ended.values()) == {reason}
    assert walked.requests < 50


@pytest.mark.parametrize("count", [0, 25])
def test_an_answer_with_too_few_or_too_many_rows_is_none(drive: Drive, count: int) -> None:
    """Nothing for what was asked, or more than was asked."""

    def agent(datagram: bytes, _now: float) -> Iterable[tuple[bytes, Address]]:
        """Answer with `count` rows."""
        return rewrite(datagram, [varbind(f"{BASE}.{n + 1}") for n in range(count)])

    walked = run(drive, agent)

    assert walked.rows == {}
    assert walked.outcome is Outcome.MALFORMED


def test_all_types_travel_as_plain_values(drive: Drive) -> None:
    """What a profile or a recording is bound from."""
    name = f"{BASE}.1"
    contents: dict[str, tuple[bytes, Value]] = {
        f"{name}.1": (tlv(Tag.OCTET_STRING, b"\xffa"), b"\xffa"),
        f"{name}.2": (tlv(Tag.OID, oid("1.3.6.1")), "1.3.6.1"),
        f"{name}.3": (tlv(Tag.COUNTER64, b"\xff" * 8), 2**64 - 1),
        f"{name}.4": (tlv(Tag.OPAQUE, b"\x9f\x78\x04\x3f\x80\x00\x00"), 1.0),
        f"{name}.5": (tlv(Tag.NULL, b""), None),
    }
    order = list(contents)

    def agent(datagram: bytes, _now: float) -> Iterable[tuple[bytes, Address]]:
        """Answer all there is, then the end of the MIB."""
        if asked(datagram)[0] in order:
            end = tlv(Tag.OID, oid(order[-1])) + tlv(Tag.END_OF_MIB_VIEW, b"")
            return rewrite(datagram, [tlv(Tag.SEQUENCE, end)])
        rows = [tlv(Tag.OID, oid(row)) + octets for row, (octets, _) in contents.items()]
        return rewrite(datagram, [tlv(Tag.SEQUENCE, row) for row in rows])

    walked = run(drive, agent, [name])

    assert walked.rows == {row: value for row, (_, value) in contents.items()}
    assert walked.outcome is Outcome.OK


def test_a_root_must_be_a_name() -> None:
    """Said before anything is sent."""
    with pytest.raises(BerError, match="OID 'ifTable'"):
        Walk(Target(address=HERE), ["ifTable"], WalkBudget(), Learnt(), print)
