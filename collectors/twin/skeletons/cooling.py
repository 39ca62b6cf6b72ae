"""Skeletons of what takes heat out of the air: coolers at the back of a rack or beside it."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from collectors.snmp.ber import Tag
from collectors.twin.objects import Object, fixed
from collectors.twin.skeletons.body import FIRMWARE, SERIAL, Body, integers, row, system, under

LCP: Final = 2  # the number of the package among what hangs on a processing unit
PLACES: Final = ("Top", "Center", "Bottom", "Average")


def apc_inrow(_body: Body) -> list[Object]:
    """Imitate an InRow RC. Source: PowerNet-MIB, airIRRC group."""
    unit = "1.3.6.1.4.1.318.1.1.13.3"
    descr = "APC Web/SNMP Management Card (simulated MN:ACRC-SIM)"
    objects = system("1.3.6.1.4.1.318.1.3.14.5", descr)
    identity: dict[str, int | str] = {"4.0": "ACRC-SIM", "5.0": SERIAL, "6.0": FIRMWARE}
    objects += under(f"{unit}.2.2.1", {"1.0": 1, "2.0": "{device}", **identity})
    objects += under(unit, {"1.1.0": 0, "2.1.1.9.0": 2, "2.2.2.1.0": 2, "2.2.2.13.0": -1})
    objects += under(f"{unit}.2.2.2", {"17.0": 1, "18.0": 1, "19.0": 2})
    measured = (2, 7, 9, 11, 20, 22, 24, 26, 27)
    return [*objects, *integers(*(f"{unit}.2.2.2.{column}.0" for column in measured))]


class Variable(NamedTuple):
    """A row of the table in which a processing unit has everything."""

    name: str
    kind: int  # 1 a name, 2 a value, 7 a status
    unit: str = ""
    scale: int = 1  # -100: the number is in hundredths


def rittal_cmc3(body: Body) -> list[Object]:
    """Imitate a liquid cooling package with its processing unit. Source: RITTAL-CMC-III-MIB."""
    cmc = "1.3.6.1.4.1.2606.7"
    objects = system(cmc, f"Rittal LCP-SIM SN {SERIAL} HW V0.00 - SW V{FIRMWARE}")
    objects += under(f"{cmc}.2", {"1.0": 1, "4.0": FIRMWARE, "6.0": SERIAL})
    objects += row(f"{cmc}.4.1.2.1", str(LCP), {2: "LCP-SIM", 6: 2})
    for number, variable in enumerate(_variables(body.numbers("rear_door.fan_ok")), start=1):
        objects += _row(f"{cmc}.4.2.2.1", f"{LCP}.{number}", variable)
    return objects


def _variables(fans: list[int]) -> Iterator[Variable]:
    """Yield what a package tells, each with its status beside it."""
    for side in ("In", "Out"):
        for place in PLACES:
            yield from _told(f"Air Temp.Server {side}.{place}", "degree C", -100)
    for fan in fans:
        yield from _told(f"Fans.Current Speed.Fan{fan}", "%", 1)
    for side in ("In", "Out"):
        yield from _told(f"Water.Temperatures.{side}", "degree C", -100)
    yield from _told("Water.Flowrate", "l/min", -10)
    yield from _told("Control Valve.Current Value.Valve1", "%", 1)
    yield Variable("Cooling Capacity.Value", 2, "W")
    yield Variable("Leakage Sensor.Input", 2)


def _told(name: str, unit: str, scale: int) -> Iterator[Variable]:
    """Yield one sensor: its name, its value, its status."""
    yield Variable(f"{name}.DescName", 1)
    yield Variable(f"{name}.Value", 2, unit, scale)
    yield Variable(f"{name}.Status", 7)


def _row(entry: str, index: str, variable: Variable) -> list[Object]:
    """Make a variable; only what an instrument shows has a number and a quality."""
    columns: dict[int, int | str] = {3: variable.name, 4: variable.kind, 5: variable.unit}
    objects = row(entry, index, {**columns, 7: variable.scale})
    if variable.kind == 1:
        return [*objects, fixed(f"{entry}.11.{index}", 0)]
    number = Object(oid=f"{entry}.11.{index}", tag=Tag.INTEGER, value=4, reads="*")
    return [*objects, number, fixed(f"{entry}.14.{index}", 2)]
