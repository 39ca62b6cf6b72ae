"""`rackproof export`: the samples of a record as a table that other programs read."""

from pathlib import Path

import click

from agent.commands.records import InvalidRecordError, opened
from agent.exits import Exit
from agent.output import count, say
from agent.record.parquet import MissingError, Writer
from agent.record.samples import Columns, segments, write_csv


@click.command
@click.argument("folder", metavar="RECORD", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where the files go; it must not exist yet.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("csv", "parquet")),
    default="csv",
    show_default=True,
    help="Parquet needs DuckDB (rackproof[parquet]).",
)
def export(folder: Path, *, output: Path, form: str) -> int:
    """Write the samples in the folder RECORD as a table, a file for each segment.

    A row is a reading: run, device, channel, at_s (run seconds), time (UTC), value (in UNIT, as it
    was judged), unit, quality, raw (as the device sent it). What is unknown is empty, and quality
    says why.
    """
    report = opened(folder)
    assert report.manifest is not None
    first = report.entries[0]
    columns = Columns(report.events, first.stamp.wall - first.event.at)
    try:
        write = write_csv if form == "csv" else Writer().write
        output.mkdir(parents=True)
    except MissingError as error:
        raise InvalidRecordError(str(error)) from None
    except FileExistsError:
        raise InvalidRecordError(f"{output}: exists already; name a new folder") from None
    readings = files = 0
    for name, parts in segments(folder, columns):
        write(output, name, report.manifest.run, parts)
        readings += sum(rows.value.size for rows in parts)
        files += 1
    say(f"{output}: {readings:,} readings in {count(files, 'file')}")
    return Exit.YES
