"""A real Prometheus with the configuration we ship: it finds the bays, reads them, and alerts."""

import asyncio
import json
import shutil
import socket
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.exposition.floor import Floor
from agent.exposition.own import Own
from agent.web.app import create_app
from agent.web.server import serving
from collectors.quantity import Quantity
from collectors.readings import Channel, Identity, Readings

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
PATIENCE_S = 60.0
HOSTILE = 'a"b\\c\nd\0\ud800\x1b[31m'


class _Daemon:
    """What the pages need, with one hostile device in it."""

    def __init__(self) -> None:
        self.floor = Floor()
        self.own = Own(version="0.1.0")
        channels = [
            Channel("supply", Quantity.TEMPERATURE, "1.3"),
            Channel(HOSTILE, Quantity.TEMPERATURE, "1.3"),
            Channel(HOSTILE + "\r", Quantity.TEMPERATURE, "1.3"),
            Channel("leak", Quantity.LEAK, "1.3", states={0: "dry", 1: "wet"}),
        ]
        values = np.array([40.2, 1.0, 2.0, 0.0])
        for bay in ("bay-01", "bay-02"):
            self.floor.bind(bay, "cdu", channels, {})
            self.floor.identify(bay, "cdu", Identity("demo", "cooling", vendor=HOSTILE))
            self.floor.polled(f"{bay}/cdu", "ok", up=True, seconds=0.1, at=1.7e9)
            quality = np.zeros(4, np.uint8)
            readings = Readings(
                device=f"{bay}/cdu", taken_at=0, values=values, quality=quality, raw=values
            )
            self.floor.put(readings)
        self.floor.bind_status("bay-01", [("cdu", "leak")])
        self.floor.put_status("bay-01", np.zeros(1, np.int8), np.zeros(1))
        self.own.loaded(at=1.7e9)

    def ready(self) -> bool:
        """All is there from the start."""
        return True

    def unix_time(self) -> float:
        """Stand still."""
        return 1.7e9

    async def reload(self) -> Sequence[str]:
        """There is no file."""
        return ()


class _Prometheus:
    """A running Prometheus, asked over its HTTP interface."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _get(self, path: str) -> Any:  # noqa: ANN401 -- JSON
        """Ask; None while it does not answer."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:  # noqa: S310 -- loopback
                return json.load(answer)["data"]
        except OSError:
            return None

    async def query(self, expr: str) -> dict[str, float]:
        """Return the instant vector, by the label that tells its series apart."""
        path = f"/api/v1/query?query={urllib.parse.quote(expr)}"
        data = await asyncio.to_thread(self._get, path)
        result = data["result"] if data else []
        return {json.dumps(r["metric"], sort_keys=True): float(r["value"][1]) for r in result}

    async def eventually(self, expr: str, count: int) -> dict[str, float]:
        """Wait until the vector has `count` series; each is a reason to look again, not a time."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := await self.query(expr)) != count:  # noqa: ASYNC110 -- asked over HTTP
                await asyncio.sleep(0.2)
        return found


@pytest.fixture
def daemon() -> _Daemon:
    """Return a daemon with two bays."""
    return _Daemon()


@pytest.fixture
async def prometheus(daemon: _Daemon, tmp_path: Path) -> AsyncIterator[_Prometheus]:
    """Start the pages, and a Prometheus with our own files, only faster and on free ports."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    async with serving(create_app(daemon), "127.0.0.1", 0) as (host, port):
        config = (FOLDER / "prometheus.yml").read_text()
        for shipped, here in {
            "127.0.0.1:9108": f"{host}:{port}",
            "interval: 10s": "interval: 1s",
            "interval: 15s": "interval: 1s",
            "interval: 5s": "interval: 1s",
            "timeout: 5s": "timeout: 1s",
        }.items():
            assert shipped in config
            config = config.replace(shipped, here)
        (tmp_path / "prometheus.yml").write_text(config)
        shutil.copytree(FOLDER / "rules", tmp_path / "rules")
        with socket.create_server(("127.0.0.1", 0)) as found:
            listen = found.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            program,
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{listen}",
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield _Prometheus(f"http://127.0.0.1:{listen}")
        finally:
            process.terminate()
            await process.wait()


async def test_prometheus_finds_reads_and_alerts(prometheus: _Prometheus, daemon: _Daemon) -> None:
    """From `/sd` to a firing alert, over hostile names, with the files that people will use."""
    up = await prometheus.eventually('up{job=~"rackproof-.*"} == 1', 3)
    readings = await prometheus.eventually("rackproof_temperature_celsius", 6)
    quiet = await prometheus.query('ALERTS{alertstate="firing"}')
    daemon.floor.put_status("bay-01", np.array([3], np.int8), np.ones(1))
    fired = await prometheus.eventually('ALERTS{alertstate="firing"}', 1)

    assert sum("bay-0" in series for series in up) == 2
    assert sorted(readings.values()) == [1.0, 1.0, 2.0, 2.0, 40.2, 40.2]
    assert all('"bay": "bay-0' in series for series in readings)
    assert not any("exported_" in series for series in readings)
    assert not quiet
    (alert,) = map(json.loads, fired)
    assert alert["alertname"] == "RackproofLeak"
    assert (alert["bay"], alert["device"], alert["channel"]) == ("bay-01", "cdu", "leak")
