"""Whatever can be broken shows where such a fault shows, and is as before once it is mended."""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.burnin.design import Design
from collectors.twin.faults import KINDS, Fault, FaultError
from collectors.twin.racks import Racks
from tests.unit.collectors.twin.cold_racks import at_work, racks_of

# What each shows within half an hour, beside a rack like it: instrument, and by how much it is off.
SIGNS: Final = {
    "leak zone=3": ("rack.leak[zone3]", 1.0, 1.0),
    "leak tray=7 size=0.2": ("compute_tray7.leak", 1.0, 1.0),
    "leak size=1": ("cdu.flow", 0.3, 1.2),
    "leak size=0.8": ("cdu.level", -70.0, -40.0),
    "pump_failure": ("cdu.pump_ok[pump1]", 2.0, 2.0),
    "pump_failure pump=2": ("cdu.pump_speed[pump1]", 4.0, 6.0),
    "filter_clog size=4": ("cdu.pump_speed[pump1]", 6.0, 10.0),
    "filter_clog": ("rack.flow", -10.0, -3.0),
    "filter_clog name=dp": ("cdu.filter_dp", 80.0, 110.0),
    "plates_clog": ("rack.dp", 45.0, 60.0),
    "stuck_valve": ("cdu.supply_temp", 3.0, 9.0),
    "phase_loss": ("feedA.line_voltage[phase2]", -241.0, -238.0),
    "phase_loss feed=feedB phase=1": ("power_shelf5.psu_ok[psu1]", 1.0, 1.0),
    "overload": ("feedA.power", 15e3, 18e3),
    "psu_failure": ("power_shelf3.psu_faults[psu2]", 1.0, 1.0),
    "psu_failure name=share": ("power_shelf3.psu_share[psu1]", 3.0, 3.7),
    "sensor_offset": ("rack.return_temp", 1.2, 1.8),
    "sensor_offset channel=cdu.flow size=-9": ("cdu.flow", -12.0, -6.0),
    "sensor_drift size=-4": ("rack.return_temp", -2.3, -1.7),
    "fan_failure": ("power_shelf1.fan_speed[psu1]", -8200.0, -7800.0),
    "fan_failure name=warm": ("power_shelf1.psu_temp[psu1]", 28.0, 32.0),
    "fan_failure device=rear_door fan=3": ("rear_door.fan_ok[fan3]", 1.0, 1.0),
    "link_flap port=swp4": ("mgmt_switch1.flaps[swp4]", 100.0, 140.0),
    "fec_decay port=swp49": ("mgmt_switch1.errors[swp49]", 1.0, 1e6),
    "fec_decay port=swp49 name=fec": ("mgmt_switch1.fec_uncorrectable[swp49]", 10.0, 1e6),
    "scale": ("feedA.power", 5.5e5, 6.5e5),
    "scale channel=power_shelf2.input_power size=0.1": ("power_shelf2.input_power", -16e3, -14e3),
    "fahrenheit": ("rack.return_temp", 70.0, 75.0),
    "swapped_probes": ("rack.supply_temp", 9.0, 12.0),
    "phase_order": ("feedA.power", -68e3, -60e3),
    "phase_order name=pf": ("feedA.power_factor", -1.05, -0.9),
    "dead_ct feed=B": ("feedB.line_current[phase1]", -95.0, -90.0),
    "dead_ct name=share": ("feedA.power", -23e3, -21e3),
    "wrong_coolant": ("rack.dp", 22.0, 29.0),
    "wrong_coolant name=heat": ("rack.return_temp", 0.6, 1.2),
}
HIDDEN: Final = {  # kinds that no value of an instrument shows
    "sensor_stuck",
    "sensor_stale",
    "sensor_noise",
    "miscabling",
    "feed_swap",
    "drop_out",
    "late",
    "duplicate",
    "reorder",
    "reboot",
    "clock_step",
}
WRONG: Final = {  # what a person might write, and the words that must be in the answer
    "": "kind",
    "leek": "'leek' leak pump_failure",
    "leak 0.5": "'0.5' key=value",
    "leak size=": "'size=' key=value",
    "leak sise=1": "'sise' size zone tray",
    "leak size=big": "size=big L/min",
    "leak size=-1": "size -1",
    "leak size=1 size=2": "'size' twice",
    "leak at=soon": "at=soon 20min",
    "leak for=0s": "0 s",
    "leak zone=9": "zone=9 1, 2, 3, 4",
    "leak tray=19": "tray=19 1, 2",
    "leak device=chiller": "device=chiller cdu",
    "pump_failure pump=3": "pump=3 2",
    "phase_loss feed=C": "feed=C A, B",
    "phase_loss phase=4": "phase=4 3",
    "psu_failure shelf=12": "shelf=12 8",
    "sensor_offset channel=rack.taste": "channel=rack.taste feedA.power",
    "fahrenheit channel=rack.flow": "rack.flow L/min",
    "swapped_probes device=feedA": "feedA supply_temp",
    "fan_failure device=power_shelf1 fan=9": "fan=9",
    "fan_failure device=rack": "device=rack power_shelf1",
    "link_flap device=mgmt_switch1 port=eth0": "port=eth0 swp1",
    "miscabling port=swp1 with=swp1": "swp1",
    "drop_out device=toaster": "device=toaster feedA",
    "phase_order phases=1,4": "phases=1,4 1,2,3",
}


def beside(design: Design, faults: Sequence[Fault], seconds: float) -> Racks:
    """Return racks alike under load: one is whole, each other has one of these faults."""
    racks = at_work(design, [5] * (1 + len(faults)), 900.0)
    for rack, fault in enumerate(faults, start=1):
        racks.inflict(rack, fault.after(racks.seconds))
    for _ in range(int(seconds / 5.0)):
        racks.advance(5.0)
    racks.read()
    return racks


def pair(design: Design, *faults: str, seconds: float = 60.0) -> Racks:
    """Return two racks alike, of which the second has all these faults."""
    racks = at_work(design, [5, 5], 900.0)
    for words in faults:
        racks.inflict(1, Fault.parse(words))
    racks.advance(seconds)
    racks.read()
    return racks


@pytest.fixture(scope="module")
def signs(large: Design) -> Racks:
    """Return a whole rack, and one for each row of `SIGNS`."""
    return beside(large, [Fault.parse(words) for words in SIGNS], 1800.0)


@pytest.fixture(scope="module")
def mended(large: Design) -> Racks:
    """Return a whole rack, and one for each kind of fault that was over an hour ago."""
    return beside(large, [Fault(kind=kind, onset_s=5.0, lasts_s=60.0) for kind in KINDS], 3600.0)


def off(racks: Racks, name: str, rack: int = 1) -> float:
    """Return how much more a broken rack shows than the whole one."""
    device, _, channel = name.partition(".")
    column = racks.column[device, channel]
    return float(racks.shown[rack, column] - racks.shown[0, column])


@pytest.mark.parametrize("words", SIGNS)
def test_a_fault_shows_where_such_a_fault_shows(signs: Racks, words: str) -> None:
    """Beside a rack that is built alike and whole."""
    name, low, high = SIGNS[words]
    assert low <= off(signs, name, 1 + list(SIGNS).index(words)) <= high


def test_every_kind_of_fault_is_tried_here() -> None:
    """No kind is forgotten."""
    assert {words.split()[0] for words in SIGNS} | HIDDEN == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_is_over_when_it_is_mended(mended: Racks, kind: str) -> None:
    """The rack shows again what a whole one shows, but for what was counted."""
    rack = 1 + list(KINDS).index(kind)
    assert mended.faults(rack) == {}
    gauges = np.array([not point.counter for point in mended.points])
    whole, broken = mended.shown[0, gauges], mended.shown[rack, gauges]
    assert np.allclose(broken, whole, rtol=0.01, atol=0.6)
    assert mended.good[rack].all()
    assert not (mended.silent[rack] | mended.twice[rack]).any()
    assert not (mended.late[rack] + mended.jumbled[rack] + mended.clock_offset[rack]).any()
    assert mended.crossed[rack] == {}


@settings(max_examples=8)
@given(names=st.permutations(["overload", "phase_loss", "sensor_offset", "leak", "fan_failure"]))
def test_several_faults_at_once_are_mended_in_any_order(large: Design, names: list[str]) -> None:
    """Each takes with it what it brought, and nothing else."""
    racks = pair(large, *names, seconds=20.0)
    for number, name in enumerate(names):
        assert set(racks.faults(1)) == set(names[number:])
        racks.mend(1, name)
        racks.advance(60.0)
    racks.advance(900.0)
    racks.read()
    assert abs(off(racks, "feedA.power")) < 200.0
    assert off(racks, "rack.leak[zone2]") == 0.0
    assert abs(off(racks, "rack.return_temp")) < 0.4


@pytest.mark.parametrize("words", WRONG)
def test_a_fault_that_cannot_be_is_refused_with_what_can(large: Design, words: str) -> None:
    """The answer names the word that is wrong, and what is possible."""
    racks = racks_of(large, [1])
    with pytest.raises(FaultError) as refused:
        racks.inflict(0, Fault.parse(words))
    for word in WRONG[words].split():
        assert word in str(refused.value)


def test_a_fault_is_written_the_same_on_a_line_and_in_a_file() -> None:
    """Numbers may carry their unit, times theirs."""
    line = Fault.parse("leak zone=3 size=0.6L/min at=20min for=1.5h name=drip")
    file = Fault.of(
        {"kind": "leak", "zone": 3, "size": 0.6, "at": 1200, "for": "5400s", "name": "drip"}
    )
    assert line == file
    assert (line.onset_s, line.ends_s, line.size) == (1200.0, 6600.0, 0.6)
    assert Fault.parse("leak k=0.04").size == pytest.approx(0.04 * 250**0.5)


def test_a_second_fault_of_one_name_is_refused(large: Design) -> None:
    """Nobody could say which to mend; another name lets both be."""
    racks = racks_of(large, [1])
    racks.inflict(0, Fault.parse("leak zone=1"))
    with pytest.raises(FaultError, match="name="):
        racks.inflict(0, Fault.parse("leak zone=2"))
    racks.inflict(0, Fault.parse("leak zone=2 name=another"))
    assert set(racks.faults(0)) == {"leak", "another"}


def test_a_frozen_value_is_believed_unless_its_time_stamp_is_frozen_too(large: Design) -> None:
    """Then the device itself says that the value is old."""
    racks = at_work(large, [5], 300.0)
    stuck, stale = (racks.column["rack", name] for name in ("return_temp", "dp"))
    racks.inflict(0, Fault.parse("sensor_stuck"))
    racks.inflict(0, Fault.parse("sensor_stale channel=rack.dp"))
    seen = []
    for _ in range(5):
        racks.advance(2.0)
        seen.append(racks.read()[0].copy())
    assert len({row[stuck] for row in seen}) == len({row[stale] for row in seen}) == 1
    assert racks.good[0, stuck]
    assert not racks.good[0, stale]
    assert racks.good[0].sum() == len(racks.points) - 1


def test_a_noisy_instrument_scatters_ten_times_as_much(large: Design) -> None:
    """Around the same mean."""
    racks = at_work(large, [5, 5])
    racks.inflict(1, Fault.parse("sensor_noise"))
    column = racks.column["rack", "return_temp"]
    seen = []
    for _ in range(200):
        racks.advance(1.0)
        seen.append(racks.read()[:, column].copy())
    calm, noisy = np.std(seen, axis=0)
    assert 5.0 < noisy / calm < 15.0


def test_swapped_feeds_show_only_when_one_is_lost(large: Design) -> None:
    """Then the wrong shelves drop."""
    racks = pair(large, "feed_swap", seconds=60.0)
    assert abs(off(racks, "feedA.power")) < 2500.0
    racks.plant.feeds[:, 0] = False
    racks.advance(5.0)
    racks.read()
    assert off(racks, "power_shelf1.psu_ok[psu1]") == -1.0
    assert off(racks, "power_shelf5.psu_ok[psu1]") == 1.0


def test_what_no_value_shows_is_told_to_whoever_serves_the_devices(large: Design) -> None:
    """Silence, delays, crossed neighbours, restarts and clocks."""
    racks = pair(
        large,
        "drop_out device=cdu",
        "late device=rack size=9",
        "duplicate device=feedA",
        "reorder device=feedB",
        "clock_step device=room size=-60",
        "reboot device=mgmt_switch2",
        "miscabling device=mgmt_switch1 port=swp3 with=swp4",
        seconds=10.0,
    )
    assert racks.silent[1, racks.number("cdu")]
    assert racks.late[1, racks.number("rack")] == 9.0
    assert racks.twice[1, racks.number("feedA")]
    assert racks.jumbled[1, racks.number("feedB")] == 7.0
    assert racks.clock_offset[1, racks.number("room")] == -60.0
    assert racks.uptime(1, "mgmt_switch2") == 10.0
    assert racks.crossed[1]["mgmt_switch1", "swp3"] == ("mgmt_switch1", "swp4")
    assert racks.silent.sum() == racks.twice.sum() == 1
    told = {(event.device, event.what) for event in racks.happened() if event.rack == 1}
    assert ("mgmt_switch2", "reboot") in told


def test_what_breaks_by_itself_is_told_once(large: Design) -> None:
    """So that a device can send a trap for it."""
    racks = at_work(large, [5], 300.0)
    racks.happened()
    for words in ("leak tray=2 size=2", "pump_failure", "psu_failure", "link_flap size=0.1"):
        racks.inflict(0, Fault.parse(words))
    racks.advance(4.0)
    racks.advance(4.0)
    told = [(event.device, event.what, event.part) for event in racks.happened()]
    assert sorted(told, key=repr) == [
        ("cdu", "pump stopped", "pump1"),
        ("compute_tray2", "leak", None),
        ("mgmt_switch1", "link down", "swp1"),
        ("mgmt_switch1", "link up", "swp1"),
        ("power_shelf3", "supply failed", "psu2"),
    ]
    assert racks.happened() == []


def test_every_kind_says_what_it_is_and_what_must_come_of_it() -> None:
    """For the list that a person reads."""
    for name, kind in KINDS.items():
        assert re.fullmatch(r"[a-z_]+", name)
        assert kind.story
        assert kind.verdict.startswith(("PASS", "FAIL", "INCONCLUSIVE"))


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"psu_failure", "fahrenheit"}))
def test_every_kind_acts_on_a_small_rack_too(small: Design, kind: str) -> None:
    """Where a spec has fewer instruments, what is broken is found all the same."""
    racks = at_work(small, [1], 60.0)
    racks.inflict(0, Fault(kind=kind))
    racks.advance(20.0)
    racks.read()
    assert kind in racks.faults(0)
