"""Drafted rules: objects of a walk become lines of a profile, alone or with their table's columns.

Decimal digits, scales and units are found among the columns with the same index, also in another
table.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Final

from collectors.draft.group import Group, Rule, groups
from collectors.draft.meaning import Meant, Seen, measured, past, plausible, refused
from collectors.draft.naming import name_of
from collectors.draft.physics import believed, weigh
from collectors.draft.sensors import digits_of, scale_beside, sensors
from collectors.draft.states import good_states, is_state, state_names
from collectors.draft.words import split

READ_ONLY: Final = ("read-only", "accessible-for-notify", "")
WRITABLE_SHARE: Final = 0.9  # of a module's numbers: so many only where nobody gave it a thought


def drafted(objects: Sequence[Seen]) -> list[Group]:
    """Return the groups of a walk's objects with a rule for each that is a reading or a state."""
    done = groups(objects)
    units = [seen for seen in objects if _selects_degrees(seen)]
    open_ = _writable(objects)
    for group in done:
        _draft(group, units, open_)
    rules = [rule for group in done for rule in group.rules]
    _agreed(rules)
    weigh(rules)
    for group in done:
        _leave(group)
    return done


def _leave(group: Group) -> None:
    """Leave out the readings whose scale nothing bears out, and tell it."""
    for rule in [r for r in group.rules if r.assumed and not believed(r)]:
        group.rules.remove(rule)
        largest = max(rule.seen.numbers, key=abs)
        told = f"{rule.why}, and nothing says how much {largest:g} is"
        group.left.append(f"{_called(rule.seen)}: {told}")


def _called(seen: Seen) -> str:
    """Return the name of an object as a person finds it in its MIB."""
    return f"{seen.mib.module} {seen.mib.name}"


def _agreed(rules: Sequence[Rule]) -> None:
    """Give a reading of which nothing says the scale that of its like, where they all have one."""
    known: dict[tuple[str, str], set[tuple[str, float]]] = defaultdict(set)
    for rule in rules:
        if not rule.assumed and "unit" in rule.says and "digits_from" not in rule.says:
            key = rule.seen.mib.module, rule.says["quantity"]
            known[key].add((rule.says["unit"], rule.says.get("scale", 1.0)))
    for rule in rules:
        like = known.get((rule.seen.mib.module, rule.says.get("quantity", "")), set())
        if not rule.assumed or len(like) != 1:
            continue
        ((unit, scale),) = like
        numbers = [n for n in rule.seen.numbers if n not in rule.says.get("sentinels", ())]
        if plausible(rule.says["quantity"], unit, scale, numbers):
            rule.says |= {"unit": unit} | ({"scale": scale} if scale != 1.0 else {})
            rule.grounded = True
            rule.why += f"; scaled as its like in {rule.seen.mib.module}"


def _writable(objects: Sequence[Seen]) -> set[str]:
    """Return the modules whose authors let nearly all be written: there it says nothing."""
    numeric = [seen for seen in objects if seen.numbers and not seen.enumerated]
    every = Counter(seen.mib.module for seen in numeric)
    written = Counter(s.mib.module for s in numeric if s.mib.access not in READ_ONLY)
    return {name for name, n in every.items() if written[name] >= WRITABLE_SHARE * n}


def _draft(group: Group, units: Sequence[Seen], open_: set[str]) -> None:
    """Draft the rules of one group; `open_`: the modules where all can be written."""
    taken: set[str] = set()
    if group.index:
        for value in group.members:
            if (rule := sensors(group, value)) is not None:
                group.rules.append(rule)
                taken.add(value.mib.oid)
    for seen in group.members:
        if seen.mib.oid in taken:
            continue
        rule = _state(group, seen) or _reading(
            group, seen, units, guarded=seen.mib.module not in open_
        )
        if rule is not None:
            group.rules.append(rule)


def _state(group: Group, seen: Seen) -> Rule | None:
    """Draft a state."""
    if not is_state(seen):
        return None
    good = good_states(seen)
    says: dict[str, Any] = {"quantity": "state", "states": state_names(seen.mib.syntax.named)}
    if good:
        says["good"] = good
    why = "states by DESCRIPTION" if seen.listed else "an enumeration"
    why += "; which states are good is a guess" if good else ""
    return Rule(
        group.key, name_of(group, seen), says, "guess" if seen.listed else "likely", why, seen
    )


def _reading(
    group: Group, seen: Seen, units: Sequence[Seen], *, guarded: bool = True
) -> Rule | None:
    """Draft a reading; None for what is a setting, a limit, a memory or nothing at all."""
    if refused(seen, guarded=guarded) or past(seen):
        return None
    meant = measured(seen)
    if meant is None:
        return None
    says, sure, why = _says(meant), meant.sure, meant.why
    if digits := digits_of(group, seen):
        says.pop("scale", None)
        says["digits_from"] = group.column(digits)
        why += f"; digits by {digits.mib.name}"
    elif scale := scale_beside(group, seen):
        says["scale_from"] = scale
        why += f"; scale by {scale['column']}"
    if meant.quantity == "temperature" and meant.any_unit:
        for other in units:
            says |= _degrees(group, seen, other)
            if "unit_from" in says:
                says.pop("unit", None)
                why += f"; degrees by {other.mib.name}"
                break
    told = bool(digits) or "scale_from" in says
    if meant.doubt and not told:
        group.left.append(f"{_called(seen)}: {meant.doubt}")
        return None
    assumed = sure == "guess" and not meant.known_scale and meant.scale == 1.0 and not told
    return Rule(group.key, name_of(group, seen), says, sure, why, seen, assumed)


def _says(meant: Meant) -> dict[str, Any]:
    """Return a meaning as a profile says it."""
    says: dict[str, Any] = {"quantity": meant.quantity}
    if meant.unit:
        says["unit"] = meant.unit
    if meant.scale != 1.0:
        says["scale"] = float(f"{meant.scale:.9g}")
    if meant.sentinels:
        says["sentinels"] = list(meant.sentinels)
    if meant.pattern:
        says["pattern"] = meant.pattern
    return says


def _selects_degrees(seen: Seen) -> bool:
    """Say whether an object's states are the two kinds of degrees."""
    units = {said_degrees(label) for label in seen.mib.syntax.named.values()}
    return {"degC", "degF"} <= units


def said_degrees(label: str) -> str:
    """Return which degrees a label names; "" for none."""
    words = split(label)
    if {"c", "celsius", "degc", "centigrade", "metric"} & set(words):
        return "degC"
    return "degF" if {"f", "fahrenheit", "degf", "us"} & set(words) else ""


def _degrees(group: Group, seen: Seen, other: Seen) -> dict[str, Any]:
    """Return how a temperature's unit is told by another object, where it can reach its rows."""
    unit_map = {
        n: unit for n, label in other.mib.syntax.named.items() if (unit := said_degrees(label))
    }
    if not other.mib.row:
        return {"unit_from": {"column": ("object", other.mib.oid), "map": unit_map}}
    if group.index and set(seen.values) <= set(other.values):
        return {"unit_from": {"column": group.column(other), "map": unit_map}}
    return {}
