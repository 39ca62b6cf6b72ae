"""MQTT: packets on the wire, JSON payloads, and devices that take whatever a broker brings."""

import json
import math
from collections.abc import Iterator
from functools import cache
from typing import Final

import numpy as np

from collectors.document import parse as parse_document
from collectors.mqtt.bus import Bus
from collectors.mqtt.device import Device, Heard
from collectors.mqtt.framing import RECEIVED, WITH_RECEIPT, Framing, PacketError
from collectors.mqtt.gateway import Gateway
from collectors.mqtt.mapping import MqttProfile
from collectors.mqtt.payload import (
    DEPTH_MAX,
    EARLIEST,
    LATEST,
    PAYLOAD_BYTES_MAX,
    PayloadError,
    number,
    parse,
    source_time,
)
from collectors.mqtt.source import Source
from collectors.profile import load_profiles
from collectors.readings import Quality
from fuzz.target import Target

MESSAGES_MAX: Final = 6  # of one input
WALL: Final = 1_743_620_423.0
REASONS: Final = frozenset({"too_long", "not_json", "too_deep", "duplicate_key"})
GATEWAY: Final = """\
dialect: json
messages:
  - topic: site/b/cdu/telemetry
    max_age: 20 s
    time: ts
    channels:
      temperature/supply: {field: d.T.v, unit_field: d.T.u, quantity: temperature}
      flow: {field: d.0.v, unit: lpm, quantity: flow, sentinels: [6553.5], decimal_comma: true}
      alarm: {field: d.Alarm, quantity: state, states: {0: ok}, good: [ok]}
  - topic: site/b/+/leak
    max_age: 60 s
    channels:
      leak: {quantity: leak, texts: {dry: 0, wet: 1}}
availability: {topic: "site/b/cdu/LWT", offline: [Offline]}
"""
TOPICS: Final = ("site/b/cdu/telemetry", "site/b/x/leak", "site/b/cdu/LWT", "other")
POINT: Final = "CDU/LiquidTemperature/site/cdu5"
BUS_TOPICS: Final = (
    f"BMS/v1/PUB/Metadata/{POINT}",
    f"BMS/v1/PUB/Value/{POINT}",
    "BMS/v1/PUB/Value/System/BmsHeartbeat/x",
    "BMS/v1/PUB/Metadata/Rack/RackLeakDetect/site/cdu5",
    "BMS/v1/PUB/Value/Rack/RackLeakDetect/site/cdu5",
    "BMS/v1/PUB/Value/CDU",
)
SENT: Final = (
    b'{"ts":"2025-04-02T19:00:23Z","d":{"T":{"v":"40,1","u":"\xc2\xb0C"},"0":{"v":1e1},"Alarm":"0x04"}}',
    b'{"ts":1743620423000,"d":[{"v":-1.5}],"e":null,"f":[true,false]}',
    b'{"value":40.1,"timestamp":"2025-04-02T19:00:23Z","quality":1}',
    (
        b'{"objectType":"CDU","pointType":"LiquidTemperature","engUnit":"C","phase":"A",'
        b'"processArea":["Supply"],"objectName":["cdu5"],"isSetpoint":true,"integration":"i1"}'
    ),
    b'{"objectType":"Rack","pointType":"RackLeakDetect","stateText":[{"value":0,"text":"Dry"}]}',
    b'"dry"',
    b"Offline",
    b"[[[[1]]]]",
    b'{"a":1,"a":2}',
)
WORDS: Final = (
    *(b'"ts":', b'"d":', b'"v":', b'"u":', b'"value":', b'"timestamp":', b'"quality":1', b"NaN"),
    *(b'"engUnit":', b'"stateText":', b'"text":', b'"objectType":', b'"pointType":', b"1e999"),
    *(b"Infinity", b"null", b"true", b"\\u0000", b"\\ud800", b"[[", b"]]", b"1743620423000"),
)


def framing(data: bytes) -> None:
    """However packets are cut, the same are let through, and none that is longer than allowed."""
    ends = []
    for step in (max(1, len(data)), 1, 3):
        frames = Framing(RECEIVED, WITH_RECEIPT)
        try:
            for at in range(0, len(data), step):
                frames.see(data[at : at + step])
        except PacketError as error:
            ends.append(str(error))
        else:
            ends.append(str(frames.count))
    assert len(set(ends)) == 1


def packets() -> Iterator[bytes]:
    """Yield packets of every kind that may come, and of some that may not."""
    yield b"\x20\x02\x00\x00\x90\x03\x00\x01\x01\xd0\x00"
    yield b"\x32\x0a\x00\x03a/b\x00\x01xyz"
    yield b"\x30\x80\x01" + bytes(128) + b"\x10\x00"
    yield b"\x30\xff\xff\xff\x7f"
    yield b"\x30\x80\x80\x80\x80\x01"


def payload(data: bytes) -> None:
    """What is taken of JSON is what another parser takes, within bounds and without NaN."""
    try:
        tree = parse(data)
    except PayloadError as error:
        assert str(error) in REASONS
        return
    assert len(data) <= PAYLOAD_BYTES_MAX
    scalars = list(_scalars(tree, DEPTH_MAX))
    if not any(isinstance(each, float) for each in scalars):  # the last bit may differ
        assert json.loads(data) == tree
    for each in scalars:
        value, quality = number(each)
        assert math.isfinite(value) == (quality == Quality.GOOD)
        number(each, {"dry": 0}, decimal_comma=True)
        time = source_time(each)
        assert time is None or EARLIEST <= time < LATEST


def _scalars(tree: object, depth: int) -> Iterator[object]:
    """Yield all that is no list and no object."""
    if isinstance(tree, dict | list):
        assert depth > 0
        for each in tree.values() if isinstance(tree, dict) else tree:
            yield from _scalars(each, depth - 1)
    else:
        assert tree == tree, "NaN"  # noqa: PLR0124 -- what tells it
        yield tree


@cache
def _bus() -> Source:
    """Return a device of the shipped DSX profile."""
    (profile,) = (p for p in load_profiles() if p.name == "dsx_bms")
    assert profile.mqtt is not None
    return Source(
        profile=profile.name,
        kind=profile.kind,
        vendor=profile.vendor,
        mqtt=profile.mqtt,
        match={"tagPath": "site/#"},
    )


@cache
def _gateway() -> Source:
    """Return a device that publishes JSON."""
    mqtt = parse_document(GATEWAY, "p.yaml").validate(MqttProfile)
    return Source(profile="p", kind="cooling", vendor="v", mqtt=mqtt, match={})


def _hear(device: Device, topics: tuple[str, ...], data: bytes) -> None:
    """Let messages come, each an octet for topic and flags, one for its length, and its octets."""
    now, at = 0.0, 0
    device.connected()
    for _ in range(MESSAGES_MAX):
        if at + 2 > len(data):
            break
        pick, size = data[at], data[at + 1]
        body = data[at + 2 : at + 2 + size]
        at += 2 + size
        now += (pick >> 6) * 2.0
        topic = topics[(pick & 15) % len(topics)]
        reason = device.take(Heard(topic, body, bool(pick & 16), now, WALL + now))
        assert reason.replace("_", "").isalpha() or not reason
        if pick & 32:
            device.bind(now)
    device.bind(now + 10.0)
    for readings in device.readings(now + 10.0):
        good = readings.quality == Quality.GOOD
        assert len(readings.values) == len(device.channels)
        assert np.isfinite(readings.values[good]).all()
        assert np.isnan(readings.values[~good]).all()
        assert not np.isinf(readings.raw).any()


def gateway(data: bytes) -> None:
    """A gateway's messages become readings that are good and finite, or neither."""
    _hear(Gateway("b/cdu", _gateway()), TOPICS, data)


def bus(data: bytes) -> None:
    """Metadata and values of a bus likewise, whatever they describe."""
    _hear(Bus("b/cdu", _bus()), BUS_TOPICS, data)


def _said(*told: tuple[int, bytes]) -> bytes:
    """Put messages in a row."""
    return b"".join(bytes((pick, len(body))) + body for pick, body in told)


def gateway_seeds() -> Iterator[bytes]:
    """Yield what a gateway may hear."""
    yield _said((0, SENT[0]), (64, SENT[1]), (1, b"wet"), (2, b"Offline"))
    yield _said((16, SENT[0]), (0, SENT[1]), (3, b"x"))


def bus_seeds() -> Iterator[bytes]:
    """Yield what a device on a bus may hear."""
    yield _said((0, SENT[3]), (32 | 1 | 192, SENT[2]), (1, SENT[2]), (2, SENT[2]))
    yield _said((3, SENT[4]), (32 | 4 | 192, SENT[2]), (4, SENT[2]), (3, b""))
    yield _said((1, SENT[2]), (0, SENT[3]))


def giant_payloads() -> Iterator[bytes]:
    """Yield payloads as dear as their bounds allow."""
    yield b"[" * PAYLOAD_BYTES_MAX
    yield b"[" + b"1," * (PAYLOAD_BYTES_MAX // 2 - 1) + b"1]"
    keys = b",".join(b'"%d":1' % n for n in range(6000))
    yield b"{" + keys + b"}"
    yield b"{" + keys + b',"0":1}'
    yield b"[" + b'"0x1",' * 10_000 + b"1]"
    yield b"1" * PAYLOAD_BYTES_MAX
    yield b"[" + b'{"a":[' * 7 + b"1" + b"]}" * 7 + b"]"
    yield b'"' + b":" * (PAYLOAD_BYTES_MAX - 2) + b'"'
    yield b'"' + b"\\u00e9" * 10_000 + b'"'


def giant_packets() -> Iterator[bytes]:
    """Yield as many packets as a read can bring, a long one, and one that is too long."""
    yield b"\xd0\x00" * (4 << 10)
    yield b"\x30\x80\x80\x01" + bytes(1 << 14)
    yield b"\x30\x81\x80\x08" + bytes(1 << 14)


TARGETS: Final = (
    Target(name="framing", run=framing, seeds=packets, giants=giant_packets, size_max=48),
    Target(
        name="payload",
        run=payload,
        seeds=lambda: SENT,
        giants=giant_payloads,
        words=WORDS,
        size_max=1024,
        growth_max=2 << 20,
    ),
    Target(name="gateway", run=gateway, seeds=gateway_seeds, words=WORDS, size_max=512),
    Target(name="bus", run=bus, seeds=bus_seeds, words=WORDS, size_max=512),
)
