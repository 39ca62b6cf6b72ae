"""What the Sparkplug 3.0 specification asserts of a host that listens, each by its id."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from collectors.mqtt.access import REORDER_S, Access
from collectors.mqtt.edge import AHEAD_MAX, split
from collectors.mqtt.edges import Edges
from collectors.mqtt.framing import SENT, Framing, PacketError
from collectors.mqtt.sparkplug import REBIRTH, Datatype, asks_for_births, command, read, rebirth
from collectors.readings import Quality
from collectors.twin.sparkplug import metric, payload
from tests.unit.collectors.mqtt.edge_node import MS, Edge

DOCS: Final = Path(__file__).parents[4] / "docs" / "sparkplug.md"
SHOWN: Final[set[str]] = set()  # every id that a test below stands for


@pytest.fixture
def tck(request: pytest.FixtureRequest) -> str:
    """Return the id that a test is run for."""
    found: str = request.param
    return found


def shows(*ids: str) -> Callable[[Callable[..., Any]], Any]:
    """Name a test by the assertions that it stands for."""
    named = [f"tck-id-{each}" for each in ids]
    SHOWN.update(named)
    marks = pytest.mark.usefixtures("tck"), pytest.mark.parametrize("tck", named, indirect=True)
    return lambda test: marks[0](marks[1](test))


ENDED: Final = "operational-behavior-edge-node-termination-host-action-"
ORDER: Final = "operational-behavior-host-reordering-"
COMMANDS: Final = "operational-behavior-data-commands-"


@shows(
    f"{ENDED}ndeath-node-offline",
    f"{ENDED}ndeath-node-tags-stale",
    f"{ENDED}ndeath-devices-offline",
    f"{ENDED}ndeath-devices-tags-stale",
)
def test_with_its_node_every_device_is_stale_at_once() -> None:
    """No value of the node or of any device of it is believed, from the moment of its death."""
    edge = Edge("cdu", "shelf", "")
    edge.birth(metric(edge.ms, 20.0, name="T", datatype=Datatype.DOUBLE, unit="°C"))
    assert [edge.device_birth(device=device) for device in ("cdu", "shelf")] == ["", ""]
    assert {v for d in ("cdu", "shelf", "") for v in edge.told(d).values()} == {
        20.0,
        40.0,
        700.0,
        0.0,
    }
    edge.now += 0.2
    assert edge.death() == ""
    for name in ("cdu", "shelf", ""):
        assert edge.devices[name].news
        assert set(edge.told(name).values()) == {Quality.STALE}


@shows(f"{ENDED}ddeath-devices-offline", f"{ENDED}ddeath-devices-tags-stale")
def test_a_device_that_died_is_stale_at_once_and_no_other_is() -> None:
    """The node lives, and so do its other devices."""
    edge = Edge("cdu", "shelf")
    edge.born()
    assert edge.say("DDEATH") == ""
    assert edge.devices["cdu"].news
    assert set(edge.told("cdu").values()) == {Quality.STALE}
    assert edge.told("shelf")["temperature"] == 40.0
    assert edge.tell(41.0) == "before_birth"
    assert edge.device_birth(42.0) == ""
    assert edge.told("cdu")["temperature"] == 42.0


@shows(f"{ORDER}start")
@pytest.mark.parametrize("missing", [1, AHEAD_MAX])
def test_a_message_out_of_turn_starts_a_time_in_which_nothing_is_believed(missing: int) -> None:
    """As many as may overtake each other are waited for."""
    edge = Edge()
    edge.born()
    assert edge.tell(41.0, skip=missing) == "out_of_turn"
    assert set(edge.told().values()) == {Quality.STALE}
    edge.now += REORDER_S - 0.1
    edge.told()
    assert edge.node.wanting == ""


@shows(f"{ORDER}param")
def test_for_how_long_a_missing_message_is_waited_for_can_be_set() -> None:
    """For each broker."""
    edge = Edge()
    edge.edges = Edges(reorder_s=10.0)
    edge.device = edge.devices["cdu"] = edge.watch("cdu")
    edge.born()
    late = payload(edge.ms, [metric(edge.ms, 41.0, alias=1)], 2)
    edge.tell(42.0, skip=1)
    edge.now += 9.0
    assert edge.hear("DDATA", late, device="cdu") == ""
    assert edge.told()["temperature"] == 42.0


@shows(f"{ORDER}rebirth")
def test_when_the_time_is_over_a_birth_is_wanted() -> None:
    """It is asked for where the floor file allows that, and only once for all devices."""
    edge = Edge("cdu", "shelf")
    edge.born()
    assert list(edge.edges.asking(edge.now)) == []
    edge.tell(41.0, skip=1)
    edge.now += REORDER_S
    assert list(edge.edges.asking(edge.now)) == [(edge.node, "gap")]
    assert list(edge.edges.asking(edge.now)) == []
    assert set(edge.told("shelf").values()) == {Quality.STALE}


@shows(f"{ORDER}success")
def test_when_what_was_missing_comes_all_goes_on() -> None:
    """In the order in which it was said, and as if nothing had been."""
    edge = Edge()
    edge.born()
    late = payload(edge.ms, [metric(edge.ms, 41.0, alias=1)], 2)
    assert edge.tell(42.0, skip=1) == "out_of_turn"
    edge.now += REORDER_S - 0.1
    assert edge.hear("DDATA", late, device="cdu") == ""
    assert edge.told()["temperature"] == 42.0
    edge.now += REORDER_S
    assert edge.tell(43.0) == ""
    assert edge.told()["temperature"] == 43.0


@shows(
    "payloads-sequence-num-incrementing",
    "topics-ndata-seq-num",
    "topics-ddata-seq-num",
    "payloads-ddata-seq-inc",
)
def test_after_number_255_comes_number_0() -> None:
    """Three times round, and no message is missed."""
    edge = Edge()
    edge.born()
    for turn in range(3 * 256):
        assert edge.tell(float(turn % 90)) == ""
    assert edge.told()["temperature"] == float(767 % 90)


@shows("payloads-sequence-num-always-included", "payloads-dbirth-seq", "payloads-ddata-seq")
def test_a_message_without_a_number_cannot_be_placed() -> None:
    """So it makes the node unknown."""
    edge = Edge()
    edge.born()
    assert edge.hear("DDATA", payload(edge.ms, []), device="cdu") == "no_seq"
    assert set(edge.told().values()) == {Quality.STALE}


@shows("payloads-ndeath-seq", "topics-ndeath-seq")
def test_a_death_has_no_number() -> None:
    """It is the broker that publishes it."""
    edge = Edge()
    edge.born()
    assert edge.death() == ""


@shows("payloads-nbirth-bdseq", "payloads-nbirth-bdseq-repeat", "payloads-ndeath-bdseq")
@pytest.mark.parametrize("session", [0, 7, 255])
def test_a_death_is_of_the_birth_with_its_number(session: int) -> None:
    """That of an earlier session comes late, when a broker misses the node's old connection."""
    edge = Edge()
    edge.born(session=session)
    edge.now += 1.0
    edge.born(41.0, session=(session + 1) % 256)
    assert edge.death(session) == "older_session"
    assert edge.told()["temperature"] == 41.0
    assert edge.death((session + 1) % 256) == ""
    assert set(edge.told().values()) == {Quality.STALE}


@shows("topics-ndeath-payload")
def test_a_death_of_a_session_that_was_never_seen_makes_the_node_unknown() -> None:
    """We missed its birth, so we do not know what lives."""
    edge = Edge()
    edge.born(session=3)
    assert edge.death(5) == "unknown_session"
    assert set(edge.told().values()) == {Quality.STALE}
    assert edge.node.wanting == "unknown_session"


@shows(
    "message-flow-device-birth-publish-nbirth-wait",
    "payloads-dbirth-order",
    "payloads-ndata-order",
    "payloads-ddata-order",
)
def test_nothing_is_believed_before_the_birth_of_the_node() -> None:
    """Nor data of a device before its own; it is wanted then."""
    edge = Edge("cdu", "shelf")
    assert edge.device_birth() == "before_birth"
    assert edge.node.wanting == "not_born"
    edge.birth()
    assert edge.tell(40.0) == "before_birth"
    assert edge.told("cdu") == {}
    assert edge.node.wanting == "not_born"
    edge.now += 1.0
    edge.born()
    assert edge.told("cdu") == edge.told("shelf") != {}


@shows("topics-nbirth-mqtt", "payloads-dbirth-retain", "payloads-ddata-retain")
@pytest.mark.parametrize("kind", ["NBIRTH", "DBIRTH", "DDATA", "NDEATH"])
def test_what_a_broker_kept_is_not_taken(kind: str) -> None:
    """Nobody can say how old it is; it changes nothing."""
    edge = Edge()
    edge.born()
    device = "cdu" if kind.startswith("D") else ""
    data = payload(edge.ms, [edge.session(0)], 9)
    assert edge.hear(kind, data, device=device, retained=True) == "retained"
    assert edge.told()["temperature"] == 40.0


@shows("payloads-alias-birth-requirement", "payloads-alias-data-cmd-requirement")
def test_data_tell_by_alias_what_births_name() -> None:
    """An alias that no birth named makes the node unknown: it is not guessed."""
    edge = Edge("cdu", "shelf")
    edge.born()
    assert edge.tell(41.0) == ""
    assert edge.say("DDATA", metric(edge.ms, 42.0, alias=99)) == "unknown_alias"
    assert set(edge.told("cdu").values()) == set(edge.told("shelf").values()) == {Quality.STALE}
    assert edge.node.wanting == "unknown_alias"


@shows("payloads-alias-uniqueness")
def test_a_birth_that_gives_an_alias_twice_is_refused() -> None:
    """Of what its data are, nobody could say."""
    edge = Edge()
    edge.birth()
    twice = [metric(edge.ms, 1.0, name=n, alias=1, datatype=Datatype.DOUBLE) for n in ("T", "U")]
    assert edge.say("DBIRTH", *twice) == "bad_birth"
    assert edge.told() == {}


@shows("payloads-name-requirement")
def test_a_metric_without_alias_is_told_by_its_name() -> None:
    """In births and in data; one that no birth named is not taken, and the others are."""
    edge = Edge()
    edge.birth()
    edge.say("DBIRTH", metric(edge.ms, 40.0, name="T", datatype=Datatype.DOUBLE, unit="degC"))
    assert edge.say("DDATA", metric(edge.ms, 41.0, name="T")) == ""
    new = metric(edge.ms, 5.0, name="new", datatype=Datatype.DOUBLE)
    assert edge.say("DDATA", new, metric(edge.ms, 42.0, name="T")) == "unknown_metric"
    assert edge.told() == {"temperature": 42.0}
    assert (
        edge.say("DBIRTH", metric(edge.ms, 40.0, alias=7, datatype=Datatype.DOUBLE)) == "bad_birth"
    )


@shows("case-sensitivity-metric-names")
def test_names_that_differ_by_case_are_two() -> None:
    """Only the one of the profile is read."""
    edge = Edge()
    edge.birth()
    both = [
        metric(edge.ms, v, name=n, datatype=Datatype.DOUBLE) for n, v in (("T", 4.0), ("t", 5.0))
    ]
    edge.say("DBIRTH", metric(edge.ms, 700.0, name="psu1/W", datatype=Datatype.DOUBLE), *both)
    assert edge.device.unread == {
        "T": "has no unit, and temperature needs one",
        "t": "is not in the profile",
    }


@shows(
    "case-sensitivity-sparkplug-ids",
    "topic-structure-namespace-duplicate-device-id-across-edge-node",
)
def test_devices_of_one_name_at_two_nodes_are_two() -> None:
    """So are nodes whose names differ by case."""
    edge = Edge()
    others = [edge.watch("cdu", node) for node in ("BAY", "other")]
    edge.born()
    assert edge.told()["temperature"] == 40.0
    assert [each.channels for each in others] == [(), ()]
    assert len(edge.edges.nodes) == 3


@shows(
    "topic-structure",
    "topic-structure-namespace-a",
    "topic-structure-namespace-device-id-associated-message-types",
)
@pytest.mark.parametrize(
    "topic",
    [
        "spBv1.0/hall/NBIRTH/bay/cdu",
        "spBv1.0/hall/DDATA/bay",
        "spBv1.0/hall/DDATA/bay/cdu/x",
        "spAv1.0/hall/DDATA/bay/cdu",
        "spBv1.0/hall/NCMD/bay",
        "spBv1.0/hall/DCMD/bay/cdu",
        "spBv1.0/STATE/host",
        "spBv1.0",
        "",
    ],
)
def test_only_topics_of_births_data_and_deaths_are_heard(topic: str) -> None:
    """With as many levels as their kind has."""
    assert split(topic) is None


@shows("payloads-metric-datatype-value", "payloads-metric-datatype-req")
@pytest.mark.parametrize(
    ("told", "said"),
    [
        (None, "has no type that is known"),
        (0, "has no type that is known"),
        (99, "has no type that is known"),
        (Datatype.TEMPLATE, "is a template; name its members as metrics of their own"),
        (Datatype.DATASET, "is a data set, not one value"),
        (Datatype.FILE, "is a file, not one value"),
        (30, "is an array, not one value"),
    ],
)
def test_a_metric_that_is_no_single_value_is_refused_by_name(told: int | None, said: str) -> None:
    """It is listed as not read, and the others of its birth are."""
    edge = Edge()
    edge.birth()
    odd = metric(edge.ms, 1.0, name="T", datatype=told)  # type: ignore[arg-type] # on purpose
    sound = metric(edge.ms, 700.0, name="psu1/W", datatype=Datatype.DOUBLE)
    assert edge.say("DBIRTH", odd, sound) == ""
    assert edge.device.unread == {"T": said}
    assert edge.told() == {"psu/1/power": 700.0}


@shows(
    "payloads-name-birth-data-requirement",
    "payloads-timestamp-in-UTC",
)
def test_a_value_without_a_time_that_can_be_right_is_unknown() -> None:
    """In ms since 1970, of a message just sent, and not before an earlier one."""
    edge = Edge()
    edge.born()
    for wrong in (0, int(edge.ms / 1000), edge.ms + 120_000, edge.ms - 1):
        edge.now += 1.0
        assert edge.say("DDATA", metric(wrong, 41.0, alias=1)) == "clock"
        assert edge.told()["temperature"] == Quality.CLOCK
    assert edge.tell(43.0) == ""
    assert edge.told()["temperature"] == 43.0


@shows("operational-behavior-data-publish-dbirth-values")
def test_null_is_unknown() -> None:
    """In a birth as in data."""
    edge = Edge()
    edge.birth()
    edge.say(
        "DBIRTH", metric(edge.ms, None, name="T", alias=1, datatype=Datatype.DOUBLE, unit="degC")
    )
    assert edge.told() == {"temperature": Quality.SENTINEL}
    edge.tell(41.0)
    edge.say("DDATA", metric(edge.ms, None, alias=1))
    assert edge.told() == {"temperature": Quality.SENTINEL}


@shows("operational-behavior-data-publish-dbirth")
def test_a_birth_tells_all_that_there_is() -> None:
    """What it leaves out is gone, what is new is there."""
    edge = Edge()
    edge.born()
    assert [*edge.told()] == ["temperature", "psu/2/power", "state"]
    edge.say(
        "DBIRTH", metric(edge.ms, 1.5, name="psu3/W", alias=9, datatype=Datatype.DOUBLE, unit="kW")
    )
    assert edge.device.bind(edge.now)
    assert edge.told() == {"psu/3/power": 1500.0}


@shows(
    f"{COMMANDS}ncmd-verb",
    f"{COMMANDS}ncmd-metric-name",
    f"{COMMANDS}ncmd-metric-value",
    f"{COMMANDS}ncmd-rebirth-verb",
    f"{COMMANDS}ncmd-rebirth-name",
    f"{COMMANDS}ncmd-rebirth-value",
    "topics-ncmd-topic",
    "topics-ncmd-timestamp",
    "topics-ncmd-payload",
    "payloads-ncmd-timestamp",
    "payloads-ncmd-seq",
    "payloads-name-cmd-requirement",
    "payloads-metric-datatype-not-req",
)
def test_the_one_command_asks_for_births() -> None:
    """Of the node, by name, true, with a time and without a number."""
    assert command("hall", "bay") == "spBv1.0/hall/NCMD/bay"
    told = read(rebirth(MS), counted=False)
    assert (told.time, told.seq, len(told.metrics)) == (MS, None, 1)
    (only,) = told.metrics
    assert (only.name, only.value(only.datatype)) == (REBIRTH, True)


@shows("topics-ncmd-mqtt", "payloads-ncmd-qos", "payloads-ncmd-retain")
@pytest.mark.parametrize("first", [0x31, 0x32, 0x33, 0x34, 0x38])
def test_a_command_is_sent_at_most_once_and_kept_by_nobody(first: int) -> None:
    """Nothing else may leave through the socket, even where asking is allowed."""
    topic = command("hall", "bay").encode()
    body = len(topic).to_bytes(2) + topic + rebirth(MS)
    sound = bytes((0x30, len(body))) + body
    Framing(SENT, frozenset(), allowed=asks_for_births).see(sound * 2)
    with pytest.raises(PacketError):
        Framing(SENT, frozenset(), allowed=asks_for_births).see(bytes((first,)) + sound[1:])
    with pytest.raises(PacketError):
        Framing(SENT, frozenset()).see(sound)


@shows(
    "message-flow-phid-sparkplug-clean-session-311", "message-flow-phid-sparkplug-clean-session-50"
)
def test_a_connection_begins_anew() -> None:
    """No session is kept unless a floor file says so, and for Sparkplug it may not."""
    assert Access().session_s == 0.0
    assert not Edge().device.source.dated


def test_the_manual_tells_which_assertions_are_tested() -> None:
    """Those, and no others."""
    told = DOCS.read_text().partition("## Assertions that are tested")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(tck-id-[\w-]+)`", told)) == SHOWN
