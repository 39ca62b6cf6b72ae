"""The verdict on a run: the worst of the plan's stages, each by the attempts it took."""

from collections.abc import Mapping
from typing import Any, Final

from agent.burnin.design import Design
from agent.burnin.verdict import Reason, Verdict, combine

WAIVED: Final = "waived"  # the decision by which an attempt counts as passed
_WORDS: Final = {
    Verdict.PASS: "every stage of the plan is passed",
    Verdict.INCONCLUSIVE: "not decided",
    Verdict.ABORTED: "aborted",
    Verdict.FAIL: "failed",
}

Key = tuple[str, int]  # stage, attempt


def run_reason(
    design: Design,
    results: Mapping[Key, Reason],
    dispositions: Mapping[Key, Mapping[str, Any]],
    over: Mapping[str, Any] | None,
) -> Reason:
    """Return the verdict on a run, and why.

    A stage counts by its latest attempt. One that failed before is superseded only where somebody
    signed what became of it.
    """
    plan = design.spec.plan
    parts: list[Reason] = []
    for stage in plan.stages if plan else ():
        attempts = sorted(number for name, number in results if name == stage.id)
        if not attempts:
            text = "never attempted"
            parts.append(Reason(verdict=Verdict.INCONCLUSIVE, of=stage.id, text=text))
        for number in attempts:
            key = stage.id, number
            if number == attempts[-1]:
                parts.append(_latest(results[key], dispositions.get(key)))
            elif results[key].verdict is Verdict.FAIL and key not in dispositions:
                parts.append(results[key])
    if over is not None and over["outcome"] != "completed":
        text = over.get("reason") or f"the run was {over['outcome']}"
        parts.append(Reason(verdict=Verdict.ABORTED, of="run", text=text))
    verdict = combine(part.verdict for part in parts)
    return Reason(verdict=verdict, of="run", text=_sentence(verdict, parts), parts=tuple(parts))


def _latest(result: Reason, disposition: Mapping[str, Any] | None) -> Reason:
    """Return how a latest attempt counts: as it is, or as passed where it was waived."""
    if disposition is None or disposition["decision"] != WAIVED or not result.verdict:
        return result
    text = f"waived: {disposition['text']}; it was {result.verdict.name}: {result.text}"
    return Reason(verdict=Verdict.PASS, of=result.of, text=text, parts=(result,))


def _sentence(verdict: Verdict, parts: list[Reason]) -> str:
    """Say in one sentence what decided."""
    deciding = [part for part in parts if part.verdict is verdict]
    if verdict is Verdict.PASS or not deciding:
        return _WORDS[verdict]
    more = f" (and {len(deciding) - 1} more)" if deciding[1:] else ""
    return f"{_WORDS[verdict]}: {deciding[0].of}: {deciding[0].text}{more}"
