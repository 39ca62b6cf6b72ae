"""What happens when in a demo: live, a healthy baseline, the fault, its alert, the end.

Pure: told what was seen and the time, it says what to do.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from agent.demo.alerts import Alert
from agent.demo.snapshot import INSIDE, Snapshot

LIVE_SECONDS: Final = 60.0  # until then most channels must be known
BASELINE_SECONDS: Final = 10.0  # of a healthy bay before the fault, so that the change is seen
FAULT_SECONDS: Final = 120.0  # until then the fault must show; the slowest alert waits 1 min
AFTER_SECONDS: Final = 6.0  # to look at the alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the person asked for."""

    fault: str | None = None
    seconds: float | None = None  # end after so long
    leave: bool = False  # end as soon as everything has been seen


class Cue(enum.Enum):
    """What is to be done now."""

    LIVE = enum.auto()  # say that the bay is live
    BREAK = enum.auto()  # raise the fault


@dataclass(slots=True, kw_only=True)
class Script:
    """The course of one demo."""

    wish: Wish
    started: float
    known_share: float  # of the judged channels, from which on the bay counts as live
    alerting: bool  # there is a Prometheus, so an alert is owed
    live_at: float | None = None
    fault_at: float | None = None
    alert_at: float | None = None
    changed: bool = False  # the fault has moved a channel that was inside
    healthy: Snapshot = field(default_factory=Snapshot)
    old_alerts: frozenset[Alert] = frozenset()  # told already, or not the fault's doing

    def step(self, seen: Snapshot, alerts: Sequence[Alert], now: float) -> Cue | None:
        """Take in what was seen; return what to do."""
        if self.live_at is None:
            if seen.known_share < self.known_share:
                return None
            self.live_at = now
            return Cue.LIVE
        if self.fault_at is not None:
            self.changed = self.changed or any(
                status != INSIDE and self.healthy.status.get(place) == INSIDE
                for place, status in seen.status.items()
            )
            if self.alert_at is None and not self.old_alerts.issuperset(alerts):
                self.alert_at = now
        elif self.wish.fault and now >= self.live_at + BASELINE_SECONDS:
            self.fault_at, self.healthy = now, seen
            self.old_alerts = frozenset(alerts)
            return Cue.BREAK
        return None

    def news(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Return the alerts that have not been told yet, once the fault is there."""
        if self.fault_at is None:
            return []
        new = [alert for alert in alerts if alert not in self.old_alerts]
        self.old_alerts |= frozenset(new)
        return new

    def is_over(self, now: float) -> bool:
        """Say whether this is the end."""
        if self.wish.seconds is not None and now >= self.started + self.wish.seconds:
            return True
        return self.wish.leave and (self._satisfied(now) or now >= self._deadline())

    def _satisfied(self, now: float) -> bool:
        """Say whether everything that was asked for has been seen long enough."""
        if self.live_at is None:
            return False
        if not self.wish.fault:
            return now >= self.live_at + BASELINE_SECONDS
        if not self.alerting:
            return self.changed
        return self.alert_at is not None and now >= self.alert_at + AFTER_SECONDS

    def _deadline(self) -> float:
        """Return when waiting has no more sense."""
        if self.live_at is None:
            return self.started + LIVE_SECONDS
        return self.live_at + BASELINE_SECONDS + FAULT_SECONDS

    @property
    def all_seen(self) -> bool:
        """Say whether live metrics were seen and, of a fault, the change and the alert."""
        if self.live_at is None:
            return False
        alerted = self.alert_at is not None or not self.alerting
        return not self.wish.fault or (self.changed and alerted)
