"""What a rack is judged by follows from the moment of its plan, and from nothing else."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from agent.burnin.design import Design
from agent.burnin.limits import Rung
from agent.burnin.terms import Moment, Terms, stage_of, terms

PHASES = ("needs", "entry", "dwell", "breaking", "broken", "mending", "mended", "exit")


def where(design: Design, device: str, name: str) -> int:
    """Return the place of a channel."""
    return [(c.device, c.name) for c in design.channels].index((device, name))


def fail(held: Terms, device: str, name: str) -> tuple[float, float]:
    """Return a channel's fail limits."""
    place = where(held.design, device, name)
    limits = held.design.limits
    return limits.low[Rung.FAIL, place], limits.high[Rung.FAIL, place]


def affected(held: Terms) -> set[str]:
    """Return the devices of which something is affected."""
    return {
        channel.device
        for channel, gone in zip(held.design.channels, held.affected, strict=True)
        if gone
    }


def moments(design: Design) -> Iterator[Moment]:
    """Yield every moment that a plan could have, and some that it cannot."""
    assert design.spec.plan is not None
    for stage in design.spec.plan.stages:
        for phase in PHASES:
            for step in range(2) if stage.steps else (None,):
                yield Moment(stage.id, step, phase)


def test_a_lost_feed_takes_its_shelves_with_it(rack: Design) -> None:
    """Feed A supplies shelves 1 to 4: those channels of theirs that the stage names, no others."""
    held = terms(rack, Moment("feed_loss", 0, "broken"))
    assert affected(held) == {"feedA", *(f"power_shelf{n}" for n in range(1, 5))}
    rows = Counter(
        channel.row.key
        for channel, gone in zip(held.design.channels, held.affected, strict=True)
        if gone
    )
    assert rows["feed_meter.line_voltage"] == 3
    assert rows["power_shelf.psu_ok"] == 4 * 6
    assert set(rows) == set(stage_of(rack, "feed_loss").affected)
    other = terms(rack, Moment("feed_loss", 1, "broken"))
    assert affected(other) == {"feedB", *(f"power_shelf{n}" for n in range(5, 9))}


@pytest.mark.parametrize(
    ("moment", "device", "part"),
    [
        (Moment("psu_pull", 0, "broken"), "power_shelf1", "psu1"),
        (Moment("psu_pull", 1, "broken"), "power_shelf5", "psu4"),
        (Moment("pump_failover", 1, "broken"), "cdu", "pump2"),
    ],
)
def test_a_part_that_is_pulled_takes_nothing_with_it(
    rack: Design, moment: Moment, device: str, part: str
) -> None:
    """Of one supply, what has its name; the shelf and the other five are as ever."""
    held = terms(rack, moment)
    gone = [c for c, out in zip(held.design.channels, held.affected, strict=True) if out]
    assert gone
    assert {(channel.device, channel.part) for channel in gone} == {(device, part)}


def test_what_is_broken_is_judged_by_what_it_must_then_show(rack: Design) -> None:
    """Nobody judges it on its way out or back; the spec itself does once it is back."""
    name = ("feedA", "line_voltage[phase1]")
    place = where(rack, *name)
    own = fail(terms(rack, Moment("idle_soak", None, "dwell")), *name)
    judged = {
        phase: terms(rack, Moment("feed_loss", 0, phase)).judged[place]
        for phase in ("breaking", "broken", "mending", "mended")
    }
    assert judged == {"breaking": False, "broken": True, "mending": False, "mended": True}
    assert fail(terms(rack, Moment("feed_loss", 0, "broken")), *name) == (-np.inf, 20.0)
    assert fail(terms(rack, Moment("feed_loss", 0, "mended")), *name) == own
    state = terms(rack, Moment("feed_loss", 0, "broken")).design.channels[
        where(rack, "power_shelf1", "psu_ok[psu1]")
    ]
    assert state.row.rungs.limits[Rung.FAIL].names == {"input_lost"}  # type: ignore[union-attr]


def test_overrides_hold_until_the_part_is_back(rack: Design) -> None:
    """Four shelves carry eight only while four are out; what is skipped is not judged."""
    name = ("power_shelf5", "input_power")
    own = fail(terms(rack, Moment("idle_soak", None, "dwell")), *name)
    for phase in ("breaking", "broken", "mending"):
        held = terms(rack, Moment("feed_loss", 0, phase))
        assert fail(held, *name) == pytest.approx((33e3 * 0.88, 33e3 * 1.12))
        assert not held.judged[where(rack, "derived", "shelf_imbalance")]
        assert ("shelf_imbalance", "lost shelves read zero") in held.changed
    mended = terms(rack, Moment("feed_loss", 0, "mended"))
    assert fail(mended, *name) == own
    assert mended.judged[where(rack, "derived", "shelf_imbalance")]
    assert mended.changed == ()


def test_only_what_a_stage_names_is_judged(rack: Design) -> None:
    """Roles and channels; derived channels only by their own name."""
    held = terms(rack, Moment("pressure_decay", None, "dwell"))
    judged = [c for c, asked in zip(held.design.channels, held.judged, strict=True) if asked]
    assert {channel.row.key for channel in judged if channel.role not in ("room", "agent")} == {
        "rack.pressure"
    }
    assert "" not in {channel.role for channel in judged}


def test_min_load_is_that_of_the_step(rack: Design) -> None:
    """A balance that means nothing at 25 % is judged from 50 % on."""
    place = where(rack, "derived", "meter_disagreement")
    judged = [terms(rack, Moment("ramp", step, "dwell")).judged[place] for step in range(4)]
    assert judged == [False, True, True, True]
    assert terms(rack, Moment("ramp", 2, "dwell")).load == 0.75


def test_what_no_stage_changes_is_as_the_spec_has_it(rack: Design) -> None:
    """At every moment, every channel without an entry of the stage keeps its row and its limits."""
    for moment in moments(rack):
        held, stage = terms(rack, moment), stage_of(rack, moment.stage)
        for place, channel in enumerate(rack.channels):
            if channel.row.key not in {*stage.overrides, *stage.affected}:
                assert held.design.channels[place] is channel
        same = [c.row is d.row for c, d in zip(rack.channels, held.design.channels, strict=True)]
        for ends in ("low", "high", "low_exit", "high_exit"):
            mine, base = getattr(held.design.limits, ends), getattr(rack.limits, ends)
            assert np.array_equal(mine[:, same], base[:, same])
        assert held.design.places == rack.places
        assert not held.judged[~rack.judged & np.array(same)].any()


def test_a_moment_is_worked_out_once(rack: Design) -> None:
    """Whoever asks again gets the very same arrays."""
    moment = Moment("feed_loss", 0, "broken")
    assert terms(rack, moment) is terms(rack, moment)


def test_a_stage_of_another_plan_is_refused(rack: Design, small: Callable[[str], Design]) -> None:
    """Judging again by a revision without that stage is noticed."""
    with pytest.raises(KeyError, match="warp"):
        terms(rack, Moment("warp", None, "dwell"))
    bare = small("roles: {a: {count: 1, channels: {power: {q: power, fail: max 1 kW}}}}")
    with pytest.raises(KeyError, match="soak"):
        terms(bare, Moment("soak", None, "dwell"))
