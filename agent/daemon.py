"""The daemon: one loop that polls, judges and serves, from a floor file until told to stop."""

import asyncio
import contextlib
import platform
import random
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import structlog

from agent import clock, introspection, reloading
from agent.burnin.live import LiveBay
from agent.config import BayConfig, BrokerConfig, DeviceConfig, FloorConfig, Mqtt, Snmp, load_floor
from agent.desk import Clocks, FloorDesk
from agent.exits import Exit
from agent.exposition.floor import Floor
from agent.exposition.own import Own
from agent.inspection import Inspector
from agent.intake import Intake
from agent.loopback import beyond
from agent.record.keys import KeyFileError, SigningKey
from agent.store.entry import Stamp
from agent.store.failpoint import from_environment
from agent.store.folder import DataFolder
from agent.store.journal import Journal
from agent.store.trouble import HeldError, StoreError
from agent.traps import Traps, listening
from agent.web.app import create_app
from agent.web.guard import Gate
from agent.web.server import serving
from collectors.document import DocumentError
from collectors.feed import Device, Feed
from collectors.mqtt.subscriber import State, Subscriber
from collectors.readings import Channel, Identity
from collectors.snmp.endpoint import Endpoint

JUDGE_S: Final = 1.0  # how often the live status is brought up to date; the shortest `every` is 2 s
BOOT: Final = clock.boot()
AGAIN_S: Final = 1.0  # until a broker whose following broke is followed again

log = structlog.get_logger()


def run(path: Path, pace: clock.Pace | None = None) -> int:
    """Serve the floor in `path` until SIGTERM or Ctrl-C. Raises: DocumentError for a bad file.

    `pace`: the false clock of simulated devices, which are all on this machine.
    """
    config = load_floor(path)
    for warning in config.warnings:
        log.warning("floor_file", problem=str(warning))
    if pace is not None:
        if real := sorted(beyond(config)):
            log.error("false_clock_refused", real=real, why="only simulated devices can keep it")
            return Exit.INVALID
        clock.keep(pace)
    return clock.run(_serve(config))


async def _serve(config: FloorConfig) -> int:
    """Run everything; an address that is taken is somebody else's, not a mistake in the file."""
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    endpoint = await Endpoint.open(clock=clock.monotonic, rng=random.Random())  # noqa: S311 -- spreads load, guards nothing
    gate = Gate()
    try:
        async with contextlib.AsyncExitStack() as stack:
            desk = await stack.enter_async_context(desk_of(config))
            daemon = Daemon(config, endpoint, desk)
            daemon.traps = await stack.enter_async_context(daemon.listening())
            daemon.own.drops_of("http", lambda: gate.drops)
            address = await stack.enter_async_context(
                serving(
                    create_app(daemon, desk, daemon.inspector),
                    config.listen.host,
                    config.listen.port,
                    gate,
                )
            )
            log.info("listening", url=f"http://{address[0]}:{address[1]}")
            await daemon.run(stop, reload)
            desk.news.close()  # whoever follows would keep the server from stopping
            log.info("stopping")
    except (StoreError, KeyFileError) as error:
        log.error("data_unusable", folder=str(config.data), why=str(error))  # noqa: TRY400 -- no stack helps here
        return Exit.UNDECIDED if isinstance(error, HeldError) else Exit.INVALID
    except OSError as error:
        where = error.filename or str(config.listen)
        log.error("cannot_listen", address=where, why=error.strerror)  # noqa: TRY400 -- no stack helps here
        return Exit.UNDECIDED
    finally:
        endpoint.close()
    return Exit.YES


@contextlib.asynccontextmanager
async def desk_of(config: FloorConfig) -> AsyncIterator[FloorDesk]:
    """Take hold of a data folder and all runs in it. Raises: StoreError, KeyFileError."""
    at = from_environment()
    with contextlib.ExitStack() as stack:
        data = DataFolder.open(config.data)
        stack.callback(data.close)
        journal = Journal.open(data.journal, at=at)
        stack.callback(journal.close)
        key = SigningKey.open(data.key)
        desk = FloorDesk(
            data,
            journal,
            key,
            Clocks(lambda: Stamp(clock.wall(), clock.monotonic(), BOOT), clock.synchrony),
            profiles=reloading.profiles_of(config),
            software={"rackproof": version("rackproof"), "python": platform.python_version()},
            hooks=config.webhooks,
            at=at,
        )
        try:
            yield desk
        finally:
            await desk.shut()


class Daemon:
    """What runs on one floor, and what the pages show of it."""

    def __init__(self, config: FloorConfig, endpoint: Endpoint, desk: FloorDesk) -> None:
        self._config = config
        self._desk = desk
        self.floor = Floor()
        self.own = Own(version("rackproof"))
        self.own.drops_of("snmp", lambda: endpoint.stats.drops)
        self.own.engines_of(lambda: endpoint.engines_shared)
        self.own.series_of(lambda: self.floor.series)
        self.own.loaded(clock.wall())
        self.own.storage_of(lambda: not self.trouble)
        self.own.deliveries_of(lambda: desk.deliveries.counts)
        self.intake = Intake(self.floor, clock=clock.monotonic, wall=clock.wall, witness=desk)
        self.traps: Traps | None = None
        self._introspection = introspection.Introspection()
        self._feed = Feed(
            endpoint,
            config.profiles,
            self.intake,
            clock=clock.monotonic,
            rng=random.Random(),  # noqa: S311 -- spreads load, guards nothing
        )
        self.inspector = Inspector(
            desk.running, self.intake.known, self._feed.cables, clock=clock.monotonic
        )
        desk.doubt = self.inspector.doubt
        self._read_by: dict[str, Mapping[str, str]] = {}  # bay -> the profiles it was opened with
        self._brokers: dict[str, Subscriber] = {}
        self.own.brokers_of(lambda: {n: b.state is State.UP for n, b in self._brokers.items()})
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
                tasks.create_task(self._desk.deliveries.run()),
                tasks.create_task(self._reload_when(reload)),
            ]
            await stop.wait()
            for task in (*started, *self._following.values()):
                task.cancel()

    def listening(self) -> AbstractAsyncContextManager[Traps | None]:
        """Listen for what devices say by themselves, where the floor file asks for it."""
        return listening(self._config, self._feed.told, self._desk, self.own)

    def ready(self) -> bool:
        """Say whether every device's first poll has ended, well or not, and runs can be stored."""
        return self.intake.settled() and not self.trouble

    @property
    def trouble(self) -> str:
        """Return why something cannot be stored; "" while all is well."""
        return self._desk.trouble or (self.traps.trouble if self.traps is not None else "")

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
        kept = reloading.kept(before, config, self._read_by, self._desk.busy)
        if busy := [name for name in before.bays.keys() - kept if self._desk.busy(name)]:
            self._config = before
            self.own.reloaded(success=False, at=clock.wall())
            return [f"{name}: run {self._desk.busy(name)} is on, finish it first" for name in busy]
        for name in before.bays.keys() - kept:
            self._close(before.bays[name])
        self._desk.deliveries.hooks = config.webhooks
        self._feed.profiles = config.profiles
        self._desk.profiles = reloading.profiles_of(config)
        for name in reloading.moved(before, config):
            self._brokers.pop(name)
            self._following.pop(name).cancel()
        for name in config.brokers.keys() - self._brokers.keys():
            self._follow(name, config.brokers[name])
        for name in config.bays.keys() - kept:
            self._open(config.bays[name])
        if self.traps is not None:
            await self.traps.allow(config)
        self.own.reloaded(success=True, at=clock.wall())
        log.info("reloaded", bays=len(config.bays))
        return []

    def _open(self, bay: BayConfig) -> None:
        """Begin with one bay."""
        self._read_by[bay.name] = reloading.profiles_of(self._config)
        live = LiveBay(bay.spec) if bay.spec is not None else None
        maps = {name: device.map for name, device in bay.devices.items()}
        intervals = {name: device.interval_s for name, device in bay.devices.items()}
        if introspection.wanted(bay.spec):
            maps[introspection.DEVICE] = {}
        self.intake.open(bay.name, live, maps, intervals)
        self.inspector.open(bay)
        self._desk.open(bay.name, bay.spec, bay.spec_text, live, _polled_every(bay))
        if introspection.wanted(bay.spec):
            who = introspection.identity(version("rackproof"))
            name = f"{bay.name}/{introspection.DEVICE}"
            self.intake.bound(name, introspection.CHANNELS, who, {})
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
        del self._read_by[bay.name]
        for name, device in bay.devices.items():
            match device.source:
                case Snmp():
                    self._feed.remove(f"{bay.name}/{name}")
                case Mqtt(broker, _):
                    self._brokers[broker].forget(f"{bay.name}/{name}")
        self.inspector.close(bay.name)
        self.intake.close(bay.name)
        self._desk.close(bay.name)

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
            broker.told(),
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
            self._introspect(now)
            self.intake.judge()
            for bay in self._config.bays:
                if self.traps is not None:
                    self.traps.catch_up(bay)
                self._go_on(bay)
                self.floor.run(bay, self._desk.view(bay))
                self.floor.cabling(bay, self.inspector.counts(bay))

    def _go_on(self, bay: str) -> None:
        """Let the run of a bay go on; what breaks one must not end those of all the others."""
        try:
            self.inspector.tick(bay)
            self._desk.tick(bay)
        except Exception as error:  # whatever it is, it is said and stays in trouble
            log.exception("run_broke", bay=bay)
            self._desk.broke(bay, error)

    def _introspect(self, now: float) -> None:
        """Tell bays whose spec asks for it how the agent itself is doing."""
        if not self._introspection.due(now):
            return
        feed = self._feed
        seen = self._introspection.readings(
            now, clock.synchrony(), feed.turns, feed.schedule.skipped
        )
        for bay in self._config.bays.values():
            if introspection.wanted(bay.spec):
                self.intake.received(introspection.of_bay(bay.name, seen))

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


def _polled_every(bay: BayConfig) -> dict[str, float | None]:
    """Return how often each device is polled; None where a broker tells of it when it likes."""
    polled = {
        n: d.interval_s if isinstance(d.source, Snmp) else None for n, d in bay.devices.items()
    }
    return {**polled, introspection.DEVICE: introspection.EVERY_S}


def _polled(bay: str, device: DeviceConfig, source: Snmp) -> Device:
    """Say to the feed how a device is polled."""
    return Device(
        name=f"{bay}/{device.name}",
        host=source.address.host,
        port=source.address.port,
        version=source.version,
        community=source.community.reveal() if source.community else b"",
        user=source.user,
        timeout_s=source.timeout_s,
        retries=source.retries,
        interval_s=device.interval_s,
        profile=device.profile,
    )
