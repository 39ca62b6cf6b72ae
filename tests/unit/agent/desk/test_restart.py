"""Clocks that are set, daemons and machines that start anew: run time and verdicts hold."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent import desk
from agent.acts import Abort, Finish, Refused
from agent.burnin.design import Design
from agent.burnin.event import Kind
from agent.resumption import Past, rebuilt
from agent.store.entry import Entry
from agent.store.failpoint import At
from agent.store.folder import RunFolder
from agent.store.trouble import StoreError
from tests.unit.agent.desk.bench import UNTRIPPED, Bench, design, refused
from tests.unit.agent.desk.conftest import Disk


@pytest.mark.parametrize("step", [3600.0, -3600.0])
async def test_a_wall_clock_that_is_set_changes_no_verdict(tmp_path: Path, step: float) -> None:
    """It is an event; all else is as in a run whose clock was left alone."""
    found: list[Any] = []
    for moved in (0.0, step):
        bench = Bench(tmp_path / str(moved))
        bench.open()
        run = await bench.whole()
        await bench.go(30)
        bench.time.wall += moved
        verdict = await bench.to_the_end(run)
        told = [e.data["step_s"] for e in bench.events(run, Kind.CLOCK)]
        assert told == ([moved] if moved else [])
        stages = (await bench.show(run))["stages"]
        events = [(e.at, e.kind, e.data) for e in bench.events(run) if e.kind is not Kind.CLOCK]
        found.append((verdict, stages, [e for e in events if e[1] is not Kind.RUN_STARTED]))
        await bench.close()
    assert found[0] == found[1]


@pytest.mark.parametrize(("away", "verdict"), [(3.0, "PASS"), (600.0, "INCONCLUSIVE")])
async def test_a_restart_is_a_gap_and_the_run_goes_on(
    calm: Bench, away: float, verdict: str
) -> None:
    """With the qualified time it had; what is longer than `hold` leaves a doubt."""
    run = await calm.whole()
    await calm.go(40)
    before = (await calm.show(run))["standing"]["qualified_s"]
    await calm.again(away)
    await calm.go(2)
    (gap,) = calm.events(run, Kind.GAP)
    assert gap.data["end"] - gap.data["start"] == pytest.approx(away, abs=2.0)
    after = (await calm.show(run))["standing"]["qualified_s"]
    assert after == pytest.approx(before, abs=2.0)
    assert await calm.to_the_end(run) == verdict


async def test_a_trip_that_nobody_would_have_seen_is_not_ruled_out(bench: Bench) -> None:
    """A daemon that was down does not vouch for what it did not see."""
    run = await bench.whole()
    await bench.go(40)
    await bench.again(5.0)
    await bench.go(130)
    await bench.desk.act(run, Finish(by="ann"), None)
    assert await bench.to_the_end(run) == "INCONCLUSIVE"
    assert "may hide a trip" in (await bench.show(run))["reason"]["text"]


async def test_a_machine_that_starts_anew_takes_run_time_along(calm: Bench) -> None:
    """Its monotonic clock begins at nothing; the wall clock says how long it was away."""
    run = await calm.whole()
    await calm.go(40)
    await calm.again(240.0, boot="second")
    await calm.go(2)
    (gap,) = calm.events(run, Kind.GAP)
    assert gap.data["end"] - gap.data["start"] == pytest.approx(240.0, abs=2.0)
    assert await calm.to_the_end(run) == "INCONCLUSIVE"
    times = [event.at for event in calm.events(run)]
    assert times == sorted(times)


async def test_run_time_never_goes_back(calm: Bench) -> None:
    """Not with a machine whose clock is an hour slow after its start."""
    run = await calm.whole()
    await calm.go(40)
    await calm.again(-3600.0, boot="second")
    await calm.go(2)
    times = [event.at for event in calm.events(run)]
    assert times == sorted(times)
    (gap,) = calm.events(run, Kind.GAP)
    assert gap.data["end"] >= gap.data["start"]
    assert await calm.to_the_end(run) == "PASS"


async def test_a_start_that_was_stored_late_keeps_its_time(bench: Bench, disk: Disk) -> None:
    """The next daemon counts from when it began, not from when that was written down."""
    disk.full = True
    await refused(bench)
    await bench.go(50)
    disk.full = False
    await bench.go(10)
    run = str(bench.desk.busy("bay-01"))
    await bench.again(10.0)
    await bench.go(2)
    (gap,) = bench.events(run, Kind.GAP)[-1:]
    assert gap.data["end"] == pytest.approx(70.0, abs=3.0)


async def test_a_run_of_another_spec_does_not_go_on_and_says_so(calm: Bench) -> None:
    """It is not judged by limits that it did not begin with, nor does another begin over it."""
    run = await calm.whole()
    await calm.go(20)
    hash_ = design(UNTRIPPED).spec.canonical_hash
    calm.spec = UNTRIPPED.replace("revision: A", "revision: B")
    await calm.again()
    await calm.go(5)
    assert not calm.events(run, Kind.GAP)
    with pytest.raises(Refused, match=f"give back the one of hash {hash_}") as caught:
        await calm.desk.act(run, Abort(by="ann", reason="enough"), None)
    assert caught.value.status == 503
    assert "which is not over" in await refused(calm, serial="SN-2")
    assert (await calm.show(run))["state"] == "held"
    calm.spec = UNTRIPPED
    await calm.again()
    assert await calm.to_the_end(run) == "PASS"


async def test_a_run_that_cannot_be_read_back_is_tried_again(
    calm: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk when the daemon starts is no end of a run."""
    refusals: list[RunFolder] = []

    def refusing(design: Design, folder: RunFolder, entries: Sequence[Entry], at: At) -> Past:
        """Refuse once."""
        if not refusals:
            refusals.append(folder)
            raise StoreError("the disk is full")
        return rebuilt(design, folder, entries, at)

    run = await calm.whole()
    await calm.go(30)
    monkeypatch.setattr(desk, "rebuilt", refusing)
    monkeypatch.setattr(desk, "AGAIN_S", 0.0)
    await calm.again(5.0)
    assert refusals
    assert await calm.to_the_end(run) == "PASS"


async def test_a_bay_closed_while_its_run_is_read_back_has_no_run(calm: Bench) -> None:
    """Nobody goes on with a run in a bay that is not there."""
    run = await calm.whole()
    await calm.go(20)
    await calm.close()
    calm.open()
    await asyncio.sleep(0)  # the reading has begun
    calm.desk.close("bay-01")
    calm.lives.clear()
    await calm.desk.background.settled()
    assert calm.desk.busy("bay-01") == run
    calm.add("bay-01")
    await calm.desk.background.settled()
    assert await calm.to_the_end(run) == "PASS"


async def test_what_a_crash_left_in_the_spool_of_a_judged_run_gets_into_its_record(
    bench: Bench,
) -> None:
    """The daemon died between the verdict and the last segment: the next one sees to it."""
    run = await bench.whole()
    while not bench.events(run, Kind.RUN_JUDGED):
        await bench.go(1)
    assert not bench.events(run, Kind.SEGMENT)
    await bench.close()
    bench.open()
    await bench.desk.background.settled()
    segments = bench.events(run, Kind.SEGMENT)
    assert segments
    assert max(s.data["end"] for s in segments) >= bench.events(run, Kind.STAGE_OVER)[-1].at
    assert bench.desk.busy("bay-01") is None
    assert (await bench.show(run))["verdict"] == "PASS"
