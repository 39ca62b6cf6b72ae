"""`rackproof verify`: whether a record is what was sealed, and its verdict what it proves."""

from pathlib import Path

import click

from agent.commands.records import InvalidRecordError, checked
from agent.exits import Exit
from agent.output import count, emit, say
from agent.record.judgement import rejudged
from agent.record.keys import KeyFileError, PublicKey, read_public
from agent.record.verify import Report

UNPINNED = (
    "The key was not compared with one that you trust: this proves that nothing changed since the "
    "record was sealed, not who sealed it. --key FILE compares."
)


@click.command
@click.argument("folder", metavar="RECORD", type=click.Path(path_type=Path))
@click.option(
    "--key", type=click.Path(path_type=Path), help="The public key that must have signed."
)
@click.option("--quick", is_flag=True, help="Do not judge the evidence again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def verify(folder: Path, *, key: Path | None, quick: bool, as_json: bool) -> int:
    """Check the record in the folder RECORD, with nothing but what lies in it.

    Every byte is compared with what was signed, the journal's chain is followed line by line, and
    the evidence is judged again. Exit code 0 means that all of it is right, whatever the verdict; 1
    that something is not, and what is named; 2 that there is no record.
    """
    trusted: PublicKey | None = None
    if key is not None:
        try:
            trusted = read_public(key)
        except KeyFileError as error:
            raise InvalidRecordError(str(error)) from None
    report = checked(folder, trusted, rejudge=None if quick else rejudged)
    if as_json:
        emit(_document(report))
    else:
        _show(folder, report)
    return Exit.YES if report.verified else Exit.NO


def _document(report: Report) -> dict[str, object]:
    """Return the report for a program."""
    manifest = report.manifest
    findings = [{"file": f.file, "line": f.line, "text": f.text} for f in report.findings]
    about = (
        {"run": None, "serial": None, "verdict": None, "root": None, "key": None}
        if manifest is None
        else {
            "run": manifest.run,
            "serial": manifest.serial,
            "verdict": manifest.verdict,
            "root": manifest.root,
            "key": manifest.key.fingerprint,
        }
    )
    return {
        "verified": report.verified,
        "key_pinned": report.pinned,
        **about,
        "checked": report.checked,
        "findings": findings,
    }


def _show(folder: Path, report: Report) -> None:
    """Show what is wrong first, then what was looked at, then what it comes to."""
    for finding in report.findings:
        say(f"{folder}/{finding}")
    if report.findings:
        say()
    for text in report.checked:
        say(f"  checked: {text}")
    say()
    if manifest := report.manifest:
        say(f"Run {manifest.run}, rack {manifest.serial}: the record says {manifest.verdict}.")
    if not report.pinned:
        say(UNPINNED)
    wrong = count(len(report.findings), "thing is", "things are")
    say("Verified." if report.verified else f"NOT verified: {wrong} wrong.")
