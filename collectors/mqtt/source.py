"""Where one device's values come from: a profile, and what the floor file says under `match`."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from collectors.mqtt.mapping import METADATA_KEYS, MqttProfile
from collectors.mqtt.topic import TopicError, checked, fill, names_in, names_of

TOPIC: Final = "topic"  # of a JSON match: one of the device's topics, from which names are read
TOPIC_KEYS: Final = ("tagPath", "objectType", "pointType")  # of a DSX match: levels of the topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A profile by its name, kind, vendor and `mqtt` part, and what tells a device from others."""

    profile: str
    kind: str
    vendor: str
    mqtt: MqttProfile
    match: Mapping[str, str]

    def names(self, device: str) -> dict[str, str]:
        """Return what stands for names in braces; `device` is "bay/device"."""
        bay, _, name = device.rpartition("/")
        told = _names_told(self.mqtt, self.match.get(TOPIC, "")) or {}
        if self.mqtt.dialect == "sparkplug":
            told = {"node": bay}
        return {"bay": bay, "device": name, **told, **self.match}

    @property
    def dated(self) -> bool:
        """Say whether every message tells how old it is, so that one kept for later is known."""
        return self.mqtt.dialect == "json" and all(each.time for each in self.mqtt.messages)

    def problems(self, device: str) -> list[str]:
        """Return what is wrong with `match` for this profile: each what, and what to do."""
        found = self._dsx() if self.mqtt.dialect == "dsx" else self._json(device)
        if self.mqtt.dialect == "sparkplug":
            found = itertools.chain(self._plain(), found)
        return list(dict.fromkeys(found))

    def _dsx(self) -> Iterator[str]:
        """Check a match against what points of the bus can be told by."""
        known = (*TOPIC_KEYS, *METADATA_KEYS)
        for key in self.match:
            if key not in known:
                yield f"match.{key}: unknown key; write one of {', '.join(known)}"
        if not self.match.keys() & {"tagPath", *METADATA_KEYS}:
            yield "match: tagPath is missing; without it every device of the bus fits"
        for key in TOPIC_KEYS:
            try:
                checked(self.match.get(key, "+"))
            except TopicError as error:
                yield f"match.{key}: {error}"

    def _plain(self) -> Iterator[str]:
        """Check that a match names one node and one device."""
        for key, text in self.match.items():
            if set(text) & set("/+#\0"):
                yield f"match.{key}: {text!r} is not one name; write it without / + and #"

    def _json(self, device: str) -> Iterator[str]:
        """Check that every name in the topics is known, and every known name is used."""
        templates = self.mqtt.templates
        if TOPIC in self.match and _names_told(self.mqtt, self.match[TOPIC]) is None:
            yield f"match.topic: fits no topic of the profile; they are {', '.join(templates)}"
            return
        for template in templates:
            try:
                fill(template, self.names(device))
            except TopicError as error:
                yield f"match: {error}"
        used = frozenset().union(*map(names_in, templates), {TOPIC})
        for key in self.match:
            if key not in used:
                yield f"match.{key}: not a name in this profile's topics; remove it"


def suits(mqtt: MqttProfile, dialect: str, match: Mapping[str, str]) -> bool:
    """Say whether a device that names no profile is of this one: by dialect, JSON by its topic."""
    if dialect != "json" or mqtt.dialect != dialect:
        return mqtt.dialect == dialect
    return _names_told(mqtt, match.get(TOPIC, "")) is not None


def _names_told(mqtt: MqttProfile, topic: str) -> dict[str, str] | None:
    """Return the names that a device's topic tells; None if it is no topic of the profile."""
    told = (names_of(message.topic, topic) for message in mqtt.messages)
    return next((names for names in told if names is not None), None)
