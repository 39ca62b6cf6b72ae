"""What the agent can see for itself of what a plan needs to know: cables, serials, firmware.

While a stage asks, it looks, and answers where it could see all of it. What contradicts the spec is
told at once and answered with no if it still stands when neighbours that are gone are forgotten;
what nobody can see waits for a person, with the reason.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from agent.background import Background, aside
from agent.burnin.attempt import AGENT, Attempt, open_needs, person
from agent.burnin.bill import FIRMWARE, SERIALS, Look, firmware, serials
from agent.burnin.cabling import Link, links
from agent.burnin.design import Design
from agent.burnin.expand import refuse
from agent.burnin.farends import names_of
from agent.burnin.recabling import steps
from agent.burnin.wiring import What, Wiring, compare
from agent.config import BayConfig, Snmp
from agent.open_run import OpenRun
from agent.run_view import plain
from collectors.discovery import SilentError
from collectors.neighbours import Switch
from collectors.readings import Identity

CABLING: Final = "cabling_match"
OWN: Final = (CABLING, SERIALS, FIRMWARE)
LOOK_S: Final = 10.0  # from one look to the next: people are plugging meanwhile
SETTLED_S: Final = 30.0  # in which each neighbour speaks once: what was heard before may be past
CONFIRM_S: Final = 120.0  # so long LLDP remembers who is gone, and a deviation may take to be typed
TELL_S: Final = 60.0  # between two entries of a journal that say the same otherwise
FINDINGS_MAX: Final = 2000  # shown of a bay; a spec has 40 cables, a switch may make up neighbours
NOTE_MAX: Final = 20  # findings in the note of an answer; the journal has them all
NOTE_CHARACTERS_MAX: Final = 2000
Read = Callable[[str], Awaitable[Switch]]  # "bay/device" -> what it tells of cables

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Home:
    """What is known of one bay. Moments are of the monotonic clock."""

    bay: BayConfig
    design: Design
    cables: list[Link]
    wiring: Wiring = field(default_factory=Wiring)
    unread: dict[str, str] = field(default_factory=dict)  # switch -> why it was not read
    read_at: float | None = None
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    looked_at: float = 0.0
    asked: tuple[object, ...] = ()  # the attempt that asks, and since when
    since: float = 0.0
    right_since: dict[str, float] = field(default_factory=dict)  # likewise
    wrong_since: dict[str, float] = field(default_factory=dict)  # need -> when it was seen first
    told_at: dict[str, float] = field(default_factory=dict)

    @property
    def switches(self) -> list[str]:
        """Return the devices whose cables the spec knows, and which can be asked."""
        ends = [(cable.device, cable.far_device) for cable in self.cables]
        roles = {self.design.roles[near] for near, _ in ends}
        names = dict.fromkeys(end for pair in ends for end in pair)
        return [name for name in names if self.design.roles.get(name) in roles]

    def look(self) -> Look:
        """Return what was found of the cables."""
        wiring = self.wiring
        found = Look(CABLING, right=len(wiring.of(What.AS_DESIGNED)))
        found.wrong += [finding.text for finding in wiring.wrong]
        found.unknown += [finding.text for finding in wiring.of(What.UNKNOWN)]
        found.todo += [step.text for step in steps(wiring)]
        return found


class Inspector:
    """Looks after the bays that have a spec. All calls come from the loop, one after the other."""

    def __init__(
        self,
        running: Callable[[str], OpenRun | None],
        identities: Callable[[str], Mapping[str, Identity]],
        read: Read,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._running = running
        self._identities = identities
        self._read = read
        self._clock = clock
        self._homes: dict[str, _Home] = {}
        self._twice: dict[str, str] = {}  # serial that two have -> in words
        self._counted_at = 0.0
        self.background = Background()

    def open(self, bay: BayConfig) -> None:
        """Look after a bay, where it has a spec."""
        if bay.spec is not None:
            cables = links(bay.spec.spec, bay.spec.roles, refuse)
            self._homes[bay.name] = _Home(bay, bay.spec, cables)

    def close(self, bay: str) -> None:
        """Look after a bay no more."""
        self._homes.pop(bay, None)

    def counts(self, bay: str) -> Mapping[str, int]:
        """Return how many cables were found so, of every kind; nothing before they were read."""
        home = self._homes.get(bay)
        if home is None or home.read_at is None:
            return {}
        return {what.value: count for what, count in home.wiring.counts.items()}

    def doubt(self, bay: str) -> str:
        """Say which part of a bay is said to be in another one as well; "" for none."""
        others = self._others(bay)
        for device, who in self._products(bay):
            if there := others.get(who.serial):
                return plain(f"{device} has serial {who.serial}, and so has {', '.join(there)}")
        return ""

    def tick(self, bay: str) -> None:
        """Look at what the run of a bay asks for now. Raises nothing that is a device's fault."""
        home, run, now = self._homes.get(bay), self._running(bay), self._clock()
        self._count(now)
        if home is None or run is None or run.trouble or run.broken:
            return
        attempt = run.run.course.now
        if attempt is None or attempt.phase != "needs":
            return
        mine = [need for need in open_needs(attempt) if need in OWN]
        asked = (run.name, attempt.stage.id, attempt.number)
        if home.asked != asked:
            home.asked, home.since, home.looked_at = asked, now, now - LOOK_S
            home.wrong_since.clear()
            home.right_since.clear()
            home.told_at.clear()
        if not mine or now - home.looked_at < LOOK_S:
            return
        home.looked_at = now
        for need in mine:
            self._see(home, run, attempt, need)

    def _see(self, home: _Home, run: OpenRun, attempt: Attempt, need: str) -> None:
        """Look at one need that is open."""
        if need == CABLING:
            if home.read_at is not None and home.read_at >= home.since:
                self._tell(home, run, attempt, home.look(), home.read_at)
            old = home.read_at is None or self._clock() - home.read_at >= LOOK_S
            if old and not home.reading.locked() and home.cables:
                self.background.start(f"cables of {home.bay.name}", self._refresh(home))
            return
        known = self._identities(home.bay.name)
        if need == SERIALS:
            rack = str(run.rack["serial"])
            look = serials(home.design, known, rack, self._others(home.bay.name))
        else:
            look = firmware(home.design, known)
        self._tell(home, run, attempt, look, self._clock())

    def _tell(self, home: _Home, run: OpenRun, attempt: Attempt, look: Look, at: float) -> None:
        """Note what was found, and answer where that can be answered. `at`: when it was seen."""
        now, deeds = self._clock(), run.run.deeds
        told = attempt.checked.get(look.need, {})
        news = {key: told.get(key) for key in look.document} != look.document
        other = told.get("found") != look.document["found"]
        if news and (other or now - home.told_at.get(look.need, -TELL_S) >= TELL_S):
            home.told_at[look.need] = now
            run.acted(deeds.checked(run.at(now), look.document))
            log.info("checked", run=run.name, need=look.need, found=look.document["found"])
        if person(AGENT) in attempt.answers.get(look.need, {}):
            return
        if look.answer is not False:
            home.wrong_since.pop(look.need, None)
        if look.answer is not True:
            home.right_since.pop(look.need, None)
        elif at - home.right_since.setdefault(look.need, at) >= SETTLED_S:
            run.acted(deeds.answer(run.at(now), look.need, "yes", AGENT, look.text))
        if look.answer is False:
            since = home.wrong_since.setdefault(look.need, at)
            if at - since >= CONFIRM_S:
                note = "; ".join(look.document["wrong"][:NOTE_MAX])[:NOTE_CHARACTERS_MAX]
                run.acted(deeds.answer(run.at(now), look.need, "no", AGENT, note))

    async def look(self, bay: str) -> Mapping[str, Any] | None:
        """Read the cables of a bay now, and return what `cabling` does; None without a spec."""
        home = self._homes.get(bay)
        if home is None:
            return None
        fresh = home.read_at is not None and self._clock() - home.read_at < LOOK_S
        if not fresh and home.cables:
            await self._refresh(home)
        return self.cabling(bay)

    def cabling(self, bay: str) -> Mapping[str, Any] | None:
        """Return what was found of the cables of a bay, as JSON; None without a spec."""
        home = self._homes.get(bay)
        if home is None:
            return None
        age = None if home.read_at is None else round(self._clock() - home.read_at, 1)
        return {
            "bay": bay,
            "matches": home.wiring.matches,
            "age_s": age,
            "counts": self.counts(bay),
            "findings": [
                {
                    "found": f.what,
                    "at": str(f.at),
                    "to": str(f.to) if f.to else None,
                    "text": f.text,
                }
                for f in home.wiring.findings[:FINDINGS_MAX]
            ],
            "todo": [step.text for step in steps(home.wiring)][:FINDINGS_MAX],
            "unread": dict(home.unread),
        }

    async def _refresh(self, home: _Home) -> None:
        """Read every switch of a bay, and compare."""
        async with home.reading:
            seen: dict[str, Switch] = {}
            unread: dict[str, str] = {}
            for device in home.switches:
                there = home.bay.devices.get(device)
                if there is None or not isinstance(there.source, Snmp):
                    unread[device] = "the floor file has no address for it"
                    continue
                try:
                    seen[device] = await self._read(f"{home.bay.name}/{device}")
                except SilentError as error:
                    unread[device] = str(error)
            spec, roles = home.design.spec, home.design.roles
            names = {*roles, *(cable.far_device for cable in home.cables)}
            called = names_of(names, home.bay.name, spec.addressing.host, roles)
            home.wiring = await aside(compare, home.cables, seen, called, home.bay.macs, unread)
            home.unread, home.read_at = unread, self._clock()
            home.looked_at = (
                home.read_at - LOOK_S
            )  # whoever waits for it is told with the next tick

    def _products(self, bay: str) -> Iterable[tuple[str, Identity]]:
        """Yield the parts of a rack that tell a serial; what is the bay's own may be shared."""
        home = self._homes[bay]
        for device, who in self._identities(bay).items():
            role = home.design.roles.get(device)
            bom = home.design.spec.roles[role].bom if role else None
            if who.serial and bom is not None and bom.kind == "product":
                yield device, who

    def _others(self, bay: str) -> dict[str, list[str]]:
        """Return the serials of all other racks of the floor, and who has each."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for other in self._homes:
            if other != bay:
                for device, who in self._products(other):
                    found[who.serial].append(f"{other}/{device}")
        return found

    def _count(self, now: float) -> None:
        """Say once, and at once, which serial is in two racks."""
        if now - self._counted_at < LOOK_S:
            return
        self._counted_at = now
        holders: defaultdict[str, list[str]] = defaultdict(list)
        for bay in self._homes:
            for device, who in self._products(bay):
                holders[who.serial].append(f"{bay}/{device}")
        twice = {serial: ", ".join(there) for serial, there in holders.items() if there[1:]}
        for serial, there in twice.items():
            if self._twice.get(serial) != there:
                log.error("serial_twice", serial=serial[:100], devices=there)
        self._twice = twice
