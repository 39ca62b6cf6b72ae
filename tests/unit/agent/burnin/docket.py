"""What a test needs to hear a case: a plan with one stage, and slots said in few words."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.expand import expand
from agent.burnin.result import StageResult
from agent.burnin.spec import load_spec
from agent.burnin.trial import Trial

STAGE = "soak"
HEAD = """
spec: rackproof.spec/1
id: docket
revision: A
status: draft
title: one device and a plan of one stage
design: {{rack_power: 10 kW, coolant: PG25, flow: 100 lpm}}
decision: {{rule: {rule}}}
defaults: {{every: 1 s, hold: 0 s, budget: 0 s, gap: 0 s}}
roles:
  unit:
    count: 1
    channels:
{channels}
{derived}
plan:
  clock: qualified
  coverage: {{min: 99 %}}
  stages:
{stages}
"""
SOAK = "    - {id: soak, duration: 1 h, load: 100 %}"


@cache
def design(channels: str, rule: str = "guarded", derived: str = "", stages: str = SOAK) -> Design:
    """Return a design whose device `unit` has these channels, one a line."""
    lines = "\n".join(f"      {line}" for line in channels.strip().splitlines())
    below = ""
    if derived:
        below = "derived:\n" + "\n".join(f"  {line}" for line in derived.strip().splitlines())
    text = HEAD.format(channels=lines, rule=rule, derived=below, stages=stages)
    return expand(load_spec(text.encode(), "docket.yaml"))


class Case:
    """One trial whose stage begins at zero; samples are put by channel and time."""

    def __init__(self, of: Design, *, begun: bool = True) -> None:
        self.trial = Trial(of)
        self.design = of
        self.count = of.measured
        if begun:
            self.start(0.0)

    def tell(self, at: float, kind: Kind, **data: object) -> None:
        """Note an event."""
        self.trial.note(Event(at, kind, data))

    def start(self, at: float, stage: str = STAGE, attempt: int = 1) -> None:
        """Begin a stage, judged at once."""
        self.tell(at, Kind.STAGE_STARTED, stage=stage, attempt=attempt)
        self.phase(at, "dwell", stage=stage)

    def phase(
        self,
        at: float,
        phase: str,
        *,
        stage: str = STAGE,
        step: int | None = None,
        judging: str = "qualified",
    ) -> None:
        """Begin a phase."""
        self.tell(at, Kind.PHASE, stage=stage, attempt=1, step=step, phase=phase, load=1.0)
        self.window(at, judging)

    def window(self, at: float, judging: str) -> None:
        """Change what is judged."""
        self.tell(at, Kind.WINDOW, judging=judging, why=[])

    def over(
        self, at: float, outcome: str = "completed", *, stage: str = STAGE, complete: bool = True
    ) -> None:
        """End the stage."""
        self.tell(
            at,
            Kind.STAGE_OVER,
            stage=stage,
            attempt=1,
            outcome=outcome,
            complete=complete,
            qualified_s=0,
            text="",
        )

    def put(self, at: float, *values: float, good: bool | Sequence[bool] = True) -> None:
        """Take in one poll of all measured channels."""
        all_good = np.full(self.count, good, np.bool_)
        self.trial.put(slice(0, self.count), at, np.array(values, np.float64), all_good)

    def owe(self, polls: int) -> None:
        """Expect so many polls in a second."""
        for device in self.design.places:
            self.tell(0.0, Kind.BOUND, device=device, binding=0, interval_s=1 / polls, columns=[])

    def result(self, until: float = 1e4, *, over: float | None = None) -> StageResult:
        """End the stage and return its result."""
        self.over(until if over is None else over)
        self.trial.advance(until + 1)
        return self.trial.result(STAGE, 1)


@cache
def changed(of: Design, **knobs: Any) -> Design:  # noqa: ANN401 -- any knob of a row
    """Return a design whose channels have other knobs, such as a hold that no file may have."""
    channels = tuple(replace(c, row=replace(c.row, **knobs)) for c in of.channels)
    return Design.of(of.spec, of.roles, channels, of.measured, of.derivations)
