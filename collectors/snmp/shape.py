"""Answers read by their learnt layout: one comparison, one `struct` unpack, all values at once.

Two answers to one planned request differ in the request-id and in the octets of the values, and
in nothing else as long as each value keeps its length. So the strict decoder reads an answer once
and notes a mask of all other octets: version of the list, names, types, lengths, no error. A later
answer that equals the first under the mask means the same, octet for octet, and needs no parsing.
Values change length now and then, so several layouts are kept, the latest used first.
"""

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Final
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from collectors.readings import Quality
from collectors.snmp.ber import ABSENT, OPAQUE_NUMBERS, WIDTHS, Tag, to_value
from collectors.snmp.message import MismatchError, Pdu, Span

LAYOUTS_MAX: Final = 8  # three values at the edge of a length; 5 kB each, so it must be few
NUMBER_OCTETS_MAX: Final = 64  # longer text is no reading
NUMBER: Final = re.compile(rb"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?\s*\0*", re.ASCII)

SIGNED: Final = {1: "b", 2: "h", 4: "i"}
UNSIGNED: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}
Convert = Callable[[bytes], float]


def number(text: bytes) -> float:
    """Return the decimal number that a text is, or NaN; some devices send readings as text."""
    if len(text) > NUMBER_OCTETS_MAX or not NUMBER.fullmatch(text):
        return nan
    value = float(text.rstrip(b"\0"))
    return value if -inf < value < inf else nan


def _nothing(_: bytes) -> float:
    """Stand in for a value that is no number."""
    return nan


def _signed(octets: bytes) -> float:
    """Read an INTEGER of three octets."""
    return int.from_bytes(octets, "big", signed=True)


def _unsigned(octets: bytes) -> float:
    """Read a counter of 3, 5, 6 or 7 octets."""
    return int.from_bytes(octets, "big")


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Layout:
    """Where in an answer of `size` octets the V values lie. Shapes: fault uint8[V].

    Devices of one model share it while their values have the same lengths.
    """

    size: int
    mask: int
    fixed: int
    unpack: Callable[[bytes], tuple[float, ...]]
    pack: Callable[..., None]  # V numbers into a buffer of float64
    fault: NDArray[np.uint8]
    texts: tuple[int, ...]
    converts: tuple[tuple[int, Convert], ...]

    @staticmethod
    def of(pdu: bytes, decoded: Pdu) -> "Layout":
        """Note the layout of an answer that the strict decoder has read."""
        mask = bytearray(b"\xff" * len(pdu))
        mask[decoded.id_start : decoded.id_stop] = bytes(decoded.id_stop - decoded.id_start)
        fault = np.zeros(len(decoded.spans), np.uint8)
        codes = [">"]
        texts: list[int] = []
        converts: list[tuple[int, Convert]] = []
        at = 0
        for position, span in enumerate(decoded.spans):
            code, start, convert = _form(span, pdu, mask)
            codes.append(f"{start - at}x{code}")
            at = start + struct.calcsize(">" + code)
            if convert is not None:
                converts.append((position, convert))
            if span.tag == Tag.OCTET_STRING:
                texts.append(position)
            elif convert is _nothing:
                fault[position] = Quality.ABSENT if span.tag in ABSENT else Quality.MALFORMED
        bits = int.from_bytes(mask, "big")
        fixed = int.from_bytes(pdu, "big") & bits
        if known := _LAYOUTS.get((bits, fixed)):
            return known
        unpack = struct.Struct("".join(codes)).unpack_from
        pack = struct.Struct(f"{len(fault)}d").pack_into
        layout = Layout(len(pdu), bits, fixed, unpack, pack, fault, tuple(texts), tuple(converts))
        _LAYOUTS[bits, fixed] = layout
        return layout

    def read(self, pdu: bytes) -> tuple[Sequence[float], list[tuple[int, bytes]]]:
        """Return the V values, NaN where not a number, and position and octets of the texts."""
        values = self.unpack(pdu)
        if not self.converts:
            return values, []
        mixed = list(values)
        texts: list[tuple[int, bytes]] = [(at, mixed[at]) for at in self.texts]  # type: ignore[misc]
        for at, convert in self.converts:
            mixed[at] = convert(mixed[at])  # type: ignore[arg-type]
        return mixed, texts


_LAYOUTS: Final[WeakValueDictionary[tuple[int, int], Layout]] = WeakValueDictionary()


def _form(span: Span, pdu: bytes, mask: bytearray) -> tuple[str, int, Convert | None]:
    """Return code and start for `struct`, and what makes a number of octets; free their mask."""
    _, _, tag, start, stop = span
    size = stop - start
    if tag == Tag.OCTET_STRING:
        mask[start:stop] = bytes(size)
        return f"{size}s", start, number
    if tag == Tag.OPAQUE and (form := OPAQUE_NUMBERS.get(pdu[start : start + 3])):
        mask[start + 3 : stop] = bytes(form.size)
        return form.format[1:], start + 3, None
    if tag not in WIDTHS:
        return "0s", start, _nothing  # stays under the mask: any change is for the strict decoder
    mask[start:stop] = bytes(size)
    if tag == Tag.INTEGER:
        if size > WIDTHS[Tag.INTEGER]:
            mask[start], mask[start + 1] = 0xFF, 0x80  # an octet that repeats the sign keeps to it
        code = SIGNED.get(size)
        return (code, start, None) if code else (f"{size}s", start, _signed)
    width = WIDTHS[Tag(tag)]
    if size > width:
        mask[start] = 0xFF  # the leading zero of an unsigned number stays zero
        start, size = start + 1, width
    elif size < width:
        mask[start] = 0x80  # a number of fewer octets is not negative
    code = UNSIGNED.get(size)
    return (code, start, None) if code else (f"{size}s", start, _unsigned)


class Shape:
    """The layouts in which one device answers one planned request."""

    __slots__ = ("layouts", "names")

    def __init__(self, names: tuple[bytes, ...]) -> None:
        self.names = names
        self.layouts: list[Layout] = []

    def find(self, pdu: bytes) -> Layout | None:
        """Return the known layout of an answer. Cost: 0.05 µs a value for the latest one."""
        bits = int.from_bytes(pdu, "big")
        size = len(pdu)
        for at, layout in enumerate(self.layouts):
            if layout.size == size and bits & layout.mask == layout.fixed:
                if at:
                    self.layouts.insert(0, self.layouts.pop(at))
                return layout
        return None

    def learn(self, pdu: bytes, decoded: Pdu) -> Layout:
        """Check an answer octet for octet and keep its layout. Raises: BerError, MismatchError."""
        check_names(pdu, decoded, self.names)
        for span in decoded.spans:
            to_value(span.tag, pdu[span.start : span.stop])
        layout = Layout.of(pdu, decoded)
        self.layouts.insert(0, layout)
        del self.layouts[LAYOUTS_MAX:]
        return layout


def check_names(pdu: bytes, decoded: Pdu, names: Sequence[bytes]) -> None:
    """Make sure that exactly what was asked is answered, in its order. Raises: MismatchError."""
    found = [pdu[span.name_start : span.name_stop] for span in decoded.spans]
    if found != list(names):
        raise MismatchError("varbinds")
