"""An SNMP agent without a socket: a request's datagram in, the answer's datagram out, or nothing.

Answers GET, GETNEXT and GETBULK of v1 and v2c from a table of objects, as RFC 1157 §4.1 and
RFC 3416 §4.2 prescribe, with the rules of RFC 3584 §4.2 for 64-bit counters in v1. Nothing can be
set.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from collectors.snmp.ber import WIDTHS, BerError, Tag, dotted, integer, oid, tlv
from collectors.snmp.message import VERSIONS, ErrorStatus, Pdu, PduType, decode_pdu, unwrap
from collectors.twin.instruments import Shown
from collectors.twin.objects import Arcs, Object, Table, arcs

ANSWER_BYTES_MAX: Final = 1472  # what every manager accepts, one Ethernet frame (RFC 3417 §3.2)
REPETITIONS_MAX: Final = 100  # of GETBULK; more would not fit into an answer anyway
SET_REQUEST: Final = 0xA3  # known only to be refused
NOT_WRITABLE: Final = 17  # error-status of RFC 3416 §3
NOTHING: Final = b""
ABSENT: Final = {
    True: tlv(Tag.NO_SUCH_INSTANCE, NOTHING),
    False: tlv(Tag.NO_SUCH_OBJECT, NOTHING),
}
END: Final = tlv(Tag.END_OF_MIB_VIEW, NOTHING)


class Varbind(NamedTuple):
    """A name, content octets of an OID, and a value, encoded whole."""

    name: bytes
    value: bytes

    def encoded(self) -> bytes:
        """Return the octets of the pair."""
        return tlv(Tag.SEQUENCE, tlv(Tag.OID, self.name) + self.value)


class _Refused(Exception):  # noqa: N818 -- never leaves this module
    """A request that is answered with an error status at one of its varbinds."""

    def __init__(self, status: int, index: int) -> None:
        super().__init__()
        self.error = (status, index)


class Responder:
    """One device: what it shows, and to whom."""

    def __init__(self, table: Table, shown: Shown, *, community: bytes = b"public") -> None:
        self.table = table
        self.shown = shown  # kept, so that every answer shows what is true now
        self.community = community

    def answer(self, datagram: bytes) -> bytes | None:
        """Return the answer; None, like any agent, to garbage and to a wrong community."""
        try:
            version, word, body = unwrap(datagram)
            pdu = decode_pdu(body)
            names = [body[span.name_start : span.name_stop] for span in pdu.spans]
            wanted = [arcs(dotted(name)) for name in names]
        except BerError:
            return None
        if word != self.community or version not in VERSIONS.values():
            return None
        nulls = [Varbind(name, tlv(Tag.NULL, NOTHING)) for name in names]
        old = version == VERSIONS["1"]
        try:
            found = self._varbinds(pdu, list(zip(names, wanted, strict=True)), old=old)
        except _Refused as refused:
            return _message((version, word), pdu.request_id, refused.error, nulls)
        except KeyError:  # a PDU that no agent answers
            return None
        whole = _message((version, word), pdu.request_id, (0, 0), found)
        if len(whole) <= ANSWER_BYTES_MAX:
            return whole
        too_big = (ErrorStatus.TOO_BIG, 0)
        return _message((version, word), pdu.request_id, too_big, nulls if old else [])

    def _varbinds(self, pdu: Pdu, asked: list[tuple[bytes, Arcs]], *, old: bool) -> list[Varbind]:
        """Answer each kind of request. Raises: KeyError for one that is no request."""
        if pdu.type == SET_REQUEST:
            raise _Refused(ErrorStatus.NO_SUCH_NAME if old else NOT_WRITABLE, 1)
        if pdu.type == PduType.GET_BULK and not old:
            return list(self._bulk(pdu, asked))
        by_kind: dict[int, Callable[[bytes, Arcs], Varbind | None]] = {
            PduType.GET: self._get_old if old else self._get,
            PduType.GET_NEXT: self._next_old if old else self._next,
        }
        one = by_kind[pdu.type]
        found = []
        for index, (name, where) in enumerate(asked, start=1):
            varbind = one(name, where)
            if varbind is None:
                raise _Refused(ErrorStatus.NO_SUCH_NAME, index)
            found.append(varbind)
        return found

    def _get(self, name: bytes, where: Arcs) -> Varbind:
        """Look one object up, or say in which way it is absent."""
        found = self.table.at(where)
        if found is None:
            return Varbind(name, ABSENT[self.table.has_column(where)])
        return Varbind(name, self._value(found))

    def _get_old(self, name: bytes, where: Arcs) -> Varbind | None:
        """Look one object up for v1, which has no 64-bit counters."""
        found = self.table.at(where)
        if found is None or found.tag == Tag.COUNTER64:
            return None
        return Varbind(name, self._value(found))

    def _next(self, name: bytes, where: Arcs) -> Varbind:
        """Return the object behind a name, or say that there is none."""
        found = self.table.after(where)
        if found is None:
            return Varbind(name, END)
        return Varbind(oid(found[1].oid), self._value(found[1]))

    def _next_old(self, _name: bytes, where: Arcs) -> Varbind | None:
        """Return the object behind a name for v1, passing over 64-bit counters."""
        while (found := self.table.after(where)) and found[1].tag == Tag.COUNTER64:
            where = found[0]
        return Varbind(oid(found[1].oid), self._value(found[1])) if found else None

    def _bulk(self, pdu: Pdu, asked: list[tuple[bytes, Arcs]]) -> Iterator[Varbind]:
        """Yield the non-repeaters once and the others again and again, as far as an answer goes."""
        once, times = max(0, pdu.status), min(max(0, pdu.index), REPETITIONS_MAX)
        room = ANSWER_BYTES_MAX - 64 - len(self.community)  # 64: more than all headers together
        for name, where in asked[:once]:
            varbind = self._next(name, where)
            room -= len(varbind.encoded())
            yield varbind
        row = asked[once:]
        for _ in range(times):
            found = [self._next(name, where) for name, where in row]
            room -= sum(len(varbind.encoded()) for varbind in found)
            if room < 0 or not row:
                return
            yield from found
            if all(varbind.value == END for varbind in found):
                return
            row = [(varbind.name, arcs(dotted(varbind.name))) for varbind in found]

    def _value(self, found: Object) -> bytes:
        """Encode what an object shows now."""
        value = found.now(self.shown)
        if found.tag in WIDTHS:
            assert isinstance(value, int)
            return tlv(found.tag, integer(value))
        content = oid(str(value)) if found.tag == Tag.OID else str(value).encode()
        return tlv(found.tag, content)


def _message(
    envelope: tuple[int, bytes], request: int, error: tuple[int, int], varbinds: list[Varbind]
) -> bytes:
    """Encode a response: version and community, request-id, error status and index, varbinds."""
    version, word = envelope
    fields = b"".join(tlv(Tag.INTEGER, integer(number)) for number in (request, *error))
    listed = tlv(Tag.SEQUENCE, b"".join(varbind.encoded() for varbind in varbinds))
    pdu = tlv(PduType.RESPONSE, fields + listed)
    head = tlv(Tag.INTEGER, integer(version)) + tlv(Tag.OCTET_STRING, word)
    return tlv(Tag.SEQUENCE, head + pdu)
