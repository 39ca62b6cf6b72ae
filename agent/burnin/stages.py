"""What holds between a plan and the rest of its spec: every name, limit and duration of a stage."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

import numpy as np

from agent.burnin import dimension as dim
from agent.burnin.conditions import Condition, condition
from agent.burnin.design import Design
from agent.burnin.expression import ExpressionError
from agent.burnin.format import Gate, Override, Plan, Stage
from agent.burnin.limits import LimitError, Rung
from agent.burnin.rows import Row, Say, loosened, override_row, within
from agent.burnin.terms import affected_places, asks_for, load_of
from collectors.document import Path
from collectors.quantity import Unit, UnitError

ROUNDING: Final = 1e-9
_ACTIONS: Final = ("load", "lose", "pull", "stop")
_CHANGES: Final = frozenset(Override.model_fields) - {"why", "skip"}


def check_plan(design: Design, troubled: AbstractSet[Path], say: Say) -> None:
    """Say everything in the plan that does not fit the channels it speaks of.

    What a stage changes about a channel entry in `troubled` can only be judged once that is mended.
    """
    if design.spec.plan:
        _PlanCheck(design, design.spec.plan, troubled, say).check()


class _PlanCheck:
    """Goes through the stages in order."""

    def __init__(self, design: Design, plan: Plan, troubled: AbstractSet[Path], say: Say) -> None:
        self.design = design
        self.spec = design.spec
        self.plan = plan
        self.say = say
        rows = {channel.row.key: channel.row for channel in design.channels}
        self.rows = {key: row for key, row in rows.items() if row.path not in troubled}
        self.keys = {f"{r}.{c}" for r, role in self.spec.roles.items() for c in role.channels}
        self.keys |= set(self.spec.derived)
        self.parts = {f"{c.device}.{c.part}" for c in design.channels if c.part and c.role}

    def check(self) -> None:
        """Check all of it."""
        self._check_steady()
        budget = self.spec.defaults.budget
        least = self.plan.coverage.min
        if budget and budget.share is not None and abs(least - (1 - budget.share)) > ROUNDING:
            text = f"coverage and the default budget disagree; write {100 * (1 - budget.share):g} %"
            self.say(("plan", "coverage", "min"), text)
        seen = set()
        for number, stage in enumerate(self.plan.stages):
            path: Path = ("plan", "stages", number)
            if stage.id in seen:
                self.say((*path, "id"), f"there is already a stage {stage.id!r}; rename one")
            seen.add(stage.id)
            self._check_stage(path, stage)
        if not self.plan.stages:
            self.say(("plan", "stages"), "a plan without stages proves nothing; add one")

    def _check_steady(self) -> None:
        """Check the rule for being steady against what it watches."""
        steady = self.plan.steady
        path: Path = ("plan", "steady")
        for key in steady.of if steady else ():
            row = self._row((*path, "of"), key)
            if steady is None or row is None:
                continue
            change = dim.difference_of(row.scale.unit.dimension)
            slope = dim.quotient(change, dim.TIME)
            for knob, dimension in (("max_slope", slope), ("max_sd", change)):
                try:
                    getattr(steady, knob).to(Unit("", dimension, 1.0), dimension, knob)
                except LimitError:
                    text = f"'{getattr(steady, knob)}' is not of {key}; write it in "
                    self.say((*path, knob), text + dim.spell(dimension))

    def _row(self, path: Path, key: str) -> Row | None:
        """Return a row by its key; a row that exists but is broken has been spoken of already."""
        if key not in self.keys:
            self.say(path, f"there is no channel {key!r}; correct the name")
        return self.rows.get(key)

    def _check_stage(self, path: Path, stage: Stage) -> None:
        """Check one stage."""
        self._check_time(path, stage)
        for key in stage.only or ():
            if key not in self.spec.roles and key not in self.keys:
                self.say((*path, "only"), f"there is no role or channel {key!r}; correct the name")
        for key, gate in (("entry", stage.entry), ("exit", stage.exit)):
            if gate:
                self._check_gate((*path, key), stage, gate)
        for name, text in stage.check.items():
            self._check_condition((*path, "check", name), stage, text)
        for key, entry in stage.overrides.items():
            self._check_override((*path, "overrides", key), key, entry)
        for key, entry in stage.affected.items():
            self._check_affected((*path, "affected", key), key, entry)
        self._check_shown(path, stage)

    def _check_time(self, path: Path, stage: Stage) -> None:
        """Demand that a stage has a length and a load, and steps that can be taken."""
        if (stage.duration is None) == (stage.steps is None):
            self.say(path, f"stage {stage.id} has a duration or steps, one of them; correct it")
        if stage.duration is not None and not stage.duration:
            self.say((*path, "duration"), "a stage of no length proves nothing; write how long")
        actions = [key for key in _ACTIONS if stage.steps and getattr(stage.steps, key)]
        if (stage.load is None) == ("load" not in actions):
            self.say(path, f"stage {stage.id} has a load or steps of load, one of them; correct it")
        if stage.steps is None:
            return
        if stage.check and not stage.steps.load:
            text = "a stage that takes parts away has no dwell to answer a check at the end of"
            self.say((*path, "check"), f"{text}; move it to another stage")
        if len(actions) != 1 or not stage.steps.each:
            text = f"steps do one of {', '.join(_ACTIONS)}, each for some time; correct them"
            self.say((*path, "steps"), text)
        known = {"lose": set(self.design.roles), "pull": self.parts, "stop": self.parts}
        for key, names in known.items():
            for name in getattr(stage.steps, key) or ():
                if name not in names:
                    self.say((*path, "steps", key), f"there is no {name!r}; {_examples(names)}")

    def _check_shown(self, path: Path, stage: Stage) -> None:
        """Demand that something shows each part that a stage takes away."""
        steps = stage.steps
        for step, part in enumerate((steps and (steps.lose or steps.pull or steps.stop)) or ()):
            places = np.flatnonzero(affected_places(self.design, stage, step))
            there = part in self.design.roles or part in self.parts
            if there and not any(self._shows(stage, step, int(place)) for place in places):
                text = f"nothing would show that {part} is gone; say in affected what does"
                self.say((*path, "steps"), text)

    def _shows(self, stage: Stage, step: int, place: int) -> bool:
        """Say whether a channel is asked for, and outside what it shows while all is well."""
        channel = self.design.channels[place]
        entry, own = stage.affected[channel.row.key], self.rows.get(channel.row.key)
        if own is None:  # is broken itself, and spoken of
            return True
        if entry.skip or entry.fail is None:
            return False
        gone = override_row(self.spec, own, ((), entry), _silence, alone=True)
        limit = gone.rungs.limits[Rung.FAIL]
        told = limit is None or not within(own.rungs.limits[Rung.FAIL], limit)
        return told and asks_for(stage, channel, gone, load_of(stage, step))

    def _check_gate(self, path: Path, stage: Stage, gate: Gate) -> None:
        """Check what must hold before a stage counts or ends."""
        if not gate.all and not gate.steady:
            self.say(path, "nothing is demanded; add 'all' with conditions, or 'steady: true'")
        if gate.steady and self.plan.steady is None:
            self.say((*path, "steady"), "plan.steady is missing; say there what steady means")
        if gate.spell > gate.timeout:
            self.say((*path, "timeout"), "shorter than what 'for' demands; lengthen it")
        for number, text in enumerate(gate.all):
            self._check_condition((*path, "all", number), stage, text)

    def _check_condition(self, path: Path, stage: Stage, text: str) -> None:
        """Read one condition, unless it speaks of a row that is broken itself."""
        broken = [key for key in self.keys - self.rows.keys() if key in text]
        try:
            read = condition(self.design, text)
            if read.bounds.names is not None and not broken:
                self._check_state(path, stage, read)
        except (ExpressionError, LimitError, UnitError) as error:
            if not broken:
                self.say(path, str(error))

    def _check_state(self, path: Path, stage: Stage, read: Condition) -> None:
        """Demand that a state which a condition wants is one that a limit of the channel names."""
        for row in {self.design.channels[place].row.key: None for place in read.places}:
            own, entry = self.rows[row], stage.overrides.get(row)
            if entry is not None and not entry.skip:
                over = ((*path, row), entry)
                own = override_row(self.spec, own, over, _silence, alone=False)
            known = {bounds.names for bounds in own.rungs.limits if bounds and bounds.names}
            if read.bounds.names not in known:
                names = " or ".join(sorted({name for names in known for name in names})) or "none"
                self.say(path, f"{row} has no limit of that state, only {names}; write one of them")

    def _check_override(self, path: Path, key: str, entry: Override) -> None:
        """Check what a stage changes; whoever loosens a limit says why."""
        row = self._row(path, key)
        if row is None:
            return
        if not self._changes(path, entry):
            return
        looser = ["skip"] if entry.skip else []
        if not entry.skip:
            new = override_row(self.spec, row, (path, entry), self.say, alone=False)
            looser = loosened(row, new)
        if looser and entry.why is None:
            self.say(path, f"loosens {', '.join(looser)} without saying why; add why")

    def _check_affected(self, path: Path, key: str, entry: Override) -> None:
        """Check what a stage expects of parts that it breaks on purpose."""
        row = self._row(path, key)
        if row is not None and self._changes(path, entry) and not entry.skip:
            override_row(self.spec, row, (path, entry), self.say, alone=True)

    def _changes(self, path: Path, entry: Override) -> bool:
        """Demand that an entry changes something, or skips the channel, and not both."""
        changes = entry.model_fields_set & _CHANGES
        if entry.skip == bool(changes):
            text = "skips and changes at once; do one" if changes else "changes nothing; remove it"
            self.say(path, text)
            return False
        return True


def _silence(_: Path, __: str) -> None:
    """Say nothing: what is wrong is said where it is written."""


def _examples(names: Iterable[str]) -> str:
    """Say what could be written instead."""
    return f"write one as in {', '.join(sorted(names)[:3])}"
