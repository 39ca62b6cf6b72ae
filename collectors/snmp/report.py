"""What an engine of SNMPv3 says of a message that it could not take: reports, and what they need.

Source: RFC 3412 §7.1, RFC 3414 §3.2
"""

from typing import Final

from collectors.snmp.ber import BerError, Tag, integer, oid, tlv
from collectors.snmp.message import decode_pdu
from collectors.snmp.secured import NUMBER_MAX, Flag, Message, unscope
from collectors.snmp.usm import Complaint, UsmError

REPORT: Final = 0xA8  # RFC 3416 §3


def report_pdu(counter: str, count: int, request_id: int) -> bytes:
    """Encode the report that names a counter and what it stands at."""
    value = tlv(Tag.COUNTER32, integer(count))
    varbind = tlv(Tag.SEQUENCE, tlv(Tag.OID, oid(counter)) + value)
    fields = b"".join(tlv(Tag.INTEGER, integer(number)) for number in (request_id, 0, 0))
    return tlv(REPORT, fields + tlv(Tag.SEQUENCE, varbind))


def opened(body: bytes, *, encrypted: bool) -> tuple[bytes, bytes, bytes]:
    """Take a scoped PDU apart; garbage after decryption is a wrong key. Raises: UsmError, BerError.

    Returns: engine, context, PDU.
    """
    try:
        return unscope(body)
    except BerError:
        if encrypted:
            raise UsmError(Complaint.DECRYPTION) from None
        raise


def request_id_of(message: Message) -> int:
    """Return the request that a report speaks of, as far as it can be read (RFC 3412 §7.1)."""
    if message.flags & Flag.PRIV:
        return NUMBER_MAX
    try:
        return decode_pdu(unscope(message.body)[2]).request_id
    except BerError:
        return NUMBER_MAX
