"""Tests for comparing two revisions: nothing is passed over, and looser is never called tighter."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.burnin.consequence import weigh
from agent.burnin.difference import Change, Revision, difference
from agent.burnin.limits import Bounds
from agent.burnin.weight import Weight
from collectors.document import DocumentError

Compare = Callable[..., list[Change]]


@pytest.fixture(scope="session")
def old(example: str) -> Revision:
    """Return the example, as it is."""
    return Revision.read(example.encode(), "old.yaml")


@pytest.fixture(scope="session")
def compare(old: Revision, example: str) -> Compare:
    """Return what compares the example with itself, some text in it replaced."""

    def changes(*replacements: tuple[str, str]) -> list[Change]:
        """Replace and compare."""
        text = example
        for before, after in replacements:
            assert before in text
            text = text.replace(before, after, 1)
        return difference(old, Revision.read(text.encode(), "new.yaml"))

    return changes


CASES = [  # what is replaced, by what; which way that goes, and the place
    ("fail: min 150 lpm, trip", "fail: min 140 lpm, trip", "LOOSER", "channels.flow.fail"),
    ("fail: min 150 lpm, trip", "fail: min 155 lpm, trip", "TIGHTER", "channels.flow.fail"),
    ("fail: 36..44 degC", "fail: 37..45 degC", "UNCLEAR", "rack.channels.supply_temp.fail"),
    (", trip: min 80 lpm", "", "LOOSER", "roles.rack.channels.flow.trip"),
    ("duration: 24 h", "duration: 8 h", "LOOSER", "plan.stages.full_soak.duration"),
    ("duration: 24 h", "duration: 48 h", "TIGHTER", "plan.stages.full_soak.duration"),
    ("speed:             {u: 1 %", "speed:   {u: 2 %", "TIGHTER", "quantities.speed.u"),
    ("speed:             {u: 1 %", "speed:   {u: 0.5 %", "LOOSER", "quantities.speed.u"),
    ("hysteresis: 0.5 K", "hysteresis: 0.2 K", "LOOSER", "quantities.temperature.hysteresis"),
    ("rule: guarded", "rule: simple", "LOOSER", "decision.rule"),
    ("feed_breaker: 250 A", "feed_breaker: 260 A", "LOOSER", "design.feed_breaker"),
    ("timeout: 45 min", "timeout: 90 min", "LOOSER", "plan.stages.full_soak.entry.timeout"),
    ("{steady: true, ", "{all: [rack.leak is dry], ", "LOOSER", "full_soak.entry.steady"),
    ("[bom_scanned, calibration_in_date,", "[bom_scanned,", "LOOSER", "stages.inventory.needs"),
    ("min 160 lpm], for: 2", "min 150 lpm], for: 2", "LOOSER", "stages.power_on.entry.all"),
    ("20 min) max 0.6 %", "20 min) max 0.5 %", "TIGHTER", "check.pressure_decay"),
    ("max_sd: 0.3 K", "max_sd: 0.5 K", "LOOSER", "plan.steady.max_sd"),
    ("50 %, 75 %, 100 %]", "50 %, 75 %, 90 %]", "LOOSER", "plan.stages.ramp.steps.load"),
    ("{skip: true, why: lost", "{fail: max 90 %, why: lost", "TIGHTER", "shelf_imbalance.skip"),
    ("title: NVL72-class", "title: NVL-72 class", "NEUTRAL", "title"),
    ("revision: C.3", "revision: C.4", "NEUTRAL", "revision"),
    ("per: zone 4, fail: is dry", "per: zone 3, fail: is dry", "LOOSER", "channels.leak.per"),
    ("dc_power / shelf_power", "dc_power / rack_power", "UNCLEAR", "shelf_efficiency.expr"),
    ("required: false}   # KP4", "required: true} # KP4", "TIGHTER", "pre_fec_ber.required"),
    ("min_load: 25 %", "min_load: 50 %", "LOOSER", "derived.load_error.min_load"),
    ("{every: 5 s, hold: 30 s", "{every: 4 s, hold: 30 s", "TIGHTER", "defaults.every"),
    ("[bay T/RH probe]", "[bay T/RH probe, another]", "LOOSER", "roles.room.bom.models"),
    ("lldp: mac}", "lldp: portid}", "UNCLEAR", "cabling.oob_shelf.lldp"),
]


@pytest.mark.parametrize(("before", "after", "weight", "key"), CASES, ids=[c[3] for c in CASES])
def test_a_change_is_weighed_and_named(
    compare: Compare, before: str, after: str, weight: str, key: str
) -> None:
    """Each kind of change that a reviewer must know how to take."""
    found = {change.key: change.weight.name for change in compare((before, after))}

    assert [found[name] for name in found if name.endswith(key)] == [weight]


def test_a_change_is_told_with_file_and_line_as_written_and_by_how_much(
    compare: Compare, example: str
) -> None:
    """What a quality engineer signs."""
    (change,) = compare(("fail: min 150 lpm, trip", "fail: min 140 lpm, trip"))

    lines = example.splitlines()
    assert "fail: min 150 lpm" in lines[change.line - 1]
    assert (change.file, change.old, change.new) == ("new.yaml", "min 150 lpm", "min 140 lpm")
    (consequence,) = change.consequences
    assert consequence.of == "rack.flow"
    assert consequence.weighed.text == "min 150 to min 140 L/min (-10 L/min, -6.67 %)"


def test_what_is_inherited_is_told_of_every_channel_that_inherits_it(compare: Compare) -> None:
    """One line of the file, many channels."""
    (change,) = compare(("speed:             {u: 1 %", "speed:   {u: 2 %"))

    told = {c.of for c in change.consequences}
    assert told == {"power_shelf.fan_speed", "mgmt_switch.fan_speed"}
    assert any("harder to pass" in c.weighed.text for c in change.consequences)


def test_a_nominal_value_moves_the_limits_that_are_relative_to_it(compare: Compare) -> None:
    """Nobody wrote a limit, and yet there are other ones."""
    (change,) = compare(("nominal: 16.67 %, warn", "nominal: 17 %, warn"))

    assert change.key == "roles.power_shelf.channels.psu_share.nominal"
    assert {c.knob for c in change.consequences} == {"nominal", "warn", "fail"}
    assert change.weight is Weight.UNCLEAR


def test_a_constant_is_weighed_by_the_limits_that_it_sets(compare: Compare) -> None:
    """`max 80 % of feed_breaker` is written as it was."""
    (change,) = compare(("feed_breaker: 250 A", "feed_breaker: 200 A"))

    assert change.weight is Weight.TIGHTER
    assert {c.of for c in change.consequences} == {
        "feed_meter.line_current",
        "feed_loss: feed_meter.line_current",
    }


def test_a_removed_channel_stage_or_cable_is_looser(compare: Compare, example: str) -> None:
    """What is not looked at cannot fail."""
    line = next(s for s in example.splitlines() if s.startswith("  phase_imbalance:"))
    over = [s for s in example.splitlines() if s.startswith("        phase_imbalance:")]
    hot = re.search(r"    - id: hot_coolant.*?(?=    - id: load_steps)", example, re.DOTALL)
    assert hot

    changes = compare(*((text + "\n", "") for text in (line, *over)), (hot[0], ""))

    gone = {c.key for c in changes if c.weight is Weight.LOOSER}
    assert {"derived.phase_imbalance", "plan.stages.hot_coolant"} <= gone
    assert all(change.new is None and change.file == "old.yaml" for change in changes)


def test_stages_in_another_order_are_told(compare: Compare, example: str) -> None:
    """The same stages in another order prove something else."""
    found = re.search(
        r"(    - id: idle_soak.*?)(    - id: ramp.*?)(?=    - id: full)", example, re.DOTALL
    )
    assert found

    (change,) = compare((found[0], found[2] + found[1]))

    assert (change.weight, change.key) == (Weight.UNCLEAR, "plan.stages")


def test_what_is_looser_comes_first(compare: Compare) -> None:
    """However much else changed."""
    changes = compare(
        ("revision: C.3", "revision: C.4"),
        ("fail: min 150 lpm, trip", "fail: min 155 lpm, trip"),
        ("duration: 24 h", "duration: 8 h"),
        ("lldp: mac}", "lldp: portid}"),
    )

    assert [c.weight.name for c in changes] == ["LOOSER", "UNCLEAR", "TIGHTER", "NEUTRAL"]


def test_layout_and_comments_are_no_change(compare: Compare) -> None:
    """Nor is another spelling of the same time."""
    assert compare(("# 1.5 lpm/kW of liquid", "# about 1.5 lpm/kW of liquid")) == []
    assert compare(("duration: 24 h", "duration: 1440 min")) == []


@pytest.fixture(scope="session")
def demo() -> str:
    """Return a spec of 69 channels, which takes less time than the example."""
    path = Path(__file__).parents[3] / "specs" / "small-66kw.yaml"
    return path.read_text()


numbers = re.compile(r"(?<=[ {])\d+(\.\d+)?(?= (degC|K|%|kW|lpm|kPa|s|min|h|V|A)\b)")


def changed(text: str, seed: int) -> tuple[Revision, Revision, int] | None:
    """Change a line of a spec, or lose it; None where that is no spec any more."""
    rng = random.Random(seed)
    lines = text.splitlines()
    at = rng.randrange(len(lines))
    factor = rng.choice((1, 1.02, 0.98))
    before = lines[at]
    lines[at] = numbers.sub(lambda m: f"{float(m[0]) * factor:.6g}", before)
    if lines[at] == before and factor != 1:
        del lines[at]
    try:
        new = Revision.read("\n".join(lines).encode(), "new.yaml")
    except DocumentError:
        return None
    return Revision.read(text.encode(), "old.yaml"), new, at + 1


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_two_specs_differ_exactly_where_their_hashes_do(demo: str, seed: int) -> None:
    """Any line may be changed or lost: it is told, and nothing else is."""
    if (found := changed(demo, seed)) is None:
        return
    old, new, line = found

    changes = difference(old, new)

    assert bool(changes) == (new.design.spec.canonical_hash != old.design.spec.canonical_hash)
    for change in changes:
        assert change.line == line if change.new is not None and change.old is not None else True


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_there_and_back_is_the_opposite(demo: str, seed: int) -> None:
    """What is looser one way is tighter the other."""
    if (found := changed(demo, seed)) is None:
        return
    old, new, _ = found
    opposite = {Weight.LOOSER: Weight.TIGHTER, Weight.TIGHTER: Weight.LOOSER}

    there = {change.key: change for change in difference(old, new)}
    back = {change.key: change for change in difference(new, old)}

    assert there.keys() == back.keys()
    for key, change in there.items():
        ways = {c.weighed.weight for c in change.consequences} - {Weight.NEUTRAL}
        if len(ways) <= 1:  # of several, the looser one is told
            assert back[key].weight == opposite.get(change.weight, change.weight), key


bounds = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda e: Bounds(min(e), max(e)))


@given(bounds, bounds)
def test_a_looser_limit_lets_something_pass_that_did_not(old: Bounds, new: Bounds) -> None:
    """And a tighter one never does."""
    values = [v / 2 for v in range(-1, 20)]
    more = [v for v in values if new.low <= v <= new.high and not old.low <= v <= old.high]
    weight = weigh(old, new)

    assert not more if weight is Weight.TIGHTER else True
    assert more if weight in (Weight.LOOSER, Weight.UNCLEAR) and old != new else True
