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
        data = mapping(document.data)
        brokers = mapping(data.get("brokers"))
        self.problems += self._one_id_each(brokers)
        for device in devices(data):
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
        source = self.source(dialect, named, match)
        yield from self._whole(device, source, mapping(brokers.get(device.text("broker"))))
        yield from self._fit(device, source)

    def _one_id_each(self, brokers: Mapping[Any, Any]) -> Iterator[Problem]:
        """Check that no two connections have one client id: each would throw the other out."""
        seen: dict[str, Any] = {}
        for name, broker in brokers.items():
            given = mapping(broker).get("client_id")
            first = seen.setdefault(given, name) if isinstance(given, str) else name
            if first != name:
                text = f"is that of broker {first} as well; each connection needs its own"
                yield self._document.problem(("brokers", name, "client_id"), text)

    def _whole(
        self, device: Written, source: Source, broker: Mapping[Any, Any]
    ) -> Iterator[Problem]:
        """Check that what a broker keeps or divides is still evidence when it comes."""
        path = (*device.path, "broker")
        if "session" in broker and not source.dated:
            text = (
                f"its broker keeps messages for later (session), and those of {source.profile} do "
                "not say how old they are; use an entry of that broker without session"
            )
            yield self._document.problem(path, text)
        if "group" not in broker:
            return
        bay = mapping(mapping(mapping(self._document.data).get("bays")).get(device.path[1]))
        if source.mqtt.dialect != "json":
            text = f"{source.mqtt.dialect} works only with all messages, and its broker divides"
        elif bay.get("spec") is not None:
            text = (
                "a bay with a spec is judged by all messages of its devices, and its broker divides"
            )
        else:
            return
        text += " them among agents (group); use an entry of that broker without group"
        yield self._document.problem(path, text)

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
