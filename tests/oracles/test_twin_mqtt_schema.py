"""What the simulated bus says, against the bus's own document."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # ships no types
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.rehearsal.points import points
from collectors.profile import load_profiles
from collectors.quantity import Quantity
from collectors.twin.dsx_face import DsxFace, Heartbeat
from collectors.twin.mqtt_face import Face, Message, Place, places
from collectors.twin.point import Point

DOCUMENT: Final = "urn:bms"
NOW: Final = 1_743_620_423.0
DOOR: Final = (  # a rear door of the bus, which the example spec reads by SNMP
    Point("door", "air_out_temp", "rear_door.air_out_temp", None, Quantity.TEMPERATURE),
    Point("door", "flow", "rear_door.flow", None, Quantity.FLOW),
    Point("door", "fan_ok[fan2]", "rear_door.fan_ok", "fan2", Quantity.STATE),
    Point("door", "fan_speed[fan1]", "rear_door.fan_speed", "fan1", Quantity.SPEED),
)
METER: Final = (  # and meters
    Point("meter", "power", "feed_meter.power", None, Quantity.POWER),
    Point("meter", "line_current[phase3]", "feed_meter.line_current", "phase3", Quantity.CURRENT),
    Point("meter", "power_factor", "feed_meter.power_factor", None, Quantity.POWER_FACTOR),
    Point("meter", "frequency", "feed_meter.frequency", None, Quantity.FREQUENCY),
)
Check = Callable[[Message], None]


@pytest.fixture(scope="module")
def document(shared: Path) -> dict[str, Any]:
    """Return the document."""
    text = (shared / "schemas" / "dsx" / "bms.yaml").read_text()
    loaded: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return loaded


@pytest.fixture(scope="module")
def check(document: dict[str, Any]) -> Check:
    """Return what finds a message that the document does not allow."""
    registry: Registry[Any] = Registry().with_resource(
        DOCUMENT, DRAFT202012.create_resource(document)
    )
    channels = {
        tuple(channel["address"].split("/")[2:5]): channel
        for channel in document["channels"].values()
    }

    def judge(message: Message) -> None:
        """Find the topic's channel, then the message's schema."""
        _, _, publisher, which, object_type, point_type, tag = message.topic.split("/", 6)
        channel = channels[publisher, which, object_type]
        assert point_type in channel["parameters"]["pointType"]["enum"]
        assert tag
        assert message.retain == (which == "Metadata")
        named = {name.lower(): each["$ref"] for name, each in channel["messages"].items()}
        reference = named[point_type.lower() if which == "Metadata" else "valuemessage"]
        payload = reference.replace("#", f"{DOCUMENT}#") + "/payload"
        Draft202012Validator({"$ref": payload}, registry=registry).validate(
            json.loads(message.payload)
        )

    return judge


class Racks:
    """Two racks on which everything shows one."""

    def __init__(self, count: int, devices: int) -> None:
        self.shown = np.ones((2, count))
        self.good = np.ones((2, count), bool)
        self.silent = np.zeros((2, devices), bool)
        self.clock_offset = np.zeros((2, devices))


def faces(listed: Sequence[Place]) -> list[Face]:
    """Return the faces of devices on the bus."""
    profile = next(p for p in load_profiles() if p.name == "dsx_bms")
    return [*(DsxFace(profile, place, ("bay-01", "bay-02")) for place in listed), Heartbeat("twin")]


def test_every_topic_value_and_description_is_as_the_document_has_it(
    check: Check, shared: Path
) -> None:
    """Of rack, cooling unit, room, rear door and meter; with values that are there, and not."""
    path = shared / "examples" / "nvl72-lc-132kw.yaml"
    given = (*points(expand(load_spec(path.read_bytes(), path.name))), *DOOR, *METER)
    racks = Racks(len(given), len(places(given)))
    listed = [p for p in places(given) if p.device in ("rack", "cdu", "room", "door", "meter")]
    said = 0
    for now, value in ((NOW, 1.0), (NOW + 10.0, np.nan)):
        racks.shown[1] = value
        for face in faces(listed):
            for message in (*face.greet(now), *face.due(racks, now)):
                check(message)
                said += 1
    assert said == 2 * 2 * (2 * sum(len(place.points) for place in listed) + 1)
