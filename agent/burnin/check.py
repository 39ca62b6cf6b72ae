"""Checks of a stage: conditions that its dwell must meet at its end, on complete data only.

A check that looks back over a time is refused an answer where anything in that time is missing: a
fall or a slope is not monotone, so a lost reading could otherwise turn it into a pass.
"""

import numpy as np

from agent.burnin.computed import Latest
from agent.burnin.conditions import Condition
from agent.burnin.design import Design
from agent.burnin.verdict import Reason, Verdict
from agent.burnin.window import Window


class Check:
    """One check while its dwell goes on. `design`: with the limits that hold in it."""

    def __init__(self, name: str, condition: Condition, design: Design) -> None:
        self.name = name
        self._condition = condition
        self._design = design
        self._memory = [Window(seconds) for seconds in condition.windows]
        reads = condition.places or (condition.formula.reads if condition.formula else ())
        self._reads = np.array(sorted(reads), np.intp)
        self._lost = -np.inf  # when something was last not known
        self._inside: bool | None = None
        self._value: float | None = None

    def look(self, latest: Latest, now: float) -> None:
        """Take in what the slots say that were closed last."""
        inputs, formula = latest.inputs, self._condition.formula
        known = bool(np.isfinite(inputs.values[self._reads].sum()))
        if not known:
            self._lost = now
        self._value, self._inside = None, None
        if formula is None:
            if known:
                self._inside = self._all_inside(latest)
            return
        inputs.memory, inputs.now = self._memory, now
        value = float(formula.evaluate(inputs))
        span = max(self._condition.windows, default=0.0)
        if known and now - self._lost >= span and np.isfinite(value):
            unit, bounds = self._condition.scale.unit, self._condition.bounds
            self._value = (value - unit.zero) / unit.factor
            self._inside = bounds.low <= self._value <= bounds.high

    def _all_inside(self, latest: Latest) -> bool | None:
        """Say whether every channel is inside; None where a state cannot be told apart."""
        values, bounds = latest.values(self._reads), self._condition.bounds
        if bounds.names is None:
            return bool(((values >= bounds.low) & (values <= bounds.high)).all())
        for place, value in zip(self._reads, values, strict=True):
            states = self._design.channels[place].states
            if bounds.names not in states:
                return None
            if value > states.index(bounds.names):
                return False
        return True

    def reason(self) -> Reason:
        """Return what the check says of the dwell that ends now."""
        verdict = {None: Verdict.INCONCLUSIVE, True: Verdict.PASS, False: Verdict.FAIL}
        condition, text = self._condition, "not known: readings of the time it looks at are missing"
        if self._inside is not None:
            text = f"{'is' if self._inside else 'is not'} so at the end of the dwell"
        if self._value is not None:
            text += f": {self._value:.4g} {condition.scale.unit.symbol}".rstrip()
        return Reason(
            verdict=verdict[self._inside],
            of=f"check {self.name}",
            text=f"{condition.text}: {text}",
            value=self._value,
            unit=condition.scale.unit.symbol,
        )
