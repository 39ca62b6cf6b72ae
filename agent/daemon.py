"""The daemon: one loop that polls, judges and serves, from a floor file until told to stop."""

import asyncio
import contextlib
import random
import signal
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import structlog

from agent import clock
from agent.burnin.live import LiveBay
from agent.config import BayConfig, BrokerConfig, DeviceConfig, FloorConfig, Mqtt, Snmp, load_floor
from agent.exits import Exit
from agent.exposition.floor import Floor
from agent.exposition.own import Own
from agent.intake import Intake
from agent.web.app import create_app
from agent.web.guard import Gate
from agent.web.server import serving
from collectors.document import DocumentError
from collectors.feed import Device, Feed
from collectors.mqtt.subscriber import Subscriber
from collectors.readings import Channel, Identity
from collectors.snmp.endpoint import Endpoint

JUDGE_S: Final = 1.0  # how often the live status is brought up to date; the shortest `every` is 2 s
AGAIN_S: Final = 1.0  # until a broker whose following broke is followed again

log = structlog.get_logger()


def run(path: Path) -> int:
    """Serve the floor in `path` until SIGTERM or Ctrl-C. Raises: DocumentError for a bad file."""
    config = load_floor(path)
    for warning in config.warnings:
        log.warning("floor_file", problem=str(warning))
    return asyncio.run(_serve(config))


async def _serve(config: FloorConfig) -> int:
    """Run everything; an address that is taken is somebody else's, not a mistake in the file."""
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    endpoint = await Endpoint.open(clock=clock.monotonic, rng=random.Random())  # noqa: S311 -- spreads load, guards nothing
    daemon, gate = Daemon(config, endpoint), Gate()
    daemon.own.drops_of("http", lambda: gate.drops)
    try:
        async with contextlib.AsyncExitStack() as stack:
            address = await stack.enter_async_context(
                serving(create_app(daemon), config.listen.host, config.listen.port, gate)
            )
            log.info("listening", url=f"http://{address[0]}:{address[1]}")
            await daemon.run(stop, reload)
            log.info("stopping")
    except OSError as error:
        log.error("cannot_listen", address=str(config.listen), why=error.strerror)  # noqa: TRY400 -- no stack helps here
        return Exit.UNDECIDED
    finally:
        endpoint.close()
    return Exit.YES


class Daemon:
    """What runs on one floor, and what the pages show of it."""

    def __init__(self, config: FloorConfig, endpoint: Endpoint) -> None:
        self._config = config
        self.floor = Floor()
        self.own = Own(version("rackproof"))
        self.own.drops_of("snmp", lambda: endpoint.stats.drops)
        self.own.series_of(lambda: self.floor.series)
        self.own.loaded(clock.wall())
        self.intake = Intake(self.floor, clock=clock.monotonic, wall=clock.wall)
        self._feed = Feed(
            endpoint,
            config.profiles,
            self.intake,
            clock=clock.monotonic,
            rng=random.Random(),  # noqa: S311 -- spreads load, guards nothing
        )
        self._brokers: dict[str, Subscriber] = {}
        self._following: dict[str, asyncio.Task[None]] = {}
        for name, broker in config.brokers.items():
            self._follow(name, broker)
        for bay in config.bays.values():
            self._open(bay)

    async def run(self, stop: asyncio.Event, reload: asyncio.Event) -> None:
        """Poll and judge until `stop` is set; load the floor file again whenever `reload` is."""
        async with asyncio.TaskGroup() as tasks:
            started = [
                tasks.create_task(self._feed.run()),
                tasks.create_task(self._judge()),
                tasks.create_task(self._reload_when(reload)),
            ]
            await stop.wait()
            for task in (*started, *self._following.values()):
                task.cancel()

    def ready(self) -> bool:
        """Say whether every device's first poll has ended, well or not."""
        return self.intake.settled()

    def unix_time(self) -> float:
        """Return the wall clock, for ages on the start page."""
        return clock.wall()

    async def reload(self) -> Sequence[str]:
        """Load the floor file again; return what is wrong with it, or nothing once it is in use.

        Bays that did not change go on as they are. `listen` takes effect at the next start.
        """
        try:
            config = await asyncio.to_thread(load_floor, self._config.file)
        except DocumentError as error:
            self.own.reloaded(success=False, at=clock.wall())
            log.warning("reload_refused", problems=[str(problem) for problem in error.problems])
            return [str(problem) for problem in error.problems]
        before, self._config = self._config, config
        moved = {name for name, old in before.brokers.items() if config.brokers.get(name) != old}
        kept = {
            name
            for name, bay in before.bays.items()
            if config.bays.get(name) == bay and moved.isdisjoint(_brokers_of(bay))
        }
        for name in before.bays.keys() - kept:
            self._close(before.bays[name])
        for name in moved:
            self._brokers.pop(name)
            self._following.pop(name).cancel()
        for name in config.brokers.keys() - self._brokers.keys():
            self._follow(name, config.brokers[name])
        for name in config.bays.keys() - kept:
            self._open(config.bays[name])
        self.own.reloaded(success=True, at=clock.wall())
        log.info("reloaded", bays=len(config.bays))
        return []

    def _open(self, bay: BayConfig) -> None:
        """Begin with one bay."""
        live = LiveBay(bay.spec) if bay.spec is not None else None
        maps = {name: device.map for name, device in bay.devices.items()}
        intervals = {name: device.interval_s for name, device in bay.devices.items()}
        self.intake.open(bay.name, live, maps, intervals)
        for device in bay.devices.values():
            match device.source:
                case Snmp():
                    self._feed.add(_polled(bay.name, device, device.source))
                case Mqtt(broker, source):
                    provides = next(
                        p.provides for p in self._config.profiles if p.name == source.profile
                    )
                    self._brokers[broker].watch(
                        f"{bay.name}/{device.name}",
                        source,
                        self.intake.received,
                        partial(self._described, provides),
                    )

    def _close(self, bay: BayConfig) -> None:
        """End one bay."""
        for name, device in bay.devices.items():
            match device.source:
                case Snmp():
                    self._feed.remove(f"{bay.name}/{name}")
                case Mqtt(broker, _):
                    self._brokers[broker].forget(f"{bay.name}/{name}")
        self.intake.close(bay.name)

    def _described(
        self,
        provides: Mapping[str, Mapping[str, str]],
        device: str,
        channels: Sequence[Channel],
        identity: Identity,
    ) -> None:
        """Learn from its messages what a device has."""
        self.intake.bound(device, channels, identity, provides)

    def _follow(self, name: str, broker: BrokerConfig) -> None:
        """Begin with one broker; one that is down now is connected to when it comes."""
        self._brokers[name] = follower = Subscriber(
            name,
            (broker.address.host, broker.address.port),
            clock=clock.monotonic,
            wall=clock.wall,
            rng=random.Random(),  # noqa: S311 -- spreads load, guards nothing
        )
        self.own.drops_of(f"mqtt/{name}", lambda: follower.drops)
        self._following[name] = asyncio.create_task(_followed(name, follower))

    async def _judge(self) -> None:
        """Bring the live status up to date, and note how late the loop was for it."""
        due = clock.monotonic() + JUDGE_S
        while True:
            await asyncio.sleep(max(0.0, due - clock.monotonic()))
            now = clock.monotonic()
            self.own.loop_lag.observe(max(0.0, now - due))
            due = max(due + JUDGE_S, now)
            self.intake.judge()

    async def _reload_when(self, asked: asyncio.Event) -> None:
        """Load the floor file again at every SIGHUP; several at once are one."""
        while True:
            await asked.wait()
            asked.clear()
            await self.reload()


async def _followed(name: str, follower: Subscriber) -> None:
    """Follow a broker for ever: should a bug of ours end that, its last values must not stay."""
    while True:
        try:
            await follower.run()
        except Exception:  # whatever it is, it is said, and the other devices go on
            log.exception("following_broke", broker=name)
        await asyncio.sleep(AGAIN_S)


def _brokers_of(bay: BayConfig) -> set[str]:
    """Return the brokers that a bay's devices need."""
    return {d.source.broker for d in bay.devices.values() if isinstance(d.source, Mqtt)}


def _polled(bay: str, device: DeviceConfig, source: Snmp) -> Device:
    """Say to the feed how a device is polled."""
    assert source.version in ("1", "2c")
    return Device(
        name=f"{bay}/{device.name}",
        host=source.address.host,
        port=source.address.port,
        version="1" if source.version == "1" else "2c",
        community=source.community.reveal(),
        timeout_s=source.timeout_s,
        retries=source.retries,
        interval_s=device.interval_s,
        profile=device.profile,
    )
