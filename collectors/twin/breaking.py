"""How each kind of fault acts on racks, and how it is undone."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from collectors.twin.chance import Floats
from collectors.twin.faults import Fault, FaultError

if TYPE_CHECKING:
    from collectors.twin.racks import Racks

Bools = NDArray[np.bool_]
Distort = Callable[[Floats, Bools, float], None]  # shown [C], good [C], seconds since the onset
FAN_K: Final = 30.0  # that a supply gets warmer without its fan
FAN_S: Final = 60.0  # until it is
FLAP_S: Final = 5.0  # that a link stays down each time
DECAY_S: Final = 300.0  # that the size of a decay speaks of
PG50_HEAT: Final = 0.92  # of what PG25 carries
PG50_THICK: Final = 1.23  # times its resistance


def _nothing() -> None:
    """Undo nothing."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fault does while it is there."""

    undo: Callable[[], None] = _nothing
    distort: Distort | None = None  # each time instruments look
    go: Callable[[float], None] | None = None  # each time physics goes on, with seconds since


Begin = Callable[[int], Effect]  # what to do when it begins in one rack


def plan(racks: "Racks", fault: Fault) -> Begin:
    """Find the places of a fault; return what to do when it begins. Raises: FaultError."""
    return ACTS[fault.kind](racks, fault)


# Where: words to places.


def _pick(fault: Fault, word: str, known: Mapping[str, int]) -> int:
    """Return the place that a word names, or the first. Raises: FaultError."""
    told = fault.where.get(word, "")
    if not known:
        raise FaultError(f"{fault.kind}: this rack has no {word} that could do so")
    if not told:
        return next(iter(known.values()))
    if told not in known:
        raise FaultError(f"{fault.kind}: {word}={told} is not there; {_few(list(known))}")
    return known[told]


def _few(names: list[str]) -> str:
    """Return what there is to choose from, the beginning and the end of a long list."""
    return (
        f"there are {', '.join(names[:8] if len(names) < 12 else [*names[:8], '...', names[-1]])}"
    )


def _counted(fault: Fault, word: str, count: int) -> int:
    """Return the place of part number 1 to `count`. Raises: FaultError."""
    digits = re.fullmatch(r"\D*(\d+)", fault.where[word])
    if digits is None or not 1 <= int(digits[1]) <= count:
        raise FaultError(f"{fault.kind}: {word}={fault.where[word]} is not 1 to {count}")
    return int(digits[1]) - 1


def _feed(racks: "Racks", fault: Fault) -> int:
    """Return a feed's place: by name of its meter, by letter or by number. Raises: FaultError."""
    count = racks.build.feeds
    known: dict[str, int] = {chr(ord("A") + feed): feed for feed in range(count)}
    known |= {str(feed + 1): feed for feed in range(count)}
    known |= {name: feed for feed, name in enumerate(racks.roles.get("feed_meter", ()))}
    return _pick(fault, "feed", known)


def _device(racks: "Racks", fault: Fault) -> str:
    """Return a device. Raises: FaultError."""
    return list(racks.devices)[_pick(fault, "device", {d: n for n, d in enumerate(racks.devices)})]


def _channel(racks: "Racks", fault: Fault) -> int:
    """Return the column of an instrument, "device.channel". Raises: FaultError."""
    return _pick(fault, "channel", {f"{d}.{name}": c for (d, name), c in racks.column.items()})


def _port(racks: "Racks", fault: Fault, word: str = "port") -> tuple[tuple[str, str], int]:
    """Return a port and its place. Raises: FaultError."""
    ports = racks.plant.network.ports
    devices = {device: n for n, device in enumerate(dict.fromkeys(d for d, _ in ports))}
    device = list(devices)[_pick(fault, "device", devices)]
    places = {port: place for (d, port), place in ports.items() if d == device}
    if word == "with" and word not in fault.where:
        places = dict(list(places.items())[1:])
    place = _pick(fault, word, places)
    return list(ports)[place], place


def _meter_columns(racks: "Racks", feed: int) -> dict[str, int]:
    """Return the columns of one feed's meter, by name. Raises: FaultError if it has none."""
    meters = racks.roles.get("feed_meter", ())
    if feed >= len(meters):
        raise FaultError("this rack has no meter on that feed")
    return {racks.points[c].name: int(c) for c in racks.devices[meters[feed]]}


# What happens in the plant.


def _leak(racks: "Racks", fault: Fault) -> Begin:
    """Open a hole where a rope or a tray can get wet."""
    leaks = racks.plant.signals.leaks
    known: dict[str, int] = {}
    if "tray" in fault.where:
        word, role = "tray", "compute_tray"
        trays = racks.roles.get(role, ())
        known = {str(n): leaks[d, None] for n, d in enumerate(trays, 1) if (d, None) in leaks}
    elif "device" in fault.where:
        word = "device"
        for (device, _), place in leaks.items():
            known.setdefault(device, place)
    else:
        word = "zone"
        zones = [place for (d, _), place in leaks.items() if d in racks.roles.get("rack", ())]
        known = {str(n): place for n, place in enumerate(zones, 1)}
        if len(known) == 1:  # one rope for all zones
            known |= {fault.where[word]: zones[0]}
    place = _pick(fault, word, known)

    def begin(rack: int) -> Effect:
        water = racks.plant.hydraulics
        water.holes[rack, place] += fault.size
        water.mended()
        racks.plant.touch()

        def undo() -> None:
            left = water.holes[rack, place] - fault.size
            water.holes[rack, place] = left if left > 1e-9 else 0.0
            water.mended()
            racks.plant.touch()

        return Effect(undo)

    return begin


def _flips(array: Bools, *place: int) -> Begin:
    """Return what turns one thing over, and back."""

    def begin(rack: int) -> Effect:
        where = rack, *place
        before = bool(array[where])
        array[where] = not before

        def undo() -> None:
            array[where] = before

        return Effect(undo)

    return begin


def _pump(racks: "Racks", fault: Fault) -> Begin:
    """Stop a pump."""
    place = _counted(fault, "pump", racks.build.pumps)
    return _flips(racks.plant.pump_dead, place)


def _phase(racks: "Racks", fault: Fault) -> Begin:
    """Open a phase of a feed."""
    return _flips(racks.plant.phases, _feed(racks, fault), _counted(fault, "phase", 3))


def _supply(racks: "Racks", fault: Fault) -> Begin:
    """Let a supply fail: its shelf counts one fault."""
    shelf = _counted(fault, "shelf", racks.build.shelves)
    psu = _counted(fault, "psu", racks.build.psus)
    dies = _flips(racks.plant.psu_dead, shelf, psu)

    def begin(rack: int) -> Effect:
        racks.plant.electricity.failures[rack, shelf, psu] += 1
        names = racks.roles.get("power_shelf", ())
        if shelf < len(names):
            racks.tell(rack, names[shelf], "supply failed", f"psu{psu + 1}")
        return dies(rack)

    return begin


def _scales(of: Callable[["Racks"], list[tuple[Floats, float]]]) -> Callable[..., Begin]:
    """Return what multiplies figures of the plant, each by what `of` says; of size 1: as told."""

    def prepare(racks: "Racks", fault: Fault) -> Begin:
        figures = [(array, by or fault.size) for array, by in of(racks)]

        def begin(rack: int) -> Effect:
            for array, by in figures:
                array[rack] *= by
            racks.plant.touch()

            def undo() -> None:
                for array, by in figures:
                    array[rack] /= by
                racks.plant.touch()

            return Effect(undo)

        return begin

    return prepare


def _overload(racks: "Racks", fault: Fault) -> Begin:
    """Draw more."""
    by = 1.0 + fault.size / 100.0
    return _scales(lambda racks: [(racks.plant.electricity.overload, by)])(racks, fault)


def _valve(racks: "Racks", fault: Fault) -> Begin:
    """Let the primary valve stand still, at once where the size says."""
    heat = racks.plant.heat

    def begin(rack: int) -> Effect:
        heat.sticks(rack, fault.size / 100.0)
        return Effect(lambda: heat.sticks(rack, math.nan))

    return begin


def _feeds_swapped(racks: "Racks", _fault: Fault) -> Begin:
    """Put the cords of the feeds in each other's place."""
    return _flips(racks.plant.swapped)


# What happens to links.


def _flapping(racks: "Racks", fault: Fault) -> Begin:
    """Let a link go down and up."""
    (device, port), place = _port(racks, fault)
    network = racks.plant.network
    every = 60.0 / fault.size

    def begin(rack: int) -> Effect:
        def turn(*, down: bool) -> None:
            if network.turn(rack, place, down=down, now=racks.seconds):
                racks.tell(rack, device, "link down" if down else "link up", port)

        return Effect(
            lambda: turn(down=False),
            go=lambda since: turn(down=since % every < min(FLAP_S, every / 2)),
        )

    return begin


def _decaying(racks: "Racks", fault: Fault) -> Begin:
    """Let a link get ever more bit errors."""
    _, place = _port(racks, fault)
    network = racks.plant.network

    def begin(rack: int) -> Effect:
        network.decays(rack, place, fault.size / DECAY_S)
        return Effect(lambda: network.decays(rack, place, 0.0))

    return begin


def _crossed(racks: "Racks", fault: Fault) -> Begin:
    """Put two cables into each other's port."""
    one, _ = _port(racks, fault)
    other, _ = _port(racks, fault, "with")
    if one == other:
        raise FaultError(f"{fault.kind}: with={other[1]} is the same port")

    def begin(rack: int) -> Effect:
        crossed = racks.crossed[rack]
        crossed |= {one: other, other: one}

        def undo() -> None:
            crossed.pop(one, None)
            crossed.pop(other, None)

        return Effect(undo)

    return begin


# What happens to devices and their answers.


def _sets(name: str, value: float | None = None) -> Callable[["Racks", Fault], Begin]:
    """Return what sets one device's entry of an array of the racks; None: to the fault's size."""

    def prepare(racks: "Racks", fault: Fault) -> Begin:
        device = racks.number(_device(racks, fault))
        array = getattr(racks, name)

        def begin(rack: int) -> Effect:
            array[rack, device] += fault.size if value is None else value

            def undo() -> None:
                array[rack, device] -= fault.size if value is None else value

            return Effect(undo)

        return begin

    return prepare


def _switches(name: str) -> Callable[["Racks", Fault], Begin]:
    """Return what turns over one device's entry of an array of the racks."""
    return lambda racks, fault: _flips(getattr(racks, name), racks.number(_device(racks, fault)))


def _reboot(racks: "Racks", fault: Fault) -> Begin:
    """Let a device's agent start anew, once."""
    device = _device(racks, fault)

    def begin(rack: int) -> Effect:
        racks.reboot(rack, device)
        return Effect()

    return begin


# What happens in instruments.


def _shows(act: Callable[[Floats, Bools, float, int, float], None]) -> Callable[..., Begin]:
    """Return what changes what one instrument shows: act(shown, good, since, column, size)."""

    def prepare(racks: "Racks", fault: Fault) -> Begin:
        column = _channel(racks, fault)

        def distort(shown: Floats, good: Bools, since: float) -> None:
            act(shown, good, since, column, fault.size)

        return lambda _rack: Effect(distort=distort)

    return prepare


def _offset(shown: Floats, _good: Bools, _since: float, column: int, size: float) -> None:
    """Show more than there is."""
    shown[column] += size


def _drift(shown: Floats, _good: Bools, since: float, column: int, size: float) -> None:
    """Show more and more."""
    shown[column] += size * since / 3600.0


def _scale(shown: Floats, _good: Bools, _since: float, column: int, size: float) -> None:
    """Show a multiple."""
    shown[column] *= size


def _stale(racks: "Racks", fault: Fault) -> Begin:
    """Freeze a value and its time stamp: the device itself says that it is old."""
    return _frozen(racks, fault, believed=False)


def _frozen(racks: "Racks", fault: Fault, *, believed: bool = True) -> Begin:
    """Freeze a value."""
    column = _channel(racks, fault)

    def begin(rack: int) -> Effect:
        held = float(racks.shown[rack, column])

        def distort(shown: Floats, good: Bools, _since: float) -> None:
            shown[column] = held
            good[column] &= believed

        return Effect(distort=distort)

    return begin


def _noisy(racks: "Racks", fault: Fault) -> Begin:
    """Make an instrument noisier."""
    column = _channel(racks, fault)
    return _scales(lambda racks: [(racks.sensors.noisy[:, column], 0.0)])(racks, fault)


def _fahrenheit(racks: "Racks", fault: Fault) -> Begin:
    """Show degF where degC is expected."""
    column = _channel(racks, fault)
    symbol = racks.points[column].quantity.symbol
    if symbol != "degC":
        raise FaultError(f"{fault.kind}: {fault.where['channel']} is in {symbol or 'no unit'}")

    def distort(shown: Floats, _good: Bools, _since: float) -> None:
        shown[column] = shown[column] * 1.8 + 32.0

    return lambda _rack: Effect(distort=distort)


def _probes(racks: "Racks", fault: Fault) -> Begin:
    """Let the probes of supply and return show each other's place."""
    device = _device(racks, fault)
    pair = [racks.column.get((device, name), -1) for name in ("supply_temp", "return_temp")]
    if min(pair) < 0:
        raise FaultError(f"{fault.kind}: {device} has no supply_temp and return_temp")

    def distort(shown: Floats, _good: Bools, _since: float) -> None:
        shown[pair] = shown[pair[::-1]]

    return lambda _rack: Effect(distort=distort)


def _fan(racks: "Racks", fault: Fault) -> Begin:
    """Let a fan stand: it says so, by its speed or its state, and what it cools gets warm."""
    number = fault.where["fan"].lstrip("fanpsu")
    fans = {
        point.device: None
        for point in racks.points
        if point.name.startswith(("fan_speed", "fan_ok"))
    }
    device = list(fans)[_pick(fault, "device", {name: n for n, name in enumerate(fans)})]
    stands: dict[int, float] = {}
    warms = -1
    parts: list[str] = []
    for column in racks.devices[device].tolist():
        point = racks.points[column]
        channel, _, part = point.name.partition("[")
        if channel in ("fan_speed", "fan_ok"):
            parts.append(part.rstrip("]"))
        if part.rstrip("]").lstrip("fanpsu") != number:
            continue
        if channel in ("fan_speed", "fan_ok"):
            stands[column] = float(channel == "fan_ok")
        elif channel == "psu_temp":
            warms = column
    if not stands:
        raise FaultError(f"{fault.kind}: fan={number} is not there; {_few(parts)}")

    def distort(shown: Floats, _good: Bools, since: float) -> None:
        for column, value in stands.items():
            shown[column] = value
        if warms >= 0:
            shown[warms] += FAN_K * (1.0 - math.exp(-since / FAN_S))

    return lambda _rack: Effect(distort=distort)


def _phase_order(racks: "Racks", fault: Fault) -> Begin:
    """Exchange the leads of two current transformers: their phases' power collapses.

    A meter multiplies each voltage with the current of the other phase, 120 degrees away: what
    remains of P is V I cos(phi - 120) and V I cos(phi + 120).
    """
    feed = _feed(racks, fault)
    names = _meter_columns(racks, feed)
    told = re.findall(r"[1-3]", fault.where["phases"])
    if len(set(told)) != 2:
        raise FaultError(f"{fault.kind}: phases={fault.where['phases']} are not two of 1,2,3")
    one, two = (int(phase) - 1 for phase in told)
    lines = [names.get(f"line_current[phase{phase + 1}]") for phase in (one, two)]
    meter = racks.plant.electricity

    def begin(rack: int) -> Effect:
        def distort(shown: Floats, _good: Bools, _since: float) -> None:
            watts = meter.phase_kw[rack, feed] * 1000.0
            factor = meter.factor[rack]
            angle = math.acos(min(1.0, factor))
            turned = [math.cos(angle - 2 * math.pi / 3), math.cos(angle + 2 * math.pi / 3)]
            apparent = watts / factor
            seen = watts.sum() - watts[one] - watts[two]
            seen += apparent[two] * turned[0] + apparent[one] * turned[1]
            share = seen / max(watts.sum(), 1.0)
            for name in ("power", "power_factor"):
                if name in names:
                    shown[names[name]] *= share
            if None not in lines:
                shown[lines] = shown[lines[::-1]]

        return Effect(distort=distort)

    return begin


def _dead_ct(racks: "Racks", fault: Fault) -> Begin:
    """Let one line's current be nothing to a meter: its share is missing in the power."""
    feed, phase = _feed(racks, fault), _counted(fault, "phase", 3)
    names = _meter_columns(racks, feed)
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


ACTS: Final[Mapping[str, Callable[["Racks", Fault], Begin]]] = MappingProxyType(
    {
        "leak": _leak,
        "pump_failure": _pump,
        "filter_clog": _scales(lambda racks: [(racks.plant.hydraulics.strainer, 0.0)]),
        "plates_clog": _scales(lambda racks: [(racks.plant.hydraulics.plates, 0.0)]),
        "stuck_valve": _valve,
        "phase_loss": _phase,
        "overload": _overload,
        "psu_failure": _supply,
        "sensor_offset": _shows(_offset),
        "sensor_drift": _shows(_drift),
        "sensor_stuck": _frozen,
        "sensor_stale": _stale,
        "sensor_noise": _noisy,
        "fan_failure": _fan,
        "link_flap": _flapping,
        "fec_decay": _decaying,
        "miscabling": _crossed,
        "feed_swap": _feeds_swapped,
        "drop_out": _switches("silent"),
        "late": _sets("late"),
        "duplicate": _switches("twice"),
        "reorder": _sets("jumbled"),
        "reboot": _reboot,
        "clock_step": _sets("clock_offset"),
        "scale": _shows(_scale),
        "fahrenheit": _fahrenheit,
        "swapped_probes": _probes,
        "phase_order": _phase_order,
        "dead_ct": _dead_ct,
        "wrong_coolant": _scales(
            lambda racks: [
                (racks.plant.heat.coolant, PG50_HEAT),
                (racks.plant.hydraulics.thick, PG50_THICK),
            ]
        ),
    }
)
