"""What a plan sees of a rack: conditions, load and steadiness, on the values read last."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from agent.burnin import dimension as dim
from agent.burnin.conditions import Condition, condition
from agent.burnin.design import Design, Floats
from agent.burnin.formula import COOLANT, EXTRAS, LOAD, Inputs
from agent.burnin.limits import Rung
from agent.burnin.live import LiveBay
from agent.burnin.steady import Steadiness
from agent.burnin.terms import Moment, terms
from agent.burnin.window import Window
from collectors.quantity import Unit

LOAD_ERROR: Final = "load_error"  # the derived channel that says whether the load is there
LOOKED_S: Final = 60.0  # between two looks at a condition; what lies longer apart was not seen
TRIPS_TOLD: Final = 20  # of one moment: a feed that goes takes hundreds with it


class Sight:
    """Looks through a bay's live values. To be told of every tick by `look`."""

    def __init__(self, design: Design, live: LiveBay) -> None:
        self.design = design
        self.live = live
        self._conditions: dict[str, tuple[Condition, list[Window]]] = {}
        self._steady = _steadiness(design)
        keys = [channel.row.key for channel in design.channels]
        self._load_errors = [place for place, key in enumerate(keys) if key == LOAD_ERROR]

    def look(self, at: float) -> None:
        """Take in how things are at run second `at`."""
        live = self.live
        for place, watched in self._steady:
            watched.add(at, live.values[place] if live.known[place] else np.nan)

    def holds(self, text: str, at: float) -> bool | None:
        """Say whether a condition of the plan holds; None where something in it is not known."""
        if text not in self._conditions:
            read = condition(self.design, text)
            windows = [Window(seconds, LOOKED_S) for seconds in read.windows]
            self._conditions[text] = read, windows
        read, memory = self._conditions[text]
        if read.formula is not None:
            value = self._value(read, memory, at)
            return None if not np.isfinite(value) else _inside(read, value)
        return _all(self._channel(read, place) for place in read.places)

    def _channel(self, read: Condition, place: int) -> bool | None:
        """Say whether one channel is as a condition wants it."""
        live = self.live
        if not live.known[place]:
            return None
        if read.bounds.names is None:
            return _inside(read, float(live.values[place]))
        rungs = live.design.channels[place].row.rungs.limits
        rung = next((r for r in Rung if (b := rungs[r]) and b.names == read.bounds.names), None)
        return None if rung is None else bool(live.values[place] < rung + 0.5)

    def _value(self, read: Condition, memory: Sequence[Window], at: float) -> float:
        """Return what a condition's formula gives, in the unit of its bounds."""
        live, channels = self.live, len(self.design.channels)
        si = np.empty(channels + EXTRAS)
        si[:channels] = live.values[:channels] * self.design.si_factor + self.design.si_zero
        si[:channels][~live.known] = np.nan
        si[channels + LOAD] = np.nan if live.stage_load is None else live.stage_load
        si[channels + COOLANT] = 1.0
        assert read.formula is not None
        with np.errstate(all="ignore"):
            value = float(read.formula.evaluate(Inputs(si, at, memory)))
        return (value - read.scale.unit.zero) / read.scale.unit.factor

    def steady(self, at: float) -> bool | None:
        """Say whether the rack is steady, by the plan's own rule."""
        del at
        return _all(watched.holds() for _, watched in self._steady)

    def loaded(self, at: float) -> bool | None:
        """Say whether the rack draws what the plan sets; where that is not judged, it does."""
        del at
        live = self.live
        places = [place for place in self._load_errors if live.asked[place]]
        return _all(self._within(live.design, live.values, place) for place in places)

    def affected(self, moment: Moment, at: float) -> Sequence[bool | None]:
        """Say of each channel that a step affects whether it is as `moment` wants it."""
        del at
        there = terms(self.design, moment)
        taken = terms(self.design, moment._replace(phase="broken")).affected
        values = self.live.under(there.design)
        places = np.flatnonzero(taken & there.judged)
        return [self._within(there.design, values, int(place)) for place in places]

    def _within(self, design: Design, values: Floats, place: int) -> bool | None:
        """Say whether a channel is inside its fail limit."""
        if not self.live.known[place]:
            return None
        low, high = design.limits.low[Rung.FAIL, place], design.limits.high[Rung.FAIL, place]
        return bool(low <= values[place] <= high)

    def trips(self, at: float) -> Sequence[Mapping[str, Any]]:
        """Return what is beyond a trip limit: {channel, value, limit} each."""
        del at
        live, limits = self.live, self.live.design.limits
        values = live.values[: len(live.known)]
        low, high = limits.low[Rung.TRIP], limits.high[Rung.TRIP]
        beyond = live.known & live.asked & ((values < low) | (values > high))
        return [self._trip(int(place)) for place in np.flatnonzero(beyond)[:TRIPS_TOLD]]

    def _trip(self, place: int) -> dict[str, Any]:
        """Describe one channel that is beyond its trip limit."""
        channel, value = self.live.design.channels[place], float(self.live.values[place])
        bounds = channel.row.rungs.limits[Rung.TRIP]
        assert bounds is not None
        name = f"{channel.device}.{channel.name}"
        if bounds.names is not None:
            return {"channel": name, "value": None, "limit": " or ".join(sorted(bounds.names))}
        limit = bounds.low if value < bounds.low else bounds.high
        return {"channel": name, "value": value, "limit": limit}


def _all(truths: Iterable[bool | None]) -> bool | None:
    """Say whether all hold: one that does not decides, else one that is not known."""
    seen = [*truths]
    return False if False in seen else None if None in seen else True


def _inside(read: Condition, value: float) -> bool:
    """Say whether a number is as a condition wants it."""
    return read.bounds.low <= value <= read.bounds.high


def _steadiness(design: Design) -> list[tuple[int, Steadiness]]:
    """Return what the plan's rule watches."""
    rule = design.spec.plan and design.spec.plan.steady
    if not rule:
        return []
    found = []
    for place, channel in enumerate(design.channels):
        if channel.row.key in rule.of:
            own = channel.row.scale.unit
            change = dim.difference_of(own.dimension)
            slope = dim.quotient(change, dim.TIME)
            found.append(
                (
                    place,
                    Steadiness(
                        rule.window,
                        rule.max_slope.to(Unit("", slope, own.factor), slope, "slope"),
                        rule.max_sd.to(Unit("", change, own.factor), change, "change"),
                        rule.significance,
                    ),
                )
            )
    return found
