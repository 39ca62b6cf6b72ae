"""Runs at the desk, from a start to a record: what begins, how it goes, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent import archive
from agent.acts import Abort, Answer, Dispose, Finish, Pause, Refused, Repeat, Resume
from agent.burnin.event import Kind
from agent.clock import Synchrony
from agent.record.judgement import rejudged
from agent.record.verify import verify
from tests.unit.agent.desk.bench import PLANLESS, SPEC, WHO, Bench, design, refused
from tests.unit.agent.desk.conftest import sealing


async def test_a_bay_that_cannot_judge_starts_no_run(bench: Bench) -> None:
    """Without a spec, without a plan, by another spec than was meant, or polled too seldom."""
    bench.desk.open("bare", None, b"", None, {})
    assert "409 bare has no spec" in await refused(bench, "bare")
    bench.add("planless", PLANLESS)
    assert "409 spec bench has no plan" in await refused(bench, "planless")
    assert "another spec" in await refused(bench, hash_="0" * 64)
    bench.add("slow", interval=5.0)
    assert "cdu every 5 s, to be read every 2 s" in await refused(bench, "slow")
    assert not await bench.desk.runs()
    assert await bench.start(hash_=design().spec.canonical_hash)


@pytest.mark.parametrize("kept", [False, None])
async def test_no_run_begins_on_a_clock_that_nobody_keeps(bench: Bench, *, kept: bool) -> None:
    """Unless the plan says that any clock will do."""
    bench.time.kept = Synchrony(synchronised=kept)
    assert "synchronise it" in await refused(bench)
    bench.add("bay-02", SPEC.replace("clock: qualified", "clock: qualified\n  wall_clock: any"))
    assert await bench.start("bay-02")


async def test_a_bay_has_one_run_and_a_rack_one_bay(bench: Bench) -> None:
    """Until it is over."""
    bench.add("bay-02")
    run = await bench.start()
    assert "which is not over" in await refused(bench, serial="SN-2")
    assert f"rack SN-1 is in bay-01, in run {run}" in await refused(bench, "bay-02")
    await bench.desk.act(run, Abort(by="ann", reason="enough"), None)
    await bench.to_the_end(run)
    assert await bench.start("bay-02")
    assert await bench.start(serial="SN-2")


async def test_bays_of_like_names_have_runs_of_their_own(bench: Bench) -> None:
    """Two that begin within one second, too."""
    bench.add("bay_01")
    first, second = await bench.start(), await bench.start("bay_01", "SN-2")
    assert first != second
    assert {run["bay"] for run in await bench.desk.runs()} == {"bay-01", "bay_01"}


async def test_a_rack_that_is_well_passes(bench: Bench) -> None:
    """It waits for people, counts its time and ends by itself; metrics follow it."""
    run = await bench.start()
    await bench.go(30)
    shown = await bench.show(run)
    assert (shown["state"], shown["standing"]["needs"]) == ("waiting", ["bom_scanned"])
    await bench.answer(run)
    await bench.go(20)
    assert bench.desk.view("bay-01").stage == "soak"  # type: ignore[union-attr]
    assert await bench.to_the_end(run) == "PASS"
    shown = await bench.show(run)
    assert shown["state"] == "over"
    stages = {stage["stage"]: (stage["verdict"], stage["outcome"]) for stage in shown["stages"]}
    assert stages == {"inventory": ("PASS", "completed"), "soak": ("PASS", "completed")}
    assert bench.desk.view("bay-01").over  # type: ignore[union-attr]
    assert bench.desk.busy("bay-01") is None


async def test_a_run_that_is_over_has_a_record(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealed without being asked for, and its verdict follows from what is in it."""
    monkeypatch.setattr(archive, "finish", sealing)
    run = await bench.whole()
    assert await bench.to_the_end(run) == "PASS"
    folder = await bench.desk.record(run)
    assert folder is not None
    assert (await bench.show(run))["record"] == str(folder)
    report = verify(folder, None, rejudge=rejudged)
    assert not report.findings, report
    summary = json.loads((folder / "summary.json").read_bytes())
    assert {each["slots"] for each in summary["stages"][1]["channels"]} == {30}


@pytest.mark.parametrize("shown", [{"power": 12_000.0}, {"supply": 45.0}])
async def test_a_rack_that_is_not_well_fails_and_waits(
    bench: Bench, shown: dict[str, float]
) -> None:
    """Somebody says what it was, and closes the run."""
    run = await bench.whole()
    await bench.go(20)
    bench.shown |= shown
    await bench.go(120)
    assert (await bench.show(run))["state"] == "waiting"
    bench.shown |= {"power": 10_000.0, "supply": 40.0}
    await bench.desk.act(run, Finish(by="ann"), None)
    assert await bench.to_the_end(run) == "FAIL"


async def test_a_trip_holds_the_run_until_it_is_decided(bench: Bench) -> None:
    """A signed disposition, then the stage once more."""
    run = await bench.whole()
    await bench.go(30)
    bench.shown["power"] = 16_000.0
    await bench.go(5)
    bench.shown["power"] = 10_000.0
    await bench.go(30)
    shown = await bench.show(run)
    assert (shown["state"], shown["verdict"]) == ("held", "FAIL")
    assert bench.desk.view("bay-01").held  # type: ignore[union-attr]
    with pytest.raises(Refused, match="say first what became of attempt 1"):
        await bench.desk.act(run, Repeat(stage="soak", by="ann", reason="again"), None)
    said = Dispose(stage="soak", attempt=1, decision="repaired", text="a fuse", by="bob")
    await bench.desk.act(run, said, None)
    await bench.desk.act(run, Repeat(stage="soak", by="ann", reason="again"), None)
    assert await bench.to_the_end(run) == "PASS"
    (decided,) = bench.events(run, Kind.DISPOSITION)
    assert len(bytes.fromhex(decided.data["signature"])) == 64
    assert [stage["attempt"] for stage in (await bench.show(run))["stages"]] == [1, 1, 2]


async def test_a_pause_counts_for_nothing(bench: Bench) -> None:
    """And is no gap."""
    run = await bench.whole()
    await bench.go(40)
    await bench.desk.act(run, Pause(by="ann", reason="fire drill"), None)
    counted = (await bench.show(run))["standing"]["qualified_s"]
    await bench.go(100)
    shown = await bench.show(run)
    assert (shown["state"], shown["standing"]["qualified_s"]) == ("paused", counted)
    await bench.desk.act(run, Resume(by="ann"), None)
    assert await bench.to_the_end(run) == "PASS"


async def test_what_cannot_be_done_now_is_refused_with_what_to_do(bench: Bench) -> None:
    """Before, during and after; and nothing of it is in the journal."""
    run = await bench.start()
    before = bench.events(run)
    for act, text in (
        (Answer(need="clock_ok", answer="yes", by="ann"), "it asks for: bom_scanned"),
        (Resume(by="ann"), "not paused"),
        (Finish(by="ann"), "the plan is not done"),
        (Repeat(stage="soak", by="ann", reason="again"), "none is over"),
        (
            Dispose(stage="soak", attempt=1, decision="ntf", text="none", by="ann"),
            "there is no attempt 1 of soak",
        ),
    ):
        with pytest.raises(Refused, match=text) as caught:
            await bench.desk.act(run, act, None)
        assert caught.value.status == 409
    assert bench.events(run) == before
    with pytest.raises(Refused, match="there is no run") as caught:
        await bench.desk.act("nothing", Finish(by="ann"), None)
    assert caught.value.status == 404
    await bench.desk.act(run, Abort(by="ann", reason="enough"), None)
    assert await bench.to_the_end(run) == "ABORTED"
    with pytest.raises(Refused, match="is over") as caught:
        await bench.desk.act(run, Pause(by="ann", reason="too late"), None)
    assert caught.value.status == 409


async def test_two_racks_go_beside_each_other(bench: Bench) -> None:
    """What happens to one is nothing to the other."""
    bench.add("bay-02")
    first, second = await bench.whole(), await bench.whole("bay-02", "SN-2")
    bench.silent = {"bay-02/cdu"}
    await bench.go(130)
    await bench.desk.act(second, Finish(by="ann"), None)
    assert await bench.to_the_end(second) == "INCONCLUSIVE"
    assert await bench.to_the_end(first) == "PASS"


@pytest.mark.parametrize("bay_has_it", [True, False])
async def test_a_device_that_is_never_there_passes_nothing(
    tmp_path: Path, *, bay_has_it: bool
) -> None:
    """Silent, or not in the floor file at all: not seen is not well."""
    bench = Bench(tmp_path)
    if bay_has_it:
        bench.silent = {"cdu"}
    else:
        bench.channels.pop("cdu")
    bench.open()
    run = await bench.whole()
    await bench.go(130)
    assert (await bench.show(run))["state"] == "waiting"
    await bench.desk.act(run, Finish(by="ann"), None)
    assert await bench.to_the_end(run) == "INCONCLUSIVE"
    await bench.close()


async def test_a_device_that_comes_back_with_other_columns_goes_on(bench: Bench) -> None:
    """Its evidence is told apart by binding, and each reads its own columns."""
    run = await bench.whole()
    await bench.go(40)
    power, outages = bench.channels["feed"]
    heat = replace(power, name="heat")
    bench.channels["feed"] = (heat, outages, power)
    bench.bind("bay-01", "feed")
    assert await bench.to_the_end(run) == "PASS"
    bound = [e.data for e in bench.events(run, Kind.BOUND) if e.data["device"] == "feed"]
    assert [data["binding"] for data in bound] == [0, 1]
    assert [c["channel"] for c in bound[1]["columns"]] == ["outages", "power"]


async def test_what_devices_say_of_themselves_harms_nobody(bench: Bench) -> None:
    """Half a character, control characters, and a page of text."""
    hostile = "\ud800<script>\x00\x1b[2J" + "x" * 100_000
    bench.bind("bay-01", "cdu", replace(WHO, serial=hostile, model=hostile))
    run = await bench.whole()
    assert await bench.to_the_end(run) == "PASS"
    told = [e.data["identity"] for e in bench.events(run, Kind.BOUND)]
    assert max(len(text) for each in told for text in each.values()) <= 1000


async def test_a_reboot_is_told(bench: Bench) -> None:
    """Its counters may have started anew, which the verdict must know of."""
    run = await bench.whole()
    await bench.go(20)
    bench.desk.rebooted("bay-01", "feed", "its uptime fell")
    await bench.go(2)
    (told,) = bench.events(run, Kind.REBOOT)
    assert told.data == {"device": "feed", "why": "its uptime fell"}


async def test_runs_can_be_listed_and_read_at_every_moment(bench: Bench) -> None:
    """While they begin, go, end, and after."""
    run = await bench.whole()
    states = set()
    for _ in range(130):
        await bench.go(1)
        (listed,) = await bench.desk.runs()
        states.add(listed["state"])
        entries = await bench.desk.entries(run, 2, 3)
        assert [entry["seq"] for entry in entries] == [3, 4, 5][: len(entries)]
    assert states >= {"running", "over"}
    with pytest.raises(Refused, match="there is no run"):
        await bench.desk.entries("nothing", 0, 10)
    assert listed["verdict"] == "PASS"
