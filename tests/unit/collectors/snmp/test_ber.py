"""BER is read strictly, within bounds, and with one exception."""

import doctest
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.snmp import ber
from collectors.snmp.ber import BerError, Tag, dotted, integer, oid, read, tlv, to_int, to_value

ARCS = st.lists(st.integers(0, 2**32 - 1), max_size=126)
OIDS = st.one_of(
    st.tuples(st.integers(0, 1), st.integers(0, 39), ARCS),
    st.tuples(st.just(2), st.integers(0, 2**32 - 81), ARCS),
).map(lambda parts: ".".join(map(str, (*parts[:2], *parts[2]))))
UNSIGNED = {Tag.COUNTER32: 32, Tag.GAUGE32: 32, Tag.TIME_TICKS: 32, Tag.COUNTER64: 64}


@given(OIDS)
def test_every_name_comes_back(name: str) -> None:
    """Encoding and decoding undo each other for all names that SMI allows."""
    assert dotted(oid(name)) == name


@given(st.binary(max_size=700))
def test_what_is_read_as_a_name_is_written_the_same(octets: bytes) -> None:
    """There is one encoding of each name; all others are refused, never misread."""
    try:
        name = dotted(octets)
    except BerError:
        return
    assert oid(name) == octets


@pytest.mark.parametrize(
    "name", ["", "1", "1.3.", ".1.3", "1.3.-6", "1.3.x", "3.5", "1.40", f"1.{2**32}", "1.3.²"]
)
def test_a_malformed_name_is_named_in_the_error(name: str) -> None:
    """Whoever mistyped a device profile is told which name to look for."""
    with pytest.raises(BerError, match=r"^OID '.*': want"):
        oid(name)


@pytest.mark.parametrize(
    "octets",
    [b"", b"\x2b\x81", b"\x2b\x80\x01", b"\x2b\x90\x80\x80\x80\x00", b"\x2b" + b"\x01" * 20_000],
    ids=["empty", "cut short", "padded", "beyond 32 bits", "20,000 numbers"],
)
def test_a_hostile_name_is_refused(octets: bytes) -> None:
    """One datagram of these costs other libraries seconds; here its size alone refuses it."""
    with pytest.raises(BerError):
        dotted(octets)


@given(st.integers(-(2**31), 2**31 - 1))
def test_every_integer_comes_back(number: int) -> None:
    """In the fewest octets, as DER would have it; an agent may repeat the sign in one more."""
    octets = integer(number)

    assert to_int(Tag.INTEGER, octets) == number
    assert to_int(Tag.INTEGER, number.to_bytes(5, "big", signed=True)) == number
    assert to_int(Tag.INTEGER, number.to_bytes(5, "big", signed=True)) == number
    assert len(octets) == 1 or octets[0] not in (0, 0xFF) or (octets[0] ^ octets[1]) & 0x80


@given(st.sampled_from(sorted(UNSIGNED)), st.data())
def test_unsigned_numbers_come_back_in_each_form_that_agents_use(
    tag: Tag, data: st.DataObject
) -> None:
    """With a leading zero as X.690 wants it, and using all octets as some agents do."""
    bits = UNSIGNED[tag]
    number = data.draw(st.integers(0, 2**bits - 1))

    assert to_int(tag, integer(number)) == number
    assert to_int(tag, number.to_bytes(bits // 8, "big")) == number
    assert to_int(tag, number.to_bytes(bits // 8 + 1, "big")) == number


@pytest.mark.parametrize(
    ("tag", "octets"),
    [
        (Tag.INTEGER, ""),
        (Tag.INTEGER, "00ffffffff"),
        (Tag.INTEGER, "ff7fffffff"),
        (Tag.INTEGER, "ffff80000000"),
        (Tag.COUNTER32, ""),
        (Tag.COUNTER32, "ff"),
        (Tag.GAUGE32, "80ffff"),
        (Tag.TIME_TICKS, "0100000000"),
        (Tag.COUNTER32, "000000000001"),
        (Tag.COUNTER64, "010000000000000000"),
        (Tag.COUNTER64, "ffffffff"),
        (Tag.OCTET_STRING, "01"),
    ],
)
def test_integers_outside_their_type_are_refused(tag: Tag, octets: str) -> None:
    """A negative counter or a wide integer is a fault of the agent, not a reading."""
    with pytest.raises(BerError):
        to_int(tag, bytes.fromhex(octets))


def test_each_type_becomes_its_python_value() -> None:
    """What travels onward is plain: int, float, bytes, dotted name or None."""
    assert to_value(Tag.OCTET_STRING, b"\xff\x00") == b"\xff\x00"
    assert to_value(Tag.OID, oid("1.3.6.1")) == "1.3.6.1"
    assert to_value(Tag.IP_ADDRESS, b"\x7f\x00\x00\x01") == b"\x7f\x00\x00\x01"
    assert to_value(Tag.OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", 1.5)) == 1.5
    assert to_value(Tag.OPAQUE, b"\x9f\x79\x08" + struct.pack(">d", math.pi)) == math.pi
    assert to_value(Tag.OPAQUE, b"\x04\x01a") == b"\x04\x01a"
    for tag in (Tag.NULL, Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW):
        assert to_value(tag, b"") is None


@pytest.mark.parametrize(
    ("tag", "content"),
    [
        (Tag.NULL, b"\x00"),
        (Tag.NO_SUCH_INSTANCE, b"\x00"),
        (Tag.IP_ADDRESS, b"\x7f\x00\x01"),
        (Tag.OPAQUE, b"\x9f\x78\x04\x00\x00\x00"),
        (Tag.OPAQUE, b"\x9f\x79\x08" + bytes(9)),
        (Tag.SEQUENCE, b""),
        (0x47, b"\x01"),
        (0xA2, b""),
    ],
)
def test_values_of_no_type_or_size_are_refused(tag: int, content: bytes) -> None:
    """What cannot be a value is not guessed at."""
    with pytest.raises(BerError):
        to_value(tag, content)


@given(st.integers(0, 255), st.binary(max_size=400), st.binary(max_size=4))
def test_an_element_is_read_where_it_ends(tag: int, content: bytes, after: bytes) -> None:
    """What follows an element is left alone."""
    octets = tlv(tag, content)

    assert read(octets + after, 0, len(octets + after)) == (
        tag,
        len(octets) - len(content),
        len(octets),
    )


@given(st.integers(0, 255), st.binary(max_size=400), st.integers(0, 410))
def test_an_element_cut_short_is_refused(tag: int, content: bytes, keep: int) -> None:
    """Wherever the end is missing: in the tag, the length or the content."""
    octets = tlv(tag, content)
    short = octets[: min(keep, len(octets) - 1)]
    with pytest.raises(BerError):
        read(short, 0, len(short))


@pytest.mark.parametrize(
    "octets", ["3080020100", "30850000000000", "30ff", "3084ffffffff00", "308401", "30"]
)
def test_lengths_are_definite_and_bounded(octets: str) -> None:
    """Indefinite, five octets of length, reserved, beyond the end, cut short."""
    data = bytes.fromhex(octets)
    with pytest.raises(BerError):
        read(data, 0, len(data))


def test_a_length_may_use_more_octets_than_it_needs() -> None:
    """Old agents write `30 82 00 03` before every varbind; it is clear what they mean."""
    assert read(bytes.fromhex("30820003020105"), 0, 7) == (0x30, 4, 7)


def test_doctests() -> None:
    """The examples in the docstring are true."""
    assert doctest.testmod(ber).failed == 0
