"""What tests of the desk may ask for."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent import archive
from agent.finishing import finish
from agent.store.journal import Journal
from agent.store.spool import Spool
from agent.store.trouble import StoreError
from tests.unit.agent.desk.bench import UNTRIPPED, Bench

sealing = finish


@pytest.fixture(autouse=True)
def unsealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make no records, which take seconds each."""

    async def nothing(*_: object) -> None:
        """Leave the evidence where it is."""

    monkeypatch.setattr(archive, "finish", nothing)


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Return a desk with one bay."""
    made = Bench(tmp_path / "data")
    made.open()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def calm(tmp_path: Path) -> AsyncIterator[Bench]:
    """Return a desk whose spec has no trips, so that a gap alone leaves nothing undecided."""
    made = Bench(tmp_path / "data", spec=UNTRIPPED)
    made.open()
    yield made
    await made.close()


class Disk:
    """Refuses what a test wants refused, as a full disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        for owner, name in ((Journal, "append"), *((Spool, n) for n in ("write", "sync", "turn"))):
            monkeypatch.setattr(owner, name, self._guarded(getattr(owner, name)))

    def _guarded(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """Return an act that is refused while the disk is full."""

        def guarded(*args: object, **more: object) -> object:
            """Do it, or refuse."""
            if self.full:
                raise StoreError("the disk is full")
            return act(*args, **more)

        return guarded


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return the disk of the bench."""
    return Disk(monkeypatch)
