"""What can be measured, in which unit, and which other spellings of a unit are understood.

Two rules hold everywhere. A value is converted once, where it enters, to the canonical unit of its
quantity. And a unit with a reference point is not the unit without: degC is not K, dBm is not dB,
so a difference can never be read as a level, nor the reverse.

>>> convert(104.0, "degF", Quantity.TEMPERATURE)
40.0
>>> unit("°C").symbol, unit("l/min").symbol
('degC', 'L/min')
"""

import enum
from typing import Final, NamedTuple


class UnitError(ValueError):
    """A unit that is unknown, or of another dimension than what is measured."""


class Dimension(NamedTuple):
    """Exponents of kilogram, metre, second, ampere and kelvin, and what a value is relative to."""

    kg: int = 0
    m: int = 0
    s: int = 0
    a: int = 0
    k: int = 0
    reference: str = ""  # "" for plain amounts; units with different references never mix

    def __truediv__(self, other: "Dimension") -> "Dimension":
        """Return the dimension of a quotient of plain amounts."""
        return Dimension(
            self.kg - other.kg,
            self.m - other.m,
            self.s - other.s,
            self.a - other.a,
            self.k - other.k,
        )


class Unit(NamedTuple):
    """One spelling of a unit: `SI value = value * factor + zero`."""

    symbol: str
    dimension: Dimension
    factor: float
    zero: float = 0.0


_NONE: Final = Dimension()
_POWER: Final = Dimension(kg=1, m=2, s=-3)
_FLOW: Final = Dimension(m=3, s=-1)
_PRESSURE: Final = Dimension(kg=1, m=-1, s=-2)
_CELSIUS: Final = Dimension(k=1, reference="celsius")
_SIEMENS_PER_METRE: Final = Dimension(kg=-1, m=-3, s=3, a=2)

_UNITS: Final = (
    Unit("A", Dimension(a=1), 1.0),
    Unit("mA", Dimension(a=1), 1e-3),
    Unit("uA", Dimension(a=1), 1e-6),
    Unit("V", Dimension(kg=1, m=2, s=-3, a=-1), 1.0),
    Unit("mV", Dimension(kg=1, m=2, s=-3, a=-1), 1e-3),
    Unit("kV", Dimension(kg=1, m=2, s=-3, a=-1), 1e3),
    Unit("W", _POWER, 1.0),
    Unit("mW", _POWER, 1e-3),
    Unit("uW", _POWER, 1e-6),
    Unit("kW", _POWER, 1e3),
    Unit("MW", _POWER, 1e6),
    Unit("VA", _POWER._replace(reference="apparent"), 1.0),
    Unit("kVA", _POWER._replace(reference="apparent"), 1e3),
    Unit("var", _POWER._replace(reference="reactive"), 1.0),
    Unit("kvar", _POWER._replace(reference="reactive"), 1e3),
    Unit("J", Dimension(kg=1, m=2, s=-2), 1.0),
    Unit("Wh", Dimension(kg=1, m=2, s=-2), 3.6e3),
    Unit("kWh", Dimension(kg=1, m=2, s=-2), 3.6e6),
    Unit("MWh", Dimension(kg=1, m=2, s=-2), 3.6e9),
    Unit("Hz", Dimension(s=-1), 1.0),
    Unit("mHz", Dimension(s=-1), 1e-3),
    Unit("rpm", Dimension(s=-1, reference="revolution"), 1 / 60),
    Unit("degC", _CELSIUS, 1.0),
    Unit("degF", _CELSIUS, 5 / 9, -160 / 9),
    Unit("K", Dimension(k=1), 1.0),
    Unit("mK", Dimension(k=1), 1e-3),
    Unit("Pa", _PRESSURE, 1.0),
    Unit("kPa", _PRESSURE, 1e3),
    Unit("hPa", _PRESSURE, 1e2),
    Unit("mbar", _PRESSURE, 1e2),
    Unit("bar", _PRESSURE, 1e5),
    Unit("psi", _PRESSURE, 6894.757293168),
    Unit("inH2O", _PRESSURE, 249.08891),
    Unit("m3/s", _FLOW, 1.0),
    Unit("m3/h", _FLOW, 1 / 3600),
    Unit("m3/min", _FLOW, 1 / 60),
    Unit("L/s", _FLOW, 1e-3),
    Unit("L/min", _FLOW, 1e-3 / 60),
    Unit("L/h", _FLOW, 1e-3 / 3600),
    Unit("gpm", _FLOW, 3.785411784e-3 / 60),
    Unit("cfm", _FLOW, 0.3048**3 / 60),
    Unit("s", Dimension(s=1), 1.0),
    Unit("ms", Dimension(s=1), 1e-3),
    Unit("us", Dimension(s=1), 1e-6),
    Unit("min", Dimension(s=1), 60.0),
    Unit("h", Dimension(s=1), 3600.0),
    Unit("d", Dimension(s=1), 86400.0),
    Unit("1", _NONE, 1.0),
    Unit("%", _NONE, 1e-2),
    Unit("%RH", Dimension(reference="humidity"), 1e-2),
    Unit("", Dimension(reference="count"), 1.0),
    Unit("dBm", Dimension(reference="milliwatt"), 1.0),
    Unit("dB", Dimension(reference="decibel"), 1.0),
    Unit("S/m", _SIEMENS_PER_METRE, 1.0),
    Unit("uS/cm", _SIEMENS_PER_METRE, 1e-4),
    Unit("mS/cm", _SIEMENS_PER_METRE, 1e-1),
)
_ALIASES: Final = {
    "degC": ("°C", "C", "deg C", "Cel", "celsius", "degree celsius", "degrees celsius", "℃"),
    "degF": ("°F", "F", "deg F", "fahrenheit", "degrees fahrenheit", "[degF]"),
    "K": ("kelvin", "delta degC"),
    "L/min": ("lpm", "LPM", "l/min", "L/m", "liters per minute", "litres per minute"),
    "L/s": ("l/s", "lps", "LPS"),
    "L/h": ("l/h", "lph"),
    "m3/h": ("m³/h", "cmh", "CMH", "m^3/h"),
    "m3/s": ("m³/s", "m^3/s"),
    "gpm": ("GPM", "gal/min", "US gpm"),
    "cfm": ("CFM", "ft3/min"),
    "kPa": ("kpa", "KPa", "kPA"),
    "Pa": ("pa", "PA"),
    "psi": ("PSI", "psig"),
    "inH2O": ("inWC", "in H2O", "inH20"),
    "%": ("pct", "percent", "PCT"),
    "%RH": ("% RH", "%rh", "RH", "rH", "percentRH", "%r.H.", "% r.H."),
    "1": ("ratio", "dimensionless"),
    "rpm": ("RPM", "1/min", "U/min", "min-1"),
    "Hz": ("hz", "HZ"),
    "kW": ("KW", "kw"),
    "W": ("Watt", "watt", "watts", "Watts"),
    "V": ("Volt", "volt", "volts", "Volts", "VAC", "VDC", "V AC", "V DC"),
    "A": ("Amp", "amp", "amps", "Amps", "ampere", "amperes", "AAC", "ADC"),
    "kWh": ("KWh", "kwh", "KWH"),
    "VA": ("va", "voltampere"),
    "kVA": ("KVA", "kva"),
    "var": ("VAR", "VAr", "Var"),
    "s": ("sec", "second", "seconds"),
    "min": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "d": ("day", "days"),
    "uS/cm": ("µS/cm", "μS/cm"),
    "dBm": ("dbm", "DBM"),
    "dB": ("db",),
}
_BY_NAME: Final = {u.symbol: u for u in _UNITS} | {
    alias: u for u in _UNITS for alias in _ALIASES.get(u.symbol, ())
}


def unit(text: str) -> Unit:
    """Return the unit that `text` spells, `a/b` of two plain units included. Raises: UnitError."""
    if found := _BY_NAME.get(text) or _BY_NAME.get(text.strip()):
        return found
    above, slash, below = text.partition("/")
    if slash and above in _BY_NAME and below in _BY_NAME:
        over, under = _BY_NAME[above], _BY_NAME[below]
        if not over.dimension.reference and not under.dimension.reference:
            return Unit(text, over.dimension / under.dimension, over.factor / under.factor)
    raise UnitError(f"unit {text!r} is unknown; write one of {', '.join(known_units())}")


def known_units() -> list[str]:
    """Return the canonical spelling of every unit, for error messages and documentation."""
    return [u.symbol for u in _UNITS if u.symbol]


class Quantity(enum.Enum):
    """A named physical kind: its canonical unit and how it stands in a Prometheus metric name.

    Source: metric names follow the base units of the Prometheus naming practice.
    """

    TEMPERATURE = "temperature", "degC", "celsius"
    TEMPERATURE_DELTA = "temperature_delta", "K", "kelvin"
    VOLTAGE = "voltage", "V", "volts"
    CURRENT = "current", "A", "amperes"
    POWER = "power", "W", "watts"
    APPARENT_POWER = "apparent_power", "VA", "voltamperes"
    REACTIVE_POWER = "reactive_power", "var", "vars"
    ENERGY = "energy", "kWh", "joules", 3.6e6
    FREQUENCY = "frequency", "Hz", "hertz"
    RATIO = "ratio", "%", "ratio", 1e-2
    LEVEL = "level", "%", "ratio", 1e-2
    HUMIDITY = "humidity", "%RH", "ratio", 1e-2
    POWER_FACTOR = "power_factor", "1", "ratio"
    BER = "ber", "1", "ratio"
    PRESSURE = "pressure", "kPa", "pascals", 1e3
    FLOW = "flow", "L/min", "liters_per_second", 1 / 60
    AIR_FLOW = "air_flow", "m3/s", "cubic_meters_per_second"
    SPEED = "speed", "rpm", "revolutions_per_minute"
    OPTICAL_POWER = "optical_power", "dBm", "decibel_milliwatts"
    OPTICAL_POWER_DELTA = "optical_power_delta", "dB", "decibels"
    CONDUCTIVITY = "conductivity", "uS/cm", "siemens_per_meter", 1e-4
    DURATION = "duration", "s", "seconds"
    COUNT = "count", "", ""  # events so far: a counter
    NUMBER = "number", "", ""  # how many there are: a gauge
    STATE = "state", "", ""  # the device's own number for a state; its name is in the channel
    LEAK = "leak", "", ""  # a state of a leak detector: 0 dry, 1 wet

    def __init__(self, label: str, symbol: str, suffix: str, base_factor: float = 1.0) -> None:
        self.label = label
        self.symbol = symbol
        self.suffix = suffix
        self.base_factor = base_factor  # canonical value * base_factor = value in the metric's unit

    @property
    def canonical(self) -> Unit:
        """Return the unit in which values of this quantity travel."""
        return _BY_NAME[self.symbol]

    @property
    def is_state(self) -> bool:
        """Say whether values are state numbers, compared by name and never by size."""
        return self in (Quantity.STATE, Quantity.LEAK)

    @classmethod
    def of(cls, label: str) -> "Quantity":
        """Return the quantity of that name. Raises: UnitError, naming all there are."""
        for quantity in cls:
            if quantity.label == label:
                return quantity
        names = ", ".join(q.label for q in cls)
        raise UnitError(f"quantity {label!r} is unknown; write one of {names}")


def conversion(text: str, quantity: Quantity) -> tuple[float, float]:
    """Return (scale, offset): canonical value = value in `text` * scale + offset.

    Raises: UnitError for an unknown unit or one of another dimension.
    """
    given, wanted = unit(text), quantity.canonical
    if given.dimension != wanted.dimension:
        raise UnitError(
            f"unit {text!r} cannot measure {quantity.label}, whose unit is {wanted.symbol!r}"
        )
    return given.factor / wanted.factor, (given.zero - wanted.zero) / wanted.factor


def convert(value: float, text: str, quantity: Quantity) -> float:
    """Return `value`, given in unit `text`, in the canonical unit. Raises: UnitError."""
    scale, offset = conversion(text, quantity)
    return round(value * scale + offset, 12)
