"""The floor file of a twin: one that `rackproof run` takes as it stands."""

from pathlib import Path

import pytest

from agent.config import Mqtt, Snmp, load_floor
from agent.twin.site import Reach, Site, SiteError

EXAMPLE = Path(__file__).parents[3] / "specs" / "small-66kw.yaml"
REACHES = {
    "feedA": Reach(address=("127.0.1.10", 1161)),
    "mgmt_switch": Reach(
        address=("127.0.1.50", 1161),
        channels={"psu_power[psu1]": "power/psu1", "inlet_temp": "temperature/inlet"},
    ),
    "cdu": Reach(dialect="dsx", match={"objectType": "CDU", "objectId": "bay-01-cdu"}),
    "room": Reach(dialect="json", profile="json_room"),
}


def site(folder: Path, **more: object) -> Site:
    """Return a site of one bay."""
    given = {
        "folder": folder,
        "spec": "a spec.yaml",
        "content": EXAMPLE.read_bytes(),
        "port": 9108,
        "broker": ("127.0.0.1", 1883),
        "bays": {"bay-01": REACHES},
    }
    return Site(**{**given, **more})  # type: ignore[arg-type]


def test_the_agent_takes_the_floor_file_and_finds_every_device_in_it(tmp_path: Path) -> None:
    """Write one, and load it as the daemon does."""
    there = site(tmp_path)
    there.write()
    floor = load_floor(there.floor)
    devices = floor.bays["bay-01"].devices
    feed, switch, cdu = devices["feedA"], devices["mgmt_switch"], devices["cdu"]
    assert isinstance(feed.source, Snmp)
    assert isinstance(cdu.source, Mqtt)
    assert str(feed.source.address) == "127.0.1.10:1161"
    assert switch.map == REACHES["mgmt_switch"].channels
    assert cdu.source.source.match == REACHES["cdu"].match


def test_a_twin_without_a_broker_names_none(tmp_path: Path) -> None:
    """Leave out what nobody answers for."""
    there = site(tmp_path, broker=None, bays={"bay-01": {"feedA": REACHES["feedA"]}})
    there.write()
    assert "mqtt" not in there.floor.read_text()
    assert list(load_floor(there.floor).bays["bay-01"].devices) == ["feedA"]


def test_a_twin_writes_over_its_own_files_and_over_nobody_elses(tmp_path: Path) -> None:
    """Start twice in one folder, then in one where a real floor is described."""
    site(tmp_path).write()
    site(tmp_path).write()
    (tmp_path / "floor.yaml").write_text("floor: rackproof.floor/1\n")
    with pytest.raises(SiteError, match="--floor"):
        site(tmp_path).write()
    assert (tmp_path / "floor.yaml").read_text() == "floor: rackproof.floor/1\n"
