"""What the agent sees for itself: a bay of one switch and three trays, as people plug them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
import structlog

from agent.acts import Answer, Refused
from agent.burnin.event import Event, Kind
from agent.burnin.farends import End
from agent.config import load_floor
from agent.inspection import CONFIRM_S, LOOK_S, SETTLED_S, Inspector
from collectors.discovery import SilentError
from collectors.neighbours import Switch
from collectors.readings import Identity
from collectors.snmp.exchange import Outcome
from tests.unit.agent.burnin.cabled import Rack
from tests.unit.agent.desk.bench import WHO, Bench, design

SPEC: Final = """\
spec: rackproof.spec/1
id: cabled
revision: A
status: draft
title: A switch and three trays
design: {rack_power: 10 kW}
decision: {rule: simple}
defaults: {every: 2 s, hold: 4 s, budget: 20 %, applies: always}
roles:
  mgmt_switch:
    count: 1
    bom: {class: product, models: [any switch], serial: required}
    channels: {temp: {q: temperature, fail: max 80 degC, required: false}}
  tray:
    count: 3
    bom: {class: product, models: ["T1-*"], serial: required, firmware: ">= 2.1"}
    channels: {temp: {q: temperature, fail: max 80 degC, required: false}}
cabling:
  oob: {from: "mgmt_switch:swp{i}", to: "tray{i}:bmc", i: 1..3, speed: 1G}
plan:
  clock: qualified
  coverage: {min: 80 %}
  stages:
    - id: inventory
      duration: 10 s
      load: 0 %
      needs: [cabling_match, serials_read, firmware_match]
"""
FLOOR: Final = """\
floor: rackproof.floor/1
credentials: {lab: {version: 2c, community: public}}
defaults: {credentials: lab}
bays:
"""
BAY: Final = """\
  bay-0{n}:
    spec: spec.yaml
    devices:
      mgmt_switch: {{address: 10.1.{n}.1}}
"""
ONE, TWO, THREE = (End("mgmt_switch", f"swp{number}") for number in (1, 2, 3))


SETTLED: Final = SETTLED_S + 2 * LOOK_S  # by then, what is right is answered


def who(number: int, **more: str) -> Identity:
    """Return a device as it names itself."""
    told = {"serial": f"S{number}", "model": "T1-9", "firmware": "2.1", **more}
    return Identity("pdu", "other", "Acme", **told)


def people(first: int) -> dict[str, Identity]:
    """Return who is in a bay."""
    return {
        name: who(first + n) for n, name in enumerate(["mgmt_switch", "tray1", "tray2", "tray3"])
    }


@dataclass
class Scene:
    """A desk, an inspector, and what the bays show."""

    bench: Bench
    folder: Path
    rack: Rack = field(default_factory=lambda: Rack(design(SPEC)))
    known: dict[str, dict[str, Identity]] = field(default_factory=dict)
    silent: bool = False
    reads: int = 0

    def open(self) -> None:
        """Open two bays."""
        (self.folder / "spec.yaml").write_text(SPEC)
        text = FLOOR + BAY.format(n=1) + BAY.format(n=2)
        (self.folder / "floor.yaml").write_text(text)
        config = load_floor(self.folder / "floor.yaml")
        self.known = {"bay-01": people(10), "bay-02": people(20)}
        self.bench.open("bay-01", "bay-02")
        desk = self.bench.desk
        self.inspector = Inspector(
            desk.running, self.known.__getitem__, self.read, clock=lambda: self.bench.time.mono
        )
        desk.doubt = self.inspector.doubt
        for bay in config.bays.values():
            self.inspector.open(bay)

    async def read(self, _: str) -> Switch:
        """Read the switch."""
        self.reads += 1
        await asyncio.sleep(0)
        if self.silent:
            raise SilentError(Outcome.TIMEOUT, "no answer: timeout")
        return self.rack.switches(["mgmt_switch"])["mgmt_switch"]

    async def go(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds)):
            self.inspector.tick("bay-01")
            await self.inspector.background.settled()
            await self.bench.go(1)
        assert not self.inspector.background.broken

    async def needs(self, run: str) -> Mapping[str, str]:
        """Return what is still to be answered, with what is said beside."""
        at = (await self.bench.show(run))["standing"]
        told = [text.removeprefix("answer: ").partition(" ") for text in at["waiting_for"]]
        return {need: beside for need, _, beside in told} if at["phase"] == "needs" else {}

    async def say(self, run: str, need: str, deviation: str | None = None) -> None:
        """Let a person say yes."""
        act = Answer(need=need, answer="yes", by="ann", deviation=deviation)
        await self.bench.desk.act(run, act, None)

    def of(self, run: str, kind: Kind) -> list[Event]:
        """Return what happened of a kind."""
        return self.bench.events(run, kind)

    def answers(self, run: str) -> dict[str, Any]:
        """Return who answered what."""
        return {
            event.data["need"]: (event.data["answer"], event.data["by"])
            for event in self.of(run, Kind.ANSWERED)
        }


@pytest_asyncio.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """Open two bays whose cables, serials and firmware are as designed."""
    monkeypatch.setattr("agent.config.load_profiles", lambda: ())
    made = Scene(Bench(tmp_path / "data", spec=SPEC, channels={}), tmp_path)
    made.open()
    yield made
    await made.inspector.background.shut()
    await made.bench.close()


async def test_what_can_be_seen_is_answered_by_the_agent(scene: Scene) -> None:
    """Nobody is asked, and the stage goes on; the journal has what was found."""
    run = await scene.bench.start()
    await scene.go(SETTLED)
    by_agent = ("yes", "the agent")
    needs = ("cabling_match", "serials_read", "firmware_match")
    assert scene.answers(run) == dict.fromkeys(needs, by_agent)
    assert await scene.needs(run) == {}
    found = {event.data["need"]: event.data for event in scene.of(run, Kind.CHECKED)}
    assert [found[need]["right"] for need in needs] == [3, 4, 3]
    assert all(found[need]["found"] == "yes" for need in needs)


async def test_cables_that_are_swapped_are_told_at_once_and_fail_the_stage_if_they_stay(
    scene: Scene,
) -> None:
    """The time between is LLDP's: it remembers a neighbour that is gone."""
    plugs = scene.rack.plugs
    plugs[ONE], plugs[TWO] = plugs[TWO], plugs[ONE]
    run = await scene.bench.start()
    await scene.go(SETTLED)
    beside = (await scene.needs(run))["cabling_match"]
    assert beside.startswith("(wrong: the cable of tray1:bmc is in mgmt_switch:swp2, and the one")
    assert "cabling_match" not in scene.answers(run)
    await scene.go(CONFIRM_S + 2 * LOOK_S)
    assert scene.answers(run)["cabling_match"] == ("no", "the agent")
    (over,) = scene.of(run, Kind.STAGE_OVER)
    assert over.data["outcome"] == "refused"
    await scene.go(40)
    shown = await scene.bench.show(run)
    assert shown["verdict"] == "FAIL"
    assert "is in mgmt_switch:swp2" in str(shown["reason"])


async def test_cables_that_are_put_right_in_time_are_right(scene: Scene) -> None:
    """A plug in a wrong port for a minute is no defect."""
    plugs = scene.rack.plugs
    plugs[ONE], plugs[TWO] = plugs[TWO], plugs[ONE]
    run = await scene.bench.start()
    await scene.go(60)
    plugs[ONE], plugs[TWO] = plugs[TWO], plugs[ONE]
    await scene.go(SETTLED)
    assert scene.answers(run)["cabling_match"] == ("yes", "the agent")
    told = [
        e.data["found"] for e in scene.of(run, Kind.CHECKED) if e.data["need"] == "cabling_match"
    ]
    assert told == ["no", "yes"]


async def test_what_cannot_be_seen_waits_for_a_person_and_says_why(scene: Scene) -> None:
    """A switch that is silent proves nothing, for however long."""
    scene.silent = True
    run = await scene.bench.start()
    await scene.go(2 * CONFIRM_S)
    assert await scene.needs(run) == {
        "cabling_match": "(not known: mgmt_switch was not read: no answer: timeout; and 2 more)"
    }
    await scene.say(run, "cabling_match")
    await scene.go(3)
    assert scene.answers(run)["cabling_match"] == ("yes", "ann")
    assert len(scene.of(run, Kind.CHECKED)) == 3  # the same again and again is told once


async def test_a_person_needs_a_deviation_to_say_yes_to_what_is_wrong(scene: Scene) -> None:
    """The number stays in the journal."""
    scene.known["bay-01"]["tray2"] = who(2, firmware="2.0")
    run = await scene.bench.start()
    await scene.go(SETTLED)
    assert (await scene.needs(run))["firmware_match"].startswith("(wrong: tray2: firmware 2.0")
    with pytest.raises(Refused, match="answer with the number of the deviation"):
        await scene.say(run, "firmware_match")
    await scene.say(run, "firmware_match", "D-17")
    await scene.go(3)
    said = next(e.data for e in scene.of(run, Kind.ANSWERED) if e.data["by"] == "ann")
    assert said["deviation"] == "D-17"
    assert await scene.needs(run) == {}


@pytest.mark.parametrize(
    ("need", "odd", "text"),
    [
        ("firmware_match", {"firmware": "1.9"}, "tray2: firmware 1.9, wanted >= 2.1"),
        ("serials_read", {"model": "T2-1"}, "tray2 is a Acme T2-1, wanted T1-*"),
        ("serials_read", {"serial": "S11"}, "tray1 has serial S11, and so has tray2"),
    ],
)
async def test_a_part_that_is_not_of_the_bill_fails_the_stage(
    scene: Scene, need: str, odd: Mapping[str, str], text: str
) -> None:
    """It is named, with what was wanted."""
    scene.known["bay-01"]["tray2"] = who(2, **odd)
    run = await scene.bench.start()
    await scene.go(CONFIRM_S + 2 * LOOK_S)
    assert scene.answers(run)[need] == ("no", "the agent")
    said = next(e.data for e in scene.of(run, Kind.ANSWERED) if e.data["need"] == need)
    assert said["note"] == text


async def test_a_part_in_two_racks_of_the_floor_keeps_a_run_from_starting(scene: Scene) -> None:
    """It is told at once, and named in both; a run that was on before fails by it."""
    scene.known["bay-02"]["tray3"] = who(12)
    with structlog.testing.capture_logs() as logs:
        await scene.go(1)
    assert [each["devices"] for each in logs if each["event"] == "serial_twice"] == [
        "bay-01/tray2, bay-02/tray3"
    ]
    with pytest.raises(Refused, match="tray2 has serial S12, and so has bay-02/tray3"):
        await scene.bench.start()


async def test_cables_are_read_no_oftener_than_people_plug(scene: Scene) -> None:
    """While a stage asks every few seconds; on demand as well; and never when nobody asks."""
    scene.rack.plugs[ONE] = "somebody"
    await scene.go(30)
    assert scene.reads == 0
    assert (scene.inspector.cabling("bay-01") or {})["matches"] is None
    for _ in range(5):
        found = await scene.inspector.look("bay-01") or {}
    assert scene.reads == 1
    assert found["matches"] is False
    assert scene.inspector.counts("bay-01")["missing"] == 1
    assert found["todo"][0] == "take out the cable at mgmt_switch:swp1"
    await scene.bench.start()
    await scene.go(60)
    assert scene.reads <= 2 + 60 / LOOK_S
    assert await scene.inspector.look("bay-77") is None


async def test_a_device_that_is_another_one_in_the_midst_of_a_run_is_an_event(
    tmp_path: Path,
) -> None:
    """After a restart of the agent too; what a device does not say is no change."""
    bench = Bench(tmp_path / "data")
    bench.open()
    run = await bench.whole()
    await bench.go(3)
    silent, other = (Identity("pdu", "pdu", "Acme", "P1", serial) for serial in ("", "99"))
    bench.bind("bay-01", "feed", silent)
    await bench.go(2)
    await bench.again(5.0)
    bench.bind("bay-01", "feed", other)
    await bench.go(2)
    changes = [event.data for event in bench.events(run, Kind.IDENTITY)]
    assert changes == [{"device": "feed", "was": {"serial": WHO.serial}, "now": {"serial": "99"}}]
    await bench.close()


async def test_whatever_a_device_says_the_journal_can_hold_it(scene: Scene) -> None:
    """Cut what is long, and replace what is no text."""
    scene.known["bay-01"]["tray2"] = who(2, model="\ud800" * 5000)
    scene.rack.plugs[ONE] = "x" * 5000
    run = await scene.bench.start()
    await scene.go(CONFIRM_S + 2 * LOOK_S)
    found = [event.data for event in scene.of(run, Kind.CHECKED)]
    texts = [text for data in found for text in (*data["wrong"], *data["unknown"], *data["todo"])]
    assert max(map(len, texts)) <= 500
    assert scene.answers(run)["serials_read"] == ("no", "the agent")
