"""The screen of one bay, as a person at a terminal of 80 columns reads it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.burnin.terms import Moment
from agent.demo.alerts import Alert
from agent.demo.board import TITLES, Scene, board, ranked
from agent.demo.progress import progress
from agent.demo.rules import CHARACTERS_MAX, Rule, rules
from agent.demo.site import example
from agent.demo.snapshot import FAIL, INSIDE, TRIP, UNKNOWN, WARN, Reading, Snapshot, read
from agent.demo.tale import STAGES
from agent.exposition.floor import Floor
from collectors.quantity import Quantity
from collectors.readings import Channel, Readings
from collectors.twin.faults import KINDS
from tests.unit.agent.demo.told import run

FLOW, LEAK, POWER = ("rack", "flow"), ("rack", "leak[zone2]"), ("derived", "rack_power")
RULES = {
    FLOW: Rule("min 160", "min 150"),
    LEAK: Rule(fail="dry", trip="dry"),
    POWER: Rule("max 138", "max 140"),
}
HEALTHY = Snapshot(
    status={FLOW: INSIDE, LEAK: INSIDE, POWER: INSIDE},
    readings={FLOW: Reading(172.2, Quantity.FLOW), POWER: Reading(131_030.0, Quantity.POWER)},
    states={LEAK: "dry"},
    deviation={FLOW: -0.5, POWER: 0.0},
)
BROKEN = replace(
    HEALTHY,
    status={FLOW: WARN, LEAK: TRIP, POWER: UNKNOWN},
    readings={FLOW: Reading(158.0, Quantity.FLOW)},
    states={LEAK: "wet"},
)
SCENE = Scene(
    bay="bay-01",
    pace="31 min in 78 s",
    progress=progress(run()),
    snapshot=HEALTHY,
    rules=RULES,
    diary=["  1 min  operator-1 answers: bom_scanned yes"],
    footer="Ctrl-C ends",
)
PLACES = st.tuples(st.text(max_size=70), st.text(max_size=70))


@pytest.fixture(scope="module")
def design() -> Design:
    """Return the design that the demo is built after."""
    return expand(load_spec(example().read_bytes(), "spec"))


def rows(snapshot: Snapshot) -> dict[str, list[str]]:
    """Return the words of each channel's line, by its name."""
    lines = board(replace(SCENE, snapshot=snapshot))
    table = lines[lines.index(TITLES) + 1 :][: len(RULES)]
    return {line[20:].split()[0].lstrip("X!?-"): line[20:].split() for line in table}


def test_the_head_says_which_stage_is_on_what_it_is_for_and_how_far_it_is() -> None:
    """What a newcomer reads first."""
    first, second, third, fourth = board(SCENE)[:4]
    assert "rack SIM-0001, bay-01, spec rack-132kw A.1" in first
    assert first.endswith("31 min in 78 s")
    assert second.startswith("stage 2 of 4: soak")
    assert "####............] 2 min of 8 min" in second
    assert second.endswith("1 of 4 passed")
    assert third.strip() == STAGES["soak"]
    assert fourth.strip() == "load 100 %, all limits are judged, time counts"


def test_the_plan_stands_beside_it_with_its_verdicts() -> None:
    """What passed, what is on, what is to come."""
    plan = [line[:19].rstrip() for line in board(SCENE)[5:9]]
    assert plan == ["PASS inventory", " >>  soak", "     feed_loss", "     sign_off"]


def test_a_row_says_what_it_reads_what_it_may_be_and_how_much_of_that_is_used() -> None:
    """The whole row, as a person sees it."""
    assert rows(HEALTHY)["rack.flow"] == ["rack.flow", "172.2", "L/min", "min", "150", "###..."]
    assert rows(HEALTHY)["rack.leak[zone2]"] == ["rack.leak[zone2]", "dry", "dry"]


def test_status_is_told_by_a_mark_and_the_limit_that_was_broken() -> None:
    """Not by colour, and not by the fail limit where it is the warn limit that counts."""
    found = rows(BROKEN)
    assert found["rack.leak[zone2]"][:2] == ["Xrack.leak[zone2]", "wet"]
    assert found["rack.flow"][0] == "!rack.flow"
    assert found["rack.flow"][3:5] == ["min", "160"]
    assert found["rack_power"][:3] == ["?rack_power", "no", "value"]


def test_what_needs_a_look_stands_first() -> None:
    """Trip, unknown, warn, and then the rest; and what is beyond a limit but for its hold."""
    assert ranked(BROKEN, RULES) == [LEAK, POWER, FLOW]
    assert ranked(replace(HEALTHY, deviation={FLOW: -1.4}), RULES)[0] == FLOW


def test_what_a_stage_does_not_judge_stands_last_and_says_so() -> None:
    """An empty pipe is no failure while nothing flows yet."""
    idle = {**RULES, FLOW: replace_rule(RULES[FLOW])}
    assert ranked(replace(BROKEN, status={FLOW: FAIL, POWER: INSIDE}), idle) == [POWER, FLOW]
    line = next(line for line in board(replace(SCENE, rules=idle)) if "rack.flow" in line)
    assert line[20:].split() == ["-rack.flow", "172.2", "L/min"]


def replace_rule(rule: Rule) -> Rule:
    """Return a rule that the stage does not judge by."""
    return rule._replace(judged=False)


def test_at_the_end_the_verdict_and_its_reason_are_what_is_read_first() -> None:
    """And the plan is still beside it."""
    ended = replace(SCENE, progress=progress(run(over="FAIL", verdicts=("PASS", "FAIL"))))
    lines = board(ended)
    assert lines[1] == "VERDICT FAIL: failed: soak"
    assert "FAIL soak" in "\n".join(lines)


def test_alerts_that_fire_are_told_in_two_lines_at_most() -> None:
    """The rest is counted."""
    alerts = [Alert(f"Alert{n}", "critical", "rack leak") for n in range(4)]
    lines = [line for line in board(replace(SCENE, alerts=alerts)) if line.startswith("ALERT")]
    assert lines[0] == "ALERT Alert0 (critical) rack leak"
    assert lines[1].endswith(", and 2 more")


@given(
    status=st.dictionaries(PLACES, st.sampled_from([UNKNOWN, INSIDE, WARN, FAIL, TRIP])),
    value=st.floats(allow_nan=False, allow_infinity=False),
    quantity=st.sampled_from(list(Quantity)),
    judged=st.booleans(),
)
def test_no_row_is_wider_than_a_terminal_of_80_columns(
    status: dict[tuple[str, str], int], *, value: float, quantity: Quantity, judged: bool
) -> None:
    """Whatever devices, names and values there are."""
    snapshot = Snapshot(status, dict.fromkeys(status, Reading(value, quantity)))
    known = dict.fromkeys(status, Rule("max 123456", "max 123456", judged=judged))
    lines = board(replace(SCENE, snapshot=snapshot, rules=known))
    assert all(len(line) < 80 for line in lines)


@given(columns=st.integers(80, 250), lines=st.integers(24, 100), diary=st.integers(0, 60))
def test_the_screen_fits_whatever_the_terminal(columns: int, lines: int, diary: int) -> None:
    """Nothing scrolls away, and nothing wraps."""
    places = [("rack", f"channel{n}") for n in range(90)]
    scene = replace(
        SCENE,
        snapshot=Snapshot(dict.fromkeys(places, INSIDE)),
        rules=dict.fromkeys(places, Rule(fail="max 1")),
        diary=["something has happened"] * diary,
        alerts=[Alert("A", "critical", "x")],
    )
    drawn = board(scene, columns=columns, lines=lines)
    assert len(drawn) < lines
    assert max(map(len, drawn)) < columns


def test_no_limit_of_the_example_is_cut_off(design: Design) -> None:
    """A limit that is cut reads like another limit; the spec's own, and those of every stage."""
    assert design.spec.plan is not None
    moments = [
        Moment(stage.id, None if stage.steps is None else 0, phase)
        for stage in design.spec.plan.stages
        for phase in ("dwell", "broken")
    ]
    for moment in (None, *moments):
        for rule in rules(design, moment).values():
            for status in (INSIDE, WARN, FAIL, TRIP):
                for deviation in (-1.0, 1.0):
                    assert len(rule.limit(status, deviation)) <= CHARACTERS_MAX


def test_the_limits_shown_are_those_of_the_stage(design: Design) -> None:
    """A feed carries more while the other one is off."""
    power = "feedB", "power"
    assert rules(design)[power].fail == "max 73"
    lost = rules(design, Moment("feed_loss", 0, "broken"))
    assert lost[power].fail == "max 142"
    assert lost["feedA", "line_voltage[phase1]"].broken
    assert not rules(design, Moment("inventory", None, "dwell"))[power].judged


def test_every_stage_of_the_example_is_explained(design: Design) -> None:
    """In the order of the plan, and no others."""
    assert design.spec.plan is not None
    assert list(STAGES) == [stage.id for stage in design.spec.plan.stages]
    assert all(len(text) <= 76 for text in STAGES.values())


def test_every_fault_is_told_in_one_line() -> None:
    """A line that is cut loses its end."""
    assert all(len(f"  FAULT  {name}: {k.story}") < 100 for name, k in KINDS.items())


def test_a_page_of_the_agent_is_read_back_in_the_units_that_people_use() -> None:
    """What goes out in litres a second comes back in litres a minute."""
    floor = Floor()
    channels = [
        Channel("flow", Quantity.FLOW, "topic"),
        Channel("leak[zone2]", Quantity.LEAK, "topic", states={0: "dry", 1: "wet"}),
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
