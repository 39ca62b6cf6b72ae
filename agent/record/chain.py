"""The journal of a record: read line by line, and the first one found that is not as it was."""

from dataclasses import dataclass
from pathlib import Path

from agent.burnin.event import Event
from agent.record.finding import Finding
from agent.record.manifest import JOURNAL, JournalEnd
from agent.store.entry import LINE_BYTES_MAX, START, ChainError, Entry


@dataclass(frozen=True, slots=True)
class Journal:
    """What was read, and what is wrong with it; `entries`: as far as they follow one another."""

    entries: list[Entry]
    findings: list[Finding]

    @property
    def events(self) -> list[Event]:
        """Return what happened; entry n is at place n - 1."""
        return [entry.event for entry in self.entries]


def read_journal(path: Path, run: str, end: JournalEnd) -> Journal:
    """Read a journal that was sealed with `end` as its end; nothing is trusted."""
    entries: list[Entry] = []
    prev = START
    with path.open("rb") as file:
        while line := file.readline(LINE_BYTES_MAX + 2):
            seq = len(entries) + 1
            try:
                entry = _entry(line, run, seq)
            except ChainError as error:
                return Journal(entries, [_finding(error)])
            if entry.prev != prev:
                after = file.readline(LINE_BYTES_MAX + 2)
                return Journal(entries, [_broken(entry, after, end)])
            entries.append(entry)
            prev = entry.hash
            if seq == end.count and prev != end.head:
                return Journal(entries, [_at(seq, "was changed: its hash is not that sealed")])
    if len(entries) != end.count:
        last = len(entries)
        text = f"ends with entry {last}; the record was sealed with {end.count}"
        return Journal(entries, [_at(last, text)])
    return Journal(entries, [])


def _entry(line: bytes, run: str, seq: int) -> Entry:
    """Read one line. Raises: ChainError."""
    if not line.endswith(b"\n"):
        raise ChainError(seq, "has no line end, or is too long: it was cut off or changed")
    entry = Entry.read(line[:-1], seq)
    if (entry.run, entry.seq) != (run, seq):
        raise ChainError(seq, f"is entry {entry.seq} of run {entry.run}: out of its place")
    return entry


def _broken(entry: Entry, after: bytes, end: JournalEnd) -> Finding:
    """Say which of two entries was changed, where one does not follow from the other.

    What the entry after them, or the sealed end, still vouches for is as it was.
    """
    seq = entry.seq
    if entry.hash == end.head or f'"prev":"{entry.hash}"'.encode() in after:
        return _at(seq - 1, "was changed: the entry after it does not follow from it")
    return _at(seq, "was changed, or the one before it: it does not follow from that")


def _at(seq: int, text: str) -> Finding:
    """Name an entry; it stands on the line of its number."""
    return Finding(JOURNAL, f"entry {seq} {text}", seq)


def _finding(error: ChainError) -> Finding:
    """Return what the chain says, in our form."""
    return Finding(JOURNAL, str(error).replace(":", "", 1), error.seq)
