"""Requests planned ahead: encoded once, sent for months; only the request-id changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from collectors.snmp.ber import oid
from collectors.snmp.message import PduType, encode_pdu

DATAGRAM_BYTES_MAX: Final = 1472  # Ethernet less IP and UDP headers: no fragments (RFC 3417 §3.2)
ENVELOPE_BYTES: Final = 16  # SEQUENCE, version and the community's header, beside its octets
PDU_BYTES: Final = 24  # PDU, its three integers and the list, beside the varbinds
VARBIND_BYTES: Final = 9  # headers of varbind and name, and room for the value in the answer
VARBINDS_MAX: Final = 60  # what agents that set no lower limit are used to
ROWS_MAX: Final = 24  # of a GETBULK, all columns together: one datagram at 60 octets a row
SHARED_MAX: Final = 4096  # requests kept for devices of the same model: 12 MB at most
REQUEST_ID_MIN: Final = 1 << 23  # from here to 2**31, an id has four octets (X.690 §8.3.2)
REQUEST_ID_BITS: Final = 30  # of chance in an id: nobody off the path can guess it


@dataclass(frozen=True, slots=True)
class Planned:
    """One request without its id, and the encoded names it asks for."""

    before_id: bytes
    after_id: bytes
    names: tuple[bytes, ...]

    @classmethod
    def of(cls, kind: PduType, names: Sequence[bytes], index: int = 0) -> Self:
        """Plan one request; `index` is max-repetitions of a GETBULK."""
        pdu = encode_pdu(kind, names, index=index)
        at = pdu.index(b"\x02\x04\x00\x00\x00\x00") + 2
        return cls(pdu[:at], pdu[at + 4 :], tuple(names))

    def pdu(self, request_id: int) -> bytes:
        """Return the PDU to seal and send. Cost: 0.2 µs."""
        return self.before_id + request_id.to_bytes(4, "big") + self.after_id


def split(names: Sequence[bytes], who_bytes: int, varbinds_max: int) -> Iterator[slice]:
    """Cut `names` into runs whose request, and most likely its answer, fit one datagram."""
    room = DATAGRAM_BYTES_MAX - ENVELOPE_BYTES - PDU_BYTES - who_bytes
    start = size = 0
    for at, name in enumerate(names):
        more = len(name) + VARBIND_BYTES
        if at > start and (size + more > room or at - start >= varbinds_max):
            yield slice(start, at)
            start = at
            size = 0
        size += more
    if start < len(names):
        yield slice(start, len(names))


@lru_cache(maxsize=SHARED_MAX)
def planned_get(names: tuple[bytes, ...]) -> Planned:
    """Plan a GET; devices of one model share it."""
    return Planned.of(PduType.GET, names)


def encode_names(objects: Sequence[str]) -> list[bytes]:
    """Encode dotted names. Raises: BerError naming the first that is no OID."""
    return [_shared_oid(name) for name in objects]


_shared_oid: Final = lru_cache(maxsize=16 * SHARED_MAX)(oid)
