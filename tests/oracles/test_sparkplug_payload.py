"""Payloads read here and by Eclipse Tahu's generated code, which is Google's: they agree."""

import contextlib
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # ships none
from hypothesis import given
from hypothesis import strategies as st
from tahutils.tahu import sparkplug_b_pb2  # type: ignore[import-untyped] # ships none

from collectors.mqtt.payload import PayloadError
from collectors.mqtt.sparkplug import Metric, asks_for_births, read

NUMBER = st.integers(0, (1 << 64) - 1)
SMALL = st.integers(0, (1 << 32) - 1)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = {
    "int_value": SMALL,
    "long_value": NUMBER,
    "float_value": st.floats(width=32, allow_nan=False),
    "double_value": st.floats(allow_nan=False),
    "boolean_value": st.booleans(),
    "string_value": TEXT,
    "bytes_value": st.binary(max_size=20),
}
OPAQUE = ("bytes_value", "dataset_value", "template_value")


@st.composite
def metrics(draw: st.DrawFn, into: Any) -> None:  # noqa: ANN401 -- a message of Tahu's
    """Fill one metric with whatever it may have."""
    for key, what in (
        ("name", TEXT),
        ("alias", NUMBER),
        ("timestamp", NUMBER),
        ("datatype", SMALL),
        ("is_historical", st.booleans()),
        ("is_transient", st.booleans()),
        ("is_null", st.booleans()),
    ):
        if draw(st.booleans()):
            setattr(into, key, draw(what))
    if draw(st.booleans()):
        into.metadata.description = draw(TEXT)
    for key in draw(st.lists(st.sampled_from(["engUnit", "Quality", "x", ""]), unique=True)):
        into.properties.keys.append(key)
        held = into.properties.values.add(type=12 if key == "engUnit" else 3)
        if key == "engUnit":
            held.string_value = draw(TEXT)
        else:
            held.int_value = draw(SMALL)
    which = draw(st.sampled_from([*VALUES, "dataset_value", "template_value", ""]))
    if which in VALUES:
        setattr(into, which, draw(VALUES[which]))
    elif which == "dataset_value":
        into.dataset_value.columns.append(draw(TEXT))
    elif which:
        draw(metrics(into.template_value.metrics.add()))


@st.composite
def payloads(draw: st.DrawFn) -> Any:  # noqa: ANN401 -- a message of Tahu's
    """Draw a whole payload."""
    payload = sparkplug_b_pb2.Payload()
    for key, what in (("timestamp", NUMBER), ("uuid", TEXT), ("body", st.binary(max_size=9))):
        if draw(st.booleans()):
            setattr(payload, key, draw(what))
    payload.seq = draw(st.integers(0, 255))
    for _ in range(draw(st.integers(0, 4))):
        draw(metrics(payload.metrics.add()))
    return payload


def same(ours: Metric, theirs: Any) -> None:  # noqa: ANN401 -- a message of Tahu's
    """Check that both read the same of a metric."""
    for key, found in (
        ("name", ours.name),
        ("alias", ours.alias),
        ("timestamp", ours.time),
        ("datatype", ours.datatype),
    ):
        assert found == (getattr(theirs, key) if theirs.HasField(key) else None)
    assert (ours.historical, ours.null) == (theirs.is_historical, theirs.is_null)
    which = theirs.WhichOneof("value")
    assert (ours.field == 0) == (which is None)
    if which and which not in OPAQUE:
        assert ours.raw == getattr(theirs, which)
    told = dict(zip(theirs.properties.keys, theirs.properties.values, strict=True))
    assert ours.unit == (told["engUnit"].string_value if "engUnit" in told else None)
    assert ours.quality == (told["Quality"].int_value if "Quality" in told else None)


@given(payload=payloads())
def test_what_the_generated_code_writes_is_read_alike(payload: Any) -> None:  # noqa: ANN401 -- Tahu's
    """Whatever a payload has."""
    found = read(payload.SerializeToString())
    assert found.seq == payload.seq
    assert found.time == (payload.timestamp if payload.HasField("timestamp") else None)
    for ours, theirs in zip(found.metrics, payload.metrics, strict=True):
        same(ours, theirs)


@given(payload=payloads(), data=st.data())
def test_damaged_bytes_are_refused_or_read_alike(payload: Any, data: st.DataObject) -> None:  # noqa: ANN401 -- Tahu's
    """What is taken here is taken there, with the same meaning; and nothing breaks."""
    octets = bytearray(payload.SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(octets) - 1))
        octets[at : at + 1] = data.draw(st.binary(max_size=2))
        if not octets:
            return
    asks_for_births(bytes(octets))
    found = theirs = None
    with contextlib.suppress(PayloadError):
        found = read(bytes(octets), counted=False)
    with contextlib.suppress(DecodeError):  # also of what stays closed here
        theirs = sparkplug_b_pb2.Payload.FromString(bytes(octets))
    if found is not None and theirs is not None:
        assert found.seq == (theirs.seq if theirs.HasField("seq") else None)
        for ours, other in zip(found.metrics, theirs.metrics, strict=True):
            assert ours.alias == (other.alias if other.HasField("alias") else None)
