"""Skeletons of management switches: sensors and parts, ports with their optics, neighbours."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from collectors.snmp.ber import Tag
from collectors.twin.lldp import bridge, lldp
from collectors.twin.objects import Object, fixed
from collectors.twin.skeletons.body import (
    FIRMWARE,
    SERIAL,
    Body,
    integers,
    row,
    shown,
    system,
)

ENTITY: Final = "1.3.6.1.2.1.47.1.1.1.1"
SENSOR: Final = "1.3.6.1.2.1.99.1.1.1"
INTERFACE: Final = "1.3.6.1.2.1.2.2.1"
EXTENDED: Final = "1.3.6.1.2.1.31.1.1.1"
SUPPLY: Final = "1.3.6.1.4.1.9.9.117.1.1.2.1"  # cefcFRUPowerStatusEntry
LINUX: Final = "1.3.6.1.4.1.8072.3.2.10"
UNKNOWN, WATTS, CELSIUS = 2, 6, 8  # RFC 3433, EntitySensorDataType
MILLI, UNITS = 8, 9  # likewise, EntitySensorDataScale
CHASSIS, SENSOR_CLASS = 3, 8  # IANAPhysicalClass
PORT_ENTITY: Final = 1_000_000  # sensors of optics are numbered after their ports
ETHERNET: Final = 6  # IANAifType
LANES: Final = range(1, 5)


class Sensed(NamedTuple):
    """A sensor of the entity MIB."""

    label: str
    kind: int
    scale: int = UNITS
    decimals: int = 0


def sonic(body: Body) -> list[Object]:
    """Imitate SONiC as Dell ships it, the only one whose fans tell turns a minute.

    Source: ENTITY-SENSOR-MIB and CISCO-ENTITY-FRU-CONTROL-MIB, as the SONiC agent fills them.
    """
    release = "SONiC Software Version: SONiC.4.0.0-SIM - HwSku: DELL-SIM"
    objects = system(LINUX, f"{release} - Distribution: none - Kernel: simulated")
    objects += _chassis("DELL-SIM")
    sensors = {100: Sensed("Front plate inlet Temperature", CELSIUS, UNITS, 3)}
    for fan in body.numbers("mgmt_switch.fan_speed"):
        sensors[200 + fan] = Sensed(f"Tachometers for FAN {fan}", UNKNOWN)
    for psu in body.numbers("mgmt_switch.psu_ok"):
        objects += [*row(SUPPLY, str(psu), {1: 1}), shown(f"{SUPPLY}.2.{psu}", like=2)]
    return [*objects, *_entities(sensors | _optics(body)), *_ports(body)]


def _chassis(model: str) -> list[Object]:
    """Make the entity that contains all others."""
    named: dict[int, int | str] = {2: "Simulated switch", 4: 0, 5: CHASSIS, 7: "chassis"}
    return row(ENTITY, "1", {**named, 10: FIRMWARE, 11: SERIAL, 13: model})


def _optics(body: Body) -> dict[int, Sensed]:
    """Return the sensors of all optics that a spec asks for, by entity."""
    found = {}
    for place, port in enumerate(body.ports, start=1):
        asked = {point.name for point in body.points if point.role == "port"}
        first = PORT_ENTITY + 100 * place
        if f"module_temp[{port}]" in asked:
            found[first] = Sensed(f"DOM Temperature Sensor for {port}", CELSIUS, UNITS, 3)
        for lane in LANES:
            if f"rx_power[{port},lane{lane}]" in asked:
                label = f"DOM RX Power Sensor for {port}/{lane}"
                found[first + lane] = Sensed(label, WATTS, MILLI, 4)
    return found


def _entities(sensors: Mapping[int, Sensed]) -> list[Object]:
    """Make sensors with their entities."""
    objects = []
    for entity, (label, kind, scale, decimals) in sensors.items():
        named: dict[int, int | str] = {2: label, 4: 1, 5: SENSOR_CLASS, 7: label}
        objects += row(ENTITY, str(entity), named)
        objects += row(SENSOR, str(entity), {1: kind, 2: scale, 3: decimals, 5: 1})
        objects += integers(f"{SENSOR}.4.{entity}")
    return objects


def _ports(body: Body) -> list[Object]:
    """Make all ports, and who was heard and learnt at them."""
    numbers = {name: place for place, name in enumerate(body.ports, start=1)}
    objects = [each for name, place in numbers.items() for each in _port(place, name)]
    heard = lldp(body.device, numbers, body.cables)
    return [*objects, *heard, *bridge(body.device, numbers, body.cables)]


def _port(place: int, name: str) -> list[Object]:
    """Make one port; octets and errors are counted in the widest type that the MIB has."""
    extended, interface = f"{EXTENDED}.{{}}.{place}", f"{INTERFACE}.{{}}.{place}"
    objects = row(INTERFACE, str(place), {1: place, 2: name, 3: ETHERNET, 4: 9216, 7: 1})
    objects += [shown(interface.format(8), like=1), fixed(extended.format(1), name)]
    objects += [shown(interface.format(9), Tag.TIME_TICKS, like=1)]
    objects += [shown(interface.format(14), Tag.COUNTER32)]
    objects += [shown(extended.format(column), Tag.COUNTER64) for column in (6, 10)]
    return [*objects, shown(extended.format(15), Tag.GAUGE32)]
