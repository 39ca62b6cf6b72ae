"""The PDF is the page on paper: the same bytes each time, or a sentence that says what to do."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.burnin.design import Design
from agent.certificate.page import html
from agent.certificate.pdf import PdfError, PdfUnavailableError, Size, pdf

WORDS = "<!doctype html><html lang=en><title>x</title><p>Nothing but words.</p></html>"


def _rendered(page: str, size: Size) -> bytes:
    """Render, or skip where this machine lacks what it takes."""
    try:
        return pdf(page, size)
    except PdfUnavailableError as error:
        pytest.skip(str(error))


def _thinned(summary: dict[str, Any]) -> dict[str, Any]:
    """Return a summary with little of what makes pages long and rendering slow."""
    for stage in summary["stages"]:
        stage["channels"] = [c for c in stage["channels"] if c["device"] == "derived"]
    for panel in summary["plots"]["panels"]:
        for series in panel["series"]:
            series["low"], series["high"] = series["low"][::20], series["high"][::20]
    summary["plots"]["step_s"] *= 20
    return summary


def _pages(made: bytes, file: Path) -> list[str]:
    """Return the words on each page, or skip without poppler."""
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is not installed")
    file.write_bytes(made)
    command = [tool, "-layout", str(file), "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\f")


def test_a_certificate_is_always_the_same_bytes(
    small: Design, summary_of: Callable[[Design, str], dict[str, Any]]
) -> None:
    """A record may hold it, and anybody may make it again."""
    page = html(_thinned(summary_of(small, "FAIL")))

    assert _rendered(page, "A4") == _rendered(page, "A4")


@pytest.mark.parametrize(
    ("verdict", "size"),
    [("FAIL", "Letter"), ("INCONCLUSIVE", "A4")],
)
def test_what_is_signed_fits_on_page_one(
    verdict: str,
    size: Size,
    example: Design,
    summary_of: Callable[[Design, str], dict[str, Any]],
    tmp_path: Path,
) -> None:
    """A whole rack with 15 stages: verdict to signature on one sheet, all charts on the next."""
    summary = _thinned(summary_of(example, verdict))

    first, second, *_ = _pages(_rendered(html(summary), size), tmp_path / "certificate.pdf")

    for words in (verdict, "9XX-LC132-00417", "sign_off", summary["evidence"]["root"]):
        assert words in first
    assert "tested: m.okafor" in first
    assert "Bus voltage" in second


def test_nothing_is_fetched(tmp_path: Path) -> None:
    """Even if markup got in: a file of this machine never gets out."""
    secret = tmp_path / "secret.txt"
    secret.write_text("do not print this")
    page = WORDS.replace("<p>", f'<p><object data="file://{secret}"></object><img src="{secret}">')

    made = _rendered(page, "A4")

    assert len(made) < 1.1 * len(_rendered(WORDS, "A4")) + 2000


def test_a_missing_renderer_is_said_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pango's absence looks like to WeasyPrint is an OSError while it is imported."""
    package = tmp_path / "weasyprint.py"
    package.write_text("raise OSError(\"cannot load library 'libpango-1.0-0'\")\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(PdfUnavailableError, match=r"libpango-1\.0-0.*install rackproof\[pdf\]"):
        pdf(WORDS, "A4")


def test_a_renderer_that_takes_too_long_is_ended() -> None:
    """A page that cannot be laid out must not hold a run's end for ever."""
    with pytest.raises(PdfError, match="within"):
        pdf(WORDS, "A4", timeout_s=0.01)
