"""Two revisions of a spec, compared: what changed, what of it loosens the judgement, and where.

Every place at which the two differ is told, once. What it is worth comes from the channels that it
changes, after all that they inherit; elsewhere from a table (weighing.py).
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from agent.burnin.conditions import condition
from agent.burnin.consequence import KNOBS, Consequence, consequences, names_in, weigh
from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.expression import parse_condition
from agent.burnin.show import limit_text
from agent.burnin.spec import load_spec
from agent.burnin.weighing import weighed
from agent.burnin.weight import Weighed, Weight, heaviest
from collectors.document import Document, Path, parse

OPEN: Final = ("overrides", "affected", "check")  # of a stage: an absent one is an empty one
TABLES: Final = ("approved_by", "design", "quantities", "roles", "derived", "cabling")  # likewise
TEXT_MAX: Final = 200  # characters of what is written at a place; a whole stage has more


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of a spec, and the file that it was read from."""

    document: Document
    design: Design
    content: Mapping[str, Any]  # canonical; stages by their id

    @classmethod
    def read(cls, text: bytes, file: str) -> Self:
        """Read a spec. Raises: DocumentError with all that is wrong with it."""
        design = expand(load_spec(text, file))
        content = design.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        if "plan" in content:
            stages = content["plan"].get("stages", [])
            content["plan"]["stages"] = {stage["id"]: stage for stage in stages}
        return cls(parse(text, file), design, content)

    def place(self, path: Path) -> Path:
        """Return where in the file a path of the content lies: stages have a number there."""
        if path[:2] != ("plan", "stages") or len(path) < 3:
            return path
        number = list(self.content["plan"]["stages"]).index(path[2])
        return (*path[:2], number, *path[3:])

    def line(self, path: Path) -> int:
        """Return on which line something stands."""
        return self.document.problem(self.place(path), "").line

    def written(self, path: Path) -> str:
        """Return what stands there, as it is written."""
        found: Any = self.document.data
        for step in self.place(path):
            if not isinstance(found, dict | list):  # a short form, such as `skip`
                break
            found = found[step]  # type: ignore[call-overload] # a path of this very document
        return _flow(found)[:TEXT_MAX]


def _flow(value: object) -> str:
    """Write a value on one line, as YAML has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


class Change(NamedTuple):
    """One place at which two revisions differ."""

    weight: Weight
    key: str  # "plan.stages.full_soak.duration"
    file: str
    line: int  # of the newer file; where the place is gone, of the older one
    old: str | None  # as written; None: not there
    new: str | None
    text: str  # by how much, or why
    consequences: tuple[Consequence, ...]  # for channels


def difference(old: Revision, new: Revision) -> list[Change]:
    """Return all that differs: what is looser first, in the order of the newer file."""
    found = consequences(old.design, new.design, old.content, new.content)
    changes = [
        _change(old, new, path, ends, found)
        for path, *ends in _places(old.content, new.content, ())
    ]
    if (moved := _moved(old, new)) is not None:
        changes.append(moved)
    return sorted(changes, key=lambda change: (change.weight, change.line))


def _places(old: Any, new: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:  # noqa: ANN401 -- documents of any shape
    """Yield every place at which two documents differ, as deep as both have it."""
    if (len(path) == 1 and path[0] in TABLES) or (len(path) == 4 and path[-1] in OPEN):
        old, new = old or {}, new or {}
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys: dict[Hashable, None] = dict.fromkeys([*old, *new])
        for key in keys:
            yield from _places(old.get(key), new.get(key), (*path, key))
    elif old != new:
        yield path, old, new


def _change(
    old: Revision, new: Revision, path: Path, ends: list[Any], found: list[Consequence]
) -> Change:
    """Weigh one difference."""
    caused = tuple(c for c in found if _comes_from(c, path))
    weight, text = _judged(old, new, path, ends, caused)
    there = new if ends[1] is not None else old
    return Change(
        weight=weight,
        key=".".join(map(str, path)),
        file=there.document.file,
        line=there.line(path),
        old=None if ends[0] is None else old.written(path),
        new=None if ends[1] is None else new.written(path),
        text=text,
        consequences=caused,
    )


def _comes_from(consequence: Consequence, path: Path) -> bool:
    """Say whether a place of the file, or all below it, is what a row differs by.

    The uncertainty of a derived channel comes from those of all that it reads.
    """
    if not consequence.sources:
        return consequence.knob == path[-1] == "u"
    return any(source[: len(path)] == path for source in consequence.sources)


def _judged(
    old: Revision, new: Revision, path: Path, ends: list[Any], caused: tuple[Consequence, ...]
) -> Weighed:
    """Return what a difference is worth, and by how much."""
    if path[0] == "design":
        return _constant(new, str(path[1]), caused)
    if caused:
        return Weighed(heaviest(c.weighed.weight for c in caused), "")
    if path[0] in ("defaults", "quantities") or path[-1] in KNOBS:
        return Weighed(Weight.NEUTRAL, "no channel stands otherwise by it")
    conditions = path[-1] == "all" or path[-2:-1] == ("check",)
    compared = _conditions(old, new, ends) if conditions else None
    return weighed(path, *ends) if compared is None else compared


def _constant(new: Revision, name: str, caused: tuple[Consequence, ...]) -> Weighed:
    """Weigh a design constant: by the limits that it sets, unless expressions compute with it."""
    using = [key for key, entry in new.design.spec.derived.items() if name in names_in(entry.expr)]
    weight = heaviest(c.weighed.weight for c in caused)
    if using and weight is not Weight.LOOSER:
        return Weighed(Weight.UNCLEAR, f"{', '.join(using)} computed with it")
    return Weighed(weight, f"{', '.join(using)} computed with it" if using else "")


def _conditions(old: Revision, new: Revision, ends: list[Any]) -> Weighed | None:
    """Compare conditions that differ in their limits alone; None where there is more to it."""
    ones, others = ([end] if isinstance(end, str) else end or [] for end in ends)
    if len(ones) != len(others):
        return None
    found = []
    for one, other in zip(ones, others, strict=True):
        if one == other:
            continue
        if _left(one) != _left(other):
            return None
        bounds = condition(old.design, one).bounds, condition(new.design, other).bounds
        shown = " to ".join(limit_text(each, None) or "" for each in bounds)
        found.append(Weighed(weigh(*bounds), f"{_left(one)} {shown}"))
    return Weighed(heaviest(f.weight for f in found), "; ".join(f.text for f in found))


def _left(text: str) -> str:
    """Return what a condition speaks of."""
    return text.removesuffix(str(parse_condition(text)[1])).strip()


def _moved(old: Revision, new: Revision) -> Change | None:
    """Say whether stages that both have are in another order."""
    orders = [list(r.content.get("plan", {}).get("stages", {})) for r in (old, new)]
    shared = [[name for name in order if name in {*orders[0]} & {*orders[1]}] for order in orders]
    if shared[0] == shared[1]:
        return None
    return Change(
        weight=Weight.UNCLEAR,
        key="plan.stages",
        file=new.document.file,
        line=new.line(("plan", "stages")),
        old=", ".join(orders[0]),
        new=", ".join(orders[1]),
        text="the stages are in another order",
        consequences=(),
    )
