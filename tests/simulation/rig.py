"""A simulated run: rack, crew and faults on one side, the run as it is shipped on the other.

The clock is a number. Polls follow each device's own grid; what many devices answer at one moment
is handed over together, so that 34 hours take seconds. With `keep` the samples are kept as well,
for whoever wants to judge the run again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from agent.burnin.attempt import Attempt, open_needs, phase_s, required_s
from agent.burnin.block import Block
from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.burnin.run import Run
from agent.burnin.terms import load_of
from agent.burnin.verdict import Reason
from collectors.readings import Quality
from tests.simulation.bulk import Bools, BulkBay, Group, groups, told
from tests.simulation.crew import Crew, Standing
from tests.simulation.faults import Fault
from tests.simulation.rack import Rack, Vector

LAG_S: Final = 0.5  # from a poll to the look at what it brought
PEOPLE: Final = ("operator-1", "operator-2")
PATIENCE_S: Final = 3600.0  # beyond what a stage asks for; then somebody gives up
UNCOUNTED: Final = ("", "needs", "entry")  # phases before a stage counts


def remaining(now: Attempt, at: float) -> float:
    """Return how much qualified time the phase that is on still lacks."""
    return phase_s(now.stage, now.phase) - now.qualified(at)


class Poll(NamedTuple):
    """What a group of devices answered at one moment; it may be a while on its way."""

    due: float
    group: Group
    at: float
    raw: Vector
    good: Bools


@dataclass(slots=True)
class Onset:
    """A fault, and since when it is there."""

    fault: Fault
    since: float | None = None

    def on(self, at: float) -> bool:
        """Say whether it is there now."""
        return self.since is not None and at < self.since + self.fault.lasts


class Simulation:
    """One run of one rack. `tick_s`: how often the run is looked at; `calm_s`: in a long dwell."""

    def __init__(  # noqa: PLR0913 -- that much differs from test to test
        self,
        design: Design,
        *faults: Fault,
        seed: int = 1,
        tick_s: float = 5.0,
        calm_s: float = 5.0,
        keep: bool = False,
        says_no: frozenset[str] = frozenset(),
    ) -> None:
        self.design = design
        self.live = BulkBay(design)
        self.run = Run(design, self.live)
        self.rack = Rack(design, seed)
        self.crew = Crew(design, self.rack, says_no)
        self.onsets = [Onset(fault) for fault in faults]
        self.groups = groups(design)
        self.tick_s = tick_s
        self.calm_s = calm_s
        self.keep = keep
        self.at = 0.0
        self.events: list[Event] = []
        self.polls: list[Poll] = []
        self._tick_at = LAG_S
        self._flying: list[Poll] = []
        self._counting = ("", 0.0)  # the stage that counts, and since when
        self._stage = ("", 0.0)  # the stage that is on, and since when

    def go(self) -> Reason:
        """Run the plan to its end; return the verdict and why it is that."""
        self.crew.settle(self.run.course.todo[0])
        self.events += self.run.begin({"run": "simulated", "serial": "SN1"})
        for group in self.groups:
            for device in group.devices:
                data = told(device, self.live.channels[device], group.interval)
                self.events += self.run.happened(Event(0.0, Kind.BOUND, data))
        steps = {group.interval for group in self.groups}
        while not self.run.judged:
            now = min(self._tick_at, *((self.at // step + 1) * step for step in steps))
            self.rack.plant.advance(now - self.at)
            self.at = now
            if now == self._tick_at:
                self._tick()
            else:
                self._poll()
        return self.run.trial.reason()

    def _poll(self) -> None:
        """Read whatever is due, and send it on its way."""
        due = [group for group in self.groups if self.at % group.interval == 0]
        if not due:
            return
        raw = self.rack.read(electric=due[0] is self.groups[0])
        good = np.ones(len(raw), np.bool_)
        on = [onset for onset in self.onsets if onset.on(self.at)]
        for onset in on:
            self._spoil(onset, raw, good)
        faults = [onset.fault for onset in on if onset.fault.on_the_way]
        for group in due:
            self._flying += self._sent(group, raw, good, faults)

    def _arrive(self) -> None:
        """Hand over what has come by now, all polls of a group of devices together."""
        here = [poll for poll in self._flying if poll.due <= self.at]
        self._flying = [poll for poll in self._flying if poll.due > self.at]
        if self.keep:
            self.polls += here
        columns = self.live.columns
        for group in self.groups:
            mine = [poll for poll in here if poll.group is group]
            if not mine:
                continue
            where = group.where
            raw = np.array([poll.raw for poll in mine])
            good = np.array([poll.good for poll in mine])
            values = columns[group.where.start].convert(raw)
            asked = np.array([poll.at for poll in mine])
            last = int(asked.argmax())  # the bay looks at the newest only
            self.live.put(where, raw[last], values[last], good[last], mine[last].at)
            self.run.trial.put(where, asked, values, good)

    def _spoil(self, onset: Onset, raw: Vector, good: Bools) -> None:
        """Let a fault act on what instruments show."""
        if onset.fault.distort is not None and onset.since is not None:
            onset.fault.distort(self.rack, raw, good, self.at - onset.since)
        for device in onset.fault.lost:
            good[self.design.places[device]] = False

    def _sent(self, group: Group, raw: Vector, good: Bools, faults: list[Fault]) -> list[Poll]:
        """Return the answers that a group sends: usually one, and at once."""
        hit = [fault for fault in faults if set(fault.on_the_way) & set(group.devices)]
        delay = max((fault.delay(self.at) for fault in hit), default=0.0)
        poll = Poll(self.at + delay, group, self.at, raw[group.where], good[group.where])
        return [poll] * (2 if any(fault.twice for fault in hit) else 1)

    def _tick(self) -> None:
        """Let the run go on, the crew act, and faults begin."""
        at, run = self.at, self.run
        self._arrive()
        self.live.judge(at)
        self.events += run.tick(at)
        now = run.course.now
        left = 0.0 if now is None or now.judging != "qualified" else remaining(now, at)
        self._tick_at += self.calm_s if left > 2 * self.calm_s else self.tick_s
        if now is None:
            standing = run.course.standing(at)
            if standing.state in ("held", "waiting") and run.course.judged:
                self.events += run.acted(run.deeds.finish(at, PEOPLE[0]))
            return
        stage = now.stage.id
        if self._stage[0] != stage:
            self._stage = stage, at
        if self._counting[0] != stage and now.phase not in UNCOUNTED:
            self._counting = stage, at
        elif at - self._stage[1] > PATIENCE_S + required_s(now.stage):
            self.events += run.acted(run.deeds.abort(at, PEOPLE[0], "it does not get anywhere"))
            return
        self._begin(at)
        load = load_of(now.stage, now.step)
        needs = open_needs(now) if now.phase == "needs" else ()
        seen = Standing(stage, now.step, now.phase, load, needs)
        for need, answer in self.crew.look(at, seen):
            by = next(who for who in PEOPLE if who not in now.answers.get(need, {}))
            self.events += run.acted(run.deeds.answer(at, need, answer, by, None))

    def _begin(self, at: float) -> None:
        """Let faults begin whose time has come."""
        for onset in self.onsets:
            fault = onset.fault
            here = self._counting[0] == fault.stage and at - self._counting[1] >= fault.after
            if onset.since is not None or not here:
                continue
            onset.since = at
            if fault.happen is not None:
                fault.happen(self.rack)
            for device in fault.reboots:
                self.rack.reboot(device)
                data = {"device": device, "why": "its uptime fell"}
                self.events += self.run.happened(Event(at, Kind.REBOOT, data))

    def blocks(self, seconds: float) -> Iterator[Block]:
        """Return what was kept, as blocks of so many seconds: every device, then the next ones."""
        segments: dict[tuple[float, int], list[Poll]] = {}
        for poll in sorted(self.polls, key=lambda poll: poll.due):
            key = poll.due // seconds, poll.group.where.start
            segments.setdefault(key, []).append(poll)
        for _, part in sorted(segments.items()):
            raw = np.array([poll.raw for poll in part])
            good = np.array([poll.good for poll in part])
            for device in part[0].group.devices:
                yield self._block(device, part, raw, good)

    def _block(self, device: str, part: list[Poll], raw: Vector, good: Bools) -> Block:
        """Return some polls of one device."""
        first = part[0].group.where.start
        place = self.design.places[device]
        where = slice(place.start - first, place.stop - first)
        quality = np.where(good[:, where], Quality.GOOD, Quality.STALE).astype(np.uint8)
        return Block(
            device=device,
            binding=0,
            asked=np.array([poll.at for poll in part]),
            taken=np.array([poll.due for poll in part]),
            values=np.where(good[:, where], raw[:, where], np.nan),
            quality=quality,
            raw=raw[:, where],
        )
