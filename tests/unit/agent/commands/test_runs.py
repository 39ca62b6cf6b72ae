"""Tests for `rackproof runs`: against the real API on a socket, in words and in JSON."""

import asyncio
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from agent.cli import answer
from agent.commands import client, runs
from agent.commands.client import Agent
from agent.exits import Exit
from agent.web.app import create_app
from agent.web.server import serving
from tests.unit.agent.cables import Cables

if TYPE_CHECKING:
    from tests.unit.agent.conftest import FakeDesk

BY = ("--by", "J. Doe")
WHY = (*BY, "--reason", "fire drill")
Say = Callable[..., str]


@pytest.fixture
def daemon(desk: "FakeDesk", monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve a desk in a thread of its own; the command line blocks, as it does in life."""
    started, done = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    url: list[str] = []

    async def serve() -> None:
        """Serve until the test is over."""
        async with serving(create_app(None, desk, Cables()), "127.0.0.1", 0) as (host, port):  # type: ignore[arg-type]
            url.append(f"http://{host}:{port}")
            started.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    started.wait()
    monkeypatch.setenv(client.URL_VARIABLE, url[0])
    monkeypatch.setattr(client, "PAUSE_S", 0.0)
    monkeypatch.setattr(runs, "POLL_S", 0.0)
    yield url[0]
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


@pytest.fixture
def say(daemon: str, capsys: pytest.CaptureFixture[str]) -> Say:
    """Return what runs a command and gives back all it prints."""
    assert daemon

    def say(*words: str, code: int = Exit.YES) -> str:
        """Run one command."""
        assert answer(["runs", *words]) == code
        shown = capsys.readouterr()
        return shown.out + shown.err

    return say


def test_a_run_is_begun_answered_and_ended(say: Say, desk: "FakeDesk") -> None:
    """In the words that its own output offers."""
    assert "no run; begin one with" in say("list")
    begun = say("start", "bay-01", "SN-4711", *BY, "--sku", "NVL72")
    offered = re.search(r"rackproof runs (answer run-1 bom_scanned) yes\|no --by NAME", begun)

    assert "rack       SN-4711 (NVL72) in bay-01" in begun
    assert offered
    assert "running" in say(*offered[1].split(), "yes", *BY, "--note", "by hand")
    paused = say("pause", "run-1", *WHY)
    assert "rackproof runs resume run-1 --by NAME" in paused
    assert "running" in say("resume", "run-1", *BY)
    assert "running" in say("repeat", "run-1", "inventory", *WHY)
    assert "SN-4711" in say("list", "--bay", "bay-01", "--verdict", "INCONCLUSIVE")
    assert "over, ABORTED" in say("abort", "run-1", *WHY)
    decided = (
        "dispose",
        "run-1",
        "inventory",
        "1",
        "waived",
        "--text",
        "seen",
        "--deviation",
        "D7",
    )
    assert "over" in say(*decided, *BY)
    assert desk.journal["run-1"][-1]["data"]["deviation"] == "D7"
    assert {entry["data"].get("by", "J. Doe") for entry in desk.journal["run-1"]} == {"J. Doe"}


def test_cables_are_shown_with_what_to_do(say: Say) -> None:
    """What is wrong, and in which order it is mended; what is right is a number."""
    shown = say("cabling", "bay-01", "--read", code=Exit.NO)
    assert [line.strip() for line in shown.splitlines() if line] == [
        "bay-01: 1 as designed, 1 extra; read 4 s ago",
        "swp30: too much",
        "mgmt_switch2 was not read: no answer",
        "what to do:",
        "1. take out the cable at mgmt_switch1:swp30",
    ]
    assert json.loads(say("cabling", "bay-01", "--json", code=Exit.NO))["matches"] is False
    assert "no bay" in say("cabling", "bay-77", code=Exit.INVALID)


@pytest.mark.parametrize(
    ("verdict", "code"), [("PASS", 0), ("FAIL", 1), ("INCONCLUSIVE", 3), ("ABORTED", 4)]
)
def test_the_verdict_of_a_run_is_the_exit_code(
    say: Say, desk: "FakeDesk", verdict: str, code: int
) -> None:
    """A script need not read a word; while the run is on, the answer is that it is."""
    say("start", "bay-01", "SN-1", *BY)
    say("show", "run-1")
    desk.end("run-1", verdict)

    shown = say("show", "run-1", code=code)
    assert f"run-1: over, {verdict}" in shown
    assert f"{verdict} run: it is {verdict}" in shown
    assert json.loads(say("show", "run-1", "--json", code=code))["verdict"] == verdict
    assert say("show", "run-1", "--wait", code=code).startswith(f"run-1: over, {verdict}")


def test_who_waits_is_told_what_changes(
    say: Say, desk: "FakeDesk", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line a change, and the whole at the end."""
    steps = iter(("entry", "dwell", "dwell", "over"))

    def sleep(_: float) -> None:
        """Let time pass in the bay."""
        phase = next(steps)
        if phase == "over":
            desk.end("run-1", "PASS")
        else:
            desk.held["run-1"]["standing"]["phase"] = phase

    monkeypatch.setattr("agent.commands.runs.time.sleep", sleep)
    lines = say("start", "bay-01", "SN-1", *BY, "--wait").splitlines()

    assert [line.rpartition(", ")[2] for line in lines[:4]] == ["needs", "entry", "dwell", "PASS"]
    assert lines[4] == "run-1: over, PASS"


def test_what_is_refused_is_said_in_the_agents_words(say: Say) -> None:
    """Every mistake on its line, and two as for any wrong call."""
    say("start", "bay-01", "SN-1", *BY)
    again = say("start", "bay-01", "SN-1", *BY, code=Exit.INVALID)
    assert "run run-1 is on in bay-01; abort it, or wait for its end" in again
    assert "reason: should have at least 3" in say(
        "pause", "run-1", *BY, "--reason", "x", code=Exit.INVALID
    )
    assert "there is no run" in say("show", "run-2", code=Exit.INVALID)


def test_an_agent_that_cannot_store_is_undecided(say: Say, desk: "FakeDesk") -> None:
    """Not the caller's mistake: later it may go."""
    desk.broken = "the disk is full; make room"

    assert desk.broken in say("start", "bay-01", "SN-1", *BY, code=Exit.UNDECIDED)


def test_nobody_there_is_undecided_and_said_clearly(capsys: pytest.CaptureFixture[str]) -> None:
    """With what to start, or which option names another place."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

    assert answer(["runs", "list", "--url", url]) == Exit.UNDECIDED
    said = capsys.readouterr().err
    assert f"no answer from {url}: Connection refused. Is `rackproof run FLOOR` running" in said
    assert answer(["runs", "list", "--url", "mqtt://x"]) == Exit.INVALID


def test_an_act_whose_answer_was_lost_is_done_once(
    daemon: str, desk: "FakeDesk", monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for again under its key, and answered as if for the first time."""
    sent = Agent._sent  # noqa: SLF001 -- where a network loses answers
    lost = iter((True, True, False))

    def lossy(agent: Agent, *request: object) -> tuple[int, str, bytes]:
        """Let the request through, and its answer fall."""
        came = sent(agent, *request)  # type: ignore[arg-type]
        if next(lost):
            raise ConnectionResetError("reset by peer")
        return came

    monkeypatch.setattr(Agent, "_sent", lossy)

    assert answer(["runs", "start", "bay-01", "SN-1", *BY, "--url", daemon]) == Exit.YES
    assert list(desk.held) == ["run-1"]


@pytest.mark.parametrize("page", [b"220 ESMTP\r\n", b"HTTP/1.1 200 OK\r\n\r\nhello", b""])
def test_what_is_no_agent_is_told_so(
    page: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that something else has is a common slip."""
    monkeypatch.setattr(client, "PAUSE_S", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        def serve() -> None:
            """Answer as it does, as often as it is asked."""
            for _ in range(client.TRIES):
                peer, _ = other.accept()
                with peer:
                    peer.recv(1 << 16)
                    peer.sendall(page)

        threading.Thread(target=serve, daemon=True).start()
        assert answer(["runs", "list", "--url", f"http://127.0.0.1:{port}"]) == Exit.UNDECIDED
    assert "no answer from" in capsys.readouterr().err


def test_what_is_shown_fits_eighty_columns_and_does_nothing_to_the_terminal(
    say: Say, desk: "FakeDesk"
) -> None:
    """Reasons go down to the channel; what passed is left out; text from others is harmless."""
    say("start", "bay-01", "SN-4711", *BY)
    failed = {
        "verdict": "FAIL",
        "of": "cdu.flow",
        "text": "\x1b[2J low",
        "at": 5400.0,
        "unit": "lpm",
    }
    desk.held["run-1"]["reason"] = {
        "verdict": "FAIL",
        "of": "run",
        "text": "1 of 3 stages failed",
        "parts": [
            {"verdict": "PASS", "of": "inventory", "text": "fine"},
            {"verdict": "FAIL", "of": "full_soak, attempt 1", "text": "1 channel failed",
             "parts": [{**failed, "value": 140.25, "limit": 150.0}]},
        ],
    }  # fmt: skip
    desk.held["run-1"]["state"] = "held"
    shown = say("show", "run-1")

    assert max(map(len, shown.splitlines())) <= 80
    assert "    FAIL cdu.flow: \\x1b[2J low (140.25 lpm, limit 150 lpm)" in shown
    assert "PASS inventory" not in shown
    assert "rackproof runs repeat run-1 inventory --by NAME --reason TEXT" in shown


def test_a_run_that_has_only_just_begun_is_in_no_stage(say: Say, desk: "FakeDesk") -> None:
    """The plan takes its first step within a second; until then there is none to name."""
    say("start", "bay-01", "SN-4711", *BY)
    desk.held["run-1"]["state"] = "running"
    desk.held["run-1"]["standing"] |= {"stage": None, "attempt": 0, "phase": "", "needs": []}

    assert say("show", "run-1").startswith("run-1: running; no stage has begun\n")
    assert "None" not in say("list")
