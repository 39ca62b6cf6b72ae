"""`credentials.NAME` of the floor file: a community, or a user of SNMPv3 with its passwords."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, PlainValidator, ValidationInfo, field_validator
from pydantic import model_validator as validates

from agent.credentials import Secret
from agent.floor_part import Part, SecretText, fetched
from collectors.document import Document, Problem
from collectors.snmp.keys import ALSO, AUTH, PASSWORD_OCTETS_MIN, PRIVACY
from collectors.snmp.secured import NAME_OCTETS_MAX
from collectors.snmp.usm import User

WEAK: Final = {"MD5": "SHA-256", "DES": "AES-128"}  # what was broken, and what stands instead


def protocol(value: object, protocols: Collection[str]) -> str:
    """Return a protocol by the name that the code has for it. Raises: ValueError."""
    name = value if isinstance(value, str) else ""
    name = ALSO.get(name, name)
    if name not in protocols:
        raise ValueError(f"want one of {', '.join(_shown(protocols))}")
    return name


def _shown(protocols: Collection[str]) -> list[str]:
    """Return protocols by the names that people know best."""
    long = {short: name for name, short in ALSO.items()}
    return [long.get(name, name) for name in protocols]


def _version(value: object) -> str:
    """Return the SNMP version as text, for YAML reads `1` as a number and `2c` as text."""
    text = str(value)
    if text not in ("1", "2c", "3"):
        raise ValueError("want 1, 2c or 3")
    return text


def _auth(value: object) -> str:
    """Return an authentication protocol."""
    return protocol(value, AUTH)


def _privacy(value: object) -> str:
    """Return a privacy protocol."""
    return protocol(value, PRIVACY)


def _password(value: object, info: ValidationInfo) -> Secret:
    """Fetch a password, which every device refuses when it is short."""
    found = fetched(value, info)
    if len(found.reveal()) < PASSWORD_OCTETS_MIN:
        raise ValueError(
            f"has less than {PASSWORD_OCTETS_MIN} characters, which SNMPv3 does not allow; "
            "is it the right file or variable?"
        )
    return found


Password = Annotated[Secret, PlainValidator(_password)]


class AuthPart(Part):
    """`credentials.NAME.auth`."""

    protocol: Annotated[str, PlainValidator(_auth)]
    password: Password


class PrivacyPart(Part):
    """`credentials.NAME.privacy`."""

    protocol: Annotated[str, PlainValidator(_privacy)]
    password: Password


class CredentialPart(Part):
    """`credentials.NAME`: versions 1 and 2c have a community, version 3 has a user."""

    version: Annotated[Literal["1", "2c", "3"], BeforeValidator(_version)]
    community: SecretText | None = None
    user: str | None = None
    auth: AuthPart | None = None
    privacy: PrivacyPart | None = None

    @field_validator("user")
    @classmethod
    def _named(cls, user: str | None) -> str | None:
        """Refuse a name that no device can have."""
        if user is not None and not 0 < len(user.encode()) <= NAME_OCTETS_MAX:
            raise ValueError(f"want 1 to {NAME_OCTETS_MAX} characters")
        return user

    @validates(mode="after")
    def _complete(self) -> "CredentialPart":
        """Ask for what a version has, and for nothing else."""
        if self.version == "3":
            if self.community is not None:
                raise ValueError("version 3 has no community; remove it, or write version: 2c")
            if self.user is None:
                raise ValueError("user is missing; add it")
            if self.privacy is not None and self.auth is None:
                raise ValueError("privacy needs auth as well; add it")
            return self
        if self.community is None:
            raise ValueError("community is missing; add it")
        if self.user or self.auth or self.privacy:
            raise ValueError("user, auth and privacy belong to version 3; write version: 3")
        return self


def users(parts: Mapping[str, CredentialPart]) -> dict[str, User]:
    """Make the users of version 3. Cost: 2 to 6 ms each, in which other threads may run."""
    return {name: _user(part) for name, part in parts.items() if part.version == "3"}


def _user(part: CredentialPart) -> User:
    """Hash the passwords of one user."""
    auth, privacy = part.auth, part.privacy
    return User.of(
        (part.user or "").encode(),
        auth=(auth.protocol, auth.password.reveal()) if auth else None,
        privacy=(privacy.protocol, privacy.password.reveal()) if privacy else None,
    )


def weaknesses(document: Document, parts: Mapping[str, CredentialPart]) -> Iterator[Problem]:
    """Yield what protects less than SNMPv3 could."""
    for name, part in parts.items():
        if part.version != "3":
            continue
        path = ("credentials", name)
        if part.privacy is None:
            missing = "auth and privacy" if part.auth is None else "privacy"
            text = f"no {missing}: whoever listens reads along"
            more = "" if part.auth else ", and anybody can answer for the device"
            yield document.problem(path, f"{text}{more}; add {missing}")
        for key, weak in (("auth", part.auth), ("privacy", part.privacy)):
            if weak is not None and weak.protocol in WEAK:
                better = WEAK[weak.protocol]
                text = f"{weak.protocol} is broken; use {better} where the device can"
                yield document.problem((*path, key, "protocol"), text)
