"""What happens when in a demo: a run, a fault in its soak, the verdict, its alert, the end.

Pure: told what was seen and the time, it says what to do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from agent.demo.alerts import Alert
from agent.demo.progress import Progress
from agent.twin.faults import Placed
from collectors.twin.faults import KINDS

SOAK: Final = "stage=soak at=90s"  # when things break, so that a healthy rack was seen before
HASTY: Final = {"sensor_drift": "size=-12"}  # where an hour is too short for the usual size
AT_ONCE: Final = frozenset({"miscabling"})  # what people see before the soak
LOOK_S: Final = 8.0  # at the end, before a demo leaves that nobody watches
ALERT_S: Final = 30.0  # until an alert that is owed must have come
PATIENCE: Final = 4.0  # times the plan's own time, before a demo that nobody watches gives up


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the person asked for."""

    fault: Placed | None = None
    seconds: float | None = None  # end after so long
    leave: bool = False  # end as soon as everything has been seen


@dataclass(slots=True, kw_only=True)
class Script:
    """The course of one demo. All times are a wall clock's, as a person has them."""

    wish: Wish
    started: float
    plan_s: float  # that the plan takes, if all goes well
    bays: Sequence[str]
    alerting: bool  # there is a Prometheus, so an alert is owed for a failure
    look_s: float = 0.0  # of the racks, from one look to the next: a fault is told before it shows
    fault_at: float | None = None
    over_at: float | None = None
    verdicts: Mapping[str, str] = field(default_factory=dict)
    told: frozenset[Alert] = frozenset()  # that fired before the fault, or are known already
    alerted_at: float | None = None

    def step(self, bays: Mapping[str, Progress], alerts: Sequence[Alert], now: float) -> bool:
        """Take in what was seen; say whether something has broken, once."""
        new = [alert for alert in alerts if alert not in self.told]
        if self.fault_at is not None and new and self.alerted_at is None:
            self.alerted_at = now
        there = [bays[bay] for bay in self.bays if bay in bays]
        if self.over_at is None and [each.sealed for each in there] == [True] * len(self.bays):
            self.over_at = now
            self.verdicts = {bay: each.verdict for bay, each in bays.items()}
        if self.fault_at is None and self._due(bays):
            self.fault_at = now
            return True
        return False

    def news(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Return the alerts that have not been told yet."""
        new = [alert for alert in alerts if alert not in self.told]
        self.told |= frozenset(new)
        return new

    def is_over(self, now: float) -> bool:
        """Say whether this is the end."""
        if self.wish.seconds is not None and now >= self.started + self.wish.seconds:
            return True
        if not self.wish.leave:
            return False
        if self.over_at is not None:
            waits = ALERT_S if self.alerting and "FAIL" in self.verdicts.values() else 0.0
            alerted = self.over_at + waits if self.alerted_at is None else self.alerted_at
            return now >= max(self.over_at, alerted) + LOOK_S
        return now >= self.started + PATIENCE * self.plan_s

    @property
    def all_seen(self) -> bool:
        """Say whether every verdict is what it should be, and a failure raised an alert."""
        if self.over_at is None:
            return False
        found = [self.verdicts[bay] for bay in self.bays]
        fault = self.wish.fault
        if fault is None:
            return set(found) == {"PASS"}
        broken = found.pop(fault.rack)
        owed = self.alerting and broken == "FAIL"
        expected = KINDS[fault.fault.kind].verdict.split(" or ")
        return (
            broken in expected
            and set(found) <= {"PASS"}
            and (self.alerted_at is not None or not owed)
        )

    def _due(self, bays: Mapping[str, Progress]) -> bool:
        """Say whether it has come to the stage, and the time in it, that the fault waits for."""
        fault = self.wish.fault
        now = bays.get(self.bays[fault.rack]) if fault else None
        if fault is None or now is None:
            return False
        if fault.stage is None:
            return True
        if now.over or now.passed_by(fault.stage):
            return True  # it ended a stage before anybody looked
        here = now.moment is not None and now.moment.stage == fault.stage
        return here and now.qualified_s + self.look_s >= fault.fault.onset_s


def timed(text: str) -> str:
    """Return what somebody wants broken, with the time at which a demo breaks it.

    >>> timed("leak zone=3"), timed("leak at=1h"), timed("miscabling")
    ('leak zone=3 stage=soak at=90s', 'leak at=1h', 'miscabling')
    """
    words = text.split()
    sizes = [size for kind, size in HASTY.items() if kind in words and "size=" not in text]
    told = any(word.startswith(("stage=", "at=")) for word in words)
    when = [] if told or AT_ONCE.intersection(words) else [SOAK]
    return " ".join([text, *sizes, *when])
