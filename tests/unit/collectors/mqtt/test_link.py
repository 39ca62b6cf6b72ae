"""What passes between us and a broker: nothing too long, nothing published, nothing unasked."""

import contextlib
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt.framing import (
    CONTROL_BYTES_MAX,
    PACKET_BYTES_MAX,
    RECEIPT,
    RECEIVED,
    SENT,
    WITH_RECEIPT,
    Framing,
    PacketError,
)
from collectors.mqtt.link import READ_BYTES_MAX, UNACKNOWLEDGED_MAX, CheckedSocket


def header(kind: int, size: int) -> bytes:
    """Begin a packet of so many bytes (MQTT 3.1.1 §2.2)."""
    length, left = b"", size
    while True:
        left, digit = divmod(left, 128)
        length += bytes([digit | 0x80 if left else digit])
        if not left:
            return bytes([kind]) + length


def packet(kind: int, size: int) -> bytes:
    """Make a packet."""
    return header(kind, size) + bytes(size)


packets = st.builds(packet, st.sampled_from(sorted(RECEIVED)), st.integers(0, 300))


@given(st.lists(packets, max_size=8), st.data())
def test_sound_packets_pass_however_they_are_cut(sent: list[bytes], data: st.DataObject) -> None:
    """The library reads a byte here and a body there; where it cuts makes no difference."""
    framing = Framing(RECEIVED, WITH_RECEIPT)
    stream = b"".join(sent)
    at = 0
    while at < len(stream):
        step = data.draw(st.integers(1, 40))
        framing.see(stream[at : at + step])
        at += step

    assert framing.count == sum(each[0] in WITH_RECEIPT for each in sent)


@given(
    st.lists(packets, max_size=3),
    st.sampled_from(sorted(RECEIVED)) | st.integers(0, 255),
    st.integers(0, 3000) | st.integers(PACKET_BYTES_MAX - 1, 200 << 20),
)
def test_a_packet_is_judged_by_its_first_bytes(before: list[bytes], kind: int, size: int) -> None:
    """Before one byte of its body is read, it is known whether the packet may come at all."""
    framing = Framing(RECEIVED, WITH_RECEIPT, CONTROL_BYTES_MAX)
    framing.see(b"".join(before))

    if kind in RECEIVED and size <= (PACKET_BYTES_MAX if kind >> 4 == 3 else CONTROL_BYTES_MAX):
        framing.see(header(kind, size))
    else:
        with pytest.raises(PacketError):
            framing.see(header(kind, size))


@pytest.mark.parametrize("kind", [*range(0x30, 0x40), 0x50, 0x62, 0x70, 0x80, 0x90, 0xF0, 0x00])
def test_nothing_can_be_published(kind: int) -> None:
    """A PUBLISH of any quality, and what belongs to one, is refused before it is sent."""
    with pytest.raises(PacketError, match="begins with"):
        Framing(SENT, RECEIPT).see(packet(kind, 3))


def test_a_length_without_end_is_refused() -> None:
    """Five bytes of length are one too many, whatever they say."""
    with pytest.raises(PacketError):
        Framing(RECEIVED, WITH_RECEIPT).see(b"\x30\x80\x80\x80\x80\x00")


@pytest.fixture
def ends() -> Iterator[tuple[CheckedSocket, socket.socket]]:
    """Return our end of a connection, and the broker's."""
    ours, theirs = socket.socketpair()
    checked = CheckedSocket(ours)
    checked.setblocking(False)  # noqa: FBT003 -- as of a socket
    with ours, theirs:
        yield checked, theirs


def test_what_is_refused_never_leaves(ends: tuple[CheckedSocket, socket.socket]) -> None:
    """The broker sees what came before, and not a byte of it."""
    checked, theirs = ends
    checked.send(packet(0xC0, 0))
    with pytest.raises(PacketError):
        checked.send(packet(0x30, 10))

    assert theirs.recv(100) == packet(0xC0, 0)
    assert "0x30" in checked.ended


def test_a_packet_sent_in_pieces_is_checked_once(
    ends: tuple[CheckedSocket, socket.socket],
) -> None:
    """The library offers the rest again when the kernel takes only a part."""
    checked, theirs = ends
    offered = packet(0x82, PACKET_BYTES_MAX) * 4
    received = b""
    while offered:
        try:
            offered = offered[checked.send(offered) :]
        except BlockingIOError:
            received += theirs.recv(1 << 20)
    theirs.setblocking(False)  # noqa: FBT003 -- as of a socket
    while len(received) < 4 * len(packet(0x82, PACKET_BYTES_MAX)):
        received += theirs.recv(1 << 20)

    assert received == packet(0x82, PACKET_BYTES_MAX) * 4


def test_a_broker_that_reads_nothing_is_left(ends: tuple[CheckedSocket, socket.socket]) -> None:
    """Receipts that it does not read would pile up here without end."""
    checked, theirs = ends
    for _ in range(UNACKNOWLEDGED_MAX):
        theirs.send(packet(0x32, 1))
        checked.recv(100)
        assert checked.pending() == 0
    theirs.send(packet(0x32, 1))

    with pytest.raises(PacketError, match="does not read"):
        checked.recv(100)


def test_a_flood_gives_the_loop_its_turn(ends: tuple[CheckedSocket, socket.socket]) -> None:
    """However much waits in the kernel, it is asked once; what came is then read to its end.

    Read as the library does: the pieces of a packet one after the other, and on while there is
    something left; where a packet is cut, its rest is for the next turn.
    """
    checked, theirs = ends
    sent = packet(0x30, 100) * 1000
    theirs.send(sent)
    received = b""
    while len(received) < len(sent):
        before = len(received)
        with contextlib.suppress(BlockingIOError):
            while len(received) == before or checked.pending():
                received += checked.recv(1)
                while len(received) % len(packet(0x30, 100)):
                    received += checked.recv(100)
        checked.pending()
        assert len(received) - before <= READ_BYTES_MAX

    assert received == sent
