"""Programs of other people that a simulation starts, watches and ends; and free ports for them."""

import asyncio
import contextlib
import http.client
import os
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

LOOPBACK: Final = "127.0.0.1"
SYSTEM_PATH: Final = "/usr/local/sbin:/usr/sbin:/sbin"  # where Debian puts mosquitto
READY_SECONDS: Final = 20.0  # the slowest is an agent on a busy machine, at about 2 s
LOOK_SECONDS: Final = 0.1  # between two looks whether something is ready
HTTP_SECONDS: Final = 2.0  # everything asked is on this machine
STOP_SECONDS: Final = 5.0  # before what does not end by itself is killed
LOG_LINES: Final = 12  # of a program that failed, for the person at the terminal


class ProgramError(Exception):
    """A program that did not start, or ended when it should not; the message says why."""


def find(name: str) -> str | None:
    """Return where a program is installed."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":" + SYSTEM_PATH)


def free_port(wanted: int) -> int:
    """Return `wanted` if nobody listens there on loopback, else a port that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            found: int = probe.getsockname()[1]
            return found
    raise ProgramError("no port is free on 127.0.0.1")


async def get(port: int, path: str) -> bytes | None:
    """Return what a page says; None while nobody answers, or with anything but 200."""
    return await asyncio.to_thread(_get, port, path)


def _get(port: int, path: str) -> bytes | None:
    """Ask without the proxies that an environment may name; nothing here leaves the machine."""
    link = http.client.HTTPConnection(LOOPBACK, port, timeout=HTTP_SECONDS)
    with contextlib.closing(link), contextlib.suppress(OSError, http.client.HTTPException):
        link.request("GET", path)
        answer = link.getresponse()
        body = answer.read()
        return body if answer.status == http.client.OK else None
    return None


@dataclass(frozen=True, slots=True)
class Program:
    """A program that runs, its output in a file."""

    name: str
    log: Path
    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, name: str, command: Sequence[str], folder: Path) -> Self:
        """Start it in a session of its own, so that Ctrl-C is ours alone to handle."""
        log = folder / f"{name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(name, log, process)

    async def ready(self, port: int, path: str | None) -> None:
        """Wait until a page answers, or without a path the port. Raises: ProgramError."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                while self.process.returncode is None:
                    if await (_listens(port) if path is None else get(port, path)):
                        return
                    await asyncio.sleep(LOOK_SECONDS)
        raise ProgramError(self.obituary())

    def obituary(self) -> str:
        """Say how it ended, or that it is not ready, with its last words."""
        code = self.process.returncode
        how = "is not ready" if code is None else f"ended with code {code}"
        words = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join([f"{self.name} {how}; its last words:", *(f"    {w}" for w in words)])

    async def stop(self) -> None:
        """End it, by force if it does not listen."""
        if self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


async def _listens(port: int) -> bool:
    """Say whether somebody takes connections."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
