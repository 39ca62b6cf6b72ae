"""The main job with other people's programs: snmpd and Mosquitto in, Prometheus and its alerts out.

A real agent, started as a person starts it, reads a Debian snmpd and a JSON publisher behind a
Mosquitto. A Prometheus with the configuration we ship, only faster, finds the bay and alerts.
"""

import asyncio
import json
import os
import re
import signal
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiomqtt
import pytest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from agent.programs import Program, find, free_port, get

ROOT: Final = Path(__file__).parents[2]
DEPLOYED: Final = ROOT / "deploy" / "prometheus"
PATIENCE_S: Final = 30.0  # of a test on a busy machine
LOOK_S: Final = 0.1  # between two looks at a program that has no event to wait for
NEEDED: Final = ("snmpd", "snmpset", "mosquitto", "prometheus", "promtool")
BATTERY_TEMPERATURE: Final = "1.3.6.1.2.1.33.1.2.7.0"  # upsBatteryTemperature of UPS-MIB
FASTER: Final = {
    "interval: 10s": "interval: 1s",
    "interval: 15s": "interval: 1s",
    "interval: 5s": "interval: 1s",
    "timeout: 5s": "timeout: 1s",
}
SNMPD: Final = f"""
rocommunity public 127.0.0.1
rwcommunity s3same 127.0.0.1
sysDescr A battery that a test can heat
override -rw {BATTERY_TEMPERATURE} integer 25
"""
SPEC: Final = """\
spec: rackproof.spec/1
id: two-rooms
revision: A
status: draft
title: A battery and a room, each with one limit
design: {rack_power: 1 kW}
decision: {rule: simple}
defaults: {every: 1 s, hold: 2 s, budget: 1 %}
roles:
  battery: {count: 1, channels: {temp: {q: temperature, warn: max 40 degC, fail: max 50 degC}}}
  room: {count: 1, channels: {temp: {q: temperature, fail: 15..35 degC}}}
"""
FLOOR: Final = """\
floor: rackproof.floor/1
listen: 127.0.0.1:{agent}
credentials: {{lab: {{version: 2c, community: public}}}}
brokers: {{hall: {{url: "mqtt://127.0.0.1:{mosquitto}", dialects: [json]}}}}
defaults: {{credentials: lab, interval: 1 s, timeout: 900 ms, retries: 0}}
bays:
  bay-01:
    spec: spec.yaml
    devices:
      battery: {{address: "127.0.0.1:{snmpd}", map: {{temp: battery/temperature}}}}
      room: {{broker: hall, profile: json_room}}
"""
BATTERY: Final = '{bay="bay-01",device="battery",channel="temp"}'
FIRING: Final = 'ALERTS{alertstate="firing",bay="bay-01"}'
ROOM: Final = '{bay="bay-01",device="room",channel="temp"}'


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds that has no event of its own."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110 -- other programs have no event to wait for
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        pytest.fail(f"never seen: {what}")


async def run(*command: str, told: bytes = b"") -> str:
    """Run a program to its end; what it says is the failure."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(told)
    assert process.returncode == 0, said.decode()
    return said.decode()


@dataclass
class Site:
    """A folder of files, ports, and the programs that were started there."""

    folder: Path
    ports: dict[str, int]
    programs: AsyncExitStack
    room_degc: float = 22.0  # what the publisher says from now on
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self, name: str, command: Sequence[str], path: str | None = None) -> Program:
        """Start a program; ready when its page, or without a path its port, answers."""
        program = await Program.start(name, command, self.folder)
        self.programs.push_async_callback(program.stop)
        if name in self.ports:
            await program.ready(self.ports[name], path)
        return program

    async def start_snmpd(self) -> Program:
        """Start Debian's agent; whoever asks too early asks again."""
        settings = [f"SNMP_PERSISTENT_DIR={self.folder}", "MIBS="]
        options = ["-f", "-LE", "5", "-C", "-c", "snmpd.conf", "-I", "-smux"]
        where = f"udp:127.0.0.1:{self.ports['snmp']}"
        return await self.start("snmpd", ["env", *settings, path_of("snmpd"), *options, where])

    async def start_agent(self) -> Program:
        """Start what this is all about."""
        return await self.start(
            "agent", [sys.executable, "-m", "agent", "run", "floor.yaml"], "/-/healthy"
        )

    async def start_broker(self) -> Program:
        """Start Mosquitto, and somebody who publishes there."""
        command = [path_of("mosquitto"), "-c", "mosquitto.conf"]
        broker = await self.start("mosquitto", command)
        self.tasks.append(asyncio.create_task(self._publish()))
        return broker

    async def start_prometheus(self) -> Program:
        """Start Prometheus with our own files, faster and on these ports."""
        config = (DEPLOYED / "prometheus.yml").read_text()
        for shipped, here in {
            **FASTER,
            "127.0.0.1:9108": f"127.0.0.1:{self.ports['agent']}",
        }.items():
            assert shipped in config
            config = config.replace(shipped, here)
        (self.folder / "prometheus.yml").write_text(config)
        (self.folder / "rules").mkdir()
        for file in (DEPLOYED / "rules").glob("*.yml"):
            sooner = re.sub(r"\bfor: \d+[sm]\b", "for: 1s", file.read_text())
            (self.folder / "rules" / file.name).write_text(sooner)
        command = [
            path_of("prometheus"),
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{self.ports['prometheus']}",
        ]
        return await self.start("prometheus", command, "/-/ready")

    async def heat(self, degc: int) -> None:
        """Set what the battery's sensor says."""
        where = f"127.0.0.1:{self.ports['snmp']}"
        options = ["-v2c", "-c", "s3same", "-m", "", "-r", "5", "-t", "2"]
        await run("snmpset", *options, where, BATTERY_TEMPERATURE, "i", str(degc))

    def events(self) -> list[dict[str, Any]]:
        """Return what the agent logged so far."""
        lines = (self.folder / "agent.log").read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    async def logged(self, event: str, **told: object) -> None:
        """Wait until the agent logs an event with these fields."""
        await until(
            lambda: any({**each, **told, "event": event} == each for each in self.events()),
            f"{event} {told} in {self.folder / 'agent.log'}",
        )

    async def page(self, path: str) -> str:
        """Return a page of the agent."""
        body = await get(self.ports["agent"], path)
        assert body is not None
        return body.decode()

    async def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Ask Prometheus for what it knows now."""
        path = f"/api/v1/query?query={urllib.parse.quote(expression)}"
        body = await get(self.ports["prometheus"], path)
        found = json.loads(body)["data"]["result"] if body else []
        return [(each["metric"], float(each["value"][1])) for each in found]

    async def seen(self, expression: str, *values: float) -> list[dict[str, str]]:
        """Wait until Prometheus knows exactly these values; return their labels."""
        found: list[tuple[dict[str, str], float]] = []
        try:
            async with asyncio.timeout(PATIENCE_S):
                while [value for _, value in found] != [*values] or not found:
                    found = await self.query(expression)
                    if not found and not values:
                        return []
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            pytest.fail(f"{expression} was to become {values} and is {found}")
        return [labels for labels, _ in found]

    async def _publish(self) -> None:
        """Say what the room's gateway says, as long as the broker is there."""
        async with aiomqtt.Client("127.0.0.1", self.ports["mosquitto"]) as client:
            while True:
                told = {
                    "temperature": {"v": str(self.room_degc).replace(".", ","), "u": "°C"},
                    "humidity": {"v": 41, "u": "%RH"},
                }
                message = json.dumps({"ts": int(time.time() * 1000), "d": told})
                await client.publish("gateway/bay-01/room/telemetry", message)
                await asyncio.sleep(0.5)


def path_of(name: str) -> str:
    """Find a program; without it there is nobody to talk to."""
    found = find(name)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed, and CI must have it")
        pytest.skip(f"{name} is not installed: apt-get install snmpd snmp mosquitto prometheus")
    return found


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Write the files; whatever is started is ended, also when a test fails."""
    for name in NEEDED:
        path_of(name)
    ports = {name: free_port(0) for name in ("agent", "mosquitto", "prometheus", "snmp")}
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "floor.yaml").write_text(
        FLOOR.format(agent=ports["agent"], mosquitto=ports["mosquitto"], snmpd=ports["snmp"])
    )
    (tmp_path / "snmpd.conf").write_text(SNMPD)
    (tmp_path / "mosquitto.conf").write_text(
        f"listener {ports['mosquitto']} 127.0.0.1\nallow_anonymous true\npersistence false\n"
    )
    async with AsyncExitStack() as programs:
        site = Site(tmp_path, ports, programs)
        yield site
        for task in site.tasks:
            task.cancel()
        await asyncio.gather(*site.tasks, return_exceptions=True)


async def test_from_a_real_device_to_a_firing_alert(site: Site) -> None:
    """Everything a floor does in a day, in the order in which it goes wrong."""
    snmpd = await site.start_snmpd()
    await site.start_agent()
    await site.logged("broker_down", broker="hall")
    await site.logged("device_bound", device="bay-01/battery", profile="standard", judged=1)
    await site.start_prometheus()
    await site.seen(f"rackproof_channel_status{BATTERY}", 0)
    await site.seen(f"rackproof_channel_status{ROOM}", -1)
    assert await site.page("/-/ready") == "ready\n"

    await site.start_broker()
    await site.logged("broker_up", broker="hall")
    await site.seen(f"rackproof_channel_status{ROOM}", 0)
    await site.seen(FIRING)
    await a_bay_is_found_and_read(site)

    await an_alert_comes_and_goes(site)
    await a_silent_device_is_unknown(site, snmpd)
    await foreign_readers_take_every_page(site)


async def a_bay_is_found_and_read(site: Site) -> None:
    """Its page was found through `/sd`, and series keep the names that we gave them."""
    (bay,) = await site.seen('up{job="rackproof-bays"}', 1)
    (battery,) = await site.seen(f"rackproof_temperature_celsius{BATTERY}", 25)
    await site.seen(f"rackproof_temperature_celsius{ROOM}", 22)
    await site.seen('rackproof_humidity_ratio{device="room",channel="humidity"}', 0.41)
    await site.seen('sum(rackproof_device_up{bay="bay-01"})', 2)
    assert bay["instance"] == f"127.0.0.1:{site.ports['agent']}/bay-01"
    assert not any(name.startswith("exported_") for name in battery)


async def an_alert_comes_and_goes(site: Site) -> None:
    """By MQTT and by SNMP alike: out of its limit it fires, back inside it is silent."""
    site.room_degc = 36.5
    await site.heat(45)
    alerts = await site.seen(f"sort({FIRING})", 1, 1)
    assert {(each["alertname"], each["device"], each["channel"]) for each in alerts} == {
        ("RackproofFail", "room", "temp"),
        ("RackproofWarn", "battery", "temp"),
    }
    await site.seen(f"rackproof_temperature_celsius{ROOM}", 36.5)
    await site.seen(f"rackproof_channel_status{ROOM}", 2)

    site.room_degc = 22.0
    await site.heat(25)
    await site.seen(FIRING)
    await site.seen(f"rackproof_channel_status{ROOM}", 0)
    await site.seen(f"rackproof_channel_status{BATTERY}", 0)


async def a_silent_device_is_unknown(site: Site, snmpd: Program) -> None:
    """Its readings vanish and its status stays, as unknown, until it answers again."""
    snmpd.process.send_signal(signal.SIGSTOP)
    await site.seen('rackproof_device_up{device="battery"}', 0)
    await site.seen(f"rackproof_channel_status{BATTERY}", -1)
    await site.seen('{__name__=~"rackproof_.*",device="battery",channel="battery/charge"}')
    await site.seen(f"rackproof_temperature_celsius{BATTERY}")
    (alert,) = await site.seen(FIRING, 1)
    assert (alert["alertname"], alert["device"]) == ("RackproofDeviceDown", "battery")
    await site.seen(f"rackproof_channel_status{ROOM}", 0)

    snmpd.process.send_signal(signal.SIGCONT)
    await site.seen('rackproof_device_up{device="battery"}', 1)
    await site.seen(f"rackproof_channel_status{BATTERY}", 0)
    await site.seen(f"rackproof_temperature_celsius{BATTERY}", 25)
    await site.logged("device_answers_again", device="bay-01/battery")


async def foreign_readers_take_every_page(site: Site) -> None:
    """Prometheus' own tool and the strict parser, on what a live agent says."""
    text = await site.page("/metrics")
    assert not await run(path_of("promtool"), "check", "metrics", told=text.encode())
    request = urllib.request.Request(
        f"http://127.0.0.1:{site.ports['agent']}/metrics",
        headers={"Accept": "application/openmetrics-text; version=1.0.0"},
    )
    families = await asyncio.to_thread(_parsed, request)
    assert {"rackproof_temperature_celsius", "rackproof_channel_status", "rackproof_device_up"} <= {
        family.name for family in families
    }


def _parsed(request: urllib.request.Request) -> list[Metric]:
    """Read a page with the strict parser."""
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 -- loopback
        assert answer.headers.get_content_type() == "application/openmetrics-text"
        return list(parse_openmetrics(answer.read().decode()))  # type: ignore[no-untyped-call]
