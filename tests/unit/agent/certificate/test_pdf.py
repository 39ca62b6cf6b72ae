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


@pytest.mark.parametrize("size", ["A4", "Letter"])
def test_a_certificate_renders_on_either_paper_and_always_alike(
    size: Size, small: Design, summary_of: Callable[[Design, str], dict[str, Any]], tmp_path: Path
) -> None:
    """Byte for byte: a record may hold it, and anybody may make it again."""
    page = html(summary_of(small, "FAIL"))

    made = _rendered(page, size)

    assert made == _rendered(page, size)
    if tool := shutil.which("pdftotext"):
        file = tmp_path / "certificate.pdf"
        file.write_bytes(made)
        text = subprocess.run(
            [tool, "-layout", "-l", "1", str(file), "-"], capture_output=True, text=True, check=True
        ).stdout
        assert "FAIL" in text
        assert "9XX-LC132-00417" in text
        assert "tested: m.okafor" in text, "what is signed does not fit on page one"


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
