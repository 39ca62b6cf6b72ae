"""The samples of a record as one tidy table: a row a reading, for whatever reads tables.

A reading's time is that of its turn on the polling grid, on the clock that never jumps; UTC is
counted on from the wall clock at the run's start, so that no step of that clock shows in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.burnin.block import Block
from agent.burnin.event import Event, Kind
from agent.store.segments import unpack
from collectors.quantity import Quantity, UnitError
from collectors.readings import Quality

COLUMNS: Final = ("run", "device", "channel", "at_s", "time", "value", "unit", "quality", "raw")
QUALITIES: Final = tuple(quality.name.lower() for quality in Quality)


class Rows(NamedTuple):
    """The readings of one block: T polls of K channels. Shapes: [K, T], or as told."""

    device: str
    channels: Sequence[str]  # K
    units: Sequence[str]  # K
    at: NDArray[np.float64]  # [T], run seconds
    micros: NDArray[np.int64]  # [T], Unix time
    value: NDArray[np.float64]  # NaN: unknown
    quality: NDArray[np.uint8]
    raw: NDArray[np.float64]


class Columns:
    """What the arrays of each binding hold, as the journal tells it."""

    def __init__(self, events: Sequence[Event], zero: float) -> None:
        """Read the journal; `zero`: Unix time of run second 0."""
        self._zero = zero
        self._columns: dict[tuple[str, int], list[Mapping[str, Any]]] = {
            (event.data["device"], event.data["binding"]): event.data["columns"]
            for event in events
            if event.kind is Kind.BOUND
        }

    def rows(self, block: Block) -> Rows:
        """Lay a block out. Raises: KeyError where the journal does not know it."""
        columns = self._columns[block.device, block.binding]
        return Rows(
            device=block.device,
            channels=[column["name"] for column in columns],
            units=[_unit(column["quantity"]) for column in columns],
            at=block.asked,
            micros=np.round((block.asked + self._zero) * 1e6).astype(np.int64),
            value=block.values.T,
            quality=block.quality.T,
            raw=block.raw.T,
        )


def _unit(quantity: str) -> str:
    """Return the unit that values travel in; of a state none."""
    try:
        found = Quantity.of(quantity)
    except UnitError:
        return ""
    return "" if found.is_state else found.symbol


def segments(folder: Path, columns: Columns) -> Iterator[tuple[str, list[Rows]]]:
    """Yield the rows of each segment of a record, one in memory at a time. Raises: SegmentError."""
    for path in sorted((folder / "segments").glob("*.npz")):
        yield path.stem, [columns.rows(block) for block in unpack(path.read_bytes())]


def write_csv(folder: Path, name: str, run: str, parts: Sequence[Rows]) -> Path:
    """Write the rows of a segment as CSV (RFC 4180); what is unknown is empty. Raises: OSError."""
    path = folder / f"{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(COLUMNS) + "\n")
        for rows in parts:
            times = [
                f"{at!r},{_utc(micros)}"
                for at, micros in zip(rows.at.tolist(), rows.micros.tolist(), strict=True)
            ]
            for k, channel in enumerate(rows.channels):
                head = ",".join(map(_quoted, (run, rows.device, channel)))
                unit = _quoted(rows.units[k])
                file.writelines(
                    f"{head},{time},{_number(value)},{unit},{QUALITIES[quality]},{_number(raw)}\n"
                    for time, value, quality, raw in zip(
                        times,
                        rows.value[k].tolist(),
                        rows.quality[k].tolist(),
                        rows.raw[k].tolist(),
                        strict=True,
                    )
                )
    return path


def _quoted(text: str) -> str:
    """Return a text as a field: in quotes where it has a comma, a quote or a line end."""
    if not set(text) & {",", '"', "\n", "\r"}:
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _number(value: float) -> str:
    """Return a number with every digit, and nothing where there is none."""
    return repr(value) if value == value else ""  # noqa: PLR0124 -- NaN is what is not itself


def _utc(micros: int) -> str:
    """Return Unix time as RFC 3339 has it."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06}Z"
