"""The trial of a rack: events and samples go in, verdicts with their reasons come out.

Slots are closed in the order of their ends, and events take effect between them, so that neither
the order in which samples come nor the pace of the caller changes a verdict. What is judged live
and what is judged again from stored samples go through the same lines.
"""

from bisect import insort
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from agent.burnin.attempt import AGENT, COUNTED, phase_s
from agent.burnin.binding import Columns, bind
from agent.burnin.block import Block
from agent.burnin.check import Check
from agent.burnin.computed import Computed, Latest
from agent.burnin.conclusion import run_reason
from agent.burnin.conditions import condition
from agent.burnin.design import Design, Floats
from agent.burnin.event import Event, Kind
from agent.burnin.evidence import Evidence
from agent.burnin.ledger import AHEAD_S, WATERMARK_S, Group, Ledger, Slot
from agent.burnin.result import StageResult
from agent.burnin.rules import Bools, Rules
from agent.burnin.tally import Tally
from agent.burnin.terms import CHANGED, Moment, Terms, stage_of, terms
from agent.burnin.verdict import Reason
from collectors.quantity import Quantity
from collectors.readings import Channel, Quality
from collectors.readings import Kind as ChannelKind

__all__ = ["WATERMARK_S", "StageResult", "Trial"]

_AT_ONCE: Final = (Kind.DISPOSITION, Kind.RUN_OVER)  # acts that no slot depends on
_BEFORE: Final = ("needs", "entry")  # phases in which a stage does not count yet


class Trial:
    """Judges one run of one rack by one design; memory does not grow with the run."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.attempts: dict[tuple[str, int], Evidence] = {}
        self.dispositions: dict[tuple[str, int], Mapping[str, Any]] = {}
        self.over: Mapping[str, Any] | None = None
        self.until = 0.0  # all slots that end by then are closed
        self._ledger = Ledger(design)
        self._groups = self._ledger.groups
        self._tallies = [Tally(design, group) for group in self._groups]
        self._computed = _computed(design)
        self._all: list[Group | Computed] = [*self._groups, *self._computed]
        self._spans = [np.full(len(group.places), np.inf) for group in self._computed]
        self._latest = Latest(design)
        self._events: list[tuple[float, int, Event]] = []  # that have not taken effect yet
        self._noted = 0
        self._bindings: dict[tuple[str, int], tuple[Channel, ...]] = {}
        self._names: dict[tuple[str, int], dict[str, str]] = {}
        self._columns: dict[tuple[str, int, int], Columns] = {}
        self._eras: list[tuple[float, int, Design]] = [(-np.inf, 0, design)]
        self._rules: dict[Moment, list[Rules]] = {}
        self._now: Evidence | None = None
        self._edge = 0.0  # when phase or judging changed last
        self._judging = ""  # what is judged since then
        self._asked: list[Bools] = []  # of each group: which channels are judged now

    def note(self, event: Event) -> None:
        """Take in an event; it takes effect when all slots are closed that end before it."""
        self._noted += 1
        if event.kind in _AT_ONCE:
            self._acted(event)
            return
        if event.kind is Kind.BOUND:
            self._bind(event.data)
        elif event.kind is Kind.PHASE:
            held = self._terms(event.data)
            if held is not None:
                insort(self._eras, (event.at, self._noted, held.design))
        insort(self._events, (event.at, self._noted, event))

    def take(self, block: Block) -> None:
        """Take in polls of one device. What came later than the watermark allows is no evidence."""
        prompt = block.taken - block.asked <= WATERMARK_S
        if not len(block.asked) or block.device not in self.design.places:
            return
        self._make_room(float(block.taken.max()))
        edges = [era[0] for era in self._eras[1:]]
        eras = np.searchsorted(edges, block.asked, side="right")
        for era in np.unique(eras[prompt]):
            self._put(block, prompt & (eras == era), self._eras[era][2])

    def _put(self, block: Block, rows: Bools, design: Design) -> None:
        """Put some polls of a block in, their states read by the limits of one phase."""
        columns = self._columns_of(block.device, block.binding, design)
        if columns is None or columns.size != block.values.shape[1] or not columns.size:
            return  # none of what it has is in the spec: its channels stay unknown
        values = block.values[rows][:, columns.columns]
        if columns.moments.any():  # a count depends on who listened since when, a moment does not
            raw = block.raw[rows][:, columns.columns]
            values = np.where(columns.moments, raw, values)
        good = columns.bound & (block.quality[rows][:, columns.columns] == Quality.GOOD)
        self._ledger.put(columns.where, block.asked[rows], columns.convert(values), good)

    def put(self, where: slice, at: float | Floats, values: Floats, good: Bools) -> None:
        """Take in polls of the K channels in `where`, whose turns were at run second `at`.

        Values are in the units of the design, states as rungs left of the limits that hold at
        that time. Shapes: one poll, values float64[K], good bool[K]; or T of them, at float64[T],
        values and good [T, K]. Cost: 60 us for a poll of 683 channels.
        """
        asked = np.atleast_1d(np.asarray(at, np.float64))
        self._make_room(float(asked.max()))
        self._ledger.put(where, asked, np.atleast_2d(values), np.atleast_2d(good))

    def _make_room(self, at: float) -> None:
        """Close slots where the caller did not for so long that there is no room for new ones."""
        if at >= self.until + AHEAD_S:
            self.advance(at - WATERMARK_S)

    def advance(self, until: float) -> None:
        """Close all slots that end by `until`, and let events take effect that came by then.

        Cost: 0.1 ms a slot of 560 channels, 0.3 ms for 21 derived ones.
        """
        with np.errstate(all="ignore"):
            while (end := min(group.end for group in self._all)) <= until:
                self._apply(end)
                self._close(end)
            self._apply(np.nextafter(until, np.inf))
        self.until = max(self.until, until)

    def result(self, stage: str, attempt: int) -> StageResult:
        """Return what an attempt proves by now. Raises: KeyError where there was none."""
        with np.errstate(all="ignore"):
            return self.attempts[stage, attempt].result(self.design, self._all)

    def reason(self) -> Reason:
        """Return the verdict on the run by now, and why."""
        results = {key: self.result(*key).reason for key in self.attempts}
        return run_reason(self.design, results, self.dispositions, self.over)

    def _acted(self, event: Event) -> None:
        """Take in what somebody decided."""
        if event.kind is Kind.RUN_OVER:
            self.over = event.data
        else:
            self.dispositions[event.data["stage"], event.data["attempt"]] = event.data

    def _apply(self, before: float) -> None:
        """Let events take effect that are earlier than some time."""
        while self._events and self._events[0][0] < before:
            _, _, event = self._events.pop(0)
            if follow := getattr(self, f"_on_{event.kind}", None):
                follow(event.at, event.data)

    def _close(self, end: float) -> None:
        """Close every group's slot that ends now; derived channels after those they read."""
        for number, group in enumerate(self._groups):
            if group.end == end:
                slot, rows = group.close()
                tally = self._tallies[number]
                if len(group.counted):
                    slot = tally.close(rows, slot)
                self._latest.put(group.places, slot)
                self._judge(number, slot, (group.head - 1) * group.every)
        for number, computed in enumerate(self._computed):
            if computed.end == end:
                slot = self._latest.compute(computed, end, self._spans[number])
                self._judge(len(self._groups) + number, slot, (computed.head - 1) * computed.every)
        if self._now is not None:
            for check in self._now.checks:
                check.look(self._latest, end)

    def _judge(self, number: int, slot: Slot, start: float) -> None:
        """Let the attempt that goes on see a slot, unless something changed within it."""
        now = self._now
        if now is None or not now.parts:
            return
        asked = self._asked[number] if self._edge <= start else np.zeros_like(slot.known)
        now.parts[number].take(slot, asked, start)

    def _on_stage_started(self, at: float, data: Mapping[str, Any]) -> None:
        self._now = Evidence(data["stage"], data["attempt"])
        self.attempts[data["stage"], data["attempt"]] = self._now
        self._edge = at

    def _on_phase(self, at: float, data: Mapping[str, Any]) -> None:
        held = self._terms(data)
        if self._now is None or held is None:
            return
        moment = _moment(data)
        if moment not in self._rules:
            self._rules[moment] = [Rules.of(held, g.places, g.every) for g in self._all]
        rules = self._rules[moment]
        lasts = phase_s(stage_of(self.design, moment.stage), moment.phase) > 0
        counts, lasts = moment.phase not in _BEFORE, lasts and moment.phase in COUNTED
        self._now.begin(at, rules, counts=counts, lasts=lasts)
        if moment.phase not in CHANGED:
            for tally in self._tallies:
                tally.begin()
        self._spans = [each.span() for each in rules[len(self._groups) :]]
        self._latest.load(held.load, self._computed)
        self._checks(moment, held)
        self._judging = ""
        self._on_window(at, {"judging": "none"})

    def _checks(self, moment: Moment, held: Terms) -> None:
        """Begin the checks of a stage with its dwell, and answer them at the end of it."""
        assert self._now is not None
        self._now.end_checks()
        if moment.phase == "dwell":
            check = stage_of(self.design, moment.stage).check
            self._now.checks = [
                Check(name, condition(self.design, text), held.design)
                for name, text in check.items()
            ]

    def _on_window(self, at: float, data: Mapping[str, Any]) -> None:
        if data["judging"] == self._judging:  # for another reason: no slot is lost for that
            return
        self._edge, self._judging = at, data["judging"]
        parts = self._now.parts if self._now is not None else ()
        self._asked = [_asked(part.rules, data["judging"]) for part in parts]

    def _on_gap(self, at: float, _: Mapping[str, Any]) -> None:
        self._on_window(at, {"judging": "none"})  # until somebody looks again

    def _on_stage_over(self, at: float, data: Mapping[str, Any]) -> None:
        if self._now is not None:
            self._now.end(at, data)
        self._now = None

    def _on_tripped(self, at: float, data: Mapping[str, Any]) -> None:
        if self._now is not None:
            self._now.tripped(at, data)

    def _on_answered(self, at: float, data: Mapping[str, Any]) -> None:
        if self._now is not None and data["answer"] == "no":
            why = data["note"] if data["by"] == AGENT else None
            self._now.refused(data["need"], at, why or "")

    def _on_reboot(self, at: float, data: Mapping[str, Any]) -> None:
        where = self.design.places.get(data["device"], slice(0, 0))
        for number, group in enumerate(self._groups):
            first, last = np.searchsorted(group.places, (where.start, where.stop))
            if self._now is not None and self._now.parts:
                self._now.parts[number].restarted(slice(first, last), at)
            first, last = np.searchsorted(group.counted, (first, last))
            self._tallies[number].restarted(slice(first, last), at)

    def _on_bound(self, _: float, data: Mapping[str, Any]) -> None:
        if where := self.design.places.get(data["device"]):
            self._ledger.owe(where, data["interval_s"])
            columns = self._columns_of(data["device"], data["binding"], self.design)
            if columns is not None:
                for tally in self._tallies:
                    tally.bound(where, columns.moments)

    def _bind(self, data: Mapping[str, Any]) -> None:
        """Keep what the arrays of a device hold."""
        key = data["device"], data["binding"]
        self._bindings[key] = tuple(_channel(column) for column in data["columns"])
        self._names[key] = {column["name"]: column["channel"] for column in data["columns"]}

    def _columns_of(self, device: str, binding: int, design: Design) -> Columns | None:
        """Return how a device's arrays enter the design under some limits."""
        key = device, binding
        channels = self._bindings.get(key)
        if channels is None:
            return None
        if (known := self._columns.get((*key, id(design)))) is not None:
            return known
        pairs = bind(design, device, channels, {}, self._names[key]).pairs
        columns = Columns(design.places[device], pairs, len(channels))
        self._columns[*key, id(design)] = columns
        return columns

    def _terms(self, data: Mapping[str, Any]) -> Terms | None:
        """Return the terms that a phase brings; None where this plan has no such stage."""
        try:
            return terms(self.design, _moment(data))
        except (KeyError, IndexError):
            return None


def _computed(design: Design) -> list[Computed]:
    """Return the derived channels, by how often they are computed."""
    every: dict[float, list[int]] = {}
    for place, channel in enumerate(design.channels[design.measured :], design.measured):
        every.setdefault(channel.row.every, []).append(place)
    return [Computed(design, e, np.array(every[e], np.intp)) for e in sorted(every)]


def _asked(rules: Rules, judging: str) -> Bools:
    """Return which channels are judged: all, those that always are, or none."""
    if judging == "qualified":
        return rules.asked
    return rules.asked & rules.always if judging == "always" else np.zeros_like(rules.asked)


def _moment(data: Mapping[str, Any]) -> Moment:
    """Return the moment of the plan that a phase begins."""
    return Moment(data["stage"], data["step"], data["phase"])


def _channel(column: Mapping[str, Any]) -> Channel:
    """Return a device's channel as its binding tells it."""
    return Channel(
        column["channel"],
        Quantity.of(column["quantity"]),
        column["source"],
        ChannelKind(column["kind"]),
        {int(number): name for number, name in column["states"].items()},
        frozenset(column["good_states"]),
        moments=column.get("moments", False),
    )
