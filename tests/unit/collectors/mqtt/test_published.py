"""A PUBLISH of either version, and a broker's reasons: whatever the bytes, sense or PacketError."""

import struct
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collectors.mqtt.framing import PACKET_BYTES_MAX, PacketError
from collectors.mqtt.published import read_publish
from collectors.mqtt.refusal import NEW, OLD, denied, ended, refused

topics: Final = st.text(
    st.characters(exclude_characters="\0+#", exclude_categories=["Cs"]), min_size=1
)
pairs: Final = st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=4)


def properties(kind: int, **told: object) -> bytes:
    """Encode properties as another library does."""
    made: Any = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in told.items():
        if value is not None:
            setattr(made, name, value)
    packed: bytes = made.pack()
    return packed


@given(
    topics,
    st.binary(max_size=50),
    st.integers(0, 65_535),
    st.none() | st.integers(0, (1 << 32) - 1),
    pairs,
)
def test_what_another_library_writes_is_read(
    topic: str, payload: bytes, packet_id: int, expiry: int | None, users: list[tuple[str, str]]
) -> None:
    """Both versions, with a receipt and without, and any properties beside the one we read."""
    name = topic.encode()
    more = properties(
        PacketTypes.PUBLISH,
        MessageExpiryInterval=expiry,
        ContentType="json",
        ResponseTopic="r",
        CorrelationData=b"\1\2",
        PayloadFormatIndicator=1,
        UserProperty=users or None,
    )
    start = struct.pack("!H", len(name)) + name
    number = struct.pack("!H", packet_id) if packet_id else b""
    first = 0x32 if packet_id else 0x30

    three = read_publish(first, start + number + payload, five=False)
    five = read_publish(first, start + number + more + payload, five=True)

    assert three == (topic, payload, packet_id, None)
    assert five == (topic, payload, packet_id, expiry)


@given(st.sampled_from([0x30, 0x31, 0x32, 0x3B]), st.binary(max_size=60), st.booleans())
def test_any_bytes_are_a_message_or_a_packet_error(first: int, body: bytes, five: bool) -> None:  # noqa: FBT001 -- drawn
    """Nothing else ends the loop that reads them; what is read lies within them."""
    try:
        told = read_publish(first, body, five=five)
    except PacketError:
        return
    assert told.topic
    assert len(told.topic.encode()) + len(told.payload) <= len(body) - 2


def test_a_message_full_of_properties_is_stepped_over() -> None:
    """20,000 of a user's own, which a broker passes on from any publisher: none is built."""
    users = b"\x26\0\0\0\0" * ((PACKET_BYTES_MAX - 100) // 5)
    size = len(users)
    length = bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14])
    told = read_publish(0x30, b"\0\1a" + length + users + b"40", five=True)
    assert told == ("a", b"40", 0, None)


@pytest.mark.parametrize(
    ("first", "body", "five"),
    [
        (0x30, b"\0\0" + b"40", False),  # no topic
        (0x30, b"\0\1\xff" + b"40", False),  # no UTF-8
        (0x32, b"\0\1a\0\0" + b"40", False),  # a receipt for number 0
        (0x30, b"\0\1a\x03\x23\0\1" + b"40", True),  # a topic's alias, which we never allowed
        (0x30, b"\0\1a\x02\x7f\0" + b"40", True),  # no such property
    ],
)
def test_what_no_honest_broker_sends_ends_the_connection(
    first: int,
    body: bytes,
    five: bool,  # noqa: FBT001 -- drawn
) -> None:
    """Guessing what was meant would be worse."""
    with pytest.raises(PacketError):
        read_publish(first, body, five=five)


def test_every_refusal_says_what_to_do() -> None:
    """Of both versions; the broker's own words come behind ours, made harmless."""
    assert refused(b"\0\0", five=False) == ""
    assert refused(b"\0\0\0", five=True) == ""
    for code, said in OLD.items():
        assert refused(bytes([0, code]), five=False) == said
    for code, said in NEW.items():
        if code:
            words = properties(PacketTypes.CONNACK, ReasonString="no\n\x1b[31mway " + "x" * 400)
            told = refused(bytes([0, code]) + words, five=True)
            assert told.startswith(f'{said} ("no?[31mway xxx')
            assert len(told) < 250
    assert "protocol: 3.1.1" in refused(b"\0\x01", five=True)  # as an old broker answers
    assert "client_id" in ended(b"\x8e")
    assert "shutting down" in ended(b"\x8b" + properties(PacketTypes.DISCONNECT))
    assert (denied(0x80), denied(0x87)[:13]) == ("not allowed", "it refuses us")


@given(st.binary(max_size=40), st.booleans())
def test_any_answer_is_a_sentence(body: bytes, five: bool) -> None:  # noqa: FBT001 -- drawn
    """And one line."""
    for said in (refused(body, five=five), ended(body)):
        assert said.isprintable()
