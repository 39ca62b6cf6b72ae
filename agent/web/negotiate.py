"""Which form of a page a client asked for, by the q-values of its headers.

>>> wants_openmetrics("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
True
>>> wants_openmetrics("*/*"), wants_gzip("gzip;q=0, *;q=1"), wants_gzip("deflate, gzip")
(False, False, True)
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_Q: Final = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")  # RFC 9110 §12.4.2


class _Choice(NamedTuple):
    """One entry of an Accept header."""

    name: str
    version: str
    q: float


def _choices(header: str) -> Iterator[_Choice]:
    """Read an Accept or Accept-Encoding header; an entry with a malformed q counts as refused."""
    for entry in header.split(","):
        name, *pairs = (part.strip().lower() for part in entry.split(";"))
        given = {key.strip(): value.strip() for key, _, value in (p.partition("=") for p in pairs)}
        q = given.get("q", "1")
        version = given.get("version", "").strip('"')
        yield _Choice(name, version, float(q) if _Q.fullmatch(q) else 0.0)


def wants_openmetrics(accept: str) -> bool:
    """Say whether OpenMetrics 1.0 was asked for by name, and not less than the plain text.

    Later versions are drafts: they are never answered, whatever the client accepts.
    """
    choices = list(_choices(accept))
    openmetrics = max(
        (c.q for c in choices if c.name == "application/openmetrics-text" and c.version in _V1),
        default=0.0,
    )
    return openmetrics > 0 and openmetrics >= _text(choices)


_V1: Final = ("", "1.0.0")


def _text(choices: list[_Choice]) -> float:
    """Return the q of the plain text: the most specific entry that speaks of it decides."""
    for name in ("text/plain", "text/*", "*/*"):
        if found := [c.q for c in choices if c.name == name and c.version in ("", "0.0.4")]:
            return max(found)
    return 0.0


def wants_gzip(accept_encoding: str) -> bool:
    """Say whether the client takes gzip."""
    q = {choice.name: choice.q for choice in _choices(accept_encoding)}
    return q.get("gzip", q.get("*", 0.0)) > 0
