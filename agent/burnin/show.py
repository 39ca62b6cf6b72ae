"""A design for people: every channel with all that it inherits written out."""

from collections.abc import Mapping

from agent.burnin.design import AS_CABLED, Design, SpecChannel
from agent.burnin.format import Budget
from agent.burnin.limits import Bounds, Rung, Tolerance

Cell = str | float | bool | None


def resolved(design: Design) -> list[dict[str, Cell]]:
    """Return every channel as a mapping that JSON can hold; numbers are in the channel's unit."""
    return [_channel(channel) for channel in design.channels]


def _channel(channel: SpecChannel) -> dict[str, Cell]:
    """Write out one channel."""
    row = channel.row
    cells: dict[str, Cell] = {
        "device": channel.device,
        "channel": channel.name,
        "role": channel.role or None,
        "row": row.key,
        "quantity": row.quantity.label if row.quantity else None,
        "unit": row.scale.unit.symbol,
        "nominal": row.rungs.nominal,
    }
    for rung, bounds in zip(Rung, row.rungs.limits, strict=True):
        cells[rung.key] = limit_text(bounds, channel.cabled)
    cells |= {
        "u": width_text(channel.u),
        "every": row.every,
        "hold": row.hold,
        "gap": row.gap,
        "budget": budget_text(row.budget),
        "hysteresis": width_text(row.hysteresis),
        "min_load": row.min_load,
        "kind": row.kind.value,
        "latched": row.latched,
        "applies": "always" if row.always else "qualified",
        "required": row.required,
    }
    return cells


def limit_text(bounds: Bounds | None, cabled: str | None) -> str | None:
    """Write a limit in numbers, in the words of the language."""
    if bounds is None:
        return None
    if bounds.names is not None:
        names = sorted(bounds.names)
        return "is " + " or ".join(cabled or n if n == AS_CABLED else n for n in names)
    per = {3600.0: " per h", 60.0: " per min"}.get(bounds.per_s or 0.0, "")
    if bounds.low == bounds.high:
        return f"exactly {bounds.low:.6g}"
    if bounds.low == float("-inf"):
        return f"max {bounds.high:.6g}{per}"
    if bounds.high == float("inf"):
        return f"min {bounds.low:.6g}{per}"
    return f"{bounds.low:.6g}..{bounds.high:.6g}"


def width_text(width: Tolerance | None) -> str | None:
    """Write a width: absolute in the channel's unit, or a share of the value."""
    if width is None or width == Tolerance():
        return None
    return f"{100 * width.relative:.3g} %" if width.relative else f"{width.absolute:.3g}"


def budget_text(budget: Budget) -> str | None:
    """Write a budget."""
    if budget.share is not None:
        return f"{100 * budget.share:g} %"
    return None if budget.seconds is None else f"{budget.seconds:g} s"


def summary(design: Design) -> Mapping[str, Cell]:
    """Return what a person wants to know first."""
    spec = design.spec
    rate = sum(1 / channel.row.every for channel in design.channels[: design.measured])
    return {
        "id": spec.id,
        "revision": spec.revision,
        "status": spec.status,
        "title": spec.title,
        "hash": spec.canonical_hash,
        "devices": len(design.roles),
        "channels": len(design.channels),
        "derived": len(design.channels) - design.measured,
        "judged": int(design.judged.sum()),
        "stages": len(spec.plan.stages) if spec.plan else 0,
        "readings_per_s": round(rate, 3),
    }
