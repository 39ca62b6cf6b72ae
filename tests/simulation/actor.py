"""A person who goes on acting while the agent is killed, and remembers what was promised."""

import asyncio
import contextlib
import http.client
import random
from collections import Counter
from typing import Any, Final, NamedTuple

from tests.simulation.site import BAY, BY, LOOK_S, PATIENCE_S, Record, Site

LIFE_S: Final = 2.0  # at most, of a daemon that is killed
STILLBORN: Final = 0.3  # so many are killed before they answer
SETTLED: Final = (404, 409, 422)  # answers that mean: not done, and never will be


class Deed(NamedTuple):
    """One thing asked for: of a path, with words that nobody else uses."""

    path: str
    key: str
    body: dict[str, Any]


class Actor:
    """Pauses and resumes a run. What got no answer is asked again, under the same key."""

    def __init__(self, site: Site, rng: random.Random) -> None:
        self.promised: set[str] = set()
        self.refused: set[str] = set()
        self._site = site
        self._rng = rng
        self._number = 0
        self._open: Deed | None = None  # asked for, and not answered yet

    async def begin(self) -> str:
        """Begin a run, twice under one key."""
        first, again = [
            await self._site.act(f"bays/{BAY}/runs", "begin", serial="SN-1") for _ in range(2)
        ]
        assert first == again
        return str(first["run"])

    async def life(self, run: str, order: str = "") -> None:
        """Start a daemon and act until it is killed, at a random moment or at a failpoint."""
        await self._site.kill()
        daemon = await self._site.begin(*_failing(order))
        acting = asyncio.create_task(self._act(run))
        patience = PATIENCE_S
        if not order:
            patience = self._rng.uniform(0.0, LIFE_S)
            if self._rng.random() > STILLBORN:
                await self._site.until(self._site.answers, "answering")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await daemon.process.wait()
        await self._site.kill()
        acting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await acting

    async def death(self, order: str) -> None:
        """Start a daemon and wait until it dies of a failpoint."""
        await self._site.kill()
        daemon = await self._site.begin(*_failing(order))
        async with asyncio.timeout(PATIENCE_S):
            await daemon.process.wait()
        assert daemon.process.returncode == -9, daemon.obituary()

    async def unsealed(self, order: str) -> None:
        """Start a daemon whose sealing dies of a failpoint, and kill it once that was told."""
        await self._site.kill()
        daemon = await self._site.begin(*_failing(order))
        async with asyncio.timeout(PATIENCE_S):
            while "record_not_sealed" not in daemon.log.read_text():
                assert daemon.process.returncode is None, daemon.obituary()
                await asyncio.sleep(LOOK_S)
        await self._site.kill()

    async def rest(self, run: str) -> None:
        """Start a daemon that is left alone, and leave the run going on."""
        await self._site.kill()
        await self._site.start()
        while self._open is not None:
            await self._ask(self._open)
        if (await self._site.show(run))["state"] == "paused":
            await self._ask(self._next(run, "resume"))

    def check(self, record: Record) -> None:
        """Assert that all that was promised was done, once, and nothing that was refused."""
        done = Counter(
            entry["data"]["reason"]
            for entry in record.entries
            if entry["kind"] in ("paused", "resumed")
        )
        assert set(done.values()) <= {1}
        assert self.promised <= set(done)
        assert not self.refused & set(done)

    async def _act(self, run: str) -> None:
        """Pause and resume, one after the other, as fast as the agent answers."""
        while True:
            for what in ("pause", "resume"):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    await self._ask(self._open or self._next(run, what))
            await asyncio.sleep(LOOK_S)

    def _next(self, run: str, what: str) -> Deed:
        """Make up something new to ask for."""
        self._number += 1
        name = f"deed {self._number}"
        return Deed(f"/api/v1/runs/{run}/{what}", f"key-{self._number}", {"by": BY, "reason": name})

    async def _ask(self, deed: Deed) -> None:
        """Ask, and keep what became of it."""
        self._open = deed
        reply = await self._site.ask("POST", deed.path, deed.body, deed.key)
        if reply.good:
            self.promised.add(deed.body["reason"])
        elif reply.status in SETTLED:
            self.refused.add(deed.body["reason"])
        else:
            return
        self._open = None


def _failing(order: str) -> tuple[str, ...]:
    """Return the environment in which a daemon dies at a failpoint."""
    return (f"RACKPROOF_FAILPOINT={order}",) if order else ()
