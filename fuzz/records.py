"""What is stored and handed on: canonical JSON, journals, segments, spools, manifests and keys."""

import hashlib
import io
import json
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from agent import canonical
from agent.burnin.block import Block
from agent.burnin.event import Event, Kind
from agent.record.chain import read_journal
from agent.record.keys import KeyFileError, PublicKey
from agent.record.manifest import JournalEnd, Manifest, ManifestError
from agent.store import spool
from agent.store.entry import START, ChainError, Entry, Stamp
from agent.store.journal import Journal
from agent.store.segments import SegmentError, pack, unpack
from agent.store.trouble import StoreError
from fuzz.target import Target

RUN: Final = "20260301t080000-bench-1"
HASH: Final = "ab" * 32
PEM: Final = b"""\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""


def canon(data: bytes) -> None:
    """What is decoded is encoded as it was; all else is refused."""
    try:
        value = canonical.decode(data)
    except canonical.CanonicalError:
        return
    assert canonical.encode(value) == data
    assert json.loads(data) == value


def texts() -> Iterator[bytes]:
    """Yield JSON in canonical form, and nearly."""
    yield b'{"a":["x",null,true],"b":1.5,"c":{"d":-7}}'
    yield b'{"b":1, "a":2}'
    yield b'"\\ud800"'
    yield b"[1e400,NaN,-0.0,1e-7]"


@cache
def _lines() -> tuple[bytes, ...]:
    """Return the lines of a small journal."""
    lines: list[bytes] = []
    prev = START
    for seq, kind in enumerate((Kind.RUN_STARTED, Kind.WINDOW, Kind.RUN_OVER), 1):
        event = Event(float(seq), kind, {"run": RUN, "why": [], "x": {"y": 1.5}})
        entry = Entry.made(RUN, seq, event, Stamp(1.7e9, 1.0, "boot"), prev)
        lines.append(entry.line)
        prev = entry.hash
    return tuple(lines)


@cache
def _folder() -> Path:
    """Return a folder for one file at a time."""
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


def entry(data: bytes) -> None:
    """A line is an entry whose hash is that of the line, or is refused."""
    try:
        found = Entry.read(data, 1)
    except ChainError as error:
        assert error.seq == 1
        return
    assert found.hash == hashlib.sha256(data).hexdigest()
    again = Entry.made(found.run, found.seq, found.event, found.stamp, found.prev)
    assert canonical.decode(again.line) == canonical.decode(data)  # 0 is 0.0


def journal(data: bytes) -> None:
    """The journal of a record is as it was sealed, or the first line that is not is named."""
    lines = _lines()
    whole = b"".join(line + b"\n" for line in lines)
    path = _folder() / "journal.jsonl"
    path.write_bytes(data)
    end = JournalEnd(count=len(lines), head=hashlib.sha256(lines[-1]).hexdigest())
    found = read_journal(path, RUN, end)
    assert bool(found.findings) == (data != whole)


def journals() -> Iterator[bytes]:
    """Yield a whole journal, one cut short, and one with a line twice."""
    lines = [line + b"\n" for line in _lines()]
    yield b"".join(lines)
    yield b"".join(lines)[:-1]
    yield b"".join([lines[0], *lines])
    yield b"".join(lines[:2])


@cache
def _database() -> tuple[Journal, sqlite3.Connection]:
    """Return a journal, and a way to write into its database what the journal never would."""
    opened: list[sqlite3.Connection] = []

    def connect(path: Path) -> sqlite3.Connection:
        """Keep the connection."""
        opened.append(sqlite3.connect(path, isolation_level=None))
        return opened[0]

    folder = _folder() / "database"
    folder.mkdir()
    kept = Journal.open(folder / "journal.sqlite", connect=connect)
    (connection,) = opened
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("DROP TRIGGER entry_stays")
    connection.execute("DROP TRIGGER entry_remains")
    connection.execute("DROP TRIGGER entry_follows")
    return kept, connection


def rows(data: bytes) -> None:
    """Rows of a database that somebody changed are entries and messages, or the one error."""
    kept, connection = _database()
    hash_ = hashlib.sha256(data).hexdigest()
    connection.execute("BEGIN")
    for table in ("entry", "outbox", "answered"):
        connection.execute(f"DELETE FROM {table}")
    connection.execute("INSERT INTO entry VALUES (?, 1, ?, ?)", (RUN, data, hash_))
    connection.execute("INSERT INTO outbox (run, seq, body) VALUES (?, 1, ?)", (RUN, data))
    connection.execute("INSERT INTO answered VALUES ('key', ?)", (data,))
    connection.execute("COMMIT")
    asked: tuple[Callable[[], object], ...] = (
        lambda: kept.entries(RUN),
        lambda: kept.due(2e9),
        lambda: kept.answered("key"),
    )
    for ask in asked:
        try:
            ask()
        except StoreError as error:
            assert "restore it from backup" in str(error)
    assert kept.runs() == [RUN]


def changed() -> Iterator[bytes]:
    """Yield rows as they are, and in forms that none has."""
    yield _lines()[0]
    yield from (b"[]", b"null", b'{"a":1}', b"7", b'"text"')


def _block(polls: int, channels: int) -> Block:
    """Return samples of every way in which columns are told."""
    raw = np.arange(polls * channels, dtype=np.float64).reshape(polls, channels)
    values = raw / 10.0
    quality = np.zeros(raw.shape, np.uint8)
    if polls > 1 and channels > 2:
        values[1, 0], quality[1, 0] = np.nan, 5
        values[:, 1] = np.sqrt(raw[:, 1])
        raw[:, 2] = np.pi * raw[:, 2]
    asked = np.arange(polls, dtype=np.float64)
    return Block(
        device="cdu",
        binding=0,
        asked=asked,
        taken=asked + 0.125,
        values=values,
        quality=quality,
        raw=raw,
    )


def segment(data: bytes) -> None:
    """A file is a segment that is packed again to the same samples, or is refused."""
    try:
        blocks = unpack(data)
    except SegmentError:
        return
    again = unpack(pack(blocks))
    for one, other in zip(blocks, again, strict=True):
        for name in ("asked", "taken", "values", "raw", "quality"):
            a, b = getattr(one, name), getattr(other, name)
            assert a.shape == b.shape
            assert a.tobytes() == b.tobytes()


def segments() -> Iterator[bytes]:
    """Yield small segments, and one whose arrays are not compressed."""
    yield pack([])
    yield pack([_block(3, 3)])
    yield pack([_block(0, 1), _block(2, 0)])


def stored(data: bytes) -> None:
    """A segment whose arrays the fuzzer writes: an octet for which, two for a length, octets."""
    arrays = dict(_arrays())
    names = list(arrays)
    at = 0
    while at + 3 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 3], "big") % 512
        arrays[names[data[at] % len(names)]] = data[at + 3 : at + 3 + size]
        at += 3 + size
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in arrays.items():
            form = _HEAD[name]
            member = io.BytesIO()
            usable = content[: len(content) // form.itemsize * form.itemsize]
            np.lib.format.write_array(member, np.frombuffer(usable, form), version=(1, 0))
            archive.writestr(zipfile.ZipInfo(name), member.getvalue())
    segment(file.getvalue())


@cache
def _arrays() -> tuple[tuple[str, bytes], ...]:
    """Return the arrays of a small segment."""
    found = []
    with zipfile.ZipFile(io.BytesIO(pack([_block(3, 3)]))) as archive:
        for name in archive.namelist():
            array = np.lib.format.read_array(io.BytesIO(archive.read(name)))
            _HEAD[name] = array.dtype
            found.append((name, array.tobytes()))
    return tuple(found)


_HEAD: Final[dict[str, np.dtype]] = {}


def arrays() -> Iterator[bytes]:
    """Yield changes of one array each."""
    yield b""
    for n, (_, content) in enumerate(_arrays()):
        yield bytes((n,)) + len(content).to_bytes(2, "big") + content
    head = b'{"blocks":[[]],"schema":"rackproof.segment/1"}'
    yield b"\x00" + len(head).to_bytes(2, "big") + head


def spooled(data: bytes) -> None:
    """A file of the spool is read as far as it is sound; what is damaged is told."""
    scanned = spool.scan(data, "1.spool")
    assert scanned.end <= len(data)
    assert sum(len(frame) for frame in scanned.frames) <= len(data)


def manifest(data: bytes) -> None:
    """A record.json is one, or the first thing wrong is told."""
    try:
        Manifest.read(data)
    except ManifestError as error:
        assert str(error)


def manifests() -> Iterator[bytes]:
    """Yield a record.json."""
    told = {
        "schema": "rackproof.record/1",
        **dict.fromkeys(("run", "bay", "serial", "by", "started", "ended", "text"), "x"),
        "sku": None,
        "verdict": "PASS",
        "spec": {"id": "x", "revision": "B", "status": "released", "hash": HASH},
        "profiles": {"cdu": {"profile": "p", "hash": HASH}},
        "software": {"rackproof": "0.1"},
        "clock": {},
        "clock_events": [],
        "stages": [{"stage": "soak", "attempt": 1, "verdict": "PASS"}],
        "journal": {"count": 3, "head": HASH},
        "evidence": {"root": HASH, "files": 1, "bytes": 2},
        "files": {"spec.yaml": {"bytes": 2, "sha256": HASH}},
        "root": HASH,
        "key": {"algorithm": "Ed25519", "fingerprint": HASH},
    }
    yield canonical.encode(told)


def key(data: bytes) -> None:
    """A key is one, or is refused."""
    try:
        found = PublicKey.read(data, "key.pub")
    except KeyFileError as error:
        assert str(error).startswith("key.pub")
        return
    assert not found.signed(b"x", bytes(64))


TARGETS: Final = (
    Target(name="canonical", run=canon, seeds=texts, words=(b"\\u", b"1e", b"{}"), size_max=512),
    Target(
        name="entry", run=entry, seeds=_lines, words=(b'"seq":', b'"at":', b"null"), size_max=1024
    ),
    Target(name="journal", run=journal, seeds=journals, size_max=2048),
    Target(name="rows", run=rows, seeds=changed, size_max=512),
    Target(name="segment", run=segment, seeds=segments, bound_ms=40.0),  # read, written and read
    Target(
        name="arrays", run=stored, seeds=arrays, size_max=1024, tries=30, bound_ms=60.0
    ),  # written first
    Target(name="spool", run=spooled, seeds=lambda: (), words=(spool.MARK,), size_max=1024),
    Target(name="manifest", run=manifest, seeds=manifests, words=(HASH.encode(),), size_max=2048),
    Target(name="key", run=key, seeds=lambda: (PEM,), size_max=512),
)
