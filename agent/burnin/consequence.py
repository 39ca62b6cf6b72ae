"""What a change of a spec does to its channels: rows compared after all that they inherit.

A row is compared as it stands, and once more for each stage that changes it. Every difference is
traced to the places of the file that it comes from: the limit itself, the nominal value that it is
relative to, a constant, the quantity, or the defaults.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from agent.burnin.design import Design
from agent.burnin.expand import refuse
from agent.burnin.format import Budget
from agent.burnin.limits import Bounds, Limit, Rung, Tolerance
from agent.burnin.rows import Row, override_row
from agent.burnin.show import budget_text, limit_text, width_text
from agent.burnin.weight import Weighed, Weight, by_how_much, risen, time_moved, time_text
from collectors.document import Path

LADDER: Final = ("nominal", *(rung.key for rung in Rung))
LOOSER, TIGHTER = Weight.LOOSER, Weight.TIGHTER
OVERLAYS: Final = ("overrides", "affected")  # where a stage says what it changes about a row


class Consequence(NamedTuple):
    """One knob of one row that differs, and where in the file that comes from."""

    of: str  # "rack.flow", or "hot_coolant: rack.flow"
    knob: str
    weighed: Weighed
    sources: frozenset[Path]


@dataclass(frozen=True, slots=True)
class Standing:
    """A row as it stands somewhere, and where each of its knobs comes from."""

    row: Row
    u: Tolerance | None
    skip: bool
    layers: tuple[tuple[Path, Mapping[str, Any]], ...]  # innermost first, as the file has them
    ladders: int  # how many of the layers its limits come from

    def sources(self, knob: str) -> set[Path]:
        """Return the places of the file that a knob comes from."""
        layers = self.layers[: self.ladders] if knob in LADDER else self.layers
        where, value = next(
            (((*path, knob), entry[knob]) for path, entry in layers if knob in entry), ((), None)
        )
        found = {where} if where else set()
        if isinstance(value, str) and knob in LADDER[1:]:
            parts = Limit.parse(value).parts
            if "around" in parts:
                found |= self.sources("nominal")
            if "of" in parts:
                found.add(("design", parts["of"]))
        if knob == "gap" and not where:
            found = self.sources("hold")
        return found


def consequences(
    old: Design, new: Design, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[Consequence]:
    """Return what differs; `before`, `after`: the specs' content, stages by their id."""
    guarded = new.spec.decision.rule == "guarded"
    ones, others = _standings(old, before), _standings(new, after)
    found = []
    for key in ones.keys() & others.keys():
        stage, name = key
        one, other = ones[key], others[key]
        for knob, compare in KNOBS.items():
            weighed = compare(one, other, guarded)
            sources = frozenset(one.sources(knob) | other.sources(knob))
            if weighed is None or (stage and not any(path[:1] == ("plan",) for path in sources)):
                continue  # what a stage does not change is told of the row itself
            of = f"{stage}: {name}" if stage else name
            found.append(Consequence(of, knob, weighed, sources))
    return sorted(found)


def _standings(design: Design, content: Mapping[str, Any]) -> dict[tuple[str, str], Standing]:
    """Return every row, by itself and in each stage; the key: stage or "", and row."""
    rows = {channel.row.key: (channel.row, channel.u) for channel in design.channels}
    found = {}
    for key, (row, u) in rows.items():
        layers = _layers(row, content)
        found["", key] = Standing(row, u, False, layers, 1)  # noqa: FBT003 -- a field of its own
        for stage, kind, over in _overlays(design, key):
            path = ("plan", "stages", stage, kind, key)
            alone = kind == OVERLAYS[1]
            laid = row
            if over is not None and not over.skip:
                laid = override_row(design.spec, row, (row.path, over), refuse, alone=alone)
            entry = _at(content, path) or {}
            name = stage if kind == OVERLAYS[0] else f"{stage}, affected"
            found[name, key] = Standing(
                row=laid,
                u=laid.u if over is not None and over.u is not None else u,
                skip=over is not None and over.skip,
                layers=((path, entry), *layers) if over is not None else layers,
                ladders=1 if alone and over is not None else 2 if over is not None else 1,
            )
    return found


def _overlays(design: Design, key: str) -> Iterator[tuple[str, str, Any]]:
    """Yield each stage with what it changes about a row; None where it changes nothing."""
    for stage in design.spec.plan.stages if design.spec.plan else ():
        yield stage.id, OVERLAYS[0], stage.overrides.get(key)
        if key in stage.affected:
            yield stage.id, OVERLAYS[1], stage.affected[key]


def _layers(row: Row, content: Mapping[str, Any]) -> tuple[tuple[Path, Mapping[str, Any]], ...]:
    """Return where a row's knobs may come from, innermost first."""
    paths: list[Path] = [row.path, ("defaults",)]
    if row.quantity is not None:
        paths.insert(1, ("quantities", row.quantity.label))
    return tuple((path, _at(content, path) or {}) for path in paths)


def _at(content: Mapping[str, Any], path: Path) -> Any:  # noqa: ANN401 -- a document of any shape
    """Return what stands at a place; None where there is nothing."""
    found: Any = content
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


Compare = Callable[[Standing, Standing, bool], Weighed | None]


def _times(name: str, rising: Weight) -> Compare:
    """Return what compares a time of two rows."""

    def compare(one: Standing, other: Standing, _: bool) -> Weighed | None:  # noqa: FBT001 -- see KNOBS
        """Compare; None: the same."""
        old, new = getattr(one.row, name), getattr(other.row, name)
        if old == new:
            return None
        text = f"{time_text(old)} to {time_text(new)} ({time_moved(old, new)})"
        return Weighed(risen(old, new, rising=rising), text)

    return compare


def _flags(name: str, on: Weight, words: tuple[str, str]) -> Compare:
    """Return what compares a yes and a no; `words`: for on and for off."""

    def compare(one: Standing, other: Standing, _: bool) -> Weighed | None:  # noqa: FBT001 -- see KNOBS
        """Compare; None: the same."""
        old, new = (getattr(s if name == "skip" else s.row, name) for s in (one, other))
        if old == new:
            return None
        return Weighed(risen(old, new, rising=on), words[0] if new else words[1])

    return compare


def _rung(rung: Rung) -> Compare:
    """Return what compares one rung of two ladders."""

    def compare(one: Standing, other: Standing, _: bool) -> Weighed | None:  # noqa: FBT001 -- see KNOBS
        """Compare; None: the same."""
        old, new = one.row.rungs.limits[rung], other.row.rungs.limits[rung]
        if old == new or one.skip or other.skip:
            return None
        text = _bounds_text(old, new, other.row)
        text += "; no verdict depends on warn" if rung is Rung.WARN else ""
        return Weighed(weigh(old, new), text)

    return compare


def weigh(old: Bounds | None, new: Bounds | None) -> Weight:
    """Return which way a limit goes; one that moves to the side goes neither way."""
    if old is None or new is None:
        return LOOSER if new is None else TIGHTER
    if old.per_s != new.per_s or (old.names is None) != (new.names is None):
        return Weight.UNCLEAR
    if old.names is not None and new.names is not None:
        inside, outside = new.names < old.names, new.names > old.names
    else:
        inside = new.low >= old.low and new.high <= old.high
        outside = new.low <= old.low and new.high >= old.high
    return TIGHTER if inside else LOOSER if outside else Weight.UNCLEAR


def _bounds_text(old: Bounds | None, new: Bounds | None, row: Row) -> str:
    """Return two limits side by side, and how far each end moved."""
    unit = "" if row.scale.is_state else row.scale.unit.symbol
    texts = [limit_text(bounds, None) or "no limit" for bounds in (old, new)]
    text = f"{texts[0]} to {texts[1]} {unit}".rstrip()
    if old is None or new is None:
        return text
    ends = [(one, other) for one, other in zip(old[:2], new[:2], strict=True) if one != other]
    moved = [by_how_much(*end, unit) for end in ends if all(map(math.isfinite, end))]
    return f"{text} ({' and '.join(moved)})" if moved else text


def _nominal(one: Standing, other: Standing, _: bool) -> Weighed | None:  # noqa: FBT001 -- see KNOBS
    """Compare nominal values; limits that are relative to them are compared by themselves."""
    old, new = one.row.rungs.nominal, other.row.rungs.nominal
    if old == new:
        return None
    shown = [f"{value:.6g}" if value is not None else "none" for value in (old, new)]
    unit = other.row.scale.unit.symbol
    return Weighed(Weight.NEUTRAL, f"{shown[0]} to {shown[1]} {unit}".rstrip())


def _budget(one: Standing, other: Standing, _: bool) -> Weighed | None:  # noqa: FBT001 -- see KNOBS
    """Compare budgets; a share and a time cannot be compared."""
    old, new = one.row.budget, other.row.budget
    if old == new:
        return None
    text = f"{budget_text(old) or 'none'} to {budget_text(new) or 'none'}"
    if (old.share is None) != (new.share is None):
        return Weighed(Weight.UNCLEAR, text)
    return Weighed(risen(_amount(old), _amount(new), rising=LOOSER), text)


def _amount(budget: Budget) -> float:
    """Return a budget as a number among its like."""
    return budget.share if budget.share is not None else budget.seconds or 0.0


def _width(old: Tolerance | None, new: Tolerance | None) -> tuple[float, float] | None:
    """Return two widths as numbers that can be compared; None where they cannot."""
    one, other = old or Tolerance(), new or Tolerance()
    if one.relative == other.relative:
        return one.absolute, other.absolute
    return (one.relative, other.relative) if one.absolute == other.absolute else None


def _hysteresis(one: Standing, other: Standing, _: bool) -> Weighed | None:  # noqa: FBT001 -- see KNOBS
    """Compare hystereses: the wider, the longer an excursion lasts."""
    old, new = one.row.hysteresis, other.row.hysteresis
    if old == new:
        return None
    widths = _width(old, new)
    weight = risen(*widths, rising=TIGHTER) if widths else Weight.UNCLEAR
    return Weighed(weight, f"{width_text(old) or 'none'} to {width_text(new) or 'none'}")


def _u(one: Standing, other: Standing, guarded: bool) -> Weighed | None:  # noqa: FBT001 -- see KNOBS
    """Compare uncertainties: where limits are guarded by them, a larger one is harder to pass."""
    if one.u == other.u:
        return None
    text = f"{width_text(one.u) or 'none'} to {width_text(other.u) or 'none'}"
    if not guarded:
        return Weighed(Weight.NEUTRAL, f"{text}; plays no part under `simple`")
    widths = _width(one.u, other.u)
    weight = risen(*widths, rising=TIGHTER) if widths else Weight.UNCLEAR
    harder = {TIGHTER: "; harder to pass, and to fail", LOOSER: "; easier to pass, and to fail"}
    return Weighed(weight, text + harder.get(weight, ""))


def _min_load(one: Standing, other: Standing, _: bool) -> Weighed | None:  # noqa: FBT001 -- see KNOBS
    """Compare the loads from which on a channel is judged."""
    old, new = (s.row.min_load or 0.0 for s in (one, other))
    if old == new:
        return None
    return Weighed(risen(old, new, rising=LOOSER), f"judged from {old:.3g} to {new:.3g} of load on")


def _kind(one: Standing, other: Standing, _: bool) -> Weighed | None:  # noqa: FBT001 -- see KNOBS
    """Compare how values are judged."""
    old, new = one.row.kind.value, other.row.kind.value
    return None if old == new else Weighed(Weight.UNCLEAR, f"{old} to {new}")


KNOBS: Final[Mapping[str, Compare]] = {  # the last argument: limits are guarded
    **{rung.key: _rung(rung) for rung in reversed(Rung)},
    "nominal": _nominal,
    "skip": _flags("skip", LOOSER, ("not judged any more", "judged again")),
    "hold": _times("hold", LOOSER),
    "budget": _budget,
    "gap": _times("gap", LOOSER),
    "every": _times("every", LOOSER),
    "hysteresis": _hysteresis,
    "u": _u,
    "required": _flags("required", TIGHTER, ("now required", "no longer required")),
    "applies": _flags("always", TIGHTER, ("now judged always", "now in qualified time only")),
    "latched": _flags("latched", LOOSER, ("may bridge gaps now", "bridges no gap any more")),
    "kind": _kind,
    "min_load": _min_load,
}


def names_in(expression: str) -> set[str]:
    """Return the words of an expression: among them the constants that it computes with."""
    return set(re.findall(r"[a-z_]\w*", expression))
