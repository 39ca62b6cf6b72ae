"""An SNMP agent without a socket: a request's datagram in, the answer's datagram out, or nothing.

Answers GET, GETNEXT and GETBULK of v1 and v2c from a table of objects, as RFC 1157 §4.1 and
RFC 3416 §4.2 prescribe, with the rules of RFC 3584 §4.2 for 64-bit counters in v1. Nothing can be
set. A manager asks the same again and again: what a request comes to is found out once.
"""

from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from collectors.snmp.ber import BerError, Tag, dotted, integer, oid, tlv
from collectors.snmp.message import (
    Community,
    ErrorStatus,
    MismatchError,
    Pdu,
    PduType,
    decode_pdu,
)
from collectors.twin.objects import Arcs, Tree, arcs, varbind

ANSWER_BYTES_MAX: Final = 1472  # what every manager accepts, one Ethernet frame (RFC 3417 §3.2)
ENVELOPE_BYTES: Final = 12  # headers of message, version and community, beside its octets
FIELDS_BYTES: Final = 24  # the response's own headers and integers
VALUE_BYTES: Final = 7  # the least that a name's varbind has besides the name
REPETITIONS_MAX: Final = 100  # of GETBULK; more would not fit into an answer anyway
PREPARED_MAX: Final = 8192  # requests remembered of one make of device: a few walks of it
SET_REQUEST: Final = 0xA3  # known only to be refused
NOT_WRITABLE: Final = 17  # error-status of RFC 3416 §3
NO_ERROR: Final = (0, 0)
NO_ERROR_FIELDS: Final = b"\x02\x01\x00\x02\x01\x00"
NULL: Final = tlv(Tag.NULL, b"")
ABSENT: Final = {True: tlv(Tag.NO_SUCH_INSTANCE, b""), False: tlv(Tag.NO_SUCH_OBJECT, b"")}
END: Final = tlv(Tag.END_OF_MIB_VIEW, b"")

Shown_contra = TypeVar("Shown_contra", contravariant=True)


class Source(Protocol[Shown_contra]):
    """The objects that an agent answers from."""

    @property
    def tree(self) -> Tree:
        """Return their names."""
        raise NotImplementedError

    def varbinds(self, positions: Sequence[int], shown: Shown_contra, /) -> list[bytes]:
        """Return name and value of each of these positions, as they are now."""
        raise NotImplementedError


class Prepared(NamedTuple):
    """What a request comes to: an error, or positions of objects and what is always the same."""

    error: tuple[int, int]
    positions: list[int]
    constant: list[bytes | None] | None  # varbinds in their places, None where an object is
    nulls: bytes  # the names that were asked for, without values
    once: int = 0  # of a GETBULK: varbinds that do not repeat
    width: int = 0  # of a GETBULK: varbinds in a row; an answer ends with a whole one


class _Refused(Exception):  # noqa: N818 -- never leaves this module
    """A request that is answered with an error status at one of its varbinds."""

    def __init__(self, status: int, index: int) -> None:
        super().__init__()
        self.error = (status, index)


class Responder(Generic[Shown_contra]):
    """One device: what it shows, and to whom. `varbinds_max`, `bytes_max`: as far as it can."""

    varbinds_max = 1 << 16
    bytes_max = ANSWER_BYTES_MAX

    def __init__(
        self, table: Source[Shown_contra], shown: Shown_contra, *, community: bytes = b"public"
    ) -> None:
        self.table = table
        self.shown = shown  # kept, so that every answer shows what is true now
        self.community = community

    @property
    def community(self) -> bytes:
        """Return the word that is answered."""
        return self._community

    @community.setter
    def community(self, word: bytes) -> None:
        """Answer this word from now on, and no other."""
        self._community = word
        self._envelopes = ((False, Community("2c", word)), (True, Community("1", word)))

    def answer(self, datagram: bytes) -> bytes | None:
        """Return the answer; None, like any agent, to garbage and to a wrong community."""
        for old, envelope in self._envelopes:
            try:
                pdu = envelope.open(datagram)
            except MismatchError:
                continue
            except BerError:
                return None
            response = self.respond(pdu, old=old)
            return None if response is None else envelope.seal(response)
        return None

    def respond(self, pdu: bytes, *, old: bool = False) -> bytes | None:
        """Return the response to a PDU; None to what is no request. `old`: by the rules of v1.

        Cost: 6 µs, and 0.2 to 0.8 µs a varbind
        """
        at = 2 + (pdu[1] & 0x7F if len(pdu) > 1 and pdu[1] & 0x80 else 0)
        if len(pdu) < at + 3:
            return None
        stop = at + 2 + pdu[at + 1]
        key = b"%c%b%b" % (old, pdu[: at + 2], pdu[stop:])
        known = self.table.tree.prepared
        prepared: Prepared | None = known.get(key)
        if prepared is None:
            try:
                prepared = self._prepare(pdu, old=old)
            except (BerError, KeyError):  # a PDU that no agent answers
                return None
            if len(known) >= PREPARED_MAX:
                known.clear()
            known[key] = prepared
        return self._filled(pdu[at:stop], prepared, old=old)

    def _filled(self, number: bytes, prepared: Prepared, *, old: bool) -> bytes:
        """Return the response with what the objects show now."""
        if prepared.error != NO_ERROR:
            return _response(number, prepared.error, prepared.nulls)
        found = self.table.varbinds(prepared.positions, self.shown)
        if prepared.constant is not None:
            values = iter(found)
            found = [next(values) if c is None else c for c in prepared.constant]
        room = self.bytes_max - ENVELOPE_BYTES - FIELDS_BYTES - len(self._community)
        body = b"".join(found)
        if prepared.width and (len(body) > room or len(found) > self.varbinds_max):
            body = b"".join(found[: self._fitting(found, prepared, room)])
        elif len(body) > room or len(found) > self.varbinds_max:
            error = (ErrorStatus.TOO_BIG, 0)
            return _response(number, error, prepared.nulls if old else b"")
        return _response(number, NO_ERROR, body)

    def _fitting(self, found: list[bytes], prepared: Prepared, room: int) -> int:
        """Return how many varbinds of a GETBULK an answer has room for, in whole rows."""
        for place, each in enumerate(found):
            room -= len(each)
            if room < 0 or place >= self.varbinds_max:
                rows = max(0, place - prepared.once) // prepared.width
                return prepared.once + rows * prepared.width
        return len(found)

    def _prepare(self, pdu: bytes, *, old: bool) -> Prepared:
        """Find out what a request asks for. Raises: BerError, KeyError for what is no request."""
        asked = decode_pdu(pdu)
        names = [pdu[span.name_start : span.name_stop] for span in asked.spans]
        wanted = [arcs(dotted(name)) for name in names]
        nulls = b"".join(varbind(name, NULL) for name in names)
        once = min(max(0, asked.status), len(names)) if asked.type == PduType.GET_BULK else 0
        width = (len(names) - once or 1) if asked.type == PduType.GET_BULK else 0
        try:
            places = self._places(asked, wanted, once, old=old)
        except _Refused as refused:
            return Prepared(refused.error, [], None, nulls)
        positions = [place for place in places if isinstance(place, int)]
        constant: list[bytes | None] | None = None
        if len(positions) < len(places):
            constant = [None if isinstance(place, int) else place for place in places]
        return Prepared(NO_ERROR, positions, constant, nulls, once, width)

    def _places(
        self, asked: Pdu, wanted: Sequence[Arcs], once: int, *, old: bool
    ) -> list[int | bytes]:
        """Return what each kind of request asks for. Raises: KeyError, _Refused."""
        if asked.type == SET_REQUEST:
            raise _Refused(ErrorStatus.NO_SUCH_NAME if old else NOT_WRITABLE, 1)
        if asked.type == PduType.GET_BULK and not old:
            return self._bulk(asked, wanted, once)
        one = {int(PduType.GET): self._get, int(PduType.GET_NEXT): self._next}[asked.type]
        return [one(where, index, old=old) for index, where in enumerate(wanted, start=1)]

    def _get(self, where: Arcs, index: int, *, old: bool) -> int | bytes:
        """Look one object up, or say in which way it is absent. Raises: _Refused in v1."""
        tree = self.table.tree
        found = tree.positions.get(where)
        if found is None and not old:
            return varbind(_name(where), ABSENT[tree.has_column(where)])
        if found is None or (old and tree.tags[found] == Tag.COUNTER64):
            raise _Refused(ErrorStatus.NO_SUCH_NAME, index)
        return found

    def _next(self, where: Arcs, index: int, *, old: bool) -> int | bytes:
        """Return the object behind a name, or say that there is none. Raises: _Refused in v1.

        In v1 there are no 64-bit counters, and they are passed over.
        """
        tree = self.table.tree
        found = tree.after(where)
        while old and found is not None and tree.tags[found] == Tag.COUNTER64:
            found = found + 1 if found + 1 < len(tree.order) else None
        if found is not None:
            return found
        if old:
            raise _Refused(ErrorStatus.NO_SUCH_NAME, index)
        return varbind(_name(where), END)

    def _bulk(self, asked: Pdu, wanted: Sequence[Arcs], once: int) -> list[int | bytes]:
        """Return the non-repeaters once and the others again and again, as far as may fit."""
        tree, room = self.table.tree, ANSWER_BYTES_MAX
        places = [self._next(where, 0, old=False) for where in wanted[:once]]
        row = list(wanted[once:])
        for _ in range(min(max(0, asked.index), REPETITIONS_MAX)):
            found = [self._next(where, 0, old=False) for where in row]
            row = [
                tree.order[f] if isinstance(f, int) else w for f, w in zip(found, row, strict=True)
            ]
            room -= sum(len(tree.names[f]) + VALUE_BYTES for f in found if isinstance(f, int))
            places += found
            if room < 0 or not any(isinstance(place, int) for place in found):
                break
        return places


def _name(where: Arcs) -> bytes:
    """Encode a name."""
    return oid(".".join(map(str, where)))


def _response(number: bytes, error: tuple[int, int], varbinds: bytes) -> bytes:
    """Encode a response: the request's id as it came, error status and index, varbinds."""
    fields = NO_ERROR_FIELDS
    if error != NO_ERROR:
        fields = b"".join(tlv(Tag.INTEGER, integer(each)) for each in error)
    return tlv(PduType.RESPONSE, number + fields + tlv(Tag.SEQUENCE, varbinds))
