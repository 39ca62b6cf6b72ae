"""The design spec file: every key it may have, and how each value is written.

What only makes sense in the light of another part (a dimension, a name) is checked where the
spec is loaded; docs/spec.md explains the language.
"""

import hashlib
import json
import re
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
)

from agent.burnin.limits import Amount, Limit, LimitError
from collectors.quantity import unit

_SECOND: Final = unit("s")
_RATIO: Final = unit("1")
RANGE_MAX: Final = 10_000  # the widest range of a real spec has 18; a million would be a bomb
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def _duration(value: object) -> float:
    """Read `10 min` as seconds. Raises: LimitError."""
    seconds = Amount.parse(value).to(_SECOND, _SECOND.dimension, "duration")
    if seconds < 0:
        raise LimitError(f"{value!r} is negative; write a duration")
    return seconds


def _share(value: object) -> float:
    """Read `95 %` as 0.95. Raises: LimitError."""
    share = Amount.parse(value).to(_RATIO, _RATIO.dimension, "share")
    if not 0 <= share <= 1:
        raise LimitError(f"{value!r} is not a share; write 0 % to 100 %")
    return share


def _range(value: object) -> range:
    """Read `3..6`, or a single number. Raises: LimitError."""
    found = re.fullmatch(r"(\d{1,6})(?:\.\.(\d{1,6}))?", str(value))
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if not 0 < last - first + 1 <= RANGE_MAX or isinstance(value, bool):
        raise LimitError(f"{value!r} is not a range; write it as in '1..18'")
    return range(first, last + 1)


class Budget(NamedTuple):
    """The excursions tolerated in total in a stage: a share of its time, or so many seconds."""

    share: float | None = None
    seconds: float | None = None


def _budget(value: object) -> Budget:
    """Read `0.5 %` or `30 s`. Raises: LimitError."""
    if Amount.parse(value).symbol == "%":
        return Budget(share=_share(value))
    return Budget(seconds=_duration(value))


class Per(NamedTuple):
    """A channel that a device has several times: `psu 6` is psu1 to psu6."""

    name: str
    number: int

    def __str__(self) -> str:
        """Return it as written."""
        return f"{self.name} {self.number}"


def _per(value: object) -> Per:
    """Read `psu 6`. Raises: LimitError."""
    found = re.fullmatch(r"([a-z][a-z_]*) (\d{1,4})", str(value))
    if not found or not int(found[2]):
        raise LimitError(f"{value!r} is not a part and its number; write it as in 'psu 6'")
    return Per(found[1], int(found[2]))


def _skipping(value: object) -> object:
    """Let `skip` stand for `{skip: true}`."""
    return {"skip": True} if value == "skip" else value


Duration = Annotated[float, BeforeValidator(_duration)]
Share = Annotated[float, BeforeValidator(_share)]
Quantified = Annotated[Amount, PlainValidator(Amount.parse), PlainSerializer(str)]
Bound = Annotated[Limit, PlainValidator(Limit.parse), PlainSerializer(str)]
Range = Annotated[
    range, PlainValidator(_range), PlainSerializer(lambda r: f"{r.start}..{r.stop - 1}")
]
_Budget = Annotated[Budget, PlainValidator(_budget), PlainSerializer(list)]
_Per = Annotated[Per, PlainValidator(_per), PlainSerializer(str)]


class Part(BaseModel):
    """A part of the file: no key but those named here, and no value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Knobs(Part):
    """What a channel takes from defaults, then from its quantity, then from itself."""

    every: Duration | None = None
    hold: Duration | None = None
    gap: Duration | None = None
    budget: _Budget | None = None
    hysteresis: Quantified | None = None
    u: Quantified | None = None
    required: bool | None = None
    applies: Literal["always", "qualified"] | None = None
    latched: bool | None = None
    kind: Literal["gauge", "counter"] | None = None
    min_load: Share | None = None


class Ladder(Knobs):
    """A channel's limits, innermost first."""

    nominal: Quantified | None = None
    warn: Bound | None = None
    fail: Bound | None = None
    trip: Bound | None = None


class Channel(Ladder):
    """One quantity at one place of a role, or at each of its parts."""

    q: str
    per: _Per | None = None


class Derived(Ladder):
    """A channel computed from others."""

    expr: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    unit: str
    window: Duration | None = None
    per: str | None = None
    u_why: Word | None = None


class Override(Ladder):
    """What a stage changes about a channel."""

    why: Word | None = None
    skip: bool = False


class Bom(Part):
    """What a role may be built from and what is recorded of it."""

    kind: Literal["product", "fixture"] = Field(alias="class")
    models: list[Word]
    calibration: Literal["required"] | None = None
    serial: Literal["required"] | None = None
    firmware: Word | None = None


class Role(Part):
    """What devices are for: how many there are, and what each must show."""

    count: Annotated[int, Field(ge=1, le=1000)] | None = None
    names: list[str] | None = None
    u: list[Range] | None = None
    feed: dict[str, Range] | None = None
    bom: Bom | None = None
    origin: Literal["cabling"] | None = Field(default=None, alias="from")
    channels: dict[str, Channel]


class Cable(Part):
    """A row of cables: its two ends, repeated for each `i`."""

    source: Word = Field(alias="from")
    target: Word = Field(alias="to")
    i: Range | None = None
    speed: Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?[MG]$")]
    lldp: Literal["portid", "mac"] = "portid"
    optics: bool = False


class Addressing(Part):
    """Where devices are found: a template that a bay fills in."""

    host: Word | None = None
    ip: Word | None = None
    offset: dict[str, Annotated[int, Field(ge=0)]] = {}
    via: dict[str, list[Word]] = {}


class Decision(Part):
    """How uncertainty enters a verdict (ISO 14253-1, or ILAC-G8 with w = 0)."""

    rule: Literal["guarded", "simple"]
    on_guard_band: Literal["inconclusive"] = "inconclusive"


class Gate(Part):
    """What must hold, and for how long, before a stage counts or ends."""

    all: list[Word] = []
    steady: bool = False
    spell: Duration = Field(default=0.0, alias="for")
    timeout: Duration


class Steps(Part):
    """What a stage does one after the other."""

    load: list[Share] | None = None
    lose: list[Word] | None = None
    pull: list[Word] | None = None
    stop: list[Word] | None = None
    each: Duration
    restore: Duration = 0.0


class Stage(Part):
    """One step of the plan."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    duration: Duration | None = None
    steps: Steps | None = None
    load: Share | None = None
    needs: list[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*( [1-9]\d*)?$")]] = []
    only: list[str] | None = None
    entry: Gate | None = None
    exit: Gate | None = None
    check: dict[str, Word] = {}
    overrides: dict[str, Override] = {}
    affected: dict[str, Annotated[Override, BeforeValidator(_skipping)]] = {}


class Steady(Part):
    """When named channels count as steady."""

    rule: Literal["slope"]
    of: list[str]
    window: Duration
    max_slope: Quantified
    max_sd: Quantified
    significance: Share


class Coverage(Part):
    """How much of a stage must have been seen."""

    min: Share


class Plan(Part):
    """The stages a rack goes through, in order."""

    clock: Literal["qualified"]
    wall_clock: Literal["synchronised", "any"] = "synchronised"  # without it no run begins
    steady: Steady | None = None
    coverage: Coverage
    stages: list[Stage]


def _constant(value: object) -> Amount | str:
    """Read a design constant: an amount, or a name such as a coolant's."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z]\w*", value):
        return value
    return Amount.parse(value)


Constant = Annotated[Amount | str, PlainValidator(_constant), PlainSerializer(str)]


class Spec(Part):
    """A whole design spec, every value read; loading it has checked that it fits together."""

    spec: Literal["rackproof.spec/1"]
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
    revision: Word
    status: Literal["draft", "released", "withdrawn"]
    supersedes: Word | None = None
    title: Word
    customer: Word | None = None
    part_number: Word | None = None
    change: Word | None = None
    approved_by: dict[str, Word] = {}
    design: dict[str, Constant] = {}
    decision: Decision
    defaults: Knobs
    quantities: dict[str, Knobs] = {}
    roles: dict[str, Role]
    addressing: Addressing = Addressing()
    derived: dict[str, Derived] = {}
    cabling: dict[str, Cable] = {}
    plan: Plan | None = None

    @property
    def canonical(self) -> str:
        """Return the content in its one form: sorted, without comments, layout or defaults."""
        content: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def canonical_hash(self) -> str:
        """Return the SHA-256 of the canonical form, which names this revision everywhere."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()
