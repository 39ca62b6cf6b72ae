"""What a packet of a broker says: a PUBLISH, and the properties of MQTT 5.

Properties are stepped over, not built: a publisher may add 20,000 of them to a message, and only
how long the message is valid is of use here.

>>> read_publish(0x30, bytes.fromhex("0003 612f62 34 30"), five=False)
Published(topic='a/b', payload=b'40', packet_id=0, expiry_s=None)

Source: MQTT 3.1.1 §3.3, MQTT 5 §2.2.2 (properties), §3.3.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from collectors.mqtt.framing import PacketError

NUMBERS: Final[Mapping[int, int]] = {  # property -> bytes of its number (MQTT 5 §2.2.2.2)
    **dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), 1),
    **dict.fromkeys((0x13, 0x21, 0x22, 0x23), 2),
    **dict.fromkeys((0x02, 0x11, 0x18, 0x27), 4),
}
TEXTS: Final = frozenset({0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F})
VARIABLE: Final = 0x0B  # the one number of as many bytes as it needs
PAIR: Final = 0x26  # two texts of the user's own
EXPIRY: Final = 0x02
REASON: Final = 0x1F
ALIAS: Final = 0x23
VARIABLE_BYTES_MAX: Final = 4
NO_MORE: Final = "a packet that ends before it is complete"


class Published(NamedTuple):
    """One message as it came."""

    topic: str
    payload: bytes
    packet_id: int  # 0 where no receipt is wanted
    expiry_s: int | None  # for how long it is valid from now on; None: the publisher does not say


def read_publish(first: int, body: bytes, *, five: bool) -> Published:
    """Return what a PUBLISH says; `first` is its first byte. Raises: PacketError. Cost: 1 µs."""
    size = int.from_bytes(body[:2])
    at = 2 + size
    try:
        topic = body[2:at].decode()
    except UnicodeDecodeError:
        raise PacketError("a topic that is not UTF-8") from None
    packet_id = 0
    if first & 0x06:
        packet_id = int.from_bytes(body[at : at + 2])
        at += 2
        if not packet_id:
            raise PacketError("a message that wants a receipt and has no number")
    expiry_s: int | None = None
    if five:
        said, at = read_properties(body, at)
        if ALIAS in said:
            raise PacketError("a topic by a number that was never agreed on")
        expiry = said.get(EXPIRY)
        expiry_s = expiry if isinstance(expiry, int) else None
    if at > len(body) or not topic:
        raise PacketError(NO_MORE if topic else "a message without a topic")
    return Published(topic, body[at:], packet_id, expiry_s)


def read_properties(body: bytes, at: int) -> tuple[dict[int, int | bytes], int]:
    """Return the properties that stand at `at`, less the users' own, and where they end.

    Raises: PacketError. Cost: 0.2 µs each.
    """
    size, at = _variable(body, at)
    end = at + size
    if end > len(body):
        raise PacketError(NO_MORE)
    said: dict[int, int | bytes] = {}
    while at < end:
        kind = body[at]
        at += 1
        if kind == PAIR:
            at += 2 + int.from_bytes(body[at : at + 2])
            at += 2 + int.from_bytes(body[at : at + 2])
        elif width := NUMBERS.get(kind):
            said[kind] = int.from_bytes(body[at : at + width])
            at += width
        elif kind in TEXTS:
            size = int.from_bytes(body[at : at + 2])
            said[kind] = body[at + 2 : at + 2 + size]
            at += 2 + size
        elif kind == VARIABLE:
            said[kind], at = _variable(body, at)
        else:
            raise PacketError(f"a property 0x{kind:02x}, which does not exist")
    if at != end:
        raise PacketError(NO_MORE)
    return said, end


def _variable(body: bytes, at: int) -> tuple[int, int]:
    """Return a number of up to four bytes of seven bits, and where it ends. Raises: PacketError."""
    number = 0
    for digit, byte in enumerate(body[at : at + VARIABLE_BYTES_MAX]):
        number |= (byte & 0x7F) << 7 * digit
        if not byte & 0x80:
            return number, at + digit + 1
    raise PacketError(NO_MORE)
