"""What people do to a run: each act becomes events, or is refused with what to do instead."""

from collections.abc import Mapping
from typing import Any

from agent.burnin.attempt import NO_JUDGING, Attempt, asks, ended, person
from agent.burnin.course import Course
from agent.burnin.event import Event, Kind
from agent.burnin.verdict import Verdict


class ActError(ValueError):
    """What a person asked for cannot be done now; the message says why and what to do."""


class Deeds:
    """Acts on the plan of one run; what they return is taken in already. Each raises ActError."""

    def __init__(self, course: Course) -> None:
        self.course = course

    def checked(self, at: float, found: Mapping[str, Any]) -> list[Event]:
        """Note what the agent has found of a need that is open."""
        now = self._running()
        where = {"stage": now.stage.id, "attempt": now.number}
        return self._noted([Event(at, Kind.CHECKED, {**where, **found})])

    def answer(  # noqa: PLR0913, PLR0917 -- an answer has as many parts
        self,
        at: float,
        need: str,
        answer: str,
        by: str,
        note: str | None,
        deviation: str | None = None,
    ) -> list[Event]:
        """Answer what the stage needs to be told."""
        now = self._running()
        asked = next((n for n in now.stage.needs if need in (n, n.split(" ")[0])), None)
        if asked is None or now.phase != "needs":
            raise ActError(f"{now.stage.id} does not ask for {need!r}; {asks(now)}")
        if person(by) in now.answers.get(asked, {}):
            raise ActError(f"{by} has answered {asked!r} already; somebody else must")
        wrong = now.checked.get(asked, {"wrong": ()})["wrong"]
        if answer == "yes" and wrong and not deviation:
            text = "mend it, or answer with the number of the deviation that allows it"
            raise ActError(f"{asked}: the agent sees that {wrong[0]}; {text}")
        data = {"need": asked, "answer": answer, "by": by, "note": note}
        data |= {"deviation": deviation} if deviation else {}
        return self._noted([Event(at, Kind.ANSWERED, data)])

    def pause(self, at: float, by: str, reason: str) -> list[Event]:
        """Let nothing count until somebody resumes."""
        self._running()
        if self.course.paused_at is not None:
            raise ActError("the run is paused already; resume it")
        paused = Event(at, Kind.PAUSED, {"by": by, "reason": reason})
        window = {"judging": NO_JUDGING, "why": ["paused"]}
        return self._noted([paused, Event(at, Kind.WINDOW, window)])

    def resume(self, at: float, by: str, reason: str | None) -> list[Event]:
        """Go on after a pause."""
        if self.course.paused_at is None:
            raise ActError("the run is not paused")
        return self._noted([Event(at, Kind.RESUMED, {"by": by, "reason": reason})])

    def abort(self, at: float, by: str, reason: str) -> list[Event]:
        """End the run before its end."""
        self._open()
        now = self.course.now
        events = [ended(now, at, "aborted", f"aborted by {by}: {reason}")] if now else []
        over = {"outcome": "aborted", "by": by, "reason": reason}
        return self._noted([*events, Event(at, Kind.RUN_OVER, over)])

    def finish(self, at: float, by: str) -> list[Event]:
        """Close a run in which nothing more is to be tried."""
        self._open()
        if self.course.now is not None or (self.course.todo and self.course.tripped is None):
            raise ActError("the plan is not done; wait for it, or abort the run")
        if not self.course.judged:
            raise ActError("the last stage is not judged yet; ask again in half a minute")
        over = {"outcome": "completed", "by": by, "reason": ""}
        return self._noted([Event(at, Kind.RUN_OVER, over)])

    def repeat(self, at: float, stage: str, by: str, reason: str) -> list[Event]:
        """Make one more attempt of a stage."""
        self._open()
        last = (stage, self.course.attempts.get(stage, 0))
        if not last[1] or (self.course.now is not None and self.course.now.stage.id == stage):
            raise ActError(f"{stage} has no attempt that is over; {self._past()}")
        if stage in self.course.todo:
            raise ActError(f"{stage} is to be repeated already; it comes next")
        if self.course.verdicts[last] is None:
            raise ActError(f"{stage} is not judged yet; ask again in half a minute")
        failed = [last] if self.course.verdicts[last] is Verdict.FAIL else []
        for of in [*failed, *([self.course.tripped] if self.course.tripped else [])]:
            if of not in self.course.disposed:
                raise ActError(f"{of[0]} failed; say first what became of attempt {of[1]}: dispose")
        return self._noted([Event(at, Kind.REPEAT, {"stage": stage, "by": by, "reason": reason})])

    def dispose(self, at: float, data: Mapping[str, Any]) -> list[Event]:
        """Decide what an attempt that did not pass was."""
        self._open()
        of = (data["stage"], data["attempt"])
        if of not in self.course.verdicts:
            raise ActError(f"there is no attempt {of[1]} of {of[0]} that is over; {self._past()}")
        if self.course.verdicts[of] is None:
            raise ActError(f"{of[0]} is not judged yet; ask again in half a minute")
        if self.course.verdicts[of] is Verdict.PASS:
            raise ActError(f"attempt {of[1]} of {of[0]} passed; there is nothing to decide")
        if data["decision"] == "waived" and not data.get("deviation"):
            raise ActError("a waiver needs the number of its deviation; add it")
        if of in self.course.disposed:
            raise ActError(
                f"attempt {of[1]} of {of[0]} was decided already: {self.course.disposed[of]}"
            )
        return self._noted([Event(at, Kind.DISPOSITION, data)])

    def _open(self) -> None:
        """Refuse to act on a run that is over."""
        if self.course.over:
            raise ActError("the run is over; start another")

    def _running(self) -> Attempt:
        """Return the attempt that is on."""
        self._open()
        if self.course.now is None:
            raise ActError("no stage is on; repeat one, or finish the run")
        return self.course.now

    def _past(self) -> str:
        """Say which attempts there are."""
        known = ", ".join(f"{stage} {number}" for stage, number in self.course.verdicts)
        return f"over are: {known}" if known else "none is over"

    def _noted(self, events: list[Event]) -> list[Event]:
        """Take in what happens."""
        for event in events:
            self.course.note(event)
        return events
