"""A folder of MIBs, asked what the objects of a walk are.

Every file of the folder is cut into definitions; only those that the walk has objects of are read
in full. What a file lacks (an import, a standard MIB) is looked for in all the others, and what
nobody has is told by name; the rest goes on.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from collectors.mib.cut import Definition, Module, modules
from collectors.mib.grammar import Clauses, Syntax, UnreadableError, clauses, syntax

FILES_MAX: Final = 20_000  # the largest public collections have 5,000
FILE_BYTES_MAX: Final = 32_000_000  # the largest MIB known has 3 MB
DEPTH_MAX: Final = 64  # of names that stand on one another; more is a circle
ROOTS: Final = {  # what the standard modules define, where the folder lacks them
    "ccitt": "0", "iso": "1", "org": "1.3", "dod": "1.3.6", "internet": "1.3.6.1",
    "directory": "1.3.6.1.1", "mgmt": "1.3.6.1.2", "mib-2": "1.3.6.1.2.1", "mib": "1.3.6.1.2.1",
    "transmission": "1.3.6.1.2.1.10", "experimental": "1.3.6.1.3", "private": "1.3.6.1.4",
    "enterprises": "1.3.6.1.4.1", "security": "1.3.6.1.5", "snmpV2": "1.3.6.1.6",
    "snmpModules": "1.3.6.1.6.3", "system": "1.3.6.1.2.1.1", "interfaces": "1.3.6.1.2.1.2",
    "ifTable": "1.3.6.1.2.1.2.2", "ifEntry": "1.3.6.1.2.1.2.2.1",
}  # fmt: skip
BUILT_IN: Final = {  # types of SMI, and of SNMPv2-TC where the folder lacks it
    **{name: name for name in (
        "INTEGER", "OCTET STRING", "OBJECT IDENTIFIER", "BITS", "Integer32", "Unsigned32",
        "Counter", "Counter32", "Counter64", "Gauge", "Gauge32", "TimeTicks", "IpAddress",
        "NetworkAddress", "Opaque", "NULL",
    )},
    "DisplayString": "OCTET STRING", "SnmpAdminString": "OCTET STRING", "PhysAddress":
    "OCTET STRING", "MacAddress": "OCTET STRING", "DateAndTime": "OCTET STRING",
    "TestAndIncr": "INTEGER", "InterfaceIndex": "Integer32", "InterfaceIndexOrZero": "Integer32",
    "TimeStamp": "TimeTicks", "TimeInterval": "INTEGER", "AutonomousType": "OBJECT IDENTIFIER",
    "RowPointer": "OBJECT IDENTIFIER", "EntPhysicalIndex": "Integer32",
    "PhysicalIndex": "Integer32", "Float32TC": "OCTET STRING", "UTF8String": "OCTET STRING",
}  # fmt: skip
TRUTH: Final = Syntax("INTEGER", {1: "true", 2: "false"})
ROW_STATUS: Final = Syntax("INTEGER", {
    1: "active", 2: "notInService", 3: "notReady", 4: "createAndGo", 5: "createAndWait",
    6: "destroy",
})  # fmt: skip
KNOWN: Final = {"TruthValue": TRUTH, "RowStatus": ROW_STATUS}


class Arc(NamedTuple):
    """One part of a row's index: the object it is the value of, and how it stands in an OID."""

    name: str
    width: int  # as in collectors/rule.py: 0 a length and octets, -1 all that remain
    named: Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MibObject:
    """An object that a walk has, as its MIB describes it."""

    module: str
    name: str
    oid: str
    syntax: Syntax  # resolved: a type of SMI, with the names and hint of what lay between
    type_name: str  # as written, such as DisplayString or a vendor's own
    units: str
    access: str
    description: str
    row: str  # the OID of the table's row; "" for a single object
    table: str  # the name of the row's object
    index: tuple[Arc, ...]


@dataclass(slots=True)
class Library:
    """The modules of a folder by name, and what was wrong with any."""

    modules: dict[str, Module]
    notes: list[str] = field(default_factory=list)
    _oids: dict[tuple[str, str], str] = field(default_factory=dict)
    _read: dict[tuple[str, str], Clauses] = field(default_factory=dict)
    _anywhere: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _objects: dict[str, list[tuple[str, Definition]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @classmethod
    def open(cls, folder: Path) -> "Library":
        """Cut every file of a folder. Raises: OSError where there is none."""
        found: dict[str, Module] = {}
        notes: list[str] = []
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder} is no folder")
        for path in files[:FILES_MAX]:
            if path.stat().st_size > FILE_BYTES_MAX:
                notes.append(f"{path.name}: larger than {FILE_BYTES_MAX} bytes; left out")
                continue
            told = list(modules(_text(path.read_bytes()), path.name))
            if not told:
                notes.append(f"{path.name}: no MIB module in it; left out")
            for each in told:
                found.setdefault(each.name, each)
        library = cls(found, notes)
        library._index()
        return library

    def _index(self) -> None:
        """Find every object's place in the tree."""
        for module in self.modules.values():
            for name in module.definitions:
                self._anywhere[name].append(module.name)
        lost: dict[str, list[str]] = defaultdict(list)
        for module in self.modules.values():
            for name, definition in module.definitions.items():
                if not definition.place:
                    continue
                oid = self._oid(module.name, name, 0)
                if oid is None:
                    lost[module.name].append(name)
                elif definition.kind == "OBJECT-TYPE":
                    self._objects[oid].append((module.name, definition))
        for name, some in lost.items():
            absent = sorted(set(self.modules[name].imports.values()) - self.modules.keys())
            why = f" ({', '.join(absent)} is not in the folder)" if absent else ""
            self.notes.append(f"{name}: {len(some)} of its names have no place{why}; left out")

    def _oid(self, module: str, name: str, depth: int) -> str | None:
        """Return where a name lies; None where what it stands on is not known."""
        key = (module, name)
        if key in self._oids:
            return self._oids[key]
        definition = self.modules[module].definitions.get(name)
        if definition is None or not definition.place or depth > DEPTH_MAX:
            return None
        first, *rest = definition.place
        parent = first if first.isdecimal() else self._parent(module, first, name, depth)
        if parent is None:
            return None
        self._oids[key] = ".".join([parent, *rest])
        return self._oids[key]

    def _parent(self, module: str, name: str, child: str, depth: int) -> str | None:
        """Return where a parent lies: in its module, where it is imported from, or anywhere."""
        for place in self._places(module, name):
            if (place, name) != (module, child) and (oid := self._oid(place, name, depth + 1)):
                return oid
        return ROOTS.get(name)

    def _places(self, module: str, name: str) -> Iterable[str]:
        """Yield the modules that may define a name, the likeliest first."""
        own = self.modules[module]
        if name in own.definitions:
            yield module
        source = own.imports.get(name, "")
        if source in self.modules and name in self.modules[source].definitions:
            yield source
        yield from (each for each in self._anywhere.get(name, ()) if each not in (module, source))

    def of(self, oids: Iterable[str]) -> dict[str, MibObject]:
        """Return what the objects of a walk are: OID of a column or object -> what it is.

        Where several modules describe one object, the one that describes most of the walk counts.
        """
        present: set[str] = set()
        for oid in oids:
            place = oid
            while place and place not in self._objects:
                place = place.rpartition(".")[0]
            if place and place != oid:
                present.add(place)
        weight = Counter(name for oid in present for name, _ in self._objects[oid])
        found = {}
        for oid in sorted(present, key=lambda text: [int(arc) for arc in text.split(".")]):
            told = sorted(self._objects[oid], key=lambda each: (-weight[each[0]], each[0]))
            for module, definition in told:
                if (read := self._object(module, definition, oid)) is not None:
                    found[oid] = read
                    break
        return found

    def place(self, module: str, name: str) -> str | None:
        """Return where a module's object lies."""
        return self._oids.get((module, name))

    def called(self, oid: str) -> str:
        """Return a name that the folder has for a place in the tree; "" for none."""
        return next((name for (_, name), place in self._oids.items() if place == oid), "")

    def _object(self, module: str, definition: Definition, oid: str) -> MibObject | None:
        """Return one object; None, with a note, where its definition cannot be read."""
        said = self._clauses(module, definition)
        if said is None:
            return None
        resolved = self._resolved(module, said.syntax, 0)
        if resolved.name in ("row", "conceptualTable", "SEQUENCE"):
            return None
        row, _, _ = oid.rpartition(".")
        parent = next(iter(self._objects.get(row, ())), None)
        return MibObject(
            module=module,
            name=definition.name,
            oid=oid,
            syntax=resolved,
            type_name=said.syntax.name,
            units=said.units,
            access=said.access,
            description=said.description,
            row=row if parent else "",
            table=parent[1].name if parent else "",
            index=self._arcs(*parent, 0) if parent else (),
        )

    def _clauses(self, module: str, definition: Definition) -> Clauses | None:
        """Read a definition once; note it where that fails."""
        key = (module, definition.name)
        if key not in self._read:
            try:
                self._read[key] = clauses(definition)
            except UnreadableError as error:
                place = f"{self.modules[module].file}:{definition.line}"
                note = f"{place}: {definition.name}: {error}; left out"
                if note not in self.notes:
                    self.notes.append(note)
                return None
        return self._read[key]

    def _resolved(self, module: str, given: Syntax, depth: int) -> Syntax:
        """Return a type down to one of SMI; what the outer one says counts."""
        if given.name in KNOWN and given.name not in self.modules[module].definitions:
            inner = KNOWN[given.name]
        elif given.name in BUILT_IN and given.name not in self._anywhere:
            return Syntax(BUILT_IN[given.name], given.named, given.spans, given.hint)
        elif depth > DEPTH_MAX or (place := self._type(module, given.name)) is None:
            return given
        else:
            inner = self._resolved(place[0], place[1], depth + 1)
        return Syntax(
            inner.name,
            given.named or inner.named,
            given.spans or inner.spans,
            given.hint or inner.hint,
        )

    def _type(self, module: str, name: str) -> tuple[str, Syntax] | None:
        """Return a type by name, and the module it was found in."""
        for place in self._places(module, name):
            definition = self.modules[place].definitions[name]
            if definition.kind:
                continue
            try:
                return place, syntax(definition)
            except UnreadableError:
                continue
        return None

    def _arcs(self, module: str, row: Definition, depth: int) -> tuple[Arc, ...]:
        """Return the index of a row, by the objects that it names."""
        said = self._clauses(module, row)
        if said is None or depth > DEPTH_MAX:
            return ()
        if said.augments:
            for place in self._places(module, said.augments):
                return self._arcs(place, self.modules[place].definitions[said.augments], depth + 1)
        found = []
        for number, name in enumerate(said.index):
            kind = self._index_syntax(module, name)
            last = number == len(said.index) - 1
            found.append(Arc(name, _width(kind, implied=last and said.implied), kind.named))
        return tuple(found)

    def _index_syntax(self, module: str, name: str) -> Syntax:
        """Return the type of what a row is selected by: an object, or in SMIv1 a bare type."""
        for place in self._places(module, name):
            definition = self.modules[place].definitions[name]
            if definition.kind == "OBJECT-TYPE" and (said := self._clauses(place, definition)):
                return self._resolved(place, said.syntax, 0)
        return self._resolved(module, Syntax(name), 0)


def _width(kind: Syntax, *, implied: bool) -> int:
    """Return how many arcs a value takes in an OID (RFC 2578 §7.7)."""
    if kind.name in ("IpAddress", "NetworkAddress"):
        return 4
    if kind.name in ("OCTET STRING", "Opaque", "BITS", "OBJECT IDENTIFIER"):
        lengths = {length for span in kind.spans for length in span}
        if len(lengths) == 1:
            return lengths.pop()
        return -1 if implied else 0
    return 1


def _text(octets: bytes) -> str:
    """Return a file's text; most are ASCII, some have a name in Latin-1."""
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        return octets.decode("latin-1")
