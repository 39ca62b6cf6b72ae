"""Enumerations as states: their names as ours, and which of them are probably good."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from collectors.draft.meaning import Seen
from collectors.draft.words import STATES, sets, split

GOOD: Final = frozenset((
    "ok", "normal", "on", "online", "up", "good", "closed", "running", "operational", "healthy",
    "clear", "no_alarm", "noalarm", "connected", "ready", "no_error", "noerror", "functional",
    "okay", "on_line", "in_range", "fully_redundant", "redundant", "powered_on", "operating",
    "no_fault", "within_limits", "not_in_alarm", "system_normal", "normal_on", "enabled_ok",
    "no_trouble", "good_state", "stable", "within_limit", "not_alarmed", "full_redundancy",
    "dry", "no_leak", "present_ok", "green", "ok_on", "non_critical_ok", "load_normal",
    "comm_established", "established", "communication_ok", "on_battery_ok", "nominal", "idle_ok",
))  # fmt: skip
QUIET: Final = frozenset((  # good where the name speaks of an alarm or fault
    "off", "no", "false", "inactive", "none", "clear", "cleared", "not_active", "not_detected",
    "absent", "disabled", "undetected",
))  # fmt: skip
TROUBLE: Final = frozenset(("alarm", "fault", "failure", "error", "leak", "trouble", "warning",
                            "alarms", "fail", "tripped", "overload"))  # fmt: skip
SWITCHED: Final = frozenset(("on", "off"))  # may rightly be either: nothing of it is good
NUMBERED: Final = re.compile(r"^(?:[a-z]+_)?\d+$")  # `phase_1`: a choice, not a state


def state_names(named: Mapping[int, str]) -> dict[int, str]:
    """Return the names of an enumeration as a profile writes them.

    >>> state_names({1: "onlineOK", 2: "lower-critical", 3: "notPresent"})
    {1: 'online_ok', 2: 'lower_critical', 3: 'not_present'}
    """
    found: dict[int, str] = {}
    for number, label in named.items():
        name = "_".join(split(label)) or f"state_{number}".replace("-", "minus_")
        name = name if name[0].isalpha() else f"state_{name}"
        found[number] = name if name not in found.values() else f"{name}_{abs(number)}"
    return found


def is_state(seen: Seen) -> bool:
    """Say whether an enumerated object tells a state rather than a choice somebody made."""
    if not seen.enumerated or not seen.numbers:
        return False
    words = seen.words[-3:]
    if _switched(seen):
        return True
    stateful = bool(STATES & set(words))
    if seen.mib.access in ("read-write", "read-create", "write-only"):
        return stateful and words[-1] in STATES and sets(seen.words[:-1]) is None
    if words and words[-1] in ("type", "unit", "units", "index", "scale", "command", "id"):
        return False
    if all(NUMBERED.match(name) for name in state_names(seen.mib.syntax.named).values()):
        return False
    return stateful or (sets(seen.words) is None and bool(_good(seen.mib.syntax.named, words)))


def _switched(seen: Seen) -> bool:
    """Say whether an object that switches something on and off also tells which it is."""
    labels = {word for name in seen.mib.syntax.named.values() for word in split(name)}
    things = {"outlet", "outlets", "relay", "output", "switch", "receptacle", "load", "port"}
    named = {"state", "status", "control", "ctl", "cmd", "command", "switch"} & set(seen.own)
    return bool({"on", "off"} <= labels and things & set(seen.words) and named) and not (
        sets(seen.words)
    )


def good_states(seen: Seen) -> list[str]:
    """Return the states that probably mean that all is well; none where either may be right."""
    return _good(seen.mib.syntax.named, seen.words)


def _good(named: Mapping[int, str], words: Sequence[str]) -> list[str]:
    """Return the good ones of an enumeration."""
    names = list(state_names(named).values())
    trouble = bool(TROUBLE & set(words))
    if trouble and (quiet := [n for n in names if n in QUIET | GOOD and n not in ("on", "up")]):
        return quiet
    if all(set(split(n)) & SWITCHED for n in names[:2]) and len(names) > 1:
        return []
    if set(names) <= SWITCHED | {"unknown", "rebooting", "reboot", "cycling"}:
        return []
    return [n for n in names if n in GOOD]
