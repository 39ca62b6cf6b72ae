"""`rackproof record`: all that a device says, in a file that profiles can be tested on."""

from pathlib import Path
from typing import Final, Unpack

import click

from agent.address import Address
from agent.commands.snmp_options import How, silence, snmp_options, talk, target_of
from agent.exits import Exit
from agent.output import complain, count, say
from agent.redaction import redact
from collectors.profile import load_profiles
from collectors.recording import line
from collectors.snmp.exchange import Outcome
from collectors.snmp.walk import COMPLETE, WalkBudget, Walked

ROOTS: Final = ("1.0.8802", "1.3.6")  # LLDP has its own place outside of the internet's
BUDGET: Final = WalkBudget(rows=500_000, octets=64 << 20, seconds=1800.0)  # a chassis has 50,000
SHIPPED_COMMUNITIES: Final = (b"public", b"private")  # words that occur in texts for other reasons


@click.command
@snmp_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write, by custom NAME.snmprec. One that exists is not touched.",
)
@click.option(
    "--redact",
    "redacting",
    is_flag=True,
    help="Replace serials, MACs, names, places and IP addresses; leave users and neighbours out.",
)
def record(address: Address, output: Path, *, redacting: bool, **how: Unpack[How]) -> int:
    """Walk the SNMP device at ADDRESS (HOST or HOST:PORT) and write all it says to a file.

    `rackproof profile test` reads such files. Look at one before you give it away, redacted or not:
    only you know what the labels of your outlets tell. Nothing is written to the device.
    """
    if output.exists():
        raise click.UsageError(f"{output} exists; remove it or choose another name")
    target = target_of(address, **how)
    complain(f"walking {address}; a large switch takes minutes")
    walked = talk(lambda endpoint: endpoint.walk(target, ROOTS, budget=BUDGET))
    if not walked.rows:
        outcome = walked.outcome if walked.outcome is not Outcome.OK else Outcome.TIMEOUT
        for text in silence(address, target, outcome).split("\n"):
            complain(text)
        return Exit.UNDECIDED
    rows = dict(walked.rows)
    if redacting:
        secrets = () if target.community in SHIPPED_COMMUNITIES else (target.community,)
        redacted = redact(rows, walked.tags, _serials(), secrets)
        rows = dict(redacted.rows)
        say(
            f"redacted: {count(redacted.replaced, 'value')} replaced, "
            f"{count(redacted.left_out, 'object')} left out"
        )
    names = sorted(rows, key=lambda oid: [int(arc) for arc in oid.split(".")])
    with output.open("xb") as file:
        file.writelines(line(oid, walked.tags[oid], rows[oid]) + b"\n" for oid in names)
    say(f"{output}: {count(len(names), 'object')}, {count(walked.requests, 'request')}")
    return _completeness(walked)


def _serials() -> set[str]:
    """Return every object that a profile knows to hold a serial."""
    return {told.oid for each in load_profiles() for told in each.identity.serial if told.oid}


def _completeness(walked: Walked) -> Exit:
    """Say where the walk ended early, if it did."""
    early = {root: why for root, why in walked.ended.items() if why != COMPLETE}
    for root, why in early.items():
        complain(f"incomplete below {root}: {why}")
    return Exit.UNDECIDED if early else Exit.YES
