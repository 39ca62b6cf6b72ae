"""What the agent's API says of a run, for tests of those who show it."""

from typing import Any

from agent.web.shapes import Run

STAGES = ("inventory", "soak", "feed_loss", "sign_off")


def run(  # noqa: PLR0913 -- tests differ in so much
    stage: str | None = "soak",
    *,
    phase: str = "dwell",
    judging: str = "qualified",
    verdicts: tuple[str, ...] = ("PASS",),
    over: str | None = None,
    bay: str = "bay-01",
    **standing: object,
) -> dict[str, Any]:
    """Return a run that is in a stage, or over with a verdict; held to the API's own shape."""
    at: dict[str, object] = {
        "stage": stage,
        "attempt": 1,
        "step": None,
        "phase": phase,
        "judging": judging,
        "qualified_s": 120.0,
        "required_s": 480.0,
        "load": 1.0,
        "needs": [],
        "waiting_for": [],
        "why": [],
    }
    told = {
        "run": f"{bay}-1",
        "bay": bay,
        "serial": "SIM-0001",
        "sku": None,
        "by": "operator-1",
        "state": "over" if over else "running",
        "verdict": over or "INCONCLUSIVE",
        "started": "2026-01-01T00:00:00.000Z",
        "ended": None,
        "spec": {"id": "rack-132kw", "revision": "A.1", "hash": "0" * 64, "status": "draft"},
        "standing": None if over else {**at, **standing},
        "coverage": 1.0,
        "record": "/records/1" if over else None,
        "stages": [
            {
                "stage": name,
                "attempt": 1 if n <= len(verdicts) else None,
                "verdict": verdicts[n] if n < len(verdicts) else None,
                "outcome": None,
                "qualified_s": None,
                "required_s": 480.0,
            }
            for n, name in enumerate(STAGES)
        ],
        "notifications": [],
        "reason": {"verdict": over, "of": "run", "text": "failed: soak"} if over else None,
    }
    Run.model_validate(told)
    return told
