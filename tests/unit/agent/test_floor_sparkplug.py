"""Floor files with edge nodes of Sparkplug: what is refused, at its line, and what is allowed."""

from pathlib import Path
from typing import Final

import pytest

from agent.config import Mqtt, load_floor
from collectors.document import DocumentError

FLOOR: Final = """\
floor: rackproof.floor/1
brokers:
  plant: {url: "mqtt://127.0.0.1:1883", dialects: [sparkplug]}
bays:
  bay-01:
    devices:
      cdu: {broker: plant, match: {group: hall}}
      shelf: {broker: plant, match: {group: hall, node: gw, device: PS3}}
"""


def load(folder: Path, text: str) -> dict[str, dict[str, str]]:
    """Return what tells each device's messages from others. Raises: DocumentError."""
    file = folder / "floor.yaml"
    file.write_text(text)
    devices = load_floor(file).bays["bay-01"].devices
    found = {}
    for name, device in devices.items():
        assert isinstance(device.source, Mqtt)
        found[name] = device.source.source.names(f"bay-01/{name}")
    return found


def test_a_node_is_the_bay_and_a_device_its_name_unless_told(tmp_path: Path) -> None:
    """The group has to be told."""
    found = load(tmp_path, FLOOR)
    wanted = {"group": "hall", "bay": "bay-01"}
    assert found["cdu"] == wanted | {"node": "bay-01", "device": "cdu"}
    assert found["shelf"] == wanted | {"node": "gw", "device": "PS3"}


@pytest.mark.parametrize("given", ["{}", "{rebirth: false}", "{rebirth: true, reorder: 5 s}"])
def test_nothing_is_published_unless_the_entry_of_a_broker_says_so(
    tmp_path: Path, given: str
) -> None:
    """And for how long a missing message is waited for can be set there."""
    more = given.strip("{}")
    file = tmp_path / "floor.yaml"
    file.write_text(FLOOR.replace("[sparkplug]", f"[sparkplug]{', ' if more else ''}{more}"))
    access = load_floor(file).brokers["plant"].access
    assert access.rebirth == ("true" in given)
    assert access.reorder_s == (5.0 if "reorder" in given else 2.0)


@pytest.mark.parametrize(
    ("old", "new", "key", "complaint"),
    [
        ("{group: hall}", "{}", "match", "{group} is not known"),
        ("{group: hall}", "{group: +}", "match.group", "is not one name"),
        ("{group: hall}", "{group: hall, rack: a}", "match.rack", "not a name in this profile"),
        ("node: gw, device: PS3", "device: cdu", "", "the source of these messages"),
        ("[sparkplug]", "[json], rebirth: true", "brokers.plant", "belongs to dialect sparkplug"),
        ("[sparkplug]", "[sparkplug], rebirth: 1", "brokers.plant.rebirth", "want true or false"),
        ("[sparkplug]", "[sparkplug], reorder: 2", "brokers.plant.reorder", "no unit"),
        ("[sparkplug]", "[sparkplug], group: a", "broker", "works only with all messages"),
        ("[sparkplug]", "[sparkplug], session: 1 h, client_id: a", "broker", "how old they are"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_stands(
    tmp_path: Path, old: str, new: str, key: str, complaint: str
) -> None:
    """With what is wrong, and what to do."""
    assert old in FLOOR
    with pytest.raises(DocumentError) as refused:
        load(tmp_path, FLOOR.replace(old, new, 1))
    found = [line for line in str(refused.value).split("\n") if complaint in line]
    assert found, refused.value
    assert key in found[0]
