"""Skeletons of rack PDUs that meter one three-phase inlet and have one breaker for it."""

from typing import Final

from collectors.twin.objects import Object, fixed
from collectors.twin.skeletons.body import (
    FIRMWARE,
    SERIAL,
    Body,
    gauges,
    integers,
    number,
    row,
    shown,
    system,
    under,
)

RARITAN_INLET: Final = {5: 0, 7: 2, 23: 1, 58: 1}  # sensor type: decimals
RARITAN_LINE: Final = {1: 2, 25: 1}
TRIP: Final = 15  # the sensor type of a breaker


def raritan_pdu2(body: Body) -> list[Object]:
    """Imitate a PX3. Source: PDU2-MIB."""
    pdu = "1.3.6.1.4.1.13742.6"
    objects = system(pdu, f"Raritan PDU, MD:PX3-SIM-3P HW:0x00 FW:{FIRMWARE}")
    objects += under(pdu, {"3.2.1.1.3.1": "PX3-SIM-3P", "3.2.1.1.4.1": SERIAL})
    objects += under(pdu, {"3.3.3.1.2.1.1": "I1", "3.4.3.1.2.1.1": "C1"})
    for sensor, decimals in RARITAN_INLET.items():
        objects += _sensor(f"{pdu}.3.3.4.1", f"{pdu}.5.2.3.1", f"1.1.{sensor}", decimals)
    for line in body.lines:
        for sensor, decimals in RARITAN_LINE.items():
            where = f"1.1.{line}.{sensor}"
            objects += _sensor(f"{pdu}.3.3.6.1", f"{pdu}.5.2.4.1", where, decimals)
    trip = f"1.1.{TRIP}"
    objects += [number(f"{pdu}.3.4.4.1.7.{trip}", 0), fixed(f"{pdu}.5.3.3.1.2.{trip}", 1)]
    objects += integers(f"{pdu}.5.3.3.1.3.{trip}")
    return objects


def _sensor(config: str, measurement: str, where: str, decimals: int) -> list[Object]:
    """Make the objects of one sensor: its decimals, whether it is there, its state and value."""
    told = [number(f"{config}.7.{where}", decimals), fixed(f"{measurement}.2.{where}", 1)]
    return [*told, fixed(f"{measurement}.3.{where}", 4), *gauges(f"{measurement}.4.{where}")]


def sentry4(body: Body) -> list[Object]:
    """Imitate a PRO2 of one cord. Source: Sentry4-MIB."""
    sentry = "1.3.6.1.4.1.1718.4.1"
    objects = system("1.3.6.1.4.1.1718.4", "Sentry Smart PDU")
    objects += under(sentry, {"1.1.3.0": f"Version {FIRMWARE}", "2.2.1.4.1": SERIAL})
    objects += under(sentry, {"2.2.1.5.1": "PRO2-SIM-3P", "3.2.1.2.1.1": "AA"})
    objects += under(sentry, {"3.2.1.3.1.1": "Cord_A", "3.3.1.1.1.1": 1, "3.3.1.2.1.1": 0})
    objects += integers(*(f"{sentry}.3.3.1.{column}.1.1" for column in (3, 8, 11)))
    for line in body.lines:
        where = f"1.1.{line}"
        objects += row(f"{sentry}.4.2.1", where, {2: f"AA{line}", 4: f"AA:L{line}"})
        objects += row(f"{sentry}.4.3.1", where, {1: 1, 2: 0, 4: 0})
        objects += row(f"{sentry}.5.2.1", where, {2: f"AA{line}", 4: f"AA:L{line}-N"})
        objects += row(f"{sentry}.5.3.1", where, {1: 1, 2: 0, 4: 0})
        objects += integers(f"{sentry}.4.3.1.3.{where}", f"{sentry}.5.3.1.3.{where}")
    objects += row(f"{sentry}.6.2.1", "1.1.1", {2: "AA1", 3: "Breaker_1"})
    return [*objects, shown(f"{sentry}.6.3.1.1.1.1.1", like=0)]


def eaton_epdu(body: Body) -> list[Object]:
    """Imitate an ePDU G3. Source: EATON-EPDU-MIB."""
    epdu = "1.3.6.1.4.1.534.6.6.7"
    objects = system(epdu, "Eaton ePDU, simulated")
    identity: dict[int, int | str] = {3: "EPDU-SIM-3P", 4: SERIAL, 5: FIRMWARE, 30: 0, 31: 0}
    objects += row(f"{epdu}.1.2.1", "0", identity)
    objects += integers(f"{epdu}.3.1.1.3.0.1", f"{epdu}.3.5.1.4.0.1", f"{epdu}.3.5.1.7.0.1")
    objects += under(epdu, {"3.1.1.4.0.1": 0, "5.1.1.3.0.1": "Inlet breaker", "5.1.1.4.0.1": 3})
    objects += [shown(f"{epdu}.5.1.1.5.0.1", like=1)]
    for line in body.lines:
        where = f"0.1.{line}"
        kind = 1 + line  # L1 is 2 among the voltages to neutral, and 3 among the currents
        objects += row(f"{epdu}.3.2.1", where, {2: kind, 4: 0})
        objects += row(f"{epdu}.3.3.1", where, {2: kind + 1, 5: 0})
        objects += integers(f"{epdu}.3.2.1.3.{where}", f"{epdu}.3.3.1.4.{where}")
    return objects


def apc_rpdu2(body: Body) -> list[Object]:
    """Imitate an AP8000, which tells neither frequency nor breaker. Source: PowerNet-MIB, rPDU2."""
    rpdu = "1.3.6.1.4.1.318.1.1.26"
    descr = f"APC Web/SNMP Management Card (simulated MN:AP-SIM AF1:{FIRMWARE})"
    objects = system("1.3.6.1.4.1.318.1.3.4.6", descr)
    objects += row(f"{rpdu}.2.1", "1", {6: FIRMWARE, 8: "AP-SIM-3P", 9: SERIAL})
    objects += row(f"{rpdu}.4.3.1", "1", {4: 2, 12: 1, 13: 1, 14: 1})
    objects += integers(f"{rpdu}.4.3.1.5.1", f"{rpdu}.4.3.1.17.1")
    for line in body.lines:
        objects += row(f"{rpdu}.6.3.1", str(line), {4: 2})
        objects += integers(f"{rpdu}.6.3.1.5.{line}", f"{rpdu}.6.3.1.6.{line}")
    return objects


def vertiv_v5(body: Body) -> list[Object]:
    """Imitate a Geist unit, which tells neither frequency nor breaker. Source: VERTIV-V5-MIB."""
    geist = "1.3.6.1.4.1.21239.5.2"
    objects = system(geist, "Geist rack PDU, simulated")
    identity: dict[str, int | str] = {"2.0": FIRMWARE, "7.0": 1, "8.0": "GU-SIM-3P", "10.0": SERIAL}
    objects += under(f"{geist}.1", {**identity, "13.0": 0, "14.0": 0})
    objects += [number(f"{geist}.3.1.1.5.1", 1)]
    objects += row(f"{geist}.3.1.1", "1", {2: SERIAL, 6: 0})
    objects += gauges(f"{geist}.3.1.1.9.1", f"{geist}.3.1.1.11.1")
    for line in body.lines:
        objects += gauges(f"{geist}.3.2.1.4.{line}", f"{geist}.3.2.1.8.{line}")
    return objects


def panduit_g5(body: Body) -> list[Object]:
    """Imitate a SmartZone unit. Source: PANDUIT-MIB."""
    unit = "1.3.6.1.4.1.19536.10.1"
    objects = system(unit, "Panduit SmartZone, simulated")
    objects += row(
        f"{unit}.1.2.1", "1", {3: "G5-SIM", 5: FIRMWARE, 7: "G5-SIM-3P", 8: SERIAL, 9: 2}
    )
    objects += integers(*(f"{unit}.2.1.1.{column}.1" for column in (2, 5, 9)))
    objects += [fixed(f"{unit}.3.1.1.3.1.1", 4), shown(f"{unit}.3.1.1.26.1.1", like=2)]
    for line in body.lines:
        where = f"1.{line}"
        kinds: dict[int, int | str] = {1: line, 2: 1 + line, 4: 1, 9: 2 + line, 12: 1, 18: 2 + line}
        objects += row(f"{unit}.2.2.1", where, kinds)
        objects += integers(f"{unit}.2.2.1.3.{where}", f"{unit}.2.2.1.11.{where}")
    return objects
