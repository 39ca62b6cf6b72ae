"""Tests for the command line: exit codes, errors, and that a newcomer is not kept waiting."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from agent import cli
from agent.cli import COMMANDS, answer, rackproof
from agent.exits import Exit
from collectors.document import DocumentError, Problem

ROOT = Path(__file__).parents[3]
HEAVY = ("pydantic", "numpy", "yaml", "structlog", "asyncio", "starlette", "aiomqtt", "collectors")
GOOD = """\
floor: rackproof.floor/1
credentials: {lab: {version: 2c, community: public}}
bays: {b: {devices: {pdu: {address: pdu.example, credentials: lab}}}}
"""


def program(*arguments: str, **keywords: object) -> "subprocess.CompletedProcess[str]":
    """Run the command line as a shell would."""
    command = [sys.executable, "-m", "agent", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, **keywords)  # type: ignore[call-overload,no-any-return] # noqa: PLW1510 -- the code is looked at


def every_command() -> list[tuple[str, ...]]:
    """Return the words of every command and subcommand."""
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        command = rackproof.get_command(click.Context(rackproof), name)
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, below) for below in command.commands]
    return found


def test_help_imports_nothing_that_takes_time() -> None:
    """Help that comes at once is read; a profile or spec is loaded when one is asked for."""
    code = (
        "import sys; from agent import cli; cli.answer(['--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stderr.strip() == "[]"
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_explains_itself_in_eighty_columns(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """On the terminals that stand on a test floor."""
    assert answer([*words, "--help"]) == Exit.YES

    text = capsys.readouterr().out
    assert text.startswith(f"Usage: rackproof {' '.join(words)}")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_and_option_is_documented(words: tuple[str, ...]) -> None:
    """docs/cli.md has a heading for each command, and below it each of its options."""
    page = (ROOT / "docs" / "cli.md").read_text()
    command: click.Command = rackproof
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found

    heading = re.search(rf"^#+ `rackproof {' '.join(words)}[ `].*$", page, re.MULTILINE)
    assert heading
    section = page[heading.end() :].split("\n#", 1)[0]
    for option in command.params:
        if isinstance(option, click.Option):
            assert f"`{max(option.opts, key=len)}" in section, option.opts


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["--nonsense"], ["check"], ["probe"], ["probe", "a b"],
     ["probe", "h", "--version", "4"],
     ["probe", "h", "--version", "3"], ["probe", "h", "--profile", "nonsense"],
     ["probe", "h", "--timeout", "5"], ["record", "127.0.0.1"], ["profile", "show", "nonsense"],
     ["profile", "test", "/nonsense"], ["check", "/nonsense"], ["spec", "check", "/nonsense"],
     ["record", "127.0.0.1", "-o", __file__]],
)  # fmt: skip
def test_a_wrong_call_is_answered_with_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And with a sentence on standard error, never with a stack."""
    assert answer(arguments) == Exit.INVALID

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err
    assert "Traceback" not in shown.err


def test_a_misspelt_command_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    """One letter is the usual mistake."""
    answer(["prboe"])

    assert "Did you mean 'probe'?" in capsys.readouterr().err


def test_the_problems_of_a_file_are_one_line_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`file:line: key: what; what to do`, so that an editor can jump there; no device's escapes."""
    problems = [Problem("f.yaml", 7, "a.b", "is \x1b[2J wrong"), Problem("f.yaml", 2, "", "odd")]
    monkeypatch.setattr(cli.rackproof, "main", _raises(DocumentError(problems)))

    assert answer(["check", "f.yaml"]) == Exit.INVALID

    assert capsys.readouterr().err == "f.yaml:2: odd\nf.yaml:7: a.b: is \\x1b[2J wrong\n"


@pytest.mark.parametrize("debug", [False, True])
def test_a_mistake_of_ours_is_seventy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, debug: bool
) -> None:
    """It says whose mistake it is and how to tell us; the stack only for who asks for it."""
    monkeypatch.setattr(cli.rackproof, "main", _raises(KeyError("x")))
    if debug:
        monkeypatch.setenv("RACKPROOF_DEBUG", "1")

    assert answer(["doctor"]) == Exit.BUG

    shown = capsys.readouterr().err
    assert ("Traceback" in shown) is debug
    assert ("This is a bug in rackproof" in shown) is not debug


def test_an_interrupt_is_as_in_every_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """128 plus the signal's number, and no stack."""
    monkeypatch.setattr(cli.rackproof, "main", _raises(click.Abort()))

    assert answer(["doctor"]) == 130


def test_a_reader_that_went_away_ends_it_quietly() -> None:
    """`rackproof profile list | head -1` is not an error, and no answer either."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "agent", "profile", "show", "standard"]
    done = subprocess.run(command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)

    assert done.returncode == Exit.PIPE_CLOSED
    assert done.stderr == b""


def test_a_sound_floor_file_is_yes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people a line and a table, for programs JSON."""
    path = tmp_path / "floor.yaml"
    path.write_text(GOOD)

    assert answer(["check", str(path)]) == Exit.YES
    assert "valid; 1 bay, 1 device" in capsys.readouterr().out
    assert answer(["check", str(path), "--json"]) == Exit.YES
    document = json.loads(capsys.readouterr().out)
    assert document["valid"] is True
    assert document["bays"] == [{"bay": "b", "spec": None, "sha256": None, "devices": 1}]


def test_a_bad_floor_file_is_two_with_every_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same problems, each with its line, in both forms."""
    path = tmp_path / "floor.yaml"
    path.write_text(GOOD.replace("pdu.example", "[]").replace("2c", "9"))

    assert answer(["check", str(path)]) == Exit.INVALID
    lines = capsys.readouterr().err.splitlines()
    assert answer(["check", str(path), "--json"]) == Exit.INVALID
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert [f"{p['file']}:{p['line']}: {p['key']}: {p['text']}" for p in problems] == lines
    assert len(lines) == 2


def test_the_version_is_told() -> None:
    """A report of a bug begins with it."""
    assert re.match(r"rackproof, version \d+\.\d+", program("--version").stdout)


def _raises(error: BaseException) -> object:
    """Return a function that fails."""

    def fail(*_arguments: object, **_keywords: object) -> None:
        """Fail."""
        raise error

    return fail
