"""Which of a device's channels serves a spec's channel: the patterns of a profile's `provides`.

>>> list(serving("link[Eth1/1]", {"link[{port}]": "port/{port}/link"}))
['port/Eth1/1/link', 'port/eth1-1/link', 'link[Eth1/1]']
"""

import re
from collections.abc import Iterator, Mapping

from collectors.rule import slug


def serving(name: str, patterns: Mapping[str, str]) -> Iterator[str]:
    """Yield the device channels that may serve a spec's channel, likeliest first; last, its own.

    What stands in braces is tried as the spec writes it, then as channel names are written.
    """
    for pattern, there in patterns.items():
        values = _match(pattern, name)
        if values is not None:
            yield _fill(there, values)
            yield _fill(there, {key: slug(text) for key, text in values.items()})
    yield name


def _match(pattern: str, name: str) -> dict[str, str] | None:
    """Return what the braces of a pattern stand for in a name.

    >>> _match("rx_power[{port},lane{n}]", "rx_power[swp49,lane1]")
    {'port': 'swp49', 'n': '1'}
    """
    parts = re.split(r"\{(\w+)\}", pattern)
    wanted = "".join(
        f"(?P<{part}>[^,\\[\\]]+)" if odd else re.escape(part)
        for odd, part in ((n % 2, part) for n, part in enumerate(parts))
    )
    found = re.fullmatch(wanted, name)
    return found.groupdict() if found else None


def _fill(pattern: str, values: Mapping[str, str]) -> str:
    """Put values where the braces of a pattern are."""
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], ""), pattern)
