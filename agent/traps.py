"""Traps and informs: heard, kept, acknowledged, and passed on; none of them is evidence.

A device that says something is asked at once, and what it answers is what counts. What it said is
an event of the run in its bay, and lies in the inbox whether there is a run or not.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, Protocol

import structlog

from agent import clock, own_engine
from agent.burnin.event import Event
from agent.config import FloorConfig, Snmp, TrapsConfig
from agent.exposition.labels import clean
from agent.exposition.own import Own
from agent.keeping import Keeping, Noted, Rows
from agent.store.failpoint import from_environment
from agent.store.inbox import Inbox, Notice, Row
from agent.store.trouble import StoreError
from collectors.notified import Meaning
from collectors.snmp.allowance import Allowance
from collectors.snmp.ber import Value
from collectors.snmp.hearing import Heard, Hearing
from collectors.snmp.notification import Notification
from collectors.snmp.proof import Proof
from collectors.snmp.receiver import Receiver
from collectors.snmp.speaker import Speaker, Speakers
from collectors.snmp.usm import Authority, User

FILE: Final = "inbox.sqlite"
ROWS_BURST: Final = 500  # of one device at once; what is beyond is counted, not kept
ROWS_A_SECOND: Final = 10.0
SAID_BURST: Final = 10  # lines of one device in the log
SAID_A_SECOND: Final = 1 / 60
OBJECTS_MAX: Final = 16  # shown of one notification
TEXT_CHARS_MAX: Final = 120  # of one of them
OID_CHARS_MAX: Final = 300  # of the name of one: an index may be a text of 64 characters
RESOLVE_S: Final = 300.0  # until names of devices are looked up again
ADDRESSES_MAX: Final = 8  # of one name
COMMUNITY: Final = "1.3.6.1.6.3.18.1.4.0"  # snmpTrapCommunity: proxies put the secret into a trap

Tell = Callable[[str, Notification], Meaning]

log = structlog.get_logger()


class Running(Protocol):
    """A run that goes on: see agent/open_run.py."""

    @property
    def name(self) -> str:
        """Return what it is called."""
        raise NotImplementedError

    @property
    def events(self) -> Sequence[Event]:
        """Return what happened in it, first that it began."""
        raise NotImplementedError

    @property
    def last_row(self) -> int:
        """Return the last row of the inbox that it was told."""
        raise NotImplementedError

    def notified(self, row: Row) -> None:
        """Take in what a device said by itself, once."""


class Desk(Protocol):
    """Who has the runs."""

    def running(self, bay: str) -> Running | None:
        """Return the run that goes on in a bay."""


class Traps:
    """Takes what is heard. All calls come from the loop, one after the other."""

    def __init__(self, hearing: Hearing, inbox: Inbox, tell: Tell, desk: Desk) -> None:
        self.hearing = hearing
        self.receiver: Receiver | None = None
        self.counts = {(k, o): 0 for k in ("trap", "inform") for o in ("kept", "counted")}
        self.acknowledged = 0
        self._inbox = inbox
        self._tell = tell
        self._desk = desk
        self._keeping = Keeping(inbox, self._written, self._send)
        self._not_stored = self._backlog = 0
        self._rows: dict[str, Allowance] = {}
        self._lines: dict[str, Allowance] = {}
        self._hosts: Mapping[str, Sequence[str]] = {}
        self._caught_up: dict[str, str] = {}  # bay -> the run that was told what it missed
        self._config: FloorConfig | None = None

    @property
    def drops(self) -> Mapping[str, int]:
        """Return what was not taken, by reason; what the kernel had no room for included."""
        lost = self.receiver.lost if self.receiver is not None else 0
        own = {"not_stored": self._not_stored, "backlog": self._backlog, "kernel": lost}
        return {**self.hearing.drops, **own}

    @property
    def trouble(self) -> str:
        """Return why nothing can be kept; "" while all is well."""
        return self._keeping.trouble

    async def drain(self) -> None:
        """Return when all that was taken in is written and passed on, or refused."""
        await self._keeping.drain()

    async def close(self) -> None:
        """Hear no more, write and acknowledge what was heard, and let go of the socket."""
        if self.receiver is not None:
            self.receiver.deafen()
        try:
            await self._keeping.close()
        finally:
            if self.receiver is not None:
                self.receiver.close()

    # -- who may speak -------------------------------------------------------------------------

    async def allow(self, config: FloorConfig) -> None:
        """Listen to the devices of a floor; those that have a name once that was looked up."""
        self._config = config
        self._hosts = {name: _literal(name) or self._hosts.get(name, ()) for name in _names(config)}
        await self._adopt(config)

    async def look_up(self) -> None:
        """Look the names of devices up, and listen to where they lead."""
        config = self._config
        assert config is not None
        found = {name: _literal(name) or await _addresses(name) for name in _names(config)}
        if config is self._config and found != self._hosts:
            self._hosts = found
            await self._adopt(config)

    async def follow_names(self) -> None:
        """Look names up now and then, for ever."""
        while True:
            await self.look_up()
            await asyncio.sleep(RESOLVE_S)

    async def _adopt(self, config: FloorConfig) -> None:
        """Believe each device under its own credentials and those for all."""
        speakers = _speakers(config, self._hosts)
        engine = self.hearing.proof.engine
        for user in {id(user): user for _, each in speakers for user in each.users}.values():
            if user.known(engine) is None:
                user.keep(await asyncio.to_thread(user.made, engine))
        if config is self._config:  # else a reload has overtaken this
            self.hearing.allow(Speakers(_speakers(config, self._hosts)))

    # -- what is said --------------------------------------------------------------------------

    def take(self, batch: Sequence[Heard]) -> None:
        """Take in what is new, ask whoever said it, and have it written soon."""
        now = clock.monotonic()
        for heard in batch:
            self._take(heard, now)
        self._keeping.soon(inform=any(heard.told.inform for heard in batch))

    def _take(self, heard: Heard, now: float) -> None:
        """Take in one."""
        told, notices = heard.told, []
        for device in heard.devices:
            meaning = self._tell(device, told)
            keep = _allowance(self._rows, device, ROWS_BURST, ROWS_A_SECOND).take(now)
            notices.append((_notice(device, heard, meaning, full=keep), keep))
            self._say(device, meaning, now)
        if told.inform and not all(keep for _, keep in notices):
            self.hearing.refused(heard)  # it says it again, when there is less to do
            self.hearing.drops["rate"] += 1
            return
        if not self._keeping.add(heard, notices):
            self.hearing.refused(heard)
            self._backlog += 1

    def _say(self, device: str, meaning: Meaning, now: float) -> None:
        """Say what a device said, as long as it does not say much."""
        if _allowance(self._lines, device, SAID_BURST, SAID_A_SECOND).take(now):
            event = "device_says_it_started" if meaning.restart else "device_says"
            log.info(
                event,
                device=device,
                notification=_short(meaning.name),
                channels=[*meaning.channels],
            )

    def _written(self, heard: Heard, noted: Noted, rows: Rows | None) -> None:
        """Acknowledge what is on the disk, and pass on what was not there before."""
        if rows is None:
            self._not_stored += 1
            self.hearing.refused(heard)  # who sent an inform sends it again
            return
        kind = "inform" if heard.told.inform else "trap"
        if any(rows):
            self.counts[kind, "kept" if any(keep for _, keep in noted) else "counted"] += 1
        else:
            self.hearing.drops["duplicate"] += 1
        self.acknowledged += self.hearing.acknowledge(heard)
        for row in rows:
            if row is not None:
                self._pass_on(row)

    def _send(self) -> None:
        """Send what waits to be sent."""
        if self.receiver is not None:
            self.receiver.send()

    def _pass_on(self, row: Row) -> None:
        """Tell the run of its bay what a device said."""
        self.catch_up(row.notice.bay)
        run = self._desk.running(row.notice.bay)
        if run is not None and row.wall >= run.events[0].data["wall"]:
            run.notified(row)

    def catch_up(self, bay: str) -> None:
        """Tell a run that goes on after a crash what was kept, and it was not told before."""
        run = self._desk.running(bay)
        if run is None or self._caught_up.get(bay) == run.name:
            return
        try:
            missed = self._inbox.missed(bay, run.last_row, run.events[0].data["wall"])
        except StoreError as error:
            log.warning("not_caught_up", run=run.name, why=str(error))
            missed = []
        self._caught_up[bay] = run.name
        for row in missed:
            run.notified(row)


@contextlib.asynccontextmanager
async def listening(
    config: FloorConfig, tell: Tell, desk: Desk, own: Own
) -> AsyncIterator[Traps | None]:
    """Listen for traps where the floor file asks for it. Raises: StoreError, OSError."""
    if config.traps is None:
        yield None
        return
    engine = own_engine.start(config.data)
    proof = Proof(engine.name, Authority(engine.boots, clock.monotonic()), salt=engine.salt)
    hearing = Hearing(proof)
    async with contextlib.AsyncExitStack() as stack:
        inbox = Inbox.open(config.data / FILE, at=from_environment())
        stack.callback(inbox.close)
        traps = Traps(hearing, inbox, tell, desk)
        await traps.allow(config)
        receiver = traps.receiver = _opened(config.traps, traps)
        stack.push_async_callback(traps.close)
        names = asyncio.create_task(traps.follow_names())
        stack.callback(names.cancel)
        own.drops_of("traps", lambda: traps.drops)
        own.notifications_of(lambda: traps.counts, lambda: traps.acknowledged)
        host, port = receiver.address
        log.info("listening_for_traps", host=host, port=port, buffer=receiver.buffer_octets)
        yield traps


def _opened(config: TrapsConfig, traps: Traps) -> Receiver:
    """Open the socket. Raises: OSError, which names the address."""
    try:
        return Receiver.open(
            (config.listen.host, config.listen.port), traps.hearing, traps.take, clock.monotonic
        )
    except OSError as error:
        error.filename = str(config.listen)
        raise


def _allowance(
    known: dict[str, Allowance], device: str, burst: float, a_second: float
) -> Allowance:
    """Return how much of something one device may still have."""
    found = known.get(device)
    if found is None:
        found = known[device] = Allowance(burst=burst, a_second=a_second)
    return found


def _notice(device: str, heard: Heard, meaning: Meaning, *, full: bool) -> Notice:
    """Return what was said as it is kept: text that was made fit to be shown. Cost: 20 µs."""
    bay, _, name = device.partition("/")
    told = heard.told
    objects = told.objects if full else ()
    return Notice(
        bay=bay,
        device=name,
        name=_short(meaning.name),
        oid=_short(told.name),
        channels=tuple(clean(channel, TEXT_CHARS_MAX) for channel in meaning.channels),
        restart=meaning.restart,
        inform=told.inform,
        version=heard.version,
        uptime_s=told.ticks / 100,
        objects=tuple((_short(o), text_of(v)) for o, v in objects if o != COMMUNITY)[:OBJECTS_MAX],
    )


def _short(oid: str) -> str:
    """Return a name that is no longer than anybody needs."""
    return oid if len(oid) <= OID_CHARS_MAX else oid[: OID_CHARS_MAX - 1] + "…"


def text_of(value: Value) -> str:
    """Return a value of a device as text: printable, or in hexadecimal."""
    if isinstance(value, bytes):
        text = value.decode("utf-8", "replace").strip("\0 \t\r\n")
        return clean(value, TEXT_CHARS_MAX) if text.isprintable() else value[:32].hex(" ")
    return "" if value is None else clean(str(value), TEXT_CHARS_MAX)


def _speakers(config: FloorConfig, hosts: Mapping[str, Sequence[str]]) -> list[tuple[str, Speaker]]:
    """Return who may speak, from which address, under what."""
    traps = config.traps
    communities = {word.reveal() for word in traps.communities} if traps else set()
    users: tuple[User, ...] = traps.users if traps else ()
    found = []
    for bay in config.bays.values():
        for device in bay.devices.values():
            source = device.source
            if not isinstance(source, Snmp):
                continue
            own = {source.community.reveal()} if source.community else set()
            mine = (source.user, *users) if source.user is not None else users
            speaker = Speaker(
                f"{bay.name}/{device.name}",
                frozenset(own | communities),
                tuple({id(user): user for user in mine}.values()),
            )
            found += [(host, speaker) for host in hosts.get(source.address.host, ())]
    return found


def _names(config: FloorConfig) -> list[str]:
    """Return the hosts of all devices that are asked over SNMP."""
    devices = (d.source for bay in config.bays.values() for d in bay.devices.values())
    return sorted({source.address.host for source in devices if isinstance(source, Snmp)})


def _literal(host: str) -> tuple[str, ...]:
    """Return an address that is written as one; nothing for a name."""
    return (host,) if ":" in host or host.replace(".", "").isdecimal() else ()


async def _addresses(host: str) -> tuple[str, ...]:
    """Return the addresses of a name; of one that leads nowhere, none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return ()
    return tuple(sorted({str(each[4][0]) for each in found}))[:ADDRESSES_MAX]
