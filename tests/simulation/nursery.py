"""Daemons by the dozen: one process loads the agent, and each daemon is a fork of it.

Loading takes two seconds of a processor, as much as the rest of a short life. What is forked reads
its files, takes hold of its folder and opens its sockets like any other.
"""

import asyncio
import contextlib
import importlib
import json
import os
import select
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from agent.cli import answer
from agent.programs import Program

LOADED: Final = "agent.commands.run"  # and with it everything that a daemon needs
LOOK_S: Final = 0.05  # until an end is noticed


class Forked:
    """A process of which somebody else is the parent; it looks like one of asyncio's."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._over = asyncio.Event()

    def end(self, code: int) -> None:
        """Learn that it has ended."""
        self.returncode = code
        self._over.set()

    async def wait(self) -> int | None:
        """Wait until it has ended."""
        await self._over.wait()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal. Raises: ProcessLookupError."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


class Nursery:
    """Where daemons come from."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._born: asyncio.Queue[int] = asyncio.Queue()
        self._alive: dict[int, Forked] = {}
        self._one = asyncio.Lock()

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls) -> "AsyncIterator[Nursery]":
        """Load the agent; what is still there at the end is killed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.simulation.nursery"),
            cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        nursery = cls(process)
        told = asyncio.create_task(nursery._told())
        try:
            yield nursery
        finally:
            for forked in nursery._alive.values():
                forked.kill()
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()
            await told

    async def start(
        self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> Program:
        """Start the agent with a command line, in a session of its own, its output in a file."""
        log = folder / f"{name}.log"
        log.touch()
        order = {"folder": str(folder), "log": str(log), "command": [*command]}
        line = json.dumps({**order, "environment": {**environment}})
        assert self._process.stdin is not None
        async with self._one:
            self._process.stdin.write(line.encode() + b"\n")
            pid = await self._born.get()
        return Program(name, log, cast("asyncio.subprocess.Process", self._alive[pid]))

    async def _told(self) -> None:
        """Learn who was born and who has ended."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            pid, code = json.loads(line)
            if code is None:
                self._alive[pid] = Forked(pid)
                self._born.put_nowait(pid)
            else:
                self._alive.pop(pid).end(code)


def tell(*what: object) -> None:
    """Say something to whoever orders."""
    os.write(1, json.dumps(what).encode() + b"\n")


def main() -> None:
    """Fork whenever it is ordered, and tell of every end, until nobody can order any more."""
    importlib.import_module(LOADED)
    orders = b""
    while True:
        if select.select([0], [], [], LOOK_S)[0]:
            read = os.read(0, 1 << 16)
            if not read:
                return
            orders += read
        while b"\n" in orders:
            line, orders = orders.split(b"\n", 1)
            if not (pid := os.fork()):
                become(json.loads(line))
            tell(pid, None)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                tell(ended[0], os.waitstatus_to_exitcode(ended[1]))


def become(order: Mapping[str, Any]) -> NoReturn:
    """Be the agent from here on."""
    os.setsid()
    os.chdir(order["folder"])
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
        os.dup2(file, number)
    os.environ.update(order["environment"])
    code = answer(order["command"])
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
