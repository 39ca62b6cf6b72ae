r"""What messages of SNMPv3 have in common, encoded once when sent and compared at once when heard.

Between one message and the next of the same size change its number, the engine's time, digest,
salt and body; all else is 60 to 160 octets that need not be encoded or decoded each time. Both
kinds are cut from what the strict encoder wrote or the strict decoder read, and mean the same.

>>> from collectors.snmp.secured import Message, decode
>>> first = Message(number=1 << 24, flags=0, seconds=400, body=b"\x30\x00")
>>> before, after = Frame.of(first).fill(1 << 25, 401, b"", b"\x30\x00")
>>> decode(before + after).seconds
401
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

from collectors.snmp.ber import integer
from collectors.snmp.keys import SALT_OCTETS
from collectors.snmp.secured import Message, Places, decode


class Frame(NamedTuple):
    """What all messages have in common whose fields have the lengths of the first."""

    to_number: bytes
    to_seconds: bytes
    to_digest: bytes
    to_salt: bytes  # from behind the digest
    to_body: bytes

    @classmethod
    def of(cls, message: Message) -> Self:
        """Cut a message at the fields that change."""
        whole = message.encode()
        at = decode(whole).places
        behind, salted = at.digest + len(message.digest), at.salt + len(message.salt)
        return cls(
            whole[: at.number],
            whole[at.number_stop : at.seconds],
            whole[at.seconds_stop : at.digest],
            whole[behind : at.salt],
            whole[salted : at.body],
        )

    def fill(self, number: int, seconds: int, salt: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return what stands before the digest and behind it. Cost: 1 µs."""
        before = b"".join(
            (self.to_number, integer(number), self.to_seconds, integer(seconds), self.to_digest)
        )
        return before, b"".join((self.to_salt, salt, self.to_body, body))


@dataclass(frozen=True, slots=True)
class Form:
    """How the answers of one size look, from one start of one engine to one user."""

    mask: int
    fixed: int
    boots: int
    places: Places
    scope: bytes  # what stands before the PDU in the clear, with the PDU's own tag
    pdu: slice  # where the PDU lies in the clear body

    @classmethod
    def of(cls, datagram: bytes, message: Message, body: bytes, pdu: bytes) -> Self:
        """Note the form of a message that was decoded, proven and found to hold `pdu`."""
        at = message.places
        mask = bytearray(b"\xff" * at.body)
        for start, size in (
            (at.number, at.number_stop - at.number),
            (at.seconds, at.seconds_stop - at.seconds),
            (at.digest, len(message.digest)),
            (at.salt, len(message.salt)),
        ):
            mask[start : start + size] = bytes(size)
        mask[at.number] = 0x80  # a sign that must stay as it is
        mask[at.seconds] = 0x80 if at.seconds_stop - at.seconds == 1 else 0xFF
        start = body.index(pdu)
        bits = int.from_bytes(mask, "big")
        fixed = int.from_bytes(datagram[: at.body], "big") & bits
        where = slice(start, start + len(pdu))
        return cls(bits, fixed, message.boots, at, body[: start + 1], where)

    def fits(self, datagram: bytes) -> bool:
        """Say whether a datagram of the same size differs only where it may. Cost: 0.3 µs."""
        return int.from_bytes(datagram[: self.places.body], "big") & self.mask == self.fixed

    def seconds(self, datagram: bytes) -> int:
        """Return the engine's time."""
        return int.from_bytes(datagram[self.places.seconds : self.places.seconds_stop], "big")

    def salt(self, datagram: bytes) -> bytes:
        """Return the salt, if there is one."""
        return datagram[self.places.salt : self.places.salt + SALT_OCTETS]
