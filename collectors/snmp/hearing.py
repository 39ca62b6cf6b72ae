"""What reaches the socket for traps, sifted: who may speak, what he said, and whether it is new.

Datagrams go in; what is worth telling comes out, everything else is counted by the reason why not.
An inform is acknowledged when `acknowledge` is called, which is once it is on the disk.
"""

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from collectors.snmp.allowance import Allowance
from collectors.snmp.ber import BerError
from collectors.snmp.message import VERSIONS, Community, MismatchError, unwrap
from collectors.snmp.notification import (
    INFORM,
    Notification,
    Spoken,
    acknowledgement,
    decode,
)
from collectors.snmp.proof import ComplaintError, Proof, Proven
from collectors.snmp.repeats import Repeats
from collectors.snmp.secured import is_v3
from collectors.snmp.speaker import Speaker, Speakers, host_of

Address = tuple[str, int]

BURST: Final = 12_000  # of one address at once: a storm of a whole floor fits
RATE_A_SECOND: Final = 4_000.0  # of one address: more is an attack, or nothing anybody reads
STRANGERS_BURST: Final = 50  # engines of one address that try to prove themselves: costs keys
STRANGERS_A_SECOND: Final = 5.0
REPEAT_TRAP_S: Final = 5.0  # in which a trap that says the same is one that the network repeated
REPEAT_INFORM_S: Final = 600.0  # senders repeat an inform for a minute or so
SEEN_MAX: Final = 40_000  # told within that time, of which repeats are known
OCTETS_MAX: Final = 8_192  # of one datagram: five times what any network carries whole
REASONS: Final = (
    *(
        "unknown_source",
        "rate",
        "too_long",
        "malformed",
        "version",
        "community",
        "type",
        "duplicate",
    ),
    *("unsupported_level", "not_in_time_window", "unknown_user", "unknown_engine"),
    *("wrong_digest", "decryption"),
)
_VERSIONS: Final[dict[int, Spoken]] = {number: name for name, number in VERSIONS.items()}


@dataclass(frozen=True, slots=True)
class Heard:
    """A notification that is new, from somebody who may say it."""

    devices: tuple[str, ...]  # who may have said it: those behind that address
    version: Spoken
    told: Notification
    key: bytes  # by which its repeats are known
    address: Address
    reply: bytes = field(default=b"", repr=False)  # what an inform's sender waits for


class Hearing:
    """Sifts datagrams. What is to be sent lies in `outbox`."""

    def __init__(self, proof: Proof, speakers: Speakers | None = None) -> None:
        self.speakers = speakers or Speakers()
        self.drops = dict.fromkeys(REASONS, 0)
        self.outbox: deque[tuple[bytes, Address]] = deque()
        self.proof = proof
        self._traps = Repeats(window_s=REPEAT_TRAP_S, size_max=SEEN_MAX)
        self._informs = Repeats(window_s=REPEAT_INFORM_S, size_max=SEEN_MAX)
        self._rates: dict[str, Allowance] = {}
        self._strangers: dict[str, Allowance] = {}

    def allow(self, speakers: Speakers) -> None:
        """Listen to these from now on, and believe an engine only when it proves itself anew."""
        self.speakers = speakers
        self._rates.clear()
        self._strangers.clear()
        self.proof.forget()

    def hear(self, datagram: bytes, address: Address, now: float) -> Heard | None:
        """Take one datagram; return what it tells, if that is new. Cost: 30 µs, 60 µs in v3."""
        speakers = self.speakers.at(address[0])
        if not speakers:
            self.drops["unknown_source"] += 1
            return None
        if not self._rate(host_of(address[0])).take(now):
            self.drops["rate"] += 1
            return None
        if len(datagram) > OCTETS_MAX:
            self.drops["too_long"] += 1
            return None
        try:
            return self._told(datagram, address, speakers, now)
        except ComplaintError as error:
            self.outbox.append((error.report, address))
            self.drops[str(error)] += 1
        except MismatchError as error:
            self.drops[str(error)] += 1
        except BerError:
            self.drops["malformed"] += 1
        return None

    def acknowledge(self, heard: Heard) -> bool:
        """Say to the sender of an inform that we have it; False for a trap, which nobody awaits."""
        if not heard.told.inform:
            return False
        self._informs.kept(heard.key)
        self.outbox.append((heard.reply, heard.address))
        return True

    def refused(self, heard: Heard) -> None:
        """Forget what could not be kept: its sender will say it again."""
        (self._informs if heard.told.inform else self._traps).forget(heard.key)

    def _told(
        self, datagram: bytes, address: Address, speakers: Sequence[Speaker], now: float
    ) -> Heard | None:
        """Decode a datagram from somebody we know. Raises: BerError, MismatchError."""
        if is_v3(datagram):
            proven = self._proven(datagram, address, speakers, now)
            return self._new("3", (proven.speaker,), proven, address, now)
        number, word, pdu = unwrap(datagram)
        version = _VERSIONS.get(number)
        if version is None:
            raise MismatchError("version")
        believed = tuple(each for each in speakers if word in each.communities)
        if not believed:
            raise MismatchError("community")
        reply = b""
        if pdu[:1] == bytes((INFORM,)):
            reply = Community("2c", word).seal(acknowledgement(pdu))
        return self._new(version, believed, Proven(believed[0], b"", pdu, reply), address, now)

    def _proven(
        self, datagram: bytes, address: Address, speakers: Sequence[Speaker], now: float
    ) -> Proven:
        """Return what v3 proves. Raises: BerError, MismatchError."""
        host = host_of(address[0])
        few = self._strangers.get(host)
        if few is None:
            few = Allowance(burst=STRANGERS_BURST, a_second=STRANGERS_A_SECOND)
            self._strangers[host] = few
        return self.proof.open(datagram, speakers, now, may_try=partial(few.take, now))

    def _new(
        self,
        version: Spoken,
        speakers: Sequence[Speaker],
        proven: Proven,
        address: Address,
        now: float,
    ) -> Heard | None:
        """Return what is told, unless it was told before. Raises: BerError, MismatchError."""
        told = decode(version, proven.pdu)
        devices = tuple(each.device for each in speakers)
        said = "\0".join(devices).encode() + b"\0" + proven.engine + b"\0" + proven.pdu
        key = hashlib.blake2b(said, digest_size=16).digest()
        repeats = self._informs if told.inform else self._traps
        before = repeats.find(key, now)
        if before is None:
            repeats.add(key, now)
            return Heard(devices, version, told, key, address, proven.reply)
        self.drops["duplicate"] += 1
        if before.durable and proven.reply:  # whatever we said was lost
            self.outbox.append((proven.reply, address))
        return None

    def _rate(self, host: str) -> Allowance:
        """Return how much one address may still say."""
        found = self._rates.get(host)
        if found is None:
            found = self._rates[host] = Allowance(burst=BURST, a_second=RATE_A_SECOND)
        return found
