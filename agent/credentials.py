"""Secrets: where a floor file may keep them, and a type that no log, page or dump can spell out.

A secret stands in a file of its own or in the environment, never in the floor file: that one is
reviewed, copied and committed. The one literal allowed is the community that every device ships
with, for it is no secret.
"""

import hmac
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

PUBLIC: Final = "public"  # what SNMP devices are shipped with, and test benches use
MASK: Final = "********"  # of one length, whatever the secret's
SECRET_BYTES_MAX: Final = 4096  # a passphrase, not a certificate


class CredentialError(ValueError):
    """A secret that cannot be had; the message says where it was looked for, never what it is."""


class Secret:
    """Bytes that show as asterisks wherever they are printed, formatted, dumped or pickled.

    >>> secret = Secret(b"correct horse")
    >>> secret, f"{secret}", [secret]
    (Secret(********), '********', [Secret(********)])
    >>> secret.reveal()
    b'correct horse'
    """

    __slots__ = ("__bytes",)

    def __init__(self, content: bytes) -> None:
        self.__bytes = content

    def reveal(self) -> bytes:
        """Return the secret itself, for the wire and nothing else."""
        return self.__bytes

    def __repr__(self) -> str:
        """Return a mask; a log that renders objects by `repr` shows it."""
        return f"Secret({MASK})"

    def __str__(self) -> str:
        """Return the mask."""
        return MASK

    def __format__(self, spec: str) -> str:
        """Return the mask, whatever the format: a precision would show a beginning."""
        return MASK

    def __eq__(self, other: object) -> bool:
        """Compare in constant time, so that a reload can tell whether a secret changed."""
        return isinstance(other, Secret) and hmac.compare_digest(self.__bytes, other.__bytes)

    def __hash__(self) -> int:
        """Hash by type alone: a hash of the content would be a hint."""
        return hash(Secret)

    def __copy__(self) -> Self:
        """Return itself, for it never changes."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return itself, so that a copied configuration still works."""
        return self

    def __reduce__(self) -> tuple[type["Secret"], tuple[bytes]]:
        """Pickle the mask: what leaves the process must not hold the secret."""
        return Secret, (MASK.encode(),)


@dataclass(frozen=True, slots=True)
class Vault:
    """Where the references of one floor file lead: its folder and the environment."""

    folder: Path
    environment: Mapping[str, str]

    def fetch(self, reference: object) -> Secret:
        """Return what a value in the floor file refers to. Raises: CredentialError."""
        if isinstance(reference, str):
            if reference != PUBLIC:
                raise CredentialError(
                    "a secret must not stand in this file; write {file: PATH} or {env: NAME} "
                    f"(only {PUBLIC!r}, which is no secret, may be written as it is)"
                )
            return Secret(PUBLIC.encode())
        match reference:
            case {"file": str(name), **others} if not others and name:
                return Secret(_from_file(self.folder / name))
            case {"env": str(name), **others} if not others and name:
                return Secret(self._from_environment(name))
        raise CredentialError("want {file: PATH} or {env: NAME}, with one text")

    def private_file(self, reference: object) -> Path:
        """Return a file that only the agent may read, such as a key. Raises: CredentialError."""
        match reference:
            case {"file": str(name), **others} if not others and name:
                path = self.folder / name
                _guarded(path)
                return path
        raise CredentialError("want {file: PATH}, a file that only the agent can read")

    def _from_environment(self, name: str) -> bytes:
        """Return the content of an environment variable. Raises: CredentialError."""
        content = self.environment.get(name)
        if content is None:
            raise CredentialError(
                f"environment variable {name} is not set; set it for the agent, or use {{file: }}"
            )
        return _sound(os.fsencode(content), f"environment variable {name}")


def _from_file(path: Path) -> bytes:
    """Return the content of a secret's file, less its last newline. Raises: CredentialError."""
    size = _guarded(path)
    if size > SECRET_BYTES_MAX:
        raise CredentialError(
            f"{path} has {size} bytes, a secret at most {SECRET_BYTES_MAX}; is it the right file?"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None
    return _sound(content.removesuffix(b"\n").removesuffix(b"\r"), str(path))


def _guarded(path: Path) -> int:
    """Return how long a file is that nobody else may read. Raises: CredentialError."""
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    if not stat.S_ISREG(status.st_mode):
        raise CredentialError(f"{path} is not a regular file; put the secret into one")
    if status.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        mode = stat.S_IMODE(status.st_mode)
        raise CredentialError(f"{path} is open to others (mode {mode:04o}); run: chmod 600 {path}")
    return status.st_size


def _unreadable(path: Path, error: OSError) -> CredentialError:
    """Say why a file cannot be read, and what to do."""
    why = error.strerror or "cannot be read"
    return CredentialError(f"{path}: {why}; create it, readable by the agent only")


def _sound(content: bytes, where: str) -> bytes:
    """Return a secret that can be one. Raises: CredentialError for an empty or broken one."""
    if not content:
        raise CredentialError(f"{where} is empty; put the secret into it")
    if b"\n" in content or b"\0" in content:
        raise CredentialError(f"{where} holds more than one line; keep the secret alone in it")
    return content
