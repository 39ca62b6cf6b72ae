"""One attempt of a stage while it is on: its phase, its qualified time, and what it waits for."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from agent.burnin.event import Event, Kind
from agent.burnin.format import Stage
from agent.burnin.terms import broken_part

NO_JUDGING: Final = "none"  # nothing but trips, which are watched in every phase
ALWAYS: Final = "always"  # channels that apply always
QUALIFIED: Final = "qualified"  # all channels: load and conditions are as the stage wants them
UNJUDGED: Final = ("needs", "entry")  # phases before a stage begins to count
COUNTED: Final = ("dwell", "broken", "mended")  # phases that last some qualified time
SETTLED_S: Final = 30.0  # the slowest slot: shorter stretches would count as time nobody judges
AGENT: Final = "the agent"  # who answers what an agent can see for itself
STOOD_S: Final = 3600.0  # nobody mends a probe in less; what stands that long may be given up


@dataclass(slots=True)
class Attempt:
    """One attempt of a stage that is on."""

    stage: Stage
    number: int
    step: int | None = None
    phase: str = ""
    since: float = 0.0  # when the phase began, later by every pause in it
    counted: float = 0.0  # qualified seconds of the phase, up to `marked`
    earlier: float = 0.0  # qualified seconds of the phases before
    marked: float = 0.0  # when qualified time was last added up
    judging: str = NO_JUDGING
    why: tuple[str, ...] = ()
    answers: dict[str, dict[str, str]] = field(default_factory=dict)  # need -> person -> answer
    checked: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # need -> what was found
    holding_since: float | None = None  # since when what the phase waits for has held
    stood_since: float = 0.0  # since when nothing has qualified, later by every pause in it
    complete: bool = True  # all that the phase waits for has been known all along

    def qualified(self, at: float) -> float:
        """Return the qualified seconds of the phase."""
        running = max(0.0, at - self.marked) if self.judging == QUALIFIED else 0.0
        return self.counted + running

    def kept(self, at: float) -> float:
        """Return the qualified seconds that stay if they end here: a short stretch is none."""
        now = self.qualified(at)
        return now if now - self.counted >= SETTLED_S else self.counted


def ended(now: Attempt, at: float, outcome: str, text: str) -> Event:
    """Return the event that ends an attempt."""
    data = {
        "stage": now.stage.id,
        "attempt": now.number,
        "outcome": outcome,
        "complete": now.complete,
        "qualified_s": round(now.earlier + now.qualified(at), 3),
        "text": text,
    }
    return Event(at, Kind.STAGE_OVER, data)


def open_needs(now: Attempt) -> tuple[str, ...]:
    """Return what is still to be answered; `signatures 2` wants two different people."""
    return tuple(
        need
        for need in now.stage.needs
        if sum(a == "yes" for a in now.answers.get(need, {}).values()) < people(need)
    )


def person(by: str) -> str:
    """Return who somebody is, however the name is written.

    >>> person("J. Doe") == person("  j.  DOE")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", by).casefold().split())


def people(need: str) -> int:
    """Return how many people a need asks."""
    _, _, number = need.partition(" ")
    return int(number or 1)


def steps_of(stage: Stage) -> int:
    """Return how many steps a stage has."""
    steps = stage.steps
    return 0 if steps is None else len(steps.load or steps.lose or steps.pull or steps.stop or ())


def phase_s(stage: Stage, phase: str) -> float:
    """Return how much qualified time a phase lasts."""
    if stage.steps is None:
        return stage.duration or 0.0
    return stage.steps.restore if phase == "mended" else stage.steps.each


def required_s(stage: Stage) -> float:
    """Return how much qualified time a stage lasts."""
    if stage.steps is None:
        return stage.duration or 0.0
    taken = broken_part(stage, 0) is not None
    return steps_of(stage) * (stage.steps.each + (stage.steps.restore if taken else 0.0))


def waits(now: Attempt, needs: Sequence[str]) -> tuple[str, ...]:
    """Say in words what a phase waits for, where it waits for something."""
    part = broken_part(now.stage, now.step)
    gate = now.stage.entry if now.phase == "entry" else now.stage.exit
    match now.phase:
        case "needs":
            return tuple(f"answer: {need}{_seen(now, need)}" for need in needs)
        case "breaking":
            return (f"take away {part}",)
        case "mending":
            return (f"put back {part}",)
        case "entry" | "exit" if gate is not None:
            return (*gate.all, *(("steady",) if gate.steady else ()))
    return ()


def _seen(now: Attempt, need: str) -> str:
    """Say what the agent has found of a need that it cannot answer, or not yet."""
    checked = now.checked.get(need)
    if checked is None:
        return ""
    found: list[str] = [*checked["wrong"], *checked["unknown"]]
    more = f"; and {len(found) - 1} more" if found[1:] else ""
    return f" ({'wrong' if checked['wrong'] else 'not known'}: {found[0]}{more})" if found else ""


def asks(now: Attempt) -> str:
    """Say what a stage asks for."""
    needs = open_needs(now)
    return f"it asks for: {', '.join(needs)}" if needs else "it asks for nothing now"
