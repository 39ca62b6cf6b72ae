"""NVIDIA DSX Exchange, the BMS bus: its topics, what metadata says of a point, and its name here.

Nothing is read out of a tag path: it tells points apart and has no other meaning.

>>> split("BMS/v1/PUB/Value/CDU/LiquidFlow/site1/row3/cdu5").tag
'site1/row3/cdu5'

Source: the bus's AsyncAPI document, version 1.0.0 (topic structure, metadata, value message).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from collectors.mqtt.decode import STATE_MAX, Decoder
from collectors.mqtt.mapping import LEAK_STATES, METADATA_KEYS, DsxPoint, MqttProfile, measures
from collectors.mqtt.payload import PayloadError, parse, source_time
from collectors.quantity import Quantity
from collectors.readings import Channel, Kind

ROOT: Final = "BMS/v1"
BMS: Final = "PUB"  # who publishes all metadata, and the values of the building itself
GOOD: Final = 1  # the one quality that can be trusted
TEXT_CHARACTERS_MAX: Final = 128  # of any text in metadata; longer is cut
STATES_MAX: Final = 64  # of one point
WORDS_MAX: Final = 8  # of a process area
PHASES: Final = {"a": "1", "b": "2", "c": "3"}  # letters and numbers name the same three


class Topic(NamedTuple):
    """A topic of the bus, taken apart."""

    publisher: str
    which: str  # Value | Metadata
    object_type: str
    point_type: str
    tag: str

    @property
    def point(self) -> str:
        """Return what the topics of one point have in common."""
        return f"{self.object_type}/{self.point_type}/{self.tag}"


def split(topic: str) -> Topic | None:
    """Take a topic of the bus apart; None if it is none."""
    parts = topic.split("/", 6)
    if len(parts) < 7 or f"{parts[0]}/{parts[1]}" != ROOT or parts[3] not in ("Value", "Metadata"):
        return None
    return Topic(*parts[2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What the bus says of one point."""

    object_type: str
    point_type: str
    publisher: str = BMS  # who publishes the point's values
    unit: str | None = None
    states: Mapping[int, str] | None = None
    area: tuple[str, ...] = ()
    phase: str = ""
    setpoint: bool = False
    told: Mapping[str, tuple[str, ...]]  # identifiers, by key: who the point belongs to

    @property
    def owner(self) -> str:
        """Return the name of the object or rack, for people."""
        named = (self.told.get(k, ()) for k in ("objectName", "rackLocationName", "associateId"))
        return next((names[0] for names in named if names), "")

    def fits(self, match: Mapping[str, str]) -> bool:
        """Say whether the identifiers are those that a floor file names."""
        keys = match.keys() & set(METADATA_KEYS)
        return all(match[key] in self.told.get(key, ()) for key in keys)


def read_metadata(topic: Topic, tree: object) -> Metadata:
    """Return what a metadata message says. Raises: PayloadError where it breaks the bus's rules."""
    if not isinstance(tree, dict):
        raise PayloadError("bad_metadata")
    if (tree.get("objectType"), tree.get("pointType")) != (topic.object_type, topic.point_type):
        raise PayloadError("metadata_of_another_point")
    unit, states = _texts(tree.get("engUnit")), tree.get("stateText")
    if unit and states:
        raise PayloadError("unit_and_states")
    return Metadata(
        object_type=topic.object_type,
        point_type=topic.point_type,
        publisher=(*_texts(tree.get("integration")), BMS)[0],
        unit=unit[0] if unit else None,
        states=None if states in (None, []) else _states(states),
        area=_texts(tree.get("processArea"))[:WORDS_MAX],
        phase=(*_texts(tree.get("phase")), "")[0],
        setpoint=tree.get("isSetpoint") is True,
        told={key: _texts(tree.get(key)) for key in METADATA_KEYS},
    )


def _texts(value: object) -> tuple[str, ...]:
    """Return a text or a list of texts as texts that are not empty, within bounds."""
    listed = value[:STATES_MAX] if isinstance(value, list) else [value]
    texts = (each[:TEXT_CHARACTERS_MAX].strip() for each in listed if isinstance(each, str))
    return tuple(text for text in texts if text)


def _states(value: object) -> dict[int, str]:
    """Return `[{value, text}, ...]` as a mapping. Raises: PayloadError."""
    states = {}
    for each in value[:STATES_MAX] if isinstance(value, list) else [None]:
        number = each.get("value") if isinstance(each, dict) else None
        text = _texts(each.get("text")) if isinstance(each, dict) else ()
        if type(number) is not int or abs(number) > STATE_MAX or not text:
            raise PayloadError("bad_metadata")
        states[number] = text[0]
    return states


class Value(NamedTuple):
    """What a value message says."""

    value: object
    time: float | None  # seconds since 1970; None: it cannot be right
    trusted: bool


def read_value(payload: bytes) -> Value:
    """Return what a value message says. Raises: PayloadError. Cost: 4 µs."""
    tree = parse(payload)
    if not isinstance(tree, dict) or not tree.keys() >= {"value", "timestamp", "quality"}:
        raise PayloadError("bad_value")
    quality = tree["quality"]
    trusted = quality == GOOD and not isinstance(quality, bool)
    return Value(tree["value"], source_time(tree["timestamp"]), trusted)


def word(text: str) -> str:
    """Return a text of the bus as a word of ours.

    >>> word("NotOperating"), word("Chilled Water"), word("PUMP-1")
    ('not_operating', 'chilled_water', 'pump_1')
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", apart.lower())[:48].strip("_")


class Named(NamedTuple):
    """A point that a profile knows: what it is here, and how its values are read."""

    name: str  # not yet unique within the device
    quantity: Quantity
    kind: Kind
    states: Mapping[int, str]
    good: frozenset[str]
    decoder: Decoder

    def channel(self, name: str, source: str) -> Channel:
        """Return the channel, under a name that is unique."""
        shown = LEAK_STATES if self.quantity is Quantity.LEAK else self.states
        return Channel(name, self.quantity, source, self.kind, shown, self.good)


class Naming:
    """What a profile calls the points of the bus."""

    def __init__(self, mqtt: MqttProfile) -> None:
        self._points = mqtt.points
        self._areas = {
            id(point): [(_patterns(words), area) for words, area in point.areas.items()]
            for points in mqtt.points.values()
            for point in points.values()
        }

    def knows(self, object_type: str, point_type: str) -> DsxPoint | None:
        """Return what the profile says of a type of point, if anything."""
        return self._points.get(object_type, {}).get(point_type) or self._points.get("*", {}).get(
            point_type
        )

    def implied(self, topic: Topic) -> Metadata | None:
        """Return what metadata must say of a point whose type leaves it no choice, else None."""
        point = self.knows(topic.object_type, topic.point_type)
        if point is None or point.areas or "{" in point.name or not (point.unit or point.states):
            return None
        if topic.publisher != BMS:  # only metadata can say that a point is an integration's
            return None
        return Metadata(
            object_type=topic.object_type,
            point_type=topic.point_type,
            told={},
        )

    def name(self, metadata: Metadata) -> Named | str:
        """Return what a point is here, or why it is not read."""
        point = self.knows(metadata.object_type, metadata.point_type)
        if point is None:
            return f"{metadata.object_type} {metadata.point_type} is not in the profile"
        name, quantities = self._of_area(point, metadata)
        quantity = _quantity(point, quantities, metadata)
        if isinstance(quantity, str):
            return quantity
        unit = point.unit if metadata.unit is None else _unit(point, metadata.unit)
        states = self._states(point, metadata) if quantity.is_state else {}
        if quantity is Quantity.STATE and Quantity.STATE not in quantities:
            name += "/state"  # the metadata names states where the profile expects a measure
        if metadata.setpoint:
            name = f"setpoint/{name}"
        leak = quantity is Quantity.LEAK
        good = {"dry"} if leak else {*point.good} & {*states.values()}
        decoder = Decoder(point, quantity, unit=None if quantity.is_state else unit, states=states)
        return Named(name, quantity, Kind(point.kind), states, frozenset(good), decoder)

    def _of_area(self, point: DsxPoint, metadata: Metadata) -> tuple[str, tuple[Quantity, ...]]:
        """Return a point's name and what it may measure; its area may say more than its type."""
        phase = word(metadata.phase)
        filled = {"area": "/".join(map(word, metadata.area)), "phase": PHASES.get(phase, phase)}
        name, quantities = point.name, point.quantities
        for patterns, area in self._areas[id(point)]:
            found = _match(patterns, metadata.area)
            if found is not None:
                filled |= found
                name = area.name
                quantities = tuple(map(Quantity.of, area.quantity or point.quantity))
                break
        name = re.sub(r"\{(\w+)\}", lambda brace: filled.get(brace[1], ""), name)
        return "/".join(level for level in name.split("/") if level), quantities

    @staticmethod
    def _states(point: DsxPoint, metadata: Metadata) -> Mapping[int, str]:
        """Return a point's states in our words."""
        if metadata.states is None:
            return point.states
        return {
            number: point.words.get(word(text), word(text) or f"state_{number}")
            for number, text in metadata.states.items()
        }


def _unit(point: DsxPoint, text: str) -> str:
    """Return a unit of the bus in a spelling that is known, if the profile has one."""
    return point.units.get(text, text)


def _quantity(
    point: DsxPoint, quantities: Sequence[Quantity], metadata: Metadata
) -> Quantity | str:
    """Return what a point measures, by its unit or states, or why that cannot be said."""
    if metadata.states is not None:
        return next((q for q in quantities if q.is_state), Quantity.STATE)
    unit = point.unit if metadata.unit is None else _unit(point, metadata.unit)
    if unit is not None:
        fitting = (q for q in quantities if not q.is_state and measures(q, unit))
        wanted = " or ".join(q.label for q in quantities)
        return next(fitting, f"unit {unit!r} cannot measure {wanted}")
    if point.states and quantities[0].is_state:
        return quantities[0]
    unitless = (q for q in quantities if q.symbol in ("", "1") and not q.is_state)
    return next(unitless, "metadata has neither engUnit nor stateText")


def _patterns(words: str) -> tuple[re.Pattern[str], ...]:
    """Return what each word of an area must look like; {n} stands for digits."""
    return tuple(
        re.compile(re.escape(each).replace(r"\{n\}", r"(?P<n>\d{1,3})")) for each in words.split()
    )


def _match(patterns: Sequence[re.Pattern[str]], area: Iterable[str]) -> dict[str, str] | None:
    """Return what {n} stands for if an area has these words and no others, in any order.

    Case, spaces and punctuation make no difference: `Pump 1` is `pump1`.
    """
    left = [re.sub(r"[^a-z0-9]", "", each.lower()) for each in area]
    found: dict[str, str] = {}
    for pattern in patterns:
        hit = next((m for each in left if (m := pattern.fullmatch(each))), None)
        if hit is None:
            return None
        left.remove(hit[0])
        found |= {key: str(int(digits)) for key, digits in hit.groupdict().items()}
    return None if left else found
