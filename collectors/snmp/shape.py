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
from functools import lru_cache
from math import inf, nan
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from collectors.readings import Quality
from collectors.snmp.ber import ABSENT, OPAQUE_NUMBERS, WIDTHS, Tag, to_value
from collectors.snmp.message import MismatchError, Pdu

LAYOUTS_MAX: Final = 8  # three values at the edge of a length; 5 kB each, so it must be few
FORMS_MAX: Final = 512  # pairs of type and size: all that occur, and some texts
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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, weakref_slot=True)
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
        """Note the layout of an answer that the strict decoder has read. Cost: 2 µs a value."""
        mask = bytearray(b"\xff" * len(pdu))
        mask[decoded.id_start : decoded.id_stop] = bytes(decoded.id_stop - decoded.id_start)
        codes = [">"]
        forms = []
        at = 0
        for _, _, tag, start, stop in decoded.spans:
            form = _form(tag, stop - start, pdu[start : start + 3] if tag == Tag.OPAQUE else b"")
            mask[start:stop] = form.mask
            codes.append(f"{start - at}x{form.code}")
            forms.append(form)
            at = stop
        bits = int.from_bytes(mask, "big")
        fixed = int.from_bytes(pdu, "big") & bits
        if known := _LAYOUTS.get((bits, fixed)):
            return known
        _LAYOUTS[bits, fixed] = layout = Layout(
            size=len(pdu),
            mask=bits,
            fixed=fixed,
            unpack=struct.Struct("".join(codes)).unpack_from,
            pack=struct.Struct(f"{len(forms)}d").pack_into,
            fault=np.array([form.fault for form in forms], np.uint8),
            texts=tuple(at for at, form in enumerate(forms) if form.convert is number),
            converts=tuple((at, f.convert) for at, f in enumerate(forms) if f.convert is not None),
        )
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


class _Form(NamedTuple):
    """How values of one type and size are read."""

    code: str  # for `struct`: covers all octets, yields one item
    mask: bytes  # ones where an octet or bit must stay as it was
    convert: Convert | None = None  # makes a number of octets
    fault: Quality = Quality.GOOD


@lru_cache(maxsize=FORMS_MAX)
def _form(tag: int, size: int, lead: bytes) -> _Form:
    """Return the form of a value that the strict decoder accepts; `lead` begins an Opaque."""
    if tag == Tag.OCTET_STRING:
        return _Form(f"{size}s", bytes(size), number)
    if real := OPAQUE_NUMBERS.get(lead):
        return _Form("3x" + real.format[1:], b"\xff" * 3 + bytes(real.size))
    if tag in WIDTHS:
        return _integer_form(Tag(tag), size)
    wrong = Quality.ABSENT if tag in ABSENT else Quality.MALFORMED
    return _Form(f"{size}x0s", b"\xff" * size, _nothing, wrong)  # any change is decoded strictly


def _integer_form(tag: Tag, size: int) -> _Form:
    """Return the form of an integer; what a mask keeps of it is what makes it a valid one."""
    width = WIDTHS[tag]
    if tag == Tag.INTEGER:
        sign = b"\xff\x80\0\0\0" if size > width else bytes(size)
        code, convert = SIGNED.get(size), _signed
    elif size > width:
        return _Form("x" + UNSIGNED[width], b"\xff" + bytes(width))  # a zero that stays zero
    else:
        sign = bytes(size) if size == width else b"\x80" + bytes(size - 1)  # not negative
        code, convert = UNSIGNED.get(size), _unsigned
    return _Form(code, sign) if code else _Form(f"{size}s", sign, convert)


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
