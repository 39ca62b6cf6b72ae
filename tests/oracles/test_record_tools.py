"""Records judged by other people's tools: coreutils, OpenSSL, the OCP's schemas, DSSE."""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # ships no types
from referencing import Registry, Resource

from agent.burnin.event import Event, Kind
from agent.record.folder import complete, lay
from agent.record.keys import SigningKey
from agent.record.ocp import output
from agent.store.entry import START, Entry, Stamp

VERDICTS = ("PASS", "FAIL", "INCONCLUSIVE", "ABORTED")


def channel(device: str, name: str, verdict: str | None, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what a summary says of a channel."""
    keys = ("states", "low", "high", "value", "min", "mean", "max", "p99", "margin", "u")
    told = {"device": device, "channel": name, "unit": "", "verdict": verdict, "required": True}
    counts = {"slots": 9, "complete": 9, "coverage": 1.0, "longest_gap_s": 0.0, "excursions": 0}
    return dict.fromkeys((*keys, "margin_at_s")) | told | counts | more


def summary(verdict: str) -> dict[str, Any]:
    """Return the summary of a run that ended so."""
    channels = [
        channel("cdu", "flow", verdict, unit="L/min", low=88.0, high=112.0, value=101.5, u=2.0),
        channel("cdu", "pump_ok[pump2]", "PASS", states=["ok"]),
        channel("derived", "dew_margin", None, unit="K", mean=4.0),
        channel("derived", "approach", "PASS", unit="K"),
    ]
    reason = {"verdict": verdict, "of": "soak, attempt 1", "text": "so it is"}
    stage = {"stage": "soak", "attempt": 1, "verdict": verdict, "started_s": 0.0, "ended_s": 60.0}
    device = {"device": "cdu", "role": "cdu", "profile": "x", "profile_hash": "", "vendor": "V"}
    return {
        "run": "r1",
        "serial": "RK-1",
        "sku": None,
        "bay": "b",
        "by": "me",
        "verdict": verdict,
        "text": "so it is",
        "decision": {"rule": "guarded"},
        "spec": {"id": "s", "revision": "A", "title": "t", "hash": "0" * 64, "status": "released"},
        "started": "2026-03-01T08:00:00.250Z",
        "ended": "2026-03-01T08:01:00.250Z",
        "clock": {},
        "clock_events": [],
        "software": {"rackproof": "0.4.0"},
        "stages": [{**stage, "reason": reason, "channels": channels}],
        "devices": [{**device, "model": "", "serial": "S", "firmware": "1"}],
        "dispositions": [],
        "evidence": {"root": "1" * 64},
    }


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a sealed record."""
    root = tmp_path_factory.mktemp("data")
    entry = Entry.made("r1", 1, Event(0.0, Kind.RUN_STARTED, {}), Stamp(0.0, 0.0, "b"), START)
    (root / "0.npz").write_bytes(b"samples")
    folder = root / "record"
    lay(folder, b"spec: x\n", [entry], {"0.npz": root / "0.npz"})
    complete(folder, summary("PASS"), {}, SigningKey.open(root / "key"))
    return folder


@pytest.fixture(scope="module")
def ocp(shared: Path) -> Draft202012Validator:
    """Return what judges a line by the OCP's own schemas."""
    schemas = [json.loads(p.read_text()) for p in (shared / "schemas" / "ocptv").glob("*.json")]
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in schemas]
    registry: Registry[Any] = Registry().with_resources(resources)
    root = next(schema for schema in schemas if schema["$id"].endswith("/output"))
    return Draft202012Validator(root, registry=registry)


def run(folder: Path, *command: str) -> str:
    """Run a program in a folder; it must say yes."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30)  # noqa: PLW1510 -- looked at below
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_coreutils_find_every_file_as_it_was(record: Path) -> None:
    """`sha256sum -c`, with a line that is not one being an error."""
    told = run(record, "sha256sum", "--strict", "-c", "SHA256SUMS")

    assert told.count(": OK") == len([p for p in record.rglob("*") if p.is_file()]) - 1


def test_openssl_verifies_our_signature(record: Path) -> None:
    """With the public key as it lies in the record."""
    command = ("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pub", "-rawin")

    assert "Successfully" in run(record, *command, "-in", "record.json", "-sigfile", "record.sig")


def test_openssl_names_the_fingerprint_that_the_record_names(record: Path) -> None:
    """The key's 32 bytes are the end of its DER form."""
    shell = "openssl pkey -pubin -in key.pub -outform DER | tail -c 32 | sha256sum"
    told = json.loads((record / "record.json").read_text())

    assert run(record, "sh", "-c", shell).split()[0] == told["key"]["fingerprint"]


def test_openssl_verifies_the_statement(record: Path, tmp_path: Path) -> None:
    """As DSSE says, from the envelope alone."""
    envelope = json.loads((record / "statement.intoto.json").read_text())
    body = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    signed = b" ".join((b"DSSEv1", b"%d" % len(kind), kind, b"%d" % len(body), body))
    (tmp_path / "signed").write_bytes(signed)
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    command = ("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(record / "key.pub"))

    assert "Successfully" in run(tmp_path, *command, "-rawin", "-in", "signed", "-sigfile", "sig")
    statement = json.loads(body)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicate"]["result"] == "PASSED"
    assert statement["predicate"]["passedTests"] == ["soak"]
    assert all(len(s["digest"]) == 1 for s in statement["subject"])


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_what_the_documentation_says_works_and_finds_changes(record: Path, tmp_path: Path) -> None:
    """Each line of docs/record.md, as somebody would paste it."""
    page = (Path(__file__).parents[2] / "docs" / "record.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    script = "set -e\n" + "\n".join(re.sub(r"(?m)^cd .*", "", block) for block in blocks)
    folder = shutil.copytree(record, tmp_path / "copy")
    shutil.copy(record / "key.pub", folder / "signing.pub.pem")

    told = run(folder, "bash", "-c", script)

    key = json.loads((record / "record.json").read_text())["key"]["fingerprint"]
    assert len(blocks) == 3
    assert key in told
    assert "Successfully" in told
    assert "does not follow" not in told
    assert "missing" not in told
    text = (folder / "journal.jsonl").read_text()
    (folder / "journal.jsonl").unlink()
    (folder / "journal.jsonl").write_text(text.replace('"boot":"b"', '"boot":"c"'))
    assert "the end is missing" in run(folder, "bash", "-c", blocks[2])


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_line_is_valid_by_the_schemas(ocp: Draft202012Validator, verdict: str) -> None:
    """Whatever the verdict."""
    lines = [json.loads(line) for line in output(summary(verdict)).splitlines()]

    problems = [error.message for line in lines for error in ocp.iter_errors(line)]
    assert problems == []
    assert [line["sequenceNumber"] for line in lines] == list(range(len(lines)))
    assert lines[0]["schemaVersion"] == {"major": 2, "minor": 0}


def test_the_schemas_would_notice(ocp: Draft202012Validator) -> None:
    """A judge that says yes to everything judges nothing."""
    lines = [json.loads(line) for line in output(summary("FAIL")).splitlines()]
    lines[1]["testRunArtifact"]["testRunStart"].pop("dutInfo")
    lines[4]["testStepArtifact"]["diagnosis"]["type"] = "INCONCLUSIVE"

    assert [any(ocp.iter_errors(line)) for line in lines[:6]] == [0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("verdict", "end"),
    [
        ("PASS", ("COMPLETE", "PASS")),
        ("FAIL", ("COMPLETE", "FAIL")),
        ("INCONCLUSIVE", ("ERROR", "NOT_APPLICABLE")),
        ("ABORTED", ("SKIP", "NOT_APPLICABLE")),
    ],
)
def test_the_end_is_one_of_the_valid_pairs(verdict: str, end: tuple[str, str]) -> None:
    """And what is not proven is never a PASS; our own word stands in an extension."""
    text = output(summary(verdict)).decode()
    lines = [json.loads(line) for line in text.splitlines()]
    steps = [line["testStepArtifact"] for line in lines if "testStepArtifact" in line]
    told = [step["extension"]["content"]["verdict"] for step in steps if "extension" in step]

    assert tuple(lines[-1]["testRunArtifact"]["testRunEnd"].values()) in (end, end[::-1])
    assert set(told) == {verdict} - {"PASS", "FAIL"}
