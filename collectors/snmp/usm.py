r"""Who may speak SNMPv3, and what of a message is proven (RFC 3414): both sides, no sockets.

A `User` is what somebody configured; `Security` is that user at one engine, with every key
prepared. The engine that answers keeps an `Authority`, and whoever asks keeps what it knows of
another engine's clock in `Acquaintance`: boots and time are believed from proven messages alone.

>>> from collectors.snmp.secured import decode
>>> user = User.of(b"watch", auth=("SHA-256", b"maplesyrup"))
>>> user
User(watch, SHA-256)
>>> there = user.at(bytes.fromhex("8000000001020304"))
>>> sent = there.seal(b"\x30\x00", number=1, boots=3, seconds=60, salt=0)
>>> there.open(decode(sent), sent)
b'0\x00'
"""

import enum
import hmac
from collections.abc import Collection
from typing import Final, Self

from collectors.snmp.ber import integer
from collectors.snmp.keys import (
    AUTH,
    PRIVACY,
    SALT_OCTETS,
    Cryptor,
    Extension,
    KeyProblem,
    Mac,
    cryptor,
    extended,
    localise,
    master,
)
from collectors.snmp.message import MismatchError
from collectors.snmp.prepared import Frame
from collectors.snmp.secured import NAME_OCTETS_MAX, NUMBER_MAX, Flag, Message

WINDOW_SECONDS: Final = 150  # RFC 3414 §2.2.3
BOOTS_MAX: Final = NUMBER_MAX  # an engine that has counted so far proves nothing any more
LEVEL: Final = Flag.AUTH | Flag.PRIV  # the flags that say how a message is protected
HEADER_OCTETS: Final = 60  # of a message without engine, user and digest, beyond those of v2c
FRAMES_MAX: Final = 64  # sizes of messages of one user at one engine that are kept encoded
USM_STATS: Final = "1.3.6.1.6.3.15.1.1"

Key = tuple[int, int, int, int, int]  # what all messages of one frame have in common


class Complaint(enum.IntEnum):
    """What is wrong with a message: the last number of its counter below usmStats (RFC 3414 §5)."""

    UNSUPPORTED_LEVEL = 1
    NOT_IN_TIME_WINDOW = 2
    UNKNOWN_USER = 3
    UNKNOWN_ENGINE = 4
    WRONG_DIGEST = 5
    DECRYPTION = 6

    @property
    def counter(self) -> str:
        """Return the object that counts it, as reports name it."""
        return f"{USM_STATS}.{self.value}.0"


class UsmError(MismatchError):
    """A message that proves nothing; the argument is the reason to count."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(complaint.name.lower())
        self.complaint = complaint


class User:
    """A user and its protocols. Of the passwords, only what they were hashed to is kept."""

    __slots__ = ("_auth", "_auth_key", "_known", "_privacy", "_privacy_key", "level", "name")

    KNOWN_MAX: Final = 4096  # engines whose keys are kept: a floor's; the one met first goes first

    def __init__(
        self, name: bytes, auth: tuple[str, bytes] | None, privacy: tuple[str, bytes] | None
    ) -> None:
        self.name = name
        self._auth, self._auth_key = auth or ("", b"")
        self._privacy, self._privacy_key = privacy or ("", b"")
        self.level = Flag.AUTH * bool(auth) | Flag.PRIV * bool(privacy)  # of all its messages
        self._known: dict[bytes, Security] = {}

    @classmethod
    def of(
        cls,
        name: bytes,
        *,
        auth: tuple[str, bytes] | None = None,
        privacy: tuple[str, bytes] | None = None,
    ) -> Self:
        """Hash the passwords of (protocol, password). Raises: KeyProblem. Cost: 2 to 6 ms."""
        if not 0 < len(name) <= NAME_OCTETS_MAX:
            raise KeyProblem(f"a user's name has 1 to {NAME_OCTETS_MAX} octets")
        if auth is None:
            if privacy is not None:
                raise KeyProblem(f"user {name!r}: privacy needs authentication as well")
            return cls(name, None, None)
        _known(auth[0], AUTH)
        digest = AUTH[auth[0]].hash
        keys = (auth[0], master(digest, auth[1]))
        if privacy is None:
            return cls(name, keys, None)
        _known(privacy[0], PRIVACY)
        return cls(name, keys, (privacy[0], master(digest, privacy[1])))

    def __eq__(self, other: object) -> bool:
        """Compare names, protocols and keys, so that a reload can tell whether one changed."""
        if not isinstance(other, User):
            return False
        same = (self.name, self._auth, self._privacy) == (other.name, other._auth, other._privacy)
        keys = hmac.compare_digest(self._auth_key, other._auth_key)
        return same and keys and hmac.compare_digest(self._privacy_key, other._privacy_key)

    def __hash__(self) -> int:
        """Hash by name alone: a hash of a key would be a hint."""
        return hash(self.name)

    def __reduce__(self) -> str:
        """Refuse to be pickled: what leaves the process must not hold the keys."""
        raise TypeError("a user of SNMPv3 does not leave the process")

    def __repr__(self) -> str:
        """Name the user and its protocols, and nothing that is secret."""
        protocols = [text for text in (self._auth, self._privacy) if text]
        return f"User({', '.join([self.name.decode('utf-8', 'replace'), *protocols])})"

    @property
    def octets(self) -> int:
        """Return how many octets more a message takes than one with a community, without engine."""
        digest = AUTH[self._auth].octets if self._auth else 0
        return HEADER_OCTETS + len(self.name) + digest

    @property
    def is_slow(self) -> bool:
        """Say whether the keys of an engine take another mebibyte of hashing, off any loop."""
        return bool(self._privacy) and PRIVACY[self._privacy].extension is Extension.REEDER

    def at(self, engine: bytes) -> "Security":
        """Return this user at an engine; its keys are made once. Cost: 15 µs, then 0.1 µs."""
        return self._known.get(engine) or self.keep(self.made(engine))

    def known(self, engine: bytes) -> "Security | None":
        """Return this user at an engine, if its keys are made."""
        return self._known.get(engine)

    def keep(self, security: "Security") -> "Security":
        """Keep keys that were made elsewhere."""
        if len(self._known) >= self.KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._known[security.engine] = security
        return security

    def made(self, engine: bytes) -> "Security":
        """Make the keys of an engine; nothing is kept, so any thread may."""
        if not self._auth:
            return Security(self.name, engine, None, None)
        auth = AUTH[self._auth]
        mac = Mac(auth, localise(auth.hash, self._auth_key, engine))
        if not self._privacy:
            return Security(self.name, engine, mac, None)
        privacy = PRIVACY[self._privacy]
        key = localise(auth.hash, self._privacy_key, engine)
        return Security(
            self.name, engine, mac, cryptor(privacy, extended(auth.hash, key, engine, privacy))
        )


def _known(name: str, protocols: Collection[str]) -> None:
    """Refuse a protocol that there is not. Raises: KeyProblem."""
    if name not in protocols:
        raise KeyProblem(f"protocol {name!r}; want one of {', '.join(protocols)}")


class Security:
    """One user at one engine: seals what is sent and proves what is heard."""

    __slots__ = ("_cryptor", "_frames", "_mac", "engine", "level", "name")

    def __init__(
        self, name: bytes, engine: bytes, mac: Mac | None, privacy: Cryptor | None
    ) -> None:
        self.name = name
        self.engine = engine
        self._mac = mac
        self._cryptor = privacy
        self._frames: dict[Key, Frame] = {}
        self.level = Flag.AUTH * bool(mac) | Flag.PRIV * bool(privacy)

    def __repr__(self) -> str:
        """Name user and engine; the keys are nobody's business."""
        return f"Security({self.name!r} at {self.engine.hex()})"

    def seal(  # noqa: PLR0913 -- the fields that a message has
        self,
        scoped: bytes,
        *,
        number: int,
        boots: int,
        seconds: int,
        salt: int,
        level: int | None = None,
        reportable: bool = True,
    ) -> bytes:
        """Encrypt and sign; `level` below the user's own only for a report. Cost: 12 µs.

        `salt` must differ from that of every other message under the same key.
        """
        level = self.level if level is None else level & self.level
        octets = b""
        if level & Flag.PRIV and self._cryptor:
            octets = (salt % (1 << 64)).to_bytes(SALT_OCTETS, "big")
            scoped = self._cryptor.encrypt(scoped, boots, seconds, octets)
        mac = self._mac if level & Flag.AUTH else None
        wire = integer(number), integer(seconds)
        key = (level | reportable << 8, boots, len(wire[0]), len(wire[1]), len(scoped))
        frame = self._frames.get(key)
        if frame is None:
            message = Message(
                number=number,
                flags=level | Flag.REPORTABLE * reportable,
                engine=self.engine,
                boots=boots,
                seconds=seconds,
                user=self.name,
                digest=bytes(mac.octets) if mac else b"",
                salt=octets,
                body=scoped,
            )
            frame = self._framed(message, key)
        whole = frame.fill(*wire, octets, scoped)
        if mac is None:
            return whole
        return whole[: frame.digest] + mac(whole) + whole[frame.digest_stop :]

    def _framed(self, message: Message, key: Key) -> Frame:
        """Keep what messages of one size have in common."""
        if len(self._frames) >= FRAMES_MAX:
            self._frames.clear()
        frame = self._frames[key] = Frame(message)
        return frame

    def open(self, message: Message, datagram: bytes) -> bytes:
        """Return the scoped PDU of a message, proven as far as it says. Raises: UsmError.

        Who wants a level asks for it: `message.flags` is part of what is proven. The clock is
        still to be compared.
        """
        if message.flags & LEVEL & ~self.level:
            raise UsmError(Complaint.UNSUPPORTED_LEVEL)
        self.prove(message, datagram)
        return self.decrypted(message)

    def prove(self, message: Message, datagram: bytes) -> None:
        """Compare the digest, in a time that tells nothing of it. Raises: UsmError. Cost: 3 µs."""
        if not message.flags & Flag.AUTH or self._mac is None:
            return
        if len(message.digest) != self._mac.octets:
            raise UsmError(Complaint.WRONG_DIGEST)
        self.compare(datagram, message.places.digest)

    def compare(self, datagram: bytes, at: int) -> None:
        """Compare the digest at a place; without authentication, none. Raises: UsmError."""
        mac = self._mac
        if mac is None:
            return
        stop = at + mac.octets
        signed = mac(datagram[:at] + bytes(mac.octets) + datagram[stop:])
        if not hmac.compare_digest(signed, datagram[at:stop]):
            raise UsmError(Complaint.WRONG_DIGEST)

    def decrypted(self, message: Message) -> bytes:
        """Return the body in the clear. Raises: UsmError."""
        if not message.flags & Flag.PRIV:
            return message.body
        return self.clear(message.body, message.boots, message.seconds, message.salt)

    def clear(self, body: bytes, boots: int, seconds: int, salt: bytes) -> bytes:
        """Return a body in the clear; without privacy, as it is. Raises: UsmError. Cost: 4 µs."""
        if self._cryptor is None:
            return body
        try:
            return self._cryptor.decrypt(body, boots, seconds, salt)
        except KeyProblem:
            raise UsmError(Complaint.DECRYPTION) from None


class Authority:
    """The clock of an engine that others go by (RFC 3414 §2.2): times it was started, and since."""

    def __init__(self, boots: int, started: float) -> None:
        self.boots = boots
        self.started = started

    def seconds(self, now: float) -> int:
        """Return how long this engine has been running."""
        return min(int(now - self.started), NUMBER_MAX)

    def reboot(self, now: float) -> None:
        """Count a start, up to the number from which nobody is believed (RFC 3414 §2.2.2)."""
        self.boots = min(self.boots + 1, BOOTS_MAX)
        self.started = now

    def check(self, message: Message, now: float) -> None:
        """Refuse what was sent too early or too late (RFC 3414 §3.2, 7a). Raises: UsmError."""
        fresh = (
            message.boots == self.boots != BOOTS_MAX
            and abs(message.seconds - self.seconds(now)) <= WINDOW_SECONDS
        )
        if not fresh:
            raise UsmError(Complaint.NOT_IN_TIME_WINDOW)


class Acquaintance:
    """What is known of another engine's clock, from what it has proven alone."""

    def __init__(self) -> None:
        self.boots = 0
        self.latest = -1  # the highest time received since that start; below zero: none yet
        self._seconds = 0
        self._at = 0.0

    def seconds(self, now: float) -> int:
        """Return what the other engine's clock shows now; zero, to be told, as long as unknown."""
        if self.latest < 0:
            return 0
        return min(self._seconds + int(now - self._at), NUMBER_MAX)

    def check(self, boots: int, seconds: int, now: float) -> None:
        """Learn from what a proven message says, or refuse an old one. Raises: UsmError.

        Source: RFC 3414 §3.2, 7b
        """
        if (boots, seconds) > (self.boots, self.latest):
            self.boots, self.latest = boots, seconds
            self._seconds, self._at = seconds, now
        old = boots < self.boots or seconds < self.seconds(now) - WINDOW_SECONDS
        if old or self.boots == BOOTS_MAX:
            raise UsmError(Complaint.NOT_IN_TIME_WINDOW)
