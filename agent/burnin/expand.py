"""A spec to a design: roles times count times parts, ports from cables, formulas from words."""

from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Final, NamedTuple

from agent.burnin.cabling import ports
from agent.burnin.derive import compiled, reads
from agent.burnin.design import DERIVED, Derivation, Design, SpecChannel, scope_of
from agent.burnin.dimension import spell
from agent.burnin.expression import ExpressionError, Node, parse
from agent.burnin.format import Derived, Role, Spec
from agent.burnin.formula import Formula, Scope
from agent.burnin.rows import Row, Say, channel_row, derived_row
from agent.burnin.uncertainty import propagate
from collectors.document import Path
from collectors.quantity import unit

CHANNELS_MAX: Final = 20_000  # a rack has 700; more is a slip in a count


class _Entry(NamedTuple):
    """One derived channel on its way."""

    place: int
    row: Row
    derived: Derived
    this: str | None  # the device it is computed for
    tree: Node | None  # None: there is no telling what it would be


def refuse(path: Path, text: str) -> None:
    """Fail: a spec that was loaded has no problems left."""
    raise AssertionError(f"{path}: {text}")


def expand(spec: Spec, say: Say = refuse) -> Design:
    """Return the design of a spec; `say` hears of everything that does not fit."""
    return _Expansion(spec, say).design()


def instances(spec: Spec) -> dict[str, str]:
    """Return every device of a spec and the role it plays."""
    return {device: name for name, role in spec.roles.items() for device in devices(name, role)}


def devices(name: str, role: Role) -> list[str]:
    """Return the devices of a role: as named, or the role's name with a number from 1 on."""
    if role.names:
        return role.names
    count = role.count or 0
    return [name] if count == 1 else [f"{name}{n}" for n in range(1, count + 1)]


class _Expansion:
    """Builds a design step by step; every step notes what is wrong and goes on."""

    def __init__(self, spec: Spec, say: Say) -> None:
        self.spec = spec
        self.say = say
        self.roles = instances(spec)
        self.ports = ports(spec, self.roles, say)
        self.channels: list[SpecChannel] = []

    def design(self) -> Design:
        """Return the design."""
        for name, role in self.spec.roles.items():
            for channel, entry in role.channels.items():
                row = channel_row(self.spec, name, channel, entry, self.say)
                if row:
                    self._measured(name, row)
        measured = len(self.channels)
        first = {device: n for n, device in enumerate(self.roles)}
        self.channels.sort(key=lambda channel: first.get(channel.device, 0))
        entries = [
            entry
            for name, derived in self.spec.derived.items()
            if (row := derived_row(self.spec, name, derived, self.say))
            for entry in self._derived(row, derived)
        ]
        broken: set[int] = set()
        derivations = [
            self._derivation(entry, scope_of(self.channels, self.spec.design, entry.this), broken)
            for entry in self._ordered(entries)
        ]
        uncertainties = propagate(self.spec, self.channels, derivations, broken, self.say)
        channels = tuple(
            replace(channel, u=u) for channel, u in zip(self.channels, uncertainties, strict=True)
        )
        return Design.of(self.spec, self.roles, channels, measured, tuple(derivations))

    def _add(self, device: str, part: str | None, role: str, row: Row, cabled: str | None) -> None:
        """Add one channel."""
        if len(self.channels) >= CHANNELS_MAX:
            return
        name = str(row.path[-1]) if part is None else f"{row.path[-1]}[{part}]"
        self.channels.append(
            SpecChannel(device=device, name=name, part=part, role=role, row=row, cabled=cabled)
        )

    def _measured(self, name: str, row: Row) -> None:
        """Add all channels of a row of a role."""
        role = self.spec.roles[name]
        per = role.channels[str(row.path[-1])].per
        parts = [f"{per.name}{n}" for n in range(1, per.number + 1)] if per else [None]
        if role.origin == "cabling":
            for port in self.ports:
                if port.optics or row.required:
                    for part in parts:
                        label = port.port if part is None else f"{port.port},{part}"
                        self._add(port.device, label, name, row, port.speed)
            return
        for device in devices(name, role):
            for part in parts:
                self._add(device, part, name, row, None)

    def _derived(self, row: Row, derived: Derived) -> list[_Entry]:
        """Add the channels of a derived row."""
        found: list[str | None] = [None]
        if derived.per is not None:
            role = self.spec.roles.get(derived.per)
            found = list(devices(derived.per, role)) if role else []
            if not found:
                self.say((*row.path, "per"), f"there is no role {derived.per!r} with devices")
        tree = None
        try:
            tree = parse(derived.expr)
        except ExpressionError as error:
            self.say((*row.path, "expr"), str(error))
        entries = [
            _Entry(len(self.channels) + n, row, derived, d, tree) for n, d in enumerate(found)
        ]
        for entry in entries:
            self._add(DERIVED, entry.this, "", row, None)
        return entries

    def _ordered(self, entries: list[_Entry]) -> list[_Entry]:
        """Return them so that each comes after what it reads; those in a circle last."""
        by_index = {entry.place: entry for entry in entries}
        graph = {}
        for entry in entries:
            scope = scope_of(self.channels, self.spec.design, entry.this)
            graph[entry.place] = by_index.keys() & (reads(entry.tree, scope) if entry.tree else ())
        try:
            return [by_index[index] for index in TopologicalSorter(graph).static_order()]
        except CycleError as error:
            circle = {by_index[index].row.key: by_index[index] for index in error.args[1]}
            for entry in circle.values():
                text = f"computed from itself, by way of {', '.join(circle)}; break the circle"
                self.say((*entry.row.path, "expr"), text)
                by_index[entry.place] = entry._replace(tree=None)
            return sorted(by_index.values(), key=lambda entry: entry.tree is not None)

    def _derivation(self, entry: _Entry, scope: Scope, broken: set[int]) -> Derivation:
        """Compile the expression of one derived channel; add it to `broken` if that fails."""
        place, row, derived, _, tree = entry
        scope.broken = broken
        formula = Formula(None, lambda inputs: inputs.values[place])
        try:
            if tree is not None:
                formula = compiled(tree, scope)
        except ExpressionError as error:
            self.say((*row.path, "expr"), str(error))
        for name in dict.fromkeys(scope.unknown):
            text = f"there is no channel or constant {name!r}; correct the name"
            self.say((*row.path, "expr"), text)
        if formula.dimension is not None and formula.dimension != unit(derived.unit).dimension:
            text = f"the expression gives {spell(formula.dimension)}, not {derived.unit}"
            self.say((*row.path, "unit"), f"{text}; correct one of them")
            formula = replace(formula, dimension=None)
        if formula.dimension is None:
            broken.add(place)
        windows = tuple(scope.windows)
        return Derivation(
            place, formula.evaluate, formula.reads, derived.window, windows, formula.smooth
        )
