"""What a person wants to see first: per bay and device, is it there and how does it stand."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agent.exposition.runs import RunView

STATUS_NAMES: Final = {-1: "unknown", 0: "inside", 1: "warn", 2: "fail", 3: "trip"}
_WEIGHT: Final = {0: 0, 1: 1, -1: 2, 2: 3, 3: 4}  # what is not known outweighs what is near a limit


FINDINGS_MAX: Final = 12  # a bay at its worst shows what weighs most; the rest is on the dashboard


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """One device, as the start page shows it."""

    name: str
    profile: str
    up: bool
    worst: str  # "" where nothing is judged
    good: int
    channels: int
    last_success: float | None  # Unix time, None before the first answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One judged channel that is not inside its limits, or not known to be."""

    device: str
    channel: str
    status: str
    deviation: float | None  # None where unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class BayView:
    """One bay, as the start page shows it."""

    name: str
    rack: dict[str, str]
    run: RunView | None
    worst: str  # "" where nothing is judged
    counts: dict[str, int]  # judged channels by the name of their status, the weightiest first
    findings: tuple[Finding, ...]  # the weightiest first
    devices: tuple[DeviceView, ...]


def weight(status: int) -> int:
    """Return how much a status weighs beside others."""
    return _WEIGHT[status]


def worst(status: Iterable[int]) -> str:
    """Return the name of the weightiest status, or "" when there is none at all."""
    codes = set(status)
    return STATUS_NAMES[max(codes, key=weight)] if codes else ""
