"""What the commands about records share: a record is opened, and refused where it is not whole."""

from pathlib import Path

import click

from agent.exits import Exit
from agent.output import complain, count
from agent.record.keys import PublicKey
from agent.record.verify import NotARecordError, Rejudge, Report, verify


class InvalidRecordError(click.ClickException):
    """A record that cannot be used for what was asked."""

    exit_code = Exit.INVALID


def checked(
    folder: Path, key: PublicKey | None = None, *, rejudge: Rejudge | None = None
) -> Report:
    """Check a record. Raises: InvalidRecordError where there is none that could be read."""
    try:
        return verify(folder, key, rejudge=rejudge)
    except NotARecordError as error:
        raise InvalidRecordError(str(error)) from None
    except OSError as error:
        raise InvalidRecordError(f"{error.filename or folder}: {error.strerror}") from None


def opened(folder: Path) -> Report:
    """Return a record that is as it was sealed. Raises: InvalidRecordError."""
    report = checked(folder)
    for finding in report.findings[:3]:
        complain(f"{folder}/{finding}")
    if report.findings or report.manifest is None:
        text = count(len(report.findings), "thing")
        raise InvalidRecordError(
            f"{folder}: not what was sealed ({text} wrong); see `rackproof verify {folder}`"
        )
    return report
