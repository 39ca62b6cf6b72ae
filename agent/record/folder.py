"""Record folders: filled file by file, then sealed. A crash at any moment leaves one of the two.

The signature comes last: where it stands, all that it speaks of is on the disk. Sealing again does
nothing; sealing after a crash makes the same files.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from agent import canonical
from agent.record.durable import put, sweep
from agent.record.keys import SIGNATURE_BYTES, KeyFileError, PublicKey, SigningKey
from agent.record.manifest import (
    FILE_NAME,
    JOURNAL,
    KEY,
    NEEDED,
    OCP,
    RECORD,
    SCHEMA,
    SEALS,
    SEGMENTS,
    SIGNATURE,
    SPEC,
    STATEMENT,
    SUMMARY,
    SUMS,
    Evidence,
    File,
    Manifest,
    evidence,
    facts,
    is_evidence,
    measured,
    root,
    sums,
)
from agent.record.ocp import output
from agent.record.statement import envelope, statement
from agent.store.entry import Entry
from agent.store.failpoint import At, nothing
from agent.store.files import make_folder

__all__ = ["SealError", "complete", "lay", "seal", "sealed"]

FILES_MAX: Final = 10_000  # a week of hourly segments is 168


class SealError(Exception):
    """A folder that is not fit to be sealed; the message says what is missing or too much."""


def contents(folder: Path) -> dict[str, File]:
    """Return every file of a folder with its hash, the seals aside. Raises: SealError."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            continue
        if path.is_symlink() or not path.is_file() or not re.fullmatch(FILE_NAME, name):
            raise SealError(f"{path}: does not belong into a record; remove it")
        if name not in SEALS:
            found[name] = measured(path)
    return found


def lay(
    folder: Path, spec: bytes, journal: Iterable[Entry], segments: Mapping[str, Path]
) -> Evidence:
    """Lay the evidence into a folder; return what stands for it: certificates name its root.

    `segments`: their names, as the journal has them, and where each lies.
    Raises: StoreError, SealError.
    """
    make_folder(folder)
    sweep(folder)
    put(folder, SPEC, spec)
    put(folder, JOURNAL, b"".join(entry.line + b"\n" for entry in journal))
    for name, path in segments.items():
        put(folder, f"{SEGMENTS}/{name}", path)
    return evidence(contents(folder))


def complete(
    folder: Path,
    summary: Mapping[str, Any],
    certificates: Mapping[str, bytes],
    key: SigningKey,
    at: At = nothing,
) -> Manifest:
    """Add all that is made of a summary to laid evidence, then seal; `certificates`: by file name.

    Raises: SealError, StoreError, and then it can be tried again.
    """
    if (done := sealed(folder)) is not None:
        return done
    hashes = {name: file.sha256 for name, file in contents(folder).items() if is_evidence(name)}
    put(folder, SUMMARY, canonical.encode(summary))
    for name, data in certificates.items():
        put(folder, name, data)
    put(folder, OCP, output(summary))
    put(folder, STATEMENT, envelope(statement(summary, hashes), key))
    return seal(folder, facts(summary), key, at)


def sealed(folder: Path) -> Manifest | None:
    """Return what a folder is sealed with; None where it is not sealed yet."""
    try:
        record = (folder / RECORD).read_bytes()
        signature = (folder / SIGNATURE).read_bytes()
        key = PublicKey.read((folder / KEY).read_bytes(), KEY)
    except (FileNotFoundError, KeyFileError):
        return None
    whole = len(signature) == SIGNATURE_BYTES and key.signed(record, signature)
    return Manifest.read(record) if whole else None


def seal(folder: Path, facts: Mapping[str, Any], key: SigningKey, at: At = nothing) -> Manifest:
    """Seal and sign what is in a folder, durably; `facts`: what `manifest.facts` makes of a run.

    Raises: SealError, StoreError, and then it can be tried again.
    """
    sweep(folder)
    if (done := sealed(folder)) is not None:
        return done
    files = contents(folder)
    if missing := [name for name in NEEDED if name not in files]:
        raise SealError(f"{folder}: {' and '.join(missing)} missing; write it before sealing")
    at("seal.files")
    record = canonical.encode(_record(folder, files, facts, key.public))
    signature = key.sign(record)
    put(folder, KEY, key.public.pem)
    put(folder, RECORD, record)
    at("seal.manifest")
    seals = {KEY: key.public.pem, RECORD: record, SIGNATURE: signature}
    put(folder, SUMS, sums({**files, **{name: _file(data) for name, data in seals.items()}}))
    put(folder, SIGNATURE, signature)
    at("seal.signature")
    return Manifest.read(record)


def _file(data: bytes) -> File:
    """Measure a file that is yet to be written."""
    return File(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _record(
    folder: Path, files: Mapping[str, File], facts: Mapping[str, Any], key: PublicKey
) -> dict[str, Any]:
    """Return the content of `record.json`."""
    return {
        **facts,
        "schema": SCHEMA,
        "journal": _journal_end(folder / JOURNAL),
        "evidence": evidence(files).model_dump(),
        "files": {name: file.model_dump() for name, file in files.items()},
        "root": root(files),
        "key": {"algorithm": "Ed25519", "fingerprint": key.fingerprint},
    }


def _journal_end(path: Path) -> dict[str, Any]:
    """Return how many entries a journal has, and the hash of its last. Raises: SealError."""
    count, last = 0, b""
    with path.open("rb") as file:
        for line in file:
            count, last = count + 1, line
    if not last.endswith(b"\n"):
        raise SealError(f"{path}: empty, or its last line is cut off; write it again")
    return {"count": count, "head": hashlib.sha256(last.removesuffix(b"\n")).hexdigest()}


def listing(folder: Path) -> tuple[dict[str, int], list[str]]:
    """Return the files of a folder that nobody vouches for, with their sizes, and what is none."""
    files: dict[str, int] = {}
    odd: list[str] = []
    for path in islice(folder.rglob("*"), FILES_MAX):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            odd.append(name)
        elif path.is_file():
            files[name] = path.stat().st_size
        elif name != SEGMENTS:
            odd.append(name)
    return files, sorted(odd)
