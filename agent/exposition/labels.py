r"""Text from devices, made fit for a label: bounded, printable, and never the same twice.

>>> clean("Rack PDU\x00\r\n"), clean(b"caf\xe9"), clean("tray\t7")
('Rack PDU', 'caf\ufffd', 'tray\ufffd7')
>>> escape('say "hi"')
b'say \\"hi\\"'
"""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

CHARS_MAX: Final = 120  # the longest label of the recordings has 60; a line stays readable
UNREADABLE: Final = "\ufffd"  # what stands for a byte or character that cannot be shown
_SUFFIX_CHARS: Final = 12  # room for "~" and what tells two equal texts apart


def clean(text: str | bytes, chars_max: int = CHARS_MAX) -> str:
    """Return `text` on one line, printable, at most `chars_max` long, trimmed at both ends.

    What is not UTF-8, controls, lone surrogates and direction marks become U+FFFD: none of them
    can end a line, hide text, or break a reader that insists on UTF-8.
    """
    if isinstance(text, bytes):
        text = text[: 4 * chars_max].decode(errors="replace")
    text = text[: 4 * chars_max].strip("\0 \t\r\n")
    shown = "".join(map(_shown, text)).strip()
    return shown if len(shown) <= chars_max else shown[: chars_max - 1] + "…"


def _shown(char: str) -> str:
    """Return one character as it may stand in a label."""
    if char.isprintable():
        return char
    return " " if unicodedata.category(char) == "Zs" else UNREADABLE


def escape(text: str) -> bytes:
    """Escape a label value as both text formats ask: backslash, double quote, line feed."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n").encode()


def distinct(texts: Sequence[str]) -> list[str]:
    """Clean every text of one device; where two would become one, mark them apart.

    The mark is a digest of the text before cleaning, so it does not depend on the order of the
    others; a text that needed no cleaning keeps its plain form.
    """
    cleaned = [clean(text) for text in texts]
    often = Counter(cleaned)
    plain = {text for text, shown in zip(texts, cleaned, strict=True) if text == shown}
    taken = set(plain)
    names: list[str] = []
    kept: set[str] = set()
    for text, shown in zip(texts, cleaned, strict=True):
        name = shown
        if text == shown and shown not in kept:
            kept.add(shown)
        elif often[shown] > 1 or shown in taken:
            name = _marked(text, shown, taken)
        taken.add(name)
        names.append(name)
    return names


def _marked(text: str, shown: str, taken: set[str]) -> str:
    """Return `shown` with a mark that no name in `taken` has."""
    digest = hashlib.blake2s(text.encode(errors="surrogatepass"), digest_size=3).hexdigest()
    name = f"{shown[: CHARS_MAX - _SUFFIX_CHARS]}~{digest}"
    again = 2
    while name in taken:
        name = f"{shown[: CHARS_MAX - _SUFFIX_CHARS]}~{digest}{again}"
        again += 1
    return name
