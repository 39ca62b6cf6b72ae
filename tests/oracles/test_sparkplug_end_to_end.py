"""A simulated floor that speaks Sparkplug, and the agent as shipped: floor file to metrics."""

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from agent.programs import LOOPBACK, Program, find, free_port, get
from tests.oracles.brokers import Mosquitto

SPEC: Final = Path(__file__).parents[2] / "deploy" / "example" / "specs" / "rack-132kw.yaml"
PATIENCE_S: Final = 45.0  # of a test on a busy machine
FLOOR: Final = """\
floor: rackproof.floor/1
listen: 127.0.0.1:{page}
brokers:
  plant: {{url: "mqtt://127.0.0.1:{broker}", dialects: [sparkplug], rebirth: true}}
bays:
  bay-01:
    spec: {spec}
    devices:
      rack: {{broker: plant, match: {{group: hall}}}}
      cdu: {{broker: plant, match: {{group: hall}}}}
      room: {{broker: plant, match: {{group: hall, node: bay-01, device: room}}}}
      power_shelf1: {{broker: plant, match: {{group: hall}}}}
      compute_tray1: {{broker: plant, match: {{group: hall}}}}
      nvlink_switch1: {{broker: plant, match: {{group: hall}}}}
"""
SHOWN: Final = (
    'rackproof_temperature_celsius{bay="bay-01",device="cdu",channel="supply_temp"}',
    'rackproof_flow_liters_per_second{bay="bay-01",device="rack",channel="flow"}',
    'rackproof_state{bay="bay-01",device="compute_tray1",channel="leak"}',
    'rackproof_state{bay="bay-01",device="power_shelf1",channel="psu_ok[psu2]"}',
)


@pytest.mark.skipif(not find("mosquitto"), reason="mosquitto is not installed")
async def test_from_a_floor_file_to_metrics_until_a_death(tmp_path: Path) -> None:
    """Births are asked for and shown; a node that is killed is gone from the page at once."""
    broker, page = Mosquitto(tmp_path), free_port(0)
    broker.start()
    floor = tmp_path / "floor.yaml"
    floor.write_text(FLOOR.format(page=page, broker=broker.port, spec=SPEC))
    us = sys.executable, "-m", "agent"
    url = f"mqtt://{LOOPBACK}:{broker.port}"
    speak = *us, "twin", str(SPEC), "--floor", "twin", "--broker", url, "--sparkplug", "hall"

    async def until(holds: Callable[[str], bool]) -> str:
        """Wait until the page is as it should be."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(text := (await get(page, "/metrics") or b"").decode()):  # noqa: ASYNC110 -- a page
                await asyncio.sleep(0.1)
        return text

    twin = await Program.start("twin", speak, tmp_path)
    agent = await Program.start("agent", (*us, "run", str(floor)), tmp_path)
    try:
        text = await until(lambda text: all(each in text for each in SHOWN))
        found = re.search(re.escape(SHOWN[0]) + r" (\S+)", text)
        assert found
        assert 10.0 < float(found[1]) < 60.0
        assert "rebirth_asked" in agent.log.read_text()  # the node was born before we came

        twin.process.kill()
        await until(lambda text: text != "" and not any(each in text for each in SHOWN))
    finally:
        await twin.stop()
        await agent.stop()
        broker.kill()
