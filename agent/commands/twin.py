"""`rackproof twin`: racks that are not there, compiled from a spec, for trying it before metal."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from agent import clock
from agent.address import Address, AddressError, parse_broker, parse_web
from collectors.twin.faults import KINDS

WRONG: Final[Sequence[tuple[Callable[[Mapping[str, Any]], bool], str]]] = (
    (lambda given: given["json"] and not given["rehearse"], "--json goes with --rehearse"),
    (lambda given: given["once"] and not given["follow"], "--once goes with --follow URL"),
    (lambda given: given["broker"] and given["no_broker"], "--broker or --no-broker, not both"),
    (lambda given: given["sparkplug"] and given["no_broker"], "--sparkplug needs a broker"),
    (lambda given: given["rehearse"] and given["follow"], "--rehearse or --follow, not both"),
    (lambda given: given["rehearse"] and given["bays"] > 1, "--rehearse is of one rack: no --bays"),
)
TRAP_PORT: Final = 162  # RFC 3417 §3.2
GROUP: Final = re.compile(r"[A-Za-z0-9_-]{1,63}")
BAYS_MAX: Final = 254  # as many as 127.BAY has room for
FAULTS: Final = "Faults, and what they are unless told; all take at=, for=, stage=, name=:"
EXAMPLES: Final = """\
\b
Examples:
  rackproof twin spec.yaml
  rackproof twin spec.yaml --rehearse --fault "leak zone=2 at=12h"
  rackproof twin spec.yaml --bays 8 --fault "bay=3 psu_failure at=10min"
  rackproof twin spec.yaml --follow http://127.0.0.1:9108 --once
"""


def _families(
    _ctx: click.Context, _param: click.Parameter, said: tuple[str, ...]
) -> dict[str, str]:
    """Read DEVICE=PROFILE."""
    for text in said:
        device, _, profile = text.partition("=")
        if not (device and profile):
            raise click.BadParameter(f"{text!r}: want DEVICE=PROFILE, such as feedA=sentry4")
    return dict(text.split("=", 1) for text in said)


def _group(_ctx: click.Context, _param: click.Parameter, name: str | None) -> str | None:
    """Read a name that can stand in a topic."""
    if name is not None and not GROUP.fullmatch(name):
        raise click.BadParameter("want letters, digits, `-` and `_`, at most 63")
    return name


def _broker(_ctx: click.Context, _param: click.Parameter, url: str | None) -> Address | None:
    """Read where a broker is."""
    if url is None:
        return None
    if not url.startswith("mqtt://"):
        raise click.BadParameter("want mqtt://HOST:PORT; simulated devices speak no TLS")
    try:
        return parse_broker(url).address
    except AddressError as error:
        raise click.BadParameter(str(error)) from None


def _address(_ctx: click.Context, _param: click.Parameter, said: str | None) -> Address | None:
    """Read where traps go; it must be on this machine, for a simulated device never leaves it."""
    try:
        place = None if said is None else Address.parse(said, TRAP_PORT)
    except AddressError as error:
        raise click.BadParameter(str(error)) from None
    if place and not (place.is_loopback and place.host[0].isdigit()):
        raise click.BadParameter(f"{said!r}: want an address of 127.0.0.0/8; nothing leaves here")
    return place


def _agent(_ctx: click.Context, _param: click.Parameter, url: str | None) -> str | None:
    """Check where an agent is."""
    try:
        return None if url is None else url if parse_web(url) else None
    except AddressError as error:
        raise click.BadParameter(str(error)) from None


def _faults() -> str:
    """Return what can be broken, in the words of `--fault`."""
    lines = []
    for name, kind in KINDS.items():
        words = [f"{word}={usual or '...'}" for word, usual in kind.where.items()]
        words += [f"size={kind.size:g} ({kind.unit})"] if kind.unit else []
        lines += ["  " + " ".join([name, *words]), f"      {kind.story}"]
    return "\n".join(["\b", FAULTS, *lines])


@click.command(epilog=f"{EXAMPLES}\n{_faults()}")
@click.argument("spec", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--bays", type=click.IntRange(1, BAYS_MAX), default=1, help="So many racks.")
@click.option(
    "--fault",
    "said",
    multiple=True,
    metavar="TEXT",
    help="Break something: a kind, then key=value; `bay=2` says where. May be given again.",
)
@click.option("--faults", type=click.Path(path_type=Path), help="A YAML list of faults.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Of the first rack; it names the rack, and the same one is always the same.",
)
@click.option(
    "--broker",
    metavar="URL",
    callback=_broker,
    help="Publish there, instead of to a broker of its own.",
)
@click.option("--no-broker", is_flag=True, help="Leave out devices that publish.")
@click.option(
    "--floor",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="twin",
    show_default=True,
    metavar="DIR",
    help="Where to write the floor file.",
)
@click.option(
    "--family",
    "wished",
    multiple=True,
    callback=_families,
    metavar="DEVICE=PROFILE",
    help="Let a device be of this family. May be given again.",
)
@click.option(
    "--sparkplug",
    metavar="GROUP",
    callback=_group,
    help="Publish the same as Sparkplug B too, each bay as an edge node of this group.",
)
@click.option(
    "--traps",
    metavar="HOST:PORT",
    callback=_address,
    help="Tell there by SNMP trap what happens: links, restarts, breakers, leaks.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, clock.RATE_MAX, min_open=True),
    default=1.0,
    show_default=True,
    help="How fast time goes.",
)
@click.option(
    "--follow",
    metavar="URL",
    callback=_agent,
    help="Start runs at the agent there, and work at the bays as they ask.",
)
@click.option("--once", is_flag=True, help="With --follow: one run a bay, then its verdict.")
@click.option("--rehearse", is_flag=True, help="Run the whole plan at once, without sockets.")
@click.option("--json", "as_json", is_flag=True, help="With --rehearse: print JSON for a program.")
def twin(spec: Path, *, rehearse: bool, as_json: bool, **options: Any) -> int:  # noqa: ANN401 -- click's
    """Put racks that are not there on the air: what SPEC asks for, with physics and faults.

    SNMP devices answer on 127.0.BAY.x, the others publish through a broker; nothing leaves this
    machine. A floor file is written with which `rackproof run` judges them, and the racks can be
    broken and driven over HTTP while they run. With --rehearse the whole plan is run in one
    process on a false clock, in a minute or so.

    Exit codes of --rehearse and --once: 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 4 ABORTED.
    """
    given = {"rehearse": rehearse, "json": as_json, **options}
    for wrong, text in WRONG:
        if wrong(given):
            raise click.UsageError(text)
    from agent.twin.asked import Asked  # noqa: PLC0415 -- a second that `--help` need not wait for

    asked = Asked(spec=spec, **options)
    return asked.rehearse(as_json=as_json) if rehearse else asked.play()
