"""The evidence of one attempt of a stage: what was judged by which rules, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from agent.burnin.acceptance import Acceptance
from agent.burnin.check import Check
from agent.burnin.design import Design
from agent.burnin.explain import channel_reason
from agent.burnin.result import Numbers, Placed, StageResult, gathered
from agent.burnin.rules import Rules
from agent.burnin.verdict import Reason, Verdict, combine

REASONS_MAX: Final = 200  # channels of a stage that are spoken of one by one
_ENDS: Final = {  # outcome -> the verdict that it has by itself: all was known, or not
    "completed": (Verdict.PASS, Verdict.PASS),
    "timed_out": (Verdict.FAIL, Verdict.INCONCLUSIVE),
    "not_shown": (Verdict.FAIL, Verdict.INCONCLUSIVE),
    "not_mended": (Verdict.FAIL, Verdict.INCONCLUSIVE),
    "tripped": (Verdict.FAIL, Verdict.FAIL),
    "refused": (Verdict.FAIL, Verdict.FAIL),
    "aborted": (Verdict.ABORTED, Verdict.ABORTED),
}
_BESIDE: Final = " (not required)"
_UNKNOWN: Final = (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)


@dataclass(slots=True)
class Evidence:
    """What is known of one attempt of a stage."""

    stage: str
    attempt: int
    parts: list[Acceptance] = field(default_factory=list)  # one for each group, once a phase began
    ends: list[Reason] = field(default_factory=list)  # what ended it, or what is against it
    over: bool = False
    checks: list[Check] = field(default_factory=list)  # of the dwell that goes on

    @property
    def name(self) -> str:
        """Return how the attempt is called in reasons."""
        return f"{self.stage}, attempt {self.attempt}"

    def begin(self, at: float, rules: Sequence[Rules], *, counts: bool, lasts: bool) -> None:
        """Go on under other rules; `counts`: in a phase that the stage is there for.

        `lasts`: for some time of its own, in which all that it asks for must be judged.
        """
        if not self.parts:
            self.parts = [Acceptance(each) for each in rules]
        for part, each in zip(self.parts, rules, strict=True):
            part.begin(each, at)
            if counts:
                part.expect(here=lasts)

    def end_checks(self) -> None:
        """Answer the checks of a dwell that is over."""
        self.ends += [check.reason() for check in self.checks]
        self.checks = []

    def tripped(self, at: float, data: Any) -> None:  # noqa: ANN401 -- JSON
        """Note a trip."""
        for trip in data["channels"]:
            value, limit = trip["value"], trip["limit"]
            if value is None:  # a state
                text = f"was not {limit}, which trips"
            else:
                text = f"was {value:.4g}, trip limit {limit:.4g}"
            self._against(Verdict.FAIL, str(trip["channel"]), text, at)

    def refused(self, need: str, at: float, why: str = "") -> None:
        """Note a need that was answered no; `why`: what the agent saw that said so."""
        text = f"{need} was answered no" + (f": {why}" if why else "")
        self._against(Verdict.FAIL, need, text, at)

    def end(self, at: float, data: Any) -> None:  # noqa: ANN401 -- JSON
        """Note how the attempt ended."""
        self.end_checks()
        self.over = True
        if data["outcome"] == "completed":  # else its last phase was cut short
            for part in self.parts:
                part.end_phase()
        known, unknown = _ENDS.get(data["outcome"], _UNKNOWN)
        verdict = known if data.get("complete") else unknown
        if verdict is not Verdict.PASS:
            text = data.get("text") or f"the stage {data['outcome'].replace('_', ' ')}"
            self._against(verdict, "end", text, at)

    def _against(self, verdict: Verdict, of: str, text: str, at: float) -> None:
        """Keep what speaks against the attempt."""
        self.ends.append(Reason(verdict=verdict, of=of, text=text, at=at))

    def result(self, design: Design, groups: Sequence[Placed]) -> StageResult:
        """Return what it proves by now."""
        for part in self.parts:
            part.settle()
        numbers = gathered(self.parts, groups, len(design.channels))
        ends = [*self.ends, *(check.reason() for check in self.checks)]
        if not self.over:
            text = "the stage is not over"
            ends.append(Reason(verdict=Verdict.INCONCLUSIVE, of="end", text=text))
        required = numbers.required
        counted = [reason.verdict for reason in ends]
        if required.any():
            counted.append(Verdict(int(numbers.verdicts[required].max())))
        verdict = combine(counted)
        parts = [*ends, *self._channels(groups, numbers)]
        if not counted:
            text = "no channel was judged"
            parts.append(Reason(verdict=verdict, of=self.stage, text=text))
        text = _sentence(verdict, parts, numbers)
        reason = Reason(verdict=verdict, of=self.name, text=text, parts=tuple(parts))
        return StageResult(verdict=verdict, reason=reason, **numbers.columns)

    def _channels(self, groups: Sequence[Placed], numbers: Numbers) -> list[Reason]:
        """Say why channels are not passed: those that count first, the worst first."""
        found: list[tuple[bool, int, Reason]] = []
        for part, group in zip(self.parts, groups, strict=False):
            wanted = numbers.expected[group.places] & (numbers.verdicts[group.places] > 0)
            for n in np.flatnonzero(wanted).tolist():
                place = int(group.places[n])
                verdict = Verdict(int(numbers.verdicts[place]))
                reason = channel_reason(part, n, verdict)
                found.append((not numbers.required[place], -verdict, reason))
        found.sort(key=lambda one: one[:2])
        reasons = [_beside(reason) if beside else reason for beside, _, reason in found]
        if len(reasons) > REASONS_MAX:
            text = f"{len(reasons) - REASONS_MAX} more channels are not passed"
            more = Reason(verdict=reasons[REASONS_MAX].verdict, of=self.stage, text=text)
            reasons[REASONS_MAX:] = [more]
        return reasons


def _beside(reason: Reason) -> Reason:
    """Mark what does not count."""
    return replace(reason, of=reason.of + _BESIDE)


def _sentence(verdict: Verdict, parts: Sequence[Reason], numbers: Numbers) -> str:
    """Say in one sentence what decided."""
    if verdict is Verdict.PASS:
        count = int(numbers.required.sum())
        return f"all {count} channels that count kept their limits"
    deciding = [r for r in parts if r.verdict is verdict and not r.of.endswith(_BESIDE)]
    more = f" (and {len(deciding) - 1} more)" if deciding[1:] else ""
    return f"{deciding[0].of}: {deciding[0].text}{more}"
