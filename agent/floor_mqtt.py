"""Which messages are a device's: the profile for its dialect, and whether its `match` fits that."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.floor_check import Written, already, devices, mapping
from agent.floor_format import DIALECTS
from collectors.document import Document, Path, Problem
from collectors.mqtt.source import Source, suits
from collectors.mqtt.topic import fill
from collectors.profile import Profile


class Mappings:
    """The MQTT profiles, read, and the sources that a floor file makes of them."""

    def __init__(self, document: Document, profiles: Sequence[Profile]) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._profiles = {p.name: p for p in profiles}
        self._read = {p.name: p.mqtt for p in profiles if p.mqtt is not None}
        self._places: dict[tuple[object, ...], Path] = {}  # where messages come from -> whose
        brokers = mapping(mapping(document.data).get("brokers"))
        for device in devices(document.data):
            if "broker" in device.keys and "address" not in device.keys:
                self.problems += self._check(device, brokers)

    def source(self, dialect: str, named: str | None, match: Mapping[str, str]) -> Source:
        """Return what a sound device listens to."""
        name = named or self._fitting(dialect, match)[0]
        profile = self._profiles[name]
        return Source(
            profile=name,
            kind=profile.kind,
            vendor=profile.vendor,
            mqtt=self._read[name],
            match=match,
        )

    def _fitting(self, dialect: str, match: Mapping[str, str]) -> list[str]:
        """Return the profiles that a device which names none may be of."""
        return [name for name, part in self._read.items() if suits(part, dialect, match)]

    def _check(self, device: Written, brokers: Mapping[Any, Any]) -> Iterator[Problem]:
        """Check that a profile is told, speaks the dialect, and takes this `match`."""
        offered = mapping(brokers.get(device.text("broker"))).get("dialects")
        dialect = device.text("dialect") or (
            offered[0] if isinstance(offered, list) and offered else None
        )
        named, match = device.text("profile"), mapping(device.keys.get("match"))
        if dialect not in DIALECTS or not all(isinstance(text, str) for text in match.values()):
            return  # what is wrong here is told elsewhere
        speakers = [each for each, part in self._read.items() if part.dialect == dialect]
        if not speakers:
            return  # the profiles could not be loaded
        known = ", ".join(speakers)
        if named is None and len(self._fitting(dialect, match)) != 1:
            text = f"profile is missing: which messages are these? {dialect} is spoken by {known}"
            yield self._document.problem(device.path, text)
            return
        if named is not None and named not in speakers:
            if named in self._read:  # else it is told that there is no such profile
                text = f"profile {named!r} speaks {self._read[named].dialect}; write one of {known}"
                yield self._document.problem((*device.path, "profile"), text)
            return
        yield from self._fit(device, self.source(dialect, named, match))

    def _fit(self, device: Written, source: Source) -> Iterator[Problem]:
        """Check what a device listens to, and that no other listens to the same."""
        _, bay, _, name = device.path
        problems = source.problems(f"{bay}/{name}")
        for said in problems:
            key, separator, text = said.partition(": ")
            if separator and key.split(".")[0] == "match":
                yield self._document.problem((*device.path, *key.split(".", 1)), text)
            else:
                yield self._document.problem((*device.path, "match"), said)
        if problems:
            return
        names = source.names(f"{bay}/{name}")
        topics = [fill(template, names) for template in source.mqtt.templates]
        heard: tuple[object, ...] = tuple(topics) or tuple(sorted(source.match.items()))
        place = (device.text("broker"), *heard)
        first = self._places.setdefault(place, device.path)
        if first is not device.path:
            text = already(self._document, "the source of these messages", first)
            yield self._document.problem(device.path, text)
