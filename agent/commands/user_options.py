"""Who asks in SNMPv3: options that name a user, its protocols, and where its passwords are kept."""

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar

import click

from agent.credentials import CredentialError, Vault
from agent.floor_credentials import protocol
from collectors.snmp.keys import AUTH, PRIVACY, KeyProblem
from collectors.snmp.usm import User

AUTH_VARIABLE: Final = "RACKPROOF_AUTH_PASSWORD"
PRIVACY_VARIABLE: Final = "RACKPROOF_PRIVACY_PASSWORD"
Command = TypeVar("Command", bound=Callable[..., Any])


class UserHow(TypedDict):
    """Who asks, as it comes from the options."""

    version: str
    user: str | None
    auth: str | None
    auth_password_file: str | None
    privacy: str | None
    privacy_password_file: str | None


def user_options(command: Command) -> Command:
    """Add the options of a user. A password is never one of them: anybody can see arguments."""
    for add in (
        click.option(
            "--privacy-password-file",
            metavar="FILE",
            help=f"Where its privacy password is; else in {PRIVACY_VARIABLE}.",
        ),
        click.option("--privacy", metavar="PROTOCOL", help="How to encrypt, such as AES-128."),
        click.option(
            "--auth-password-file",
            metavar="FILE",
            help=f"Where its authentication password is; else in {AUTH_VARIABLE}.",
        ),
        click.option("--auth", metavar="PROTOCOL", help="How to sign, such as SHA-256."),
        click.option("--user", help="Who asks, in SNMP version 3."),
    ):
        command = add(command)
    return command


def user_of(how: UserHow) -> User | None:
    """Return who asks; None in versions 1 and 2c. Raises: click.UsageError."""
    auth, privacy = how["auth"], how["privacy"]
    auth_file, privacy_file = how["auth_password_file"], how["privacy_password_file"]
    if how["version"] != "3":
        if any((how["user"], auth, auth_file, privacy, privacy_file)):
            raise click.UsageError(
                "--user, --auth and --privacy belong to version 3; add --version 3"
            )
        return None
    if how["user"] is None:
        raise click.UsageError("--version 3 needs a --user")
    if privacy and not auth:
        raise click.UsageError("--privacy needs --auth as well")
    for option, by, file in (("--auth", auth, auth_file), ("--privacy", privacy, privacy_file)):
        if file and not by:
            raise click.UsageError(f"{option}-password-file needs {option} as well")
    try:
        return User.of(
            how["user"].encode(),
            auth=_keyed("--auth", auth, AUTH, auth_file, AUTH_VARIABLE),
            privacy=_keyed("--privacy", privacy, PRIVACY, privacy_file, PRIVACY_VARIABLE),
        )
    except KeyProblem as problem:
        raise click.UsageError(str(problem)) from None


def _keyed(
    option: str, name: str | None, protocols: Collection[str], file: str | None, variable: str
) -> tuple[str, bytes] | None:
    """Return a protocol and its password. Raises: click.UsageError."""
    if name is None:
        return None
    if file is None and variable not in os.environ:
        raise click.UsageError(f"{option} needs {option}-password-file, or {variable} to be set")
    reference = {"env": variable} if file is None else {"file": file}
    try:
        known = protocol(name, protocols)
        return known, Vault(Path(), os.environ).fetch(reference).reveal()
    except CredentialError as error:
        raise click.UsageError(f"{option}: {error}") from None
    except ValueError as error:
        raise click.UsageError(f"{option} {name}: {error}") from None
