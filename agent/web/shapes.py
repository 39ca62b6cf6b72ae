"""The JSON that the API answers, as its OpenAPI document describes it and tests hold it to."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
VerdictName = Literal["PASS", "INCONCLUSIVE", "ABORTED", "FAIL"]


class Shape(BaseModel):
    """An object with these keys and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Spec(Shape):
    """Which design spec."""

    id: str
    revision: str
    hash: str
    status: str


class BaySpec(Spec):
    """The spec of a bay. Without a plan nothing can be run there."""

    plan: bool


class Bay(Shape):
    """One bay, and which run is on in it."""

    bay: str
    spec: BaySpec | None
    run: str | None


class Standing(Shape):
    """Where the plan stands; the texts in `waiting_for` say what a person can do."""

    stage: Annotated[str | None, Field(description="null in the moment before the first begins")]
    attempt: int
    step: int | None
    phase: str
    judging: Literal["none", "always", "qualified"]
    qualified_s: Seconds
    required_s: Seconds
    load: float | None
    needs: list[str]
    waiting_for: list[str]
    why: list[str]


class Stage(Shape):
    """One attempt of a stage, or a stage to come."""

    stage: str
    attempt: int | None
    verdict: VerdictName | None
    outcome: str | None
    qualified_s: Seconds | None
    required_s: Seconds | None


class Reason(Shape):
    """Why a verdict is what it is, down to channel, time, value and limit."""

    verdict: VerdictName
    of: str
    text: str
    at: float | None = None
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    parts: list["Reason"] = []


class ListedRun(Shape):
    """One run, as a list shows it."""

    run: str
    bay: str
    serial: str
    sku: str | None
    by: str
    state: Annotated[
        Literal["running", "held", "waiting", "paused", "over"],
        Field(description="held: after a trip; waiting: for a person's answer, or to be finished"),
    ]
    verdict: Annotated[VerdictName, Field(description="of the latest attempts, so far")]
    started: Annotated[str, Field(description="UTC, ISO 8601 with Z")]
    ended: str | None
    spec: Spec
    standing: Standing | None
    coverage: Share | None
    record: Annotated[str | None, Field(description="the folder of its sealed record")]


class Notification(Shape):
    """What a device said by itself, in a trap or an inform; nothing is judged by it."""

    at: Annotated[float, Field(description="run second")]
    device: str
    name: Annotated[str, Field(description="as its MIB calls it, else its OID")]
    channels: Annotated[list[str], Field(description="of the device, which it is about")]
    count: Annotated[int, Field(ge=1, description="how often it was said since the last entry")]
    inform: bool
    restart: Annotated[bool, Field(description="the device says that it was started anew")]
    objects: Annotated[list[tuple[str, str]], Field(description="OID and value, as text")]


class Run(ListedRun):
    """One run, with its stages, what its devices said, and why its verdict is what it is."""

    stages: list[Stage]
    reason: Reason | None
    notifications: Annotated[list[Notification], Field(description="the last 20")]


class Entry(Shape):
    """One entry of a run's journal; its hash is the SHA-256 of the rest in canonical form."""

    run: str
    seq: Annotated[int, Field(ge=1)]
    at: float
    kind: str
    data: dict[str, Any]
    wall: float
    mono: float
    boot: str
    prev: str
    hash: str


class Bays(Shape):
    """The bays of the floor."""

    bays: list[Bay]


class Runs(Shape):
    """Runs, the latest first; `total` counts all that fit, shown or not."""

    runs: list[ListedRun]
    total: int


class Entries(Shape):
    """Entries, the first first; `next` is what to ask `after` to go on, null at the end so far."""

    entries: list[Entry]
    next: int | None


class CablingFinding(Shape):
    """What became of one cable; `at` and `to` are its ends by the spec, or where it was seen."""

    found: Literal[
        "as_designed", "swapped", "misplaced", "missing", "extra", "wrong_speed", "unknown"
    ]
    at: str
    to: str | None
    text: str


class Cabling(Shape):
    """The cables of a bay against its spec's; `todo` in the order in which it can be done."""

    bay: str
    matches: Annotated[bool | None, Field(description="null: not all of them can be seen")]
    age_s: Annotated[Seconds | None, Field(description="since they were read; null: never yet")]
    counts: dict[str, int]
    findings: list[CablingFinding]
    todo: list[str]
    unread: Annotated[dict[str, str], Field(description="switches that were not read, and why")]


class Mistake(Shape):
    """One mistake in what was sent."""

    at: str
    text: str


class Problem(Shape):
    """Why something was refused, and what to do (RFC 9457)."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    problems: list[Mistake] = []
