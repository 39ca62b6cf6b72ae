"""Burn-in runs of the real agent: begun by a person, killed, starved, frozen, its clock set.

Every run takes some seconds, and its verdict waits fifteen more for samples. So all of them go on
beside each other, each with a bay, a daemon and a data folder of its own.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from agent.exits import Exit
from tests.simulation.actor import Actor
from tests.simulation.nursery import Nursery
from tests.simulation.site import BAY, BY, HOLD_S, Record, Said, Site
from tests.simulation.talking import Heard, listen, talk

pytestmark = pytest.mark.asyncio(loop_scope="module")

Scene = Callable[[Site], Awaitable[Any]]
TIMES: Final = 18 if os.environ.get("RACKPROOF_NIGHTLY") == "1" else 1  # of 20 kills, or 200
FROZEN_S: Final = HOLD_S + 3.0
FULL_BYTES: Final = 8 << 20  # of the file system that fills up
HOUR_S: Final = 3600.0
SPRING: Final = datetime(2027, 3, 28, 1, tzinfo=UTC).timestamp()  # clocks in Berlin go to 3:00
STATUS: Final = 'rackproof_channel_status{bay="bay-01",device="feedA",channel="power"}'
STORES: Final = "rackproof_storage_ok"


async def by_hand(site: Site) -> tuple[Record, Said]:
    """Take a rack through its plan from the command line, as docs/runs.md tells it."""
    site.environment = ()  # and print its certificate
    daemon = await site.start()
    begun = await site.cli("runs", "start", BAY, "SN-1", "--json")
    assert begun.code == Exit.YES, begun
    run = json.loads(begun.out)["run"]
    shown = await site.cli("runs", "show", run)
    assert f"rackproof runs answer {run} bom_scanned" in shown.out
    answered = await site.cli("runs", "answer", run, "bom_scanned", "yes")
    assert answered.code == Exit.YES, answered
    second = await site.cli("run", "floor.yaml")
    assert f"held by process {daemon.process.pid}" in second.out + second.complaint
    followed = await site.cli("runs", "show", run, "--wait")
    assert followed.code == Exit.YES, followed
    assert "PASS" in followed.out
    return await verified(site, run), second


async def verified(site: Site, run: str) -> Record:
    """Wait for a record that stands up to `rackproof verify`, and return it."""
    folder = await site.sealed(run)
    verified = await site.cli("verify", str(folder))
    assert verified.code == Exit.YES, verified
    return Record(folder)


async def killed_outside(site: Site) -> tuple[Record, Actor]:
    """Kill it again and again while nothing is judged: before, between, and at the sealing."""
    actor = Actor(site, random.Random(1))
    await site.start()
    run = await actor.begin()
    for order in ("journal.committing:2", "journal.committed:2", "spool.written:2"):
        await actor.life(run, order)
    for _ in range(2 * TIMES):
        await actor.life(run)
    await actor.rest(run)
    await site.act(f"runs/{run}/answers", need="bom_scanned", answer="yes")
    await site.until(lambda: site.is_past(run, "soak"), "through the soak")
    for order in ("seal.packed", "seal.written", "file.renamed"):
        await actor.death(order)
    for order in ("seal.files", "seal.signature"):
        await actor.unsealed(order)
    for _ in range(TIMES):
        await actor.life(run)
    await site.kill()
    await site.start()
    return await verified(site, run), actor


async def killed_failing(site: Site) -> tuple[Record, Actor]:
    """Let a rack fail, kill it once that is seen, repair the rack, and kill it again and again."""
    actor = Actor(site, random.Random(2))
    await site.start()
    run = await actor.begin()
    await site.act(f"runs/{run}/answers", need="bom_scanned", answer="yes")
    await site.soaking(run, 1.0)
    await overloaded(site, run)
    await site.kill()
    site.devices.repair()
    for _ in range(6 * TIMES):
        await actor.life(run)
    await actor.rest(run)
    await site.act(f"runs/{run}/abort", reason="enough of this")
    return await verified(site, run), actor


async def killed_soaking(site: Site) -> Record:
    """Kill it in the middle of a soak of a good rack, and be away for longer than a hold."""
    await site.start()
    run = await site.start_run()
    await site.soaking(run, 2.0)
    for _ in range(2 * TIMES):
        await site.kill()
        await asyncio.sleep(HOLD_S)  # and then it takes a while to start
        await site.start()
        await site.soaking(run)
    return await verified(site, run)


async def overloaded(site: Site, run: str) -> None:
    """Lose a feed until its failure is seen, and stored."""
    site.devices.lose_feed()

    async def failing() -> bool:
        return await site.metric(STATUS) == 2

    await site.until(failing, "failing on feed A")
    before = (await site.show(run))["standing"]["qualified_s"]
    await site.soaking(run, before + HOLD_S)


async def starved(site: Site) -> Record:
    """Fill the disk in a soak, let the rack fail and recover meanwhile, and give space back."""
    data = site.folder / "data"
    with small(data):
        await site.start()
        run = await site.start_run()
        await site.soaking(run, 1.0)
        fill(data / "ballast")
        await site.until(lambda: is_starved(site), "starved")
        pause = {"by": BY, "reason": "the disk is full"}
        refused = await site.ask("POST", f"/api/v1/runs/{run}/pause", pause)
        assert refused.status == 503
        assert "stored" in refused.document["detail"]

        site.devices.lose_feed()
        await site.until(lambda: shows(site, 2.0), "failing on feed A")
        await asyncio.sleep(HOLD_S)
        site.devices.repair()
        await site.until(lambda: shows(site, 0.0), "well again")
        assert (await site.show(run))["state"] == "running"
        assert await is_starved(site)

        (data / "ballast").unlink()
        await site.until(site.ready, "ready again")
        assert await site.metric(STORES) == 1
        await site.act(f"runs/{run}/abort", reason="this rack has failed")
        record = await verified(site, run)
        await site.end()
        return record


@contextlib.contextmanager
def small(data: Path) -> Iterator[None]:
    """Let a data folder be a small file system of its own, where that can be had."""
    data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={FULL_BYTES}", "none", str(data)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a file system can only be mounted by root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(data)], check=True)


def fill(ballast: Path) -> None:
    """Leave no room on a disk."""
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass


async def is_starved(site: Site) -> bool:
    """Say whether both the probe and the metric tell that nothing can be stored."""
    reply = await site.ask("GET", "/-/ready")
    return reply.status == 503 and await site.metric(STORES) == 0


async def shows(site: Site, status: float) -> bool:
    """Say whether the power of feed A has a status."""
    return await site.metric(STATUS) == status


async def frozen(site: Site) -> Record:
    """Stop the daemon in a soak for longer than a hold, as a hypervisor does; then let it go on."""
    daemon = await site.start()
    run = await site.start_run()
    await site.soaking(run, 2.0)
    daemon.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(FROZEN_S)
    daemon.process.send_signal(signal.SIGCONT)
    return await verified(site, run)


async def clock_set(site: Site) -> tuple[Record, float]:
    """Go through the night in which clocks go forward; set this one by an hour, and back again."""
    ahead = Ahead(site)
    await site.start(*ahead.environment, "TZ=Europe/Berlin")
    ahead.set(tonight := SPRING - time.time() - 5.0)
    began = time.monotonic()
    run = await site.start_run()
    for number, by in enumerate((tonight + HOUR_S, tonight), start=1):
        await site.soaking(run, 2.0 * number)
        ahead.set(by)
        await site.until(partial(is_told, site, run, number), "that the clock was set")
    await site.until(lambda: site.is_over(run), "over")
    elapsed = time.monotonic() - began
    await site.end()  # libfaketime refuses to sleep until a time, and that takes a `sleep`
    await site.start()
    return await verified(site, run), elapsed


async def lied_to(site: Site) -> tuple[Record, Heard]:
    """Let devices tell of a breaker, a link and a restart that there were not."""
    listen(site)
    await site.start()
    run = await site.start_run()
    await site.soaking(run, 1.0)
    heard = await talk(site, run)
    return await verified(site, run), heard


async def is_told(site: Site, run: str, number: int) -> bool:
    """Say whether the journal knows so many times that the clock was set."""
    reply = await site.ask("GET", f"/api/v1/runs/{run}/events?after=0&limit=1000")
    kinds = [entry["kind"] for entry in reply.document["entries"]]
    return kinds.count("clock") >= number


class Ahead:
    """A wall clock that a test sets: of one daemon, by libfaketime."""

    def __init__(self, site: Site) -> None:
        found = [*Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")]
        if not found:
            if os.environ.get("CI") == "true":
                pytest.fail("libfaketime is not installed, and CI must have it")
            pytest.skip("libfaketime is not installed: apt-get install faketime")
        self._file = site.folder / "ahead"
        self.set(0.0)
        self.environment = (
            f"LD_PRELOAD={found[0]}",
            f"FAKETIME_TIMESTAMP_FILE={self._file}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
        )

    def set(self, seconds: float) -> None:
        """Let the clock be ahead from now on."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+.0f}\n")
        new.replace(self._file)


SCENES: Final[Mapping[Scene, int]] = {  # and how long the soak is
    by_hand: 8,
    killed_outside: 8,
    killed_failing: 600,  # it is ended by hand
    killed_soaking: 6,
    starved: 600,  # likewise
    frozen: 12,
    clock_set: 8,
    lied_to: 6,
}
AS_PROGRAMS: Final = (by_hand, clock_set)  # as a person starts it; for libfaketime, that must be


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scenes(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Mapping[Scene, Awaitable[Any]]]:
    """Let everything begin at once."""

    async def played(number: int, scene: Scene, nursery: Nursery) -> object:
        folder = tmp_path_factory.mktemp(scene.__name__)
        async with Site.open(folder, 40 + number, SCENES[scene]) as site:
            site.nursery = None if scene in AS_PROGRAMS else nursery
            return await scene(site)

    async with Nursery.open() as nursery:
        tasks = {
            scene: asyncio.create_task(played(number, scene, nursery))
            for number, scene in enumerate(SCENES)
        }
        yield tasks
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


Scenes = Mapping[Scene, Awaitable[Any]]


async def test_a_rack_passes_from_the_command_line(scenes: Scenes) -> None:
    """From the scan of its serial to a record that anybody can verify."""
    record, _ = await scenes[by_hand]
    assert record.verdict == "PASS"
    assert not record.events("gap")
    assert (record.folder / "certificate.pdf").read_bytes().startswith(b"%PDF")


async def test_a_second_daemon_is_told_who_holds_the_data(scenes: Scenes) -> None:
    """And ends; the first one goes on."""
    _, second = await scenes[by_hand]
    assert second.code == Exit.UNDECIDED


async def test_kills_before_and_after_what_is_judged_change_no_verdict(scenes: Scenes) -> None:
    """Whatever was acknowledged was done, once; and what was sealed in halves is sealed again."""
    record, actor = await scenes[killed_outside]
    assert record.verdict == "PASS"
    actor.check(record)


async def test_a_failure_that_was_seen_outlives_every_kill(scenes: Scenes) -> None:
    """Neither repair nor kill nor abort makes it anything else."""
    record, actor = await scenes[killed_failing]
    assert record.verdict == "FAIL"
    actor.check(record)


async def test_time_in_which_nobody_looked_passes_nobody(scenes: Scenes) -> None:
    """A soak goes on after a kill, and what was not seen of it is not proven."""
    record = await scenes[killed_soaking]
    assert record.verdict == "INCONCLUSIVE"
    gaps = record.events("gap")
    assert sum(gap["end"] - gap["start"] for gap in gaps) > 2 * TIMES * HOLD_S
    assert record.stage("soak")["qualified_s"] < record.stage("soak")["required_s"] + HOLD_S


async def test_a_full_disk_hides_no_failure(scenes: Scenes) -> None:
    """What was seen while nothing could be stored is stored, and judged, afterwards."""
    record = await scenes[starved]
    assert record.verdict == "FAIL"
    assert not record.events("paused")


async def test_a_daemon_that_was_frozen_has_not_seen_the_rack(scenes: Scenes) -> None:
    """It polls at no time that it slept through, and says so."""
    record = await scenes[frozen]
    assert record.verdict == "INCONCLUSIVE"
    channels = record.stage("soak")["channels"]
    assert max(channel["longest_gap_s"] or 0.0 for channel in channels) > HOLD_S


async def test_a_wall_clock_that_is_set_changes_nothing_but_the_journal(scenes: Scenes) -> None:
    """Forward by an hour and back: the run is as long as it was, and was told of both."""
    (record, elapsed), (undisturbed, _) = await scenes[clock_set], await scenes[by_hand]
    steps = [event["step_s"] for event in record.events("clock")]
    assert steps == [pytest.approx(HOUR_S, abs=2.0), pytest.approx(-HOUR_S, abs=2.0)]
    assert record.verdict == undisturbed.verdict
    assert record.seconds() < elapsed
    for stage in ("inventory", "soak"):
        one, two = record.stage(stage), undisturbed.stage(stage)
        assert one["qualified_s"] == pytest.approx(two["qualified_s"], abs=2.0)
        assert one["required_s"] == two["required_s"]


async def test_summer_time_is_not_even_noticed(scenes: Scenes) -> None:
    """Between 1:59 and 3:00 in Berlin lies one second, and what is told is told in UTC."""
    record, _ = await scenes[clock_set]
    walls = [entry["wall"] for entry in record.entries]
    assert min(walls) < SPRING < max(walls)
    assert len(record.events("clock")) == 2
    assert record.summary["started"].startswith("2027-03-28T00:59:")


async def test_what_devices_say_is_told_and_judges_nothing(scenes: Scenes) -> None:
    """By name and channel in the run and its record; the polls that it brought about decide."""
    record, heard = await scenes[lied_to]
    said = {(each["device"], each["name"]) for each in heard.notifications}
    assert {device for device, _ in said} >= {"feedA", "feedB"}
    assert {each["inform"] for each in heard.notifications} == {False, True}
    assert any(each["restart"] for each in heard.notifications if each["device"] == "feedB")
    assert "devices said" in heard.shown
    assert {(e["device"], e["name"]) for e in record.events("notified")} >= said
    assert not record.events("reboot"), "it was said, and the poll did not show it"
    assert record.verdict == "PASS"
