"""Cables that people plug wrong: all of it is found, and nothing else."""

import random
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.farends import End
from agent.burnin.recabling import steps
from agent.burnin.spec import load_spec
from agent.burnin.wiring import What
from collectors.neighbours import EXTENDED, INTERFACE
from tests.unit.agent.burnin.cabled import FREE, Pair, Rack, ends, near_ports, wrong

SEEDS = range(25)


@pytest.fixture(scope="module")
def design(shared: Path) -> Design:
    """Return the example."""
    file = shared / "examples" / "nvl72-lc-132kw.yaml"
    return expand(load_spec(file.read_bytes(), file.name))


def expected(rack: Rack) -> tuple[dict[Pair, What], set[End]]:
    """Say what became of each cable, from where its plug is: it is the other end that stays."""
    straight = dict(map(ends, rack.links))
    where = {far: near for near, far in rack.plugs.items() if isinstance(far, End)}
    told = {}
    for near, far in straight.items():
        here = where.get(far)
        if here == near:
            told[near, far] = What.WRONG_SPEED if near in rack.slow else What.AS_DESIGNED
        elif here is None:
            told[near, far] = What.MISSING
        else:
            back = straight.get(here)
            pair = back is not None and where.get(back) == near
            told[near, far] = What.SWAPPED if pair else What.MISPLACED
    return told, {near for near, far in rack.plugs.items() if isinstance(far, str)}


def mistake(rack: Rack, rng: random.Random) -> None:
    """Make one mistake as people do."""
    plugged = sorted(end for end, far in rack.plugs.items() if isinstance(far, End))
    one, other, third = rng.sample([end for end in plugged if end not in rack.slow], 3)
    free = End(one.device, rng.choice([p for p in FREE if End(one.device, p) not in rack.plugs]))
    plugs = rack.plugs
    match rng.randrange(7):
        case 0:
            plugs[one], plugs[other] = plugs[other], plugs[one]
        case 1:
            plugs[one], plugs[other], plugs[third] = plugs[third], plugs[one], plugs[other]
        case 2:
            plugs[free] = plugs.pop(one)
        case 3:
            del plugs[one]
        case 4:
            plugs[free] = "somebody"
        case 5:
            plugs[one] = "somebody"
        case _ if (
            rack.speeds.get(one) == 1000.0 and dict(map(ends, rack.links)).get(one) == plugs[one]
        ):
            rack.slow.add(one)
        case _:
            del plugs[one]


def redo(rack: Rack) -> None:
    """Do what the list says, step by step; a port must be free for what goes into it."""
    straight = dict(map(ends, rack.links))
    kept: dict[End, End | str] = {}
    for step in steps(rack.found()):
        match step.do, step.to:
            case "swap", End() as to if step.at not in rack.plugs:  # at the far ends
                turned = {step.at: to, to: step.at}
                rack.plugs |= {
                    near: turned[far] for near, far in rack.plugs.items() if far in turned
                }
            case "swap", End() as to:
                rack.plugs[step.at], rack.plugs[to] = rack.plugs[to], rack.plugs[step.at]
            case "move", End() as to:
                assert to not in rack.plugs
                rack.plugs[to] = kept.pop(step.at) if step.at in kept else rack.plugs.pop(step.at)
            case "unplug", _:
                kept[step.at] = rack.plugs.pop(step.at)
            case "plug", End():
                assert step.at not in rack.plugs
                rack.plugs[step.at] = straight[step.at]
            case _:
                rack.slow.discard(step.at)


@pytest.mark.parametrize("how", ["name", "mac", "local"])
def test_cables_as_designed_give_nothing(design: Design, how: str) -> None:
    """Match every cable under every way of naming its port, and have nothing to do."""
    rack = Rack(design, dict.fromkeys(design.roles, how))
    wiring = rack.found()
    assert wrong(wiring.findings) == []
    assert wiring.matches
    assert steps(wiring) == []
    assert len(wiring.findings) == 38


@pytest.mark.parametrize("seed", SEEDS)
def test_seeded_mistakes_are_all_found_and_none_invented(design: Design, seed: int) -> None:
    """Make up to four mistakes at once; do what the list says, and all is as designed."""
    rng = random.Random(seed)
    rack = Rack(design, {name: rng.choice(["name", "mac", "local"]) for name in design.roles})
    for _ in range(1 + seed % 4):
        mistake(rack, rng)
    assert rack.told() == expected(rack)
    assert rack.found().matches is False
    redo(rack)
    assert rack.found().matches
    assert rack.plugs == dict(map(ends, rack.links))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_permutation_removal_and_addition_is_reconstructed(
    design: Design, data: st.DataObject
) -> None:
    """Permute any cables of one switch, take some away, and add strangers."""
    rack = Rack(design)
    mine = [end for end in near_ports(rack) if end.device == "mgmt_switch1"]
    chosen = data.draw(st.lists(st.sampled_from(mine), unique=True, max_size=8))
    for here, far in zip(
        data.draw(st.permutations(chosen)), [rack.plugs[end] for end in chosen], strict=True
    ):
        rack.plugs[here] = far
    for here in data.draw(st.lists(st.sampled_from(mine), unique=True, max_size=4)):
        del rack.plugs[here]
    for port in data.draw(st.lists(st.sampled_from(FREE), unique=True, max_size=3)):
        rack.plugs[End("mgmt_switch2", port)] = "somebody"
    assert rack.told() == expected(rack)
    redo(rack)
    assert rack.found().matches


def test_fewest_moves_come_first(design: Design) -> None:
    """Begin with what one move mends, then a pair, then a circle."""
    rack = Rack(design)
    plug = {number: End("mgmt_switch1", f"swp{number}") for number in range(1, 19)}
    for here, there in ((1, 2), (2, 3), (3, 1)):
        rack.plugs[plug[there]] = End(f"compute_tray{here}", "bmc")
    rack.plugs[plug[7]], rack.plugs[plug[8]] = rack.plugs[plug[8]], rack.plugs[plug[7]]
    rack.plugs[End("mgmt_switch1", "swp30")] = rack.plugs.pop(plug[9])
    assert [step.text for step in steps(rack.found())] == [
        "move the cable at mgmt_switch1:swp30 to swp9",
        "swap the cables in mgmt_switch1:swp7 and swp8",
        "pull the cable out of mgmt_switch1:swp1 and keep it at hand",
        "move the cable at mgmt_switch1:swp2 to swp1",
        "move the cable at mgmt_switch1:swp3 to swp2",
        "put the cable that you kept, of mgmt_switch1:swp1, into mgmt_switch1:swp3",
    ]


def test_a_plug_that_is_wrong_at_the_far_switch_is_named_there(design: Design) -> None:
    """See cables from both ends: the one between two switches may be wrong at either."""
    rack = Rack(design)
    one, other = End("mgmt_switch1", "swp49"), End("mgmt_switch2", "swp49")
    rack.plugs[one], rack.plugs[other] = rack.plugs[other], rack.plugs[one]
    (step,) = steps(rack.found())
    assert (step.do, step.text) == ("swap", "swap the cables in bay_spine:swp1 and swp2")


def test_a_switch_that_was_not_read_leaves_its_cables_unknown(design: Design) -> None:
    """Blame nobody for cables that nobody has seen; the one to the other switch is seen there."""
    wiring = Rack(design).found(["mgmt_switch1"])
    assert wiring.matches is None
    assert wiring.wrong == []
    assert {f.at.device for f in wiring.of(What.UNKNOWN)} == {"mgmt_switch2"}
    assert len(wiring.of(What.AS_DESIGNED)) == 20


def test_a_far_end_that_does_not_speak_is_unknown_not_missing(design: Design) -> None:
    """A link that is up, and nobody heard: LLDP may be off at the other end."""
    rack = Rack(design)
    rack.silent.add("compute_tray4")
    (finding,) = (f for f in rack.found().findings if f.what is not What.AS_DESIGNED)
    assert finding.what is What.UNKNOWN
    assert finding.text == "mgmt_switch1:swp4: nobody speaks LLDP there"


def test_who_is_remembered_at_a_port_without_a_link_is_not_there(design: Design) -> None:
    """Pull a plug: for two minutes a switch may still tell who was there."""
    rack = Rack(design)
    rows = rack.rows("mgmt_switch1")
    (index,) = (k.rsplit(".", 1)[1] for k, v in rows.items() if v == b"swp4" and EXTENDED in k)
    rows[f"{INTERFACE}.8.{index}"] = 2
    rack.rows = lambda switch: rows if switch == "mgmt_switch1" else Rack(design).rows(switch)  # type: ignore[method-assign]
    assert wrong(rack.found().findings) == [
        "mgmt_switch1:swp4 has no link; it should lead to compute_tray4:bmc"
    ]
    assert rack.found().matches is False


def test_two_devices_at_one_port_are_doubtful(design: Design) -> None:
    """Judge nothing by a neighbour that was moved away and is not forgotten yet."""
    rack = Rack(design)
    rows = rack.rows("mgmt_switch1")
    stale = {k: v for k, v in rows.items() if k.startswith("1.0.8802.1.1.2.1.4.1.1.")}
    numbers = {v: k.rsplit(".", 1)[1] for k, v in rows.items() if ".2.1.3.7.1.3." in k}
    seven, eight = numbers[b"swp7"], numbers[b"swp8"]
    rows |= {
        k.replace(f".{seven}.1", f".{eight}.2"): v for k, v in stale.items() if f".{seven}.1" in k
    }
    rack.rows = lambda switch: rows if switch == "mgmt_switch1" else Rack(design).rows(switch)  # type: ignore[method-assign]
    (finding,) = (f for f in rack.found().findings if f.what is not What.AS_DESIGNED)
    assert finding.what is What.UNKNOWN
    assert "hears" in finding.text


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("mgmt0", What.AS_DESIGNED),
        ("eth0", What.AS_DESIGNED),  # it has one cable, and calls its port as it likes
        ("mgmt1", What.MISPLACED),  # the same words, another number: another port
    ],
)
def test_a_port_may_be_called_otherwise_but_not_numbered_otherwise(
    design: Design, said: str, what: What
) -> None:
    """Read the far end's own words for its port."""
    rack = Rack(design)
    rack.plugs[End("mgmt_switch2", "swp3")] = End("nvlink_switch3", said)
    told, extras = rack.told()
    assert told[End("mgmt_switch2", "swp3"), End("nvlink_switch3", "mgmt0")] is what
    assert extras == set()


def test_the_management_port_of_a_switch_is_not_an_extra_cable(design: Design) -> None:
    """Leave the building's own network out of the rack's."""
    rack = Rack(design)
    rack.plugs[End("mgmt_switch1", "swp33")] = "building"
    rows = rack.rows("mgmt_switch1")
    renamed = {k: b"eth0" if v == b"swp33" else v for k, v in rows.items()}
    rack.rows = lambda switch: renamed if switch == "mgmt_switch1" else Rack(design).rows(switch)  # type: ignore[method-assign]
    assert rack.found().matches
