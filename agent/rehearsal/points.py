"""A spec as a parts list of simulated instruments: what each device has, and what the rack is for.

What the spec says a rack must show is what its twin shows. Nothing of a limit goes over: a twin
that knew its limits would prove nothing.
"""

from typing import Any, Final

from agent.burnin.cabling import mbits
from agent.burnin.design import Design
from agent.burnin.limits import Amount
from collectors.quantity import Quantity, Unit, unit
from collectors.readings import Channel, Kind
from collectors.twin.build import Build
from collectors.twin.point import Point
from collectors.twin.states import states_of

AGENT: Final = "agent"  # measures itself; no twin can do it in its place
GOOD: Final = frozenset({"ok", "dry"})  # states that every spec calls good
FIGURES: Final = {  # fields of a build -> the spec's constant, and the unit of the field
    "rack_kw": ("rack_power", "kW"),
    "flow_lpm": ("flow", "lpm"),
    "rack_dp_kpa": ("rack_dp", "kPa"),
    "supply_degc": ("supply_temp", "degC"),
    "feed_volts": ("feed_voltage", "V"),
    "feed_hz": ("feed_frequency", "Hz"),
    "feed_breaker_a": ("feed_breaker", "A"),
    "bus_volts": ("busbar_voltage", "V"),
}


def points(design: Design) -> tuple[Point, ...]:
    """Return every instrument that a rack of this design has, in the order of the design."""
    found = []
    for channel in design.channels[: design.measured]:
        quantity = channel.row.quantity
        if channel.device == AGENT or quantity is None:
            continue
        found.append(
            Point(
                device=channel.device,
                name=channel.name,
                row=channel.row.key,
                part=channel.part,
                quantity=quantity,
                counter=channel.row.kind is Kind.COUNTER,
                mbits=mbits(channel.cabled) if channel.cabled else 0.0,
            )
        )
    return tuple(found)


def build(design: Design) -> Build:
    """Return what a rack of this design was built for, as far as its spec says so."""
    constants = design.spec.design
    figures: dict[str, Any] = {}
    for field, (name, symbol) in FIGURES.items():
        amount = constants.get(name)
        if isinstance(amount, Amount):
            figures[field] = _in(amount, unit(symbol))
    return Build.of(points(design), **figures)


def channel(point: Point) -> Channel:
    """Return an instrument as a channel of its device, by the spec's name."""
    states = states_of(point)
    bare = point.quantity is Quantity.STATE and not states  # the speed of a port, in Mbit/s
    return Channel(
        point.name,
        Quantity.NUMBER if bare else point.quantity,
        "simulated",
        kind=Kind.COUNTER if point.counter else Kind.GAUGE,
        states=states,
        good_states=GOOD & frozenset(states.values()),
    )


def _in(amount: Amount, wanted: Unit) -> float:
    """Return an amount in a unit."""
    given = unit(amount.symbol)
    return (amount.number * given.factor + given.zero - wanted.zero) / wanted.factor
