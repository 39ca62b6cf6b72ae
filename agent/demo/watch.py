"""What a demo sees: the agent's runs, one bay's metrics and what fires, asked as anybody may."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from agent.burnin.design import Design
from agent.burnin.terms import Moment, broken_part, stage_of
from agent.demo.alerts import FIRING_PATH, Alert, firing
from agent.demo.diary import told
from agent.demo.progress import Progress, progress
from agent.demo.rules import rules
from agent.demo.snapshot import Snapshot, read
from agent.demo.tale import minutes
from agent.programs import get

API: Final = "/api/v1"
ENTRIES_MAX: Final = 1000  # that one answer holds
DIARY_MAX: Final = 200  # lines that are kept
LAG: Final = "rackproof_agent_loop_lag_seconds_"
LAG_S: Final = 2.5  # mean, on the racks' clock: half of the shortest interval between two polls


@dataclass(slots=True, kw_only=True)
class Watch:
    """All that is asked for, over and over. `bays`: the first one is shown in full."""

    design: Design
    bays: Sequence[str]
    agent_port: int
    prometheus_port: int | None
    runs: dict[str, Progress] = field(default_factory=dict)  # by bay
    snapshot: Snapshot = field(default_factory=Snapshot)
    moments: dict[str, Moment] = field(default_factory=dict)  # the latest of each bay's plan
    alerts: list[Alert] = field(default_factory=list)  # that are about what is judged now
    diary: list[str] = field(default_factory=list)
    late: int = 0  # looks at which the agent was behind
    _lag: tuple[float, float] = 0.0, 0.0  # sum and count of its wake-ups
    _heard: dict[str, int] = field(default_factory=dict)  # run -> the last entry of its journal
    _load: dict[str, Any] = field(default_factory=dict)  # run -> what was last asked for

    async def look(self) -> list[str]:
        """Ask once; return the lines that are new in the diary."""
        new = []
        found = await self._json(f"{API}/runs?limit={len(self.bays)}")
        for run in found.get("runs", ()):
            new += await self._read(run["bay"], run["run"])
        if len(self.bays) == 1:
            page = await get(self.agent_port, f"/metrics/bays/{self.bays[0]}")
            self.snapshot = read(page.decode()) if page else Snapshot()
        if self.prometheus_port is not None:
            body = await get(self.prometheus_port, FIRING_PATH)
            self.alerts = self._meant(firing(body) if body else [])
        self.diary = [*self.diary, *new][-DIARY_MAX:]
        page = await get(self.agent_port, "/metrics/agent")
        self._lags(page.decode() if page else "")
        return new

    def _lags(self, page: str) -> None:
        """Read whether the agent keeps up with the clock that it was given."""
        lines = dict(line.split()[:2] for line in page.splitlines() if line.startswith(LAG))
        now = float(lines.get(f"{LAG}sum", 0)), float(lines.get(f"{LAG}count", 0))
        lag, count = (after - before for after, before in zip(now, self._lag, strict=True))
        self._lag = now
        self.late += count > 0 and lag / count > LAG_S

    async def _read(self, bay: str, run: str) -> list[str]:
        """Read how a run stands and what is new in its journal."""
        known = self.runs.get(bay)
        if known is not None and known.run == run and known.sealed:
            return []
        now = await self._json(f"{API}/runs/{run}")
        if now:
            self.runs[bay] = seen = progress(now, part=self._part(now["standing"] or {}))
            if seen.moment is not None:
                self.moments[bay] = seen.moment
        after = self._heard.get(run, 0)
        part = await self._json(f"{API}/runs/{run}/events?after={after}&limit={ENTRIES_MAX}")
        entries = part.get("entries", ())
        if entries:
            self._heard[run] = entries[-1]["seq"]
        where = f"{bay} " if len(self.bays) > 1 else ""
        return [
            f"{minutes(entry['at']):>7}  {where}{line}"
            for entry in entries
            if (line := told(entry["kind"], entry["data"])) and self._is_new(run, entry["data"])
        ]

    def _is_new(self, run: str, data: dict[str, Any]) -> bool:
        """Say whether an entry asks for another load than the one before, or for something else."""
        if data.get("phase") != "dwell":
            return True
        before, self._load[run] = self._load.get(run), data["load"]
        return bool(before != data["load"])

    def _meant(self, alerts: list[Alert]) -> list[Alert]:
        """Leave out what no stage judges: before it is filled a rack has no flow, and is well.

        So it is after all have passed: what begins then are racks that cool down in their bays.
        """
        passed = {run.over and run.verdict == "PASS" for run in self.runs.values()} == {True}
        return [
            each for each in alerts if (each in self.alerts or not passed) and self._judged(each)
        ]

    def _judged(self, alert: Alert) -> bool:
        """Say whether an alert is about something that is judged now, or about no channel."""
        moment = self.moments.get(alert.bay)
        if moment is None:
            return not alert.bay
        held = rules(self.design, moment)
        return all(alert.about != " ".join(place) or rule.judged for place, rule in held.items())

    def _part(self, at: dict[str, Any]) -> str | None:
        """Return what the step that is on takes away."""
        if not at.get("stage"):
            return None
        return broken_part(stage_of(self.design, at["stage"]), at["step"])

    async def _json(self, path: str) -> dict[str, Any]:
        """Return what the agent answers; nothing while it does not."""
        body = await get(self.agent_port, path)
        found: dict[str, Any] = json.loads(body) if body else {}
        return found
