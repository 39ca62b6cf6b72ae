"""All that runs for a twin: racks, faces, broker, control, people; started in order, and ended."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NoReturn

import numpy as np

from agent import clock
from agent.address import Address, parse_web
from agent.burnin.design import Design
from agent.commands.client import Agent
from agent.output import say
from agent.programs import LOOPBACK, free_port
from agent.stopping import until_told
from agent.twin import broker, telling
from agent.twin.answerers import Answerers, macs
from agent.twin.control import PORT, Control
from agent.twin.faults import Placed
from agent.twin.floor import Floor
from agent.twin.operator import Operator
from agent.twin.publisher import Publisher
from agent.twin.site import Reach, Site
from agent.twin.speakers import Speakers
from agent.web.server import serving
from collectors.profile import Profile
from collectors.twin import sparkplug_node
from collectors.twin.delivery import Delivery, Quirk
from collectors.twin.sparkplug_node import SparkplugNode
from collectors.twin.trap import Sink

TICK_S: Final = 1.0  # finer than any agent polls
AGENT: Final = 9108
BROKER: Final = 1883
AGAIN_S: Final = 0.5  # from a message to its repetition


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to have simulated."""

    design: Design
    spec: str  # the file's name
    content: bytes
    bays: int
    faults: Sequence[Placed]
    seed: int
    folder: Path
    broker: Address | None  # None: one of its own
    publish: bool
    families: Mapping[str, Profile]
    follow: str | None  # the agent whose runs are worked at
    once: bool
    pace: clock.Pace | None  # None: the true time
    sparkplug: str | None = None  # the group in which the same is published as Sparkplug B
    traps: Address | None = None  # who wants to be told by SNMP what happens


async def play(wish: Wish) -> list[str]:
    """Run a twin until somebody ends it; return the verdicts of its runs if they were waited for.

    Raises: FaultError, ProgramError, SiteError, OSError, RefusedError.
    """
    verdicts = await until_told(_run(wish))
    if verdicts is None:
        say("stopped")
    return verdicts or []


async def _run(wish: Wish) -> list[str]:
    """Run a twin, and end all that it started."""
    async with contextlib.AsyncExitStack() as stack:
        return await World(wish, stack).run()


class World:
    """What runs, each with its end in `stack`."""

    def __init__(self, wish: Wish, stack: contextlib.AsyncExitStack) -> None:
        self.wish = wish
        self.stack = stack
        self.floor = Floor(wish.design, wish.bays, wish.seed)
        self.floor.check(wish.faults)
        racks = self.floor.racks
        self.speakers = Speakers(
            racks.points if wish.publish else (), wish.families, self.floor.bays
        )
        self.publisher: Publisher | None = None
        self.kind: str | None = None  # of broker, where it is ours
        self.answerers = Answerers(self.floor, wish.families)
        self.delivery = Delivery()
        self._bent = np.zeros((3, *racks.silent.shape))  # how messages travel, as it was last set

    async def run(self) -> list[str]:
        """Start everything, tell of it, and work at the bays or wait."""
        wish, floor = self.wish, self.floor
        if not wish.follow:
            floor.warm_up()
            floor.inflict([placed for placed in wish.faults if placed.stage is None])
        self.answerers.open()
        self.stack.callback(self.answerers.faces.close)
        sinks = [Sink(address=wish.traps)] if wish.traps else []
        speech = self.answerers.speak(sinks, int(clock.wall()))
        self.stack.callback(speech.close)
        place = await self._broker()
        port = free_port(PORT)
        app = Control(floor.racks, floor.bays).app()
        await self.stack.enter_async_context(serving(app, LOOPBACK, port))
        site = Site(
            folder=wish.folder,
            spec=wish.spec,
            content=wish.content,
            port=parse_web(wish.follow).address[1] if wish.follow else free_port(AGENT),
            broker=place,
            bays={bay: self._reaches(rack, bay) for rack, bay in enumerate(floor.bays)},
            macs=macs(wish.design),
        )
        site.write()
        for line in telling.lines(self, site, port):
            say(line)
        return await self._together(
            self._work(), self._live(), self._connected(), *self._nodes(place)
        )

    async def _work(self) -> list[str]:
        """Work at the bays, or let others do it."""
        wish = self.wish
        if wish.follow is None:
            await _for_ever()
        posts = self.floor.posts(wish.faults)
        operator = Operator(Agent(wish.follow), wish.design, posts, now=self._seconds, say=say)
        return await operator.work(once=wish.once)

    def _nodes(self, broker: Address | None) -> Iterator[Coroutine[None, None, None]]:
        """Yield the life of each bay as an edge node of Sparkplug B, if that is wanted."""
        group = self.wish.sparkplug
        if broker is None or group is None:
            return
        for rack, bay in enumerate(self.floor.bays):
            node = SparkplugNode(group, bay, rack, self.speakers.places)
            yield sparkplug_node.live(
                node, self.floor.racks, (broker.host, broker.port), clock.wall
            )

    async def _connected(self) -> None:
        """Be connected to the broker, if there is one."""
        if self.publisher is None:
            await _for_ever()
        await self.publisher.keep()

    async def _together(
        self, work: Coroutine[None, None, list[str]], *more: Coroutine[None, None, None]
    ) -> list[str]:
        """Do it all until the first is done or fails."""
        main = asyncio.create_task(work)
        tasks = [main, *map(asyncio.create_task, more)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            return main.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _seconds(self) -> float:
        """Return the time of the racks."""
        return self.floor.racks.seconds

    def _reaches(self, rack: int, bay: str) -> dict[str, Reach]:
        """Return how an agent reaches each device of a bay, in the order of the spec."""
        there = dict(self.speakers.reaches(bay)) if self.publisher else {}
        there |= self.answerers.reaches(rack)
        return {device: there[device] for device in self.floor.racks.devices if device in there}

    @property
    def mute(self) -> list[str]:
        """Return the instruments that no device of these families can show."""
        spoken = [f"{point.device}.{point.name}" for point in self.speakers.mute]
        return spoken + self.answerers.mute

    async def _broker(self) -> Address | None:
        """Be connected to a broker, if need be to one that is started; return where it is."""
        wish = self.wish
        if not self.speakers.faces:
            return None
        place = wish.broker
        if place is None:
            place = Address(LOOPBACK, free_port(BROKER))
            folder = TemporaryDirectory(prefix="rackproof-twin-")
            name = self.stack.enter_context(folder)
            self.kind = await broker.start(self.stack, Path(name), place.port)
            if self.kind is None:
                return None
        self.publisher = Publisher(place.host, place.port, "rackproof-twin")
        return place

    async def _live(self) -> None:
        """Let time pass for the racks, and say what is due."""
        loop = asyncio.get_running_loop()
        racks = self.floor.racks
        before = loop.time()
        while True:
            await asyncio.sleep(TICK_S)
            now = loop.time()
            racks.advance(now - before)
            racks.read()
            self.answerers.faces.look()
            if self.answerers.speech:
                self.answerers.speech.tell(racks.happened())
            before = now
            self._speak(clock.wall())

    def _speak(self, now: float) -> None:
        """Publish what is due."""
        if self.publisher is None:
            return
        faces = self.speakers.faces
        if self.publisher.renewed():
            for face in faces:
                self.publisher.send(face.greet(now))
        if self.publisher.connected:
            due = (message for face in faces for message in face.due(self.floor.racks, now))
            self._bend()
            self.publisher.send(self.delivery.through(due, now))

    def _bend(self) -> None:
        """Let messages travel as the faults of their devices have it."""
        racks = self.floor.racks
        bent = np.stack([racks.late, racks.jumbled, racks.twice * AGAIN_S])
        for rack, number in np.argwhere((bent != self._bent).any(axis=0)).tolist():
            late, overtaken, again = bent[:, rack, number].tolist()
            quirk = Quirk(late_s=late, overtaken_s=overtaken, again_s=again)
            device = list(racks.devices)[number]
            self.delivery.set(rack, device, quirk if bent[:, rack, number].any() else None)
        self._bent = bent


async def _for_ever() -> NoReturn:
    """Wait until cancelled."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError
