"""The DSX bus's own document as a source of test vectors: every point, unit, state and example."""

import itertools
import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from collectors.mqtt.bus import Bus
from collectors.mqtt.device import Heard
from collectors.mqtt.source import Source
from collectors.profile import load_profiles
from collectors.quantity import Quantity
from collectors.readings import Quality

NOT_READ: Final = {"Sound"}  # no quantity of a rack; System points are heartbeats and no channels
UNITS: Final = {  # of point types whose unit the document leaves to the site, as it suggests
    "Voltage": "V",
    "Frequency": "Hz",
    "ApparentPower": "kVA",
    "ActivePower": "kW",
    "Current": "A",
    "CurrentLimit": "A",
    "PhaseCurrent": "A",
    "GenericPoint": "kPa",
    "RackLiquidDifferentialPressureSp": "kPa",
}
NOW: Final = 1_743_620_500.0


@pytest.fixture(scope="module")
def document(shared: Path) -> dict[str, Any]:
    """Return the document."""
    text = (shared / "schemas" / "dsx" / "bms.yaml").read_text()
    loaded: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return loaded


@pytest.fixture(scope="module")
def points(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Return every (objectType, pointType) that has a metadata topic."""
    found = []
    for channel in document["channels"].values():
        address = channel["address"].split("/")
        if address[3] == "Metadata" and address[4] != "System":
            kinds = channel["parameters"]["pointType"]["enum"]
            found += [(address[4], kind) for kind in kinds]
    return found


@pytest.fixture(scope="module")
def fields(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the document says a point's metadata has beside identifiers, by pointType."""
    found: dict[str, dict[str, Any]] = {}
    for schema in document["components"]["schemas"].values():
        parts = schema.get("properties", {})
        kinds = parts.get("pointType", {}).get("enum", ())
        if len(kinds) != 1:
            continue
        typical = re.search(r"Typical engUnit: (\S+?)\.", schema.get("description", ""))
        units = parts.get("engUnit", {}).get("enum") or ([typical[1]] if typical else [])
        states = parts.get("stateText", {}).get("examples")
        told = {"stateText": states[0]} if states else {"engUnit": units[0]} if units else {}
        found.setdefault(kinds[0], told)
    return found


def metadata(object_type: str, point_type: str, told: dict[str, Any]) -> dict[str, Any]:
    """Complete a point's metadata as the document requires it."""
    if not told and point_type in UNITS:
        told = {"engUnit": UNITS[point_type]}
    if point_type == "PhaseCurrent":
        told = {**told, "phase": "A"}
    named = {"rackLocationName": "R1", "rackLocationId": "R1"}
    if object_type != "Rack":
        named = {"objectName": "O1", "objectId": "O1"}
    return {"objectType": object_type, "pointType": point_type, **named, **told}


def bus() -> Bus:
    """Return a device that hears the whole bus."""
    profile = next(p for p in load_profiles() if p.name == "dsx_bms")
    assert profile.mqtt is not None
    match = {"tagPath": "site/#"}
    source = Source(profile="dsx_bms", kind="cooling", vendor="", mqtt=profile.mqtt, match=match)
    device = Bus("bay/all", source)
    device.connected()
    return device


def hear(device: Bus, topic: str, told: object, now: float) -> str:
    """Let a message come."""
    return device.take(Heard(topic, json.dumps(told).encode(), retained=False, now=now, wall=NOW))


def test_every_point_of_the_document_is_read_as_it_is_described(
    points: list[tuple[str, str]], fields: dict[str, dict[str, Any]]
) -> None:
    """Each point type of each object type becomes a channel, but for those listed above."""
    device = bus()
    for object_type, point_type in points:
        told = metadata(object_type, point_type, fields.get(point_type, {}))
        topic = f"BMS/v1/PUB/Metadata/{object_type}/{point_type}/site/{object_type}"
        assert hear(device, topic, told, 1.0) == "", topic
    device.bind(10.0)

    unread = {topic.split("/")[5] for topic in device.unread}
    assert unread == NOT_READ
    assert len(device.channels) == len(points) - len(device.unread)
    assert len(points) > 200
    for channel in device.channels:
        if channel.quantity is Quantity.LEAK:
            assert channel.states == {0: "dry", 1: "wet"}
        elif channel.quantity is Quantity.STATE and "/Rack/" in channel.source:
            assert channel.good_states < {*channel.states.values()}


def test_every_example_of_a_value_is_read(document: dict[str, Any]) -> None:
    """Any combination of the document's example values, qualities and times."""
    examples = document["components"]["messages"]["ValueMessage"]["payload"]["properties"]
    listed = [examples[key]["examples"] for key in ("value", "timestamp", "quality")]
    topic = "BMS/v1/PUB/Value/Rack/RackLiquidFlow/site/r1"
    for value, timestamp, quality in itertools.product(*listed):
        device = bus()
        told = {"value": value, "timestamp": timestamp, "quality": quality}
        assert hear(device, topic, told, 1.0) == ""
        device.bind(2.0)
        (readings,) = device.readings(2.0)
        good = value is not None and quality == 1
        assert (readings.quality[0] == Quality.GOOD) == good
        if good:
            assert readings.values[0] == value


def test_the_documents_example_of_an_integration(document: dict[str, Any]) -> None:
    """The set point that MEPAI publishes is read under the topic that the document derives."""
    text = document["info"]["description"]
    topics = re.findall(r"BMS/v1/\S+/LiquidTemperatureSpRequest/site1/row3/cdu5", text)
    described, derived = topics[0], topics[-1]
    profile = next(p for p in load_profiles() if p.name == "dsx_bms")
    assert profile.mqtt is not None
    match = {"objectType": "CDU", "tagPath": "site1/row3/cdu5/#"}
    source = Source(profile="dsx_bms", kind="cooling", vendor="", mqtt=profile.mqtt, match=match)
    device = Bus("bay/cdu", source)
    device.connected()

    told = metadata("CDU", "LiquidTemperatureSpRequest", {"engUnit": "C", "integration": "MEPAI"})
    hear(device, described, told, 1.0)
    device.bind(2.0)
    hear(device, derived, {"value": 40, "timestamp": int(NOW * 1000), "quality": 1}, 3.0)

    (readings,) = device.readings(3.0)
    assert derived == "BMS/v1/MEPAI/Value/CDU/LiquidTemperatureSpRequest/site1/row3/cdu5"
    assert readings.values.tolist() == [40.0]
