"""How a run stands, read from what the agent's API says of it, in the words of the screen."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from agent.burnin.terms import Moment
from agent.lasting import lasting

PHASES: Final = {  # what goes on, by phase; {part} is what a step takes away
    "": "begins",
    "needs": "people are asked: {needs}",
    "entry": "waits until the rack is ready for it",
    "breaking": "{part} is being taken away",
    "broken": "goes on without {part}",
    "mending": "{part} is being brought back",
    "mended": "{part} is back: all must be as before",
    "exit": "waits until the rack is ready for what comes next",
    "over": "is over",
}
JUDGED: Final = "all limits are judged, time counts"
STANDS: Final = "time stands: {why}"

Document = Mapping[str, Any]


class Stage(NamedTuple):
    """One stage of the plan, by its latest attempt."""

    name: str
    verdict: str | None
    begun: bool
    required_s: float | None


class Progress(NamedTuple):
    """One run at one moment."""

    run: str
    serial: str
    spec: str
    over: bool
    verdict: str
    sealed: bool  # its record can be opened
    stages: Sequence[Stage]
    moment: Moment | None  # None: between stages
    qualified_s: float
    required_s: float
    load: float | None
    doing: str  # what goes on now, in words
    reason: str  # why the verdict is what it is

    @property
    def number(self) -> int:
        """Return the number of the stage that is on, or of the last one that was."""
        names = [stage.name for stage in self.stages]
        if self.moment is not None and self.moment.stage in names:
            return names.index(self.moment.stage) + 1
        return sum(stage.begun for stage in self.stages)

    @property
    def passed(self) -> int:
        """Return how many stages are passed."""
        return sum(stage.verdict == "PASS" for stage in self.stages)

    def passed_by(self, stage: str) -> bool:
        """Say whether a stage is over and another one is on."""
        on = self.moment.stage if self.moment else None
        return any(each.name == stage and each.begun for each in self.stages) and on != stage

    @property
    def standing(self) -> str:
        """Return the verdict so far: a run that goes well is undecided until its end."""
        if self.over:
            return self.verdict
        worse = [stage.verdict for stage in self.stages if stage.verdict not in (None, "PASS")]
        return worse[-1] or "" if worse else f"{self.passed} of {len(self.stages)} passed"

    @property
    def counted(self) -> str:
        """Return how much of the stage's time has counted."""
        if not self.required_s:
            return ""
        return f"{lasting(self.qualified_s)} of {lasting(self.required_s)}"


def progress(run: Document, *, part: str | None = None) -> Progress:
    """Read what the API says of one run. `part`: what the step that is on takes away."""
    at = run["standing"] or {}
    over = run["state"] == "over"
    name = None if over else at.get("stage")
    return Progress(
        run=run["run"],
        serial=run["serial"],
        spec=f"{run['spec']['id']} {run['spec']['revision']}",
        over=over,
        verdict=run["verdict"],
        sealed=bool(run["record"]),
        stages=_stages(run.get("stages", ())),
        moment=Moment(name, at["step"], at["phase"]) if name else None,
        qualified_s=at.get("qualified_s", 0.0),
        required_s=at.get("required_s", 0.0),
        load=at.get("load"),
        doing=_doing(at, part),
        reason=(run.get("reason") or {}).get("text", ""),
    )


def _stages(told: Sequence[Document]) -> list[Stage]:
    """Return each stage once: its latest attempt is the one that counts."""
    found: dict[str, Stage] = {}
    for each in told:
        begun = each["attempt"] is not None
        found[each["stage"]] = Stage(each["stage"], each["verdict"], begun, each["required_s"])
    return list(found.values())


def _doing(at: Document, part: str | None) -> str:
    """Say what goes on."""
    phase = at.get("phase", "")
    if at.get("judging") != "qualified" and phase in {"dwell", "broken", "mended"}:
        return STANDS.format(why="; ".join(at["why"]) or "the stage has just begun")
    words = PHASES.get(phase, JUDGED)
    return words.format(part=part, needs=", ".join(at.get("needs", ())) or "all is answered")
