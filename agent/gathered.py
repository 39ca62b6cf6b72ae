"""What devices said, gathered for the journal of a run: the first at once, a storm as numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent.store.inbox import Row
from collectors.snmp.allowance import Allowance

KINDS_MAX: Final = 32  # of what one device says between two entries; what is beyond is told as one
BURST: Final = 20  # entries of one device at once: each of its breakers, and some more
A_SECOND: Final = 1 / 60  # and then: a storm of a day is 1,440 entries
OTHERS: Final = "others"  # what stands for all kinds beyond those

Key = tuple[str, tuple[str, ...], bool]  # its name, what it is about, whether it is an inform


@dataclass(slots=True)
class _Kind:
    """The same, said some times."""

    first: Row
    last: int  # row
    count: int = 1


class Gathered:
    """What the devices of one bay have said, and no entry has told of yet."""

    def __init__(self) -> None:
        self._said: dict[str, dict[Key, _Kind]] = {}  # device -> what it said
        self._rates: dict[str, Allowance] = {}

    def add(self, row: Row) -> None:
        """Take in what was kept, or only counted. Cost: 1 µs."""
        notice = row.notice
        kinds = self._said.setdefault(notice.device, {})
        key = (notice.name, notice.channels, notice.inform)
        if key not in kinds and len(kinds) >= KINDS_MAX:
            key = (OTHERS, (), False)
        kind = kinds.get(key)
        if kind is None:
            kinds[key] = _Kind(row, row.id)
        else:
            kind.count += 1
            kind.last = max(kind.last, row.id)

    def due(self, now: float) -> list[Mapping[str, Any]]:
        """Return what an entry may tell of now, each once; the rest goes on gathering."""
        told = []
        for device, kinds in self._said.items():
            rate = self._rates.get(device)
            if rate is None:
                rate = self._rates[device] = Allowance(burst=BURST, a_second=A_SECOND)
            for key in [*kinds]:
                if not rate.take(now):
                    break
                told.append(_entry(device, key, kinds.pop(key)))
        return told


def _entry(device: str, key: Key, kind: _Kind) -> Mapping[str, Any]:
    """Return what the journal is told."""
    shown = kind.first.notice.shown()
    return {"device": device, **shown, "name": key[0], "count": kind.count, "row": kind.last}
