"""What the agent exports about one bay, read from its metrics page as any scraper reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from agent.exposition.names import DEVIATION, STATE_INFO, STATUS, family
from collectors.quantity import Quantity
from collectors.readings import Kind

Place = tuple[str, str]  # device and channel

UNKNOWN, INSIDE, WARN, FAIL, TRIP = -1, 0, 1, 2, 3
BASE: Final = {
    family(quantity, Kind.GAUGE).name: quantity for quantity in Quantity if not quantity.is_state
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One value, in the canonical unit of its quantity."""

    value: float
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One scrape: what is judged, and what was read."""

    status: Mapping[Place, int] = field(default_factory=dict)
    readings: Mapping[Place, Reading] = field(default_factory=dict)
    states: Mapping[Place, str] = field(default_factory=dict)
    deviation: Mapping[Place, float] = field(default_factory=dict)

    def is_held(self, place: Place) -> bool:
        """Say whether a channel is beyond its fail limit, but not yet for as long as `hold`."""
        return self.status[place] in (INSIDE, WARN) and abs(self.deviation.get(place, 0.0)) > 1.0


def read(page: str) -> Snapshot:
    """Read a metrics page in the Prometheus text format. Raises: ValueError where it is not."""
    status: dict[Place, int] = {}
    readings: dict[Place, Reading] = {}
    states: dict[Place, str] = {}
    deviation: dict[Place, float] = {}
    for group in text_string_to_metric_families(page):
        for sample in group.samples:
            place = (sample.labels.get("device", ""), sample.labels.get("channel", ""))
            if sample.name == STATUS.name:
                status[place] = int(sample.value)
            elif sample.name == STATE_INFO.name:
                states[place] = sample.labels.get("state", "")
            elif sample.name == DEVIATION.name:
                deviation[place] = sample.value
            elif quantity := BASE.get(sample.name):
                readings[place] = Reading(sample.value / quantity.base_factor, quantity)
    return Snapshot(status, readings, states, deviation)
