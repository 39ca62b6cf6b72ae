"""The samples of a record as one tidy table: a row a reading, for whatever reads tables.

A reading's time is that of its turn on the polling grid, on the clock that never jumps; UTC is
counted on from the wall clock at the run's start, so that no step of that clock shows in it.
"""

import csv
import io
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
    """The readings of one block. Shapes: [T * K], poll by poll."""

    device: str
    channels: Sequence[str]  # K
    units: Sequence[str]  # K
    channel: NDArray[np.int32]  # which of the K
    at: NDArray[np.float64]  # run seconds
    micros: NDArray[np.int64]  # Unix time
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
        polls, width = block.raw.shape
        at = np.repeat(block.asked, width)
        return Rows(
            device=block.device,
            channels=[column["name"] for column in columns],
            units=[_unit(column["quantity"]) for column in columns],
            channel=np.tile(np.arange(width, dtype=np.int32), polls),
            at=at,
            micros=np.round((at + self._zero) * 1e6).astype(np.int64),
            value=block.values.reshape(-1),
            quality=block.quality.reshape(-1),
            raw=block.raw.reshape(-1),
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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for rows in parts:
        times = {micros: _utc(micros) for micros in np.unique(rows.micros).tolist()}
        writer.writerows(
            (run, rows.device, rows.channels[k], at, times[micros], value, unit, quality, raw)
            for k, at, micros, value, unit, quality, raw in zip(
                rows.channel.tolist(),
                rows.at.tolist(),
                rows.micros.tolist(),
                _known(rows.value),
                np.array(rows.units, object)[rows.channel],
                np.array(QUALITIES, object)[rows.quality],
                _known(rows.raw),
                strict=True,
            )
        )
    path = folder / f"{name}.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return path


def _known(values: NDArray[np.float64]) -> list[float | None]:
    """Return numbers, and nothing where there is none."""
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 -- NaN


def _utc(micros: int) -> str:
    """Return Unix time as RFC 3339 has it."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06}Z"
