"""What happens in a run: the events that a verdict is a function of, beside the samples.

An event is decided once, when it happens, and kept for good: nobody works a window out again
later, or else deleting early samples could slide it past an excursion.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class Kind(enum.StrEnum):
    """What an event tells. Its data are JSON; docs/record.md lists their keys."""

    RUN_STARTED = "run_started"  # serial, bay, by, spec, software, clock
    BOUND = "bound"  # what the arrays of a device hold from now on
    STAGE_STARTED = "stage_started"  # stage, attempt
    NEEDS = "needs"  # stage, attempt, open: what must be answered before it goes on
    CHECKED = "checked"  # need, found ("yes", "no" or "unknown"), right, wrong, unknown, todo
    ANSWERED = "answered"  # need, answer ("yes" or "no"), by, note; deviation, where there is one
    PHASE = "phase"  # stage, attempt, step, phase, load: which limits hold from now on
    WINDOW = "window"  # judging ("none", "always" or "qualified"), why: what holds it back
    PAUSED = "paused"  # by, reason
    RESUMED = "resumed"  # by, reason
    TRIPPED = "tripped"  # stage, attempt, channels: each with value and limit
    STAGE_OVER = "stage_over"  # stage, attempt, outcome, complete, qualified, text
    STAGE_JUDGED = "stage_judged"  # stage, attempt, verdict, reason
    IDENTITY = "identity"  # device, was, now: it says that it is another one
    NOTIFIED = "notified"  # device, name, channels, count ...: it said so by itself; no evidence
    REBOOT = "reboot"  # device, why: its counters may have started anew
    GAP = "gap"  # start, end, why: nobody was listening
    CLOCK = "clock"  # state, offset, step: of the wall clock
    SEGMENT = "segment"  # file, sha256, bytes, start, end, samples
    DISPOSITION = "disposition"  # stage, attempt, decision, text, by, deviation, signature
    REPEAT = "repeat"  # stage, by, reason: one more attempt of a stage
    RUN_OVER = "run_over"  # outcome ("completed" or "aborted"), by, reason
    RUN_JUDGED = "run_judged"  # verdict, reason


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, `at` seconds into the run on the clock that never jumps."""

    at: float
    kind: Kind
    data: Mapping[str, Any]
