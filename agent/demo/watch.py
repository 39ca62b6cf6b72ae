"""What a demo sees: the agent's runs, one bay's metrics and what fires, asked as anybody may."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from agent.burnin.design import Design
from agent.burnin.terms import broken_part, stage_of
from agent.demo.alerts import FIRING_PATH, Alert, firing
from agent.demo.diary import told
from agent.demo.progress import Progress, progress
from agent.demo.snapshot import Snapshot, read
from agent.lasting import lasting
from agent.programs import get

API: Final = "/api/v1"
ENTRIES_MAX: Final = 1000  # that one answer holds
DIARY_MAX: Final = 200  # lines that are kept


@dataclass(slots=True, kw_only=True)
class Watch:
    """All that is asked for, over and over. `bays`: the first one is shown in full."""

    design: Design
    bays: Sequence[str]
    agent_port: int
    prometheus_port: int | None
    runs: dict[str, Progress] = field(default_factory=dict)  # by bay
    snapshot: Snapshot = field(default_factory=Snapshot)
    alerts: list[Alert] = field(default_factory=list)
    diary: list[str] = field(default_factory=list)
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
        return new

    async def _read(self, bay: str, run: str) -> list[str]:
        """Read how a run stands and what is new in its journal."""
        known = self.runs.get(bay)
        if known is not None and known.run == run and known.sealed:
            return []
        now = await self._json(f"{API}/runs/{run}")
        if now:
            self.runs[bay] = progress(now, part=self._part(now["standing"] or {}))
        after = self._heard.get(run, 0)
        part = await self._json(f"{API}/runs/{run}/events?after={after}&limit={ENTRIES_MAX}")
        entries = part.get("entries", ())
        if entries:
            self._heard[run] = entries[-1]["seq"]
        where = f"{bay} " if len(self.bays) > 1 else ""
        return [
            f"{lasting(entry['at']):>7}  {where}{line}"
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
        """Leave out what began after the last run was over: a rack that cools down in its bay."""
        if not self.runs or not all(run.over for run in self.runs.values()):
            return alerts
        return [alert for alert in alerts if alert in self.alerts]

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
