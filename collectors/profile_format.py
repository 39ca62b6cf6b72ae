"""What a profile file may say: the models that its YAML must satisfy. docs/profiles.md explains it.

Every model is strict and refuses unknown keys. Short spellings (a bare OID, a bare value, a list)
are turned into the long ones before validation, so that each mistake is reported once, at its line.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from collectors.mqtt.mapping import MqttProfile, QuantityText, UnitText, Word, listed

Scalar = int | float | str


def _oid(text: str) -> str:
    """Accept dotted numbers; a leading dot means: below the file's `prefix`."""
    if not re.fullmatch(r"\.?\d+(\.\d+)*", text):
        raise ValueError(
            f"{text!r} is no OID; write dotted numbers, with a leading dot below prefix"
        )
    return text


def _regex(text: str) -> str:
    """Accept a regular expression that compiles."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    return text


Oid = Annotated[str, AfterValidator(_oid)]
Regex = Annotated[str, AfterValidator(_regex)]
Scalars = Annotated[list[Scalar], BeforeValidator(listed)]
Names = Annotated[list[str], BeforeValidator(listed)]
Descriptor = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]  # RFC 2578 §3.1


class Strict(BaseModel):
    """A part of a profile file: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Condition(Strict):
    """What must hold for a row: `3`, `[3, 4]`, or `{is, not, matches, exists}`."""

    equals: Scalars | None = Field(None, alias="is")
    differs: Scalars | None = Field(None, alias="not")
    matches: Regex | None = None
    exists: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: object) -> object:
        """Read a bare value or list as `is`."""
        return given if isinstance(given, dict) else {"is": given}


class Column(Strict):
    """Where a column lies, and which arcs or columns select its row if not the table's index."""

    oid: Oid
    index: list[str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: object) -> object:
        """Read a bare OID as a column with the table's own index."""
        return given if isinstance(given, dict) else {"oid": given}


class UnitFrom(Strict):
    """The object that says in which unit a value is, and what its values mean."""

    column: str
    map: dict[Scalar, UnitText]


class ScaleFrom(Strict):
    """The object that says by what to multiply a value."""

    column: str
    map: dict[Scalar, float]


class Available(Strict):
    """The object that says at every poll whether a value can be believed."""

    column: str
    equals: Scalars | None = Field(None, alias="is")
    differs: Scalars | None = Field(None, alias="not")

    @model_validator(mode="after")
    def _one(self) -> Self:
        """Ask for exactly one of the two."""
        if (self.equals is None) == (self.differs is None):
            raise ValueError("say either `is` or `not`")
        return self


class LimitsFrom(Strict):
    """The objects in which a device keeps its own limits of a value, scaled as the value is."""

    low_alarm: str | None = None
    low_warning: str | None = None
    high_warning: str | None = None
    high_alarm: str | None = None


class Meaning(Strict):
    """How a raw value becomes a value; every key may stand in defaults, a channel or a case."""

    value: Names | None = None
    quantity: QuantityText | None = None
    unit: UnitText | None = None
    unit_from: UnitFrom | None = None
    scale: float = 1.0
    scale_from: ScaleFrom | None = None
    digits_from: str | None = None
    offset: float = 0.0
    conversion: str | None = None
    sentinels: list[Scalar] = []
    range: Annotated[list[float | None], Field(min_length=2, max_length=2)] | None = None
    states: dict[int, Word] | None = None
    states_from: str | None = None
    good: list[Word] | None = None
    texts: dict[str, int] = {}
    pattern: Regex | None = None
    bit: Annotated[int, Field(ge=0, lt=1024)] | None = None
    kind: Literal["gauge", "counter"] | None = None
    available: Available | None = None
    since: str | None = None
    limits_from: LimitsFrom | None = None
    dark: list[float] = []

    def over(self, below: "Meaning") -> "Meaning":
        """Return `below` with all that is said here put on top."""
        said = {key: getattr(self, key) for key in self.model_fields_set & _MEANING_KEYS}
        return Meaning.model_construct(
            _fields_set=below.model_fields_set & _MEANING_KEYS | said.keys(),
            **{key: getattr(below, key) for key in _MEANING_KEYS} | said,
        )


_MEANING_KEYS = frozenset(Meaning.model_fields)


class Case(Meaning):
    """What a row means when the column named by `by` has one certain value."""

    name: str = ""


class Drafted(Strict):
    """How sure a draft is of a channel, and by what; a reviewed profile has none of it."""

    sure: Literal["sure", "likely", "guess"]
    why: str


class Channel(Meaning):
    """One rule: which rows become channels, under the name that is its key, and what they mean."""

    name: str = ""  # the template of the channel's name, where the rule's key is not it
    where: dict[str, Condition] = {}
    by: str | None = None
    cases: dict[Scalar, Case] | None = None
    cases_from: str | None = None
    drafted: Drafted | None = None


class Table(Strict):
    """Rows with a common index."""

    index: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(:(text|rest|\d+))?$")]] | None = (
        None
    )
    extends: str | None = None
    columns: dict[Word, Column] = {}
    words: dict[str, dict[int, str]] = {}
    where: dict[str, Condition] = {}  # for all channels of this table, not for what extends it
    defaults: Meaning = Meaning()
    channels: dict[str, Channel] = {}


class States(Strict):
    """A named enumeration."""

    states: dict[int, Word]
    good: list[Word] = []


class Told(Strict):
    """One place where a device says who it is: an object, sysDescr, or a fixed text."""

    oid: Oid | None = None
    text: str | None = None
    sys_descr: bool = False
    pattern: Regex | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: object) -> object:
        """Read a bare OID, or `{sys_descr: PATTERN}`."""
        if isinstance(given, str):
            return {"oid": given}
        if isinstance(given, dict) and isinstance(given.get("sys_descr"), str):
            return {**given, "sys_descr": True, "pattern": given["sys_descr"]}
        return given


Tellings = Annotated[list[Told], BeforeValidator(listed)]


class Identity(Strict):
    """Where the model, serial number and firmware are told; the first that is not empty counts."""

    model: Tellings = []
    serial: Tellings = []
    firmware: Tellings = []


class Fingerprint(Strict):
    """How a device of this family is told from all others; all that is given must hold."""

    sys_object_id: list[Oid] = []
    sys_descr: Regex | None = None
    exists: list[Oid] = []


class Announcement(Strict):
    """A trap or inform: its OID as v2 has it, and what it is about beside the objects it holds."""

    oid: Oid
    concerns: Oid | None = None  # the column of the channels in whose row any of its objects is
    restart: bool = False  # the device says that it was started anew

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: object) -> object:
        """Read a bare OID."""
        return given if isinstance(given, dict) else {"oid": given}


class Body(Strict):
    """What fragments and profiles have in common."""

    name: Word
    title: str
    source: str = ""
    prefix: Oid = ""
    objects: dict[Word, Oid] = {}
    enumerations: dict[Word, States] = {}
    cases: dict[Word, dict[Scalar, Case]] = {}
    identity: Identity = Identity()
    channels: dict[str, Channel] = {}
    tables: dict[Word, Table] = {}
    provides: dict[Word, dict[str, str]] = {}
    notifications: dict[Descriptor, Announcement] = {}


class FragmentFile(Body):
    """A part that several profiles include."""

    fragment: Literal["rackproof.fragment/1"]


class ProfileFile(Body):
    """One device family."""

    profile: Literal["rackproof.profile/1"]
    kind: Literal["pdu", "cooling", "switch", "other"]
    vendor: str
    draft: bool = False  # written by a program and reviewed by nobody: no run is judged by it
    transport: Literal["snmp", "mqtt"] = "snmp"
    include: list[Word] = []
    fingerprint: Fingerprint = Fingerprint()
    mqtt: MqttProfile | None = None

    @model_validator(mode="after")
    def _of_its_transport(self) -> Self:
        """Ask for the `mqtt` part where it is needed, and nowhere else."""
        if (self.transport == "mqtt") != (self.mqtt is not None):
            raise ValueError("`transport: mqtt` and the `mqtt` part go together; add or remove one")
        return self
