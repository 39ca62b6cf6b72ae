"""The SNMP devices of a simulated rack at full load, on loopback, for tests of who polls them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import cache
from typing import Final, Self

from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.twin.answerers import Answerers
from agent.twin.floor import Floor
from agent.twin.places import families
from collectors.profile import load_profiles
from collectors.twin.speech import Speech
from collectors.twin.trap import Sink

Address = tuple[str, int]
TICK_S: Final = 0.5
profiles: Final = cache(load_profiles)


class Devices:
    """Those that a spec asks for. What they show goes on only while `open` does."""

    def __init__(self, spec: str, seed: int) -> None:
        design = expand(load_spec(spec.encode(), "spec.yaml"))
        self._floor = Floor(design, 1, seed)
        self._floor.warm_up()
        self._answerers = Answerers(self._floor, families(design, profiles(), {}))

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, spec: str, seed: int) -> AsyncIterator[Self]:
        """Put them on the air, each on an address of its own, and let time pass."""
        devices = cls(spec, seed)
        devices._answerers.open()
        alive = asyncio.create_task(devices._live())
        try:
            yield devices
        finally:
            alive.cancel()
            devices._answerers.faces.close()

    @property
    def addresses(self) -> dict[str, Address]:
        """Return where each of them answers."""
        reaches = dict(self._answerers.reaches(0))
        return {device: each.address for device, each in reaches.items() if each.address}

    def lose_feed(self) -> None:
        """Let the last feed be dead, so that the others carry all."""
        self._floor.racks.plant.feeds[0, -1] = False

    def repair(self) -> None:
        """Bring back what was lost."""
        self._floor.racks.plant.feeds[0] = True

    def speak(self, *sinks: Sink) -> Speech:
        """Let devices tell somebody what happens to them."""
        return self._answerers.speak(sinks, 1)

    def silence(self, device: str) -> None:
        """Let a device say nothing more."""
        racks = self._floor.racks
        racks.silent[0, list(racks.devices).index(device)] = True

    async def _live(self) -> None:
        """Let time pass."""
        racks, loop = self._floor.racks, asyncio.get_running_loop()
        before = loop.time()
        while True:
            await asyncio.sleep(TICK_S)
            now = loop.time()
            racks.advance(now - before)
            racks.read()
            self._answerers.faces.look()
            before = now
