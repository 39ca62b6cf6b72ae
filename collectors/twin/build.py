"""What a simulated rack was built for: its power, its coolant, and how many there are of each part.

The figures are representative of a rack of 132 kW; another size scales with its power and flow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from collectors.twin.point import Point, parts_of, roles_of

RACK_KW: Final = 132.0  # what the other defaults belong to
FLOW_LPM: Final = 172.5
BREAKER_A: Final = 250.0
PSU_ROWS: Final = ("psu_ok", "psu_temp", "psu_share", "psu_faults", "ac_outages", "fan_speed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What one rack and its bay were built for."""

    rack_kw: float = RACK_KW  # at the feeds, at full load
    liquid_share: float = 0.925  # of the direct current, as built; the design asks for less
    flow_lpm: float = FLOW_LPM
    rack_dp_kpa: float = 110.0  # at that flow
    supply_degc: float = 40.0
    feed_volts: float = 240.0  # line to neutral
    feed_hz: float = 50.0
    feed_breaker_a: float = BREAKER_A
    bus_volts: float = 50.0
    shelf_kw: float = 33.0  # that one shelf can give
    shelves: int = 8
    psus: int = 6  # in each shelf, two on each phase
    feeds: int = 2  # the first half of the shelves hangs on the first
    pumps: int = 2
    ramp_kw_s: float = 2.0  # jobs start and end tray by tray

    @classmethod
    def of(cls, points: Sequence[Point], **figures: Any) -> Self:  # noqa: ANN401 -- any field
        """Return the build that shows these points; `figures` are the fields that are known."""
        kw = figures.get("rack_kw", RACK_KW)
        size = kw / RACK_KW
        roles, parts = roles_of(points), parts_of(points)
        shelves = len(roles.get("power_shelf", ())) or max(2, 2 * round(4 * size))
        psus = max((len(parts.get(f"power_shelf.{row}", ())) for row in PSU_ROWS), default=0)
        scaled: dict[str, Any] = {
            "flow_lpm": FLOW_LPM * size,
            "feed_breaker_a": BREAKER_A * size,
            "shelf_kw": 2 * kw / shelves,
            "shelves": shelves,
            "psus": psus or 6,
            "feeds": len(roles.get("feed_meter", ())) or 2,
            "pumps": len(parts.get("cdu.pump_ok", ())) or 2,
        }
        return cls(**scaled | figures)

    @property
    def size(self) -> float:
        """Return how much bigger it is than the rack whose figures are given."""
        return self.rack_kw / RACK_KW
