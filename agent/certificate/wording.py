"""Words and figures of a certificate: what is proven, by which rule, and numbers as people read.

>>> number(40.1234, 0.4, "degC"), number(132_480.0, 1320.0, "W"), number(0.0, None, "")
('40.1', '132.5', '0')
>>> spell(93_784.0), spell(95.0), spell(7.3)
('26:03:04', '1:35', '7.3 s')
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from agent.exposition.labels import clean

TEXT_CHARS_MAX: Final = 600  # a reason names a channel, a time, a value and a limit: 200 do
NONE: Final = "\u2013"  # a dash: there is no such value
MINUS: Final = "\u2212"  # as wide as a plus, so that columns of figures align
_SHOWN: Final[Mapping[str, tuple[str, float]]] = {  # canonical unit -> as people read it
    "W": ("kW", 1e-3),
    "VA": ("kVA", 1e-3),
    "var": ("kvar", 1e-3),
    "degC": ("°C", 1.0),
    "uS/cm": ("µS/cm", 1.0),
    "1": ("", 1.0),
}
RULES: Final[Mapping[str, str]] = {
    "guarded": (
        "Guarded acceptance (ISO 14253-1). PASS is stated only where every reading, moved by its "
        "expanded uncertainty U (k = 2) towards the limit, still kept it; FAIL only where one, "
        "moved away from the limit by U, still left it. What lies between, or was not seen, is "
        "INCONCLUSIVE."
    ),
    "simple": (
        "Simple acceptance (ILAC-G8, w = 0). Readings are compared with limits as they stand, "
        "whatever their uncertainty; right at a limit such a statement is wrong as often as it is "
        "right. What was not seen is INCONCLUSIVE."
    ),
}
PROVEN: Final[Mapping[str, str]] = {
    "PASS": "Conformity is proven: every required channel kept its limits in all {stages}.",
    "FAIL": "Non-conformity is proven: the rack left limits that its design sets.",
    "INCONCLUSIVE": (
        "Neither conformity nor non-conformity is proven: the evidence fits both. "
        "This rack has not passed."
    ),
    "ABORTED": (
        "The run was ended before its end. What was not tested is not proven. "
        "This rack has not passed."
    ),
}


def plain(text: object) -> str:
    """Return text that came from a device or a person, on one line and without what could act."""
    return clean(" ".join(str(text)[: 4 * TEXT_CHARS_MAX].split()), TEXT_CHARS_MAX)


def cleaned(content: Any) -> Any:  # noqa: ANN401 -- JSON of any shape
    """Return JSON with every text in it made plain, keys included."""
    if isinstance(content, str):
        return plain(content)
    if isinstance(content, Mapping):
        return {plain(key): cleaned(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [cleaned(value) for value in content]
    return content


def unit_word(unit: str) -> str:
    """Return a unit as people write it."""
    return _SHOWN.get(unit, (unit, 1.0))[0]


def figure(value: float) -> str:
    """Return a round number, such as a limit, with no digit that says nothing."""
    return f"{value:.6g}".replace("-", MINUS) if value else "0"


def number(value: float | None, u: float | None, unit: str) -> str:
    """Return a reading with as many digits as its uncertainty makes sense of."""
    if value is None:
        return NONE
    factor = _SHOWN.get(unit, ("", 1.0))[1]
    value *= factor
    if u and math.isfinite(u):
        digits = max(0, -math.floor(math.log10(u * factor) - 0.3))
        text = f"{value:,.{min(digits, 6)}f}" if abs(value) < 1e12 else f"{value:.3e}"
    elif value.is_integer() and abs(value) < 1e12:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.3g}" if abs(value) < 1e-2 or abs(value) >= 1e6 else f"{value:.4g}"
    if float(text.replace(",", "")) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", MINUS).replace(",", "\u202f")


def limits(channel: Mapping[str, Any]) -> str:
    """Return what a channel must keep, in the words of the design spec."""
    unit = channel["unit"]
    word, factor = _SHOWN.get(unit, (unit, 1.0))
    if channel["states"]:
        return "is " + " or ".join(channel["states"])
    low, high = channel["low"], channel["high"]
    if low is None and high is None:
        return NONE
    per = {3600.0: " per h", 60.0: " per min"}.get(channel["per_s"] or 0.0, "")
    end = f"{per} {word}".rstrip()
    shown = [None if side is None else figure(side * factor) for side in (low, high)]
    if low == high:
        return f"exactly {shown[0]}{end}"
    if low is None:
        return f"max {shown[1]}{end}"
    return f"min {shown[0]}{end}" if high is None else f"{shown[0]} … {shown[1]}{end}"


def spell(seconds: float | None) -> str:
    """Return a length of time: hours, minutes and seconds, or seconds where it is short."""
    if seconds is None:
        return NONE
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds % 1 else f"{seconds:.0f} s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def share(part: float | None) -> str:
    """Return a share in %, never rounded up: 99.996 % is not all.

    >>> share(0.99996), share(1.0)
    ('99.99 %', '100 %')
    """
    if part is None:
        return NONE
    return "100 %" if part >= 1 else f"{math.floor(part * 1e4 + 1e-6) / 100:.2f} %"


def iso(wall: float) -> str:
    """Return Unix time as UTC in the form of RFC 3339, to the millisecond."""
    return datetime.fromtimestamp(round(wall, 3), UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def utc(text: str | None) -> str:
    """Return a time of the summary for people, to the second.

    >>> utc("2026-03-01T08:00:00.250Z")
    '2026-03-01 08:00:00'
    """
    return NONE if text is None else text[:19].replace("T", " ")
