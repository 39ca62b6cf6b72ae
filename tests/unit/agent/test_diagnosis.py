"""Tests for the checks of `rackproof doctor`: a made-up fault is found, with what to do."""

import importlib.metadata
import json
import resource
import socket

import pytest

from agent import diagnosis
from agent.cli import answer
from agent.diagnosis import Severity
from agent.exits import Exit


def test_this_installation_can_be_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever it finds, it says so in both forms, and the code agrees."""
    code = answer(["doctor", "--json"])

    document = json.loads(capsys.readouterr().out)
    wrong = [each for each in document["findings"] if each["result"] == "wrong"]
    assert (code == Exit.NO) is bool(wrong) is not document["well"]
    assert len(document["findings"]) == len(diagnosis.CHECKS)
    assert answer(["doctor"]) == code


def test_another_package_of_our_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """`agent` is a word that other distributions use as well; the last one installed wins."""
    owners = {"agent": ["rackproof", "other-agent"]}
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: owners)

    finding = diagnosis.shadowing()

    assert finding.severity is Severity.BAD
    assert "other-agent" in finding.found
    assert "virtual environment of its own" in finding.remedy


@pytest.mark.parametrize(
    ("need", "wrong"),
    [
        ("click>=999", "wanted >=999"),
        ("click<1", "wanted <1"),
        ("no-such-thing>=1", "no-such-thing is missing"),
        ("click>=8.1.8", ""),
        ("uvicorn[standard]>=0.1; python_version > '3'", ""),
    ],
)
def test_a_dependency_that_does_not_fit_is_named(
    monkeypatch: pytest.MonkeyPatch, need: str, wrong: str
) -> None:
    """With what is there and what is wanted."""
    monkeypatch.setattr(importlib.metadata, "requires", lambda _name: [need])

    finding = diagnosis.packages()

    assert finding.severity is (Severity.BAD if wrong else Severity.FINE)
    assert wrong in finding.found


def test_an_occupied_port_is_a_note() -> None:
    """Most likely it is rackproof itself."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", diagnosis.METRICS_PORT))
            holder.listen()
        except OSError:
            pass  # somebody else holds it: as good
        assert diagnosis.port().severity is Severity.ODD


def test_few_open_files_are_a_note_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each bay needs some."""
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (64, 4096))

    assert diagnosis.open_files().remedy == "Raise it: ulimit -n 1024"
