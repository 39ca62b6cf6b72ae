"""Tests for `verify`, `replay` and `export`: what people and scripts are told of a record."""

import csv
import dataclasses
import json
import re
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from agent.cli import answer
from agent.exits import Exit
from agent.record.samples import Rows, write_csv

TIGHTER = ((b"fail: +-12 %", b"fail: +-3 %"), (b"warn: +-6 %", b"warn: +-1 %"))


@pytest.fixture
def other(record: Path, tmp_path: Path) -> Any:  # noqa: ANN401 -- a function of any number of texts
    """Return what writes the record's spec with some of it replaced."""

    def spec(*replacements: tuple[bytes, bytes]) -> str:
        """Write it and return its path."""
        text = (record / "spec.yaml").read_bytes()
        for before, after in replacements:
            assert before in text
            text = text.replace(before, after)
        path = tmp_path / "other.yaml"
        path.write_bytes(text)
        return str(path)

    return spec


def test_verify_says_yes_and_what_that_does_not_prove(
    record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a trusted key, only that nothing changed since."""
    assert answer(["verify", str(record)]) == Exit.YES

    text = capsys.readouterr().out
    assert text.endswith("Verified.\n")
    assert "not who sealed it" in text
    assert "judged again: PASS" in text


def test_verify_compares_with_a_trusted_key(
    record: Path,
    key: Any,  # noqa: ANN401 -- of conftest
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Then it says so, or who else it was."""
    (tmp_path / "right.pem").write_bytes(key.public.pem)
    raw = bytearray(key.public.raw)
    raw[0] ^= 1
    (tmp_path / "wrong.pem").write_bytes(dataclasses.replace(key.public, raw=bytes(raw)).pem)

    assert answer(["verify", str(record), "--key", str(tmp_path / "right.pem")]) == Exit.YES
    assert "not who sealed it" not in capsys.readouterr().out
    assert answer(["verify", str(record), "--key", str(tmp_path / "wrong.pem")]) == Exit.NO
    assert "somebody else sealed this record" in capsys.readouterr().out
    assert answer(["verify", str(record), "--key", str(record / "spec.yaml")]) == Exit.INVALID


def test_verify_names_what_is_wrong_first(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """File and line, before all else."""
    folder = shutil.copytree(record, tmp_path / "copy")
    journal = folder / "journal.jsonl"
    text = journal.read_bytes()
    journal.unlink()
    journal.write_bytes(text.replace(b'"warm_up"', b'"warm_xx"', 1))

    assert answer(["verify", str(folder)]) == Exit.NO
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{journal}: was changed")
    assert re.match(rf"{journal}:3: entry 3 was changed", lines[1])
    assert lines[-1] == "NOT verified: 2 things are wrong."
    assert "not judged again" not in "".join(lines[:2])


def test_verify_tells_programs(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything that people are told."""
    assert answer(["verify", str(record), "--quick", "--json"]) == Exit.YES

    told = json.loads(capsys.readouterr().out)
    assert told["verified"]
    assert not told["key_pinned"]
    assert (told["verdict"], told["serial"], told["findings"]) == ("PASS", "RK-0417", [])


@pytest.mark.parametrize("command", ["verify", "replay", "export"])
def test_what_is_no_record_is_invalid(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is not the same as a record that is wrong."""
    more = ["-o", str(tmp_path / "out")] if command == "export" else []

    assert answer([command, str(tmp_path / "nowhere"), *more]) == Exit.INVALID
    assert "no record" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["replay", "export"])
def test_what_was_changed_is_not_worked_with(
    command: str, record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its samples would be somebody's, but not the rack's."""
    folder = shutil.copytree(record, tmp_path / "copy")
    (folder / "segments" / "000001.npz").unlink()
    more = ["-o", str(tmp_path / "out")] if command == "export" else []

    assert answer([command, str(folder), *more]) == Exit.INVALID
    assert "000001.npz: is missing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_replay_under_the_same_spec_changes_nothing(
    record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was judged live comes out again."""
    assert answer(["replay", str(record)]) == Exit.YES
    assert "Nothing comes out otherwise." in capsys.readouterr().out


def test_replay_under_another_revision_lists_what_flips(
    record: Path,
    other: Any,  # noqa: ANN401 -- of this file
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Run, stages and channels, each before and after, with the reason."""
    assert answer(["replay", str(record), "--spec", other(*TIGHTER), "--json"]) == Exit.NO

    told = json.loads(capsys.readouterr().out)
    flips = {flip["of"]: flip for flip in told["flips"]}
    assert set(flips) == {
        "run",
        *(f"{stage}, attempt 1" for stage in ("warm_up", "soak")),
        *(f"{stage}, attempt 1: cdu.flow" for stage in ("warm_up", "soak")),
    }
    assert {(flip["before"], flip["after"]) for flip in flips.values()} == {
        ("PASS", "INCONCLUSIVE")
    }
    assert all(flip["why"] for flip in flips.values())
    assert told["sealed_by"]["hash"] != told["judged_by"]["hash"]


def test_replay_says_what_a_spec_does_not_know(
    record: Path,
    other: Any,  # noqa: ANN401 -- of this file
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A stage that is gone was not passed, nor was a channel."""
    renamed = (b"id: warm_up", b"id: warming")
    without = (b"      pump_ok: {q: state, per: pump 2, fail: is ok}\n", b"")

    assert answer(["replay", str(record), "--spec", other(renamed, without)]) == Exit.NO

    text = capsys.readouterr().out
    assert "warm_up, attempt 1: PASS -> not judged: the spec has no such stage" in text
    assert "soak, attempt 1: cdu.pump_ok[pump1]: PASS -> not judged: not judged by" in text
    assert "run: PASS -> INCONCLUSIVE" in text


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Return all rows of exported CSV files."""
    files = sorted(folder.glob("*.csv"))
    return [row for file in files for row in csv.DictReader(file.read_text().splitlines())]


def test_export_writes_every_reading(record: Path, tmp_path: Path) -> None:
    """Bad ones too, empty and with the reason."""
    assert answer(["export", str(record), "-o", str(tmp_path / "out")]) == Exit.YES

    rows = rows_of(tmp_path / "out")
    assert len(rows) == 3 * 1080
    assert Counter(row["quality"] for row in rows) == {"good": 3237, "comm_lost": 3}
    assert {row["value"] for row in rows if row["quality"] != "good"} == {""}
    assert rows[1]["time"] == "2026-03-01T08:00:10.000000Z"
    assert {(row["channel"], row["unit"]) for row in rows} == {
        ("flow", "L/min"),
        ("pump_ok[pump1]", ""),
        ("pump_ok[pump2]", ""),
    }


def test_csv_quotes_what_would_break_a_line(tmp_path: Path) -> None:
    """A channel of a lane has a comma in its name."""
    one, good, at = np.ones((1, 1)), np.zeros((1, 1), np.uint8), np.ones(1)
    rows = Rows('a"b', ["rx[swp49,lane1]"], ["dBm"], at, at.astype(int), one, good, one)

    write_csv(tmp_path, "x", "run", [rows])

    (row,) = rows_of(tmp_path)
    assert (row["device"], row["channel"], row["value"]) == ('a"b', "rx[swp49,lane1]", "1.0")


def test_parquet_holds_what_csv_holds(record: Path, tmp_path: Path) -> None:
    """Read back by DuckDB, all files as one table."""
    out = tmp_path / "it's here"
    assert answer(["export", str(record), "-o", str(tmp_path / "csv")]) == Exit.YES
    assert answer(["export", str(record), "-o", str(out), "--format", "parquet"]) == Exit.YES

    names = "run, device, channel, at_s, epoch_us(time), value, unit, quality, raw"
    files = [str(path) for path in sorted(out.glob("*.parquet"))]
    table = duckdb.read_parquet(files)
    types = dict(zip(table.columns, map(str, table.types), strict=True))
    found = Counter(table.project(names).fetchall())

    assert types["time"] == "TIMESTAMP WITH TIME ZONE"
    assert types["value"] == types["at_s"] == "DOUBLE"
    assert found == Counter(
        (
            *(row[key] for key in ("run", "device", "channel")),
            float(row["at_s"]),
            1_772_352_000_000_000 + round(float(row["at_s"]) * 1e6),
            float(row["value"]) if row["value"] else None,
            *(row[key] for key in ("unit", "quality")),
            float(row["raw"]),
        )
        for row in rows_of(tmp_path / "csv")
    )


def test_export_never_writes_over_anything(record: Path, tmp_path: Path) -> None:
    """A folder that is there may be somebody's work."""
    assert answer(["export", str(record), "-o", str(tmp_path)]) == Exit.INVALID


def test_parquet_without_duckdb_says_what_to_install(
    record: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """CSV needs nothing."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    command = ["export", str(record), "-o", str(tmp_path / "out"), "--format"]

    assert answer([*command, "parquet"]) == Exit.INVALID
    assert "rackproof[parquet]" in capsys.readouterr().err
    assert answer([*command, "csv"]) == Exit.YES
