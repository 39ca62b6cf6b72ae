"""What the standard sensor MIB leaves open: light in watts, and units that are only shown.

ENTITY-SENSOR-MIB knows no dBm. Switches give the power of a laser in watts, as of a power supply,
and only its name tells; or they say `other` and write the unit as text.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

from collectors.draft.phrase import said
from collectors.rows import Value, text
from collectors.rule import below

TYPE: Final = "1.3.6.1.2.1.99.1.1.1.1"
SHOWN: Final = "1.3.6.1.2.1.99.1.1.1.6"  # entPhySensorUnitsDisplay
NAMES: Final = {"descr": "1.3.6.1.2.1.47.1.1.1.1.2", "name": "1.3.6.1.2.1.47.1.1.1.1.7"}
WATTS: Final = 6
UNNAMED: Final = (1, 2)  # other, unknown
OPTICAL: Final = (
    r"(?i)\b([rt]x|receive|transmit|laser|optic(al)?|dom|lane)\b.*\b(power|light|level|pwr)\b"
)


def light(rows: Mapping[str, Value]) -> list[str]:
    """Return the lines of a table for light and shown units, where a walk has such sensors."""
    kinds = {oid[len(TYPE) + 1 :]: v for oid, v in rows.items() if below(oid, TYPE)}
    found = []
    for column, oid in NAMES.items():
        if any(v == WATTS and _optical(rows.get(f"{oid}.{s}")) for s, v in kinds.items()):
            where = f"{{type: {WATTS}, {column}: {{matches: {json.dumps(OPTICAL)}}}}}"
            why = 'drafted: {sure: likely, why: "watts of a sensor that is named for light"}'
            found.append(
                f'      light_by_{column}: {{name: "optical_power/{{name|descr|index}}", '
                f"where: {where}, quantity: optical_power, unit: W, {why}}}"
            )
    units = sorted({text(rows.get(f"{SHOWN}.{s}")) for s, v in kinds.items() if v in UNNAMED})
    cases = {unit: phrase for unit in units if (phrase := said(unit))}
    for number, (unit, phrase) in enumerate(cases.items()):
        where = f"{{type: {list(UNNAMED)}, shown: {json.dumps(unit)}}}"
        why = 'drafted: {sure: likely, why: "the unit that the sensor shows"}'
        found.append(
            f'      shown_{number}: {{name: "{phrase.quantity}/{{name|descr|index}}", '
            f"where: {where}, quantity: {phrase.quantity}, unit: {json.dumps(phrase.unit)}, {why}}}"
        )
    if not found:
        return []
    return ["  more_sensors:", "    extends: sensor", f"    columns: {{shown: {SHOWN}}}",
            "    channels:", *found]  # fmt: skip


def _optical(name: Value) -> bool:
    """Say whether a sensor is named for light."""
    return re.search(OPTICAL, text(name)) is not None
