"""What a run's events say of its time: stages and attempts, and what was judged when."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.terms import Moment, Terms, terms

NOTHING: Final = "none"  # judging: nobody is judged


class Spell(NamedTuple):
    """A stretch of a stage in which neither its limits nor its judging changed."""

    start: float  # run seconds
    end: float
    moment: Moment
    judging: str  # "none", "always" or "qualified"


@dataclass(slots=True)
class Attempt:
    """One execution of a stage."""

    stage: str
    number: int
    start: float
    end: float
    spells: list[Spell] = field(default_factory=list)
    over: Mapping[str, Any] | None = None  # its STAGE_OVER event's data

    @property
    def qualified_s(self) -> float:
        """Return the qualified time: as the plan counted it, else as its windows say."""
        if self.over is not None:
            return float(self.over["qualified_s"])
        return sum(s.end - s.start for s in self.spells if s.judging == "qualified")


def attempts(events: Sequence[Event]) -> list[Attempt]:
    """Return every attempt of every stage, in the order in which they began."""
    found: list[Attempt] = []
    end = max((event.at for event in events), default=0.0)
    moment, judging, since = Moment("", None, "needs"), NOTHING, 0.0

    def close(at: float) -> None:
        """End the spell that is running."""
        if found and found[-1].over is None and at > since:
            found[-1].spells.append(Spell(since, at, moment, judging))

    for event in events:
        data = event.data
        if event.kind not in (Kind.STAGE_STARTED, Kind.PHASE, Kind.WINDOW, Kind.STAGE_OVER):
            continue
        close(event.at)
        since = event.at
        if event.kind is Kind.STAGE_STARTED:
            found.append(Attempt(data["stage"], data["attempt"], event.at, end))
            moment, judging = Moment(data["stage"], None, "needs"), NOTHING
        elif event.kind is Kind.PHASE:
            moment = Moment(data["stage"], data["step"], data["phase"])
        elif event.kind is Kind.WINDOW:
            judging = data["judging"]
        elif found:
            found[-1].over, found[-1].end = data, event.at
    close(end)
    return found


def judged(design: Design, spell: Spell) -> NDArray[np.bool_]:
    """Return which channels a spell judges. Shapes: bool[C]."""
    if spell.judging == NOTHING:
        return np.zeros(len(design.channels), np.bool_)
    mask = terms(design, spell.moment).judged
    if spell.judging == "qualified":
        return mask
    always = [channel.row.always for channel in design.channels]
    return mask & np.array(always, np.bool_)


def judging_terms(design: Design, attempt: Attempt) -> Iterator[tuple[int, Terms]]:
    """Yield each channel that an attempt was to judge, and the terms by which it did so first.

    One that it never came to judge stands last, with the terms by which it would have been.
    """
    seen = np.zeros(len(design.channels), np.bool_)
    held = [(terms(design, spell.moment), judged(design, spell)) for spell in attempt.spells]
    for by, mask in [*held, *((by, by.judged) for by, _ in held)]:
        for place in np.flatnonzero(mask & ~seen):
            yield int(place), by
        seen |= mask


def loads(design: Design, tries: Iterable[Attempt]) -> list[tuple[float, float | None]]:
    """Return each moment at which the plan set another load, and that; None between stages."""
    steps: list[tuple[float, float | None]] = []
    for attempt in tries:
        for spell in attempt.spells:
            load = terms(design, spell.moment).load
            if not steps or steps[-1][1] != load:
                steps.append((spell.start, load))
        steps.append((attempt.end, None))
    return steps
