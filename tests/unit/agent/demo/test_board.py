"""The live table, as a person at a terminal of 80 columns reads it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import agent.demo.site
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.demo.board import Rule, board, changes, ranked, summary
from agent.demo.rules import rules
from agent.demo.snapshot import FAIL, INSIDE, TRIP, UNKNOWN, WARN, Reading, Snapshot, read
from agent.exposition.floor import Floor
from collectors.quantity import Quantity
from collectors.readings import Channel, Readings
from collectors.twin.bay import FAULTS

FLOW, LEAK, POWER = ("rack", "flow"), ("rack", "leak"), ("derived", "rack_power")
RULES = {
    FLOW: Rule("min 80", "min 75", "min 40"),
    LEAK: Rule(fail="is dry", trip="is dry"),
    POWER: Rule("max 69", "max 72"),
}
HEALTHY = Snapshot(
    status={FLOW: INSIDE, LEAK: INSIDE, POWER: INSIDE},
    readings={FLOW: Reading(86.2, Quantity.FLOW), POWER: Reading(66_030.0, Quantity.POWER)},
    states={LEAK: "dry"},
    up={"rack": True},
)
BROKEN = Snapshot(
    status={FLOW: WARN, LEAK: TRIP, POWER: UNKNOWN},
    readings={FLOW: Reading(78.0, Quantity.FLOW)},
    states={LEAK: "wet"},
    up={"rack": True, "feedB": False},
)
PLACES = st.tuples(st.text(max_size=70), st.text(max_size=70))


def demo_rules() -> dict[tuple[str, str], Rule]:
    """Return the limits of the spec that the demo ships."""
    spec = Path(agent.demo.site.shipped("example")) / "specs" / "demo-66kw.yaml"
    return rules(expand(load_spec(spec.read_bytes(), str(spec))))


def test_a_healthy_row_says_what_it_is_what_it_reads_and_what_it_may_be() -> None:
    """The whole row, as a person sees it."""
    row = next(line for line in board(HEALTHY, RULES, rows=9) if "flow" in line)
    assert row.split() == ["rack", "flow", "86.2", "L/min", "min", "75", "inside"]


def test_status_is_told_by_a_mark_and_a_word_and_the_limit_that_was_broken() -> None:
    """Not by colour, and not by the fail limit where it is the warn limit that counts."""
    lines = {line.split()[2]: line for line in board(BROKEN, RULES, rows=9)[3:6]}
    assert lines["leak"].split() == ["X", "rack", "leak", "wet", "is", "dry", "TRIP"]
    assert lines["flow"].split()[0] == "!"
    assert "min 80" in lines["flow"]
    assert lines["rack_power"].split()[-3:] == ["max", "72", "unknown"]
    assert "no value" in lines["rack_power"]


def test_what_needs_a_look_stands_first() -> None:
    """Trip, fail, unknown, warn, and then the rest."""
    assert ranked(BROKEN) == [LEAK, POWER, FLOW]


def test_a_value_beyond_its_limit_is_on_hold_until_the_hold_is_over() -> None:
    """Otherwise `0.0 V, inside` is what a person reads for some seconds."""
    waiting = replace(HEALTHY, deviation={POWER: 1.4, FLOW: 0.2})
    assert ranked(waiting)[0] == POWER
    assert board(waiting, RULES, rows=9)[3].split()[-1] == "hold"
    assert board(waiting, RULES, rows=9)[4].split()[-1] == "inside"


def test_the_summary_counts_and_names_who_does_not_answer() -> None:
    """One line for the whole bay."""
    assert summary(HEALTHY) == "3 channels judged  3 inside"
    assert summary(BROKEN) == (
        "3 channels judged  1 TRIP  1 unknown  1 warn  0 inside  no answer from feedB"
    )


def test_where_nothing_is_drawn_in_place_each_change_is_a_line() -> None:
    """For logs and pipes."""
    lines = list(changes(HEALTHY, BROKEN, RULES))
    assert " ".join(lines[0].split()) == "X rack leak inside -> TRIP (wet; limit is dry)"
    assert list(changes(BROKEN, BROKEN, RULES)) == []


@given(
    status=st.dictionaries(PLACES, st.sampled_from([UNKNOWN, INSIDE, WARN, FAIL, TRIP])),
    value=st.floats(allow_nan=False, allow_infinity=False),
    quantity=st.sampled_from(list(Quantity)),
)
def test_no_row_is_wider_than_a_terminal_of_80_columns(
    status: dict[tuple[str, str], int], value: float, quantity: Quantity
) -> None:
    """Whatever devices, names and values there are."""
    snapshot = Snapshot(status, dict.fromkeys(status, Reading(value, quantity)))
    table = board(snapshot, {}, rows=100)
    assert all(len(line) < 80 for line in table[2:])


def test_no_limit_of_the_demo_spec_is_cut_off() -> None:
    """A limit that is cut reads like another limit."""
    assert all(len(words) <= 14 for rule in demo_rules().values() for words in rule)


def test_what_happens_is_told_in_one_line() -> None:
    """With the words before it; a line that is cut loses its end."""
    assert all(len(f"fault, 100 s ago: {fault.story}") < 80 for fault in FAULTS.values())


def test_no_name_of_the_demo_spec_is_cut_off() -> None:
    """Likewise a channel."""
    assert all(len(device) <= 12 and len(name) <= 23 for device, name in demo_rules())


def test_a_page_of_the_agent_is_read_back_in_the_units_that_people_use() -> None:
    """What goes out in litres a second comes back in litres a minute."""
    floor = Floor()
    channels = [
        Channel("flow", Quantity.FLOW, "topic"),
        Channel("leak", Quantity.LEAK, "topic", states={0: "dry", 1: "wet"}),
    ]
    floor.bind("bay-01", "rack", channels, {})
    values = np.array([86.25, 1.0])
    taken = Readings(
        device="bay-01/rack",
        taken_at=0.0,
        values=values,
        quality=np.zeros(2, np.uint8),
        raw=values,
    )
    floor.put(taken)
    floor.bind_status("bay-01", [FLOW, LEAK])
    floor.put_status("bay-01", np.array([0, 3], np.int8), np.array([0.1, np.nan]))
    seen = read(floor.render("bay-01").decode())
    assert seen.status == {FLOW: INSIDE, LEAK: TRIP}
    assert seen.states[LEAK] == "wet"
    assert seen.readings[FLOW].quantity is Quantity.FLOW
    assert abs(seen.readings[FLOW].value - 86.25) < 1e-9
    assert seen.known_share == 1.0


def test_a_page_without_judged_channels_knows_nothing() -> None:
    """A bay whose spec is not loaded is not live."""
    assert read("").known_share == 0.0
