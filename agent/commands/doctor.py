"""`rackproof doctor`: what is wrong with this installation, likeliest first."""

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
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def doctor(*, as_json: bool) -> int:
    """Look for what is wrong with this installation and this machine, likeliest first.

    Nothing is changed and no device is contacted. Exit code 1 means that something is wrong; a note
    is something to know of.
    """
    findings = [check() for check in CHECKS]
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


def _document(finding: Finding) -> dict[str, str]:
    """Return a finding for a program."""
    return {
        "check": finding.what,
        "result": SHOWN[finding.severity],
        "found": finding.found,
        "remedy": finding.remedy,
    }
