"""Runs of a whole daemon: its floor file cannot take a bay away from a run, nor a bug the floor."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from agent.acts import Abort, Start
from agent.config import load_floor
from agent.daemon import Daemon, desk_of
from agent.desk import FloorDesk
from agent.open_run import OpenRun
from collectors.snmp.endpoint import Endpoint

SPEC: Final = """\
spec: rackproof.spec/1
id: short
revision: A
status: draft
title: One feed
design: {rack_power: 10 kW}
decision: {rule: simple}
defaults: {every: 5 s, hold: 10 s, budget: 20 %}
roles:
  feed: {count: 1, channels: {power: {q: power, fail: max 11 kW}}}
plan:
  clock: qualified
  coverage: {min: 80 %}
  wall_clock: any
  stages:
    - {id: inventory, duration: 10 s, load: 0 %, needs: [bom_scanned]}
"""
FLOOR: Final = """\
floor: rackproof.floor/1
credentials: {lab: {version: 2c, community: public}}
defaults: {credentials: lab, interval: 1 s, timeout: 500 ms, retries: 0}
bays:
"""
BAY: Final = "  {0}: {{spec: spec.yaml, devices: {{feed: {{address: 127.0.0.1:{1}}}}}}}\n"
PORTS: Final = (9, 10, 11)  # nobody answers there


@dataclass
class Site:
    """A floor of two bays, a daemon and its desk."""

    file: Path
    daemon: Daemon
    desk: FloorDesk

    def write(self, **bays: int) -> None:
        """Write the floor file: bay -> the port of its device."""
        write(self.file, bays)


OWN: Final = """\
profile: rackproof.profile/1
name: own_pdu
kind: pdu
vendor: Acme
title: A profile of the floor's own
fingerprint: {sys_object_id: [1.3.6.1.4.1.99999]}
channels:
  services: {value: 1.3.6.1.2.1.1.7.0, quantity: number}
"""


def write(file: Path, bays: Mapping[str, int]) -> None:
    """Write a floor file: bay -> the port of its device."""
    file.write_text(FLOOR + "".join(BAY.format(*bay) for bay in bays.items()))


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Run a daemon on two bays whose devices are silent."""
    file = tmp_path / "floor.yaml"
    (tmp_path / "spec.yaml").write_text(SPEC)
    write(file, {"one": PORTS[0], "two": PORTS[1]})
    config, stop = load_floor(file), asyncio.Event()
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    async with desk_of(config) as desk:
        daemon = Daemon(config, endpoint, desk)
        task = asyncio.create_task(daemon.run(stop, asyncio.Event()))
        yield Site(file, daemon, desk)
        stop.set()
        await task
        endpoint.close()


async def test_a_floor_file_takes_no_bay_away_from_a_run(site: Site) -> None:
    """It says which run that is; other bays may change, and that one once it is over."""
    shown = await site.desk.start("one", Start(serial="SN-1", by="ann"), None)
    site.write(one=PORTS[2], two=PORTS[1])
    (problem,) = await site.daemon.reload()
    assert problem == f"one: run {shown['run']} is on, finish it first"
    site.write(one=PORTS[0])
    assert await site.daemon.reload() == []
    assert [bay["bay"] for bay in site.desk.bays()] == ["one"]
    await site.desk.act(shown["run"], Abort(by="ann", reason="enough"), None)
    assert site.desk.busy("one") == shown["run"]


async def test_profiles_may_change_while_runs_are_on(site: Site) -> None:
    """A bay with a run goes on as it is; the others are read by the new ones at once."""
    shown = await site.desk.start("one", Start(serial="SN-1", by="ann"), None)
    folder = site.file.parent / "profiles"
    folder.mkdir()
    (folder / "own.yaml").write_text(OWN)
    site.file.write_text(site.file.read_text() + "profiles: profiles\n")
    before = dict(site.desk.profiles)
    assert await site.daemon.reload() == []
    assert site.desk.profiles.keys() - before.keys() == {"own_pdu"}
    run = site.desk.running("one")
    assert run is not None
    assert run.name == shown["run"]


async def test_a_run_that_breaks_ends_no_other(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon goes on and says that something is wrong."""
    first = await site.desk.start("one", Start(serial="SN-1", by="ann"), None)
    second = await site.desk.start("two", Start(serial="SN-2", by="ann"), None)
    ticks, whole = dict.fromkeys((first["run"], second["run"]), 0), OpenRun.tick
    seen = asyncio.Event()

    def breaking(run: OpenRun, *clocks: object) -> object:
        """Break the first run; count."""
        ticks[run.name] += 1
        if ticks[second["run"]] == 2:
            seen.set()
        if run.name == first["run"]:
            raise ZeroDivisionError("of ours")
        return whole(run, *clocks)  # type: ignore[arg-type]

    monkeypatch.setattr(OpenRun, "tick", breaking)
    await asyncio.wait_for(seen.wait(), 30.0)
    assert site.desk.trouble == "ZeroDivisionError: of ours"
    assert not site.daemon.ready()
    assert ticks[first["run"]] == 1
