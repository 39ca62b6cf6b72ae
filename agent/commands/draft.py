"""`rackproof profile draft`: a profile from a walk and MIBs, for a person to go through."""

from pathlib import Path
from typing import Final

import click

from agent.exits import Exit
from agent.output import complain, count, say
from collectors.discovery import SilentError
from collectors.profile import Profile, parse_profile
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import Target
from collectors.snmp.walk import WalkBudget
from collectors.walk_text import read_walk

DRAFTED: Final = "drafted"  # the profile of a device that is drafted as it is probed
ROOTS: Final = ("1.0.8802", "1.3.6.1.2.1", "1.3.6.1.4.1")
BUDGET: Final = WalkBudget(rows=200_000, octets=32 << 20, seconds=600.0)  # a chassis has 50,000

NOTES_MAX: Final = 20  # of what could not be read; more says only that the folder is in disorder


async def drafted_for(endpoint: Endpoint, target: Target, mibs: Path) -> Profile:
    """Walk a device that no profile fits, and draft one for it.

    Raises: SilentError when it stops answering.
    """
    walked = await endpoint.walk(target, ROOTS, budget=BUDGET)
    if not walked.rows:
        raise SilentError(walked.outcome, f"stopped answering in a walk: {walked.outcome.value}")
    from collectors.draft.profile import draft as drafted  # noqa: PLC0415 -- as below
    from collectors.mib.library import Library  # noqa: PLC0415 -- as below

    done = drafted(walked.rows, Library.open(mibs), DRAFTED)
    return parse_profile(done.text.encode(), DRAFTED)


@click.command(short_help="Draft a profile from a walk and MIBs.")
@click.argument("walk", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--mibs",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of MIB files; nothing else is read.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write here, not to stdout. A file that exists is not touched.",
)
@click.option("--name", default="", help="What the profile is called.  [default: by its vendor]")
def draft(walk: Path, mibs: Path, output: Path | None, name: str) -> int:
    """Draft a profile for the device that WALK is a walk of.

    WALK is a recording (rackproof record), or what `snmpwalk -On` printed. Each channel of the
    draft says how sure it is, and by what: sure, likely or guess. A draft is read by `rackproof
    probe` and `rackproof profile test`; no run is judged by it until a person has gone through it.
    """
    if output is not None and output.exists():
        raise click.UsageError(f"{output} exists; remove it or choose another name")
    from collectors.draft.profile import draft as drafted  # noqa: PLC0415 -- half a second of grammar
    from collectors.mib.library import Library  # noqa: PLC0415 -- likewise

    try:
        rows = read_walk(walk)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    library = Library.open(mibs)
    done = drafted(rows, library, name)
    for note in library.notes[:NOTES_MAX]:
        complain(note)
    if len(library.notes) > NOTES_MAX:
        complain(f"and {len(library.notes) - NOTES_MAX} more")
    if output is None:
        click.echo(done.text, nl=False)
    else:
        output.write_text(done.text, encoding="utf-8")
    shares = ", ".join(
        f"{done.channels.get(sure, 0)} {sure}" for sure in ("sure", "likely", "guess")
    )
    if output is not None:
        say(f"{output}: {count(sum(done.channels.values()), 'rule')} ({shares})")
    if not done.objects:
        complain(f"no MIB in {mibs} describes what is special to this device")
    return Exit.YES
