"""A rehearsal: one or many runs on simulated racks, in lockstep on a false clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.steady import BINS
from agent.burnin.terms import stage_of
from agent.burnin.verdict import Reason, Verdict
from agent.rehearsal.points import build, points
from agent.rehearsal.rig import Alert, Planned, Rig
from collectors.twin import breaking
from collectors.twin.faults import Fault
from collectors.twin.racks import Racks

SETTLE_S: Final = 3600.0  # before a plan that does not begin with a dry rack
LAG_S: Final = 0.5  # from a poll to the look at what it brought
CALM_S: Final = 30.0  # between two looks at a long soak; its samples are all taken in


class StageRehearsed(NamedTuple):
    """How one attempt of a stage went."""

    stage: str
    attempt: int
    outcome: str
    verdict: Verdict
    qualified_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What came of a rehearsal."""

    reason: Reason  # the verdict and why: a tree, down to channel, time, value and limit
    stages: tuple[StageRehearsed, ...]
    seconds: float  # simulated
    alerts: tuple[Alert, ...]  # that were shown live, in their order

    @property
    def verdict(self) -> Verdict:
        """Return the verdict on the run."""
        return self.reason.verdict

    @property
    def hours(self) -> float:
        """Return how long the run took on the simulated clock."""
        return self.seconds / 3600.0


def rehearse(
    design: Design,
    faults: Sequence[Fault | Planned] = (),
    seed: int = 1,
    on_event: Callable[[Event], None] | None = None,
) -> Rehearsed:
    """Take one simulated rack through the plan of a design; a bare fault counts from its begin.

    Raises: FaultError for a fault that does not fit the rack, KeyError for one in no stage of it.
    """
    racks = Racks(points(design), build(design), [seed])
    planned = [each if isinstance(each, Planned) else Planned(fault=each) for each in faults]
    for each in planned:
        breaking.plan(racks, each.fault)
        if each.stage is not None:
            stage_of(design, each.stage)
    rig = Rig(design, racks, 0, planned, calm_s=_calm_s(design), on_event=on_event)
    Rehearsal([rig]).go()
    return result(rig)


def _calm_s(design: Design) -> float:
    """Return how rarely a soak may be looked at, so that steadiness can be seen."""
    steady = design.spec.plan.steady if design.spec.plan else None
    return CALM_S if steady is None else min(CALM_S, steady.window / BINS)


class Rehearsal:
    """Runs of the same racks in lockstep. Made in a process without a network or a clock."""

    def __init__(self, rigs: Sequence[Rig]) -> None:
        self.rigs = rigs
        self._of = {rig.rack: rig for rig in rigs}
        self.at = 0.0  # run seconds
        racks = self._racks = rigs[0].racks
        for rig in rigs:
            rig.settle()
        if (racks.plant.filled | racks.plant.gas).any():
            racks.advance(SETTLE_S)
        self._began = racks.seconds
        self._steps = {group.interval for group in rigs[0].groups}
        for rig in rigs:
            rig.begin()
            rig.tick_at = LAG_S

    def go(self) -> None:
        """Take all runs to their ends."""
        while self.step():
            pass

    def step(self) -> bool:
        """Go on to the next poll or tick; say whether there was one, or all runs are judged."""
        on = [rig for rig in self.rigs if not rig.over]
        if not on:
            return False
        tick_at = min(rig.tick_at for rig in on)
        at = min(tick_at, *((self.at // step + 1) * step for step in self._steps))
        self.at = at
        if at == tick_at:
            for rig in on:
                if rig.tick_at <= at:
                    rig.tick(at)
        else:
            self._poll(on, at)
        return True

    def _poll(self, on: Sequence[Rig], at: float) -> None:
        """Ask the devices whose turn it is; the racks go on when one is to show anything new."""
        racks = self._racks
        now = self._began + at
        if now < racks.next and all(rig.rests(at) for rig in on):
            for rig in on:
                rig.ask(at)
            return
        racks.advance(now - racks.seconds)
        for happened in racks.happened():
            if happened.what == "reboot":
                self._of[happened.rack].rebooted(happened.device, at)
        racks.read()
        for rig in on:
            if not rig.rests(at):
                rig.look()
            rig.ask(at)


def result(rig: Rig) -> Rehearsed:
    """Return what came of a run that is over."""
    trial = rig.run.trial
    stages = []
    for event in rig.events:
        if event.kind is Kind.STAGE_OVER:
            data = event.data
            found = trial.result(data["stage"], data["attempt"])
            stages.append(
                StageRehearsed(
                    data["stage"],
                    data["attempt"],
                    data["outcome"],
                    found.verdict,
                    data["qualified_s"],
                    found.reason.text,
                )
            )
    return Rehearsed(
        reason=trial.reason(),
        stages=tuple(stages),
        seconds=rig.events[-1].at,
        alerts=tuple(rig.alerts),
    )
