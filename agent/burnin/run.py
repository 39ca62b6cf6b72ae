"""A run: one rack, one plan, one bay. What is seen goes in, what happened comes out as events.

Nothing here waits, writes or looks at a clock: a run of 34 hours takes seconds in a test, and one
that a crash cut short is rebuilt from its events and samples.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.burnin.attempt import ALWAYS, COUNTED, NO_JUDGING, QUALIFIED
from agent.burnin.block import Block
from agent.burnin.course import Course
from agent.burnin.deeds import Deeds
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.live import LiveBay
from agent.burnin.progress import Progress
from agent.burnin.sight import Sight
from agent.burnin.terms import CHANGED, Moment, terms
from agent.burnin.trial import WATERMARK_S, Trial

STANDS_S: Final = 300.0  # a clock that stood for longer: what is outside then is no transient


class Run:
    """Brings together where the plan stands, what was seen, and what that proves.

    `past`: the events of a run that a crash cut short, which `trial` has seen, samples and all.
    """

    def __init__(
        self, design: Design, live: LiveBay, trial: Trial | None = None, past: Sequence[Event] = ()
    ) -> None:
        self.design = design
        self.trial = Trial(design) if trial is None else trial
        self.course = Course(design)
        self.deeds = Deeds(self.course)
        self.judged = False  # the run has its verdict; nothing more happens
        self._live = live
        self._progress = Progress(self.course)
        self._sight = Sight(design, live)
        self._unjudged: deque[tuple[str, int, float]] = deque()  # attempts that are over, since
        self._over = False
        for event in past:
            self.course.note(event)
            self._remember(event)
        moments = [moment_of(event) for event in past if event.kind is Kind.PHASE]
        if moments and not self.course.over:
            live.adopt(terms(design, moments[-1]))
            self._follow(past[-1].at)

    def begin(self, facts: Mapping[str, Any]) -> list[Event]:
        """Start at run second 0."""
        return self.happened(Event(0.0, Kind.RUN_STARTED, facts))

    def happened(self, event: Event) -> list[Event]:
        """Take in what somebody else noticed: a device bound or started anew, a clock set."""
        self.course.note(event)
        return self._noted([event])

    def acted(self, events: Sequence[Event]) -> list[Event]:
        """Take in what `deeds` made of an act."""
        return self._noted(events)

    def take(self, block: Block) -> None:
        """Take in polls of a device, as they are stored."""
        self.trial.take(block)

    def tick(self, at: float) -> list[Event]:
        """Go on to run second `at`: what the plan does, and what can be judged now."""
        self._sight.look(at)
        events = self._noted(self._progress.tick(at, self._sight))
        self._follow(at)
        self.trial.advance(at - WATERMARK_S)
        return [*events, *self._judge(at)]

    @property
    def coverage(self) -> float | None:
        """Return the least share of judged slots that were seen whole, now or in the last stage.

        Of the required channels; None while none was judged.
        """
        if not self.trial.attempts:
            return None
        result = self.trial.result(*[*self.trial.attempts][-1])
        of = result.required & (result.judged > 0)
        return float((result.complete[of] / result.judged[of]).min()) if of.any() else None

    def _noted(self, events: Sequence[Event]) -> list[Event]:
        """Let evidence and limits follow what happened."""
        for event in events:
            self.trial.note(event)
            self._remember(event)
            if event.kind is Kind.PHASE:
                moment = moment_of(event)
                if moment.phase not in CHANGED:
                    self._live.count_anew()
                self._live.adopt(terms(self.design, moment))
            elif event.kind is Kind.RUN_OVER:
                self._live.adopt(None)
        return [*events]

    def _follow(self, at: float) -> None:
        """Let what is shown live be what is judged, and all of it where the clock stands long."""
        now = self.course.now
        judging = NO_JUDGING if now is None else now.judging
        if now is not None and judging == ALWAYS and now.phase in COUNTED:
            judging = QUALIFIED if at - now.stood_since >= STANDS_S else ALWAYS
        if self.course.begun and not self.course.over:
            self._live.follow(judging)

    def _remember(self, event: Event) -> None:
        """Keep what is still to be judged."""
        if event.kind is Kind.STAGE_OVER:
            self._unjudged.append((event.data["stage"], event.data["attempt"], event.at))
        elif event.kind is Kind.STAGE_JUDGED:
            self._unjudged.popleft()
        elif event.kind is Kind.RUN_OVER:
            self._over = True
        elif event.kind is Kind.RUN_JUDGED:
            self.judged = True

    def _judge(self, at: float) -> list[Event]:
        """Return the verdicts on whatever is over and seen whole."""
        events = []
        while self._unjudged and self._unjudged[0][2] <= at - WATERMARK_S:
            stage, attempt, _ = self._unjudged[0]
            result = self.trial.result(stage, attempt)
            where = {"stage": stage, "attempt": attempt}
            verdict = {"verdict": result.verdict.name, "text": result.reason.text}
            events += self.happened(Event(at, Kind.STAGE_JUDGED, {**where, **verdict}))
        if self._over and not self._unjudged and not self.judged:
            reason = self.trial.reason()
            verdict = {"verdict": reason.verdict.name, "text": reason.text}
            events += self.happened(Event(at, Kind.RUN_JUDGED, verdict))
        return events


def moment_of(event: Event) -> Moment:
    """Return the moment of the plan that a PHASE event begins."""
    return Moment(event.data["stage"], event.data["step"], event.data["phase"])
