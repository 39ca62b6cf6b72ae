"""What is said of samples agrees with a plain look at all of them at once."""

import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.burnin.block import Block
from agent.burnin.design import Design
from agent.certificate.page import html
from agent.certificate.percentile import Largest
from agent.certificate.survey import Survey, survey
from agent.certificate.timeline import attempts, loads
from tests.unit.agent.certificate.told import ASKED, blocks, column_of, events

LOST = (1200.0, 1500.0)


def surveyed(design: Design) -> Survey:
    """Survey a run in which the rack was silent for a while."""
    told = events(design)
    return survey(design, told, attempts(told), lambda: blocks(design, LOST))


def place(design: Design, device: str, name: str) -> int:
    """Find a channel."""
    return next(n for n, c in enumerate(design.channels) if (c.device, c.name) == (device, name))


@settings(max_examples=200)
@given(
    st.lists(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), max_size=80), max_size=12),
)
def test_p99_is_the_nearest_rank(pieces: Sequence[Sequence[float]]) -> None:
    """However the samples are cut, it is the value that 99 % of them do not exceed."""
    every = sorted(v for piece in pieces for v in piece if not math.isnan(v))
    if not every:
        return
    largest = Largest(len(every) // 100 + 1, 1)
    for piece in pieces:
        largest.add(np.array(piece, np.float64).reshape(-1, 1))

    found = largest.ranked(np.array([len(every) // 100 + 1]))

    assert found[0] == every[math.ceil(0.99 * len(every)) - 1]


def test_p99_is_of_what_was_judged(small: Design) -> None:
    """The pause is not in it, nor is what came before the windows opened."""
    seen = surveyed(small)

    flow = place(small, "rack", "flow")
    column = column_of(small, "rack", "flow")
    samples = blocks(small, LOST)
    values = np.concatenate([b.values[:, column] for b in samples if b.device == "rack"])
    inside = ((ASKED >= 40) & (ASKED < 2000)) | ((ASKED >= 2100) & (ASKED < 3690))
    judged = values[inside & np.isfinite(values)]
    assert seen.p99[0, flow] == np.sort(judged)[math.ceil(0.99 * len(judged)) - 1]


@pytest.mark.parametrize("seed", [7, 100])
def test_how_samples_are_cut_into_blocks_says_nothing(small: Design, seed: int) -> None:
    """Segments end where they end; no figure may depend on it."""
    cut = sorted(random.Random(seed).sample(range(1, len(ASKED)), 5))

    def pieces() -> Iterator[Block]:
        """Cut the same samples elsewhere."""
        for block in blocks(small, LOST, 5000):
            for first, last in zip([0, *cut], [*cut, len(ASKED)], strict=True):
                yield Block(
                    device=block.device,
                    binding=1,
                    **{
                        name: getattr(block, name)[first:last]
                        for name in ("asked", "taken", "values", "quality", "raw")
                    },
                )

    told = events(small)
    whole = survey(small, told, attempts(told), lambda: blocks(small, LOST, 5000))
    parts = survey(small, told, attempts(told), pieces)

    np.testing.assert_array_equal(whole.p99, parts.p99)
    assert whole.coverage == parts.coverage
    assert _shape(whole.plots) == _shape(parts.plots)


def _shape(plots: dict[str, Any]) -> list[Any]:
    """Return what of the charts must be the same to the last digit."""
    measured = {"load", "balance", "residual"}  # sums may differ in their last bit
    return [panel for panel in plots["panels"] if panel["id"] not in measured]


def test_charts_show_peaks_gaps_and_limits(small: Design) -> None:
    """The demo's rack has five of the six charts; its silence is a gap in what depends on it."""
    seen = surveyed(small)

    panels = {panel["id"]: panel for panel in seen.plots["panels"]}
    assert set(panels) == {"load", "loop", "balance", "residual", "lines"}
    step = seen.plots["step_s"]
    gap = range(math.ceil(LOST[0] / step), int(LOST[1] / step))
    series = {line["name"]: line for panel in panels.values() for line in panel["series"]}
    for name in ("supply", "return", "dew point", "heat to liquid", "residual \u00b1 U"):
        assert all(series[name]["low"][n] is None for n in gap), name
    for name in ("measured", "AC power", "heat to air", "feedA, 3 phases"):
        assert all(series[name]["low"][n] is not None for n in gap), name
    assert 90 < np.nanmean([v or math.nan for v in series["measured"]["low"]]) < 110
    names = {limit["name"] for limit in panels["loop"]["limits"]}
    assert names == {"supply max", "supply min", "return max"}
    assert panels["load"]["steps"][0]["points"][0] == [20.0, 100.0]
    assert all(len(line["low"]) <= 600 for line in series.values())


def test_coverage_shows_who_was_silent_when(small: Design) -> None:
    """Nothing is due before a device was found; what is due and missing is a hole."""
    seen = surveyed(small)

    rows = {row["device"]: row for row in seen.coverage["devices"]}
    step = seen.coverage["step_s"]
    cells = rows["rack"]["cells"]
    assert set(cells[math.ceil(LOST[0] / step) : int(LOST[1] / step)]) == {"0"}
    assert rows["feedA"]["cells"].strip("-") == "9" * len(rows["feedA"]["cells"].strip("-"))
    assert rows["rack"]["share"] < 0.95 < rows["feedA"]["share"] <= 1.0


def test_the_load_ends_with_its_stage(small: Design) -> None:
    """Between stages nothing is asked for, so no set point is drawn."""
    assert loads(small, attempts(events(small))) == [(20.0, 1.0), (3690.0, None)]


def test_a_real_survey_makes_a_page(small: Design, summary_of: Any) -> None:  # noqa: ANN401
    """The charts of real samples stand in the page, gap and all."""
    seen = surveyed(small)
    summary = {**summary_of(small, "PASS"), "plots": seen.plots, "coverage": seen.coverage}

    assert html(summary).count('<svg class="plot"') == len(seen.plots["panels"]) + 2
