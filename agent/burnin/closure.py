"""Whether a design agrees with itself: its constants and nominals must close its balances.

Each balance speaks of names that a spec may use; it applies where all of them are there. When some
do not close, the number to blame is the one that they share and that no closing balance confirms.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from agent.burnin.design import Design
from agent.burnin.fluid import COOLANTS, rho_cp
from agent.burnin.limits import Amount
from agent.burnin.rows import Say
from collectors.document import Path
from collectors.quantity import unit

CLOSES_WITHIN: Final = 0.02  # nominals are rounded to three digits; a coolant's table errs by 1 %
_SAME: Final = {  # a constant of design -> the channel whose nominal says the same
    "supply_temp": "rack.supply_temp",
    "flow": "rack.flow",
    "rack_dp": "rack.dp",
    "feed_voltage": "feed_meter.line_voltage",
    "feed_frequency": "feed_meter.frequency",
    "busbar_voltage": "power_shelf.output_voltage",
}


class _Number(NamedTuple):
    """A number of the spec in SI units, and where it stands; NaN where the spec has none."""

    value: float
    path: Path


class _Balance(NamedTuple):
    """Two values that should be one, and the numbers they come from."""

    what: str
    left: float
    right: float
    numbers: Sequence[_Number]

    @property
    def applies(self) -> bool:
        """Say whether all of its numbers are there."""
        return math.isfinite(self.left) and math.isfinite(self.right)

    @property
    def closes(self) -> bool:
        """Say whether the two are one."""
        return abs(self.left - self.right) <= CLOSES_WITHIN * abs(self.right)

    @property
    def places(self) -> set[Path]:
        """Return where its numbers stand."""
        return {number.path for number in self.numbers}


def check_closure(design: Design, say: Say) -> None:
    """Say which of a design's numbers contradict one another."""
    balances = [balance for balance in _balances(design) if balance.applies]
    open_ = [balance for balance in balances if not balance.closes]
    if not open_:
        return
    confirmed = set[Path]().union(*(balance.places for balance in balances if balance.closes))
    shared = set.intersection(*(balance.places for balance in open_)) - confirmed
    for balance in open_:
        suspects = sorted(shared or balance.places - confirmed or balance.places, key=str)
        text = f"{balance.what}: {balance.left:.6g} against {balance.right:.6g} in SI units"
        say(suspects[-1], f"the design does not close, {text}; correct one of them")


def _balances(design: Design) -> list[_Balance]:
    """Return every balance of a liquid-cooled rack."""
    rows = {channel.row.key: channel.row for channel in design.channels}

    def constant(name: str) -> _Number:
        """Return a constant of design."""
        amount = design.spec.design.get(name)
        if not isinstance(amount, Amount):
            return _Number(math.nan, ("design", name))
        given = unit(amount.symbol)
        return _Number(amount.number * given.factor + given.zero, ("design", name))

    def nominal(key: str) -> _Number:
        """Return the nominal of a channel."""
        row = rows.get(key)
        if row is None or row.rungs.nominal is None:
            return _Number(math.nan, ())
        scale = row.scale.unit
        return _Number(row.rungs.nominal * scale.factor + scale.zero, (*row.path, "nominal"))

    rack, liquid, air = map(constant, ("rack_power", "liquid_power", "air_power"))
    shelf = nominal("power_shelf.input_power")
    shelves = sum(role == "power_shelf" for role in design.roles.values())
    flow, supply, back = constant("flow"), constant("supply_temp"), nominal("rack.return_temp")
    coolant = COOLANTS.get(str(design.spec.design.get("coolant")))
    heat = math.nan
    if coolant:
        mean = np.float64((supply.value + back.value) / 2)
        heat = float(rho_cp(coolant, mean)) * flow.value * (back.value - supply.value)
    carried = "the heat that flow carries from supply_temp to return_temp, and liquid_power"
    parts = "liquid_power + air_power, and rack_power"
    return [
        _Balance(carried, heat, liquid.value, (flow, supply, back, liquid)),
        _Balance(parts, liquid.value + air.value, rack.value, (liquid, air, rack)),
        _Balance("all shelves, and rack_power", shelves * shelf.value, rack.value, (shelf, rack)),
        *(
            _Balance(f"design.{name}, and nominal of {key}", one.value, other.value, (one, other))
            for name, key in _SAME.items()
            for one, other in [(constant(name), nominal(key))]
        ),
    ]
