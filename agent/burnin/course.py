"""Where a plan stands: all of it a function of what happened, so that a crash loses nothing.

Whatever decides something asks this, and is told of by events; nothing else changes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.burnin.attempt import (
    COUNTED,
    NO_JUDGING,
    QUALIFIED,
    Attempt,
    open_needs,
    person,
    phase_s,
    waits,
)
from agent.burnin.design import Design
from agent.burnin.event import Event
from agent.burnin.terms import load_of, stage_of
from agent.burnin.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a run stands, to be shown. Times in seconds, load 0..1."""

    state: str  # running, held, waiting, paused or over
    stage: str | None
    attempt: int
    step: int | None
    phase: str
    judging: str
    qualified_s: float  # of this phase
    required_s: float  # that this phase must last
    stage_qualified_s: float  # of the attempt so far
    load: float | None
    needs: tuple[str, ...]
    waiting_for: tuple[str, ...]
    why: tuple[str, ...]  # what keeps qualified time from running


class Course:
    """The plan of one run, and how far it has come."""

    def __init__(self, design: Design) -> None:
        plan = design.spec.plan
        assert plan is not None
        self.design = design
        self.todo = [stage.id for stage in plan.stages]
        self.attempts: dict[str, int] = {}  # stage -> how many there were
        self.verdicts: dict[tuple[str, int], Verdict | None] = {}  # None: over, not judged yet
        self.disposed: dict[tuple[str, int], str] = {}
        self.now: Attempt | None = None
        self.begun = False
        self.paused_at: float | None = None
        self.tripped: tuple[str, int] | None = None  # holds the plan until a person decides
        self.over = False

    def note(self, event: Event) -> None:
        """Take in one event; those that are none of the plan's change nothing."""
        follow = getattr(self, f"_on_{event.kind}", None)
        if follow is not None:
            follow(event.at, event.data)

    @property
    def judged(self) -> bool:
        """Say whether every attempt that is over has its verdict."""
        return all(verdict is not None for verdict in self.verdicts.values())

    @property
    def verdict(self) -> Verdict:
        """Return the worst verdict of the latest attempts; a waived one counts as passed."""
        worst = Verdict.PASS
        for stage, number in self.attempts.items():
            verdict = self.verdicts.get((stage, number))
            if self.disposed.get((stage, number)) != "waived":
                worst = max(worst, Verdict.INCONCLUSIVE if verdict is None else verdict)
        return worst

    def standing(self, at: float) -> Standing:
        """Return where the run stands."""
        now = self.now
        if now is None:
            text = () if self.over else self._wants()
            return Standing(
                state=self._state(text),
                stage=None,
                attempt=0,
                step=None,
                phase="",
                judging=NO_JUDGING,
                qualified_s=0.0,
                required_s=0.0,
                stage_qualified_s=0.0,
                load=None,
                needs=(),
                waiting_for=text,
                why=(),
            )
        needs = open_needs(now) if now.phase == "needs" else ()
        return Standing(
            state="paused" if self.paused_at is not None else "waiting" if needs else "running",
            stage=now.stage.id,
            attempt=now.number,
            step=now.step,
            phase=now.phase,
            judging=now.judging,
            qualified_s=now.qualified(at),
            required_s=phase_s(now.stage, now.phase) if now.phase in COUNTED else 0.0,
            stage_qualified_s=now.earlier + now.qualified(at),
            load=load_of(now.stage, now.step),
            needs=needs,
            waiting_for=waits(now, needs),
            why=now.why,
        )

    def _state(self, wants: tuple[str, ...]) -> str:
        """Return a word for how a run stands between two stages."""
        if self.over:
            return "over"
        if self.tripped is not None:
            return "held"
        return "waiting" if wants else "running"

    def _wants(self) -> tuple[str, ...]:
        """Say what a person must do before a run without a stage goes on."""
        if self.tripped is not None:
            stage, number = self.tripped
            return (
                f"attempt {number} of {stage} tripped: dispose of it, then repeat it or finish",
            )
        if self.todo or not self.judged or self.verdict is Verdict.PASS:
            return ()
        return ("the plan is done and not passed: repeat a stage, or finish the run",)

    def _on_run_started(self, _: float, __: Mapping[str, Any]) -> None:
        self.begun = True

    def _on_stage_started(self, at: float, data: Mapping[str, Any]) -> None:
        stage = stage_of(self.design, data["stage"])
        self.now = Attempt(stage, data["attempt"], since=at, marked=at)
        self.attempts[stage.id] = data["attempt"]
        self.todo.remove(stage.id)

    def _on_phase(self, at: float, data: Mapping[str, Any]) -> None:
        now = self.now
        assert now is not None
        now.earlier += now.qualified(at)
        now.step, now.phase, now.since = data["step"], data["phase"], at
        now.counted, now.marked = 0.0, at
        now.judging, now.why = NO_JUDGING, ()
        now.holding_since, now.stood_since, now.complete = None, at, True

    def _on_window(self, at: float, data: Mapping[str, Any]) -> None:
        now = self.now
        assert now is not None
        if QUALIFIED in (now.judging, data["judging"]):
            now.stood_since = at
        now.counted, now.marked = now.kept(at), at
        now.judging, now.why = data["judging"], tuple(data["why"])

    def _on_gap(self, at: float, data: Mapping[str, Any]) -> None:
        now = self.now
        if now is not None:
            lost = now.qualified(min(data["end"], at)) - now.qualified(data["start"])
            now.counted, now.marked = now.qualified(at) - lost, at
            now.judging, now.why = NO_JUDGING, ("nobody was listening",)
            now.holding_since, now.stood_since, now.complete = None, at, False

    def _on_checked(self, _: float, data: Mapping[str, Any]) -> None:
        if self.now is not None:
            self.now.checked[data["need"]] = data

    def _on_answered(self, _: float, data: Mapping[str, Any]) -> None:
        if self.now is not None:
            self.now.answers.setdefault(data["need"], {})[person(data["by"])] = data["answer"]

    def _on_paused(self, at: float, _: Mapping[str, Any]) -> None:
        self.paused_at = at

    def _on_resumed(self, at: float, _: Mapping[str, Any]) -> None:
        if self.now is not None and self.paused_at is not None:
            self.now.since += at - self.paused_at
            self.now.stood_since += at - self.paused_at
            self.now.holding_since = None
        self.paused_at = None

    def _on_stage_over(self, _: float, data: Mapping[str, Any]) -> None:
        of = (data["stage"], data["attempt"])
        self.verdicts[of] = None
        if data["outcome"] == "tripped":
            self.tripped = of
        self.now = self.paused_at = None

    def _on_stage_judged(self, _: float, data: Mapping[str, Any]) -> None:
        self.verdicts[data["stage"], data["attempt"]] = Verdict[data["verdict"]]

    def _on_repeat(self, _: float, data: Mapping[str, Any]) -> None:
        self.todo.insert(0, data["stage"])
        self.tripped = None

    def _on_disposition(self, _: float, data: Mapping[str, Any]) -> None:
        of = (data["stage"], data["attempt"])
        self.disposed[of] = data["decision"]
        if data["decision"] == "waived" and self.tripped == of:
            self.tripped = None

    def _on_run_over(self, _: float, __: Mapping[str, Any]) -> None:
        self.over, self.now = True, None
