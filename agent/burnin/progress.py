"""How a plan goes on by itself: at each tick at most one step, decided by what is seen.

docs/plan.md tells it from the outside.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from agent.burnin.attempt import (
    ALWAYS,
    NO_JUDGING,
    QUALIFIED,
    SETTLED_S,
    STOOD_S,
    UNJUDGED,
    Attempt,
    ended,
    open_needs,
    phase_s,
    required_s,
    steps_of,
)
from agent.burnin.course import Course
from agent.burnin.event import Event, Kind
from agent.burnin.format import Gate
from agent.burnin.terms import Moment, broken_part, load_of, stage_of
from agent.burnin.verdict import Verdict

SETTLING: Final = f"all is well again, for less than {SETTLED_S:g} s"


class Sight(Protocol):
    """What a plan sees of the rack. None: that is not known."""

    def holds(self, condition: str, at: float, /) -> bool | None:
        """Say whether a condition of the plan holds."""
        raise NotImplementedError

    def steady(self, at: float) -> bool | None:
        """Say whether the rack is steady, by the plan's own rule."""
        raise NotImplementedError

    def loaded(self, at: float) -> bool | None:
        """Say whether the rack draws what the plan sets."""
        raise NotImplementedError

    def affected(self, moment: Moment, at: float) -> Sequence[bool | None]:
        """Say of each channel that a step affects whether it shows what `moment` wants of it."""
        raise NotImplementedError

    def trips(self, at: float) -> Sequence[Mapping[str, Any]]:
        """Return what is beyond a trip limit: {channel, value, limit} each."""
        raise NotImplementedError


class Progress:
    """Lets the plan of one run go on; what `tick` returns is taken in already."""

    def __init__(self, course: Course) -> None:
        self.course = course

    def tick(self, at: float, sight: Sight) -> list[Event]:
        """Go on to run second `at`."""
        if not self.course.begun or self.course.over:
            return []
        now = self.course.now
        if now is None:
            return self._noted(self._between(at))
        if tripped := sight.trips(at):
            names = ", ".join(str(trip["channel"]) for trip in tripped[:3])
            where = {"stage": now.stage.id, "attempt": now.number}
            trip = Event(at, Kind.TRIPPED, {**where, "channels": [*tripped]})
            return self._noted([trip, ended(now, at, "tripped", f"{names} beyond its trip limit")])
        if self.course.paused_at is not None:
            return self._noted(self._judge(at, NO_JUDGING, ("paused",)))
        return self._noted(self._goes_on(now, at, sight))

    def _goes_on(self, now: Attempt, at: float, sight: Sight) -> list[Event]:
        """Return what happens next in the phase that is on."""
        phases = {
            "": self._begun,
            "needs": self._in_needs,
            "entry": self._in_entry,
            "breaking": self._in_breaking,
            "mending": self._in_mending,
            "exit": self._in_exit,
        }
        return phases.get(now.phase, self._count)(now, at, sight)

    def _between(self, at: float) -> list[Event]:
        """Begin the next stage, or end the run where its verdict cannot get better."""
        if self.course.tripped is not None:
            return []
        if self.course.todo:
            stage = stage_of(self.course.design, self.course.todo[0])
            number = self.course.attempts.get(stage.id, 0) + 1
            begun = {"stage": stage.id, "attempt": number, "required_s": required_s(stage)}
            attempt = Attempt(stage, number)
            return [Event(at, Kind.STAGE_STARTED, begun), *self._enter(attempt, at, "needs", None)]
        if self.course.judged and self.course.verdict is Verdict.PASS:
            return [Event(at, Kind.RUN_OVER, {"outcome": "completed", "by": None, "reason": ""})]
        return []

    def _begun(self, now: Attempt, at: float, _: Sight) -> list[Event]:
        """Go on with a stage of which no phase was written down."""
        return self._enter(now, at, "needs", None)

    def _in_needs(self, now: Attempt, at: float, _: Sight) -> list[Event]:
        """Wait for people."""
        if refused := self._refused(now):
            return [ended(now, at, "refused", f"{refused} was answered no")]
        if open_needs(now):
            return self._judge(at, NO_JUDGING, ())
        if now.stage.entry is not None:
            return self._enter(now, at, "entry", None)
        return self._first(now, at)

    def _refused(self, now: Attempt) -> str | None:
        """Return a need that was answered no."""
        return next((n for n, by in now.answers.items() if "no" in by.values()), None)

    def _in_entry(self, now: Attempt, at: float, sight: Sight) -> list[Event]:
        """Wait for what must hold before the stage counts."""
        assert now.stage.entry is not None
        if self._waited(now, now.stage.entry, at, sight):
            return self._first(now, at)
        timed_out = self._timed_out(now, now.stage.entry, at, sight)
        return timed_out or self._judge(at, NO_JUDGING, ())

    def _waited(self, now: Attempt, gate: Gate, at: float, sight: Sight) -> bool:
        """Say whether a gate's conditions have held for as long as it wants."""
        truths = [truth for _, truth in gate_truths(gate, at, sight)]
        now.complete &= None not in truths
        if not all(truths):
            now.holding_since = None
            return False
        return _held(now, at, gate.spell)

    def _timed_out(self, now: Attempt, gate: Gate, at: float, sight: Sight) -> list[Event]:
        """End the stage where a gate was waited for in vain."""
        if at - now.since < gate.timeout:
            return []
        lacking = [text for text, truth in self._gate(gate, at, sight) if not truth]
        what = ", ".join(lacking) or f"all that it wants, for {gate.spell:g} s on end"
        text = f"the {now.phase} waited {gate.timeout:g} s in vain for: {what}"
        return [ended(now, at, "timed_out", text)]

    def _first(self, now: Attempt, at: float) -> list[Event]:
        """Begin with what the stage is for."""
        return self._step(now, at, None if now.stage.steps is None else 0)

    def _step(self, now: Attempt, at: float, step: int | None) -> list[Event]:
        """Begin a step."""
        taken = broken_part(now.stage, step) is not None
        return self._enter(now, at, "breaking" if taken else "dwell", step)

    def _in_breaking(self, now: Attempt, at: float, sight: Sight) -> list[Event]:
        """Wait until the parts that are taken away show it."""
        steps = now.stage.steps
        assert steps is not None
        shown = sight.affected(Moment(now.stage.id, now.step, "broken"), at)
        if shown and all(shown):
            return self._enter(now, at, "broken", now.step)
        events = self._judge(at, ALWAYS, ())
        if at - now.since >= steps.each:
            some = any(shown)
            now.complete &= some and None not in shown
            part = broken_part(now.stage, now.step)
            seen = "not all of it" if some else "nothing"
            text = f"{part} was to be taken away, and {seen} shows it"
            return [*events, ended(now, at, "not_shown", text)]
        return events

    def _in_mending(self, now: Attempt, at: float, sight: Sight) -> list[Event]:
        """Wait until the parts that were taken away are as they should be."""
        steps = now.stage.steps
        assert steps is not None
        shown = sight.affected(Moment(now.stage.id, now.step, "mended"), at)
        if all(shown):
            return self._enter(now, at, "mended", now.step)
        events = self._judge(at, ALWAYS, ())
        if at - now.since >= max(steps.restore, steps.each):
            now.complete &= None not in shown
            part = broken_part(now.stage, now.step)
            return [*events, ended(now, at, "not_mended", f"{part} did not come back as it was")]
        return events

    def _count(self, now: Attempt, at: float, sight: Sight) -> list[Event]:
        """Let qualified time run while all is as the stage wants it, until there is enough."""
        if now.qualified(at) >= phase_s(now.stage, now.phase):
            return self._next(now, at)
        why = tuple(self._hindered(now, at, sight))
        if why:
            now.holding_since = None
        elif now.why and not _held(now, at, SETTLED_S):
            why = (SETTLING,)
        stood = at - now.stood_since if why else 0.0
        if stood >= max(STOOD_S, phase_s(now.stage, now.phase)):
            text = f"the clock stood for {stood:g} s on end: {', '.join(why)}"
            return [ended(now, at, "stood", text)]
        return self._judge(at, ALWAYS if why else QUALIFIED, why)

    def _hindered(self, now: Attempt, at: float, sight: Sight) -> list[str]:
        """Return what keeps qualified time from running."""
        gate = now.stage.entry
        truths = self._gate(gate, at, sight) if gate is not None else []
        truths.append(("load as the plan sets it", sight.loaded(at)))
        return [f"{text}{': not known' if t is None else ''}" for text, t in truths if not t]

    def _gate(self, gate: Gate, at: float, sight: Sight) -> list[tuple[str, bool | None]]:
        """Return what a gate demands, by the names of what it looks at, and whether each holds."""
        truths = gate_truths(gate, at, sight)
        plan = self.course.design.spec.plan
        if gate.steady and plan is not None and plan.steady is not None:
            truths[-1] = f"{' and '.join(plan.steady.of)} steady", truths[-1][1]
        return truths

    def _next(self, now: Attempt, at: float) -> list[Event]:
        """Go on behind a phase that has lasted long enough."""
        if now.phase == "broken":
            return self._enter(now, at, "mending", now.step)
        steps = now.stage.steps
        if steps is not None and now.step is not None and now.step + 1 < steps_of(now.stage):
            return self._step(now, at, now.step + 1)
        if now.stage.exit is not None:
            return self._enter(now, at, "exit", now.step)
        return [ended(now, at, "completed", "")]

    def _in_exit(self, now: Attempt, at: float, sight: Sight) -> list[Event]:
        """Wait for what must hold before the stage ends."""
        assert now.stage.exit is not None
        if self._waited(now, now.stage.exit, at, sight):
            return [ended(now, at, "completed", "")]
        timed_out = self._timed_out(now, now.stage.exit, at, sight)
        return timed_out or self._judge(at, ALWAYS, ())

    def _enter(self, now: Attempt, at: float, phase: str, step: int | None) -> list[Event]:
        """Return the events that begin a phase."""
        data = {
            "stage": now.stage.id,
            "attempt": now.number,
            "step": step,
            "phase": phase,
            "load": load_of(now.stage, step),
            "part": broken_part(now.stage, step),
        }
        judging = NO_JUDGING if phase in UNJUDGED else ALWAYS
        window = {"judging": judging, "why": []}
        events = [Event(at, Kind.PHASE, data), Event(at, Kind.WINDOW, window)]
        if phase == "needs" and now.stage.needs:
            where = {"stage": now.stage.id, "attempt": now.number}
            events.append(Event(at, Kind.NEEDS, {**where, "open": [*now.stage.needs]}))
        return events

    def _judge(self, at: float, judging: str, why: tuple[str, ...]) -> list[Event]:
        """Return the event that changes what is judged, where that changes."""
        now = self.course.now
        if now is None or (now.judging, now.why) == (judging, why):
            return []
        return [Event(at, Kind.WINDOW, {"judging": judging, "why": [*why]})]

    def _noted(self, events: list[Event]) -> list[Event]:
        """Take in what happens."""
        for event in events:
            self.course.note(event)
        return events


def _held(now: Attempt, at: float, spell: float) -> bool:
    """Say whether what holds at this tick has held for so many seconds."""
    if now.holding_since is None:
        now.holding_since = at
    return at - now.holding_since >= spell


def gate_truths(gate: Gate, at: float, sight: Sight) -> list[tuple[str, bool | None]]:
    """Return what a gate demands, and whether each holds."""
    truths = [(text, sight.holds(text, at)) for text in gate.all]
    return [*truths, ("steady", sight.steady(at))] if gate.steady else truths
