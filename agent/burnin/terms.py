"""What a rack is judged by at one moment of its plan: the spec's limits with a stage's laid over.

A moment is a stage, the step of it and the phase of that. From it alone, and the design, all limits
follow, so that whoever judges again later needs to be told no more.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.burnin.design import Design, SpecChannel
from agent.burnin.expand import devices, refuse
from agent.burnin.format import Override, Stage
from agent.burnin.limits import Rung
from agent.burnin.rows import Row, override_row

MOMENTS_MAX: Final = 256  # kept; the example's plan has 64
APART: Final = ("breaking", "broken", "mending")  # a part is out, or on its way out or back
CHANGED: Final = ("broken", "mended")  # what these count began with the change that led to them


class Moment(NamedTuple):
    """Where in a plan a run is."""

    stage: str
    step: int | None  # counted from 0; None where the stage has no steps
    phase: str  # needs, entry, dwell, breaking, broken, mending, mended or exit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """What C channels are judged by. Shapes: judged, affected bool[C]."""

    design: Design  # the same channels at the same places, their limits as they are now
    judged: NDArray[np.bool_]  # has a limit that decides, at this load, in this stage
    affected: NDArray[np.bool_]  # broken on purpose in this step
    load: float | None  # what the plan sets, 0..1
    changed: tuple[tuple[str, str], ...]  # row key, why: overrides in force


@lru_cache(maxsize=MOMENTS_MAX)
def terms(design: Design, moment: Moment) -> Terms:
    """Return what holds at a moment. Raises: KeyError where the plan has no such stage."""
    stage = stage_of(design, moment.stage)
    load = load_of(stage, moment.step)
    affected = affected_places(design, stage, moment.step if moment.phase in APART else None)
    broken = moment.phase == "broken"
    overrides = {} if moment.phase == "mended" else stage.overrides
    judged = np.zeros(len(design.channels), np.bool_)
    channels = []
    for place, channel in enumerate(design.channels):
        entry = overrides.get(channel.row.key)
        new = _laid_over(design, channel, entry, alone=False)
        counts = entry is None or not entry.skip
        if affected[place]:
            entry = stage.affected[channel.row.key]
            new = _laid_over(design, channel, entry, alone=True) if broken else new
            counts = broken and not entry.skip
        channels.append(new)
        judged[place] = counts and _decides(new.row) and asks_for(stage, channel, new.row, load)
    staged = Design.of(
        design.spec, design.roles, tuple(channels), design.measured, design.derivations
    )
    changed = tuple((key, entry.why or "") for key, entry in overrides.items())
    return Terms(design=staged, judged=judged, affected=affected, load=load, changed=changed)


def stage_of(design: Design, name: str) -> Stage:
    """Return a stage of the plan. Raises: KeyError where there is none of that name."""
    plan = design.spec.plan
    found = next((stage for stage in plan.stages if stage.id == name), None) if plan else None
    if found is None:
        raise KeyError(name)
    return found


def load_of(stage: Stage, step: int | None) -> float | None:
    """Return the load that the plan sets at a step."""
    if stage.steps is not None and stage.steps.load and step is not None:
        return stage.steps.load[step]
    return stage.load


def broken_part(stage: Stage, step: int | None) -> str | None:
    """Return the device or part that a step takes away: `feedA`, `power_shelf1.psu1`."""
    steps = stage.steps
    acts = None if steps is None else steps.lose or steps.pull or steps.stop
    return None if acts is None or step is None else acts[step]


def affected_places(design: Design, stage: Stage, step: int | None) -> NDArray[np.bool_]:
    """Return which channels show what a step takes away. Shapes: bool[C]."""
    part = broken_part(stage, step)
    found = np.zeros(len(design.channels), np.bool_)
    if part is None:
        return found
    gone = {part, *_fed_by(design, part)}
    for place, channel in enumerate(design.channels):
        if channel.row.key in stage.affected and channel.role:
            found[place] = channel.device in gone or f"{channel.device}.{channel.part}" == part
    return found


def _fed_by(design: Design, feed: str) -> list[str]:
    """Return the devices that lose their supply with a feed."""
    fed = []
    for name, role in design.spec.roles.items():
        numbers = (role.feed or {}).get(feed, range(0))
        fed += [each for n, each in enumerate(devices(name, role), 1) if n in numbers]
    return fed


def _laid_over(
    design: Design, channel: SpecChannel, entry: Override | None, *, alone: bool
) -> SpecChannel:
    """Return a channel with a stage's entry laid over it; the loader has checked that it fits."""
    if entry is None or entry.skip:
        return channel
    row = override_row(design.spec, channel.row, (channel.row.path, entry), refuse, alone=alone)
    return replace(channel, row=row, u=channel.u if entry.u is None else row.u)


def _decides(row: Row) -> bool:
    """Say whether a row has a limit that enters a verdict."""
    return any(row.rungs.limits[rung] is not None for rung in (Rung.FAIL, Rung.TRIP))


def asks_for(stage: Stage, channel: SpecChannel, row: Row, load: float | None) -> bool:
    """Say whether a stage asks for a channel, at its load."""
    named = stage.only is None or channel.role in stage.only or row.key in stage.only
    return named and (row.min_load is None or load is None or load >= row.min_load)
