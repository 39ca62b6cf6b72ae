"""The certificate as PDF/A-3: rendered by WeasyPrint in a process of its own.

The process is there for what WeasyPrint brings along: C libraries, and a second until it is
imported. It has limits of memory and time, and cannot fetch anything.
"""

import gc
import importlib
import resource
import subprocess
import sys
from typing import Any, Final, Literal

Size = Literal["A4", "Letter"]

TIMEOUT_S: Final = 300.0
MEMORY_BYTES_MAX: Final = 4 << 30
UNAVAILABLE: Final = 3  # the child's exit status when it has nothing to render with
MISSING: Final = (
    "no PDF: {}; install rackproof[pdf] and the system's pango (Debian: libpango-1.0-0 "
    "libpangoft2-1.0-0 and a font such as fonts-dejavu-core). The HTML certificate says the same"
)


class PdfError(Exception):
    """A page that could not be rendered."""


class PdfUnavailableError(PdfError):
    """Nothing here renders PDF; the message says what to install."""


def pdf(html: str, size: Size, *, timeout_s: float = TIMEOUT_S) -> bytes:
    """Return a page as PDF, the same bytes each time. Raises: PdfError, PdfUnavailableError."""
    command = [sys.executable, "-P", "-m", "agent.certificate.pdf", size]
    try:
        done = subprocess.run(  # noqa: S603 -- our own interpreter, our own module
            command, input=html.encode(), capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PdfError(f"no PDF: it was not rendered within {timeout_s:g} s") from error
    said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if done.returncode == UNAVAILABLE:
        raise PdfUnavailableError(said)
    if done.returncode or not done.stdout.startswith(b"%PDF"):
        raise PdfError(f"no PDF: the renderer ended with {done.returncode}: {said}")
    return done.stdout


def _render(html: str, size: str) -> bytes:
    """Render in this process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    try:
        weasyprint: Any = importlib.import_module("weasyprint")
    except (ImportError, OSError) as error:  # OSError: pango is missing, says its loader
        sys.stderr.write(MISSING.format(" ".join(str(error).split())[:200]))
        raise SystemExit(UNAVAILABLE) from error
    gc.disable()  # the process ends with the page; looking for garbage took a quarter of its time
    paper = weasyprint.CSS(string=f"@page {{ size: {size} }}")
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=())  # a certificate is complete
    page = weasyprint.HTML(string=html, url_fetcher=nothing)
    content: bytes = page.write_pdf(stylesheets=[paper], pdf_variant="pdf/a-3b")
    return content


if __name__ == "__main__":
    sys.stdout.buffer.write(_render(sys.stdin.buffer.read().decode(), sys.argv[1]))
