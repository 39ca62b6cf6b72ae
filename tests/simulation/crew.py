"""The people at a bay: they do what the plan asks for, a few seconds after it asks.

What they do depends on where the plan stands and for how long, so that a run repeats exactly.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from agent.burnin.design import Design
from agent.burnin.terms import broken_part, stage_of
from tests.simulation.rack import Rack

REACTION_S: Final = 1.0  # from a new load on the screen to the load tool
HANDS_S: Final = 4.0  # from an announcement to the breaker, the supply or the pump
DRY_AFTER_S: Final = 300.0  # of the first stage gas is let in: when the couplings are closed
TEMPERED: Final = (40.0, 30.0)  # set points of supply and primary water
SET_POINTS: Final = {  # degC; of other stages `TEMPERED`
    "inventory": (25.0, 25.0),
    "pressure_decay": (25.0, 25.0),
    "fill_flush": (25.0, 25.0),
    "hot_coolant": (45.0, 36.5),
    "cool_down": (30.0, 25.0),
    "sign_off": (30.0, 25.0),
}


class Standing(NamedTuple):
    """What the crew sees of the plan."""

    stage: str
    step: int | None
    phase: str
    load: float | None
    open: tuple[str, ...]  # needs


@dataclass(slots=True)
class Crew:
    """One crew. `says_no`: needs that it answers with no; `patience`: seconds to answer in."""

    design: Design
    rack: Rack
    says_no: frozenset[str] = frozenset()
    patience: float = 480.0  # the coolant is warm by then
    idle: frozenset[str] = frozenset()  # stages in which it does nothing it is asked for
    since: float = 0.0
    seen: Standing | None = None
    answered: dict[str, int] = field(default_factory=dict)

    def settle(self, stage: str) -> None:
        """Begin a run in the middle of the plan: all is as the stages before would leave it."""
        plant = self.rack.plant
        stages = [each.id for each in self.design.spec.plan.stages] if self.design.spec.plan else []
        assert stages[0] == stage
        if stage == "inventory":
            return
        load = self._load(stage, 0)
        plant.load = load or 0.0
        if stage != "pressure_decay":
            self._prepare("fill_flush")
            plant.litres = 34.0
        self._prepare(stage)
        plant.advance(3600.0)

    def _load(self, stage: str, step: int | None) -> float | None:
        """Return the load that a stage of the plan asks for."""
        steps = stage_of(self.design, stage).steps
        if steps and steps.load and step is not None:
            return steps.load[step]
        return stage_of(self.design, stage).load

    def look(self, at: float, now: Standing) -> list[tuple[str, str]]:
        """See where the plan stands; return answers: need, yes or no."""
        if self.seen is None or now[:3] != self.seen[:3]:
            self.since = at
            if self.seen is None or now.stage != self.seen.stage:
                self.answered.clear()
        self.seen = now
        waited = at - self.since
        plant = self.rack.plant
        if now.phase and now.stage not in self.idle:
            self._prepare(now.stage, late=waited >= DRY_AFTER_S)
            if now.phase == "needs":
                self._put_back()
            if waited >= REACTION_S and now.load is not None:
                plant.load = now.load
            if waited >= HANDS_S and now.phase in {"breaking", "mending"}:
                self._break(now, back=now.phase == "mending")
        if waited < self.patience or not now.open:
            return []
        return [(need, self._answer(need)) for need in now.open]

    def _answer(self, need: str) -> str:
        """Return what the crew says of a need."""
        return "no" if need in self.says_no else "yes"

    def _prepare(self, stage: str, *, late: bool = False) -> None:
        """Set the bay up for a stage; to do it again changes nothing."""
        plant = self.rack.plant
        plant.supply_set, plant.primary_set = SET_POINTS.get(stage, TEMPERED)
        if stage == "inventory":
            plant.gas = late
            return
        if stage == "pressure_decay":
            plant.gas = True
            return
        if not plant.filled:
            plant.gas, plant.filled = False, True
            plant.pumps[:] = True
        if stage != "fill_flush" and not plant.feeds.any():
            plant.feeds[:] = True

    def _put_back(self) -> None:
        """Bring back what a stage took away that ended before its time."""
        plant = self.rack.plant
        plant.seated[:] = True
        plant.feeds[:] = plant.feeds.any()
        plant.pumps[:] = plant.pumps.any()

    def _break(self, now: Standing, *, back: bool) -> None:
        """Take away what a step of the plan takes away, or bring it back."""
        plant = self.rack.plant
        part = broken_part(stage_of(self.design, now.stage), now.step)
        assert part is not None
        device, _, piece = part.partition(".")
        if not piece:
            plant.feeds["AB".index(device[-1])] = back
        elif device == "cdu":
            plant.pumps[int(piece[-1]) - 1] = back
        else:
            plant.seated[int(device[-1]) - 1, int(piece[-1]) - 1] = back
