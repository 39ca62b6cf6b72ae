"""Why a broker refuses or ends a connection, in words that say what to do.

Source: MQTT 3.1.1 §3.2.2.3, MQTT 5 §2.4 (reason codes), §3.2.2.2, §3.14.2.1.
"""

import re
from collections.abc import Mapping
from typing import Final

from collectors.mqtt.framing import PacketError
from collectors.mqtt.published import REASON, read_properties

REASON_CHARACTERS_MAX: Final = 120  # of a broker's own words: one line of a log
UNSAFE: Final = re.compile(r"[^ -~]+")
OLD: Final[Mapping[int, str]] = {  # of MQTT 3.1.1
    1: "it does not speak MQTT 3.1.1; write `protocol: 5`",
    2: "it refuses our client id; give another `client_id`",
    3: "it is not available",
    4: "it refuses `user` or `password`",
    5: "it refuses us: `user` and `password` are missing, wrong, or not allowed to connect",
}
NEW: Final[Mapping[int, str]] = {  # of MQTT 5
    0x00: "it ended the connection",
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "it does not speak MQTT 5; write `protocol: 3.1.1`",
    0x85: "it refuses our client id; give another `client_id`",
    0x86: "it refuses `user` or `password`",
    0x87: "it refuses us: `user` and `password` are missing, wrong, or not allowed to connect",
    0x88: "it is not available",
    0x89: "it is busy",
    0x8A: "we are banned there",
    0x8B: "it is shutting down",
    0x8C: "it wants another way to show who we are",
    0x8D: "it did not hear of us in time",
    0x8E: "somebody else connected under our `client_id`; each agent needs one of its own",
    0x8F: "a topic filter that it does not take",
    0x93: "more messages than we take at once",
    0x95: "a packet that is too large",
    0x96: "too many messages",
    0x97: "a quota is used up",
    0x98: "somebody ended the connection there",
    0x9C: "another server is to be used",
    0x9D: "it has moved to another server",
    0x9E: "it takes no shared subscriptions; remove `group`",
    0x9F: "connections come too often",
    0xA0: "this connection has lasted too long for it",
    0xA1: "it takes no subscription identifiers",
    0xA2: "it takes no wildcards in topic filters",
}


def refused(body: bytes, *, five: bool) -> str:
    """Return why a CONNACK is a refusal; nothing when it is none."""
    if len(body) < 2 or not body[1]:
        return ""
    table = NEW if five and body[1] in NEW else OLD
    said = table.get(body[1], f"it refuses the connection (code {body[1]})")
    if five and body[1] == 1:
        said = NEW[0x84]  # told in the old way, for the new one is not known there
    return said + _reason(body, 2, five=five)


def ended(body: bytes) -> str:
    """Return why a DISCONNECT came."""
    code = body[0] if body else 0
    said = NEW.get(code, f"it ended the connection (code {code})")
    return said + _reason(body, 1, five=True)


def denied(code: int) -> str:
    """Return why a filter was not granted."""
    return NEW.get(code, "") if code > 0x80 else "not allowed"


def _reason(body: bytes, at: int, *, five: bool) -> str:
    """Return a broker's own words, made harmless, behind ours."""
    if not five or at >= len(body):
        return ""
    try:
        said, _ = read_properties(body, at)
    except PacketError:
        return ""
    text = said.get(REASON, b"")
    assert isinstance(text, bytes)
    shown = UNSAFE.sub("?", text.decode(errors="replace"))[:REASON_CHARACTERS_MAX].strip()
    return f' ("{shown}")' if shown else ""
