"""Whether a record is what was sealed, and its verdict what its evidence says: offline, by anybody.

Hashes come first: where they agree, every byte is as it was. The rest says what a change means, and
guards against a record that was sealed wrongly in the first place.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from agent import canonical
from agent.burnin.block import Block
from agent.burnin.event import Event, Kind
from agent.burnin.spec import load_spec
from agent.burnin.verdict import Verdict
from agent.record import manifest as m
from agent.record import merkle
from agent.record.chain import Journal, read_journal
from agent.record.finding import Finding
from agent.record.folder import FILES_MAX, listing
from agent.record.judgement import Judgement
from agent.record.keys import SIGNATURE_BYTES, KeyFileError, PublicKey
from agent.store.entry import Entry
from agent.store.segments import SegmentError, unpack
from collectors.document import BYTES_MAX, DocumentError

Rejudge = Callable[[bytes, Sequence[Event], Iterable[Block]], Judgement]
UNDECIDED: Final = Verdict.INCONCLUSIVE.name
NONSENSE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
SMALL_BYTES_MAX: Final = 64 << 20  # what is read in one piece; a summary of 16 stages has 5 MB


class NotARecordError(Exception):
    """A folder in which nothing of a record is found; the message says what was looked for."""


@dataclass(slots=True)
class Report:
    """What was looked at, what was found wrong, and what the record says of itself."""

    findings: list[Finding] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)  # in words, in order
    manifest: m.Manifest | None = None
    pinned: bool = False  # the key was compared with one that the caller trusts
    entries: list[Entry] = field(default_factory=list)  # the journal, where it is sound

    @property
    def events(self) -> list[Event]:
        """Return what happened in the run."""
        return [entry.event for entry in self.entries]

    @property
    def verified(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.findings


def verify(folder: Path, key: PublicKey | None = None, *, rejudge: Rejudge | None = None) -> Report:
    """Check a record; `key`: one that the caller trusts; `rejudge`: makes verdicts of evidence.

    Raises: NotARecordError, OSError.
    """
    if not any((folder / name).exists() for name in (m.RECORD, m.SIGNATURE, m.SUMS, m.JOURNAL)):
        raise NotARecordError(f"{folder}: no record: there is no {m.RECORD} in it")
    return _Check(folder, key, rejudge).done()


class _Check:
    """Goes through one record, outside first."""

    def __init__(self, folder: Path, key: PublicKey | None, rejudge: Rejudge | None) -> None:
        self.folder = folder
        self.trusted = key
        self.rejudge = rejudge
        self.report = Report(pinned=key is not None)
        self.sizes, self.odd = listing(folder)
        if len(self.sizes) + len(self.odd) >= FILES_MAX:
            self.wrong(".", f"{FILES_MAX} files or more: no record has as many")
        self.files: dict[str, m.File] = {}
        self.told: dict[str, str] = {}  # by SHA256SUMS
        self.signed = False

    def done(self) -> Report:
        """Return what was found."""
        self._measure()
        self.told = self._sums()
        manifest = self._manifest()
        if manifest is not None:
            self.report.manifest = manifest
            self.signed = self._signature(manifest)
        sound = manifest is not None and m.RECORD not in self._wrong_files()
        if manifest is not None and sound:
            self._listed(manifest)
        self._compare_sums()
        if manifest is not None and sound:
            self._inside(manifest)
        return self.report

    def _inside(self, manifest: m.Manifest) -> None:
        """Look at what the files say, where `record.json` can be compared with."""
        journal = self._journal(manifest)
        if journal is None:
            return
        try:
            self._segments(journal.events)
            self._facts(manifest, journal.events)
            if self.rejudge is not None:
                self._judged(manifest, journal.events, self.rejudge)
        except NONSENSE as error:  # sealed by whom it may be: nothing in it can be relied on
            text = f"{type(error).__name__}: {error}"
            self.wrong(m.JOURNAL, f"or {m.SUMMARY} says what no run can have been: {text}")

    def wrong(self, file: str, text: str, line: int | None = None) -> None:
        """Note what is wrong, once."""
        finding = Finding(file, text, line)
        if finding not in self.report.findings:
            self.report.findings.append(finding)

    def _measure(self) -> None:
        """Hash every file, and say what is none."""
        for name in self.odd:
            self.wrong(name, "does not belong into a record: only plain files do")
        for name in sorted(self.sizes):
            self.files[name] = m.measured(self.folder / name)
        size = sum(self.sizes.values())
        self.report.checked.append(f"{len(self.files)} files, {size:,} bytes")

    def _small(self, name: str) -> bytes | None:
        """Return a file that fits into memory; None, and said so, where it is missing or not."""
        if name not in self.files:
            self.wrong(name, "is missing")
        elif self.files[name].bytes > SMALL_BYTES_MAX:
            self.wrong(name, f"is longer than {SMALL_BYTES_MAX} bytes")
        else:
            return (self.folder / name).read_bytes()
        return None

    def _sums(self) -> dict[str, str]:
        """Return what SHA256SUMS says; nothing signs it, but it tells which seal was changed."""
        data = self._small(m.SUMS)
        told = {} if data is None else _told(data)
        if told is None:
            self.wrong(m.SUMS, "was changed: it is not as `sha256sum` and we write it")
        return told or {}

    def _compare_sums(self) -> None:
        """Compare the files with SHA256SUMS; where the signature vouches for one, that is wrong."""
        others = {name: file.sha256 for name, file in self.files.items() if name != m.SUMS}
        if not self.told or self.told == others:
            return
        known = self._wrong_files()
        for name in sorted(self.told.keys() | others.keys()):
            if self.told.get(name) == others.get(name) or name in known:
                continue
            if self.signed:
                self.wrong(m.SUMS, f"was changed: what it says of {name} is not so")
            else:
                self.wrong(name, f"was changed, added or removed: {m.SUMS} says otherwise")

    def _wrong_files(self) -> set[str]:
        """Return the files with which something is wrong."""
        return {finding.file for finding in self.report.findings}

    def _manifest(self) -> m.Manifest | None:
        """Read record.json."""
        data = self._small(m.RECORD)
        if data is None:
            return None
        try:
            return m.Manifest.read(data)
        except m.ManifestError as error:
            self.wrong(m.RECORD, f"cannot be read: {error}")
            return None

    def _signature(self, manifest: m.Manifest) -> bool:
        """Check the signature, and whose it is; say whether it vouches for record.json."""
        pem, signature = self._small(m.KEY), self._small(m.SIGNATURE)
        if pem is None or signature is None:
            return False
        try:
            key = PublicKey.read(pem, m.KEY)
        except KeyFileError as error:
            self.wrong(m.KEY, str(error).removeprefix(f"{m.KEY}: "))
            return False
        if key.pem != pem:
            self.wrong(m.KEY, "was changed: it is not spelled as it was written")
        elif key.fingerprint != manifest.key.fingerprint:
            self.wrong(m.KEY, f"is not the key that {m.RECORD} names, {manifest.key.fingerprint}")
        if self.trusted is not None and self.trusted != key:
            text = f"is {key.fingerprint}, not the one that was given, {self.trusted.fingerprint}"
            self.wrong(m.KEY, f"{text}: somebody else sealed this record")
        record = (self.folder / m.RECORD).read_bytes()
        if len(signature) == SIGNATURE_BYTES and key.signed(record, signature):
            self.report.checked.append(f"signature of key {key.fingerprint}")
            return True
        suspects = [m.SIGNATURE]
        if len(signature) == SIGNATURE_BYTES and self.told:
            seals = (m.RECORD, m.SIGNATURE, m.KEY)
            suspects = [n for n in seals if self.told.get(n) != self.files[n].sha256] or suspects
        for name in suspects:
            self.wrong(name, f"was changed: {m.SIGNATURE} is not the signature of {m.RECORD}")
        return False

    def _listed(self, manifest: m.Manifest) -> None:
        """Compare the files with those that were sealed."""
        found = {name: file for name, file in self.files.items() if name not in m.SEALS}
        for name, file in manifest.files.items():
            if name not in found:
                self.wrong(name, "is missing")
            elif found[name].bytes != file.bytes:
                text = f"was changed: {found[name].bytes} bytes, sealed with {file.bytes}"
                self.wrong(name, text)
            elif found[name] != file:
                self.wrong(name, "was changed: its hash is not that of the record")
        for name in found.keys() - manifest.files.keys():
            self.wrong(name, "was added: the record does not name it")
        if m.root(manifest.files) != manifest.root:
            self.wrong(m.RECORD, "its root is not that of its files")
        if m.evidence(manifest.files) != manifest.evidence:
            self.wrong(m.RECORD, "its evidence root is not that of its files")
        self.report.checked.append(f"Merkle root {manifest.root}")

    def _journal(self, manifest: m.Manifest) -> Journal | None:
        """Check the chain of the journal, line by line, up to the end that was sealed."""
        if m.JOURNAL not in self.files:
            self.wrong(m.JOURNAL, "is missing")
            return None
        journal = read_journal(self.folder / m.JOURNAL, manifest.run, manifest.journal)
        for finding in journal.findings:
            self.wrong(finding.file, finding.text, finding.line)
        if journal.findings:
            return None
        self.report.entries = journal.entries
        self.report.checked.append(f"{len(journal.entries)} journal entries in one chain")
        return journal

    def _segments(self, events: Sequence[Event]) -> None:
        """Compare the segments with what the journal says was sealed."""
        told = {}
        for seq, event in enumerate(events, 1):
            if event.kind is Kind.SEGMENT:
                name = segment_name(event)
                told[name] = event
                file = self.files.get(name)
                if file is None:
                    self.wrong(name, f"is missing: entry {seq} of the journal names it")
                elif (file.sha256, file.bytes) != (event.data["sha256"], event.data["bytes"]):
                    self.wrong(name, f"is not the one that entry {seq} of the journal tells of")
        for name in self.files:
            if name.startswith(f"{m.SEGMENTS}/") and name not in told:
                self.wrong(name, "is not in the journal")
        self.report.checked.append(f"{len(told)} segments of samples")

    def _facts(self, manifest: m.Manifest, events: Sequence[Event]) -> None:
        """Compare what the record says of its run with its journal, its spec and its summary."""
        started = next((e.data for e in events if e.kind is Kind.RUN_STARTED), {})
        for key in ("run", "bay", "serial", "sku", "by"):
            if started.get(key) != getattr(manifest, key):
                self.wrong(m.RECORD, f"its {key} is not that of the journal")
        if started.get("spec", {}).get("hash") != manifest.spec.hash:
            self.wrong(m.RECORD, "its spec is not that of the journal")
        self._spec(manifest.spec.hash)
        told = {
            (e.data["stage"], e.data["attempt"]): e.data["verdict"]
            for e in events
            if e.kind is Kind.STAGE_JUDGED
        }
        for stage in manifest.stages:
            verdict = told.get((stage.stage, stage.attempt), stage.verdict)
            if verdict != stage.verdict:
                text = f"{stage.stage}, attempt {stage.attempt}: {stage.verdict}"
                self.wrong(m.RECORD, f"{text}, but {verdict} in the journal")
        ends = [e.data["verdict"] for e in events if e.kind is Kind.RUN_JUDGED]
        if not ends:
            self.wrong(m.JOURNAL, "ends before the run was judged")
        elif ends[-1] != manifest.verdict:
            self.wrong(m.RECORD, f"{manifest.verdict}, but {ends[-1]} in the journal")
        self._summary(manifest)

    def _spec(self, judged_by: str) -> None:
        """Compare the spec with the one that the rack was judged by."""
        data = self._small(m.SPEC)
        if data is None or m.SPEC in self._wrong_files():
            return
        try:
            found = load_spec(data[: BYTES_MAX + 1], m.SPEC).canonical_hash
        except DocumentError as error:
            first = error.problems[0]
            self.wrong(m.SPEC, f"{first.key}: {first.text}", first.line)
            return
        if found != judged_by:
            self.wrong(m.SPEC, f"is spec {found}; the rack was judged by {judged_by}")

    def _summary(self, manifest: m.Manifest) -> None:
        """Compare the summary, from which the certificate is made, with the record."""
        data = self._small(m.SUMMARY)
        if data is None or m.SUMMARY in self._wrong_files():
            return
        try:
            told = m.facts(canonical.decode(data))
        except (canonical.CanonicalError, KeyError, TypeError) as error:
            self.wrong(m.SUMMARY, f"cannot be read: {error}")
            return
        sealed = manifest.model_dump(by_alias=True)
        for key, value in told.items():
            if sealed[key] != value:
                self.wrong(m.SUMMARY, f"its {key} is not that of {m.RECORD}")
        self.report.checked.append("record, journal, spec and summary tell of the same run")

    def _judged(self, manifest: m.Manifest, events: Sequence[Event], rejudge: Rejudge) -> None:
        """Judge the evidence again, where it is that which was sealed."""
        broken = any(map(m.is_evidence, self._wrong_files()))
        spec = self._small(m.SPEC)
        if broken or spec is None:
            self.report.checked.append("not judged again: the evidence is not what was sealed")
            return
        try:
            again = rejudge(spec, events, blocks(self.folder, events))
        except SegmentError as error:
            self.wrong(m.SEGMENTS, str(error))
            return
        if again.verdict != manifest.verdict:
            self.wrong(m.RECORD, f"{manifest.verdict}, but the evidence says {again.verdict}")
        for stage in manifest.stages:
            attempt = again.attempts.get((stage.stage, stage.attempt))
            of = f"{stage.stage}, attempt {stage.attempt}"
            if attempt is None:
                self.wrong(m.RECORD, f"{of}: the evidence knows of no such attempt")
            elif attempt.verdict != stage.verdict:
                text = f"{of}: {stage.verdict}, but the evidence says {attempt.verdict}"
                self.wrong(m.RECORD, text)
        if m.SUMMARY not in self._wrong_files():
            self._channels(again)
        self.report.checked.append(f"judged again: {again.verdict}")

    def _channels(self, again: Judgement) -> None:
        """Compare the channels' verdicts that certificates show."""
        for stage in canonical.decode((self.folder / m.SUMMARY).read_bytes())["stages"]:
            attempt = again.attempts.get((stage["stage"], stage["attempt"]))
            for channel in stage["channels"] if attempt is not None else ():
                name, told = f"{channel['device']}.{channel['channel']}", channel["verdict"]
                found = attempt.channels.get(name, UNDECIDED) if attempt is not None else told
                if told not in (None, found):
                    of = f"{stage['stage']}, attempt {stage['attempt']}: {name}"
                    self.wrong(m.SUMMARY, f"{of}: {told}, but the evidence says {found}")


def segment_name(event: Event) -> str:
    """Return where in a record the segment lies that an event tells of."""
    return f"{m.SEGMENTS}/{PurePosixPath(str(event.data['file'])).name}"


def blocks(folder: Path, events: Iterable[Event]) -> Iterator[Block]:
    """Yield the samples of a record, segment after segment. Raises: SegmentError, OSError."""
    for event in events:
        if event.kind is Kind.SEGMENT:
            yield from unpack((folder / segment_name(event)).read_bytes())


def _told(data: bytes) -> dict[str, str] | None:
    """Return what SHA256SUMS says of each file; None where it is not one."""
    told: dict[str, str] = {}
    for line in data.decode("ascii", "replace").splitlines():
        hash_, gap, name = line.partition("  ")
        if not gap or len(hash_) != 64 or not name or name in told:
            return None
        told[name] = hash_
    return told if merkle.lines(told) == data else None
