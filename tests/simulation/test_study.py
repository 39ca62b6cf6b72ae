"""The detection study: a few of its runs, killed in between, and the page that it writes."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.study import Try, batches, known_try, lines, run
from bench.study_report import report


@pytest.mark.usefixtures("shared")
def test_a_study_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    """Whole lines count, half a line does not; the page tells what was found."""
    results = tmp_path / "study.jsonl"
    wanted = [Try("phase lost", None, 1), Try("leak", 0.6, 1), Try("leak", 0.01, 1)]
    made = batches(wanted)
    assert len(made) == 1  # they are one run until something breaks
    run(made[0], results)
    with results.open("a") as file:
        file.write('{"case": "leak", "si')

    found = [*lines(results)]
    assert {known_try(line) for line in found} == {*wanted}
    assert {line["verdict"] for line in found} == {"FAIL"}
    report(found, tmp_path)
    page = (tmp_path / "detection.md").read_text()
    assert (
        "| phase lost |  | full_soak | 1 | FAIL | 100 % | 0 | `feedA.line_voltage[phase2]` |"
        in page
    )
    for name in ("rate", "time"):
        picture = (tmp_path / "detection" / f"{name}.svg").read_text()
        root = ET.fromstring(picture)  # noqa: S314 -- our own
        assert root.find("{http://www.w3.org/2000/svg}desc") is not None
