"""What can happen to messages on their way: held up, repeated, overtaken, or kept by the broker.

A bus may do so to a device that is well, and a reader must neither take an old value for a new one
nor count one twice.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from collectors.twin.mqtt_face import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """How the messages of a device travel."""

    late_s: float = 0.0  # all of them come so much later
    again_s: float = 0.0  # each comes a second time after so long, as at least once allows
    overtaken_s: float = 0.0  # every other one is held up, and those after it come first
    retained: bool = False  # the broker keeps the last one, and tells it to whoever comes later


@dataclass(order=True, slots=True)
class _Held:
    """A message that comes later."""

    at: float
    number: int  # those that come at one time keep their order
    message: Message = field(compare=False)


class Delivery:
    """The way from the faces to the broker; `now` is any clock that goes forward."""

    def __init__(self) -> None:
        self._quirks: dict[tuple[int, str], Quirk] = {}
        self._held: list[_Held] = []
        self._passed = self._kept = 0  # messages with a quirk, and messages ever held up

    def set(self, rack: int, device: str, quirk: Quirk | None) -> None:
        """Let messages of a device travel like that from now on; None: as they should."""
        self._quirks.pop((rack, device), None)
        if quirk is not None:
            self._quirks[rack, device] = quirk

    def through(self, messages: Iterable[Message], now: float) -> Iterator[Message]:
        """Yield what comes out now, of what goes in now and of what was held up."""
        while self._held and self._held[0].at <= now:
            yield heapq.heappop(self._held).message
        if not self._quirks:
            yield from messages
            return
        for message in messages:
            quirk = self._quirks.get((message.rack, message.device))
            if quirk is None or message.retain:  # what describes a device stays with the broker
                yield message
            else:
                yield from self._bent(message, quirk, now)

    def _bent(self, message: Message, quirk: Quirk, now: float) -> Iterator[Message]:
        """Yield a message, or hold it up, or both."""
        self._passed += 1
        if quirk.retained:
            message = message._replace(retain=True)
        wait = quirk.late_s + (quirk.overtaken_s if self._passed % 2 else 0.0)
        if wait:
            self._hold(message, now + wait)
        else:
            yield message
        if quirk.again_s:
            self._hold(message, now + wait + quirk.again_s)

    def _hold(self, message: Message, until: float) -> None:
        """Hold a message up."""
        self._kept += 1
        heapq.heappush(self._held, _Held(until, self._kept, message))
