"""Samples of a record as Parquet: a file a segment, which together are one table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from agent.record.samples import QUALITIES, Rows

_SELECT: Final = """
INSERT INTO samples
SELECT $run, $device, names.channel, rows.at_s, make_timestamptz(rows.micros),
       CASE WHEN isnan(rows.value) THEN NULL ELSE rows.value END,
       names.unit, qualities.label, CASE WHEN isnan(rows.raw) THEN NULL ELSE rows.raw END
FROM rows
JOIN names ON rows.channel = names.number
JOIN qualities ON rows.quality = qualities.number
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
        self._table("qualities", {"label": np.array(QUALITIES, object)})
        for rows in parts:
            names = {"channel": rows.channels, "unit": rows.units}
            self._table("names", {key: np.array(texts, object) for key, texts in names.items()})
            self._register("rows", _arrays(rows))
            self._database.execute(_SELECT, {"run": run, "device": rows.device})
        path = folder / f"{name}.parquet"
        samples = self._database.table("samples").order("device, channel, at_s")
        samples.write_parquet(str(path), compression="zstd")
        return path

    def _table(self, name: str, columns: dict[str, Any]) -> None:
        """Let DuckDB see texts, numbered from 0 on."""
        size = len(next(iter(columns.values())))
        self._register(name, {"number": np.arange(size), **columns})

    def _register(self, name: str, columns: dict[str, Any]) -> None:
        """Let DuckDB see arrays under a name."""
        self._database.register(name, columns)


def _arrays(rows: Rows) -> dict[str, Any]:
    """Return the numbers of rows by their names in SQL."""
    return {
        "channel": rows.channel,
        "at_s": rows.at,
        "micros": rows.micros,
        "value": rows.value,
        "quality": rows.quality,
        "raw": rows.raw,
    }
