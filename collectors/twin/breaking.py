"""Faults of the plant, of links and of devices, and which of all faults acts how."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from collectors.twin import misreading, places
from collectors.twin.chance import Floats
from collectors.twin.effect import Begin, Bools, Effect
from collectors.twin.faults import Fault, FaultError

if TYPE_CHECKING:
    from collectors.twin.racks import Racks

FLAP_S: Final = 5.0  # that a link stays down each time
DECAY_S: Final = 300.0  # that the size of a decay speaks of
PG50_HEAT: Final = 0.92  # of what PG25 carries
PG50_THICK: Final = 1.23  # times its resistance


def plan(racks: "Racks", fault: Fault) -> Begin:
    """Find the places of a fault; return what to do when it begins. Raises: FaultError."""
    return ACTS[fault.kind](racks, fault)


# What happens in the plant.


def _leak(racks: "Racks", fault: Fault) -> Begin:
    """Open a hole where a rope or a tray can get wet."""
    place = places.leak(racks, fault)
    water = racks.plant.hydraulics

    def begin(rack: int) -> Effect:
        water.holes[rack, place] += fault.size
        racks.plant.touch()

        def undo() -> None:
            left = water.holes[rack, place] - fault.size
            water.holes[rack, place] = left if left > 1e-9 else 0.0
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
    place = places.counted(fault, "pump", racks.build.pumps)
    return _flips(racks.plant.pump_dead, place)


def _phase(racks: "Racks", fault: Fault) -> Begin:
    """Open a phase of a feed."""
    return _flips(racks.plant.phases, places.feed(racks, fault), places.counted(fault, "phase", 3))


def _supply(racks: "Racks", fault: Fault) -> Begin:
    """Let a supply fail: its shelf counts one fault."""
    shelf = places.counted(fault, "shelf", racks.build.shelves)
    psu = places.counted(fault, "psu", racks.build.psus)
    dies = _flips(racks.plant.psu_dead, shelf, psu)

    def begin(rack: int) -> Effect:
        racks.plant.electricity.failures[rack, shelf, psu] += 1
        names = racks.roles.get("power_shelf", ())
        if shelf < len(names):
            racks.tell(rack, names[shelf], "supply failed", f"psu{psu + 1}")
        return dies(rack)

    return begin


def _scales(
    of: Callable[["Racks"], list[tuple[Floats, float]]],
) -> Callable[["Racks", Fault], Begin]:
    """Return what multiplies figures of the plant, each by what `of` says; 0: by its size."""

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
    return _scales(lambda racks: [(racks.plant.electricity.overload, 1.0 + fault.size / 100.0)])(
        racks, fault
    )


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
    (device, port), place = places.port(racks, fault)
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
    _, place = places.port(racks, fault)
    network = racks.plant.network

    def begin(rack: int) -> Effect:
        network.decays(rack, place, fault.size / DECAY_S)
        return Effect(lambda: network.decays(rack, place, 0.0))

    return begin


def _crossed(racks: "Racks", fault: Fault) -> Begin:
    """Put two cables into each other's port."""
    one, _ = places.port(racks, fault)
    other, _ = places.port(racks, fault, "with")
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
        device = racks.number(places.device(racks, fault))
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
    return lambda racks, fault: _flips(
        getattr(racks, name), racks.number(places.device(racks, fault))
    )


def _reboot(racks: "Racks", fault: Fault) -> Begin:
    """Let a device's agent start anew, once."""
    device = places.device(racks, fault)

    def begin(rack: int) -> Effect:
        racks.reboot(rack, device)
        return Effect()

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
        "sensor_offset": misreading.shows(misreading.offset),
        "sensor_drift": misreading.shows(misreading.drift),
        "sensor_stuck": misreading.frozen,
        "sensor_stale": misreading.stale,
        "sensor_noise": misreading.noisy,
        "fan_failure": misreading.fan,
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
        "scale": misreading.shows(misreading.scale),
        "fahrenheit": misreading.fahrenheit,
        "swapped_probes": misreading.swapped_probes,
        "phase_order": misreading.phase_order,
        "dead_ct": misreading.dead_ct,
        "wrong_coolant": _scales(
            lambda racks: [
                (racks.plant.heat.coolant, PG50_HEAT),
                (racks.plant.hydraulics.thick, PG50_THICK),
            ]
        ),
    }
)
