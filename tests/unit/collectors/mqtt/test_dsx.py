"""Points of a DSX bus: what metadata says, what a point is called, and what refuses it."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.mqtt.dsx import (
    Metadata,
    Named,
    Naming,
    Topic,
    read_metadata,
    read_value,
    split,
    word,
)
from collectors.mqtt.payload import PayloadError
from collectors.profile import load_profiles
from collectors.readings import Quality


@pytest.fixture(scope="module")
def naming() -> Naming:
    """Return the names of the shipped profile."""
    (profile,) = (p for p in load_profiles() if p.name == "dsx_bms")
    assert profile.mqtt is not None
    return Naming(profile.mqtt)


def described(object_type: str, point_type: str, **told: Any) -> Metadata:  # noqa: ANN401 -- JSON
    """Return metadata as the bus would send it."""
    topic = Topic("PUB", "Metadata", object_type, point_type, "t")
    return read_metadata(topic, {"objectType": object_type, "pointType": point_type, **told})


def named(naming: Naming, metadata: Metadata) -> Named:
    """Return what a point is; it must be something."""
    found = naming.name(metadata)
    assert isinstance(found, Named), found
    return found


NAMES = """
Rack RackLiquidFlow             | engUnit: LPM                                     | flow                     | flow
CDU LiquidTemperature           | engUnit: C, processArea: [Supply, SECONDARY]     | temperature/supply       | temperature
CDU LiquidTemperature           | engUnit: C, processArea: [Economizer, Air Inlet] | liquid_temperature/economizer/air_inlet | temperature
CDU LiquidTemperature           | engUnit: C, isSetpoint: true                     | setpoint/liquid_temperature | temperature
CDU PumpSpeed                   | engUnit: RPM, processArea: [Pump 2]              | pump/2/speed             | speed
CDU PumpSpeed                   | engUnit: "%", processArea: [PUMP-02]             | pump/2/speed             | ratio
CDU LeakDetect                  | stateText: [{value: 0, text: NoLeak}]            | leak                     | leak
CDU LiquidFlow                  | stateText: [{value: 1, text: Flow}]              | liquid_flow/state        | state
CDU GenericPoint                | engUnit: "%", processArea: [Reservoir, Level]    | level                    | level
Sensor AirRelativeHumidity      | engUnit: "%"                                     | air_humidity             | humidity
Sensor AirTemperature           | engUnit: °C                                      | air_temperature          | temperature
PowerMeter PhaseCurrent         | engUnit: A, phase: B                             | phase/2/current          | current
PowerMeter PhaseCurrent         | engUnit: A, phase: "3"                           | phase/3/current          | current
PowerMeter PowerFactor          | {}                                               | power_factor             | power_factor
PowerMeter Voltage              | engUnit: V                                       | voltage/line_to_line     | voltage
CDU LiquidTemperature           | engUnit: C, processArea: [Secondary, Supply, X]  | liquid_temperature/secondary/supply/x | temperature
CDU LiquidTemperature           | engUnit: C, stateText: []                        | liquid_temperature       | temperature
Tank GenericPoint               | engUnit: bar, processArea: [Dome]                | point/dome               | pressure
"""  # noqa: E501 -- a table


@pytest.mark.parametrize("line", NAMES.strip().splitlines())
def test_what_points_are_called(naming: Naming, line: str) -> None:
    """Areas decide, whatever their order and spelling; the unit decides what is measured.

    A flow that has states is a switch, no flow; a set point is never taken for a measurement.
    """
    point, told, name, quantity = (each.strip() for each in line.split("|"))
    given = yaml.safe_load(told if told == "{}" else f"{{{told}}}")
    found = named(naming, described(*point.split(), **given))

    assert (found.name, found.quantity.label) == (name, quantity)


@pytest.mark.parametrize(
    ("point", "told", "why"),
    [
        ("Rack RackLiquidFlow", {"engUnit": "kPa"}, "unit 'kPa' cannot measure flow"),
        ("CDU LiquidTemperature", {"engUnit": "furlong"}, "unit 'furlong' cannot measure"),
        ("CDU LiquidTemperature", {}, "neither engUnit nor stateText"),
        ("CDU LeakDetect", {"engUnit": "%"}, "unit '%' cannot measure leak"),
        ("Sensor Sound", {"engUnit": "dB"}, "Sensor Sound is not in the profile"),
    ],
)
def test_points_that_are_not_read_say_why(
    naming: Naming, point: str, told: dict[str, Any], why: str
) -> None:
    """A point whose unit does not fit is no channel, and is not guessed at."""
    assert why in str(naming.name(described(*point.split(), **told)))


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"engUnit": "C", "stateText": [{"value": 0, "text": "a"}]}, "unit_and_states"),
        ({"stateText": [{"value": "0", "text": "a"}]}, "bad_metadata"),
        ({"stateText": [{"value": 0}]}, "bad_metadata"),
        ({"stateText": [{"value": 1 << 40, "text": "a"}]}, "bad_metadata"),
        ({"stateText": {"0": "a"}}, "bad_metadata"),
        ({"objectType": "Rack"}, "metadata_of_another_point"),
    ],
)
def test_metadata_that_breaks_the_rules_is_refused(told: dict[str, Any], reason: str) -> None:
    """A unit and states together contradict each other; neither is believed."""
    with pytest.raises(PayloadError, match=reason):
        described("CDU", "LiquidTemperature", **told)


@pytest.mark.parametrize(
    ("texts", "dry", "wet"),
    [({0: "NoLeak", 1: "Leak"}, 0, 1), ({0: "LEAK", 1: "No Leak"}, 1, 0)],
)
def test_a_leak_is_read_by_its_words(
    naming: Naming, texts: dict[int, str], dry: int, wet: int
) -> None:
    """Which number means dry is what the bus says it is, the other way round too."""
    told = [{"value": value, "text": text} for value, text in texts.items()]
    found = named(naming, described("Rack", "RackLeakDetect", stateText=told))

    assert found.decoder.read(dry)[:2] == (0.0, Quality.GOOD)
    assert found.decoder.read(wet)[:2] == (1.0, Quality.GOOD)
    assert found.decoder.read(2)[1] == Quality.SENSOR_FAULT
    assert found.channel("leak", "t").states == {0: "dry", 1: "wet"}


def test_states_are_words_and_the_good_ones_are_known(naming: Naming) -> None:
    """A spec that wants a pump to be ok is served by one that is operating."""
    texts = enumerate(["NotOperating", "Operating", "?!"])
    told = [{"value": value, "text": text} for value, text in texts]
    found = named(naming, described("CDU", "Status", stateText=told, processArea=["Pump1"]))

    assert found.states == {0: "not_operating", 1: "operating", 2: "state_2"}
    assert found.good == {"operating"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@settings(max_examples=500)  # an empty list of states beside a unit took 3,000 to be thought of
@given(
    st.sampled_from(["LiquidTemperature", "Status", "GenericPoint", "PumpSpeed", "x"]),
    st.dictionaries(
        st.sampled_from(
            ["engUnit", "stateText", "processArea", "phase", "integration", "objectId"]
        ),
        json_values | st.lists(st.fixed_dictionaries({"value": json_values, "text": json_values})),
    ),
)
def test_any_metadata_is_named_or_refused(
    naming: Naming, point_type: str, told: dict[str, Any]
) -> None:
    """No message makes a channel whose name could not stand in a metric or a page."""
    try:
        found = naming.name(described("CDU", point_type, **told))
    except PayloadError:
        return
    if isinstance(found, Named):
        assert all(level and word(level) == level for level in found.name.split("/"))
        assert all(state and word(state) == state for state in found.states.values())


@given(st.binary(max_size=60) | json_values.map(lambda tree: json.dumps(tree).encode()))
def test_any_value_message_is_read_or_refused(payload: bytes) -> None:
    """A value message has three keys; anything else is none."""
    try:
        told = read_value(payload)
    except PayloadError:
        return
    assert told.time is None or told.time > 0


@given(st.text(max_size=30) | st.lists(st.text(max_size=3), max_size=9).map("/".join))
def test_any_topic_is_of_the_bus_or_not(topic: str) -> None:
    """What is taken apart is put together again."""
    assert split(topic) is None or topic.startswith("BMS/v1/")
    full = split(f"BMS/v1/PUB/Value/CDU/LiquidFlow/{topic}")
    assert full is not None
    assert full.tag == topic
