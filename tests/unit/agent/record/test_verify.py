"""Tests for verify: every change of a record is found, and the file where it lies is named."""

import copy
import dataclasses
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import canonical
from agent.burnin.event import Event, Kind
from agent.record.folder import seal
from agent.record.judgement import rejudged
from agent.record.keys import SigningKey
from agent.record.manifest import facts
from agent.record.verify import NotARecordError, verify

EDITS = int(os.environ.get("RACKPROOF_EDITS", "1000"))  # the nightly target asks for 10,000
FILES = (
    *("SHA256SUMS", "certificate.html", "journal.jsonl", "key.pub", "ocp-diag.jsonl"),
    *("record.json", "record.sig", "segments/000001.npz", "spec.yaml", "statement.intoto.json"),
    "summary.json",
)
Edit = Callable[[random.Random, Path], set[str]]  # changes a record, returns the files it touched


def change(path: Path, data: bytes) -> None:
    """Write over a file of a record, whatever its rights and its other names."""
    path.unlink()
    path.write_bytes(data)


@pytest.fixture(name="copied")
def a_copy(record: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a copy of a sealed record, to be damaged."""
    folder = tmp_path / "copy"
    shutil.copytree(record, folder)
    yield folder
    shutil.rmtree(folder)


def test_a_record_as_it_was_sealed_is_verified(record: Path) -> None:
    """And it says what was looked at."""
    report = verify(record)

    assert report.findings == []
    assert any("17 journal entries" in text for text in report.checked)
    assert any("Merkle root" in text for text in report.checked)


def test_a_record_needs_nothing_outside_itself(record: Path, tmp_path: Path) -> None:
    """It can be taken to another machine, under another name."""
    moved = shutil.copytree(record, tmp_path / "elsewhere")

    assert verify(moved).verified


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0.0, 0.1, 0.37, 0.5, 0.73, 0.999])
@pytest.mark.parametrize("bit", [0x01, 0x20, 0x80])
def test_a_changed_byte_is_found_where_it_is(
    record: Path, copied: Path, name: str, place: float, bit: int
) -> None:
    """Whatever the file, the place in it and the bit."""
    data = bytearray((record / name).read_bytes())
    data[int(place * len(data))] ^= bit
    change(copied / name, bytes(data))

    assert {finding.file for finding in verify(copied).findings} == {name}


def flip(rng: random.Random, folder: Path) -> set[str]:
    """Change some bits."""
    name = rng.choice(names(folder))
    data = bytearray((folder / name).read_bytes())
    for _ in range(rng.choice((1, 1, 1, 8))):
        data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
    change(folder / name, bytes(data))
    return {name}


def splice(rng: random.Random, folder: Path) -> set[str]:
    """Delete, insert or overwrite bytes somewhere."""
    name = rng.choice(names(folder))
    data = (folder / name).read_bytes()
    start = rng.randrange(len(data))
    new = rng.randbytes(rng.choice((0, 1, 5)))
    change(folder / name, data[:start] + new + data[start + rng.choice((0, 1, 17)) :])
    return {name}


def cut(rng: random.Random, folder: Path) -> set[str]:
    """Lose the end of a file, all of it included."""
    name = rng.choice(names(folder))
    data = (folder / name).read_bytes()
    change(folder / name, data[: rng.randrange(len(data))])
    return {name}


def append(rng: random.Random, folder: Path) -> set[str]:
    """Add to the end: a byte, a line end, or the last line once more."""
    name = rng.choice(names(folder))
    data = (folder / name).read_bytes()
    again = data[data[:-1].rfind(b"\n") + 1 :]
    change(folder / name, data + rng.choice((b"\n", b" ", b"\0", again)))
    return {name}


def lines(rng: random.Random, folder: Path) -> set[str]:
    """Exchange, drop or repeat lines."""
    name = rng.choice(("journal.jsonl", "ocp-diag.jsonl", "spec.yaml", "SHA256SUMS"))
    found = (folder / name).read_bytes().splitlines(keepends=True)
    one, other = rng.sample(range(len(found)), 2)
    how = rng.randrange(3)
    if how == 0:
        found[one], found[other] = found[other], found[one]
    elif how == 1:
        del found[one]
    else:
        found.insert(other, found[one])
    change(folder / name, b"".join(found))
    return {name}


def swap(rng: random.Random, folder: Path) -> set[str]:
    """Exchange two files."""
    one, other = rng.sample(names(folder), 2)
    data = (folder / one).read_bytes()
    change(folder / one, (folder / other).read_bytes())
    change(folder / other, data)
    return {one, other}


def lose(rng: random.Random, folder: Path) -> set[str]:
    """Delete a file."""
    name = rng.choice(names(folder))
    (folder / name).unlink()
    return {name}


def add(rng: random.Random, folder: Path) -> set[str]:
    """Add a file, a folder or a link."""
    name = rng.choice(("segments/000009.npz", "notes.txt", "record.json.bak", "segments/link"))
    if name.endswith("link"):
        (folder / name).symlink_to("000000.npz")
    else:
        (folder / name).write_bytes(b"more")
    return {name}


KINDS: tuple[Edit, ...] = (flip, flip, splice, cut, append, lines, swap, lose, add)


def names(folder: Path) -> list[str]:
    """Return the files of a record."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_random_edits_are_all_found(record: Path, copied: Path) -> None:
    """One file or more of those that were touched is named, and none that was not."""
    rng = random.Random(11)
    before = {name: (record / name).read_bytes() for name in names(record)}
    missed = []
    for number in range(EDITS):
        edit = rng.choice(KINDS)
        touched = edit(rng, copied)
        same = all((copied / name).exists() for name in touched) and touched <= before.keys()
        same = same and all((copied / name).read_bytes() == before[name] for name in touched)
        found = {finding.file for finding in verify(copied).findings}
        if found != set() if same else not found or not found <= touched:
            missed.append((number, edit.__name__, touched, found))
        for name in touched:
            (copied / name).unlink(missing_ok=True)
            if name in before:
                (copied / name).write_bytes(before[name])

    assert missed == []


def test_the_journal_is_checked_line_by_line(record: Path, copied: Path) -> None:
    """The first entry that is not as it was is named by its line."""
    found = (record / "journal.jsonl").read_bytes().splitlines(keepends=True)
    for line in range(len(found)):
        changed = found.copy()
        changed[line] = changed[line].replace(b'"boot":"boot-1"', b'"boot":"boot-2"')
        change(copied / "journal.jsonl", b"".join(changed))

        assert line + 1 in {finding.line for finding in verify(copied).findings}


def test_a_journal_that_was_cut_is_found_by_its_sealed_end(record: Path, copied: Path) -> None:
    """The chain alone cannot show that."""
    found = (record / "journal.jsonl").read_bytes().splitlines(keepends=True)
    change(copied / "journal.jsonl", b"".join(found[:-2]))

    text = "\n".join(map(str, verify(copied).findings))
    assert "journal.jsonl:15: entry 15 ends" in text.replace("entry 15 entry", "entry")


def test_resealing_by_somebody_else_needs_a_trusted_key_to_be_seen(
    bench: Any,  # noqa: ANN401 -- of conftest
    tmp_path: Path,
) -> None:
    """Without one, verify only proves that nothing changed since that key sealed it."""
    bench.seal()
    forger = SigningKey.open(tmp_path / "forger")
    for name in ("record.json", "record.sig", "key.pub", "SHA256SUMS"):
        (bench.folder / name).unlink()
    seal(bench.folder, facts(bench.summary), forger)

    assert verify(bench.folder).verified
    assert not verify(bench.folder).pinned
    findings = verify(bench.folder, bench.key.public).findings
    assert [finding.file for finding in findings] == ["key.pub"]
    assert "somebody else sealed" in findings[0].text


def test_a_record_says_what_its_evidence_says(record: Path) -> None:
    """Run, stages and channels, judged again."""
    report = verify(record, rejudge=rejudged)

    assert report.findings == []
    assert report.checked[-1] == "judged again: PASS"


def test_a_verdict_that_the_evidence_does_not_give_is_found(bench: Any) -> None:  # noqa: ANN401 -- of conftest
    """Even where the owner of the key sealed it."""
    told = copy.deepcopy(bench.summary)
    told["stages"][1]["verdict"] = told["verdict"] = "INCONCLUSIVE"
    told["stages"][0]["channels"][1]["verdict"] = "FAIL"
    dataclasses.replace(bench, summary=told).seal()

    texts = [str(finding) for finding in verify(bench.folder, rejudge=rejudged).findings]

    assert texts == [
        "record.json: soak, attempt 1: INCONCLUSIVE, but PASS in the journal",
        "record.json: INCONCLUSIVE, but PASS in the journal",
        "record.json: INCONCLUSIVE, but the evidence says PASS",
        "record.json: soak, attempt 1: INCONCLUSIVE, but the evidence says PASS",
        "summary.json: warm_up, attempt 1: cdu.pump_ok[pump1]: FAIL, but the evidence says PASS",
    ]


def test_facts_that_contradict_the_journal_are_found(bench: Any) -> None:  # noqa: ANN401 -- of conftest
    """A sealed lie about the serial is a lie."""
    bench.seal()
    for name in ("record.json", "record.sig", "key.pub", "SHA256SUMS"):
        (bench.folder / name).unlink()
    seal(bench.folder, {**facts(bench.summary), "serial": "RK-0418"}, bench.key)

    texts = [str(finding) for finding in verify(bench.folder).findings]
    assert texts == [
        "record.json: its serial is not that of the journal",
        "summary.json: its serial is not that of record.json",
    ]


@pytest.mark.parametrize("last", [Kind.RUN_JUDGED, Kind.RUN_OVER])
def test_a_record_of_a_run_that_was_not_judged_is_none(
    lay_out: Any,  # noqa: ANN401 -- of conftest
    tmp_path: Path,
    last: Kind,
) -> None:
    """Though whoever sealed it cut the journal consistently, and every stage in it passed."""

    def cut(found: list[Event]) -> list[Event]:
        """Leave out how the run ended."""
        return [event for event in found if event.kind not in {last, Kind.RUN_JUDGED}]

    lay_out(tmp_path / "20260301t080000-bench-1", cut).seal()

    texts = map(str, verify(tmp_path / "20260301t080000-bench-1", rejudge=rejudged).findings)
    assert "journal.jsonl: ends before the run was judged" in texts


def test_evidence_that_is_dropped_from_everything_is_missed(
    lay_out: Any,  # noqa: ANN401 -- of conftest
    tmp_path: Path,
) -> None:
    """Without the last hour, in segments and journal alike, the soak is not what was sealed."""
    folder = tmp_path / "20260301t080000-bench-1"

    def cut(found: list[Event]) -> list[Event]:
        """Leave out the last segment."""
        last = [event for event in found if event.kind is Kind.SEGMENT][-1]
        return [event for event in found if event is not last]

    bench = lay_out(folder, cut)
    (folder / "segments" / "000002.npz").unlink()
    bench.seal()

    texts = map(str, verify(folder, rejudge=rejudged).findings)
    assert "record.json: PASS, but the evidence says INCONCLUSIVE" in texts


def test_samples_of_another_run_are_no_evidence_of_this_one(
    bench: Any,  # noqa: ANN401 -- of conftest
) -> None:
    """The journal names each segment by what is in it."""
    segments = bench.folder / "segments"
    data = (segments / "000000.npz").read_bytes()
    change(segments / "000001.npz", data)
    bench.seal()

    texts = "\n".join(map(str, verify(bench.folder, rejudge=rejudged).findings))
    assert "segments/000001.npz: is not the one that entry" in texts


def test_a_folder_without_a_record_is_no_record(tmp_path: Path) -> None:
    """That is another answer than a record that is wrong."""
    with pytest.raises(NotARecordError):
        verify(tmp_path)


def test_a_record_of_a_later_version_says_so(bench: Any) -> None:  # noqa: ANN401 -- likewise
    """It is not judged by rules that it does not follow."""
    bench.seal()
    path = bench.folder / "record.json"
    document = canonical.decode(path.read_bytes())
    change(path, canonical.encode({**document, "schema": "rackproof.record/2"}))

    assert "rackproof.record/1" in str(verify(bench.folder).findings[0])


def test_a_record_that_was_sealed_with_nonsense_is_refused_and_not_a_crash(
    lay_out: Any,  # noqa: ANN401 -- of conftest
    tmp_path: Path,
) -> None:
    """Whoever sealed it: any value of any event may be another, or missing."""
    rng = random.Random(5)

    def mangled(found: list[Event]) -> list[Event]:
        """Change one value of one event."""
        at = rng.randrange(len(found))
        data = dict(found[at].data)
        name = rng.choice(sorted(data))
        new: Any = rng.choice((None, [], {}, "x", -1, 1e300, "drop"))
        data.pop(name) if new == "drop" else data.update({name: new})
        return [*found[:at], dataclasses.replace(found[at], data=data), *found[at + 1 :]]

    for number in range(25):
        folder = tmp_path / str(number) / "20260301t080000-bench-1"
        folder.parent.mkdir()
        lay_out(folder, mangled).seal()
        report = verify(folder, rejudge=rejudged)
        assert report.findings or report.checked[-1].startswith("judged again")
