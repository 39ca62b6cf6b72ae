"""Device knowledge as data: profile files, checked and resolved into rules that can be bound.

A profile says how a device family is recognised, which objects become channels, and what their
values mean. It has no limits: those come from a design spec. docs/profiles.md explains the format.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collectors.document import Document, DocumentError, Problem, parse
from collectors.document import Path as Key
from collectors.mqtt.mapping import MqttProfile
from collectors.profile_format import Body, Fingerprint, FragmentFile, Identity, ProfileFile
from collectors.resolve import Part, Resolver
from collectors.rule import Rule, Template, below

FOLDER: Final = Path(__file__).parent / "profiles"
EVERYBODY: Final = "notifications"  # the fragment with the traps that every agent may send
DRAFT_MARK: Final = " (draft)"  # behind the name of a profile that nobody has reviewed
SYS_DESCR: Final = "1.3.6.1.2.1.1.1.0"
SYS_OBJECT_ID: Final = "1.3.6.1.2.1.1.2.0"
SYS_UP_TIME: Final = "1.3.6.1.2.1.1.3.0"
ENTITY: Final = "1.3.6.1.2.1.47.1.1.1.1"  # entPhysicalEntry: each part of a device in a row
ENTITY_CLASS: Final = f"{ENTITY}.5"  # says which of them is the whole


@dataclass(frozen=True, slots=True)
class Announced:
    """A trap or inform as a profile knows it, its OIDs in full."""

    name: str  # in its MIB
    concerns: str | None  # the column of the channels in whose row any of its objects is
    restart: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One device family, ready to be recognised and bound."""

    name: str
    kind: str
    vendor: str
    title: str
    transport: str
    fingerprint: Fingerprint  # OIDs in full
    identity: Identity  # likewise
    rules: tuple[Rule, ...]  # the first that fits a value has it
    provides: Mapping[str, Mapping[str, str]]  # role -> the spec's channel name -> ours
    roots: tuple[str, ...]  # what to walk at discovery, none below another
    hash: str  # SHA-256 of the file and of all that it includes
    document: Document  # the file itself
    mqtt: MqttProfile | None  # how messages become channels, of transport mqtt only
    draft: bool = False  # nobody has reviewed it: good to look at, not to judge by

    @property
    def label(self) -> str:
        """Return what a device read by it is said to be read by; a draft is always marked."""
        return self.name + DRAFT_MARK if self.draft else self.name

    notifications: Mapping[str, Announced]  # by OID


def load_profiles(
    folder: Path | None = None, *, beside: Sequence[Profile] = ()
) -> tuple[Profile, ...]:
    """Return every profile below `folder` (default: the shipped ones), sorted by name.

    Profiles of another folder may include the shipped fragments as well as their own. Those
    `beside` are returned too, and their names are taken.
    Raises: DocumentError with every problem of every file.
    """
    problems: list[Problem] = []
    fragments: dict[str, Part] = {}
    profiles: dict[str, Part] = {}
    for path, again in _files(folder):
        try:
            part = _read(path)
        except DocumentError as error:
            problems += error.problems
            continue
        shelf = fragments if isinstance(part.body, FragmentFile) else profiles
        taken = shelf.setdefault(part.body.name, part)
        if taken is not part and not again:
            text = f"{part.body.name!r} is also in {taken.document.file}; give it another name"
            problems.append(part.document.problem(("name",), text))
    for other in beside:
        if (own := profiles.get(other.name)) is not None:
            text = f"{other.name!r} is also in {other.document.file}; give it another name"
            problems.append(own.document.problem(("name",), text))
    done = [_profile(part, fragments, problems) for _, part in sorted(profiles.items())]
    if problems:
        raise DocumentError(dict.fromkeys(problems))
    return tuple(sorted([*beside, *done], key=lambda profile: profile.name))


def is_draft(label: str) -> bool:
    """Say whether a device is read by a profile that nobody has reviewed."""
    return label.endswith(DRAFT_MARK)


def load_profile(path: Path) -> Profile:
    """Return the profile of one file, which may include the shipped fragments.

    Raises: OSError, DocumentError.
    """
    own = _read(path)
    if isinstance(own.body, FragmentFile):
        raise DocumentError([own.document.problem((), "a fragment; name a profile's file")])
    return profile_of(own)


def parse_profile(text: bytes, file: str) -> Profile:
    """Return the profile in `text`, as `load_profile` would. Raises: DocumentError."""
    document = parse(text, file)
    return profile_of(Part(document, document.validate(ProfileFile), hashlib.sha256(text).digest()))


def profile_of(own: Part) -> Profile:
    """Resolve one profile with the shipped fragments. Raises: DocumentError."""
    problems: list[Problem] = []
    shelf = [_read(path) for path in sorted((FOLDER / "fragment").glob("*.yaml"))]
    done = _profile(own, {part.body.name: part for part in shelf}, problems)
    if problems:
        raise DocumentError(dict.fromkeys(problems))
    return done


def _files(folder: Path | None) -> Iterator[tuple[Path, bool]]:
    """Yield the files to load, and whether a file yields to one of the same name before it."""
    for path in sorted((folder or FOLDER).rglob("*.yaml")):
        yield path, False
    if folder is not None:
        for path in sorted((FOLDER / "fragment").glob("*.yaml")):
            yield path, True


def _read(path: Path) -> Part:
    """Read one file as what its first key says it is. Raises: DocumentError."""
    text = path.read_bytes()
    shipped = path.is_relative_to(FOLDER)
    document = parse(text, str(path.relative_to(FOLDER.parent) if shipped else path))
    fragment = isinstance(document.data, dict) and "fragment" in document.data
    model: type[Body] = FragmentFile if fragment else ProfileFile
    body = document.validate(model)
    if not body.prefix and (lost := list(_relative(document.data, ()))):
        why = "an OID that begins with a dot needs `prefix`"
        raise DocumentError(document.problem(key, why) for key in lost)
    return Part(document, body, hashlib.sha256(text).digest())


def _relative(data: object, key: Key) -> Iterator[Key]:
    """Yield where in a file an OID begins with a dot."""
    if isinstance(data, str) and re.fullmatch(r"\.\d+(\.\d+)*", data):
        yield key
    elif isinstance(data, dict):
        for name, each in data.items():
            yield from _relative(each, (*key, name))
    elif isinstance(data, list):
        for number, each in enumerate(data):
            yield from _relative(each, (*key, number))


def _profile(own: Part, fragments: Mapping[str, Part], problems: list[Problem]) -> Profile:
    """Resolve one profile with its fragments; what does not fit is added to `problems`."""
    body = own.body
    assert isinstance(body, ProfileFile)
    included = []
    for number, name in enumerate(body.include):
        if name in fragments:
            included.append(fragments[name])
        else:
            text = f"no fragment {name!r}; write one of {', '.join(sorted(fragments))}"
            problems.append(own.document.problem(("include", number), text))
    parts = [own, *included]
    rules = [*Resolver(own, included, problems).rules()]
    rules += [rule for part in included for rule in Resolver(part, (), problems).rules()]
    identity = _identity(parts)
    exists = [_root(own.oid(oid)) for oid in body.fingerprint.exists]
    objects = [told.oid for key in Identity.model_fields for told in getattr(identity, key)]
    roots = {_root(oid) for oid in (*exists, *filter(None, objects))}
    roots |= {ENTITY_CLASS for oid in objects if oid and below(oid, ENTITY)}
    everybody = [fragments[EVERYBODY]] if EVERYBODY in fragments else []
    return Profile(
        name=body.name,
        kind=body.kind,
        vendor=body.vendor,
        title=body.title,
        transport=body.transport,
        fingerprint=body.fingerprint.model_copy(
            update={
                "sys_object_id": [own.oid(oid) for oid in body.fingerprint.sys_object_id],
                "exists": exists,
            }
        ),
        identity=identity,
        rules=tuple(rules),
        provides=_provides(parts, problems),
        roots=outermost(roots.union(*(rule.roots for rule in rules))),
        hash=hashlib.sha256(b"".join(part.digest for part in parts)).hexdigest(),
        document=own.document,
        mqtt=body.mqtt,
        draft=body.draft or any(_unreviewed(part.body) for part in parts),
        notifications=_notifications([*parts, *everybody], problems),
    )


def _unreviewed(body: Body) -> bool:
    """Say whether a channel still bears a draft's mark: then nobody has gone through it."""
    tables = (table.channels for table in body.tables.values())
    return any(each.drafted for some in (body.channels, *tables) for each in some.values())


def _identity(parts: Sequence[Part]) -> Identity:
    """Return where a device says who it is: what the profile knows, then what fragments know."""
    return Identity.model_validate(
        {
            key: [
                told.model_copy(update={"oid": part.oid(told.oid) if told.oid else None})
                for part in parts
                for told in getattr(part.body.identity, key)
            ]
            for key in Identity.model_fields
        }
    )


def _provides(parts: Sequence[Part], problems: list[Problem]) -> dict[str, dict[str, str]]:
    """Return how a spec's roles find their channels; the profile's own lines win."""
    found: dict[str, dict[str, str]] = {}
    for part in reversed(parts):
        for role, channels in part.body.provides.items():
            found.setdefault(role, {}).update(channels)
            for there, here in channels.items():
                if Template.of(there).variables != Template.of(here).variables:
                    text = f"{here!r} must have the same words in braces as {there!r}"
                    problems.append(part.document.problem(("provides", role, there), text))
    return found


def _notifications(parts: Sequence[Part], problems: list[Problem]) -> dict[str, Announced]:
    """Return what traps mean; the profile's own lines win, and no file names one OID twice."""
    found: dict[str, Announced] = {}
    for part in reversed(parts):
        mine: dict[str, str] = {}
        for name, said in part.body.notifications.items():
            oid = part.oid(said.oid)
            if mine.setdefault(oid, name) != name:
                text = f"{oid} is {mine[oid]} as well; keep one of them"
                problems.append(part.document.problem(("notifications", name), text))
            concerns = None if said.concerns is None else part.oid(said.concerns)
            found[oid] = Announced(name, concerns, said.restart)
    return found


def _root(oid: str) -> str:
    """Return where a walk must start to come by an object; `.0` is an instance, all else a node."""
    return oid.removesuffix(".0")


def outermost(roots: Iterable[str]) -> tuple[str, ...]:
    """Return the roots that are not below another, in the order of a walk."""
    kept: list[str] = []
    for oid in sorted(set(roots), key=lambda text: [int(arc) for arc in text.split(".")]):
        if not (kept and below(oid, kept[-1])):
            kept.append(oid)
    return tuple(kept)
