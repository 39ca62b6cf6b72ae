"""Every metric family that speaks of devices and racks: its name, its type and one line of help.

>>> family(Quantity.ENERGY, Kind.COUNTER).name, family(Quantity.FLOW, Kind.GAUGE).name
('rackproof_energy_joules_total', 'rackproof_flow_liters_per_second')
>>> print(UP.header(openmetrics=False).decode(), end="")
# HELP rackproof_device_up 1 if the last poll of the device was answered, 0 if not.
# TYPE rackproof_device_up gauge
"""

from dataclasses import dataclass
from typing import Final

from collectors.quantity import Quantity
from collectors.readings import Kind

PREFIX: Final = "rackproof_"
_TOTAL: Final = "_total"
_COUNTED: Final = frozenset({Quantity.ENERGY, Quantity.COUNT})  # counters by their nature
_UNUSUAL: Final = {Kind.COUNTER: "accumulated", Kind.GAUGE: "present"}


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family; `name` is how its samples are called."""

    name: str
    help: str
    type: str = "gauge"
    unit: str = ""

    def header(self, *, openmetrics: bool) -> bytes:
        """Return the comment lines above its samples; OpenMetrics takes `_total` off the name."""
        name = self.name
        if openmetrics and self.type == "counter":
            name = name.removesuffix(_TOTAL)
        lines = [f"# HELP {name} {self.help}", f"# TYPE {name} {self.type}"]
        if openmetrics and self.unit:
            lines.append(f"# UNIT {name} {self.unit}")
        return ("\n".join(lines) + "\n").encode()


def _reading(quantity: Quantity, kind: Kind) -> Family:
    """Name the family of a quantity: `rackproof_<quantity>_<base unit>`, counters `_total`.

    A gauge of what is otherwise counted, or the reverse, says so in its name, because OpenMetrics
    forbids a gauge `x` beside a counter `x_total`.
    """
    natural = Kind.COUNTER if quantity in _COUNTED else Kind.GAUGE
    words = [PREFIX + quantity.label]
    if kind is not natural:
        words.append(_UNUSUAL[kind])
    if quantity.suffix:
        words.append(quantity.suffix)
    what = quantity.label.replace("_", " ").capitalize()
    text = {"": what, "ratio": f"{what} as a ratio"}.get(
        quantity.suffix, f"{what} in {quantity.suffix.replace('_', ' ')}"
    )
    if kind is Kind.COUNTER:
        text += ", counted up since the device was reset"
        return Family("_".join(words) + _TOTAL, f"{text}.", "counter", quantity.suffix)
    return Family("_".join(words), f"{text}.", "gauge", quantity.suffix)


STATE: Final = Family(
    PREFIX + "state", "State as the device numbers it; the name is in rackproof_state_info."
)
_READINGS: Final = {
    (quantity, kind): STATE if quantity.is_state else _reading(quantity, kind)
    for quantity in Quantity
    for kind in Kind
}
STATE_INFO: Final = Family(PREFIX + "state_info", "1 for the present state's name.")
STATUS: Final = Family(
    PREFIX + "channel_status",
    "Judgement of a channel that has a limit: -1 unknown, 0 inside, 1 warn, 2 fail, 3 trip.",
)
DEVIATION: Final = Family(
    PREFIX + "deviation_ratio",
    "Where a channel stands: 0 at nominal or mid-band, -1 and 1 at its fail limits.",
    unit="ratio",
)
UP: Final = Family(PREFIX + "device_up", "1 if the last poll of the device was answered, 0 if not.")
DEVICE_INFO: Final = Family(PREFIX + "device_info", "What a device says it is; always 1.")
LAST_SUCCESS: Final = Family(
    PREFIX + "device_last_success_timestamp_seconds",
    "Unix time of the device's last answer.",
    unit="seconds",
)
POLL_SECONDS: Final = Family(
    PREFIX + "device_poll_seconds", "How long the last poll of the device took.", unit="seconds"
)
POLLS: Final = Family(
    PREFIX + "device_polls_total", "Polls of the device by how they ended.", "counter"
)
RACK_INFO: Final = Family(
    PREFIX + "rack_info", "Which rack is in the bay, and by which spec it is judged; always 1."
)
RUN_VERDICT: Final = Family(
    PREFIX + "run_verdict",
    "1 for how the run in the bay stands, or how the last one ended, 0 for the other verdicts.",
)
RUN_STAGE_INFO: Final = Family(
    PREFIX + "run_stage_info", "Which stage of its plan the run in the bay is in; always 1."
)
RUN_JUDGING: Final = Family(
    PREFIX + "run_judging",
    "1 for what is judged now: none, always (channels that always apply) or qualified (all).",
)
RUN_QUALIFIED: Final = Family(
    PREFIX + "run_qualified_seconds",
    "Time of the present stage that counts: load, steadiness and entry conditions held.",
    unit="seconds",
)
RUN_REQUIRED: Final = Family(
    PREFIX + "run_required_seconds", "Qualified time that the stage asks for.", unit="seconds"
)
RUN_COVERAGE: Final = Family(
    PREFIX + "run_coverage_ratio",
    "Judged time that was seen completely, of the required channel that was seen least.",
    unit="ratio",
)
RUN_COVERAGE_MIN: Final = Family(
    PREFIX + "run_coverage_required_ratio", "Coverage that the spec asks for.", unit="ratio"
)
RUN_HELD: Final = Family(
    PREFIX + "run_held", "1 while the run waits for a person: an answer, or a decision."
)
CABLES: Final = Family(
    PREFIX + "cabling_cables", "Cables of the bay, by what was found when they were looked at."
)
SERIES_DROPPED: Final = Family(
    PREFIX + "agent_series_dropped_total",
    "Channels of the device that are not exported, being beyond the series limit.",
    "counter",
)

FAMILIES: Final = (
    *dict.fromkeys(_READINGS.values()),
    STATE_INFO,
    STATUS,
    DEVIATION,
    UP,
    DEVICE_INFO,
    LAST_SUCCESS,
    POLL_SECONDS,
    POLLS,
    RACK_INFO,
    RUN_VERDICT,
    RUN_STAGE_INFO,
    RUN_JUDGING,
    RUN_QUALIFIED,
    RUN_REQUIRED,
    RUN_COVERAGE,
    RUN_COVERAGE_MIN,
    RUN_HELD,
    CABLES,
    SERIES_DROPPED,
)


def family(quantity: Quantity, kind: Kind) -> Family:
    """Return the family in which a channel of this quantity and kind is exported."""
    return _READINGS[quantity, kind]
