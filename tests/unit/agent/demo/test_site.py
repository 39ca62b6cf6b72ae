"""The files that a demo runs on are the shipped example, with the ports that are free."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from agent.config import load_floor
from agent.demo.site import Ports, Site, shipped
from collectors.twin.families import DEVICES

PORTS = Ports(agent=19108, broker=11883, prometheus=19090)
ADDRESSES = {name: (f"127.0.1.{octet}", 21161) for name, (octet, _) in DEVICES.items()}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Lay out a demo."""
    return Site.lay_out(tmp_path, PORTS, ADDRESSES)


def test_the_example_floor_names_every_device_where_the_twin_serves_it(site: Site) -> None:
    """A device that is simulated and not polled, or the reverse, would be a lie."""
    floor = yaml.safe_load(site.floor.read_text())
    devices = floor["bays"]["bay-01"]["devices"]
    polled = {name: d["address"] for name, d in devices.items() if "address" in d}
    assert polled == {name: f"{host}:{port}" for name, (host, port) in ADDRESSES.items()}
    assert floor["listen"] == "127.0.0.1:19108"
    assert floor["brokers"]["hall"]["url"] == "mqtt://127.0.0.1:11883"


def test_the_example_as_shipped_is_valid() -> None:
    """Somebody copies it and runs `rackproof check`; that its spec is a draft is all there is."""
    floor = load_floor(shipped("example") / "floor.yaml")
    assert [warning.text for warning in floor.warnings] == ["this spec is draft, not released"]


def test_prometheus_is_configured_as_shipped_but_faster(site: Site) -> None:
    """Rules and discovery are those of a real floor; only the waiting is shorter."""
    config = yaml.safe_load(site.prometheus.read_text())
    text = site.prometheus.read_text()
    assert config["global"]["evaluation_interval"] == "2s"
    assert "127.0.0.1:19108" in text
    assert "9108/" not in text.replace("19108/", "")


def test_promtool_accepts_what_prometheus_is_given(site: Site) -> None:
    """With its rules, which lie beside it."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    command = [promtool, "check", "config", str(site.prometheus)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
