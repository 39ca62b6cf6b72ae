"""What `probe` and `record` ask about the one device they talk to, and how they talk to it."""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, TypeVar, Unpack

import click

from agent import clock
from agent.address import SNMP_PORT, Address, AddressError
from agent.commands.user_options import UserHow, user_of, user_options
from agent.exits import Exit
from agent.floor_format import RETRIES_MAX, TIMEOUT_S
from agent.floor_part import duration
from collectors.discovery import DENIED
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import Outcome, Target

COMMUNITY_VARIABLE: Final = "RACKPROOF_COMMUNITY"
DEADLINE_S: Final = 60.0  # one read of everything; nobody else waits for it
VERSIONS: Final[dict[str, Literal["1", "2c", "3"]]] = {"1": "1", "2c": "2c", "3": "3"}
REASONS: Final = {  # likeliest first, for versions 1 and 2c
    Outcome.TIMEOUT: (
        "the community is another: a device is silent to a wrong one (--community)",
        "SNMP is switched off on the device, or allowed from certain addresses only",
        "it is another address or port (HOST:PORT), or a firewall is in between",
        "it speaks SNMP v1 only (--version 1), or is slow (--timeout 5s)",
    ),
    Outcome.OK: ("the community may see too little: not even who the device is",),
    Outcome.REFUSED: (
        "SNMP is switched off on the device: its own network stack turned us away",
        "it is another address or port (HOST:PORT)",
    ),
}
REASONS_V3: Final = {
    **REASONS,
    Outcome.TIMEOUT: (
        "it speaks no SNMPv3 (--version 2c), or SNMP is switched off",
        "the user or a password is another, and the device is silent about it",
        "it is another address or port (HOST:PORT), or a firewall is in between",
        "it is slow (--timeout 5s)",
    ),
    Outcome.OK: ("the user's view may hold too little: not even who the device is",),
    Outcome.MALFORMED: (
        "the user may not read so: give it --auth and --privacy, as it is set up on the device",
    ),
    Outcome.UNKNOWN_USER: ("the user is not set up on this device, or is written another way",),
    Outcome.WRONG_DIGEST: (
        "the password in --auth-password-file is another",
        "the device signs with another protocol (--auth)",
    ),
    Outcome.DECRYPTION: (
        "the password in --privacy-password-file is another",
        "the device encrypts with another protocol (--privacy)",
        "it makes the long keys of AES-192 or AES-256 the other way (AES-256-C for AES-256)",
    ),
    Outcome.UNSUPPORTED_LEVEL: (
        "the user is set up without privacy, or without authentication (leave the option out)",
    ),
    Outcome.NOT_IN_TIME_WINDOW: ("the clock of its SNMP engine jumps; restart the device",),
}
Work = TypeVar("Work")
Command = TypeVar("Command", bound=Callable[..., Any])


class How(UserHow):
    """How to ask, as it comes from the options."""

    community: str
    timeout: float
    retries: int


class Unresolved(click.ClickException):
    """A name that nobody knows, now; perhaps it is only the name server that is away."""

    exit_code = Exit.UNDECIDED


class AddressType(click.ParamType[Address]):
    """HOST or HOST:PORT on the command line."""

    name = "address"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Address:
        """Read an address, or say what is wrong with it."""
        try:
            return Address.parse(str(value), SNMP_PORT)
        except AddressError as error:
            self.fail(str(error), param, ctx)


class TimeoutType(click.ParamType[float]):
    """A duration with its unit on the command line."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read a duration, or say what is wrong with it."""
        try:
            return duration(value, *TIMEOUT_S)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def snmp_options(command: Command) -> Command:
    """Add the address and how to ask it, which arrive as `address` and as `how_to_ask` takes."""
    for add in (
        click.option(
            "--retries",
            type=click.IntRange(0, RETRIES_MAX),
            default=1,
            show_default=True,
            help="How often to ask again.",
        ),
        click.option(
            "--timeout",
            type=TimeoutType(),
            default="2s",
            show_default=True,
            help="How long to wait for an answer.",
        ),
        user_options,
        click.option(
            "--version",
            type=click.Choice([*VERSIONS]),
            default="2c",
            show_default=True,
            help="SNMP version; 3 needs a --user.",
        ),
        click.option(
            "--community",
            default="public",
            envvar=COMMUNITY_VARIABLE,
            show_default=True,
            show_envvar=True,
            help="The word that lets us read. One that is secret belongs into the variable: "
            "others can see the arguments of a process.",
        ),
        click.argument("address", type=AddressType()),
    ):
        command = add(command)
    return command


def target_of(address: Address, **how: Unpack[How]) -> Target:
    """Return whom to ask, its name looked up. Raises: click.UsageError, Unresolved."""
    user = user_of(how)
    return Target(
        address=resolve(address),
        community=how["community"].encode(),
        version=VERSIONS[how["version"]],
        user=user,
        timeout_s=how["timeout"],
        retries=how["retries"],
        deadline_s=DEADLINE_S,
    )


def resolve(address: Address) -> tuple[str, int]:
    """Look a host name up. Raises: Unresolved."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise Unresolved(f"{address.host}: {error.strerror}; check the name") from None
    return str(found[0][4][0]), address.port


def talk(work: Callable[[Endpoint], Awaitable[Work]]) -> Work:
    """Do some work that needs a socket."""

    async def with_endpoint() -> Work:
        """Open, work, close."""
        endpoint = await Endpoint.open(clock=clock.monotonic, rng=random.Random())  # noqa: S311 -- ids, not secrets
        try:
            return await work(endpoint)
        finally:
            endpoint.close()

    return asyncio.run(with_endpoint())


def silence(address: Address, target: Target, outcome: Outcome) -> str:
    """Say that a device does not answer, and what to look at."""
    tries = f"asked {target.retries + 1} times, {target.timeout_s:g} s each"
    how = {
        Outcome.TIMEOUT: f"no answer to SNMP v{target.version} ({tries})",
        Outcome.REFUSED: "nothing listens at this port",
        Outcome.OK: "it answers, but has no system group (SNMPv2-MIB)",
    }.get(outcome, f"it answers, but not as SNMP should ({outcome})")
    if outcome in DENIED:
        how = f"it reports {outcome.value}: {DENIED[outcome]}"
    reasons = (REASONS_V3 if target.version == "3" else REASONS).get(outcome, ())
    lines = [f"{address}: {how}"]
    if reasons:
        lines += ["Likely reasons, likeliest first:", *(f"  - {reason}" for reason in reasons)]
    return "\n".join(lines)
