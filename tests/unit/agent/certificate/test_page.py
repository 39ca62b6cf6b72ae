"""The page says what the summary says, to everybody, and runs nothing of what devices wrote."""

import copy
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.burnin.design import Design
from agent.certificate.page import html
from agent.certificate.wording import number, plain

Json = dict[str, Any]
VOID = {"meta", "br", "link", "img", "input", "hr", "col"}
HOSTILE = '</td></table><script>alert(1)</script>{{ 7*7 }}<img src="http://x/y">\x1b[2J\u202e&'


class Outline(HTMLParser):
    """Checks nesting and collects what a browser would be told."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag; SVG closes its own shapes."""
        self.tags.append(tag)
        named = dict(attrs)
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.sources += [named[key] or "" for key in ("src", "href") if key in named]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag without content."""
        self.tags.append(tag)
        self.ids += [value for key, value in attrs if key == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        """Demand that what is closed is what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text.append(data)


def outline(page: str) -> Outline:
    """Read a page; every tag must be closed in order."""
    read = Outline()
    read.feed(page)
    assert read.open == []
    return read


@pytest.mark.parametrize("verdict", ["PASS", "FAIL", "INCONCLUSIVE", "ABORTED"])
def test_a_page_is_whole_and_says_its_verdict(
    verdict: str, small: Design, summary_of: Callable[[Design, str], Json]
) -> None:
    """Every verdict has a page: nested as HTML must be, nothing loaded, its ids unique."""
    summary = summary_of(small, verdict)
    summary["spec"]["status"] = "released"

    read = outline(html(summary))

    assert "script" not in read.tags
    assert read.sources == []
    assert len(read.ids) == len(set(read.ids))
    words = " ".join(" ".join(read.text).split())
    for said in (
        verdict,
        summary["serial"],
        summary["spec"]["hash"],
        summary["evidence"]["root"],
        summary["decision"]["text"],
        summary["text"],
    ):
        assert said in words
    assert all(stage["stage"] in words for stage in summary["stages"])
    assert "NOT A CERTIFICATE" not in words


def test_only_a_released_spec_makes_a_certificate(
    small: Design, summary_of: Callable[[Design, str], Json]
) -> None:
    """What was judged by a draft is a report, and says so before anything else."""
    summary = summary_of(small, "PASS")
    summary["spec"]["status"] = "draft"

    text = " ".join(outline(html(summary)).text)

    assert "NOT A CERTIFICATE: draft spec" in text
    assert "Certificate of burn-in" not in text


def _stained(content: Any) -> Any:  # noqa: ANN401 -- JSON of any shape
    """Put something hostile behind every text that a device or a person could have written."""
    if isinstance(content, dict):
        kept = {"verdict", "kind", "status", "started", "ended", "at", "cells", "unit", "row", "id"}
        return {k: v if k in kept else _stained(v) for k, v in content.items()}
    if isinstance(content, list):
        return [_stained(value) for value in content]
    return content + HOSTILE if isinstance(content, str) else content


def test_nothing_that_a_device_wrote_acts(
    small: Design, summary_of: Callable[[Design, str], Json]
) -> None:
    """Markup, template words, control characters and direction marks arrive as plain text."""
    clean = summary_of(small, "FAIL")

    page = html(_stained(clean))

    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "{{ 7*7 }}" in page
    assert set(outline(page).tags) == set(outline(html(clean)).tags)


def test_the_same_summary_makes_the_same_page(
    small: Design, summary_of: Callable[[Design, str], Json]
) -> None:
    """A page is a function of its summary, and leaves it alone."""
    summary = summary_of(small, "INCONCLUSIVE")
    before = copy.deepcopy(summary)

    assert html(summary) == html(summary)
    assert summary == before


def test_every_judged_channel_stands_in_its_stage(
    small: Design, summary_of: Callable[[Design, str], Json]
) -> None:
    """No channel gets lost between lines that stand for one and lines that stand for many."""
    summary = summary_of(small, "PASS")

    page = html(summary)

    tables = re.findall(r'<table class="channels">.*?</table>', page, flags=re.DOTALL)
    assert len(tables) == sum(bool(stage["channels"]) for stage in summary["stages"])
    for stage, table in zip([s for s in summary["stages"] if s["channels"]], tables, strict=True):
        rows = re.findall(r"<tr><td>(.*?)</td>", table)
        counted = sum(int(row.partition(" \u00d7 ")[2] or 1) for row in rows)
        assert counted == len(stage["channels"])


def test_what_is_missing_is_no_reason_to_fail(
    small: Design, summary_of: Callable[[Design, str], Json]
) -> None:
    """A run that was ended before its first stage still gets its page."""
    summary = summary_of(small, "ABORTED")
    summary |= {"stages": [], "devices": [], "answers": [], "signatures": [], "sku": None}
    summary["plots"] = {"start_s": 0.0, "end_s": 0.0, "step_s": 1.0, "panels": []}
    summary["coverage"] = {"start_s": 0.0, "end_s": 0.0, "step_s": 1.0, "devices": []}
    summary["evidence"] |= {"root": None}

    assert "not sealed" in " ".join(outline(html(summary)).text)


@given(st.text())
def test_text_is_one_line_without_what_could_act(text: str) -> None:
    """Whatever comes in, what goes out can be printed and is bounded."""
    made = plain(text)

    assert made.isprintable()
    assert len(made) <= 600


@given(
    st.floats(-1e9, 1e9),
    st.none() | st.floats(1e-6, 1e6),
    st.sampled_from(["W", "degC", "", "1", "A"]),
)
def test_a_figure_is_as_near_as_its_uncertainty_needs(
    value: float, u: float | None, unit: str
) -> None:
    """Rounding never moves a reading by more than a quarter of its uncertainty."""
    shown = number(value, u, unit).replace("\u2212", "-").replace("\u202f", "")

    factor = 1e-3 if unit == "W" else 1.0
    if u is not None and u * factor >= 1e-5:
        assert abs(float(shown) - value * factor) <= 0.26 * u * factor + 1e-9
