"""Tests for redaction: what identifies is gone, what a profile needs is not."""

import re
from pathlib import Path

import pytest

from agent.redaction import LEFT_OUT, redact
from collectors.binding import bind
from collectors.profile import load_profiles
from collectors.recording import answer, identified, read
from collectors.rows import Value

SERIAL = "1.3.6.1.2.1.47.1.1.1.1.11.1"
DESCR = "1.3.6.1.2.1.1.1.0"
LABEL = "1.3.6.1.4.1.9.1"


def redacted(rows: dict[str, Value], *secrets: bytes) -> dict[str, Value]:
    """Redact rows whose octets are OCTET STRINGs."""
    tags = {oid: 4 if isinstance(value, bytes) else 2 for oid, value in rows.items()}
    return dict(redact(rows, tags, (), secrets).rows)


def test_a_serial_is_replaced_wherever_it_occurs() -> None:
    """By something of its length, the same in every place, so that references still meet."""
    rows: dict[str, Value] = {SERIAL: b"ZA1732000177", DESCR: b"PDU ZA1732000177 v2", LABEL: 7}

    covered = redacted(rows)

    word = covered[SERIAL]
    assert isinstance(word, bytes)
    assert len(word) == len(b"ZA1732000177")
    assert covered[DESCR] == b"PDU " + word + b" v2"
    assert covered[LABEL] == 7


@pytest.mark.parametrize(
    "said",
    [b"SN: ZA1732000177", b"S/N ZA1732000177", b"Serial number: ZA1732000177",
     b"serial=ZA1732000177",
     b"MAC: 00c0b7aabbcc", b"eth 00:c0:b7:aa:bb:cc up", b"00-C0-B7-AA-BB-CC", b"00c0.b7aa.bbcc"],
)  # fmt: skip
def test_what_a_text_announces_is_replaced(said: bytes) -> None:
    """Half of all families put their serial into sysDescr."""
    covered = redacted({DESCR: said})[DESCR]

    assert isinstance(covered, bytes)
    assert len(covered) == len(said)
    assert b"1732000177" not in covered
    assert not re.search(rb"(?i)aa.?bb.?cc", covered)


@pytest.mark.parametrize(
    "said", [b"normal", b"Outlet 1 serial port", b"Rack PDU 2G", b"4.2.0.5-50274"]
)
def test_what_tells_nothing_is_left_alone(said: bytes) -> None:
    """Versions and labels are what a profile reads."""
    assert redacted({LABEL: said})[LABEL] == said


def test_macs_stay_different_and_keep_their_maker() -> None:
    """Neighbours are told by them; the maker's half is on every brochure."""
    one, two = bytes.fromhex("00c0b7aabbcc"), bytes.fromhex("00c0b7aabbcd")
    rows: dict[str, Value] = {
        f"{LABEL}.{n}": mac for n, mac in enumerate((one, two, one, bytes(6)))
    }

    first, second, again, none = redacted(rows).values()

    assert first == again != second
    assert isinstance(first, bytes)
    assert first[:3] == one[:3]
    assert first != one
    assert none == bytes(6)


def test_the_community_is_replaced_even_inside_a_word() -> None:
    """Some devices list in a table who may read them."""
    assert b"s3same" not in str(redacted({LABEL: b"xs3same-ro"}, b"s3same")).encode()


def test_users_and_neighbours_are_left_out() -> None:
    """No profile needs them, and their very names are in the OIDs."""
    rows: dict[str, Value] = dict.fromkeys((f"{root}.1" for root in LEFT_OUT), b"x")

    assert redacted(rows) == {}


def test_profiles_read_redacted_recordings_as_before(shared: Path) -> None:
    """All recordings there are: same profile, same channels, same values."""
    profiles = load_profiles()
    serials = {told.oid for p in profiles for told in p.identity.serial if told.oid}
    for path in sorted((shared / "recordings").rglob("*.snmprec")):
        rows = read(path)
        tags = {oid: 4 if isinstance(value, bytes) else 2 for oid, value in rows.items()}
        covered = dict(redact(rows, tags, serials).rows)

        profile = identified(rows, profiles)
        assert identified(covered, profiles) is profile, path.stem
        before, after = bind(profile, rows), bind(profile, covered)
        assert [c.source for c in after.channels] == [c.source for c in before.channels], path.stem
        values = [layout.convert(*answer(layout, rows))[0] for layout in (before, after)]
        assert (values[0] == values[1])[values[0] == values[0]].all(), path.stem
