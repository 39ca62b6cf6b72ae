"""A simulated rack behaves as a rack does, whatever others stand beside it."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.burnin.design import Design
from agent.burnin.limits import Rung
from agent.rehearsal.points import build, points
from collectors.quantity import Quantity
from collectors.twin.build import Build
from collectors.twin.faults import Fault
from collectors.twin.point import Point
from collectors.twin.racks import Racks
from collectors.twin.states import states_of
from tests.unit.collectors.twin.cold_racks import SMALL, at_work, design_of, racks_of

DESIGN = design_of(SMALL)
SEEDS = st.integers(0, 2**32)
STEPS = st.lists(st.sampled_from([0.5, 1.0, 2.0, 5.0, 60.0]), min_size=1, max_size=8)
KINDS = st.sampled_from(["leak", "overload", "stuck_valve", "pump_failure", "sensor_noise"])


def shown(racks: Racks, name: str, rack: int = 0) -> float:
    """Return what an instrument shows: "rack.flow"."""
    device, _, channel = name.partition(".")
    return float(racks.shown[rack, racks.column[device, channel]])


def history(seeds: list[int], steps: list[float], broken: str, which: int) -> list[bytes]:
    """Return all that one of several racks shows; it breaks on the way."""
    racks = racks_of(DESIGN, seeds)
    plant = racks.plant
    plant.filled[:] = plant.pumps[:] = plant.feeds[:] = True
    racks.inflict(which, Fault(kind=broken, onset_s=3.0))
    seen = []
    for number, step in enumerate(steps):
        plant.load[:] = number % 2
        racks.advance(step)
        seen.append(racks.read()[which].tobytes())
    return seen


@settings(max_examples=15)
@given(seeds=st.lists(SEEDS, min_size=2, max_size=6, unique=True), steps=STEPS, broken=KINDS)
def test_a_rack_shows_the_same_bytes_twice_and_whatever_stands_beside_it(
    seeds: list[int], steps: list[float], broken: str
) -> None:
    """All follows from a rack's own seed, to the last bit."""
    which = len(seeds) - 1
    together = history(seeds, steps, broken, which)
    assert together == history(seeds, steps, broken, which)
    assert together == history(seeds[-1:], steps, broken, 0)


def test_two_racks_are_not_alike() -> None:
    """Other seeds show other numbers."""
    racks = at_work(DESIGN, [1, 2], 600.0)
    assert (racks.shown[0] != racks.shown[1]).sum() > 20


def outside(design: Design, racks: Racks) -> set[str]:
    """Return what is beyond a warn limit of its design, in any rack."""
    found = set()
    rung = Rung.WARN
    for place, channel in enumerate(design.channels[: design.measured]):
        column = racks.column.get((channel.device, channel.name))
        if column is None or channel.row.scale.is_state or racks.points[column].counter:
            continue
        values = racks.shown[:, column] / channel.row.scale.unit.factor
        factor = racks.points[column].quantity.canonical.factor
        values = values * factor
        low, high = design.limits.low[rung, place], design.limits.high[rung, place]
        if ((values < low) | (values > high)).any():
            found.add(f"{channel.device}.{channel.name}")
    return found


def test_healthy_racks_at_full_load_are_inside_every_warn_limit(
    large: Design, small: Design
) -> None:
    """No instrument of twenty racks gives anybody reason to look."""
    for design in (large, small):
        assert outside(design, at_work(design, range(20))) == set()


def test_every_row_of_the_example_specs_has_physics_behind_it(large: Design, small: Design) -> None:
    """Nothing is made up."""
    assert racks_of(large, [1]).invented == racks_of(small, [1]).invented == ()


def test_a_row_that_nobody_knows_shows_a_constant_and_is_named() -> None:
    """A spec with other instruments can be tried all the same."""
    known = Point("rack", "flow", "rack.flow", None, Quantity.FLOW)
    odd = Point("chiller", "brine_temp", "chiller.brine_temp", None, Quantity.TEMPERATURE)
    racks = Racks([known, odd], Build.of([known, odd]), [1])
    assert racks.invented == ("chiller.brine_temp",)
    racks.advance(10.0)
    assert 25.0 < racks.read()[0, racks.column["chiller", "brine_temp"]] < 35.0


def test_states_are_told_by_name(large: Design) -> None:
    """Each number that a state shows means something."""
    racks = at_work(large, [1], 60.0)
    for column, point in enumerate(racks.points):
        meanings = states_of(point)
        if meanings:
            assert racks.shown[0, column] in meanings
    assert states_of(racks.points[racks.column["feedA", "breaker"]])[0] == "closed"


def test_a_cold_dry_rack_shows_no_power_and_no_flow(large: Design) -> None:
    """Before anybody has touched it."""
    racks = racks_of(large, [1])
    racks.advance(60.0)
    racks.read()
    for name in ("feedA.power", "feedA.line_voltage[phase1]", "rack.flow", "cdu.pump_speed[pump1]"):
        assert shown(racks, name) == 0.0
    assert shown(racks, "feedA.breaker") == shown(racks, "cdu.pump_ok[pump1]") == 1.0


def test_a_lost_feed_leaves_its_load_to_the_other(large: Design) -> None:
    """Its supplies count one outage each; four shelves carry eight."""
    racks = at_work(large, [1])
    before = shown(racks, "power_shelf1.ac_outages[psu1]")
    racks.plant.feeds[0, 0] = False
    for _ in range(10):
        racks.advance(1.0)
        racks.read()
    assert shown(racks, "feedA.breaker") == 1.0
    assert shown(racks, "feedA.line_voltage[phase1]") == 0.0
    assert 130e3 < shown(racks, "feedB.power") < 134e3
    assert 32e3 < shown(racks, "power_shelf5.input_power") < 34e3
    assert shown(racks, "power_shelf1.psu_ok[psu1]") == 1.0
    assert shown(racks, "power_shelf1.ac_outages[psu1]") == before + 1
    lost = {(event.device, event.part) for event in racks.happened() if event.what == "input lost"}
    assert ("power_shelf4", "psu6") in lost
    assert len(lost) == 24


def test_a_supply_that_is_pulled_leaves_its_share_to_five(large: Design) -> None:
    """And its phase carries less than the others."""
    racks = at_work(large, [1])
    racks.plant.seated[0, 0, 0] = False
    racks.advance(10.0)
    racks.read()
    assert shown(racks, "power_shelf1.psu_share[psu1]") == 0.0
    assert 19.0 < shown(racks, "power_shelf1.psu_share[psu2]") < 21.0
    lines = [shown(racks, f"feedA.line_current[phase{phase}]") for phase in (1, 2, 3)]
    assert lines[0] < 0.93 * lines[1]


def test_the_other_pump_makes_up_for_one_that_stops(large: Design) -> None:
    """The flow dips for seconds, while cold plates have seconds."""
    racks = at_work(large, [1])
    racks.plant.pumps[0, 0] = False
    flows = []
    for _ in range(30):
        racks.advance(0.5)
        flows.append(float(racks.plant.flow[0]))
    assert 100.0 < min(flows) < 150.0
    assert all(flow > 165.0 for flow in flows[16:])
    racks.read()
    assert 88.0 < shown(racks, "cdu.pump_speed[pump2]") < 92.0


@settings(max_examples=5)
@given(seed=SEEDS)
def test_steps_of_the_load_move_the_supply_by_less_than_four_kelvin(seed: int) -> None:
    """The valve follows the load; the loop's own heat does the rest."""
    racks = at_work(DESIGN, [seed])
    for load in (0.2, 1.0, 0.2, 1.0):
        racks.plant.load[:] = load
        for _ in range(60):
            racks.advance(5.0)
            assert 36.0 < racks.plant.heat.degc[0, 2] < 44.0


def on_one_feed(design: Design, rating: float) -> Racks:
    """Return a rack that has hung on its first feed alone for an hour, behind such a breaker."""
    built = replace(build(design), feed_breaker_a=rating)
    racks = Racks(points(design), built, [1])
    plant = racks.plant
    plant.filled[:] = plant.pumps[:] = plant.feeds[:, 0] = True
    plant.load[:] = 1.0
    racks.advance(3600.0)
    racks.read()
    return racks


def test_a_breaker_carries_its_rating_for_ever_and_trips_beyond(large: Design) -> None:
    """At 1.1 of its rating it holds; at 1.5 it opens within the hour, and says so."""
    held, opened = on_one_feed(large, 167.0), on_one_feed(large, 122.0)
    assert shown(held, "feedA.breaker") == 0.0
    assert shown(opened, "feedA.breaker") == 1.0
    assert shown(opened, "feedA.power") == 0.0
    told = [event for event in opened.happened() if event.what == "breaker opened"]
    assert [event.device for event in told] == ["feedA"]


def test_a_device_shows_what_its_agent_last_looked_at(large: Design) -> None:
    """The agent of a switch looks every five seconds, that of a probe every second."""
    racks = at_work(large, [1])
    columns = racks.devices["mgmt_switch1"]
    looks = []
    for _ in range(20):
        racks.advance(1.0)
        looks.append(racks.read()[0, columns].tobytes())
    assert 4 <= len(set(looks)) <= 5


def test_a_reboot_starts_counters_and_uptime_anew(large: Design) -> None:
    """Other devices do not notice."""
    racks = at_work(large, [1])
    counters = [
        column
        for column, point in enumerate(racks.points)
        if point.counter and point.device == "mgmt_switch1"
    ]
    other = racks.shown[0, racks.column["mgmt_switch2", "flaps[swp1]"]]
    assert (racks.shown[0, counters] > 0).all()
    assert racks.uptime(0, "mgmt_switch1") > 3600.0
    racks.reboot(0, "mgmt_switch1")
    racks.read()
    assert (racks.shown[0, counters] == 0).all(), "no old count under a new uptime"
    racks.advance(10.0)
    assert racks.uptime(0, "mgmt_switch1") == 10.0
    assert racks.shown[0, racks.column["mgmt_switch2", "flaps[swp1]"]] == other


def test_ports_count_octets_while_their_link_is_up(large: Design) -> None:
    """A port that is down waits; the others go on."""
    racks = at_work(large, [1], 60.0)
    network = racks.plant.network
    racks.inflict(0, Fault.parse("link_flap device=mgmt_switch1 port=swp3 size=0.001"))
    racks.advance(1.0)
    before = network.octets.copy()
    racks.advance(3.0)
    moved = (network.octets - before)[0]
    down = network.ports["mgmt_switch1", "swp3"]
    assert moved[down] == 0.0
    assert (np.delete(moved, down) > 1e6).all()


def test_test_gas_follows_the_room_and_escapes_through_a_hole(large: Design) -> None:
    """Tight, it keeps its pressure within one part in two hundred for half an hour."""
    racks = racks_of(large, [1, 2])
    racks.plant.gas[:] = True
    racks.inflict(1, Fault.parse("leak size=0.6"))
    racks.advance(10.0)
    first = racks.plant.pressure.copy()
    racks.advance(1800.0)
    kept, lost = (racks.plant.pressure + 101.3) / (first + 101.3)
    assert 0.995 < kept < 1.005
    assert lost < 0.8
