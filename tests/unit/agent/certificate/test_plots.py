"""Plots hide no peak, bridge no gap, and can be read without seeing them."""

import re
from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from agent.certificate.plots import chart, coverage_raster, margin_strip
from agent.certificate.svg import EDGE, LEFT, nice_ticks

Json = dict[str, Any]
STAGES = [{"started_s": 0.0, "ended_s": 1800.0, "number": 1}]
VALUES = st.none() | st.floats(-1e6, 1e6)


def panel(low: list[float | None], high: list[float | None]) -> Json:
    """Make a panel with one series."""
    return {
        "id": "x",
        "title": 'Power <&"in',
        "unit": "kW",
        "series": [{"name": "a<b", "low": low, "high": high}],
        "steps": [{"name": "asked", "points": [[0.0, 1.0], [600.0, None], [900.0, 2.0]]}],
        "limits": [{"name": "max", "spans": [[0.0, 1800.0, 50.0]]}],
        "u": None,
    }


def drawn(low: list[float | None], high: list[float | None]) -> tuple[ET.Element, str]:
    """Return the picture of a series, and its line."""
    plots = {"start_s": 0.0, "end_s": 3600.0, "step_s": 3600.0 / max(len(low), 1)}
    svg = chart(panel(low, high), plots, STAGES)
    found = re.findall(r'<path d="([^"]*)" fill="none" stroke="#0b4f8a" stroke-width="1.0"', svg)
    return ET.fromstring(svg), found[0] if found else ""  # noqa: S314 -- our own markup


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.integers(2, 8))
def test_ticks_enclose_and_are_few(low: float, width: float, wanted: int) -> None:
    """Round numbers around all values, about as many as asked for."""
    ticks = nice_ticks(low, low + width, wanted)

    assert 2 <= len(ticks) <= 3 * wanted
    slack = 1e-6 * (ticks[-1] - ticks[0])
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + width - slack
    assert ticks == sorted(set(ticks))


@given(st.lists(VALUES, max_size=40))
def test_a_gap_is_a_gap(values: list[float | None]) -> None:
    """The line starts anew after every bucket without a reading, and nowhere else."""
    _, line = drawn(values, values)

    stretches = "".join("-" if v is None else "x" for v in values).replace("-", " ").split()
    assert line.count("M") == len(stretches)


@given(st.lists(st.tuples(VALUES, st.floats(0, 1e6)), max_size=40))
def test_a_picture_is_well_formed_and_inside_its_frame(
    pairs: list[tuple[float | None, float]],
) -> None:
    """Escaped, titled, described; no point of the line is outside the area of the plot."""
    low = [value for value, _ in pairs]
    high = [None if value is None else value + more for value, more in pairs]

    picture, line = drawn(low, high)

    name = "{http://www.w3.org/2000/svg}"
    texts = {element.tag.removeprefix(name): element.text for element in picture}
    assert texts["title"] == 'Power <&"in, kW'
    assert texts["desc"]
    xs = [float(x) for x in re.findall(r"[ML]([-\d.]+) ", line)]
    assert all(LEFT - 0.1 <= x <= EDGE + 0.1 for x in xs)


def test_a_peak_of_one_bucket_is_drawn() -> None:
    """A single high reading in a long run is seen."""
    flat: list[float | None] = [10.0] * 600
    high = [*flat]
    high[300] = 40.0

    _, line = drawn(flat, high)

    ys = sorted(float(y) for y in re.findall(r"[ML][-\d.]+ ([-\d.]+)", line))
    assert ys[1] - ys[0] > 10


@given(st.lists(st.floats(-50, 50), max_size=60))
def test_every_margin_has_its_bar(margins: list[float]) -> None:
    """One bar a channel, in three fills that differ without colour."""
    svg = margin_strip([{"margin": margin} for margin in sorted(margins)])

    ET.fromstring(svg)  # noqa: S314 -- our own markup
    keys = 3
    assert svg.count("M") - svg.count("none not proven") >= len(margins) + keys
    described = f"{sum(m < 0 for m in margins)} of {len(margins)} channels"
    assert described in svg


@given(st.text("-0123456789", min_size=1, max_size=50))
def test_a_raster_tells_how_many_holes_there_are(cells: str) -> None:
    """Stretches of missing readings are counted for those who cannot see them."""
    coverage = {
        "start_s": 0.0,
        "end_s": 3600.0,
        "step_s": 3600.0 / len(cells),
        "devices": [{"device": "<pdu>", "cells": cells, "share": 0.5}],
    }

    svg = coverage_raster(coverage, STAGES)

    ET.fromstring(svg)  # noqa: S314 -- our own markup
    holes = len(re.findall(r"([0-8])\1*", cells))
    assert f"{holes} stretches" in svg
