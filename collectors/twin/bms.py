"""The building management side of the twin: cooling unit and rack on a DSX Exchange BMS bus.

Values go out when they change and every 5 s all the same, which the bus does every 100 s: whoever
watches a twin is less patient. Metadata stays with the broker, and a heartbeat every 10 s tells
"unchanged" from "gone". A room probe behind a small gateway publishes plain JSON, with decimal
commas, as such gateways do.

Source: NVIDIA DSX Exchange, BMS integration (topics, payloads, republish and heartbeat periods).
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from collectors.twin.instruments import Shown

REPUBLISH_SECONDS: Final = 5.0  # of values that did not change, and of metadata
HEARTBEAT_SECONDS: Final = 10.0
GATEWAY_SECONDS: Final = 5.0  # how often the room's gateway reports, changed or not
GOOD, BAD = 1, 0
LEAK: Final = {0: "NoLeak", 1: "Leak"}
FAULT: Final = {0: "NoFault", 1: "Fault"}
RUNNING: Final = {0: "NotOperating", 1: "Operating"}


class Message(NamedTuple):
    """What goes to the broker."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the bus: what it is, which instrument it shows, and how it is described."""

    device: str
    kind: str  # the bus calls it pointType
    reads: str  # name of a shown value
    unit: str = ""
    decimals: int = 0
    area: tuple[str, ...] = ()  # tells points of one kind apart
    states: Mapping[int, str] | None = None


OBJECTS: Final = {"rack": "Rack", "cdu": "CDU"}
SECONDARY: Final = "Secondary"
POINTS: Final = (
    Point("rack", "RackLiquidSupplyTemperature", "rack.supply_degc", "C", 2),
    Point("rack", "RackLiquidReturnTemperature", "rack.return_degc", "C", 2),
    Point("rack", "RackLiquidFlow", "rack.flow_lpm", "LPM", 1),
    Point("rack", "RackLiquidDifferentialPressure", "rack.dp_kpa", "kPa", 1),
    Point("rack", "RackControlValvePosition", "rack.valve_percent", "%", 1),
    Point("rack", "RackPower", "rack.kilowatts", "kW", 2),
    Point("rack", "RackLeakDetect", "rack.leak", states=LEAK),
    Point("rack", "RackLeakSensorFault", "rack.leak_fault", states=FAULT),
    Point("cdu", "LiquidTemperature", "cdu.supply_degc", "C", 2, (SECONDARY, "Supply")),
    Point("cdu", "LiquidTemperature", "cdu.return_degc", "C", 2, (SECONDARY, "Return")),
    Point("cdu", "LiquidTemperature", "cdu.primary_in_degc", "C", 2, ("Primary", "Supply")),
    Point("cdu", "LiquidFlow", "cdu.flow_lpm", "LPM", 1, (SECONDARY,)),
    Point("cdu", "LiquidPressure", "cdu.pressure_kpa", "kPa", 1, (SECONDARY, "Return")),
    Point("cdu", "LiquidDifferentialPressure", "cdu.strainer_kpa", "kPa", 1, ("Filter",)),
    Point("cdu", "ValvePosition", "cdu.valve_percent", "%", 1, ("Primary",)),
    Point("cdu", "PumpSpeed", "cdu.pump_percent.1", "%", 1, ("Pump1",)),
    Point("cdu", "PumpSpeed", "cdu.pump_percent.2", "%", 1, ("Pump2",)),
    Point("cdu", "Status", "cdu.pump_running.1", area=("Pump1",), states=RUNNING),
    Point("cdu", "Status", "cdu.pump_running.2", area=("Pump2",), states=RUNNING),
    Point("cdu", "GenericPoint", "cdu.level_percent", "%", 1, ("Reservoir", "Level")),
    Point("cdu", "LeakDetect", "cdu.leak", states=LEAK),
)


class Bms:
    """The publisher: `due` says what goes to the broker now. Nothing here sends it."""

    def __init__(self, bay: str) -> None:
        self.bay = bay
        self._metadata_due = -math.inf
        self._heartbeat_due = -math.inf
        self._gateway_due = -math.inf
        self._sent: dict[str, tuple[float, float]] = {}  # by `reads`: last value and its time

    def due(self, shown: Shown, silent: frozenset[str], now: float) -> Iterator[Message]:
        """Yield what is due at `now`, in seconds since 1970; a silent device publishes nothing."""
        if now >= self._metadata_due:
            self._metadata_due = now + REPUBLISH_SECONDS
            yield from (self.metadata(point) for point in POINTS)
            yield self._heartbeat_metadata()
        if now >= self._heartbeat_due:
            self._heartbeat_due = now + HEARTBEAT_SECONDS
            yield Message(self._heartbeat_topic("Value"), _value(float(int(now)), now))
        for point in POINTS:
            value = round(shown[point.reads], point.decimals)
            if point.device not in silent and self._news(point, value, now):
                self._sent[point.reads] = (value, now)
                yield Message(self._topic("Value", point), _value(value, now))
        if "room" not in silent and now >= self._gateway_due:
            self._gateway_due = now + GATEWAY_SECONDS
            yield self._gateway(shown, now)

    def metadata(self, point: Point) -> Message:
        """Describe a point; retained, so that a subscriber who comes late still knows."""
        name = f"{self.bay}-{point.device}"
        told: dict[str, object] = {"objectType": OBJECTS[point.device], "pointType": point.kind}
        if point.device == "rack":
            told |= {"rackLocationName": self.bay, "rackLocationId": self.bay}
        else:
            told |= {"objectName": name, "objectId": name, "servesId": [self.bay]}
        if point.area:
            told["processArea"] = list(point.area)
        if point.states is None:
            told["engUnit"] = point.unit
        else:
            told["stateText"] = [{"value": v, "text": text} for v, text in point.states.items()]
        return Message(self._topic("Metadata", point), json.dumps(told).encode(), retain=True)

    def _topic(self, which: str, point: Point) -> str:
        """Build a topic; the tag path is unique and means nothing, as everywhere on this bus."""
        tag = point.reads.replace(".", "_")
        return f"BMS/v1/PUB/{which}/{OBJECTS[point.device]}/{point.kind}/{self.bay}/{tag}"

    def _news(self, point: Point, value: float, now: float) -> bool:
        """Say whether a value must go out: it changed, or it has been silent too long."""
        last, when = self._sent.get(point.reads, (math.inf, -math.inf))
        same = value == last or (math.isnan(value) and math.isnan(last))
        return not same or now >= when + REPUBLISH_SECONDS

    def _heartbeat_topic(self, which: str) -> str:
        """Build the topic of the one heartbeat."""
        return f"BMS/v1/PUB/{which}/System/HeartbeatTimestampBms/{self.bay}/heartbeat"

    def _heartbeat_metadata(self) -> Message:
        """Say whose heartbeat it is."""
        told = {"objectType": "System", "pointType": "HeartbeatTimestampBms"}
        told |= {"objectName": "Simulated BMS", "objectId": "BMS"}
        return Message(self._heartbeat_topic("Metadata"), json.dumps(told).encode(), retain=True)

    def _gateway(self, shown: Shown, now: float) -> Message:
        """Report the room as a small gateway does: units beside values, comma for point."""
        told = {
            "temperature": {"v": f"{shown['room.degc']:.2f}".replace(".", ","), "u": "°C"},
            "humidity": {"v": f"{shown['room.humidity']:.1f}".replace(".", ","), "u": "%RH"},
        }
        body = json.dumps({"ts": int(now * 1000), "d": told}, ensure_ascii=False)
        return Message(f"gateway/{self.bay}/room/telemetry", body.encode())


def _value(value: float, now: float) -> bytes:
    """Encode a value message; an instrument without a value is null, and of bad quality."""
    dead = math.isnan(value)
    told = {"value": None if dead else value, "timestamp": int(now * 1000)}
    return json.dumps(told | {"quality": BAD if dead else GOOD}).encode()
