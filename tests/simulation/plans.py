"""Plans cut short: stages of a spec left out, or made to last less; all else is as it was."""

from collections.abc import Mapping

from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.format import Spec, Stage


def cut(spec: Spec, stages: Mapping[str, float | None]) -> Design:
    """Return the design with these stages alone, in their order, and so many seconds long.

    None leaves a stage its own time. In a stage with steps it is the time of each.
    """
    assert spec.plan is not None
    kept = [_lasting(stage, stages[stage.id]) for stage in spec.plan.stages if stage.id in stages]
    assert len(kept) == len(stages)
    plan = spec.plan.model_copy(update={"stages": kept})
    return expand(spec.model_copy(update={"plan": plan}))


def _lasting(stage: Stage, seconds: float | None) -> Stage:
    """Return a stage that lasts so long."""
    if seconds is None:
        return stage
    if stage.steps is None:
        return stage.model_copy(update={"duration": seconds})
    times = {"each": seconds, "restore": min(seconds, stage.steps.restore)}
    return stage.model_copy(update={"steps": stage.steps.model_copy(update=times)})
