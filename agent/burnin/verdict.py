"""Verdicts and their reasons: the worst of many decides, and nothing seen decides nothing.

Source: the lattice PASS < INCONCLUSIVE < ABORTED < FAIL; combining is the maximum.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class Verdict(enum.IntEnum):
    """What is proven of a channel, a stage or a run; in order of severity."""

    PASS = 0  # it kept its limits, in every world that fits the evidence
    INCONCLUSIVE = 1  # the evidence fits both
    ABORTED = 2  # ended before its end
    FAIL = 3  # it left its limits, in every world that fits the evidence


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst; of none INCONCLUSIVE, so that nothing seen never passes.

    >>> combine([Verdict.PASS, Verdict.FAIL]), combine([])
    (<Verdict.FAIL: 3>, <Verdict.INCONCLUSIVE: 1>)
    """
    return max(verdicts, default=Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a verdict is what it is: a tree, down to channel, time, value and limit."""

    verdict: Verdict
    of: str  # "run", "full_soak, attempt 1", "power_shelf1.psu_temp[psu3]"
    text: str  # one sentence for a person
    at: float | None = None  # run seconds
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    parts: tuple["Reason", ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        shown: dict[str, Any] = {"verdict": self.verdict.name, "of": self.of, "text": self.text}
        for key in ("at", "value", "limit"):
            if (number := getattr(self, key)) is not None:
                shown[key] = number
        if self.unit:
            shown["unit"] = self.unit
        if self.parts:
            shown["parts"] = [part.document for part in self.parts]
        return shown
