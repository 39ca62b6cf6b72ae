"""The show: what was seen, once a second, on the screen; and the fault when it is time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from agent import clock
from agent.demo.board import Scene, board
from agent.demo.progress import Progress
from agent.demo.rules import rules
from agent.demo.screen import Screen
from agent.demo.script import Script
from agent.demo.snapshot import UNKNOWN
from agent.demo.tale import minutes
from agent.demo.wall import wall
from agent.demo.watch import Watch
from agent.programs import Program, ProgramError
from collectors.twin.faults import KINDS

LOOK_S: Final = 1.0
CERTIFICATE: Final = "http://127.0.0.1:{port}/api/v1/runs/{run}/record/certificate.html"
SLOW: Final = (
    "This machine is too busy for {rate:g} times as fast: readings get lost. Try --rate {less:g}"
)
LATE_LOOKS: Final = 5  # at which the agent was behind, before that is told
END_LINES: Final = 6  # what is told below the last screen
TRY: Final = "Ctrl-C ends. Next time try --fault leak, or --bays 8"


@dataclass(slots=True, kw_only=True)
class Show:
    """One demo while it runs."""

    watch: Watch
    script: Script
    rate: float
    programs: Sequence[Program]  # without which there is nothing to see
    screen: Screen = field(default_factory=Screen)
    told: bool = False  # how it ended
    began: float | None = None  # when the first run was seen
    ended: float | None = None  # when all were over

    async def run(self) -> bool:
        """Show until the end. Return whether all was seen. Raises: ProgramError."""
        while not self.script.is_over(clock.monotonic()):
            if not self.told or self.script.wish.leave:
                await self._look()
            if self.script.over_at is not None and not self.told:
                self.told = True
                self._tell_end()
            await asyncio.sleep(LOOK_S)
        return self.script.all_seen

    async def _look(self) -> None:
        """See how everything is, do what is due, and show. Raises: ProgramError."""
        for program in self.programs:
            if program.process.returncode is not None:
                raise ProgramError(program.obituary())
        lines = await self.watch.look()
        now = clock.monotonic()
        if self.began is None and self.watch.runs:
            self.began = now
        if (
            self.ended is None
            and self.watch.runs
            and all(run.over for run in self.watch.runs.values())
        ):
            self.ended = now
        if self.script.step(self.watch.runs, self.watch.alerts, now):
            lines.append(self._fault())
            self.watch.diary.append(lines[-1])
        news = self.script.news(self.watch.alerts)
        if self.screen.in_place:
            if not self.told:  # or what stands below the last screen is lost
                self.screen.draw(self._drawn())
            return
        if self.watch.late == LATE_LOOKS:
            lines.append(self._footer())
            self.watch.late += 1  # once is enough
        for line in [*lines, *(f"         alert fires: {alert}" for alert in news)]:
            self.screen.note(line)

    def _drawn(self) -> list[str]:
        """Return the screen."""
        columns, lines = self.screen.size
        lines -= END_LINES if self.script.over_at is not None else 0
        watch, first = self.watch, self.watch.bays[0]
        if len(watch.bays) > 1:
            return wall(
                [(bay, watch.runs.get(bay)) for bay in watch.bays],
                pace=self._pace(),
                diary=watch.diary,
                alerts=watch.alerts,
                footer=self._footer(),
                columns=columns,
                lines=lines,
            )
        now = watch.runs.get(first)
        held = rules(watch.design, watch.moments.get(first))
        if now and now.over:  # what is not known any more was judged while it was
            held = {
                place: rule
                for place, rule in held.items()
                if watch.snapshot.status.get(place) != UNKNOWN
            }
        scene = Scene(
            bay=first,
            pace=self._pace(),
            progress=now,
            snapshot=watch.snapshot,
            rules=held,
            diary=watch.diary,
            alerts=watch.alerts,
            footer=self._footer(),
        )
        return board(scene, columns=columns, lines=lines)

    def _pace(self) -> str:
        """Say how long it has been, for the racks and for who watches."""
        now = self.ended or clock.monotonic()
        real_s = now - (self.began or now)
        return (
            minutes(real_s)
            if self.rate == 1
            else f"{minutes(real_s * self.rate)} pass in {minutes(real_s)}"
        )

    def _footer(self) -> str:
        """Say what can be done."""
        if self.watch.late < LATE_LOOKS:
            return TRY
        return SLOW.format(rate=self.rate, less=max(1.0, round(self.rate / 3)))

    def _fault(self) -> str:
        """Say what was broken."""
        placed = self.script.wish.fault
        assert placed is not None
        return f"  FAULT  {placed.fault.kind}: {KINDS[placed.fault.kind].story}"

    def _place(self, now: Progress) -> str:
        """Say where a certificate can be opened."""
        return CERTIFICATE.format(port=self.watch.agent_port, run=now.run)

    def _tell_end(self) -> None:
        """Say how it ended and where to look, in lines that stay."""
        for bay in self.watch.bays:
            now = self.watch.runs[bay]
            self.screen.note("")
            self.screen.note(f"{bay}: {now.verdict}, {now.reason}")
            self.screen.note(f"  {self._place(now)}")
        if not self.script.wish.leave:
            self.screen.note(
                "The certificate can be opened until you press Ctrl-C; --keep DIR keeps it."
            )
