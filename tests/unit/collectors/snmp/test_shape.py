"""Answers read by learnt layout mean what the strict decoder says they mean."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.readings import Quality
from collectors.snmp.ber import ABSENT, WIDTHS, BerError, Tag, integer, oid, tlv, to_value
from collectors.snmp.message import MismatchError, PduType, decode_pdu
from collectors.snmp.shape import LAYOUTS_MAX, Shape, number

UNSIGNED = [tag for tag in WIDTHS if tag != Tag.INTEGER]
Content = tuple[int, bytes]


def name_of(position: int) -> bytes:
    """Return the name of the object at `position`."""
    return oid(f"1.3.6.1.4.1.13742.6.5.{position}")


def answer(values: list[Content], request_id: int = 1 << 30, *, long: bool = False) -> bytes:
    """Encode an answer; `long` lengths are those of old agents, 82 hh ll."""

    def list_of(content: bytes) -> bytes:
        """Encode a SEQUENCE."""
        if long:
            return b"\x30\x82" + len(content).to_bytes(2, "big") + content
        return tlv(Tag.SEQUENCE, content)

    varbinds = b"".join(
        list_of(tlv(Tag.OID, name_of(position)) + tlv(*value))
        for position, value in enumerate(values)
    )
    fields = b"".join(tlv(Tag.INTEGER, integer(field)) for field in (request_id, 0, 0))
    return tlv(PduType.RESPONSE, fields + list_of(varbinds))


def unsigned(tag: int) -> st.SearchStrategy[Content]:
    """Make counters of all lengths that agents use, zero octet in front or not."""
    width = WIDTHS[Tag(tag)]
    numbers = st.integers(0, 8 * width).flatmap(lambda bits: st.integers(0, 2**bits - 1))
    return st.one_of(
        numbers.map(integer),
        numbers.map(lambda number: number.to_bytes(width, "big")),
        numbers.map(lambda number: number.to_bytes(width + 1, "big")),
    ).map(lambda content: (tag, content))


signed = st.integers(0, 31).flatmap(lambda bits: st.integers(-(2**bits), 2**bits - 1))
texts = st.one_of(st.binary(max_size=9), st.from_regex(rb"\A[ +-]?[0-9]{1,3}([.][0-9])? ?\Z"))
reals = st.one_of(
    st.floats(width=32).map(lambda real: b"\x9f\x78\x04" + struct.pack(">f", real)),
    st.floats().map(lambda real: b"\x9f\x79\x08" + struct.pack(">d", real)),
    st.binary(max_size=4).filter(lambda octets: octets[:2] not in (b"\x9f\x78", b"\x9f\x79")),
)
values = st.one_of(
    signed.map(lambda number: (int(Tag.INTEGER), integer(number))),
    signed.map(lambda number: (int(Tag.INTEGER), number.to_bytes(5, "big", signed=True))),
    st.sampled_from(UNSIGNED).flatmap(unsigned),
    texts.map(lambda octets: (int(Tag.OCTET_STRING), octets)),
    reals.map(lambda octets: (int(Tag.OPAQUE), octets)),
    st.sampled_from([*ABSENT, Tag.NULL]).map(lambda tag: (int(tag), b"")),
    st.just((int(Tag.OID), oid("1.3.6.1"))),
    st.binary(min_size=4, max_size=4).map(lambda octets: (int(Tag.IP_ADDRESS), octets)),
)


def shape_of(count: int) -> Shape:
    """Return a shape for the first `count` names."""
    return Shape(tuple(name_of(position) for position in range(count)))


def strictly(pdu: bytes) -> tuple[list[float], list[int], dict[int, bytes]]:
    """Say what an answer means by the strict decoder alone."""
    numbers: list[float] = []
    faults: list[int] = []
    octets: dict[int, bytes] = {}
    for position, span in enumerate(decode_pdu(pdu).spans):
        value = to_value(span.tag, pdu[span.start : span.stop])
        if span.tag == Tag.OCTET_STRING:
            assert isinstance(value, bytes)
            octets[position] = value
            value = number(value)
        numbers.append(value if isinstance(value, int | float) else math.nan)
        wrong = Quality.ABSENT if span.tag in ABSENT else Quality.MALFORMED
        readable = span.tag in (*WIDTHS, Tag.OCTET_STRING) or isinstance(value, float)
        faults.append(int(Quality.GOOD if readable else wrong))
    return numbers, faults, octets


def by_layout(shape: Shape, pdu: bytes) -> tuple[list[float], list[int], dict[int, bytes]] | None:
    """Say what an answer means by its layout, if that is known."""
    layout = shape.find(pdu)
    if layout is None:
        return None
    numbers, octets = layout.read(pdu)
    return list(numbers), layout.fault.tolist(), dict(octets)


@given(st.lists(values, min_size=1, max_size=12), st.booleans())
def test_a_learnt_answer_reads_as_strictly_decoded(contents: list[Content], long: bool) -> None:  # noqa: FBT001 -- given by hypothesis
    """All types, all lengths, in both styles of encoding lengths."""
    pdu = answer(contents, long=long)
    shape = shape_of(len(contents))

    shape.learn(pdu, decode_pdu(pdu))

    assert repr(by_layout(shape, pdu)) == repr(strictly(pdu))


@given(
    st.lists(values, min_size=1, max_size=8),
    st.integers(1 << 23, (1 << 31) - 1),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
)
def test_what_a_layout_accepts_the_strict_decoder_accepts_too(
    contents: list[Content], request_id: int, damage: list[tuple[int, int]]
) -> None:
    """Any octet may change on the way: then both agree, or the layout does not know the answer."""
    learnt = answer(contents)
    shape = shape_of(len(contents))
    shape.learn(learnt, decode_pdu(learnt))
    octets = bytearray(answer(contents, request_id))
    for position, octet in damage:
        octets[position % len(octets)] = octet
    pdu = bytes(octets)

    found = by_layout(shape, pdu)

    if found is not None:
        decoded = decode_pdu(pdu)
        assert not decoded.status
        assert [pdu[s.name_start : s.name_stop] for s in decoded.spans] == list(shape.names)
        assert repr(found) == repr(strictly(pdu))


@given(st.data(), st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=8))
def test_numbers_of_the_same_length_need_no_second_decoding(
    data: st.DataObject, sizes: list[int]
) -> None:
    """A known layout stands for all values of these lengths, of either sign."""

    def draw() -> bytes:
        """Encode an answer with integers of these sizes."""
        numbers = [data.draw(st.binary(min_size=size, max_size=size)) for size in sizes]
        return answer([(Tag.INTEGER, octets) for octets in numbers])

    first, second = draw(), draw()
    shape = shape_of(len(sizes))
    shape.learn(first, decode_pdu(first))

    assert repr(by_layout(shape, second)) == repr(strictly(second))


@pytest.mark.parametrize("names", [[0], [1, 0], [0, 1, 2], [0, 2]])
def test_an_answer_about_other_objects_is_none(names: list[int]) -> None:
    """Missing, swapped, extra or different: nothing in it can be trusted."""
    shape = Shape(tuple(name_of(position) for position in names))
    pdu = answer([(Tag.INTEGER, b"\x01"), (Tag.INTEGER, b"\x02")])

    assert shape.find(pdu) is None
    with pytest.raises(MismatchError, match="varbinds"):
        shape.learn(pdu, decode_pdu(pdu))
    assert not shape.layouts


def test_an_answer_with_one_bad_value_is_not_learnt() -> None:
    """A counter of no octets makes the whole datagram one that SNMP does not allow."""
    pdu = answer([(Tag.INTEGER, b"\x01"), (Tag.COUNTER32, b"")])
    with pytest.raises(BerError):
        shape_of(2).learn(pdu, decode_pdu(pdu))


def test_few_layouts_are_kept_and_the_latest_is_tried_first() -> None:
    """A device that changes its lengths all the time costs time, not memory."""
    shape = shape_of(1)
    pdus = [answer([(Tag.OCTET_STRING, b"7" * size)]) for size in range(LAYOUTS_MAX + 2)]
    for pdu in pdus:
        shape.learn(pdu, decode_pdu(pdu))

    assert len(shape.layouts) == LAYOUTS_MAX
    assert shape.find(pdus[0]) is None
    assert shape.find(pdus[2]) is shape.layouts[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"230", 230.0),
        (b" -12.50 ", -12.5),
        (b"+3.2e2", 320.0),
        (b"1.", 1.0),
        (b".5\x00", 0.5),
    ],
)
def test_text_that_is_a_whole_number_is_a_number(text: bytes, value: float) -> None:
    """Some coolers and sensors send every reading as text."""
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    [b"", b"Unavailable", b"23 C", b"1,5", b"nan", b"inf", b"1e999", b"0x10", b"1_0", b"9" * 99],
)
def test_any_other_text_is_no_number(text: bytes) -> None:
    """Nothing is cut out of a text, and what is not finite is no reading."""
    assert math.isnan(number(text))
