"""Faults of instruments: what they show is not what there is."""

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from collectors.twin import places
from collectors.twin.chance import Floats
from collectors.twin.effect import Begin, Bools, Effect
from collectors.twin.faults import Fault, FaultError

if TYPE_CHECKING:
    from collectors.twin.racks import Racks

FAN_K: Final = 30.0  # that a supply gets warmer without its fan
FAN_S: Final = 60.0  # until it is
THIRD: Final = 2.0 * math.pi / 3.0  # of a turn, between two phases


def shows(
    act: Callable[[Floats, Bools, float, int, float], None],
) -> Callable[["Racks", Fault], Begin]:
    """Return what changes what one instrument shows: act(shown, good, since, column, size)."""

    def prepare(racks: "Racks", fault: Fault) -> Begin:
        column = places.channel(racks, fault)

        def distort(shown: Floats, good: Bools, since: float) -> None:
            act(shown, good, since, column, fault.size)

        return lambda _rack: Effect(distort=distort)

    return prepare


def offset(shown: Floats, _good: Bools, _since: float, column: int, size: float) -> None:
    """Show more than there is."""
    shown[column] += size


def drift(shown: Floats, _good: Bools, since: float, column: int, size: float) -> None:
    """Show more and more."""
    shown[column] += size * since / 3600.0


def scale(shown: Floats, _good: Bools, _since: float, column: int, size: float) -> None:
    """Show a multiple."""
    shown[column] *= size


def stale(racks: "Racks", fault: Fault) -> Begin:
    """Freeze a value and its time stamp: the device itself says that it is old."""
    return frozen(racks, fault, believed=False)


def frozen(racks: "Racks", fault: Fault, *, believed: bool = True) -> Begin:
    """Freeze a value."""
    column = places.channel(racks, fault)

    def begin(rack: int) -> Effect:
        held = float(racks.shown[rack, column])

        def distort(shown: Floats, good: Bools, _since: float) -> None:
            shown[column] = held
            good[column] &= believed

        return Effect(distort=distort)

    return begin


def noisy(racks: "Racks", fault: Fault) -> Begin:
    """Make an instrument noisier."""
    column = places.channel(racks, fault)
    noisy = racks.sensors.noisy

    def begin(rack: int) -> Effect:
        key = rack, fault.name
        noisy[key] = rack, column, fault.size
        return Effect(lambda: noisy.pop(key))

    return begin


def fahrenheit(racks: "Racks", fault: Fault) -> Begin:
    """Show degF where degC is expected."""
    column = places.channel(racks, fault)
    symbol = racks.points[column].quantity.symbol
    if symbol != "degC":
        raise FaultError(f"{fault.kind}: {fault.where['channel']} is in {symbol or 'no unit'}")

    def distort(shown: Floats, _good: Bools, _since: float) -> None:
        shown[column] = shown[column] * 1.8 + 32.0

    return lambda _rack: Effect(distort=distort)


def swapped_probes(racks: "Racks", fault: Fault) -> Begin:
    """Let the probes of supply and return show each other's place."""
    device = places.device(racks, fault)
    pair = [racks.column.get((device, name), -1) for name in ("supply_temp", "return_temp")]
    if min(pair) < 0:
        raise FaultError(f"{fault.kind}: {device} has no supply_temp and return_temp")

    def distort(shown: Floats, _good: Bools, _since: float) -> None:
        shown[pair] = shown[pair[::-1]]

    return lambda _rack: Effect(distort=distort)


def fan(racks: "Racks", fault: Fault) -> Begin:
    """Let a fan stand: it says so, by its speed or its state, and what it cools gets warm."""
    columns = places.fan(racks, fault)
    names = [racks.points[column].name for column in columns]
    stands = {c: float(n.startswith("fan_ok")) for c, n in zip(columns, names, strict=True)}
    warms = [c for c, name in zip(columns, names, strict=True) if name.startswith("psu_temp")]

    def distort(shown: Floats, _good: Bools, since: float) -> None:
        for column, value in stands.items():
            if column not in warms:
                shown[column] = value
        shown[warms] += FAN_K * (1.0 - math.exp(-since / FAN_S))

    return lambda _rack: Effect(distort=distort)


def phase_order(racks: "Racks", fault: Fault) -> Begin:
    """Exchange the leads of two current transformers: their phases' power collapses.

    A meter multiplies each voltage with the current of the other phase, 120 degrees away: what
    remains of P is V I cos(phi - 120) and V I cos(phi + 120).
    """
    feed = places.feed(racks, fault)
    names = places.meter_columns(racks, feed)
    told = re.findall(r"[1-3]", fault.where["phases"])
    if len(set(told)) != 2:
        raise FaultError(f"{fault.kind}: phases={fault.where['phases']} are not two of 1,2,3")
    one, two = (int(phase) - 1 for phase in told)
    found = [names.get(f"line_current[phase{phase + 1}]") for phase in (one, two)]
    lines = [column for column in found if column is not None]
    meter = racks.plant.electricity

    def begin(rack: int) -> Effect:
        def distort(shown: Floats, _good: Bools, _since: float) -> None:
            kw, factor = meter.phase_kw[rack, feed], float(meter.factor[rack])
            angle = math.acos(min(1.0, factor))
            behind = math.cos(angle - THIRD) / factor - 1.0
            ahead = math.cos(angle + THIRD) / factor - 1.0
            share = 1.0 + (kw[two] * behind + kw[one] * ahead) / max(kw.sum(), 1e-6)
            for name in ("power", "power_factor"):
                if name in names:
                    shown[names[name]] *= share
            shown[lines] = shown[lines[::-1]]

        return Effect(distort=distort)

    return begin


def dead_ct(racks: "Racks", fault: Fault) -> Begin:
    """Let one line's current be nothing to a meter: its share is missing in the power."""
    feed, phase = places.feed(racks, fault), places.counted(fault, "phase", 3)
    names = places.meter_columns(racks, feed)
    line = names.get(f"line_current[phase{phase + 1}]")
    meter = racks.plant.electricity

    def begin(rack: int) -> Effect:
        def distort(shown: Floats, _good: Bools, _since: float) -> None:
            kw = meter.phase_kw[rack, feed]
            if "power" in names:
                shown[names["power"]] *= 1.0 - kw[phase] / max(kw.sum(), 1e-6)
            if line is not None:
                shown[line] = 0.0

        return Effect(distort=distort)

    return begin
