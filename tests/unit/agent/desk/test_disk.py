"""Disks that refuse, requests that are made again, and what breaks: nothing is lost unseen."""

import itertools
import threading

import pytest

from agent import archive, desk
from agent.acts import Answer, Finish, Pause, Refused, Ticket
from agent.burnin.event import Kind
from agent.store.failpoint import At
from agent.store.folder import RunFolder
from agent.store.sealing import Sealed, seal
from agent.store.trouble import StoreError
from tests.unit.agent.desk.bench import EVERY_S, MINUTE_S, Bench, refused
from tests.unit.agent.desk.conftest import Disk


async def test_what_was_asked_for_under_a_key_is_remembered(bench: Bench) -> None:
    """The answer is stored with the run itself, and survives the daemon."""
    run = await bench.start(key="k1")
    told = await bench.desk.told("k1")
    assert told is not None
    assert told.answer == await bench.show(run)
    assert await bench.desk.told("k2") is None
    await bench.again()
    assert await bench.desk.told("k1") == told


async def test_a_start_that_could_not_be_stored_is_not_done_twice(bench: Bench, disk: Disk) -> None:
    """Asked again it is still not stored, and later it is there, once."""
    disk.full = True
    assert "503 not stored yet" in await refused(bench, key="k1")
    assert "503 nothing can be stored" in await refused(bench, key="k1")
    assert "503" in await refused(bench, serial="SN-2")
    disk.full = False
    await bench.go(2)
    told = await bench.desk.told("k1")
    assert told is not None
    assert [run["run"] for run in await bench.desk.runs()] == [told.answer["run"]]
    assert len(bench.events(told.answer["run"], Kind.RUN_STARTED)) == 1


async def test_an_act_that_could_not_be_stored_is_not_done_twice(bench: Bench, disk: Disk) -> None:
    """It takes effect when it is stored, with the answer to whoever asked."""
    run = await bench.start()
    disk.full = True
    act, ticket = Answer(need="bom_scanned", answer="yes", by="ann"), Ticket("k1", "as asked")
    for _ in range(2):
        with pytest.raises(Refused, match="the disk is full") as caught:
            await bench.desk.act(run, act, ticket)
        assert caught.value.status == 503
    await bench.go(5)
    assert await bench.desk.told("k1") is None
    disk.full = False
    await bench.go(2)
    assert await bench.desk.told("k1") is not None
    assert len(bench.events(run, Kind.ANSWERED)) == 1


async def test_while_the_disk_refuses_the_plan_waits(bench: Bench, disk: Disk) -> None:
    """Nothing is decided and no sample is lost; afterwards it goes on, and the wait is a gap."""
    run = await bench.whole()
    await bench.go(30)
    before = (await bench.show(run))["standing"]["qualified_s"]
    entries = len(bench.events(run))
    disk.full = True
    await bench.go(100)
    assert bench.desk.trouble == "the disk is full"
    assert len(bench.events(run)) == entries
    disk.full = False
    await bench.go(2)
    assert bench.desk.trouble == ""
    (gap,) = bench.events(run, Kind.GAP)
    assert gap.data["end"] - gap.data["start"] == pytest.approx(100.0, abs=2.0)
    assert "0 polls were lost" in gap.data["why"]
    after = (await bench.show(run))["standing"]["qualified_s"]
    assert after - before == pytest.approx(0.0, abs=4.0)
    assert await bench.to_the_end(run) == "PASS"


async def test_what_went_wrong_while_the_disk_refused_is_not_forgotten(
    bench: Bench, disk: Disk
) -> None:
    """Its samples were kept, and no PASS comes of it."""
    run = await bench.whole()
    await bench.go(30)
    disk.full = True
    bench.shown["supply"] = 50.0
    await bench.go(60)
    bench.shown["supply"] = 40.0
    disk.full = False
    await bench.go(100)
    await bench.desk.act(run, Finish(by="ann"), None)
    assert await bench.to_the_end(run) == "FAIL"


async def test_what_finds_no_room_in_memory_is_no_pass(
    bench: Bench, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backlog is bounded, and says how much it had to leave out."""
    monkeypatch.setattr("agent.open_run.BACKLOG_CELLS_MAX", 20)
    run = await bench.whole()
    await bench.go(30)
    disk.full = True
    await bench.go(60)
    disk.full = False
    await bench.go(2)
    (gap,) = bench.events(run, Kind.GAP)
    assert "polls were lost" in gap.data["why"]
    assert "and 0 polls" not in gap.data["why"]
    await bench.go(120)
    if (await bench.show(run))["state"] == "waiting":
        await bench.desk.act(run, Finish(by="ann"), None)
    assert await bench.to_the_end(run) == "INCONCLUSIVE"


async def test_a_device_that_binds_again_while_the_disk_refuses_loses_nothing(
    bench: Bench, disk: Disk
) -> None:
    """What came before is stored as what it was."""
    run = await bench.whole()
    await bench.go(30)
    disk.full = True
    await bench.go(10)
    bench.channels["feed"] = bench.channels["feed"][::-1]
    bench.bind("bay-01", "feed")
    await bench.go(10)
    disk.full = False
    assert await bench.to_the_end(run) == "PASS"
    await bench.again()
    shown = await bench.show(run)
    assert shown["verdict"] == "PASS"


async def test_a_segment_that_the_disk_refuses_is_made_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sample is missing from the record for that."""
    run, refusals = await bench.start(), list[int]()
    await bench.go(1)

    def refusing(folder: RunFolder, number: int, **more: At) -> Sealed:
        """Refuse thrice."""
        if len(refusals) < 3:
            refusals.append(number)
            raise StoreError("the disk is full")
        return seal(folder, number, **more)

    monkeypatch.setattr(desk, "seal", refusing)
    for _ in range(5):
        await bench.go(3_660, step=MINUTE_S)
        await bench.desk.background.settled()
    await bench.go(2)
    segments = [event.data for event in bench.events(run, Kind.SEGMENT)]
    assert len(refusals) == 3
    for before, after in itertools.pairwise(segments):
        assert after["start"] == before["end"] + MINUTE_S
    assert segments[0]["start"] <= MINUTE_S


async def test_samples_become_segments_every_hour(bench: Bench) -> None:
    """So the spool stays small; what the journal knows of is gone from it."""
    run = await bench.start()
    await bench.go(1)
    for _ in range(3):
        await bench.go(3_660, step=MINUTE_S)
        await bench.desk.background.settled()
    await bench.go(2)
    segments = bench.events(run, Kind.SEGMENT)
    assert len(segments) == 3
    spool = bench.data.run(run).spool
    assert len([*spool.iterdir()]) == 1
    starts = [event.data["start"] for event in segments]
    ends = [event.data["end"] for event in segments]
    assert starts[1:] == [end + MINUTE_S for end in ends[:-1]]


async def test_a_run_that_ends_while_a_segment_is_made_waits_for_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record needs that segment, too."""
    held = threading.Event()

    def slow(folder: RunFolder, number: int, **more: At) -> Sealed:
        """Take until the run is over."""
        held.wait(30.0)
        return seal(folder, number, **more)

    monkeypatch.setattr(desk, "seal", slow)
    monkeypatch.setattr("agent.open_run.SEGMENT_S", 30.0)
    run = await bench.whole()
    while not bench.events(run, Kind.RUN_JUDGED):
        await bench.go(1)
    await bench.go(2)
    assert not bench.events(run, Kind.SEGMENT)
    held.set()
    assert await bench.to_the_end(run) == "PASS"
    segments = [event.data for event in bench.events(run, Kind.SEGMENT)]
    assert [each["file"] for each in segments] == ["000001.npz", "000002.npz"]
    assert segments[1]["start"] == segments[0]["end"] + EVERY_S


async def test_a_bug_in_the_background_is_seen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is trouble, not silence; and the other bays go on."""

    async def broken(*_: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(archive, "finish", broken)
    run = await bench.whole()
    assert await bench.to_the_end(run) == "PASS"
    assert bench.desk.trouble == f"record of {run}: ZeroDivisionError: of ours"
    assert await bench.start(serial="SN-2")


async def test_a_run_that_breaks_stands_still_and_says_so(calm: Bench) -> None:
    """Until the next start of the daemon, which goes on with it."""
    run = await calm.whole()
    await calm.go(30)
    calm.desk.broke("bay-01", ZeroDivisionError("of ours"))
    await calm.go(100)
    assert calm.desk.trouble == "ZeroDivisionError: of ours"
    with pytest.raises(Refused, match="of ours"):
        await calm.desk.act(run, Pause(by="ann", reason="why not"), None)
    await calm.again()
    assert calm.desk.trouble == ""
    assert await calm.to_the_end(run) in {"PASS", "INCONCLUSIVE"}
