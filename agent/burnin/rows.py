"""Rows of a spec: one channel of a role, or one derived channel, with all that it inherits.

Three levels and no more: defaults, then the quantity, then the channel itself. A stage may lay
one override over a row; the result is a row again, and can be compared with what it replaces.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from agent.burnin.format import Budget, Derived, Knobs, Ladder, Spec
from agent.burnin.format import Channel as ChannelEntry
from agent.burnin.limits import Amount, Bounds, Limit, LimitError, Rung, Scale, Tolerance
from collectors.document import Path
from collectors.quantity import Dimension, Quantity, UnitError, unit
from collectors.readings import Kind

Say = Callable[[Path, str], None]  # notes one problem at a place of the file
Layers = Sequence[tuple[Path, Knobs]]  # innermost first

_NOT_BY_UNIT: Final = (
    Quantity.COUNT,
    Quantity.STATE,
    Quantity.LEAK,
)  # share their unit with NUMBER
_BY_DIMENSION: Final[Mapping[Dimension, Quantity]] = {
    q.canonical.dimension: q for q in reversed(Quantity) if q not in _NOT_BY_UNIT
}


class Rungs(NamedTuple):
    """A ladder in numbers of the channel's unit; `limits` has a place for every Rung."""

    nominal: float | None
    limits: tuple[Bounds | None, ...]

    @property
    def judged(self) -> bool:
        """Say whether there is any limit at all."""
        return any(bounds is not None for bounds in self.limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One channel entry, resolved. Times in seconds, values in the unit of `scale`."""

    key: str  # "power_shelf.psu_temp", or the name of a derived channel
    path: Path
    quantity: Quantity | None  # of a derived channel: None where its unit belongs to none
    scale: Scale
    rungs: Rungs
    every: float
    hold: float
    gap: float
    budget: Budget
    hysteresis: Tolerance
    u: Tolerance | None
    required: bool
    always: bool  # judged in all stage time, not in qualified time only
    latched: bool
    kind: Kind
    min_load: float | None


def quantity_of(dimension: Dimension) -> Quantity | None:
    """Return the quantity that values of a dimension belong to, if there is one."""
    return _BY_DIMENSION.get(dimension)


def channel_row(spec: Spec, role: str, name: str, entry: ChannelEntry, say: Say) -> Row | None:
    """Resolve one channel of a role; None, and said why, where its quantity is not known."""
    path: Path = ("roles", role, "channels", name)
    try:
        quantity = Quantity.of(entry.q)
    except UnitError as error:
        say((*path, "q"), str(error))
        return None
    layers = [(path, entry), *_outer(spec, quantity)]
    scale = Scale.of(quantity)
    return _Resolver(spec, layers, scale, say).row(f"{role}.{name}", path, quantity, layers[:1])


def derived_row(spec: Spec, name: str, entry: Derived, say: Say) -> Row | None:
    """Resolve one derived channel; None, and said why, where its unit is not known."""
    path: Path = ("derived", name)
    try:
        declared = unit(entry.unit)
    except UnitError as error:
        say((*path, "unit"), str(error))
        return None
    quantity = quantity_of(declared.dimension)
    layers = [(path, entry), *_outer(spec, quantity)]
    scale = Scale.of(quantity) if quantity else Scale(declared, declared.symbol)
    return _Resolver(spec, layers, scale, say).row(name, path, quantity, layers[:1])


def override_row(spec: Spec, row: Row, over: tuple[Path, Ladder], say: Say, *, alone: bool) -> Row:
    """Lay a stage's entry over a row; `alone`: none of the row's own limits remain."""
    layers = [over, (row.path, _entry(spec, row)), *_outer(spec, row.quantity)]
    ladders = layers[:1] if alone else layers[:2]
    return _Resolver(spec, layers, row.scale, say).row(row.key, row.path, row.quantity, ladders)


def loosened(row: Row, by: Row) -> list[str]:
    """Name what `by` tolerates that `row` does not."""
    rungs = {rung.key: not within(by.rungs.limits[rung], row.rungs.limits[rung]) for rung in Rung}
    others = {
        "hold": by.hold > row.hold,
        "gap": by.gap > row.gap,
        "budget": _budget_grew(row.budget, by.budget),
        "hysteresis": by.hysteresis < row.hysteresis,
        "u": row.u is not None and (by.u is None or by.u < row.u),
        "required": row.required and not by.required,
        "applies": row.always and not by.always,
        "min_load": (by.min_load or 0.0) > (row.min_load or 0.0),
    }
    return [key for key, looser in {**rungs, **others}.items() if looser]


def within(new: Bounds | None, old: Bounds | None) -> bool:
    """Say whether all that `new` allows `old` allows too, unbounded sides included."""
    if new is None or old is None:
        return old is None
    if old.names is not None or new.per_s != old.per_s:
        return new == old
    return new.low >= old.low and new.high <= old.high


def _budget_grew(old: Budget, new: Budget) -> bool:
    """Say whether a budget grew; a share and a time cannot be compared, so a change counts."""
    if (old.share is None) != (new.share is None):
        return True
    return (new.share or new.seconds or 0.0) > (old.share or old.seconds or 0.0)


def _entry(spec: Spec, row: Row) -> Ladder:
    """Return the entry of the file that a row was made from."""
    if row.path[0] == "derived":
        return spec.derived[str(row.path[1])]
    return spec.roles[str(row.path[1])].channels[str(row.path[3])]


def _outer(spec: Spec, quantity: Quantity | None) -> list[tuple[Path, Knobs]]:
    """Return what lies around a channel's own entry."""
    layers: list[tuple[Path, Knobs]] = [(("defaults",), spec.defaults)]
    if quantity and (knobs := spec.quantities.get(quantity.label)):
        layers.insert(0, (("quantities", quantity.label), knobs))
    return layers


class _Resolver:
    """Reads one row out of its layers, and says what does not fit."""

    def __init__(self, spec: Spec, layers: Layers, scale: Scale, say: Say) -> None:
        self.spec = spec
        self.layers = layers
        self.scale = scale
        self.say = say

    def find(self, key: str) -> tuple[Any, Path]:
        """Return a knob's innermost value and where it stands; None where there is none."""
        for path, knobs in self.layers:
            if (value := getattr(knobs, key)) is not None:
                return value, (*path, key)
        return None, (*self.layers[0][0], key)

    def row(self, key: str, path: Path, quantity: Quantity | None, ladders: Layers) -> Row:
        """Return the row; where something was missing, a value that nobody will use."""
        counter = self.find("kind")[0] or ("counter" if quantity is Quantity.COUNT else "gauge")
        row = Row(
            key=key,
            path=path,
            quantity=quantity,
            scale=self.scale,
            rungs=self._rungs(ladders),
            every=self._needed("every", 1.0),
            hold=self._needed("hold", 0.0),
            gap=self._gap(),
            budget=self._needed("budget", Budget()),
            hysteresis=self._tolerance("hysteresis") or Tolerance(),
            u=self._tolerance("u"),
            required=self.find("required")[0] is not False,
            always=self.find("applies")[0] == "always",
            latched=bool(self.find("latched")[0]),
            kind=Kind(counter),
            min_load=self.find("min_load")[0],
        )
        self._check(row)
        return row

    def _needed(self, key: str, otherwise: Any) -> Any:  # noqa: ANN401 -- any knob's own type
        """Return a knob that every channel must have from somewhere."""
        value, path = self.find(key)
        if value is None:
            self.say(path, f"no {key}; add it here, to the quantity or to defaults")
            return otherwise
        return value

    def _gap(self) -> float:
        """Return the tolerated silence: as long as an excursion may be, unless it says more."""
        gap = self.find("gap")[0]
        return float(self.find("hold")[0] or 0.0) if gap is None else float(gap)

    def _tolerance(self, key: str) -> Tolerance | None:
        """Return a width in the row's own unit."""
        amount, path = self.find(key)
        if amount is None:
            return None
        if self.scale.is_state:
            self.say(path, f"a {self.scale.name} has no {key}; remove it")
            return None
        try:
            return Tolerance.of(amount, self.scale)
        except LimitError as error:
            self.say(path, str(error))
            return None

    def _place(self, *keys: str) -> Path:
        """Return where the innermost of some knobs stands: it is what made them disagree."""
        for path, knobs in self.layers:
            for key in keys:
                if getattr(knobs, key) is not None:
                    return (*path, key)
        return (*self.layers[0][0], keys[0])

    def _check(self, row: Row) -> None:
        """Compare the times of a row with one another; a derived channel is not read."""
        bridged = row.latched or row.kind is Kind.COUNTER
        if row.gap > row.hold and not bridged:
            self.say(
                self._place("gap", "hold"),
                f"gap {row.gap:g} s is longer than hold {row.hold:g} s, so an excursion could hide "
                "in it; shorten it, or mark the channel latched if its device remembers",
            )
        slow = row.every > max(row.gap, row.hold) and row.path[0] != "derived"
        if slow or row.every <= 0:
            self.say(
                self._place("every", "gap", "hold"),
                f"read every {row.every:g} s, but its gap is {row.gap:g} s and its hold "
                f"{row.hold:g} s; read it more often, or let it be silent for longer",
            )
        self._check_hysteresis(row)

    def _check_hysteresis(self, row: Row) -> None:
        """Demand that every excursion has somewhere to end."""
        for bounds in row.rungs.limits:
            if bounds is None or bounds.names is not None or bounds.low == bounds.high:
                continue
            low_exit = bounds.low + row.hysteresis.at(bounds.low)
            if low_exit > bounds.high - row.hysteresis.at(bounds.high):
                text = f"nothing between {bounds.low:g} and {bounds.high:g} ends an excursion"
                self.say(self.find("hysteresis")[1], f"{text}; make the hysteresis smaller")

    def _rungs(self, ladders: Layers) -> Rungs:
        """Return the ladder in numbers, its nesting checked."""
        found: dict[str, tuple[Any, int]] = {}
        for key in ("nominal", *(rung.key for rung in Rung)):
            for depth, (_, ladder) in enumerate(ladders):
                if (value := getattr(ladder, key)) is not None:
                    found[key] = value, depth
                    break
        fresh = {key for key, (_, depth) in found.items() if depth == 0}
        path = ladders[0][0]
        nominal: float | None = None
        if "nominal" in found:
            nominal = self._nominal(found["nominal"][0], path)
        limits: list[Bounds | None] = [None] * len(Rung)
        for rung in Rung:
            if limit := found.get(rung.key):
                silent = not fresh & {"nominal", rung.key}
                limits[rung] = self._bounds(limit[0], nominal, (*path, rung.key), silent=silent)
        rungs = Rungs(nominal, tuple(limits))
        self._check_nesting(rungs, fresh, path)
        return rungs

    def _nominal(self, amount: Amount, path: Path) -> float | None:
        """Return the nominal value in the row's unit."""
        try:
            return self.scale.level(amount)
        except LimitError as error:
            self.say((*path, "nominal"), str(error))
            return None

    def _bounds(
        self, limit: Limit, nominal: float | None, path: Path, *, silent: bool
    ) -> Bounds | None:
        """Return one limit in numbers."""
        try:
            return limit.bounds(self.scale, nominal=nominal, constants=self.spec.design)
        except LimitError as error:
            if not silent:
                self.say(path, str(error))
            return None

    def _check_nesting(self, rungs: Rungs, fresh: set[str], path: Path) -> None:
        """Demand nominal inside warn inside fail inside trip, of what this entry has a say in."""
        for inner, outer in (
            (Rung.WARN, Rung.FAIL),
            (Rung.FAIL, Rung.TRIP),
            (Rung.WARN, Rung.TRIP),
        ):
            small, large = rungs.limits[inner], rungs.limits[outer]
            if not small or not large or not fresh & {inner.key, outer.key, "nominal"}:
                continue
            if small.per_s != large.per_s:
                text = f"{inner.key} and {outer.key} count over different times; use one"
                self.say((*path, inner.key), text)
            elif not small.inside(large):
                text = f"{inner.key} is not inside {outer.key}; narrow it or widen {outer.key}"
                self.say((*path, inner.key), text)
        for rung in Rung:
            bounds = rungs.limits[rung]
            if bounds is None or rungs.nominal is None or not fresh & {rung.key, "nominal"}:
                continue
            if not bounds.low <= rungs.nominal <= bounds.high:
                text = f"nominal is outside {rung.key}; correct one of them"
                self.say((*path, "nominal"), text)
                break
