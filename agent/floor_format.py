"""The floor file as it is written: which keys there are, and what their values may look like.

What one value can tell by itself is checked here; what needs two places of the file, or another
file, is checked in agent/floor_check.py.
"""

import re
from typing import Annotated, Final, Literal

from pydantic import (
    Field,
    PlainValidator,
    StrictInt,
    StrictStr,
    ValidationInfo,
)

from agent.address import SNMP_PORT, Address, WebAddress, parse_web
from agent.credentials import Secret
from agent.floor_broker import BrokerPart
from agent.floor_credentials import CredentialPart
from agent.floor_part import Part, duration, fetched
from agent.floor_traps import TrapsPart
from collectors.neighbours import address as as_mac

SCHEMA: Final = "rackproof.floor/1"
BAY_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
DEVICE_NAME: Final = re.compile(r"[a-z0-9][A-Za-z0-9_-]{0,62}")  # a capital inside, as in feedA
RESERVED: Final = {  # names of devices that no floor file needs to tell of
    "derived": "the channels that a spec derives",
    "agent": "what the agent measures of itself",
}
DIALECTS: Final = ("dsx", "json", "sparkplug")
INTERVAL_S: Final = (0.1, 3600.0)  # faster than any device measures; slower than any spec asks
TIMEOUT_S: Final = (0.05, 60.0)  # below, a healthy device seems dead; above, a dead one blocks
RETRIES_MAX: Final = (
    10  # a device that needs more is broken, and the network should hear less of it
)
WEBHOOKS_MAX: Final = 16  # each gets every message of its own
SECRET_BYTES_MIN: Final = 16  # of a webhook: a shorter one can be guessed from what it signed
NOT_YET: Final = "is not available in this version"


def _interval(value: object) -> float:
    """Return how often to poll."""
    return duration(value, *INTERVAL_S)


def _timeout(value: object) -> float:
    """Return how long to wait for an answer."""
    return duration(value, *TIMEOUT_S)


def _listen(value: object) -> Address:
    """Return where to serve metrics: on this machine only, for nothing here guards it yet."""
    if not isinstance(value, str):
        raise ValueError("want HOST:PORT, such as 127.0.0.1:9108")  # noqa: TRY004 -- pydantic's way
    address = Address.parse(value, None, port_min=0)
    if not address.is_loopback:
        raise ValueError(
            f"beyond this machine it needs web.config (TLS, users), which {NOT_YET}; "
            f"write 127.0.0.1:{address.port} and put a reverse proxy in front"
        )
    return address


def _address(value: object) -> Address:
    """Return where a device answers."""
    if not isinstance(value, str):
        raise ValueError("want HOST or HOST:PORT as text")  # noqa: TRY004 -- pydantic's way
    address = Address.parse(value, SNMP_PORT)
    if not address.is_device:
        raise ValueError(f"{value} is not the address of one device; write the device's own")
    return address


def _mac(value: object) -> str:
    """Return the hardware address of a device, as it is compared."""
    if found := as_mac(value if isinstance(value, str) else None):
        return found
    raise ValueError("want a MAC address in quotes, such as '7c:8c:09:aa:bb:01'")


def _receiver(value: object) -> WebAddress:
    """Return where a webhook's messages go."""
    if not isinstance(value, str):
        raise ValueError("want a URL, such as https://mes.example/rackproof")  # noqa: TRY004 -- likewise
    return parse_web(value)


def _signing(value: object, info: ValidationInfo) -> Secret:
    """Fetch the secret that messages are signed with."""
    found = fetched(value, info)
    if len(found.reveal()) < SECRET_BYTES_MIN:
        raise ValueError(
            f"has less than {SECRET_BYTES_MIN} bytes; make one with `openssl rand -hex 32`, "
            "in a file or variable of its own"
        )
    return found


def _database(value: object) -> None:
    """Accept no database but the one that needs no mention."""
    if value is not None:
        raise ValueError(f"a database of its own {NOT_YET}; write null or remove this line")


Mac = Annotated[str, PlainValidator(_mac)]
Interval = Annotated[float, PlainValidator(_interval)]
Timeout = Annotated[float, PlainValidator(_timeout)]
Retries = Annotated[StrictInt, Field(ge=0, le=RETRIES_MAX)]


class WebhookPart(Part):
    """`webhooks.NAME`."""

    url: Annotated[WebAddress, PlainValidator(_receiver)]
    secret: Annotated[Secret, PlainValidator(_signing)]
    events: Annotated[list[Literal["stage", "verdict"]], Field(min_length=1)]


class DefaultsPart(Part):
    """`defaults`: what a device that says nothing gets."""

    credentials: StrictStr | None = None
    interval: Interval | None = None  # as often as the spec wants to hear of each device
    timeout: Timeout = 2.0
    retries: Retries = 1


class DevicePart(Part):
    """`bays.NAME.devices.NAME`."""

    address: Annotated[Address, PlainValidator(_address)] | None = None
    broker: StrictStr | None = None
    dialect: Literal["dsx", "json", "sparkplug"] | None = None
    match: dict[StrictStr, StrictStr] = Field(default_factory=dict)
    profile: StrictStr | None = None
    credentials: StrictStr | None = None
    interval: Interval | None = None
    timeout: Timeout | None = None
    retries: Retries | None = None
    map: dict[StrictStr, StrictStr] = Field(
        default_factory=dict
    )  # spec channel -> device channel, where the profile has none


class BayPart(Part):
    """`bays.NAME`."""

    spec: StrictStr | None = None
    macs: dict[StrictStr, Mac] = Field({})  # device of the spec -> its own
    devices: Annotated[dict[str, DevicePart], Field(min_length=1)]


class FloorPart(Part):
    """The whole file."""

    floor: Literal["rackproof.floor/1"]
    listen: Annotated[Address, PlainValidator(_listen)] = Address("127.0.0.1", 9108)
    data: Annotated[StrictStr, Field(min_length=1)] = "data"
    profiles: Annotated[StrictStr, Field(min_length=1)] | None = None
    database: Annotated[None, PlainValidator(_database)] = None
    credentials: dict[str, CredentialPart] = Field(default_factory=dict)
    brokers: dict[str, BrokerPart] = Field(default_factory=dict)
    webhooks: Annotated[dict[str, WebhookPart], Field(max_length=WEBHOOKS_MAX)] = Field(
        default_factory=dict
    )
    traps: TrapsPart | None = None
    defaults: DefaultsPart = DefaultsPart()
    bays: Annotated[dict[str, BayPart], Field(min_length=1)]
