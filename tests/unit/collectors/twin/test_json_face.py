"""Simulated gateways: messages in the shape that a profile asks for, whatever that is."""

import json
from typing import Any, Final

import numpy as np
import pytest

from collectors.document import parse
from collectors.mqtt.device import Heard
from collectors.mqtt.gateway import Gateway
from collectors.mqtt.mapping import MqttProfile
from collectors.mqtt.source import Source
from collectors.profile import Profile, load_profiles
from collectors.quantity import Quantity
from collectors.twin.json_face import JsonFace
from collectors.twin.mqtt_face import FaceError, places
from collectors.twin.point import Point

MQTT: Final = """\
dialect: json
messages:
  - topic: site/{bay}/{unit}/telemetry
    max_age: 20 s
    channels:
      "supply": {field: d.T_sup.v, unit_field: d.T_sup.u, quantity: temperature}
      flow: {field: list.1.100%.v, unit: m3/h, quantity: flow}
      raw: {field: raw, quantity: power, unit: kW, scale: 0.1, offset: 3}
      pump_ok: {field: pump, quantity: state, states: {7: running, 3: halted, 9: broken}}
  - topic: site/{bay}/+/leak
    max_age: 60 s
    channels:
      leak: {quantity: leak, states: {0: wet, 1: dry}}
"""
POINTS: Final = (
    Point("cdu", "supply", "cdu.supply", None, Quantity.TEMPERATURE),
    Point("cdu", "flow", "cdu.flow", None, Quantity.FLOW),
    Point("cdu", "raw", "cdu.raw", None, Quantity.POWER),
    Point("cdu", "leak", "cdu.leak", None, Quantity.LEAK),
)
PUMP: Final = Point("cdu", "pump_ok", "cdu.pump_ok", None, Quantity.STATE)
SHIPPED: Final = next(each for each in load_profiles() if each.name == "json_room")
NOW: Final = 1_743_620_423.0


class Racks:
    """One rack."""

    def __init__(self) -> None:
        self.shown = np.array([[40.12, 172.5, 2345.0, 1.0]])
        self.good = np.ones((1, 4), bool)
        self.silent = np.zeros((1, 1), bool)
        self.clock_offset = np.zeros((1, 1))


def profile() -> Profile:
    """Return a profile that is unlike the shipped ones."""
    mqtt = parse(MQTT, "p.yaml").validate(MqttProfile)
    changed: dict[str, Any] = {"name": "odd", "mqtt": mqtt, "provides": {}}
    fields = {name: getattr(SHIPPED, name) for name in Profile.__dataclass_fields__}
    return Profile(**{**fields, **changed})


def face() -> JsonFace:
    """Return a face of it."""
    (place,) = places(POINTS)
    return JsonFace(profile(), place, ("bay-01",), {"unit": "u5"})


def test_messages_have_the_shape_and_the_units_of_their_profile() -> None:
    """Lists, units beside values, scales, a payload that is one value; unknown places are null."""
    telemetry, leak = face().due(Racks(), NOW)
    assert telemetry.topic == "site/bay-01/u5/telemetry"
    assert json.loads(telemetry.payload) == {
        "d": {"T_sup": {"v": pytest.approx(40.12), "u": "°C"}},
        "list": [None, {"100%": {"v": 10.35}}],
        "raw": -6.55,
    }
    assert (leak.topic, leak.payload) == ("site/bay-01/cdu/leak", b"0")


def test_the_gateway_of_an_agent_reads_them() -> None:
    """The values as they were shown, and the leak by this device's own numbers."""
    shown, mqtt = Racks(), profile().mqtt
    assert mqtt is not None
    source = Source(profile="odd", kind="other", vendor="v", mqtt=mqtt, match={"unit": "u5"})
    gateway = Gateway("bay-01/cdu", source)
    gateway.connected()
    for message in face().due(shown, NOW):
        heard = Heard(message.topic, message.payload, retained=False, now=1.0, wall=NOW)
        assert not gateway.take(heard)
    (read,) = gateway.readings(1.0)
    names = [channel.name for channel in gateway.channels]
    found = dict(zip(names, read.values.tolist(), strict=True))
    assert found["supply"] == pytest.approx(40.12)
    assert found["flow"] == pytest.approx(172.5, abs=1e-4)
    assert found["raw"] == pytest.approx(2345.0, abs=1e-3)
    assert found["leak"] == 1.0


def test_a_state_that_the_device_has_no_word_for_is_refused() -> None:
    """Nobody can tell whether `halted` is what we call stopped."""
    (place,) = places((*POINTS, PUMP))
    with pytest.raises(FaceError, match="pump_ok: no state is 'ok'; the profile has running"):
        JsonFace(profile(), place, ("bay-01",), {"unit": "u5"})


def test_a_rack_keeps_its_beat_whatever_else_makes_it_speak() -> None:
    """A leak between two messages comes at once, and moves neither the next nor those after it."""
    calm, wet = face(), face()
    racks, leaking = Racks(), Racks()
    times: dict[str, list[int]] = {"calm": [], "wet": []}
    for tick in range(200):
        leaking.shown[0, 3] = float(70 <= tick < 73)
        for name, each, shown in (("calm", calm, racks), ("wet", wet, leaking)):
            said = [m for m in each.due(shown, NOW + tick / 4) if m.topic.endswith("leak")]
            times[name] += [tick] * len(said)
    assert set(times["wet"]) - set(times["calm"]) == {70, 73}
    assert set(times["calm"]) <= set(times["wet"])
