"""What others want to hear of runs while they go on: stages that change, verdicts that fall.

News are made of the journal's events, so nothing is told that is not on the disk. The last of them
are held in memory for whoever follows; who falls behind or comes back late is told that some are
missing, and looks the runs up.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from agent.burnin.event import Event, Kind

HELD_MAX: Final = 1000  # a full floor makes about 300 an hour
KINDS: Final = ("stage", "verdict")
MISSED: Final = "missed"  # the kind of what stands for items that are no longer held
_TOLD: Final = {  # event -> kind of news, what changed, and what of the event's data is passed on
    Kind.STAGE_STARTED: ("stage", "started", ("stage", "attempt")),
    Kind.NEEDS: ("stage", "waits", ("stage", "attempt", "open")),
    Kind.TRIPPED: ("stage", "tripped", ("stage", "attempt", "channels")),
    Kind.STAGE_OVER: ("stage", "over", ("stage", "attempt", "outcome", "qualified_s", "text")),
    Kind.STAGE_JUDGED: ("stage", "judged", ("stage", "attempt", "verdict", "text")),
    Kind.RUN_JUDGED: ("verdict", "judged", ("verdict", "text")),
}


class Item(NamedTuple):
    """One piece of news."""

    kind: str  # one of KINDS, or MISSED
    data: Mapping[str, Any]  # JSON


def item(rack: Mapping[str, str | None], event: Event, wall: float) -> Item | None:
    """Return the news that an event is, or None. `rack`: run, bay, serial, sku; `wall`: Unix time.

    >>> event = Event(60.0, Kind.STAGE_STARTED, {"stage": "full_soak", "attempt": 1})
    >>> item({"run": "r1", "bay": "bay-01"}, event, 0).data["change"]
    'started'
    """
    if event.kind not in _TOLD:
        return None
    kind, change, keys = _TOLD[event.kind]
    when = datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")
    data = {key: event.data[key] for key in keys if key in event.data}
    at = {"time": when.replace("+00:00", "Z"), "run_s": event.at}
    return Item(kind, {"event": kind, "change": change, **rack, **at, **data})


class News:
    """The news of one agent. `edition` tells the ids of one start of it from another's."""

    def __init__(self, edition: str, held_max: int = HELD_MAX) -> None:
        self._edition = edition
        self._held: deque[tuple[int, Item]] = deque(maxlen=held_max)
        self._last = 0
        self._more = asyncio.Event()  # set, and replaced, when there is something new
        self._closed = False

    def tell(self, told: Item) -> None:
        """Pass an item on to all who follow."""
        self._last += 1
        self._held.append((self._last, told))
        self._wake()

    def close(self) -> None:
        """Let all who follow go: the agent stops."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        """Wake all who wait."""
        self._more.set()
        self._more = asyncio.Event()

    async def follow(
        self, after: str | None, idle_s: float
    ) -> AsyncIterator[tuple[str, Item] | None]:
        """Yield what comes after the item of id `after`, each with its id, until closed.

        None: nothing for `idle_s` seconds. One who follows holds no queue, only a place in ours.
        """
        place = self._last if after is None else self._place(after)
        while True:
            if place is None or (self._held and place < self._held[0][0] - 1):
                place = self._last
                yield self._id(place), Item(MISSED, {"event": MISSED})
            news = list(itertools.dropwhile(lambda held, p=place: held[0] <= p, self._held))  # type: ignore[misc]
            for number, told in news:
                place = number
                yield self._id(number), told
            if news:
                continue
            if self._closed:
                return
            more = self._more
            try:
                async with asyncio.timeout(idle_s):
                    await more.wait()
            except TimeoutError:
                yield None

    def _id(self, number: int) -> str:
        """Return how an item is called outside."""
        return f"{self._edition}-{number}"

    def _place(self, after: str) -> int | None:
        """Return the place of an item of this edition, or None."""
        edition, _, number = after.rpartition("-")
        if edition != self._edition or not (number.isascii() and number.isdecimal()):
            return None
        return int(number) if len(number) < 16 and int(number) <= self._last else None
