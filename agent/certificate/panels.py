"""Which charts a certificate has: what the spec's channels allow, and none where it has no such.

Channels are found by the names of a rack's usual rows, else by their quantity and a word in them.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from agent.burnin.design import Design
from agent.burnin.formula import COOLANT, EXTRAS, LOAD, Inputs
from agent.burnin.limits import Amount, Rung
from agent.burnin.terms import terms
from agent.certificate.measured import Buckets, Floats, Grid, Means
from agent.certificate.timeline import Attempt, judged, loads
from collectors.quantity import Quantity, unit

DIGITS: Final = 5  # of what is drawn: a hundredth of a printed line

Json = dict[str, Any]
Range = tuple[Floats, Floats]  # lowest and highest of each bucket


class Find(NamedTuple):
    """Which channels a line of a chart is made of."""

    key: str  # a row's usual name
    quantity: Quantity | None = None
    word: str = ""  # else a row of that quantity with this word in its name


SUPPLY: Final = Find("rack.supply_temp", Quantity.TEMPERATURE, "supply")
RETURN: Final = Find("rack.return_temp", Quantity.TEMPERATURE, "return")
DEW: Final = Find("dew_margin", Quantity.TEMPERATURE_DELTA, "dew")
POWER: Final = Find("rack_power", Quantity.POWER, "power")
LIQUID: Final = Find("heat_to_liquid", Quantity.POWER, "liquid")
AIR: Final = Find("rear_door.heat", Quantity.POWER, "heat")
RESIDUAL: Final = Find("energy_residual", Quantity.RATIO, "residual")
LINES: Final = Find("feed_meter.line_current", Quantity.CURRENT, "line")
BUS: Final = Find("power_shelf.output_voltage", Quantity.VOLTAGE, "output")
ALL: Final = (SUPPLY, RETURN, DEW, POWER, LIQUID, AIR, RESIDUAL, LINES, BUS)


@dataclass(frozen=True, slots=True)
class Series:
    """What is drawn: of each place a range a bucket, in the channel's own unit."""

    design: Design
    tries: Sequence[Attempt]
    ranges: Callable[[int], Range]
    step: float  # seconds of a bucket


def places(design: Design, find: Find) -> list[int]:
    """Return the channels that are meant."""
    keys = [channel.row.key for channel in design.channels]
    key = find.key
    if key not in keys and find.word:
        others = (
            channel.row.key
            for channel in design.channels
            if channel.row.quantity is find.quantity and find.word in channel.row.key
        )
        key = next(others, "")
    return [place for place, name in enumerate(keys) if name == key]


def wanted(design: Design) -> list[int]:
    """Return every measured channel that is drawn as it was read."""
    found = {place for find in ALL for place in places(design, find)}
    return sorted(place for place in found if place < design.measured)


def read_by_derived(design: Design) -> list[int]:
    """Return every measured channel that a drawn derived channel needs in the end."""
    needed = {place for find in ALL for place in places(design, find)}
    for derivation in reversed(design.derivations):
        if derivation.place in needed:
            needed |= derivation.reads
    return sorted(place for place in needed if place < design.measured)


def derived_cells(design: Design, means: Means, tries: Sequence[Attempt]) -> dict[int, Floats]:
    """Return the drawn derived channels in each cell, in their own units."""
    count = means.total.shape[1]
    values = np.full((len(design.channels) + EXTRAS, count), np.nan)
    for place in means.row:
        values[place] = means.of(place) * design.si_factor[place] + design.si_zero[place]
    times = (np.arange(count) + 0.5) * means.step
    for at, load in loads(design, tries):
        values[len(design.channels) + LOAD, times >= at] = math.nan if load is None else load
    values[len(design.channels) + COOLANT] = 1.0
    found = {}
    with np.errstate(all="ignore"):
        for derivation in design.derivations:
            if derivation.windows:  # slopes and falls are no means of cells
                continue
            value = np.broadcast_to(derivation.evaluate(Inputs(values)), count)
            if derivation.window:
                value = _trailing(value, max(1, round(derivation.window / means.step)))
            place = derivation.place
            values[place] = value
            found[place] = (value - design.si_zero[place]) / design.si_factor[place]
    return found


def ranges_of(buckets: Buckets, cells: dict[int, Floats], grid: Grid) -> Callable[[int], Range]:
    """Return what finds the range of a channel, measured or derived."""

    def ranges(place: int) -> Range:
        """Return lowest and highest of each bucket."""
        if place in buckets.row:
            row = buckets.row[place]
            return buckets.low[row], buckets.high[row]
        value = cells.get(place, np.full(grid.buckets * grid.cells, np.nan))
        value = value.reshape(grid.buckets, grid.cells)
        return np.fmin.reduce(value, axis=1), np.fmax.reduce(value, axis=1)

    return ranges


def panels(series: Series) -> list[Json]:
    """Return every chart for which there is something to draw."""
    made = (_load(series), _loop(series), _balance(series), _residual(series))
    shown = [*made, _lines(series), _bus(series)]
    return [panel for panel in shown if panel is not None and panel["series"]]


def _load(series: Series) -> Json | None:
    """Draw what was asked for and what was there."""
    full = series.design.spec.design.get("rack_power")
    found = places(series.design, POWER)
    if not isinstance(full, Amount) or not found:
        return None
    watts = full.number * unit(full.symbol).factor
    low, high = series.ranges(found[0])
    share = 100 * series.design.si_factor[found[0]] / watts
    steps = [
        [at, None if load is None else 100 * load]
        for at, load in loads(series.design, series.tries)
    ]
    panel = _panel("load", "Load", "%", [_line("measured", low * share, high * share)])
    return panel | {"steps": [{"name": "set point", "points": steps}]}


def _loop(series: Series) -> Json:
    """Draw the coolant, and the dew point that it must stay above."""
    shown, limits = [], []
    for name, find in (("supply", SUPPLY), ("return", RETURN)):
        for place in places(series.design, find)[:1]:
            shown.append(_line(name, *series.ranges(place)))
            limits += _limits(series, place, f"{name} ")
    supply, dew = places(series.design, SUPPLY), places(series.design, DEW)
    if supply and dew:
        low, high = series.ranges(dew[0])
        middle = sum(series.ranges(supply[0])) / 2
        shown.append(_line("dew point", middle - high, middle - low))
    return _panel("loop", "Coolant and dew point", "degC", shown, limits)


def _balance(series: Series) -> Json:
    """Draw where the power went."""
    names = (("AC power", POWER), ("heat to liquid", LIQUID), ("heat to air", AIR))
    shown = []
    for name, find in names:
        for place in places(series.design, find)[:1]:
            kilo = 1e-3 * float(series.design.si_factor[place])
            low, high = series.ranges(place)
            shown.append(_line(name, kilo * low, kilo * high))
    return _panel("balance", "Power in, heat out", "kW", shown)


def _residual(series: Series) -> Json:
    """Draw what the balance leaves, with its uncertainty."""
    found = places(series.design, RESIDUAL)[:1]
    shown = [_line("residual ± U", *_where_judged(series, place, found)) for place in found]
    limits = [limit for place in found for limit in _limits(series, place)]
    panel = _panel("residual", "Energy residual with its uncertainty", "%", shown, limits)
    for place in found:
        u = series.design.channels[place].u
        panel["u"] = u.at(0.0) if u else None
    return panel


def _lines(series: Series) -> Json:
    """Draw the line currents, an envelope over the phases of each feed."""
    shown: list[Json] = []
    limits: list[Json] = []
    found = places(series.design, LINES)
    for device in dict.fromkeys(series.design.channels[place].device for place in found):
        own = [place for place in found if series.design.channels[place].device == device]
        shown.append(_line(f"{device}, {_many(len(own), 'phase')}", *_envelope(series, own)))
        limits = limits or _limits(series, own[0])
    return _panel("lines", "Line currents of the feeds", "A", shown, limits)


def _bus(series: Series) -> Json:
    """Draw the bus, an envelope over all shelves."""
    found = places(series.design, BUS)
    name = _many(len(found), "shelf", "shelves")
    shown = [_line(name, *_where_judged(series, found[0], found))] if found else []
    limits = [limit for place in found[:1] for limit in _limits(series, place)]
    return _panel("bus", "Bus voltage, lowest to highest shelf", "V", shown, limits)


def _where_judged(series: Series, place: int, found: Iterable[int]) -> Range:
    """Return lowest and highest over channels, while one of them is judged: elsewhere it is off."""
    low, high = _envelope(series, found)
    step = series.step
    on = np.zeros(len(low), np.bool_)
    for attempt in series.tries:
        for spell in attempt.spells:
            if judged(series.design, spell)[place]:
                on[math.ceil(spell.start / step) : max(int(spell.end / step), 0)] = True
    return np.where(on, low, np.nan), np.where(on, high, np.nan)


def _envelope(series: Series, found: Iterable[int]) -> Range:
    """Return lowest and highest over channels."""
    ranges = [series.ranges(place) for place in found]
    return np.fmin.reduce([low for low, _ in ranges]), np.fmax.reduce([high for _, high in ranges])


def _panel(
    name: str, title: str, symbol: str, shown: list[Json], limits: Sequence[Json] = ()
) -> Json:
    """Return one chart as the summary has it."""
    seen = [line for line in shown if any(value is not None for value in line["low"])]
    return {
        "id": name,
        "title": title,
        "unit": symbol,
        "series": seen,
        "steps": [],
        "limits": list(limits),
        "u": None,
    }


def _line(name: str, low: Floats, high: Floats) -> Json:
    """Return one line of a chart."""
    return {"name": name, "low": _numbers(low), "high": _numbers(high)}


def _numbers(values: Floats) -> list[float | None]:
    """Return numbers that JSON can hold."""
    return [float(f"{v:.{DIGITS}g}") if math.isfinite(v) else None for v in values.tolist()]


def _limits(series: Series, place: int, name: str = "") -> list[Json]:
    """Return where a channel's fail limits held, and which."""
    sides: dict[str, list[list[float]]] = {"max": [], "min": []}
    for attempt in series.tries:
        for spell in attempt.spells:
            if not judged(series.design, spell)[place]:
                continue
            limits = terms(series.design, spell.moment).design.limits
            ends = {"max": limits.high[Rung.FAIL, place], "min": limits.low[Rung.FAIL, place]}
            for side, end in ends.items():
                if math.isfinite(end):
                    _extend(sides[side], spell.start, spell.end, float(end))
    return [{"name": f"{name}{side}", "spans": spans} for side, spans in sides.items() if spans]


def _extend(spans: list[list[float]], start: float, end: float, value: float) -> None:
    """Add a stretch, to the last one where nothing changed between."""
    if spans and spans[-1][1:] == [start, value]:
        spans[-1][1] = end
    else:
        spans.append([start, end, value])


def _trailing(values: Floats, width: int) -> Floats:
    """Return the mean of each cell and those before it, as far as they are known."""
    known = np.isfinite(values)
    total = np.cumsum(np.where(known, values, 0.0))
    number = np.cumsum(known)
    before = np.concatenate([np.zeros(width), total[:-width]])[: len(values)]
    had = np.concatenate([np.zeros(width), number[:-width]])[: len(values)]
    return np.where(known, (total - before) / (number - had), np.nan)


def _many(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"
