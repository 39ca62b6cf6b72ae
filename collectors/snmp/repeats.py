"""What was told before: repeats of it are known for a while, in bounded memory."""

from typing import NamedTuple


class Before(NamedTuple):
    """Something that was told."""

    until: float  # as long as a repeat of it is known as one
    durable: bool = False  # it is on the disk, so he may be told


class Repeats:
    """What was told within some seconds, the oldest first to be forgotten.

    >>> told = Repeats(window_s=5.0, size_max=100)
    >>> told.add(b"a", 0.0), told.find(b"a", 4.0) is None, told.find(b"a", 6.0) is None
    (None, False, True)
    """

    def __init__(self, *, window_s: float, size_max: int) -> None:
        self._window_s = window_s
        self._size_max = size_max
        self._told: dict[bytes, Before] = {}

    def find(self, key: bytes, now: float) -> Before | None:
        """Return what was told under this key, if that was not too long ago."""
        found = self._told.get(key)
        return found if found is not None and now < found.until else None

    def add(self, key: bytes, now: float) -> None:
        """Remember what is told now. Cost: 1 µs, bounded."""
        told = self._told
        told.pop(key, None)
        for _ in range(2):  # one comes, so two that are past may go: it never grows for long
            first = next(iter(told), None)
            if first is None or (told[first].until > now and len(told) < self._size_max):
                break
            del told[first]
        told[key] = Before(now + self._window_s)

    def kept(self, key: bytes) -> None:
        """Note that it is on the disk."""
        found = self._told.get(key)
        if found is not None:
            self._told[key] = found._replace(durable=True)

    def forget(self, key: bytes) -> None:
        """Forget one thing: should it come again, it is new."""
        self._told.pop(key, None)
