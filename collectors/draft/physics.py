"""Volts times amperes against watts: what one row says three times over finds a wrong scale."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Final

from collectors.draft.group import Rule
from collectors.quantity import Quantity, convert
from collectors.rows import number

AGREES: Final = (0.25, 1.3)  # watts a volt and ampere: the power factor, give or take rounding
LIKELY: Final = (0.4, 1.15)  # narrower: what a power of ten must lead to, to be believed
TENS: Final = (10.0, 100.0, 1000.0, 0.1, 0.01, 0.001)
WATTS_MIN: Final = 20.0  # below, rounding is too large a part


def weigh(rules: Sequence[Rule]) -> None:
    """Look at the rows that have a voltage, a current and a power, one of each.

    A scale that nothing said is set right; what was said is only put in doubt.
    """
    rows: dict[str, dict[str, list[Rule]]] = defaultdict(lambda: defaultdict(list))
    for rule in rules:
        if rule.seen.mib.row and not {"digits_from", "unit_from", "by"} & rule.says.keys():
            rows[rule.seen.mib.row][rule.says["quantity"]].append(rule)
    for row in rows.values():
        three = [row["voltage"], row["current"], row["power"]]
        if all(len(some) == 1 for some in three):
            _weigh(three[0][0], three[1][0], three[2][0])


def _weigh(voltage: Rule, current: Rule, power: Rule) -> None:
    """Compare the three of a row."""
    ratios = [
        watts / (volts * amperes)
        for suffix in power.seen.values
        if (watts := _value(power, suffix)) >= WATTS_MIN
        and (volts := _value(voltage, suffix)) > 0
        and (amperes := _value(current, suffix)) > 0
    ]
    if not ratios:
        return
    ratio = median(ratios)
    assumed = [rule for rule in (voltage, current, power) if rule.assumed]
    if AGREES[0] <= ratio <= AGREES[1]:
        for rule in assumed:
            rule.sure, rule.why = "likely", f"{rule.why}; volts times amperes are the watts"
        return
    ten = next((ten for ten in TENS if LIKELY[0] <= ratio * ten <= LIKELY[1]), None)
    if len(assumed) == 1 and ten is not None:
        (rule,) = assumed
        factor = ten if rule is power else 1 / ten
        rule.says["scale"] = float(f"{rule.says.get('scale', 1.0) * factor:.9g}")
        rule.why += "; scaled so that volts times amperes are the watts"
        return
    for rule in (voltage, current, power):
        rule.sure = "guess"
        rule.why += f"; but watts are {ratio:.2g} times volts times amperes"


def _value(rule: Rule, suffix: str) -> float:
    """Return a row's value as it would be read; 0 where it has none."""
    raw = number(rule.seen.values.get(suffix))
    if not raw > 0 or raw in rule.says.get("sentinels", ()):  # NaN is not above 0 either
        return 0.0
    scaled = raw * float(rule.says.get("scale", 1.0))
    return convert(scaled, rule.says["unit"], Quantity.of(rule.says["quantity"]))
