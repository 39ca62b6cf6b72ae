"""A desk with one bay, whose run goes where the tests push it; nothing is measured or stored."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.acts import (
    Abort,
    Act,
    Answer,
    Dispose,
    Finish,
    Pause,
    Refused,
    Repeat,
    Resume,
    Start,
    Ticket,
    Told,
)
from agent.news import Item, News

STAGES = ("inventory", "idle_soak", "full_soak")
SPEC = {"id": "nvl72", "revision": "C.3", "hash": "5e" * 32, "status": "released"}


class FakeDesk:
    """What the API needs of a desk, kept in memory, with the rules that a caller meets."""

    def __init__(self) -> None:
        self.news = News("test")
        self.held: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Told] = {}
        self.journal: dict[str, list[dict[str, Any]]] = {}
        self.folders: dict[str, Path] = {}
        self.broken = ""

    def bays(self) -> Sequence[Mapping[str, Any]]:
        """Say which run is on in the one bay with a spec; the other has none."""
        on = [run["run"] for run in self.held.values() if run["state"] != "over"]
        return [
            {"bay": "bay-01", "spec": {**SPEC, "plan": True}, "run": on[0] if on else None},
            {"bay": "bay-02", "spec": None, "run": None},
        ]

    async def start(self, bay: str, start: Start, ticket: Ticket | None) -> Mapping[str, Any]:
        """Begin a run, one at a time."""
        self._store()
        known = {each["bay"]: each for each in self.bays()}[bay]
        if known["spec"] is None:
            raise Refused(409, f"{bay} has no spec; name one in the floor file")
        if start.spec_hash not in (None, SPEC["hash"]):
            raise Refused(409, f"the spec of {bay} is {SPEC['hash']}, another than was asked for")
        if known["run"]:
            raise Refused(409, f"run {known['run']} is on in {bay}; abort it, or wait for its end")
        name = f"run-{len(self.held) + 1}"
        run = self.held[name] = _run(name, bay, start)
        self.journal[name] = []
        self._note(name, "run_started", {"serial": start.serial})
        return self._answered(run, ticket)

    async def act(self, run: str, act: Act, ticket: Ticket | None) -> Mapping[str, Any]:
        """Do what can be done at that point."""
        self._store()
        shown = await self.show(run)
        if shown["state"] == "over" and not isinstance(act, Dispose):
            raise Refused(409, f"run {run} is over; start another")
        kept = self.held[run]
        match act:
            case Answer():
                if act.need not in kept["standing"]["needs"]:
                    raise Refused(409, f"nobody asked for {act.need!r}; asked for: none")
                kept["standing"]["needs"].remove(act.need)
                kept["state"] = "running"
            case Pause():
                kept["state"] = "paused"
            case Resume():
                kept["state"] = "running"
            case Abort() | Finish():
                self.end(run, "ABORTED" if isinstance(act, Abort) else "INCONCLUSIVE")
            case Repeat() | Dispose():
                if act.stage not in STAGES:
                    raise Refused(409, f"the plan has no stage {act.stage!r}")
        self._note(run, type(act).__name__.lower(), act.model_dump(mode="json"))
        return self._answered(kept, ticket)

    async def told(self, key: str) -> Told | None:
        """Return what was answered."""
        return self.answers.get(key)

    async def runs(self) -> Sequence[Mapping[str, Any]]:
        """List runs, the latest first."""
        hidden = ("stages", "reason", "notifications")
        listed = [{k: v for k, v in r.items() if k not in hidden} for r in self.held.values()]
        return listed[::-1]

    async def show(self, run: str) -> Mapping[str, Any]:
        """Show a run."""
        if run not in self.held:
            raise Refused(404, f"there is no run {run!r}; `rackproof runs list` has them all")
        return self.held[run]

    async def entries(self, run: str, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """Show a part of the journal."""
        await self.show(run)
        return [entry for entry in self.journal[run] if entry["seq"] > after][:limit]

    async def record(self, run: str) -> Path | None:
        """Say where the record is."""
        await self.show(run)
        return self.folders.get(run)

    def end(self, run: str, verdict: str) -> None:
        """End a run."""
        self.held[run] |= {
            "state": "over",
            "verdict": verdict,
            "standing": None,
            "ended": "2026-03-01T10:00:00Z",
            "reason": {"verdict": verdict, "of": "run", "text": f"it is {verdict}"},
        }
        self.news.tell(Item("verdict", {"run": run, "verdict": verdict}))

    def _store(self) -> None:
        """Refuse while the disk is full."""
        if self.broken:
            raise Refused(503, self.broken)

    def _answered(self, run: Mapping[str, Any], ticket: Ticket | None) -> Mapping[str, Any]:
        """Keep an answer for who asks again."""
        answer = {**run, "standing": run["standing"] and {**run["standing"]}}
        if ticket is not None:
            self.answers[ticket.key] = Told(ticket.asked, answer)
        return answer

    def _note(self, run: str, kind: str, data: Mapping[str, Any]) -> None:
        """Write an entry."""
        entries = self.journal[run]
        seq = len(entries) + 1
        stamp = {"wall": 1.7e9, "mono": 5.0, "boot": "b", "prev": "0" * 64, "hash": "1" * 64}
        entries.append({"run": run, "seq": seq, "at": 0.0, "kind": kind, "data": data, **stamp})


def _run(name: str, bay: str, start: Start) -> dict[str, Any]:
    """Return a run that has just begun and waits for a barcode."""
    ahead = {"attempt": None, "verdict": None, "outcome": None, "qualified_s": 0.0}
    return {
        "run": name,
        "bay": bay,
        "serial": start.serial,
        "sku": start.sku,
        "by": start.by,
        "state": "waiting",
        "verdict": "INCONCLUSIVE",
        "started": "2026-03-01T09:00:00Z",
        "ended": None,
        "spec": SPEC,
        "standing": {
            "stage": "inventory",
            "attempt": 1,
            "step": None,
            "phase": "needs",
            "judging": "none",
            "qualified_s": 0.0,
            "required_s": 900.0,
            "load": 0.0,
            "needs": ["bom_scanned"],
            "waiting_for": ["bom_scanned: answer it with `rackproof runs answer`"],
            "why": [],
        },
        "stages": [
            {"stage": stage, "required_s": 900.0, **ahead, **({"attempt": 1} if not n else {})}
            for n, stage in enumerate(STAGES)
        ],
        "coverage": None,
        "reason": {
            "verdict": "INCONCLUSIVE",
            "of": "run",
            "text": "3 stages are not done",
            "parts": [
                {"verdict": "INCONCLUSIVE", "of": "inventory", "text": "waits for bom_scanned"}
            ],
        },
        "record": None,
        "notifications": [
            {
                "at": 12.5,
                "device": "feedA",
                "name": "linkDown",
                "channels": ["port/eth0/link"],
                "count": 3,
                "inform": False,
                "restart": False,
                "objects": [["1.3.6.1.2.1.2.2.1.8.1", "2"]],
            }
        ],
    }


@pytest.fixture
def desk() -> FakeDesk:
    """Return a desk at which nothing has happened."""
    return FakeDesk()
