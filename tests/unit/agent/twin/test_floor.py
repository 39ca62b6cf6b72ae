"""Simulated racks in bays: who works there, which faces they have, what they are told to break."""

from pathlib import Path

import numpy as np
import pytest

from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.twin.answerers import Answerers
from agent.twin.faults import Placed, Reader
from agent.twin.floor import Floor
from agent.twin.places import families
from agent.twin.speakers import Speakers
from collectors.profile import load_profiles
from collectors.twin.faults import FaultError

EXAMPLE = Path(__file__).parents[4] / "deploy" / "example" / "specs" / "rack-132kw.yaml"
PROFILES = load_profiles()


@pytest.fixture(scope="module")
def design() -> Design:
    """Return the example that is shipped."""
    return expand(load_spec(EXAMPLE.read_bytes(), EXAMPLE.name))


def placed(design: Design, *texts: str) -> list[Placed]:
    """Return faults as people say them."""
    return Reader(design, 2).said(texts)


def test_a_rack_is_the_same_in_whichever_bay_it_stands(design: Design) -> None:
    """Put rack 7 into the second bay of one floor and the first of another."""
    here, there = Floor(design, 2, 6), Floor(design, 1, 7)
    here.warm_up()
    there.warm_up()
    assert np.array_equal(here.racks.shown[1], there.racks.shown[0])
    assert not np.array_equal(here.racks.shown[0], here.racks.shown[1])


def test_a_warm_rack_draws_what_it_was_built_for(design: Design) -> None:
    """Read its meters in the middle of a soak."""
    floor = Floor(design, 1, 1)
    floor.warm_up()
    meters = [floor.racks.column[feed, "power"] for feed in ("feedA", "feedB")]
    assert floor.racks.shown[0, meters].sum() == pytest.approx(132_000, rel=0.02)


def test_every_instrument_of_the_example_is_shown_by_some_device(design: Design) -> None:
    """Find a face for each device, and each instrument in it but those no spec insists on."""
    floor = Floor(design, 2, 1)
    chosen = families(design, PROFILES, {})
    speakers = Speakers(floor.racks.points, chosen, floor.bays)
    answerers = Answerers(floor, chosen)
    reached = {name for name, _ in (*speakers.reaches("bay-01"), *answerers.reaches(0))}
    assert reached == {*floor.racks.devices}
    required = {(c.device, c.name) for c in design.channels if c.row.required}
    mute = {*((p.device, p.name) for p in speakers.mute)}
    mute |= {(each.partition(".")[0], each.partition(".")[2]) for each in answerers.mute}
    assert not required & mute


def test_an_instrument_that_a_family_cannot_show_is_left_out_and_named(design: Design) -> None:
    """Let the cooling unit be a room probe."""
    floor = Floor(design, 1, 1)
    chosen = families(design, PROFILES, {"cdu": "json_room"})
    speakers = Speakers(floor.racks.points, chosen, floor.bays)
    assert "flow" in {point.name for point in speakers.mute if point.device == "cdu"}


def test_a_new_run_is_a_new_rack_whose_faults_count_anew(design: Design) -> None:
    """Break two things, one with a stage; roll in racks, and let the stage begin."""
    floor = Floor(design, 2, 1)
    floor.warm_up()
    faults = placed(design, "bay=2 leak at=10s", "bay=2 stage=soak pump_failure at=5s")
    post = floor.posts(faults)["bay-02"]
    floor.racks.plant.feeds[1] = True
    for _ in range(2):
        floor.racks.advance(100.0)
        began = floor.racks.seconds
        post.rack.roll_in()
        assert {n: f.onset_s for n, f in floor.racks.faults(1).items()} == {"leak": began + 10}
        assert not floor.racks.plant.feeds[1].any()
    post.rack.counts("ramp")
    assert list(floor.racks.faults(1)) == ["leak"]
    post.rack.counts("soak")
    post.rack.counts("soak")
    assert list(floor.racks.faults(1)) == ["leak", "pump_failure"]
    assert not floor.racks.faults(0)
    assert floor.racks.plant.feeds[0].all()


def test_people_see_which_cables_are_crossed(design: Design) -> None:
    """Cross two, in one rack."""
    floor = Floor(design, 2, 1)
    posts = floor.posts([])
    floor.inflict(placed(design, "miscabling"))
    floor.racks.advance(1.0)
    assert posts["bay-01"].rack.miscabled()
    assert not posts["bay-02"].rack.miscabled()


def test_a_loop_is_tempered_when_its_coolant_is_as_warm_as_it_was_set(design: Design) -> None:
    """Fill a cold loop, set it, and wait."""
    floor = Floor(design, 1, 1)
    rack = floor.posts([])["bay-01"].rack
    assert rack.tempered()
    plant = floor.racks.plant
    plant.filled[:] = plant.pumps[:] = plant.feeds[:] = True
    plant.supply_set[:], plant.primary_set[:], plant.load[:] = 40.0, 30.0, 1.0
    floor.racks.advance(2.0)
    floor.racks.read()
    assert not rack.tempered()
    floor.racks.advance(1800.0)
    floor.racks.read()
    assert rack.tempered()


@pytest.mark.parametrize(
    "texts", [("leak zone=9",), ("leak", "leak"), ("drop_out device=nowhere",)]
)
def test_what_no_rack_of_the_design_has_cannot_be_broken(
    design: Design, texts: tuple[str, ...]
) -> None:
    """Look before anything is put on the air."""
    with pytest.raises(FaultError):
        Floor(design, 2, 1).check(placed(design, *texts))
