"""The messages that docs/mqtt.md gives for each shipped profile are read, to the last field."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from collectors.mqtt.device import Heard
from collectors.mqtt.gateway import Gateway
from collectors.mqtt.source import Source
from collectors.profile import load_profiles
from collectors.readings import Quality

ROW: Final = re.compile(r"\| `(\w+)` \| `([^`]+)` \| `(\{.*\})` \|")
DOCUMENT: Final = Path(__file__).parents[4] / "docs" / "mqtt.md"
ROWS: Final = ROW.findall(DOCUMENT.read_text())
PROFILES: Final = {profile.name: profile for profile in load_profiles()}
NOW: Final = 1_743_620_423.0


def values(tree: object) -> int:
    """Count the values in a message; what a unit says is none."""
    if isinstance(tree, dict | list):
        return sum(map(values, tree.values() if isinstance(tree, dict) else tree))
    return not isinstance(tree, str)


@pytest.mark.parametrize(("name", "topic", "text"), ROWS, ids=[row[0] for row in ROWS])
def test_the_message_of_the_document_is_read(name: str, topic: str, text: str) -> None:
    """Each of its values is that of a channel; dots stand for more of the same."""
    profile = PROFILES[name]
    assert profile.mqtt is not None
    source = Source(
        profile=name, kind=profile.kind, vendor=profile.vendor, mqtt=profile.mqtt, match={}
    )
    gateway = Gateway("bay-01/unit", source)
    gateway.connected()
    filled = topic.replace("{bay}", "bay-01").replace("{device}", "unit")
    payload = text.replace(", ...", "").encode()
    assert not gateway.take(Heard(filled, payload, retained=False, now=1.0, wall=NOW))
    (read,) = gateway.readings(1.0)
    assert (read.quality == Quality.GOOD).sum() == values(json.loads(payload)) - 1  # and its time


def test_every_shipped_gateway_is_in_the_document() -> None:
    """Nobody finds what is not written down. Devices as people buy them stand elsewhere there."""
    shipped = {
        p.name
        for p in PROFILES.values()
        if p.mqtt and p.mqtt.dialect == "json" and not p.mqtt.availability
    }
    assert {name for name, _, _ in ROWS} == shipped
