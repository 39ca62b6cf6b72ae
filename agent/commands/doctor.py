"""`rackproof doctor`: what is wrong with this installation, likeliest first."""

from pathlib import Path

import click

from agent.diagnosis import CHECKS, Finding, Severity
from agent.exits import Exit
from agent.output import count, emit, say, table

SHOWN: dict[Severity, str] = {
    Severity.BAD: "wrong",
    Severity.ODD: "note",
    Severity.FINE: "ok",
}


@click.command
@click.argument("floor", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def doctor(floor: Path | None, *, as_json: bool) -> int:
    """Look for what is wrong with this installation and this machine, likeliest first.

    With a floor file FLOOR, its brokers are tried as well: whether each lets us in, and whether its
    devices speak. Nothing is changed or published. Exit code 1 means that something is wrong; a
    note is something to know of.
    """
    findings = [check() for check in CHECKS]
    if floor is not None:
        findings += _brokers(floor)
    wrong = [finding for finding in findings if finding.severity is Severity.BAD]
    if as_json:
        emit({"well": not wrong, "findings": [_document(finding) for finding in findings]})
        return Exit.NO if wrong else Exit.YES
    table([(SHOWN[finding.severity], finding.what, finding.found) for finding in findings])
    for finding in findings:
        if finding.remedy:
            say()
            say(f"{finding.what}: {finding.found}")
            say(f"  {finding.remedy}")
    say()
    say(f"{count(len(wrong), 'thing')} wrong" if wrong else "nothing is wrong")
    return Exit.NO if wrong else Exit.YES


def _brokers(floor: Path) -> list[Finding]:
    """Try the brokers of a floor file. Raises: DocumentError where it cannot be used."""
    from agent import broker_check  # noqa: PLC0415 -- what is not installed must not end `doctor`
    from agent.config import load_floor  # noqa: PLC0415 -- likewise

    return broker_check.findings(load_floor(floor))


def _document(finding: Finding) -> dict[str, str]:
    """Return a finding for a program."""
    return {
        "check": finding.what,
        "result": SHOWN[finding.severity],
        "found": finding.found,
        "remedy": finding.remedy,
    }
