"""A desk on false clocks: one rack or two, read by hand, and people who answer."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from agent.acts import Answer, Refused, Start, Ticket
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.expand import expand
from agent.burnin.live import LiveBay
from agent.burnin.spec import load_spec
from agent.clock import Synchrony
from agent.desk import Clocks, FloorDesk
from agent.record.keys import SigningKey
from agent.store.entry import Stamp
from agent.store.folder import DataFolder
from agent.store.journal import Journal
from collectors.quantity import Quantity
from collectors.readings import Channel, Identity, Quality, Readings
from collectors.readings import Kind as ChannelKind

SPEC: Final = """\
spec: rackproof.spec/1
id: bench
revision: A
status: draft
title: One feed and one cooling unit, for seconds
design: {rack_power: 10 kW}
decision: {rule: simple}
defaults: {every: 2 s, hold: 4 s, budget: 20 %, applies: always}
roles:
  feed:
    count: 1
    channels:
      power: {q: power, fail: 8..11 kW, trip: max 15 kW}
      outages: {q: count, fail: max 3, hold: 0 s, gap: 5 min}
  cdu:
    count: 1
    channels:
      supply: {q: temperature, fail: 38..42 degC}
plan:
  clock: qualified
  coverage: {min: 80 %}
  stages:
    - {id: inventory, duration: 10 s, load: 0 %, needs: [bom_scanned]}
    - id: soak
      duration: 60 s
      load: 100 %
      entry: {all: [feed.power min 9 kW], for: 4 s, timeout: 60 s}
"""
UNTRIPPED: Final = SPEC.replace(", trip: max 15 kW", "")  # what nobody saw can be no trip
PLANLESS: Final = SPEC[: SPEC.index("plan:")]
CHANNELS: Final = {
    "feed": (
        Channel("power", Quantity.POWER, "1.3.6.1"),
        Channel("outages", Quantity.COUNT, "1.3.6.2", ChannelKind.COUNTER),
    ),
    "cdu": (Channel("supply", Quantity.TEMPERATURE, "1.3.6.3"),),
}
WELL: Final = {"power": 10_000.0, "outages": 7.0, "supply": 40.0, "heat": 1_000.0}
WHO: Final = Identity(profile="pdu", kind="pdu", vendor="Acme", model="P1", serial="88")
EVERY_S: Final = 2.0  # between two polls of a device
MINUTE_S: Final = 60.0  # the same where hours must pass
KEPT: Final = Synchrony(synchronised=True, offset_s=0.001)


@cache
def design(text: str = SPEC) -> Design:
    """Return the design of a spec."""
    return expand(load_spec(text.encode(), "spec.yaml"))


@dataclass
class Time:
    """The clocks, as a test sets them."""

    mono: float = 1001.0  # between two polls
    wall: float = 1.7e9
    boot: str = "first"
    kept: Synchrony = KEPT

    def stamp(self) -> Stamp:
        """Return what is written beside an event."""
        return Stamp(self.wall, self.mono, self.boot)


@dataclass
class Bench:
    """A desk, its folder, its clocks and what its racks show."""

    folder: Path
    time: Time = field(default_factory=Time)
    shown: dict[str, float] = field(default_factory=lambda: {**WELL})
    silent: set[str] = field(default_factory=set)
    channels: dict[str, tuple[Channel, ...]] = field(default_factory=lambda: {**CHANNELS})
    lives: dict[str, LiveBay] = field(default_factory=dict)
    spec: str = SPEC

    def open(self, *bays: str, at: Callable[[str], None] | None = None) -> None:
        """Start a daemon's desk on the folder, with bays of that spec."""
        self.data = DataFolder.open(self.folder)
        self.journal = Journal.open(self.data.journal)
        self.desk = FloorDesk(
            self.data,
            self.journal,
            SigningKey.open(self.data.key),
            Clocks(self.time.stamp, lambda: self.time.kept),
            profiles={"pdu": "5e" * 32},
            software={"rackproof": "0", "python": "3"},
            hooks={},
            at=at or (lambda _: None),
        )
        self.lives = {}
        for bay in bays or ("bay-01",):
            self.add(bay)

    def add(self, bay: str, spec: str = "", interval: float = EVERY_S) -> None:
        """Add a bay, whose devices are there."""
        spec = spec or self.spec
        self.lives[bay] = live = LiveBay(design(spec))
        self.desk.open(bay, design(spec), spec.encode(), live, dict.fromkeys(CHANNELS, interval))
        for device in self.channels:
            self.bind(bay, device)

    def bind(self, bay: str, device: str, who: Identity = WHO) -> None:
        """Let a device say what it has."""
        channels = self.channels[device]
        served = self.lives[bay].bind(device, channels, {})
        self.desk.bound(bay, device, channels, served, who)

    async def close(self) -> None:
        """End the daemon: nothing of it stays but what is on disk."""
        await self.desk.shut()
        self.journal.close()
        self.data.close()

    async def again(self, away: float = 0.0, *, boot: str = "") -> None:
        """End the daemon and start it again after some time, perhaps with the machine."""
        bays = [*self.lives]
        await self.close()
        self.time.mono += away
        self.time.wall += away
        if boot:
            self.time.mono, self.time.boot = 5.0, boot
        self.open(*bays)
        await self.desk.background.settled()

    async def start(
        self, bay: str = "bay-01", serial: str = "SN-1", key: str = "", hash_: str | None = None
    ) -> str:
        """Begin a run."""
        ticket = Ticket(key, "as asked") if key else None
        shown = await self.desk.start(bay, Start(serial=serial, by="ann", spec_hash=hash_), ticket)
        return str(shown["run"])

    async def answer(self, run: str, word: str = "yes") -> None:
        """Scan the parts."""
        act = Answer(need="bom_scanned", answer=word, by="ann")  # type: ignore[arg-type]
        await self.desk.act(run, act, None)

    async def go(self, seconds: int, *, step: float = 1.0) -> None:
        """Let time pass, a second at a time, and read every device on its grid."""
        for _ in range(round(seconds / step)):
            self.time.mono += step
            self.time.wall += step
            for bay, live in self.lives.items():
                self._read(bay, live)
                live.judge(self.time.mono)
                self.desk.tick(bay)
            await asyncio.sleep(0)

    def _read(self, bay: str, live: LiveBay) -> None:
        """Read the devices whose turn it is."""
        now = self.time.mono
        if (now - 1000.0) % EVERY_S:
            return
        for device, channels in self.channels.items():
            if device in self.silent or f"{bay}/{device}" in self.silent:
                readings = Readings.lost(
                    f"{bay}/{device}", now, len(channels), Quality.COMM_LOST, asked_at=now
                )
            else:
                readings = self._readings(bay, device, channels)
            live.take(readings)
            self.desk.take(bay, device, readings)

    def _readings(self, bay: str, device: str, channels: Sequence[Channel]) -> Readings:
        """Return one good poll of a device."""
        values = np.array([self.shown[channel.name] for channel in channels])
        return Readings(
            device=f"{bay}/{device}",
            taken_at=self.time.mono,
            values=values,
            quality=np.zeros(len(values), np.uint8),
            raw=values,
            asked_at=self.time.mono,
        )

    async def show(self, run: str) -> Mapping[str, Any]:
        """Return a run as it is shown."""
        return await self.desk.show(run)

    def events(self, run: str, *kinds: Kind) -> list[Event]:
        """Return what the journal has of some kinds; of all, where none is named."""
        events = [entry.event for entry in self.journal.entries(run)]
        return [event for event in events if event.kind in kinds or not kinds]

    async def to_the_end(self, run: str, seconds: int = 200) -> str:
        """Let a run come to its verdict and its record; return the verdict."""
        for _ in range(seconds):
            if self.desk.busy((await self.show(run))["bay"]) != run:
                break
            await self.go(1)
        await self.desk.background.settled()
        return str((await self.show(run))["verdict"])

    async def whole(self, bay: str = "bay-01", serial: str = "SN-1") -> str:
        """Begin a run and answer what it asks for; return its name."""
        run = await self.start(bay, serial)
        await self.answer(run)
        return run


async def refused(bench: Bench, bay: str = "bay-01", **start: str) -> str:
    """Begin a run that cannot be begun; return why."""
    with pytest.raises(Refused) as caught:
        await bench.start(bay, **start)
    return f"{caught.value.status} {caught.value.text}"
