"""Programs that the demo starts are watched, and ended whatever they do."""

import json
import socket
import sys
from pathlib import Path

import pytest

from agent.demo.alerts import firing
from agent.demo.screen import Screen
from agent.programs import Program, ProgramError, free_port, get

STUBBORN = """
import signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
door = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    door.accept()
"""


async def test_a_program_is_ready_when_its_page_answers(tmp_path: Path) -> None:
    """And after it was stopped nobody answers any more."""
    port = free_port(0)
    command = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port))
    program = await Program.start("web", command, tmp_path)
    await program.ready(port, "/")
    await program.ready(port, None)
    assert await get(port, "/nowhere") is None
    await program.stop()
    assert program.process.returncode is not None
    assert await get(port, "/") is None


async def test_a_program_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    """The person sees why, not only that."""
    script = "import sys; sys.exit('the port is mine')"
    program = await Program.start("agent", (sys.executable, "-c", script), tmp_path)
    with pytest.raises(ProgramError, match=r"agent ended with code 1(.|\n)*the port is mine"):
        await program.ready(free_port(0), "/")


async def test_a_program_that_ignores_being_told_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left behind."""
    monkeypatch.setattr("agent.programs.STOP_SECONDS", 0.05)
    port = free_port(0)
    command = (sys.executable, "-c", STUBBORN, str(port))
    program = await Program.start("stubborn", command, tmp_path)
    await program.ready(port, None)
    await program.stop()
    assert program.process.returncode == -9


def test_a_port_that_is_taken_is_not_given_out() -> None:
    """A second demo, or a service that is there already."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port


def test_only_alerts_that_fire_are_told_and_critical_ones_first() -> None:
    """Pending ones may never fire."""

    def told(name: str, severity: str, state: str, **place: str) -> dict[str, object]:
        return {
            "labels": {"alertname": name, "severity": severity, **place},
            "annotations": {"summary": name},
            "state": state,
        }

    critical = told("B", "critical", "firing", device="rack", channel="leak")
    alerts = [told("A", "warning", "firing"), critical]
    body = json.dumps({"data": {"alerts": [*alerts, told("C", "critical", "pending")]}})
    assert [str(alert) for alert in firing(body.encode())] == [
        "B (critical) rack leak",
        "A (warning) A",
    ]


def test_into_a_pipe_nothing_is_drawn_twice(capsys: pytest.CaptureFixture[str]) -> None:
    """No escape sequences where there is no terminal, and none from what a device says."""
    screen = Screen()
    assert not screen.in_place
    screen.note("a device called \x1b[2J")
    assert capsys.readouterr().out == "a device called \\x1b[2J\n"
