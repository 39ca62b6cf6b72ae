"""The daemon: what a reload keeps, what it refuses, and how the agent ends."""

import asyncio
import contextlib
import functools
import json
import random
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from agent.config import load_floor
from agent.daemon import Daemon, desk_of
from agent.exits import Exit
from agent.programs import Program, free_port
from collectors.profile import load_profiles
from collectors.snmp.endpoint import Endpoint
from tests.simulation.devices import Devices
from tests.simulation.site import SPEC

PATIENCE_S: Final = 30.0  # of a test on a busy machine
HEAD: Final = """\
floor: rackproof.floor/1
listen: 127.0.0.1:{port}
credentials: {{lab: {{version: 2c, community: public}}}}
defaults: {{credentials: lab, interval: 200 ms, timeout: 1 s, retries: 0}}
bays:
"""
HALL: Final = """\
  hall:
    devices:
      room: {broker: gateway, profile: json_room}
brokers:
"""
BAD_LINE: Final = "      feedB: {address: 127.0.0.1, intervall: 1 s}\n"


class Site:
    """A floor file that changes, and simulated devices that it names."""

    def __init__(self, folder: Path, devices: Devices) -> None:
        self.file = folder / "floor.yaml"
        self.devices = devices
        self.port = free_port(0)

    def write(self, more: str = "", **bays: str) -> int:
        """Write a floor of bays, each with one device, and `more`; return its number of lines."""
        text = HEAD.format(port=self.port)
        for bay, device in bays.items():
            host, port = self.devices.addresses[device]
            text += f'  {bay}:\n    devices:\n      {device}: {{address: "{host}:{port}"}}\n'
        self.file.write_text(text + more)
        return (text + more).count("\n")

    def fall_silent(self, device: str) -> None:
        """Let a device say nothing more."""
        self.devices.silence(device)


@pytest.fixture(autouse=True, scope="module")
def _loaded_once() -> Iterator[None]:
    """Load the profiles once: they take most of the time, and are not what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        shipped = functools.cache(load_profiles)
        patch.setattr(
            "agent.config.load_profiles",
            lambda *own, **more: load_profiles(*own, **more) if own else shipped(),
        )
        yield


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Put simulated devices on loopback."""
    async with Devices.open(SPEC.replace("SOAK", "9"), 3) as devices:
        yield Site(tmp_path, devices)


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds; it is looked at again and again."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 -- a page has no event to wait for
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(site: Site) -> AsyncIterator[Daemon]:
    """Run a daemon on the file as it is now."""
    config, stop = load_floor(site.file), asyncio.Event()
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    async with desk_of(config) as desk:
        daemon = Daemon(config, endpoint, desk)
        task = asyncio.create_task(daemon.run(stop, asyncio.Event()))
        try:
            await until(daemon.ready)
            yield daemon
        finally:
            stop.set()
            await asyncio.wait_for(task, PATIENCE_S)
            endpoint.close()


def readings(daemon: Daemon, bay: str) -> int:
    """Return how many readings stand on a bay's page."""
    lines = daemon.floor.render(bay).decode().splitlines()
    return sum(line.startswith("rackproof_voltage_volts{") for line in lines)


def polls(daemon: Daemon, bay: str) -> float:
    """Return how many polls were counted in a bay."""
    lines = daemon.floor.render(bay).decode().splitlines()
    counted = [line for line in lines if line.startswith("rackproof_device_polls_total{")]
    return sum(float(line.split()[-1]) for line in counted)


async def test_a_bay_that_did_not_change_keeps_its_readings(site: Site) -> None:
    """Not even for a moment is it empty, for an alert would see that."""
    site.write(one="feedA")
    async with running(site) as daemon:
        shown, before = readings(daemon, "one"), polls(daemon, "one")
        assert shown
        site.write(one="feedA", two="feedB")
        assert await daemon.reload() == []
        assert daemon.floor.bays == ("one", "two")
        assert readings(daemon, "one") == shown
        assert polls(daemon, "one") >= before
        await until(lambda: readings(daemon, "two"))
        assert daemon.ready()
        await until(lambda: polls(daemon, "one") > before + 2)


async def test_a_bay_that_was_removed_is_gone(site: Site) -> None:
    """And nothing of it is left when it is named again."""
    site.write(one="feedA", two="feedB")
    async with running(site) as daemon:
        site.write(one="feedA")
        assert await daemon.reload() == []
        assert daemon.floor.bays == ("one",)
        assert b"two" not in daemon.floor.render()
        site.write(one="feedA", two="feedB")
        assert await daemon.reload() == []
        await until(lambda: readings(daemon, "two"))


async def test_a_bay_that_changed_begins_anew(site: Site) -> None:
    """Another device may play the same part now; nothing of the old one is left."""
    site.write(one="feedA")
    async with running(site) as daemon:
        site.fall_silent("feedB")
        site.write(one="feedB")
        assert await daemon.reload() == []
        assert not readings(daemon, "one")
        await until(daemon.ready)
        assert b'rackproof_device_up{bay="one",device="feedB"} 0' in daemon.floor.render("one")


OWN: Final = """\
profile: rackproof.profile/1
name: own_pdu
kind: pdu
vendor: Acme
title: A profile of the floor's own
fingerprint: {sys_object_id: [1.3.6.1.4.1.99999]}
channels:
  services: {value: 1.3.6.1.2.1.1.7.0, quantity: number}
  uptime: {value: 1.3.6.1.2.1.1.3.0, quantity: number}
"""


async def test_profiles_that_are_new_or_changed_are_used_after_a_reload(site: Site) -> None:
    """As docs/profiles.md leads to it: look with a draft, review it, and load the file again."""
    site.write(one="feedA")
    host, port = site.devices.addresses["feedA"]
    bay = f'  two: {{devices: {{own: {{address: "{host}:{port}", profile: own_pdu}}}}}}\n'
    for folder, mark in (("drafts", "draft: true\n"), ("profiles", "")):
        (site.file.parent / folder).mkdir()
        (site.file.parent / folder / "own.yaml").write_text(OWN.replace("name:", f"{mark}name:", 1))
    async with running(site) as daemon:
        for folder, label in (("drafts", "own_pdu (draft)"), ("profiles", "own_pdu")):
            site.write(bay + f"profiles: {folder}\n")
            assert await daemon.reload() == []
            await until(
                lambda: (
                    daemon.intake.settled()
                    and f'profile="{label}"'.encode()  # noqa: B023 -- awaited at once
                    in daemon.floor.render("two")
                )
            )


async def test_a_bad_file_is_refused_and_everything_goes_on(site: Site) -> None:
    """Every problem with file and line; the floor that was in use stays in use."""
    site.write(one="feedA")
    async with running(site) as daemon:
        shown, before = readings(daemon, "one"), polls(daemon, "one")
        line = site.write(BAD_LINE, one="feedA")
        problems = await daemon.reload()
        assert any(problem.startswith(f"{site.file}:{line}: ") for problem in problems)
        assert any("intervall" in problem for problem in problems)
        assert readings(daemon, "one") == shown
        await until(lambda: polls(daemon, "one") > before + 2)
        assert b"config_last_reload_successful 0.0" in daemon.own.render()

        site.file.unlink()
        assert await daemon.reload()
        site.write(one="feedA")
        assert await daemon.reload() == []
        assert b"config_last_reload_successful 1.0" in daemon.own.render()


async def test_a_broker_that_moved_is_followed_to_its_new_address(site: Site) -> None:
    """Its bays begin anew, and only they."""
    found = asyncio.Event()

    def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Note that somebody came, and leave."""
        found.set()
        writer.close()

    site.write(
        HALL + f'  gateway: {{url: "mqtt://127.0.0.1:{free_port(0)}", dialects: [json]}}\n',
        one="feedA",
    )
    async with running(site) as daemon, await asyncio.start_server(accept, "127.0.0.1", 0) as door:
        shown = readings(daemon, "one")
        port = door.sockets[0].getsockname()[1]
        site.write(
            HALL + f'  gateway: {{url: "mqtt://127.0.0.1:{port}", dialects: [json]}}\n', one="feedA"
        )
        assert await daemon.reload() == []
        async with asyncio.timeout(PATIENCE_S):
            await found.wait()
        assert readings(daemon, "one") == shown
        await until(daemon.ready)

        site.write(one="feedA")
        assert await daemon.reload() == []
        assert daemon.floor.bays == ("one",)


def agent(site: Site, name: str) -> "asyncio.Future[Program]":
    """Start a real agent on the file."""
    command = [sys.executable, "-m", "agent", "run", str(site.file)]
    return asyncio.ensure_future(Program.start(name, command, site.file.parent))


def events(program: Program) -> list[dict[str, Any]]:
    """Return what an agent logged so far."""
    lines = program.log.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def asked(site: Site, path: str) -> tuple[int, str]:
    """Ask an agent to do something; return its answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{site.port}{path}", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 -- loopback
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def test_an_agent_from_its_start_to_its_end(site: Site) -> None:
    """As a service manager and a person at a terminal see it."""
    site.write(one="feedA")
    first = await agent(site, "first")
    try:
        await first.ready(site.port, "/-/ready")
        for data, why in (("data", "data_unusable"), ("elsewhere", "cannot_listen")):
            site.write(f"data: {data}\n", one="feedA")
            second = await agent(site, why)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    assert await second.process.wait() == Exit.UNDECIDED
            finally:
                await second.stop()
            assert [each["event"] for each in events(second)] == [why]

        line = site.write(BAD_LINE, one="feedA")
        code, said = await asyncio.to_thread(asked, site, "/-/reload")
        assert code == 422
        assert f"{site.file}:{line}: " in said
        first.process.send_signal(signal.SIGHUP)
        await until(lambda: len([e for e in events(first) if e["event"] == "reload_refused"]) == 2)

        site.write(one="feedA", two="feedB")
        first.process.send_signal(signal.SIGHUP)
        await until(lambda: any(e["event"] == "reloaded" for e in events(first)))
        site.write(two="feedB")
        assert await asyncio.to_thread(asked, site, "/-/reload") == (200, "")
        await first.ready(site.port, "/metrics/bays/two")

        first.process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            assert await first.process.wait() == Exit.YES
        assert events(first)[-1]["event"] == "stopping"
    finally:
        await first.stop()
