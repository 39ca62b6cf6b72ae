"""Sparkplug B: the wire, its payloads, and a device of an edge node that says anything."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from collectors.mqtt import protobuf
from collectors.mqtt.device import Heard
from collectors.mqtt.edges import Edges
from collectors.mqtt.mapping import MqttProfile
from collectors.mqtt.payload import PAYLOAD_BYTES_MAX, PayloadError
from collectors.mqtt.source import Source
from collectors.mqtt.sparkplug import (
    METRICS_MAX,
    SEQUENCE,
    Datatype,
    asks_for_births,
    read,
    rebirth,
)
from collectors.readings import Quality
from collectors.twin.sparkplug import metric, payload
from fuzz.target import Target

WALL: Final = 1_743_620_423.0
MS: Final = int(WALL * 1000)
MESSAGES_MAX: Final = 8  # of one input
PROFILE: Final = MqttProfile.model_validate(
    {
        "dialect": "sparkplug",
        "metrics": {
            "T": {"name": "temperature", "quantity": "temperature"},
            "psu{n}/W": {"name": "psu/{n}/power", "quantity": "power", "unit": "W"},
            "state": {"name": "state", "quantity": "state", "states": {0: "ok", 1: "bad"}},
        },
    }
)
KINDS: Final = ("NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH", "NCMD", "STATE")
SESSION: Final = metric(MS, 0, name="bdSeq", datatype=Datatype.INT64)
BORN: Final = payload(MS, [SESSION], 0)
DEVICE: Final = payload(
    MS,
    [
        metric(MS, 40.5, name="T", alias=1, datatype=Datatype.DOUBLE, unit="°C"),
        metric(MS, 700.0, name="psu2/W", alias=2, datatype=Datatype.DOUBLE),
        metric(MS, "ok", name="state", alias=3, datatype=Datatype.STRING),
    ],
    1,
)
DATA: Final = payload(MS + 1000, [metric(MS + 1000, 41.5, alias=1)], 2)
DEATH: Final = payload(MS, [SESSION])
WORDS: Final = (
    *(bytes((tag,)) for tag in (0x08, 0x10, 0x12, 0x18, 0x20, 0x28, 0x30, 0x38, 0x4A, 0x52)),
    *(bytes((tag,)) for tag in (0x50, 0x58, 0x65, 0x69, 0x70, 0x7A)),
    *(b"\x82\x01", b"\x8a\x01", b"\xff" * 9 + b"\x01", b"bdSeq", b"psu2/W", b"state", b"T"),
    metric(MS, 41.0, alias=1),
    metric(MS, "bad", alias=3),
)


def wire(data: bytes) -> None:
    """Bytes are fields that are written again to the same, unless a number was padded."""
    try:
        found = protobuf.fields(data)
    except protobuf.WireError as error:
        assert str(error).replace("_", "").isalpha()
        return
    again = b"".join(
        protobuf.key(n, kind) + (value if isinstance(value, bytes) else protobuf.varint(value))
        if kind != protobuf.BYTES
        else protobuf.octets(n, value if isinstance(value, bytes) else b"")
        for n, kind, value in found
    )
    assert len(again) <= len(data)
    assert protobuf.fields(again) == found


def sparkplug(data: bytes) -> None:
    """A payload is one within bounds, and each value is of a type, or is refused."""
    for counted in (True, False):
        try:
            told = read(data, counted=counted)
        except PayloadError as error:
            assert str(error).replace("_", "").isalpha()
            continue
        assert len(data) <= PAYLOAD_BYTES_MAX
        assert len(told.metrics) <= METRICS_MAX
        assert told.seq is None or 0 <= told.seq < SEQUENCE
        assert told.session is None or told.session >= 0
        for each in told.metrics[:64]:
            for kind in (None, *range(36)):
                each.value(kind)
    size = int.from_bytes(data[:2], "big")
    if asks_for_births(data):
        sent = data[2 + size :]
        assert rebirth(read(sent.removeprefix(b"\0"), counted=False).time or 0) in sent


def edge(data: bytes) -> None:
    """A node is believed from its birth on and as long as nothing is missing; all else is unknown.

    Messages, each an octet for kind and flags, two for its length, and its octets.
    """
    match = {"group": "hall", "node": "bay", "device": "cdu"}
    source = Source(profile="p", kind="other", vendor="v", mqtt=PROFILE, match=match)
    device = Edges().device("bay/cdu", source)
    device.connected()
    now, at = 100.0, 0
    for _ in range(MESSAGES_MAX):
        if at + 3 > len(data):
            break
        pick, size = data[at], int.from_bytes(data[at + 1 : at + 3], "big") % 512
        body = data[at + 3 : at + 3 + size]
        at += 3 + size
        kind = KINDS[pick & 7]
        topic = f"spBv1.0/hall/{kind}/bay" + ("/cdu" if kind[0] == "D" else "")
        now += (pick >> 6) * 2.0
        reason = device.take(Heard(topic, body, bool(pick & 16), now, WALL + now - 100.0))
        assert reason.replace("_", "").isalpha() or not reason
        device.bind(now)
        for readings in device.readings(now):
            good = readings.quality == Quality.GOOD
            assert np.isfinite(readings.values[good]).all()
            assert np.isnan(readings.values[~good]).all()
            assert device.node.sound or not good.any()


def _said(*told: tuple[int, bytes]) -> bytes:
    """Put messages in a row."""
    return b"".join(bytes((pick,)) + len(body).to_bytes(2, "big") + body for pick, body in told)


def payloads() -> Iterator[bytes]:
    """Yield payloads of every kind of message."""
    yield from (BORN, DEVICE, DATA, DEATH, rebirth(MS))
    for each in (1, True, "text", 1.5):
        yield payload(MS, [metric(MS, each, name="x", datatype=Datatype.STRING)], 7)
    topic = b"spBv1.0/hall/NCMD/bay"
    yield len(topic).to_bytes(2, "big") + topic + rebirth(MS)


def lives() -> Iterator[bytes]:
    """Yield what a node may say in its life."""
    yield _said((0, BORN), (1, DEVICE), (3 | 64, DATA), (4, DEATH))
    yield _said((0, BORN), (1, DEVICE), (3, DATA), (3, DATA), (5, DATA))
    yield _said((3, DATA), (0, BORN), (3 | 128, DATA), (1, DEVICE))


def giant_payloads() -> Iterator[bytes]:
    """Yield payloads as large as they may be."""
    yield payload(MS, [metric(MS, 1.0, alias=n) for n in range(METRICS_MAX)], 1)
    yield b"\x12\x00" * (PAYLOAD_BYTES_MAX // 2)
    yield b"\x12\xff\x7f" + b"\x4a\x00" * 8000
    yield b"\xff" * PAYLOAD_BYTES_MAX


TARGETS: Final = (
    Target(
        name="protobuf", run=wire, seeds=payloads, giants=giant_payloads, words=WORDS, size_max=512
    ),
    Target(
        name="sparkplug",
        run=sparkplug,
        seeds=payloads,
        giants=giant_payloads,
        words=WORDS,
        size_max=512,
        growth_max=4 << 20,
    ),
    Target(name="edge", run=edge, seeds=lives, words=WORDS, size_max=1024),
)
