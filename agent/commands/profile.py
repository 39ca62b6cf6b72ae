"""`rackproof profile`: the devices that are known, and whether recordings of them agree."""

from collections.abc import Iterator
from typing import Any

import click

from agent.commands.comparison import test
from agent.commands.draft import draft
from agent.exits import Exit
from agent.floor_check import unknown
from agent.output import emit, say, table
from collectors.profile import Profile, load_profiles
from collectors.quantity import Quantity
from collectors.rule import Rule


@click.group
def profile() -> None:
    """List, show, test and draft device profiles.

    A profile says how a device family is recognised, which of its objects are channels and what
    their values mean. docs/profiles.md explains how to write one.
    """


@profile.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def list_profiles(*, as_json: bool) -> int:
    """List the profiles that this version knows."""
    profiles = sorted(load_profiles(), key=lambda p: (p.kind, p.name))
    if as_json:
        emit([_facts(each) for each in profiles])
        return Exit.YES
    table([("KIND", "NAME", "DEVICES"), *((p.kind, p.name, p.title) for p in profiles)])
    return Exit.YES


@profile.command(short_help="Show what a profile recognises and reads.")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def show(name: str, *, as_json: bool) -> int:
    """Show how the profile NAME recognises a device, and what it reads."""
    profiles = {each.name: each for each in load_profiles()}
    if name not in profiles:
        text = unknown("profile", name, profiles) + " (see rackproof profile list)"
        raise click.BadParameter(text, param_hint="NAME")
    chosen = profiles[name]
    channels = list(dict.fromkeys(line for rule in chosen.rules for line in _channels(rule)))
    if as_json:
        keys = ("channel", "quantity", "unit")
        listed = [dict(zip(keys, line, strict=True)) for line in channels]
        provides = {role: dict(some) for role, some in chosen.provides.items()}
        emit({**_facts(chosen), "channels": listed, "provides": provides})
        return Exit.YES
    marks = chosen.fingerprint
    facts = [
        ("kind", f"{chosen.kind}, by {chosen.transport.upper()}"),
        ("file", chosen.document.file),
        ("sha256", chosen.hash),
        *(("recognised", f"sysObjectID {oid} or below") for oid in marks.sys_object_id),
        *(("recognised", f"sysDescr matches {text}") for text in [marks.sys_descr] if text),
        *(("recognised", f"{oid} exists") for oid in marks.exists),
    ]
    say(f"{chosen.name}: {chosen.title}")
    table(facts, indent=2)
    if channels:
        say()
        table([("CHANNEL", "QUANTITY", "UNIT"), *channels])
    for role, pairs in chosen.provides.items():
        say()
        say(f"In a design spec's role {role}:")
        table([(there, here) for there, here in pairs.items()], indent=2)
    return Exit.YES


profile.add_command(test)
profile.add_command(draft)


def _facts(each: Profile) -> dict[str, Any]:
    """Return what identifies a profile, for a program."""
    return {
        "name": each.name,
        "kind": each.kind,
        "transport": each.transport,
        "vendor": each.vendor,
        "title": each.title,
        "file": each.document.file,
        "sha256": each.hash,
        "fingerprint": {
            "sys_object_id": list(each.fingerprint.sys_object_id),
            "sys_descr": each.fingerprint.sys_descr,
            "exists": list(each.fingerprint.exists),
        },
    }


def _channels(rule: Rule) -> Iterator[tuple[str, str, str]]:
    """Yield name, quantity and unit of the channels that a rule can make."""
    for case, meaning in list(rule.cases.values()) or [("", rule.meaning)]:
        name = "".join(
            piece
            if isinstance(piece, str)
            else case
            if piece == ("case",) and case
            else f"{{{'|'.join(piece)}}}"
            for piece in rule.name.pieces
        )
        quantity = Quantity.of(meaning.quantity) if meaning.quantity else Quantity.STATE
        yield name, quantity.label, quantity.symbol
