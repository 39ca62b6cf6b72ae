"""Recordings as files: what each kind of line means, and how broken ones are told."""

import json
from pathlib import Path

import pytest

from collectors.document import DocumentError
from collectors.profile import load_profiles
from collectors.recording import compare, read, read_reviewed

LINES = b"""\
# a comment
1.3.6.1.2.1.1.2.0|6|.1.3.6.1.4.1.13742.6
1.3.6.1.1|2|-5
1.3.6.1.2|4|a|b \xff
1.3.6.1.3|4x|00ff
1.3.6.1.4|64|10.0.0.1
1.3.6.1.5|70|18446744073709551615
1.3.6.1.6|5|
"""


def test_each_kind_of_line_becomes_what_snmp_would_bring(tmp_path: Path) -> None:
    """Numbers, octets as they are, hexadecimal, addresses, OIDs without a leading dot."""
    path = tmp_path / "a.snmprec"
    path.write_bytes(LINES)
    assert list(read(path).values()) == [
        "1.3.6.1.4.1.13742.6",
        -5,
        b"a|b \xff",
        b"\x00\xff",
        bytes([10, 0, 0, 1]),
        2**64 - 1,
        None,
    ]


@pytest.mark.parametrize("line", ["1.3|2|x", "1.3|zz|1", "1.3", "1.3|4x|0g"])
def test_a_broken_line_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    """A recording is edited by hand when it is redacted."""
    path = tmp_path / "a.snmprec"
    path.write_text(f"1.3.6|2|1\n{line}\n")
    with pytest.raises(ValueError, match=r"a\.snmprec:2: "):
        read(path)


def test_a_factor_of_ten_is_found_and_a_rounding_is_not(tmp_path: Path) -> None:
    """The comparison is a second opinion on scale, unit and place."""
    inlet = "1.3.6.1.4.1.13742.6.5.2.3.1.4.1.1"
    digits = "1.3.6.1.4.1.13742.6.3.3.4.1.7.1.1"
    rows = f"1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.13742.6\n{inlet}.1|2|2345\n{digits}.1|2|3\n"
    (tmp_path / "a.snmprec").write_text(rows + f"{inlet}.4|2|2301\n{digits}.4|2|1\n")
    told = {"sensor_descr": "", "sensor_class": "current", "sensor_oid": f".{inlet}.1"}
    sensors = [
        {**told, "sensor_current": 2.35},
        {**told, "sensor_current": 23.5},
        {**told, "sensor_class": "voltage", "sensor_oid": f".{inlet}.4", "sensor_current": 230},
        {**told, "sensor_class": "power", "sensor_oid": f".{inlet}.5", "sensor_current": 540},
        {**told, "sensor_class": "power", "sensor_oid": f".{inlet}.4", "sensor_current": 230.1},
    ]
    (tmp_path / "a.expected.json").write_text(json.dumps({"sensors": sensors}))
    found = compare(tmp_path / "a.snmprec", load_profiles())
    assert (found.profile, found.values_total, found.values_equal) == ("raritan_pdu2", 5, 2)
    assert [d.found for d in found.differences] == ["2.345 A", "not read", "230.1 V (voltage)"]


def test_light_in_watts_and_in_dbm_is_the_same_light(tmp_path: Path) -> None:
    """Some products leave optical power in watts; only a factor between the two is a difference."""
    sensor = "1.3.6.1.2.1.99.1.1.1"
    rows = {
        "1.3.6.1.2.1.1.1.0": "4|SONiC Software Version: SONiC.1",
        "1.3.6.1.2.1.1.2.0": "6|1.3.6.1.4.1.8072.3.2.10",
        "1.3.6.1.2.1.47.1.1.1.1.7.5": "4|DOM RX Power Sensor for Eth1/1",
        **{f"{sensor}.{column}.5": f"2|{value}" for column, value in [(1, 6), (2, 8), (3, 4)]},
        f"{sensor}.4.5": "2|5310",
    }
    (tmp_path / "a.snmprec").write_text("\n".join(f"{oid}|{row}" for oid, row in rows.items()))
    told = {"sensor_descr": "", "sensor_class": "power", "sensor_oid": f"{sensor}.4.5"}
    sensors = [{**told, "sensor_current": 0.000531}, {**told, "sensor_current": 0.00531}]
    (tmp_path / "a.expected.json").write_text(json.dumps({"sensors": sensors}))
    found = compare(tmp_path / "a.snmprec", load_profiles())
    assert (found.profile, found.values_equal) == ("sonic", 1)
    assert [d.found for d in found.differences] == ["-2.74905 dBm"]


def test_a_reviewed_entry_covers_what_lies_below_and_a_star_one_number(tmp_path: Path) -> None:
    """The list stays short without hiding more than it says."""
    (tmp_path / "list.yaml").write_text(
        "recordings: {a: [{oids: [1.3.*.7], reason: checked}, {oids: [1.4.0], reason: checked}]}"
    )
    entries = read_reviewed(tmp_path / "list.yaml")["a"]

    def covered(oid: str) -> bool:
        """Say whether any entry covers a difference at `oid`."""
        return any(entry.covers(oid) for entry in entries)

    assert covered("1.3.25.7.1")
    assert covered("1.4.0.9")
    assert not covered("1.3.25.70")
    assert not covered("1.4.01")


def test_a_reviewed_entry_without_a_reason_is_refused(tmp_path: Path) -> None:
    """A list without reasons is a list of things nobody looked into."""
    (tmp_path / "list.yaml").write_text("recordings: {a: [{oids: [1.3]}]}")
    with pytest.raises(DocumentError, match="reason"):
        read_reviewed(tmp_path / "list.yaml")
