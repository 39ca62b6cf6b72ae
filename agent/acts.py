"""What people do to runs, as requests bring it; and what a desk that runs them must offer.

Whoever acts is named by `by`. Nothing here proves who that is: the agent listens on its own machine
alone, and whoever may reach it is trusted to say who they are.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from agent.news import News

NAME_CHARACTERS_MAX: Final = 100  # a name, a serial, a deviation's number
TEXT_CHARACTERS: Final = (3, 2000)  # a reason is a word at least, and half a page at most
ATTEMPTS_MAX: Final = 1000  # of one stage; ten are a bad week
UNSEEN: Final = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")  # moves, turns or hides the text around it


def _plain(text: str) -> str:
    """Return text that shows as it is. Raises: ValueError for one that acts on what shows it."""
    for char in text:
        if unicodedata.category(char) in UNSEEN:
            raise ValueError(f"has the invisible character U+{ord(char):04X}; write it without")
    return text


def _text(least: int, most: int) -> StringConstraints:
    """Bound a text, not counting blanks around it."""
    return StringConstraints(min_length=least, max_length=most, strip_whitespace=True)


Name = Annotated[str, _text(1, NAME_CHARACTERS_MAX), AfterValidator(_plain)]
Text = Annotated[str, _text(*TEXT_CHARACTERS), AfterValidator(_plain)]
Note = Annotated[str, _text(1, TEXT_CHARACTERS[1]), AfterValidator(_plain)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]  # as specs name things
Need = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}( [0-9]{1,3})?$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Asked(BaseModel):
    """What one request asks for; a key that is not known is a mistake of the caller."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Start(Asked):
    """Begin a run: the rack of this serial goes through the plan of the bay's spec."""

    serial: Name
    by: Name
    sku: Name | None = None
    spec_hash: Sha256 | None = Field(None, description="refuse unless the bay's spec has this hash")


class Answer(Asked):
    """Answer what a stage needs to be told by a person."""

    need: Need
    answer: Literal["yes", "no"]
    by: Name
    note: Note | None = None
    deviation: Name | None = Field(
        None, description="the number under which what the agent found wrong was allowed"
    )


class Pause(Asked):
    """Let nothing count until the run is resumed; trips are still watched for."""

    by: Name
    reason: Text


class Resume(Asked):
    """Go on with a paused run."""

    by: Name
    reason: Note | None = None


class Abort(Asked):
    """End the run before its end: ABORTED, unless it has failed."""

    by: Name
    reason: Text


class Finish(Asked):
    """Close a run whose plan is done and whose verdict is not PASS: no stage will be repeated."""

    by: Name


class Repeat(Asked):
    """Make one more attempt of a stage."""

    stage: Word
    by: Name
    reason: Text


class Dispose(Asked):
    """Decide what a failed or aborted attempt was; it is superseded, never erased."""

    stage: Word
    attempt: Annotated[int, Field(ge=1, le=ATTEMPTS_MAX)]
    decision: Literal["repaired", "ntf", "waived", "test_fault"]
    text: Text
    by: Name
    deviation: Name | None = None


Act = Answer | Pause | Resume | Abort | Finish | Repeat | Dispose


class Ticket(NamedTuple):
    """What makes a request safe to repeat. An answer is stored in the same write as its events."""

    key: str  # the caller's Idempotency-Key
    asked: str  # the SHA-256 of where it went and what it said


class Told(NamedTuple):
    """An answer that was given before."""

    asked: str
    answer: Mapping[str, Any]


class Refused(Exception):  # noqa: N818 -- it is no error of ours
    """What was asked for cannot be done; the text says why, and what to do."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        assert 400 <= status < 600
        self.status = status  # as HTTP has it: 404 unknown, 409 not now, 422 never, 503 disk full
        self.text = text


class Desk(Protocol):
    """Where runs are started, acted upon and looked at. Every method may raise `Refused`.

    A run, as `start`, `act`, `runs` and `show` give it; `runs` leaves out what is marked *:

        run, bay, serial, sku|null, by
        state      "running", "held" (after a trip: repeat or end it), "waiting" (for an answer, or
                   for somebody to finish it), "paused", "over"
        verdict    "PASS", "INCONCLUSIVE", "ABORTED" or "FAIL": of the latest attempts, so far
        started    UTC, ISO 8601 with Z; `ended` likewise, null while it is on
        spec       {id, revision, hash, status}
        standing   {stage|null, attempt, step|null, phase, judging, qualified_s, required_s,
                   load|null, needs: [...], waiting_for: [...], why: [...]}, null when over; the
                   texts say what a person can do
        stages*    in the order of the plan, every attempt, and stages to come with attempt null:
                   each {stage, attempt|null, verdict|null, outcome|null, qualified_s|null,
                   required_s|null}
        coverage   least share of judged slots that are complete over required channels, or null
        reason*    Reason.document of the verdict, or null
        record     the folder of its sealed record, else null
    """

    @property
    def news(self) -> News:
        """Where the desk tells what others want to hear."""
        raise NotImplementedError

    def bays(self) -> Sequence[Mapping[str, Any]]:
        """Return {bay, spec: {id, revision, hash, status, plan: bool}|null, run|null} of each."""
        raise NotImplementedError

    async def start(self, bay: str, start: Start, ticket: Ticket | None) -> Mapping[str, Any]:
        """Begin a run and return it, durably with the ticket; the API has asked `told` before."""
        raise NotImplementedError

    async def act(self, run: str, act: Act, ticket: Ticket | None) -> Mapping[str, Any]:
        """Do what a person asks and return the run, durably with the ticket."""
        raise NotImplementedError

    async def told(self, key: str) -> Told | None:
        """Return what a request of this key was answered, if there was one."""
        raise NotImplementedError

    async def runs(self) -> Sequence[Mapping[str, Any]]:
        """Return every run, the latest first."""
        raise NotImplementedError

    async def show(self, run: str) -> Mapping[str, Any]:
        """Return one run, or refuse with 404."""
        raise NotImplementedError

    async def entries(self, run: str, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return its journal's entries with `seq` > `after`, at most `limit`, with their hashes."""
        raise NotImplementedError

    async def record(self, run: str) -> Path | None:
        """Return the folder of its sealed record; None while there is none."""
        raise NotImplementedError
