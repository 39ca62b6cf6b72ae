"""Walks for discovery: GETBULK (GETNEXT in v1) down several subtrees at once, within a budget.

A walk believes nothing. Names must increase, or their subtree is given up with what it brought;
rows, octets and time are bounded; an answer that was cut short is taken up where it ended.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from collectors.snmp.ber import ABSENT, Value, dotted, oid, to_value
from collectors.snmp.exchange import LOST, Learnt, Outcome, Target
from collectors.snmp.message import ErrorStatus, MismatchError, Pdu, PduType, decode_pdu
from collectors.snmp.plan import Planned

COLUMNS_MAX: Final = 8  # subtrees asked for in one request
MISSES_MAX: Final = 3  # requests without answer, one after the other, that end a walk
COMPLETE: Final = "complete"
AWAY: Final = LOST - {Outcome.TIMEOUT}  # nobody need be asked again to be sure

Arcs = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkBudget:
    """How much a walk may bring and take; the largest recording has 9,000 rows."""

    rows: int = 50_000
    octets: int = 8 << 20
    seconds: float = 120.0


@dataclass(frozen=True, slots=True, eq=False)
class Walked:
    """What a walk brought: rows in the order received, and how each root ended."""

    rows: dict[str, Value]
    ended: dict[str, str]  # "complete", or what stopped it
    outcome: Outcome
    requests: int
    tags: dict[str, int]  # the type in which each row's value came, for a recording


class _Row(NamedTuple):
    """One varbind, decoded."""

    text: str
    name: bytes
    arcs: Arcs
    value: Value
    tag: int

    @property
    def absent(self) -> bool:
        """Say whether there is no such row."""
        return self.tag in ABSENT


@dataclass(slots=True, eq=False)
class _Column:
    """A subtree being walked, and the last name seen in it."""

    root: str
    top: Arcs
    name: bytes
    arcs: Arcs
    rows: int = 0

    @classmethod
    def of(cls, root: str) -> Self:
        """Start above the first name below `root`. Raises: BerError if it is no OID."""
        return cls(root, _arcs(root), oid(root), _arcs(root))


class Walk:
    """One walk of one device."""

    def __init__(
        self,
        target: Target,
        roots: Sequence[str],
        budget: WalkBudget,
        learnt: Learnt,
        on_walked: Callable[[Walked], None],
    ) -> None:
        self.target = target
        self.envelope = learnt.envelope(target)
        self.time_s = budget.seconds
        self.requests = 0
        self._budget = budget
        self._learnt = learnt
        self._on_walked = on_walked
        self._columns = [_Column.of(root) for root in dict.fromkeys(roots)]
        self._leaves: list[_Column] = []  # nothing below: perhaps an object, to be asked by GET
        self._rows: dict[str, Value] = {}
        self._tags: dict[str, int] = {}
        self._ended: dict[str, str] = {}
        self._octets = 0
        self._heard = self._misses = 0
        self._missed: Outcome | None = None
        self._columns_max = COLUMNS_MAX
        self._kind = PduType.GET_NEXT
        self._asked: list[_Column] = []
        self._asked_rows = 0

    def ask(self) -> Planned | None:
        """Return the next request, or None when all is walked or the budget is used up."""
        budget = self._budget
        if len(self._rows) >= budget.rows:
            self._give_up(self._columns + self._leaves, "budget of rows used up")
        elif self._octets >= budget.octets:
            self._give_up(self._columns + self._leaves, "budget of octets used up")
        limit = min(self._columns_max, self._learnt.rows_max)
        self._asked = (self._columns or self._leaves)[:limit]
        if not self._asked:
            return None
        bulk = PduType.GET_NEXT if self.target.version == "1" else PduType.GET_BULK
        self._kind = bulk if self._columns else PduType.GET
        repetitions = self._learnt.rows_max // len(self._asked)
        repetitions = repetitions if self._kind is PduType.GET_BULK else 0
        self._asked_rows = len(self._asked) * max(1, repetitions)
        self.requests += 1
        return Planned.of(self._kind, [column.name for column in self._asked], repetitions)

    def hear(self, pdu: bytes) -> None:
        """Take in rows, if they are what was asked. Raises: BerError, MismatchError."""
        decoded = decode_pdu(pdu)
        if decoded.status:
            self._cope(decoded)
        else:
            rows = self._checked_rows(pdu, decoded)
            self._octets += len(pdu)
            self._learnt.rows_answered = max(self._learnt.rows_answered, self._asked_rows)
            if self._kind is PduType.GET:
                self._take_objects(rows)
            else:
                self._take_rows(rows)
        self._heard += 1
        self._misses = 0

    def miss(self, why: Outcome) -> None:
        """Ask for less, ask again, or give up when the device is silent."""
        self._misses += 1
        learnt = self._learnt
        alive = self._heard or learnt.varbinds_answered or learnt.rows_answered
        too_large = self._asked_rows > max(1, learnt.rows_answered)
        if why is Outcome.MALFORMED and self._heard:
            self._give_up(self._asked, "bad response")
        elif why is Outcome.TIMEOUT and alive and too_large:
            learnt.rows_max = self._asked_rows // 2
        elif not alive or self._misses >= MISSES_MAX or why in AWAY:
            self._missed = why
            self._give_up(self._columns + self._leaves, f"no answer: {why}")

    def end(self, seconds: float) -> None:  # noqa: ARG002 -- part of the protocol of talks
        """Hand over what was walked."""
        self._give_up(self._columns + self._leaves, "budget of seconds used up")
        if all(reason == COMPLETE for reason in self._ended.values()):
            outcome = Outcome.OK
        elif self._heard:
            outcome = Outcome.PARTIAL
        else:
            outcome = self._missed or Outcome.TIMEOUT
        self._on_walked(Walked(self._rows, self._ended, outcome, self.requests, self._tags))

    def _checked_rows(self, pdu: bytes, decoded: Pdu) -> list[_Row]:
        """Decode all rows of an answer before any is used. Raises: BerError, MismatchError."""
        rows = []
        for span in decoded.spans:
            name = pdu[span.name_start : span.name_stop]
            text = dotted(name)
            value = to_value(span.tag, pdu[span.start : span.stop])
            rows.append(_Row(text, name, _arcs(text), value, span.tag))
        least = 1 if self._kind is PduType.GET_BULK else self._asked_rows
        if not least <= len(rows) <= self._asked_rows:
            raise MismatchError("varbinds")
        if self._kind is PduType.GET and [r.name for r in rows] != [c.name for c in self._asked]:
            raise MismatchError("varbinds")
        return rows

    def _take_rows(self, rows: Sequence[_Row]) -> None:
        """Store rows until they leave their subtree or do not increase."""
        asked = self._asked
        open_columns = set(asked)
        for at, row in enumerate(rows):
            column = asked[at % len(asked)]
            if column not in open_columns:
                continue
            inside = row.arcs[: len(column.top)] == column.top
            if row.absent or (row.arcs > column.arcs and not inside):
                self._complete(column)
                open_columns.remove(column)
            elif row.arcs <= column.arcs:
                self._give_up([column], f"names do not increase: {row.text}")
                open_columns.remove(column)
            elif len(self._rows) < self._budget.rows:
                column.name, column.arcs = row.name, row.arcs
                column.rows += 1
                self._rows[row.text] = row.value
                self._tags[row.text] = row.tag

    def _take_objects(self, rows: Sequence[_Row]) -> None:
        """Store the roots that are objects themselves."""
        for column, row in zip(self._asked, rows, strict=True):
            if not row.absent:
                self._rows[row.text] = row.value
                self._tags[row.text] = row.tag
            self._give_up([column], COMPLETE)

    def _cope(self, error: Pdu) -> None:
        """Go on after an error: with fewer rows, without a column, or with one column at a time."""
        asked = self._asked
        if error.status == ErrorStatus.TOO_BIG:
            if self._asked_rows > 1:
                self._learnt.rows_max = self._asked_rows // 2
            else:
                self._give_up(asked, "tooBig")
        elif len(asked) > 1 and not 1 <= error.index <= len(asked):
            self._columns_max = 1  # nobody knows which column is meant
        else:
            column = asked[error.index - 1 if len(asked) > 1 else 0]
            if error.status == ErrorStatus.NO_SUCH_NAME:
                self._complete(column)  # the end of the MIB in v1
            else:
                self._give_up([column], f"error-status {error.status}")

    def _complete(self, column: _Column) -> None:
        """Note that a subtree has no more rows; one without any may be an object itself."""
        if column.rows or self._kind is PduType.GET:
            self._give_up([column], COMPLETE)
        else:
            self._columns.remove(column)
            self._leaves.append(column)

    def _give_up(self, columns: Sequence[_Column], reason: str) -> None:
        """Note how these columns ended."""
        for column in list(columns):
            self._ended[column.root] = reason
            (self._columns if column in self._columns else self._leaves).remove(column)


def _arcs(name: str) -> Arcs:
    """Return the numbers of a dotted name, which compare as SNMP orders names."""
    return tuple(int(arc) if arc.isdecimal() else -1 for arc in name.split("."))
