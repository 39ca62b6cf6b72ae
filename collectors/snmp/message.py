"""Messages: a PDU, and the envelope it travels in.

The envelope says who may ask and which version is spoken; the PDU says what is asked. They meet
in `Envelope` only, so that a secured envelope can take the place of a community.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from collectors.snmp.ber import BerError, Tag, expect, integer, read, tlv, to_int

Version = Literal["1", "2c"]

VERSIONS: Final[dict[Version, int]] = {"1": 0, "2c": 1}  # RFC 1157 §4, RFC 1901 §3
KNOWN_MAX: Final = 64  # sizes of answers of one device whose first octets are remembered
VARBINDS_MAX: Final = 1024  # of an answer; we never ask for more than 60, agents may be asked more


class MismatchError(ValueError):
    """Well-formed, but not from whom or what we asked; the argument is the reason to count."""


class PduType(enum.IntEnum):
    """What an agent is asked, and what it answers. There is no way to ask it to change anything."""

    GET = 0xA0
    GET_NEXT = 0xA1
    RESPONSE = 0xA2
    GET_BULK = 0xA5


class ErrorStatus(enum.IntEnum):
    """Why an agent did not answer (RFC 3416 §3), as far as reading is concerned."""

    NO_ERROR = 0
    TOO_BIG = 1
    NO_SUCH_NAME = 2
    BAD_VALUE = 3
    READ_ONLY = 4
    GEN_ERR = 5
    NO_ACCESS = 6
    RESOURCE_UNAVAILABLE = 13
    AUTHORIZATION_ERROR = 16


class Span(NamedTuple):
    """Where in a PDU one varbind lies: its name's content, and its value's type and content."""

    name_start: int
    name_stop: int
    tag: int
    start: int
    stop: int


@dataclass(slots=True)
class Pdu:
    """A decoded PDU; `status` and `index` are non-repeaters and repetitions in a GETBULK."""

    type: int
    request_id: int
    status: int
    index: int
    spans: list[Span]
    id_start: int  # octets of the request-id, so that a learnt layout can leave them out
    id_stop: int


class Envelope(Protocol):
    """Seals what we ask and opens what we hear, by number."""

    def seal(self, pdu: bytes, number: int, now: float) -> bytes:
        """Return the datagram that carries `pdu`."""
        raise NotImplementedError

    def number(self, datagram: bytes) -> int:
        """Return which request a datagram says to answer. Raises: BerError, MismatchError."""
        raise NotImplementedError


class Community:
    """The envelope of SNMP v1 and v2c: a version and a word (RFC 1157 §4, RFC 1901 §3)."""

    __slots__ = ("_before", "_known", "_version", "_word")

    def __init__(self, version: Version, word: bytes) -> None:
        self._version = VERSIONS[version]
        self._word = word
        self._before = tlv(Tag.INTEGER, bytes((self._version,))) + tlv(Tag.OCTET_STRING, word)
        self._known: dict[
            int, bytes
        ] = {}  # size of a good datagram -> all that stood before its PDU

    def seal(self, pdu: bytes, _number: int = 0, _now: float = 0.0) -> bytes:
        """Return the datagram that carries `pdu`, which has its own number."""
        return tlv(Tag.SEQUENCE, self._before + pdu)

    def open(self, datagram: bytes) -> bytes:
        """Return the PDU inside. Raises: BerError when malformed, MismatchError when not ours."""
        size = len(datagram)
        known = self._known.get(size)
        if known is not None and datagram.startswith(known):
            return datagram[len(known) :]
        version, word, pdu = unwrap(datagram)
        if version != self._version:
            raise MismatchError("version")
        if word != self._word:
            raise MismatchError("community")
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[size] = datagram[: size - len(pdu)]
        return pdu

    def number(self, datagram: bytes) -> int:
        """Return which request a datagram says to answer. Raises: BerError, MismatchError."""
        return request_id(self.open(datagram))


def unwrap(datagram: bytes) -> tuple[int, bytes, bytes]:
    """Return version, community and PDU of a v1 or v2c datagram. Raises: BerError. Cost: 1 µs."""
    end = len(datagram)
    start, stop = expect(Tag.SEQUENCE, datagram, 0, end)
    if stop != end:
        raise BerError(f"{end - stop} octets after the message")
    version_start, version_stop = expect(Tag.INTEGER, datagram, start, end)
    version = to_int(Tag.INTEGER, datagram[version_start:version_stop])
    word_start, word_stop = expect(Tag.OCTET_STRING, datagram, version_stop, end)
    return version, datagram[word_start:word_stop], datagram[word_stop:]


def request_id(pdu: bytes) -> int:
    """Return which request an answer belongs to. Raises: BerError, MismatchError if no answer.

    Nothing else is checked: the answer is still to be decoded, or compared with a known layout.
    """
    if pdu[:1] != b"\xa2":
        raise MismatchError("type")
    at = 4 if pdu[1:2] == b"\x82" else 2
    if pdu[at : at + 2] == b"\x02\x04":  # all ids of ours have four octets
        return int.from_bytes(pdu[at + 2 : at + 6], "big")
    start, stop = expect(Tag.INTEGER, pdu, read(pdu, 0, len(pdu))[1], len(pdu))
    return to_int(Tag.INTEGER, pdu[start:stop])


def decode_pdu(pdu: bytes) -> Pdu:
    """Decode a whole PDU, request or answer; values are checked when read. Raises: BerError.

    Cost: 0.9 µs a varbind
    """
    end = len(pdu)
    kind, at, stop = read(pdu, 0, end)
    if stop != end:
        raise BerError(f"{end - stop} octets after the PDU")
    fields = []
    for _ in range(3):
        start, at = expect(Tag.INTEGER, pdu, at, end)
        fields.append((start, at))
    number, status, index = (to_int(Tag.INTEGER, pdu[a:b]) for a, b in fields)
    at, stop = expect(Tag.SEQUENCE, pdu, at, end)
    if stop != end:
        raise BerError(f"{end - stop} octets after the varbinds")
    return Pdu(kind, number, status, index, spans(pdu, at, end), *fields[0])


def spans(pdu: bytes, at: int, end: int) -> list[Span]:
    """Find the varbinds between `at` and `end`. Raises: BerError."""
    found = []
    while at < end:
        kind, start, at = read(pdu, at, end)
        name_kind, name_start, name_stop = read(pdu, start, at)
        if kind != Tag.SEQUENCE or name_kind != Tag.OID:
            raise BerError(f"types 0x{kind:02x} and 0x{name_kind:02x}; want a name and a value")
        tag, value_start, value_stop = read(pdu, name_stop, at)
        if value_stop != at:
            raise BerError(f"{at - value_stop} octets after a value")
        found.append(Span(name_start, name_stop, tag, value_start, value_stop))
        if len(found) > VARBINDS_MAX:
            raise BerError(f"more than {VARBINDS_MAX} varbinds")
    return found


def encode_pdu(kind: PduType, names: Sequence[bytes], status: int = 0, index: int = 0) -> bytes:
    """Encode a request whose id is four zero octets, to be filled in when it is sent."""
    nothing = tlv(Tag.NULL, b"")
    varbinds = b"".join(tlv(Tag.SEQUENCE, tlv(Tag.OID, name) + nothing) for name in names)
    fields = tlv(Tag.INTEGER, bytes(4)) + _small(status) + _small(index)
    return tlv(kind, fields + tlv(Tag.SEQUENCE, varbinds))


def _small(value: int) -> bytes:
    """Encode error-status and error-index, or non-repeaters and max-repetitions."""
    return tlv(Tag.INTEGER, integer(value))
