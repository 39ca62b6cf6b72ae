"""A run's journal in words: what people did, what the plan asked for, what was found.

What only programs need (bindings, segments, windows) is left out; nothing is made up.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from agent.demo.tale import STAGES

Data = Mapping[str, Any]
PARTS: Final = {  # phases in which a step takes something away
    "breaking": "the plan asks: take away {part}",
    "broken": "{part} is seen to be gone; the rack must do without",
    "mending": "the plan asks: bring back {part}",
    "mended": "{part} is back",
}


def told(kind: str, data: Data) -> str:
    """Return one entry of a journal in one line; nothing for what people need not know.

    >>> told("answered", {"need": "bom_scanned", "answer": "yes", "by": "operator-1"})
    'operator-1 answers: bom_scanned yes'
    >>> told("window", {"judging": "none", "why": []})
    ''
    """
    words = WORDS.get(kind)
    return words(data) if words else ""


def _started(data: Data) -> str:
    """Say that a stage begins, and what it is for."""
    again = f", attempt {data['attempt']}" if data["attempt"] > 1 else ""
    what = STAGES.get(data["stage"])
    return f"{data['stage']} begins{again}" + (f": {what}" if what else "")


def _phase(data: Data) -> str:
    """Say what a phase asks of people."""
    if data["phase"] in PARTS:
        return PARTS[data["phase"]].format(part=data["part"])
    if data["phase"] == "dwell" and data["load"] is not None:
        return f"the plan asks: load {100 * data['load']:g} %"
    return ""


def _tripped(data: Data) -> str:
    """Say which limit was crossed that ends a stage at once."""
    names = [each["channel"] for each in data["channels"]]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"TRIP: {names[0]}{more}: the stage ends at once, and people must come"


def _checked(data: Data) -> str:
    """Say what the agent found of a need."""
    found = [*data["wrong"], *data["unknown"]]
    return f"the agent looks at {data['need']}: " + (found[0] if found else "all as designed")


def _judged(data: Data) -> str:
    """Say how a stage is judged."""
    return f"{data['stage']}: {data['verdict']}, {data['text']}"


WORDS: Final[Mapping[str, Callable[[Data], str]]] = {
    "run_started": lambda data: f"{data['by']} rolls in rack {data['serial']} and begins a run",
    "checked": _checked,
    "identity": lambda data: f"{data['device']} says that it is another one",
    "answered": lambda data: f"{data['by']} answers: {data['need']} {data['answer']}",
    "stage_started": _started,
    "phase": _phase,
    "tripped": _tripped,
    "stage_judged": _judged,
    "reboot": lambda data: f"{data['device']} has started anew: {data['why']}",
    "gap": lambda data: f"nobody was listening: {data['why']}",
    "disposition": lambda data: f"{data['by']} decides on {data['stage']}: {data['decision']}",
    "run_judged": lambda data: f"run: {data['verdict']}, {data['text']}",
}
