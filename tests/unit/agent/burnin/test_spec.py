"""A whole spec loads; a damaged one is refused with the line of the damage, and nothing else."""

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.burnin.spec import load_spec
from collectors.document import DocumentError, Problem

DOCS = Path(__file__).parents[4] / "docs"


def problems(text: str) -> list[Problem]:
    """Return what is wrong with a spec."""
    try:
        load_spec(text.encode(), "rack.yaml")
    except DocumentError as error:
        return error.problems
    return []


DAMAGE = {
    "a bare number": ("hold: 10 min, min_load: 50 %}   #", "hold: 600, min_load: 50 %}   #"),
    "degC as a difference": ("warn: +-1 K, fail: +-2 K}", "warn: +-1 degC, fail: +-2 K}"),
    "K as a temperature": (
        "supply_temp:  {q: temperature, nominal: 40 degC",
        "supply_temp:  {q: temperature, nominal: 40 K",
    ),
    "another dimension": ("fail: min 150 lpm, trip", "fail: min 150 kPa, trip"),
    "a swapped range": ("fail: 36..44 degC", "fail: 44..36 degC"),
    "warn wider than fail": ("warn: 38..42 degC", "warn: 35..42 degC"),
    "fail wider than trip": ("fail: 36..44 degC, trip: max 50", "fail: 36..51 degC, trip: max 50"),
    "an unknown key": ("pump_ok:      {q: state,", "pump_ok:      {q: state, holdd: 3 s,"),
    "an unknown quantity": ("{q: level,", "{q: levle,"),
    "an unknown unit": ("fail: max 70 degC}", "fail: max 70 degX}"),
    "a unit left out": ("fail: max 70 degC}", "fail: max 70}"),
    "a duplicate key": ("  room:\n    count: 1", "  cdu:\n    count: 1"),
    "an override of nothing": ("        rack.flow:  {warn", "        rack.flows:  {warn"),
    "an override without why": ("hold: 8 s, why: changeover dip}", "hold: 8 s}"),
    "an override that does nothing": (
        "{skip: true, why: lost shelves read zero}",
        "{why: lost shelves read zero}",
    ),
    "affected without a channel": ("cdu.pump_speed: skip", "cdu.pumpspeed: skip"),
    "affected in another dimension": (
        "feed_meter.line_voltage: {fail: max 20 V}",
        "feed_meter.line_voltage: {fail: max 20 A}",
    ),
    "a name in no role": ("dew_point(room", "dew_point(roof"),
    "a gap that hides an excursion": (
        "flow:         {q: flow, nominal: 172.5 lpm, warn: min 160",
        "flow:         {q: flow, gap: 1 min, nominal: 172.5 lpm, warn: min 160",
    ),
    "read too slowly": ("fail: is up, every: 15 s", "fail: is up, every: 1 min"),
    "percent of a wrong thing": ("max 80 % of shelf_breaker", "max 80 % of busbar_voltage"),
    "a misspelt constant": ("max 80 % of shelf_breaker", "max 80 % of shelf_braker"),
    "another key": ("of: [rack.return_temp", "on: [rack.return_temp"),
    "a comparison sign": ("fail: min 150 lpm,", "fail: >= 150 lpm,"),
    "nominal outside warn": ("nominal: 15 kPa", "nominal: 45 kPa"),
    "a heat balance that does not close": (
        "return_temp:  {q: temperature, nominal: 50 degC",
        "return_temp:  {q: temperature, nominal: 52 degC",
    ),
    "a power that nothing adds up to": ("liquid_power: 115 kW", "liquid_power: 125 kW"),
    "a nominal of another design": (
        "voltage, per: phase 3, nominal: 240 V",
        "voltage, per: phase 3, nominal: 230 V",
    ),
    "a status of no meaning": ("status: released  ", "status: relased  "),
    "a missing signature": (", quality: quality-authority}", "}"),
    "an unknown coolant": ("coolant: PG25 ", "coolant: PG26 "),
    "an uncertainty too good": (
        ", u_why: matched pair calibrated together; two independent probes would give 0.57 K",
        "",
    ),
    "a sum of temperatures": (
        'expr: "rack.return_temp - rack.supply_temp"',
        'expr: "rack.return_temp + rack.supply_temp"',
    ),
    "a unit that it is not": ('input_power)", unit: kW}', 'input_power)", unit: K}'),
    "many where one is meant": (
        'expr: "sum(power_shelf[*].output_power)"',
        'expr: "power_shelf[*].output_power"',
    ),
    "no such function": ('"max_deviation(power_shelf', '"maximum_deviation(power_shelf'),
    "text that is run elsewhere": (
        'expr: "sum(feed_meter[*].power)"',
        "expr: \"__import__('os').system('true')\"",
    ),
    "computed from itself": ('"cdu.supply_temp - cdu.primary_in_temp"', '"approach + approach"'),
    "fed twice": ("feedB: 5..8}", "feedB: 4..8}"),
    "fed by nothing": ("{feedA: 1..4, feedB: 5..8}", "{feedX: 1..4, feedB: 5..8}"),
    "a place taken twice": ("u: [15..23]", "u: [14..22]"),
    "too many names": ("names: [feedA, feedB]", "names: [feedA, feedB, feedC]"),
    "a cable to nowhere": ('bmc", i: 1..18', 'bmc", i: 1..19'),
    "a port taken twice": ('"mgmt_switch2:swp{i+20}"', '"mgmt_switch2:swp{i+8}"'),
    "a speed of no kind": (
        'swp50", to: "mgmt_switch2:swp50", speed: 100G',
        'swp50", to: "mgmt_switch2:swp50", speed: fast',
    ),
    "an address for nobody": ("offset: {feed_meter: 10", "offset: {feed_metre: 10"),
    "a stage that judges nothing": ("only: [agent, room]", "only: [agent, rom]"),
    "a feed that cannot be lost": ("lose: [feedA, feedB]", "lose: [feedA, feedX]"),
    "a part that cannot be pulled": ("power_shelf5.psu4]", "power_shelf5.psu7]"),
    "a gate of another dimension": ("flow min 160 lpm, cdu", "flow min 160 kPa, cdu"),
    "a check of another dimension": ("20 min) max 0.6 %", "20 min) max 0.6 K"),
    "coverage and budget at odds": ("{min: 99.5 %}", "{min: 99 %}"),
    "two stages of one name": ("- id: cool_down", "- id: network"),
    "counts over different times": ("warn: max 0 per h,", "warn: max 0,"),
    "hysteresis of another kind": ("u: 3 kPa, hysteresis: 2 kPa", "u: 3 kPa, hysteresis: 2 K"),
    "a slope of another kind": ("max_slope: 1.0 K/h", "max_slope: 1.0 K"),
    "an anchor": ("defaults: {every", "defaults: &all {every"),
}


def test_the_whole_example_loads(example: str) -> None:
    """Not one of its 390 lines is complained about."""
    assert problems(example) == []


@pytest.mark.parametrize("damage", DAMAGE)
def test_each_damage_is_refused_with_its_line(example: str, damage: str) -> None:
    """Whoever made a slip is sent to the line of that slip, and to no other."""
    before, after = DAMAGE[damage]
    assert before in example
    line = example[: example.index(before)].count("\n") + 1

    found = problems(example.replace(before, after, 1))

    assert {p.line for p in found} == {line}
    assert all(p.file == "rack.yaml" and p.text for p in found)


def test_all_problems_are_told_at_once(example: str) -> None:
    """Words, numbers, names and plan: whatever is wrong is in one list, in the file's order."""
    several = [
        "a status of no meaning",
        "a place taken twice",
        "an unknown key",
        "an uncertainty too good",
        "a sum of temperatures",
        "a cable to nowhere",
        "a feed that cannot be lost",
        "an override without why",
        "two stages of one name",
    ]
    lines = []
    text = example
    for damage in several:
        before, after = DAMAGE[damage]
        lines.append(example[: example.index(before)].count("\n") + 1)
        text = text.replace(before, after, 1)

    found = [p.line for p in problems(text)]

    assert set(lines) <= set(found)
    assert found == sorted(found)


def test_a_bomb_is_refused_unopened() -> None:
    """Nine levels of nine aliases would be a billion nodes; the first alias is the end of it."""
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9) if n else 'x'}]" for n in range(9)]

    (found,) = problems("\n".join(levels))

    assert "anchors and aliases" in found.text


@pytest.mark.parametrize(
    "text", ["", "[]", "5", "spec: rackproof.spec/1", "\x00", "a: b: c", "- " * 50]
)
def test_what_is_no_spec_is_refused(text: str) -> None:
    """A file that holds something else gets a message, never a traceback."""
    assert problems(text)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_whatever_is_taken_out_or_replaced_a_message_is_the_worst(
    example: str, data: st.DataObject
) -> None:
    """Whatever key is missing, or holds something else, the spec loads or is refused."""
    content = yaml.load(example, Loader=yaml.CSafeLoader)
    node = content
    while True:
        key = data.draw(st.sampled_from([*node] if isinstance(node, dict) else range(len(node))))
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.booleans()):
            break
        node = node[key]
    if data.draw(st.booleans()):
        del node[key]
    else:
        node[key] = data.draw(st.sampled_from(["x", 7, None, True, [], {}, ["a"], {"a": "b"}]))

    problems(json.dumps(content))  # JSON is YAML too


def test_the_hash_names_the_content_and_nothing_else(example: str) -> None:
    """Comments and layout are not the design; a limit is, and so is the order of stages."""
    one = load_spec(example.encode(), "a").canonical_hash
    content = yaml.load(example, Loader=yaml.CSafeLoader)
    content = {key: content[key] for key in sorted(content)}
    again = load_spec(json.dumps(content, indent=1).encode(), "b").canonical_hash
    other = load_spec(example.replace("max 56 degC", "max 55 degC").encode(), "a").canonical_hash

    assert re.fullmatch("[0-9a-f]{64}", one)
    assert one == again != other


def test_the_spec_of_the_documentation_loads() -> None:
    """What a reader copies from docs/spec.md works as it stands."""
    (text,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "spec.md").read_text(), re.DOTALL)

    assert problems(text) == []
