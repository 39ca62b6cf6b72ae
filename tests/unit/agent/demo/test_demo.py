"""The whole demo, as somebody starts it, and what is left when it ends: nothing."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from pathlib import Path

import pytest

from agent.programs import free_port


async def started(tmp_path: Path, *arguments: str) -> Process:
    """Start a demo whose temporary folder is below `tmp_path`."""
    command = (sys.executable, "-m", "agent", "demo", "--port", str(free_port(0)), *arguments)
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    return await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )


async def until(demo: Process, words: str) -> str:
    """Return what the demo printed up to the line that has these words."""
    assert demo.stdout is not None
    text = ""
    while words not in text:
        line = await demo.stdout.readline()
        assert line, f"{words!r} was never printed:\n{text}"
        text += line.decode()
    return text


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    task = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in task.read_text().split()]


def left(folder: Path, programs: list[int]) -> list[str]:
    """Return the files and processes that are still there."""
    running = [f"process {pid}" for pid in programs if Path(f"/proc/{pid}").exists()]
    return running + [str(path) for path in folder.iterdir()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_demo_that_is_told_to_stop_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    """No process, no folder, no error: Ctrl-C, a supervisor, or a terminal that was closed."""
    demo = await started(tmp_path, "--no-prometheus")
    await until(demo, "Meanwhile")
    programs = children(demo.pid)
    assert len(left(tmp_path, programs)) == len(programs) + 1
    demo.send_signal(number)
    rest, _ = await demo.communicate()
    assert demo.returncode == 0, rest.decode()
    assert rest.decode().splitlines()[-1] == "stopped; nothing is left behind"
    assert not left(tmp_path, programs)


async def test_a_demo_that_is_stopped_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    """Somebody changes their mind."""
    demo = await started(tmp_path)
    await until(demo, "bay ")
    demo.send_signal(signal.SIGINT)
    await demo.communicate()
    assert demo.returncode == 0
    assert not left(tmp_path, [])


async def test_a_fault_is_seen_and_prometheus_raises_its_alert(tmp_path: Path) -> None:
    """From a simulated leak to a firing alert, through everything that is between."""
    demo = await started(tmp_path, "--fault", "leak", "--exit")
    said, _ = await demo.communicate()
    text = said.decode()
    assert demo.returncode == 0, text
    assert "rack leak" in text
    assert "inside -> TRIP" in text
    assert "alert firing: RackproofLeak (critical) rack leak" in text or "not installed" in text
    assert not left(tmp_path, [])
