"""A floor behind a guarded broker, as a person runs it: `rackproof run`, mqtts in, metrics out."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest

from agent.programs import Program, free_port, get
from tests.oracles.brokers import MOSQUITTO, PATIENCE_S, Authority, Mosquitto

WORD: Final = "correct-horse-battery-staple"
FLOOR: Final = """\
floor: rackproof.floor/1
listen: 127.0.0.1:{agent}
brokers:
  hall:
    url: mqtts://127.0.0.1:{broker}
    dialects: [json]
    protocol: {protocol}
    ca: authority.pem
    certificate: agent.pem
    key: {{file: agent.key}}
    user: burnin
    password: {{file: password}}
bays:
  bay-01:
    devices:
      feedA: {{broker: hall, profile: tasmota_plug, match: {{unit: rack12-a}}}}
      feedB: {{broker: hall, profile: zigbee_plug, match: {{unit: rack12-b}}}}
"""
TASMOTA: Final = {"ENERGY": {"Total": 41.5, "Power": 1522, "Voltage": 231, "Current": 6.75}}
WATTS: Final = "rackproof_power_watts"
UP: Final = "rackproof_device_up"
BROKER: Final = "rackproof_agent_broker_up"


class Site:
    """A folder with all that a floor needs, and what runs there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port(0)
        authority = Authority(folder)
        authority.sign("agent")
        certificate, key = authority.sign("broker")
        command = ["mosquitto_passwd", "-b", "-c", str(folder / "passwords"), "burnin", WORD]
        subprocess.run(command, check=True)
        self.broker = Mosquitto(
            folder,
            f"certfile {certificate}",
            f"keyfile {key}",
            f"cafile {authority.file}",
            "require_certificate true",
            f"password_file {folder / 'passwords'}",
            anonymous=False,
        )
        (folder / "password").write_text(f"{WORD}\n")
        (folder / "password").chmod(0o600)
        self.write("5")

    def write(self, protocol: str) -> None:
        """Write the floor file."""
        text = FLOOR.format(agent=self.port, broker=self.broker.port, protocol=protocol)
        (self.folder / "floor.yaml").write_text(text)

    def tell(self) -> None:
        """Publish what the two plugs say now."""
        self.broker.publish("tele/rack12-a/SENSOR", TASMOTA)
        seen = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.broker.publish("zigbee2mqtt/rack12-b", {"power": 980.5, "last_seen": seen})

    async def series(self, name: str) -> dict[str, float]:
        """Return the values of a metric by device."""
        page = await get(self.port, "/metrics")
        assert page is not None
        lines = [line for line in page.decode().splitlines() if line.startswith(f"{name}{{")]
        label = "broker" if name == BROKER else "device"
        return {
            line.split(f'{label}="')[1].split('"')[0]: float(line.split()[-1]) for line in lines
        }

    async def until(self, name: str, wanted: dict[str, float], *, telling: bool = False) -> None:
        """Wait until a metric is exactly this; devices speak meanwhile, if they are `telling`."""
        found: dict[str, float] = {}
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (found := await self.series(name)) != wanted:
                    if telling:
                        self.tell()
                    await asyncio.sleep(0.2)
        except TimeoutError:
            log = (self.folder / "agent.log").read_text()
            pytest.fail(f"{name} was to become {wanted} and is {found}; {log}")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Return a floor; its broker is up, and its agent runs."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    made = Site(tmp_path)
    made.broker.start()
    async with AsyncExitStack() as stack:
        stack.callback(made.broker.kill)
        command = [sys.executable, "-m", "agent", "run", "floor.yaml"]
        agent = await Program.start("agent", command, tmp_path)
        stack.push_async_callback(agent.stop)
        await agent.ready(made.port, "/-/healthy")
        yield made


async def test_a_guarded_floor_from_messages_to_metrics(site: Site) -> None:
    """Values come, a last will ends some, the broker dies and comes back; no secret shows."""
    both = {"feedA": 1522.0, "feedB": 980.5}
    await site.until(WATTS, both, telling=True)
    assert await site.series("rackproof_voltage_volts") == {"feedA": 231.0}
    assert await site.series(UP) == {"feedA": 1.0, "feedB": 1.0}

    site.broker.publish("tele/rack12-a/LWT", b"Offline")
    await site.until(WATTS, {"feedB": 980.5})
    await site.until(UP, {"feedA": 0.0, "feedB": 1.0})

    assert await site.series(BROKER) == {"hall": 1.0}
    site.broker.kill()
    await site.until(BROKER, {"hall": 0.0})
    site.broker.start()
    await site.until(WATTS, both, telling=True)

    said = (site.folder / "agent.log").read_text()
    events = [json.loads(line) for line in said.splitlines()]
    assert {each["event"] for each in events} >= {"broker_up", "broker_down", "device_silent"}
    assert any(each.get("tls") == "TLSv1.3" for each in events)
    for path in ("/metrics", "/api/v1/bays", "/"):
        said += (await get(site.port, path) or b"").decode()
    assert WORD not in said
    assert WORD[:8] not in said
    assert "PRIVATE KEY" not in said
