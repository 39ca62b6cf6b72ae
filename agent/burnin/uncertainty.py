"""How uncertain a derived channel is: what its inputs' uncertainties add up to.

First order, at the design's own working point, inputs independent (JCGM 100 §5.1.2). What cannot
be linearised (a maximum, a slope) has no computed uncertainty and must declare one.
"""

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.burnin.design import Derivation, SpecChannel
from agent.burnin.fluid import UNCERTAINTY
from agent.burnin.format import Spec
from agent.burnin.formula import COOLANT, EXTRAS, LOAD, Inputs
from agent.burnin.limits import Rung, Tolerance
from agent.burnin.rows import Row, Say
from collectors.readings import Kind

BELIEVED: Final = 0.7  # of the computed u: as if half of it were shared and cancelled (1/sqrt 2)


def propagate(
    spec: Spec,
    channels: Sequence[SpecChannel],
    derivations: Sequence[Derivation],
    broken: AbstractSet[int],
    say: Say,
) -> list[Tolerance | None]:
    """Return the uncertainty of every channel; `say` hears where one is missing or too small.

    Of channels in `broken` nothing is said: their expressions have to be mended first.
    """
    found = [_declared(spec, channel) for channel in channels]
    computed = _computed(channels, found, derivations)
    for index, (u, point) in computed.items():
        channel, own = channels[index], found[index]
        if own is None and math.isfinite(u):
            found[index] = Tolerance(absolute=u)
        entry = spec.derived[channel.row.key]
        if own is not None and entry.u_why is None and own.at(point) < BELIEVED * u:
            text = f"smaller than the {u:.3g} {channel.row.scale.unit.symbol} that its inputs give"
            say((*channel.row.path, "u"), f"{text}; correct it or add u_why")
    for index, channel in enumerate(channels):
        needed = spec.decision.rule == "guarded" and _needs(channel.row)
        if needed and found[index] is None and index not in broken:
            where = "add u" if channel.row.path[0] == "derived" else "add u here or to its quantity"
            say((*channel.row.path, "u"), f"no uncertainty, and the decision is guarded; {where}")
    return found


def _needs(row: Row) -> bool:
    """Say whether a row is judged by value, so that uncertainty matters."""
    limits = row.rungs.limits
    judged = limits[Rung.FAIL] or limits[Rung.TRIP]
    return bool(judged) and not row.scale.is_state and not row.scale.is_count


def _declared(spec: Spec, channel: SpecChannel) -> Tolerance | None:
    """Return what is declared; a quantity's uncertainty is for sensors, not for expressions."""
    derived = spec.derived.get(channel.row.key)
    return channel.row.u if derived is None or derived.u is not None else None


def _point(row: Row) -> float:
    """Return where a channel is expected: nominal, the middle of its band, or at its limit."""
    if row.rungs.nominal is not None:
        return row.rungs.nominal
    given = [b for b in row.rungs.limits if b is not None and b.names is None]
    for bounds in given:
        if math.isfinite(bounds.low) and math.isfinite(bounds.high):
            return (bounds.low + bounds.high) / 2
    ends = [end for b in given for end in (b.low, b.high) if math.isfinite(end)]
    return ends[0] if ends else math.nan


def _computed(
    channels: Sequence[SpecChannel],
    declared: Sequence[Tolerance | None],
    derivations: Sequence[Derivation],
) -> dict[int, tuple[float, float]]:
    """Return what the inputs of each derived channel give, and its working point, in its unit.

    Both are NaN where that says nothing.

    One column is the working point; then come two for each uncertain input, moved up and down.
    A derived channel that declares its own uncertainty is such an input to what reads it.
    """
    size = len(channels)
    roots = sorted(
        i for i in frozenset().union(*(d.reads for d in derivations)) if i >= size or declared[i]
    )
    column = {root: 1 + 2 * n for n, root in enumerate(roots)}
    values = np.empty((size + EXTRAS, 1 + 2 * len(roots)))
    result = {}
    derived = {d.place for d in derivations}
    for i, channel in enumerate(channels):
        factor, zero = channel.row.scale.unit.factor, channel.row.scale.unit.zero
        point = 0.0 if channel.row.kind is Kind.COUNTER else _point(channel.row)
        values[i] = point * factor + zero
        if i in column and i not in derived:
            _move(values, i, column[i], _width(declared[i], point) * factor)
    values[size + LOAD] = values[size + COOLANT] = 1.0
    if size + COOLANT in column:
        _move(values, size + COOLANT, column[size + COOLANT], UNCERTAINTY)
    inputs = Inputs(values)
    with np.errstate(all="ignore"):
        for d in derivations:
            values[d.place] = d.evaluate(inputs) if d.smooth else np.nan
            scale, own = channels[d.place].row.scale.unit, declared[d.place]
            half = (values[d.place, 1::2] - values[d.place, 2::2]) / 2
            u = math.sqrt(float(np.sum(half**2))) / scale.factor
            point = (float(values[d.place, 0]) - scale.zero) / scale.factor
            result[d.place] = u, point
            if own is not None:
                at = point if d.smooth else _point(channels[d.place].row)
                values[d.place] = at * scale.factor + scale.zero
                if d.place in column:
                    _move(values, d.place, column[d.place], own.at(at) * scale.factor)
    return result


def _width(u: Tolerance | None, point: float) -> float:
    """Return an uncertainty at a working point."""
    return u.at(point) if u else 0.0


def _move(values: NDArray[np.float64], place: int, column: int, width: float) -> None:
    """Move one input up in its first column and down in its second."""
    values[place, column] += width
    values[place, column + 1] -= width
