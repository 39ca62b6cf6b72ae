"""`traps` of the floor file: where devices send traps and informs to, and under what they may."""

from typing import Annotated, Final

from pydantic import Field, PlainValidator, StrictStr

from agent.address import Address
from agent.floor_part import Part

TRAP_PORT: Final = 162  # RFC 3417 §3.2
CREDENTIALS_MAX: Final = 16  # each is tried in turn where users share a name


def _listen(value: object) -> Address:
    """Return where to listen: unlike the metrics, devices must be able to reach it."""
    if not isinstance(value, str):
        raise ValueError("want HOST or HOST:PORT, such as 0.0.0.0:162")  # noqa: TRY004 -- pydantic's way
    return Address.parse(value, TRAP_PORT, port_min=0)


class TrapsPart(Part):
    """`traps`: a device is believed under its own credentials, and under these."""

    listen: Annotated[Address, PlainValidator(_listen)]
    credentials: Annotated[list[StrictStr], Field(max_length=CREDENTIALS_MAX)] = Field(
        default_factory=list
    )
