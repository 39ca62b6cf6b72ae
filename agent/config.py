"""The floor file, loaded: which devices there are, how each is asked, what each bay is judged by.

Nothing is contacted. Whatever is wrong, in the file or in what it refers to, is told at once, each
problem with its file and line; what is odd but allowed is a warning.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from agent import floor_check
from agent.address import Address, WebAddress
from agent.burnin.design import Design
from agent.credentials import Secret, Vault
from agent.floor_credentials import users, weaknesses
from agent.floor_format import BayPart, DevicePart, FloorPart
from agent.floor_mqtt import Mappings
from agent.floor_spec import Specs
from collectors.document import BYTES_MAX, Document, DocumentError, Problem, parse
from collectors.mqtt.access import Access
from collectors.mqtt.source import Source
from collectors.profile import Profile, load_profiles
from collectors.snmp.usm import User

INTERVAL_S: Final = 10.0  # between polls of a device of which no spec wants anything


@dataclass(frozen=True, slots=True)
class Snmp:
    """How a device is asked over SNMP."""

    address: Address
    version: Literal["1", "2c", "3"]
    community: Secret | None  # of versions 1 and 2c
    user: User | None  # of version 3
    timeout_s: float
    retries: int


@dataclass(frozen=True, slots=True)
class Mqtt:
    """Which messages are a device's."""

    broker: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfig:
    """One device of a bay."""

    name: str
    source: Snmp | Mqtt
    profile: str | None  # None: found by fingerprint
    interval_s: float
    map: Mapping[str, str]  # spec channel -> device channel, before what the profile provides


@dataclass(frozen=True, slots=True, kw_only=True)
class BayConfig:
    """One bay: telemetry always, judgement with a spec."""

    name: str
    spec: Design | None = field(compare=False)  # two loads of one spec are the same by its hash
    spec_hash: str | None
    spec_text: bytes = field(compare=False, repr=False)  # the file as it is
    macs: Mapping[str, str] = field(default_factory=dict)  # hardware address -> its device
    devices: Mapping[str, DeviceConfig]


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """One broker."""

    address: Address
    dialects: tuple[str, ...]
    access: Access  # all but the password
    password: Secret | None
    line: int = field(default=1, compare=False)  # of the file

    def told(self) -> Access:
        """Return how the broker is spoken to, with the password: for the wire and nothing else."""
        return replace(self.access, password=self.password.reveal() if self.password else None)


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """One receiver of news."""

    url: WebAddress
    secret: Secret
    events: frozenset[str]  # kinds of news


@dataclass(frozen=True, slots=True)
class TrapsConfig:
    """Where to listen for traps, and under what devices are believed beside their own secrets."""

    listen: Address
    communities: tuple[Secret, ...] = ()
    users: tuple[User, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorConfig:
    """A floor file without a flaw."""

    file: Path
    listen: Address
    data: Path
    brokers: Mapping[str, BrokerConfig]
    webhooks: Mapping[str, WebhookConfig]
    traps: TrapsConfig | None
    bays: Mapping[str, BayConfig]
    profiles: tuple[Profile, ...]
    warnings: tuple[Problem, ...]


def load_floor(path: Path, environment: Mapping[str, str] = os.environ) -> FloorConfig:
    """Load a floor file and all that it refers to. Raises: DocumentError with every problem."""
    document = parse(read_bytes(path), str(path))
    if problems := floor_check.schema(document):
        raise DocumentError(problems)
    try:
        profiles = _profiles(document, path.parent)
    except DocumentError as error:
        problems += error.problems
        profiles = ()
    problems += floor_check.check(document, profiles)
    specs = Specs(document, path.parent)
    mappings = Mappings(document, profiles)
    problems += [*specs.problems, *mappings.problems]
    part = None
    try:
        part = FloorPart.model_validate(document.data, context=Vault(path.parent, environment))
    except ValidationError as error:
        problems += document.problems_of(error)
    if problems or part is None:
        raise DocumentError(dict.fromkeys(problems))
    known = users(part.credentials)
    source = partial(_source, floor=part, mappings=mappings, users=known)
    odd = [*weaknesses(document, part.credentials), *floor_check.drafts(document, profiles)]
    return FloorConfig(
        file=path,
        listen=part.listen,
        data=path.parent / part.data,
        brokers={
            name: BrokerConfig(
                broker.url.address,
                tuple(broker.dialects),
                broker.access(),
                broker.password,
                document.lines.get(("brokers", name), 1),
            )
            for name, broker in part.brokers.items()
        },
        webhooks={
            name: WebhookConfig(hook.url, hook.secret, frozenset(hook.events))
            for name, hook in part.webhooks.items()
        },
        traps=_traps(part, known),
        bays={name: _bay(name, bay, part, specs, source) for name, bay in part.bays.items()},
        profiles=profiles,
        warnings=tuple(sorted([*specs.warnings, *odd], key=lambda problem: problem.line)),
    )


def _profiles(document: Document, folder: Path) -> tuple[Profile, ...]:
    """Load the shipped profiles, and those that the floor has of its own. Raises: DocumentError."""
    shipped = load_profiles()
    own = document.data.get("profiles") if isinstance(document.data, dict) else None
    if not isinstance(own, str):
        return shipped
    if not (folder / own).is_dir():
        raise DocumentError([document.problem(("profiles",), f"{own} is no folder; make it")])
    return load_profiles(folder / own, beside=shipped)


def _traps(floor: FloorPart, users: Mapping[str, User]) -> TrapsConfig | None:
    """Say where to listen for traps."""
    if floor.traps is None:
        return None
    named = {name: floor.credentials[name] for name in floor.traps.credentials}
    return TrapsConfig(
        floor.traps.listen,
        tuple(each.community for each in named.values() if each.community is not None),
        tuple(users[name] for name in named if name in users),
    )


def read_bytes(path: Path) -> bytes:
    """Return a file that people write, as far as it may be long. Raises: DocumentError."""
    try:
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except OSError as error:
        why = error.strerror or "cannot be read"
        raise DocumentError([Problem(str(path), 1, "", f"{why}; check the path")]) from None


def _bay(
    name: str,
    part: BayPart,
    floor: FloorPart,
    specs: Specs,
    source: Callable[[DevicePart], Snmp | Mqtt],
) -> BayConfig:
    """Put a bay together."""
    design = specs.design(part.spec)
    return BayConfig(
        name=name,
        spec=design,
        spec_hash=None if design is None else design.spec.canonical_hash,
        spec_text=specs.text(part.spec),
        macs={mac: device for device, mac in part.macs.items()},
        devices={
            key: _device(key, each, design, floor, source(each))
            for key, each in part.devices.items()
        },
    )


def _device(
    name: str, part: DevicePart, design: Design | None, floor: FloorPart, source: Snmp | Mqtt
) -> DeviceConfig:
    """Fill in what a device leaves to the defaults."""
    asked = None if design is None else design.every(name)
    return DeviceConfig(
        name=name,
        source=source,
        profile=part.profile,
        interval_s=part.interval or floor.defaults.interval or asked or INTERVAL_S,
        map=part.map,
    )


def _source(
    part: DevicePart, floor: FloorPart, mappings: Mappings, users: Mapping[str, User]
) -> Snmp | Mqtt:
    """Say how a device is reached; the checks have seen to it that it says so."""
    if part.broker is not None:
        dialect = part.dialect or floor.brokers[part.broker].dialects[0]
        return Mqtt(part.broker, mappings.source(dialect, part.profile, part.match))
    defaults = floor.defaults
    name = part.credentials or defaults.credentials
    assert part.address is not None
    assert name is not None
    credential = floor.credentials[name]
    return Snmp(
        address=part.address,
        version=credential.version,
        community=credential.community,
        user=users.get(name),
        timeout_s=defaults.timeout if part.timeout is None else part.timeout,
        retries=defaults.retries if part.retries is None else part.retries,
    )
