"""Keys: who sealed a record. Ed25519, made on first start; the private part never leaves its file.

A key folder holds `signing.pem` (private, for its owner alone), `signing.pub.pem` (to be handed to
everybody who checks records) and `old/`, the public parts of keys that are no longer signed with.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from agent.store.files import make_folder, write

SIGNATURE_BYTES: Final = 64  # RFC 8032 §5.1.6
PEM_BYTES_MAX: Final = 10_000  # ours have 113 and 119
PRIVATE: Final = "signing.pem"
PUBLIC: Final = "signing.pub.pem"
OLD: Final = "old"
OTHERS: Final = 0o007  # the rights of everybody: a group may be how a container mounts the folder


class KeyFileError(Exception):
    """A key that cannot be used; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What checks signatures. `raw`: its 32 bytes (RFC 8032 §5.1.5)."""

    raw: bytes

    @classmethod
    def read(cls, pem: bytes, name: str) -> Self:
        """Read it from a PEM file (RFC 8410). Raises: KeyFileError."""
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyFileError(f"{name}: not a public key in PEM ({error})") from None
        if not isinstance(key, Ed25519PublicKey):
            raise KeyFileError(f"{name}: a public key, but not one of Ed25519")
        return cls(key.public_bytes_raw())

    @property
    def pem(self) -> bytes:
        """Return it as OpenSSL reads it: always the same bytes for the same key."""
        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def fingerprint(self) -> str:
        """Return what names it: the SHA-256 of its 32 bytes."""
        return hashlib.sha256(self.raw).hexdigest()

    def signed(self, data: bytes, signature: bytes) -> bool:
        """Say whether the signature on `data` was made with the other half of this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, data)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What signs. `sign` returns 64 bytes, always the same for the same data."""

    public: PublicKey
    sign: Callable[[bytes], bytes]

    @classmethod
    def _of(cls, key: Ed25519PrivateKey) -> Self:
        """Keep the private part where no `repr` can spell it out."""
        return cls(PublicKey(key.public_key().public_bytes_raw()), key.sign)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Return the key of a folder; where there is none, make one.

        A public part that belongs to another key is kept under `old/`: that key was taken out of
        service. Raises: KeyFileError, StoreError.
        """
        path = folder / PRIVATE
        if not path.exists():
            made = Ed25519PrivateKey.generate()
            pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            make_folder(folder, 0o700)
            write(path, pem, mode=0o600)
        key = cls._of(_private(path))
        _publish(folder, key.public)
        return key


def _private(path: Path) -> Ed25519PrivateKey:
    """Read a private key. Raises: KeyFileError where it is damaged, or open to everybody."""
    if path.stat().st_mode & OTHERS:
        raise KeyFileError(f"{path}: everybody may use this key; run `chmod 600 {path}`")
    try:
        key = load_pem_private_key(_bounded(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        text = "restore it from backup, or move it away and the next start makes a new key"
        raise KeyFileError(
            f"{path}: not a private key without password ({error}); {text}"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: a private key, but not one of Ed25519")
    return key


def _publish(folder: Path, key: PublicKey) -> None:
    """Lay the public part beside the private one, and that of the key before it into `old/`."""
    path = folder / PUBLIC
    try:
        before = PublicKey.read(_bounded(path), str(path))
    except FileNotFoundError:
        before = None
    except KeyFileError:  # torn or damaged: it can be had again from the private part
        before = None
    if before == key and path.read_bytes() == key.pem:
        return
    if before is not None and before != key:
        make_folder(folder / OLD)
        write(folder / OLD / f"{before.fingerprint[:16]}.pub.pem", before.pem)
    write(path, key.pem)


def _bounded(path: Path) -> bytes:
    """Return a file that cannot be long."""
    with path.open("rb") as file:
        return file.read(PEM_BYTES_MAX)


def read_public(path: Path) -> PublicKey:
    """Return the public key in a file. Raises: KeyFileError."""
    try:
        return PublicKey.read(_bounded(path), str(path))
    except OSError as error:
        raise KeyFileError(f"{path}: {os.strerror(error.errno or 0)}; check the path") from None
