"""Entries of a journal: events in a chain, in which none can be changed, lost or put in between.

An entry's hash is the SHA-256 of its line, and its line holds the hash of the entry before it. The
last one is vouched for by whoever wrote its hash down elsewhere: a record does, and signs it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from agent import canonical
from agent.burnin.event import Event, Kind

START: Final = "0" * 64  # what stands for the entry before the first one
LINE_BYTES_MAX: Final = 1 << 20  # a device of 2,000 channels is told in 0.4 MB
_KEYS: Final = {  # what a line holds, and of which types
    "at": (int, float),
    "boot": (str,),
    "data": (dict,),
    "kind": (str,),
    "mono": (int, float),
    "prev": (str,),
    "run": (str,),
    "seq": (int,),
    "wall": (int, float),
}


class ChainError(ValueError):
    """A journal that is not as it was written. `seq`: the first entry where that shows."""

    def __init__(self, seq: int, text: str) -> None:
        super().__init__(f"entry {seq}: {text}")
        self.seq = seq


class Stamp(NamedTuple):
    """The clocks when something was written down: beside the evidence, never part of a verdict."""

    wall: float  # Unix time
    mono: float  # seconds that never jump, within one boot
    boot: str  # which start of the machine that was


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event as the journal of a run holds it; the first has `seq` 1."""

    run: str
    seq: int
    event: Event
    stamp: Stamp
    prev: str  # the hash of the entry before it
    line: bytes  # all of the above, canonical: what is hashed
    hash: str

    @classmethod
    def made(cls, run: str, seq: int, event: Event, stamp: Stamp, prev: str) -> Self:
        """Make the entry that follows. Raises: CanonicalError if the event's data are not JSON."""
        document = {
            "run": run,
            "seq": seq,
            "at": float(event.at),
            "kind": event.kind.value,
            "data": event.data,
            **stamp._asdict(),
            "prev": prev,
        }
        return cls.read(canonical.encode(document), seq)

    @classmethod
    def read(cls, line: bytes, seq: int) -> Self:
        """Return the entry that `line` spells. Raises: ChainError, naming entry `seq`."""
        if len(line) > LINE_BYTES_MAX:
            raise ChainError(seq, f"is longer than {LINE_BYTES_MAX} bytes")
        try:
            document = canonical.decode(line)
        except canonical.CanonicalError as error:
            raise ChainError(seq, str(error)) from None
        _check(document, seq)
        return cls(
            run=document["run"],
            seq=document["seq"],
            event=Event(document["at"], Kind(document["kind"]), document["data"]),
            stamp=Stamp(document["wall"], document["mono"], document["boot"]),
            prev=document["prev"],
            line=line,
            hash=hashlib.sha256(line).hexdigest(),
        )


def _check(document: Any, seq: int) -> None:  # noqa: ANN401 -- anything that JSON can hold
    """Raise ChainError unless it has the keys of an entry, of their types, and a known kind."""
    if not isinstance(document, dict) or document.keys() != _KEYS.keys():
        raise ChainError(seq, f"must have exactly the keys {', '.join(_KEYS)}")
    for key, types in _KEYS.items():
        if type(document[key]) not in types:
            raise ChainError(seq, f"{key} has the wrong type")
    if document["kind"] not in {*Kind}:
        raise ChainError(seq, f"kind {document['kind']!r} is unknown to this version")


def chain(run: str, lines: Iterable[bytes]) -> Iterator[Entry]:
    """Yield the entries of a whole journal. Raises: ChainError at the first that does not follow.

    An end that was cut off cannot be seen here: compare the last hash with what was signed.
    """
    prev = START
    for seq, line in enumerate(lines, 1):
        entry = Entry.read(line, seq)
        if (entry.run, entry.seq) != (run, seq):
            raise ChainError(seq, f"is entry {entry.seq} of run {entry.run}: out of its place")
        if entry.prev != prev:
            raise ChainError(seq, "does not follow from the one before it: one of them was changed")
        yield entry
        prev = entry.hash
