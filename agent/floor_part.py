"""What all parts of the floor file have in common: strict keys, secrets by reference, durations."""

import re
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationInfo

from agent.credentials import Secret, Vault
from collectors.quantity import Quantity, convert

DURATION: Final = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,6})?) *(?P<unit>ms|s|min|h)")


class Part(BaseModel):
    """A part of the file: an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def vault(info: ValidationInfo) -> Vault:
    """Return where this file's references lead."""
    found = info.context
    assert isinstance(found, Vault)
    return found


def fetched(value: object, info: ValidationInfo) -> Secret:
    """Fetch the secret that a value refers to. Raises: CredentialError."""
    return vault(info).fetch(value)


SecretText = Annotated[Secret, PlainValidator(fetched)]


def duration(value: object, low: float, high: float) -> float:
    """Return seconds from a text such as `10 s`. Raises: ValueError showing how to write it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = f"{value} has no unit; write `{value} s` (or ms, min, h)"
        raise ValueError(text)  # noqa: TRY004 -- pydantic's way
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("want a number and ms, s, min or h, such as `10 s`")
    seconds = convert(float(found["number"]), found["unit"], Quantity.DURATION)
    if not low <= seconds <= high:
        raise ValueError(f"{value} is out of bounds; want {low:g} s to {high:g} s")
    return seconds
