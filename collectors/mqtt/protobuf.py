r"""Protocol Buffers on the wire: fields within bounds, nothing that is not there, no recursion.

By hand, because a library decodes what it is given: it has no bound on how many fields or messages
there are, hides fields of a wrong kind among unknown ones, and takes the last of a field that came
twice. Here such bytes are refused, in as many lines as a description of the messages would take.

>>> fields(b"\x08\x03\x12\x01a")
[(1, 0, 3), (2, 2, b'a')]
>>> (number(1, 3) + octets(2, b"a")).hex()
'0803120161'

Source: Protocol Buffers, encoding.
"""

from typing import Final

VARINT: Final = 0
EIGHT_BYTES: Final = 1
BYTES: Final = 2
FOUR_BYTES: Final = 5
SIZES: Final = {EIGHT_BYTES: 8, FOUR_BYTES: 4}
VARINT_BYTES_MAX: Final = 10  # of 64 bits
KEY_MAX: Final = 1 << 32  # of a field with the highest number
FIELDS_MAX: Final = 4_096  # of one message: twice the metrics of a payload


class WireError(ValueError):
    """Bytes that are no protobuf message; its text is the reason to count them under."""


def fields(data: bytes) -> list[tuple[int, int, int | bytes]]:
    """Return number, kind and value of each field. Raises: WireError. Cost: 0.3 µs a field.

    A message inside is returned as the bytes it is: whoever wants it, reads it.
    """
    found: list[tuple[int, int, int | bytes]] = []
    at, end = 0, len(data)
    value: int | bytes
    while at < end:
        key = data[at]
        at += 1
        if key & 0x80:
            key, at = varint_at(data, at - 1)
        kind = key & 7
        if not 8 <= key <= KEY_MAX or len(found) == FIELDS_MAX:
            raise WireError("bad_field" if len(found) < FIELDS_MAX else "too_many_fields")
        if kind == VARINT:
            if at < end and data[at] < 0x80:  # most of them
                value, at = data[at], at + 1
            else:
                value, at = varint_at(data, at)
        else:
            size, at = (SIZES.get(kind, -1), at) if kind != BYTES else varint_at(data, at)
            if size < 0:
                raise WireError("bad_field")  # groups, which are long gone
            if size > end - at:
                raise WireError("cut_off")
            value = data[at : at + size]
            at += size
        found.append((key >> 3, kind, value))
    return found


def varint_at(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and where it ends. Raises: WireError."""
    found = shift = 0
    for octet in data[at : at + VARINT_BYTES_MAX]:
        at += 1
        if octet < 0x80:
            found |= octet << shift
            if found >> 64:
                break
            return found, at
        found |= (octet & 0x7F) << shift
        shift += 7
    raise WireError("bad_number" if shift >= 63 else "cut_off")


def varint(number: int) -> bytes:
    """Return a number below 2⁶⁴ in groups of seven bits, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def key(field: int, kind: int) -> bytes:
    """Return what stands before a field."""
    return varint(field << 3 | kind)


def number(field: int, value: int) -> bytes:
    """Return a field that holds a number."""
    return key(field, VARINT) + varint(value)


def octets(field: int, value: bytes) -> bytes:
    """Return a field that holds a text or a message."""
    return key(field, BYTES) + varint(len(value)) + value
