"""An inform is repeated until somebody has it, and nobody waits for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.snmp.ber import Tag, integer, tlv
from collectors.snmp.message import Community, PduType, decode_pdu
from collectors.snmp.usm import User
from collectors.twin.notices import FAMILIES, Scene, notices
from collectors.twin.trap import REPEAT_SECONDS, TRIES_MAX, WAITING_MAX, Herald, Notice, Sink

SINK = ("127.0.0.1", 162)
ENVELOPE = Community("2c", b"public")
START = Notice("1.3.6.1.6.3.1.1.5.1")


def herald(*sinks: Sink) -> Herald:
    """Give a device somebody to tell."""
    return Herald(sinks, host="127.0.1.11", sys_object_id="1.3.6.1.4.1.9")


def acknowledged(datagram: bytes) -> bytes:
    """Say that an inform has come."""
    number = decode_pdu(ENVELOPE.open(datagram)).request_id
    fields = b"".join(tlv(Tag.INTEGER, integer(value)) for value in (number, 0, 0))
    return ENVELOPE.seal(tlv(PduType.RESPONSE, fields + tlv(Tag.SEQUENCE, b"")))


def test_an_inform_is_said_until_it_is_acknowledged() -> None:
    """The same question again, not before its time, and never after the answer."""
    device = herald(Sink(address=SINK, inform=True))
    ((first, to),) = device.tell(START, uptime=5.0, now=0.0)

    assert device.late(now=REPEAT_SECONDS / 2) == []
    assert device.late(now=REPEAT_SECONDS) == [(first, to)]
    assert device.hear(acknowledged(first), ("127.0.0.1", 99), 3.0) == []
    assert device.waiting == 1
    device.hear(acknowledged(first), SINK, 3.0)
    assert (device.waiting, device.late(now=1e6)) == (0, [])


def test_informs_that_nobody_wants_are_given_up_and_counted() -> None:
    """After some tries, and from the first one beyond what may wait."""
    device = herald(Sink(address=SINK, inform=True))
    for _ in range(WAITING_MAX + 1):
        device.tell(START, uptime=5.0, now=0.0)
    assert device.lost == 1

    said = [len(device.late(now=REPEAT_SECONDS * tries)) for tries in range(1, TRIES_MAX + 2)]

    assert said == [WAITING_MAX] * (TRIES_MAX - 1) + [0, 0]
    assert (device.waiting, device.lost) == (0, WAITING_MAX + 1)


def test_everybody_is_told_in_his_own_version() -> None:
    """One datagram a sink, to its address."""
    other = ("127.0.0.2", 1162)
    sent = herald(Sink(address=SINK, version="1"), Sink(address=other)).tell(START, 5.0, 0.0)

    assert [(datagram[4], to) for datagram, to in sent] == [(0, SINK), (1, other)]


def test_a_sink_that_cannot_be_served_is_refused_at_once() -> None:
    """v3 without an engine."""
    with pytest.raises(ValueError, match="needs an engine"):
        herald(Sink(address=SINK, version="3", user=User.of(b"open")))


@given(st.binary(max_size=80))
def test_garbage_acknowledges_nothing(garbage: bytes) -> None:
    """Whatever comes back, an inform waits for its own answer."""
    device = herald(Sink(address=SINK, inform=True))
    device.tell(START, uptime=5.0, now=0.0)

    assert device.hear(garbage, SINK, 0.0) == []
    assert device.waiting == 1


@pytest.mark.parametrize("family", [*FAMILIES, "cumulus"])
def test_a_device_tells_what_its_family_knows(family: str) -> None:
    """A start by all; a port only where there is one; nothing of what it has no name for."""
    ports = {"swp1": 1}

    assert notices(family, Scene("x", "reboot"))[0] == START
    assert len(notices(family, Scene("x", "link up", "swp1", ports=ports))) == 1
    assert notices(family, Scene("x", "link up", "swp2", ports=ports)) == []
    assert notices(family, Scene("x", "input lost", "psu1")) == []
