"""The English of object names: what they measure, and what says that they measure nothing.

>>> split("rPDU2PhaseStatusApparentPower"), split("bus-Voltage"), split("airFMModSuctPresKPa")[-2:]
(['r', 'pdu', '2', 'phase', 'status', 'apparent', 'power'], ['bus', 'voltage'], ['pres', 'kpa'])
>>> quantity(split("inputCurrentPowerFactor")), quantity(split("currentTemperature"))
('power_factor', 'temperature')
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

PIECE: Final = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
JOINED: Final = {"k": ("w", "wh", "va", "var", "pa", "v"), "m": ("a", "v")}  # KPa is one word

QUANTITIES: Final = (  # the words that name a quantity; what stands first here wins
    ("power_factor", ("power factor", "pf", "powerfactor", "cos phi", "pwrfactor", "pwr factor")),
    ("energy", ("energy", "kwh", "wh", "kilowatthours", "watthours", "kilowatt hours", "watt hours",
                "watt hour", "watthour", "kwatt hour",
                "consumption energy")),
    ("apparent_power", ("apparent power", "apparent", "va", "kva", "volt amps", "volt amp")),
    ("reactive_power", ("reactive power", "reactive", "vars", "kvar")),
    ("humidity", ("humidity", "humid", "rh", "hum", "relative humidity")),
    ("temperature", ("temperature", "temperatures", "temp", "temps", "degc", "deg c", "celsius",
                     "degf", "fahrenheit")),
    ("frequency", ("frequency", "freq", "hz", "hertz")),
    ("ratio", ("percent", "percentage", "utilization", "utilisation", "pct", "percent load", "thd",
               "load percent", "duty", "valve position", "imbalance", "load factor")),
    ("speed", ("rpm", "fan speed", "fanspeed", "speed")),
    ("pressure", ("pressure", "pres", "press", "psi", "kpa")),
    ("air_flow", ("air flow", "airflow")),
    ("flow", ("flow", "flow rate", "water flow", "fluid flow")),
    ("voltage", ("voltage", "volt", "volts", "vlt", "vac", "vdc", "voltages", "millivolts", "mv",
                 "vltg", "volt age")),
    ("optical_power", ("rx power", "tx power", "optical power", "receive power", "transmit power",
                       "laser power", "rx pwr", "tx pwr", "laser output power", "optical rx power",
                       "optical tx power", "input optical power", "light level")),
    ("power", ("power", "watts", "watt", "pwr", "kw", "kilowatts", "active power", "real power")),
    ("current", ("current", "amps", "amp", "amperage", "amperes", "ampere", "milliamps", "curr",
                 "ma")),
    ("level", ("charge remaining", "charge level", "state of charge", "battery charge")),
    ("duration", ("runtime", "run time", "run hours", "time remaining", "minutes remaining")),
)  # fmt: skip
LAST: Final = frozenset(("hum", "press", "pres", "va", "ma", "mv"))  # at the end
TWO_WORDS: Final = ("power_factor", "apparent_power", "reactive_power", "energy", "optical_power")
ADJECTIVE: Final = "current"  # of time, where another quantity stands beside it
SETTINGS: Final = frozenset((  # words of what somebody set, or is told about a limit
    "threshold", "thresholds", "thresh", "thrsh", "thr", "limit", "limits", "warning", "warn",
    "critical", "crit", "alarm", "alarms", "setpoint", "set", "setting", "settings", "config",
    "configuration", "cfg", "nominal", "rated", "rating", "ratings", "reset", "hysteresis",
    "deadband", "delay", "upper", "lower", "overload", "underload", "nearoverload", "tolerance",
    "max", "min", "maximum", "minimum", "maxvalue", "calibration", "adjustment",
    "interval", "timeout", "enable", "enabled", "support", "supported", "capability", "default",
    "accuracy", "trap", "traps", "notification", "event", "events", "polarity", "designed",
    "restart", "shutdown", "upperlimit", "lowerlimit", "hyst", "setpt", "sp", "cutoff", "cutout",
    "target", "th", "ctrl",
))  # fmt: skip
PAST: Final = frozenset(("peak", "peaks", "history", "historical", "log", "logged", "last"))
NOUNS: Final = frozenset((  # a last word that makes a name one of something else than a value
    "index", "id", "name", "label", "count", "number", "num", "time", "timestamp", "date", "type",
    "unit", "units", "scale", "precision", "digits", "decimals", "divisor", "multiplier",
    "description", "descr", "location", "status", "state", "mode", "version", "table", "size",
    "serial", "model", "capabilities", "direction", "action", "command", "control", "source",
    "position", "reason", "flags", "tag", "note", "notes", "resolution", "rate", "cost", "stamp",
))  # fmt: skip
STATES: Final = frozenset((
    "status", "state", "alarm", "condition", "health", "fault", "failure", "error", "operstate",
    "operstatus", "presence", "present", "redundancy", "mode", "alarms", "availability",
    "communication", "communications", "comm", "avail", "operation", "running", "severity", "leak",
))  # fmt: skip


def split(name: str) -> list[str]:
    """Return the words of a name, in lower case; numbers are words too."""
    found: list[str] = []
    for piece in PIECE.findall(name.replace("degC", "DegC").replace("degF", "DegF")):
        word = piece.lower()
        if found and word in JOINED.get(found[-1], ()):
            word = found.pop() + word
        found.append(word)
    return found


def quantity(words: Sequence[str]) -> str | None:
    """Return what a name measures by its words; the last that names a quantity counts most."""
    text = f" {' '.join(words)} "
    best: tuple[int, int, str] | None = None
    for label, spellings in QUANTITIES:
        for spelling in spellings:
            at = text.rfind(f" {spelling} ")
            if at < 0:
                continue
            end = at + len(spelling)
            if spelling in LAST and text[end + 1 :].strip(" 0123456789cfrskpa"):
                continue
            rank = (0 if spelling == ADJECTIVE else 1, end, label)
            if label in TWO_WORDS:
                rank = (2, end, label)  # said by two words of which the second is a quantity too
            if best is None or rank[:2] > best[:2]:
                best = rank
    return best[2] if best else None


def sets(words: Iterable[str]) -> str | None:
    """Return the word that says that a value is a setting or a limit, not a reading."""
    return next((word for word in words if word in SETTINGS), None)


def remembers(words: Iterable[str]) -> str | None:
    """Return the word that says that a value is of the past, or of several."""
    return next((word for word in words if word in PAST), None)


def noun(words: Sequence[str]) -> str | None:
    """Return the last word where it makes the name one of something else than a value."""
    named = [word for word in words if not word.isdecimal()]
    return named[-1] if named and named[-1] in NOUNS else None
