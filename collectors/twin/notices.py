"""Which notification a device's family has for what happened, with the objects its MIB names.

A happening that a family has no notification for is not told: the device would not tell it either.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from collectors.snmp.ber import Tag
from collectors.snmp.notification import STANDARD
from collectors.twin.trap import Field, Notice

IF: Final = "1.3.6.1.2.1.2.2.1"  # ifEntry
RARITAN: Final = "1.3.6.1.4.1.13742.6"
SENTRY: Final = "1.3.6.1.4.1.1718.4"
APC: Final = "1.3.6.1.4.1.318"
RITTAL: Final = "1.3.6.1.4.1.2606.7"
SYSTEM: Final = "1.3.6.1.2.1.1"


class Scene(NamedTuple):
    """What happened, and what the device knows of itself."""

    device: str
    what: str  # as in `racks.Happening`
    part: str | None = None
    host: str = "127.0.0.1"
    ports: Mapping[str, int] = {}  # ifIndex of each port


def _text(name: str, value: str) -> Field:
    """Make a text of a notification."""
    return Field(name, Tag.OCTET_STRING, value)


def _number(name: str, value: int, tag: Tag = Tag.INTEGER) -> Field:
    """Make a number of a notification."""
    return Field(name, tag, value)


def _link(scene: Scene) -> Notice:
    """Tell of a port: its row, what it should be and what it is (RFC 2863, linkDown)."""
    index = scene.ports[scene.part or ""]
    up = scene.what == "link up"
    rows = (("1", index), ("7", 1), ("8", 1 if up else 2))
    fields = tuple(_number(f"{IF}.{column}.{index}", value) for column, value in rows)
    return Notice(f"{STANDARD}.{4 if up else 3}", fields)


def _raritan_itself(scene: Scene) -> tuple[Field, ...]:
    """Say which unit it is, as every notification of the family does (PDU2-MIB)."""
    host = bytes(int(part) for part in scene.host.split("."))
    return (
        _text(f"{RARITAN}.3.2.2.1.13.1", scene.device),
        _number(f"{RARITAN}.0.0.3.0", 1),
        _number(f"{RARITAN}.3.2.2.1.50.1", 1),  # ipv4
        Field(f"{RARITAN}.3.2.2.1.51.1", Tag.OCTET_STRING, host),
        _number(f"{RARITAN}.0.0.18.0", 161, Tag.GAUGE32),
    )


def _raritan_breaker(scene: Scene) -> Notice:
    """Tell of a breaker that opened: overCurrentProtectorSensorStateChange."""
    sensor = "1.1.15"  # unit, breaker, trip
    return Notice(
        f"{RARITAN}.0.65",
        (
            *_raritan_itself(scene),
            _text(f"{RARITAN}.3.4.3.1.2.1.1", "C1"),
            _number(f"{RARITAN}.0.0.10.0", 15),  # trip
            _number(f"{RARITAN}.5.3.3.1.3.{sensor}", 0),  # open
            _number(f"{RARITAN}.0.0.2.0", 1),  # was closed
            _text(f"{SYSTEM}.5.0", scene.device),
        ),
    )


def _raritan_start(scene: Scene) -> Notice:
    """Tell of a start: systemStarted."""
    return Notice(f"{RARITAN}.0.1", (*_raritan_itself(scene), _text(f"{SYSTEM}.5.0", scene.device)))


def _sentry_breaker(_scene: Scene) -> Notice:
    """Tell of a breaker that opened: st4OcpStatusEvent."""
    row = "1.1.1"  # unit, cord, breaker
    return Notice(
        f"{SENTRY}.100.0.12",
        (
            _text(f"{SENTRY}.1.1.1.2.0", "simulated rack"),
            _text(f"{SENTRY}.1.6.2.1.2.{row}", "AA1"),
            _text(f"{SENTRY}.1.6.2.1.4.{row}", "BR1"),
            _number(f"{SENTRY}.1.6.3.1.1.{row}", 12),  # breakerTripped
            _text(f"{SENTRY}.1.99.1.0", "Breaker Tripped"),
            _number(f"{SENTRY}.1.99.2.0", 1),  # error
        ),
    )


def _apc_breaker(scene: Scene) -> Notice:
    """Tell of a breaker that opened: rpduCriticalCondition."""
    return Notice(
        f"{APC}.0.750",
        (
            _text(f"{APC}.2.3.10.0", "SIM0000001"),
            _text(f"{APC}.2.3.11.0", scene.device),
            *(_number(f"{APC}.2.3.{number}.0", 1) for number in (1, 6, 7)),
            _text(f"{APC}.2.3.3.0", f"Rack PDU {scene.device}: breaker tripped."),
        ),
    )


def _apc_leak(_scene: Scene) -> Notice:
    """Tell of water: airCriticalCondition."""
    return Notice(
        f"{APC}.0.306",
        (
            _text(f"{APC}.2.3.10.0", "Water Detected Fault"),
            _number(f"{APC}.2.3.1.0", 1),
            _text(f"{APC}.2.3.3.0", "Air unit: a leak was detected."),
        ),
    )


def _rittal_leak(scene: Scene) -> Notice:
    """Tell of water: alarmSensorDevice."""
    return Notice(
        f"{RITTAL}.0.1",
        (
            _text(f"{RITTAL}.4.1.2.1.2.1", scene.device),
            _text(f"{RITTAL}.4.3.2.1.3.1.1", "Leakage.Status"),
            _number(f"{RITTAL}.4.3.2.1.4.1.1", 5),  # alarm
            _text(f"{RITTAL}.4.3.2.1.16.1.1", "Alarm"),
        ),
    )


def _start(_scene: Scene) -> Notice:
    """Tell of a start (RFC 3418)."""
    return Notice(f"{STANDARD}.1")


Maker = Callable[[Scene], Notice]

EVERYBODY: Final[Mapping[str, Maker]] = {"reboot": _start, "link down": _link, "link up": _link}
FAMILIES: Final[Mapping[str, Mapping[str, Maker]]] = {
    "raritan_pdu2": {"breaker opened": _raritan_breaker, "reboot": _raritan_start},
    "sentry4": {"breaker opened": _sentry_breaker},
    "apc_rpdu2": {"breaker opened": _apc_breaker},
    "apc_inrow": {"leak": _apc_leak},
    "rittal_cmc3": {"leak": _rittal_leak},
}


def notices(family: str, scene: Scene) -> list[Notice]:
    """Return what a device of a family says of it: what every agent says, then its vendor's."""
    if scene.what in {"link down", "link up"} and scene.part not in scene.ports:
        return []
    tables = EVERYBODY, FAMILIES.get(family, {})
    return [table[scene.what](scene) for table in tables if scene.what in table]
