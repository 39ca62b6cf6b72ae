"""Samples of a record as Parquet: a file a segment, which together are one table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from agent.record.samples import QUALITIES, Rows

_SELECT: Final = """
INSERT INTO samples
SELECT $run, $device, $channels[channel + 1], at_s, make_timestamptz(micros),
       CASE WHEN isnan(value) THEN NULL ELSE value END,
       $units[channel + 1], $qualities[quality + 1], CASE WHEN isnan(raw) THEN NULL ELSE raw END
FROM rows
"""
_TABLE: Final = """
CREATE OR REPLACE TABLE samples (run VARCHAR, device VARCHAR, channel VARCHAR, at_s DOUBLE,
  time TIMESTAMPTZ, value DOUBLE, unit VARCHAR, quality VARCHAR, raw DOUBLE)
"""


class MissingError(Exception):
    """What writes Parquet is not installed; the message says how to install it."""


class Writer:
    """Writes Parquet by way of DuckDB, in memory; it is handed no path that it could read."""

    def __init__(self) -> None:
        """Start DuckDB. Raises: MissingError."""
        try:
            import duckdb  # noqa: PLC0415 -- an extra: most installations have no use for it
        except ImportError:
            text = "Parquet needs DuckDB: install rackproof[parquet], or take --format csv"
            raise MissingError(text) from None
        self._database = duckdb.connect()

    def write(self, folder: Path, name: str, run: str, parts: Sequence[Rows]) -> Path:
        """Write the rows of a segment; what is unknown is NULL."""
        self._database.execute(_TABLE)
        for rows in parts:
            texts = {"run": run, "device": rows.device, "qualities": list(QUALITIES)}
            texts |= {"channels": list(rows.channels), "units": list(rows.units)}
            self._database.register("rows", _arrays(rows))
            self._database.execute(_SELECT, texts)
        path = folder / f"{name}.parquet"
        self._database.table("samples").write_parquet(str(path), compression="zstd")
        return path


def _arrays(rows: Rows) -> dict[str, Any]:
    """Return the numbers of rows by their names in SQL."""
    channels, polls = rows.value.shape
    return {
        "channel": np.repeat(np.arange(channels, dtype=np.int32), polls),
        "at_s": np.tile(rows.at, channels),
        "micros": np.tile(rows.micros, channels),
        "value": rows.value.reshape(-1),
        "quality": rows.quality.reshape(-1),
        "raw": rows.raw.reshape(-1),
    }
