"""Devices are bound by what profiles provide; what does not fit stays unknown, and says so."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.burnin.binding import Columns, bind
from agent.burnin.design import Design
from collectors.quantity import Quantity
from collectors.readings import Channel

PDU = """
roles:
  feed:
    count: 1
    channels:
      power: {q: power, fail: max 12 kW}
      current: {q: current, per: phase 2, fail: max 30 A}
      breaker: {q: state, fail: is closed}
      ok: {q: state, fail: is ok}
      leak: {q: leak, trip: is dry, gap: 9 s, latched: true}
      load: {q: level, fail: max 80 %}
"""
PROVIDES = {"feed": {"current[phase{n}]": "inlet/1/line/{n}/current", "power": "inlet/1/power"}}


def test_patterns_names_and_the_floor_files_map_find_channels(
    small: Callable[[str], Design],
) -> None:
    """The map goes before the profile, the profile before a name that happens to be the same."""
    design = small(PDU)
    names = ["inlet/1/power", "power", "mine", "inlet/1/line/1/current", "current[phase2]"]
    channels = [
        Channel(name, Quantity.CURRENT if "current" in name else Quantity.POWER, "oid")
        for name in names
    ]

    def found(named: dict[str, str]) -> dict[str, str]:
        """Bind, and say what serves what."""
        pairs = bind(design, "feed", channels, PROVIDES, named).pairs
        return {design.channels[p.place].name: names[p.column] for p in pairs}

    assert found({}) == {
        "power": "inlet/1/power",
        "current[phase1]": "inlet/1/line/1/current",
        "current[phase2]": "current[phase2]",
    }
    assert found({"power": "mine"})["power"] == "mine"
    assert "power" not in found({"power": "nothing"})


def test_a_port_is_found_as_cabled_or_as_devices_spell_it(rack: Design) -> None:
    """`Ethernet1/1` in a cabling is `ethernet1-1` in a channel's name."""
    provides = {"port": {"rx_power[{port},lane{n}]": "port/{port}/lane/{n}/rx"}}
    plain = Channel("port/swp49/lane/3/rx", Quantity.OPTICAL_POWER, "oid")

    (pair,) = bind(rack, "mgmt_switch1", [plain], provides, {}).pairs

    assert rack.channels[pair.place].name == "rx_power[swp49,lane3]"


@pytest.mark.parametrize(
    ("name", "channel", "about"),
    [
        ("power", Channel("power", Quantity.CURRENT, "oid"), "cannot measure power"),
        ("power", Channel("power", Quantity.APPARENT_POWER, "oid"), "cannot measure power"),
        ("load", Channel("load", Quantity.STATE, "oid"), "a state, not a level"),
        ("load", Channel("load", Quantity.COUNT, "oid"), "a count, not a level"),
        ("breaker", Channel("breaker", Quantity.CURRENT, "oid"), "a current, not a state"),
        (
            "breaker",
            Channel("breaker", Quantity.STATE, "oid", states={1: "on", 2: "tripped"}),
            "no state is closed; the device has on, tripped",
        ),
        ("ok", Channel("ok", Quantity.STATE, "oid"), "none with a name"),
    ],
)
def test_what_does_not_fit_is_said_by_name_and_not_bound(
    small: Callable[[str], Design], name: str, channel: Channel, about: str
) -> None:
    """A channel that measures something else proves nothing about this one."""
    bound = bind(small(PDU), "feed", [channel], {}, {})

    assert not bound.pairs
    (problem,) = bound.problems
    assert problem.startswith(f"{name}: ")
    assert about in problem


@pytest.mark.parametrize(
    ("spec_name", "channel", "inside"),
    [
        ("breaker", Channel("", Quantity.STATE, "", states={0: "open", 1: "Closed"}), {1}),
        ("breaker", Channel("", Quantity.STATE, "", states={3: "closed", 7: "CLOSED"}), {3, 7}),
        (
            "ok",
            Channel(
                "",
                Quantity.STATE,
                "",
                states={-1: "absent", 2: "normal", 3: "standby", 4: "fail"},
                good_states=frozenset({"normal", "standby"}),
            ),
            {2, 3},
        ),
        ("ok", Channel("", Quantity.STATE, "", states={1: "OK", 2: "bad"}), {1}),
        ("leak", Channel("", Quantity.LEAK, ""), {0}),
        ("leak", Channel("", Quantity.LEAK, "", states={0: "dry", 1: "wet"}), {0}),
        (
            "leak",
            Channel(
                "",
                Quantity.LEAK,
                "",
                states={4: "normal", 11: "alarmed"},
                good_states=frozenset({"normal"}),
            ),
            {4},
        ),
        ("leak", Channel("", Quantity.STATE, "", states={1: "wet", 2: "Dry"}), {2}),
    ],
)
def test_states_are_compared_by_name(
    small: Callable[[str], Design], spec_name: str, channel: Channel, inside: set[int]
) -> None:
    """Each device has its own numbers; every number that is not inside is outside."""
    design = small(PDU)
    named = replace(channel, name=spec_name)
    bound = bind(design, "feed", [named], {}, {})
    columns = Columns(design.places["feed"], bound.pairs, 1)
    (place,) = [n for n, c in enumerate(design.channels) if c.name == spec_name]
    numbers = [*range(-3, 13), 2**31, -(2**31), 2**34, 2**35 + 1, 2**60, 0.5, np.nan, np.inf]

    for number in numbers:
        with np.errstate(invalid="ignore"):
            left = columns.convert(np.full(len(columns.columns), number))[place]
        assert (left == 0) == (number in inside), number


def test_a_speed_is_compared_with_the_cabling(rack: Design) -> None:
    """A switch that reports Mbit/s is held to the 1G or 100G of its cable."""
    channels = [
        Channel("port/swp1/speed", Quantity.NUMBER, "oid"),
        Channel("port/swp49/speed", Quantity.NUMBER, "oid"),
    ]
    provides = {"port": {"speed[{port}]": "port/{port}/speed"}}

    slow, fast = bind(rack, "mgmt_switch1", channels, provides, {}).pairs

    assert slow.allowed[1] == frozenset({1000})
    assert fast.allowed[1] == frozenset({100_000})


def test_values_are_converted_between_quantities_of_one_dimension(
    small: Callable[[str], Design],
) -> None:
    """A fraction of 0.75 from one device is a level of 75 % here."""
    design = small(PDU)
    bound = bind(design, "feed", [Channel("load", Quantity.POWER_FACTOR, "oid")], {}, {})

    (pair,) = bound.pairs

    assert 0.75 * pair.scale + pair.offset == 75.0
    assert "power" in bound.missing


@given(st.dictionaries(st.integers(-5, 300), st.sampled_from(["ok", "bad", "odd"]), min_size=1))
def test_a_number_without_a_name_is_outside(
    small: Callable[[str], Design], states: dict[int, str]
) -> None:
    """A state that the profile does not know is never taken for a good one."""
    design = small(PDU)
    bound = bind(design, "feed", [Channel("ok", Quantity.STATE, "oid", states=states)], {}, {})
    if not bound.pairs:
        assert "ok" not in states.values()
        return
    columns = Columns(design.places["feed"], bound.pairs, 1)
    place = bound.pairs[0].place

    for number in range(-6, 302):
        left = columns.convert(np.full(len(columns.columns), float(number)))[place]
        assert (left == 0) == (states.get(number) == "ok")
