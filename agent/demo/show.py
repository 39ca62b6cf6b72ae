"""The show: what the agent says about the bay, once a second, and the fault when it is time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from agent import clock
from agent.demo.alerts import FIRING_PATH, Alert, firing
from agent.demo.board import Rule, board, changes, summary
from agent.demo.screen import Screen
from agent.demo.script import Cue, Script, Wish
from agent.demo.site import BAY
from agent.demo.snapshot import Place, Snapshot, read
from agent.programs import Program, ProgramError, get
from collectors.twin.bay import FAULTS, Bay

LOOK_SECONDS: Final = 1.0
WORDS_SECONDS: Final = 10.0  # between two summaries where there is no terminal
ALERTS_SHOWN: Final = 3


@dataclass(slots=True, kw_only=True)
class Show:
    """One demo while it runs."""

    bay: Bay
    agent: Program
    agent_port: int
    prometheus_port: int | None  # None: there is none
    known_share: float  # of the judged channels, before the bay counts as live
    rules: Mapping[Place, Rule]
    screen: Screen = field(default_factory=Screen)
    seen: Snapshot = field(default_factory=Snapshot)
    spoken_at: float = float("-inf")

    async def run(self, wish: Wish) -> bool:
        """Show as `wish` says. Return whether all was seen. Raises: ProgramError."""
        script = Script(
            wish=wish,
            started=clock.monotonic(),
            known_share=self.known_share,
            alerting=self.prometheus_port is not None,
        )
        while not script.is_over(clock.monotonic()):
            await self._look(script)
            await asyncio.sleep(LOOK_SECONDS)
        return script.all_seen

    async def _look(self, script: Script) -> None:
        """Read both pages once, do what is due, and show. Raises: ProgramError."""
        if self.agent.process.returncode is not None:
            raise ProgramError(self.agent.obituary())
        page = await get(self.agent_port, f"/metrics/bays/{BAY}")
        before, self.seen = self.seen, read(page.decode()) if page else Snapshot()
        alerts = await self._alerts()
        now = clock.monotonic()
        cue, fault = script.step(self.seen, alerts, now), script.wish.fault
        if cue is Cue.LIVE:
            self.screen.note(f"live after {now - script.started:.0f} s")
        if cue is Cue.BREAK and fault:
            self.bay.raise_fault(fault)
            self.screen.note(f"fault raised: {FAULTS[fault].story}")
        if self.screen.in_place:
            lines = board(self.seen, self.rules, rows=self.screen.rows)
            self.screen.draw([*lines, "", *_footer(script, alerts, now)])
        elif script.live_at is not None:
            self._tell(script, before, alerts, now)

    async def _alerts(self) -> list[Alert]:
        """Return what fires."""
        if self.prometheus_port is None:
            return []
        body = await get(self.prometheus_port, FIRING_PATH)
        return firing(body) if body else []

    def _tell(self, script: Script, before: Snapshot, alerts: list[Alert], now: float) -> None:
        """Say in lines what changed and, now and then, how everything stands."""
        if now >= self.spoken_at + WORDS_SECONDS:
            self.spoken_at = now
            self.screen.note(f"{now - script.started:4.0f} s  {summary(self.seen)}")
        if before.known_share >= self.known_share:
            for line in changes(before, self.seen, self.rules):
                self.screen.note(line)
        for alert in script.news(alerts):
            self.screen.note(f"alert firing: {alert}")


def _footer(script: Script, alerts: list[Alert], now: float) -> list[str]:
    """Return what stands below the table: the fault, and what fires."""
    fault = script.wish.fault
    if fault is None:
        lines = [f"try --fault {'|'.join(FAULTS)}; Ctrl-C ends"]
    elif script.fault_at is None:
        lines = [f"the fault {fault!r} comes soon; this is the healthy bay"]
    else:
        lines = [f"fault, {now - script.fault_at:.0f} s ago: {FAULTS[fault].story}"]
    lines += [f"alert firing: {alert}" for alert in alerts[:ALERTS_SHOWN]]
    if len(alerts) > ALERTS_SHOWN:
        lines.append(f"and {len(alerts) - ALERTS_SHOWN} more alerts")
    return lines
