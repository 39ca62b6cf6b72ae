"""Evidence judged again: under the spec that a rack was judged by, or under another one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agent.burnin.block import Block
from agent.burnin.design import Design
from agent.burnin.event import Event
from agent.burnin.expand import expand
from agent.burnin.rerun import rerun
from agent.burnin.spec import load_spec
from agent.burnin.verdict import Reason, Verdict
from agent.record.manifest import SPEC


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt of a stage proves. `channels`: those of which it judged anything."""

    verdict: str
    reason: Reason
    channels: Mapping[str, str]  # "rack.flow" -> verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a run proves."""

    verdict: str
    reason: Reason
    attempts: Mapping[tuple[str, int], Attempt]  # stage, attempt


def judged(design: Design, events: Sequence[Event], blocks: Iterable[Block]) -> Judgement:
    """Judge a run by its events and samples."""
    trial = rerun(design, events, blocks)
    names = [f"{channel.device}.{channel.name}" for channel in design.channels]
    attempts = {}
    for key in trial.attempts:
        result = trial.result(*key)
        seen = (result.judged > 0) | (result.verdicts != Verdict.INCONCLUSIVE)
        channels = {names[n]: Verdict(result.verdicts[n]).name for n in np.flatnonzero(seen)}
        attempts[key] = Attempt(result.verdict.name, result.reason, channels)
    reason = trial.reason()
    return Judgement(reason.verdict.name, reason, attempts)


def rejudged(spec: bytes, events: Sequence[Event], blocks: Iterable[Block]) -> Judgement:
    """Judge a run by the spec in its record."""
    return judged(expand(load_spec(spec, SPEC)), events, blocks)
