"""What one attempt of a stage proves: a verdict, its reasons, and numbers for every channel."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agent.burnin.acceptance import BEST, READ, WORST, Acceptance
from agent.burnin.design import Floats
from agent.burnin.rules import Bools, Counts
from agent.burnin.verdict import Reason, Verdict


class Placed(Protocol):
    """Channels that stand together. `places`: where in the design."""

    places: NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """What every channel showed. Shapes: [C], as in the design; NaN where nothing is known."""

    verdicts: NDArray[np.int8]  # INCONCLUSIVE where nothing was to be judged
    expected: Bools  # the stage was to judge it
    required: Bools  # and it counts in the stage's verdict
    judged: Counts  # slots
    complete: Counts  # of these, those that were completely known
    warned: Counts  # of these, those beyond warn
    excursions: Counts  # as read, without uncertainty
    longest_gap: Floats  # seconds
    total: Floats  # seconds outside the limits, as read
    allowed: Floats  # seconds outside that are tolerated in total
    margin: Floats  # from the nearest limit, in uncertainties; NaN where there is none
    at: Floats  # run seconds of that
    value: Floats
    limit: Floats
    minimum: Floats
    mean: Floats
    maximum: Floats

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the numbers by their names."""
        return {field.name: getattr(self, field.name) for field in fields(Numbers)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StageResult(Numbers):
    """What one attempt of a stage proves."""

    verdict: Verdict
    reason: Reason


def gathered(parts: Sequence[Acceptance], groups: Sequence[Placed], channels: int) -> Numbers:
    """Return the numbers of all groups, in the order of the design."""
    types = {"verdicts": np.int8, "expected": np.bool_, "required": np.bool_}
    types |= dict.fromkeys(("judged", "complete", "warned", "excursions"), np.int64)
    columns: dict[str, NDArray[Any]] = {}
    for field in fields(Numbers):
        kind = types.get(field.name, np.float64)
        columns[field.name] = np.full(channels, np.nan if kind is np.float64 else 0, kind)
    columns["verdicts"][:] = Verdict.INCONCLUSIVE
    for part, group in zip(parts, groups, strict=False):
        for name, column in _numbers(part).columns.items():
            columns[name][group.places] = column
    return Numbers(**columns)


def _numbers(part: Acceptance) -> Numbers:
    """Return the numbers of one group."""
    refused, every = part.refused(), part.rules.every
    verdicts = np.full(len(part.judged), Verdict.INCONCLUSIVE, np.int8)
    verdicts[~refused[WORST]] = Verdict.PASS
    verdicts[part.unjudged] = Verdict.INCONCLUSIVE
    verdicts[refused[BEST]] = Verdict.FAIL
    near = np.isfinite(part.nearest)
    return Numbers(
        verdicts=verdicts,
        expected=part.expected,
        required=part.required,
        judged=part.judged,
        complete=part.complete,
        warned=part.warned,
        excursions=part.excursions,
        longest_gap=part.longest_gap.astype(np.float64) * every,
        total=part.total[READ].astype(np.float64) * every,
        allowed=part.allowed * every,
        margin=np.where(near & (part.u > 0), part.nearest - 1.0, np.nan),
        at=part.at,
        value=part.value,
        limit=part.limit,
        minimum=part.minimum,
        mean=part.sum / np.where(part.complete, part.complete, np.nan),
        maximum=part.maximum,
    )
