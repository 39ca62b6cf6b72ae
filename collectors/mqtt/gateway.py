"""A device that publishes JSON, as gateways and meters do: its messages become readings."""

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from collectors.mqtt.decode import Decoder
from collectors.mqtt.device import Heard
from collectors.mqtt.held import AHEAD_MAX_S, Held, Order
from collectors.mqtt.mapping import LEAK_STATES, Availability, JsonChannel, JsonMessage
from collectors.mqtt.payload import MISSING, PayloadError, field_path, lookup, parse, source_time
from collectors.mqtt.source import Source
from collectors.mqtt.topic import fill, fits
from collectors.quantity import Quantity
from collectors.readings import Channel, Identity, Kind, Quality, Readings

TEXT_BYTES_MAX: Final = 256  # of a payload that is one value and no JSON


class _Field(NamedTuple):
    """One channel of a message."""

    position: int
    path: tuple[str, ...] | None  # None: the payload itself
    unit_path: tuple[str, ...] | None
    decoder: Decoder


class _Part(NamedTuple):
    """The messages of one topic."""

    pattern: str
    time_path: tuple[str, ...] | None
    max_age: float
    fields: tuple[_Field, ...]


class _Will(NamedTuple):
    """Where, and in which words, it is said that the device is gone."""

    pattern: str
    path: tuple[str, ...] | None
    texts: frozenset[str]

    def ends(self, payload: bytes) -> bool:
        """Say whether a message says so."""
        said = _text(payload)
        if self.path is not None:
            with suppress(PayloadError):
                tree = parse(payload)
                said = lookup(tree, self.path) if isinstance(tree, dict) else tree
        return (str(said).lower() if isinstance(said, bool) else said) in self.texts


class Gateway:
    """One device of dialect JSON. Its channels are those of its profile, from the start.

    A value's age counts from its source's time stamp where the message has one, else from when it
    came. A repeated time stamp brings nothing new: a gateway that repeats itself goes stale.
    """

    def __init__(self, device: str, source: Source) -> None:
        names = source.names(device)
        self.name = device
        self.identity = Identity(source.profile, source.kind, source.vendor)
        self.unread: dict[str, str] = {}  # a profile lists channels, and all of them are read
        channels: list[Channel] = []
        self._parts = tuple(
            _part(message, fill(message.topic, names), channels) for message in source.mqtt.messages
        )
        self._wills = tuple(_will(each, names) for each in source.mqtt.availability)
        self.filters = frozenset(part.pattern for part in self._parts) | {
            will.pattern for will in self._wills
        }
        self._topics: dict[str, str] = {}  # pattern -> the one topic that is heard for it
        self._order = Order()
        self._offline = False
        self._connected = False
        self._held = Held(device, channels)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return what there is to read."""
        return self._held.channels

    @property
    def news(self) -> bool:
        """Say whether anything changed since the last readings."""
        return self._held.news

    def connected(self) -> None:
        """Take note that the broker is there."""
        self._connected = self._held.news = True

    def disconnected(self) -> None:
        """Take note that the broker is gone."""
        self._connected, self._held.news = False, True

    def bind(self, now: float) -> bool:  # noqa: ARG002 -- a bus waits for descriptions
        """Say whether the channels are others than before: never."""
        return False

    def readings(self, now: float) -> list[Readings]:
        """Return what is to be told; values too old are stale, or lost with the broker."""
        lost = self._offline or not self._connected
        return self._held.readings(now, Quality.COMM_LOST if lost else Quality.STALE)

    def take(self, heard: Heard) -> str:
        """Take in one message; return why it was dropped, or nothing."""
        for will in self._wills:
            if fits(will.pattern, heard.topic):
                return self._take_will(will, heard)
        reason = "unknown_topic"
        for part in self._parts:
            if fits(part.pattern, heard.topic):
                first = self._topics.setdefault(part.pattern, heard.topic)
                reason = self._take(part, heard) if first == heard.topic else "second_topic"
        return reason

    def _take_will(self, will: _Will, heard: Heard) -> str:
        """Believe that a device is gone at once; that it is there, its values have to show.

        A broker may tell of the end of an old connection when the new one already brings values:
        so a live message ends it too.
        """
        self._offline = will.ends(heard.payload)
        if self._offline:
            self._held.expire()
        self._held.news = True
        return ""

    def _take(self, part: _Part, heard: Heard) -> str:
        """Take in a message of a topic that is ours."""
        if heard.retained:
            for field in part.fields:
                self._held.excuse(field.position, Quality.STALE)
            return "retained"
        tree: object = MISSING
        if any(field.path is not None for field in part.fields) or part.time_path:
            try:
                tree = parse(heard.payload)
            except PayloadError as error:
                return str(error)
        self._offline = False
        since: float | None = heard.now
        if part.time_path:
            time = source_time(lookup(tree, part.time_path))
            if time is None or time > heard.wall + AHEAD_MAX_S:
                since = None
            elif reason := self._order.judge(heard.topic, time, heard.payload):
                return reason
            else:
                since = heard.now - max(0.0, heard.wall - time)
        until = None if since is None else min(since + part.max_age, heard.valid_until)
        for field in part.fields:
            self._take_field(field, heard, tree, until)
        return "" if since is not None else "clock"

    def _take_field(self, field: _Field, heard: Heard, tree: object, until: float | None) -> None:
        """Take in one field; a message without it says nothing about it."""
        value = _text(heard.payload) if field.path is None else lookup(tree, field.path)
        if value is MISSING:
            self._held.excuse(field.position, Quality.ABSENT)
            return
        unit = lookup(tree, field.unit_path) if field.unit_path else None
        decoded = field.decoder.read(value, None if unit is MISSING else unit)
        if until is None:
            decoded, until = (math.nan, Quality.CLOCK, decoded[2]), heard.now
        self._held.put(field.position, decoded, until, heard.now)


def _will(told: Availability, names: Mapping[str, str]) -> _Will:
    """Prepare one way of saying that the device is gone."""
    path = None if told.field is None else field_path(told.field)
    return _Will(fill(told.topic, names), path, frozenset(told.offline))


def _part(message: JsonMessage, pattern: str, channels: list[Channel]) -> _Part:
    """Prepare the messages of one topic; its channels are added to `channels`."""
    fields = []
    for name, given in message.channels.items():
        quantity = given.quantities[0]
        states = given.states or (LEAK_STATES if quantity is Quantity.LEAK else {})
        path = None if given.field is None else field_path(given.field)
        unit_path = None if given.unit_field is None else field_path(given.unit_field)
        decoder = Decoder(given, quantity, unit=given.unit, states=states)
        fields.append(_Field(len(channels), path, unit_path, decoder))
        channels.append(_channel(name, given, quantity, pattern))
    time_path = None if message.time is None else field_path(message.time)
    return _Part(pattern, time_path, message.max_age, tuple(fields))


def _channel(name: str, given: JsonChannel, quantity: Quantity, pattern: str) -> Channel:
    """Describe one channel; a leak's numbers are ours, whatever the device's are."""
    leak = quantity is Quantity.LEAK
    return Channel(
        name,
        quantity,
        f"{pattern}#{given.field or ''}",
        Kind(given.kind),
        LEAK_STATES if leak else given.states,
        frozenset({"dry"} if leak else given.good),
    )


def _text(payload: bytes) -> object:
    """Return a payload that is one value: a short text."""
    return payload.decode(errors="replace").strip() if len(payload) <= TEXT_BYTES_MAX else MISSING
