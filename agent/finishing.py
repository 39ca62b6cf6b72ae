"""The end of a run: from what it left on disk to a sealed record, in a process of its own.

A day of samples takes a minute to judge again and to print, in which no device may be left
unasked. Whatever ends that process, it is begun again until the record stands.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from agent.burnin.event import Kind
from agent.burnin.expand import expand
from agent.burnin.rerun import rerun
from agent.burnin.spec import load_spec
from agent.certificate.page import html
from agent.certificate.pdf import PdfError, Size, pdf
from agent.certificate.summary import summarise
from agent.record.folder import complete, contents, lay, sealed
from agent.record.keys import SigningKey
from agent.record.manifest import JOURNAL, SPEC, evidence
from agent.record.verify import blocks
from agent.store.entry import Entry, chain
from agent.store.failpoint import from_environment
from agent.store.folder import DataFolder
from agent.store.trouble import StoreError

PAGE: Final = "certificate.html"
PRINTED: Final[Mapping[Size, str]] = {
    "A4": "certificate.pdf",
    "Letter": "certificate-letter.pdf",
}
NICE: Final = 10  # other bays are polled meanwhile, and go first
WORDS_BYTES_MAX: Final = 2000  # of what a failed process said


def is_finished(folder: Path) -> bool:
    """Say whether a record stands."""
    return sealed(folder) is not None


async def finish(data: DataFolder, run: str, entries: Sequence[Entry]) -> str | None:
    """Make the record of a run that is over; return why it could not be made, or None."""
    folder, left = data.record(run), data.run(run)
    names = [e.event.data["file"] for e in entries if e.event.kind is Kind.SEGMENT]
    try:
        if is_finished(folder):
            return None
        spec = (left.spool.parent / SPEC).read_bytes()
        await asyncio.to_thread(
            lay, folder, spec, entries, {name: left.segments / name for name in names}
        )
    except (OSError, StoreError) as error:
        return f"{folder}: {error}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "agent.finishing", str(folder), str(data.key)),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if process.returncode == 0:
        return None
    return said[-WORDS_BYTES_MAX:].decode(errors="replace").strip() or f"{process.returncode}"


def record(folder: Path, keys: Path) -> None:
    """Make a record of the evidence that was laid into a folder. Raises: OSError, SealError."""
    design = expand(load_spec((folder / SPEC).read_bytes(), SPEC))
    lines = (folder / JOURNAL).read_bytes().splitlines()
    entries = list(chain(folder.name, lines))
    events = [entry.event for entry in entries]
    trial = rerun(design, events, blocks(folder, events))
    facts = {"evidence": _evidence(folder, entries)}
    summary = summarise(design, entries, trial, lambda: blocks(folder, events), facts)
    page = html(summary)
    certificates = {PAGE: page.encode()}
    try:
        with ThreadPoolExecutor() as sheets:  # each is rendered in a process of its own
            printed = sheets.map(partial(pdf, page), PRINTED)
            certificates.update(zip(PRINTED.values(), printed, strict=True))
    except PdfError as error:
        sys.stderr.write(f"{error}\n")
    complete(folder, summary, certificates, SigningKey.open(keys), from_environment())


def _evidence(folder: Path, entries: Sequence[Entry]) -> dict[str, object]:
    """Return what the certificate says of its evidence."""
    found = evidence(contents(folder))
    end = entries[-1]
    return {**found.model_dump(), "journal_head": end.hash, "entries": end.seq}


if __name__ == "__main__":
    os.nice(NICE)
    record(Path(sys.argv[1]), Path(sys.argv[2]))
