"""The whole demo, as somebody starts it, and what is left when it ends: nothing."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from pathlib import Path
from typing import Final

import pytest

from agent.programs import free_port

EARLY: Final = "leak zone=3 stage=fill_flush at=20s"  # a soak is to be watched, not waited for
NO_PDF: Final = 'raise ImportError("a PDF takes seconds to print")\n'


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
    await until(demo, "begins a run")
    programs = children(demo.pid)
    programs += [child for program in programs for child in children(program)]
    assert len(programs) >= 2
    assert len(left(tmp_path, programs)) > len(programs)
    demo.send_signal(number)
    rest, _ = await demo.communicate()
    assert demo.returncode == 0, rest.decode()
    assert rest.decode().splitlines()[-1] == "stopped; nothing is left behind"
    assert not left(tmp_path, programs)


async def test_a_demo_that_is_stopped_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    """Somebody changes their mind."""
    demo = await started(tmp_path)
    await until(demo, "racks ")
    demo.send_signal(signal.SIGINT)
    await demo.communicate()
    assert demo.returncode == 0
    assert not left(tmp_path, [])


async def test_a_fault_ends_in_an_alert_and_a_verdict_that_can_be_kept(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a simulated leak to a firing alert, a FAIL and a sealed record of it."""
    without = tmp_path_factory.mktemp("without")
    (without / "weasyprint.py").write_text(NO_PDF)
    monkeypatch.setenv("PYTHONPATH", str(without), prepend=os.pathsep)
    kept = tmp_path_factory.mktemp("kept") / "demo"
    demo = await started(tmp_path, "--fault", EARLY, "--exit", "--keep", str(kept))
    said, _ = await demo.communicate()
    text = said.decode()
    assert demo.returncode == 0, text
    assert "FAULT  leak: coolant gets out" in text
    assert "TRIP: rack.leak[zone3]" in text
    assert "alert fires: RackproofLeak (critical)" in text or "not installed" in text, text
    assert "bay-01: FAIL, failed: fill_flush" in text
    assert not left(tmp_path, [])
    (record,) = (kept / "data" / "records").iterdir()
    assert f"/{record.name}/record/certificate.html" in text
    assert "FAIL" in (record / "certificate.html").read_text()


async def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    """It is somebody's."""
    (tmp_path / "thesis.txt").write_text("mine")
    demo = await started(tmp_path, "--keep", str(tmp_path))
    said, _ = await demo.communicate()
    assert demo.returncode == 2
    assert "is not empty" in said.decode()
