"""The files that a demo runs on are the shipped ones, with ports that are free and time scaled."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from agent.config import load_floor
from agent.demo.site import prometheus, shipped

RATE = 24.0


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Lay out what a demo gives to Prometheus."""
    return prometheus(tmp_path, 19108, RATE)


def waits(folder: Path) -> list[float]:
    """Return how long each alert waits, in seconds."""
    text = "".join(file.read_text() for file in sorted(folder.glob("rules/*.yml")))
    units = {"ms": 1e-3, "s": 1.0, "m": 60.0}
    found = re.findall(r"\bfor: (\d+)(ms|s|m)\b", text)
    return [int(number) * units[unit] for number, unit in found]


def test_prometheus_asks_the_demo_s_agent_once_a_second(config: Path) -> None:
    """Discovery and rules are those of a real floor."""
    text = config.read_text()
    assert yaml.safe_load(text)["global"]["evaluation_interval"] == "1s"
    assert "127.0.0.1:19108" in text
    assert "9108/" not in text.replace("19108/", "")


def test_alerts_wait_as_much_shorter_as_time_goes_faster(config: Path) -> None:
    """What waits for half a minute of the rack's must not wait for half a minute of ours."""
    slow, fast = waits(shipped("prometheus")), waits(config.parent)
    assert len(slow) > 5
    assert fast == pytest.approx([max(3.0, each / RATE) for each in slow], abs=1e-3)


def test_promtool_accepts_what_prometheus_is_given(config: Path) -> None:
    """With its rules, which lie beside it."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    command = [promtool, "check", "config", str(config)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_example_as_shipped_is_valid() -> None:
    """Somebody copies it and runs `rackproof check`; that its spec is a draft is all there is."""
    floor = load_floor(shipped("example") / "floor.yaml")
    assert [warning.text for warning in floor.warnings] == ["this spec is draft, not released"]
