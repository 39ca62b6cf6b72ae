"""What is to be broken, as people write it: on the command line, in a file, in a request.

    - leak zone=2 at=20min
    - {kind: psu_failure, bay: 3, shelf: 5, psu: 1, stage: full_soak, at: 10 min, for: 1 h}

A fault counts from when the racks are put on the air; with `stage`, from when that stage begins to
count. It is the first bay's, unless `bay` says otherwise.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from agent.burnin.design import Design
from agent.config import read_bytes
from agent.floor_check import unknown
from collectors.document import Document, DocumentError, Problem, parse
from collectors.twin.faults import Fault, FaultError

BAY: Final = re.compile(r"(?:bay-)?0*([1-9][0-9]{0,2})")


class Placed(NamedTuple):
    """A fault, the rack that has it, and the stage of a plan that it waits for."""

    rack: int
    fault: Fault
    stage: str | None = None


class Reader:
    """Reads what is to be broken in some bays of a design."""

    def __init__(self, design: Design, bays: int) -> None:
        plan = design.spec.plan
        self._stages = [stage.id for stage in plan.stages] if plan else []
        self._bays = bays

    def said(self, texts: Iterable[str]) -> list[Placed]:
        """Read `bay=3 leak zone=2 stage=full_soak at=10min`. Raises: FaultError."""
        return [self._said(text) for text in texts]

    def file(self, path: Path) -> list[Placed]:
        """Read a list from a file. Raises: DocumentError with every problem."""
        document = parse(read_bytes(path), str(path))
        if not isinstance(document.data, list):
            raise DocumentError([document.problem((), "want a list: a fault a line, after `- `")])
        found: list[Placed] = []
        problems: list[Problem] = []
        for at, entry in enumerate(document.data):
            try:
                found.append(self._entry(entry))
            except FaultError as error:
                problems.append(_problem(document, at, entry, str(error)))
        if problems:
            raise DocumentError(problems)
        return found

    def _entry(self, entry: object) -> Placed:
        """Read one of a file, in either form. Raises: FaultError."""
        if isinstance(entry, str):
            return self._said(entry)
        if not isinstance(entry, dict):
            raise FaultError("want `leak zone=2` or {kind: leak, zone: 2}")
        return self.keys(entry)

    def _said(self, text: str) -> Placed:
        """Read one as a person says it; the kind may stand anywhere. Raises: FaultError."""
        words = text.split()
        kinds = [word for word in words if "=" not in word]
        if len(kinds) != 1:
            raise FaultError(f"{text!r}: want one kind, then key=value, such as `leak zone=2`")
        keys: dict[str, Any] = {"kind": kinds[0]}
        for word in words:
            key, equals, value = word.partition("=")
            if equals and key in keys:
                raise FaultError(f"{text!r}: {key!r} is told twice")
            if equals:
                keys[key] = value
        return self.keys(keys)

    def keys(self, keys: Mapping[Any, Any]) -> Placed:
        """Read one from its keys. Raises: FaultError."""
        left = {str(key): value for key, value in keys.items()}
        rack, stage = self._rack(left.pop("bay", 1)), left.pop("stage", None)
        if stage is not None and stage not in self._stages:
            raise FaultError(f"stage={stage}: {unknown('stage', stage, self._stages)}")
        return Placed(rack, Fault.of(left), stage)

    def _rack(self, said: object) -> int:
        """Return which rack is meant, by its bay's name or number. Raises: FaultError."""
        match = BAY.fullmatch(str(said))
        number = int(match[1]) if match else 0
        if not 0 < number <= self._bays:
            there = "the only one is 1" if self._bays == 1 else f"there are 1 to {self._bays}"
            raise FaultError(f"bay={said}: no such bay; {there}")
        return number - 1


def as_keys(fault: Fault) -> dict[str, Any]:
    """Return a fault by the keys that it is asked for with; seconds are the racks' own."""
    lasts = {"for": fault.lasts_s} if math.isfinite(fault.lasts_s) else {}
    return {"kind": fault.kind, "size": fault.size, **fault.where, "at": fault.onset_s, **lasts}


def _problem(document: Document, at: int, entry: object, text: str) -> Problem:
    """Say what is wrong with one fault of a file, at the key that it names if it names one."""
    keys: Sequence[Any] = list(entry) if isinstance(entry, dict) else []
    named = [key for key in keys if f"'{key}'" in text or f"{key}=" in text]
    return document.problem((at, *named[:1]), text)
