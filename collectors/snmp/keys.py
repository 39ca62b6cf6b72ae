"""From a password to what protects a message: keys of one user at one engine, and their ciphers.

A password is hashed once (the slow part, RFC 3414 §A.2), localised once an engine, and what the
hash and the block cipher can prepare from a key is prepared then. A password or a key is never part
of a text: not of a repr, not of an error.

>>> AUTH["SHA-256"].octets, PRIVACY["AES-192"].octets
(24, 24)
>>> localise("md5", master("md5", b"maplesyrup"), bytes.fromhex("000000000000000000000002")).hex()
'526f5eed9fcce26f8964c2930787d82b'
"""

import enum
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PASSWORD_OCTETS_MIN: Final = 8  # RFC 3414 §11.2; shorter ones every implementation refuses
MASTER_OCTETS: Final = 1 << 20  # of repeated password that are hashed (RFC 3414 §A.2)
BLOCK: Final = 16  # octets of an AES block
DES_BLOCK: Final = 8
SALT_OCTETS: Final = 8  # of msgPrivacyParameters, in all privacy protocols
INNER: Final = bytes(octet ^ 0x36 for octet in range(256))  # RFC 2104 §2
OUTER: Final = bytes(octet ^ 0x5C for octet in range(256))
BUILTIN: Final[Callable[[str], Callable[..., Any]]] = getattr(
    hashlib, "__get_builtin_constructor", lambda name: partial(hashlib.new, name)
)


class KeyProblem(ValueError):  # noqa: N818 -- a problem of what the user gave us
    """Keys that cannot be made of what was given; the message never shows what was given."""


class Auth(NamedTuple):
    """An authentication protocol: its hash, and how many octets of the HMAC are sent."""

    hash: str
    octets: int


class Extension(enum.Enum):
    """How a digest that is too short becomes a key of AES-192 or AES-256; no RFC says it."""

    NONE = ""
    BLUMENTHAL = "draft-blumenthal-aes-usm-04 §3.1.2.1"
    REEDER = "draft-reeder-snmpv3-usm-3desede-00 §2.1"


class Privacy(NamedTuple):
    """A privacy protocol: the octets of its localised key, and how they are found."""

    octets: int
    extension: Extension = Extension.NONE
    des: bool = False


AUTH: Final = {  # RFC 3414 §6 and §7, RFC 7860 §4
    "MD5": Auth("md5", 12),
    "SHA": Auth("sha1", 12),
    "SHA-224": Auth("sha224", 16),
    "SHA-256": Auth("sha256", 24),
    "SHA-384": Auth("sha384", 32),
    "SHA-512": Auth("sha512", 48),
}
PRIVACY: Final = {  # RFC 3414 §8, RFC 3826; the -C kinds are what Cisco and others send
    "DES": Privacy(16, des=True),
    "AES": Privacy(16),
    "AES-192": Privacy(24, Extension.BLUMENTHAL),
    "AES-256": Privacy(32, Extension.BLUMENTHAL),
    "AES-192-C": Privacy(24, Extension.REEDER),
    "AES-256-C": Privacy(32, Extension.REEDER),
}
ALSO: Final = {"SHA-1": "SHA", "AES-128": "AES"}  # other names of the same


def master(name: str, password: bytes) -> bytes:
    """Hash a password into the key of all engines (RFC 3414 §A.2). Raises: KeyProblem.

    Cost: 1 to 3 ms
    """
    if len(password) < PASSWORD_OCTETS_MIN:
        raise KeyProblem(f"a password of SNMPv3 has at least {PASSWORD_OCTETS_MIN} characters")
    return _expanded(name, password)


def _expanded(name: str, secret: bytes) -> bytes:
    """Hash a mebibyte of a secret, repeated."""
    repeated = secret * (MASTER_OCTETS // len(secret) + 1)
    return hashlib.new(name, repeated[:MASTER_OCTETS], usedforsecurity=False).digest()


def localise(name: str, key: bytes, engine: bytes) -> bytes:
    """Make the key of one engine from the key of all (RFC 3414 §2.6)."""
    return hashlib.new(name, key + engine + key, usedforsecurity=False).digest()


def extended(name: str, key: bytes, engine: bytes, privacy: Privacy) -> bytes:
    """Return a localised key with as many octets as the cipher needs."""
    while len(key) < privacy.octets:
        if privacy.extension is Extension.REEDER:
            key += localise(name, _expanded(name, key), engine)
        else:
            key += hashlib.new(name, key, usedforsecurity=False).digest()
    return key[: privacy.octets]


class Mac:
    """HMAC with one key, cut to what is sent; both hash states are prepared (RFC 2104 §4).

    By Python's own hash functions: OpenSSL's are twice as fast in a row, and half as fast where
    caches are cold, as between two answers (16 and 30 µs).
    """

    __slots__ = ("_inner", "_outer", "octets")

    def __init__(self, auth: Auth, key: bytes) -> None:
        self.octets = auth.octets
        make = BUILTIN(auth.hash)
        padded = key.ljust(make().block_size, b"\0")  # a localised key is never above a block
        self._inner, self._outer = (make(padded.translate(pad)) for pad in (INNER, OUTER))

    def __call__(self, message: bytes) -> bytes:
        """Return the digest of a message in which the place of the digest is zero. Cost: 2 µs."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        digest: bytes = outer.digest()
        return digest[: self.octets]


class Cryptor(Protocol):
    """A privacy protocol with its key."""

    def encrypt(self, plain: bytes, boots: int, seconds: int, salt: bytes, /) -> bytes:
        """Return what is sent; DES fills it up to whole blocks."""
        raise NotImplementedError

    def decrypt(self, sent: bytes, boots: int, seconds: int, salt: bytes, /) -> bytes:
        """Return what was meant, with what DES filled up. Raises: KeyProblem on a wrong size."""
        raise NotImplementedError


class Aes:
    """AES in CFB mode; the vector is the engine's boots and time, and the salt (RFC 3826 §3).

    Making a cipher for each message costs ten times what it then does, where caches are cold. So
    one is kept each way, always at the edge of a block. What it was fed last is its vector: on the
    way in that is what we feed it, on the way out what makes it send the vector first.
    """

    __slots__ = ("_block", "_decrypt", "_encrypt", "_sent")

    def __init__(self, key: bytes) -> None:
        algorithm, mode = algorithms.AES(key), CFB(bytes(BLOCK))
        self._encrypt = Cipher(algorithm, mode).encryptor().update
        self._decrypt = Cipher(algorithm, mode).decryptor().update
        self._block = Cipher(algorithm, modes.ECB()).encryptor().update  # noqa: S305 -- for CFB
        self._sent = bytes(BLOCK)  # the last block that was sent

    def encrypt(self, plain: bytes, boots: int, seconds: int, salt: bytes, /) -> bytes:
        """Encrypt behind a block that comes out as the vector. Cost: 4 µs."""
        size = len(plain)
        vector = boots << 96 | seconds << 64 | int.from_bytes(salt, "big")
        before = int.from_bytes(self._block(self._sent), "big") ^ vector
        sent = self._encrypt(before.to_bytes(BLOCK, "big") + plain + bytes(-size % BLOCK))
        self._sent = sent[-BLOCK:]
        return sent[BLOCK : BLOCK + size]

    def decrypt(self, sent: bytes, boots: int, seconds: int, salt: bytes, /) -> bytes:
        """Decrypt behind the vector. Cost: 3 µs."""
        size = len(sent)
        vector = boots << 96 | seconds << 64 | int.from_bytes(salt, "big")
        whole = vector.to_bytes(BLOCK, "big") + sent + bytes(-size % BLOCK)
        return self._decrypt(whole)[BLOCK : BLOCK + size]


class Des:
    """DES in CBC mode; the vector is half of the key, and the salt (RFC 3414 §8)."""

    __slots__ = ("_algorithm", "_vector")

    def __init__(self, key: bytes) -> None:
        self._algorithm = TripleDES(key[:8] * 3)  # thrice with one key is once
        self._vector = key[8:16]

    def encrypt(self, plain: bytes, _boots: int, _seconds: int, salt: bytes, /) -> bytes:
        """Fill up with zeros, and encrypt."""
        whole = plain.ljust(-(-len(plain) // DES_BLOCK) * DES_BLOCK, b"\0")
        return Cipher(self._algorithm, self._mode(salt)).encryptor().update(whole)

    def decrypt(self, sent: bytes, _boots: int, _seconds: int, salt: bytes, /) -> bytes:
        """Decrypt whole blocks. Raises: KeyProblem on a part of one (RFC 3414 §8.3.2)."""
        if len(sent) % DES_BLOCK:
            raise KeyProblem(f"{len(sent)} octets are no whole blocks of DES")
        return Cipher(self._algorithm, self._mode(salt)).decryptor().update(sent)

    def _mode(self, salt: bytes) -> modes.CBC:
        """Return the mode with its vector."""
        return modes.CBC(bytes(a ^ b for a, b in zip(self._vector, salt, strict=True)))


def cryptor(privacy: Privacy, key: bytes) -> Cryptor:
    """Prepare a cipher."""
    return Des(key) if privacy.des else Aes(key)
