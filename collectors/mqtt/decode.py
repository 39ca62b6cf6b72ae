"""From a raw value to a value in the canonical unit, for one channel of a message."""

import math
from collections.abc import Mapping
from typing import Final

from collectors.mqtt.mapping import Meaning
from collectors.mqtt.payload import number
from collectors.quantity import Quantity, UnitError, conversion
from collectors.readings import Quality

UNITS_MAX: Final = 64  # spellings of units remembered; a device that invents more is converted anew
STATE_MAX: Final = (1 << 32) - 1  # a state's number fits 32 bits, with a sign or without
WET: Final = {"dry": 0.0, "wet": 1.0}

Decoded = tuple[float, Quality, float]


class Decoder:
    """Reads one channel's raw values. Cost: 1 µs each."""

    def __init__(
        self,
        meaning: Meaning,
        quantity: Quantity,
        *,
        unit: str | None,
        states: Mapping[int, str],
    ) -> None:
        self._quantity = quantity
        self._texts = meaning.texts
        self._decimal_comma = meaning.decimal_comma
        self._sentinels = frozenset(meaning.sentinels)
        self._scale, self._offset = meaning.scale, meaning.offset
        self._low, self._high = meaning.bounds
        self._wet = {number: WET.get(name) for number, name in states.items()}
        self._units: dict[str, tuple[float, float] | None] = {}
        self._own = (1.0, 0.0) if unit is None else conversion(unit, quantity)
        self._has_own = unit is not None or quantity.symbol in ("", "1")

    def read(self, value: object, unit: object = None) -> Decoded:
        """Return (value, quality, raw); `unit` is what the message says, if it says one.

        The reason for a missing value is the first of: sentinel, malformed, unit, range.
        """
        if isinstance(value, str) and value in self._sentinels:
            return math.nan, Quality.SENTINEL, math.nan
        raw, quality = number(value, self._texts, decimal_comma=self._decimal_comma)
        if raw in self._sentinels:
            quality = Quality.SENTINEL
        if quality != Quality.GOOD:
            return math.nan, quality, raw
        if self._quantity.is_state:
            return self._state(raw)
        factors = self._factors(unit)
        if factors is None:
            return math.nan, Quality.MALFORMED, raw
        found = (raw * self._scale + self._offset) * factors[0] + factors[1]
        if not self._low <= found <= self._high:
            return math.nan, Quality.OUT_OF_RANGE, raw
        return found, Quality.GOOD, raw

    def _state(self, raw: float) -> Decoded:
        """Read a state's number; of a leak, whether it is dry or wet, and any other is a fault."""
        if not raw.is_integer() or abs(raw) > STATE_MAX:
            return math.nan, Quality.MALFORMED, raw
        if self._quantity is not Quantity.LEAK:
            return raw, Quality.GOOD, raw
        wet = self._wet.get(int(raw))
        return (math.nan, Quality.SENSOR_FAULT, raw) if wet is None else (wet, Quality.GOOD, raw)

    def _factors(self, unit: object) -> tuple[float, float] | None:
        """Return how to convert from a message's own unit, or from the profile's."""
        if unit is None:
            return self._own if self._has_own else None
        if not isinstance(unit, str):
            return None
        if unit not in self._units:
            if len(self._units) >= UNITS_MAX:
                self._units.clear()
            try:
                self._units[unit] = conversion(unit, self._quantity)
            except UnitError:
                self._units[unit] = None
        return self._units[unit]
