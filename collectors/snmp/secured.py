r"""The message of SNMPv3: who speaks, how it is protected, and the PDU in its scope.

Nothing is proven here: a message that could be decoded is as yet anybody's.

>>> sent = Message(number=7, flags=Flag.REPORTABLE, body=scope(b"", b"", b"\xa0\x00"))
>>> decode(sent.encode()) == sent
True
"""

import enum
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from collectors.snmp.ber import BerError, Tag, expect, integer, read, tlv, to_int
from collectors.snmp.keys import SALT_OCTETS

VERSION: Final = 3
CLAIM: Final = b"\x02\x01\x03"  # how every sender writes that number
SECURITY_MODEL: Final = 3  # USM (RFC 3411 §5)
NUMBER_MAX: Final = (1 << 31) - 1
SIZE_MIN: Final = 484  # of msgMaxSize (RFC 3412 §6)
SIZE: Final = 65507  # what we can take: any datagram
ENGINE_OCTETS: Final = range(5, 33)  # RFC 3411 §5, SnmpEngineID
NAME_OCTETS_MAX: Final = 32  # of a user (RFC 3414 §5), and of a context (RFC 3411 §5)
DIGEST_OCTETS: Final = {0, 12, 16, 24, 32, 48}
PADDING_MAX: Final = 8  # octets that DES may leave behind a scoped PDU


class Flag(enum.IntEnum):
    """What msgFlags says (RFC 3412 §6.4)."""

    AUTH = 1
    PRIV = 2
    REPORTABLE = 4


class Places(NamedTuple):
    """Where in a datagram the fields lie that differ from one message to the next."""

    number: int = 0
    number_stop: int = 0
    seconds: int = 0
    seconds_stop: int = 0
    digest: int = 0
    salt: int = 0
    body: int = 0  # the content of what is encrypted, or a scoped PDU with its tag and length


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """All fields of a message; `body` is a scoped PDU, or what encryption made of it."""

    number: int
    flags: int
    size_max: int = SIZE
    engine: bytes = b""
    boots: int = 0
    seconds: int = 0
    user: bytes = b""
    digest: bytes = b""
    salt: bytes = b""
    body: bytes
    places: Places = field(default=Places(), compare=False)  # as found in the datagram

    def encode(self) -> bytes:
        """Return the datagram."""
        return b"".join(self.parts())

    def parts(self) -> tuple[bytes, bytes, bytes]:
        """Return what stands before the digest, the digest, and what stands behind it."""
        after = _text(self.salt)
        who = _text(self.engine) + _number(self.boots) + _number(self.seconds) + _text(self.user)
        security = tlv(Tag.SEQUENCE, who + _text(self.digest) + after)
        flags = _text(bytes((self.flags,)))
        head = _number(self.number) + _number(self.size_max) + flags + _number(SECURITY_MODEL)
        body = _text(self.body) if self.flags & Flag.PRIV else self.body
        whole = tlv(
            Tag.SEQUENCE,
            _number(VERSION) + tlv(Tag.SEQUENCE, head) + _text(security) + body,
        )
        stop = len(whole) - len(body) - len(after)
        return whole[: stop - len(self.digest)], self.digest, whole[stop:]


def _number(value: int) -> bytes:
    """Encode an INTEGER."""
    return tlv(Tag.INTEGER, integer(value))


def _text(value: bytes) -> bytes:
    """Encode an OCTET STRING."""
    return tlv(Tag.OCTET_STRING, value)


class _Reader:
    """Takes elements one after the other; whatever is left over is an error."""

    __slots__ = ("at", "data", "end", "start")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end
        self.start = at  # of the content that was taken last

    def number(self, most: int = NUMBER_MAX, least: int = 0) -> int:
        """Take an integer between bounds; its octets begin at `start`. Raises: BerError."""
        self.start, self.at = expect(Tag.INTEGER, self.data, self.at, self.end)
        value = to_int(Tag.INTEGER, self.data[self.start : self.at])
        if not least <= value <= most:
            raise BerError(f"{value} at octet {self.start}; want {least} to {most}")
        return value

    def text(self) -> bytes:
        """Take an octet string, which begins at `start`. Raises: BerError."""
        self.start, self.at = expect(Tag.OCTET_STRING, self.data, self.at, self.end)
        return self.data[self.start : self.at]

    def inside(self, tag: int) -> "_Reader":
        """Take an element that holds others. Raises: BerError."""
        start, self.at = expect(tag, self.data, self.at, self.end)
        return _Reader(self.data, start, self.at)

    def done(self) -> None:
        """Refuse anything that is left. Raises: BerError."""
        if self.at != self.end:
            raise BerError(f"{self.end - self.at} octets too many at octet {self.at}")


def is_v3(datagram: bytes) -> bool:
    """Say whether a datagram claims to be of this version, without looking further. Cost: 0.3 µs.

    >>> is_v3(bytes.fromhex("3082000a020103")), is_v3(b"")
    (True, False)
    """
    form = datagram[1:2]
    at = 2 + (form[0] & 0x7F if form > b"\x7f" else 0)
    return datagram[at : at + 3] == CLAIM


def number_of(datagram: bytes) -> int:
    """Return which message a datagram says to answer; nothing else is looked at.

    Cost: 2 µs. Raises: BerError.
    """
    message = _Reader(datagram, 0, len(datagram)).inside(Tag.SEQUENCE)
    message.number(VERSION, VERSION)
    return message.inside(Tag.SEQUENCE).number()


def decode(datagram: bytes) -> Message:
    """Decode a message, every field within its bounds. Raises: BerError. Cost: 20 µs."""
    outer = _Reader(datagram, 0, len(datagram))
    message = outer.inside(Tag.SEQUENCE)
    outer.done()
    message.number(VERSION, VERSION)
    head = message.inside(Tag.SEQUENCE)
    number = head.number()
    number_at = head.start, head.at
    size_max, flags = head.number(least=SIZE_MIN), head.text()
    head.number(SECURITY_MODEL, SECURITY_MODEL)
    head.done()
    wrapped = message.inside(Tag.OCTET_STRING)
    security = wrapped.inside(Tag.SEQUENCE)
    wrapped.done()
    engine, boots, seconds = security.text(), security.number(), security.number()
    seconds_at = security.start, security.at
    user, digest = security.text(), security.text()
    digest_at = security.start
    salt = security.text()
    security.done()
    if len(flags) != 1 or flags[0] & (Flag.AUTH | Flag.PRIV) == Flag.PRIV:
        raise BerError("flags of no security level")
    level = flags[0] & (Flag.AUTH | Flag.PRIV | Flag.REPORTABLE)
    _check_sizes(engine, user, digest, salt if level & Flag.PRIV else salt + bytes(SALT_OCTETS))
    body, body_at = _body(message, encrypted=bool(level & Flag.PRIV))
    return Message(
        number=number,
        flags=level,
        size_max=size_max,
        engine=engine,
        boots=boots,
        seconds=seconds,
        user=user,
        digest=digest,
        salt=salt,
        body=body,
        places=Places(*number_at, *seconds_at, digest_at, security.start, body_at),
    )


def _check_sizes(engine: bytes, user: bytes, digest: bytes, salt: bytes) -> None:
    """Refuse what is longer or shorter than any of its kind. Raises: BerError."""
    fitting = (
        (not engine or len(engine) in ENGINE_OCTETS)
        and len(user) <= NAME_OCTETS_MAX
        and len(digest) in DIGEST_OCTETS
        and len(salt) == SALT_OCTETS
    )
    if not fitting:
        raise BerError("engine, user, digest or salt of a size that none has")


def _body(message: _Reader, *, encrypted: bool) -> tuple[bytes, int]:
    """Take the last element: what is encrypted, or a scoped PDU with its own tag and length."""
    start = message.at
    if encrypted:
        body = message.text()
        start = message.start
    else:
        message.inside(Tag.SEQUENCE)
        body = message.data[start : message.at]
    message.done()
    return body, start


def scope(engine: bytes, context: bytes, pdu: bytes) -> bytes:
    """Put a PDU in its scope: whose objects, in which context (RFC 3412 §6.8)."""
    return tlv(Tag.SEQUENCE, _text(engine) + _text(context) + pdu)


def unscope(body: bytes) -> tuple[bytes, bytes, bytes]:
    """Return engine, context and PDU; what DES filled up is passed over. Raises: BerError."""
    outer = _Reader(body, 0, len(body))
    inner = outer.inside(Tag.SEQUENCE)
    if outer.end - outer.at > PADDING_MAX:
        raise BerError(f"{outer.end - outer.at} octets after a scoped PDU")
    engine, context = inner.text(), inner.text()
    if len(engine) > ENGINE_OCTETS[-1] or len(context) > NAME_OCTETS_MAX:
        raise BerError("engine or context of a size that none has")
    start = inner.at
    _, _, inner.at = read(body, start, inner.end)
    inner.done()
    return engine, context, body[start : inner.at]
