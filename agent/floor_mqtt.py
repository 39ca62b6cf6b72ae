"""Which messages are a device's: the profile for its dialect, and whether its `match` fits that."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from agent.floor_check import Written, devices, mapping
from agent.floor_format import DIALECTS
from collectors.document import Document, Problem
from collectors.mqtt.mapping import MqttProfile
from collectors.mqtt.source import Source, suits
from collectors.profile import Profile


class Mappings:
    """The MQTT profiles, read, and the sources that a floor file makes of them."""

    def __init__(self, document: Document, profiles: Sequence[Profile]) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._profiles = {p.name: p for p in profiles if p.transport == "mqtt"}
        self._read: dict[str, MqttProfile] = {}
        for name, profile in self._profiles.items():
            self._read_part(name, profile)
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

    def _read_part(self, name: str, profile: Profile) -> None:
        """Read the `mqtt` part of a profile; its problems are told with its own lines."""
        document = profile.document
        part = {path[1:]: line for path, line in document.lines.items() if path[:1] == ("mqtt",)}
        inner = Document(document.file, document.data["mqtt"], part)
        try:
            self._read[name] = MqttProfile.model_validate(inner.data)
        except ValidationError as error:
            self.problems += inner.problems_of(error)

    def _fitting(self, dialect: str, match: Mapping[str, str]) -> list[str]:
        """Return the profiles that a device which names none may be of."""
        return [name for name, part in self._read.items() if suits(part, dialect, match)]

    def _check(self, device: Written, brokers: Mapping[Any, Any]) -> Iterator[Problem]:
        """Check that a profile is told, speaks the dialect, and takes this `match`."""
        offered = mapping(brokers.get(device.keys["broker"])).get("dialects")
        dialect = device.keys.get("dialect") or (offered[0] if isinstance(offered, list) else None)
        named, match = device.keys.get("profile"), mapping(device.keys.get("match"))
        if dialect not in DIALECTS or not all(isinstance(text, str) for text in match.values()):
            return  # what is wrong here is told elsewhere
        speakers = [each for each, part in self._read.items() if part.dialect == dialect]
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
        _, bay, _, name = device.path
        for said in self.source(dialect, named, match).problems(f"{bay}/{name}"):
            place, separator, text = said.partition(": ")
            if separator and place.split(".")[0] == "match":
                path = (*device.path, *place.split(".", 1))
                yield self._document.problem(path, text)
            else:
                yield self._document.problem((*device.path, "match"), said)
