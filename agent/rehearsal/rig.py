"""One rehearsed run: a simulated rack and its crew on one side, the run as shipped on the other.

The clock is a number. Polls follow each device's own grid; what many devices answer at one moment
is handed over together, so that 34 hours take seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from agent.burnin.attempt import Attempt, open_needs, phase_s, required_s
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.run import Run
from agent.burnin.terms import broken_part, load_of
from agent.burnin.trial import WATERMARK_S
from agent.rehearsal.bulk import Bools, BulkBay, Group, Vector, groups, told
from agent.rehearsal.crew import Crew, Standing, feeds_of, first_load, setups
from agent.rehearsal.points import AGENT, channel, points
from collectors.readings import Channel
from collectors.twin.faults import Fault
from collectors.twin.racks import Racks

PEOPLE: Final = ("operator-1", "operator-2")
PATIENCE_S: Final = 7200.0  # beyond what a stage asks for; then somebody gives up
UNCOUNTED: Final = ("", "needs", "entry")  # phases before a stage counts
CABLING: Final = "cabling_match"  # the need that is answered by what LLDP shows
SELF: Final = {"clock_offset": 0.01, "poll_late": 0.1}  # what a healthy agent measures of itself


class Alert(NamedTuple):
    """A channel that is shown live beyond fail (2) or trip (3), or unknown (-1) for too long."""

    at: float
    channel: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A fault whose onset counts from when a stage began to count; None: from the run's begin."""

    fault: Fault
    stage: str | None = None


class Poll(NamedTuple):
    """What a group of devices answered at one moment; it may be a while on its way."""

    due: float
    group: Group
    at: float
    raw: Vector
    good: Bools


class Rig:
    """One run of rack `rack` of `racks`. `calm_s`: how often it is looked at in a long dwell."""

    def __init__(  # noqa: PLR0913 -- that much differs from rehearsal to rehearsal
        self,
        design: Design,
        racks: Racks,
        rack: int = 0,
        faults: Sequence[Planned] = (),
        *,
        tick_s: float = 5.0,
        calm_s: float = 5.0,
        keep: bool = False,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self.design = design
        self.racks = racks
        self.rack = rack
        self.live = BulkBay(design, device_channels(design))
        self.run = Run(design, self.live)
        self.crew = Crew(setups(design), feeds_of(design), racks.plant, rack)
        self.groups = groups(design)
        self._intervals = sorted({group.interval for group in self.groups})
        self.tick_s = tick_s
        self.calm_s = calm_s
        self.events: list[Event] = []
        self.alerts: list[Alert] = []
        self.polls: list[Poll] | None = [] if keep else None
        self.tick_at = 0.0
        self.calm = False  # a long dwell is on
        self.counting: tuple[str | None, float] = ("", 0.0)  # the stage that counts, since when
        self.onset = np.inf  # run seconds, of the first fault
        self.stopped = False  # nobody wants to know how it goes on
        self._planned = list(faults)
        self._on_event = on_event
        self._began = 0.0  # on the racks' clock
        self._flying: list[Poll] = []
        self._last: tuple[Vector, Bools] = np.empty(0), np.empty(0, np.bool_)
        self._stage = ("", 0.0)  # the stage that is on, and since when
        self._alone: frozenset[str] = (
            frozenset()
        )  # devices whose answers do not come as they should
        measured = design.channels[: design.measured]
        self._shown = np.flatnonzero([channel.device != AGENT for channel in measured])
        self._self = np.array([SELF.get(channel.name, np.nan) for channel in measured])

    def settle(self) -> None:
        """Set the bay up as the stages before the first one leave it."""
        stage = self.run.course.todo[0]
        self.crew.settle(stage, first_load(self.design, stage))

    def begin(self) -> None:
        """Start the run now."""
        self._began = self.racks.seconds
        self._noted(self.run.begin({"run": "rehearsed", "serial": "SN1"}))
        for group in self.groups:
            for device in group.devices:
                data = told(device, self.live.channels[device], group.interval)
                self._noted(self.run.happened(Event(0.0, Kind.BOUND, data)))
        self._counts(None, 0.0)

    def look(self) -> None:
        """Let devices show what the rack's instruments do now."""
        racks, rack = self.racks, self.rack
        raw, good = self._self.copy(), np.ones(len(self._self), np.bool_)
        raw[self._shown] = racks.shown[rack]
        good[self._shown] = racks.good[rack]
        for number in np.flatnonzero(racks.silent[rack]).tolist():
            good[self.design.places[self._devices[number]]] = False
        self._last = raw, good
        odd = racks.twice[rack] | (racks.late[rack] + racks.jumbled[rack] > 0)
        alone = frozenset(self._devices[number] for number in np.flatnonzero(odd).tolist())
        if alone != self._alone:
            self._alone, self.groups = alone, groups(self.design, alone)

    def ask(self, at: float) -> None:
        """Ask the devices whose turn it is; they answer what they showed last."""
        raw, good = self._last
        for group in self.groups:
            if at % group.interval == 0:
                self._send(group, at, raw[group.where], good[group.where])

    def rests(self, at: float) -> bool:
        """Say whether devices show again what they showed: those asked often, in a calm soak."""
        return (
            self.calm
            and sum(at % each == 0 for each in self._intervals) == 1
            and at % self._intervals[0] == 0
            and not self._alone
            and self.racks.healthy(self.rack)
        )

    @property
    def _devices(self) -> Sequence[str]:
        """Return the devices of the racks, in the order of their arrays."""
        return tuple(self.racks.devices)

    def _send(self, group: Group, at: float, raw: Vector, good: Bools) -> None:
        """Put answers on their way: usually one, and at once."""
        delay, times = 0.0, 1
        if group.devices[0] in self._alone:
            racks, number = self.racks, self.racks.number(group.devices[0])
            odd = int(at / group.interval) % 2
            delay = float(racks.late[self.rack, number] + odd * racks.jumbled[self.rack, number])
            times += int(racks.twice[self.rack, number])
        self._flying += [Poll(at + delay, group, at, raw, good)] * times

    def _arrive(self, at: float) -> None:
        """Hand over what has come by now, all polls of a group of devices together."""
        here: dict[Group, list[Poll]] = {}
        for poll in self._flying:
            if poll.due <= at:
                here.setdefault(poll.group, []).append(poll)
                if self.polls is not None:
                    self.polls.append(poll)
        self._flying = [poll for poll in self._flying if poll.due > at]
        for group, mine in here.items():
            where = group.where
            raw = np.array([poll.raw for poll in mine])
            good = np.array([poll.good for poll in mine])
            values = self.live.columns(group).convert(raw)
            asked = np.array([poll.at for poll in mine])
            last = int(asked.argmax())  # the bay looks at the newest only
            self.live.put(where, raw[last], values[last], good[last], mine[last].at)
            prompt = np.array([poll.due - poll.at <= WATERMARK_S for poll in mine])
            if prompt.any():
                self.run.trial.put(where, asked[prompt], values[prompt], good[prompt])

    def tick(self, at: float) -> None:
        """Let the run go on, the crew act, and faults begin."""
        run = self.run
        self._arrive(at)
        alerts = self.live.alerts(at)
        self._noted(run.tick(at))
        now = run.course.now
        left = 0.0
        if now is not None:
            self.alerts += [Alert(at, *alert) for alert in alerts]
            if now.judging == "qualified":
                left = phase_s(now.stage, now.phase) - now.qualified(at)
        self.calm = left > 2 * self.calm_s
        self.tick_at = at + (self.calm_s if self.calm else self.tick_s)
        if now is not None:
            self._attend(at, now)
        elif run.course.standing(at).state in ("held", "waiting") and run.course.judged:
            self._noted(run.acted(run.deeds.finish(at, PEOPLE[0])))

    def _attend(self, at: float, now: Attempt) -> None:
        """Do what people do while a stage is on."""
        run, stage = self.run, now.stage.id
        if self._stage[0] != stage:
            self._stage = stage, at
        if self.counting[0] != stage and now.phase not in UNCOUNTED:
            self._counts(stage, at)
        elif at - self._stage[1] > PATIENCE_S + required_s(now.stage):
            self._noted(run.acted(run.deeds.abort(at, PEOPLE[0], "it does not get anywhere")))
            return
        load, part = load_of(now.stage, now.step), broken_part(now.stage, now.step)
        needs = open_needs(now) if now.phase == "needs" else ()
        if self.racks.crossed[self.rack]:
            self.crew.says_no |= {CABLING}
        seen = Standing(stage, now.step, now.phase, load, part, needs)
        for need, answer in self.crew.look(at, seen):
            by = next(who for who in PEOPLE if who not in now.answers.get(need, {}))
            self._noted(run.acted(run.deeds.answer(at, need, answer, by, None)))

    def _counts(self, stage: str | None, at: float) -> None:
        """Let the faults of a stage begin when it has counted for as long as they say."""
        self.counting = stage, at
        planned, self._planned = self._planned, []
        self.plan(planned)

    def plan(self, faults: Sequence[Planned]) -> None:
        """Let more faults begin, in the stage that counts now or in a later one."""
        stage, since = self.counting
        for planned in faults:
            if planned.stage == stage:
                self.onset = min(self.onset, since + planned.fault.onset_s)
                self.racks.inflict(self.rack, planned.fault.after(self._began + since))
            else:
                self._planned.append(planned)

    @property
    def over(self) -> bool:
        """Say whether the run is judged, or stopped."""
        return self.run.judged or self.stopped

    def rebooted(self, device: str, at: float) -> None:
        """Note that a device started anew."""
        data = {"device": device, "why": "its uptime fell"}
        self._noted(self.run.happened(Event(at, Kind.REBOOT, data)))

    def _noted(self, events: Sequence[Event]) -> None:
        """Keep what happened, and tell whoever wants to know."""
        self.events += events
        if self._on_event is not None:
            for event in events:
                self._on_event(event)


def device_channels(design: Design) -> Mapping[str, tuple[Channel, ...]]:
    """Return the channels that each device has: those that the spec asks for, by its names."""
    found: dict[str, list[Channel]] = {device: [] for device in design.places}
    for point in points(design):
        found[point.device].append(channel(point))
    for there in design.channels[: design.measured]:
        if there.device == AGENT:
            assert there.row.quantity is not None
            found[AGENT].append(Channel(there.name, there.row.quantity, "simulated"))
    return {device: tuple(channels) for device, channels in found.items()}
