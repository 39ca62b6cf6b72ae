"""`brokers.NAME` of a floor file: where a broker is, who we are there, and who it must be."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PlainValidator,
    StrictBool,
    StrictStr,
    ValidationInfo,
    model_validator,
)

from agent.address import BrokerAddress, parse_broker
from agent.floor_part import Part, SecretText, duration, vault
from collectors.mqtt.access import REORDER_S, Access, Trust, Version
from collectors.mqtt.tls import TlsError, context

SESSION_S: Final = (1.0, 86_400.0)  # shorter bridges nothing; older is of no use to any run
CLIENT_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")  # more than every broker must take: 23
GROUP: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")  # one level of a topic, without / + #
REORDERED_S: Final = (0.1, 60.0)  # no network is faster; no value may be doubted for longer
USER_BYTES_MAX: Final = 256  # a name that somebody writes
TLS_ONLY: Final = ("ca", "certificate", "key")


def _url(value: object) -> BrokerAddress:
    """Return where a broker answers, and whether in TLS."""
    if not isinstance(value, str):
        raise ValueError("want a URL, such as mqtts://broker.example:8883")  # noqa: TRY004 -- pydantic's way
    return parse_broker(value)


def _path(value: object, info: ValidationInfo) -> Path:
    """Return a file beside the floor file."""
    if not isinstance(value, str) or not value:
        raise ValueError("want the path of a PEM file")
    return vault(info).folder / value


def _key(value: object, info: ValidationInfo) -> Path:
    """Return where a private key is, which must be for the agent only."""
    return vault(info).private_file(value)


def _user(value: object) -> str:
    """Return a user's name."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("want a name; in quotes if it is a number")
    if len(value.encode(errors="surrogatepass")) > USER_BYTES_MAX:
        raise ValueError(f"is longer than {USER_BYTES_MAX} bytes")
    return value


def _protocol(value: object) -> Version:
    """Return which MQTT, for YAML reads `5` as a number and `3.1.1` as text."""
    try:
        return Version(str(value))
    except ValueError:
        raise ValueError("want 3.1.1 or 5") from None


def _session(value: object) -> float:
    """Return for how long the broker keeps messages for us."""
    return duration(value, *SESSION_S)


def _reorder(value: object) -> float:
    """Return for how long a message that is missing is waited for."""
    return duration(value, *REORDERED_S)


def _word(pattern: re.Pattern[str]) -> PlainValidator:
    """Accept a short word."""

    def check(value: object) -> str:
        """Return the word."""
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError("want letters, digits, - and _, at most 64")
        return value

    return PlainValidator(check)


class BrokerPart(Part):
    """`brokers.NAME`."""

    url: Annotated[BrokerAddress, PlainValidator(_url)]
    dialects: Annotated[list[Literal["dsx", "json", "sparkplug"]], Field(min_length=1)]
    ca: Annotated[Path, PlainValidator(_path)] | None = None
    certificate: Annotated[Path, PlainValidator(_path)] | None = None
    key: Annotated[Path, PlainValidator(_key)] | None = None
    user: Annotated[StrictStr, BeforeValidator(_user)] | None = None
    password: SecretText | None = None
    protocol: Annotated[Version, PlainValidator(_protocol)] = Version.THREE
    session: Annotated[float, PlainValidator(_session)] = 0.0
    client_id: Annotated[str, _word(CLIENT_ID)] = ""
    group: Annotated[str, _word(GROUP)] = ""
    reorder: Annotated[float, PlainValidator(_reorder)] = REORDER_S
    rebirth: StrictBool = False  # whether nodes of Sparkplug may be asked to be born again

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Ask for what belongs together, and read the files that TLS needs."""
        stray = [key for key in TLS_ONLY if getattr(self, key) is not None]
        if stray and not self.url.encrypted:
            raise ValueError(f"{stray[0]} belongs to TLS; write mqtts:// into url, or remove it")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together; give both or neither")
        if self.password is not None and self.user is None:
            raise ValueError("password needs a user; add it")
        for key in sorted({"rebirth", "reorder"} & self.model_fields_set):
            if "sparkplug" not in self.dialects:
                raise ValueError(f"{key} belongs to dialect sparkplug; add that, or remove it")
        if self.session and not self.client_id:
            raise ValueError("session needs a client_id, one that no other agent has; add it")
        if self.url.encrypted:
            try:
                context(self._trust())
            except TlsError as error:
                raise ValueError(str(error)) from None
        return self

    def _trust(self) -> Trust:
        """Return the files of TLS."""
        return Trust(authorities=self.ca, certificate=self.certificate, key=self.key)

    def access(self) -> Access:
        """Return how the broker is spoken to, all but the password."""
        return Access(
            trust=self._trust() if self.url.encrypted else None,
            user=self.user,
            version=self.protocol,
            client_id=self.client_id,
            session_s=self.session,
            group=self.group,
            rebirth=self.rebirth,
            reorder_s=self.reorder,
        )
