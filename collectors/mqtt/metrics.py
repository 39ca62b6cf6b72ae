"""What a profile calls the metrics of a Sparkplug device, and how their values are read.

A metric is told by its name alone; in a profile, `psu_temp/psu{n}` stands for any number there.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from collectors.mqtt.decode import Decoder
from collectors.mqtt.dsx import word
from collectors.mqtt.mapping import LEAK_STATES, MqttProfile, SparkplugMetric, measures
from collectors.mqtt.sparkplug import Metric, why_not_read
from collectors.quantity import Quantity
from collectors.readings import Channel, Kind

NUMBER: Final = "n"  # the name in braces that stands for digits; others stand for one level


class Named(NamedTuple):
    """A metric that a profile knows."""

    channel: Channel
    decoder: Decoder
    units: Mapping[str, str]  # the device's word for a unit -> ours


class Naming:
    """What a profile calls metrics."""

    def __init__(self, mqtt: MqttProfile) -> None:
        self._metrics = [(_pattern(name), meaning) for name, meaning in mqtt.metrics.items()]

    def name(self, name: str, metric: Metric) -> Named | str:
        """Return what a metric of a birth is here, or why it is not read."""
        for pattern, meaning in self._metrics:
            if found := pattern.fullmatch(name):
                if why := why_not_read(metric.datatype):
                    return why
                return _named(name, metric, meaning, found.groupdict())
        return "is not in the profile"


def _named(
    name: str, metric: Metric, meaning: SparkplugMetric, words: dict[str, str]
) -> Named | str:
    """Return the channel of a metric and what reads it, or why its unit does not allow that."""
    unit = meaning.unit if metric.unit is None else meaning.units.get(metric.unit, metric.unit)
    quantity = _quantity(meaning, unit)
    if quantity is None:
        wanted = " or ".join(q.label for q in meaning.quantities)
        return (
            f"has no unit, and {wanted} needs one"
            if unit is None
            else (f"is in {unit[:32]!r}, which cannot measure {wanted}")
        )
    leak = quantity is Quantity.LEAK
    states = meaning.states or (LEAK_STATES if leak else {})
    texts = {text: number for number, text in states.items()} | meaning.texts
    decoder = Decoder(
        meaning.model_copy(update={"texts": texts}),
        quantity,
        unit=None if quantity.is_state else meaning.unit,
        states=states,
    )
    channel = Channel(
        re.sub(r"\{(\w+)\}", lambda brace: word(words[brace[1]]), meaning.name),
        quantity,
        name,
        Kind(meaning.kind),
        LEAK_STATES if leak else meaning.states,
        frozenset({"dry"} if leak else meaning.good),
    )
    return Named(channel, decoder, meaning.units)


def _quantity(meaning: SparkplugMetric, unit: str | None) -> Quantity | None:
    """Return the first of a metric's quantities that its unit measures."""
    for quantity in meaning.quantities:
        if quantity.is_state or (quantity.symbol in ("", "1") and unit is None):
            return quantity
        if unit is not None and measures(quantity, unit):
            return quantity
    return None


def _pattern(name: str) -> re.Pattern[str]:
    """Return what a metric's name must look like.

    >>> _pattern("psu{n}/fan").fullmatch("psu12/fan")["n"]
    '12'
    """
    parts = re.split(r"\{(\w+)\}", name)
    pattern = ""
    for place, part in enumerate(parts):
        level = r"\d{1,3}" if part == NUMBER else "[^/]{1,48}"
        pattern += f"(?P<{part}>{level})" if place % 2 else re.escape(part)
    return re.compile(pattern)
