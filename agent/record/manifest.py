"""`record.json`: what a record says of its run, and what belongs to it, file by file."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent import canonical
from agent.record import merkle

SCHEMA: Final = "rackproof.record/1"
RECORD: Final = "record.json"
SIGNATURE: Final = "record.sig"
KEY: Final = "key.pub"
SUMS: Final = "SHA256SUMS"
SPEC: Final = "spec.yaml"
JOURNAL: Final = "journal.jsonl"
SUMMARY: Final = "summary.json"
OCP: Final = "ocp-diag.jsonl"
STATEMENT: Final = "statement.intoto.json"
SEGMENTS: Final = "segments"
SEALS: Final = frozenset({RECORD, SIGNATURE, KEY, SUMS})  # made last, and vouched for otherwise
NEEDED: Final = (SPEC, JOURNAL, SUMMARY)
RECORD_BYTES_MAX: Final = 16 << 20  # one of 16 stages and 200 files has 0.03 MB
FILE_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?"  # quoted nowhere

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Verdict = Literal["PASS", "INCONCLUSIVE", "ABORTED", "FAIL"]
Count = Annotated[int, Field(ge=0)]


class ManifestError(ValueError):
    """A `record.json` that cannot be one of ours; the message says why."""


class _Part(BaseModel):
    """A part of the file: no key but those named here, no value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class File(_Part):
    """One file of the record."""

    bytes: Count
    sha256: Hash


class JournalEnd(_Part):
    """Where the journal ends: what is missing behind it cannot go unnoticed."""

    count: Count
    head: Hash


class Evidence(_Part):
    """What verdicts are functions of: spec, journal and samples."""

    root: Hash
    files: Count
    bytes: Count


class StageVerdict(_Part):
    """How one attempt of one stage ended."""

    stage: str
    attempt: int
    verdict: Verdict


class SealingKey(_Part):
    """Whose signature stands in `record.sig`."""

    algorithm: Literal["Ed25519"]
    fingerprint: Hash


class SpecFacts(_Part):
    """Which revision of which spec the rack was judged against."""

    id: str
    revision: str
    status: str
    hash: Hash


class ProfileFacts(_Part):
    """How one device was read."""

    profile: str
    hash: str


class Manifest(_Part):
    """All of `record.json`."""

    schema_: Literal["rackproof.record/1"] = Field(alias="schema")
    run: str
    bay: str
    serial: str
    sku: str | None
    by: str
    started: str
    ended: str
    verdict: Verdict
    text: str
    spec: SpecFacts
    profiles: dict[str, ProfileFacts]
    software: dict[str, Any]
    clock: dict[str, Any]
    clock_events: list[Any]
    stages: list[StageVerdict]
    journal: JournalEnd
    evidence: Evidence
    files: dict[Annotated[str, Field(pattern=f"^{FILE_NAME}$")], File]
    root: Hash
    key: SealingKey

    @classmethod
    def read(cls, data: bytes) -> "Manifest":
        """Read it as it was sealed. Raises: ManifestError."""
        try:
            return cls.model_validate(canonical.decode(data))
        except canonical.CanonicalError as error:
            raise ManifestError(str(error)) from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise ManifestError(f"{where}: {first['msg']}") from None


def facts(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record says of its run beside its files: the heads of the summary."""
    return {
        **{key: summary[key] for key in ("run", "bay", "serial", "sku", "by")},
        **{key: summary[key] for key in ("started", "ended", "verdict", "text")},
        **{key: summary[key] for key in ("software", "clock", "clock_events")},
        "spec": {key: summary["spec"][key] for key in ("id", "revision", "status", "hash")},
        "profiles": {
            device["device"]: {"profile": device["profile"], "hash": device["profile_hash"]}
            for device in summary["devices"]
        },
        "stages": [
            {key: stage[key] for key in ("stage", "attempt", "verdict")}
            for stage in summary["stages"]
        ],
    }


def measured(path: Path) -> File:
    """Return how long a file is, and its hash."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return File(bytes=file.tell(), sha256=digest)


def is_evidence(name: str) -> bool:
    """Say whether verdicts depend on a file; the others only show them."""
    return name in (SPEC, JOURNAL) or name.startswith(f"{SEGMENTS}/")


def root(files: Mapping[str, File]) -> str:
    """Return the Merkle root over files."""
    return merkle.root({name: file.sha256 for name, file in files.items()})


def evidence(files: Mapping[str, File]) -> Evidence:
    """Return what stands for the evidence among files: certificates can name it already."""
    part = {name: file for name, file in files.items() if is_evidence(name)}
    return Evidence(root=root(part), files=len(part), bytes=sum(f.bytes for f in part.values()))


def sums(files: Mapping[str, File]) -> bytes:
    """Return what `sha256sum -c` reads."""
    return merkle.lines({name: file.sha256 for name, file in files.items()})
