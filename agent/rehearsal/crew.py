"""The people at a bay: they do what the plan asks for, a few seconds after it asks.

What they do depends on where the plan stands and for how long, so that a run repeats exactly. The
same crew serves a run in one process and one that a daemon keeps: it is told where the plan
stands, and sets what people set at the bay of one rack.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from agent.burnin.design import Design
from agent.burnin.terms import Moment, load_of, stage_of, terms

REACTION_S: Final = 1.0  # from a new load on the screen to the load tool
HANDS_S: Final = 4.0  # from an announcement to the breaker, the supply or the pump
DRY_AFTER_S: Final = 300.0  # of a stage before a pressure test, until its couplings are closed
COOLER_K: Final = 10.0  # the primary water, than the coolant that it must cool
COLD_DEGC: Final = 25.0  # of a loop that nobody has tempered yet
TEMPER_K_S: Final = 0.05  # as fast as a set point is moved: a valve has to follow it
SUPPLY: Final = ("cdu.supply_temp", "rack.supply_temp")  # rows whose nominal value is set
LOOP: Final = ("cdu", "rack.flow", "rack.supply_temp")  # what only a filled loop can show
PRESSURE: Final = "rack.pressure"


class Settings(Protocol):
    """What people set, of R racks. Shapes: [R]; feeds [R, F], pumps [R, P], seated [R, S, U]."""

    load: NDArray[np.float64]
    supply_set: NDArray[np.float64]
    primary_set: NDArray[np.float64]
    gas: NDArray[np.bool_]
    filled: NDArray[np.bool_]
    feeds: NDArray[np.bool_]
    pumps: NDArray[np.bool_]
    seated: NDArray[np.bool_]


class Setup(NamedTuple):
    """How a bay is set up for one stage of a plan."""

    supply: float  # degC
    gas: bool = False  # under test gas instead of coolant
    gas_later: bool = False  # the same, once the couplings are closed
    filled: bool = True
    powered: bool = True


class Standing(NamedTuple):
    """What the crew sees of the plan."""

    stage: str
    step: int | None
    phase: str
    load: float | None
    part: str | None  # that this step takes away: "feedA", "power_shelf1.psu1"
    open: tuple[str, ...]  # needs


@dataclass(slots=True)
class Crew:
    """One crew, at the bay of rack `rack`. `says_no`: needs that it answers with no."""

    setups: Mapping[str, Setup]  # stage -> how it sets up the bay
    feeds: Sequence[str]  # names, in the order of `settings.feeds`
    settings: Settings
    rack: int = 0
    says_no: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()  # stages in which it does nothing it is asked for
    patience: float = 480.0  # seconds to answer in; the coolant is warm by then
    since: float = 0.0
    looked: float = 0.0
    seen: Standing | None = None

    def settle(self, stage: str, load: float | None) -> None:
        """Set all up as a run has it that comes to a stage from those before it."""
        setup = self.setups[stage]
        if setup.filled or setup.gas:
            self._prepare(setup, late=True)
            self._temper(setup.supply, np.inf)
        self.settings.load[self.rack] = load or 0.0

    def look(self, at: float, now: Standing) -> list[tuple[str, str]]:
        """See where the plan stands; return answers: need, yes or no."""
        new = self.seen is None or now.stage != self.seen.stage
        if self.seen is None or now[:3] != self.seen[:3]:
            self.since = at
        self.seen = now
        waited, passed, self.looked = at - self.since, at - self.looked, at
        if now.phase and now.stage not in self.idle:
            self._prepare(self.setups[now.stage], late=waited >= DRY_AFTER_S)
            self._temper(self.setups[now.stage].supply, TEMPER_K_S * passed)
            if new or now.phase == "needs":  # a stage's first phase is short, and easily missed
                self._put_back()
            if waited >= REACTION_S and now.load is not None:
                self.settings.load[self.rack] = now.load
            if waited >= HANDS_S and now.phase in {"breaking", "mending"} and now.part:
                self._set(now.part, there=now.phase == "mending")
        if waited < self.patience:
            return []
        return [(need, "no" if need in self.says_no else "yes") for need in now.open]

    def _prepare(self, setup: Setup, *, late: bool) -> None:
        """Set the bay up for a stage; to do it again changes nothing."""
        bay, rack = self.settings, self.rack
        bay.gas[rack] = setup.gas or (setup.gas_later and late)
        if setup.filled and not bay.filled[rack]:
            bay.filled[rack] = True
            bay.pumps[rack] = True
        if setup.powered and not bay.feeds[rack].any():
            bay.feeds[rack] = True

    def _temper(self, degc: float, change: float) -> None:
        """Move the set points of coolant and primary water towards where they should be."""
        bay, rack = self.settings, self.rack
        now = bay.supply_set[rack]
        bay.supply_set[rack] = now + min(max(degc - now, -change), change)
        bay.primary_set[rack] = bay.supply_set[rack] - COOLER_K

    def _put_back(self) -> None:
        """Bring back what a stage took away that ended before its time."""
        bay, rack = self.settings, self.rack
        bay.seated[rack] = True
        bay.feeds[rack] = bay.feeds[rack].any()
        bay.pumps[rack] = bay.pumps[rack].any()

    def _set(self, part: str, *, there: bool) -> None:
        """Take away what a step of the plan takes away, or bring it back."""
        bay, rack = self.settings, self.rack
        device, _, piece = part.partition(".")
        if not piece:
            bay.feeds[rack, self.feeds.index(device)] = there
        elif piece.startswith("pump"):
            bay.pumps[rack, _number(piece) - 1] = there
        else:
            bay.seated[rack, _number(device) - 1, _number(piece) - 1] = there


def setups(design: Design) -> dict[str, Setup]:
    """Return how a bay is set up for each stage: from what the stage judges, and at which load.

    A loop is dry until a stage asks for what only coolant shows; a dry stage that judges the
    pressure is a gas test. What is filled and powered stays so.
    """
    plan = design.spec.plan
    assert plan is not None
    found: dict[str, Setup] = {}
    filled = powered = False
    for stage in plan.stages:
        moment = Moment(stage.id, None if stage.steps is None else 0, "dwell")
        held = terms(design, moment)
        rows = {design.channels[place].row.key for place in np.flatnonzero(held.judged)}
        load = load_of(stage, moment.step)
        powered = powered or bool(load)
        filled = filled or powered or any(row.startswith(LOOP) for row in rows)
        supply = _nominal(design, held.design) if filled else COLD_DEGC
        gas = not filled and PRESSURE in rows
        found[stage.id] = Setup(supply, gas=gas, filled=filled, powered=powered)
    for before, after in pairwise(found):
        found[before] = found[before]._replace(gas_later=found[after].gas)
    return found


def feeds_of(design: Design) -> list[str]:
    """Return the feeds that shelves hang on, in their order."""
    fed = [role.feed or {} for role in design.spec.roles.values()]
    return list(dict.fromkeys(name for feeds in fed for name in feeds))


def first_load(design: Design, stage: str) -> float | None:
    """Return the load that a stage begins with."""
    there = stage_of(design, stage)
    return load_of(there, None if there.steps is None else 0)


def _nominal(design: Design, held: Design) -> float:
    """Return the set point of a stage: what it overrides goes before what always holds."""
    found = [
        (after.row.rungs.nominal != before.row.rungs.nominal, after.row.rungs.nominal)
        for before, after in zip(design.channels, held.channels, strict=True)
        if after.row.key in SUPPLY and after.row.rungs.nominal is not None
    ]
    return max(found, key=itemgetter(0), default=(False, COLD_DEGC))[1]


def _number(name: str) -> int:
    """Return the number that a name ends with."""
    digits = name[len(name.rstrip("0123456789")) :]
    assert digits, f"{name} has no number"
    return int(digits)
