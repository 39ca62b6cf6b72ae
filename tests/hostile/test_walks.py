"""Walks of agents that never end, repeat themselves or cut their answers short."""

from collections.abc import Callable, Iterator

import pytest

from collectors.snmp.endpoint import DEFAULT_BUDGET, Endpoint
from collectors.snmp.exchange import Outcome, Target
from collectors.snmp.message import ErrorStatus, PduType, decode_pdu, unwrap
from collectors.snmp.walk import COMPLETE, WalkBudget
from tests.hostile.agents import Asked, agent, asked, honest, varbind

COLUMN = "1.3.6.1.2.1.2.2.1.1"
ROWS = 100  # of an honest part
NEXT: Callable[[bytes], Iterator[bytes]] = honest()


def rows_of(request: Asked) -> int:
    """Return how many rows are asked for."""
    return max(1, request.pdu.index) if request.pdu.type == PduType.GET_BULK else 1


def last(oid: str) -> int:
    """Return the row of a name in the column, zero above it."""
    return int(oid.removeprefix(f"{COLUMN}.")) if oid.startswith(f"{COLUMN}.") else 0


def behind(request: Asked, step: Callable[[int], int]) -> bytes:
    """Encode rows, each made of the one before."""
    row, parts = last(request.oids[0]), []
    for _ in range(rows_of(request)):
        row = step(row)
        parts.append(varbind(f"{COLUMN}.{row}"))
    return b"".join(parts)


REPEATED = {  # what the next row is, after 100 that are as they should be
    "the same name": lambda row: min(row + 1, ROWS),
    "two names in turn": lambda row: row + 1 if row < ROWS else ROWS - 1,
    "the first name again": lambda row: row % ROWS + 1,
    "names that decrease": lambda row: row + 1 if row < ROWS else max(1, ROWS - row),
}


@pytest.mark.parametrize("step", REPEATED.values(), ids=REPEATED)
@pytest.mark.parametrize("version", ["1", "2c"])
async def test_names_that_do_not_increase_end_a_walk_with_the_rows_before_them(
    endpoint: Endpoint, version: str, step: Callable[[int], int]
) -> None:
    """Others walk in circles for ever; here the device is said to be at fault."""

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Answer with the rows that come next, in a way."""
        yield asked(datagram).answer(behind(asked(datagram), step))

    async with agent(replies) as device:
        target = Target(address=device.address, version=version)  # type: ignore[arg-type]
        walked = await endpoint.walk(target, [COLUMN])

    assert list(walked.rows) == [f"{COLUMN}.{row}" for row in range(1, ROWS + 1)]
    assert walked.ended[COLUMN].startswith("names do not increase")
    assert walked.outcome is Outcome.PARTIAL
    assert walked.requests <= ROWS + 1


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        (WalkBudget(rows=3_000), "budget of rows used up"),
        (WalkBudget(octets=60_000), "budget of octets used up"),
        (WalkBudget(seconds=0.2), "budget of seconds used up"),
    ],
    ids=["rows", "octets", "seconds"],
)
async def test_a_walk_without_an_end_ends_with_its_budget(
    endpoint: Endpoint, budget: WalkBudget, reason: str
) -> None:
    """Whichever is used up first: rows, octets or time."""

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Have more, always."""
        yield asked(datagram).answer(behind(asked(datagram), lambda row: row + 1))

    async with agent(replies) as device:
        walked = await endpoint.walk(Target(address=device.address), [COLUMN], budget=budget)

    assert walked.ended == {COLUMN: reason}
    assert walked.outcome is Outcome.PARTIAL
    assert 0 < len(walked.rows) <= budget.rows
    assert walked.requests <= len(walked.rows) + 1


def test_a_walk_has_a_budget_by_default() -> None:
    """Nobody has to think of it."""
    assert 9_000 < DEFAULT_BUDGET.rows <= 50_000  # the largest recording has 9,000
    assert DEFAULT_BUDGET.octets <= 8 << 20
    assert DEFAULT_BUDGET.seconds <= 120


@pytest.mark.parametrize("keep", [1, 2, 5, 23])
async def test_answers_that_are_cut_short_are_taken_up_where_they_ended(
    endpoint: Endpoint, keep: int
) -> None:
    """An agent may answer a GETBULK with less than it was asked for; the table is whole."""

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Answer as an honest agent, but for the end."""
        for reply in NEXT(datagram):
            pdu = unwrap(reply)[2]
            spans = decode_pdu(pdu).spans
            parts = [varbind_of(pdu, span.name_start, span.stop) for span in spans[:keep]]
            yield asked(datagram).answer(b"".join(parts))

    async with agent(NEXT) as device:
        reference = await endpoint.walk(Target(address=device.address), ["1.3.6.1.4.1.99"])
    async with agent(replies) as short:
        walked = await endpoint.walk(Target(address=short.address), ["1.3.6.1.4.1.99"])

    assert walked.rows == reference.rows
    assert walked.ended == {"1.3.6.1.4.1.99": COMPLETE}


def varbind_of(pdu: bytes, name_start: int, stop: int) -> bytes:
    """Return a varbind as it stood in an answer."""
    content = pdu[name_start - 2 : stop]
    return b"\x30" + bytes((len(content),)) + content


async def test_too_big_for_any_number_of_rows_is_a_clean_error(endpoint: Endpoint) -> None:
    """From 24 rows to one in five steps."""
    sizes: list[int] = []

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Refuse, however little is asked for."""
        sizes.append(rows_of(asked(datagram)))
        yield asked(datagram).answer(b"", status=ErrorStatus.TOO_BIG)

    async with agent(replies) as device:
        walked = await endpoint.walk(Target(address=device.address), [COLUMN])

    assert sizes == [24, 12, 6, 3, 1]
    assert walked.ended == {COLUMN: "tooBig"}
    assert walked.rows == {}
