"""The `mqtt` part of a profile: every mistake is refused, at its line, before a broker is asked."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from collectors.document import DocumentError, parse
from collectors.mqtt.mapping import Availability, JsonChannel, JsonMessage, MqttProfile
from collectors.mqtt.source import Source, suits
from collectors.profile import load_profiles

DOCS = Path(__file__).parents[4] / "docs" / "mqtt.md"

JSON = """\
dialect: json
messages:
  - topic: site/{bay}/cdu/telemetry
    max_age: 20 s
    time: ts
    channels:
      temperature/supply: {field: d.T_sup.v, unit_field: d.T_sup.u, quantity: temperature}
      flow: {field: d.Flow.v, unit: m3/h, quantity: flow, range: [0, 400]}
      alarm: {field: d.Alarm, quantity: state, states: {0: ok}, good: [ok]}
availability: {topic: "site/{bay}/cdu/state", offline: offline}
"""
DSX = """\
dialect: dsx
points:
  Rack:
    RackLiquidFlow: {name: flow, quantity: flow, unit: L/min}
    RackLeakDetect: {name: leak, quantity: leak, words: {no_leak: dry, leak: wet}}
"""


def load(text: str) -> MqttProfile:
    """Read the `mqtt` part of a profile."""
    return parse(text, "p.yaml").validate(MqttProfile)


@pytest.mark.parametrize(
    ("good", "bad", "line", "said"),
    [
        ("unit: m3/h", "unit: bar", 8, "'bar' cannot measure flow"),
        ("unit: m3/h", "unit: furlong", 8, "'furlong' is unknown"),
        ("unit: m3/h, ", "", 8, "say `unit`, or `unit_field`"),
        ("quantity: flow", "quantity: flux", 8, "'flux' is unknown"),
        ("quantity: flow", "quantity: [flow, pressure]", 8, "want one quantity"),
        ("range: [0, 400]", "states: {0: low}", 8, "only a state or a leak"),
        ("good: [ok]", "good: [fine]", 9, "'fine' is not among `states`"),
        ("max_age: 20 s", "max_age: 20", 4, "such as 20 s"),
        ("max_age: 20 s", "max_age: 20 bar", 4, "cannot measure duration"),
        ("max_age: 20 s", "max_age: 0 s", 4, "greater than 0"),
        ("cdu/telemetry", "#/telemetry", 3, "# that is not its last level"),
        ("time: ts", "tiem: ts", 5, "unknown key"),
        ("alarm:", "Alarm!:", 9, "pattern"),
        ("dialect: json", "dialect: dsx", 1, "dialect dsx wants `points`"),
    ],
)
def test_a_mistake_is_told_with_its_line(good: str, bad: str, line: int, said: str) -> None:
    """Whoever writes a profile sees where, what, and what to write instead."""
    with pytest.raises(DocumentError) as caught:
        load(JSON.replace(good, bad, 1))

    assert any(said in p.text and p.line == line for p in caught.value.problems), caught.value


def test_a_channel_may_be_named_once() -> None:
    """Two messages that feed one channel would overwrite each other."""
    second = "  - {topic: b, max_age: 1 s, channels: {flow: {quantity: number}}}\navailability"

    with pytest.raises(DocumentError, match="channel 'flow' is in two messages"):
        load(JSON.replace("availability", second))


def test_the_states_of_a_leak_are_dry_and_wet() -> None:
    """A rule that calls them something else could never be judged."""
    with pytest.raises(DocumentError, match="called dry and wet"):
        load(DSX.replace("words", "states: {0: no, 1: yes_it_is}, words"))


def source(text: str, match: dict[str, str]) -> Source:
    """Make a source of a profile's `mqtt` part and a floor file's match."""
    return Source(profile="p", kind="cooling", vendor="v", mqtt=load(text), match=match)


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ({}, "tagPath is missing"),
        ({"objectType": "CDU"}, "tagPath is missing"),
        ({"tagPath": "a/#/b"}, "match.tagPath: topic 'a/#/b' has a #"),
        ({"tagPath": "a/#", "rack": "r1"}, "match.rack: unknown key; write one of tagPath"),
    ],
)
def test_a_match_that_cannot_tell_devices_apart_is_refused(
    match: dict[str, str], said: str
) -> None:
    """Without a tag path or an identifier, one device would be fed by all of the hall."""
    assert any(said in problem for problem in source(DSX, match).problems("bay-01/cdu"))


def test_a_match_fills_the_topics_of_json() -> None:
    """The bay's and the device's own names are known; others come from the floor file."""
    text = JSON.replace("{bay}/cdu", "{hall}/{bay}/{device}")

    assert source(text, {"hall": "h2"}).problems("bay-01/cdu") == []
    assert "{hall} is not known; give it in `match`" in source(text, {}).problems("bay-01/cdu")[0]
    assert source(JSON, {"hall": "h2"}).problems("bay-01/cdu") == [
        "match.hall: not a name in this profile's topics; remove it"
    ]
    assert source(DSX, {"rackLocationId": "R1", "objectType": "Rack"}).problems("b/rack") == []


def test_a_device_that_names_no_profile_is_known_by_its_topic() -> None:
    """The names in braces are read from the topic, for all other topics of the device too."""
    told = source(JSON, {"topic": "site/hall2-b7/cdu/telemetry"})

    assert suits(told.mqtt, "json", told.match)
    assert told.names("bay-01/cdu")["bay"] == "hall2-b7"
    assert told.problems("bay-01/cdu") == []
    assert not suits(told.mqtt, "json", {"topic": "site/a/b/cdu/telemetry"})
    assert not suits(told.mqtt, "dsx", told.match)
    assert suits(load(DSX), "dsx", {"tagPath": "a/#"})
    assert "match.topic: fits no topic" in source(JSON, {"topic": "x"}).problems("b/c")[0]


def test_the_example_of_the_documentation_loads(tmp_path: Path) -> None:
    """Whoever copies it has a profile that works."""
    (example,) = re.findall(r"```yaml\n(profile:.*?)```", DOCS.read_text(), re.DOTALL)
    (tmp_path / "my_gateway.yaml").write_text(example)

    (profile,) = load_profiles(tmp_path)

    assert profile.mqtt is not None
    assert [*profile.provides["cdu"].values()] == ["temperature/supply", "flow", "leak"]


@pytest.mark.parametrize("model", [JsonMessage, JsonChannel, Availability])
def test_every_key_is_documented(model: type[BaseModel]) -> None:
    """A key that is not in docs/mqtt.md does not exist for whoever writes a profile."""
    text = DOCS.read_text()

    assert [key for key in model.model_fields if not re.search(rf"\b{key}:|`{key}`", text)] == []
