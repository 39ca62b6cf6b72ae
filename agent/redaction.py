"""A recording made fit to give away: no serial, no MAC, nobody's name, no secret.

What could tell on its owner is replaced by something of the same form, and the same thing by the
same, so that a profile still works on it; what no profile needs is left out.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from collectors.rows import Value
from collectors.rule import below

LEFT_OUT: Final = {
    "1.0.8802.1.1.2.1.3.8": "own management addresses",
    "1.0.8802.1.1.2.1.4.2": "management addresses of neighbours",
    "1.3.6.1.2.1.3": "addresses of neighbours",
    "1.3.6.1.2.1.4": "IP addresses and routes",
    "1.3.6.1.2.1.6": "TCP connections",
    "1.3.6.1.2.1.7": "UDP listeners",
    "1.3.6.1.2.1.14": "OSPF neighbours",
    "1.3.6.1.2.1.15": "BGP peers",
    "1.3.6.1.2.1.17.4": "stations seen by a bridge",
    "1.3.6.1.2.1.17.7": "stations seen by a bridge, by VLAN",
    "1.3.6.1.2.1.25.4": "programs that run, with their arguments",
    "1.3.6.1.2.1.25.6": "programs that are installed",
    "1.3.6.1.4.1.2021.8": "commands of the agent",
    "1.3.6.1.4.1.8072.1": "configuration of the agent",
    "1.3.6.1.6.3": "SNMP users, communities and receivers",
}
PERSONAL: Final = (  # texts that are replaced whole, and wherever else they occur
    "1.0.8802.1.1.2.1.3.3",  # lldpLocSysName
    "1.0.8802.1.1.2.1.4.1.1.9",  # lldpRemSysName
    "1.3.6.1.2.1.1.4",  # sysContact
    "1.3.6.1.2.1.1.5",  # sysName
    "1.3.6.1.2.1.1.6",  # sysLocation
    "1.3.6.1.2.1.47.1.1.1.1.11",  # entPhysicalSerialNum
    "1.3.6.1.2.1.47.1.1.1.1.15",  # entPhysicalAssetID
)
MAC_COLUMNS: Final = ("1.3.6.1.2.1.2.2.1.6",)  # ifPhysAddress: a MAC even where it looks like text
NUMBERED_MIN: Final = 6  # a text with a digit that is this long is nobody else's
WORDY_MIN: Final = 12  # likewise without a digit; a shorter one may be a word of any text
LABELLED: Final = re.compile(  # a serial or MAC that a text announces: SN: ZA1234567890
    rb"(?i)\b(?:s/?n|serial(?: ?(?:no\.?|number))?|mac)\b[ \t]*[:=#]?[ \t]*([0-9a-z-]{6,})"
)
MAC_TEXT: Final = re.compile(
    rb"(?i)\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b|\b[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}\b"
)
OCTET_STRING: Final = 4
IP_ADDRESS: Final = 64
DOCUMENTATION: Final = bytes((192, 0, 2))  # addresses that nobody has (RFC 5737)


@dataclass(frozen=True, slots=True)
class Redacted:
    """What is left, and how much was touched."""

    rows: Mapping[str, Value]
    replaced: int
    left_out: int


def redact(
    rows: Mapping[str, Value],
    tags: Mapping[str, int],
    serials: Iterable[str],
    secrets: Iterable[bytes] = (),
) -> Redacted:
    """Return `rows` without what identifies; `serials` are more objects or columns of serials."""
    personal = (*PERSONAL, *serials)
    kept = {oid: value for oid, value in rows.items() if not _under(oid, LEFT_OUT)}
    words = {
        value
        for oid, value in kept.items()
        if isinstance(value, bytes) and value.strip(b"\0 ") and _under(oid, personal)
    }
    mask = _Mask(words, set(filter(None, secrets)))
    for oid, value in kept.items():
        if isinstance(value, bytes) and tags[oid] in (OCTET_STRING, IP_ADDRESS):
            kept[oid] = mask.cover(oid, tags[oid], value)
    replaced = sum(kept[oid] != rows[oid] for oid in kept)
    return Redacted(kept, replaced, len(rows) - len(kept))


def _under(oid: str, roots: Iterable[str]) -> bool:
    """Say whether an object lies under one of `roots`."""
    return any(below(oid, root) for root in roots)


def _tells(word: bytes) -> bool:
    """Say whether a text is told from others by itself, so that it can be found inside them."""
    numbered = any(48 <= octet <= 57 for octet in word)
    return len(word) >= (NUMBERED_MIN if numbered else WORDY_MIN)


class _Mask:
    """Remembers what it put in place of what."""

    def __init__(self, words: set[bytes], secrets: set[bytes]) -> None:
        every = sorted(words | secrets)
        self._words = {word: self._stand_in(word, n) for n, word in enumerate(every, 1)}
        telling = [word for word in every if word in secrets or _tells(word)]
        telling.sort(key=len, reverse=True)  # the longer of two that begin alike comes first
        self._anywhere = re.compile(b"|".join(map(re.escape, telling))) if telling else None
        self._macs: dict[bytes, bytes] = {}
        self._addresses: dict[bytes, bytes] = {}

    def cover(self, oid: str, tag: int, value: bytes) -> bytes:
        """Return what may stand in place of a value."""
        if tag == IP_ADDRESS:
            n = len(self._addresses) % 254 + 1
            return self._addresses.setdefault(value, DOCUMENTATION + bytes((n,)))
        if value in self._words:
            return self._words[value]
        printable = all(32 <= octet < 127 for octet in value)
        if len(value) == 6 and (not printable or _under(oid, MAC_COLUMNS)):
            return self._mac(value)
        if self._anywhere:
            value = self._anywhere.sub(lambda found: self._words[found[0]], value)
        value = MAC_TEXT.sub(self._mac_text, value)
        return LABELLED.sub(self._labelled, value)

    def _stand_in(self, word: bytes, n: int) -> bytes:
        """Return a text of the same length, another for each: X0000007."""
        return (b"X" + b"%0*d" % (max(len(word) - 1, 0), n))[: len(word)]

    def _mac(self, mac: bytes) -> bytes:
        """Keep the maker's half of a MAC and number the other; all zeros mean none."""
        if not any(mac):
            return mac
        return self._macs.setdefault(mac, mac[:3] + (len(self._macs) + 1).to_bytes(3))

    def _mac_text(self, found: re.Match[bytes]) -> bytes:
        """Return a MAC in the spelling in which it was found."""
        digits = re.sub(rb"[:.-]", b"", found[0])
        covered = iter(self._mac(bytes.fromhex(digits.decode())).hex())
        return bytes(c if c in b":.-" else ord(next(covered)) for c in found[0])

    def _labelled(self, found: re.Match[bytes]) -> bytes:
        """Replace what stands behind a label that announces a serial."""
        whole, word = found[0], found[1]
        if not any(48 <= octet <= 57 for octet in word):  # no digit: a word of a sentence
            return whole
        stand_in = self._words.setdefault(word, self._stand_in(word, len(self._words) + 1))
        return whole[: len(whole) - len(word)] + stand_in
