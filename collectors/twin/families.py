"""The device families that the twin imitates: which objects each has, in its own units and habits.

Layouts are facts of the vendors' MIBs, named at each function; all texts and values are the twin's.
Every family here has a profile under collectors/profiles, which reads it back in the tests.
"""

from collections.abc import Callable, Mapping
from typing import Final

from collectors.snmp.ber import Tag
from collectors.twin.instruments import FEEDS, PORTS
from collectors.twin.objects import Object, column, fixed, shows, system

Row = dict[str, int | str]

LINES: Final = (1, 2, 3)
FIRMWARE: Final = "1.0-simulated"
SQRT3: Final = 3**0.5
CFM_PER_M3_S: Final = 2118.88


def raritan_px3(feed: str) -> list[Object]:
    """Imitate a three-phase rack PDU of one inlet. Source: PDU2-MIB."""
    pdu = "1.3.6.1.4.1.13742.6"
    inlet: Mapping[int, tuple[str, float, int]] = {  # sensor type: instrument, factor, digits
        5: (f"{feed}.watts", 1.0, 0),
        6: (f"{feed}.voltamperes", 1.0, 0),
        7: (f"{feed}.power_factor", 1.0, 2),
        8: (f"{feed}.kwh", 1000.0, 0),
        23: (f"{feed}.hertz", 1.0, 1),
    }
    objects = system(pdu, f"Raritan PDU, MD:PX3-SIM-3P HW:0x00 FW:{FIRMWARE}", feed)
    objects += [
        fixed(f"{pdu}.3.2.1.1.3.1", "PX3-SIM-3P"),
        fixed(f"{pdu}.3.2.1.1.4.1", f"SIM-{feed}"),
        fixed(f"{pdu}.3.3.3.1.2.1.1", "I1"),
    ]
    for sensor, measured in inlet.items():
        objects += _px3_sensor(pdu, ("3.3.4.1", "5.2.3.1"), f"1.1.{sensor}", measured)
    for line in LINES:
        pole: Mapping[int, tuple[str, float, int]] = {
            1: (f"{feed}.amps.{line}", 1.0, 2),
            4: (f"{feed}.volts.{line}", SQRT3, 0),  # line to line
            5: (f"{feed}.watts.{line}", 1.0, 0),
            25: (f"{feed}.volts.{line}", 1.0, 1),  # line to neutral
        }
        for sensor, measured in pole.items():
            where = f"1.1.{line}.{sensor}"
            objects += _px3_sensor(pdu, ("3.3.6.1", "5.2.4.1"), where, measured)
        objects += _px3_breaker(pdu, feed, line)
    return objects


def _px3_sensor(
    pdu: str, entries: tuple[str, str], row: str, measured: tuple[str, float, int]
) -> list[Object]:
    """Make the objects of one sensor: its decimals, and availability, state and both values."""
    config, measurement = (f"{pdu}.{entry}" for entry in entries)
    reads, factor, digits = measured
    scale = factor * 10.0**digits
    return [
        fixed(f"{config}.7.{row}", digits),
        fixed(f"{measurement}.2.{row}", 1),
        fixed(f"{measurement}.3.{row}", 4),
        shows(f"{measurement}.4.{row}", reads, scale, Tag.GAUGE32),
        shows(f"{measurement}.6.{row}", reads, scale),
    ]


def _px3_breaker(pdu: str, feed: str, line: int) -> list[Object]:
    """Make the circuit breaker of one line: a current, and a trip sensor that says closed."""
    entries, row = ("3.4.4.1", "5.3.3.1"), f"1.{line}"
    return [
        fixed(f"{pdu}.3.4.3.1.2.{row}", f"C{line}"),
        *_px3_sensor(pdu, entries, f"{row}.1", (f"{feed}.amps.{line}", 1.0, 2)),
        fixed(f"{pdu}.3.4.4.1.7.{row}.15", 0),
        fixed(f"{pdu}.5.3.3.1.2.{row}.15", 1),
        shows(f"{pdu}.5.3.3.1.3.{row}.15", f"{feed}.breaker_closed"),
        fixed(f"{pdu}.5.3.3.1.4.{row}.15", 0),
    ]


def sentry4(feed: str) -> list[Object]:
    """Imitate a three-phase rack PDU of one cord. Source: Sentry4-MIB."""
    sentry = "1.3.6.1.4.1.1718.4"
    table, cord = f"{sentry}.1", f"{sentry}.1.3.3.1"
    objects = system(sentry, "Sentry Smart PDU", feed)
    objects += [
        fixed(f"{table}.1.1.1.3.0", f"Version {FIRMWARE}"),
        fixed(f"{table}.2.2.1.4.1", f"SIM-{feed}"),
        fixed(f"{table}.2.2.1.5.1", "PRO2-SIM-3P"),
        *column(f"{table}.3.2.1", {"2.1.1": "AA", "3.1.1": "Cord_A", "7.1.1": 2400}),
        *column(cord, {"1.1.1": 1, "2.1.1": 0, "4.1.1": 0}),
        shows(f"{cord}.3.1.1", f"{feed}.watts"),
        shows(f"{cord}.5.1.1", f"{feed}.voltamperes"),
        shows(f"{cord}.8.1.1", f"{feed}.power_factor", 100.0),
        shows(f"{cord}.10.1.1", f"{feed}.kwh", 10.0),
        shows(f"{cord}.11.1.1", f"{feed}.hertz", 10.0),
    ]
    for line in LINES:
        row = f"1.1.{line}"
        objects += [
            *column(f"{table}.4.2.1", {f"2.{row}": f"AA{line}", f"4.{row}": f"AA:L{line}"}),
            *column(f"{table}.4.3.1", {f"1.{row}": 1, f"2.{row}": 0, f"4.{row}": 0}),
            shows(f"{table}.4.3.1.3.{row}", f"{feed}.amps.{line}", 100.0),
            *column(f"{table}.5.2.1", {f"2.{row}": f"AA{line}", f"4.{row}": f"AA:L{line}-N"}),
            *column(f"{table}.5.3.1", {f"1.{row}": 1, f"2.{row}": 0, f"4.{row}": 0}),
            shows(f"{table}.5.3.1.3.{row}", f"{feed}.volts.{line}", 10.0),
            shows(f"{table}.5.3.1.6.{row}", f"{feed}.amps.{line}", 100.0),
            shows(f"{table}.5.3.1.8.{row}", f"{feed}.watts.{line}"),
            shows(f"{table}.5.3.1.10.{row}", f"{feed}.power_factor", 100.0),
        ]
    return objects


def inrow_rc(name: str) -> list[Object]:
    """Imitate a chilled-water cooler at the rack's back. Source: PowerNet-MIB, airIRRC group."""
    apc = "1.3.6.1.4.1.318.1"
    unit = f"{apc}.1.13.3.2.2"
    group, status = f"{apc}.1.13.3.2.1.1", f"{unit}.2"
    shown: Mapping[int, tuple[str, float]] = {  # object: instrument, scale
        2: ("door.watts", 0.01),  # tenths of kW
        3: ("door.watts", 0.01),
        4: ("door.air_m3_s", CFM_PER_M3_S),
        5: ("door.air_m3_s", 1e5),  # hundredths of L/s
        7: ("door.air_out_degc", 10.0),  # tenths of degC, likewise below
        9: ("door.air_out_degc", 10.0),
        11: ("door.air_in_degc", 10.0),
        16: ("door.fan_percent", 10.0),
        20: ("door.valve_percent", 1.0),
        22: ("door.water_lpm", 100.0 / 60.0),  # hundredths of L/s
        24: ("door.water_in_degc", 10.0),
        26: ("door.water_out_degc", 10.0),
    }
    return [
        *system(f"{apc}.3.14.5", "APC Web/SNMP Management Card (simulated MN:ACRC-SIM)", name),
        fixed(f"{apc}.1.13.3.1.1.0", 0),
        shows(f"{group}.1.0", "door.watts", 0.01),
        shows(f"{group}.2.0", "door.watts", 0.01),
        shows(f"{group}.3.0", "door.air_m3_s", CFM_PER_M3_S),
        fixed(f"{group}.9.0", 2),
        fixed(f"{unit}.1.1.0", 1),
        fixed(f"{unit}.1.2.0", name),
        fixed(f"{unit}.1.4.0", "ACRC-SIM"),
        fixed(f"{unit}.1.5.0", f"SIM-{name}"),
        fixed(f"{unit}.1.6.0", FIRMWARE),
        *column(status, {"1.0": 2, "13.0": -1, "15.0": 10, "17.0": 1, "18.0": 1, "19.0": 2}),
        *column(unit, {"2.27.0": 1, "3.1.0": 2_160, "3.12.0": 310, "4.1.0": 52}),
        *(shows(f"{status}.{n}.0", reads, scale) for n, (reads, scale) in shown.items()),
    ]


def switch(name: str) -> list[Object]:
    """Imitate a management switch. Source: ENTITY-MIB, ENTITY-SENSOR-MIB and IF-MIB."""
    linux = "1.3.6.1.4.1.8072.3.2.10"
    sensors = {  # entity: label, sensor type, instrument, decimals (RFC 3433)
        100: ("Inlet Temp", 8, "switch.inlet_degc", 1),
        101: ("ASIC Temp", 8, "switch.asic_degc", 1),
        **{110 + n: (f"PSU{n}", 6, f"switch.psu_watts.{n}", 1) for n in (1, 2)},
        **{120 + n: (f"Fan{n}", 10, f"switch.fan_rpm.{n}", 0) for n in range(1, 5)},
    }
    objects = system(linux, "Simulated management switch, 8 ports", name)
    entity, sensor = "1.3.6.1.2.1.47.1.1.1.1", "1.3.6.1.2.1.99.1.1.1"
    chassis: Row = {"2.1": "Simulated switch", "4.1": 0, "5.1": 3, "7.1": "chassis"}
    objects += column(entity, chassis)
    objects += column(entity, {"10.1": FIRMWARE, "11.1": f"SIM-{name}", "13.1": "SW-SIM-8"})
    for row, (label, kind, reads, decimals) in sensors.items():
        named: Row = {f"2.{row}": label, f"4.{row}": 1, f"5.{row}": 8, f"7.{row}": label}
        scaled = {f"1.{row}": kind, f"2.{row}": 9, f"3.{row}": decimals, f"5.{row}": 1}
        objects += [*column(entity, named), *column(sensor, scaled)]
        objects.append(shows(f"{sensor}.4.{row}", reads, 10.0**decimals))
    for port in range(1, PORTS + 1):
        objects += _port(port)
    return objects


def _port(port: int) -> list[Object]:
    """Make the objects of one port that is up and counts octets in 64 bits."""
    interface, extended = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
    label, speed = f"swp{port}", 10_000 if port == PORTS else 1_000
    told: Row = {
        f"1.{port}": port,
        f"2.{port}": label,
        f"3.{port}": 6,
        f"7.{port}": 1,
        f"8.{port}": 1,
    }
    quiet = (f"{interface}.{n}.{port}" for n in (13, 14, 19, 20))
    return [
        *column(interface, told),
        *(Object(oid=oid, tag=Tag.COUNTER32) for oid in quiet),
        fixed(f"{extended}.1.{port}", label),
        Object(oid=f"{extended}.15.{port}", tag=Tag.GAUGE32, value=speed),
        shows(f"{extended}.6.{port}", f"switch.in_octets.{port}", tag=Tag.COUNTER64),
        shows(f"{extended}.10.{port}", f"switch.out_octets.{port}", tag=Tag.COUNTER64),
    ]


DEVICES: Final[Mapping[str, tuple[int, Callable[[str], list[Object]]]]] = {
    FEEDS[0]: (11, raritan_px3),  # the last octet of its address, and what it is
    FEEDS[1]: (12, sentry4),
    "rear_door": (21, inrow_rc),
    "mgmt_switch": (31, switch),
}
