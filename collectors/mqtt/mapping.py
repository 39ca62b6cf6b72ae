"""The `mqtt` part of a profile: which topics and fields become channels, and what they mean.

A profile of dialect `json` lists messages by topic; one of dialect `dsx` says what the points of a
DSX Exchange BMS bus are called here, one of dialect `sparkplug` what metrics are. docs/mqtt.md and
docs/sparkplug.md explain the format.
"""

import math
import re
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from collectors.mqtt.topic import checked, names_in
from collectors.quantity import Quantity, UnitError, conversion, convert, unit

METADATA_KEYS: Final = (  # of a DSX bus: who a point belongs to
    "objectId",
    "objectName",
    "rackLocationId",
    "rackLocationName",
    "associateId",
    "servesId",
    "integration",
)
LEAK_STATES: Final = {0: "dry", 1: "wet"}
SPARKPLUG_TOPIC: Final = "spBv1.0/{group}/DDATA/{node}/{device}"
WORD: Final = r"[a-z][a-z0-9_]{0,47}"


def measures(quantity: Quantity, text: str) -> bool:
    """Say whether a unit, known or not, can measure a quantity."""
    try:
        return unit(text).dimension == quantity.canonical.dimension
    except UnitError:
        return False


def _unit(text: str) -> str:
    """Accept a unit that is known."""
    unit(text)
    return text


def _quantity(text: str) -> str:
    """Accept the label of a quantity."""
    return Quantity.of(text).label


def listed(given: object) -> object:
    """Turn one value into a list of one."""
    return given if isinstance(given, list) else [given]


def _seconds(given: object) -> object:
    """Read `20 s` or `2 min`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ([a-z]+)", given) if isinstance(given, str) else None
    if not found:
        raise ValueError("want a time with its unit, such as 20 s")
    return convert(float(found[1]), found[2], Quantity.DURATION)


def _template(text: str) -> str:
    """Accept a topic that is a valid filter once its names are filled in."""
    checked(re.sub(r"\{[a-zA-Z][a-zA-Z0-9_]*\}", "x", text))
    return text


Word = Annotated[str, Field(pattern=f"^{WORD}$")]
ChannelName = Annotated[str, Field(pattern=r"^[a-z0-9_{}]+(/[a-z0-9_.{}-]+)*$")]
UnitText = Annotated[str, AfterValidator(_unit)]
QuantityText = Annotated[str, AfterValidator(_quantity)]
Quantities = Annotated[
    list[QuantityText],
    BeforeValidator(listed),
    Field(min_length=1),
]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]
TopicTemplate = Annotated[str, AfterValidator(_template)]


class Strict(BaseModel):
    """A part of a profile file: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Meaning(Strict):
    """How a raw value becomes a value. Keys mean what they mean in an SNMP profile."""

    quantity: Quantities
    unit: UnitText | None = None
    scale: float = 1.0
    offset: float = 0.0
    sentinels: list[int | float | str] = []
    range: list[float | None] | None = Field(None, min_length=2, max_length=2)
    states: dict[int, Word] = {}
    good: list[Word] = []
    texts: dict[str, int] = {}
    kind: Literal["gauge", "counter"] = "gauge"
    decimal_comma: bool = False

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Return what this may measure; the first that a unit fits is meant."""
        return tuple(map(Quantity.of, self.quantity))

    @property
    def bounds(self) -> tuple[float, float]:
        """Return the valid range in the canonical unit."""
        low, high = self.range or (None, None)
        return -math.inf if low is None else low, math.inf if high is None else high

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        """Refuse a unit that measures something else, and states that do not fit."""
        if self.unit is not None and not any(measures(q, self.unit) for q in self.quantities):
            conversion(self.unit, self.quantities[0])
        if self.states and not any(q.is_state for q in self.quantities):
            raise ValueError("only a state or a leak has `states`")
        if Quantity.LEAK in self.quantities and not {*self.states.values()} <= {"dry", "wet"}:
            raise ValueError("the states of a leak are called dry and wet")
        return self


class JsonChannel(Meaning):
    """One channel of a JSON message: where its value lies, and its unit if the message says it."""

    field: str | None = None  # path, such as d.T_sup.v; None: the whole payload is the value
    unit_field: str | None = None

    @model_validator(mode="after")
    def _measured(self) -> Self:
        """Ask for one quantity, for a unit where there can be one, and for good states that are."""
        if len(self.quantity) > 1:
            raise ValueError("want one quantity; several are for a bus that tells the unit")
        if self.quantities[0].symbol not in ("", "1") and not (self.unit or self.unit_field):
            raise ValueError("say `unit`, or `unit_field` for where the message says it")
        if stray := sorted({*self.good} - {*self.states.values()}):
            raise ValueError(f"good state {stray[0]!r} is not among `states`")
        return self


class JsonMessage(Strict):
    """The messages of one topic."""

    topic: TopicTemplate
    max_age: Seconds  # a value older than this is stale
    time: str | None = None  # path of the source's time stamp, if it has one with a zone
    channels: dict[ChannelName, JsonChannel] = Field(min_length=1)


class Availability(Strict):
    """A topic on which somebody says that the device is gone: it, its gateway, or its last will."""

    topic: TopicTemplate
    field: str | None = None  # path of what is said; a payload that is no JSON is all of it
    offline: Annotated[list[str], BeforeValidator(listed), Field(min_length=1)]


class DsxArea(Strict):
    """What a point is called, and is, where its process area has certain words."""

    name: ChannelName
    quantity: Quantities | None = None


class DsxPoint(Meaning):
    """One point type of a DSX bus."""

    name: ChannelName  # {area} and {phase} stand for what the metadata says
    areas: dict[str, DsxArea] = {}  # words of the process area, in any order -> what it is then
    words: dict[Word, Word] = {}  # the bus's word for a state, no_leak for NoLeak -> ours
    units: dict[str, UnitText] = {}  # the bus's word for a unit -> ours


class SparkplugMetric(Meaning):
    """One metric of a Sparkplug device; its unit is its engUnit, or the profile's without one."""

    name: ChannelName  # {n} and others stand for what the metric's name has there
    units: dict[str, UnitText] = {}  # the device's word for a unit -> ours

    @model_validator(mode="after")
    def _stated(self) -> Self:
        """Ask for good states that are."""
        if stray := sorted({*self.good} - {*self.states.values()}):
            raise ValueError(f"good state {stray[0]!r} is not among `states`")
        return self


class MqttProfile(Strict):
    """The `mqtt` part of a profile file."""

    dialect: Literal["json", "dsx", "sparkplug"]
    messages: list[JsonMessage] = []
    availability: Annotated[list[Availability], BeforeValidator(listed)] = []
    points: dict[str, dict[str, DsxPoint]] = {}  # objectType, or * for any -> pointType -> meaning
    metrics: dict[str, SparkplugMetric] = {}  # by name; {n} stands for digits, others for a level

    @model_validator(mode="after")
    def _of_its_dialect(self) -> Self:
        """Refuse what the dialect does not know, and a channel named twice."""
        wanted = {"dsx": "points", "json": "messages", "sparkplug": "metrics"}
        others = {*wanted.values(), "availability"} - {wanted[self.dialect]}
        if self.dialect == "json":
            others.remove("availability")
        if not getattr(self, wanted[self.dialect]) or any(getattr(self, key) for key in others):
            text = f"dialect {self.dialect} wants `{wanted[self.dialect]}`, and none of the others"
            raise ValueError(f"{text}: {', '.join(sorted(others))}")
        for told, metric in self.metrics.items():
            if stray := sorted(names_in(metric.name) - names_in(told)):
                raise ValueError(f"metric {told!r} has no {{{stray[0]}}} for {metric.name}")
        named = [name for message in self.messages for name in message.channels]
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"channel {twice[0]!r} is in two messages; name it once")
        return self

    @property
    def templates(self) -> tuple[str, ...]:
        """Return the topics of a JSON device, its availability last; or one of Sparkplug's."""
        if self.dialect == "sparkplug":
            return (SPARKPLUG_TOPIC,)
        listed = [message.topic for message in self.messages]
        return (*listed, *(each.topic for each in self.availability))
