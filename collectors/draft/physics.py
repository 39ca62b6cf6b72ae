"""Volts times amperes against watts: what one row says three times over finds a wrong scale."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from collectors.draft.group import Rule
from collectors.draft.meaning import USUAL
from collectors.quantity import Quantity, convert
from collectors.rows import number

AGREES: Final = (0.25, 1.3)  # watts a volt and ampere: the power factor, give or take rounding
LIKELY: Final = (0.4, 1.15)  # narrower: what a power of ten must lead to, to be believed
TENS: Final = (10.0, 100.0, 1000.0, 0.1, 0.01, 0.001)
SAME: Final = 1.15  # the highest voltage to the lowest, where both are one and the same feed
TOTAL: Final = (0.5, 3.0)  # an inlet to its outlets: it feeds more than them; less than a ten wide
WATTS_MIN: Final = 20.0  # below, rounding is too large a part

SPELLED: Final = frozenset((  # units that a name may spell out, which is as good as UNITS
    "watt", "watts", "kw", "kilowatts", "kwh", "wh", "va", "kva", "amps", "ampere", "amperes",
    "milliamps", "psi", "kpa", "rpm", "hz", "hertz", "volts", "vac", "vdc", "millivolts", "vars",
    "kvar", "degc", "degf", "celsius", "fahrenheit", "percent", "percentage", "pct",
))  # fmt: skip


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
        elif not row["voltage"] and len(row["current"]) == len(row["power"]) == 1:
            (current,), (power,) = row["current"], row["power"]
            if power.assumed and not current.assumed:
                _lean(current, power, _one_voltage(rules, power.seen.mib.module))
    for total in rules:
        if total.assumed and not total.grounded and total.says["quantity"] == "power":
            _sum_up(total, rows)


def _sum_up(total: Rule, rows: Mapping[str, Mapping[str, list[Rule]]]) -> None:
    """Believe the one power of a device where the rows below it draw about as much together."""
    watts = _value(total, next(iter(total.seen.values)))
    if total.seen.mib.row or watts < WATTS_MIN:
        return
    sums = [
        sum(_value(row["voltage"][0], s) * _value(row["current"][0], s)
            for s in row["current"][0].seen.values)
        for row in rows.values()
        if len(row.get("voltage", ())) == len(row.get("current", ())) == 1
        and row["current"][0].seen.mib.module == total.seen.mib.module
        and not row["current"][0].assumed
    ]  # fmt: skip
    most = max(sums, default=0.0)
    if most >= WATTS_MIN and TOTAL[0] <= watts / most <= TOTAL[1]:
        total.grounded = True
        total.why += f"; volts times amperes of all rows are {most:.0f} W"


def _one_voltage(rules: Sequence[Rule], module: str) -> float:
    """Return the voltage of a device where all that it shows of it is one; 0 for none."""
    volts = [
        value
        for rule in rules
        if rule.says["quantity"] == "voltage" and rule.seen.mib.module == module
        and not {"digits_from", "scale_from", "unit_from", "by"} & rule.says.keys()
        for suffix in rule.seen.values
        if (value := _value(rule, suffix)) > 0
    ]  # fmt: skip
    return median(volts) if volts and max(volts) <= SAME * min(volts) else 0.0


def _lean(current: Rule, power: Rule, volts: float) -> None:
    """Believe the watts of rows without a voltage by that of the device, or leave them as found."""
    ratios = [
        watts / (volts * amperes)
        for suffix in power.seen.values
        if volts and (watts := _value(power, suffix)) >= WATTS_MIN
        and (amperes := _value(current, suffix)) > 0
    ]  # fmt: skip
    if ratios and AGREES[0] <= median(ratios) <= AGREES[1]:
        power.grounded = True
        power.why += f"; {volts:.0f} V of the device times amperes are the watts"


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
            rule.grounded = True
            rule.sure, rule.why = "likely", f"{rule.why}; volts times amperes are the watts"
        return
    ten = next((ten for ten in TENS if LIKELY[0] <= ratio * ten <= LIKELY[1]), None)
    if len(assumed) == 1 and ten is not None:
        (rule,) = assumed
        factor = ten if rule is power else 1 / ten
        rule.says["scale"] = float(f"{rule.says.get('scale', 1.0) * factor:.9g}")
        rule.grounded = True
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


def believed(rule: Rule) -> bool:
    """Say whether a scale of 1 that nothing said can be kept all the same.

    So it is where its row or its like bear it out, where the values of its quantity lie in a
    narrow band, where the name spells a unit, and of a 0, which is 0 at every scale.
    """
    narrow = rule.says["quantity"] in USUAL and rule.says["quantity"] != "current"
    spelled = bool(SPELLED & set(rule.seen.words))
    return rule.grounded or narrow or spelled or not any(rule.seen.numbers)
